//! What the report doesn't know, as numbers: what was refused, what came late, when nobody counted.
//!
//! Owns these numbers and the sentences about them. Must not know where refusals are kept.

use super::build::Sources;
use super::document::{Report, Scope};
use super::week::{DAYS, Week};
use super::words::{count, many, minute};
use crate::domain::{Refusal, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What is known of the record itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Quality {
    /// Records of the journal that came in the week; without one, nothing at all is known of it.
    pub records: u64,
    /// How often andon was started in the week.
    pub starts: u64,
    /// Time of the week before these starts in which nothing was recorded, milliseconds: andon did not run for so long
    /// at most.
    pub down_ms: i64,
    /// When the first record of all was written, where that was in this week: nothing before it is known.
    #[serde(default)]
    pub began_at: Option<Time>,
    /// Events and reviews that were refused in the week, by code.
    pub refused: BTreeMap<String, u64>,
    /// Whether these are all. Of all workflows together they are counted, in weeks that were counted whole; else only
    /// the newest refusals are known (`[server] refusals_max`).
    pub refused_is_complete: bool,
    /// Events and reviews that came again and changed nothing; `null` in a report of some workflows, and of a week that
    /// was not counted whole.
    #[serde(default)]
    pub duplicates: Option<u64>,
    /// Outputs that came more than an hour after they were made.
    pub late: u64,
    /// Workflows without an output in the week.
    pub silent: Vec<String>,
}

/// The refusals that are kept.
#[derive(Debug, Clone, Default)]
pub struct Refused {
    /// Newest first.
    pub kept: Vec<Refusal>,
    /// Whether as many are kept as may be, so that earlier ones may be gone.
    pub is_full: bool,
    /// What the intake counted in the week; `None` where not all of the week was counted.
    pub counted: Option<Counts>,
}

/// What the intake counted in a week, of all workflows together.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    /// Refusals by code.
    pub refused: BTreeMap<String, u64>,
    /// What came again and changed nothing.
    pub duplicates: u64,
}

/// When andon ran, by the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Runs {
    /// Records that came.
    pub records: u64,
    /// Starts.
    pub starts: u64,
    /// Time before the starts in which nothing was recorded, milliseconds.
    pub down_ms: i64,
    /// When the first record of all came, where that was in the week.
    pub began_at: Option<Time>,
}

impl Runs {
    /// Whether the record holds all of the week, as far as andon ran: only then its sums are those of a week. How long it
    /// did not run is known as an upper limit only, and told beside them.
    pub(super) const fn is_whole(&self) -> bool {
        self.began_at.is_none()
    }
}

/// The numbers of a report that is otherwise complete.
pub(super) fn quality(report: &Report, sources: &Sources<'_>) -> Quality {
    let runs = sources.fold.runs(sources.week);
    let (refused, refused_is_complete) = refused(report, sources);
    let silent = report.matrix.iter().filter(|place| place.outputs == 0).map(|place| place.workflow.clone());
    Quality {
        records: runs.records,
        starts: runs.starts,
        down_ms: runs.down_ms,
        began_at: runs.began_at,
        refused,
        refused_is_complete,
        duplicates: duplicates(sources),
        late: report.workflows.iter().map(|week| week.late).sum(),
        silent: silent.collect(),
    }
}

fn duplicates(sources: &Sources<'_>) -> Option<u64> {
    let counted = sources.refused.counted.as_ref().filter(|_| sources.scope == Scope::Fleet)?;
    Some(counted.duplicates)
}

/// What was refused in the week, of whom the report speaks; and whether that is all.
fn refused(report: &Report, sources: &Sources<'_>) -> (BTreeMap<String, u64>, bool) {
    let Refused { kept, is_full, counted } = sources.refused;
    if let (Scope::Fleet, Some(counted)) = (&sources.scope, counted) {
        return (counted.refused.clone(), true);
    }
    let in_week = |time: Time| time >= report.from && time < report.until;
    let is_of = |refusal: &&Refusal| match &sources.scope {
        Scope::Fleet => true,
        _ => refusal.workflow.as_ref().is_some_and(|id| report.matrix.iter().any(|place| place.workflow == **id)),
    };
    let own = kept.iter().filter(|refusal| refusal.time.is_some_and(in_week)).filter(is_of);
    let mut by_code: BTreeMap<String, u64> = BTreeMap::new();
    own.for_each(|refusal| *by_code.entry(refusal.code.name().to_owned()).or_default() += 1);
    let oldest = kept.last().and_then(|refusal| refusal.time);
    (by_code, !is_full || oldest.is_some_and(|time| time < report.from))
}

/// What became of the outputs of a time without andon.
const LATER: &str = "what workflows did then is here only if they sent it later";

