//! All distances of a current sample from a pinned reference, each beside what no drift would give.
//!
//! Owns the bins and the preparation of a reference. Decides nothing: drift is judged by a detector
//! against a declared tolerance, these numbers are shown.

use super::bridge::{PERMUTED_MAX, area, limit_law, permuted};
use super::distance::{chi_squared, jensen_shannon, psi, total_variation};
use super::no_drift::{Expected, no_drift};
use super::number::{count, number};
use super::sample::{NotFinite, Sample, compare};
use serde::{Deserialize, Serialize};

/// Bins of a numeric reference, at its own deciles.
pub const BINS: u64 = 10;

/// A distance and what it would be without drift.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Distance {
    /// The distance.
    pub value: f64,
    /// What it would be without drift, at these numbers of rows and bins.
    pub no_drift: Expected,
}

/// The distances of two lists of counts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CountDistances {
    /// Population stability index, 0.5 added to every cell.
    pub psi: Distance,
    /// Jensen–Shannon distance, base 2, 0 to 1.
    pub jensen_shannon: Distance,
    /// Total variation, 0 to 1.
    pub total_variation: Distance,
    /// Pearson's χ² statistic for two samples.
    pub chi_squared: Distance,
    /// Columns that hold anything, less one.
    pub degrees: u32,
    /// Of χ², for one look.
    pub p_value: f64,
}

/// The distances of two samples of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Distances {
    /// Rows of the reference.
    pub reference: u64,
    /// Rows of the current sample.
    pub current: u64,
    /// sup |F − G|, 0 to 1, from the rows themselves.
    pub kolmogorov_smirnov: Distance,
    /// Of Kolmogorov–Smirnov, for one look.
    pub ks_p_value: f64,
    /// Wasserstein-1 in the unit of the values, from the rows themselves.
    pub wasserstein: Distance,
    /// On the deciles of the reference.
    pub bins: CountDistances,
}

/// The distances of two lists of counts, such as outputs by category. `None` when a list is empty.
pub fn count_distances(reference: &[u64], current: &[u64]) -> Option<CountDistances> {
    let expected = no_drift(reference, current)?;
    let chi = chi_squared(reference, current)?;
    Some(CountDistances {
        psi: Distance { value: psi(reference, current)?, no_drift: expected.psi },
        jensen_shannon: Distance { value: jensen_shannon(reference, current)?, no_drift: expected.jensen_shannon },
        total_variation: Distance { value: total_variation(reference, current)?, no_drift: expected.total_variation },
        chi_squared: Distance { value: chi.statistic, no_drift: expected.chi_squared },
        degrees: chi.degrees,
        p_value: chi.p_value,
    })
}

/// A reference sample, sorted and binned once.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    sample: Sample,
    edges: Vec<f64>,
    counts: Vec<u64>,
    /// Median and limit of ∫ |B(F)| dx for a Brownian bridge B: see `bridge`.
    area: Expected,
}

impl Prepared {
    /// Sorts a reference and puts its bins at its deciles: bin j holds e_{j−1} < x ≤ e_j. Where values
    /// repeat, deciles that are equal are one, so there may be fewer bins. `None` without values.
    ///
    /// # Errors
    /// [`NotFinite`] where a value is NaN or infinite.
    pub fn new(values: &[f64]) -> Result<Option<Self>, NotFinite> {
        let sample = Sample::new(values)?;
        let sorted = sample.values();
        if sorted.is_empty() {
            return Ok(None);
        }
        let at = |decile: u64| (count(sorted.len()) * decile).div_ceil(BINS).max(1) - 1;
        let mut edges: Vec<f64> =
            (1..BINS).filter_map(|decile| sorted.get(usize::try_from(at(decile)).ok()?).copied()).collect();
        edges.dedup_by(|a, b| a <= b);
        let counts = bin(&sample, &edges);
        let area = area(sorted);
        Ok(Some(Self { sample, edges, counts, area }))
    }

    /// Upper ends of all bins but the last, which has none.
    pub fn edges(&self) -> &[f64] {
        &self.edges
    }

    /// Rows of the reference in each bin.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }
}

fn bin(sample: &Sample, edges: &[f64]) -> Vec<u64> {
    let below = edges.iter().map(|edge| sample.at_most(*edge)).chain([sample.values().len()]);
    let mut before = 0;
    below.map(|below| count(below - std::mem::replace(&mut before, below))).collect()
}

