//! One workflow: its mode, its guards, its counts, its incidents.
//!
//! Owns what is remembered and the way of an output through it. Modes go down in `demotion` and up in
//! `raise`, and nowhere else.

use super::breach::Completed;
use super::governance::Governance;
use super::guard::{Arrival, Broken};
use super::guards::Guards;
use super::handle::{ANDON, At, Ctx};
use super::incident::Incidents;
use super::incidents::Opening;
use super::kpi::{Kinds, Limits, Slot, Totals};
use super::plan::Plan;
use super::reviews::Reviews;
use super::segments::{Segmented, Segments};
use super::view::Cap;
use crate::domain::{Cause, LapseOn, Mode, OutputEvent, Severity, Time, Track, What, WorkflowId, WorkflowPolicy};
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
    /// Since when evidence ages: when the last output arrived or the mode was raised; before that, when the
    /// workflow was adopted.
    pub fresh_at: Time,
    /// When the last output arrived; a promotion is none.
    pub last_output_at: Option<Time>,
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
    /// Which outputs people review, and what they said.
    pub reviews: Reviews,
    /// The key by which outputs are selected for review; 0 before it was drawn.
    pub review_key: u64,
    /// Latencies since the epoch began.
    pub epoch_latencies: LatencyTotal,
    /// What keeps the effective mode below the granted one, each since when.
    pub caps: Vec<(Cap, Time)>,
    /// What people decided, and what is remembered for their next decision.
    pub governance: Governance,
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
    limits: Limits,
}

fn max_mode(policy: &WorkflowPolicy, in_lab: bool) -> Mode {
    if in_lab { policy.max_mode.min(Mode::Collaborate) } else { policy.max_mode }
}

