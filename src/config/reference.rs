//! `[workflow.reference]`: what reports compare a workflow with.
//!
//! Owns the reading. Must not know how it is compared.

use super::section::Section;
use super::values::{number_in, text};
use crate::domain::ReferencePolicy;
use crate::domain::event::DURATION_MS_MAX;

/// Most that a unit costs or is worth.
const AMOUNT_MAX: f64 = 1e9;

/// Reads the reference of a workflow.
pub(super) fn read(workflow: &Section<'_>) -> ReferencePolicy {
    let section = workflow.table("reference", "workflow.reference");
    let share = |key: &str| section.read(key, |value| number_in(value, 0.0..=1.0));
    let amount = |key: &str, max: f64| section.read(key, |value| number_in(value, 0.0..=max));
    ReferencePolicy {
        source: section.read("source", text).unwrap_or_default(),
        exception_ratio: share("exception_ratio"),
        latency_p50_ms: amount("latency_p50_ms", DURATION_MS_MAX),
        cycle_minutes: amount("cycle_minutes", DURATION_MS_MAX / 60_000.0),
        sla_ratio: share("sla_ratio"),
        cost_to_serve: amount("cost_to_serve", AMOUNT_MAX),
        value_per_unit: amount("value_per_unit", AMOUNT_MAX),
        rejected_ratio: share("rejected_ratio"),
    }
}
