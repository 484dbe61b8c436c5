//! The course of a workflow's numbers over a window: one point for each of its slots.
//!
//! Owns the read model of small charts. Slots without outputs have no point: no data is not 0.

use super::workflow::Workflow;
use crate::domain::{Money, Time};
use crate::stats::latency::{LatencySummary, histogram};
use crate::stats::ring::WINDOWS;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One slot of a window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Point {
    /// When it begins.
    pub start: Time,
    /// Outputs.
    pub outputs: u64,
    /// exceptions / outputs.
    pub exception_rate: f64,
    /// Median of the latency, milliseconds; `null` where none was reported.
    pub latency_p50_ms: Option<f64>,
    /// 95 % quantile of the latency, milliseconds; `null` where none was reported.
    pub latency_p95_ms: Option<f64>,
    /// Cost per unit of the outputs that had a cost; `null` where none had.
    pub cost_per_unit: Option<Money>,
}

impl Workflow {
    /// The points of a window (an index into [`WINDOWS`]), oldest first.
    #[expect(clippy::cast_precision_loss, reason = "counts of this size are exact in an f64")]
    pub fn series(&self, window: usize, now: Time) -> Vec<Point> {
        let slots = self.state.windows.slots(window, now.0);
        let point = |(start_ms, slot): (i64, super::kpi::Slot)| {
            let counts = &slot.counts;
            let mut latencies = histogram();
            slot.latencies.add_to(&mut latencies);
            let latency = LatencySummary::of(&latencies);
            // Verdicts alone make no point.
            (counts.outputs > 0).then(|| Point {
                start: Time(start_ms),
                outputs: counts.outputs,
                exception_rate: counts.exceptions as f64 / counts.outputs as f64,
                latency_p50_ms: latency.as_ref().map(|latency| latency.p50_ms),
                latency_p95_ms: latency.as_ref().map(|latency| latency.p95_ms),
                cost_per_unit: counts.cost_per_unit(),
            })
        };
        slots.into_iter().filter_map(point).collect()
    }
}

/// The window with a name, as an index into [`WINDOWS`].
pub fn window(name: &str) -> Option<usize> {
    WINDOWS.iter().position(|window| window.name == name)
}
