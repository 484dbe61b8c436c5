//! What the council decides: what may be chosen, judgements on demotions, and who does what until when.
//!
//! Owns the words, and the scope that each choice takes. The questions are `question`'s; what a choice does is the
//! monitor's.

use super::refusal::cut;
use super::{Question, Scope, Time, WorkflowId};
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use utoipa::ToSchema;

/// What people judged a demotion to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Judgement {
    /// Something was wrong with the workflow.
    Right,
    /// Nothing was: it counts against the budget of false demotions.
    False,
}

impl Judgement {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Right, Self::False];

    /// The word used in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::False => "false",
        }
    }
}

impl FromStr for Judgement {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|judgement| judgement.name() == text);
        found.ok_or_else(|| format!("`{}` is no judgement: write right or false", cut(text, 64)))
    }
}

/// How an action ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Ending {
    /// It was done.
    Done,
    /// It is no longer needed, or nobody will do it.
    Dropped,
}

impl Ending {
    /// The word used in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Dropped => "dropped",
        }
    }
}

impl FromStr for Ending {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = [Self::Done, Self::Dropped].into_iter().find(|ending| ending.name() == text);
        found.ok_or_else(|| format!("`{}` is no end of an action: write done or dropped", cut(text, 64)))
    }
}

/// Something that somebody is to do until a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Task {
    /// The action: `a` and a number that counts up.
    pub id: String,
    /// The workflow that it concerns; `null` for the whole house.
    #[schema(value_type = Option<String>)]
    pub workflow: Option<WorkflowId>,
    /// What is to be done.
    pub task: String,
    /// Who does it.
    pub owner: String,
    /// Until when.
    pub due: Time,
    /// The question of a report that it answers.
    #[schema(value_type = Option<String>)]
    pub question: Option<Question>,
    /// Who assigned it.
    pub by: String,
    /// When.
    pub at: Time,
}

impl Task {
    /// Whether its time is over.
    pub const fn is_overdue(&self, now: Time) -> bool {
        self.due.0 <= now.0
    }
}

/// What may be chosen, without what is said with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChoiceKey {
    /// The demotion was right.
    JudgeRight,
    /// The demotion was false.
    JudgeFalse,
    /// The guard learns anew.
    AcceptBaseline,
    /// The promotion is asked for.
    OpenGate,
    /// Raises are blocked.
    KeepDown,
    /// Somebody does something until a time.
    Assign,
    /// Nothing this week.
    Nothing,
}

impl ChoiceKey {
    /// The word used in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::JudgeRight => "judge_right",
            Self::JudgeFalse => "judge_false",
            Self::AcceptBaseline => "accept_baseline",
            Self::OpenGate => "open_gate",
            Self::KeepDown => "keep_down",
            Self::Assign => "assign",
            Self::Nothing => "nothing",
        }
    }

    /// The scope that it takes: that of the route which does the same.
    pub const fn scope(self) -> Scope {
        match self {
            Self::JudgeRight | Self::JudgeFalse => Scope::Approve,
            _ => Scope::Operate,
        }
    }
}

/// What the council chose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "choice", rename_all = "snake_case")]
pub enum Choice {
    /// The demotion was right.
    JudgeRight,
    /// The demotion was false.
    JudgeFalse,
    /// The guard learns anew, or that is asked for where it needs an approver.
    AcceptBaseline,
    /// The promotion is asked for.
    OpenGate {
        /// What the decision funds.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        funding: Option<String>,
    },
    /// Raises are blocked.
    KeepDown,
    /// Somebody does something until a time.
    Assign {
        /// What is to be done.
        task: String,
        /// Who does it.
        owner: String,
        /// Until when.
        due: Time,
    },
    /// Nothing this week.
    Nothing,
}

impl Choice {
    /// Without what is said with it.
    pub const fn key(&self) -> ChoiceKey {
        match self {
            Self::JudgeRight => ChoiceKey::JudgeRight,
            Self::JudgeFalse => ChoiceKey::JudgeFalse,
            Self::AcceptBaseline => ChoiceKey::AcceptBaseline,
            Self::OpenGate { .. } => ChoiceKey::OpenGate,
            Self::KeepDown => ChoiceKey::KeepDown,
            Self::Assign { .. } => ChoiceKey::Assign,
            Self::Nothing => ChoiceKey::Nothing,
        }
    }
}

/// The council's answer to a question of a week's report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// The week of the report, such as `2026-W47`.
    pub week: String,
    /// The question.
    pub question: Question,
    /// What was chosen.
    pub choice: Choice,
    /// Why: a sentence for the ledger.
    pub note: String,
    /// The record of the journal with which the answer was given that it takes the place of; `None` where there is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub replaces: Option<u64>,
}