/// All distances of `current` from the reference. `None` without current rows.
///
/// Without drift the distances on bins are simulated as exact counts; the other two by permutation up to
/// 1,000 rows in all, and by their limit law above.
///
/// # Errors
/// [`NotFinite`] where a value is NaN or infinite.
pub fn report(reference: &Prepared, current: &[f64]) -> Result<Option<Distances>, NotFinite> {
    let current = Sample::new(current)?;
    let counts = bin(&current, &reference.edges);
    let compared = compare(&reference.sample, &current);
    let Some(((ks, wasserstein), bins)) = compared.zip(count_distances(&reference.counts, &counts)) else {
        return Ok(None);
    };
    let (a, b) = (reference.sample.values(), current.values());
    let (n, m) = (count(a.len()), count(b.len()));
    let no_drift = if a.len() + b.len() <= PERMUTED_MAX {
        permuted(Sample::new(&[a, b].concat())?.values(), a.len())
    } else {
        limit_law(reference.area, number(n), number(m))
    };
    Ok(Some(Distances {
        reference: n,
        current: m,
        kolmogorov_smirnov: Distance { value: ks.statistic, no_drift: no_drift.kolmogorov_smirnov },
        ks_p_value: ks.p_value,
        wasserstein: Distance { value: wasserstein, no_drift: no_drift.wasserstein },
        bins,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::rng::Rng;
    use proptest::prelude::*;

    fn rows(rng: &mut Rng, n: usize, value: impl Fn(&mut Rng) -> f64) -> Vec<f64> {
        (0..n).map(|_| value(rng)).collect()
    }

    #[test]
    fn edges_of_the_input() {
        assert_eq!(Prepared::new(&[]), Ok(None));
        assert_eq!(Prepared::new(&[0.0, f64::NAN]), Err(NotFinite(1)));
        let one = Prepared::new(&[3.0]).unwrap().unwrap();
        assert_eq!(one.counts(), [1, 0]);
        assert_eq!(report(&one, &[]), Ok(None));
        assert_eq!(report(&one, &[f64::INFINITY]), Err(NotFinite(0)));
        let got = report(&one, &[3.0, 3.0]).unwrap().unwrap();
        assert!(got.wasserstein.value.abs() < 1e-15 && got.bins.psi.value.is_finite());
        let far = report(&one, &[4.0]).unwrap().unwrap().kolmogorov_smirnov;
        // Two rows can't show drift, however far apart.
        assert!(far.value > 0.999 && !far.no_drift.exceeded_by(far.value));
    }

    #[test]
    fn bins_are_the_deciles() {
        let values: Vec<f64> = (1..=1_000).rev().map(f64::from).collect();
        let prepared = Prepared::new(&values).unwrap().unwrap();
        assert_eq!(prepared.counts(), [100; 10]);
        assert!((prepared.edges()[0] - 100.0).abs() < 1e-12 && (prepared.edges()[8] - 900.0).abs() < 1e-12);
        // Nine of ten values are 0: one bin for them, one for the rest.
        let values: Vec<f64> = (0..1_000).map(|k| f64::from(u8::from(k % 10 == 0))).collect();
        assert_eq!(Prepared::new(&values).unwrap().unwrap().counts(), [900, 100]);
    }

    /// How often each of the six values is above its limit without drift.
    fn false_alarms(n: usize, m: usize, runs: u32, value: impl Fn(&mut Rng) -> f64) -> [f64; 6] {
        let mut rng = Rng::new(11);
        let mut above = [0u32; 6];
        for _ in 0..runs {
            let reference = Prepared::new(&rows(&mut rng, n, &value)).unwrap().unwrap();
            let got = report(&reference, &rows(&mut rng, m, &value)).unwrap().unwrap();
            let bins = got.bins;
            let all = [got.kolmogorov_smirnov, got.wasserstein, bins.psi, bins.jensen_shannon];
            let all = all.into_iter().chain([bins.total_variation, bins.chi_squared]);
            for (count, distance) in above.iter_mut().zip(all) {
                *count += u32::from(distance.no_drift.exceeded_by(distance.value));
            }
        }
        above.map(|count| f64::from(count) / f64::from(runs))
    }

    #[test]
    fn limits_are_rarely_exceeded_without_drift() {
        // Nominal 0.5 %; 400 runs have a standard error of 0.35 %, so 2.5 % is almost six of them.
        let lognormal = |rng: &mut Rng| rng.normal().exp();
        for (n, m) in [(60, 40), (1_000, 300)] {
            let rates = false_alarms(n, m, 400, lognormal);
            assert!(rates.iter().all(|rate| *rate <= 0.025), "{rates:?}");
        }
    }

    /// `cargo test --release --lib drift_report -- --ignored --nocapture`: a minute.
    #[test]
    #[ignore = "10,000 repetitions a case"]
    fn measured_false_alarms() {
        for (n, m) in [(200, 100), (900, 200)] {
            println!("normal {n} {m}: {:?}", false_alarms(n, m, 10_000, Rng::normal));
            println!("lognormal {n} {m}: {:?}", false_alarms(n, m, 10_000, |rng: &mut Rng| rng.normal().exp()));
        }
    }

    #[test]
    fn a_shift_is_above_every_limit() {
        let mut rng = Rng::new(5);
        let reference = Prepared::new(&rows(&mut rng, 2_000, Rng::normal)).unwrap().unwrap();
        let got = report(&reference, &rows(&mut rng, 2_000, |rng| rng.normal() + 0.3)).unwrap().unwrap();
        let bins = got.bins;
        for distance in [got.kolmogorov_smirnov, got.wasserstein, bins.psi, bins.jensen_shannon, bins.chi_squared] {
            assert!(distance.no_drift.exceeded_by(distance.value), "{got:?}");
        }
        assert!(bins.total_variation.value > 0.05 && got.ks_p_value < 1e-6 && bins.p_value < 1e-6);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn any_order_gives_the_same_bytes(mut values in proptest::collection::vec(-1e9f64..1e9, 2..200)) {
            let reference = Prepared::new(&values).unwrap().unwrap();
            let half = values.len() / 2;
            let one = report(&reference, &values[..half]).unwrap();
            values[..half].reverse();
            let mut turned = values.clone();
            turned.rotate_left(half);
            let again = Prepared::new(&turned).unwrap().unwrap();
            prop_assert_eq!(format!("{one:?}"), format!("{:?}", report(&again, &values[..half]).unwrap()));
        }
    }
}
