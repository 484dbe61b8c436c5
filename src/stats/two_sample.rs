//! How often the two-sample tests cry wolf: their false positives, measured by simulation.
//!
//! Owns the measurement that shows the p-values right. Knows no stream; `andon calibrate` prints it.

use super::binomial::multinomial;
use super::distance::chi_squared;
use super::number::number;
use super::rng::Rng;
use super::sample::{Sample, compare};
use serde::Serialize;

/// Rows of the reference in every case.
pub const REFERENCE: u32 = 1_000;
/// Rows of the current sample.
pub const CURRENT: [u32; 3] = [200, 1_000, 5_000];
/// Categories of the χ² cases.
pub const CATEGORIES: [u32; 3] = [3, 8, 20];
/// The nominal rate of false positives.
pub const NOMINAL: f64 = 0.05;

/// One measured rate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measured {
    /// `chi_squared` or `kolmogorov_smirnov`.
    pub test: &'static str,
    /// What both samples were drawn from.
    pub from: String,
    /// Rows of the reference.
    pub reference: u32,
    /// Rows of the current sample.
    pub current: u32,
    /// Share of the repetitions with p ≤ [`NOMINAL`].
    pub false_positives: f64,
    /// Of that share.
    pub standard_error: f64,
}

/// The false positives of Pearson's χ² (uniform and Zipf shares) and of Kolmogorov–Smirnov (uniform
/// values) where both samples are from the same law. `repetitions` ≥ 1 a case; 4,000 have a standard
/// error of 0.34 %. The same seed gives the same numbers.
pub fn false_positives(repetitions: u32, seed: u64) -> Vec<Measured> {
    let mut rng = Rng::new(seed);
    let mut measured = Vec::new();
    for categories in CATEGORIES {
        let laws = [("uniform", 0.0), ("zipf", 1.0)];
        for (name, power) in laws {
            let shares: Vec<f64> = (1..=categories).map(|rank| f64::from(rank).powf(-power)).collect();
            for current in CURRENT {
                let hits = (0..repetitions).filter(|_| chi_squared_cries(&mut rng, &shares, current)).count();
                measured.push(of("chi_squared", format!("{categories} {name}"), current, hits, repetitions));
            }
        }
    }
    for current in CURRENT {
        let hits = (0..repetitions).filter(|_| ks_cries(&mut rng, current)).count();
        measured.push(of("kolmogorov_smirnov", "uniform".into(), current, hits, repetitions));
    }
    measured
}

fn of(test: &'static str, from: String, current: u32, hits: usize, repetitions: u32) -> Measured {
    let rate = number(hits as u64) / f64::from(repetitions.max(1));
    let standard_error = (rate * (1.0 - rate) / f64::from(repetitions.max(1))).sqrt();
    Measured { test, from, reference: REFERENCE, current, false_positives: rate, standard_error }
}

fn chi_squared_cries(rng: &mut Rng, shares: &[f64], current: u32) -> bool {
    let (mut a, mut b) = (vec![0; shares.len()], vec![0; shares.len()]);
    multinomial(rng, u64::from(REFERENCE), shares, &mut a);
    multinomial(rng, u64::from(current), shares, &mut b);
    chi_squared(&a, &b).is_some_and(|test| test.p_value <= NOMINAL)
}

fn ks_cries(rng: &mut Rng, current: u32) -> bool {
    // KS sees ranks only, so uniform values stand for every law without ties.
    let mut rows = |n: u32| Sample::new(&(0..n).map(|_| rng.uniform()).collect::<Vec<_>>());
    match (rows(REFERENCE), rows(current)) {
        (Ok(a), Ok(b)) => compare(&a, &b).is_some_and(|(test, _)| test.p_value <= NOMINAL),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn false_positives_are_near_the_nominal_rate() {
        // The bar is 3.5 % to 6.5 %; 4,000 repetitions have a standard error of 0.34 %.
        let all = false_positives(4_000, 1);
        assert_eq!(all.len(), 21);
        for case in &all {
            assert!((0.035..=0.065).contains(&case.false_positives), "{case:?}");
        }
    }
}
