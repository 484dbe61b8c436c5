//! Incidents: something went wrong and a person has to look.
//!
//! Owns their life: opened by andon, acknowledged and resolved by people. The last ones of each
//! workflow are kept here; all of them stand in the ledger.

use crate::domain::{Breach, Severity, Time, What, WorkflowId};
use serde::{Deserialize, Serialize};

/// Incidents kept per workflow; the oldest resolved one goes first.
pub const INCIDENTS_MAX: usize = 50;
/// Breaches that an incident keeps beside its first one.
const JOINED_MAX: usize = 20;
/// Steps that an incident keeps.
const STEPS_MAX: usize = 100;
/// What breaks within this time of the first breach has the same cause, milliseconds.
pub(super) const SAME_CAUSE_MS: i64 = Time::HOUR;

/// What the incident of a guard is about, where too much came or the wrong thing …
pub(super) const BREACH: &str = "breach";
/// … and where too little came.
pub(super) const SILENCE: &str = "silence";

/// Where an incident stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum IncidentStatus {
    /// Nobody has looked yet.
    Open,
    /// Somebody looks at it.
    Acknowledged,
    /// Done.
    Resolved,
}

impl IncidentStatus {
    /// The word used in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
        }
    }
}

/// One incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Incident {
    /// Its id: the workflow and a number.
    pub id: String,
    /// The workflow; empty for one of the whole house.
    pub workflow: String,
    /// Where it stands.
    pub status: IncidentStatus,
    /// How bad it is.
    pub severity: Severity,
    /// `breach`, `silence`, `lapse`, `above_mode`, `version`, `audit`, `regression`, `storm` or `drill`.
    pub about: String,
    /// The guard, where one did it.
    pub guard: Option<String>,
    /// A sentence for people.
    pub summary: String,
    /// What to do: the workflow's runbook; may be empty.
    pub runbook: String,
    /// How to get back to what worked; may be empty.
    pub rollback: String,
    /// The numbers.
    pub breach: Option<Breach>,
    /// Further breaches of the same cause.
    pub also: Vec<Breach>,
    /// The incident that it is a part of; it ends with that one.
    pub part_of: Option<String>,
    /// When it was opened.
    pub opened_at: Time,
    /// What caused it, as whoever resolved it put it; empty until then.
    pub cause: String,
    /// What happened and what people did: when, who, what.
    pub timeline: Vec<Step>,
}

impl Incident {
    /// An incident of no workflow and no guard.
    pub fn new(id: String, about: &str, severity: Severity, summary: String, opened_at: Time) -> Self {
        Self {
            id,
            workflow: String::new(),
            status: IncidentStatus::Open,
            severity,
            about: about.to_owned(),
            guard: None,
            summary,
            runbook: String::new(),
            rollback: String::new(),
            breach: None,
            also: Vec::new(),
            part_of: None,
            opened_at,
            cause: String::new(),
            timeline: Vec::new(),
        }
    }

    /// Whether somebody still has to look.
    pub fn is_unresolved(&self) -> bool {
        self.status != IncidentStatus::Resolved
    }

    /// Whether a guard opened it. Silence is a breach too, of a guard on what doesn't come.
    pub(super) fn is_of_breach(&self) -> bool {
        self.about == BREACH || self.about == SILENCE
    }

    /// The guards that it is about.
    pub fn guards(&self) -> Vec<String> {
        self.guard.iter().cloned().chain(self.also.iter().map(|breach| breach.guard.clone())).collect()
    }

    /// Takes in a further breach of the same cause.
    pub(super) fn join(&mut self, breach: Breach, severity: Severity, now: Time, summary: &str) {
        self.severity = self.severity.max(severity);
        self.note(now, summary);
        if self.also.len() < JOINED_MAX {
            self.also.push(breach);
        }
    }

    /// Notes something that happened.
    pub(super) fn note(&mut self, now: Time, note: &str) {
        if self.timeline.len() < STEPS_MAX {
            let step = Step { time: now, by: "andon".to_owned(), status: self.status, note: note.to_owned() };
            self.timeline.push(step);
        }
    }

    /// The ledger's entry of a step.
    pub(super) fn stepped(&self, status: IncidentStatus, note: &str) -> What {
        let (incident, note) = (self.id.clone(), note.to_owned());
        match status {
            IncidentStatus::Resolved => What::IncidentResolved { incident, note },
            _ => What::IncidentAcknowledged { incident, note },
        }
    }
}

