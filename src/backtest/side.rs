//! One side of the comparison: a monitor, what is due in it, and the histories that follow.
//!
//! Owns at which output of a batch something happened. Doesn't know which side it is.

use super::history::{Histories, History};
use crate::domain::{Entry, Input, Policy, Time, What, WorkflowId};
use crate::monitor::{Agenda, At, Effect, Monitor};

#[derive(Debug, Clone)]
pub(super) struct Side {
    pub(super) monitor: Monitor,
    pub(super) agenda: Agenda,
    pub(super) histories: Histories,
}

impl Default for Side {
    fn default() -> Self {
        Self { monitor: Monitor::without_windows(), agenda: Agenda::default(), histories: Histories::default() }
    }
}

impl Side {
    /// The same state, with histories that begin at `now`.
    pub(super) fn begin_at(&self, now: Time) -> Self {
        let mut histories = Histories::default();
        for (id, workflow) in self.monitor.workflows() {
            if workflow.state.in_policy {
                let outputs = workflow.state.totals.counts.outputs;
                histories.begin(id, History::new(now, workflow.state.granted, outputs));
            }
        }
        Self { monitor: self.monitor.clone(), agenda: Agenda::default(), histories }
    }

    /// Puts a policy into force, whatever it loosens: that is what is tried.
    pub(super) fn enforce(&mut self, at: At, policy: &Policy) {
        let effects = self.monitor.enforce(at, policy);
        self.took(&Input::Policy(Box::new(policy.clone())), effects);
    }

    /// People raised a mode: so it is here, if it was the same mode that they raised.
    pub(super) fn follow(&mut self, at: At, id: &WorkflowId, what: &What) {
        let effects = self.monitor.follow(at, id, what);
        self.took(&Input::Started { version: String::new() }, effects);
    }

    /// Takes an input; gives the entries that follow, if there are any.
    pub(super) fn take(&mut self, at: At, input: &Input) -> Vec<Entry> {
        let effects = self.monitor.handle(at, input);
        self.took(input, effects)
    }

    fn took(&mut self, input: &Input, effects: Vec<Effect>) -> Vec<Entry> {
        self.agenda.taken(&self.monitor, input);
        let mut entries = Vec::new();
        for effect in effects {
            let Effect::Ledger(entry) = effect else { continue };
            if let Some(id) = &entry.workflow {
                let outputs = self.outputs(id).saturating_sub(after(input, id, &entry));
                self.histories.note(id, &entry, outputs);
            }
            entries.push(entry);
        }
        entries
    }

    /// Lets lapse what is due at `until` or before; what was due before `not_before` lapses then.
    pub(super) fn lapse(&mut self, seq: u64, not_before: Option<Time>, until: Time) {
        let mut passed = None;
        while let Some(now) = self.agenda.next_tick(&self.monitor, not_before, until, &mut passed) {
            self.take(At { seq, now }, &Input::Tick);
        }
    }

    /// Outputs of a workflow since its adoption.
    pub(super) fn outputs(&self, id: &WorkflowId) -> u64 {
        self.monitor.workflows().get(id).map_or(0, |workflow| workflow.state.totals.counts.outputs)
    }
}

/// How many outputs of the workflow come after the one that an entry is about, within its input.
pub(super) fn after(input: &Input, id: &WorkflowId, entry: &Entry) -> u64 {
    let Input::Events(events) = input else { return 0 };
    let breach = match &entry.what {
        What::ModeChanged { breach: Some(breach), .. } | What::BreachNoted { breach } => breach,
        _ => return 0,
    };
    let Some(output) = &breach.output else { return 0 };
    let own = events.iter().filter(|event| event.workflow == *id);
    own.rev().take_while(|event| event.id.as_str() != output.as_str()).count() as u64
}
