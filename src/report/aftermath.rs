//! How a workflow did before the change that a guard saw, and since it was lowered for it.
//!
//! Owns the counting of both. What came after a demotion is the one witness that the guard had not heard: whether it went
//! on, or was over at once. What is made of it is `decisions`'.

use super::document::{Counted, Move};
use super::tally::Tally;
use crate::domain::{OutputEvent, Signal, Time, Verdict};
use crate::monitor::observe::sla_met;

/// Counts what a guard counts before the change and since the demotion, in the samples of both weeks; verdicts by when
/// they came. Both are `None` where the guard counts no shares, or nothing came.
pub(super) fn count(of: &mut Move, signal: &Signal, weeks: [Option<&Tally>; 2]) {
    let changed_at = of.changed_at.unwrap_or(of.time);
    let (mut before, mut since) = (Counted::default(), Counted::default());
    let mut take = |time: Time, is_hit: bool| {
        // What came with the output that completed the evidence was on its way already.
        let part = if time > of.time { &mut since } else { &mut before };
        if time > of.time || time < changed_at {
            part.n += 1;
            part.hits += u64::from(is_hit);
        }
    };
    for tally in weeks.into_iter().flatten() {
        if *signal == Signal::RejectionRate {
            tally.verdicts().for_each(|(time, verdict)| take(time, verdict == Verdict::Rejected as usize));
            continue;
        }
        for sampled in tally.sample.outputs() {
            if let Some(is_hit) = is_hit(signal, &sampled.event) {
                take(sampled.time, is_hit);
            }
        }
    }
    let some = |counted: Counted| Some(counted).filter(|counted| counted.n > 0);
    (of.before, of.since) = (some(before), some(since));
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
