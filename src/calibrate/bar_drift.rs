//! Bar 9: drift, disparity and cost: quiet within the tolerance, awake beyond it.
//!
//! Owns the distributions of scores and categories. The guards are the shipped ones, each on another
//! baseline in each run; [`bar_unequal`](super::bar_unequal) has groups and costs.

use super::bench::{Bench, Effort};
use super::one_guard::{OneGuard, Shift, delay, false_alarms, policy, uniform_below};
use super::sample::{Sample, outputs, real};
use super::{Row, Verdict, bar_unequal};
use crate::domain::{DriftOf, Outcome, OutputEvent, Signal, WorkflowId};
use crate::stats::rng::Rng;

/// Outputs that the guard learns from.
const LEARNS: u32 = 5_000;
/// How far a distribution may move.
const TOLERANCE: f64 = 0.10;
/// The budget B of all guards of this bar.
pub const BUDGET: f64 = 1e6;
/// Outputs before a change.
const HISTORY: usize = 2_000;
/// Kolmogorov–Smirnov distances of N(d, 1) from N(0, 1): 2 Φ(d / 2) − 1, for these d.
const WITHIN: [(f64, f64); 2] = [(0.0, 0.0), (0.08, 0.2009)];
/// Those beyond the tolerance, each with the most that the median delay may be.
const BEYOND: [(f64, f64, f64); 2] = [(0.2, 0.5067, 1_000.0), (0.3, 0.7706, 220.0)];
/// Total variations of a shift spread over all categories, with the same.
const SPREAD: [(f64, f64); 2] = [(0.2, 1_200.0), (0.3, 350.0)];
/// Correlation of a score with the one before.
const CORRELATION: f64 = 0.9;
const CATEGORIES: [&str; 20] = [
    "c00", "c01", "c02", "c03", "c04", "c05", "c06", "c07", "c08", "c09", "c10", "c11", "c12", "c13", "c14", "c15",
    "c16", "c17", "c18", "c19",
];

/// Measures the bar.
pub fn measure(bench: &Bench<'_>) -> Vec<Row> {
    let score = |block| drift(DriftOf::Score("s".to_owned()), block);
    let Some(((single, blocks), category)) =
        score(Some(1)).zip(score(None)).zip(drift(DriftOf::Attribute("a".to_owned()), Some(1)))
    else {
        return Vec::new();
    };
    let mut rows: Vec<Row> = WITHIN.iter().map(|(distance, shift)| quiet(bench, &single, *distance, *shift)).collect();
    rows.extend(BEYOND.map(|(distance, shift, most)| {
        let what = format!("score, KS distance {distance}, block 1: median delay");
        let change = Shift {
            before: &|event, rng| scored(event, rng.normal()),
            after: &|event, rng| scored(event, rng.normal() + shift),
            history: HISTORY,
        };
        found(bench, what, most, (&single, &change))
    }));
    rows.push(correlated(bench, &blocks));
    rows.extend(SPREAD.map(|(distance, most)| {
        let what = format!("20 categories, total variation {distance} spread over all, block 1: median delay");
        let change = Shift {
            before: &|event, rng| categorised(event, 0.0, rng),
            after: &|event, rng| categorised(event, distance, rng),
            history: HISTORY,
        };
        found(bench, what, most, (&category, &change))
    }));
    rows.extend(bar_unequal::rows(bench));
    rows
}

fn drift(of: DriftOf, block: Option<u32>) -> Option<OneGuard> {
    OneGuard::new(policy(Signal::Drift { of }, TOLERANCE, block, Some(LEARNS)), BUDGET)
}

/// An output with everything that the guards of this bar look at.
pub fn output() -> OutputEvent {
    let mut event = OutputEvent::new("o", WorkflowId::unknown(), Outcome::Ok);
    event.scores.push(("s".into(), 0.0));
    event.attributes.push(("a".into(), "".into()));
    event
}

fn scored(event: &mut OutputEvent, score: f64) {
    event.scores.iter_mut().for_each(|(_, value)| *value = score);
}

/// Gives an output a category: half of them have `more` of all outputs more than the other half.
fn categorised(event: &mut OutputEvent, more: f64, rng: &mut Rng) {
    let is_more = rng.uniform() < 0.5 + more;
    let index = 2 * uniform_below(10, rng) + usize::from(!is_more);
    event.attributes.iter_mut().for_each(|(_, value)| *value = CATEGORIES[index].into());
}

