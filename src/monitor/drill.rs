//! Drills: the lane that they lower, and what is remembered of them.
//!
//! Owns the lane's built-in policy and the only way in which it gets back to its start mode: it is made
//! anew. That raises no granted mode. Nothing but drills runs on the lane, nobody may act by its mode, and
//! a drill begins by the order of a person or by the schedule that people wrote down. The lane is none of
//! [`Monitor::workflows`], so whatever walks through those (lists, storms, budgets, the stop, a reload)
//! doesn't see it; on the way of an output it is a workflow like any other.

use super::handle::{Ctx, Monitor};
use super::house::House;
use super::incident::IncidentStatus;
use super::plan::Plan;
use super::workflow::Workflow;
use crate::domain::{
    Denial, Drill, DrillAct, DrillResult, Findings, GuardPolicy, Mode, PerMode, Severity, Signal, Time, What,
    WorkflowId, WorkflowPolicy,
};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;

/// The mode that a drill begins in: with modes below it to choose from.
pub const START: Mode = Mode::Delegate;
/// Drills that are remembered; all of them stand in the ledger.
pub const DRILLS_MAX: usize = 20;
/// B of the lane: it serves nobody, so what would be false alarms elsewhere cost nothing.
const BUDGET: f64 = 1_000.0;
/// What the incident of a failed drill is about.
const ABOUT: &str = "drill";

/// Drills of this store.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Drills {
    /// When a daemon that has drills first began on this store: the first drill is due by that.
    since: Option<Time>,
    /// Drills so far.
    counted: u64,
    /// The last ones, oldest first.
    list: VecDeque<Drill>,
    /// When the last one that passed ended.
    last_passed_at: Option<Time>,
}

impl Drills {
    /// A daemon begins.
    pub(super) fn started(&mut self, now: Time) {
        self.since.get_or_insert(now);
    }

    /// When a daemon that has drills first began on this store.
    pub const fn since(&self) -> Option<Time> {
        self.since
    }

    /// How many there were, and so the number of the last one.
    pub const fn counted(&self) -> u64 {
        self.counted
    }

    /// Those that are remembered, oldest first.
    pub const fn list(&self) -> &VecDeque<Drill> {
        &self.list
    }

    /// When the last one that passed ended.
    pub const fn last_passed_at(&self) -> Option<Time> {
        self.last_passed_at
    }

    fn running(&mut self) -> Option<&mut Drill> {
        self.list.back_mut().filter(|drill| drill.result == DrillResult::Running)
    }

    fn begin(&mut self, by: &str, now: Time) -> u64 {
        self.counted += 1;
        let drill = Drill {
            number: self.counted,
            by: by.to_owned(),
            begun_at: now,
            ended_at: None,
            result: DrillResult::Running,
            findings: Findings::default(),
        };
        self.list.push_back(drill);
        if self.list.len() > DRILLS_MAX {
            self.list.pop_front();
        }
        self.counted
    }

    fn end(&mut self, result: DrillResult, findings: Findings, now: Time) -> Option<u64> {
        let drill = self.running()?;
        (drill.ended_at, drill.result, drill.findings) = (Some(now), result, findings);
        let number = drill.number;
        if result == DrillResult::Passed {
            self.last_passed_at = Some(now);
        }
        Some(number)
    }
}

/// The lane's policy, whatever the configuration says: a guard that breaks on a few dozen exceptions.
pub(super) fn lane_plan() -> Plan {
    let signal = Signal::ExceptionRate { kind: None };
    let bound = PerMode { assist: None, collaborate: Some(0.20), delegate: Some(0.05), automate: Some(0.05) };
    let guard =
        GuardPolicy { name: "exceptions".to_owned(), signal, bound, block: 5, share: 1.0, to: None, baseline: None };
    let policy = WorkflowPolicy {
        id: WorkflowId::drill_lane(),
        owner: super::handle::ANDON.to_owned(),
        start_mode: START,
        max_mode: START,
        guards: vec![guard],
        ..WorkflowPolicy::bare()
    };
    Plan::new(&policy, BUDGET)
}

impl Monitor {
    /// The workflow that drills lower; `None` before the first drill.
    pub const fn lane(&self) -> Option<&Workflow> {
        self.lane.as_ref()
    }

    /// The workflow of an id, the one that drills lower included: for what keeps and publishes states.
    pub fn find(&self, id: &WorkflowId) -> Option<&Workflow> {
        if id.is_drill_lane() { self.lane() } else { self.workflows.get(id) }
    }

    /// All workflows, the one that drills lower included.
    pub fn with_lane(&self) -> impl Iterator<Item = &Workflow> {
        self.workflows.values().chain(self.lane())
    }

