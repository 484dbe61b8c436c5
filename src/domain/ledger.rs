//! What the ledger records: every decision about a mode, with its reason and its numbers.
//!
//! Owns the content of entries. The words for causes and severities are in `cause`; where and how
//! entries are kept is the store's.

use super::alert::Alert;
use super::{
    Ask, Breach, Cause, Choice, Decision, DrillResult, Ending, Findings, Gate, Judgement, LabAct, Mode, Question,
    Raised, Reported, RequestStatus, Severity, Time, WorkflowId,
};
use serde::{Deserialize, Serialize};

/// One entry. (`journal_seq`, `index`) identifies it, so writing it twice changes nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Entry {
    /// The journal record that led to it.
    pub journal_seq: u64,
    /// Position among the entries of that record, from 0.
    pub index: u32,
    /// When it was decided.
    pub time: Time,
    /// The workflow that it concerns; `None` for the whole house.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub workflow: Option<WorkflowId>,
    /// Hash of the policy in force.
    pub policy: String,
    /// Who or what acted: a person's name, or `andon`.
    pub by: String,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    /// The daemon began to work on this store.
    Started {
        /// Version of the daemon.
        version: String,
    },
    /// A policy came into force.
    PolicyLoaded {
        /// Hash of the one before; empty at the first.
        previous: String,
        /// Declared workflows.
        workflows: usize,
    },
    /// A workflow was seen for the first time and got its start mode.
    Adopted {
        /// The start mode.
        mode: Mode,
        /// `declared` or `unknown` (taken by `[unknown_workflows]`).
        source: String,
        /// The former id whose history it carries on.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        renamed_from: Option<WorkflowId>,
    },
    /// A workflow goes on under a new id, with its mode and history.
    Renamed {
        /// The former id.
        from: WorkflowId,
    },
    /// A workflow left the policy; its mode and history are kept.
    Removed {},
    /// A workflow came back into the policy.
    Restored {
        /// The mode that it had kept.
        mode: Mode,
    },
    /// A guard is new or its definition changed: it starts anew.
    GuardStarted {
        /// The guard.
        guard: String,
        /// `added` or `changed`.
        why: String,
    },
    /// A guard left the policy.
    GuardRemoved {
        /// The guard.
        guard: String,
    },
    /// A guard has learned what is normal and begins to judge.
    BaselinePinned {
        /// The guard.
        guard: String,
        /// Counts the baselines of this guard, from 1.
        version: u32,
        /// Where it is from: `outputs`, `range` or the name of a file.
        source: String,
        /// Outputs in it.
        outputs: u64,
        /// Time of its first output; `None` for a file.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        from: Option<Time>,
        /// Time of its last output; `None` for a file.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        to: Option<Time>,
    },
    /// A person had a guard learn anew what is normal; until then it judges nothing.
    BaselineDropped {
        /// The guard.
        guard: String,
        /// The version that no longer holds; 0 if there was none yet.
        version: u32,
        /// Outputs that the new one takes; absent where as many as declared.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        outputs: Option<u32>,
        /// A sentence for people.
        reason: String,
    },
    /// The granted mode changed.
    ModeChanged {
        /// Before.
        from: Mode,
        /// After.
        to: Mode,
        /// Counts the changes of this workflow.
        epoch: u64,
        /// Why.
        cause: Cause,
        /// A sentence for people.
        reason: String,
        /// The numbers, when a guard did it.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        breach: Option<Box<Breach>>,
        /// What it rests on, when people raised it.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        raised: Option<Box<Raised>>,
        /// Versions and models that ran in the epoch before, newest first, such as `model = m-2`.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        versions: Vec<String>,
    },
    /// Somebody asked for something that others have to approve.
    Requested {
        /// The request.
        request: String,
        /// What is asked for.
        ask: Ask,
        /// A sentence for people.
        reason: String,
        /// What the decision funds.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        funding: Option<String>,
        /// The role of each approval that is needed.
        needs: Vec<String>,
        /// The gate as it stood, with the hash of the evidence.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        gate: Option<Box<Gate>>,
    },
    /// Somebody said something to a request.
    Voted {
        /// The request.
        request: String,
        /// What.
        decision: Decision,
        /// The roles that they had.
        roles: Vec<String>,
        /// A remark.
        note: String,
    },
    /// A request ended.
    Decided {
        /// The request.
        request: String,
        /// How.
        status: RequestStatus,
        /// A sentence for people.
        because: String,
    },
    /// An act of a person changed nothing.
    Denied {
        /// What was tried.
        act: String,
        /// A stable word.
        code: String,
        /// A sentence for people.
        detail: String,
    },
    /// A workflow left the lab: from now on breaches demote.
    Graduated {
        /// The request.
        request: String,
        /// Who approved it.
        approvers: Vec<String>,
        /// Hash of the evidence.
        evidence: String,
    },
    /// A new version, model or other declared value appeared in the outputs, or of a base item.
    VersionSeen {
        /// What it is, such as `model = m-2` or `base brand-guide = 2026.5`.
        version: String,
    },
    /// Somebody answered an item of a readiness checklist.
    Answered {
        /// The item.
        item: String,
        /// Whether it is ready.
        ready: bool,
        /// What shows it.
        note: String,
    },
    /// Somebody tested a hypothesis, or said something of it.
    Lab {
        /// The hypothesis.
        hypothesis: String,
        /// The number that a finding or a decision got.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        number: Option<u64>,
        /// What was done.
        act: LabAct,
    },
    /// Somebody looked at a base item.
    Audited {
        /// The item.
        item: String,
        /// Its version.
        version: String,
        /// Whether it is as it should be.
        passed: bool,
        /// A remark.
        note: String,
    },
    /// Something keeps the effective mode of a workflow down, or no longer does.
    Capped {
        /// No mode above this one; `None` when the cap is lifted.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        mode: Option<Mode>,
        /// What caps, such as `base brand-guide`.
        cap: String,
        /// A sentence for people.
        reason: String,
    },
    /// A guard was breached without a change of mode (lab track, or already at the lowest).
    BreachNoted {
        /// The numbers.
        breach: Box<Breach>,
    },
    /// An alert from outside began to fire, or was resolved; or the way from there was tested for the first time.
    Alert {
        /// What is kept of it.
        alert: Alert,
        /// The guards that watch for it.
        guards: Vec<String>,
    },
    /// Raises are blocked.
    Held {
        /// A sentence for people.
        reason: String,
    },
    /// Raises are allowed again.
    Released {
        /// A sentence for people.
        reason: String,
    },
    /// Everything was sent to assist.
    Stopped {
        /// A sentence for people.
        reason: String,
    },
    /// Something is wrong and a person has to look.
    IncidentOpened {
        /// The incident.
        incident: String,
        /// What it is about, such as `breach` or `lapse`.
        about: String,
        /// The guard, where one did it.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        guard: Option<String>,
        /// How bad it is.
        #[serde(default)]
        severity: Severity,
        /// A sentence for people.
        summary: String,
    },
    /// Something more of the same cause: it belongs to an incident that is open already.
    IncidentJoined {
        /// The incident that goes on.
        incident: String,
        /// The guard, or the incident, that joins it.
        joined: String,
        /// A sentence for people.
        summary: String,
    },
    /// A person looks at the incident.
    IncidentAcknowledged {
        /// The incident.
        incident: String,
        /// Remark.
        note: String,
    },
    /// A person closed the incident.
    IncidentResolved {
        /// The incident.
        incident: String,
        /// Remark.
        note: String,
    },
    /// Somebody judged a demotion by a guard; the last judgement holds.
    Judged {
        /// The epoch that the demotion began.
        epoch: u64,
        /// What it was judged to be.
        judgement: Judgement,
        /// What it was judged to be before.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        before: Option<Judgement>,
        /// Why.
        note: String,
    },
    /// Somebody is to do something until a time.
    Assigned {
        /// The action.
        action: String,
        /// What is to be done.
        task: String,
        /// Who does it.
        owner: String,
        /// Until when.
        due: Time,
        /// The question of a report that it answers.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        #[schema(value_type = Option<String>)]
        question: Option<Question>,
    },
    /// What somebody was to do has come to an end.
    Finished {
        /// The action.
        action: String,
        /// How.
        ending: Ending,
        /// A remark.
        note: String,
        /// What was to be done.
        task: String,
        /// Who was to do it.
        owner: String,
        /// Until when.
        due: Time,
    },
    /// The council answered a question of a weekly report. What it chose was done with the same record.
    Council {
        /// The week of the report.
        week: String,
        /// The question.
        #[schema(value_type = String)]
        question: Question,
        /// What was chosen.
        decided: Box<Choice>,
        /// Why.
        note: String,
        /// The request or the action that came of it.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        did: Option<String>,
    },
    /// A drill began: its lane was made anew in its start mode, and nothing of its past counts. That is no
    /// promotion: nothing but drills runs on the lane.
    DrillBegan {
        /// Counts the drills.
        drill: u64,
        /// The start mode of the lane.
        mode: Mode,
        /// The epoch of the lane.
        epoch: u64,
    },
    /// The report of a week was made and is kept.
    Reported {
        /// The week and what the report says of it.
        #[serde(flatten)]
        report: Reported,
    },
    /// A drill ended.
    Drilled {
        /// Counts the drills.
        drill: u64,
        /// How.
        result: DrillResult,
        /// What it found out.
        #[serde(flatten)]
        findings: Findings,
    },
}
