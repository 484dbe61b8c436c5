//! Exact run lengths of the CUSUM that knows both rates: the optimum that detectors are measured by.
//!
//! Owns the Bernoulli CUSUM on a lattice, solved as a Markov chain. It knows no detector of ours:
//! it is the yardstick, and nothing that decides about a mode may use it.

use super::lattice::Lattice;
use thiserror::Error;

/// Rates or run length that have no optimum.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum NoOptimum {
    /// The rates are not 0 < p0 < p1 < 1.
    #[error("no optimum for a change from {0} to {1}: rates must be 0 < from < to < 1")]
    Rates(f64, f64),
    /// The two steps of the CUSUM have no ratio of small whole numbers near enough.
    #[error("no optimum for a change from {0} to {1}: the rates are too close or too small for the lattice")]
    Lattice(f64, f64),
    /// The run length is below the shortest or above what doubles can solve.
    #[error("no optimum for a mean run length of {0}: it must be within 2 and 1e11, and reachable")]
    RunLength(f64),
}

/// What the best possible detector needs, in observations, when it knows both rates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Optimum {
    /// Threshold in nats.
    pub threshold: f64,
    /// Mean number of observations before a false alarm: what was asked for.
    pub run_length: f64,
    /// Mean delay where the statistic stood at 0 at the change (Lorden's worst case).
    pub worst_mean: f64,
    /// Mean delay long after the start.
    pub steady_mean: f64,
    /// Median delay long after the start.
    pub steady_median: f64,
}

/// Most entries of the banded matrix: 512 MB.
const ENTRIES_MAX: usize = 64_000_000;

/// The optimum for a change from `p0` to `p1` (0 < p0 < p1 < 1) among all detectors whose mean run
/// length at `p0` is `run_length` (2 to 10¹¹ observations).
///
/// Page's CUSUM with the log likelihood ratio of the two rates has the least worst-case mean delay
/// (Lorden 1971, <https://doi.org/10.1214/aoms/1177693055>; Moustakides 1986,
/// <https://doi.org/10.1214/aos/1176350164>). Its run length is a step function of the threshold;
/// between two steps the delays are interpolated in the logarithm of the run length.
///
/// # Errors
/// [`NoOptimum`] for impossible input.
pub fn optimum(p0: f64, p1: f64, run_length: f64) -> Result<Optimum, NoOptimum> {
    let chart = Chart::new(p0, p1)?;
    if !(2.0..=1e11).contains(&run_length) {
        return Err(NoOptimum::RunLength(run_length));
    }
    let states = chart.states_for(run_length).ok_or(NoOptimum::RunLength(run_length))?;
    let above = chart.delays(states);
    if states == 1 || above.run_length <= run_length {
        return Ok(Optimum { run_length, ..above });
    }
    let below = chart.delays(states - 1);
    let part = (run_length / below.run_length).ln() / (above.run_length / below.run_length).ln();
    let mix = |low: f64, high: f64| part.mul_add(high - low, low);
    Ok(Optimum {
        threshold: mix(below.threshold, above.threshold),
        run_length,
        worst_mean: mix(below.worst_mean, above.worst_mean),
        steady_mean: mix(below.steady_mean, above.steady_mean),
        steady_median: mix(below.steady_median, above.steady_median),
    })
}

/// The CUSUM S ← max(0, S + up) on a hit and max(0, S − down) else, alarm at S ≥ threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chart {
    p0: f64,
    p1: f64,
    lattice: Lattice,
}

impl Chart {
    /// The CUSUM for a change from `p0` to `p1`: up = ln(p1/p0), down = ln((1−p0)/(1−p1)).
    ///
    /// # Errors
    /// [`NoOptimum`] for impossible rates.
    pub fn new(p0: f64, p1: f64) -> Result<Self, NoOptimum> {
        if !(p0 > 0.0 && p0 < p1 && p1 < 1.0) {
            return Err(NoOptimum::Rates(p0, p1));
        }
        let lattice = Lattice::near((p1 / p0).ln(), ((1.0 - p0) / (1.0 - p1)).ln());
        Ok(Self { p0, p1, lattice: lattice.ok_or(NoOptimum::Lattice(p0, p1))? })
    }

    /// The lattice that stands for the two steps.
    pub const fn lattice(&self) -> &Lattice {
        &self.lattice
    }

    /// Mean run lengths at a rate p, 0 < p < 1, from each of the states 0 … `states` − 1; an alarm
    /// comes at state `states` ≥ 1. This is (I − A) x = 1 (Brook, Evans 1972,
    /// <https://doi.org/10.1093/biomet/59.3.539>).
    pub fn run_lengths(&self, states: usize, p: f64) -> Vec<f64> {
        self.lattice.equations(states, p).absorption_times()
    }

    /// Everything about the threshold at a state ≥ 1.
    pub fn delays(&self, states: usize) -> Optimum {
        let in_control = self.lattice.equations(states, self.p0);
        let steady = in_control.quasi_stationary();
        let after = self.run_lengths(states, self.p1);
        Optimum {
            threshold: self.lattice.nats(states),
            run_length: in_control.absorption_times()[0],
            worst_mean: after[0],
            steady_mean: steady.iter().zip(&after).map(|(share, delay)| share * delay).sum(),
            steady_median: self.median(steady),
        }
    }

