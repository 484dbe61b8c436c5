//! Packed segments: a closed segment compressed with zstd, with its summary in front.
//!
//! Owns the summary and the order of steps that makes packing harmless to interrupt. Must not know
//! which segments exist: it gets one and says what became of it.

use super::disk::{Disk, DiskFile};
use super::error::{REMEDY_JOURNAL, StoreError};
use super::segment::{DIR, FileSource, Segment, SegmentReader, Step, packed_path, plain_path, take_frame};
use crate::domain::Time;
use std::io::{self, Write};

// A packed segment begins with a skippable frame of zstd, so that the usual tools unpack the rest
// to the very bytes of the plain segment. Little-endian:
//
//   offset  bytes  what
//        0      4  0x184D2A5A: skippable frame
//        4      4  44: bytes that follow in it
//        8      6  magic "ANDONZ"
//       14      2  format version
//       16      8  number of the first record
//       24      8  number of the last record
//       32      8  latest time of the records, milliseconds since 1970, signed
//       40      8  unpacked bytes
//       48      4  CRC-32 of bytes 0..48
//       52      …  zstd
const SKIPPABLE: u32 = 0x184D_2A5A;
const MAGIC: [u8; 6] = *b"ANDONZ";
const VERSION: u16 = 1;
/// Bytes before the compressed data.
pub(super) const HEADER: usize = 52;
/// 339 ns and 49 bytes per event at level 1; level 3 takes a third longer and gains nothing.
const LEVEL: i32 = 1;
/// Bytes after which what was written is synced, so that commits never wait for much.
const SYNC_EVERY: u64 = 1 << 20;

/// Packs a closed segment and removes the plain one; gives the packed one.
///
/// Nothing is removed before the packed file, its name, and its content read back are all known to
/// be good, so a crash at any step leaves at least one whole copy.
pub(super) fn pack(disk: &dyn Disk, plain: &Segment) -> Result<Segment, StoreError> {
    let from = plain_path(plain.first_seq);
    let to = packed_path(plain.first_seq);
    let tmp = format!("{to}.tmp");
    let file = disk.open(&from).map_err(StoreError::io("open", &from))?;
    let mut source = FileSource { file, offset: 0, end: plain.used };
    let target = disk.create(&tmp).map_err(StoreError::io("create", &tmp))?;
    let written = compress(&mut source, target, plain).map_err(StoreError::io("pack", &tmp))?;
    let packed = Segment { file_bytes: written, is_packed: true, ..plain.clone() };
    check(disk, &tmp, &packed)?;
    disk.rename(&tmp, &to).map_err(StoreError::io("rename", &tmp))?;
    disk.sync_dir(DIR).map_err(StoreError::io("sync", DIR))?;
    disk.remove(&from).map_err(StoreError::io("remove", &from))?;
    disk.sync_dir(DIR).map_err(StoreError::io("sync", DIR))?;
    Ok(packed)
}

fn compress(source: &mut FileSource, target: Box<dyn DiskFile>, segment: &Segment) -> io::Result<u64> {
    let mut sink = FileSink { file: target, offset: 0 };
    sink.write_all(&header(segment))?;
    let mut encoder = zstd::stream::write::Encoder::new(sink, LEVEL)?;
    io::copy(source, &mut encoder)?;
    let sink = encoder.finish()?;
    sink.file.sync()?;
    Ok(sink.offset)
}

/// Reads a packed segment to its end and compares it with its summary.
fn check(disk: &dyn Disk, path: &str, packed: &Segment) -> Result<(), StoreError> {
    let mut reader = SegmentReader::packed(disk, path.to_owned(), packed.first_seq)?;
    let mut found = Segment { file_bytes: packed.file_bytes, is_packed: true, ..Segment::new(packed.first_seq, 0) };
    loop {
        match reader.next()? {
            Step::Frame(header) => take_frame(&reader, &header, &mut found)?,
            Step::Bad(why) => return Err(reader.damage(why)),
            Step::End if found == *packed => return Ok(()),
            Step::End => return Err(reader.damage("it doesn't hold what was packed".to_owned())),
        }
    }
}

/// Reads the summary of a packed segment.
pub(super) fn read_summary(disk: &dyn Disk, first_seq: u64) -> Result<Segment, StoreError> {
    let path = packed_path(first_seq);
    let damage =
        |what: String| StoreError::Corrupt { file: packed_path(first_seq), offset: 0, what, remedy: REMEDY_JOURNAL };
    let file = disk.open(&path).map_err(StoreError::io("open", &path))?;
    let mut bytes = [0; HEADER];
    let read = file.read_at(0, &mut bytes).map_err(StoreError::io("read", &path))?;
    let version = u16::from_le_bytes([bytes[14], bytes[15]]);
    let crc = crc32fast::hash(&bytes[..48]).to_le_bytes();
    if read < HEADER || bytes[..4] != SKIPPABLE.to_le_bytes() || bytes[8..14] != MAGIC || bytes[48..52] != crc {
        return Err(damage("it does not begin with the summary of a packed segment".to_owned()));
    }
    if version > VERSION {
        return Err(StoreError::NewerFormat { what: path, found: version.into(), known: VERSION.into() });
    }
    let number = |at: usize| bytes[at..].first_chunk().map_or(0, |it| u64::from_le_bytes(*it));
    let segment = Segment {
        first_seq: number(16),
        last_seq: number(24),
        last_time: Time(number(32).cast_signed()),
        used: number(40),
        file_bytes: file.bytes().map_err(StoreError::io("read", &path))?,
        is_packed: true,
    };
    if segment.first_seq != first_seq || segment.is_empty() {
        let Segment { first_seq: first, last_seq: last, .. } = segment;
        return Err(damage(format!("it holds records {first} to {last}, but its name says {first_seq}")));
    }
    Ok(segment)
}

fn header(segment: &Segment) -> [u8; HEADER] {
    let mut bytes = [0; HEADER];
    bytes[0..4].copy_from_slice(&SKIPPABLE.to_le_bytes());
    bytes[4..8].copy_from_slice(&44_u32.to_le_bytes());
    bytes[8..14].copy_from_slice(&MAGIC);
    bytes[14..16].copy_from_slice(&VERSION.to_le_bytes());
    bytes[16..24].copy_from_slice(&segment.first_seq.to_le_bytes());
    bytes[24..32].copy_from_slice(&segment.last_seq.to_le_bytes());
    bytes[32..40].copy_from_slice(&segment.last_time.0.to_le_bytes());
    bytes[40..48].copy_from_slice(&segment.used.to_le_bytes());
    let crc = crc32fast::hash(&bytes[..48]);
    bytes[48..52].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// Writes a file from the front to the back.
struct FileSink {
    file: Box<dyn DiskFile>,
    offset: u64,
}

impl Write for FileSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_at(self.offset, bytes)?;
        let before = self.offset / SYNC_EVERY;
        self.offset += bytes.len() as u64;
        if self.offset / SYNC_EVERY > before {
            self.file.sync()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
