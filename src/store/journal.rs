//! The journal: numbered records, appended in memory and made durable together.
//!
//! Owns the active segment, group commit, rolling and the poison. Must not know what a record says,
//! beyond its time. Bytes: `frame.rs`; what a crash leaves: `recovery.rs`; reading: `replay.rs`.

use super::codec::record_time;
use super::disk::{Disk, DiskFile};
use super::error::StoreError;
use super::frame::{self, FRAME_HEADER, PAYLOAD_MAX, SEGMENT_HEADER};
use super::helper::{Beside, Done, Helper, Job};
use super::recovery::{self, Found};
use super::replay::JournalReader;
use super::segment::{DIR, SPARE, Segment, plain_path};
use crate::domain::Time;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A buffer larger than this is given back after the commit.
const BUFFER_KEPT: usize = 16 << 20;
/// Bytes copied at a time when the last segment is written anew.
const CHUNK: usize = 1 << 20;

/// Settings of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalSettings {
    /// Size of a segment; a larger commit gets one of its own size.
    pub segment_bytes: u64,
    /// Where preparing and packing happen.
    pub beside: Beside,
}

impl Default for JournalSettings {
    fn default() -> Self {
        Self { segment_bytes: 64 << 20, beside: Beside::Thread }
    }
}

/// What was found at the start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovery {
    /// Segments with records.
    pub segments: usize,
    /// The oldest kept record; 0 where there is none.
    pub first_seq: u64,
    /// The last record; 0 where there never was one.
    pub last_seq: u64,
    /// The torn commit that was cut off.
    pub cut: Option<Cut>,
    /// Files in the journal's folder that are not the journal's; they are left alone.
    pub unknown: Vec<String>,
}

/// A commit that was never acknowledged and was only partly on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The file.
    pub file: String,
    /// Where the commit began.
    pub offset: u64,
    /// How much of it there was.
    pub bytes: u64,
    /// Why it can't be read.
    pub why: String,
}

/// The journal, open for writing. One thread owns it.
pub struct Journal {
    pub(super) disk: Arc<dyn Disk>,
    settings: JournalSettings,
    /// Closed segments, oldest first.
    pub(super) closed: Vec<Segment>,
    /// First records of the closed segments that are being packed.
    pub(super) packing: BTreeSet<u64>,
    active: Segment,
    file: Box<dyn DiskFile>,
    /// The next frame: space for its header, then the appended records.
    pending: Vec<u8>,
    pending_count: u32,
    pending_time: Time,
    poison: Option<String>,
    preparer: Helper,
    packer: Helper,
    spare: Spare,
}

/// The file prepared for the next segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spare {
    Asked,
    Ready,
    Missing,
}

impl Journal {
    /// Opens the journal, cuts a torn tail and begins a new segment.
    pub fn open(disk: Arc<dyn Disk>, settings: JournalSettings) -> Result<(Self, Recovery), StoreError> {
        disk.create_dir(DIR).map_err(StoreError::io("create", DIR))?;
        disk.sync_dir("").map_err(StoreError::io("sync", "the store's folder"))?;
        let found = recovery::find(&*disk)?;
        let recovery = report(&found);
        for leftover in &found.leftovers {
            disk.remove(leftover).map_err(StoreError::io("remove", leftover))?;
        }
        if let Some(last) = found.segments.last().filter(|last| !last.is_packed) {
            settle_last(&*disk, last)?;
        }
        let active = Segment::new(found.next_seq(), settings.segment_bytes);
        let file = create_segment(&*disk, &active, false)?;
        let mut journal = Self {
            preparer: Helper::start("andon-prepare", Arc::clone(&disk), settings.beside)?,
            packer: Helper::start("andon-pack", Arc::clone(&disk), settings.beside)?,
            disk,
            settings,
            closed: Vec::new(),
            packing: BTreeSet::new(),
            active,
            file,
            pending: vec![0; FRAME_HEADER],
            pending_count: 0,
            pending_time: Time(i64::MIN),
            poison: None,
            spare: Spare::Missing,
        };
        for segment in found.segments.into_iter().filter(|segment| !segment.is_empty()) {
            journal.close(segment);
        }
        journal.ask_for_spare();
        Ok((journal, recovery))
    }

