//! The fold over the journal: every output and verdict of some weeks, counted for its workflow and week.
//!
//! Owns which week and day an output belongs to: that of the time when it was made; a verdict, that of when it came.
//! Must not know where inputs are from. The same inputs give the same fold, however they were cut into records.

use super::names::Names;
use super::origins::Origins;
use super::quality::{Ran, Runs};
use super::tally::Tally;
use super::week::{DAYS, Week};
use crate::domain::{CLOCK_SET, Input, OutputEvent, Policy, Time, WorkflowId};
use crate::monitor::kpi::Limits;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Outputs that are sampled of each workflow and week …
const SAMPLE_MAX: usize = 1_000;
/// … and never fewer than these …
const SAMPLE_MIN: usize = 100;
/// … however many workflows share these.
const SAMPLES_MAX: usize = 200_000;

/// Outputs whose origin is kept of each workflow, for verdicts that come later …
const ORIGINS_MAX_EACH: usize = 100_000;
/// … and never fewer than these …
const ORIGINS_MIN_EACH: usize = 200;
/// … however many workflows share these.
const ORIGINS_MAX: usize = 200_000;

/// Where at least so many outputs with a verdict are of before both weeks, what was before is asked for, too.
const UNKNOWN_MIN: usize = 10;

/// When the days of a week begin, and at last when the next week does.
type Span = (Week, [Time; DAYS + 1]);

/// The fold.
#[derive(Debug, Clone)]
pub struct Fold {
    spans: Vec<Span>,
    names: Arc<Names>,
    limits: BTreeMap<WorkflowId, Limits>,
    sample_max: usize,
    tallies: BTreeMap<(WorkflowId, Week), Tally>,
    origins: BTreeMap<WorkflowId, Origins>,
    origins_max: usize,
    ran: Ran,
    /// The last record that is in it.
    seq: u64,
    /// Its time.
    as_of: Option<Time>,
    /// That of the first one.
    first_at: Option<Time>,
    /// From when on outputs of before the weeks are known.
    known_since: Option<Time>,
    /// Where those came from. They are kept apart, so that whether they are asked for depends on nothing but the rest.
    earlier: BTreeMap<WorkflowId, Origins>,
}

impl Fold {
    /// An empty fold over some weeks. What an output is held against is the policy's; what came under a former id of a
    /// workflow counts for the present one.
    pub fn new(weeks: &[Week], zone: &TimeZone, policy: &Policy, names: Arc<Names>) -> Self {
        let spans = weeks.iter().filter_map(|week| Some((*week, week.days(zone)?))).collect();
        let workflows = policy.workflows.len().max(1);
        let share = SAMPLES_MAX / (workflows * weeks.len().max(1));
        let limits = policy.workflows.iter().map(|(id, declared)| (id.clone(), Limits::of(declared))).collect();
        Self {
            spans,
            names,
            limits,
            sample_max: share.clamp(SAMPLE_MIN, SAMPLE_MAX),
            tallies: BTreeMap::new(),
            origins: BTreeMap::new(),
            origins_max: (ORIGINS_MAX / workflows).clamp(ORIGINS_MIN_EACH, ORIGINS_MAX_EACH),
            ran: Ran::default(),
            seq: 0,
            as_of: None,
            first_at: None,
            known_since: None,
            earlier: BTreeMap::new(),
        }
    }

    /// Nothing up to this record is needed.
    pub const fn begin(&mut self, seq: u64) {
        self.seq = seq;
    }

    /// Takes the next record.
    pub fn take(&mut self, seq: u64, now: Time, input: &Input) {
        (self.seq, self.as_of) = (seq, Some(now));
        self.first_at = self.first_at.or(Some(now));
        self.take_earlier(seq, now, input);
        let is_start = matches!(input, Input::Started { version } if !version.ends_with(CLOCK_SET));
        self.ran.take(&self.spans, now, seq == 1, is_start);
        let names = Arc::clone(&self.names);
        match input {
            Input::Events(events) => {
                for event in events {
                    let time = event.time.unwrap_or(now);
                    if event.workflow.is_drill_lane() {
                        continue;
                    }
                    if let Some(((week, days), day)) = self.at(time) {
                        let id = names.of(&event.workflow, seq);
                        let limits = self.limits.get(id).copied().unwrap_or_default();
                        let into_ms = time.since(days[0]);
                        self.tally(id, week).output(limits, event, time, into_ms, day, now);
                        origin(&mut self.origins, self.origins_max, id, event, time);
                    }
                }
            }
            Input::Reviews(reviews) => {
                for review in reviews {
                    let time = review.time.unwrap_or(now);
                    if let Some(((week, _), day)) = self.at(time) {
                        self.tally(names.of(&review.workflow, seq), week).review(review, time, day);
                    }
                }
            }
            Input::Started { .. } | Input::Policy(_) | Input::Command(_) | Input::Tick => {}
        }
    }

