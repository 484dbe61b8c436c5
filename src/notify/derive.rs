//! What the entries of one journal record tell a target: which make a message, and which make one together.
//!
//! Owns that one event is one message: the steps of a demotion, its incident, and everything that one order did
//! to many workflows. Pure: the same entries, policy and wishes give the same messages, word for word, so that
//! what was forgotten is made again as it was. Wording is `compose`'s.

use super::compose::{Change, Context, Numbered};
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
    /// An incident became a part of a storm: whoever is told of the storm needs not be told of it by itself.
    Joined {
        /// The incident of the storm.
        storm: String,
        /// The incident that became a part of it.
        incident: String,
        /// Its workflow.
        workflow: WorkflowId,
        /// What is told where no message of the storm waits any more that could name the workflow.
        grown: Box<Message>,
    },
}

/// What the entries of one journal record tell a target, in order.
pub fn derive(record: &[Numbered<'_>], wants: &Wants, context: &Context<'_>) -> Vec<Told> {
    let record = Record::of(record, wants, context);
    let mut told = Vec::new();
    record.storms(&mut told);
    let carried = record.modes(&mut told);
    record.incidents(&carried, &mut told);
    record.rest(&mut told);
    told
}

/// An incident of a workflow that became a part of a storm.
struct Joined<'r> {
    entry: Numbered<'r>,
    workflow: &'r WorkflowId,
    incident: &'r str,
    storm: &'r str,
}

/// The entries that the target is to see, and what they say of each other.
struct Record<'r> {
    entries: Vec<Numbered<'r>>,
    wants: &'r Wants,
    context: &'r Context<'r>,
    joined: Vec<Joined<'r>>,
}

impl<'r> Record<'r> {
    fn of(record: &[Numbered<'r>], wants: &'r Wants, context: &'r Context<'r>) -> Self {
        let covered = |of: &&Numbered<'r>| wants.covers(of.1.workflow.as_ref(), context.policy);
        let entries: Vec<Numbered<'r>> = record.iter().filter(covered).copied().collect();
        let joined = entries.iter().filter_map(|entry| match &entry.1.what {
            What::IncidentJoined { incident: storm, joined: incident, .. } if storm.starts_with(HOUSE) => {
                Some(Joined { entry: *entry, workflow: entry.1.workflow.as_ref()?, incident, storm })
            }
            _ => None,
        });
        let joined = joined.filter(|_| wants.wants(NoticeKind::Storm)).collect();
        Self { entries, wants, context, joined }
    }

    /// Whether a guard's demotion of the workflow is told with a storm.
    fn is_part_of_storm(&self, workflow: &WorkflowId) -> bool {
        self.joined.iter().any(|joined| joined.workflow == workflow)
    }

    fn storms(&self, told: &mut Vec<Told>) {
        for entry in &self.entries {
            if let What::IncidentOpened { about, incident, .. } = &entry.1.what
                && about == "storm"
                && self.wants.wants(NoticeKind::Storm)
            {
                let lowered = self.joined.iter().filter(|joined| joined.storm == incident);
                let lowered: BTreeSet<String> = lowered.map(|joined| joined.workflow.to_string()).collect();
                told.push(Told::Message(Box::new(self.context.storm(entry, lowered))));
            }
        }
        let joined = self.joined.iter().map(|joined| Told::Joined {
            storm: joined.storm.to_owned(),
            incident: joined.incident.to_owned(),
            workflow: joined.workflow.clone(),
            grown: Box::new(self.context.grown(&joined.entry, joined.storm)),
        });
        told.extend(joined);
    }

    /// Changes of modes: by a guard one for each workflow, by anything else one for all that went the same way.
    /// Gives the numbers of the incidents that are told with them.
    fn modes(&self, told: &mut Vec<Told>) -> BTreeSet<u64> {
        let mut carried = BTreeSet::new();
        if !self.wants.wants(NoticeKind::Mode) {
            return carried;
        }
        let mut tell = |message: Message, incident: Option<Numbered<'r>>| {
            told.push(Told::Message(Box::new(message)));
            carried.extend(incident.map(|(seq, _)| seq));
        };
        let mut together: BTreeMap<(Cause, bool), Vec<Vec<Numbered<'r>>>> = BTreeMap::new();
        for (workflow, steps) in self.steps() {
            let Some(change) = Change::of(&steps) else { continue };
            match change.cause {
                Cause::Breach if self.is_part_of_storm(workflow) => {}
                Cause::Breach => {
                    let opened = self.opened(workflow, change.guard());
                    tell(self.context.mode(&steps, opened), opened);
                }
                cause => together.entry((cause, change.is_lowered())).or_default().push(steps),
            }
        }
        for changes in together.into_values() {
            if let [steps] = changes.as_slice() {
                let workflow = steps.first().and_then(|(_, entry)| entry.workflow.as_ref());
                let opened = workflow.and_then(|workflow| self.opened(workflow, None));
                tell(self.context.mode(steps, opened), opened);
            } else {
                tell(self.context.modes(&changes), None);
            }
        }
        carried
    }

