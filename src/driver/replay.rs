//! A run through the past: outputs and verdicts that carry a time of their own, and nobody waits.
//!
//! Owns the order for imports: each one is a journal record with its own `now`, whatever lapses in
//! between lapses at its due time, and a whole group shares one commit. It is applied before that
//! commit, because what is due depends on all that came before; so nothing of a group is published,
//! written to the ledger or answered until the group is durable. Knows no files.

use super::batch::{event_key, review_key};
use super::dedup::{Key, Known};
use super::engine::Engine;
use crate::domain::{Input, OutputEvent, Refusal, Review, Time, WorkflowId};
use crate::monitor::{Agenda, At, Effect};
use crate::store::{StoreError, encode_event};
use std::collections::BTreeSet;

/// A snapshot is taken after so many outputs: bounds what is kept in memory for it.
const SNAPSHOT_EVENTS: u64 = 2_000_000;

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Past {
    /// A workflow made an output.
    Output(Box<OutputEvent>),
    /// A human judged one.
    Verdict(Box<Review>),
}

impl From<OutputEvent> for Past {
    fn from(event: OutputEvent) -> Self {
        Self::Output(Box::new(event))
    }
}

impl From<Review> for Past {
    fn from(review: Review) -> Self {
        Self::Verdict(Box::new(review))
    }
}

impl Past {
    /// When it happened, where it says so.
    pub fn time(&self) -> Option<Time> {
        match self {
            Self::Output(event) => event.time,
            Self::Verdict(review) => review.time,
        }
    }

    /// The workflow that it concerns.
    pub fn workflow(&self) -> &WorkflowId {
        match self {
            Self::Output(event) => &event.workflow,
            Self::Verdict(review) => &review.workflow,
        }
    }

    fn id(&self) -> &str {
        match self {
            Self::Output(event) => &event.id,
            Self::Verdict(review) => &review.id,
        }
    }

    fn key(&self, scratch: &mut Vec<u8>) -> Result<Key, StoreError> {
        match self {
            Self::Output(event) => {
                scratch.clear();
                encode_event(event, scratch).map_err(|source| StoreError::Codec { seq: 0, source })?;
                Ok(event_key(event, scratch))
            }
            Self::Verdict(review) => Ok(review_key(review)),
        }
    }

    fn into_input(self) -> Input {
        match self {
            Self::Output(event) => Input::Events(vec![*event]),
            Self::Verdict(review) => Input::Reviews(vec![*review]),
        }
    }
}

/// What became of one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replayed {
    /// Counted.
    New,
    /// Seen before; it changed nothing.
    Repeat,
    /// Not taken.
    Refused(Box<Refusal>),
}

/// One of them, with all that followed.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What followed from the time that passed before it.
    pub before: Vec<Effect>,
    /// What became of it.
    pub outcome: Replayed,
    /// What followed from it.
    pub effects: Vec<Effect>,
}

impl Engine {
    /// Takes what happened, in order, each at its own time; the times must not go back. Returns
    /// when all of it is durable, with a [`Step`] for each.
    ///
    /// # Errors
    /// The store refused; nothing more is taken.
    pub fn replay_in(&mut self, past: Vec<(Time, Past)>) -> Result<Vec<Step>, StoreError> {
        let mut steps = Vec::with_capacity(past.len());
        let (mut all, mut last_seq, mut last_now) = (Vec::new(), 0, None);
        let mut agenda = Agenda::default();
        for (now, past) in past {
            let before = self.let_lapse(now, &mut agenda, &mut last_seq)?;
            let (outcome, effects) = self.take_past(now, past, &mut agenda, &mut last_seq)?;
            all.extend(before.iter().chain(&effects).cloned());
            steps.push(Step { before, outcome, effects });
            last_now = Some(now);
        }
        if last_seq > 0 {
            self.sync()?;
            self.settle(last_seq, &all)?;
        }
        if self.events_since_snapshot >= SNAPSHOT_EVENTS
            && let Some(now) = last_now
        {
            self.save(now)?;
        }
        Ok(steps)
    }

    /// Saves a snapshot at once, so that the next start reads it instead of the whole journal. For
    /// runs without a bookkeeper.
    ///
    /// # Errors
    /// The store refused, or the state can't be encoded.
    pub fn save(&mut self, now: Time) -> Result<(), StoreError> {
        let changes = self.changes()?;
        self.store.book.save(&changes.encode(now)?)
    }

    fn let_lapse(&mut self, now: Time, agenda: &mut Agenda, last_seq: &mut u64) -> Result<Vec<Effect>, StoreError> {
        let mut effects = Vec::new();
        let mut passed = None;
        while let Some(at) = agenda.next_tick(&self.monitor, None, now, &mut passed) {
            effects.extend(self.record(at, &Input::Tick, agenda, last_seq)?);
        }
        Ok(effects)
    }

    fn take_past(
        &mut self,
        now: Time,
        past: Past,
        agenda: &mut Agenda,
        last_seq: &mut u64,
    ) -> Result<(Replayed, Vec<Effect>), StoreError> {
        // Each is applied before the next is looked at, so no workflow is being adopted meanwhile.
        let admitted = self.monitor.admit(past.workflow(), &mut BTreeSet::new());
        if let Err(refusal) = admitted {
            let refusal = refusal.of(past.id(), Some(past.workflow().as_str()));
            return Ok((Replayed::Refused(Box::new(refusal)), Vec::new()));
        }
        let key = past.key(&mut self.scratch)?;
        match self.dedup.insert(now, key) {
            Known::New => Ok((Replayed::New, self.record(now, &past.into_input(), agenda, last_seq)?)),
            Known::Repeat => Ok((Replayed::Repeat, Vec::new())),
            Known::Conflict => {
                self.metrics.conflicts.inc();
                Ok((Replayed::Repeat, Vec::new()))
            }
        }
    }

    /// Appends and applies; the caller makes it durable.
    fn record(
        &mut self,
        now: Time,
        input: &Input,
        agenda: &mut Agenda,
        last_seq: &mut u64,
    ) -> Result<Vec<Effect>, StoreError> {
        let seq = self.append(now, input)?;
        *last_seq = seq;
        let effects = self.apply(At { seq, now }, input);
        agenda.taken(&self.monitor, input);
        Ok(effects)
    }
}
