//! When a row's output was made: from a column in one of several forms, or by declared spacing.
//!
//! Owns the reading of foreign times. A time without a zone is taken as UTC. Knows no clock: rows
//! without a time rule get none, and then the time of arrival counts.

use crate::domain::Time;
use jiff::civil::DateTime;
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Milliseconds beyond this are no time of any trace: the year 9999.
const MS_MAX: f64 = 253_402_300_799_999.0;

/// Where the times come from.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TimeRule {
    /// Events carry no time.
    Arrival,
    /// A column holds it.
    Column { column: usize, format: TimeFormat },
    /// Row n was made at start + n · spacing.
    Spacing { start: Time, every_ms: i64 },
}

/// How a column writes a time.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TimeFormat {
    Rfc3339,
    EpochSeconds,
    EpochMillis,
    Pattern(String),
}

impl TimeFormat {
    /// The format of a word or pattern in a mapping.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "rfc3339" => Ok(Self::Rfc3339),
            "epoch_s" => Ok(Self::EpochSeconds),
            "epoch_ms" => Ok(Self::EpochMillis),
            pattern if pattern.contains('%') => {
                // A pattern that can read back what it writes names a day; without a time of day it is midnight.
                let sample = DateTime::constant(2026, 11, 21, 20, 15, 30, 0).to_zoned(TimeZone::UTC);
                let written = sample
                    .map_err(|error| error.to_string())
                    .and_then(|sample| jiff::fmt::strtime::format(pattern, &sample).map_err(|error| error.to_string()));
                match written.and_then(|written| by_pattern(pattern, &written)) {
                    Ok(_) => Ok(Self::Pattern(text.to_owned())),
                    Err(error) => Err(format!("`{pattern}` does not describe a point in time: {error}")),
                }
            }
            _ => Err(format!(
                "`{text}` is not a time format: write rfc3339, epoch_s, epoch_ms or a pattern such as \
                 \"%Y-%m-%d %H:%M:%S.%f\""
            )),
        }
    }

    /// The time that a cell holds; the error ends a sentence that starts with the column.
    pub(super) fn read(&self, text: &str) -> Result<Time, String> {
        match self {
            Self::Rfc3339 => text.parse(),
            Self::EpochSeconds => epoch(text, 1000.0),
            Self::EpochMillis => epoch(text, 1.0),
            Self::Pattern(pattern) => {
                by_pattern(pattern, text).map_err(|_| format!("is not a time of the form `{pattern}`"))
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "checked to be a whole number of this era")]
fn epoch(text: &str, scale: f64) -> Result<Time, String> {
    let ms = text.parse::<f64>().ok().map(|number| (number * scale).round());
    match ms {
        Some(ms) if ms.abs() <= MS_MAX => Ok(Time(ms as i64)),
        _ => Err("is not a number of seconds or milliseconds since 1970".to_owned()),
    }
}

fn by_pattern(pattern: &str, text: &str) -> Result<Time, String> {
    let read = || -> Result<Timestamp, jiff::Error> {
        let parts = BrokenDownTime::parse(pattern, text)?;
        if parts.offset().is_some() || parts.timestamp().is_some() {
            return parts.to_timestamp();
        }
        Ok(parts.to_datetime()?.to_zoned(TimeZone::UTC)?.timestamp())
    };
    read().map(|timestamp| Time(timestamp.as_millisecond())).map_err(|error| error.to_string())
}

/// A spacing such as `1s`, `250ms` or `5m`, in milliseconds.
pub(super) fn spacing(text: &str) -> Result<i64, String> {
    let ms = text.parse::<SignedDuration>().ok().and_then(|duration| i64::try_from(duration.as_millis()).ok());
    match ms {
        Some(ms) if (1..=Time::DAY).contains(&ms) => Ok(ms),
        _ => Err(format!("`{text}` is not a spacing between 1ms and 24h: write for example \"1s\" or \"250ms\"")),
    }
}

/// The time of a row by spacing.
pub(super) fn spaced(start: Time, every_ms: i64, row: usize) -> Time {
    start.plus(every_ms.saturating_mul(i64::try_from(row).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_reads_the_same_moment() {
        let expected: Time = "2023-11-16T18:15:46.680Z".parse().unwrap();
        for (format, text) in [
            ("rfc3339", "2023-11-16T19:15:46.68+01:00"),
            ("epoch_s", "1700158546.68"),
            ("epoch_ms", "1700158546680"),
            ("%Y-%m-%d %H:%M:%S.%f", "2023-11-16 18:15:46.6805900"),
            ("%d/%m/%Y %H:%M:%S%.f %z", "16/11/2023 20:15:46.68 +0200"),
        ] {
            assert_eq!(TimeFormat::parse(format).unwrap().read(text), Ok(expected), "{format}");
        }
    }

    #[test]
    fn wrong_formats_and_times_are_told() {
        for bad in ["iso", "%Y-%m", "%H:%M", "%Y-%m-%d %H:%M:%S %!", ""] {
            assert!(TimeFormat::parse(bad).is_err(), "{bad}");
        }
        for (format, text) in [("epoch_s", "NaN"), ("epoch_s", "1e300"), ("epoch_ms", ""), ("rfc3339", "now")] {
            assert!(TimeFormat::parse(format).unwrap().read(text).is_err(), "{format} {text}");
        }
    }

    #[test]
    fn spacings() {
        assert_eq!(spacing("1s"), Ok(1000));
        assert_eq!(spacing("250ms"), Ok(250));
        for bad in ["", "0s", "-1s", "2d", "1", "25h"] {
            assert!(spacing(bad).is_err(), "{bad}");
        }
        assert_eq!(spaced(Time(5), 1000, 3), Time(3005));
        assert_eq!(spaced(Time(5), Time::DAY, usize::MAX), Time(i64::MAX));
    }
}
