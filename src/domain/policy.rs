//! The policy: which workflows there are, what they may do and which guards watch them.
//!
//! Owns the checked form that the monitor lives by and that is journalled with every load. It holds
//! no addresses, paths or secrets. How it is written in TOML is the configuration's.

use super::{Mode, PerMode, Signal, WorkflowId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything that decides about modes, checked and complete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// SHA-256 over the policy's canonical JSON without this field, 64 hex digits. Stands in every transition.
    pub hash: String,
    /// B: expected false demotions of a workflow within its bounds are at most n / B in n outputs.
    pub outputs_per_false_demotion: f64,
    /// How long a reader may rely on a mode answer, milliseconds.
    pub lease_ms: i64,
    /// Outputs later than this count in totals and coarse windows, milliseconds.
    pub lateness_ms: i64,
    /// What happens with events of workflows that are not declared.
    pub unknown: UnknownWorkflows,
    /// The declared workflows.
    pub workflows: BTreeMap<WorkflowId, WorkflowPolicy>,
}

impl Policy {
    /// The policy before any was loaded: no workflow is known and none is taken.
    pub fn empty() -> Self {
        Self {
            hash: String::new(),
            outputs_per_false_demotion: 1e6,
            lease_ms: 60_000,
            lateness_ms: 60_000,
            unknown: UnknownWorkflows { accept: false, max: 0, template: WorkflowPolicy::bare() },
            workflows: BTreeMap::new(),
        }
    }
}

impl WorkflowPolicy {
    /// A factory workflow that stays in assist and is watched by nothing.
    pub fn bare() -> Self {
        Self {
            id: WorkflowId::unknown(),
            track: Track::Factory,
            owner: String::new(),
            unit: "output".to_owned(),
            currency: "USD".to_owned(),
            start_mode: Mode::Assist,
            max_mode: Mode::Assist,
            base: Vec::new(),
            runbook: String::new(),
            evidence_valid_ms: None,
            review: PerMode { assist: 1.0, collaborate: 1.0, delegate: 0.1, automate: 0.02 },
            renamed_from: None,
            guards: Vec::new(),
        }
    }
}

/// What happens with events of workflows that are not declared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnknownWorkflows {
    /// Whether they are watched at `assist`; else they are refused.
    pub accept: bool,
    /// At most so many.
    pub max: usize,
    /// What each of them is watched with; its `id` is replaced by the workflow's.
    pub template: WorkflowPolicy,
}

/// The track of a workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Track {
    /// Learning: at most collaborate; breaches inform and never demote.
    Lab,
    /// Production: breaches demote.
    Factory,
}

/// The policy of one workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkflowPolicy {
    /// The workflow.
    pub id: WorkflowId,
    /// Lab or factory.
    pub track: Track,
    /// Who answers for it; may be empty.
    pub owner: String,
    /// What one unit is called, such as `email`.
    pub unit: String,
    /// ISO 4217 code of costs and spends.
    pub currency: String,
    /// The mode at adoption; counts once per id, ever.
    pub start_mode: Mode,
    /// No mode above this one.
    pub max_mode: Mode,
    /// Ids of the base items that it stands on.
    pub base: Vec<String>,
    /// What to do when it breaks: a URL or a path; may be empty.
    pub runbook: String,
    /// Without an output for this long the mode lapses to assist, milliseconds; `None` = never.
    pub evidence_valid_ms: Option<i64>,
    /// Share of outputs that humans review, per mode, 0 to 1.
    pub review: PerMode<f64>,
    /// A former id whose history this workflow carries on.
    pub renamed_from: Option<WorkflowId>,
    /// The guards, names unique.
    pub guards: Vec<GuardPolicy>,
}

/// One guard of a workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GuardPolicy {
    /// Its name: the label in metrics, unique within the workflow.
    pub name: String,
    /// What it looks at.
    pub signal: Signal,
    /// The bound in each mode; `None` where the guard doesn't bind (always in assist, and in every
    /// mode for deterministic guards, which bind in all modes above assist). Never looser in a higher mode.
    pub bound: PerMode<Option<f64>>,
    /// Outputs per block; 1 declares independence. 1 for deterministic guards.
    pub block: u32,
    /// Share of the workflow's budget, 0 to 1; the shares of a workflow add up to at most 1. 0 for deterministic guards.
    pub share: f64,
    /// A breach lowers to this mode (or lower) instead of the highest whose bounds hold.
    pub to: Option<Mode>,
}

/// The default number of outputs in a block: round(1/bound) within [10, 50] for the tightest bound,
/// and 10 for cost per unit (design; a block protects against clusters well below its length).
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to [10, 50] first")]
pub fn default_block(signal: &Signal, tightest_bound: f64) -> u32 {
    match signal {
        Signal::CostPerUnit { .. } => 10,
        signal if signal.is_statistical() => (1.0 / tightest_bound).round().clamp(10.0, 50.0) as u32,
        _ => 1,
    }
}
