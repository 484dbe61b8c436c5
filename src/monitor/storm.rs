//! Storms: many workflows lowered at the same time are one event with one cause.
//!
//! Owns when that is so, and the way back: two people may restore all at once. Each demotion stands by
//! itself meanwhile; a storm never keeps one from happening.

use super::handle::{ANDON, Ctx, Monitor};
use super::requests::{ANNULMENT_APPROVALS, vote};
use crate::domain::{
    ANY_ROLE, Ask, Cause, Command, Decision, Denial, Raised, Request, RequestStatus, Severity, StormPolicy, Time, What,
    WorkflowId,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, VecDeque};

/// Storms that are remembered.
const STORMS_MAX: usize = 20;
/// Demotions of late that are remembered.
const RECENT_MAX: usize = 10_000;
/// Demotions of one storm that can be restored together.
const LOWERED_MAX: usize = 10_000;
/// A restoration that isn't approved for this long ends, milliseconds.
const RESTORATION_VALID_MS: i64 = 7 * Time::DAY;

/// A workflow that a guard lowered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Lowered {
    at: Time,
    workflow: WorkflowId,
    /// The epoch that it began.
    epoch: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Storm {
    incident: String,
    last_at: Time,
    lowered: Vec<Lowered>,
}

/// Many demotions at a time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Storms {
    recent: VecDeque<Lowered>,
    storms: VecDeque<Storm>,
    /// Storms since the first start.
    count: u64,
}

impl Storms {
    /// Storms since the first start.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// A workflow goes on under another id.
    pub(super) fn rename(&mut self, former: &WorkflowId, id: &WorkflowId) {
        let all = self.recent.iter_mut().chain(self.storms.iter_mut().flat_map(|storm| &mut storm.lowered));
        all.filter(|lowered| lowered.workflow == *former).for_each(|lowered| lowered.workflow = id.clone());
    }

    fn of(&self, incident: &str) -> Option<&Storm> {
        self.storms.iter().find(|storm| storm.incident == incident)
    }

    /// Takes a demotion; whether the demotions of late are more than declared.
    fn take(&mut self, lowered: Lowered, policy: &StormPolicy, fleet: usize) -> bool {
        let now = lowered.at;
        self.recent.push_back(lowered);
        while self.recent.len() > RECENT_MAX || self.recent.front().is_some_and(|l| now.since(l.at) > policy.within_ms)
        {
            self.recent.pop_front();
        }
        let workflows: BTreeSet<&WorkflowId> = self.recent.iter().map(|lowered| &lowered.workflow).collect();
        #[expect(clippy::cast_precision_loss, reason = "numbers of workflows")]
        let (lowered, fleet) = (workflows.len() as f64, fleet as f64);
        lowered > policy.share * fleet && lowered >= f64::from(policy.workflows_min)
    }
}

impl Monitor {
    /// Workflows were lowered by guards: are they part of a storm?
    pub(super) fn count_demotions(&mut self, ctx: &mut Ctx) {
        let demoted = ctx.take_demoted().into_iter();
        for (id, epoch) in demoted.filter(|(id, _)| !id.is_drill_lane()) {
            let policy = self.policy.house.storm;
            let fleet = self.workflows.values().filter(|workflow| workflow.state.in_policy).count();
            let lowered = Lowered { at: ctx.at.now, workflow: id, epoch };
            let many = self.house.storms.take(lowered.clone(), &policy, fleet);
            // Once somebody has resolved it, what comes then is another one.
            let incidents = &self.house.incidents;
            let is_open = |id: &str| incidents.list().iter().any(|i| i.id == id && i.is_unresolved());
            let goes_on = self.house.storms.storms.back_mut().filter(|storm| {
                ctx.at.now.since(storm.last_at) <= policy.within_ms
                    && storm.lowered.len() < LOWERED_MAX
                    && is_open(&storm.incident)
            });
            if let Some(storm) = goes_on {
                storm.last_at = ctx.at.now;
                storm.lowered.push(lowered.clone());
                let incident = storm.incident.clone();
                self.join_storm(ctx, &incident, &lowered);
            } else if many {
                self.begin_storm(ctx, &policy, fleet);
            }
        }
    }

    fn begin_storm(&mut self, ctx: &mut Ctx, policy: &StormPolicy, fleet: usize) {
        // Those of this storm begin no second one.
        let lowered: Vec<Lowered> = std::mem::take(&mut self.house.storms.recent).into();
        let workflows: BTreeSet<&WorkflowId> = lowered.iter().map(|lowered| &lowered.workflow).collect();
        let minutes = policy.within_ms / Time::MINUTE;
        let summary = format!(
            "{} of {fleet} workflows were lowered within {minutes} minutes: look for one cause (a model, a provider, a base item) before looking at each",
            workflows.len()
        );
        self.house.storms.count += 1;
        let incident = self.house.open_incident(ctx, "storm", Severity::Critical, &summary);
        lowered.iter().for_each(|lowered| self.join_storm(ctx, &incident, lowered));
        let storms = &mut self.house.storms.storms;
        if storms.len() >= STORMS_MAX {
            storms.pop_front();
        }
        storms.push_back(Storm { incident, last_at: ctx.at.now, lowered });
    }

