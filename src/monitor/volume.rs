//! The volume guard: too few or too many outputs in an interval.
//!
//! Owns the count of the interval under way. Deterministic, outside the budget.

use super::hours::all_active;
use super::limit::Tripped;
use crate::domain::{Signal, Time};
use serde::{Deserialize, Serialize};

/// State of the guard.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Volume {
    /// Start of the interval that is counted; intervals are multiples of their length since 1970.
    start: Time,
    count: u64,
    /// An interval that began earlier was not seen as a whole.
    whole_from: Time,
}

impl Volume {
    /// Counts from `now` on; the interval under way is not judged for being too small.
    pub const fn new(now: Time) -> Self {
        Self { start: Time(i64::MIN), count: 0, whole_from: now }
    }

    /// Takes an output; says when the interval has more than allowed with it.
    pub fn event(&mut self, signal: &Signal, now: Time) -> Option<Tripped> {
        let Signal::Volume { max, per_ms, .. } = signal else { return None };
        self.roll(*per_ms, now);
        self.count += 1;
        let max = (*max)?;
        (self.count > max).then(|| tripped(self.count, max))
    }

    /// When the interval under way ends and may turn out too small; `None` where no minimum is declared.
    pub fn due(&self, signal: &Signal) -> Option<Time> {
        let Signal::Volume { min: Some(_), per_ms, .. } = signal else { return None };
        let from = if self.start.0 == i64::MIN { self.whole_from } else { self.start };
        Some(Time(from.0 - from.0.rem_euclid(*per_ms) + per_ms))
    }

    /// Ends intervals that are over; says when one of them, seen as a whole and within the active
    /// hours, had fewer outputs than declared.
    pub fn tick(&mut self, signal: &Signal, now: Time) -> Option<Tripped> {
        let Signal::Volume { min: Some(min), per_ms, active, .. } = signal else { return None };
        let mut missed = None;
        while let Some(end) = self.due(signal).filter(|end| *end <= now) {
            let start = Time(end.0 - per_ms);
            let counts = start >= self.whole_from && active.as_ref().is_none_or(|hours| all_active(start, end, hours));
            if counts && self.count < *min {
                missed = missed.or_else(|| Some(tripped(self.count, *min)));
            }
            self.roll(*per_ms, if now.0 - end.0 > 100 * per_ms { Time(now.0) } else { end });
        }
        missed
    }

    /// Whether the last output was the first of its interval.
    pub const fn begins(&self) -> bool {
        self.count == 1
    }

    /// Outputs within the interval that `now` lies in.
    pub const fn within(&self, per_ms: i64, now: Time) -> u64 {
        if now.0 - now.0.rem_euclid(per_ms) > self.start.0 { 0 } else { self.count }
    }

    /// The daemon was away: what it did not see is not missing.
    pub const fn resumed(&mut self, now: Time) {
        self.whole_from = now;
    }

    const fn roll(&mut self, per_ms: i64, now: Time) {
        let start = Time(now.0 - now.0.rem_euclid(per_ms));
        if start.0 > self.start.0 {
            *self = Self { start, count: 0, whole_from: self.whole_from };
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of outputs")]
const fn tripped(count: u64, limit: u64) -> Tripped {
    Tripped { value: count as f64, limit: limit as f64, n: count }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ActiveHours;

    fn volume(min: Option<u64>, max: Option<u64>, active: Option<ActiveHours>) -> Signal {
        Signal::Volume { min, max, per_ms: 60_000, active }
    }

    #[test]
    fn too_many_are_seen_at_once() {
        let (signal, mut guard) = (volume(None, Some(2), None), Volume::new(Time(0)));
        let at = |guard: &mut Volume, ms| guard.event(&signal, Time(ms)).map(|t| t.n);
        assert_eq!([1, 2, 3].map(|ms| at(&mut guard, ms)), [None, None, Some(3)]);
        assert_eq!(at(&mut guard, 60_000), None, "the next interval begins at zero");
        assert_eq!(guard.due(&signal), None);
    }

    #[test]
    fn too_few_are_seen_when_the_interval_ends() {
        let (signal, mut guard) = (volume(Some(2), None, None), Volume::new(Time(30_000)));
        assert_eq!(guard.tick(&signal, Time(60_000)), None, "the first interval was not seen as a whole");
        guard.event(&signal, Time(61_000));
        guard.event(&signal, Time(62_000));
        assert_eq!(guard.tick(&signal, Time(119_999)), None);
        assert_eq!(guard.tick(&signal, Time(120_000)), None, "two are enough");
        guard.event(&signal, Time(121_000));
        assert_eq!(guard.tick(&signal, Time(180_000)).map(|t| t.n), Some(1));
        guard.resumed(Time(200_000));
        assert_eq!(guard.tick(&signal, Time(240_000)), None, "the daemon was away");
        assert_eq!(guard.tick(&signal, Time(300_000)).map(|t| t.n), Some(0));
        guard.tick(&signal, Time(1_000_000_000_000));
        assert!(guard.due(&signal).unwrap().0 > 1_000_000_000_000, "a long gap ends at once");
    }

    #[test]
    fn outside_of_the_active_hours_nothing_is_missing() {
        let never = ActiveHours { from_minute: 0, to_minute: 1440, days: [false; 7], time_zone: "UTC".into() };
        let (signal, mut guard) = (volume(Some(1), None, Some(never)), Volume::new(Time(0)));
        assert_eq!(guard.tick(&signal, Time(600_000)), None);
    }
}