    /// Adds a record to the next commit and gives its number. Nothing is written yet.
    ///
    /// [`StoreError::TooLarge`] changes nothing: the record may fit after a commit.
    pub fn append(&mut self, record: &[u8]) -> Result<u64, StoreError> {
        self.check_poison()?;
        let seq = self.next_seq();
        let time = record_time(record).map_err(|source| StoreError::Codec { seq, source })?;
        let bytes = self.pending.len() - FRAME_HEADER + 4 + record.len();
        let length = u32::try_from(record.len()).ok().filter(|_| bytes <= PAYLOAD_MAX);
        let Some(length) = length.filter(|_| self.pending_count < u32::MAX) else {
            return Err(StoreError::TooLarge { what: "a journal commit".to_owned(), bytes, max: PAYLOAD_MAX });
        };
        self.pending.extend_from_slice(&length.to_le_bytes());
        self.pending.extend_from_slice(record);
        self.pending_count += 1;
        self.pending_time = self.pending_time.max(time);
        Ok(seq)
    }

    /// Makes all appended records durable, with one write and one sync; gives the last durable number.
    ///
    /// After a failure nothing is tried again: what the kernel did with the data is unknown, and a
    /// second sync may succeed without them (Rebello et al., "Can Applications Recover from fsync
    /// Failures?", USENIX ATC 2020). Every later call fails with the first cause.
    pub fn commit(&mut self) -> Result<u64, StoreError> {
        self.check_poison()?;
        self.collect();
        if self.pending_count > 0 {
            self.write_frame().inspect_err(|error| {
                tracing::error!(cause = %error, "the journal can't be written, the store takes nothing more");
                self.poison.get_or_insert_with(|| error.to_string());
            })?;
        }
        Ok(self.durable_seq())
    }

    /// The last record that is durable; 0 while there is none.
    pub const fn durable_seq(&self) -> u64 {
        self.active.last_seq
    }

    /// The number that the next appended record gets.
    pub fn next_seq(&self) -> u64 {
        self.active.last_seq + 1 + u64::from(self.pending_count)
    }

    /// Bytes that the segments take on disk.
    pub fn bytes(&self) -> u64 {
        self.closed.iter().map(|segment| segment.file_bytes).sum::<u64>() + self.active.file_bytes
    }

    /// Number of segment files.
    pub fn segments(&self) -> usize {
        self.closed.len() + 1
    }

    /// The first failure, when there was one.
    pub fn poisoned(&self) -> Option<&str> {
        self.poison.as_deref()
    }

    /// A view of all that is durable now, which other threads may read.
    pub fn reader(&self) -> JournalReader {
        let mut segments = self.closed.clone();
        segments.push(self.active.clone());
        JournalReader::over(Arc::clone(&self.disk), segments)
    }

    /// Waits until space is prepared and closed segments are packed.
    pub fn settle(&mut self) {
        while let Some(done) = self.preparer.wait() {
            self.take(done);
        }
        while let Some(done) = self.packer.wait() {
            self.take(done);
        }
    }

    pub(super) fn check_poison(&self) -> Result<(), StoreError> {
        match &self.poison {
            Some(cause) => Err(StoreError::Poisoned { cause: cause.clone() }),
            None => Ok(()),
        }
    }

    /// Remembers the first failure of a write or sync.
    pub(super) fn poison(&mut self, error: StoreError) -> StoreError {
        self.poison.get_or_insert_with(|| error.to_string());
        error
    }

    /// Takes notice of what the helpers have done meanwhile.
    pub(super) fn collect(&mut self) {
        while let Some(done) = self.preparer.poll().or_else(|| self.packer.poll()) {
            self.take(done);
        }
    }

    fn write_frame(&mut self) -> Result<(), StoreError> {
        frame::seal(&mut self.pending, self.active.last_seq + 1, self.pending_count);
        let bytes = self.pending.len() as u64;
        if self.active.used + bytes > self.active.file_bytes {
            self.roll(bytes)?;
        }
        let path = || plain_path(self.active.first_seq);
        self.file
            .write_at(self.active.used, &self.pending)
            .map_err(|source| StoreError::io("write", path())(source))?;
        self.file.sync().map_err(|source| StoreError::io("sync", path())(source))?;
        self.active.used += bytes;
        self.active.last_seq += u64::from(self.pending_count);
        self.active.last_time = self.active.last_time.max(self.pending_time);
        self.pending.truncate(FRAME_HEADER);
        self.pending.shrink_to(BUFFER_KEPT);
        self.pending_count = 0;
        self.pending_time = Time(i64::MIN);
        Ok(())
    }