    /// A drill begins or ended.
    pub(super) fn drill(&mut self, ctx: &mut Ctx, act: &DrillAct) -> Result<(), Denial> {
        match act {
            DrillAct::Begin => {
                self.begin_drill(ctx);
                Ok(())
            }
            DrillAct::End(findings) => self.end_drill(ctx, findings),
        }
    }

    fn begin_drill(&mut self, ctx: &mut Ctx) {
        let (by, now) = (ctx.by.clone(), ctx.at.now);
        // The daemon ended while it ran: that is no fault of a wire.
        let before = self.house.drills.running().map(|drill| drill.findings.clone()).unwrap_or_default();
        if let Some(drill) = self.house.drills.end(DrillResult::Interrupted, before, now) {
            let result = DrillResult::Interrupted;
            ctx.ledger(None, super::handle::ANDON, What::Drilled { drill, result, findings: Findings::default() });
        }
        self.tidy_lane(ctx);
        let id = WorkflowId::drill_lane();
        let drill = self.house.drills.begin(&by, now);
        let mut lane = Workflow::adopt(&id, Arc::new(lane_plan()), false, now);
        lane.state.reason = format!("drill {drill} began: its lane was made anew in {START}");
        if let Some(old) = self.lane.take() {
            // Readers know modes by their epoch, and incidents by their number: both go on.
            (lane.state.epoch, lane.state.incidents) = (old.state.epoch + 1, old.state.incidents);
        }
        ctx.ledger(Some(&id), &by, What::DrillBegan { drill, mode: START, epoch: lane.state.epoch });
        ctx.mode_changed(&id);
        self.lane = Some(lane);
    }

    fn end_drill(&mut self, ctx: &mut Ctx, findings: &Findings) -> Result<(), Denial> {
        let result = if findings.passed() { DrillResult::Passed } else { DrillResult::Failed };
        let Some(drill) = self.house.drills.end(result, findings.clone(), ctx.at.now) else {
            return Err(Denial::new("no_drill_runs", "no drill is running, so none can end"));
        };
        self.tidy_lane(ctx);
        let by = ctx.by.clone();
        ctx.ledger(None, &by, What::Drilled { drill, result, findings: findings.clone() });
        if result == DrillResult::Failed {
            self.house.drill_failed(ctx, drill, findings);
        } else if let Some(incident) = self.house.incidents.unresolved_about(ABOUT) {
            incident.note(ctx.at.now, &format!("drill {drill} passed"));
        }
        Ok(())
    }

    /// What the lane's guard opened is a part of the drill, and nobody has to look at it.
    fn tidy_lane(&mut self, ctx: &mut Ctx) {
        let Some(lane) = &mut self.lane else { return };
        let open: Vec<String> = lane.state.incidents.unresolved().map(|incident| incident.id.clone()).collect();
        for incident in open {
            lane.step_incident(ctx, &incident, IncidentStatus::Resolved, "it was opened by a drill");
        }
    }
}

impl House {
    /// One incident for all drills that fail until somebody has resolved it.
    fn drill_failed(&mut self, ctx: &mut Ctx, drill: u64, findings: &Findings) {
        let summary = format!(
            "drill {drill} failed: a breach might lower nothing, or nobody might learn of it. Cut: {}",
            findings.sentence()
        );
        let Some(open) = self.incidents.unresolved_about(ABOUT) else {
            self.open_incident(ctx, ABOUT, Severity::Critical, &summary);
            return;
        };
        open.note(ctx.at.now, &summary);
        let (incident, by) = (open.id.clone(), ctx.by.clone());
        ctx.ledger(None, &by, What::IncidentJoined { incident, joined: format!("drill {drill}"), summary });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Action, Cause, Command, DrillStep, Input, Outcome, OutputEvent, Policy, StepOutcome, Wire};
    use crate::monitor::{At, Effect};

    fn act(monitor: &mut Monitor, seq: u64, act: DrillAct) -> Vec<Effect> {
        let at = At { seq, now: Time(1_800_000_000_000 + i64::try_from(seq).unwrap()) };
        monitor.handle(at, &Input::Command(Command::new("ann", Action::Drill(act))))
    }

    fn fail(monitor: &mut Monitor, seq: u64, outputs: u32) -> Vec<Effect> {
        let event = |n| {
            let id = format!("{seq}-{n}");
            OutputEvent::new(&id, WorkflowId::drill_lane(), Outcome::Exception)
        };
        let at = At { seq, now: Time(1_800_000_000_000 + i64::try_from(seq).unwrap()) };
        monitor.handle(at, &Input::Events((0..outputs).map(event).collect()))
    }