impl Workflow {
    /// A workflow as it is adopted: in its start mode, with guards that have seen nothing.
    pub fn adopt(id: &WorkflowId, plan: Arc<Plan>, unknown: bool, now: Time) -> Self {
        let in_lab = plan.policy.track == Track::Lab;
        let mode = plan.policy.start_mode.min(max_mode(&plan.policy, in_lab));
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
            last_output_at: None,
            kinds: Kinds::default(),
            totals: Totals::default(),
            windows: Windows::default(),
            guards: Guards::new(&plan.guards, now),
            moves: Vec::new(),
            incidents: Incidents::default(),
            segments: Segments::default(),
            reviews: Reviews::default(),
            review_key: 0,
            epoch_latencies: LatencyTotal::default(),
            caps: Vec::new(),
            governance: Governance::new(in_lab),
        };
        Self::restore(id, plan, state)
    }

    /// A workflow with what was remembered of it.
    pub fn restore(id: &WorkflowId, plan: Arc<Plan>, mut state: State) -> Self {
        state.guards.with_mut(&plan.guards).for_each(|(plan, guard)| guard.watch.prepare(plan));
        let limits = Limits::of(&plan.policy);
        Self { id: id.clone(), plan, state, limits }
    }

    /// The track that it is on: out of the lab it comes by a request only.
    pub const fn track(&self) -> Track {
        if self.state.governance.in_lab { Track::Lab } else { Track::Factory }
    }

    /// The highest mode that the policy and the track allow.
    pub fn max_mode(&self) -> Mode {
        max_mode(&self.plan.policy, self.state.governance.in_lab)
    }

    /// The effective mode, and since when it holds.
    pub fn allowed(&self) -> (Mode, Time) {
        let lowest = self.state.caps.iter().min_by_key(|(cap, _)| cap.mode);
        match lowest {
            Some((cap, since)) if cap.mode < self.state.granted => (cap.mode, self.state.since.max(*since)),
            _ => (self.state.granted, self.state.since),
        }
    }

    /// Takes over what follows from a new plan.
    pub(super) fn refresh(&mut self) {
        self.limits = Limits::of(&self.plan.policy);
    }

    /// Takes one output.
    pub fn event(&mut self, ctx: &mut Ctx, event: &OutputEvent) {
        let now = ctx.at.now;
        let state = &mut self.state;
        state.fresh_at = now;
        state.last_output_at = Some(now);
        let time = event.time.unwrap_or(now);
        let output = self.limits.counted(&mut state.kinds, event);
        state.totals.count(&output, time, now);
        event.latency_ms.iter().for_each(|ms| state.epoch_latencies.record(*ms));
        ctx.count(self.plan.asks_kpis, &mut state.windows, time, |slot| slot.count(&output));
        // What was made before the mode was granted is no evidence of it, however late it comes.
        let of_epoch = time >= state.since;
        if of_epoch {
            state.governance.epoch.count(time, event.mode, state.granted);
        }
        self.check_obedience(ctx, time, event);
        self.see_versions(ctx, event);
        self.check_probation(ctx);
        self.expect_review(ctx, event, of_epoch);
        let mode = self.state.granted;
        let mut broken = Vec::new();
        let sampled = self.state.segments.count(event);
        let segments = Segmented::known(&mut self.state.segments, sampled);
        let mut arrival = Arrival { mode, now, event, of_epoch, sampled, segments };
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
            self.broken(ctx, &broken, Completed::Output(event));
        }
    }

    /// Lets lapse what is due at `now`.
    pub fn tick(&mut self, ctx: &mut Ctx) {
        let now = ctx.at.now;
        let mut silent = Vec::new();
        for (index, (plan, guard)) in self.state.guards.with_mut(&self.plan.guards).enumerate() {
            if let Some(tripped) = guard.limit.tick(&plan.policy.signal, now) {
                silent.push((index, Broken::Limit(tripped)));
            }
        }
        if !silent.is_empty() {
            self.broken(ctx, &silent, Completed::Otherwise);
        }
        if self.lapses_at().is_some_and(|at| at <= now) {
            let reason = format!(
                "no output since {}: the evidence for {} is older than declared",
                self.state.fresh_at, self.state.granted
            );
            self.lower(ctx, Mode::Assist, Cause::Lapse, reason.clone(), None);
            self.open_incident(ctx, Opening::new("lapse", Severity::Major, reason));
        }
        self.expire_requests(ctx);
    }

    /// When the next thing lapses, if no output comes before.
    pub fn due(&self) -> Option<Time> {
        let guards = self.state.guards.with(&self.plan.guards);
        let silences = guards.filter_map(|(plan, guard)| guard.limit.due(&plan.policy.signal));
        let requests = self.state.governance.requests.due();
        silences.chain(self.lapses_at()).chain(requests).min().filter(|_| self.state.in_policy)
    }

    /// When the mode lapses to assist, if no output comes before; `None` where it can't.
    pub fn lapses_at(&self) -> Option<Time> {
        let valid_ms = self.plan.policy.evidence_valid_ms?;
        (self.state.granted > Mode::Assist).then(|| self.state.fresh_at.plus(valid_ms))
    }

    /// A guard learns anew what is normal.
    pub(super) fn relearn(&mut self, ctx: &mut Ctx, guard: &str, outputs: Option<u32>, reason: &str) {
        let found = self.state.guards.with_mut(&self.plan.guards).find(|(plan, _)| plan.policy.name == guard);
        let Some((plan, state)) = found else { return };
        let version = state.watch.baseline.as_ref().map_or(0, |baseline| baseline.version);
        if state.relearn(plan, outputs) {
            let (guard, by) = (guard.to_owned(), ctx.by.clone());
            ctx.ledger(
                Some(&self.id),
                &by,
                What::BaselineDropped { guard, version, outputs, reason: reason.to_owned() },
            );
        }
    }

    /// Sees versions and models; a new one may make the granted mode lapse.
    fn see_versions(&mut self, ctx: &mut Ctx, event: &OutputEvent) {
        let declared = &self.plan.policy.lapse_on;
        let new = self.state.governance.seen.see(event, declared, ctx.at.now);
        for (name, of, changed) in new {
            self.version_seen(ctx, name, &of, changed);
        }
    }

    /// A version appeared for the first time; `changed` where another one was known before.
    pub(super) fn version_seen(&mut self, ctx: &mut Ctx, version: String, of: &LapseOn, changed: bool) {
        ctx.ledger(Some(&self.id), ANDON, What::VersionSeen { version: version.clone() });
        if changed && self.plan.policy.lapse_on.contains(of) && self.track() == Track::Factory {
            let reason = format!("{version} is new: the evidence for {} says nothing about it", self.state.granted);
            if self.lower(ctx, Mode::Assist, Cause::Version, reason.clone(), None) {
                self.open_incident(ctx, Opening::new("version", Severity::Major, reason));
            }
        }
    }

    /// Takes over what caps it now.
    pub(super) fn recap(&mut self, ctx: &mut Ctx, caps: Vec<Cap>) {
        let before = std::mem::take(&mut self.state.caps);
        for cap in caps {
            let known = before.iter().find(|(known, _)| *known == cap).map(|(_, since)| *since);
            if known.is_none() {
                self.cancel_requests(ctx, &format!("it was capped meanwhile: {}", cap.reason));
                let capped = What::Capped { mode: Some(cap.mode), cap: cap.by.clone(), reason: cap.reason.clone() };
                ctx.ledger(Some(&self.id), ANDON, capped);
                ctx.mode_changed(&self.id);
            }
            self.state.caps.push((cap, known.unwrap_or(ctx.at.now)));
        }
        for (cap, _) in before.iter().filter(|(cap, _)| !self.state.caps.iter().any(|(now, _)| now.by == cap.by)) {
            let reason = "what it stands on is as it should be again".to_owned();
            ctx.ledger(Some(&self.id), ANDON, What::Capped { mode: None, cap: cap.by.clone(), reason });
            ctx.mode_changed(&self.id);
        }
    }

    /// Puts freshly pinned baselines into the ledger.
    pub(super) fn announce(&mut self, ctx: &mut Ctx) {
        for (plan, guard) in self.state.guards.with_mut(&self.plan.guards) {
            if let Some(what) = guard.watch.announce(&plan.policy.name) {
                ctx.ledger(Some(&self.id), ANDON, what);
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
