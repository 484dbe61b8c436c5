//! The start: snapshot, tail of the journal, and on.
//!
//! Owns what a snapshot holds and how the state is made from it again. The journal is the truth:
//! whatever the snapshot or the ledger lacks is made up from it.

use super::batch::{event_key, review_key};
use super::board::Board;
use super::dedup::Dedup;
use super::engine::{Engine, EngineOptions};
use crate::domain::{Entry, Input, Policy, Time, WorkflowId};
use crate::metrics::Metrics;
use crate::monitor::handle::AHEAD_MS_MAX;
use crate::monitor::house::House;
use crate::monitor::workflow::State;
use crate::monitor::{At, Effect, Monitor, Workflow};
use crate::store::{Part, SnapshotChange, Store, StoreError, encode_event};
use std::sync::Arc;
use thiserror::Error;

/// Version of the parts of a snapshot: the policy as JSON under `policy`, what concerns more than one
/// workflow as JSON under `house`, each workflow's state in postcard under `workflow/ID`.
pub const SNAPSHOT_VERSION: u16 = 8;
/// A long start says how far it is every so many records.
const REPLAY_REPORT: u64 = 10_000;
const POLICY: &str = "policy";
const HOUSE: &str = "house";
const WORKFLOW: &str = "workflow/";

/// Why the daemon can't start on its store.
#[derive(Debug, Error)]
pub enum StartError {
    /// The store can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A part of the snapshot can't be read.
    #[error(
        "part `{part}` of the snapshot (format {version}{}) can't be read: {cause}. If the journal still begins with record 1, remove `snapshot.db` and start again: the state is made anew from the journal",
        other_format(*version)
    )]
    Snapshot {
        /// Its key.
        part: String,
        /// Its format.
        version: u16,
        /// What is wrong.
        cause: String,
    },
}

/// What a format is told with that isn't the one of now; of the same one it is damaged, or from a build between releases.
fn other_format(version: u16) -> String {
    if version == SNAPSHOT_VERSION { String::new() } else { format!("; this andon reads format {SNAPSHOT_VERSION}") }
}

/// What the start found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Started {
    /// Record of the snapshot; 0 without one.
    pub snapshot_seq: u64,
    /// Records replayed.
    pub replayed: u64,
    /// Ledger entries that were missing and are now written.
    pub entries: usize,
}

impl Engine {
    /// Opens the engine on a store: the state as of the last durable record.
    ///
    /// # Errors
    /// A store or snapshot that can't be read.
    pub fn open(
        store: Store,
        board: Arc<Board>,
        metrics: Metrics,
        options: EngineOptions,
        now: Time,
    ) -> Result<(Self, Started), StartError> {
        let snapshot = store.book.load()?;
        // An output dated ahead may be repeated for so much longer until it is too old.
        let remembered_ms = options.dedup_window_ms.saturating_add(AHEAD_MS_MAX);
        let mut dedup = Dedup::new(remembered_ms, options.dedup_max, now);
        let mut started = Started::default();
        let mut monitor = Monitor::default();
        if let Some(snapshot) = snapshot {
            started.snapshot_seq = snapshot.seq;
            monitor = restore(&snapshot.parts)?;
            store.book.load_dedup(&mut |generation, chunk| {
                dedup
                    .load(generation, &chunk)
                    .map_err(|cause| StoreError::Unreadable { what: "deduplication table".to_owned(), cause })
            })?;
        }
        let applied = store.book.ledger_applied_seq()?;
        let mut engine = Self::assemble(store, monitor, dedup, board, metrics, options);
        started = engine.replay(started, applied)?;
        engine.board.publish(&engine.monitor);
        Ok((engine, started))
    }

    fn replay(&mut self, mut started: Started, applied: u64) -> Result<Started, StartError> {
        let reader = self.store.journal.reader();
        let mut entries: Vec<Entry> = Vec::new();
        let last = self.store.journal.durable_seq();
        reader.replay(started.snapshot_seq + 1, &mut |seq, now, input| {
            self.remember(now, &input)?;
            for effect in self.apply(At { seq, now }, &input) {
                match effect {
                    Effect::Ledger(entry) if seq > applied => entries.push(entry),
                    _ => {}
                }
            }
            started.replayed += 1;
            if started.replayed.is_multiple_of(REPLAY_REPORT) {
                tracing::info!(records = started.replayed, "reading the journal's tail");
            }
            Ok(())
        })?;
        started.entries = entries.len();
        if started.replayed > 0 && last > applied {
            self.store.book.append(&entries, last)?;
        }
        Ok(started)
    }

