//! What is kept of one workflow's outputs and verdicts of one week.
//!
//! Owns the counting, within named limits, and that the order of outputs leaves no trace. It judges nothing and
//! words nothing.

use super::sample::Sample;
use super::week::DAYS;
use crate::domain::{OutputEvent, Review, Time};
use crate::monitor::kpi::{Counted, Counts, Kinds, Limits, Slot};
use crate::stats::latency::Latencies;
use crate::stats::ratio_mean::Pairs;
use std::collections::{BTreeMap, BTreeSet};
use xxhash_rust::xxh3::xxh3_64;

/// Exceptions that are shown of each kind.
pub const EXAMPLES_MAX: usize = 5;
/// Values of an attribute that are counted apart; further ones are counted as `other`.
pub const VALUES_MAX: usize = 100;
/// Attributes that are counted.
pub const ATTRIBUTES_MAX: usize = 32;
/// Versions and models that are named.
pub const VERSIONS_MAX: usize = 20;
/// Outputs whose verdicts are held against each other.
pub const JUDGED_MAX: usize = 20_000;
/// Kinds of exceptions that reviewers found and that are counted apart; further ones are counted as `other`.
pub const FOUND_MAX: usize = 50;
/// What further values are called.
pub const OTHER: &str = "other";
/// Uptime is counted in slots of this length, as everywhere.
const SLOT_MS: i64 = 20_000;
const MINUTE_MS: f64 = 60_000.0;

/// Outputs of one value of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Part {
    /// Outputs.
    pub outputs: u64,
    /// Of these, exceptions.
    pub exceptions: u64,
}

/// An output that stands for others of its kind. Nothing of what it said: its id, and where to look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// Its id.
    pub output: String,
    /// When it was made.
    pub time: Time,
    /// Its trace.
    pub trace_id: Option<String>,
}

/// Since when and how often a version was seen in the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Its first output.
    pub first: Time,
    /// Its last output.
    pub last: Time,
    /// Its outputs.
    pub outputs: u64,
}

/// What means are made of, each by what it is a mean over.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sums {
    /// Cost by units, of outputs with a cost.
    pub cost: Pairs,
    /// Value by units.
    pub value: Pairs,
    /// End-to-end time of outputs that say it, minutes.
    pub cycle: Pairs,
    /// Time of verdicts that say it, minutes.
    pub review: Pairs,
}

/// One week of one workflow.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// What was counted on each day, Monday first.
    pub days: [Slot; DAYS],
    /// The kinds of exceptions that the days speak of.
    pub kinds: Kinds,
    /// End-to-end times.
    pub cycles: Latencies,
    /// Outputs that stand for their kind of exception.
    examples: BTreeMap<u16, BTreeMap<(bool, u64), Example>>,
    /// Attributes and their values.
    pub attributes: BTreeMap<String, BTreeMap<String, Part>>,
    /// Versions and models, such as `model = m-2`.
    pub versions: BTreeMap<String, Seen>,
    /// A sample of the outputs.
    pub sample: Sample,
    /// Slots of time with outputs, and those in which one was no exception.
    slots: [BTreeSet<u16>; 2],
    /// Outputs that came more than an hour after they were made.
    pub late: u64,
    /// Verdicts that came in the week: accepted, edited, rejected.
    pub verdicts: [u64; 3],
    /// What reviewers found, by kind of exception.
    pub found: BTreeMap<String, u64>,
    /// Σ of what means and their intervals are made of.
    pub sums: Sums,
    /// Verdicts by output and reviewer.
    judged: BTreeMap<String, BTreeMap<u64, (usize, Time)>>,
    /// Verdicts that could not be held against others, because there were too many.
    pub judged_left_out: u64,
}

impl Tally {
    /// An empty one.
    pub fn new(sample_max: usize) -> Self {
        Self { sample: Sample::new(sample_max), ..Self::default() }
    }

    /// Counts an output of the day `day` that was made at `time`, so long after the week began, and came at `now`.
    pub fn output(&mut self, limits: Limits, event: &OutputEvent, time: Time, into_ms: i64, day: usize, now: Time) {
        let counted = limits.counted(&mut self.kinds, event);
        if let Some(slot) = self.days.get_mut(day) {
            slot.count(&counted);
        }
        if let Some(ms) = event.cycle_ms {
            self.cycles.record(ms);
            self.sums.cycle.add(ms / MINUTE_MS, 1.0);
        }
        if let Some(cost) = event.cost {
            self.sums.cost.add(cost.to_f64(), event.units);
        }
        self.sums.value.add(event.value.unwrap_or_default().to_f64(), event.units);
        let slot = u16::try_from(into_ms / SLOT_MS).unwrap_or(u16::MAX);
        self.slots[0].insert(slot);
        if counted.kind.is_none() {
            self.slots[1].insert(slot);
        }
        self.exemplify(&counted, time);
        self.part(event);
        for (name, value) in [("version", &event.version), ("model", &event.model)] {
            if let Some(value) = value {
                self.version(format!("{name} = {value}"), time);
            }
        }
        self.late += u64::from(now.since(time) > Time::HOUR);
        self.sample.take(event, time);
    }

