//! What a distance would be without drift: its median and its upper limit at a false-alarm rate.
//!
//! Owns the simulation under "both samples come from the same shares". Knows no stream and no clock;
//! its seed is fixed, so the same counts give the same limits.

use super::binomial::multinomial;
use super::distance::{PSI_PRIOR, divergence_of, jensen_shannon_of, psi_of};
use super::number::{count, number};
use super::rng::Rng;
use serde::{Deserialize, Serialize};

/// The nominal rate of false alarms of a limit, per distance and look.
pub const FALSE_ALARMS: f64 = 0.005;
/// Simulated pairs of samples. One more than this many is a multiple of 1 / [`FALSE_ALARMS`], so a new
/// pair without drift is above the limit with exactly that probability, ties aside; the limit's own
/// rate varies with a standard error of √(0.005 · 0.995 / 2,000) = 0.16 %.
pub const REPETITIONS: u32 = 1_999;
/// A value is above a limit when it is by more than the rounding of sums in another order.
const ROUNDING: f64 = 1e-9;

/// What a value is without drift.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Expected {
    /// Half of the pairs of samples without drift are below.
    pub median: f64,
    /// All but the nominal false-alarm rate are below.
    pub limit: f64,
}

impl Expected {
    /// Whether a value is above the limit.
    pub fn exceeded_by(&self, value: f64) -> bool {
        value > self.limit * (1.0 + ROUNDING)
    }
}

/// The values of the distances on counts that no drift would give.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct NoDrift {
    /// Population stability index, with the zero-cell rule of `distance::psi`.
    pub psi: Expected,
    /// Jensen–Shannon distance, base 2.
    pub jensen_shannon: Expected,
    /// Total variation.
    pub total_variation: Expected,
    /// Pearson's χ² statistic.
    pub chi_squared: Expected,
}

/// The no-drift values for two lists of counts, at [`FALSE_ALARMS`]. Both samples are drawn from the
/// shares of both lists together, which is what "no drift" says about them (a parametric bootstrap:
/// Efron 1979, <https://doi.org/10.1214/aos/1176344552>). `None` when a list is empty.
pub fn no_drift(reference: &[u64], current: &[u64]) -> Option<NoDrift> {
    let columns = reference.len().max(current.len());
    let at = |list: &[u64], column: usize| list.get(column).copied().unwrap_or(0);
    let shares: Vec<f64> = (0..columns).map(|column| number(at(reference, column) + at(current, column))).collect();
    simulate(reference.iter().sum(), current.iter().sum(), &shares, FALSE_ALARMS, REPETITIONS)
}

/// The no-drift values for samples of `n` and `m` from the same `shares` (any scale, ≥ 0), by
/// `repetitions` seeded multinomial pairs. The limit is the ⌊`false_alarms` (repetitions + 1)⌋-th
/// largest value, at least the largest (Davison, Hinkley 1997, Bootstrap Methods, §4.2,
/// <https://doi.org/10.1017/CBO9780511802843>). The χ² formula isn't used: it is wrong where cells are
/// small. `None` with n, m or all shares 0, a share that is negative or not finite, or no repetition.
pub fn simulate(n: u64, m: u64, shares: &[f64], false_alarms: f64, repetitions: u32) -> Option<NoDrift> {
    let sound = shares.iter().all(|share| share.is_finite() && *share >= 0.0);
    let mut shares: Vec<f64> = shares.iter().copied().filter(|share| *share > 0.0).collect();
    if n == 0 || m == 0 || repetitions == 0 || !sound || shares.is_empty() {
        return None;
    }
    // The largest first: conditional binomials then run out early, and the order of the columns
    // leaves no trace.
    shares.sort_unstable_by(|a, b| b.total_cmp(a));
    let mut rng = Rng::new(0x0064_7269_6674);
    let (mut a, mut b) = (vec![0; shares.len()], vec![0; shares.len()]);
    let mut values: [Vec<f64>; 4] = Default::default();
    for _ in 0..repetitions {
        multinomial(&mut rng, n, &shares, &mut a);
        multinomial(&mut rng, m, &shares, &mut b);
        for (list, value) in values.iter_mut().zip(distances(&a, &b, number(n), number(m))) {
            list.push(value);
        }
    }
    let [psi, nats, total_variation, chi_squared] = values.map(|list| expected(list, false_alarms));
    let root = |nats: f64| jensen_shannon_of(nats);
    let jensen_shannon = Expected { median: root(nats.median), limit: root(nats.limit) };
    Some(NoDrift { psi, jensen_shannon, total_variation, chi_squared })
}

/// PSI, the Jensen–Shannon divergence in nats, total variation and χ², in one pass. The formulas are
/// those of `distance`, with products by reciprocals for the divisions: this is the hot loop.
fn distances(a: &[u64], b: &[u64], n: f64, m: f64) -> [f64; 4] {
    let filled = a.iter().zip(b).filter(|(a, b)| **a + **b > 0).count();
    let added = PSI_PRIOR * number(count(filled));
    let (per_n, per_m, psi_per_n, psi_per_m) = (1.0 / n, 1.0 / m, 1.0 / (n + added), 1.0 / (m + added));
    let mut sums = [0.0; 4];
    for (a, b) in a.iter().zip(b) {
        if *a + *b == 0 {
            continue;
        }
        let (a, b) = (number(*a), number(*b));
        let (p, q) = (a * per_n, b * per_m);
        let apart = p - q;
        sums[0] += psi_of((a + PSI_PRIOR) * psi_per_n, (b + PSI_PRIOR) * psi_per_m);
        sums[1] += divergence_of(p, q);
        sums[2] += apart.abs();
        sums[3] += apart * apart / (a + b);
    }
    [sums[0], sums[1], sums[2] / 2.0, sums[3] * n * m]
}

