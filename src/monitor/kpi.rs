//! The KPIs of a workflow: what is counted of each output, for ever and per time slot.
//!
//! Owns the counting. It judges nothing: what is good enough is the guards' matter.

use super::exemplars::Exemplars;
use super::observe::sla_met;
use super::slo::Uptime;
use crate::domain::{Money, OutputEvent, Review, SloCount, Text, Time, WorkflowPolicy};
use crate::stats::latency::Latencies;
use crate::stats::ring;
use serde::{Deserialize, Serialize};

/// Kinds of exceptions kept apart per workflow; further ones are counted as `other`.
pub const KINDS_MAX: usize = OTHER_INDEX as usize;
/// What further kinds are called.
const OTHER: &str = "other";
/// Their index: one above all others.
const OTHER_INDEX: u16 = 50;
/// Upper bounds of the latency buckets, seconds. None of them is whole: Prometheus 3 would print `1` as `1.0`.
pub const LATENCY_BUCKETS_SECONDS: [f64; 16] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.5, 2.5, 5.5, 7.5, 12.5, 25.5, 62.5, 125.5];

/// What is counted of outputs, in a slot of time or since the beginning.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Outputs.
    pub outputs: u64,
    /// Units.
    pub units: f64,
    /// Outputs that ended in an exception.
    pub exceptions: u64,
    /// Exceptions by kind (an index into the workflow's list of kinds), ascending.
    pub kinds: Vec<(u16, u64)>,
    /// Outputs whose service level is known.
    pub sla_judged: u64,
    /// Of these, those that missed it.
    pub sla_missed: u64,
    /// Outputs with a latency, and of these the ones slower than the objective allowed; nothing without one.
    pub timely: SloCount,
    /// Outputs with a cost.
    pub cost_outputs: u64,
    /// Σ cost of these.
    pub cost: Money,
    /// Σ units of these.
    pub cost_units: f64,
    /// Σ value.
    pub value: Money,
    /// Outputs with a cycle time.
    pub cycle_outputs: u64,
    /// Σ cycle time of these, milliseconds.
    pub cycle_ms: f64,
    /// Σ retries.
    pub retries: u64,
    /// Outputs that a fallback answered.
    pub fallbacks: u64,
    /// Outputs handed to a human.
    pub escalations: u64,
    /// Verdicts, by when they came; most slots have none.
    reviews: Option<Box<ReviewCounts>>,
}

/// What is counted of verdicts.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct ReviewCounts {
    /// Verdicts.
    pub given: u64,
    /// Those that say how long they took …
    pub timed: u64,
    /// … and Σ of that, minutes.
    pub minutes: f64,
}

/// An output, as it is counted.
#[derive(Debug, Clone, Copy)]
pub struct Counted<'a> {
    /// The output.
    pub event: &'a OutputEvent,
    /// Its kind of exception.
    pub kind: Option<u16>,
    /// Whether its service level was met.
    pub sla_met: Option<bool>,
    /// Whether it is slower than the objective allows; `None` without a latency or an objective.
    pub is_slow: Option<bool>,
}

/// What outputs are held against where they don't say it themselves.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    /// Of the service level, milliseconds.
    sla_ms: Option<f64>,
    /// Of the objective for the latency, milliseconds.
    slow_ms: Option<f64>,
}

impl Counts {
    /// Counts one output.
    pub fn count(&mut self, output: &Counted<'_>) {
        let event = output.event;
        self.outputs += 1;
        self.units += event.units;
        if let Some(kind) = output.kind {
            self.exceptions += 1;
            self.add_kind(kind, 1);
        }
        if let Some(met) = output.sla_met {
            self.sla_judged += 1;
            self.sla_missed += u64::from(!met);
        }
        if let Some(is_slow) = output.is_slow {
            self.timely.events += 1;
            self.timely.bad += u64::from(is_slow);
        }
        if let Some(cost) = event.cost {
            self.cost_outputs += 1;
            self.cost += cost;
            self.cost_units += event.units;
        }
        self.value += event.value.unwrap_or_default();
        if let Some(cycle_ms) = event.cycle_ms {
            self.cycle_outputs += 1;
            self.cycle_ms += cycle_ms;
        }
        self.retries += u64::from(event.retries);
        self.fallbacks += u64::from(event.fallback);
        self.escalations += u64::from(event.escalated);
    }

