//! One workflow: its mode, its guards, its counts, its incidents.
//!
//! Owns the rule of demotion: the current mode's guards trigger, those of the lower modes choose
//! where to land. Nothing in this file raises a mode.

use super::guard::{Arrival, Broken, LastBreach};
use super::guards::Guards;
use super::handle::{At, Ctx};
use super::incident::{Incident, IncidentStatus, Incidents, Step};
use super::kpi::{Kinds, Slot, Totals, counted, sla_limit_ms};
use super::plan::{GuardPlan, Plan};
use super::segments::{Segmented, Segments};
use super::sentence::sentence;
use crate::domain::selection::selected;
use crate::domain::{Breach, Cause, Mode, OutputEvent, Review, Signal, Time, Track, Verdict, What, WorkflowId};
use crate::stats::latency_total::LatencyTotal;
use crate::stats::ring::Windows;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How often the mode changed from one to another for a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moves {
    /// Before.
    pub from: Mode,
    /// After.
    pub to: Mode,
    /// Why.
    pub cause: Cause,
    /// How often.
    pub count: u64,
}

/// Everything that is remembered of a workflow; goes into snapshots.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The granted mode.
    pub granted: Mode,
    /// Counts the changes of the mode, from 1.
    pub epoch: u64,
    /// When the mode last changed.
    pub since: Time,
    /// Why it did.
    pub cause: Cause,
    /// The guard that did it.
    pub by_guard: Option<String>,
    /// The sentence for people.
    pub reason: String,
    /// Whether raises are blocked, and why.
    pub held: Option<String>,
    /// Whether the policy holds it; a removed one keeps its mode and history.
    pub in_policy: bool,
    /// Whether `[unknown_workflows]` took it.
    pub unknown: bool,
    /// When it was adopted.
    pub adopted_at: Time,
    /// When the last output arrived; before the first, when the workflow was adopted.
    pub fresh_at: Time,
    /// Kinds of exceptions.
    pub kinds: Kinds,
    /// Since adoption.
    pub totals: Totals,
    /// Rolling windows.
    pub windows: Windows<Slot>,
    /// Guards, in the order of the policy.
    pub guards: Guards,
    /// Changes of the mode.
    pub moves: Vec<Moves>,
    /// Incidents.
    pub incidents: Incidents,
    /// Values of attributes, models and versions.
    pub segments: Segments,
    /// The key by which outputs are selected for review; 0 before it was drawn.
    pub review_key: u64,
    /// Latencies since the epoch began.
    pub epoch_latencies: LatencyTotal,
}

/// One workflow. Cheap to clone: closed slots and the plan are shared.
#[derive(Debug, Clone)]
pub struct Workflow {
    /// Its id.
    pub id: WorkflowId,
    /// Its policy, worked out.
    pub plan: Arc<Plan>,
    /// What is remembered.
    pub state: State,
    sla_limit_ms: Option<f64>,
}

impl Workflow {
    /// A workflow as it is adopted: in its start mode, with guards that have seen nothing.
    pub fn adopt(id: &WorkflowId, plan: Arc<Plan>, unknown: bool, now: Time) -> Self {
        let mode = plan.policy.start_mode.min(plan.max_mode());
        let state = State {
            granted: mode,
            epoch: 1,
            since: now,
            cause: Cause::Adoption,
            by_guard: None,
            reason: format!("adopted in its start mode {mode}"),
            held: None,
            in_policy: true,
            unknown,
            adopted_at: now,
            fresh_at: now,
            kinds: Kinds::default(),
            totals: Totals::default(),
            windows: Windows::default(),
            guards: Guards::new(&plan.guards, now),
            moves: Vec::new(),
            incidents: Incidents::default(),
            segments: Segments::default(),
            review_key: 0,
            epoch_latencies: LatencyTotal::default(),
        };
        Self::restore(id, plan, state)
    }

    /// A workflow with what was remembered of it.
    pub fn restore(id: &WorkflowId, plan: Arc<Plan>, mut state: State) -> Self {
        state.guards.with_mut(&plan.guards).for_each(|(plan, guard)| guard.watch.prepare(plan));
        let sla_limit_ms = sla_limit_ms(&plan.policy);
        Self { id: id.clone(), plan, state, sla_limit_ms }
    }

    /// Takes over what follows from a new plan.
    pub(super) fn refresh(&mut self) {
        self.sla_limit_ms = sla_limit_ms(&self.plan.policy);
    }

    /// Takes one output.
    pub fn event(&mut self, ctx: &mut Ctx<'_>, event: &OutputEvent) {
        let now = ctx.at.now;
        let state = &mut self.state;
        state.fresh_at = now;
        let output = counted(&mut state.kinds, self.sla_limit_ms, event);
        state.totals.count(&output);
        event.latency_ms.iter().for_each(|ms| state.epoch_latencies.record(*ms));
        let time = event.time.unwrap_or(now);
        ctx.count(&mut state.windows, time, &output);
        self.check_obedience(ctx, time, event);
        let mode = self.state.granted;
        let mut broken = Vec::new();
        self.state.segments.count(event);
        let mut arrival = Arrival { mode, now, event, segments: Segmented::new(&mut self.state.segments) };
        let mut pinned = false;
        for (index, (plan, guard)) in self.state.guards.with_mut(&self.plan.guards).enumerate() {
            if let Some(what) = guard.event(plan, &mut arrival) {
                broken.push((index, what));
            }
            pinned |= guard.watch.unannounced();
        }
        if pinned {
            self.announce(ctx);
        }
        if !broken.is_empty() {
            self.broken(ctx, &broken, Some(event));
        }
    }