    /// Closes the active segment and begins one that has room for a frame. An empty active segment
    /// has the same name as the new one and is replaced.
    fn roll(&mut self, frame_bytes: u64) -> Result<(), StoreError> {
        let capacity = self.settings.segment_bytes.max(SEGMENT_HEADER as u64 + frame_bytes);
        let next = Segment::new(self.active.last_seq + 1, capacity);
        let use_spare = self.spare == Spare::Ready && capacity == self.settings.segment_bytes;
        self.file = create_segment(&*self.disk, &next, use_spare)?;
        let old = std::mem::replace(&mut self.active, next);
        if use_spare {
            self.spare = Spare::Missing;
        }
        self.ask_for_spare();
        if !old.is_empty() {
            self.close(old);
        }
        Ok(())
    }

    fn close(&mut self, segment: Segment) {
        if !segment.is_packed {
            self.packing.insert(segment.first_seq);
            self.packer.submit(Job::Pack(segment.clone()));
        }
        self.closed.push(segment);
    }

    fn ask_for_spare(&mut self) {
        if self.spare == Spare::Missing {
            self.spare = Spare::Asked;
            self.preparer.submit(Job::Prepare(self.settings.segment_bytes));
        }
    }

    fn take(&mut self, done: Done) {
        match done {
            Done::Prepared(Ok(())) => self.spare = Spare::Ready,
            Done::Prepared(Err(error)) => {
                // The next segment is then made without prepared space: slower, not wrong.
                tracing::warn!(cause = %error, "no space could be prepared for the next journal segment");
                self.spare = Spare::Missing;
            }
            Done::Packed(first_seq, result) => {
                self.packing.remove(&first_seq);
                match result {
                    Ok(packed) => {
                        if let Some(at) = self.closed.iter_mut().find(|segment| segment.first_seq == first_seq) {
                            *at = packed;
                        }
                    }
                    Err(error) => tracing::warn!(first_seq, cause = %error, "a journal segment stays unpacked"),
                }
            }
        }
    }
}

/// Makes a segment of the size that it says, its header durable before its name is.
///
/// So a segment without a readable header is never the trace of a crash.
fn create_segment(disk: &dyn Disk, segment: &Segment, use_spare: bool) -> Result<Box<dyn DiskFile>, StoreError> {
    let path = plain_path(segment.first_seq);
    let (file, tmp) = if use_spare {
        (disk.open(SPARE).map_err(StoreError::io("open", SPARE))?, SPARE.to_owned())
    } else {
        let tmp = format!("{path}.tmp");
        let file = disk.create(&tmp).map_err(StoreError::io("create", &tmp))?;
        file.truncate(segment.file_bytes).map_err(StoreError::io("extend", &tmp))?;
        (file, tmp)
    };
    file.write_at(0, &frame::segment_header(segment.first_seq)).map_err(StoreError::io("write", &tmp))?;
    file.sync().map_err(StoreError::io("sync", &tmp))?;
    disk.rename(&tmp, &path).map_err(StoreError::io("rename", &tmp))?;
    disk.sync_dir(DIR).map_err(StoreError::io("sync", DIR))?;
    Ok(file)
}

/// Cuts what follows the last good frame of the last segment, and makes sure that the frames are
/// durable. A process that died after a failed sync leaves pages that look written but are not;
/// writing the same bytes once more makes them dirty again, so that this sync means something.
fn settle_last(disk: &dyn Disk, last: &Segment) -> Result<(), StoreError> {
    let path = last.path();
    let file = disk.open(&path).map_err(StoreError::io("open", &path))?;
    file.truncate(last.used).map_err(StoreError::io("cut", &path))?;
    let mut chunk = vec![0; CHUNK];
    let mut offset = 0;
    loop {
        let read = file.read_at(offset, &mut chunk).map_err(StoreError::io("read", &path))?;
        if read == 0 {
            break;
        }
        file.write_at(offset, &chunk[..read]).map_err(StoreError::io("write", &path))?;
        offset += read as u64;
    }
    file.sync().map_err(StoreError::io("sync", &path))
}

fn report(found: &Found) -> Recovery {
    let full = || found.segments.iter().filter(|segment| !segment.is_empty());
    let cut = found.cut();
    if let Some(Cut { file, offset, bytes, why }) = &cut {
        tracing::warn!(file, offset, bytes, why, "a commit that was never acknowledged is cut off the journal");
    }
    for file in &found.unknown {
        tracing::warn!(file, "a file in the journal's folder is not the journal's and is left alone");
    }
    Recovery {
        segments: full().count(),
        first_seq: full().next().map_or(0, |first| first.first_seq),
        last_seq: found.next_seq() - 1,
        cut,
        unknown: found.unknown.clone(),
    }
}
