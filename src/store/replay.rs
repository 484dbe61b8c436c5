//! Reading the journal: every durable record from a number on, in order, with bounded memory.
//!
//! Owns the continuity of what is read: a gap, a damaged frame or a record that can't be decoded is
//! an error with file and offset, never skipped. Writes nothing.

use super::codec::{decode_record, record_time};
use super::disk::Disk;
use super::error::{REMEDY_JOURNAL, StoreError};
use super::frame;
use super::recovery;
use super::segment::{Segment, SegmentReader, Step, packed_path};
use crate::domain::{Input, Time};
use std::io;
use std::sync::Arc;

/// Takes replayed inputs: number, time, input.
pub type EachInput<'a> = dyn FnMut(u64, Time, Input) -> Result<(), StoreError> + 'a;
/// Takes replayed records as bytes.
pub type EachRecord<'a> = dyn FnMut(u64, &[u8]) -> Result<(), StoreError> + 'a;

/// A view of the journal at one moment.
#[derive(Clone)]
pub struct JournalReader {
    disk: Arc<dyn Disk>,
    segments: Vec<Segment>,
}

impl JournalReader {
    /// Opens a journal for reading only: nothing is cut, repaired or begun. The store must not be in
    /// use meanwhile (a commit in progress looks like damage); beside a running one, use
    /// [`Journal::reader`](super::Journal::reader).
    pub fn open(disk: Arc<dyn Disk>) -> Result<Self, StoreError> {
        let found = recovery::find(&*disk)?;
        Ok(Self { disk, segments: found.segments })
    }

    pub(super) const fn over(disk: Arc<dyn Disk>, segments: Vec<Segment>) -> Self {
        Self { disk, segments }
    }

    /// The oldest record that is kept; 0 where there is none.
    pub fn first_seq(&self) -> u64 {
        self.segments.iter().find(|segment| !segment.is_empty()).map_or(0, |segment| segment.first_seq)
    }

    /// The last record of the view; 0 where there never was one.
    pub fn last_seq(&self) -> u64 {
        self.segments.last().map_or(0, |segment| segment.last_seq)
    }

    /// A record from which on nothing is missing that came at `time` or later; 1 where nothing is kept.
    pub fn first_seq_since(&self, time: Time) -> u64 {
        let segments = self.segments.iter().filter(|segment| !segment.is_empty());
        segments
            .clone()
            .find(|segment| segment.last_time >= time)
            .map_or(self.last_seq() + 1, |one| one.first_seq)
            .max(1)
    }

    /// When the oldest record that is kept came; `None` where there is none.
    ///
    /// # Errors
    /// It can't be read.
    pub fn first_time(&self) -> Result<Option<Time>, StoreError> {
        let Some(segment) = self.segments.iter().find(|segment| !segment.is_empty()) else { return Ok(None) };
        let mut reader = self.open_segment(segment)?;
        let Step::Frame(header) = reader.next()? else { return Ok(None) };
        let mut first = None;
        frame::records(&header, &reader.payload, &mut |_, record| {
            first = first.or_else(|| record_time(record).ok());
        })
        .map_err(|what| reader.damage(what))?;
        Ok(first)
    }

    /// The latest time of the records of the view; `None` where there is none.
    pub fn last_time(&self) -> Option<Time> {
        self.segments.iter().filter(|segment| !segment.is_empty()).map(|segment| segment.last_time).max()
    }

    /// Hands over all inputs from `from_seq` on; 0 and 1 are the beginning. Gives how many.
    pub fn replay(&self, from_seq: u64, each: &mut EachInput<'_>) -> Result<u64, StoreError> {
        self.replay_records(from_seq, &mut |seq, record| {
            let (now, input) = decode_record(record).map_err(|source| StoreError::Codec { seq, source })?;
            each(seq, now, input)
        })
    }

    /// Hands over all records from `from_seq` on as bytes. Gives how many.
    pub fn replay_records(&self, from_seq: u64, each: &mut EachRecord<'_>) -> Result<u64, StoreError> {
        let from = from_seq.max(1);
        let last = self.last_seq();
        if from > last {
            return Ok(0);
        }
        let oldest = self.first_seq();
        if from < oldest || oldest == 0 {
            return Err(StoreError::Gone { from, oldest: if oldest == 0 { last + 1 } else { oldest } });
        }
        for segment in self.segments.iter().filter(|segment| segment.last_seq >= from && !segment.is_empty()) {
            self.read_segment(segment, from, each)?;
        }
        Ok(last - from + 1)
    }

    fn read_segment(&self, segment: &Segment, from: u64, each: &mut EachRecord<'_>) -> Result<(), StoreError> {
        let mut reader = self.open_segment(segment)?;
        let mut next = segment.first_seq;
        while next <= segment.last_seq {
            let header = match reader.next()? {
                Step::Frame(header) if header.first_seq == next => header,
                Step::Frame(header) => {
                    let found = header.first_seq;
                    return Err(reader.damage(format!("the next record should be {next}, but it is {found}")));
                }
                Step::Bad(why) => return Err(reader.damage(why)),
                Step::End => return Err(reader.damage(format!("it ends before record {next}"))),
            };
            let mut result = Ok(());
            frame::records(&header, &reader.payload, &mut |seq, record| {
                if seq >= from && result.is_ok() {
                    result = each(seq, record);
                }
            })
            .map_err(|what| reader.damage(what))?;
            result?;
            next = header.last_seq() + 1;
        }
        Ok(())
    }

    /// Opens a segment, which may have been packed since this view was made.
    fn open_segment(&self, segment: &Segment) -> Result<SegmentReader, StoreError> {
        if !segment.is_packed {
            match SegmentReader::plain(&*self.disk, segment.first_seq, segment.used) {
                Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                result => return result,
            }
        }
        match SegmentReader::packed(&*self.disk, packed_path(segment.first_seq), segment.first_seq) {
            Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Err(StoreError::Corrupt {
                    file: segment.path(),
                    offset: 0,
                    what: format!("the file with records {} to {} is gone", segment.first_seq, segment.last_seq),
                    remedy: REMEDY_JOURNAL,
                })
            }
            result => result,
        }
    }
}
