//! The fold over the journal: every output and verdict of some weeks, counted for its workflow and week.
//!
//! Owns which week and day an output belongs to: that of the time when it was made; a verdict, that of when it came.
//! Must not know where inputs are from. The same inputs give the same fold, however they were cut into records.

use super::tally::Tally;
use super::week::{DAYS, Week};
use crate::domain::{Input, Policy, Time, WorkflowId};
use crate::monitor::kpi::Limits;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// Outputs that are sampled of each workflow and week …
const SAMPLE_MAX: usize = 1_000;
/// … and never fewer than these …
const SAMPLE_MIN: usize = 100;
/// … however many workflows share these.
const SAMPLES_MAX: usize = 200_000;

/// When the days of a week begin, and at last when the next week does.
#[derive(Debug, Clone, Copy)]
struct Span {
    week: Week,
    days: [Time; DAYS + 1],
}

/// The fold.
#[derive(Debug, Clone)]
pub struct Fold {
    spans: Vec<Span>,
    limits: BTreeMap<WorkflowId, Limits>,
    sample_max: usize,
    tallies: BTreeMap<(WorkflowId, Week), Tally>,
    /// The last record that is in it.
    seq: u64,
    /// Its time.
    as_of: Option<Time>,
}

impl Fold {
    /// An empty fold over some weeks. What an output is held against is the policy's.
    pub fn new(weeks: &[Week], zone: &TimeZone, policy: &Policy) -> Self {
        let spans = weeks.iter().filter_map(|week| Some(Span { week: *week, days: week.days(zone)? })).collect();
        let share = SAMPLES_MAX / (policy.workflows.len().max(1) * weeks.len().max(1));
        let limits = policy.workflows.iter().map(|(id, declared)| (id.clone(), Limits::of(declared))).collect();
        Self {
            spans,
            limits,
            sample_max: share.clamp(SAMPLE_MIN, SAMPLE_MAX),
            tallies: BTreeMap::new(),
            seq: 0,
            as_of: None,
        }
    }

    /// Nothing up to this record is needed.
    pub const fn begin(&mut self, seq: u64) {
        self.seq = seq;
    }

    /// Takes the next record.
    pub fn take(&mut self, seq: u64, now: Time, input: &Input) {
        (self.seq, self.as_of) = (seq, Some(now));
        match input {
            Input::Events(events) => {
                for event in events {
                    let time = event.time.unwrap_or(now);
                    if event.workflow.is_drill_lane() {
                        continue;
                    }
                    if let Some((span, day)) = self.at(time) {
                        let limits = self.limits.get(&event.workflow).copied().unwrap_or_default();
                        let into_ms = time.since(span.days[0]);
                        self.tally(&event.workflow, span.week).output(limits, event, time, into_ms, day, now);
                    }
                }
            }
            Input::Reviews(reviews) => {
                for review in reviews {
                    if let Some((span, day)) = self.at(review.time.unwrap_or(now)) {
                        self.tally(&review.workflow, span.week).review(review, day);
                    }
                }
            }
            Input::Started { .. } | Input::Policy(_) | Input::Command(_) | Input::Tick => {}
        }
    }

    fn at(&self, time: Time) -> Option<(Span, usize)> {
        let span = self.spans.iter().find(|span| time >= span.days[0] && time < span.days[DAYS])?;
        Some((*span, span.days.partition_point(|begins| *begins <= time) - 1))
    }

    fn tally(&mut self, workflow: &WorkflowId, week: Week) -> &mut Tally {
        let max = self.sample_max;
        self.tallies.entry((workflow.clone(), week)).or_insert_with(|| Tally::new(max))
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

    /// The last record that is in it, and its time.
    pub const fn as_of(&self) -> (u64, Option<Time>) {
        (self.seq, self.as_of)
    }
}
