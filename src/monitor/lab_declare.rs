//! Hypotheses as policies come and go.
//!
//! Owns that a removed hypothesis keeps its record, and that what was found out about a begun one isn't
//! got rid of on the way to the gate without somebody who approves.

use super::handle::Monitor;
use super::lab::{HypothesisStatus, Lab, Record};
use super::workflow::Workflow;
use crate::domain::loosening;
use crate::domain::{Hypothesis, Time, Track, WorkflowPolicy};
use std::collections::BTreeMap;

/// Hypotheses that left the policy and are still kept; those with an open risk don't go.
const REMOVED_MAX: usize = 200;

impl Monitor {
    /// The hypotheses of a new policy: new ones are planned, those that left it keep their record.
    pub(super) fn declare_hypotheses(&mut self, now: Time) {
        for workflow in self.workflows.values_mut().filter(|workflow| workflow.state.in_policy) {
            workflow.state.governance.lab.declare(&workflow.plan.policy.hypotheses, now);
        }
    }
}

impl Workflow {
    /// What a new policy drops of hypotheses that were begun in the lab, a sentence each. They are compared
    /// with what is remembered: a workflow that left the policy and comes back has dropped nothing meanwhile.
    pub(super) fn loosened_hypotheses(&self, new: &WorkflowPolicy) -> Vec<String> {
        if !self.state.governance.in_lab {
            return Vec::new();
        }
        let dropped = self.state.governance.lab.records.values().flat_map(|record| {
            let before = &record.hypothesis;
            let after = new.hypotheses.iter().find(|after| after.id == before.id);
            // One that left the policy may come back only as what it was.
            let begun = if record.declared {
                record.status() != HypothesisStatus::Planned
            } else {
                after.is_some() && (record.run.is_some() || record.sign_off.is_some())
            };
            if begun { loosening::hypothesis(before, after, record.is_done()) } else { Vec::new() }
        });
        dropped.collect()
    }

    /// Out of the lab, unless the policy still says otherwise.
    pub(super) fn leave_lab(&mut self, now: Time) {
        let governance = &mut self.state.governance;
        governance.in_lab = self.plan.policy.track == Track::Lab;
        governance.lab.left_at = (!governance.in_lab).then_some(now);
    }

    /// Into the lab, where the policy says so.
    pub(super) fn enter_lab(&mut self, now: Time) {
        if self.plan.policy.track == Track::Lab {
            let governance = &mut self.state.governance;
            if !governance.in_lab {
                governance.lab.back_at = Some(now);
            }
            governance.in_lab = true;
            governance.lab.left_at = None;
        }
    }
}

impl Lab {
    /// Takes over what is declared.
    fn declare(&mut self, hypotheses: &[Hypothesis], now: Time) {
        for hypothesis in hypotheses {
            let new = || Record::new(hypothesis.clone(), now);
            let record = self.records.entry(hypothesis.id.clone()).or_insert_with(new);
            if !record.declared {
                (record.declared, record.since) = (true, now);
            }
            record.hypothesis.clone_from(hypothesis);
            record.shown.retain(|criterion, _| hypothesis.exit.contains(criterion));
        }
        for (id, record) in &mut self.records {
            if record.declared && !hypotheses.iter().any(|hypothesis| hypothesis.id == *id) {
                // A test that runs is broken off: coming back it would run beside those that took its place.
                if record.is_active() {
                    (record.run, record.shown) = (None, BTreeMap::new());
                }
                (record.declared, record.since) = (false, now);
            }
        }
        // Of what nobody began nothing is lost.
        self.records.retain(|_, record| record.declared || record.first_started_at.is_some() || record.decided > 0);
        self.forget();
    }

    /// Forgets those that left the policy longest ago; the ledger still has them.
    fn forget(&mut self) {
        let mut removed: Vec<(Time, String)> =
            self.records.iter().filter(|(_, r)| !r.declared).map(|(id, r)| (r.since, id.clone())).collect();
        let over = removed.len().saturating_sub(REMOVED_MAX);
        removed.retain(|(_, id)| self.records.get(id).is_some_and(|record| record.open_risks() == 0));
        removed.sort_unstable();
        for (_, id) in removed.into_iter().take(over) {
            self.records.remove(&id);
        }
    }
}
