//! Weeks: ISO 8601, in a declared time zone.
//!
//! Owns names such as `2026-W47`, and when a week and its days begin. A day may have 23 or 25 hours. It is handed
//! every time.

use crate::domain::Time;
use jiff::civil::{ISOWeekDate, Weekday};
use jiff::{Timestamp, tz::TimeZone};
use std::fmt;
use std::str::FromStr;

/// Days of a week.
pub const DAYS: usize = 7;

/// A week of the ISO calendar: it begins on Monday, and its year is that of its Thursday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Week {
    year: i16,
    number: i8,
}

impl Week {
    /// The week that a time falls into; `None` for a time outside of the calendar.
    pub fn of(time: Time, zone: &TimeZone) -> Option<Self> {
        let date = Timestamp::from_millisecond(time.0).ok()?.to_zoned(zone.clone()).date().iso_week_date();
        Some(Self { year: date.year(), number: date.week() })
    }

    fn monday(self) -> Option<jiff::civil::Date> {
        Some(ISOWeekDate::new(self.year, self.number, Weekday::Monday).ok()?.date())
    }

    /// So many weeks later; earlier where negative.
    pub fn plus(self, weeks: i64) -> Option<Self> {
        let date = self.monday()?.checked_add(jiff::Span::new().try_weeks(weeks).ok()?).ok()?.iso_week_date();
        Some(Self { year: date.year(), number: date.week() })
    }

    /// When its days begin, and at last when the next week does.
    pub fn days(self, zone: &TimeZone) -> Option<[Time; DAYS + 1]> {
        let monday = self.monday()?;
        let mut days = [Time::EPOCH; DAYS + 1];
        for (after, day) in (0_i64..).zip(&mut days) {
            let date = monday.checked_add(jiff::Span::new().try_days(after).ok()?).ok()?;
            *day = Time(date.to_zoned(zone.clone()).ok()?.timestamp().as_millisecond());
        }
        Some(days)
    }

    /// The dates of its days, such as `2026-11-16`.
    pub fn dates(self) -> Vec<String> {
        let dates = self.monday().into_iter().flat_map(|monday| monday.series(jiff::Span::new().days(1)));
        dates.take(DAYS).map(|date| date.to_string()).collect()
    }
}

impl fmt::Display for Week {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-W{:02}", self.year, self.number)
    }
}

impl FromStr for Week {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("`{text}` is no ISO week such as 2026-W47");
        let (year, number) = text.split_once("-W").ok_or_else(wrong)?;
        if year.len() != 4 || number.len() != 2 || !text.bytes().all(|b| b.is_ascii_digit() || b"-W".contains(&b)) {
            return Err(wrong());
        }
        let week = Self { year: year.parse().map_err(|_| wrong())?, number: number.parse().map_err(|_| wrong())? };
        week.monday().map(|_| week).ok_or_else(|| format!("there is no week {number} in {year}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn week(text: &str) -> Week {
        text.parse().unwrap()
    }

    #[test]
    fn names_and_neighbours() {
        for text in ["2026-W47", "2026-W53", "2024-W01", "1999-W52"] {
            assert_eq!(week(text).to_string(), text);
        }
        assert_eq!(week("2026-W53").plus(1), Some(week("2027-W01")));
        assert_eq!(week("2027-W01").plus(-1), Some(week("2026-W53")));
        for wrong in ["2026-47", "2026-W54", "2025-W53", "2026-W00", "26-W01", "2026-W1", "", "2026-W-1", "+026-W01"] {
            assert!(wrong.parse::<Week>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_week_is_where_its_time_zone_says() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let late: Time = "2026-11-22T22:59:59Z".parse().unwrap();
        assert_eq!(Week::of(late, &berlin), Some(week("2026-W47")));
        assert_eq!(Week::of(late.plus(1_000), &berlin), Some(week("2026-W48")));
        assert_eq!(Week::of(late.plus(1_000), &TimeZone::UTC), Some(week("2026-W47")));
        // The clocks go back on Sunday 2026-10-25.
        let days = week("2026-W43").days(&berlin).unwrap();
        let hours: Vec<i64> = days.windows(2).map(|pair| pair[1].since(pair[0]) / Time::HOUR).collect();
        assert_eq!(hours, [24, 24, 24, 24, 24, 24, 25]);
        assert_eq!(days[0].to_string(), "2026-10-18T22:00:00.000Z");
        assert_eq!(week("2026-W43").dates()[6], "2026-10-25");
    }
}
