//! What only a drill asks of the driver: its own outputs in, and looks at what came of them.
//!
//! Owns the one way to the lane of drills. From the queue on it is the way of everybody's outputs. Decides
//! nothing about how a drill goes.

use super::batch::{EventBatch, Taken};
use super::recovery::{part_of, state_of};
use super::thread::{Driver, Unavailable};
use crate::domain::{Mode, OutputEvent, WorkflowId};
use crate::monitor::Workflow;
use crate::store::{CodecError, JournalReader, Part};

/// The lane, and how far the journal was then.
#[derive(Debug)]
pub struct Lane {
    /// It; `None` before the first drill.
    pub workflow: Option<Workflow>,
    /// The last durable record.
    pub seq: u64,
}

impl EventBatch {
    /// A drill's own outputs: whatever else is among them is judged like anybody's.
    ///
    /// # Errors
    /// An output that can't be encoded.
    pub fn of_drill(events: Vec<OutputEvent>) -> Result<Self, CodecError> {
        let batch = Self::new(events.into_iter().enumerate().collect(), Vec::new())?;
        Ok(Self { of_drill: true, ..batch })
    }
}

impl Driver {
    /// Takes a drill's own outputs, like anybody's.
    ///
    /// # Errors
    /// Nothing was taken.
    pub async fn drill_outputs(&self, events: Vec<OutputEvent>) -> Result<Taken, Unavailable> {
        let batch = EventBatch::of_drill(events).map_err(|error| Unavailable::Store(error.to_string()))?;
        let reserved = self.reserve(batch.encoded.len())?;
        self.events(batch, reserved).await
    }

    /// The lane of drills as it is now.
    ///
    /// # Errors
    /// The daemon stops.
    pub async fn drill_lane(&self) -> Result<Lane, Unavailable> {
        let look = |engine: &mut super::Engine| Lane {
            workflow: engine.monitor().lane().cloned(),
            seq: engine.store().journal.durable_seq(),
        };
        self.look(move |engine, _, _| look(engine)).await
    }

    /// All that is durable in the journal now, to be read from its files.
    ///
    /// # Errors
    /// The daemon stops.
    pub async fn journal(&self) -> Result<JournalReader, Unavailable> {
        self.look(|engine, _, _| engine.store().journal.reader()).await
    }

    /// Has a snapshot taken that holds record `seq`, unless there is one or one is on its way; gives the
    /// record of the one that is kept, which may be an older one still.
    ///
    /// # Errors
    /// The daemon stops.
    pub async fn snapshot_of(&self, seq: u64) -> Result<u64, Unavailable> {
        self.look(move |engine, books, now| books.snapshot_of(engine, seq, now)).await
    }
}

/// The part of a snapshot that holds a workflow.
pub fn snapshot_part(id: &WorkflowId) -> String {
    part_of(id)
}

/// The granted mode of a workflow and its epoch, as a start would read them from a part of a snapshot.
///
/// # Errors
/// What is wrong with the part.
pub fn mode_in(part: &Part) -> Result<(Mode, u64), String> {
    state_of(part).map(|state| (state.granted, state.epoch))
}