/// The median and the limit of simulated values; there is at least one.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank, kept within the list")]
pub(super) fn expected(mut values: Vec<f64>, false_alarms: f64) -> Expected {
    let last = values.len().saturating_sub(1);
    let from_top = (false_alarms.clamp(0.0, 1.0) * number(count(values.len() + 1)) + ROUNDING) as usize;
    let rank = last.saturating_sub(from_top.saturating_sub(1));
    let limit = *values.select_nth_unstable_by(rank, f64::total_cmp).1;
    let median = *values.select_nth_unstable_by(last / 2, f64::total_cmp).1;
    Expected { median, limit }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::binomial::binomial;
    use crate::stats::distance::{jensen_shannon, psi};

    fn zipf(bins: u32) -> Vec<f64> {
        (1..=bins).map(|rank| 1.0 / f64::from(rank)).collect()
    }

    #[test]
    fn no_data_is_none() {
        assert_eq!(no_drift(&[0, 0], &[1, 1]), None);
        assert_eq!(no_drift(&[], &[]), None);
        for shares in [&[][..], &[0.0], &[f64::NAN], &[-1.0, 2.0], &[f64::INFINITY]] {
            assert_eq!(simulate(10, 10, shares, 0.005, 100), None);
        }
        assert_eq!(simulate(0, 10, &[1.0], 0.005, 100), None);
        assert_eq!(simulate(10, 10, &[1.0], 0.005, 0), None);
    }

    #[test]
    fn same_counts_same_limits_in_any_order() {
        let one = no_drift(&[5, 60, 35], &[10, 50, 40]);
        assert_eq!(one, no_drift(&[35, 5, 60], &[40, 10, 50]));
        assert_eq!(one, no_drift(&[5, 0, 60, 35], &[10, 0, 50, 40]));
    }

    #[test]
    fn large_samples_have_the_limits_of_the_chi_squared_formula() {
        // 9 degrees of freedom: median 8.343, 99.5 % 23.589. Standard error of the simulated quantile at
        // 19,999 pairs: √(0.005 · 0.995 / 20,000) / density(23.589) (0.00134) = 0.37.
        let got = simulate(100_000, 50_000, &[1.0; 10], 0.005, 19_999).unwrap();
        assert!((got.chi_squared.limit - 23.589).abs() < 4.0 * 0.37, "{got:?}");
        assert!((got.chi_squared.median - 8.343).abs() < 4.0 * 0.035, "{got:?}");
        // PSI is then χ² · (1/n + 1/m).
        assert!((got.psi.limit / (got.chi_squared.limit * 3e-5) - 1.0).abs() < 0.01, "{got:?}");
    }

    #[test]
    fn few_false_alarms_on_a_hundred_rows() {
        // 1 % with 4 standard errors √(0.01 · 0.99 / 400) = 0.5 % is the most that 400 runs may show;
        // `measured_false_alarms` runs it long.
        for (shares, m) in [(vec![1.0; 10], 100), (zipf(10), 100), (zipf(10), 10_000)] {
            let rates = false_alarms(&shares, 100, m, 400, 9);
            assert!(rates.iter().all(|rate| *rate <= 0.03), "m {m}: {rates:?}");
        }
    }

    /// The rates at which PSI and JS exceed their limits without drift.
    fn false_alarms(shares: &[f64], n: u64, m: u64, runs: u32, seed: u64) -> [f64; 2] {
        let mut rng = Rng::new(seed);
        let (mut a, mut b) = (vec![0; shares.len()], vec![0; shares.len()]);
        let mut above = [0u32; 2];
        for _ in 0..runs {
            multinomial(&mut rng, n, shares, &mut a);
            multinomial(&mut rng, m, shares, &mut b);
            let limits = no_drift(&a, &b).unwrap();
            above[0] += u32::from(limits.psi.exceeded_by(psi(&a, &b).unwrap()));
            above[1] += u32::from(limits.jensen_shannon.exceeded_by(jensen_shannon(&a, &b).unwrap()));
        }
        above.map(|count| f64::from(count) / f64::from(runs))
    }

    /// `cargo test --release --lib no_drift -- --ignored --nocapture`: minutes.
    #[test]
    #[ignore = "20,000 repetitions a case"]
    fn measured_false_alarms() {
        for (name, shares) in [("uniform", vec![1.0; 10]), ("zipf", zipf(10))] {
            for m in [100, 1_000, 10_000] {
                let rates = false_alarms(&shares, 100, m, 20_000, 1);
                println!("{name} n 100 m {m}: PSI {:.2} %, JS {:.2} %", rates[0] * 100.0, rates[1] * 100.0);
                assert!(rates.iter().all(|rate| *rate <= 0.01));
            }
        }
    }

    #[test]
    fn a_rare_category_that_doubles_is_flagged() {
        // 2 % → 4 % on 10,000 rows against a reference of as many: always, in 200 runs.
        let mut rng = Rng::new(4);
        for _ in 0..200 {
            let (a, b) = (binomial(&mut rng, 10_000, 0.02), binomial(&mut rng, 10_000, 0.04));
            let (reference, current) = ([a, 10_000 - a], [b, 10_000 - b]);
            let limits = no_drift(&reference, &current).unwrap();
            assert!(limits.psi.exceeded_by(psi(&reference, &current).unwrap()));
            assert!(limits.jensen_shannon.exceeded_by(jensen_shannon(&reference, &current).unwrap()));
        }
    }
}
