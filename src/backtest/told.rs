//! What happened, as the ledger tells it, where the journal's beginning is gone.
//!
//! Owns the walk through the entries beside the records that are left.

use super::history::{Histories, History};
use super::side::after;
use crate::domain::{Entry, Input, Mode, Time, What, WorkflowId};
use std::collections::{BTreeMap, VecDeque};

#[derive(Debug, Default)]
pub(super) struct Told {
    entries: VecDeque<Entry>,
    modes: BTreeMap<WorkflowId, Mode>,
    pub(super) histories: Histories,
}

impl Told {
    /// All entries of the ledger, oldest first.
    pub(super) fn new(entries: Vec<Entry>) -> Self {
        Self { entries: entries.into(), ..Self::default() }
    }

    /// The modes so far.
    pub(super) const fn modes(&self) -> &BTreeMap<WorkflowId, Mode> {
        &self.modes
    }

    /// Histories begin now, in the modes so far.
    pub(super) fn begin_at(&mut self, now: Time) {
        self.histories = Histories::default();
        for (id, mode) in &self.modes {
            self.histories.begin(id, History::new(now, *mode, 0));
        }
    }

    /// Goes on to before a record; gives the entries on the way.
    pub(super) fn before(&mut self, seq: u64) -> Vec<Entry> {
        let mut passed = Vec::new();
        while let Some(entry) = self.entries.pop_front_if(|entry| entry.journal_seq < seq) {
            self.mode(&entry);
            passed.push(entry);
        }
        passed
    }

    /// Goes on with a record; gives its entries. `outputs` are those that a workflow had after it.
    pub(super) fn take(&mut self, seq: u64, input: &Input, outputs: impl Fn(&WorkflowId) -> u64) -> Vec<Entry> {
        let mut passed = Vec::new();
        while let Some(entry) = self.entries.pop_front_if(|entry| entry.journal_seq <= seq) {
            self.mode(&entry);
            if let Some(id) = &entry.workflow {
                self.histories.note(id, &entry, outputs(id).saturating_sub(after(input, id, &entry)));
            }
            passed.push(entry);
        }
        passed
    }

    fn mode(&mut self, entry: &Entry) {
        // Drills are no workflow's past.
        let Some(id) = entry.workflow.as_ref().filter(|id| !id.is_drill_lane()) else { return };
        match &entry.what {
            What::Adopted { mode, .. } | What::Restored { mode } => drop(self.modes.insert(id.clone(), *mode)),
            What::ModeChanged { to, .. } => drop(self.modes.insert(id.clone(), *to)),
            What::Removed {} => drop(self.modes.remove(id)),
            What::Renamed { from } => {
                if let Some(mode) = self.modes.remove(from) {
                    self.modes.insert(id.clone(), mode);
                }
            }
            _ => {}
        }
    }
}