impl Quality {
    /// What there is to say of it, a sentence each.
    pub(super) fn sentences(&self) -> Vec<String> {
        let mut said = Vec::new();
        if self.late > 0 {
            said.push(format!(
                "{} outputs came more than an hour after they were made; more of this week may still come.",
                count(self.late)
            ));
        }
        let refused: u64 = self.refused.values().sum();
        if refused > 0 || !self.refused_is_complete {
            let by_code: Vec<String> = self.refused.iter().map(|(code, n)| format!("{code} {}", count(*n))).collect();
            let of = if by_code.is_empty() { String::new() } else { format!(" ({})", by_code.join(", ")) };
            let at_least = if self.refused_is_complete { "" } else { "At least " };
            let why = if self.refused_is_complete { "" } else { ": only the newest refusals are kept" };
            said.push(format!(
                "{at_least}{} events and reviews were refused and are in no number{of}{why}.",
                count(refused)
            ));
        }
        if let Some(duplicates @ 1..) = self.duplicates {
            said.push(format!("{} events and reviews came again and changed nothing.", count(duplicates)));
        }
        if let Some(at) = self.began_at {
            said.push(format!("andon's record begins {} UTC: nothing of this week before that is known.", minute(at)));
        }
        let times = if self.starts == 1 { "once".to_owned() } else { format!("{} times", self.starts) };
        match (self.starts, self.down_ms >= Time::MINUTE) {
            (0, _) if self.down_ms >= Time::HOUR => said.push(format!(
                "Nothing was recorded in the last {} of this week, and then andon was started: it may not have run, and {LATER}.",
                hours(self.down_ms)
            )),
            (0, _) => {}
            (_, true) => said.push(format!(
                "andon was started {times}, and did not run for {} at most: {LATER}.",
                hours(self.down_ms)
            )),
            (_, false) if self.began_at.is_none() => {
                said.push(format!("andon was started {times}, and missed less than a minute of this week."));
            }
            (_, false) => {}
        }
        said
    }
}

/// A time in hours or minutes, such as `3.5 hours`.
pub(super) fn hours(ms: i64) -> String {
    let minutes = usize::try_from(ms / Time::MINUTE).unwrap_or_default();
    if minutes < 120 {
        return many(minutes, "minute");
    }
    format!("{}.{} hours", minutes / 60, minutes % 60 / 6)
}

/// Takes the records of some weeks, in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Ran {
    weeks: BTreeMap<Week, Runs>,
    last: Option<Time>,
}

impl Ran {
    /// A record came, the first of all or a later one; `is_start` where andon was started. The times are those of the
    /// weeks' days.
    pub(super) fn take(&mut self, spans: &[(Week, [Time; DAYS + 1])], now: Time, is_first: bool, is_start: bool) {
        for (week, days) in spans {
            let (from, until) = (days[0], days[DAYS]);
            let is_in = now >= from && now < until;
            let silent_from = self.last.filter(|_| is_start).map(|last| last.max(from));
            let silent_ms = silent_from.map_or(0, |last| now.min(until).since(last).max(0));
            if is_in || silent_ms > 0 {
                let runs = self.weeks.entry(*week).or_default();
                runs.records += u64::from(is_in);
                runs.starts += u64::from(is_in && is_start);
                runs.down_ms += silent_ms;
                // A record that begins as the week does is missing nothing of it.
                runs.began_at = runs.began_at.or(Some(now).filter(|_| is_first && now.since(from) >= Time::HOUR));
            }
        }
        self.last = Some(now);
    }

    pub(super) fn of(&self, week: Week) -> Runs {
        self.weeks.get(&week).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;

    #[test]
    fn a_pause_counts_in_the_weeks_in_which_it_was() {
        let week: Week = "2026-W47".parse().unwrap();
        let next = week.plus(1).unwrap();
        let spans = [week, next].map(|week| (week, week.days(&TimeZone::UTC).unwrap()));
        let until = spans[0].1[DAYS];
        let mut ran = Ran::default();
        let first = until.plus(-5 * Time::HOUR);
        ran.take(&spans, first, true, true);
        ran.take(&spans, until.plus(-3 * Time::HOUR), false, false);
        ran.take(&spans, until.plus(2 * Time::HOUR), false, true);
        let began_at = Some(first);
        assert_eq!(ran.of(week), Runs { records: 2, starts: 1, down_ms: 3 * Time::HOUR, began_at });
        assert_eq!(ran.of(next), Runs { records: 1, starts: 1, down_ms: 2 * Time::HOUR, began_at: None });
        assert!(!ran.of(week).is_whole() && ran.of(next).is_whole());
        assert_eq!((hours(3 * Time::HOUR + 31 * Time::MINUTE), hours(60_000)), ("3.5 hours".into(), "1 minute".into()));
    }
}
