//! Published confidence sequences for the mean of bounded values, over a list that is kept.
//!
//! Owns the yardsticks that `sequence` is measured against: empirical Bernstein with predictable stakes
//! and with a conjugate mixture, and hedged capital. Knows no stream.

use super::number::boundary;
use statrs::function::gamma::{gamma_lr, ln_gamma};

/// Predictable stakes λ_t = √(2 ln(1/α) / (t ln(1 + t) σ²_{t−1})), t σ² being a sum of squares, with means that begin at ½ and a variance
/// that begins at ¼ (Waudby-Smith, Ramdas 2023, eq. 26, <https://doi.org/10.1093/jrsssb/qkad009>).
fn stakes(values: impl Iterator<Item = f64>, alpha: f64) -> impl Iterator<Item = (f64, f64)> {
    let (mut t, mut total, mut squares) = (0.0, 0.5, 0.25);
    values.map(move |x| {
        t += 1.0;
        let stake = (-2.0 * alpha.ln() / (f64::ln_1p(t) * squares)).sqrt();
        total += x;
        squares += (x - total / (t + 1.0f64)).powi(2);
        (x, stake)
    })
}

/// One minus each value, to turn a lower bound into an upper one.
fn mirrored(values: &[f64]) -> Vec<f64> {
    values.iter().map(|x| 1.0 - x).collect()
}

/// Values in \[0, 1\], at least one, and 0 < alpha < 1.
fn sound(values: &[f64], alpha: f64) -> bool {
    !values.is_empty() && values.iter().all(|x| (0.0..=1.0).contains(x)) && alpha > 0.0 && alpha < 1.0
}

/// The empirical-Bernstein sequence with predictable stakes, at the last value (Waudby-Smith, Ramdas
/// 2023, Thm. 2). Values in \[0, 1\]; `None` without values or outside the ranges.
pub fn empirical_bernstein(values: &[f64], alpha: f64) -> Option<[f64; 2]> {
    let lower = |values: &[f64]| {
        let (mut t, mut sum, mut weighted, mut stakes_sum, mut variance) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (x, stake) in stakes(values.iter().copied(), alpha / 2.0) {
            let stake = stake.min(0.5);
            let mean = if t > 0.0 { sum / t } else { 0.0 };
            weighted += stake * x;
            stakes_sum += stake;
            variance += (x - mean).powi(2) * (-(-stake).ln_1p() - stake);
            sum += x;
            t += 1.0;
        }
        (weighted - (2.0 / alpha).ln() - variance) / stakes_sum
    };
    let ends = || [lower(values).max(0.0), (1.0 - lower(&mirrored(values))).min(1.0)];
    sound(values, alpha).then(ends)
}

/// The empirical-Bernstein sequence with a gamma-exponential mixture tuned to the variance sum `v_opt`
/// (Howard, Ramdas, McAuliffe, Sekhon 2021, Prop. 9 and Thm. 4, <https://doi.org/10.1214/20-AOS1991>), with
/// `alpha` / 2 on each side. Values in \[0, 1\]; `None` without values or outside the ranges.
pub fn conjugate_mixture(values: &[f64], alpha: f64, v_opt: f64) -> Option<[f64; 2]> {
    let lower = |values: &[f64]| {
        let (mut n, mut sum, mut variance) = (0.0, 0.0, 0.0);
        for x in values {
            let mean: f64 = if n > 0.0 { sum / n } else { 0.5 };
            variance += (x - mean).powi(2);
            sum += x;
            n += 1.0;
        }
        let below = |s: f64| log_gamma_exponential(s * n, variance, v_opt, alpha / 2.0) < (2.0 / alpha).ln();
        // A mean is 1 at most, so a larger margin says nothing more.
        let margin = if below(1.0) { 1.0 } else { boundary(0.0, 1.0, below)[1] };
        sum / n - margin
    };
    let ends = || [lower(values).max(0.0), (1.0 - lower(&mirrored(values))).min(1.0)];
    (sound(values, alpha) && v_opt > 0.0 && v_opt.is_finite()).then(ends)
}

