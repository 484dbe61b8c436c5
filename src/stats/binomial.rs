//! Exact binomial and multinomial random counts, for simulation.
//!
//! Owns the two samplers. Knows no statistic. Nothing that decides on an output may use it.

use super::number::number;
use super::rng::Rng;

/// From this mean on rejection is used instead of inversion.
const REJECTION_MIN: f64 = 10.0;

/// A count of successes in `n` trials with probability `p`, 0 ≤ p ≤ 1. Exact, not an approximation.
pub fn binomial(rng: &mut Rng, n: u64, p: f64) -> u64 {
    if p > 0.5 {
        return n - binomial(rng, n, 1.0 - p);
    }
    if n == 0 || p <= 0.0 {
        return 0;
    }
    if number(n) * p < REJECTION_MIN { by_inversion(rng, n, p) } else { by_rejection(rng, n, p) }
}

/// Counts up the distribution function from 0 (Kachitvichyanukul, Schmeiser 1988, algorithm BINV,
/// <https://doi.org/10.1145/42372.42381>).
fn by_inversion(rng: &mut Rng, n: u64, p: f64) -> u64 {
    let odds = p / (1.0 - p);
    loop {
        let mut mass = (number(n) * (-p).ln_1p()).exp();
        let mut rest = rng.uniform();
        for k in 0..n {
            if rest < mass {
                return k;
            }
            rest -= mass;
            mass *= odds * number(n - k) / number(k + 1);
            // Past the last probability that a number of 53 bits can fall upon: draw anew.
            if mass < 1e-18 && number(k) > number(n) * p {
                break;
            }
        }
        if rest < mass {
            return n;
        }
    }
}

/// Transformed rejection with a squeeze (Hörmann 1993, algorithm BTRS,
/// <https://doi.org/10.1080/00949659308811496>), for n p ≥ 10 and p ≤ ½.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be within 0 and n")]
fn by_rejection(rng: &mut Rng, n: u64, p: f64) -> u64 {
    let trials = number(n);
    let deviation = (trials * p * (1.0 - p)).sqrt();
    let b = 1.15 + 2.53 * deviation;
    let a = -0.0873 + 0.0248 * b + 0.01 * p;
    let centre = trials * p + 0.5;
    let squeeze = 0.92 - 4.2 / b;
    loop {
        let u = rng.uniform() - 0.5;
        let v = rng.uniform();
        let inside = 0.5 - u.abs();
        let place = (2.0 * a / inside + b) * u + centre;
        // Not below 0, so that cutting off the fraction is the floor.
        if place < 0.0 || place >= trials + 1.0 {
            continue;
        }
        if inside >= 0.07 && v <= squeeze {
            return place as u64;
        }
        let k = place.floor();
        let scale = (2.83 + 5.1 / b) * deviation;
        let height = (v * scale / (a / (inside * inside) + b)).ln();
        let mode = ((trials + 1.0) * p).floor();
        let at_mode = ln_factorial(mode) + ln_factorial(trials - mode);
        let here = ln_factorial(k) + ln_factorial(trials - k);
        if height <= at_mode - here + (k - mode) * (p / (1.0 - p)).ln() {
            return k as u64;
        }
    }
}

/// ln k! of a whole number: products for small ones, Stirling's series (Abramowitz, Stegun 1964, 6.1.41)
/// with an error below 10⁻¹¹ for the others.
fn ln_factorial(k: f64) -> f64 {
    if k < 16.0 {
        let (mut product, mut factor) = (1.0, 2.0);
        while factor <= k {
            product *= factor;
            factor += 1.0;
        }
        return f64::ln(product);
    }
    let (inverse, half_ln_tau) = (1.0 / k, 0.918_938_533_204_672_8);
    let square = inverse * inverse;
    let series = inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1_260.0 - square / 1_680.0)));
    (k + 0.5) * k.ln() - k + half_ln_tau + series
}

/// How `n` outputs fall on the columns with these `shares` (any scale), one conditional binomial a
/// column (Davis 1993, <https://doi.org/10.1016/0167-9473(93)90115-A>). `counts` is filled.
pub fn multinomial(rng: &mut Rng, n: u64, shares: &[f64], counts: &mut [u64]) {
    let (mut left, mut share_left) = (n, shares.iter().sum::<f64>());
    let last = shares.iter().rposition(|share| *share > 0.0);
    for (column, (share, count)) in shares.iter().zip(counts.iter_mut()).enumerate() {
        let all = Some(column) == last;
        *count = if all { left } else { binomial(rng, left, (share / share_left).clamp(0.0, 1.0)) };
        left -= *count;
        share_left -= share;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::distance::chi_squared;
    use statrs::distribution::{Binomial, Discrete};

    #[test]
    fn edges() {
        let mut rng = Rng::new(1);
        for (n, p, want) in [(0, 0.5, 0), (7, 0.0, 0), (7, 1.0, 7), (1_000_000, 0.0, 0), (1_000_000, 1.0, 1_000_000)] {
            assert_eq!(binomial(&mut rng, n, p), want);
        }
        let mut counts = [9; 3];
        multinomial(&mut rng, 100, &[0.0, 2.0, 0.0], &mut counts);
        assert_eq!(counts, [0, 100, 0]);
    }

    #[test]
    fn factorials() {
        for k in [0u64, 1, 2, 7, 15, 16, 17, 40, 1_000, 1_000_000] {
            let want = statrs::function::factorial::ln_factorial(k);
            assert!((ln_factorial(number(k)) - want).abs() <= 1e-10 * want.max(1.0), "{k}");
        }
    }

    #[test]
    fn frequencies_fit_the_probabilities() {
        // Goodness of fit by χ² on the cells with an expected count of 10 and more. The p-value is
        // uniform: below 1e-4 once in 10,000 seeds, and there are five cases.
        const DRAWS: u64 = 200_000;
        for (seed, n, p) in [(1, 20, 0.3), (2, 1_000, 0.004), (3, 40, 0.4), (4, 1_000, 0.7), (5, 100_000, 0.002)] {
            let mut rng = Rng::new(seed);
            let mut seen = vec![0u64; usize::try_from(n).unwrap() + 1];
            (0..DRAWS).for_each(|_| seen[usize::try_from(binomial(&mut rng, n, p)).unwrap()] += 1);
            let law = Binomial::new(p, n).unwrap();
            let (mut statistic, mut cells) = (0.0, 0);
            for (k, observed) in seen.iter().enumerate() {
                let expected = number(DRAWS) * law.pmf(k as u64);
                if expected >= 10.0 {
                    statistic += (number(*observed) - expected).powi(2) / expected;
                    cells += 1;
                } else {
                    assert!(*observed < 60, "{k} of {n} at {p}: seen {observed} times");
                }
            }
            let p_value = statrs::function::gamma::gamma_ur(f64::from(cells - 1) / 2.0, statistic / 2.0);
            assert!(p_value > 1e-4, "n {n} p {p}: χ² {statistic} on {cells} cells");
        }
    }

    #[test]
    fn columns_get_their_shares() {
        let shares = [0.5, 0.2, 0.2, 0.05, 0.05];
        let mut counts = [0; 5];
        multinomial(&mut Rng::new(3), 1_000_000, &shares, &mut counts);
        assert_eq!(counts.iter().sum::<u64>(), 1_000_000);
        let expected = [50_000_000, 20_000_000, 20_000_000, 5_000_000, 5_000_000];
        assert!(chi_squared(&expected, &counts).unwrap().p_value > 1e-3, "{counts:?}");
    }
}
