//! The answers that the council gave of late, so that nobody's is replaced by somebody who hasn't seen it.
//!
//! Owns which answer a question has. What a choice does is `council`'s; a week is a word here, as there is no calendar.

use super::council::Actions;
use crate::domain::{Answered, Choice, Denial, Question, Time, WorkflowId};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Answers that are remembered; the oldest go first.
pub const ANSWERS_MAX: usize = 500;

/// Of these, about one workflow.
pub const ANSWERS_PER_WORKFLOW_MAX: usize = 50;

/// An answer that was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// The record of the journal with which it was given.
    pub journal_seq: u64,
    /// The answer.
    pub answered: Answered,
    /// Who gave it.
    pub by: String,
    /// When.
    pub at: Time,
    /// The request or the action that came of it.
    pub did: Option<String>,
}

/// The answers of late, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Answers {
    list: VecDeque<Given>,
}

impl Answers {
    /// The answer that a question has: the last one of its week, or one of another week that still stands, as a judgement does
    /// and an action that is open.
    pub fn present(&self, week: &str, question: &Question, actions: &Actions) -> Option<&Given> {
        let stands = |given: &Given| match given.answered.choice {
            Choice::JudgeRight | Choice::JudgeFalse => true,
            Choice::Assign { .. } => given.did.as_ref().is_some_and(|id| actions.get(id).is_some()),
            _ => false,
        };
        let own = self.list.iter().rev().filter(|given| given.answered.question == *question);
        own.filter(|given| given.answered.week == week || stands(given)).max_by_key(|given| given.journal_seq)
    }

    /// Whether an answer is to be taken: where it is the very answer that the question has, from the same person (a double
    /// click, or a sender that waited in vain), and what that did `is_in_force`, nothing is to be done.
    ///
    /// # Errors
    /// The question has another answer than the one that this one replaces.
    pub(super) fn check(
        &self,
        answered: &Answered,
        by: &str,
        actions: &Actions,
        is_in_force: impl Fn(&Given) -> bool,
    ) -> Result<bool, Denial> {
        // Whoever names an answer that is forgotten here has seen it in the ledger.
        let Some(present) = self.present(&answered.week, &answered.question, actions) else { return Ok(true) };
        if answered.replaces == Some(present.journal_seq) {
            return Ok(true);
        }
        let of = &present.answered;
        let is_same =
            present.by == by && (&of.week, &of.choice, &of.note) == (&answered.week, &answered.choice, &answered.note);
        // What it did may have been undone since: then it is no repeat, and not to be taken for done.
        if is_same && is_in_force(present) {
            return Ok(false);
        }
        let did = present.did.as_ref().map(|did| format!(" ({did})")).unwrap_or_default();
        let detail = format!(
            "{} answered it for {} with `{}`{did} at {}: look at that, and answer again only if yours is to take its place",
            present.by,
            of.week,
            of.choice.key().name(),
            present.at
        );
        Err(Denial::new("answered_meanwhile", detail))
    }

    /// Remembers one.
    pub(super) fn add(&mut self, given: Given) {
        // A token for one workflow must not push out everybody's.
        let workflow = given.answered.question.workflow().cloned();
        let own = |other: &Given| workflow.is_some() && other.answered.question.workflow() == workflow.as_ref();
        if self.list.iter().filter(|other| own(other)).count() >= ANSWERS_PER_WORKFLOW_MAX
            && let Some(oldest) = self.list.iter().position(own)
        {
            self.list.remove(oldest);
        }
        self.list.push_back(given);
        if self.list.len() > ANSWERS_MAX {
            self.list.pop_front();
        }
    }

    /// A workflow goes on under a new id, and so do the questions about it.
    pub(super) fn rename(&mut self, former: &WorkflowId, id: &WorkflowId) {
        let asked = self.list.iter_mut().filter_map(|given| given.answered.question.workflow_mut());
        asked.filter(|own| *own == former).for_each(|own| own.clone_from(id));
    }
}
