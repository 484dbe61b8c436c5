//! What people decide by: the gate to a higher mode, checklists, and the rules after a demotion.
//!
//! Owns the declared numbers. Whether a requirement is met is the monitor's, how they are written in
//! TOML the configuration's.

use super::{LabPolicy, Mode, Money, PerMode, Time};
use serde::{Deserialize, Serialize};

/// An approval of this role may come from anybody who may approve.
pub const ANY_ROLE: &str = "any";

/// What it takes to rise to one mode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GatePolicy {
    /// Outputs since the present mode was granted.
    pub outputs_min: u64,
    /// Days (UTC) with outputs since then.
    pub days_min: u32,
    /// Time in the present mode, milliseconds.
    pub time_in_mode_ms: i64,
    /// No breach of any guard for this long, milliseconds.
    pub quiet_ms: i64,
    /// Confidence of each guard's upper bound, above 0 and below 1; it holds at every look.
    pub confidence: f64,
    /// Estimates of days, versions and segments may be this far from that of all outputs, 0 to 1.
    pub spread: f64,
    /// Share of the outputs that must have run in the granted mode, as they say themselves, 0 to 1.
    pub ran_in_mode_min: f64,
    /// Share of the outputs that were selected for review which have their verdict, 0 to 1; asked for where
    /// a guard judges by verdicts.
    #[serde(default = "reviewed_min")]
    pub reviewed_min: f64,
    /// Least share of outputs that met their service level in the last 7 days.
    pub sla_min: Option<f64>,
    /// Greatest cost per unit in the last 7 days.
    pub cost_per_unit_max: Option<Money>,
    /// The role of each approval that is needed; [`ANY_ROLE`] is anybody's.
    pub approvals: Vec<String>,
    /// A request that isn't decided for this long has ended, milliseconds.
    pub request_valid_ms: i64,
    /// For so many outputs after the promotion people review as much as in the mode below.
    pub probation_outputs: u64,
}

/// The default share of reviews that must be in.
const fn reviewed_min() -> f64 {
    0.9
}

impl GatePolicy {
    /// The default for a target mode.
    pub fn default_of(mode: Mode) -> Self {
        let by_level = |levels: [u32; 3]| match mode {
            Mode::Assist | Mode::Collaborate => levels[0],
            Mode::Delegate => levels[1],
            Mode::Automate => levels[2],
        };
        let days = by_level([3, 7, 14]);
        Self {
            outputs_min: by_level([200, 1_000, 5_000]).into(),
            days_min: days,
            time_in_mode_ms: i64::from(days) * Time::DAY,
            quiet_ms: 7 * Time::DAY,
            confidence: 0.95,
            spread: 0.10,
            ran_in_mode_min: 0.9,
            reviewed_min: reviewed_min(),
            sla_min: None,
            cost_per_unit_max: None,
            approvals: vec![ANY_ROLE.to_owned(); 2],
            request_valid_ms: 14 * Time::DAY,
            probation_outputs: 1_000,
        }
    }

    /// The default for every target mode.
    pub fn defaults() -> PerMode<Self> {
        PerMode::from_fn(Self::default_of)
    }
}

/// How long a workflow stays down after a demotion by a guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CooldownPolicy {
    /// After the first one, milliseconds.
    pub first_ms: i64,
    /// It doubles with each further one, up to this, milliseconds.
    pub max_ms: i64,
    /// Demotions longer ago than this no longer count, milliseconds.
    pub within_ms: i64,
}

impl Default for CooldownPolicy {
    fn default() -> Self {
        Self { first_ms: 3 * Time::DAY, max_ms: 90 * Time::DAY, within_ms: 30 * Time::DAY }
    }
}

/// What people must have put their name to before the gate opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadinessPolicy {
    /// The shared foundations.
    pub base: Vec<String>,
    /// Whoever builds and runs it.
    pub builder: Vec<String>,
    /// Whoever gains by it.
    pub beneficiary: Vec<String>,
    /// The light list: what a workflow in the lab is asked for instead, as long as it stays there.
    #[serde(default = "light")]
    pub lab: Vec<String>,
    /// An answer holds for this long, milliseconds.
    pub valid_ms: i64,
}

/// The default of the light list.
fn light() -> Vec<String> {
    ["owner", "sample-library", "stop-rule"].map(str::to_owned).to_vec()
}

impl Default for ReadinessPolicy {
    fn default() -> Self {
        let list = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
        Self {
            base: list(&["data-definitions", "modular-content", "policy-guidance", "stable-integration"]),
            builder: list(&["dry-runs-stable", "exception-paths", "monitoring-plan", "runbook", "rollback"]),
            beneficiary: list(&["kpi-mapping"]),
            lab: light(),
            valid_ms: 180 * Time::DAY,
        }
    }
}

impl ReadinessPolicy {
    /// The items of the light list, which is the lab's.
    pub fn light(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.lab.iter().map(|item| ("lab", item.as_str()))
    }

    /// The items of the three formal lists, each with the list that it stands in.
    pub fn items(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let lists = [("base", &self.base), ("builder", &self.builder), ("beneficiary", &self.beneficiary)];
        lists.into_iter().flat_map(|(list, items)| items.iter().map(move |item| (list, item.as_str())))
    }
}

/// Something that, when a new value of it appears, makes a granted mode lapse.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LapseOn {
    /// `version` of the outputs.
    Version,
    /// `model` of the outputs.
    Model,
    /// The declared version of a base item that the workflow stands on.
    Base,
    /// An attribute of the outputs, such as the version of a prompt or a tool.
    Attribute(String),
}

impl LapseOn {
    /// The words used in TOML, such as `model` or `attributes.prompt`.
    pub fn name(&self) -> String {
        match self {
            Self::Version => "version".to_owned(),
            Self::Model => "model".to_owned(),
            Self::Base => "base".to_owned(),
            Self::Attribute(name) => format!("attributes.{name}"),
        }
    }
}

/// When many demotions are one event.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StormPolicy {
    /// More than this share of the workflows, 0 to 1 …
    pub share: f64,
    /// … and at least so many …
    pub workflows_min: u32,
    /// … lowered by guards within this time, milliseconds.
    pub within_ms: i64,
}

impl Default for StormPolicy {
    fn default() -> Self {
        Self { share: 0.25, workflows_min: 3, within_ms: 15 * Time::MINUTE }
    }
}

/// A shared foundation of workflows: a guide, a schema, a prompt, an evaluation set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseItem {
    /// Who answers for it.
    pub owner: String,
    /// Its version.
    pub version: String,
    /// It is to be audited this often, milliseconds.
    pub audit_every_ms: i64,
}

/// What holds for the whole house.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HousePolicy {
    /// Whether a change that loosens something waits for an approver.
    pub loosening_waits: bool,
    /// When many demotions are one event.
    pub storm: StormPolicy,
    /// The base items by id.
    pub base: std::collections::BTreeMap<String, BaseItem>,
    /// While a base item has an unresolved regression, no dependent runs above this mode.
    pub regression_cap: Mode,
    /// How the lab is run.
    #[serde(default)]
    pub lab: LabPolicy,
}

impl Default for HousePolicy {
    fn default() -> Self {
        Self {
            loosening_waits: true,
            storm: StormPolicy::default(),
            base: std::collections::BTreeMap::new(),
            regression_cap: Mode::Assist,
            lab: LabPolicy::default(),
        }
    }
}
