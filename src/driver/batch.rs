//! A request's outputs, made ready for the driver by whoever read them.
//!
//! Owns the work that needs no order and so can be done in parallel: encoding for the journal and
//! hashing for the deduplication. The driver only compares, copies and applies.

use super::dedup::Key;
use crate::domain::{Mode, OutputEvent, Refusal, Review, WorkflowId};
use crate::store::{CodecError, encode_event};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// Outputs with their journal bytes and hashes.
#[derive(Debug, Default)]
pub struct EventBatch {
    /// The outputs.
    pub events: Vec<OutputEvent>,
    /// The position of each in the request.
    pub indexes: Vec<usize>,
    /// Journal bytes of all outputs, one after the other.
    pub encoded: Vec<u8>,
    /// Where each output's bytes end.
    pub ends: Vec<usize>,
    /// Identity and content of each output.
    pub keys: Vec<Key>,
    /// What was refused before.
    pub refusals: Vec<Refusal>,
    /// Whether these are a drill's own: only those come to its lane. What others send never is.
    pub(super) of_drill: bool,
}

impl EventBatch {
    /// Encodes and hashes.
    ///
    /// # Errors
    /// An output that can't be encoded; the checks at the door leave none.
    pub fn new(items: Vec<(usize, OutputEvent)>, refusals: Vec<Refusal>) -> Result<Self, CodecError> {
        let mut batch = Self { refusals, ..Self::default() };
        batch.ends.reserve(items.len());
        batch.keys.reserve(items.len());
        for (_, event) in &items {
            let start = batch.encoded.len();
            encode_event(event, &mut batch.encoded)?;
            batch.ends.push(batch.encoded.len());
            batch.keys.push(event_key(event, &batch.encoded[start..]));
        }
        (batch.indexes, batch.events) = items.into_iter().unzip();
        Ok(batch)
    }
}

/// Human verdicts with their hashes.
#[derive(Debug, Default)]
pub struct ReviewBatch {
    /// Position in the request, and the verdict.
    pub items: Vec<(usize, Review)>,
    /// What was refused before.
    pub refusals: Vec<Refusal>,
}

/// Identity and content of an output, from its journal bytes.
#[expect(clippy::cast_possible_truncation, reason = "the content needs only to be told apart from a repeat")]
pub fn event_key(event: &OutputEvent, encoded: &[u8]) -> Key {
    Key { id: identity(b"output", &event.workflow, &event.id), content: xxh3_64(encoded) as u32 }
}

/// Identity and content of a verdict.
pub fn review_key(review: &Review) -> Key {
    let content = format!("{}\0{:?}\0{:?}\0{}", review.output_id, review.verdict, review.exception, review.reviewer);
    #[expect(clippy::cast_possible_truncation, reason = "the content needs only to be told apart from a repeat")]
    Key { id: identity(b"review", &review.workflow, &review.id), content: xxh3_64(content.as_bytes()) as u32 }
}

fn identity(space: &[u8], workflow: &WorkflowId, id: &str) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(space);
    hash.update(workflow.as_str().as_bytes());
    // A workflow id holds no zero byte, so no two pairs run together.
    hash.update(b"\0");
    hash.update(id.as_bytes());
    hash.digest()
}

/// The answer to an intake call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Taken {
    /// Taken: on disk and counted.
    pub accepted: usize,
    /// Seen before; they changed nothing.
    pub duplicates: usize,
    /// Not taken, and why.
    pub rejected: Vec<Refusal>,
    /// The modes of the workflows in the request, as they are now.
    pub modes: BTreeMap<WorkflowId, ModeNow>,
}

/// A mode in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModeNow {
    /// The effective mode.
    pub mode: Mode,
    /// Its level.
    pub level: u8,
    /// Counts the changes.
    pub epoch: u64,
}