/// No false demotion within the tolerance, on a baseline of its own in each run.
fn quiet(bench: &Bench<'_>, guard: &OneGuard, distance: f64, shift: f64) -> Row {
    let runs = bench.pick(2, 20);
    let what = format!("score, KS distance {distance} with tolerance {TOLERANCE}, block 1: false alarms");
    let counts = bench.runs(&what, runs, |rng| {
        // The baseline is of the law before the shift.
        let mut seen = 0u32;
        false_alarms(guard, output(), 1, |event| {
            seen += 1;
            scored(event, rng.normal() + if seen > LEARNS { shift } else { 0.0 });
        })
    });
    let (first, all) = (counts.first().map_or(0, |run| run.iter().sum()), counts.iter().flatten().sum::<usize>());
    let rate = real(all) / real(runs);
    Row {
        bar: 9,
        what,
        required: "0 in the first 1e6, at most 0.2 in 1e6".to_owned(),
        measured: format!("{first}, {rate:.2} in 1e6 ({all} in {runs}e6)"),
        value: rate,
        verdict: Verdict::of(first == 0 && rate <= 0.2),
    }
}

/// Scores of an autoregressive process: x ← ρ x + √(1 − ρ²) N(0, 1).
fn correlated(bench: &Bench<'_>, guard: &OneGuard) -> Row {
    let what = format!("score AR(1) {CORRELATION}, block {}: false alarms", guard.block());
    rare(bench, what, 2.0, |rng| {
        let mut x = rng.normal();
        false_alarms(guard, output(), 1, |event| {
            x = CORRELATION * x + (1.0 - CORRELATION * CORRELATION).sqrt() * rng.normal();
            scored(event, x);
        })
    })
}

/// A row on false alarms in 1e6 outputs, `run` counting them in one million. A quick simulation may be
/// above by three standard errors of a Poisson count, a full one by nothing.
pub fn rare(bench: &Bench<'_>, what: String, most: f64, run: impl Fn(&mut Rng) -> Vec<usize> + Sync) -> Row {
    let runs = bench.pick(10, 100);
    let slack = match bench.effort {
        Effort::Quick => 3.0 * (most / real(runs)).sqrt(),
        Effort::Full => 0.0,
    };
    let count = bench.runs(&what, runs, run).iter().flatten().sum::<usize>();
    let rate = real(count) / real(runs);
    Row {
        bar: 9,
        what,
        required: format!("at most {:.2} in 1e6", most + slack),
        measured: format!("{rate:.2} in 1e6 ({count} in {runs}e6)"),
        value: rate,
        verdict: Verdict::of(rate <= most + slack),
    }
}

/// A row on the median delay of a guard after a change.
pub fn found(bench: &Bench<'_>, what: String, most: f64, (guard, shift): (&OneGuard, &Shift<'_>)) -> Row {
    let delays = bench.runs(&what, bench.pick(400, 4_000), |rng| delay(guard, output(), shift, rng));
    let early = delays.iter().filter(|delay| delay.is_none()).count();
    let sample = Sample::new(delays.into_iter().flatten().collect());
    let median = sample.median();
    Row {
        bar: 9,
        what,
        required: format!("at most {}", outputs(most)),
        measured: format!("{} (90 %: {}; {early} too early)", outputs(median), outputs(sample.quantile(0.9))),
        value: median,
        verdict: Verdict::of(median <= most),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distances_are_those_that_are_named() {
        let mut rng = Rng::new(1);
        let n = 400_000;
        for (distance, shift) in WITHIN.into_iter().chain(BEYOND.map(|(distance, shift, _)| (distance, shift))) {
            // Both laws differ most half way between their means.
            let below = |rng: &mut Rng, mean: f64| (0..n).filter(|_| rng.normal() + mean <= shift / 2.0).count();
            let apart = (real(below(&mut rng, 0.0)) - real(below(&mut rng, shift))) / real(n);
            // Standard error of a difference of two shares near a half: 0.7 / √n = 0.0011.
            assert!((apart - distance).abs() < 0.0045, "{distance}: {apart}");
        }
        let mut event = output();
        let mut counts = [0u32; 20];
        for _ in 0..n {
            categorised(&mut event, 0.2, &mut rng);
            let name = event.attribute("a").unwrap();
            counts[CATEGORIES.iter().position(|other| *other == name).unwrap()] += 1;
        }
        let apart: f64 = counts.iter().map(|count| (f64::from(*count) / real(n) - 0.05).abs()).sum::<f64>() / 2.0;
        assert!((apart - 0.2).abs() < 0.005, "total variation {apart}");
        assert!(counts.chunks(2).all(|pair| pair[0] > pair[1]), "ten up, ten down: {counts:?}");
    }
}
