//! An interval for a quantile that holds at every look, from counts alone: for latencies.
//!
//! Owns the ranks between which the quantile must lie, and their look-up in a histogram. Stores no
//! sample and knows no unit.

use super::bernoulli_sequence::{log_mixture, tuned};
use super::number::number;

/// The ranks (1 is the smallest of n values) between which a quantile lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ranks {
    /// The quantile is at least the value of this rank; `None`: no lower end yet.
    pub low: Option<u64>,
    /// The quantile is at most the value of this rank; `None`: no upper end yet.
    pub high: Option<u64>,
}

/// The ranks for the `p`-quantile (0 < p < 1) of `n` values at level 1 − `alpha`, at every n together.
///
/// How many values lie below the quantile is a sum of indicators with mean p, so a beta-binomial
/// mixture bounds it at all times at once; the values of the bounding ranks bound the quantile (Howard,
/// Ramdas 2022, Thm. 1, <https://doi.org/10.3150/21-BEJ1388>). Tuned to be narrow at `t_opt` ≥ 1 values.
/// With ties it holds as well: give each value that equals the quantile a random part of its mass.
/// `None` with n = 0 or outside the ranges.
pub fn ranks(n: u64, p: f64, alpha: f64, t_opt: f64) -> Option<Ranks> {
    let inside = |x: f64| x > 0.0 && x < 1.0;
    let sound = inside(p) && inside(alpha) && t_opt >= 1.0 && t_opt.is_finite();
    if n == 0 || !sound {
        return None;
    }
    let prior = tuned(p, t_opt, alpha);
    let possible = |below: u64| log_mixture(number(below), number(n), p, prior) < -alpha.ln();
    // The mixture is convex in the count with its least value near n p: search from there outwards.
    let middle = middle(n, p);
    let fewest = first(0, middle, possible);
    // The least number of impossible counts at the top.
    let most = n - first(0, n - middle, |from_top| possible(n - from_top));
    Some(Ranks { low: (fewest > 0).then_some(fewest), high: (most < n).then_some(most + 1) })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and n")]
fn middle(n: u64, p: f64) -> u64 {
    ((number(n) * p).round() as u64).min(n)
}

/// The first k in `from..=to` for which a condition that stays true holds; `to` where none before does.
fn first(mut from: u64, mut to: u64, holds: impl Fn(u64) -> bool) -> u64 {
    while from < to {
        let middle = from + (to - from) / 2;
        if holds(middle) { to = middle } else { from = middle + 1 }
    }
    from
}

/// The interval for the `p`-quantile of values that only a histogram remembers: `at_most(x)` is how many
/// of the `n` values are at most x, `largest` is the largest value. An end that can't be given yet is
/// `None`. The histogram's own rounding is added to both ends. `None` as for [`ranks`].
pub fn quantile(
    n: u64,
    p: f64,
    alpha: f64,
    t_opt: f64,
    largest: u64,
    at_most: impl Fn(u64) -> u64,
) -> Option<[Option<u64>; 2]> {
    let ranks = ranks(n, p, alpha, t_opt)?;
    let value = |rank: u64| first(0, largest, |x| at_most(x) >= rank);
    Some([ranks.low.map(value), ranks.high.map(value)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::latency::histogram;
    use crate::stats::rng::Rng;
    use proptest::prelude::*;

    #[test]
    fn no_data_is_none() {
        assert_eq!(ranks(0, 0.5, 0.05, 1_000.0), None);
        for (p, alpha, t_opt) in [(0.0, 0.05, 9.0), (1.0, 0.05, 9.0), (0.5, 0.0, 9.0), (0.5, 0.05, 0.0)] {
            assert_eq!(ranks(10, p, alpha, t_opt), None);
        }
        // Two values say nothing on a 99 % quantile.
        assert_eq!(ranks(2, 0.99, 0.05, 1_000.0), Some(Ranks { low: None, high: None }));
    }

    #[test]
    fn the_ranks_are_the_last_possible_counts() {
        let (n, p, alpha) = (5_000, 0.95, 0.05);
        let got = ranks(n, p, alpha, 1_000.0).unwrap();
        let out = |below: u64| log_mixture(number(below), number(n), p, tuned(p, 1_000.0, alpha)) >= -alpha.ln();
        let (low, high) = (got.low.unwrap(), got.high.unwrap());
        assert!(out(low - 1) && !out(low) && !out(high - 1) && out(high));
        // Three standard errors √(n p q) = 15.4 or so to each side.
        assert!((4_695..4_715).contains(&low) && (4_785..4_805).contains(&high), "{low} {high}");
    }

    #[test]
    fn the_quantile_is_inside_at_every_look() {
        // At most 5 % of the runs may miss it at any of 2,000 looks; 200 runs have a standard error of
        // 1.5 %. Values are whole numbers with ties: P(X ≤ x) = 1 − 0.9^(x + 1).
        let mut rng = Rng::new(5);
        let mut missed = 0u32;
        for _ in 0..200 {
            let mut counts = histogram::<u32>();
            let (mut n, mut out) = (0, false);
            for _ in 0..2_000 {
                let x = ((1.0 - rng.uniform()).ln() / 0.9f64.ln()).floor();
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
                counts.record(x as u64).unwrap();
                n += 1;
                if n % 10 == 0 {
                    // The 90 % quantile: the first x with 1 − 0.9^(x + 1) ≥ 0.9 is 21.
                    let [low, high] =
                        quantile(n, 0.9, 0.05, 500.0, counts.max(), |x| counts.count_between(0, x)).unwrap();
                    out |= low.is_some_and(|low| low > 21) || high.is_some_and(|high| high < 21);
                }
            }
            missed += u32::from(out);
        }
        assert!(missed <= 22, "{missed} of 200 runs");
    }

    proptest! {
        #[test]
        fn ends_are_around_the_sample_quantile(mut values in proptest::collection::vec(0u64..500, 1..300), p in 0.01f64..0.99) {
            let at_most = |x: u64| values.iter().filter(|value| **value <= x).count() as u64;
            let largest = *values.iter().max().unwrap();
            let [low, high] = quantile(values.len() as u64, p, 0.05, 100.0, largest, at_most).unwrap();
            values.sort_unstable();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
            let sample = values[((number(values.len() as u64) * p) as usize).min(values.len() - 1)];
            prop_assert!(low.is_none_or(|low| low <= sample) && high.is_none_or(|high| high >= sample), "{low:?} {sample} {high:?}");
        }
    }
}
