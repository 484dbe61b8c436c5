//! What people order, routed to what it concerns.
//!
//! Owns the list of orders. Each one either changes something or is denied with a reason, and stands in
//! the ledger with the name of whoever gave it.

use super::handle::{Ctx, Monitor};
use super::house::HOUSE;
use super::incident::IncidentStatus;
use super::requests::end_pending;
use super::workflow::Workflow;
use crate::domain::{Action, Ask, Cause, Command, Denial, Mode, RequestStatus, What, WorkflowId};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Monitor {
    pub(super) fn command(&mut self, ctx: &mut Ctx, command: &Command) {
        ctx.by.clone_from(&command.by);
        if let Err(denial) = self.act(ctx, command) {
            let workflow = command.action.workflow().filter(|id| self.workflows.contains_key(*id));
            ctx.denied(command.action.name(), workflow, denial);
        }
    }

    fn act(&mut self, ctx: &mut Ctx, command: &Command) -> Result<(), Denial> {
        match &command.action {
            Action::Lower { workflow, mode, reason } => {
                if let Some(workflow) = self.workflows.get_mut(workflow) {
                    workflow.lower(ctx, *mode, Cause::Operator, reason.clone(), None);
                }
            }
            Action::Hold { workflow, hold, reason } => {
                if let Some(workflow) = self.workflows.get_mut(workflow) {
                    workflow.hold(ctx, *hold, reason);
                }
            }
            Action::Stop { reason } => self.stop(ctx, reason),
            Action::ReviewKey { key } => {
                self.house.review_key = *key;
                self.workflows.values_mut().for_each(|workflow| workflow.state.review_key = *key);
            }
            Action::Acknowledge { incident, note } => {
                self.step_incident(ctx, incident, IncidentStatus::Acknowledged, note);
            }
            Action::Resolve { incident, note } => self.step_incident(ctx, incident, IncidentStatus::Resolved, note),
            Action::Alerts { alerts } => self.alerts(ctx, alerts),
            Action::Report(report) => {
                let by = ctx.by.clone();
                ctx.ledger(None, &by, What::Reported { report: report.clone() });
            }
            Action::Drill(act) => return self.drill(ctx, act),
            _ => return self.govern(ctx, command),
        }
        Ok(())
    }

    fn govern(&mut self, ctx: &mut Ctx, command: &Command) -> Result<(), Denial> {
        let policy = Arc::clone(&self.policy);
        match &command.action {
            Action::Promote { workflow, to, reason, funding } => {
                let asked = (*to, reason.as_str(), funding.as_deref());
                known(&mut self.workflows, workflow)?.ask_promotion(ctx, (&policy, &self.house), asked)
            }
            Action::Annul { workflow, reason } => {
                known(&mut self.workflows, workflow)?.ask_annulment(ctx, command, reason)
            }
            Action::Restore { storm, reason } => self.ask_restoration(ctx, command, storm, reason),
            Action::Decide { request, decision, note } => {
                if self.house.requests.get(request).is_some() {
                    return self.decide_house(ctx, command, request, *decision, note);
                }
                let of = |workflow: &&mut Workflow| workflow.state.governance.requests.get(request).is_some();
                let found = self.workflows.values_mut().find(of);
                let unknown =
                    || Denial::new("unknown_request", "there is no such request: `andon requests` lists them");
                found.ok_or_else(unknown)?.decide(ctx, (&policy, &self.house), command, request, *decision, note)
            }
            Action::Rebase { workflow, guard, outputs, reason } => {
                known(&mut self.workflows, workflow)?.ask_relearning(ctx, command, (guard, *outputs, reason))
            }
            Action::Answer { workflow, item, ready, note } => {
                known(&mut self.workflows, workflow)?.answer(ctx, item, *ready, note)
            }
            Action::Audit { item, passed, note } => self.audit(ctx, item, *passed, note),
            Action::Regress { item, summary } => self.regress(ctx, item, summary),
            Action::Lab { workflow, hypothesis, act } => {
                known(&mut self.workflows, workflow)?.lab(ctx, &policy.house.lab, hypothesis, act)
            }
            _ => self.council(ctx, command),
        }
    }

    /// Everything to assist, and nothing that was asked for comes after it.
    fn stop(&mut self, ctx: &mut Ctx, reason: &str) {
        let by = ctx.by.clone();
        ctx.ledger(None, &by, What::Stopped { reason: reason.to_owned() });
        for workflow in self.workflows.values_mut() {
            workflow.lower(ctx, Mode::Assist, Cause::Stop, reason.to_owned(), None);
        }
        let because = format!("everything was stopped: {reason}");
        let end = (RequestStatus::Cancelled, because.as_str());
        end_pending(ctx, None, &mut self.house.requests, end, |r| matches!(r.ask, Ask::Restoration { .. }));
    }

    fn step_incident(&mut self, ctx: &mut Ctx, incident: &str, status: IncidentStatus, note: &str) {
        if incident.starts_with(HOUSE) {
            return self.step_house_incident(ctx, incident, status, note);
        }
        let owner = self.incident_owner(incident).map(|workflow| workflow.id.clone());
        if let Some(workflow) = owner.and_then(|id| self.workflows.get_mut(&id)) {
            workflow.step_incident(ctx, incident, status, note);
        }
    }
}

impl Workflow {
    /// Blocks raises, or allows them again.
    pub(super) fn hold(&mut self, ctx: &mut Ctx, hold: bool, reason: &str) {
        let (by, reason) = (ctx.by.clone(), reason.to_owned());
        self.state.held = hold.then(|| reason.clone());
        if hold {
            self.cancel_requests(ctx, &format!("{by} blocked raises meanwhile: {reason}"));
        }
        let what = if hold { What::Held { reason } } else { What::Released { reason } };
        ctx.ledger(Some(&self.id), &by, what);
        ctx.mode_changed(&self.id);
    }
}

/// The workflow, if the policy holds it.
pub(super) fn known<'w>(
    workflows: &'w mut BTreeMap<WorkflowId, Workflow>,
    id: &WorkflowId,
) -> Result<&'w mut Workflow, Denial> {
    let found = workflows.get_mut(id).filter(|workflow| workflow.state.in_policy);
    found.ok_or_else(|| Denial::new("unknown_workflow", format!("the policy holds no workflow `{id}`")))
}
