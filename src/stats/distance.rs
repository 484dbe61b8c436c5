//! Distances between two lists of counts: χ², PSI, Jensen–Shannon and total variation.
//!
//! Owns the formulas, each with its zero-cell rule. Knows no bins, no stream and no threshold: what a
//! value would be without drift is said by `no_drift`.

use super::number::{number, sum};
use serde::{Deserialize, Serialize};
use statrs::function::gamma::gamma_ur;

/// What is added to every cell of both lists before PSI takes a logarithm. See [`psi`].
pub const PSI_PRIOR: f64 = 0.5;
/// Below this relative difference of two shares the logarithms are replaced by their series.
const SERIES_MAX: f64 = 0.06;

/// Pearson's test of homogeneity of two samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ChiSquared {
    /// Σ (observed − expected)² / expected over both rows.
    pub statistic: f64,
    /// Columns that hold anything, less one.
    pub degrees: u32,
    /// P(χ² ≥ statistic) with so many degrees of freedom; 1 with none.
    pub p_value: f64,
}

/// The counts of both lists, column by column, without the columns that are empty in both. A list
/// that is shorter is filled up with zeros. `None` when one of the lists has no observation.
fn columns(reference: &[u64], current: &[u64]) -> Option<Vec<[u64; 2]>> {
    if reference.iter().all(|n| *n == 0) || current.iter().all(|n| *n == 0) {
        return None;
    }
    let at = |list: &[u64], column: usize| list.get(column).copied().unwrap_or(0);
    let pairs = (0..reference.len().max(current.len())).map(|column| [at(reference, column), at(current, column)]);
    Some(pairs.filter(|pair| *pair != [0, 0]).collect())
}

fn totals(columns: &[[u64; 2]]) -> [f64; 2] {
    [0, 1].map(|row| number(columns.iter().map(|pair| pair[row]).sum()))
}

/// Pearson's χ² for two samples (Pearson 1900, <https://doi.org/10.1080/14786440009463897>): both rows
/// vary, so the expected counts come from both together. Taking the reference as exact expectations
/// would be a goodness-of-fit test, which is wrong for a reference that is itself a sample.
///
/// χ² = Σ_j (a_j m − b_j n)² / (n m (a_j + b_j)), with columns − 1 degrees of freedom. Columns with
/// zero in both are left out. No continuity correction. `None` when a sample is empty. Equal to
/// `scipy.stats.chi2_contingency(…, correction=False)`.
pub fn chi_squared(reference: &[u64], current: &[u64]) -> Option<ChiSquared> {
    let columns = columns(reference, current)?;
    let [n, m] = totals(&columns);
    let statistic = sum(columns.iter().map(|pair| chi_squared_term(*pair, n, m)).collect());
    let degrees = u32::try_from(columns.len() - 1).unwrap_or(u32::MAX);
    let p_value =
        if degrees == 0 || statistic <= 0.0 { 1.0 } else { gamma_ur(f64::from(degrees) / 2.0, statistic / 2.0) };
    Some(ChiSquared { statistic, degrees, p_value })
}

fn chi_squared_term([a, b]: [u64; 2], n: f64, m: f64) -> f64 {
    let (a, b) = (number(a), number(b));
    let excess = a * m - b * n;
    excess / n * (excess / m) / (a + b)
}

/// The population stability index Σ (p − q) ln(p / q), which is the symmetric divergence of Jeffreys
/// (1946, <https://doi.org/10.1098/rspa.1946.0056>), natural logarithm. `None` when a sample is empty.
///
/// Zero-cell rule: columns with zero in both are left out, then [`PSI_PRIOR`] = 0.5 is added to every
/// cell of both samples, p_j = (a_j + 0.5) / (n + k / 2) with k columns (the estimate under Jeffreys'
/// prior). So the index is finite, the addition fades as 1/n, and there is no ε whose choice decides
/// the value: a column that only one of two samples of 1,000 knows adds what its counts can carry.
pub fn psi(reference: &[u64], current: &[u64]) -> Option<f64> {
    let columns = columns(reference, current)?;
    let [n, m] = totals(&columns).map(|total| total + PSI_PRIOR * number(columns.len() as u64));
    Some(sum(columns.iter().map(|pair| psi_term(*pair, n, m)).collect()))
}

/// One column of PSI; `n` and `m` hold the additions of all columns already.
fn psi_term([a, b]: [u64; 2], n: f64, m: f64) -> f64 {
    psi_of((number(a) + PSI_PRIOR) / n, (number(b) + PSI_PRIOR) / m)
}

/// One column of PSI from its shares, both above 0.
pub(super) fn psi_of(p: f64, q: f64) -> f64 {
    let d = (p - q) / (p + q);
    // (p − q) ln(p / q) = 2 (p − q) artanh d.
    let artanh = if d.abs() < SERIES_MAX {
        let d2 = d * d;
        d * (1.0 + d2 * (1.0 / 3.0 + d2 * (1.0 / 5.0 + d2 * (1.0 / 7.0 + d2 * (1.0 / 9.0 + d2 / 11.0)))))
    } else {
        0.5 * (p / q).ln()
    };
    2.0 * (p - q) * artanh
}

/// The Jensen–Shannon distance, base 2, between 0 and 1: the root of the Jensen–Shannon divergence
/// (Endres, Schindelin 2003, <https://doi.org/10.1109/TIT.2003.813506>). An empty cell adds
/// 0·log 0 = 0, so no zero-cell rule is needed. `None` when a sample is empty. Equal to
/// `scipy.spatial.distance.jensenshannon(p, q, base=2)`.
pub fn jensen_shannon(reference: &[u64], current: &[u64]) -> Option<f64> {
    let columns = columns(reference, current)?;
    let [n, m] = totals(&columns);
    let nats = sum(columns.iter().map(|pair| jensen_shannon_term(*pair, n, m)).collect());
    Some(jensen_shannon_of(nats))
}