    /// The cost of one unit of the outputs that had a cost; `None` where none had one.
    pub fn cost_per_unit(&self) -> Option<Money> {
        self.cost.per(self.cost_units).filter(|_| self.cost_outputs > 0)
    }

    /// Counts a verdict.
    pub fn count_review(&mut self, review: &Review) {
        let timed = u64::from(review.minutes.is_some());
        self.add_reviews(&ReviewCounts { given: 1, timed, minutes: review.minutes.unwrap_or_default() });
    }

    /// What was counted of verdicts.
    pub fn reviews(&self) -> ReviewCounts {
        self.reviews.as_deref().copied().unwrap_or_default()
    }

    fn add_reviews(&mut self, more: &ReviewCounts) {
        let reviews = self.reviews.get_or_insert_default();
        reviews.given += more.given;
        reviews.timed += more.timed;
        reviews.minutes += more.minutes;
    }

    fn add_kind(&mut self, kind: u16, count: u64) {
        match self.kinds.binary_search_by_key(&kind, |(kind, _)| *kind) {
            Ok(at) => self.kinds[at].1 += count,
            Err(at) => self.kinds.insert(at, (kind, count)),
        }
    }

    fn merge(&mut self, other: &Self) {
        self.outputs += other.outputs;
        self.units += other.units;
        self.exceptions += other.exceptions;
        other.kinds.iter().for_each(|(kind, count)| self.add_kind(*kind, *count));
        self.sla_judged += other.sla_judged;
        self.sla_missed += other.sla_missed;
        self.timely.events += other.timely.events;
        self.timely.bad += other.timely.bad;
        self.cost_outputs += other.cost_outputs;
        self.cost += other.cost;
        self.cost_units += other.cost_units;
        self.value += other.value;
        self.cycle_outputs += other.cycle_outputs;
        self.cycle_ms += other.cycle_ms;
        self.retries += other.retries;
        self.fallbacks += other.fallbacks;
        self.escalations += other.escalations;
        if let Some(reviews) = &other.reviews {
            self.add_reviews(reviews);
        }
    }
}

/// A slot of a rolling window.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Slot {
    /// What was counted.
    pub counts: Counts,
    /// The latencies.
    pub latencies: Latencies,
    /// Fine slots with outputs that were merged into this one.
    pub active: u32,
    /// Of these, those in which at least one output was no exception.
    pub up: u32,
}

impl Slot {
    /// Counts one output.
    pub fn count(&mut self, output: &Counted<'_>) {
        self.counts.count(output);
        if let Some(ms) = output.event.latency_ms {
            self.latencies.record(ms);
        }
    }

    /// Takes everything that another slot counted, but for its latencies.
    pub fn merge_counts(&mut self, other: &Self) {
        self.counts.merge(&other.counts);
        // A slot into which nothing was merged is a fine one: it stands for itself, if outputs came in it.
        let fine = other.active == 0;
        self.active += if fine { u32::from(other.counts.outputs > 0) } else { other.active };
        self.up += if fine { u32::from(other.counts.exceptions < other.counts.outputs) } else { other.up };
    }
}

impl ring::Slot for Slot {
    fn merge(&mut self, other: &Self) {
        self.merge_counts(other);
        self.latencies.merge(&other.latencies);
    }

    fn close(&mut self) {
        self.latencies.pack();
    }

    fn is_open(&self) -> bool {
        self.latencies.is_open()
    }
}

/// Everything since the workflow was adopted; feeds the counters of `/metrics`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Totals {
    /// What was counted.
    pub counts: Counts,
    /// Outputs by latency bucket, not cumulative; the last one is above all bounds.
    pub latency_buckets: [u64; LATENCY_BUCKETS_SECONDS.len() + 1],
    /// Σ latency, milliseconds.
    pub latency_ms: f64,
    /// Outputs that reported a mode above the allowed one.
    pub above_mode: u64,
    /// Reviews: accepted, edited, rejected.
    pub reviews: [u64; 3],
    /// Slots of time with outputs.
    pub uptime: Uptime,
    /// Outputs that stand for others.
    pub exemplars: Exemplars,
}