    fn at(&self, time: Time) -> Option<(Span, usize)> {
        let span = self.spans.iter().find(|(_, days)| time >= days[0] && time < days[DAYS])?;
        Some((*span, span.1.partition_point(|begins| *begins <= time) - 1))
    }

    fn tally(&mut self, workflow: &WorkflowId, week: Week) -> &mut Tally {
        let max = self.sample_max;
        self.tallies.entry((workflow.clone(), week)).or_insert_with(|| Tally::new(max))
    }

    /// From now on outputs that were made since `from` are known, too, though they are of before these weeks: verdicts
    /// may be on them. What was taken before has to be given to [`Fold::take_earlier`].
    pub const fn know_since(&mut self, from: Time) {
        self.known_since = Some(from);
    }

    /// Takes where outputs of before these weeks came from, of a record that was taken or is of before.
    pub fn take_earlier(&mut self, seq: u64, now: Time, input: &Input) {
        let Input::Events(events) = input else { return };
        let Some((_, [until, ..])) = self.spans.first().copied() else { return };
        let names = Arc::clone(&self.names);
        for event in events.iter().filter(|event| !event.workflow.is_drill_lane()) {
            let time = event.time.unwrap_or(now);
            if time < until && self.known_since.is_some_and(|from| time >= from) {
                origin(&mut self.earlier, self.origins_max, names.of(&event.workflow, seq), event, time);
            }
        }
    }

    /// Outputs with a verdict of a week whose origin isn't known, though there is room for it: they are of before.
    fn unknown_origins(&self, week: Week) -> usize {
        let of_week = self.tallies.iter().filter(|((_, of), _)| *of == week);
        let unknown = of_week.map(|((id, _), tally)| match self.origins.get(id) {
            Some(origins) if origins.is_full() => 0,
            Some(origins) => tally.judged().filter(|(output, _)| origins.of(output).is_none()).count(),
            None => tally.judged().count(),
        });
        unknown.sum()
    }

    /// Whether enough outputs with a verdict of a week are of before both weeks.
    pub fn asks_earlier(&self, week: Week) -> bool {
        self.unknown_origins(week) >= UNKNOWN_MIN
    }

    /// Where the outputs of a workflow came from, of both weeks and, if asked for, of before.
    pub fn origins(&self, workflow: &WorkflowId, asks_earlier: bool) -> [Option<&Origins>; 2] {
        [self.origins.get(workflow), self.earlier.get(workflow).filter(|_| asks_earlier)]
    }

    /// What was counted of a workflow in a week; `None` where nothing came.
    pub fn of(&self, workflow: &WorkflowId, week: Week) -> Option<&Tally> {
        self.tallies.get(&(workflow.clone(), week))
    }

    /// The workflows of which anything came.
    pub fn workflows(&self) -> impl Iterator<Item = &WorkflowId> {
        let mut ids: Vec<&WorkflowId> = self.tallies.keys().map(|(id, _)| id).collect();
        ids.dedup();
        ids.into_iter()
    }

    /// When andon ran in a week.
    pub fn runs(&self, week: Week) -> Runs {
        self.ran.of(week)
    }

    /// The time of the first record that is in it.
    pub const fn first_at(&self) -> Option<Time> {
        self.first_at
    }

    /// The last record that is in it, and its time.
    pub const fn as_of(&self) -> (u64, Option<Time>) {
        (self.seq, self.as_of)
    }
}

fn origin(
    known: &mut BTreeMap<WorkflowId, Origins>,
    max: usize,
    workflow: &WorkflowId,
    event: &OutputEvent,
    time: Time,
) {
    let origins = match known.get_mut(workflow) {
        Some(origins) => origins,
        None => known.entry(workflow.clone()).or_insert_with(|| Origins::new(max)),
    };
    origins.take(event, time);
}