    fn remember(&mut self, now: Time, input: &Input) -> Result<(), StoreError> {
        match input {
            Input::Events(events) => {
                let mut bytes = Vec::new();
                for event in events {
                    bytes.clear();
                    encode_event(event, &mut bytes).map_err(|source| StoreError::Codec { seq: 0, source })?;
                    self.dedup.insert(now, event_key(event, &bytes));
                }
            }
            Input::Reviews(reviews) => reviews.iter().for_each(|review| {
                self.dedup.insert(now, review_key(review));
            }),
            _ => {}
        }
        Ok(())
    }

    /// A copy of everything that changed since the last snapshot. Cheap: closed slots are shared,
    /// so that writing it out can be another thread's work. The ledger must hold all that led to a
    /// snapshot; its entries are written, and this notes it.
    ///
    /// # Errors
    /// The ledger could not be marked; what changed is kept for the next time.
    pub fn changes(&mut self) -> Result<Changes, StoreError> {
        let seq = self.store.journal.durable_seq();
        self.store.book.append(&[], seq)?;
        let dirty = std::mem::take(&mut self.dirty);
        self.events_since_snapshot = 0;
        // A renamed workflow leaves its former id behind.
        let (kept, gone) = dirty.into_iter().partition(|id| self.monitor.find(id).is_some());
        let kept: Vec<WorkflowId> = kept;
        Ok(Changes {
            seq,
            policy: Arc::clone(self.monitor.policy()),
            house: self.monitor.house().clone(),
            workflows: kept.iter().filter_map(|id| self.monitor.find(id)).cloned().collect(),
            gone,
            dedup_add: self.dedup.take_fresh(),
            dedup_drop_before: self.dedup.oldest(),
        })
    }
}

/// What a snapshot will hold.
#[derive(Debug)]
pub struct Changes {
    /// The last record that it contains.
    pub seq: u64,
    policy: Arc<Policy>,
    house: House,
    workflows: Vec<Workflow>,
    gone: Vec<WorkflowId>,
    dedup_add: Vec<(u32, Vec<u8>)>,
    dedup_drop_before: u32,
}

impl Changes {
    /// Encodes everything for the store.
    ///
    /// # Errors
    /// A state that can't be encoded.
    pub fn encode(self, taken_at: Time) -> Result<SnapshotChange, StoreError> {
        let unreadable = |what: String, cause: String| StoreError::Unreadable { what, cause };
        let part = |key: String, bytes| Part { key, version: SNAPSHOT_VERSION, bytes };
        let policy = serde_json::to_vec(&*self.policy).map_err(|e| unreadable(POLICY.to_owned(), e.to_string()))?;
        let house = serde_json::to_vec(&self.house).map_err(|e| unreadable(HOUSE.to_owned(), e.to_string()))?;
        let mut parts = vec![part(POLICY.to_owned(), policy), part(HOUSE.to_owned(), house)];
        for workflow in &self.workflows {
            let key = part_of(&workflow.id);
            let bytes = postcard::to_stdvec(&workflow.state).map_err(|e| unreadable(key.clone(), e.to_string()))?;
            parts.push(part(key, bytes));
        }
        Ok(SnapshotChange {
            seq: self.seq,
            taken_at,
            parts,
            removed: self.gone.iter().map(part_of).collect(),
            dedup_add: self.dedup_add,
            dedup_drop_before: self.dedup_drop_before,
        })
    }
}

fn check_version(part: &Part) -> Result<(), String> {
    if part.version == SNAPSHOT_VERSION { Ok(()) } else { Err("it was written by another version of andon".to_owned()) }
}

/// The name of the part that holds a workflow.
pub(super) fn part_of(id: &WorkflowId) -> String {
    format!("{WORKFLOW}{id}")
}

/// The state of a workflow, as a start reads it from its part.
pub(super) fn state_of(part: &Part) -> Result<State, String> {
    check_version(part)?;
    let (state, unread) = postcard::take_from_bytes(&part.bytes).map_err(|error| error.to_string())?;
    if unread.is_empty() { Ok(state) } else { Err(format!("{} bytes too many", unread.len())) }
}

fn restore(parts: &[Part]) -> Result<Monitor, StartError> {
    let mut policy = Policy::empty();
    let mut house = House::default();
    let mut states: Vec<(WorkflowId, State)> = Vec::new();
    for part in parts {
        let wrong = |cause: String| StartError::Snapshot { part: part.key.clone(), version: part.version, cause };
        check_version(part).map_err(wrong)?;
        if part.key == POLICY {
            policy = serde_json::from_slice(&part.bytes).map_err(|error| wrong(error.to_string()))?;
        } else if part.key == HOUSE {
            house = serde_json::from_slice(&part.bytes).map_err(|error| wrong(error.to_string()))?;
        } else if let Some(id) = part.key.strip_prefix(WORKFLOW) {
            let id = WorkflowId::new(id).map_err(wrong)?;
            states.push((id, state_of(part).map_err(wrong)?));
        }
    }
    Ok(Monitor::restore(policy, house, states))
}
