//! `[drill]`: how often the cord is pulled on purpose, and how patient a drill is.
//!
//! Owns its keys' readers. What a drill does is the conductor's.

use super::section::Section;
use super::values::{Read, YEAR_MS, duration_ms};
use crate::domain::Time;
use toml::de::DeValue;

/// When drills run by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrillSettings {
    /// A drill is due so long after the last one, milliseconds; `None` is never.
    pub every_ms: Option<i64>,
    /// A wire through which nothing came for this long is cut, milliseconds.
    pub step_timeout_ms: u64,
}

pub(super) fn read(section: &Section<'_>) -> DrillSettings {
    let patience = section.read("step_timeout", |value| duration_ms(value, 100..=Time::MINUTE));
    DrillSettings {
        every_ms: section.read("every", every).flatten(),
        step_timeout_ms: patience.unwrap_or_default().unsigned_abs(),
    }
}

fn every(value: &DeValue<'_>) -> Read<Option<i64>> {
    if value.as_str() == Some("never") {
        return Ok(None);
    }
    duration_ms(value, 10 * Time::MINUTE..=YEAR_MS).map(Some).map_err(|mut wrong| {
        wrong.help.push_str("; \"never\" leaves drills to people");
        wrong
    })
}
