//! Deterministic guards: silence, volume, spend, counts of exceptions within a time, alerts from outside.
//!
//! Owns their sliding windows; alerts are `external`'s. They are outside the budget: when one fires, the fact is a fact.

use super::external::Alerts;
use super::hours::after_active;
use super::observe::is_exception_of;
use super::volume::Volume;
use crate::domain::{Money, OutputEvent, Signal, Time};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Spends are kept in this many buckets a window, so a spend counts up to 1 % longer than declared.
const SPEND_BUCKETS: i64 = 100;

/// State of a deterministic guard.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Limit {
    /// Start of the bucket, its sum, its outputs.
    spends: VecDeque<(i64, Money, u64)>,
    /// Sum and outputs of all buckets.
    spent: (Money, u64),
    hits: VecDeque<Time>,
    volume: Volume,
    /// What is known of alerts from outside.
    pub alerts: Alerts,
    /// What the silence is counted from.
    pub quiet_since: Option<Time>,
    /// Whether the limit is exceeded now: it fires once on the way up.
    pub tripped: bool,
}

/// What a deterministic guard measured when it fired.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tripped {
    /// The measure: money, exceptions, outputs, seconds of silence, or alerts.
    pub value: f64,
    /// The declared limit, in the same unit.
    pub limit: f64,
    /// Outputs or exceptions within the window.
    pub n: u64,
}

impl Limit {
    /// A limit that has seen nothing; silence counts from `now`.
    pub fn new(now: Time) -> Self {
        Self { quiet_since: Some(now), volume: Volume::new(now), ..Self::default() }
    }

    /// Takes an output; the measure when the limit is exceeded with it and was not before.
    pub fn event(&mut self, signal: &Signal, now: Time, event: &OutputEvent) -> Option<Tripped> {
        let over = match signal {
            Signal::Silence { .. } => {
                self.quiet_since = Some(now);
                None
            }
            Signal::SpendLimit { amount, per_ms } => self.spend(*amount, *per_ms, now, event.cost),
            Signal::ExceptionLimit { kind, count, per_ms } => {
                let hit = is_exception_of(kind.as_deref(), event);
                self.exceptions(*count, *per_ms, now, hit)
            }
            Signal::Volume { .. } => self.volume.event(signal, now),
            _ => return None,
        };
        let first = over.is_some() && !self.tripped;
        // An output in time doesn't make up for an interval that had too few.
        let stays = matches!(signal, Signal::Volume { .. }) && over.is_none() && !self.volume.begins();
        self.tripped = over.is_some() || (stays && self.tripped);
        over.filter(|_| first)
    }

    fn spend(&mut self, amount: Money, per_ms: i64, now: Time, cost: Option<Money>) -> Option<Tripped> {
        let bucket_ms = (per_ms / SPEND_BUCKETS).max(1);
        while let Some(&(start, cost, outputs)) = self.spends.front()
            && start + bucket_ms <= now.0 - per_ms
        {
            self.spent = (self.spent.0 - cost, self.spent.1 - outputs);
            self.spends.pop_front();
        }
        if let Some(cost) = cost {
            let start = now.0 - now.0.rem_euclid(bucket_ms);
            self.spent = (self.spent.0 + cost, self.spent.1 + 1);
            match self.spends.back_mut() {
                Some((last, sum, outputs)) if *last >= start => (*sum, *outputs) = (*sum + cost, *outputs + 1),
                _ => self.spends.push_back((start, cost, 1)),
            }
        }
        let (sum, n) = self.spent;
        (sum > amount).then(|| Tripped { value: sum.to_f64(), limit: amount.to_f64(), n })
    }

    fn exceptions(&mut self, count: u32, per_ms: i64, now: Time, hit: bool) -> Option<Tripped> {
        while self.hits.front().is_some_and(|time| now.since(*time) >= per_ms) {
            self.hits.pop_front();
        }
        if hit {
            self.hits.push_back(now);
            // The oldest beyond the limit can't matter any more.
            if self.hits.len() > count as usize {
                self.hits.pop_front();
            }
        }
        let n = self.hits.len() as u64;
        #[expect(clippy::cast_precision_loss, reason = "at most 10,000")]
        let value = n as f64;
        (n >= u64::from(count)).then(|| Tripped { value, limit: f64::from(count), n })
    }