    /// The incident of a demotion becomes a part of the storm's.
    fn join_storm(&mut self, ctx: &mut Ctx, storm: &str, lowered: &Lowered) {
        let Some(workflow) = self.workflows.get_mut(&lowered.workflow) else { return };
        // One that was open long before has another cause.
        let within_ms = self.policy.house.storm.within_ms;
        let of_it = |i: &&crate::monitor::Incident| {
            let recent = lowered.at.since(i.opened_at) <= within_ms;
            i.is_unresolved() && i.is_of_breach() && i.part_of.is_none() && recent
        };
        let Some(id) = workflow.state.incidents.list().iter().rev().find(of_it).map(|i| i.id.clone()) else { return };
        if let Some(incident) = workflow.state.incidents.get_mut(&id) {
            incident.part_of = Some(storm.to_owned());
        }
        let summary = format!("{} is one of many", lowered.workflow);
        if let Some(incident) = self.house.incidents.get_mut(storm) {
            incident.note(ctx.at.now, &format!("{} was lowered", lowered.workflow));
        }
        let joined = What::IncidentJoined { incident: storm.to_owned(), joined: id, summary };
        ctx.ledger(Some(&lowered.workflow), ANDON, joined);
    }

    /// Asks for the annulment of all demotions of a storm.
    ///
    /// # Errors
    /// There is no such storm, or it was asked for already.
    pub(super) fn ask_restoration(
        &mut self,
        ctx: &mut Ctx,
        command: &Command,
        storm: &str,
        reason: &str,
    ) -> Result<(), Denial> {
        if self.house.storms.of(storm).is_none() {
            return Err(Denial::new(
                "unknown_storm",
                "no incident of this id is a storm: `andon incidents` lists them",
            ));
        }
        let ask = Ask::Restoration { storm: storm.to_owned() };
        if let Some(pending) = self.house.requests.pending().find(|request| request.ask == ask) {
            return Err(Denial::new("already_pending", format!("{} waits for approvals already", pending.id)));
        }
        let needs = vec![ANY_ROLE.to_owned(); ANNULMENT_APPROVALS];
        let mut request = self.house_request(ctx, ask, reason, needs);
        request.expires_at = Some(ctx.at.now.plus(RESTORATION_VALID_MS));
        request.opened(&command.roles);
        ctx.requested(None, &request);
        self.house.requests.add(request);
        Ok(())
    }

    /// A request of the house that waits for approvals.
    pub(super) fn house_request(&self, ctx: &Ctx, ask: Ask, reason: &str, needs: Vec<String>) -> Request {
        let id = self.house.requests.next_id(super::house::HOUSE);
        let asked = Request::new(id, None, ask, (&ctx.by, ctx.at.now), needs);
        Request { reason: reason.to_owned(), ..asked }
    }

    /// Takes what somebody says to a request of the house.
    ///
    /// # Errors
    /// Why it doesn't count.
    pub(super) fn decide_house(
        &mut self,
        ctx: &mut Ctx,
        command: &Command,
        id: &str,
        decision: Decision,
        note: &str,
    ) -> Result<(), Denial> {
        super::requests::expire(ctx, None, &mut self.house.requests);
        let Some(request) = self.house.requests.get_mut(id) else { return Ok(()) };
        let mut complete = vote(ctx, request, command, decision, note)?;
        let mut request = request.clone();
        // What it loosens may be more by now than what the approvers were shown.
        if complete && let (Ask::Policy { loosens, .. }, Some(waiting)) = (&request.ask, &self.house.waiting) {
            let now_too = self.loosens(waiting).into_iter().find(|what| !loosens.contains(what));
            if let (Some(what), Some(kept)) = (now_too, self.house.requests.get_mut(id)) {
                complete = false;
                kept.end(
                    RequestStatus::Cancelled,
                    ctx.at.now,
                    format!("meanwhile it loosens more: {what}; load it again"),
                );
                request = kept.clone();
            }
        }
        ctx.voted(None, &request, command, decision, note);
        match &request.ask {
            Ask::Restoration { storm } if complete => self.restore_storm(ctx, &request, storm),
            Ask::Policy { .. } if complete => {
                if let Some(policy) = self.house.waiting.take() {
                    self.put_into_force(ctx, &policy);
                }
            }
            Ask::Policy { .. } if !request.is_pending() => self.house.waiting = None,
            _ => {}
        }
        Ok(())
    }

    /// Every workflow of a storm goes back to its mode before it, unless something happened to it since.
    fn restore_storm(&mut self, ctx: &mut Ctx, request: &Request, storm: &str) {
        let lowered = self.house.storms.of(storm).map(|storm| storm.lowered.clone()).unwrap_or_default();
        let reason = format!("the storm was judged false by {}: {}", request.approvers().join(", "), request.reason);
        let workflows: BTreeSet<WorkflowId> = lowered.iter().map(|lowered| lowered.workflow.clone()).collect();
        for id in workflows {
            let Some(workflow) = self.workflows.get_mut(&id) else { continue };
            // Several steps down go back to where the first one began.
            let steps: Vec<u64> = lowered.iter().filter(|lowered| lowered.workflow == id).map(|l| l.epoch).collect();
            let (Some(first), Some(last)) = (steps.first(), steps.last()) else { continue };
            let Some(to) = workflow.state.governance.demotion(*first).map(|first| first.from) else { continue };
            // A stop, a hold or another breach that came after the request stands.
            let disturbed = workflow.state.governance.disturbed_at.is_some_and(|at| at >= request.at);
            if workflow.state.epoch != *last || disturbed || workflow.state.held.is_some() {
                continue;
            }
            if workflow.annul(ctx, *last, to, (Cause::Restoration, reason.clone(), Raised::of(request))) {
                steps.iter().for_each(|epoch| workflow.state.governance.annul(*epoch));
            }
        }
        self.step_house_incident(ctx, storm, super::incident::IncidentStatus::Resolved, &reason);
    }
}
