//! Why a mode changed, what a raised one rests on, and how bad an incident is.
//!
//! Owns the words. What is decided by them is the monitor's.

use super::Request;
use serde::{Deserialize, Serialize};

/// How bad an incident is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// To be looked at within days: nothing was lowered.
    Minor,
    /// To be looked at today.
    #[default]
    Major,
    /// To be looked at now.
    Critical,
}

impl Severity {
    /// The word used in JSON and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minor => "minor",
            Self::Major => "major",
            Self::Critical => "critical",
        }
    }
}

/// What a raised mode rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Raised {
    /// The request.
    pub request: String,
    /// Who asked.
    pub by: String,
    /// Who approved it.
    pub approvers: Vec<String>,
    /// Hash of the evidence; empty where none was asked for.
    pub evidence: String,
}

impl Raised {
    /// What a request that was granted gives.
    pub fn of(request: &Request) -> Self {
        let evidence = request.gate.as_ref().map(|gate| gate.evidence.clone()).unwrap_or_default();
        Self { request: request.id.clone(), by: request.by.clone(), approvers: request.approvers(), evidence }
    }
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
    /// People raised it through the gate.
    Promotion,
    /// People judged a demotion false.
    Annulment,
    /// People judged the demotions of a storm false.
    Restoration,
    /// A version appeared that the evidence says nothing about.
    Version,
}

impl Cause {
    /// All causes.
    pub const ALL: [Self; 10] = [
        Self::Adoption,
        Self::Breach,
        Self::Lapse,
        Self::Operator,
        Self::Stop,
        Self::Policy,
        Self::Promotion,
        Self::Annulment,
        Self::Restoration,
        Self::Version,
    ];

    /// The word used in JSON and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Adoption => "adoption",
            Self::Breach => "breach",
            Self::Lapse => "lapse",
            Self::Operator => "operator",
            Self::Stop => "stop",
            Self::Policy => "policy",
            Self::Promotion => "promotion",
            Self::Annulment => "annulment",
            Self::Restoration => "restoration",
            Self::Version => "version",
        }
    }
}