    fn findings(outcome: StepOutcome) -> Findings {
        let step = |wire| DrillStep { wire, outcome, ms: 1, detail: "seen".to_owned() };
        Findings {
            steps: Wire::ALL.map(step).into(),
            wires: Some(Wire::ALL.len()),
            exceptions: 20,
            lowered_after_ms: Some(1),
        }
    }

    #[test]
    fn the_lane_is_lowered_like_any_workflow_and_made_anew_by_the_next_drill() {
        let mut monitor = Monitor::default();
        assert!(fail(&mut monitor, 1, 40).is_empty(), "there is no lane before the first drill");
        let mut epoch = 0;
        for drill in 1..=3 {
            act(&mut monitor, 10 * drill, DrillAct::Begin);
            let state = &monitor.lane().unwrap().state;
            assert_eq!((state.granted, state.epoch), (START, epoch + 1), "readers know modes by epochs, which go on");
            fail(&mut monitor, 10 * drill + 1, 40);
            let state = &monitor.lane().unwrap().state;
            assert!(state.granted < START && state.cause == Cause::Breach, "{state:?}");
            assert_eq!(state.incidents.unresolved().count(), 1);
            epoch = state.epoch;
            act(&mut monitor, 10 * drill + 2, DrillAct::End(findings(StepOutcome::Passed)));
            assert_eq!(monitor.lane().unwrap().state.incidents.unresolved().count(), 0);
        }
        assert!(monitor.workflows().is_empty() && monitor.house().incidents.list().is_empty());
        // A reload, a stop and a due time are about workflows.
        let at = At { seq: 50, now: Time(1_800_000_001_000) };
        monitor.handle(at, &Input::Policy(Box::new(Policy::empty())));
        monitor.handle(at, &Input::Command(Command::new("ann", Action::Stop { reason: "all".into() })));
        assert!(monitor.lane().is_some() && monitor.due().is_none());
    }

    #[test]
    fn failures_are_one_incident_and_an_interrupted_drill_is_none() {
        let mut monitor = Monitor::default();
        let incidents = |monitor: &Monitor| monitor.house().incidents.list().len();
        act(&mut monitor, 1, DrillAct::Begin);
        act(&mut monitor, 2, DrillAct::Begin);
        let results = |monitor: &Monitor| monitor.house().drills.list().iter().map(|d| d.result).collect::<Vec<_>>();
        assert_eq!(results(&monitor), [DrillResult::Interrupted, DrillResult::Running]);
        assert_eq!(incidents(&monitor), 0);
        act(&mut monitor, 3, DrillAct::End(findings(StepOutcome::Failed)));
        assert!(monitor.house().drills.last_passed_at().is_none());
        for seq in [4, 6] {
            act(&mut monitor, seq, DrillAct::Begin);
            act(&mut monitor, seq + 1, DrillAct::End(findings(StepOutcome::Failed)));
        }
        assert_eq!(incidents(&monitor), 1);
        act(&mut monitor, 8, DrillAct::Begin);
        act(&mut monitor, 9, DrillAct::End(findings(StepOutcome::Passed)));
        let incident = &monitor.house().incidents.list()[0];
        let severity = (incident.about.as_str(), incident.severity, incident.is_unresolved());
        assert_eq!(severity, ("drill", Severity::Critical, true), "a person ends it");
        let notes: Vec<&str> = incident.timeline.iter().map(|step| step.note.as_str()).collect();
        assert!(
            notes.len() == 3 && notes[1].starts_with("drill 4 failed") && notes[2] == "drill 5 passed",
            "{notes:?}"
        );
        let denied = act(&mut monitor, 10, DrillAct::End(findings(StepOutcome::Passed)));
        assert!(denied.iter().any(|effect| matches!(effect, Effect::Denied(denial) if denial.code == "no_drill_runs")));
        let resolve = Action::Resolve { incident: "house:1".into(), note: "mended".into() };
        monitor.handle(At { seq: 11, now: Time(1_800_000_000_011) }, &Input::Command(Command::new("ann", resolve)));
        act(&mut monitor, 12, DrillAct::Begin);
        act(&mut monitor, 13, DrillAct::End(findings(StepOutcome::Failed)));
        assert_eq!(incidents(&monitor), 2);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut monitor = Monitor::default();
        for seq in 0..50 {
            act(&mut monitor, 2 * seq + 1, DrillAct::Begin);
            fail(&mut monitor, 2 * seq + 2, 40);
        }
        let drills = &monitor.house().drills;
        assert_eq!((drills.list().len(), drills.list().back().unwrap().number), (DRILLS_MAX, 50));
        assert!(monitor.lane().unwrap().state.incidents.list().len() <= super::super::incident::INCIDENTS_MAX);
    }
}
