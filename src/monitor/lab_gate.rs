//! What the gate to the factory asks of a workflow's time in the lab.
//!
//! Owns these requirements, and which checklist a workflow is asked for. A lab in which nothing was tested
//! meets none of them.

use super::gate::{count, known};
use super::lab::{HypothesisStatus, Record};
use super::workflow::Workflow;
use crate::domain::{Requirement, Standing, Target};

/// Hypotheses that must have got an answer.
const TESTED_MIN: u64 = 1;

impl Workflow {
    /// The items of the checklist for a target, each with its list: the light list in the lab, the formal
    /// ones to leave it and afterwards.
    pub fn checklist(&self, to: Target) -> Vec<(&'static str, &str)> {
        let readiness = &self.plan.policy.readiness;
        let is_light = self.state.governance.in_lab && to != Target::Factory;
        if is_light { readiness.light().collect() } else { readiness.items().collect() }
    }

    /// Every item that may be answered now, each with its list.
    pub fn checklists(&self) -> Vec<(&'static str, &str)> {
        let readiness = &self.plan.policy.readiness;
        let light = readiness.light().filter(|_| self.state.governance.in_lab);
        light.chain(readiness.items()).collect()
    }

    /// What was learned before it leaves the lab; nothing is asked for other targets.
    pub(super) fn lab_requirements(&self, to: Target) -> Vec<Requirement> {
        if to != Target::Factory {
            return Vec::new();
        }
        vec![self.tested(), self.exit_criteria(), self.risks()]
    }

    fn signed_off(&self) -> impl Iterator<Item = &Record> {
        let lab = &self.state.governance.lab;
        let counts = |record: &&Record| {
            record.sign_off.as_ref().is_some_and(|end| lab.back_at.is_none_or(|back| end.at >= back))
        };
        lab.declared().filter(|record| record.status() == HypothesisStatus::SignedOff).filter(counts)
    }

    fn tested(&self) -> Requirement {
        let answered = |record: &&Record| record.sign_off.as_ref().is_some_and(|end| end.conclusion.answers());
        let tested = self.signed_off().filter(answered).count() as u64;
        let running: Vec<&str> =
            self.state.governance.lab.active().map(|record| record.hypothesis.id.as_str()).collect();
        let detail = if !running.is_empty() {
            format!("{} run still: `andon lab signoff {}` ends it", running.join(", "), running[0])
        } else if tested < TESTED_MIN {
            "no hypothesis was tested and signed off as confirmed or refuted: `andon lab` shows what is planned"
                .to_owned()
        } else {
            format!("{tested} tested and signed off, and none runs")
        };
        Requirement::new("hypotheses", known(running.is_empty() && tested >= TESTED_MIN), detail)
            .valued(Some(count(tested)), count(TESTED_MIN))
            .counted(tested, Some(TESTED_MIN))
    }

    fn exit_criteria(&self) -> Requirement {
        let criteria: Vec<(&str, bool)> = self
            .signed_off()
            .flat_map(|record| {
                record.criteria().map(|(_, shown)| (record.hypothesis.id.as_str(), shown.is_some_and(|s| s.met)))
            })
            .collect();
        let (all, met) = (criteria.len() as u64, criteria.iter().filter(|(_, met)| *met).count() as u64);
        let mut unmet: Vec<&str> = criteria.iter().filter(|(_, met)| !met).map(|(id, _)| *id).collect();
        unmet.dedup();
        let detail = if all == 0 {
            "no hypothesis was signed off, so nothing says that its criteria are met".to_owned()
        } else if unmet.is_empty() {
            format!("all {all} are met")
        } else {
            format!("{met} of {all} are met; not all of {}", unmet.join(", "))
        };
        let standing = known(all > 0 && met == all);
        let requirement = Requirement::new("exit_criteria", standing, detail).counted(met, Some(all.max(1)));
        requirement.valued((all > 0).then(|| count(met)), count(all.max(1)))
    }

    fn risks(&self) -> Requirement {
        let lab = &self.state.governance.lab;
        let open = lab.open_risks() as u64;
        let records = lab.records.values().filter(|r| r.open_risks() > 0);
        let of: Vec<String> = records.map(|r| format!("{}:{}", self.id, r.hypothesis.id)).collect();
        let (standing, detail) = if open > 0 {
            let detail = format!("{open} open, of {}: `andon lab risk` says what became of them", of.join(", "));
            (Standing::Missing, detail)
        } else if self.signed_off().next().is_none() {
            (Standing::Inconclusive, "nobody has looked: no hypothesis was signed off".to_owned())
        } else {
            (Standing::Met, format!("none is open of {} that were found", lab.found.risks))
        };
        let value = (standing != Standing::Inconclusive).then(|| count(open));
        Requirement::new("risks", standing, detail).valued(value, 0.0).counted(lab.found.risks, None)
    }
}