fn jensen_shannon_term([a, b]: [u64; 2], n: f64, m: f64) -> f64 {
    divergence_of(number(a) / n, number(b) / m)
}

/// One column of the divergence, in nats: ½ [p ln(2p / (p + q)) + q ln(2q / (p + q))], never negative.
/// The shares must not both be 0.
pub(super) fn divergence_of(p: f64, q: f64) -> f64 {
    let both = p + q;
    // With d = (p − q) / (p + q) it is (p + q) / 4 · [(1 + d) ln(1 + d) + (1 − d) ln(1 − d)].
    let d = (p - q) / both;
    let bracket = if d.abs() < SERIES_MAX {
        let d2 = d * d;
        d2 * (1.0 + d2 * (1.0 / 6.0 + d2 * (1.0 / 15.0 + d2 * (1.0 / 28.0 + d2 / 45.0))))
    } else {
        x_ln_x(1.0 + d) + x_ln_x(1.0 - d)
    };
    both / 4.0 * bracket
}

/// The distance of a divergence in nats.
pub(super) fn jensen_shannon_of(nats: f64) -> f64 {
    (nats / std::f64::consts::LN_2).clamp(0.0, 1.0).sqrt()
}

fn x_ln_x(x: f64) -> f64 {
    if x > 0.0 { x * x.ln() } else { 0.0 }
}

/// The total variation ½ Σ |p − q|, between 0 and 1: the largest difference of probability that any
/// set of columns has (Levin, Peres, Wilmer 2009, Markov Chains and Mixing Times, §4.1,
/// <https://doi.org/10.1090/mbk/058>). `None` when a sample is empty.
pub fn total_variation(reference: &[u64], current: &[u64]) -> Option<f64> {
    let columns = columns(reference, current)?;
    let [n, m] = totals(&columns);
    Some(sum(columns.iter().map(|[a, b]| (number(*a) / n - number(*b) / m).abs() / 2.0).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(a: &[u64], b: &[u64]) -> Option<[f64; 5]> {
        let chi = chi_squared(a, b)?;
        Some([chi.statistic, chi.p_value, psi(a, b)?, jensen_shannon(a, b)?, total_variation(a, b)?])
    }

    #[test]
    fn no_data_is_none() {
        for (a, b) in [(&[][..], &[][..]), (&[0, 0], &[1, 2]), (&[1, 2], &[0, 0]), (&[], &[3])] {
            assert_eq!(all(a, b), None);
        }
    }

    #[test]
    fn by_hand() {
        // Two columns, 30/70 against 50/50: χ² = 200·(30·50 − 70·50)² / (100·100·80·120) = 25/3.
        let [chi, _, psi, _, variation] = all(&[30, 70], &[50, 50]).unwrap();
        assert!((chi - 25.0 / 3.0).abs() < 1e-12 && (variation - 0.2).abs() < 1e-12);
        let (p, q): (f64, f64) = (30.5 / 101.0, 50.5 / 101.0);
        assert!((psi - ((p - q) * (p / q).ln() + (q - p) * ((1.0 - p) / (1.0 - q)).ln())).abs() < 1e-12);
        // Nothing in common: the largest distances there are.
        let [_, p_value, psi, js, variation] = all(&[10, 0], &[0, 10]).unwrap();
        assert!((js - 1.0).abs() < 1e-12 && (variation - 1.0).abs() < 1e-12 && psi.is_finite() && p_value < 1e-4);
        // One column only: nothing to compare.
        let chi = chi_squared(&[7], &[9]).unwrap();
        assert!(chi.degrees == 0 && (chi.p_value - 1.0).abs() < 1e-15);
    }

    #[test]
    fn series_and_logarithms_meet() {
        // Either side of the change from the series to the logarithm, against the plain formula.
        for b in [88_600u64, 88_700, 88_800, 100_001] {
            let (p, q) = ((100_000.5) / 1e6, (number(b) + 0.5) / 1e6);
            let plain = (p - q) * (p / q).ln();
            let got = psi_term([100_000, b], 1e6, 1e6);
            assert!((got - plain).abs() <= 1e-9 * plain, "{got} {plain}");
            let (p, q) = (0.1, number(b) / 1e6);
            let plain = 0.5 * (p * (2.0 * p / (p + q)).ln() + q * (2.0 * q / (p + q)).ln());
            let got = jensen_shannon_term([100_000, b], 1e6, 1e6);
            assert!((got - plain).abs() <= 1e-6 * got + 1e-17, "{got} {plain}");
        }
    }

    proptest! {
        #[test]
        fn columns_in_any_order_give_the_same_bytes(
            mut pairs in proptest::collection::vec((0u64..500, 0u64..500), 1..30), turn in 0usize..30
        ) {
            let split = |pairs: &[(u64, u64)]| -> (Vec<u64>, Vec<u64>) { pairs.iter().copied().unzip() };
            let (a, b) = split(&pairs);
            let before = all(&a, &b);
            let by = turn % pairs.len();
            pairs.rotate_left(by);
            pairs.push((0, 0));
            let (a, b) = split(&pairs);
            let after = all(&a, &b);
            prop_assert_eq!(before.map(|list| list.map(f64::to_bits)), after.map(|list| list.map(f64::to_bits)));
            if let Some([chi, p_value, psi, js, variation]) = after {
                prop_assert!(chi >= 0.0 && psi >= 0.0 && psi.is_finite());
                prop_assert!([p_value, js, variation].iter().all(|value| (0.0..=1.0).contains(value)));
            }
        }
    }
}
