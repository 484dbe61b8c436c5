//! The rest of bar 9: groups that fail unequally often, and costs per unit.
//!
//! Owns the groups and costs that are simulated. Its rows stand with those of drift.

use super::Row;
use super::bar_drift::{BUDGET, found, output, rare};
use super::bench::Bench;
use super::one_guard::{OneGuard, Shift, false_alarms, policy};
use super::streams::{COST_CAP, Stream, UNITS_MAX, cost};
use crate::domain::{Money, Outcome, OutputEvent, Signal};
use crate::stats::rng::Rng;

/// How many times as often as the rest a group may fail.
const RATIO: f64 = 1.25;
/// Exceptions of all groups where they are equal.
const RATE: f64 = 0.02;
/// Exceptions of all groups before one changes.
const LOW_RATE: f64 = 0.002;
/// How many times as often it fails then.
const TIMES: f64 = 5.0;
/// Outputs before.
const HISTORY: usize = 5_000;
const GROUPS: [&str; 4] = ["a", "b", "c", "d"];

/// Measures them.
pub fn rows(bench: &Bench<'_>) -> Vec<Row> {
    let disparity = Signal::Disparity { attribute: "a".to_owned() };
    let mut rows = Vec::new();
    if let Some(guard) = OneGuard::new(policy(disparity, RATIO, None, None), BUDGET) {
        rows.extend([&[0.7, 0.3][..], &[0.25; 4]].map(|shares| equal(bench, &guard, shares)));
        rows.extend([0.3, 0.5].map(|share| unequal(bench, &guard, share)));
    }
    if let Some(guard) = cost_guard() {
        let what = format!("Pareto(1.5) cost at its bound, block {}: false alarms", guard.block());
        rows.push(rare(bench, what, 1.0, |rng| false_alarms(&guard, output(), 1, |event| costs(event, 1.0, rng))));
        let shift = Shift {
            before: &|event, rng| costs(event, 1.0, rng),
            after: &|event, rng| costs(event, 2.0, rng),
            history: 2_000,
        };
        let what = format!("the same, twice the cost, block {}: median delay", guard.block());
        rows.push(found(bench, what, 200.0, (&guard, &shift)));
    }
    rows
}

/// Gives an output a group, and an outcome by the group's rate.
fn grouped(event: &mut OutputEvent, shares: &[f64], rate: impl Fn(usize) -> f64, rng: &mut Rng) {
    let mut left = rng.uniform();
    let is_of = |share: &f64| {
        left -= share;
        left < 0.0
    };
    let group = shares.iter().position(is_of).unwrap_or(shares.len() - 1);
    event.attributes.iter_mut().for_each(|(_, value)| *value = GROUPS[group].into());
    event.outcome = if rng.uniform() < rate(group) { Outcome::Exception } else { Outcome::Ok };
}

fn equal(bench: &Bench<'_>, guard: &OneGuard, shares: &[f64]) -> Row {
    let percent: Vec<String> = shares.iter().map(|share| format!("{:.0}", 100.0 * share)).collect();
    let what = format!("disparity {RATIO}, equal groups {}, exceptions {RATE}: false alarms", percent.join("/"));
    rare(bench, what, 0.5, |rng| false_alarms(guard, output(), 1, |event| grouped(event, shares, |_| RATE, rng)))
}

fn unequal(bench: &Bench<'_>, guard: &OneGuard, share: f64) -> Row {
    let shares = [1.0 - share, share];
    let what = format!("disparity {RATIO}, a group of {share} fails {TIMES} times {LOW_RATE}: median delay");
    let shift = Shift {
        before: &|event, rng| grouped(event, &shares, |_| LOW_RATE, rng),
        after: &|event, rng| grouped(event, &shares, |group| if group == 1 { TIMES } else { 1.0 } * LOW_RATE, rng),
        history: HISTORY,
    };
    found(bench, what, 20_000.0, (guard, &shift))
}

/// The bound is the mean cost of one unit, capped, over the cap: in money it is `bound` caps.
fn cost_guard() -> Option<OneGuard> {
    let cap = COST_CAP.to_string().parse().ok()?;
    let signal = Signal::CostPerUnit { cap, units_max: UNITS_MAX };
    OneGuard::new(policy(signal, Stream::Cost.bound() * COST_CAP, None, None), BUDGET)
}

/// Gives an output units and a cost, `times` the usual one.
fn costs(event: &mut OutputEvent, times: f64, rng: &mut Rng) {
    let (amount, units) = cost(rng);
    event.units = units;
    // No output may cost more than so much; the guard caps far below.
    let amount = (times * amount).min(1e8);
    event.cost = format!("{amount:.15}").parse::<Money>().ok();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibrate::sample::real;

    #[test]
    fn groups_have_their_shares_and_rates() {
        let (mut rng, mut event) = (Rng::new(1), output());
        let n = 200_000;
        let (mut outputs, mut exceptions) = ([0u32; 2], [0u32; 2]);
        for _ in 0..n {
            grouped(&mut event, &[0.7, 0.3], |group| if group == 1 { 0.5 } else { 0.1 }, &mut rng);
            let group = usize::from(event.attribute("a") == Some("b"));
            outputs[group] += 1;
            exceptions[group] += u32::from(event.is_exception());
        }
        // Standard errors are at most 0.0016.
        assert!((f64::from(outputs[1]) / real(n) - 0.3).abs() < 0.005, "{outputs:?}");
        let rates: Vec<f64> = (0..2).map(|i| f64::from(exceptions[i]) / f64::from(outputs[i])).collect();
        assert!((rates[0] - 0.1).abs() < 0.005 && (rates[1] - 0.5).abs() < 0.01, "{rates:?}");
    }

    #[test]
    fn costs_are_readable_and_twice_as_high_when_doubled() {
        let (mut once, mut twice) = (output(), output());
        for seed in 0..500 {
            costs(&mut once, 1.0, &mut Rng::new(seed));
            costs(&mut twice, 2.0, &mut Rng::new(seed));
            let (once, twice) = (once.cost.unwrap().to_f64(), twice.cost.unwrap().to_f64());
            assert!((2.0 * once - twice).abs() < 1e-12 * twice + 1e-14, "{once} {twice}");
        }
        assert_eq!(cost_guard().unwrap().block(), 5);
    }
}