impl Totals {
    /// Counts one output that was made at `time` and came at `now`.
    pub fn count(&mut self, output: &Counted<'_>, time: Time, now: Time) {
        self.counts.count(output);
        self.uptime.count(time, now, output.kind.is_none());
        let bucket = output.event.latency_ms.map(|ms| {
            let bucket = LATENCY_BUCKETS_SECONDS.partition_point(|le| ms > le * 1_000.0);
            self.latency_buckets[bucket] += 1;
            self.latency_ms += ms;
            bucket
        });
        self.exemplars.take(output.event, bucket, output.kind, now);
    }
}

/// The kinds of exceptions that a workflow has shown, in order of appearance.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Kinds(Vec<Text>);

impl Kinds {
    /// The index of a kind; a new one is added while there is room, then it is `other`.
    pub fn index(&mut self, kind: &str) -> u16 {
        if kind == OTHER {
            // It is the name of the rest: a kind of its own would be a second series of that name.
            return OTHER_INDEX;
        }
        let found = self.0.iter().position(|known| &**known == kind);
        let at = found.unwrap_or_else(|| {
            if self.0.len() < KINDS_MAX {
                self.0.push(kind.into());
                self.0.len() - 1
            } else {
                KINDS_MAX
            }
        });
        u16::try_from(at).unwrap_or(u16::MAX)
    }

    /// The name of an index.
    pub fn name(&self, index: u16) -> &str {
        self.0.get(usize::from(index)).map_or(OTHER, |kind| kind)
    }
}

impl Limits {
    /// That by which a service level is met, and that of the objective for the latency.
    pub fn of(policy: &WorkflowPolicy) -> Self {
        let sla_ms = policy.sla_limit_ms();
        Self { sla_ms, slow_ms: policy.slo.latency.map(|latency| latency.limit_ms) }
    }

    /// Prepares an output for counting.
    pub fn counted<'a>(self, kinds: &mut Kinds, event: &'a OutputEvent) -> Counted<'a> {
        let kind = event.is_exception().then(|| kinds.index(event.exception.as_deref().unwrap_or("unspecified")));
        let is_slow = event.latency_ms.zip(self.slow_ms).map(|(ms, limit)| ms > limit);
        Counted { event, kind, sla_met: sla_met(self.sla_ms, event), is_slow }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Outcome, WorkflowId};
    use crate::stats::ring::Slot as _;

    fn event(outcome: Outcome) -> OutputEvent {
        OutputEvent::new("o", WorkflowId::new("wf").unwrap(), outcome)
    }

    #[test]
    fn kinds_are_bounded() {
        let mut kinds = Kinds::default();
        for i in 0..60 {
            kinds.index(&format!("kind-{i}"));
        }
        assert_eq!((kinds.index("kind-3"), kinds.name(3)), (3, "kind-3"));
        assert_eq!(kinds.name(kinds.0.len().try_into().unwrap()), "other");
        assert_eq!(kinds.index("one more"), 50);
    }

    #[test]
    fn no_latency_enters_no_bucket_and_uptime_counts_slots() {
        let mut kinds = Kinds::default();
        let (mut totals, mut good, mut bad, mut hour) =
            (Totals::default(), Slot::default(), Slot::default(), Slot::default());
        let failed = event(Outcome::Exception);
        bad.count(&Limits::default().counted(&mut kinds, &failed));
        totals.count(&Limits::default().counted(&mut kinds, &failed), Time(0), Time(0));
        assert_eq!(totals.latency_buckets.iter().sum::<u64>(), 0);
        assert_eq!(kinds.name(0), "unspecified");
        let ok = OutputEvent { latency_ms: Some(10.0), ..event(Outcome::Ok) };
        good.count(&Limits::default().counted(&mut kinds, &ok));
        totals.count(&Limits::default().counted(&mut kinds, &ok), Time(0), Time(0));
        assert_eq!(totals.latency_buckets[1], 1, "10 ms is within le = 0.01");
        hour.merge(&bad);
        hour.merge(&good);
        let mut day = Slot::default();
        day.merge(&hour);
        assert_eq!((day.up, day.active, day.counts.outputs, day.counts.exceptions), (1, 2, 2, 1));
    }
}
