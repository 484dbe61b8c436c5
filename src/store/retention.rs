//! Forgetting: whole journal segments that are too old or too many.
//!
//! Owns which segments go and in which order. Must not know why a record is still needed: the
//! caller says from which number on everything is.

use super::error::StoreError;
use super::journal::Journal;
use super::segment::{DIR, packed_path, plain_path};
use crate::domain::Time;
use std::io;

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Removed {
    /// Segments.
    pub segments: usize,
    /// Bytes on disk.
    pub bytes: u64,
    /// The last record that is gone; 0 where nothing went.
    pub last_seq: u64,
}

impl Journal {
    /// Removes the oldest closed segments as long as all their records are older than `max_age_ms`
    /// or the journal is larger than `max_bytes`, but none with a record from `keep_from_seq` on.
    ///
    /// Each removal is durable before the next one, so that a crash never leaves a gap. A segment
    /// that is being packed stays until the next time: packing would bring it back.
    pub fn retain(
        &mut self,
        now: Time,
        max_age_ms: i64,
        max_bytes: u64,
        keep_from_seq: u64,
    ) -> Result<Removed, StoreError> {
        self.check_poison()?;
        self.collect();
        let mut removed = Removed::default();
        while let Some(oldest) = self.closed.first() {
            let goes = now.since(oldest.last_time) > max_age_ms || self.bytes() > max_bytes;
            if !goes || oldest.last_seq >= keep_from_seq || self.packing.contains(&oldest.first_seq) {
                break;
            }
            // Where packing failed half way both files are there.
            for path in [packed_path(oldest.first_seq), plain_path(oldest.first_seq)] {
                match self.disk.remove(&path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(StoreError::io("remove", path)(error));
                    }
                    _ => {}
                }
            }
            let oldest = self.closed.remove(0);
            removed.segments += 1;
            removed.bytes += oldest.file_bytes;
            removed.last_seq = oldest.last_seq;
            let synced = self.disk.sync_dir(DIR).map_err(StoreError::io("sync", DIR));
            synced.map_err(|error| self.poison(error))?;
        }
        Ok(removed)
    }
}
