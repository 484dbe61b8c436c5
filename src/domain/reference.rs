//! What a workflow is compared with in reports: how things were before, as somebody measured them.
//!
//! Owns the words. No mode depends on them; a guard's baseline is something else.

use serde::{Deserialize, Serialize};

/// The reference of a workflow, by measure; `None` where nobody measured it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ReferencePolicy {
    /// Where the numbers are from, in a sentence; may be empty.
    pub source: String,
    /// Share of outputs that were exceptions, 0 to 1.
    pub exception_ratio: Option<f64>,
    /// Median latency, milliseconds.
    pub latency_p50_ms: Option<f64>,
    /// Mean end-to-end time, minutes.
    pub cycle_minutes: Option<f64>,
    /// Share of outputs that met their service level, 0 to 1.
    pub sla_ratio: Option<f64>,
    /// Cost of one unit, people included, in the workflow's currency.
    pub cost_to_serve: Option<f64>,
    /// Value of one unit, in the workflow's currency.
    pub value_per_unit: Option<f64>,
    /// Share of verdicts that rejected, 0 to 1.
    pub rejected_ratio: Option<f64>,
}

impl ReferencePolicy {
    /// Whether nothing is declared: then it leaves no trace in the policy's hash.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The reference of a measure by its name.
    pub fn of(&self, measure: &str) -> Option<f64> {
        match measure {
            "exception_ratio" => self.exception_ratio,
            "latency_p50_ms" => self.latency_p50_ms,
            "cycle_minutes" => self.cycle_minutes,
            "sla_ratio" => self.sla_ratio,
            "cost_to_serve" => self.cost_to_serve,
            "value_per_unit" => self.value_per_unit,
            "rejected_ratio" => self.rejected_ratio,
            _ => None,
        }
    }
}
