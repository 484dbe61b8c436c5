//! A workflow as the floor shows it: one station with its light.
//!
//! Owns which light that is, and how stations are ordered: those that need somebody first. Decides nothing.

use super::guard_view::{Detail, GuardState};
use super::workflow::Workflow;
use crate::domain::{Cause, Mode, Severity, Time, Track, WorkflowId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The index of the window of one hour.
const HOUR: usize = 1;
/// Evidence from here on is near the threshold: 0.4 is normal, 1 is a breach.
const NEAR: f64 = 0.75;

/// The light of a station, the most urgent one first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Light {
    /// Somebody has to look now: a guard was breached since the last promotion, or a critical incident is open.
    Alarm,
    /// Somebody has to look today: an incident is open, something caps the mode, or a guard is near its threshold.
    Attention,
    /// Raises are blocked by a person.
    Held,
    /// Nothing came for an hour, or never.
    Silent,
    /// Outputs come, and nothing speaks against them.
    Running,
}

impl Light {
    /// All lights, the most urgent one first.
    pub const ALL: [Self; 5] = [Self::Alarm, Self::Attention, Self::Held, Self::Silent, Self::Running];

    /// The word used in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alarm => "alarm",
            Self::Attention => "attention",
            Self::Held => "held",
            Self::Silent => "silent",
            Self::Running => "running",
        }
    }
}

/// One workflow on the floor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Station {
    /// The workflow.
    pub workflow: WorkflowId,
    /// Who answers for it.
    pub owner: String,
    /// Lab or factory.
    pub track: Track,
    /// The effective mode.
    pub mode: Mode,
    /// The granted mode.
    pub granted: Mode,
    /// When the granted mode last changed.
    pub since: Time,
    /// Why it did, in a word …
    pub cause: Cause,
    /// … and in a sentence.
    pub reason: String,
    /// Its light …
    pub light: Light,
    /// … and why, in a few words.
    pub because: String,
    /// Unresolved incidents.
    pub incidents: usize,
    /// The guard with the most evidence against its bound; `null` where none binds in this mode.
    pub nearest: Option<Nearest>,
    /// Outputs of the last hour.
    pub outputs_1h: u64,
    /// Of these, exceptions.
    pub exceptions_1h: u64,
    /// When the last output arrived; `null` before the first.
    pub last_output_at: Option<Time>,
}

/// The guard that is nearest to its threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Nearest {
    /// Its name.
    pub guard: String,
    /// Its signal.
    pub signal: String,
    /// Where it stands.
    pub state: GuardState,
    /// Evidence against its bound: 0.4 is normal, 1 is a breach.
    pub evidence: f64,
}

impl Workflow {
    /// The station of the workflow as seen at `now`; `mode` is the one that readers get.
    pub fn station(&self, mode: Mode, now: Time) -> Station {
        let (state, declared) = (&self.state, &self.plan.policy);
        let guards = self.guard_views(now, Detail::Brief);
        let breached = guards.iter().find(|guard| guard.state == GuardState::Breached).map(|guard| guard.name.clone());
        let nearest = guards.into_iter().filter_map(|guard| {
            let evidence = guard.evidence?;
            Some(Nearest { guard: guard.name, signal: guard.signal, state: guard.state, evidence })
        });
        let nearest = nearest.max_by(|a, b| a.evidence.total_cmp(&b.evidence));
        let (mut outputs_1h, mut exceptions_1h) = (0, 0);
        for slot in state.windows.within(HOUR, now.0) {
            outputs_1h += slot.counts.outputs;
            exceptions_1h += slot.counts.exceptions;
        }
        let (light, because) = self.light(breached, nearest.as_ref(), outputs_1h);
        Station {
            workflow: self.id.clone(),
            owner: declared.owner.clone(),
            track: self.track(),
            mode,
            granted: state.granted,
            since: state.since,
            cause: state.cause,
            reason: state.reason.clone(),
            light,
            because,
            incidents: state.incidents.unresolved().count(),
            nearest,
            outputs_1h,
            exceptions_1h,
            last_output_at: state.last_output_at,
        }
    }

    fn light(&self, breached: Option<String>, nearest: Option<&Nearest>, outputs_1h: u64) -> (Light, String) {
        let state = &self.state;
        if let Some(guard) = breached {
            return (Light::Alarm, format!("{guard} breached"));
        }
        if let Some(incident) = state.incidents.unresolved().max_by_key(|incident| incident.severity) {
            let light = if incident.severity == Severity::Critical { Light::Alarm } else { Light::Attention };
            return (light, format!("incident {}: {}", incident.id, incident.about));
        }
        if let Some((cap, _)) = state.caps.first() {
            return (Light::Attention, format!("capped by {}", cap.by));
        }
        if let Some(near) = nearest.filter(|near| near.evidence >= NEAR) {
            return (Light::Attention, format!("{} is near its bound", near.guard));
        }
        if state.held.is_some() {
            return (Light::Held, "held by a person".to_owned());
        }
        if state.last_output_at.is_none() {
            return (Light::Silent, "no output yet".to_owned());
        }
        if outputs_1h == 0 {
            return (Light::Silent, "no output for an hour".to_owned());
        }
        (Light::Running, "running".to_owned())
    }
}
