//! Hypotheses of the lab: what is declared of them, what people find, and what they say in the end.
//!
//! Owns the words and the limits. When something may be said of a hypothesis, and what follows from it
//! for the gate, is the monitor's.

use super::Time;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The longest time-box, milliseconds. The lab is for what three weeks can answer.
pub const TIME_BOX_MS_MAX: i64 = 21 * Time::DAY;
/// The longest declared text, bytes.
pub const DECLARED_BYTES_MAX: usize = 256;
/// Most learning goals, and most exit criteria, of one hypothesis.
pub const ENTRIES_MAX: usize = 10;
/// Most hypotheses that one workflow declares.
pub const HYPOTHESES_MAX: usize = 50;
/// Most hypotheses that may run at the same time: with more nobody can say which one taught what.
pub const ACTIVE_MAX: u32 = 3;
/// The longest finding, decision or remark, bytes.
pub const SAID_BYTES_MAX: usize = 1_024;

/// A hypothesis as it is declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hypothesis {
    /// Its id, unique in the house.
    pub id: String,
    /// What is tested.
    pub question: String,
    /// Who answers for it.
    pub owner: String,
    /// How long it may take from its start, milliseconds.
    pub time_box_ms: i64,
    /// What is to be learned.
    pub goals: Vec<String>,
    /// Where the sample library is; may be empty.
    pub samples: String,
    /// What must hold before the workflow leaves the lab.
    pub exit: Vec<String>,
}

/// How the house runs its lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabPolicy {
    /// The length of time that hypotheses are counted by, milliseconds.
    pub sprint_ms: i64,
    /// So many hypotheses of one workflow run at the same time, at most.
    pub active_max: u32,
}

impl Default for LabPolicy {
    fn default() -> Self {
        Self { sprint_ms: 14 * Time::DAY, active_max: ACTIVE_MAX }
    }
}

/// What kind of thing was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FindingKind {
    /// Something that holds again and again, for good or bad.
    Pattern,
    /// Something that could go wrong: open until somebody disposes of it.
    Risk,
    /// Something that did go wrong, of a type.
    Defect,
}

impl FindingKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Pattern, Self::Risk, Self::Defect];

    /// The word used in JSON and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pattern => "pattern",
            Self::Risk => "risk",
            Self::Defect => "defect",
        }
    }
}

/// What a test showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Conclusion {
    /// It is so.
    Confirmed,
    /// It isn't so: that is learned, too.
    Refuted,
    /// It ended without an answer.
    Inconclusive,
}

impl Conclusion {
    /// All conclusions.
    pub const ALL: [Self; 3] = [Self::Confirmed, Self::Refuted, Self::Inconclusive];

    /// The word used in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Refuted => "refuted",
            Self::Inconclusive => "inconclusive",
        }
    }

    /// Whether the question has an answer.
    pub const fn answers(self) -> bool {
        !matches!(self, Self::Inconclusive)
    }
}

/// What became of a risk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Disposal {
    /// Something was done about it.
    Mitigated,
    /// It stays, and whoever says so answers for that.
    Accepted,
}

impl Disposal {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Mitigated, Self::Accepted];

    /// The word used in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mitigated => "mitigated",
            Self::Accepted => "accepted",
        }
    }
}

/// What a person does with a hypothesis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum LabAct {
    /// Begin to test it: its time-box runs from now.
    Start {
        /// A remark.
        note: String,
    },
    /// Something was found.
    Finding {
        /// What kind of thing.
        kind: FindingKind,
        /// What.
        text: String,
        /// The type of a defect, such as `tone.too-formal`; nothing for the other kinds.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        defect_type: Option<String>,
    },
    /// Something was decided about how to go on.
    Decision {
        /// What, and why.
        text: String,
    },
    /// An exit criterion is met, or isn't.
    Criterion {
        /// The criterion as it is declared, word by word: a number could mean another one after a reload.
        criterion: String,
        /// Whether it is met.
        met: bool,
        /// What shows it.
        note: String,
    },
    /// Somebody disposes of a risk.
    Risk {
        /// The number of the finding.
        finding: u64,
        /// What became of it.
        disposal: Disposal,
        /// What was done, or why it may stay.
        note: String,
    },
    /// The test is over.
    SignOff {
        /// What it showed.
        conclusion: Conclusion,
        /// What was learned.
        learned: String,
    },
}

impl LabAct {
    /// Whether it may be evidence against leaving the lab, so that a request to leave that waits for
    /// approvals was made without knowing of it.
    pub const fn speaks_against_leaving(&self) -> bool {
        matches!(
            self,
            Self::Start { .. } | Self::Finding { kind: FindingKind::Risk, .. } | Self::Criterion { met: false, .. }
        )
    }
}