    /// The part of the limit that is used at `now`: 1 is reached. `None` for other signals, for time without
    /// outputs where only some hours count, and for outputs where only a least number is declared.
    #[expect(clippy::cast_precision_loss, reason = "counts and milliseconds")]
    pub fn used(&self, signal: &Signal, now: Time) -> Option<f64> {
        match signal {
            Signal::Silence { after_ms, active: None } => {
                Some(now.since(self.quiet_since?).max(0) as f64 / *after_ms as f64)
            }
            Signal::Volume { max: Some(max), per_ms, .. } => {
                Some(self.volume.within(*per_ms, now) as f64 / *max as f64)
            }
            Signal::SpendLimit { amount, per_ms } => {
                let bucket_ms = (per_ms / SPEND_BUCKETS).max(1);
                let inside = self.spends.iter().filter(|(start, ..)| start + bucket_ms > now.0 - per_ms);
                Some(inside.fold(Money::default(), |sum, (_, cost, _)| sum + *cost).to_f64() / amount.to_f64())
            }
            Signal::ExceptionLimit { count, per_ms, .. } => {
                let inside = self.hits.iter().filter(|time| now.since(**time) < *per_ms).count();
                Some(inside as f64 / f64::from(*count))
            }
            _ => None,
        }
    }

    /// When time alone may exceed the limit; `None` for guards that only outputs can exceed, once
    /// fired, or where no active hours come.
    pub fn due(&self, signal: &Signal) -> Option<Time> {
        match (signal, self.quiet_since) {
            (Signal::Silence { after_ms, active }, Some(since)) if !self.tripped => active
                .as_ref()
                .map_or_else(|| Some(since.plus(*after_ms)), |hours| after_active(since, *after_ms, hours)),
            (Signal::Volume { .. }, _) => self.volume.due(signal),
            _ => None,
        }
    }

    /// Time has passed; the measure when the limit is exceeded with it and was not before.
    pub fn tick(&mut self, signal: &Signal, now: Time) -> Option<Tripped> {
        if self.due(signal).is_none_or(|at| at > now) {
            return None;
        }
        let over = match signal {
            Signal::Silence { after_ms, .. } => Some(Tripped {
                value: seconds(self.quiet_since.map_or(0, |since| now.since(since))),
                limit: seconds(*after_ms),
                n: 0,
            }),
            _ => self.volume.tick(signal, now),
        };
        let first = over.is_some() && !self.tripped;
        self.tripped = over.is_some();
        over.filter(|_| first)
    }

    /// The daemon was away: that time is not the workflow's silence.
    pub const fn resumed(&mut self, now: Time) {
        self.quiet_since = Some(now);
        self.volume.resumed(now);
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds")]
const fn seconds(ms: i64) -> f64 {
    ms as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Outcome, WorkflowId};

    fn event(outcome: Outcome, cost: &str) -> OutputEvent {
        let mut event = OutputEvent::new("o", WorkflowId::new("wf").unwrap(), outcome);
        event.cost = cost.parse().ok();
        event
    }

    #[test]
    fn spend_fires_once_above_the_amount_and_again_after_it_cleared() {
        let signal = Signal::SpendLimit { amount: "1".parse().unwrap(), per_ms: 1_000_000 };
        let mut limit = Limit::default();
        let at = |t: i64| Time(1_800_000_000_000 + t);
        assert_eq!(limit.event(&signal, at(0), &event(Outcome::Ok, "1")), None, "at the amount is within it");
        let tripped = limit.event(&signal, at(1), &event(Outcome::Ok, "0.01")).unwrap();
        assert!((tripped.value - 1.01).abs() < 1e-12);
        assert_eq!(limit.event(&signal, at(2), &event(Outcome::Ok, "5")), None, "once");
        assert_eq!(limit.event(&signal, at(1_020_000), &event(Outcome::Ok, "0.5")), None);
        assert!(limit.event(&signal, at(1_020_001), &event(Outcome::Ok, "0.6")).is_some(), "again");
    }

    #[test]
    fn exceptions_within_a_time() {
        let signal = Signal::ExceptionLimit { kind: None, count: 2, per_ms: 1_000 };
        let mut limit = Limit::default();
        assert_eq!(limit.event(&signal, Time(0), &event(Outcome::Exception, "")), None);
        assert_eq!(
            limit.event(&signal, Time(1_000), &event(Outcome::Exception, "")),
            None,
            "a second later is outside"
        );
        assert!(limit.event(&signal, Time(1_999), &event(Outcome::Exception, "")).is_some());
        let one = Signal::ExceptionLimit { kind: None, count: 1, per_ms: 1_000 };
        assert!(
            Limit::default().event(&one, Time(0), &event(Outcome::Exception, "")).is_some(),
            "one is allowed as a limit"
        );
    }
}
