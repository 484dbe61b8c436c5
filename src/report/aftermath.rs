//! How a workflow did before the change that a guard saw, and since it was lowered for it.
//!
//! Owns the counting of both. What came after a demotion is the one witness that the guard had not heard: whether it went
//! on, or was over at once. What is made of it is `decisions`'.

use super::document::{Counted, Move, SourceCounts};
use super::origins::{Origins, find};
use super::tally::Tally;
use crate::domain::{OutputEvent, Signal, Time, Verdict};
use crate::monitor::observe::sla_met;

/// Values that say that an output failed.
const FAILING: [&str; 12] = [
    "abort",
    "aborted",
    "crash",
    "crashed",
    "error",
    "exception",
    "fail",
    "failed",
    "failure",
    "rejected",
    "timed_out",
    "timeout",
];

/// So many before the earliest time at which it may have changed are enough to tell how it was; of fewer, those up to the
/// estimated time are taken.
const BEFORE_MIN: usize = 10;

/// Fewer before the change tell nothing.
const TOLD_MIN: usize = 5;

/// Something that a guard counts: an output, or a verdict.
#[derive(Clone, Copy)]
struct Seen {
    time: Time,
    is_hit: bool,
    /// `None` where nobody knows where it came from.
    is_of_source: Option<bool>,
    is_of_kind: bool,
    /// A verdict that came since the mode was lowered, and says nothing of what came since.
    is_older: bool,
}

/// Counts what a guard counts before the change and since the demotion, in the samples of both weeks; verdicts by when
/// they came. All are `None` where the guard counts no shares, or nothing came.
///
/// `until` is when the mode changed otherwise than by going further down: what came then is another matter.
pub(super) fn count(
    of: &mut Move,
    signal: &Signal,
    weeks: [Option<&Tally>; 2],
    known: [Option<&Origins>; 2],
    until: Option<Time>,
) {
    let stated = of.changed_at.unwrap_or(of.time);
    let is_tautology = |segment: &str| is_the_failure_itself(segment, signal, stated, weeks);
    of.carriers.retain(|carrier| {
        let segment = carrier.rsplit_once(" (").map_or(carrier.as_str(), |(segment, _)| segment);
        segment.starts_with(KIND) || !is_tautology(segment)
    });
    of.source = of.source.take().filter(|source| !is_tautology(source));
    let seen = seen(of, signal, weeks, known);
    let end = until.map_or(seen.len(), |until| seen.partition_point(|one| one.time < until));
    let up_to = |time: Time| seen.partition_point(|one| one.time < time);
    // The first of what was too much may lie before the estimated time: what is uncertain is neither before nor since.
    let changed = up_to(stated);
    let early = of.changed_between.map_or(changed, |[early, _]| up_to(early).min(changed));
    let before = &seen[..if early < BEFORE_MIN { changed } else { early }];
    // What came with the output that completed the evidence was on its way already.
    let lowered = seen.partition_point(|one| one.time <= of.time).min(end);
    let (older, since): (Vec<Seen>, Vec<Seen>) = seen[lowered..end].iter().copied().partition(|one| one.is_older);
    of.is_sampled = *signal != Signal::RejectionRate && weeks.into_iter().flatten().any(|week| week.sample.is_part());
    let is_told = before.len() >= TOLD_MIN;
    let good = before.iter().filter(|one| !one.is_hit).count();
    of.is_from_first = !is_told && !seen.is_empty() && 2 * good <= before.len();
    let before = if is_told { before } else { &[] };
    [of.before, of.since, of.lately] = [before, &since, &since[since.len() / 2..]].map(sum);
    of.since_older = sum(&older);
    of.source_counts = of.source.as_ref().and_then(|_| of_source(&seen[changed.min(lowered)..lowered], &since));
    let failed = since.iter().filter(|one| one.is_hit);
    let of_kind = failed.clone().filter(|one| one.is_of_kind).count() as u64;
    of.kind_since = kind(of).map(|_| Counted { n: failed.count() as u64, hits: of_kind }).filter(|failed| failed.n > 0);
}

/// All that the guard counts, in order of time.
fn seen(of: &Move, signal: &Signal, weeks: [Option<&Tally>; 2], known: [Option<&Origins>; 2]) -> Vec<Seen> {
    let (source, kind) = (of.source.as_deref().and_then(|source| source.split_once(" = ")), kind(of));
    let mut seen: Vec<Seen> = Vec::new();
    for tally in weeks.into_iter().flatten() {
        if *signal == Signal::RejectionRate {
            seen.extend(tally.verdicts().filter_map(|(output, time, verdict)| {
                let origin = find(known, output);
                let is_of_source = origin.map(|(all, origin)| all.segments(origin).any(|own| source == Some(own)));
                let is_hit = verdict == Verdict::Rejected as usize;
                // Whether what was judged since was made since, nobody knows of one whose output isn't known.
                let is_older = time > of.time && origin?.1.time <= of.time;
                Some(Seen { time, is_hit, is_of_source, is_of_kind: false, is_older })
            }));
        } else {
            seen.extend(tally.sample.outputs().into_iter().filter_map(|one| {
                let is_hit = is_hit(signal, &one.event)?;
                let is_of_source = Some(source.is_some_and(|source| one.event.segments().any(|own| own == source)));
                let is_of_kind = kind.is_some_and(|kind| one.event.exception.as_deref() == Some(kind));
                Some(Seen { time: one.time, is_hit, is_of_source, is_of_kind, is_older: false })
            }));
        }
    }
    // Those of one moment stay as they are: what failed among them came no later.
    seen.sort_by_key(|one| one.time);
    seen
}

