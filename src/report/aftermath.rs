//! How a workflow did before the change that a guard saw, and since it was lowered for it.
//!
//! Owns the counting of both. What came after a demotion is the one witness that the guard had not heard: whether it went
//! on, or was over at once. What is made of it is `decisions`'.

use super::document::{Counted, Move};
use super::shift::segments;
use super::tally::Tally;
use crate::domain::{OutputEvent, Signal, Time, Verdict};
use crate::monitor::observe::sla_met;

/// When an output was made, as far as it is known.
pub(super) type Made<'a> = &'a dyn Fn(&str) -> Option<Time>;

/// Counts what a guard counts before the change and since the demotion, in the samples of both weeks; verdicts by when
/// they came. All are `None` where the guard counts no shares, or nothing came.
///
/// `until` is when the mode changed otherwise than by going further down: what came then is another matter.
pub(super) fn count(of: &mut Move, signal: &Signal, weeks: [Option<&Tally>; 2], made: Made<'_>, until: Option<Time>) {
    let mut seen: Vec<(Time, bool)> = Vec::new();
    for tally in weeks.into_iter().flatten() {
        if *signal == Signal::RejectionRate {
            let fresh = |(output, time, verdict): (&str, Time, usize)| {
                // A verdict on what was made before it was lowered says nothing of what came since.
                let is_of_since = time <= of.time || made(output).is_some_and(|made| made > of.time);
                is_of_since.then_some((time, verdict == Verdict::Rejected as usize))
            };
            seen.extend(tally.verdicts().filter_map(fresh));
        } else {
            let sampled = tally.sample.outputs().into_iter();
            seen.extend(sampled.filter_map(|one| Some((one.time, is_hit(signal, &one.event)?))));
        }
    }
    // Those of one moment stay as they are: what failed among them came no later.
    seen.sort_by_key(|(time, _)| *time);
    let end = until.map_or(seen.len(), |until| seen.partition_point(|(time, _)| *time < until));
    // The first of what was too much may lie before the estimated time: what is uncertain is neither before nor since.
    let changed_at = of.changed_between.map(|[early, _]| early).or(of.changed_at).unwrap_or(of.time);
    let before = &seen[..seen.partition_point(|(time, _)| *time < changed_at)];
    // What came with the output that completed the evidence was on its way already.
    let since = &seen[seen.partition_point(|(time, _)| *time <= of.time).min(end)..end];
    let lately = &since[since.len() / 2..];
    [of.before, of.since, of.lately] = [before, since, lately].map(sum);
    let known_before = of.changed_at.unwrap_or(of.time);
    if of.source.as_ref().is_some_and(|source| is_the_failure_itself(source, signal, known_before, weeks)) {
        of.source = None;
    }
}

fn sum(part: &[(Time, bool)]) -> Option<Counted> {
    let hits = part.iter().filter(|(_, is_hit)| *is_hit).count() as u64;
    (!part.is_empty()).then_some(Counted { n: part.len() as u64, hits })
}

/// Whether an attribute only says once more that an output failed (`stage = failed`): no good output ever had it, and what
/// failed before the change mostly had it, too. A new version whose outputs all fail has it since the change only.
fn is_the_failure_itself(source: &str, signal: &Signal, changed_at: Time, weeks: [Option<&Tally>; 2]) -> bool {
    let (mut failed_before, mut has_it) = (0_u64, 0_u64);
    for sampled in weeks.into_iter().flatten().flat_map(|tally| tally.sample.outputs()) {
        let is_in = segments(&sampled.event, "").iter().any(|segment| segment == source);
        match is_hit(signal, &sampled.event) {
            Some(false) if is_in => return false,
            Some(true) if sampled.time < changed_at => {
                (failed_before, has_it) = (failed_before + 1, has_it + u64::from(is_in));
            }
            _ => {}
        }
    }
    failed_before > 0 && 2 * has_it >= failed_before
}

fn is_hit(signal: &Signal, event: &OutputEvent) -> Option<bool> {
    match signal {
        Signal::ExceptionRate { kind: None } => Some(event.is_exception()),
        Signal::ExceptionRate { kind: Some(kind) } => Some(event.exception.as_deref() == Some(kind)),
        Signal::Latency { limit_ms } => event.latency_ms.map(|ms| ms > *limit_ms),
        Signal::Sla { limit_ms } => sla_met(*limit_ms, event).map(|met| !met),
        _ => None,
    }
}
