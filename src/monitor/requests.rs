//! What people ask of a workflow and decide about it: promotions, annulments, checklists.
//!
//! Owns when a request may be made and what follows when the last approval comes. Approvals are
//! counted by the request itself; the mode is raised in `raise` alone.

use super::governance::Answer;
use super::handle::{ANDON, Ctx};
use super::house::House;
use super::request_list::Requests;
use super::workflow::Workflow;
use crate::domain::{
    ANY_ROLE, Approval, Ask, Cause, Command, Decision, Denial, Mode, Policy, Raised, Request, RequestStatus, Standing,
    Target, Time, Track, What, WorkflowId,
};

/// An annulment that isn't approved for this long ends, milliseconds.
const ANNULMENT_VALID_MS: i64 = 14 * Time::DAY;
/// The same of an order to learn anew: by then other outputs are normal.
const RELEARNING_VALID_MS: i64 = 7 * Time::DAY;
/// People who must agree that andon was wrong, whoever says so first included.
pub(super) const ANNULMENT_APPROVALS: usize = 2;

impl Workflow {
    /// Asks for a promotion: freezes the evidence.
    ///
    /// # Errors
    /// Why it can't be asked for now.
    pub(super) fn ask_promotion(
        &mut self,
        ctx: &mut Ctx,
        (policy, house): (&Policy, &House),
        (to, reason, funding): (Target, &str, Option<&str>),
    ) -> Result<(), Denial> {
        self.check_free()?;
        let gate = self.gate(policy, house, to, ctx.at.now);
        if gate.verdict != Standing::Met {
            return Err(Denial::new("gate_closed", gate.closed_because()));
        }
        let asked = self.asked(to);
        let (needs, valid_ms) = (asked.approvals.clone(), asked.request_valid_ms);
        let ask = Ask::Promotion { from: self.state.granted, to };
        let mut request = self.request(ctx, ask, reason, needs, valid_ms);
        request.funding = funding.map(str::to_owned);
        request.gate = Some(Box::new(gate));
        self.open_request(ctx, request, &[]);
        Ok(())
    }

    /// Asks for the annulment of the demotion that the present epoch began with.
    ///
    /// # Errors
    /// Why there is nothing to annul.
    pub(super) fn ask_annulment(&mut self, ctx: &mut Ctx, command: &Command, reason: &str) -> Result<(), Denial> {
        self.check_free()?;
        let epoch = self.state.epoch;
        let Some(to) = self.state.governance.demotion(epoch).map(|last| last.from) else {
            let detail = format!(
                "epoch {epoch} of {} didn't begin with a demotion by a guard: only that can be annulled, and only while nothing came after it",
                self.id
            );
            return Err(Denial::new("nothing_to_annul", detail));
        };
        if self.state.governance.lowered_by_people_at.is_some_and(|at| at >= self.state.since) {
            let detail = format!("people lowered or stopped {} after that demotion: their word stands", self.id);
            return Err(Denial::new("nothing_to_annul", detail));
        }
        let needs = vec![ANY_ROLE.to_owned(); ANNULMENT_APPROVALS];
        let request = self.request(ctx, Ask::Annulment { epoch, to }, reason, needs, ANNULMENT_VALID_MS);
        self.open_request(ctx, request, &command.roles);
        Ok(())
    }

    /// A person has a guard learn anew what is normal. Until it has it judges nothing: above assist that
    /// waits for an approver, as any other loosening.
    ///
    /// # Errors
    /// Something waits for approvals already.
    pub(super) fn ask_relearning(
        &mut self,
        ctx: &mut Ctx,
        command: &Command,
        (guard, outputs, reason): (&str, Option<u32>, &str),
    ) -> Result<(), Denial> {
        // Also while it learns: begun again and again it would never judge.
        let mut guards = self.plan.guards.iter().map(|plan| &plan.policy);
        let has_baseline = guards.any(|policy| policy.name == guard && policy.baseline.is_some());
        let binds = self.state.granted > Mode::Assist && self.track() == Track::Factory;
        if !(has_baseline && binds && ctx.policy.house.loosening_waits) {
            self.relearn(ctx, guard, outputs, reason);
            return Ok(());
        }
        self.check_pending()?;
        let ask = Ask::Relearning { guard: guard.to_owned(), outputs };
        let request = self.request(ctx, ask, reason, vec![ANY_ROLE.to_owned()], RELEARNING_VALID_MS);
        self.open_request(ctx, request, &command.roles);
        Ok(())
    }

