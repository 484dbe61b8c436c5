//! The distances against scipy: `tests/golden/distances.json`, made by `scripts/golden`.

use andon::stats::distance::{chi_squared, jensen_shannon, total_variation};
use andon::stats::sample::{Sample, compare, wasserstein_binned};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    counts: Vec<Counts>,
    samples: Vec<Samples>,
}

#[derive(Deserialize)]
struct Counts {
    name: String,
    reference: Vec<u64>,
    current: Vec<u64>,
    support: Vec<f64>,
    chi_squared: f64,
    degrees: u32,
    p_value: f64,
    jensen_shannon: f64,
    total_variation: f64,
    wasserstein: f64,
}

#[derive(Deserialize)]
struct Samples {
    name: String,
    reference: Vec<f64>,
    current: Vec<f64>,
    kolmogorov_smirnov: f64,
    p_value: f64,
    wasserstein: f64,
}

const GOLDEN: &str = include_str!("../golden/distances.json");

/// Within 1e-9 of scipy, relative.
fn same(name: &str, what: &str, got: f64, scipy: f64) {
    assert!((got - scipy).abs() <= 1e-9 * scipy.abs() + 1e-300, "{name}: {what} is {got}, scipy says {scipy}");
}

#[test]
fn distances_of_counts_are_those_of_scipy() {
    let golden: Golden = serde_json::from_str(GOLDEN).unwrap();
    for case in golden.counts {
        let (name, a, b) = (case.name.as_str(), &case.reference, &case.current);
        let test = chi_squared(a, b).unwrap();
        same(name, "χ²", test.statistic, case.chi_squared);
        same(name, "the p-value", test.p_value, case.p_value);
        assert_eq!(test.degrees, case.degrees, "{name}");
        same(name, "Jensen–Shannon", jensen_shannon(a, b).unwrap(), case.jensen_shannon);
        same(name, "total variation", total_variation(a, b).unwrap(), case.total_variation);
        #[expect(clippy::cast_precision_loss, reason = "small counts")]
        let weights = |counts: &[u64]| counts.iter().map(|count| *count as f64).collect::<Vec<_>>();
        let binned = wasserstein_binned(&case.support, &weights(a), &weights(b)).unwrap();
        same(name, "Wasserstein on bins", binned, case.wasserstein);
    }
}

#[test]
fn distances_of_samples_are_those_of_scipy() {
    let golden: Golden = serde_json::from_str(GOLDEN).unwrap();
    for case in golden.samples {
        let sample = |values: &[f64]| Sample::new(values).unwrap();
        let (test, wasserstein) = compare(&sample(&case.reference), &sample(&case.current)).unwrap();
        same(&case.name, "Kolmogorov–Smirnov", test.statistic, case.kolmogorov_smirnov);
        same(&case.name, "the p-value", test.p_value, case.p_value);
        same(&case.name, "Wasserstein", wasserstein, case.wasserstein);
    }
}
