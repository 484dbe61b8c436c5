//! Whether several workflows changed at the same time, as a shared cause would have it.
//!
//! Owns when that is told. What changed and how stands with each workflow.

use super::document::Report;
use super::tally::Tally;
use super::words::{minute, named};
use crate::domain::Time;
use crate::stats::number::{count, number};
use statrs::distribution::{DiscreteCDF as _, Poisson};
use std::collections::BTreeSet;

/// So close together.
const WITHIN_MS: i64 = 30 * Time::MINUTE;
/// Fewer workflows say nothing.
const WORKFLOWS_MIN: usize = 3;
/// Outputs come more at some times than at others, and with them changes: so many times as often as on average.
const BUSY: f64 = 3.0;
/// The chance that as many come together somewhere in the week.
const ALPHA: f64 = 0.01;

/// The half hour of the week in which most workflows changed, if that is more than chance makes it. `tallies` are those of
/// the week: a change is seen with an output, so only half hours with outputs count, and jobs that all run at two at night
/// change together by chance.
pub(super) fn together<'t>(report: &Report, tallies: impl Iterator<Item = &'t Tally>) -> Option<String> {
    let mut changes: Vec<(Time, &str)> = Vec::new();
    for week in &report.workflows {
        let shifts = week.shifts.iter().filter(|shift| shift.is_clear).flat_map(super::shift::Shift::changes);
        let exceptions = week.stretches.iter().skip(1).map(|one| one.from);
        let of_week = shifts.chain(exceptions).filter(|time| *time >= report.from && *time < report.until);
        // Several signals of one workflow that change at once are one change of it.
        let mut times: Vec<Time> = of_week.collect();
        times.sort_unstable();
        times.dedup_by(|later, earlier| later.since(*earlier) <= WITHIN_MS);
        changes.extend(times.into_iter().map(|time| (time, week.workflow.as_str())));
    }
    changes.sort_unstable();
    let near = |first: usize| {
        let end = changes.partition_point(|(time, _)| time.since(changes[first].0) <= WITHIN_MS);
        changes[first..end].iter().map(|(_, id)| *id).collect::<BTreeSet<&str>>()
    };
    let (first, ids) = (0..changes.len()).map(|first| (first, near(first))).rev().max_by_key(|(_, ids)| ids.len())?;
    let busy: BTreeSet<i64> = tallies.flat_map(|tally| tally.slots(WITHIN_MS)).collect();
    let windows = number(count(busy.len().max(1)));
    let mean = BUSY * number(count(changes.len())) / windows;
    let by_chance = windows * Poisson::new(mean).ok()?.sf(count(ids.len()) - 1);
    if ids.len() < WORKFLOWS_MIN || by_chance > ALPHA {
        return None;
    }
    // The middle one of those that changed together: each is an estimate.
    let end = changes.partition_point(|(time, _)| time.since(changes[first].0) <= WITHIN_MS);
    let at = changes[first + (end - first) / 2].0;
    let ids: Vec<&str> = ids.into_iter().collect();
    Some(format!(
        "At about {} UTC {} workflows changed at once, as by one cause: {}.",
        minute(at),
        ids.len(),
        named(&ids)
    ))
}