/// ln of the gamma-exponential mixture with c = 1 at sum s and variance sum v.
fn log_gamma_exponential(s: f64, v: f64, v_opt: f64, alpha: f64) -> f64 {
    let twice = -2.0 * (2.0 * alpha).ln();
    let rho = v_opt / (twice + twice.ln_1p());
    let log_lower = |a: f64, x: f64| gamma_lr(a, x).ln();
    let leading = rho * rho.ln() - ln_gamma(rho) - log_lower(rho, rho);
    leading + ln_gamma(v + rho) + log_lower(v + rho, s + v + rho) - (v + rho) * (s + v + rho).ln() + s + v
}

/// Hedged capital on a grid of `breaks` candidate means: m is kept while both halves of the capital, up
/// and down, stay at 2/α at most; the ends are one step of the grid outside what is kept (Waudby-Smith,
/// Ramdas 2023, Thm. 3, stakes at most ½ of what ruins). Values in \[0, 1\]; `None` without values, outside
/// the ranges, or without a grid.
pub fn hedged_capital(values: &[f64], alpha: f64, breaks: u32) -> Option<[f64; 2]> {
    if !sound(values, alpha) || breaks == 0 {
        return None;
    }
    let bets: Vec<(f64, f64)> = stakes(values.iter().copied(), alpha / 2.0).collect();
    let threshold = (2.0 / alpha).ln();
    let keeps = |m: f64| {
        let (mut up, mut down) = (0.0, 0.0);
        for (x, stake) in &bets {
            up += (stake.min(0.5 / m) * (x - m)).ln_1p();
            down += (-stake.min(0.5 / (1.0 - m)) * (x - m)).ln_1p();
        }
        up <= threshold && down <= threshold
    };
    let step = 1.0 / f64::from(breaks);
    // The two ends can't be bet against with a bounded stake: kept unless a value contradicts them.
    let kept = |k: &u32| match *k {
        0 => values.iter().all(|x| *x <= 0.0),
        k if k == breaks => values.iter().all(|x| *x >= 1.0),
        k => keeps(f64::from(k) * step),
    };
    let (first, last) = ((0..=breaks).find(kept), (0..=breaks).rev().find(kept));
    let outward = |first: u32, last: u32| [f64::from(first) - 1.0, f64::from(last) + 1.0].map(|k| k * step);
    Some(first.zip(last).map_or([0.0, 1.0], |(a, b)| outward(a, b).map(|end| end.clamp(0.0, 1.0))))
}

#[cfg(test)]
mod tests {
    use super::super::sequence::Sequence;
    use super::*;
    use crate::stats::bernoulli_sequence::robbins;
    use crate::stats::number::{count, number};
    use crate::stats::rng::Rng;

    /// The positions of numpy.random.default_rng(0).random(2000) < 0.04.
    const HITS: [usize; 90] = [
        3, 11, 13, 20, 92, 111, 113, 150, 196, 269, 333, 340, 365, 403, 504, 523, 569, 600, 608, 632, 657, 673, 675,
        701, 744, 777, 781, 813, 833, 836, 850, 855, 873, 919, 921, 935, 993, 1_000, 1_060, 1_094, 1_135, 1_140, 1_148,
        1_155, 1_185, 1_214, 1_249, 1_255, 1_271, 1_273, 1_291, 1_308, 1_327, 1_328, 1_344, 1_351, 1_368, 1_372, 1_379,
        1_431, 1_441, 1_446, 1_460, 1_502, 1_504, 1_526, 1_555, 1_562, 1_607, 1_616, 1_621, 1_676, 1_678, 1_683, 1_706,
        1_772, 1_776, 1_802, 1_808, 1_813, 1_815, 1_825, 1_839, 1_871, 1_895, 1_915, 1_920, 1_945, 1_966, 1_995,
    ];

