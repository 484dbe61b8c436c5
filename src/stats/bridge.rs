//! What Kolmogorov–Smirnov and Wasserstein-1 would be without drift.
//!
//! Owns the permutations for few values and the limit law for many. Knows no bins; seeds are fixed, so
//! the same values give the same limits.

use super::no_drift::{Expected, FALSE_ALARMS, REPETITIONS, expected};
use super::number::{count, number};
use super::rng::Rng;
use super::sample::kolmogorov_quantile;

/// Up to so many values in both samples together, labels are permuted: exact, and 10 ms at most.
pub(super) const PERMUTED_MAX: usize = 1_000;
/// Pieces of the support on which the limit law is simulated.
const PIECES: usize = 64;

/// Both distances without drift.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Unbinned {
    pub(super) kolmogorov_smirnov: Expected,
    pub(super) wasserstein: Expected,
}

/// From the values of both samples together, ascending, of which `n` are the reference's: which of them
/// are is drawn anew each time. Without drift all choices are equally likely, so the limits hold for any
/// law of the values, ties and long tails included (Pitman 1937, <https://doi.org/10.2307/2984124>).
/// Both samples hold at least one value.
pub(super) fn permuted(pooled: &[f64], n: usize) -> Unbinned {
    let m = pooled.len() - n;
    let scale = 1.0 / (number(count(n)) * number(count(m)));
    let (up, down) = (number(count(m)), number(count(n)));
    let mut rng = Rng::new(0x7065_726d);
    let (mut suprema, mut areas) = (Vec::new(), Vec::new());
    for _ in 0..REPETITIONS {
        let (mut left, mut gap, mut largest, mut area) = (down, 0.0f64, 0.0f64, 0.0);
        for (at, value) in pooled.iter().enumerate() {
            // The chance that the next value is one of the reference's, given how many are left.
            let rest = number(count(pooled.len() - at));
            if rng.uniform() * rest < left {
                left -= 1.0;
                gap += up;
            } else {
                gap -= down;
            }
            let width = pooled.get(at + 1).map_or(0.0, |next| next - value);
            area += gap.abs() * width;
            largest = largest.max(if width > 0.0 { gap.abs() } else { 0.0 });
        }
        suprema.push(largest * scale);
        areas.push(area * scale);
    }
    Unbinned { kolmogorov_smirnov: expected(suprema, FALSE_ALARMS), wasserstein: expected(areas, FALSE_ALARMS) }
}

/// From the limit law: √(n m / (n + m)) · KS tends to sup |B| and √(n m / (n + m)) · W₁ to ∫ |B(F)| dx for a
/// Brownian bridge B (del Barrio, Giné, Matrán 1999, <https://doi.org/10.1214/aop/1022677394>). `area` is
/// what [`area`] says of the reference.
pub(super) fn limit_law(area: Expected, n: f64, m: f64) -> Unbinned {
    let scale = (1.0 / n + 1.0 / m).sqrt();
    let scaled = |unit: Expected| Expected { median: unit.median * scale, limit: unit.limit * scale };
    let supremum = Expected { median: kolmogorov_quantile(0.5), limit: kolmogorov_quantile(FALSE_ALARMS) };
    Unbinned { kolmogorov_smirnov: scaled(supremum), wasserstein: scaled(area) }
}

/// Median and limit of ∫ |B(F)| dx over the support of sorted values, by seeded simulation of the bridge at
/// [`PIECES`] places. Each piece of the support is weighted with its ∫ √(F (1 − F)) dx, so that a long tail
/// within a piece counts as much as it varies.
pub(super) fn area(sorted: &[f64]) -> Expected {
    let n = number(count(sorted.len()));
    let mut weights = [0.0; PIECES];
    for (step, pair) in sorted.windows(2).enumerate() {
        let f = number(count(step + 1)) / n;
        weights[(step + 1) * PIECES / sorted.len()] += (f * (1.0 - f)).sqrt() * (pair[1] - pair[0]);
    }
    let places = number(count(PIECES));
    let middle = |piece: usize| (number(count(piece)) + 0.5) / places;
    let mut rng = Rng::new(0x6272_6964);
    let values = (0..REPETITIONS).map(|_| {
        let (mut walk, mut at) = ([0.0; PIECES], rng.normal() * (0.5 / places).sqrt());
        for step in &mut walk {
            *step = at;
            at += rng.normal() * (1.0 / places).sqrt();
        }
        // The walk at 1 is half a piece beyond the last middle.
        let end = walk[PIECES - 1] + rng.normal() * (0.5 / places).sqrt();
        let terms = walk.iter().zip(&weights).enumerate().map(|(piece, (w, weight))| {
            let u = middle(piece);
            weight * (w - u * end).abs() / (u * (1.0 - u)).sqrt()
        });
        terms.sum()
    });
    expected(values.collect(), FALSE_ALARMS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_agree_on_many_values() {
        // Uniform values: ∫ |B| du has median 0.29 and 99.5 % quantile 0.86 or so; the two simulations have
        // a standard error of about 4 % at the limit.
        let values: Vec<f64> = (0..1_000).map(|k| f64::from(k) / 1_000.0).collect();
        let (one, other) = (permuted(&values, 500), limit_law(area(&values), 500.0, 500.0));
        let close = |a: f64, b: f64, by: f64| assert!((a / b - 1.0).abs() < by, "{a} {b}");
        close(one.wasserstein.median, other.wasserstein.median, 0.08);
        close(one.wasserstein.limit, other.wasserstein.limit, 0.15);
        close(one.kolmogorov_smirnov.median, other.kolmogorov_smirnov.median, 0.08);
        close(one.kolmogorov_smirnov.limit, other.kolmogorov_smirnov.limit, 0.15);
    }

    #[test]
    fn ties_and_a_single_pair() {
        let same = permuted(&[2.0; 10], 4);
        assert!(same.kolmogorov_smirnov.limit.abs() < 1e-15 && same.wasserstein.limit.abs() < 1e-15);
        let pair = permuted(&[1.0, 3.0], 1);
        assert!((pair.kolmogorov_smirnov.median - 1.0).abs() < 1e-15 && (pair.wasserstein.limit - 2.0).abs() < 1e-15);
        assert!(area(&[1.0]).limit.abs() < 1e-15);
    }
}
