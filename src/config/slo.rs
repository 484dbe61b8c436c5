//! `[workflow.slo]`: what is promised of a workflow.
//!
//! Owns the reading of objectives. Must not know how they are counted.

use super::section::Section;
use super::values::{number_in, positive};
use crate::domain::event::DURATION_MS_MAX;
use crate::domain::{LatencySlo, SloPolicy};
use std::ops::RangeInclusive;

/// An objective below a half promises nothing, and one of 1 has no budget that could be used.
const OBJECTIVES: RangeInclusive<f64> = 0.5..=0.999_999;

/// Reads the objectives of a workflow.
pub(super) fn read(workflow: &Section<'_>) -> SloPolicy {
    let section = workflow.table("slo", "workflow.slo");
    let objective = |key: &str| section.read(key, |value| number_in(value, OBJECTIVES));
    let latency = section.has("latency").then(|| section.table("latency", "workflow.slo.latency")).and_then(|table| {
        let limit_ms = table.read("limit_ms", |value| positive(value, DURATION_MS_MAX));
        let objective = table.read("objective", |value| number_in(value, OBJECTIVES));
        Some(LatencySlo { limit_ms: limit_ms?, objective: objective? })
    });
    SloPolicy { good: objective("good"), latency, sla: objective("sla"), uptime: objective("uptime") }
}