    /// Keeps those with a trace before those without, and else by their hashed ids.
    fn exemplify(&mut self, counted: &Counted<'_>, time: Time) {
        let (event, Some(kind)) = (counted.event, counted.kind) else { return };
        let trace_id = event.trace_id.as_ref().map(ToString::to_string);
        let key = (trace_id.is_none(), xxh3_64(event.id.as_bytes()));
        let held = self.examples.entry(kind).or_default();
        if held.len() >= EXAMPLES_MAX && held.last_key_value().is_some_and(|(last, _)| key > *last) {
            return;
        }
        held.insert(key, Example { output: event.id.to_string(), time, trace_id });
        if held.len() > EXAMPLES_MAX {
            held.pop_last();
        }
    }

    fn part(&mut self, event: &OutputEvent) {
        for (name, value) in &event.attributes {
            let name: &str = name;
            if !self.attributes.contains_key(name) && self.attributes.len() >= ATTRIBUTES_MAX {
                continue;
            }
            let values = self.attributes.entry(name.to_owned()).or_default();
            let value: &str = value;
            let value = if values.contains_key(value) || values.len() < VALUES_MAX { value } else { OTHER };
            let part = values.entry(value.to_owned()).or_default();
            part.outputs += 1;
            part.exceptions += u64::from(event.is_exception());
        }
    }

    fn version(&mut self, name: String, time: Time) {
        if !self.versions.contains_key(&name) && self.versions.len() >= VERSIONS_MAX {
            return;
        }
        let seen = self.versions.entry(name).or_insert(Seen { first: time, last: time, outputs: 0 });
        (seen.first, seen.last) = (seen.first.min(time), seen.last.max(time));
        seen.outputs += 1;
    }

    /// Counts a verdict that came at `time`, on the day `day`.
    pub fn review(&mut self, review: &Review, time: Time, day: usize) {
        if let Some(slot) = self.days.get_mut(day) {
            slot.counts.count_review(review);
        }
        if let Some(minutes) = review.minutes {
            self.sums.review.add(minutes, 1.0);
        }
        if let Some(kind) = review.exception.as_deref() {
            let kind = if self.found.contains_key(kind) || self.found.len() < FOUND_MAX { kind } else { OTHER };
            *self.found.entry(kind.to_owned()).or_default() += 1;
        }
        let verdict = review.verdict as usize;
        self.verdicts[verdict] += 1;
        let output: &str = &review.output_id;
        if !self.judged.contains_key(output) && self.judged.len() >= JUDGED_MAX {
            self.judged_left_out += 1;
            return;
        }
        self.judged.entry(output.to_owned()).or_default().insert(xxh3_64(review.reviewer.as_bytes()), (verdict, time));
    }

    /// The outputs that people judged, each with its verdicts.
    pub fn judged(&self) -> impl Iterator<Item = (&str, impl Iterator<Item = usize>)> {
        self.judged.iter().map(|(output, given)| (output.as_str(), given.values().map(|(verdict, _)| *verdict)))
    }

    /// The first verdict on each output that people judged, with the time when it came.
    pub fn verdicts(&self) -> impl Iterator<Item = (&str, Time, usize)> {
        self.judged.iter().filter_map(|(output, given)| {
            let (verdict, time) = given.values().min_by_key(|(_, time)| *time)?;
            Some((output.as_str(), *time, *verdict))
        })
    }

    /// What was counted in the whole week.
    pub fn counts(&self) -> Counts {
        let mut week = Slot::default();
        self.days.iter().for_each(|day| week.merge_counts(day));
        week.counts
    }

    /// All days together.
    pub fn week(&self) -> Slot {
        use crate::stats::ring::Slot as _;
        let mut week = Slot::default();
        self.days.iter().for_each(|day| week.merge(day));
        week
    }

    /// Slots of 20 s with outputs, and those of them in which at least one was no exception.
    pub fn uptime(&self) -> [u64; 2] {
        self.slots.each_ref().map(|slots| slots.len() as u64)
    }

    /// The spans of so many milliseconds since the week began in which outputs were made, some of them more than once.
    pub fn slots(&self, of_ms: i64) -> impl Iterator<Item = i64> {
        self.slots[0].iter().map(move |slot| i64::from(*slot) * SLOT_MS / of_ms)
    }

    /// Outputs that stand for each kind of exception, oldest first.
    pub fn examples(&self) -> impl Iterator<Item = (&str, Vec<&Example>)> {
        self.examples.iter().map(|(kind, held)| {
            let mut examples: Vec<&Example> = held.values().collect();
            examples.sort_by(|a, b| (a.time, &a.output).cmp(&(b.time, &b.output)));
            (self.kinds.name(*kind), examples)
        })
    }

    /// Of the outputs that two people judged, the verdicts of two of them against each other: rows and columns are
    /// accepted, edited and rejected. Which of the two is the row is decided by their hashed names.
    pub fn pairs(&self) -> [[u32; 3]; 3] {
        let mut pairs = [[0; 3]; 3];
        for verdicts in self.judged.values() {
            let mut of = verdicts.values();
            if let (Some((first, _)), Some((second, _))) = (of.next(), of.next()) {
                pairs[*first][*second] += 1;
            }
        }
        pairs
    }
}
