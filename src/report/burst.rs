//! Rejections that came all at once: somebody closed many outputs in one go.
//!
//! Owns when that is told. Forty rejections within minutes are one act as likely as forty findings, and a guard that counts
//! verdicts can't tell; the council can.

use super::groups::REJECTED;
use super::measure::{gap, interval};
use super::origins::{Origins, find};
use super::tally::Tally;
use crate::domain::Time;
use crate::stats::number::number;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// So close together.
pub(super) const WITHIN_MS: i64 = 5 * 60_000;
/// Fewer are told of nowhere.
const REJECTIONS_MIN: u64 = 10;
/// And a smaller part of the week's rejections neither.
const SHARE_MIN: f64 = 0.1;
/// So many are nearly all.
const COMMON_MIN: f64 = 0.9;

/// Outputs that were rejected within five minutes, clearly more of those that were judged than in the rest of the week. Of
/// each output the first verdict counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Burst {
    /// When the first and the last came.
    pub between: [Time; 2],
    /// Outputs that were judged within that time …
    pub verdicts: u64,
    /// … of them rejected …
    pub rejected: u64,
    /// … of all that were rejected in the week.
    pub of: u64,
    /// What nearly all of the rejected outputs have in common, such as `repository = acme/site`; `null` where nothing is
    /// known.
    pub group: Option<String>,
}

/// The densest five minutes of a week's rejections, if they are worth a word.
pub(super) fn burst(week: &Tally, known: [Option<&Origins>; 2]) -> Option<Burst> {
    let mut verdicts: Vec<(Time, bool, &str)> =
        week.verdicts().map(|(output, time, verdict)| (time, verdict == REJECTED, output)).collect();
    verdicts.sort_unstable();
    let rejected: Vec<(Time, &str)> =
        verdicts.iter().filter(|(_, is_rejected, _)| *is_rejected).map(|(time, _, output)| (*time, *output)).collect();
    let last = |first: usize| rejected.partition_point(|(time, _)| time.since(rejected[first].0) <= WITHIN_MS);
    // The first of those that are as dense.
    let (first, end) = (0..rejected.len()).map(|first| (first, last(first))).rev().max_by_key(|(a, b)| b - a)?;
    let own = rejected.get(first..end)?;
    let between = [own.first()?.0, own.last()?.0];
    let (n, of) = (own.len() as u64, rejected.len() as u64);
    let within = verdicts.iter().filter(|(time, ..)| *time >= between[0] && *time <= between[1]).count() as u64;
    let others = verdicts.len() as u64 - within;
    let share = |part: u64, all: u64| number(part) / number(all.max(1));
    let is_other = match others {
        0 => share(n, within) >= COMMON_MIN,
        _ => {
            let (own, rest) = (share(n, within), share(of - n, others));
            gap(own, interval(own, within), rest, interval(rest, others))[0] > 0.0
        }
    };
    let is_told = n >= REJECTIONS_MIN && share(n, of) >= SHARE_MIN && is_other;
    is_told.then(|| Burst { between, verdicts: within, rejected: n, of, group: common(own, &rejected, known) })
}