    /// The first n at which half of the paths that start so have ended, at the rate p1.
    fn median(&self, start: Vec<f64>) -> f64 {
        let mut next = vec![0.0; start.len()];
        let (mut now, mut n) = (start, 0.0);
        loop {
            let alive = self.lattice.step(&now, &mut next, self.p1);
            n += 1.0;
            if alive <= 0.5 {
                return n;
            }
            std::mem::swap(&mut now, &mut next);
        }
    }

    /// The lowest state whose threshold has at least this run length.
    fn states_for(&self, run_length: f64) -> Option<usize> {
        let most = ENTRIES_MAX / self.lattice.band();
        let log_run = |states: usize| self.run_lengths(states, self.p0)[0].ln();
        let wanted = run_length.ln();
        let (mut low, mut high) = (0, self.lattice.up().min(most));
        let mut high_log = log_run(high);
        let mut low_log = 0.0;
        while high_log < wanted {
            if high >= most {
                return None;
            }
            (low, low_log) = (high, high_log);
            high = (high * 2).min(most);
            high_log = log_run(high);
        }
        // ln(run length) is nearly a straight line, so guesses along it need few steps; every
        // third halves the bracket, which always ends.
        let mut turn = 0;
        while high - low > 1 {
            turn += 1;
            let part = if turn % 3 == 0 { 0.5 } else { (wanted - low_log) / (high_log - low_log) };
            let middle = (low + steps(part, high - low)).clamp(low + 1, high - 1);
            let log = log_run(middle);
            if log < wanted { (low, low_log) = (middle, log) } else { (high, high_log) = (middle, log) }
        }
        Some(high)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a part of a small whole number"
)]
fn steps(part: f64, of: usize) -> usize {
    (part.clamp(0.0, 1.0) * of as f64).ceil() as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::rng::Rng;

    /// Computed beforehand with other software: reference statistics, section "exact oracle".
    const ORACLE: [(f64, f64, f64, f64, f64); 7] = [
        (1e3, 2.012, 174.2, 157.1, 118.0),
        (1e4, 3.984, 410.8, 373.9, 304.0),
        (3e4, 5.035, 542.4, 499.4, 418.0),
        (1e5, 6.215, 690.9, 644.1, 554.0),
        (3e5, 7.307, 828.8, 780.2, 683.0),
        (1e6, 8.503, 979.8, 930.2, 828.0),
        (1e7, 10.800, 1269.9, 1219.8, 1109.0),
    ];

    #[test]
    fn the_exact_oracle_is_reproduced() {
        for (run_length, threshold, worst, mean, median) in ORACLE {
            let found = optimum(0.02, 0.04, run_length).unwrap();
            println!("{found:?}");
            assert!((found.threshold - threshold).abs() < 0.005, "{found:?}");
            assert!((found.worst_mean / worst - 1.0).abs() < 2e-3, "{found:?} instead of {worst}");
            assert!((found.steady_mean / mean - 1.0).abs() < 2e-3, "{found:?} instead of {mean}");
            assert!((found.steady_median - median).abs() <= 1.5, "{found:?} instead of {median}");
        }
    }

    #[test]
    fn a_chart_that_alarms_at_the_first_hit_waits_geometrically() {
        let chart = Chart::new(0.1, 0.5).unwrap();
        let found = chart.delays(1);
        assert!((found.run_length - 10.0).abs() < 1e-12 && (found.worst_mean - 2.0).abs() < 1e-12);
        assert!((found.steady_median - 1.0).abs() < 1e-12);
    }

    #[test]
    fn simulation_agrees() {
        let chart = Chart::new(0.05, 0.15).unwrap();
        let states = chart.states_for(500.0).unwrap();
        let exact = chart.run_lengths(states, 0.05)[0];
        let (up, down) = (chart.lattice().up(), chart.lattice().down());
        let mut rng = Rng::new(3);
        let runs = 20_000;
        let mut total = 0u32;
        for _ in 0..runs {
            let mut at = 0;
            while at < states {
                at = if rng.uniform() < 0.05 { at + up } else { at.saturating_sub(down) };
                total += 1;
            }
        }
        let mean = f64::from(total) / f64::from(runs);
        // The run length is nearly exponential: its standard error is mean / √runs.
        assert!((mean / exact - 1.0).abs() < 3.0 / f64::from(runs).sqrt(), "{mean} simulated, {exact} solved");
    }

    #[test]
    fn other_changes_have_an_optimum_too() {
        for (p1, worst) in [(0.03, f64::INFINITY), (0.10, 200.0), (0.50, 12.0)] {
            let found = optimum(0.02, p1, 1e6).unwrap();
            println!("{p1}: {found:?}, {:?}", Chart::new(0.02, p1).unwrap().lattice());
            assert!(found.steady_median < found.worst_mean && found.worst_mean < worst, "{found:?}");
        }
        let (near, far) = (optimum(0.02, 0.04, 1e6).unwrap(), optimum(0.02, 0.04, 1.001e6).unwrap());
        assert!(near.steady_mean < far.steady_mean && near.threshold < far.threshold, "{near:?} {far:?}");
    }

    #[test]
    fn impossible_input_is_refused() {
        for (p0, p1) in [(0.0, 0.1), (0.1, 0.1), (0.2, 0.1), (0.1, 1.0), (f64::NAN, 0.1)] {
            assert!(matches!(optimum(p0, p1, 1e3), Err(NoOptimum::Rates(..))), "{p0} {p1}");
        }
        for bad in [0.0, 1.0, -1.0, 1e12, f64::NAN, f64::INFINITY] {
            assert!(matches!(optimum(0.02, 0.04, bad), Err(NoOptimum::RunLength(_))), "{bad}");
        }
    }
}
