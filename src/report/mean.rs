//! Intervals of means of money and time, and how end-to-end times are distributed.
//!
//! Owns which sums belong to which measure. How good the intervals are is said where they are made
//! (`stats::ratio_mean`).

use super::measure::{Figure, Measure, finish, quantile_of};
use super::tally::Tally;
use crate::domain::WorkflowPolicy;
use crate::monitor::view::review_cost_per_unit;

const MINUTE_MS: f64 = 60_000.0;

/// The 95 % interval of a mean that is `value`; `None` where there are too few values, or it is no mean.
pub(super) fn interval(measure: &str, value: f64, tally: &Tally, policy: &WorkflowPolicy) -> Option<[f64; 2]> {
    let sums = &tally.sums;
    match measure {
        "cost_per_unit" => sums.cost.interval(),
        "value_per_unit" => sums.value.interval(),
        "cycle_minutes" => sums.cycle.interval(),
        "review_minutes" => sums.review.interval(),
        "cost_to_serve" => serve(value, tally, policy),
        _ => None,
    }
}

/// Of machines and people together, put together from the intervals of both as that of a difference is (MOVER: Zou,
/// Donner 2008). How many verdicts there were for each unit is no matter of chance: it was declared.
fn serve(value: f64, tally: &Tally, policy: &WorkflowPolicy) -> Option<[f64; 2]> {
    let (sums, counts) = (&tally.sums, tally.counts());
    let (machines, of_machines) = (sums.cost.ratio()?, sums.cost.interval()?);
    if counts.reviews().given == 0 {
        return Some(of_machines);
    }
    let people = review_cost_per_unit(&counts, policy.reviewing.cost_per_hour?)?;
    let (minutes, of_minutes) = (sums.review.ratio()?, sums.review.interval()?);
    let per_minute = if minutes > 0.0 { people / minutes } else { 0.0 };
    let below = (machines - of_machines[0]).hypot(people - of_minutes[0] * per_minute);
    let above = (of_machines[1] - machines).hypot(of_minutes[1] * per_minute - people);
    Some([value - below, value + above])
}

/// End-to-end times beside their mean: half of them are shorter, and one in twenty is longer.
pub(super) fn cycles(weeks: [Option<&Tally>; 2]) -> Vec<Measure> {
    let minutes = |figure: Figure| Figure {
        value: figure.value / MINUTE_MS,
        interval: figure.interval.map(|ends| ends.map(|end| end / MINUTE_MS)),
        ..figure
    };
    let measure = |(name, title, q): (&str, &str, f64)| {
        let of = |tally: &Tally| quantile_of(q, &tally.cycles, true).map(minutes);
        let what = (name, title, "minutes".to_owned(), Some(false));
        finish(what, weeks.map(|tally| tally.and_then(of)), None, Vec::new())
    };
    let both = [("cycle_p50_minutes", "Cycle time, median", 0.5), ("cycle_p95_minutes", "Cycle time, 95 %", 0.95)];
    both.into_iter().map(measure).collect()
}

/// How far a difference is from none, in halves of its interval: 1 is just clear at 95 %.
pub(super) fn strength(difference: f64, [low, high]: [f64; 2]) -> f64 {
    let half = if difference > 0.0 { difference - low } else { high - difference };
    if half > 0.0 { difference.abs() / half } else { f64::INFINITY }
}

/// So many standard errors make a difference clear among so many that are looked at, in halves of a 95 % interval.
pub(super) fn clear_among(comparisons: u64) -> f64 {
    use crate::stats::confidence::{Z95, z_of};
    z_of(0.05, usize::try_from(comparisons).unwrap_or(usize::MAX)) / Z95
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strength_is_in_halves_of_the_interval_towards_none() {
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} {b}");
        near(strength(2.0, [1.0, 9.0]), 2.0);
        near(strength(-2.0, [-9.0, 2.0]), 0.5);
        near(clear_among(1), 1.0);
        // Two-sided 5 % of 1,000 comparisons: 4.0556 standard errors.
        near((clear_among(1_000) * 1e3).round(), 2_069.0);
    }
}