/// What nearly all of some have in common, and at most half of the rest; the rarest among them.
fn common(own: &[(Time, &str)], all: &[(Time, &str)], known: [Option<&Origins>; 2]) -> Option<String> {
    let count = |of: &[(Time, &str)]| {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for (origins, origin) in of.iter().filter_map(|(_, output)| find(known, output)) {
            for (name, value) in origins.segments(origin) {
                *counts.entry(format!("{name} = {value}")).or_default() += 1;
            }
        }
        counts
    };
    let (own_counts, all_counts) = (count(own), count(all));
    let most = own_counts.values().copied().max()?;
    let is_common = |n: usize| n == most && number(n as u64) >= COMMON_MIN * number(own.len() as u64);
    let others = |name: &str| all_counts.get(name).copied().unwrap_or_default() - most;
    let rest = all.len() - own.len();
    let common = own_counts.into_iter().filter(|(name, n)| is_common(*n) && (rest == 0 || 2 * others(name) <= rest));
    common.map(|(name, _)| (others(&name), name)).min().map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Outcome, OutputEvent, Review, Verdict, WorkflowId};

    /// Every hour a verdict, every third a rejection, and at the 50th hour `at_once` rejections within two minutes.
    fn week(at_once: i64) -> (Tally, Origins) {
        let (mut tally, mut origins) = (Tally::new(10), Origins::new(1_000));
        let mut judged = |id: &str, repository: &str, time: Time, verdict: Verdict| {
            let mut event = OutputEvent::new(id, WorkflowId::new("wf").unwrap(), Outcome::Ok);
            event.attributes = vec![("repository".into(), repository.into()), ("model".into(), "m-1".into())];
            origins.take(&event, time);
            tally.review(&review(id, verdict), time, 0);
        };
        for hour in 0..150 {
            let verdict = if hour % 3 == 0 { Verdict::Rejected } else { Verdict::Accepted };
            judged(&format!("o-{hour}"), &format!("r-{}", hour % 9), Time(hour * Time::HOUR), verdict);
        }
        for n in 0..at_once {
            let time = Time(50 * Time::HOUR + 1 + n * 120_000 / at_once);
            judged(&format!("b-{n}"), "acme/site", time, Verdict::Rejected);
        }
        (tally, origins)
    }

    fn review(output: &str, verdict: Verdict) -> Review {
        Review {
            id: output.into(),
            workflow: WorkflowId::new("wf").unwrap(),
            output_id: output.into(),
            verdict,
            exception: None,
            reviewer: "ann".into(),
            time: None,
            note: None,
            minutes: None,
        }
    }

    #[test]
    fn many_at_once_are_told_with_what_they_have_in_common() {
        let (tally, origins) = week(20);
        let found = burst(&tally, [Some(&origins), None]).unwrap();
        assert_eq!((found.rejected, found.verdicts, found.of), (20, 20, 70));
        assert_eq!(found.group.as_deref(), Some("repository = acme/site"));
        assert_eq!(found.between[0], Time(50 * Time::HOUR + 1));
        assert_eq!(burst(&tally, [None, None]).unwrap().group, None);
    }

    #[test]
    fn few_or_a_usual_pace_are_not() {
        let (tally, origins) = week(9);
        assert_eq!(burst(&tally, [Some(&origins), None]), None);
        assert_eq!(burst(&Tally::new(1), [None, None]), None);
        // Somebody judges all of the week's outputs in half an hour, as strictly as ever.
        let mut busy = Tally::new(1);
        for n in 0..300 {
            let verdict = if n % 3 == 0 { Verdict::Rejected } else { Verdict::Accepted };
            busy.review(&review(&format!("o-{n}"), verdict), Time(n * 6_000), 0);
        }
        assert_eq!(burst(&busy, [None, None]), None);
        // A few minutes in which people were milder than else.
        let mut mild = Tally::new(1);
        for n in 0..100 {
            let verdict = if n % 5 == 0 { Verdict::Accepted } else { Verdict::Rejected };
            mild.review(&review(&format!("o-{n}"), verdict), Time(n * Time::HOUR), 0);
        }
        for n in 0..40 {
            let verdict = if n % 8 < 3 { Verdict::Rejected } else { Verdict::Accepted };
            mild.review(&review(&format!("m-{n}"), verdict), Time(n), 0);
        }
        assert_eq!(burst(&mild, [None, None]), None);
        // Nothing else came, and it isn't usual either.
        let mut only = Tally::new(1);
        (0..12).for_each(|n| only.review(&review(&format!("o-{n}"), Verdict::Rejected), Time(n), 0));
        assert_eq!(burst(&only, [None, None]).map(|found| (found.rejected, found.verdicts)), Some((12, 12)));
        (12..15).for_each(|n| only.review(&review(&format!("o-{n}"), Verdict::Accepted), Time(5), 0));
        assert_eq!(burst(&only, [None, None]), None);
    }
}
