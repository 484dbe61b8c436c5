//! How a workflow did before the change that a guard saw, and since it was lowered for it.
//!
//! Owns the counting of both. What came after a demotion is the one witness that the guard had not heard: whether it went
//! on, or was over at once. What is made of it is `decisions`'.

use super::document::{Counted, Move, SourceCounts};
use super::origins::{Origin, Origins};
use super::tally::Tally;
use crate::domain::{OutputEvent, Signal, Time, Verdict};
use crate::monitor::observe::sla_met;

/// Where an output came from, as far as it is known.
pub(super) type Came<'a> = &'a dyn Fn(&str) -> Option<(&'a Origins, &'a Origin)>;

/// Something that a guard counts: an output, or a verdict.
#[derive(Clone, Copy)]
struct Seen {
    time: Time,
    is_hit: bool,
    is_of_source: bool,
}

/// Counts what a guard counts before the change and since the demotion, in the samples of both weeks; verdicts by when
/// they came. All are `None` where the guard counts no shares, or nothing came.
///
/// `until` is when the mode changed otherwise than by going further down: what came then is another matter.
pub(super) fn count(of: &mut Move, signal: &Signal, weeks: [Option<&Tally>; 2], came: Came<'_>, until: Option<Time>) {
    let known_before = of.changed_at.unwrap_or(of.time);
    if of.source.as_ref().is_some_and(|source| is_the_failure_itself(source, signal, known_before, weeks)) {
        of.source = None;
    }
    let source = of.source.as_deref();
    let mut seen: Vec<Seen> = Vec::new();
    for tally in weeks.into_iter().flatten() {
        if *signal == Signal::RejectionRate {
            seen.extend(tally.verdicts().filter_map(|(output, time, verdict)| {
                let origin = came(output);
                // A verdict on what was made before it was lowered says nothing of what came since.
                let is_of_since = time <= of.time || origin.is_some_and(|(_, origin)| origin.time > of.time);
                let is_of_source = origin.is_some_and(|(all, origin)| {
                    all.segments(origin).any(|(name, value)| source == Some(&format!("{name} = {value}")))
                });
                is_of_since.then_some(Seen { time, is_hit: verdict == Verdict::Rejected as usize, is_of_source })
            }));
        } else {
            of.is_sampled |= tally.sample.is_part();
            seen.extend(tally.sample.outputs().into_iter().filter_map(|one| {
                let is_of_source = source.is_some_and(|source| is_in(&one.event, source));
                Some(Seen { time: one.time, is_hit: is_hit(signal, &one.event)?, is_of_source })
            }));
        }
    }
    // Those of one moment stay as they are: what failed among them came no later.
    seen.sort_by_key(|one| one.time);
    let end = until.map_or(seen.len(), |until| seen.partition_point(|one| one.time < until));
    // The first of what was too much may lie before the estimated time: what is uncertain is neither before nor since.
    let changed_at = of.changed_between.map(|[early, _]| early).or(of.changed_at).unwrap_or(of.time);
    let changed = seen.partition_point(|one| one.time < changed_at);
    // What came with the output that completed the evidence was on its way already.
    let lowered = seen.partition_point(|one| one.time <= of.time).min(end);
    let since = &seen[lowered..end];
    [of.before, of.since, of.lately] = [&seen[..changed], since, &since[since.len() / 2..]].map(sum);
    of.source_counts = source.and_then(|_| of_source(&seen[changed.min(lowered)..lowered], since));
}

/// How the source did until the mode was lowered, and the others since; `None` where nothing of it is known.
fn of_source(until: &[Seen], since: &[Seen]) -> Option<SourceCounts> {
    let part = |seen: &[Seen], own: bool| -> Vec<Seen> {
        seen.iter().filter(|one| one.is_of_source == own).copied().collect()
    };
    let own = part(until, true);
    let mut hits = own.iter().filter(|one| one.is_hit).map(|one| one.time);
    let first = hits.next()?;
    let between = [first, hits.last().unwrap_or(first)];
    Some(SourceCounts { own: sum(&own)?, all: sum(until)?, between, others_since: sum(&part(since, false)) })
}

fn sum(part: &[Seen]) -> Option<Counted> {
    let hits = part.iter().filter(|one| one.is_hit).count() as u64;
    (!part.is_empty()).then_some(Counted { n: part.len() as u64, hits })
}

fn is_in(event: &OutputEvent, segment: &str) -> bool {
    event.segments().any(|(name, value)| segment == format!("{name} = {value}"))
}

/// Whether an attribute only says once more that an output failed (`stage = failed`): no good output ever had it, and what
/// failed before the change mostly had it, too. A new version whose outputs all fail has it since the change only.
fn is_the_failure_itself(source: &str, signal: &Signal, changed_at: Time, weeks: [Option<&Tally>; 2]) -> bool {
    let (mut failed_before, mut has_it) = (0_u64, 0_u64);
    for sampled in weeks.into_iter().flatten().flat_map(|tally| tally.sample.outputs()) {
        let is_in = is_in(&sampled.event, source);
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
