//! Civil time: active hours and hours of the week, in a time zone.
//!
//! Owns the arithmetic with days that may have 23 or 25 hours. It is handed every time.

use crate::domain::{ActiveHours, Time};
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};

/// An end of active time is looked for at most this far ahead, days.
const DAYS_MAX: usize = 400;

/// The time when `after_ms` of active time have passed since `since`; `None` where they never do.
pub fn after_active(since: Time, after_ms: i64, hours: &ActiveHours) -> Option<Time> {
    let zone = zone(&hours.time_zone);
    let start = Timestamp::from_millisecond(since.0).ok()?.to_zoned(zone.clone());
    let mut date = start.date();
    let mut left = after_ms;
    for _ in 0..DAYS_MAX {
        if let Some((from, to)) = active_on(date, hours, &zone)? {
            let from = from.max(since.0);
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

/// Whether all of [from, to) is active, within one day's hours.
pub fn all_active(from: Time, to: Time, hours: &ActiveHours) -> bool {
    let zone = zone(&hours.time_zone);
    let Ok(start) = Timestamp::from_millisecond(from.0) else { return false };
    let active = active_on(start.to_zoned(zone.clone()).date(), hours, &zone).flatten();
    active.is_some_and(|(opens, closes)| opens <= from.0 && to.0 <= closes)
}

/// Hour of the week in a time zone: 0 is Monday from midnight to one, 167 Sunday's last.
pub fn hour_of_week(time: Time, time_zone: &str) -> usize {
    let Ok(at) = Timestamp::from_millisecond(time.0) else { return 0 };
    let at = at.to_zoned(zone(time_zone));
    let day = usize::try_from(at.weekday().to_monday_zero_offset()).unwrap_or(0);
    24 * day + usize::try_from(at.hour()).unwrap_or(0)
}

/// Start and end of the active time on a day, milliseconds; the inner `None` where there is none.
#[expect(clippy::option_option, reason = "the outer one is a date outside of the calendar")]
fn active_on(date: Date, hours: &ActiveHours, zone: &TimeZone) -> Option<Option<(i64, i64)>> {
    let weekday = usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or(0);
    if !hours.days[weekday] {
        return Some(None);
    }
    // Through the civil time of the zone, so that a day with a clock change is as long as it is.
    let at = |minute: u16| {
        let midnight = date.at(0, 0, 0, 0).checked_add(i64::from(minute).minutes()).ok()?;
        Some(midnight.to_zoned(zone.clone()).ok()?.timestamp().as_millisecond())
    };
    Some(Some((at(hours.from_minute)?, at(hours.to_minute)?)))
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Time {
        text.parse().unwrap()
    }

    fn office() -> ActiveHours {
        ActiveHours {
            from_minute: 8 * 60,
            to_minute: 18 * 60,
            days: [true, true, true, true, true, false, false],
            time_zone: "Europe/Berlin".into(),
        }
    }

    #[test]
    fn active_time_passes_in_active_hours_only() {
        let hour = 3_600_000;
        // Friday 17:30 in Berlin: half an hour is left, the rest is on Monday from 8:00 on.
        let friday = time("2026-11-20T16:30:00Z");
        assert_eq!(after_active(friday, hour, &office()), Some(time("2026-11-23T07:30:00Z")));
        // Over the change to winter time (2026-10-25) eight in the morning is still eight in the morning.
        let before = time("2026-10-23T15:30:00Z");
        assert_eq!(after_active(before, hour, &office()), Some(time("2026-10-26T07:30:00Z")));
        let never = ActiveHours { days: [false; 7], ..office() };
        assert_eq!(after_active(friday, hour, &never), None);
    }

    #[test]
    fn an_interval_is_active_as_a_whole_or_not() {
        let at = |from: &str, to: &str| all_active(time(from), time(to), &office());
        assert!(at("2026-11-20T07:00:00Z", "2026-11-20T08:00:00Z"));
        assert!(!at("2026-11-20T06:30:00Z", "2026-11-20T07:30:00Z"), "begins before eight in Berlin");
        assert!(!at("2026-11-20T16:30:00Z", "2026-11-20T17:30:00Z"), "ends after six");
        assert!(!at("2026-11-21T09:00:00Z", "2026-11-21T10:00:00Z"), "a Saturday");
    }

    #[test]
    fn hours_of_the_week_begin_on_monday_in_their_zone() {
        assert_eq!(hour_of_week(time("2026-11-23T00:30:00Z"), "UTC"), 0);
        assert_eq!(hour_of_week(time("2026-11-22T23:30:00Z"), "Europe/Berlin"), 0);
        assert_eq!(hour_of_week(time("2026-11-22T23:30:00Z"), "UTC"), 167);
        // In July Berlin is two hours ahead.
        assert_eq!(hour_of_week(time("2026-07-06T10:00:00Z"), "Europe/Berlin"), 12);
    }
}
