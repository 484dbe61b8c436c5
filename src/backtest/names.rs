//! One workflow under two names: renamed by one policy and not, or not yet, by the other.
//!
//! Owns under which id the candidate knows a workflow of the journal, and which incident of its own
//! an order about an incident means.

use crate::domain::{Action, Answered, Choice, Command, Entry, Input, Policy, What, WorkflowId};
use crate::monitor::{IncidentStatus, Monitor};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// The workflow of an incident, what it is about and its guard.
type About = (WorkflowId, String, Option<String>);

#[derive(Debug, Default)]
pub(super) struct Names {
    /// The journal's id → the candidate's.
    to: BTreeMap<WorkflowId, WorkflowId>,
    declared: BTreeSet<WorkflowId>,
    /// The incidents as they happened.
    incidents: BTreeMap<String, About>,
}

impl Names {
    pub(super) fn new(candidate: &Policy) -> Self {
        let former = candidate.workflows.values().filter_map(|own| Some((own.renamed_from.clone()?, own.id.clone())));
        let to = former.filter(|(former, _)| !candidate.workflows.contains_key(former)).collect();
        Self { to, declared: candidate.workflows.keys().cloned().collect(), incidents: BTreeMap::new() }
    }

    /// Takes notice of an entry as it happened.
    pub(super) fn happened(&mut self, entry: &Entry) {
        let Some(id) = &entry.workflow else { return };
        match &entry.what {
            What::Renamed { from } if !self.declared.contains(id) => {
                let known = if self.declared.contains(from) { Some(from) } else { self.to.get(from) };
                if let Some(known) = known.cloned() {
                    self.to.insert(id.clone(), known);
                }
            }
            What::IncidentOpened { incident, about, guard, .. } => {
                self.incidents.insert(incident.clone(), (id.clone(), about.clone(), guard.clone()));
            }
            What::IncidentResolved { incident, .. } => drop(self.incidents.remove(incident)),
            _ => {}
        }
    }

    /// The candidate's id of a workflow of the journal.
    pub(super) fn of<'a>(&'a self, id: &'a WorkflowId) -> &'a WorkflowId {
        if self.declared.contains(id) { id } else { self.to.get(id).unwrap_or(id) }
    }

    /// The id in a monitor: an old one that still has a history of its own there is not another's.
    fn within<'a>(&'a self, monitor: &Monitor, id: &'a WorkflowId) -> &'a WorkflowId {
        if monitor.workflows().contains_key(id) { id } else { self.of(id) }
    }

    /// The input as the candidate takes it; `None` where it has no meaning there.
    pub(super) fn translate<'a>(&self, monitor: &Monitor, input: &'a Input) -> Option<Cow<'a, Input>> {
        if let Input::Command(command) = input {
            return self.command(monitor, command).map(Input::Command).map(Cow::Owned);
        }
        let is_other = |id: &WorkflowId| self.within(monitor, id) != id;
        let other = !self.to.is_empty()
            && match input {
                Input::Events(events) => events.iter().any(|event| is_other(&event.workflow)),
                Input::Reviews(reviews) => reviews.iter().any(|review| is_other(&review.workflow)),
                _ => false,
            };
        if !other {
            return Some(Cow::Borrowed(input));
        }
        let mut renamed = input.clone();
        let rename = |id: &mut WorkflowId| *id = self.within(monitor, id).clone();
        match &mut renamed {
            Input::Events(events) => events.iter_mut().for_each(|event| rename(&mut event.workflow)),
            Input::Reviews(reviews) => reviews.iter_mut().for_each(|review| rename(&mut review.workflow)),
            _ => {}
        }
        Some(Cow::Owned(renamed))
    }

    fn command(&self, monitor: &Monitor, command: &Command) -> Option<Command> {
        let mut command = command.clone();
        match &mut command.action {
            Action::Lower { workflow, .. }
            | Action::Hold { workflow, .. }
            | Action::Lab { workflow, .. }
            | Action::Answer { workflow, .. } => {
                *workflow = self.within(monitor, workflow).clone();
            }
            Action::Alerts { alerts } => {
                for of in alerts {
                    of.workflow = self.within(monitor, &of.workflow).clone();
                }
            }
            Action::Acknowledge { incident, .. } | Action::Resolve { incident, .. } => {
                *incident = self.incident(monitor, incident)?;
            }
            Action::Council(answered) => command.action = self.answer(monitor, answered)?,
            // What people asked for and decided is followed where it raised a mode: under another policy
            // nobody knows what they would have asked.
            Action::Promote { .. }
            | Action::Judge { .. }
            | Action::Assign { .. }
            | Action::Finish { .. }
            | Action::Annul { .. }
            | Action::Restore { .. }
            | Action::Rebase { .. }
            | Action::Decide { .. } => return None,
            _ => {}
        }
        Some(command)
    }

    /// Of what the council chose, that a workflow is kept down has a meaning there.
    fn answer(&self, monitor: &Monitor, answered: &Answered) -> Option<Action> {
        let workflow = self.within(monitor, answered.question.workflow()?).clone();
        let keeps_down = answered.choice == Choice::KeepDown;
        keeps_down.then(|| Action::Hold { workflow, hold: true, reason: answered.note.clone() })
    }

    /// Incidents are counted, so the same number may be another's: what it is about decides.
    fn incident(&self, monitor: &Monitor, incident: &str) -> Option<String> {
        let (id, about, guard) = self.incidents.get(incident)?;
        let workflow = monitor.workflows().get(self.within(monitor, id))?;
        let open = workflow.state.incidents.list().iter().filter(|own| own.status != IncidentStatus::Resolved);
        // There it may have joined another one of the same cause.
        let same = |own: &&crate::monitor::Incident| guard.as_ref().is_none_or(|guard| own.guards().contains(guard));
        // A breach of one kind may have joined an incident of the other.
        let alike = |own: &str| own == about || [own, about].iter().all(|about| ["breach", "silence"].contains(about));
        open.filter(|own| alike(&own.about)).filter(same).map(|own| own.id.clone()).next()
    }
}