/// One step in an incident's life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Step {
    /// When.
    pub time: Time,
    /// Who.
    pub by: String,
    /// What the incident became.
    pub status: IncidentStatus,
    /// A remark.
    pub note: String,
}

/// The incidents of one workflow.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Incidents {
    list: Vec<Incident>,
    opened: u64,
}

impl Incidents {
    /// The number of the next incident.
    pub const fn next(&self) -> u64 {
        self.opened + 1
    }

    /// The next one gets a number after this one.
    pub(super) fn go_on_after(&mut self, number: u64) {
        self.opened = self.opened.max(number);
    }

    /// Adds one; it got its number from [`Incidents::next`].
    pub fn open(&mut self, incident: Incident) {
        self.opened += 1;
        self.list.push(incident);
        if self.list.len() > INCIDENTS_MAX {
            // What keeps something else in force is not forgotten.
            let holds = |i: &Incident| i.about == "regression" || i.about == "storm";
            let resolved = self.list.iter().position(|i| i.status == IncidentStatus::Resolved);
            let other = || self.list.iter().position(|i| !holds(i));
            self.list.remove(resolved.or_else(other).unwrap_or(0));
        }
    }

    /// Whether an unresolved incident is about this already.
    pub fn is_about(&self, about: &str) -> bool {
        self.list.iter().any(|i| i.is_unresolved() && i.about == about)
    }

    /// Whether an unresolved incident is about a breach of this guard.
    pub(super) fn is_about_guard(&self, guard: &str) -> bool {
        let of_it = |i: &Incident| i.is_of_breach() && i.guards().iter().any(|of| of == guard);
        self.list.iter().any(|i| i.is_unresolved() && of_it(i))
    }

    /// Notes something in the unresolved incidents about breaches of guards.
    pub(super) fn note_of_guards(&mut self, guards: &[String], now: Time, note: &str) {
        let of_them = |i: &&mut Incident| {
            i.is_unresolved() && i.is_of_breach() && i.guards().iter().any(|guard| guards.contains(guard))
        };
        self.list.iter_mut().filter(of_them).for_each(|incident| incident.note(now, note));
    }

    /// The unresolved incident that is about this.
    pub(super) fn unresolved_about(&mut self, about: &str) -> Option<&mut Incident> {
        self.list.iter_mut().find(|i| i.is_unresolved() && i.about == about)
    }

    /// The unresolved incident that a breach has its cause in common with: it came soon after it was
    /// opened, or what changed did so at the same time as far as can be told.
    pub(super) fn same_cause(&mut self, breach: &Breach, now: Time) -> Option<&mut Incident> {
        let meet = |a: [Time; 2], b: [Time; 2]| a[0] <= b[1] && b[0] <= a[1];
        let together = |i: &Incident| {
            let first = i.breach.as_ref().and_then(|first| first.changed_between);
            first.zip(breach.changed_between).is_some_and(|(first, this)| meet(first, this))
        };
        self.list
            .iter_mut()
            .rev()
            .find(|i| i.is_unresolved() && i.is_of_breach() && (now.since(i.opened_at) <= SAME_CAUSE_MS || together(i)))
    }

    /// One of them, to change it.
    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut Incident> {
        self.list.iter_mut().find(|incident| incident.id == id)
    }

    /// Those that somebody still has to look at; what is part of another is looked at there.
    pub fn unresolved(&self) -> impl Iterator<Item = &Incident> {
        self.list.iter().filter(|incident| incident.is_unresolved() && incident.part_of.is_none())
    }

    /// Moves an incident on; `None` where there is none of that id or it is there already.
    pub fn step(&mut self, id: &str, step: Step) -> Option<&Incident> {
        let incident = self.list.iter_mut().find(|i| i.id == id)?;
        let onwards = match step.status {
            IncidentStatus::Open => false,
            IncidentStatus::Acknowledged => incident.status == IncidentStatus::Open,
            IncidentStatus::Resolved => incident.status != IncidentStatus::Resolved,
        };
        onwards.then(|| {
            incident.status = step.status;
            if step.status == IncidentStatus::Resolved {
                incident.cause.clone_from(&step.note);
            }
            if incident.timeline.len() < STEPS_MAX {
                incident.timeline.push(step);
            }
            &*incident
        })
    }

    /// Their workflow goes on under another id.
    pub(super) fn rename(&mut self, workflow: &WorkflowId) {
        self.list.iter_mut().for_each(|incident| incident.workflow = workflow.to_string());
    }

    /// All that are kept, oldest first.
    pub fn list(&self) -> &[Incident] {
        &self.list
    }
}
