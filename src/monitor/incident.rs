//! Incidents: something went wrong and a person has to look.
//!
//! Owns their life: opened by andon, acknowledged and resolved by people. The last ones of each
//! workflow are kept here; all of them stand in the ledger.

use crate::domain::{Breach, Time};
use serde::{Deserialize, Serialize};

/// Incidents kept per workflow; the oldest resolved one goes first.
pub const INCIDENTS_MAX: usize = 50;

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

/// One incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Incident {
    /// Its id: the workflow and a number.
    pub id: String,
    /// The workflow.
    pub workflow: String,
    /// Where it stands.
    pub status: IncidentStatus,
    /// `breach`, `lapse` or `above_mode`.
    pub about: String,
    /// The guard, where one did it.
    pub guard: Option<String>,
    /// A sentence for people.
    pub summary: String,
    /// What to do: the workflow's runbook; may be empty.
    pub runbook: String,
    /// The numbers.
    pub breach: Option<Breach>,
    /// When it was opened.
    pub opened_at: Time,
    /// What people did: when, who, what.
    pub timeline: Vec<Step>,
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

    /// Adds one; it got its number from [`Incidents::next`].
    pub fn open(&mut self, incident: Incident) {
        self.opened += 1;
        self.list.push(incident);
        if self.list.len() > INCIDENTS_MAX {
            let resolved = self.list.iter().position(|i| i.status == IncidentStatus::Resolved);
            self.list.remove(resolved.unwrap_or(0));
        }
    }

    /// Whether an unresolved incident is about this already.
    pub fn is_open(&self, about: &str, guard: Option<&str>) -> bool {
        self.list
            .iter()
            .any(|i| i.status != IncidentStatus::Resolved && i.about == about && i.guard.as_deref() == guard)
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
            incident.timeline.push(step);
            &*incident
        })
    }

    /// All that are kept, oldest first.
    pub fn list(&self) -> &[Incident] {
        &self.list
    }
}
