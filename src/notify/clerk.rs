//! The clerk reads the ledger for every target and puts what it is to be told into the outbox.
//!
//! Owns the places in the ledger. Where an outbox is full the rest waits in the ledger: nothing is dropped.

use super::compose::{Context, Numbered};
use super::derive::{Told, derive};
use super::desk::Desk;
use super::message::Message;
use super::overdue::Overdue;
use super::target::Wants;
use crate::domain::{Entry, NoticeKind, Time};
use crate::store::{Change, LedgerQuery, Letter, StoreError};
use std::collections::BTreeSet;

/// Entries read at a time.
const PAGE: usize = 500;
/// Most entries of one journal record that are read together; of more, the rest is another record.
const RECORD_MAX: usize = 20_000;

/// A target as the clerk sees it.
pub(super) struct Addressee {
    pub(super) name: String,
    pub(super) wants: Wants,
}

impl Desk {
    /// Reads on for one target; whether there was anything.
    pub(super) fn read_on(&self, of: &Addressee, head: u64) -> Result<bool, StoreError> {
        let state = self.outbox.state(&of.name)?;
        if state.cursor >= head || state.pending >= self.limits.outbox_max {
            return Ok(false);
        }
        let entries = self.page(state.cursor)?;
        if entries.is_empty() {
            return Ok(false);
        }
        let policy = (self.policy)();
        let context = Context { policy: &policy, public_url: self.public_url.as_deref() };
        let now = self.clock.now();
        let (mut changes, mut read) = (Vec::new(), state.cursor);
        let all: Vec<Numbered<'_>> = entries.iter().map(|(seq, entry)| (*seq, entry)).collect();
        for record in all.chunk_by(|a, b| a.1.journal_seq == b.1.journal_seq) {
            if state.pending + new(&changes) >= self.limits.outbox_max {
                break;
            }
            for told in derive(record, &of.wants, &context) {
                self.queue(of, told, now, &mut changes)?;
            }
            read = record.last().map_or(read, |(seq, _)| *seq);
        }
        self.outbox.put(&of.name, Some(read), &changes, now)?;
        Ok(true)
    }

    /// The next entries, whole records only: what belongs together is told together.
    fn page(&self, after: u64) -> Result<Vec<(u64, Entry)>, StoreError> {
        let mut limit = PAGE;
        loop {
            let mut entries = self.ledger.entries(&LedgerQuery { after, limit, ..LedgerQuery::default() })?;
            let is_full = entries.len() == limit;
            let (first, last) = match (entries.first(), entries.last()) {
                (Some((_, first)), Some((_, last))) if is_full => (first.journal_seq, last.journal_seq),
                _ => return Ok(entries),
            };
            if first < last {
                entries.retain(|(_, entry)| entry.journal_seq < last);
                return Ok(entries);
            }
            if limit >= RECORD_MAX {
                return Ok(entries);
            }
            limit *= 4;
        }
    }

    fn queue(&self, of: &Addressee, told: Told, now: Time, changes: &mut Vec<Change>) -> Result<(), StoreError> {
        match told {
            Told::Message(message) => changes.push(Change::Add(self.letter(of, &message, now)?)),
            Told::Joined { storm, incident, workflow, grown } => {
                changes.retain(|change| !matches!(change, Change::Add(letter) if is_single(letter, &incident)));
                changes.push(Change::Fold(incident));
                let tells = changes.iter_mut().rev().find(|change| tells_of(change, &storm));
                if let Some(change) = tells {
                    return name_in(change, workflow.as_str());
                }
                let grown = self.letter(of, &grown, now)?;
                changes.push(match self.outbox.waiting_storm(&of.name, &storm)? {
                    Some((id, body)) => {
                        Change::Rewrite { id, body: named(&body, workflow.as_str())?, or: Box::new(grown) }
                    }
                    None => Change::Add(grown),
                });
            }
        }
        Ok(())
    }

    /// A message as it goes into the outbox.
    pub(super) fn letter(&self, of: &Addressee, message: &Message, now: Time) -> Result<Letter, StoreError> {
        // A storm is known only by its third demotion or so: the first ones wait for a moment, and so does what
        // joins it later, so that what joins at the same time is told together.
        let waits = ["andon.mode.lowered", "andon.incident.opened", "andon.storm.grown"];
        let may_join = waits.contains(&message.r#type.as_str());
        let settles = may_join && message.incident.is_some() && of.wants.wants(NoticeKind::Storm);
        let body = serde_json::to_string(message).map_err(unwritable)?;
        Ok(Letter {
            id: message.id.clone(),
            event: message.event.clone(),
            incident: message.incident.clone(),
            headline: message.headline.clone(),
            body,
            time: message.time,
            due_at: if settles { now.plus(self.limits.settle_ms) } else { Time::EPOCH },
        })
    }

    /// Takes over what is overdue now; what is so for the first time is told.
    pub(super) fn overdue_for(&self, of: &Addressee, found: &[Overdue]) -> Result<(), StoreError> {
        let policy = (self.policy)();
        let context = Context { policy: &policy, public_url: self.public_url.as_deref() };
        let now = self.clock.now();
        let told = self.outbox.overdue(&of.name)?;
        let wanted = |overdue: &&Overdue| {
            of.wants.wants(NoticeKind::Overdue) && of.wants.covers(overdue.workflow.as_ref(), &policy)
        };
        let found: Vec<&Overdue> = found.iter().filter(wanted).collect();
        let subjects: BTreeSet<String> = found.iter().map(|overdue| overdue.subject.clone()).collect();
        if subjects == told {
            return Ok(());
        }
        let new = found.iter().filter(|overdue| !told.contains(&overdue.subject));
        let changes = new.map(|overdue| self.letter(of, &overdue.message(&context), now).map(Change::Add));
        self.outbox.put_overdue(&of.name, &subjects, &changes.collect::<Result<Vec<_>, _>>()?, now)
    }
}

fn is_single(letter: &Letter, incident: &str) -> bool {
    letter.incident.as_deref() == Some(incident) && letter.event != NoticeKind::Storm.name()
}

/// New letters among the changes.
fn new(changes: &[Change]) -> u64 {
    changes.iter().filter(|change| matches!(change, Change::Add(_))).count() as u64
}

/// Whether a change is the message of a storm, or of its going on.
fn tells_of(change: &Change, storm: &str) -> bool {
    let letter = match change {
        Change::Add(letter) => letter,
        Change::Rewrite { or, .. } => or,
        Change::Fold(_) => return false,
    };
    letter.event == NoticeKind::Storm.name() && letter.incident.as_deref() == Some(storm)
}

/// Has a change name one more workflow.
fn name_in(change: &mut Change, workflow: &str) -> Result<(), StoreError> {
    match change {
        Change::Add(letter) => letter.body = named(&letter.body, workflow)?,
        Change::Rewrite { body, or, .. } => {
            *body = named(body, workflow)?;
            or.body = named(&or.body, workflow)?;
        }
        Change::Fold(_) => {}
    }
    Ok(())
}

/// The text of a storm's message with one more workflow.
fn named(body: &str, workflow: &str) -> Result<String, StoreError> {
    let mut message: Message = serde_json::from_str(body).map_err(unwritable)?;
    let mut names: BTreeSet<String> = message.workflows.iter().cloned().collect();
    names.insert(workflow.to_owned());
    super::compose::name_workflows(&mut message, names);
    serde_json::to_string(&message).map_err(unwritable)
}

fn unwritable(error: serde_json::Error) -> StoreError {
    StoreError::Unreadable { what: "a message".to_owned(), cause: error.to_string() }
}