    fn check_free(&self) -> Result<(), Denial> {
        self.check_pending()?;
        match &self.state.held {
            Some(why) => Err(Denial::new("held", format!("raises of {} are blocked: {why}", self.id))),
            None => Ok(()),
        }
    }

    fn check_pending(&self) -> Result<(), Denial> {
        if let Some(pending) = self.state.governance.requests.pending().next() {
            let detail = format!("{} waits for approvals already: decide it or take it back first", pending.id);
            return Err(Denial::new("already_pending", detail));
        }
        Ok(())
    }

    fn request(&self, ctx: &Ctx, ask: Ask, reason: &str, needs: Vec<String>, valid_ms: i64) -> Request {
        let id = self.state.governance.requests.next_id(&format!("{}-", self.id));
        let now = ctx.at.now;
        Request {
            reason: reason.to_owned(),
            expires_at: Some(now.plus(valid_ms)),
            ..Request::new(id, Some(self.id.clone()), ask, (&ctx.by, now), needs)
        }
    }

    fn open_request(&mut self, ctx: &mut Ctx, mut request: Request, roles: &[String]) {
        request.opened(roles);
        ctx.requested(Some(&self.id), &request);
        self.state.governance.requests.add(request);
    }

    /// Takes what somebody says to a request.
    ///
    /// # Errors
    /// Why it doesn't count.
    pub(super) fn decide(
        &mut self,
        ctx: &mut Ctx,
        (policy, house): (&Policy, &House),
        command: &Command,
        id: &str,
        decision: Decision,
        note: &str,
    ) -> Result<(), Denial> {
        self.expire_requests(ctx);
        let Some(request) = self.state.governance.requests.get_mut(id) else { return Ok(()) };
        let mut complete = vote(ctx, request, command, decision, note)?;
        // What was frozen says how it stood; what came since may say otherwise, also in assist, where
        // nothing is bound and so nothing can be breached.
        if complete && let Ask::Promotion { to, .. } = request.ask {
            let gate = self.gate(policy, house, to, ctx.at.now);
            complete = gate.verdict == Standing::Met;
            if !complete && let Some(request) = self.state.governance.requests.get_mut(id) {
                request.end(RequestStatus::Cancelled, ctx.at.now, format!("meanwhile {}", gate.closed_because()));
            }
        }
        let Some(request) = self.state.governance.requests.get(id).cloned() else { return Ok(()) };
        ctx.voted(Some(&self.id), &request, command, decision, note);
        if complete {
            self.carry_out(ctx, &request);
        }
        Ok(())
    }

    /// All approvals are there.
    fn carry_out(&mut self, ctx: &mut Ctx, request: &Request) {
        let raised = Raised::of(request);
        match &request.ask {
            Ask::Promotion { to: Target::Factory, .. } => {
                self.leave_lab(ctx.at.now);
                // From here on it is judged as what it is now, on evidence of its own.
                self.state.governance.begin_epoch();
                self.state.reviews.begin_epoch();
                self.state.guards.all_mut().for_each(super::guard::Guard::raised);
                let Raised { request, approvers, evidence, .. } = raised;
                ctx.ledger(Some(&self.id), ANDON, What::Graduated { request, approvers, evidence });
                ctx.mode_changed(&self.id);
            }
            Ask::Promotion { to, .. } => {
                let reason = format!("promoted by {}: {}", raised.approvers.join(", "), request.reason);
                if let Some(to) = to.mode() {
                    self.promoted(ctx, to, reason, raised);
                }
            }
            Ask::Annulment { epoch, to } => {
                let reason =
                    format!("the demotion was judged false by {}: {}", raised.approvers.join(", "), request.reason);
                self.annul(ctx, *epoch, *to, (Cause::Annulment, reason, raised));
            }
            Ask::Relearning { guard, outputs } => self.relearn(ctx, guard, *outputs, &request.reason),
            Ask::Restoration { .. } | Ask::Policy { .. } => {}
        }
    }