/// What begins a carrier that is a kind of exceptions.
const KIND: &str = "exception = ";

/// The one kind of exceptions that carried a demotion for exceptions, if it was one.
pub(super) fn kind(of: &Move) -> Option<&str> {
    of.signal.as_deref().filter(|signal| *signal == "exception_rate")?;
    let mut kinds = of.carriers.iter().filter_map(|carrier| carrier.strip_prefix(KIND)?.rsplit_once(" ("));
    kinds.next().filter(|_| kinds.next().is_none()).map(|(kind, _)| kind)
}

/// How the source did until the mode was lowered, and it and the others since; `None` where nothing of it is known.
fn of_source(until: &[Seen], since: &[Seen]) -> Option<SourceCounts> {
    let part = |seen: &[Seen], own: bool| -> Vec<Seen> {
        seen.iter().filter(|one| one.is_of_source == Some(own)).copied().collect()
    };
    let known: Vec<Seen> = until.iter().filter(|one| one.is_of_source.is_some()).copied().collect();
    let own = part(until, true);
    let mut hits = own.iter().filter(|one| one.is_hit).map(|one| one.time);
    let first = hits.next()?;
    let between = [first, hits.next_back().unwrap_or(first)];
    let [own_since, others_since] = [true, false].map(|own| sum(&part(since, own)));
    Some(SourceCounts { own: sum(&own)?, all: sum(&known)?, between, own_since, others_since })
}

fn sum(part: &[Seen]) -> Option<Counted> {
    let hits = part.iter().filter(|one| one.is_hit).count() as u64;
    (!part.is_empty()).then_some(Counted { n: part.len() as u64, hits })
}

/// Whether an attribute only says once more that an output failed (`stage = failed`): no good output ever had it, and
/// either what failed before the change mostly had it, too, or its value is a word for failing. A new version whose outputs
/// all fail has it since the change only.
fn is_the_failure_itself(source: &str, signal: &Signal, changed_at: Time, weeks: [Option<&Tally>; 2]) -> bool {
    let Some(own) = source.split_once(" = ") else { return false };
    let (mut failed, mut failed_before, mut has_it) = (0_u64, 0_u64, 0_u64);
    for sampled in weeks.into_iter().flatten().flat_map(|tally| tally.sample.outputs()) {
        let is_in = sampled.event.segments().any(|segment| segment == own);
        match is_hit(signal, &sampled.event) {
            Some(false) if is_in => return false,
            Some(true) => {
                failed += u64::from(is_in);
                if sampled.time < changed_at {
                    (failed_before, has_it) = (failed_before + 1, has_it + u64::from(is_in));
                }
            }
            _ => {}
        }
    }
    let is_word = FAILING.contains(&own.1.to_ascii_lowercase().as_str());
    failed > 0 && (is_word || failed_before > 0 && 2 * has_it >= failed_before)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Outcome, WorkflowId};
    use crate::monitor::kpi::Limits;

    /// A hundred outputs, of which the later half fails where `stage` says so.
    fn week(stage: impl Fn(i64) -> &'static str, fails: impl Fn(i64) -> bool) -> Tally {
        let mut week = Tally::new(1_000);
        for n in 0..100 {
            let outcome = if fails(n) { Outcome::Exception } else { Outcome::Ok };
            let mut event = OutputEvent::new(&format!("o-{n}"), WorkflowId::new("wf").unwrap(), outcome);
            event.attributes = vec![("stage".into(), stage(n).into())];
            week.output(Limits::default(), &event, Time(n), n, 0, Time(n));
        }
        week
    }

    #[test]
    fn only_what_says_once_more_that_an_output_failed_is_the_failure_itself() {
        let is_it = |segment: &str, signal: &Signal, week: &Tally| {
            is_the_failure_itself(segment, signal, Time(50), [Some(week), None])
        };
        let exceptions = Signal::ExceptionRate { kind: None };
        let late = |n: i64| n >= 50;
        let named = week(|n| if n >= 50 { "failed" } else { "completed" }, late);
        assert!(is_it("stage = failed", &exceptions, &named), "a word for failing, though none failed before");
        assert!(!is_it("stage = completed", &exceptions, &named));
        // Of rejections no output says whether it was one.
        assert!(!is_it("stage = failed", &Signal::RejectionRate, &named));
        let canary = week(|n| if n >= 50 { "v2" } else { "v1" }, late);
        assert!(!is_it("stage = v2", &exceptions, &canary), "a new version that fails since the change only");
        let coded = week(|n| if n % 10 == 0 || n >= 50 { "e7" } else { "ok" }, |n| n % 10 == 0 || n >= 50);
        assert!(is_it("stage = e7", &exceptions, &coded), "what failed before had it, too");
        let harmless = week(|n| if n >= 40 { "failed" } else { "completed" }, late);
        assert!(!is_it("stage = failed", &exceptions, &harmless), "good outputs have it");
    }
}