    fn reference() -> Vec<f64> {
        let mut values = vec![0.0; 2_000];
        HITS.iter().for_each(|at| values[*at] = 1.0);
        values
    }

    fn mean(values: &[f64]) -> f64 {
        values.iter().sum::<f64>() / number(count(values.len()))
    }

    fn same(got: Option<[f64; 2]>, want: [f64; 2], tolerance: f64) {
        let got = got.unwrap();
        assert!((got[0] - want[0]).abs() < tolerance && (got[1] - want[1]).abs() < tolerance, "{got:?} {want:?}");
    }

    #[test]
    fn the_numbers_of_the_reference() {
        let values = reference();
        same(empirical_bernstein(&values, 0.05), [0.025_69, 0.057_44], 0.51e-5);
        // The reference halves α twice, and was tuned to 2,000 · 0.04 · 0.96.
        same(conjugate_mixture(&values, 0.025, 76.8), [0.027_85, 0.062_15], 0.51e-5);
        same(hedged_capital(&values, 0.05, 1_000), [0.030, 0.057], 1e-9);
    }

    #[test]
    fn no_data_is_none() {
        assert_eq!(empirical_bernstein(&[], 0.05), None);
        assert_eq!(conjugate_mixture(&[0.5, f64::NAN], 0.05, 1.0), None);
        assert_eq!(conjugate_mixture(&[0.5], 0.05, 0.0), None);
        assert_eq!(hedged_capital(&[0.5, 1.5], 0.05, 100), None);
        assert_eq!(hedged_capital(&[0.5], 0.05, 0), None);
        assert_eq!(hedged_capital(&[0.5], 0.05, 10), Some([0.0, 1.0]));
    }

    #[test]
    fn the_streaming_sequence_is_as_narrow_as_the_best_of_them() {
        // Medians of nine seeds. The streaming sequence may be 5 % wider than the best published one per
        // output from 2,000 on, and must be narrower on block means.
        let median = |mut widths: Vec<f64>| {
            widths.sort_unstable_by(f64::total_cmp);
            widths[widths.len() / 2]
        };
        for (n, block, room) in
            [(200, 1, 1.2), (2_000, 1, 1.05), (20_000, 1, 1.05), (2_000, 50, 1.0), (20_000, 50, 1.0)]
        {
            let mut widths: [Vec<f64>; 5] = Default::default();
            for seed in 0..9 {
                let mut rng = Rng::new(seed);
                let outputs: Vec<f64> = (0..n).map(|_| f64::from(u8::from(rng.uniform() < 0.02))).collect();
                let values: Vec<f64> = outputs.chunks(block).map(mean).collect();
                let mut sequence = Sequence::default();
                values.iter().for_each(|x| sequence.update(*x));
                let hits = outputs.iter().filter(|x| **x > 0.0).count();
                // Robbins is for single outputs only.
                let robbins = if block == 1 { robbins(count(hits), count(n), 0.05) } else { Some([0.0, 1.0]) };
                let all = [
                    sequence.interval(0.05),
                    robbins,
                    empirical_bernstein(&values, 0.05),
                    conjugate_mixture(&values, 0.05, if block == 1 { 20.0 } else { 0.1 }),
                    hedged_capital(&values, 0.05, 2_000),
                ];
                for (list, ends) in widths.iter_mut().zip(all) {
                    let [low, high] = ends.unwrap();
                    list.push(high - low);
                }
            }
            let [ours, published @ ..] = widths.map(median);
            println!("n {n}, block {block}: streaming {ours:.4}; Robbins, EB, conjugate, hedged {published:.4?}");
            let best = published.into_iter().fold(1.0, f64::min);
            assert!(ours <= best * room, "n {n}, block {block}: {ours}, best published {best}");
        }
    }
}