    /// People judged a demotion false: back to the mode before it, with nothing held against it. Whether
    /// it is.
    pub(super) fn annul(
        &mut self,
        ctx: &mut Ctx,
        epoch: u64,
        to: Mode,
        (cause, reason, raised): (Cause, String, Raised),
    ) -> bool {
        let Some(last) = self.state.governance.demotion(epoch).cloned() else { return false };
        // Where it is held, or the policy allows no more, nothing is forgotten either.
        if !self.raise(ctx, to, cause, reason.clone(), raised) {
            return false;
        }
        self.state.governance.annul(epoch);
        if let Some((probation, left)) = last.broken_off {
            let until_output = self.state.totals.counts.outputs + left;
            self.state.governance.probation = Some(super::governance::Probation { until_output, ..probation });
        }
        if let Some(guard) = self.state.guards.get_mut(&last.guard) {
            guard.last_breach = None;
        }
        // Its own incident; one that others have joined is still theirs.
        let own =
            |i: &&super::Incident| i.is_unresolved() && i.opened_at == last.at && i.guards() == [last.guard.clone()];
        let open: Vec<String> = self.state.incidents.list().iter().filter(own).map(|i| i.id.clone()).collect();
        for incident in open {
            self.step_incident(ctx, &incident, super::incident::IncidentStatus::Resolved, &reason);
        }
        true
    }

    /// Ends requests that weren't decided in time.
    pub(super) fn expire_requests(&mut self, ctx: &mut Ctx) {
        expire(ctx, Some(&self.id), &mut self.state.governance.requests);
    }

    /// Somebody answers an item of the checklist.
    ///
    /// # Errors
    /// There is no such item.
    pub(super) fn answer(&mut self, ctx: &mut Ctx, item: &str, ready: bool, note: &str) -> Result<(), Denial> {
        if !self.checklists().iter().any(|(_, known)| *known == item) {
            let known: Vec<&str> = self.checklists().iter().map(|(_, item)| *item).collect();
            return Err(Denial::new(
                "unknown_item",
                format!("`{item}` isn't on the checklist of {}: {}", self.id, known.join(", ")),
            ));
        }
        let (by, at, note) = (ctx.by.clone(), ctx.at.now, note.to_owned());
        self.state.governance.answers.insert(item.to_owned(), Answer { ready, by: by.clone(), at, note: note.clone() });
        ctx.ledger(Some(&self.id), &by, What::Answered { item: item.to_owned(), ready, note });
        if !ready {
            self.cancel_requests(ctx, &format!("{by} says that {item} isn't ready"));
        }
        Ok(())
    }
}

/// Takes a vote into a request; whether it is complete with it.
pub(super) fn vote(
    ctx: &Ctx,
    request: &mut Request,
    command: &Command,
    decision: Decision,
    note: &str,
) -> Result<bool, Denial> {
    let now = ctx.at.now;
    match decision {
        Decision::Approve => {
            let (by, roles) = (command.by.clone(), command.roles.clone());
            request.approve(Approval { by, roles, at: now, note: note.to_owned() })?;
            if request.is_complete() {
                request.end(RequestStatus::Granted, now, "all approvals were given");
            }
        }
        Decision::Reject => {
            request.check_pending()?;
            request.end(RequestStatus::Rejected, now, format!("{}: {note}", command.by));
        }
        Decision::Withdraw => {
            request.check_withdraw(&command.by)?;
            request.end(RequestStatus::Withdrawn, now, note);
        }
    }
    Ok(request.status == RequestStatus::Granted)
}

/// Ends requests that weren't decided in time.
pub(super) fn expire(ctx: &mut Ctx, workflow: Option<&WorkflowId>, requests: &mut Requests) {
    let now = ctx.at.now;
    let over = |request: &Request| request.expires_at.is_some_and(|at| at <= now);
    end_pending(ctx, workflow, requests, (RequestStatus::Expired, "it wasn't decided in time"), over);
}

/// Ends those that wait for approvals and that `which` picks.
pub(super) fn end_pending(
    ctx: &mut Ctx,
    workflow: Option<&WorkflowId>,
    requests: &mut Requests,
    (status, because): (RequestStatus, &str),
    which: impl Fn(&Request) -> bool,
) {
    for request in requests.pending_mut().filter(|request| which(request)) {
        request.end(status, ctx.at.now, because);
        let (request, because) = (request.id.clone(), because.to_owned());
        ctx.ledger(workflow, ANDON, What::Decided { request, status, because });
    }
}