    /// Takes one human verdict.
    pub fn review(&mut self, ctx: &mut Ctx<'_>, review: &Review) {
        self.state.totals.reviews[review.verdict as usize] += 1;
        let judges = |plan: &GuardPlan| plan.policy.signal == Signal::RejectionRate;
        if !self.plan.guards.iter().any(judges) {
            return;
        }
        let mode = self.state.granted;
        let depth = *self.plan.policy.review.get(mode);
        // Only outputs that andon selected say something about the others, and only at the depth of
        // now: those selected at a greater depth before would count too much of the past.
        if depth <= 0.0 || !selected(self.state.review_key, &self.id, &review.output_id, depth) {
            return;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a depth of 1e-6 is one in a million"
        )]
        let stands_for = (1.0 / depth.max(1e-6)).round() as u32;
        let rejected = review.verdict == Verdict::Rejected;
        let mut broken = Vec::new();
        for (index, (plan, guard)) in self.state.guards.with_mut(&self.plan.guards).enumerate() {
            if judges(plan)
                && let Some(what) = guard.verdict(plan, mode, ctx.at.now, rejected, stands_for)
            {
                broken.push((index, what));
            }
        }
        self.announce(ctx);
        if !broken.is_empty() {
            self.broken(ctx, &broken, None);
        }
    }

    /// Lets lapse what is due at `now`.
    pub fn tick(&mut self, ctx: &mut Ctx<'_>) {
        let now = ctx.at.now;
        let mut silent = Vec::new();
        for (index, (plan, guard)) in self.state.guards.with_mut(&self.plan.guards).enumerate() {
            if let Some(tripped) = guard.limit.tick(&plan.policy.signal, now) {
                silent.push((index, Broken::Limit(tripped)));
            }
        }
        if !silent.is_empty() {
            self.broken(ctx, &silent, None);
        }
        if self.lapses_at().is_some_and(|at| at <= now) {
            let reason = format!(
                "no output since {}: the evidence for {} is older than declared",
                self.state.fresh_at, self.state.granted
            );
            self.lower(ctx, Mode::Assist, Cause::Lapse, reason.clone(), None);
            self.open_incident(ctx, "lapse", None, reason, None);
        }
    }

    /// When the next thing lapses, if no output comes before.
    pub fn due(&self) -> Option<Time> {
        let guards = self.state.guards.with(&self.plan.guards);
        let silences = guards.filter_map(|(plan, guard)| guard.limit.due(&plan.policy.signal));
        silences.chain(self.lapses_at()).min().filter(|_| self.state.in_policy)
    }

    fn lapses_at(&self) -> Option<Time> {
        let valid_ms = self.plan.policy.evidence_valid_ms?;
        (self.state.granted > Mode::Assist).then(|| self.state.fresh_at.plus(valid_ms))
    }

    /// Guards broke: one transition to the lowest landing, the rest noted.
    fn broken(&mut self, ctx: &mut Ctx<'_>, broken: &[(usize, Broken)], output: Option<&OutputEvent>) {
        let mode = self.state.granted;
        let landing = |(index, what): &(usize, Broken)| self.landing(*index, *what);
        let Some(first) = broken.iter().min_by_key(|b| landing(b)) else { return };
        let target = landing(first);
        // The numbers of all of them first: the transition resets the evidence.
        let breaches: Vec<(Breach, bool)> = broken
            .iter()
            .filter_map(|(index, what)| {
                let (plan, guard) = self.state.guards.with(&self.plan.guards).nth(*index)?;
                let breach = guard.breach(plan, mode, *what, output, &self.state.segments);
                Some((breach, *index == first.0))
            })
            .collect();
        let lowers = target < mode && self.plan.policy.track == Track::Factory;
        for (breach, decides) in breaches {
            self.breached(ctx, breach, (decides && lowers).then_some(target));
        }
    }

    fn breached(&mut self, ctx: &mut Ctx<'_>, breach: Breach, target: Option<Mode>) {
        let summary = sentence(&breach);
        let name = breach.guard.clone();
        if let Some(target) = target {
            self.lower(ctx, target, Cause::Breach, summary.clone(), Some(breach.clone()));
        } else if self.state.incidents.is_open("breach", Some(&name)) {
            return;
        } else {
            ctx.ledger(Some(&self.id), "andon", What::BreachNoted { breach: Box::new(breach.clone()) });
        }
        if let Some(guard) = self.state.guards.get_mut(&name) {
            guard.last_breach = Some(LastBreach { time: ctx.at.now, epoch: self.state.epoch });
        }
        self.open_incident(ctx, "breach", Some(name), summary, Some(breach));
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

    /// Lowers the granted mode; a target that is not lower changes nothing. Returns whether it did.
    pub fn lower(&mut self, ctx: &mut Ctx<'_>, to: Mode, cause: Cause, reason: String, breach: Option<Breach>) -> bool {
        let state = &mut self.state;
        let from = state.granted;
        if to >= from {
            return false;
        }
        state.granted = to;
        state.epoch += 1;
        state.epoch_latencies = LatencyTotal::default();
        state.since = ctx.at.now;
        state.cause = cause;
        state.by_guard = breach.as_ref().map(|breach| breach.guard.clone());
        state.reason.clone_from(&reason);
        match state.moves.iter_mut().find(|m| (m.from, m.to, m.cause) == (from, to, cause)) {
            Some(moves) => moves.count += 1,
            None => state.moves.push(Moves { from, to, cause, count: 1 }),
        }
        state.guards.with_mut(&self.plan.guards).for_each(|(plan, guard)| guard.lowered(plan, to));
        let (epoch, breach) = (state.epoch, breach.map(Box::new));
        let by = ctx.by.clone();
        ctx.ledger(Some(&self.id), &by, What::ModeChanged { from, to, epoch, cause, reason, breach });
        ctx.mode_changed(&self.id);
        true
    }

    /// An output may run in the mode that was allowed until its lease ended, not above.
    fn check_obedience(&mut self, ctx: &mut Ctx<'_>, time: Time, event: &OutputEvent) {
        let state = &mut self.state;
        let above = event.mode.filter(|mode| *mode > state.granted && time > state.since.plus(ctx.lease_ms));
        let Some(mode) = above else { return };
        state.totals.above_mode += 1;
        if !state.incidents.is_open("above_mode", None) {
            let summary =
                format!("output {} ran in {mode}, but {} is allowed since {}", event.id, state.granted, state.since);
            self.open_incident(ctx, "above_mode", None, summary, None);
        }
    }

    fn open_incident(
        &mut self,
        ctx: &mut Ctx<'_>,
        about: &str,
        guard: Option<String>,
        summary: String,
        breach: Option<Breach>,
    ) {
        let id = format!("{}-{}", self.id, self.state.incidents.next());
        let opened = What::IncidentOpened {
            incident: id.clone(),
            about: about.to_owned(),
            guard: guard.clone(),
            summary: summary.clone(),
        };
        ctx.ledger(Some(&self.id), "andon", opened);
        self.state.incidents.open(Incident {
            id,
            workflow: self.id.to_string(),
            status: IncidentStatus::Open,
            about: about.to_owned(),
            guard,
            summary,
            runbook: self.plan.policy.runbook.clone(),
            breach,
            opened_at: ctx.at.now,
            timeline: Vec::new(),
        });
    }

    /// A person acknowledges or resolves an incident; an unknown one changes nothing.
    pub fn step_incident(&mut self, ctx: &mut Ctx<'_>, incident: &str, status: IncidentStatus, note: &str) {
        let step = Step { time: ctx.at.now, by: ctx.by.clone(), status, note: note.to_owned() };
        let Some(found) = self.state.incidents.step(incident, step) else { return };
        let (incident, note, guard) = (found.id.clone(), note.to_owned(), found.guard.clone());
        let what = match status {
            IncidentStatus::Resolved => What::IncidentResolved { incident, note },
            _ => What::IncidentAcknowledged { incident, note },
        };
        let by = ctx.by.clone();
        ctx.ledger(Some(&self.id), &by, what);
        // In the lab a breach only informs: the guard is silent until somebody has dealt with it.
        if status == IncidentStatus::Resolved
            && self.plan.policy.track == Track::Lab
            && let Some(guard) = guard.and_then(|guard| self.state.guards.get_mut(&guard))
        {
            guard.rearm();
        }
    }

    /// A person has a guard learn anew what is normal.
    pub fn rebase(&mut self, ctx: &mut Ctx<'_>, guard: &str, outputs: Option<u32>, reason: &str) {
        let found = self.state.guards.with_mut(&self.plan.guards).find(|(plan, _)| plan.policy.name == guard);
        let Some((plan, state)) = found else { return };
        let version = state.watch.baseline.as_ref().map_or(0, |baseline| baseline.version);
        if state.relearn(plan, outputs) {
            let (guard, by) = (guard.to_owned(), ctx.by.clone());
            ctx.ledger(Some(&self.id), &by, What::BaselineDropped { guard, version, reason: reason.to_owned() });
        }
    }

    /// Puts freshly pinned baselines into the ledger.
    pub(super) fn announce(&mut self, ctx: &mut Ctx<'_>) {
        for (plan, guard) in self.state.guards.with_mut(&self.plan.guards) {
            if let Some(what) = guard.watch.announce(&plan.policy.name) {
                ctx.ledger(Some(&self.id), "andon", what);
            }
        }
    }

    /// The daemon was away: that time is not the workflow's silence.
    pub fn resumed(&mut self, At { now, .. }: At) {
        for guard in self.state.guards.all_mut() {
            guard.limit.resumed(now);
        }
    }
}
