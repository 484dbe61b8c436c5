//! The council's part of the report, as data: questions with their choices and answers, actions, the budget.
//!
//! Owns the shape. The rest of it is `document`'s.

use crate::domain::{Choice, ChoiceKey, Time};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Something to decide.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = ReportDecision)]
pub struct Decision {
    /// The same for the same question, week after week: what `POST /v1/reports/{name}/decisions` takes.
    pub id: String,
    /// `judge_demotion`, `accept_baseline`, `open_gate`, `keep_down`, `assign` or `look`.
    pub kind: String,
    /// The workflow; `null` for the whole house.
    pub workflow: Option<String>,
    /// The question.
    pub question: String,
    /// What andon would do, and why.
    pub recommendation: String,
    /// What speaks for it, a sentence with numbers each.
    pub evidence: Vec<String>,
    /// The command that carries the recommendation out.
    pub command: Option<String>,
    /// Larger is more urgent.
    pub urgency: u32,
    /// The larger comes first among those that are as urgent.
    #[serde(skip)]
    pub weight: f64,
    /// What may be chosen, the answer to the question first.
    pub choices: Vec<Offer>,
    /// What the council chose; `null` where it hasn't yet.
    pub answer: Option<CouncilAnswer>,
}

/// Something that the council may choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Offer {
    /// The word for it.
    pub choice: ChoiceKey,
    /// Its name for people.
    pub label: String,
    /// What it does, in a sentence.
    pub does: String,
    /// The scope that it takes.
    pub scope: String,
    /// What must be said with it, such as `owner`.
    pub fields: Vec<String>,
    /// What may be said with it.
    pub optional: Vec<String>,
}

/// What the council chose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CouncilAnswer {
    /// What was chosen, with what was said with it.
    pub decided: Choice,
    /// The same in words, with how a request stands by now, and what of an answer that this one replaced still holds.
    pub says: String,
    /// Why.
    pub note: String,
    /// Who said so.
    pub by: String,
    /// When.
    pub at: Time,
    /// The request or the action that came of it.
    pub did: Option<String>,
    /// The number of its entry in the ledger.
    pub ledger_seq: u64,
}

impl CouncilAnswer {
    /// What came of it, where the words don't say it.
    pub(super) fn told_apart(&self) -> Option<&String> {
        let is_said = matches!(self.decided, Choice::AcceptBaseline | Choice::OpenGate { .. });
        self.did.as_ref().filter(|_| !is_said)
    }
}

/// Who does something until a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActionLine {
    /// Its id.
    pub action: String,
    /// Its workflow; `null` for the whole house.
    pub workflow: Option<String>,
    /// What is to be done.
    pub task: String,
    /// Who does it.
    pub owner: String,
    /// Until when.
    pub due: Time,
    /// Whether it is open although that is over.
    pub is_overdue: bool,
    /// The question that it answers.
    pub question: Option<String>,
    /// `open`, `done` or `dropped`.
    pub status: String,
    /// When it ended.
    pub ended_at: Option<Time>,
    /// What was said at its end.
    pub note: String,
}

/// False demotions against the declared budget.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Budget {
    /// Outputs per false demotion, as declared.
    pub outputs_per_false_demotion: f64,
    /// Outputs of all workflows that are reported on, since their adoption.
    pub outputs_total: u64,
    /// Demotions by guards since then.
    pub demotions: u64,
    /// Of these, those that people judged false, taken back or not.
    pub judged_false: u64,
    /// Of the false ones, those that two people took back.
    pub annulled: u64,
    /// Those that people judged right.
    pub judged_right: u64,
    /// Those that nobody judged.
    pub not_judged: u64,
    /// Outputs for each demotion by a statistical guard that was judged false; `null` where none was.
    pub outputs_per_judged_false: Option<f64>,
    /// As many false ones would be within the budget.
    pub allowed: f64,
    /// Demotions by guards this week.
    pub demotions_this_week: u64,
    /// Of all these the demotions that the declared budget is about.
    #[serde(default)]
    pub in_budget: InBudget,
}

/// Demotions by statistical guards since the adoption of their workflows: the budget promises nothing of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct InBudget {
    /// All of them.
    pub demotions: u64,
    /// Those that people judged false, taken back or not.
    pub judged_false: u64,
    /// Of the false ones, those that two people took back.
    pub annulled: u64,
    /// Those that people judged right.
    pub judged_right: u64,
}
