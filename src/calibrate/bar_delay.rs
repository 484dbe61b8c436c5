//! Bar 2: the delay of the detector, which knows no rate, against the exact optimum, which knows both.
//!
//! Owns the changes of this bar. The optimum is taken at the run length that the detector really
//! has, so that an overcautious threshold is not held against it twice.

use super::bench::Bench;
use super::sample::{Sample, outputs};
use super::streams::Stream;
use super::watch::{Change, Watch, delay};
use super::{Row, Verdict};
use crate::stats::run_length::optimum;

/// The rate before the change, and the bound.
const BOUND: f64 = 0.02;
/// The budget B.
const BUDGET: f64 = 1e6;
/// Rates after the change, each with the most that the median delay may be of the optimum.
const CHANGES: [(f64, Most); 4] =
    [(0.04, Most::Times(1.20)), (0.03, Most::Times(1.30)), (0.10, Most::Times(1.15)), (0.50, Most::Outputs(12.0))];

#[derive(Debug, Clone, Copy)]
enum Most {
    Times(f64),
    Outputs(f64),
}

/// Measures the bar.
pub fn measure(bench: &Bench<'_>) -> Vec<Row> {
    // With blocks of one output and the whole budget, the guard's threshold is the budget itself.
    let Some(watch) = Watch::new(BOUND, Some(1), 1.0, BUDGET) else { return Vec::new() };
    let run_length = bench.run_length(Stream::Rate(BOUND), BUDGET, bench.pick(1_000, 2_000)).outputs.mean();
    let runs = bench.pick(2_000, 8_000);
    CHANGES.iter().map(|(to, most)| row(bench, &watch, run_length, runs, *to, *most)).collect()
}

fn row(bench: &Bench<'_>, watch: &Watch, run_length: f64, runs: usize, to: f64, most: Most) -> Row {
    let change = Change { from: BOUND, to, history: 2_000, most: 200_000 };
    let what = format!("{BOUND} to {to}, block 1, 2,000 outputs before: median delay");
    let delays = bench.runs(&what, runs, |rng| delay(watch, change, rng));
    let delays = Sample::new(delays.into_iter().flatten().collect());
    let median = delays.median();
    let best = optimum(BOUND, to, run_length).map_or(f64::NAN, |best| best.steady_median);
    let (required, is_met) = match most {
        Most::Times(times) => (format!("at most {times:.2} of the optimum"), median <= times * best),
        Most::Outputs(most) => (format!("at most {most} outputs"), median <= most),
    };
    Row {
        bar: 2,
        what,
        required,
        measured: format!(
            "{} (90 %: {}), optimum {}: {:.3}",
            outputs(median),
            outputs(delays.quantile(0.9)),
            outputs(best),
            median / best
        ),
        value: median / best,
        verdict: Verdict::of(is_met),
    }
}
