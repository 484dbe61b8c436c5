//! What a promotion board looks at: the requirements of the gate, each met, missing or undecided.
//!
//! Owns the shape of the answer, its verdict and its hash. Which requirements there are and what they
//! say of a workflow is the monitor's.

use super::{Mode, Time, WorkflowId, fingerprint};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use utoipa::ToSchema;

/// What a workflow may be promoted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// Out of the lab: from now on breaches demote, and modes above collaborate can be reached.
    Factory,
    /// The mode.
    Collaborate,
    /// The mode.
    Delegate,
    /// The mode.
    Automate,
}

impl Target {
    /// The mode; `None` for the factory.
    pub const fn mode(self) -> Option<Mode> {
        match self {
            Self::Factory => None,
            Self::Collaborate => Some(Mode::Collaborate),
            Self::Delegate => Some(Mode::Delegate),
            Self::Automate => Some(Mode::Automate),
        }
    }

    /// The target of a mode; `None` for assist, which nobody is promoted to.
    pub const fn of(mode: Mode) -> Option<Self> {
        match mode {
            Mode::Assist => None,
            Mode::Collaborate => Some(Self::Collaborate),
            Mode::Delegate => Some(Self::Delegate),
            Mode::Automate => Some(Self::Automate),
        }
    }

    /// The word used in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Factory => "factory",
            Self::Collaborate => "collaborate",
            Self::Delegate => "delegate",
            Self::Automate => "automate",
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Factory, Self::Collaborate, Self::Delegate, Self::Automate]
            .into_iter()
            .find(|target| target.name() == text)
            .ok_or_else(|| format!("`{text}` is nothing to be promoted to: use collaborate, delegate, automate, or factory for a lab workflow"))
    }
}

/// Where a requirement stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Shown.
    Met,
    /// Too little is known to tell; no data is such a case.
    Inconclusive,
    /// Shown to be otherwise, or not done.
    Missing,
}

impl Standing {
    /// The word used in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Inconclusive => "inconclusive",
            Self::Missing => "missing",
        }
    }
}

/// One requirement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Requirement {
    /// Its name, such as `outputs`, `guard:exceptions` or `readiness:runbook`.
    pub name: String,
    /// Where it stands.
    pub standing: Standing,
    /// A sentence with the numbers, and what to do where it isn't met.
    pub detail: String,
    /// What there is, in the requirement's unit; `null` where nothing is known.
    pub value: Option<f64>,
    /// What is asked for, in the same unit.
    pub wanted: Option<f64>,
    /// Observations that the value rests on.
    pub n: Option<u64>,
    /// Observations that would decide, if they go on like those so far; `null` where that can't be said.
    pub n_needed: Option<u64>,
}

impl Requirement {
    /// A requirement without numbers.
    pub fn new(name: impl Into<String>, standing: Standing, detail: impl Into<String>) -> Self {
        Self { name: name.into(), standing, detail: detail.into(), value: None, wanted: None, n: None, n_needed: None }
    }

    /// With what there is and what is asked for.
    #[must_use]
    pub const fn valued(mut self, value: Option<f64>, wanted: f64) -> Self {
        (self.value, self.wanted) = (value, Some(wanted));
        self
    }

    /// With the observations that there are and that are needed.
    #[must_use]
    pub const fn counted(mut self, n: u64, needed: Option<u64>) -> Self {
        (self.n, self.n_needed) = (Some(n), needed);
        self
    }
}

/// All requirements of one workflow for one target, as they stood at one time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Gate {
    /// The workflow.
    pub workflow: WorkflowId,
    /// Its granted mode.
    pub from: Mode,
    /// Its epoch.
    pub epoch: u64,
    /// What it would be promoted to.
    pub to: Target,
    /// `met` if all requirements are, `missing` if one is, else `inconclusive`.
    pub verdict: Standing,
    /// The requirements, approvals excepted.
    pub requirements: Vec<Requirement>,
    /// The role of each approval that a request needs; `any` is anybody's who may approve.
    pub approvals_needed: Vec<String>,
    /// Versions and models that ran since the mode was granted, newest first, such as `model = m-2`.
    pub versions: Vec<String>,
    /// Versions of the pinned baselines, such as `drift:latency_ms = 1`.
    pub baselines: Vec<String>,
    /// Hash of the policy.
    pub policy: String,
    /// When it was looked at.
    pub at: Time,
    /// SHA-256 over all of the above as JSON without this field, 64 hex digits.
    pub evidence: String,
}

impl Gate {
    /// Works out the verdict and the hash.
    #[must_use]
    pub fn sealed(mut self) -> Self {
        self.verdict =
            self.requirements.iter().map(|requirement| requirement.standing).max().unwrap_or(Standing::Missing);
        self.evidence = self.hash();
        self
    }

    /// The hash that `evidence` must have.
    pub fn hash(&self) -> String {
        let bare = Self { evidence: String::new(), ..self.clone() };
        fingerprint(&bare)
    }

    /// Why nobody can be promoted now, in a sentence.
    pub fn closed_because(&self) -> String {
        let of = |standing: Standing| {
            let names = self.requirements.iter().filter(|requirement| requirement.standing == standing);
            names.map(|requirement| requirement.name.as_str()).collect::<Vec<_>>().join(", ")
        };
        let (missing, inconclusive) = (of(Standing::Missing), of(Standing::Inconclusive));
        let parts = [("missing", missing), ("inconclusive", inconclusive)];
        let said = parts.iter().filter(|(_, names)| !names.is_empty()).map(|(word, names)| format!("{word}: {names}"));
        let said = said.collect::<Vec<_>>().join("; ");
        let Self { workflow, to, .. } = self;
        format!("the gate to {to} is closed for {workflow}; {said}. `andon gate {workflow} --to {to}` tells more")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(standings: &[Standing]) -> Gate {
        Gate {
            workflow: WorkflowId::new("wf").unwrap(),
            from: Mode::Assist,
            epoch: 1,
            to: Target::Collaborate,
            verdict: Standing::Met,
            requirements: standings.iter().map(|standing| Requirement::new("r", *standing, "")).collect(),
            approvals_needed: Vec::new(),
            versions: Vec::new(),
            baselines: Vec::new(),
            policy: "p".into(),
            at: Time(0),
            evidence: String::new(),
        }
        .sealed()
    }

    #[test]
    fn nothing_passes_on_silence() {
        use Standing::{Inconclusive, Met, Missing};
        assert_eq!(gate(&[]).verdict, Missing, "no requirement at all is no evidence");
        assert_eq!(gate(&[Met, Met]).verdict, Met);
        assert_eq!(gate(&[Met, Inconclusive]).verdict, Inconclusive);
        assert_eq!(gate(&[Missing, Inconclusive, Met]).verdict, Missing);
    }

    #[test]
    fn the_hash_is_of_everything_else() {
        let sealed = gate(&[Standing::Met]);
        assert_eq!((sealed.evidence.len(), sealed.hash()), (64, sealed.evidence.clone()));
        assert_ne!(Gate { at: Time(1), ..sealed.clone() }.hash(), sealed.evidence);
        assert_ne!(Gate { versions: vec!["model = m".into()], ..sealed.clone() }.hash(), sealed.evidence);
    }

    #[test]
    fn targets_are_words() {
        for target in [Target::Factory, Target::Collaborate, Target::Delegate, Target::Automate] {
            assert_eq!(target.name().parse(), Ok(target));
            assert_eq!(target.mode().and_then(Target::of), target.mode().map(|_| target));
        }
        assert!("assist".parse::<Target>().is_err());
    }
}