    /// The steps of each workflow's mode.
    fn steps(&self) -> BTreeMap<&'r WorkflowId, Vec<Numbered<'r>>> {
        let mut steps: BTreeMap<&WorkflowId, Vec<Numbered<'r>>> = BTreeMap::new();
        for entry in &self.entries {
            if let (What::ModeChanged { .. }, Some(workflow)) = (&entry.1.what, &entry.1.workflow) {
                steps.entry(workflow).or_default().push(*entry);
            }
        }
        steps
    }

    /// The incident that was opened for a workflow, or that a breach of it joined: that of the guard, if it has one.
    fn opened(&self, workflow: &WorkflowId, by: Option<&str>) -> Option<Numbered<'r>> {
        let of_it = |entry: &&Numbered<'r>| {
            let opens = matches!(entry.1.what, What::IncidentOpened { .. } | What::IncidentJoined { .. });
            entry.1.workflow.as_ref() == Some(workflow) && opens
        };
        let of_guard = |entry: &&Numbered<'r>| match &entry.1.what {
            What::IncidentOpened { guard, .. } => by.is_some() && guard.as_deref() == by,
            _ => false,
        };
        let mut found = self.entries.iter().filter(of_it);
        found.clone().find(of_guard).or_else(|| found.next()).copied()
    }

    /// Incidents, unless another message tells of this very one.
    fn incidents(&self, carried: &BTreeSet<u64>, told: &mut Vec<Told>) {
        if !self.wants.wants(NoticeKind::Incident) {
            return;
        }
        let failed =
            |(_, entry): &Numbered<'_>| matches!(entry.what, What::Drilled { result: DrillResult::Failed, .. });
        let drilled = self.wants.wants(NoticeKind::Drill) && self.entries.iter().any(failed);
        for entry in &self.entries {
            let What::IncidentOpened { about, incident, .. } = &entry.1.what else { continue };
            let is_told = match about.as_str() {
                "storm" => self.wants.wants(NoticeKind::Storm),
                "drill" => drilled,
                _ => carried.contains(&entry.0) || self.joined.iter().any(|joined| joined.incident == incident),
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

    /// What the council decides is told by what it does: a request, and later an action that is overdue.
    fn rest(&self, told: &mut Vec<Told>) {
        for entry in &self.entries {
            let message = match &entry.1.what {
                What::Requested { .. } if self.wants.wants(NoticeKind::Request) => self.context.request(entry),
                What::Reported { .. } if self.wants.wants(NoticeKind::Report) => self.context.report(entry),
                What::Drilled { result: DrillResult::Failed, .. } if self.wants.wants(NoticeKind::Drill) => {
                    self.context.drill(entry)
                }
                _ => continue,
            };
            told.push(Told::Message(Box::new(message)));
        }
    }
}
