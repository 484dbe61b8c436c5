//! Everything that the monitor sees: the inputs, in the order of the journal.
//!
//! Owns the alphabet of the state machine. State = f(inputs), so nothing may influence a mode
//! that is not one of these. How inputs are framed on disk is the store's.

use super::alert::WorkflowAlert;
use super::{
    Answered, Decision, DrillAct, Ending, Judgement, LabAct, Mode, OutputEvent, Policy, Reported, Review, Target, Time,
    WorkflowId,
};
use serde::{Deserialize, Serialize};

/// One input of the monitor.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The daemon starts (or goes on after a pause that was not the workflows' fault): time in
    /// which nobody could report is not silence.
    Started {
        /// Version of the daemon.
        version: String,
    },
    /// A policy comes into force.
    Policy(Box<Policy>),
    /// Outputs, admitted and not seen before, in order of arrival.
    Events(Vec<OutputEvent>),
    /// Human verdicts, admitted and not seen before.
    Reviews(Vec<Review>),
    /// A person acts.
    Command(Command),
    /// Time passes: whatever is due lapses.
    Tick,
}

/// How the version ends where no daemon started: the clock of the machine was set, or the machine slept.
pub const CLOCK_SET: &str = ", the clock was set";

/// What a person orders.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// Who: the name behind the token, or `local`.
    pub by: String,
    /// The roles that the token gave at that time: approvals are counted by role.
    #[serde(default)]
    pub roles: Vec<String>,
    /// What.
    pub action: Action,
}

impl Command {
    /// An order of somebody without a role.
    pub fn new(by: &str, action: Action) -> Self {
        Self { by: by.to_owned(), roles: Vec::new(), action }
    }
}

