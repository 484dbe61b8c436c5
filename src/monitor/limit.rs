//! Deterministic guards: silence, spend and counts of exceptions within a time.
//!
//! Owns their sliding windows. They are outside the budget: when one fires, the fact is a fact.

use super::observe::is_exception_of;
use crate::domain::{ActiveHours, Money, OutputEvent, Signal, Time};
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Spends are kept in this many buckets a window, so a spend counts up to 1 % longer than declared.
const SPEND_BUCKETS: i64 = 100;
/// A silence is looked for at most this far ahead, days.
const SILENCE_DAYS_MAX: usize = 400;

/// State of a deterministic guard.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Limit {
    /// Start of the bucket, its sum, its outputs.
    spends: VecDeque<(i64, Money, u64)>,
    /// Sum and outputs of all buckets.
    spent: (Money, u64),
    hits: VecDeque<Time>,
    /// What the silence is counted from.
    pub quiet_since: Option<Time>,
    /// Whether the limit is exceeded now: it fires once on the way up.
    pub tripped: bool,
}

/// What a deterministic guard measured when it fired.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tripped {
    /// The measure: money, exceptions, or seconds of silence.
    pub value: f64,
    /// The declared limit, in the same unit.
    pub limit: f64,
    /// Outputs or exceptions within the window.
    pub n: u64,
}

impl Limit {
    /// A limit that has seen nothing; silence counts from `now`.
    pub fn new(now: Time) -> Self {
        Self { quiet_since: Some(now), ..Self::default() }
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
            _ => return None,
        };
        let first = over.is_some() && !self.tripped;
        self.tripped = over.is_some();
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

    /// When the silence will have lasted as long as declared; `None` for other guards, once fired,
    /// or where no active hours come.
    pub fn silent_at(&self, signal: &Signal) -> Option<Time> {
        match (signal, self.quiet_since) {
            (Signal::Silence { after_ms, active }, Some(since)) if !self.tripped => active
                .as_ref()
                .map_or_else(|| Some(since.plus(*after_ms)), |hours| after_active(since, *after_ms, hours)),
            _ => None,
        }
    }
}

/// The time when `after_ms` of active time have passed since `since`.
fn after_active(since: Time, after_ms: i64, hours: &ActiveHours) -> Option<Time> {
    let zone = TimeZone::get(&hours.time_zone).unwrap_or(TimeZone::UTC);
    let start = Timestamp::from_millisecond(since.0).ok()?.to_zoned(zone.clone());
    let mut date = start.date();
    let mut left = after_ms;
    for _ in 0..SILENCE_DAYS_MAX {
        let weekday = usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or(0);
        if hours.days[weekday] {
            // Through the civil time of the zone, so that a day with a clock change is as long as it is.
            let at = |minute: u16| {
                let midnight = date.at(0, 0, 0, 0).checked_add(i64::from(minute).minutes()).ok()?;
                Some(midnight.to_zoned(zone.clone()).ok()?.timestamp().as_millisecond())
            };
            let (from, to) = (at(hours.from_minute)?.max(since.0), at(hours.to_minute)?);
            if to > from {
                if to - from >= left {
                    return Some(Time(from + left));
                }
                left -= to - from;
            }
        }
        date = date.tomorrow().ok()?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Outcome, WorkflowId};

    fn time(text: &str) -> Time {
        text.parse().unwrap()
    }

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

    #[test]
    fn silence_counts_active_time_only() {
        let hours = ActiveHours {
            from_minute: 8 * 60,
            to_minute: 18 * 60,
            days: [true, true, true, true, true, false, false],
            time_zone: "Europe/Berlin".into(),
        };
        let hour = 3_600_000;
        // Friday 17:30 in Berlin: half an hour is left, the rest is on Monday from 8:00 on.
        let friday = time("2026-11-20T16:30:00Z");
        assert_eq!(after_active(friday, hour, &hours), Some(time("2026-11-23T07:30:00Z")));
        // Over the change to winter time (2026-10-25) eight in the morning is still eight in the morning.
        let before = time("2026-10-23T15:30:00Z");
        assert_eq!(after_active(before, hour, &hours), Some(time("2026-10-26T07:30:00Z")));
        let never = ActiveHours { days: [false; 7], ..hours };
        assert_eq!(after_active(friday, hour, &never), None);
    }
}
