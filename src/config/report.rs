//! `[report]`: when weeks begin, when the report of one is made by itself, and how many are kept.
//!
//! Owns its keys' readers. What a report says is the report's.

use super::active::time_zone;
use super::section::Section;
use super::values::{count, text};

/// Longest wait after the end of a week, hours: the report is there before the next week ends.
const DELAY_HOURS_MAX: u64 = 144;
/// Most reports that are kept: a hundred years of weeks.
const KEEP_WEEKS_MAX: u64 = 5_200;

/// How reports are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportSettings {
    /// The time zone of days and weeks, an IANA name.
    pub time_zone: String,
    /// So long after the end of a week its report is made, hours: outputs and verdicts still come.
    pub delay_hours: u64,
    /// So many reports are kept, the newest; 0 makes none by itself.
    pub keep_weeks: u64,
}

pub(super) fn read(section: &Section<'_>) -> ReportSettings {
    let zone = section.read("time_zone", |value| time_zone(&text(value)?));
    let whole = |key, range| section.read(key, |value| count(value, range)).unwrap_or_default();
    ReportSettings {
        time_zone: zone.unwrap_or_else(|| "UTC".to_owned()),
        delay_hours: whole("delay_hours", 0..=DELAY_HOURS_MAX),
        keep_weeks: whole("keep_weeks", 0..=KEEP_WEEKS_MAX),
    }
}