/// The orders that exist. None of them raises a mode by itself: a [`Action::Decide`] that completes the
/// approvals of a request does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// Lower the granted mode of a workflow.
    Lower {
        /// The workflow.
        workflow: WorkflowId,
        /// The new mode; at or above the present one nothing happens.
        mode: Mode,
        /// A sentence for the ledger.
        reason: String,
    },
    /// Block (or allow again) raises of a workflow.
    Hold {
        /// The workflow.
        workflow: WorkflowId,
        /// Whether raises are blocked.
        hold: bool,
        /// A sentence for the ledger.
        reason: String,
    },
    /// Send everything to assist.
    Stop {
        /// A sentence for the ledger.
        reason: String,
    },
    /// Learn the baseline of a guard anew, from the outputs that come now.
    Rebase {
        /// The workflow.
        workflow: WorkflowId,
        /// The guard; one without a baseline changes nothing.
        guard: String,
        /// The number of outputs; `None` as declared.
        outputs: Option<u32>,
        /// A sentence for the ledger.
        reason: String,
    },
    /// The key by which outputs are selected for review, drawn once for a store.
    ReviewKey {
        /// Random; not 0.
        key: u64,
    },
    /// Somebody looks at an incident.
    Acknowledge {
        /// The incident.
        incident: String,
        /// A remark.
        note: String,
    },
    /// Close an incident.
    Resolve {
        /// The incident.
        incident: String,
        /// What caused it; a remark.
        note: String,
    },
    /// Ask for a promotion: freezes the evidence and waits for approvals.
    Promote {
        /// The workflow.
        workflow: WorkflowId,
        /// What to.
        to: Target,
        /// A sentence for the board.
        reason: String,
        /// What the decision funds.
        funding: Option<String>,
    },
    /// Ask for the annulment of the last demotion.
    Annul {
        /// The workflow.
        workflow: WorkflowId,
        /// Why it was false.
        reason: String,
    },
    /// Ask for the annulment of all demotions of a storm.
    Restore {
        /// The incident of the storm.
        storm: String,
        /// Why they were false.
        reason: String,
    },
    /// Approve a request, reject it, or take it back.
    Decide {
        /// The request.
        request: String,
        /// What is said to it.
        decision: Decision,
        /// A remark.
        note: String,
    },
    /// Answer an item of a readiness checklist.
    Answer {
        /// The workflow.
        workflow: WorkflowId,
        /// The item.
        item: String,
        /// Whether it is ready.
        ready: bool,
        /// What shows it: a link, a remark.
        note: String,
    },
    /// Somebody looked at a base item.
    Audit {
        /// The item.
        item: String,
        /// Whether it is as it should be.
        passed: bool,
        /// A remark.
        note: String,
    },
    /// A base item got worse: all that stand on it are capped until the incident is resolved.
    Regress {
        /// The item.
        item: String,
        /// What is wrong.
        summary: String,
    },
    /// Test a hypothesis of the lab, or say something of it.
    Lab {
        /// The workflow.
        workflow: WorkflowId,
        /// The hypothesis.
        hypothesis: String,
        /// What is done.
        act: LabAct,
    },
    /// Alerts fire elsewhere, or no longer do: what Alertmanager says of them, in its order.
    Alerts {
        /// Each with its workflow.
        alerts: Vec<WorkflowAlert>,
    },
    /// Judge a demotion. That raises no mode: an annulment does, which two people approve.
    Judge {
        /// The workflow.
        workflow: WorkflowId,
        /// The epoch that the demotion began.
        epoch: u64,
        /// What it was.
        judgement: Judgement,
        /// Why.
        note: String,
    },
    /// Name somebody who does something until a time.
    Assign {
        /// The workflow; `None` for the whole house.
        workflow: Option<WorkflowId>,
        /// What is to be done.
        task: String,
        /// Who does it.
        owner: String,
        /// Until when.
        due: Time,
    },
    /// What somebody was to do has come to an end.
    Finish {
        /// The action's id.
        id: String,
        /// How.
        ending: Ending,
        /// A remark.
        note: String,
    },
    /// The council answers a question of a weekly report: what it chose is done and recorded, or nothing is.
    Council(Answered),
    /// The report of a week was made and is kept. Only the reports' schedule orders it.
    Report(Reported),
    /// A drill begins or ended. Only the drill's conductor orders it, in the name of whoever began the drill.
    Drill(DrillAct),
}

impl Action {
    /// The word used in JSON.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Lower { .. } => "lower",
            Self::Hold { .. } => "hold",
            Self::Stop { .. } => "stop",
            Self::Rebase { .. } => "rebase",
            Self::ReviewKey { .. } => "review_key",
            Self::Acknowledge { .. } => "acknowledge",
            Self::Resolve { .. } => "resolve",
            Self::Promote { .. } => "promote",
            Self::Annul { .. } => "annul",
            Self::Restore { .. } => "restore",
            Self::Decide { .. } => "decide",
            Self::Answer { .. } => "answer",
            Self::Audit { .. } => "audit",
            Self::Regress { .. } => "regress",
            Self::Lab { .. } => "lab",
            Self::Alerts { .. } => "alerts",
            Self::Judge { .. } => "judge",
            Self::Assign { .. } => "assign",
            Self::Finish { .. } => "finish",
            Self::Council(_) => "council",
            Self::Report(_) => "report",
            Self::Drill(_) => "drill",
        }
    }

    /// The workflow that it concerns.
    pub const fn workflow(&self) -> Option<&WorkflowId> {
        match self {
            Self::Lower { workflow, .. }
            | Self::Hold { workflow, .. }
            | Self::Rebase { workflow, .. }
            | Self::Promote { workflow, .. }
            | Self::Annul { workflow, .. }
            | Self::Lab { workflow, .. }
            | Self::Judge { workflow, .. }
            | Self::Answer { workflow, .. } => Some(workflow),
            Self::Assign { workflow, .. } => workflow.as_ref(),
            Self::Council(answered) => answered.question.workflow(),
            _ => None,
        }
    }
}
