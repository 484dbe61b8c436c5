//! What a workflow does about its incidents: opens them, joins what has the same cause, moves them on.
//!
//! Owns when two of them are one. Their life and their list are `incident`'s.

use super::handle::{ANDON, Ctx};
use super::incident::{Incident, IncidentStatus, Step};
use super::workflow::Workflow;
use crate::domain::{Breach, Severity, Track, What};

/// What an incident begins with.
pub(super) struct Opening {
    pub(super) about: &'static str,
    pub(super) severity: Severity,
    pub(super) guard: Option<String>,
    pub(super) summary: String,
    pub(super) breach: Option<Breach>,
}

impl Opening {
    pub(super) const fn new(about: &'static str, severity: Severity, summary: String) -> Self {
        Self { about, severity, guard: None, summary, breach: None }
    }
}

impl Workflow {
    /// Opens an incident, unless it has the same cause as one that is open.
    pub(super) fn open_incident(&mut self, ctx: &mut Ctx, opening: Opening) {
        self.cancel_requests(ctx, &format!("an incident was opened meanwhile: {}", opening.summary));
        let Opening { about, severity, guard, summary, breach } = opening;
        let now = ctx.at.now;
        if let Some(breach) = &breach
            && let Some(open) = self.state.incidents.same_cause(breach, now)
        {
            let incident = open.id.clone();
            open.join(breach.clone(), severity, now, &summary);
            let joined = breach.guard.clone();
            ctx.ledger(Some(&self.id), ANDON, What::IncidentJoined { incident, joined, summary });
            return;
        }
        let id = format!("{}-{}", self.id, self.state.incidents.next());
        let opened = What::IncidentOpened {
            incident: id.clone(),
            about: about.to_owned(),
            guard: guard.clone(),
            severity,
            summary: summary.clone(),
        };
        ctx.ledger(Some(&self.id), ANDON, opened);
        self.state.incidents.open(Incident {
            workflow: self.id.to_string(),
            guard,
            runbook: self.plan.policy.runbook.clone(),
            rollback: self.plan.policy.rollback.clone(),
            breach,
            ..Incident::new(id, about, severity, summary, now)
        });
    }

    /// A person acknowledges or resolves an incident; an unknown one changes nothing.
    pub fn step_incident(&mut self, ctx: &mut Ctx, incident: &str, status: IncidentStatus, note: &str) {
        let step = Step { time: ctx.at.now, by: ctx.by.clone(), status, note: note.to_owned() };
        let Some(found) = self.state.incidents.step(incident, step) else { return };
        let guards = found.guards();
        let what = found.stepped(status, note);
        let by = ctx.by.clone();
        ctx.ledger(Some(&self.id), &by, what);
        // In the lab a breach only informs: the guard is silent until somebody has dealt with it.
        if status == IncidentStatus::Resolved && self.track() == Track::Lab {
            for guard in guards {
                self.state.guards.get_mut(&guard).into_iter().for_each(super::guard::Guard::rearm);
            }
        }
    }
}
