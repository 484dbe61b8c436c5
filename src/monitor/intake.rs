//! The intake: one list of everything, with its track and what it waits for.
//!
//! Owns the order of the list and the sentence of each workflow's next step. It decides nothing: a next
//! step is what the gate, the requests and the incidents say already.

use super::handle::Monitor;
use super::lab::Record;
use super::workflow::Workflow;
use crate::domain::{Mode, Standing, Target, Time, Track, WorkflowId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a line of the list is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum IntakeKind {
    /// A workflow.
    Workflow,
    /// A hypothesis of a workflow.
    Hypothesis,
}

/// A line of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IntakeItem {
    /// What it is about.
    pub kind: IntakeKind,
    /// The workflow, or the hypothesis.
    pub id: String,
    /// The workflow.
    #[schema(value_type = String)]
    pub workflow: WorkflowId,
    /// The track that it is on.
    pub track: Track,
    /// Who answers for it; may be empty.
    pub owner: String,
    /// The granted mode of a workflow; where a hypothesis stands.
    pub status: String,
    /// What it waits for, in a sentence.
    pub next: String,
    /// Since when.
    pub since: Time,
}

impl IntakeItem {
    /// Its place in the list: the workflow, then its hypotheses.
    pub fn place(&self) -> String {
        match self.kind {
            IntakeKind::Workflow => self.id.clone(),
            IntakeKind::Hypothesis => format!("{}/{}", self.workflow, self.id),
        }
    }
}

impl Monitor {
    /// At most `limit` lines after a place: workflows in the order of their ids, each followed by the
    /// hypotheses that its policy holds. `shows` says whose.
    pub fn intake(&self, after: &str, limit: usize, now: Time, shows: impl Fn(&str) -> bool) -> Vec<IntakeItem> {
        let (of, after_hypothesis) = after.split_once('/').map_or((after, None), |(of, after)| (of, Some(after)));
        let mut items = Vec::new();
        let from = self.workflows().values().filter(|workflow| workflow.id.as_str() >= of);
        for workflow in from.filter(|workflow| workflow.state.in_policy && shows(workflow.id.as_str())) {
            let is_first = workflow.id.as_str() == of;
            if !is_first {
                items.push(self.workflow_item(workflow, now));
            }
            let records = workflow.state.governance.lab.declared();
            let told =
                |record: &&Record| is_first && after_hypothesis.is_some_and(|after| *record.hypothesis.id <= *after);
            let records = records.filter(|record| !told(record));
            items.extend(records.map(|record| self.hypothesis_item(workflow, record, now)));
            if items.len() >= limit {
                break;
            }
        }
        items.truncate(limit);
        items
    }

    fn hypothesis_item(&self, workflow: &Workflow, record: &Record, now: Time) -> IntakeItem {
        IntakeItem {
            kind: IntakeKind::Hypothesis,
            id: record.hypothesis.id.clone(),
            workflow: workflow.id.clone(),
            track: workflow.track(),
            owner: record.hypothesis.owner.clone(),
            status: record.status().name().to_owned(),
            next: workflow.next_of(record, &self.policy().house.lab, now),
            since: record.stands_since(),
        }
    }

    fn workflow_item(&self, workflow: &Workflow, now: Time) -> IntakeItem {
        let (next, since) = self.next_step(workflow, now);
        IntakeItem {
            kind: IntakeKind::Workflow,
            id: workflow.id.to_string(),
            workflow: workflow.id.clone(),
            track: workflow.track(),
            owner: workflow.plan.policy.owner.clone(),
            status: workflow.state.granted.name().to_owned(),
            next,
            since,
        }
    }

    /// What a workflow waits for, and since when: what is urgent first.
    fn next_step(&self, workflow: &Workflow, now: Time) -> (String, Time) {
        let state = &workflow.state;
        if let Some(incident) = state.incidents.unresolved().next() {
            return (format!("incident {} to be resolved", incident.id), incident.opened_at);
        }
        if let Some(request) = state.governance.requests.pending().next() {
            let roles = request.open_roles().join(", ");
            return (format!("approval of {} by {roles}", request.id), request.at);
        }
        if let Some((cap, since)) = state.caps.first() {
            return (format!("what caps it: {}", cap.reason), *since);
        }
        if let Some(why) = &state.held {
            return (format!("the release of its hold: {why}"), state.governance.disturbed_at.unwrap_or(state.since));
        }
        let to = workflow.next_target();
        let is_at_top = state.granted == Mode::Automate || to.mode().is_some_and(|mode| mode > workflow.max_mode());
        if is_at_top && to != Target::Factory {
            let next = match workflow.track() {
                Track::Lab => "`track = \"factory\"` in the configuration: it is as high as the lab goes",
                Track::Factory => "nothing: it is as high as its policy allows",
            };
            return (next.to_owned(), state.since);
        }
        let Some(gate) = self.gate(workflow.id.as_str(), Some(to), now) else { return (String::new(), state.since) };
        let open: Vec<&str> =
            gate.requirements.iter().filter(|r| r.standing != Standing::Met).map(|r| r.name.as_str()).collect();
        let next = if open.is_empty() {
            format!("somebody to ask for {to}: the gate is open")
        } else {
            format!("the gate to {to}: {}", open.join(", "))
        };
        (next, state.since)
    }
}
