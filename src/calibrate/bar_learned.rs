//! Bar 4: a bound that was learned from 5,000 outputs keeps its promise, and costs little delay.
//!
//! Owns the rates and budgets of this bar. The guard is the shipped one: it learns, pins and bets by
//! itself, on another sample in each run.

use super::bench::Bench;
use super::sample::{Sample, outputs, real};
use super::watch::{Change, Watch, delay};
use super::{Row, Verdict};

/// Outputs that the guard learns from.
const LEARNS: u32 = 5_000;
/// The true rate, before and after the learning.
const RATE: f64 = 0.02;
/// The rate after a change.
const TO: f64 = 0.04;
/// The budget of this bar.
const BUDGET: f64 = 5e5;
/// The usual budget, for information.
const USUAL: f64 = 1e6;
/// Outputs after the learning in which few samples may alarm.
const WATCHED: usize = 100_000;
/// Which share of the samples may.
const FALSE_MOST: f64 = 0.10;
/// A change after so many more clean outputs, and the most that its median delay may be …
const SETTLED: (usize, f64) = (5_000, 1_150.0);
/// … or the same right after the learning.
const AT_ONCE: (usize, f64) = (0, 1_350.0);

/// Measures the bar.
pub fn measure(bench: &Bench<'_>) -> Vec<Row> {
    [(BUDGET, true), (USUAL, false)].into_iter().flat_map(|(budget, is_bar)| rows(bench, budget, is_bar)).collect()
}

fn rows(bench: &Bench<'_>, budget: f64, is_bar: bool) -> Vec<Row> {
    let Some(watch) = Watch::learning(LEARNS, budget) else { return Vec::new() };
    let verdict = |is_met| if is_bar { Verdict::of(is_met) } else { Verdict::Reported };
    let required = |text: String| if is_bar { text } else { "-".to_owned() };
    let (share, runs) = false_share(bench, &watch, budget);
    let error = (share * (1.0 - share) / runs).sqrt();
    let [settled, at_once] = [SETTLED, AT_ONCE].map(|(clean, _)| median_delay(bench, &watch, budget, clean));
    vec![
        Row {
            bar: 4,
            what: format!("learned from 5,000 at {RATE}, B = {budget:.0e}: samples with a false alarm in 1e5"),
            required: required(format!("at most {:.0} %", 100.0 * FALSE_MOST)),
            measured: format!("{:.1} % of {runs} (SE {:.1} %)", 100.0 * share, 100.0 * error),
            value: share,
            verdict: verdict(share <= FALSE_MOST),
        },
        Row {
            bar: 4,
            what: format!("{RATE} to {TO}, B = {budget:.0e}: median delay after 5,000 more clean outputs, or at once"),
            required: required(format!("at most {}, or {}", outputs(SETTLED.1), outputs(AT_ONCE.1))),
            measured: format!("{}, {}", outputs(settled), outputs(at_once)),
            value: settled,
            verdict: verdict(settled <= SETTLED.1 || at_once <= AT_ONCE.1),
        },
    ]
}

/// The share of the samples that alarm without a change, and how many samples.
fn false_share(bench: &Bench<'_>, watch: &Watch, budget: f64) -> (f64, f64) {
    let runs = bench.pick(400, 8_000);
    let what = format!("learned from {LEARNS}, B = {budget:e}: false alarms");
    let alarms = bench.runs(&what, runs, |rng| {
        let mut watch = watch.clone();
        (0..LEARNS as usize + WATCHED).any(|_| watch.sees(rng.uniform() < RATE))
    });
    (real(alarms.into_iter().filter(|alarm| *alarm).count()) / real(runs), real(runs))
}

fn median_delay(bench: &Bench<'_>, watch: &Watch, budget: f64, clean: usize) -> f64 {
    let change = Change { from: RATE, to: TO, history: LEARNS as usize + clean, most: 200_000 };
    let what = format!("learned from {LEARNS}, B = {budget:e}: a change after {clean}");
    let delays = bench.runs(&what, bench.pick(2_000, 8_000), |rng| delay(watch, change, rng));
    Sample::new(delays.into_iter().flatten().collect()).median()
}
