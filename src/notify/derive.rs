//! What the entries of one journal record tell a target: which make a message, and which make one together.
//!
//! Owns that one event is one message: the steps of a demotion, its incident, and everything that one order did
//! to many workflows. Pure: the same entries, policy and wishes give the same messages, word for word, so that
//! what was forgotten is made again as it was. Wording is `compose`'s.

use super::compose::{Context, Numbered};
use super::message::Message;
use super::target::Wants;
use crate::domain::{Cause, DrillResult, NoticeKind, What, WorkflowId};
use crate::monitor::house::HOUSE;
use std::collections::{BTreeMap, BTreeSet};

/// What a record tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// Something new.
    Message(Box<Message>),
    /// An incident became a part of a storm: whoever is told of the storm needs not be told of it.
    Joined {
        /// The incident of the storm.
        storm: String,
        /// The incident that became a part of it.
        incident: String,
        /// Its workflow.
        workflow: WorkflowId,
    },
}

/// What the entries of one journal record tell a target, in order.
pub fn derive(record: &[Numbered<'_>], wants: &Wants, context: &Context<'_>) -> Vec<Told> {
    let record = Record::of(record, wants, context);
    let mut told = Vec::new();
    record.storms(&mut told);
    record.modes(&mut told);
    record.incidents(&mut told);
    record.rest(&mut told);
    told
}

/// The entries that the target is to see, and what they say of each other.
struct Record<'r> {
    entries: Vec<Numbered<'r>>,
    wants: &'r Wants,
    context: &'r Context<'r>,
    /// Incidents of workflows that became a part of a storm: workflow, incident, storm.
    joined: Vec<(&'r WorkflowId, &'r str, &'r str)>,
}

impl<'r> Record<'r> {
    fn of(record: &[Numbered<'r>], wants: &'r Wants, context: &'r Context<'r>) -> Self {
        let covered = |of: &&Numbered<'r>| wants.covers(of.1.workflow.as_ref(), context.policy);
        let entries: Vec<Numbered<'r>> = record.iter().filter(covered).copied().collect();
        let joined = entries.iter().filter_map(|(_, entry)| match &entry.what {
            What::IncidentJoined { incident, joined, .. } if incident.starts_with(HOUSE) => {
                Some((entry.workflow.as_ref()?, joined.as_str(), incident.as_str()))
            }
            _ => None,
        });
        let joined = joined.filter(|_| wants.wants(NoticeKind::Storm)).collect();
        Self { entries, wants, context, joined }
    }

    fn is_part_of_storm(&self, workflow: Option<&WorkflowId>) -> bool {
        self.joined.iter().any(|(joined, _, _)| Some(*joined) == workflow)
    }

    fn storms(&self, told: &mut Vec<Told>) {
        for entry in &self.entries {
            if let What::IncidentOpened { about, incident, .. } = &entry.1.what
                && about == "storm"
                && self.wants.wants(NoticeKind::Storm)
            {
                let lowered = self.joined.iter().filter(|(_, _, storm)| storm == incident);
                let lowered: BTreeSet<String> = lowered.map(|(workflow, _, _)| workflow.to_string()).collect();
                told.push(Told::Message(Box::new(self.context.storm(entry, lowered))));
            }
        }
        let joined = self.joined.iter().map(|(workflow, incident, storm)| Told::Joined {
            storm: (*storm).to_owned(),
            incident: (*incident).to_owned(),
            workflow: (*workflow).clone(),
        });
        told.extend(joined);
    }

    /// Changes of modes: by a guard one for each workflow, by anything else one for all.
    fn modes(&self, told: &mut Vec<Told>) {
        if !self.wants.wants(NoticeKind::Mode) {
            return;
        }
        let mut steps: BTreeMap<&WorkflowId, Vec<Numbered<'r>>> = BTreeMap::new();
        for entry in &self.entries {
            if let (What::ModeChanged { .. }, Some(workflow)) = (&entry.1.what, &entry.1.workflow) {
                steps.entry(workflow).or_default().push(*entry);
            }
        }
        let mut together: BTreeMap<Cause, Vec<Numbered<'r>>> = BTreeMap::new();
        for (workflow, steps) in steps {
            let cause = steps.iter().find_map(|(_, entry)| match &entry.what {
                What::ModeChanged { cause, .. } => Some(*cause),
                _ => None,
            });
            match cause {
                Some(Cause::Breach) if self.is_part_of_storm(Some(workflow)) => {}
                Some(Cause::Breach) | None => {
                    let opened = self.opened(workflow);
                    told.push(Told::Message(Box::new(self.context.mode(&steps, opened))));
                }
                Some(cause) => together.entry(cause).or_default().extend(steps),
            }
        }
        for steps in together.into_values() {
            let of: BTreeSet<_> = steps.iter().filter_map(|(_, entry)| entry.workflow.as_ref()).collect();
            let message = match of.len() {
                0 | 1 => self.context.mode(&steps, of.first().and_then(|workflow| self.opened(workflow))),
                _ => self.context.modes(&steps),
            };
            told.push(Told::Message(Box::new(message)));
        }
    }

    /// The incident that was opened for a workflow, or that a breach of it joined.
    fn opened(&self, workflow: &WorkflowId) -> Option<Numbered<'r>> {
        let of_it = |entry: &&Numbered<'r>| {
            let opens = matches!(entry.1.what, What::IncidentOpened { .. } | What::IncidentJoined { .. });
            entry.1.workflow.as_ref() == Some(workflow) && opens
        };
        self.entries.iter().find(of_it).copied()
    }

    fn incidents(&self, told: &mut Vec<Told>) {
        if !self.wants.wants(NoticeKind::Incident) {
            return;
        }
        let changed = |workflow: &Option<WorkflowId>| {
            let of_it = |(_, entry): &&Numbered<'r>| {
                matches!(entry.what, What::ModeChanged { .. }) && entry.workflow == *workflow
            };
            self.wants.wants(NoticeKind::Mode) && self.entries.iter().any(|entry| of_it(&entry))
        };
        let failed =
            |(_, entry): &Numbered<'_>| matches!(entry.what, What::Drilled { result: DrillResult::Failed, .. });
        let drilled = self.wants.wants(NoticeKind::Drill) && self.entries.iter().any(failed);
        for entry in &self.entries {
            let What::IncidentOpened { about, .. } = &entry.1.what else { continue };
            // It is told already, by what led to it.
            let is_told = match about.as_str() {
                "storm" => self.wants.wants(NoticeKind::Storm),
                "drill" => drilled,
                _ => {
                    let workflow = &entry.1.workflow;
                    workflow.is_some() && (changed(workflow) || self.is_part_of_storm(workflow.as_ref()))
                }
            };
            if !is_told {
                told.push(Told::Message(Box::new(self.context.incident(entry))));
            }
        }
        let steps = |is: fn(&What) -> bool| self.entries.iter().filter(move |(_, entry)| is(&entry.what)).copied();
        let acknowledged: Vec<Numbered<'r>> = steps(|what| matches!(what, What::IncidentAcknowledged { .. })).collect();
        let resolved: Vec<Numbered<'r>> = steps(|what| matches!(what, What::IncidentResolved { .. })).collect();
        for stepped in [acknowledged, resolved].iter().filter(|stepped| !stepped.is_empty()) {
            told.push(Told::Message(Box::new(self.context.stepped(stepped))));
        }
    }

    fn rest(&self, told: &mut Vec<Told>) {
        for entry in &self.entries {
            let message = match &entry.1.what {
                What::Requested { .. } if self.wants.wants(NoticeKind::Request) => self.context.request(entry),
                What::Drilled { result: DrillResult::Failed, .. } if self.wants.wants(NoticeKind::Drill) => {
                    self.context.drill(entry)
                }
                _ => continue,
            };
            told.push(Told::Message(Box::new(message)));
        }
    }
}
