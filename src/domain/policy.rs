//! The policy: which workflows there are, what they may do and which guards watch them.
//!
//! Owns the checked form that the monitor lives by and that is journalled with every load. It holds
//! no addresses, paths or secrets. How it is written in TOML is the configuration's.

use super::{
    CooldownPolicy, GatePolicy, HousePolicy, Hypothesis, LapseOn, Mode, PerMode, ReadinessPolicy, ReferencePolicy,
    ReviewPolicy, Signal, SloPolicy, Time, WorkflowId,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything that decides about modes, checked and complete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// SHA-256 over the policy's canonical JSON without this field, 64 hex digits. Stands in every transition.
    pub hash: String,
    /// Who loaded it; empty where the daemon did at its start. Not a part of what the hash covers.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub loaded_by: String,
    /// B: expected false demotions of a workflow within its bounds are at most n / B in n outputs.
    pub outputs_per_false_demotion: f64,
    /// Whether B counts the outputs of the whole fleet instead: then all workflows together have at
    /// most n / B false demotions in n outputs of the fleet.
    #[serde(default)]
    pub budget_of_fleet: bool,
    /// How long a reader may rely on a mode answer, milliseconds.
    pub lease_ms: i64,
    /// Outputs later than this count in totals and coarse windows, milliseconds.
    pub lateness_ms: i64,
    /// What happens with events of workflows that are not declared.
    pub unknown: UnknownWorkflows,
    /// What holds for the whole house.
    #[serde(default)]
    pub house: HousePolicy,
    /// The declared workflows.
    pub workflows: BTreeMap<WorkflowId, WorkflowPolicy>,
}

impl Policy {
    /// The policy before any was loaded: no workflow is known and none is taken.
    pub fn empty() -> Self {
        Self {
            hash: String::new(),
            loaded_by: String::new(),
            outputs_per_false_demotion: 1e6,
            budget_of_fleet: false,
            lease_ms: 60_000,
            lateness_ms: 60_000,
            unknown: UnknownWorkflows { accept: false, max: 0, template: WorkflowPolicy::bare() },
            house: HousePolicy::default(),
            workflows: BTreeMap::new(),
        }
    }
}

impl WorkflowPolicy {
    /// The limit by which an output met its service level where it doesn't say so itself: that of the first `sla`
    /// guard with one, milliseconds.
    pub fn sla_limit_ms(&self) -> Option<f64> {
        self.guards.iter().find_map(|guard| match guard.signal {
            Signal::Sla { limit_ms } => limit_ms,
            _ => None,
        })
    }

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
            reviewing: ReviewPolicy::default(),
            renamed_from: None,
            rollback: String::new(),
            gate: GatePolicy::defaults(),
            cooldown: CooldownPolicy::default(),
            readiness: ReadinessPolicy::default(),
            lapse_on: Vec::new(),
            hypotheses: Vec::new(),
            slo: SloPolicy::default(),
            reference: ReferencePolicy::default(),
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

impl Track {
    /// The word used in TOML, JSON and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lab => "lab",
            Self::Factory => "factory",
        }
    }
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
    /// What else is asked of reviewers.
    #[serde(default)]
    pub reviewing: ReviewPolicy,
    /// A former id whose history this workflow carries on.
    pub renamed_from: Option<WorkflowId>,
    /// What to do to get back to what worked: a URL, a path or a sentence; may be empty.
    #[serde(default)]
    pub rollback: String,
    /// What it takes to rise to each mode.
    #[serde(default = "GatePolicy::defaults")]
    pub gate: PerMode<GatePolicy>,
    /// How long it stays down after a demotion by a guard.
    #[serde(default)]
    pub cooldown: CooldownPolicy,
    /// What people must have put their name to before the gate opens.
    #[serde(default)]
    pub readiness: ReadinessPolicy,
    /// New values of these make a granted mode lapse.
    #[serde(default)]
    pub lapse_on: Vec<LapseOn>,
    /// What is tested while it is in the lab.
    #[serde(default)]
    pub hypotheses: Vec<Hypothesis>,
    /// What is promised; no mode depends on it.
    #[serde(default)]
    pub slo: SloPolicy,
    /// What reports compare it with.
    #[serde(default, skip_serializing_if = "ReferencePolicy::is_empty")]
    pub reference: ReferencePolicy,
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
    /// With a baseline it is the tolerance beyond it, in the same unit.
    pub bound: PerMode<Option<f64>>,
    /// Outputs per block; 1 declares independence. 1 for deterministic guards.
    pub block: u32,
    /// Share of the workflow's budget, 0 to 1; the shares of a workflow add up to at most 1. 0 for deterministic guards.
    pub share: f64,
    /// A breach lowers to this mode (or lower) instead of the highest whose bounds hold.
    pub to: Option<Mode>,
    /// Where the guard learns what is normal; `None` where the bound is declared. Always there for drift.
    #[serde(default)]
    pub baseline: Option<BaselinePolicy>,
}

impl GuardPolicy {
    /// Whether `bound` is a bound on what is observed: not a tolerance beyond something learned, and
    /// not a ratio between groups.
    pub const fn declares_bound(&self) -> bool {
        self.signal.is_statistical()
            && self.baseline.is_none()
            && !matches!(self.signal, Signal::Drift { .. } | Signal::Disparity { .. })
    }
}

/// Outputs that a baseline may take: fewer say too little about what is normal, more take up memory.
pub const BASELINE_OUTPUTS: std::ops::RangeInclusive<u32> = 30..=100_000;

/// How a guard learns what is normal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BaselinePolicy {
    /// The sample.
    pub source: BaselineSource,
    /// A baseline per hour of the week in this time zone (IANA name), pooled where thin; `None` is one for all.
    pub hour_of_week: Option<String>,
}

/// The sample that a baseline is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "snake_case")]
pub enum BaselineSource {
    /// The first outputs after the guard started.
    Outputs {
        /// How many, 30 to 100,000.
        count: u32,
    },
    /// The outputs whose time lies in a range, as they arrive.
    Range {
        /// Start, inclusive.
        from: Time,
        /// End, exclusive.
        to: Time,
    },
    /// A file, read when the configuration was.
    File {
        /// Its name, for people.
        name: String,
        /// Its values, in order.
        values: BaselineValues,
    },
}

/// Values of a baseline file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BaselineValues {
    /// For numbers and for shares (0 or 1 for each output).
    Numbers(Vec<f64>),
    /// For attributes.
    Categories(Vec<String>),
}

/// The default number of outputs in a block: round(1/bound) within [10, 50] for the tightest bound,
/// 5 for cost per unit and 10 for drift (design; a block protects against clusters well below its length).
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to [10, 50] first")]
pub fn default_block(signal: &Signal, tightest_bound: f64) -> u32 {
    match signal {
        // Half of the design's 10: twice the cost is found in 180 outputs instead of 300.
        Signal::CostPerUnit { .. } => 5,
        Signal::Drift { .. } => 10,
        // Of an exception only its group matters: one in a thousand outputs is not in a cluster.
        Signal::Disparity { .. } => 1,
        signal if signal.is_statistical() => (1.0 / tightest_bound).round().clamp(10.0, 50.0) as u32,
        _ => 1,
    }
}
