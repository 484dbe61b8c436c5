//! Bar 1: at the bound, the mean run length is the declared budget or more, and not twice as much.
//!
//! Owns the streams and budgets of this bar.

use super::bench::{Bench, Effort, RunLengths};
use super::sample::outputs;
use super::streams::Stream;
use super::{Row, Verdict};

/// Streams without any change, at their bound.
const STREAMS: [Stream; 8] = [
    Stream::Rate(0.001),
    Stream::Rate(0.01),
    Stream::Rate(0.02),
    Stream::Rate(0.1),
    Stream::Rate(0.5),
    Stream::Score,
    Stream::Latency,
    Stream::Cost,
];
/// M at the alarm may differ from the run length by this many standard errors: with 24 comparisons
/// one beyond three is to be expected in every 15th set of seeds, and one beyond four in every 600th.
const ERRORS_MAX: f64 = 4.0;

/// Measures the bar.
pub fn measure(bench: &Bench<'_>) -> Vec<Row> {
    let budgets: &[f64] = match bench.effort {
        Effort::Quick => &[1e4],
        Effort::Full => &[1e4, 1e5, 1e6],
    };
    let pairs = budgets.iter().flat_map(|budget| STREAMS.map(|stream| (stream, *budget)));
    pairs.map(|(stream, budget)| row(stream, budget, &bench.run_length(stream, budget, 2_000))).collect()
}

fn row(stream: Stream, budget: f64, measured: &RunLengths) -> Row {
    let (mean, error) = (measured.outputs.mean(), measured.outputs.error());
    let (low, high) = (1.96f64.mul_add(-error, mean), 1.96f64.mul_add(error, mean));
    // E M = E n at the bound (M − n is a martingale there): the simulation checks itself.
    let apart = measured.gap.mean() / measured.gap.error();
    let is_met = low >= budget && mean <= 2.0 * budget && apart.abs() <= ERRORS_MAX;
    Row {
        bar: 1,
        what: format!("{}, B = {budget:.0e}: mean run length", stream.name()),
        required: format!("{budget:.0e} to {:.0e}", 2.0 * budget),
        measured: format!(
            "{:.3} B [{:.3}, {:.3}], mean M {} ({apart:+.1} SE)",
            mean / budget,
            low / budget,
            high / budget,
            outputs(mean + measured.gap.mean()),
        ),
        value: mean,
        verdict: Verdict::of(is_met),
    }
}
