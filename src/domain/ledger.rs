//! What the ledger records: every decision about a mode, with its reason and its numbers.
//!
//! Owns the content of entries. Where and how they are kept is the store's.

use super::{Mode, Time, WorkflowId};
use serde::{Deserialize, Serialize};

/// One entry. (`journal_seq`, `index`) identifies it, so writing it twice changes nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Entry {
    /// The journal record that led to it.
    pub journal_seq: u64,
    /// Position among the entries of that record, from 0.
    pub index: u32,
    /// When it was decided.
    pub time: Time,
    /// The workflow that it concerns; `None` for the whole house.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub workflow: Option<WorkflowId>,
    /// Hash of the policy in force.
    pub policy: String,
    /// Who or what acted: a person's name, or `andon`.
    pub by: String,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    /// The daemon began to work on this store.
    Started {
        /// Version of the daemon.
        version: String,
    },
    /// A policy came into force.
    PolicyLoaded {
        /// Hash of the one before; empty at the first.
        previous: String,
        /// Declared workflows.
        workflows: usize,
    },
    /// A workflow was seen for the first time and got its start mode.
    Adopted {
        /// The start mode.
        mode: Mode,
        /// `declared` or `unknown` (taken by `[unknown_workflows]`).
        source: String,
        /// The former id whose history it carries on.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        renamed_from: Option<WorkflowId>,
    },
    /// A workflow goes on under a new id, with its mode and history.
    Renamed {
        /// The former id.
        from: WorkflowId,
    },
    /// A workflow left the policy; its mode and history are kept.
    Removed {},
    /// A workflow came back into the policy.
    Restored {
        /// The mode that it had kept.
        mode: Mode,
    },
    /// A guard is new or its definition changed: it starts anew.
    GuardStarted {
        /// The guard.
        guard: String,
        /// `added` or `changed`.
        why: String,
    },
    /// A guard left the policy.
    GuardRemoved {
        /// The guard.
        guard: String,
    },
    /// A guard has learned what is normal and begins to judge.
    BaselinePinned {
        /// The guard.
        guard: String,
        /// Counts the baselines of this guard, from 1.
        version: u32,
        /// Where it is from: `outputs`, `range` or the name of a file.
        source: String,
        /// Outputs in it.
        outputs: u64,
        /// Time of its first output; `None` for a file.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        from: Option<Time>,
        /// Time of its last output; `None` for a file.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        to: Option<Time>,
    },
    /// A person had a guard learn anew what is normal; until then it judges nothing.
    BaselineDropped {
        /// The guard.
        guard: String,
        /// The version that no longer holds; 0 if there was none yet.
        version: u32,
        /// A sentence for people.
        reason: String,
    },
    /// The granted mode changed.
    ModeChanged {
        /// Before.
        from: Mode,
        /// After.
        to: Mode,
        /// Counts the changes of this workflow.
        epoch: u64,
        /// Why.
        cause: Cause,
        /// A sentence for people.
        reason: String,
        /// The numbers, when a guard did it.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        breach: Option<Box<Breach>>,
    },
    /// A guard was breached without a change of mode (lab track, or already at the lowest).
    BreachNoted {
        /// The numbers.
        breach: Box<Breach>,
    },
    /// Raises are blocked.
    Held {
        /// A sentence for people.
        reason: String,
    },
    /// Raises are allowed again.
    Released {
        /// A sentence for people.
        reason: String,
    },
    /// Everything was sent to assist.
    Stopped {
        /// A sentence for people.
        reason: String,
    },
    /// Something is wrong and a person has to look.
    IncidentOpened {
        /// The incident.
        incident: String,
        /// `breach`, `lapse` or `above_mode`.
        about: String,
        /// The guard, where one did it.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        guard: Option<String>,
        /// A sentence for people.
        summary: String,
    },
    /// A person looks at the incident.
    IncidentAcknowledged {
        /// The incident.
        incident: String,
        /// Remark.
        note: String,
    },
    /// A person closed the incident.
    IncidentResolved {
        /// The incident.
        incident: String,
        /// Remark.
        note: String,
    },
}

/// Why a mode changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The start mode at adoption.
    Adoption,
    /// A guard was breached.
    Breach,
    /// The evidence became older than declared.
    Lapse,
    /// An operator lowered it.
    Operator,
    /// The stop button.
    Stop,
    /// The policy's `max_mode` or track no longer allows it.
    Policy,
}

impl Cause {
    /// All causes.
    pub const ALL: [Self; 6] = [Self::Adoption, Self::Breach, Self::Lapse, Self::Operator, Self::Stop, Self::Policy];

    /// The word used in JSON and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Adoption => "adoption",
            Self::Breach => "breach",
            Self::Lapse => "lapse",
            Self::Operator => "operator",
            Self::Stop => "stop",
            Self::Policy => "policy",
        }
    }
}

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
    /// What of the signal carried the evidence, where it has parts: a quantile, a category, a group.
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
    /// Its part of all outputs of late, 0 to 1; `None` for kinds of exceptions.
    pub outputs_share: Option<f64>,
    /// Its part of the excess over the bound, 0 to 1: (hits − bound · its outputs) / the same of all.
    pub excess_share: f64,
}

/// One output that weighed much.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Heaviest {
    /// The output.
    pub id: String,
    /// When it arrived.
    pub time: Time,
    /// Its observation, in the guard's unit.
    pub value: f64,
    /// Kind of exception.
    pub exception: Option<String>,
    /// Trace to look at.
    pub trace_id: Option<String>,
}
