//! Bar 8: a thousand workflows with five guards each under one budget for the whole fleet.
//!
//! Owns the fleet. A workflow's own budget is the fleet's: its false demotions are at most one in B
//! of *its* outputs, so those of all are at most one in B outputs of all. Its guards share it.

use super::bench::Bench;
use super::sample::{Sample, outputs, real};
use super::watch::{Change, Watch, delay, observation};
use super::{Row, Verdict};
use crate::stats::bets::Bets;
use crate::stats::detector::Detector;
use crate::stats::rng::Rng;

/// Workflows of the fleet.
const WORKFLOWS: usize = 1_000;
/// Guards of a workflow.
const GUARDS: usize = 5;
/// The bound of each guard, and the rate before a change.
const BOUND: f64 = 0.02;
/// The rate after it.
const TO: f64 = 0.04;
/// Fleet outputs for one false demotion.
const BUDGET: f64 = 1e9;
/// What one workflow alone with one guard has.
const ALONE: f64 = 1e6;
/// The fleet's budget in the simulation of false demotions.
const BUDGET_CONTROL: f64 = 1e6;

/// Measures the bar.
pub fn measure(bench: &Bench<'_>) -> Vec<Row> {
    let extra = [(Some(1), 1_200.0), (None, 1_450.0)].map(|(block, most)| extra(bench, block, most));
    let control = [Data::Independent, Data::Same].map(|data| control(bench, data));
    extra.into_iter().flatten().chain(control.into_iter().flatten()).collect()
}

fn extra(bench: &Bench<'_>, block: Option<u32>, most: f64) -> Option<Row> {
    let fleet = Watch::new(BOUND, block, 1.0 / real(GUARDS), BUDGET)?;
    let alone = Watch::new(BOUND, block, 1.0, ALONE)?;
    let what = format!("{WORKFLOWS} workflows of {GUARDS} guards, B = 1e9, {BOUND} to {TO}, block {}", fleet.block());
    let median = |what: &str, watch: &Watch| {
        let change = Change { from: BOUND, to: TO, history: 2_000, most: 200_000 };
        let delays = bench.runs(what, bench.pick(2_000, 8_000), |rng| delay(watch, change, rng));
        Sample::new(delays.into_iter().flatten().collect()).median()
    };
    let (with, without) = (median(&what, &fleet), median("a workflow alone", &alone));
    Some(Row {
        bar: 8,
        what: format!("{what}: extra median delay"),
        required: format!("at most {}", outputs(most)),
        measured: format!("{} ({} for {} alone)", outputs(with - without), outputs(with), outputs(without)),
        value: with - without,
        verdict: Verdict::of(with - without <= most),
    })
}

/// How the five guards of a workflow depend on each other.
#[derive(Debug, Clone, Copy)]
enum Data {
    /// Not at all.
    Independent,
    /// All see the same.
    Same,
}

fn control(bench: &Bench<'_>, data: Data) -> Option<Row> {
    let bets = Bets::new(BOUND).ok()?;
    let each = bench.pick(20_000, 200_000);
    let what = format!(
        "{WORKFLOWS} workflows of {GUARDS} guards at the bound, {}",
        match data {
            Data::Independent => "independent",
            Data::Same => "all guards see the same",
        }
    );
    let counts = bench.runs(&what, WORKFLOWS, |rng| demotions(&bets, data, each, rng));
    let (count, allowed) = (counts.iter().sum::<usize>(), real(WORKFLOWS * each) / BUDGET_CONTROL);
    Some(Row {
        bar: 8,
        what: format!("{what}: false demotions in {} fleet outputs", outputs(real(WORKFLOWS * each))),
        required: format!("at most n / B = {allowed:.0}"),
        measured: count.to_string(),
        value: real(count),
        verdict: Verdict::of(real(count) <= allowed),
    })
}

/// False demotions of one workflow; all its guards begin anew after each.
fn demotions(bets: &Bets, data: Data, outputs: usize, rng: &mut Rng) -> usize {
    let threshold = BUDGET_CONTROL * real(GUARDS);
    let mut guards: [Detector; GUARDS] = std::array::from_fn(|_| Detector::default());
    let mut count = 0;
    for _ in 0..outputs {
        let same = rng.uniform() < BOUND;
        let mut broken = false;
        for guard in &mut guards {
            let fails = match data {
                Data::Independent => rng.uniform() < BOUND,
                Data::Same => same,
            };
            broken |= guard.update(bets, &observation(f64::from(u8::from(fails))), threshold);
        }
        if broken {
            count += 1;
            guards.iter_mut().for_each(Detector::reset);
        }
    }
    count
}
