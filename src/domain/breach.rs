//! The numbers of a breach: what broke, how far, since when, and which outputs carried it.
//!
//! Owns their meaning. What follows from a breach is the monitor's.

use super::{Mode, Time};
use serde::{Deserialize, Serialize};

/// The numbers of a breach.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Breach {
    /// The guard.
    pub guard: String,
    /// Its signal.
    pub signal: String,
    /// `main`, `outage` (the lane for outright failure) or `limit` (deterministic).
    pub lane: String,
    /// The mode whose bound was breached.
    pub mode: Mode,
    /// The bound, in the guard's unit.
    pub bound: f64,
    /// Mean of the observations since the estimated change, in the guard's unit. Descriptive: not an unbiased estimate.
    pub estimate: f64,
    /// 95 % interval of that mean as if the change had been known beforehand; `None` where the signal has none.
    pub interval: Option<[f64; 2]>,
    /// Observations since the estimated change.
    pub n: u64,
    /// Observations of the guard since it started or was last reset.
    pub n_total: u64,
    /// Evidence M at the breach (expected to reach the threshold at most once in the budget while the bound holds).
    pub evidence: f64,
    /// The threshold that the evidence reached.
    pub threshold: f64,
    /// The output that completed the evidence.
    pub output: Option<String>,
    /// Estimated time of the change.
    pub changed_at: Option<Time>,
    /// The change lies between these times with about 95 % confidence.
    #[serde(default)]
    pub changed_between: Option<[Time; 2]>,
    /// What of the signal carried the evidence, where it has parts: a quantile, a category, a group, an alert.
    #[serde(default)]
    pub part: Option<String>,
    /// The attribute values, models, versions and kinds that carry the excess, largest first.
    #[serde(default)]
    pub carriers: Vec<Carrier>,
    /// The outputs that weighed most since the estimated change.
    pub heaviest: Vec<Heaviest>,
}

/// A segment of the outputs that carries a part of what was too much.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Carrier {
    /// What it is, such as `locale = de`, `model = m-2026-11` or `exception = timeout`.
    pub segment: String,
    /// Its part of the observations that spoke against the workflow since the change, 0 to 1.
    pub hits_share: f64,
    /// Its part of all outputs of late (where verdicts are judged: of those that got one), 0 to 1; `None` for kinds of
    /// exceptions.
    pub outputs_share: Option<f64>,
    /// Its part of the excess over the bound, 0 to 1: (hits − bound · its outputs) / the same of all.
    pub excess_share: f64,
}

/// One output that weighed much.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Heaviest {
    /// The output.
    pub id: String,
    /// When it was made; where verdicts are judged, when its verdict came.
    pub time: Time,
    /// Its observation, in the guard's unit.
    pub value: f64,
    /// Kind of exception.
    pub exception: Option<String>,
    /// Trace to look at.
    pub trace_id: Option<String>,
}
