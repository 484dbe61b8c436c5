//! `[report]`: when weeks begin.
//!
//! Owns its keys' readers. What a report says is the report's.

use super::active::time_zone;
use super::section::Section;
use super::values::text;

/// How reports are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportSettings {
    /// The time zone of days and weeks, an IANA name.
    pub time_zone: String,
}

pub(super) fn read(section: &Section<'_>) -> ReportSettings {
    let zone = section.read("time_zone", |value| time_zone(&text(value)?));
    ReportSettings { time_zone: zone.unwrap_or_else(|| "UTC".to_owned()) }
}
