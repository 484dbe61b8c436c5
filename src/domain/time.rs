//! A point in time: whole milliseconds since 1970-01-01T00:00:00Z.
//!
//! Owns parsing and printing of RFC 3339 times. Knows no clock: it can't tell what time it is.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// Milliseconds since the Unix epoch, UTC. Text form: RFC 3339.
///
/// In human-readable formats (JSON) it is a string, in binary ones an integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub i64);

impl Time {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);
    /// One second, in the unit of [`Time`].
    pub const SECOND: i64 = 1_000;
    /// One minute.
    pub const MINUTE: i64 = 60 * Self::SECOND;
    /// One hour.
    pub const HOUR: i64 = 60 * Self::MINUTE;
    /// One day of 24 hours.
    pub const DAY: i64 = 24 * Self::HOUR;

    /// This time moved by `ms` milliseconds (saturating).
    #[must_use]
    pub const fn plus(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this time; negative when this one is the earlier.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Its day, UTC, such as `2026-11-22`.
    pub fn date(self) -> String {
        self.to_string().chars().take(10).collect()
    }

    /// Seconds since the Unix epoch, for metrics.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this era are exact in an f64")]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1_000.0
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(timestamp) => write!(f, "{timestamp:.3}"),
            Err(_) => write!(f, "{} ms since 1970", self.0),
        }
    }
}

impl FromStr for Time {
    type Err = String;

    /// Reads an RFC 3339 time; finer digits than milliseconds are cut off.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // A zone annotation (`[Europe/Berlin]`) is legal for jiff but not in RFC 3339.
        let plain = text.len() <= 40 && !text.contains('[');
        match text.parse::<jiff::Timestamp>() {
            Ok(timestamp) if plain => Ok(Self(timestamp.as_millisecond())),
            _ => Err("is not an RFC 3339 time such as 2026-11-21T20:15:00Z".to_owned()),
        }
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { serializer.serialize_i64(self.0) }
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
            text.parse().map_err(de::Error::custom)
        } else {
            i64::deserialize(deserializer).map(Self)
        }
    }
}

impl utoipa::PartialSchema for Time {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .format(Some(utoipa::openapi::SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::DateTime)))
            .description(Some("RFC 3339 time, UTC, to the millisecond"))
            .into()
    }
}

impl utoipa::ToSchema for Time {
    fn name() -> std::borrow::Cow<'static, str> {
        "Time".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3339_both_ways() {
        let time: Time = "2026-11-21T20:15:00.25+01:00".parse().unwrap();
        assert_eq!(time.to_string(), "2026-11-21T19:15:00.250Z");
        assert_eq!(serde_json::to_string(&time).unwrap(), "\"2026-11-21T19:15:00.250Z\"");
        assert_eq!(serde_json::from_str::<Time>("\"2026-11-21T19:15:00.250Z\"").unwrap(), time);
        for bad in ["", "yesterday", "2026-11-21", "2026-13-01T00:00:00Z", "2026-11-21T20:15:00"] {
            assert!(bad.parse::<Time>().is_err(), "{bad}");
        }
    }
}
