//! Bar 3: outputs that depend on each other. Bursts and seasons are no breach; blocks cost little.
//!
//! Owns the streams of this bar. Guards are the shipped ones with their default block and lane.

use super::bench::Bench;
use super::sample::{Sample, outputs, real};
use super::streams::Bursts;
use super::watch::{Change, Watch, alarms, delay};
use super::{Row, Verdict};

/// The bound of all but the season.
const BOUND: f64 = 0.02;
/// The budget B.
const BUDGET: f64 = 1e6;
/// Outputs of one bursty run; the guard begins anew with each, and with each alarm.
const BURSTY: usize = 2_000_000;
/// Outputs of a season.
const PERIOD: f64 = 20_000.0;
/// The bound that is declared over the season, whose rate swings from 0.01 to 0.03.
const SEASON_BOUND: f64 = 0.03;
/// Outputs of one seasonal run.
const SEASONAL: usize = 2_000_000;

/// Measures the bar.
pub fn measure(bench: &Bench<'_>) -> Vec<Row> {
    let guard = |bound, block| Watch::new(bound, block, 1.0, BUDGET);
    let (Some(blocks), Some(single)) = (guard(BOUND, None), guard(BOUND, Some(1))) else { return Vec::new() };
    let mut rows = vec![bursts(bench, &blocks), price(bench, &blocks, &single)];
    rows.extend([(0.5, 220.0), (1.0, 60.0)].map(|(to, most)| jump(bench, &blocks, to, most)));
    rows.extend(guard(SEASON_BOUND, None).map(|watch| season(bench, &watch)));
    rows
}

fn bursts(bench: &Bench<'_>, watch: &Watch) -> Row {
    let runs = bench.pick(50, 100);
    let what = format!("bursts of 10 at 0.5, marginal {}, block {}: false alarms", Bursts::MARGINAL, watch.block());
    let counts = bench.runs(&what, runs, |rng| {
        let mut bursts = Bursts::new(rng);
        alarms(watch, BURSTY, |_| bursts.fails(rng))
    });
    let count: usize = counts.iter().sum();
    let millions = real(runs * BURSTY) / 1e6;
    let rate = real(count) / millions;
    Row {
        bar: 3,
        what,
        required: "at most 2 in 1e6".to_owned(),
        measured: format!("{rate:.2} in 1e6 ({count} in {millions:.0}e6)"),
        value: rate,
        verdict: Verdict::of(rate <= 2.0),
    }
}

fn delays(bench: &Bench<'_>, what: &str, watch: &Watch, to: f64) -> Sample {
    let change = Change { from: BOUND, to, history: 2_000, most: 200_000 };
    let delays = bench.runs(what, bench.pick(2_000, 8_000), |rng| delay(watch, change, rng));
    Sample::new(delays.into_iter().flatten().collect())
}

fn price(bench: &Bench<'_>, blocks: &Watch, single: &Watch) -> Row {
    let what = format!("{BOUND} to 0.04, independent, block {}: median delay", blocks.block());
    let with = delays(bench, &what, blocks, 0.04).median();
    let without = delays(bench, "the same with block 1", single, 0.04).median();
    Row {
        bar: 3,
        what,
        required: "at most 1.40 of that of block 1".to_owned(),
        measured: format!("{}, block 1 {}: {:.3}", outputs(with), outputs(without), with / without),
        value: with / without,
        verdict: Verdict::of(with <= 1.4 * without),
    }
}

fn jump(bench: &Bench<'_>, blocks: &Watch, to: f64, most: f64) -> Row {
    let what = format!("{BOUND} to {to}, block {}: median delay", blocks.block());
    let sample = delays(bench, &what, blocks, to);
    let median = sample.median();
    Row {
        bar: 3,
        what,
        required: format!("at most {most} outputs"),
        measured: format!("{} (90 %: {})", outputs(median), outputs(sample.quantile(0.9))),
        value: median,
        verdict: Verdict::of(median <= most),
    }
}

fn season(bench: &Bench<'_>, watch: &Watch) -> Row {
    let runs = bench.pick(1, 10);
    let what = format!("season of 0.01 to 0.03, bound {SEASON_BOUND}, block {}: false alarms", watch.block());
    let counts = bench.runs(&what, runs, |rng| {
        alarms(watch, SEASONAL, |t| {
            let phase = (real(t) / PERIOD).fract() * std::f64::consts::TAU;
            rng.uniform() < 0.02 * 0.5f64.mul_add(phase.sin(), 1.0)
        })
    });
    // At the height of the season the rate is the bound itself, so over more seasons there may be
    // some within the budget: the bar is on the first run, the others are told.
    let (first, all) = (counts.first().copied().unwrap_or(0), counts.iter().sum::<usize>());
    Row {
        bar: 3,
        what,
        required: format!("0 in {:.0}e6", real(SEASONAL) / 1e6),
        measured: format!("{first} ({all} in {:.0}e6)", real(runs * SEASONAL) / 1e6),
        value: real(first),
        verdict: Verdict::of(first == 0),
    }
}
