//! What a journal's folder holds after whatever happened to it, found without changing anything.
//!
//! Owns the judgement: a torn tail (the last commit, never acknowledged) is cut and goes on; anything
//! else that doesn't fit is damage to durable records and ends the start. `journal.rs` does the cutting.

use super::disk::Disk;
use super::error::{REMEDY_JOURNAL, StoreError};
use super::journal::Cut;
use super::packed::read_summary;
use super::segment::{DIR, Named, Segment, Tail, packed_path, plain_path, scan};
use std::collections::BTreeMap;

/// The state of the folder.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The segments in order, without gaps. The last may be empty.
    pub(super) segments: Vec<Segment>,
    /// What is to be cut off the last segment.
    pub(super) tail: Option<Tail>,
    /// Files that an interrupted step left.
    pub(super) leftovers: Vec<String>,
    /// Files that are not the journal's.
    pub(super) unknown: Vec<String>,
}

impl Found {
    /// What is to be cut off, with the file that it is in.
    pub(super) fn cut(&self) -> Option<Cut> {
        let (tail, last) = self.tail.as_ref().zip(self.segments.last())?;
        Some(Cut { file: last.path(), offset: tail.offset, bytes: tail.bytes, why: tail.why.clone() })
    }

    /// Number of the next record.
    pub(super) fn next_seq(&self) -> u64 {
        self.segments.last().map_or(1, |last| last.last_seq + 1)
    }
}

/// Reads the folder. Plain segments are read whole (there are one or two), of packed ones only the
/// summaries: their frames are checked when they are replayed.
pub(super) fn find(disk: &dyn Disk) -> Result<Found, StoreError> {
    let mut found = Found::default();
    let mut plain = BTreeMap::new();
    let mut firsts = BTreeMap::new();
    for file in disk.list(DIR).map_err(StoreError::io("list", DIR))? {
        match Named::of(&file.name) {
            Named::Plain(seq) => {
                plain.insert(seq, file.bytes);
                firsts.insert(seq, ());
            }
            Named::Packed(seq) => {
                firsts.insert(seq, ());
            }
            Named::Leftover => found.leftovers.push(format!("{DIR}/{}", file.name)),
            Named::Unknown => found.unknown.push(file.name),
        }
    }
    let packed_too = |seq: &u64| disk.open(&packed_path(*seq)).is_ok();
    for first_seq in firsts.into_keys() {
        check_order(&found, first_seq)?;
        let Some(bytes) = plain.get(&first_seq) else {
            found.segments.push(read_summary(disk, first_seq)?);
            continue;
        };
        let (segment, tail) = scan(disk, first_seq, *bytes)?;
        found.segments.push(segment);
        found.tail = tail;
        // Packing was interrupted before the plain one was removed: it is done again.
        if packed_too(&first_seq) {
            found.leftovers.push(packed_path(first_seq));
        }
    }
    Ok(found)
}

/// A segment is begun only when the one before is whole and durable, so its number proves where
/// that one ends.
fn check_order(found: &Found, first_seq: u64) -> Result<(), StoreError> {
    let Some(before) = found.segments.last() else { return Ok(()) };
    let damage =
        |what| Err(StoreError::Corrupt { file: before.path(), offset: before.used, what, remedy: REMEDY_JOURNAL });
    let next = plain_path(first_seq);
    if let Some(tail) = &found.tail {
        return damage(format!("{}, but a later segment `{next}` follows", tail.why));
    }
    let last = before.last_seq;
    match first_seq.cmp(&(last + 1)) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Less => damage(format!("it goes on to record {last}, but `{next}` begins before that")),
        std::cmp::Ordering::Greater => damage(format!(
            "it ends with record {last}, but the next file is `{next}`: records between them are missing"
        )),
    }
}
