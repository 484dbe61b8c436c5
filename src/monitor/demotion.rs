//! The way down: what breaks, where a workflow lands, and what a lower mode starts anew.
//!
//! Owns the rule of demotion: the current mode's guards trigger, those of the lower modes choose where
//! to land. Nothing in this file raises a mode. Whatever lowers one ends what was asked for meanwhile.

use super::breach::Completed;
use super::governance::Demotion;
use super::guard::{Broken, LastBreach};
use super::handle::{ANDON, Ctx};
use super::incident::{BREACH, SILENCE};
use super::incidents::Opening;
use super::requests::end_pending;
use super::sentence::sentence;
use super::workflow::{Moves, Workflow};
use crate::domain::{Breach, Cause, Mode, OutputEvent, Raised, RequestStatus, Severity, Time, Track, What};
use crate::stats::latency_total::LatencyTotal;

impl Workflow {
    /// Guards broke: one transition to the lowest landing, the rest noted.
    pub(super) fn broken(&mut self, ctx: &mut Ctx, broken: &[(usize, Broken)], completed: Completed<'_>) {
        let mode = self.state.granted;
        let landing = |(index, what): &(usize, Broken)| self.landing(*index, *what);
        let Some(first) = broken.iter().min_by_key(|b| landing(b)) else { return };
        let target = landing(first);
        // The numbers of all of them first: the transition resets the evidence.
        let mut breaches: Vec<(Breach, bool)> = broken
            .iter()
            .filter_map(|(index, what)| {
                let (plan, guard) = self.state.guards.with(&self.plan.guards).nth(*index)?;
                let breach = guard.breach(plan, mode, *what, completed, &self.state.segments);
                Some((breach, *index == first.0))
            })
            .collect();
        // The one that decides opens the incident, the others join it.
        breaches.sort_by_key(|(_, decides)| !decides);
        let lowers = target < mode && self.track() == Track::Factory;
        for (breach, decides) in breaches {
            self.breached(ctx, breach, (decides && lowers).then_some(target));
        }
    }

    fn breached(&mut self, ctx: &mut Ctx, breach: Breach, target: Option<Mode>) {
        let (summary, name, now) = (sentence(&breach), breach.guard.clone(), ctx.at.now);
        let from = self.state.granted;
        if let Some(target) = target {
            let (probation, outputs) = (self.state.governance.probation, self.state.totals.counts.outputs);
            let broken_off = probation.map(|probation| (probation, probation.until_output.saturating_sub(outputs)));
            self.lower(ctx, target, Cause::Breach, summary.clone(), Some(breach.clone()));
            let epoch = self.state.epoch;
            let guard = name.clone();
            let own = self.plan.guards.iter().find(|plan| plan.policy.name == name);
            let in_budget = own.is_some_and(|plan| plan.policy.signal.is_statistical());
            let (annulled, judged, judged_with) = (false, None, None);
            let demotion =
                Demotion { at: now, epoch, from, guard, annulled, judged, judged_with, in_budget, broken_off };
            self.state.governance.demoted(demotion);
            ctx.demoted(&self.id, epoch);
        } else if self.state.incidents.is_about_guard(&name) {
            // Known, and still so: nothing is quiet, and what is asked for has come to nothing.
            self.cancel_requests(ctx, &format!("meanwhile, by breach: {summary}"));
            if let Some(guard) = self.state.guards.get_mut(&name) {
                guard.last_breach = Some(LastBreach { time: now, epoch: self.state.epoch });
            }
            return;
        } else {
            ctx.ledger(Some(&self.id), ANDON, What::BreachNoted { breach: Box::new(breach.clone()) });
        }
        if let Some(guard) = self.state.guards.get_mut(&name) {
            guard.last_breach = Some(LastBreach { time: now, epoch: self.state.epoch });
        }
        let severity = match target {
            Some(Mode::Assist) => Severity::Critical,
            Some(_) => Severity::Major,
            None => Severity::Minor,
        };
        let opening = Opening::new(about(&breach), severity, summary);
        let opening = Opening { guard: Some(name), breach: Some(breach), ..opening };
        self.open_incident(ctx, opening);
    }

    /// The highest mode below the current one in which every guard's bound still holds. The outage
    /// lane lands in assist, a deterministic guard too; `to` may only lower it further.
    fn landing(&self, index: usize, what: Broken) -> Mode {
        let to = self.plan.guards[index].policy.to;
        let free = match what {
            Broken::Outage => Mode::Assist,
            Broken::Limit(_) => return to.unwrap_or(Mode::Assist),
            Broken::Main => self.state.granted.below().find(|mode| self.holds(*mode)).unwrap_or(Mode::Assist),
        };
        to.map_or(free, |to| to.min(free))
    }

    fn holds(&self, mode: Mode) -> bool {
        self.state.guards.with(&self.plan.guards).all(|(plan, guard)| !guard.crossed(plan, mode))
    }

    /// Lowers the granted mode; a target that is not lower changes nothing but what is asked for.
    /// Returns whether it did.
    pub fn lower(&mut self, ctx: &mut Ctx, to: Mode, cause: Cause, reason: String, breach: Option<Breach>) -> bool {
        self.cancel_requests(ctx, &format!("meanwhile, by {}: {reason}", cause.name()));
        if matches!(cause, Cause::Operator | Cause::Stop) {
            self.state.governance.lowered_by_people_at = Some(ctx.at.now);
        }
        if to >= self.state.granted {
            return false;
        }
        let change = Change { to, cause, reason, breach: breach.map(Box::new), raised: None };
        self.begin_epoch(ctx, change);
        self.state.guards.with_mut(&self.plan.guards).for_each(|(plan, guard)| guard.lowered(plan, to));
        true
    }

    /// Ends what waits for approvals: it was asked for without knowing of this.
    pub(super) fn cancel_requests(&mut self, ctx: &mut Ctx, because: &str) {
        let governance = &mut self.state.governance;
        governance.disturbed_at = Some(ctx.at.now);
        let end = (RequestStatus::Cancelled, because);
        end_pending(ctx, Some(&self.id), &mut governance.requests, end, |_| true);
    }

    /// What every change of the granted mode has in common.
    pub(super) fn begin_epoch(&mut self, ctx: &mut Ctx, change: Change) {
        let versions = self.versions();
        let state = &mut self.state;
        let Change { to, cause, reason, breach, raised } = change;
        let from = std::mem::replace(&mut state.granted, to);
        state.epoch += 1;
        state.epoch_latencies = LatencyTotal::default();
        state.since = ctx.at.now;
        state.cause = cause;
        state.by_guard = breach.as_ref().map(|breach| breach.guard.clone());
        state.reason.clone_from(&reason);
        state.governance.begin_epoch();
        state.reviews.begin_epoch();
        state.governance.probation = None;
        match state.moves.iter_mut().find(|m| (m.from, m.to, m.cause) == (from, to, cause)) {
            Some(moves) => moves.count += 1,
            None => state.moves.push(Moves { from, to, cause, count: 1 }),
        }
        let (epoch, by) = (state.epoch, ctx.by.clone());
        let what = What::ModeChanged { from, to, epoch, cause, reason, breach, raised, versions };
        ctx.ledger(Some(&self.id), &by, what);
        ctx.mode_changed(&self.id);
    }

    /// Versions and models of the present epoch, newest first.
    pub(super) fn versions(&self) -> Vec<String> {
        self.state.governance.seen.of_epoch().map(super::seen::Version::name).collect()
    }

    /// An output may run in the mode that was allowed until its lease ended, not above.
    pub(super) fn check_obedience(&mut self, ctx: &mut Ctx, time: Time, event: &OutputEvent) {
        let (allowed, since) = self.allowed();
        let above = event.mode.filter(|mode| *mode > allowed && time > since.plus(ctx.lease_ms));
        let Some(mode) = above else { return };
        self.state.totals.above_mode += 1;
        if !self.state.incidents.is_about("above_mode") {
            let summary = format!("output {} ran in {mode}, but {allowed} is allowed since {since}", event.id);
            self.open_incident(ctx, Opening::new("above_mode", Severity::Critical, summary));
        }
    }
}

/// What the incident of a breach is about: where too little came, what to look for is another thing.
fn about(breach: &Breach) -> &'static str {
    match breach.signal.as_str() {
        "silence" => SILENCE,
        "volume" if breach.estimate < breach.bound => SILENCE,
        _ => BREACH,
    }
}

/// A change of the granted mode.
pub(super) struct Change {
    pub(super) to: Mode,
    pub(super) cause: Cause,
    pub(super) reason: String,
    pub(super) breach: Option<Box<Breach>>,
    pub(super) raised: Option<Box<Raised>>,
}
