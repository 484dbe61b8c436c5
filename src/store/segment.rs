//! Segment files: their names, and reading their frames one after the other.
//!
//! Owns the reader of plain and packed segments and the scan that finds the end of a plain one.
//! Decides nothing: what a bad frame means for the whole journal is for `recovery.rs`.

use super::codec::record_time;
use super::disk::{Disk, DiskFile};
use super::error::{REMEDY_JOURNAL, StoreError};
use super::frame::{self, FRAME_HEADER, FrameHeader, SEGMENT_HEADER, SEGMENT_VERSION, SegmentHeader};
use super::packed;
use crate::domain::Time;
use std::io::{self, BufReader, Read};

/// The journal's folder within the store.
pub(super) const DIR: &str = "journal";
/// Space prepared for the next segment.
pub(super) const SPARE: &str = "journal/spare.tmp";
/// Bytes read at a time.
const CHUNK: usize = 256 << 10;

/// The path of a plain segment.
pub(super) fn plain_path(first_seq: u64) -> String {
    format!("{DIR}/{first_seq:020}.log")
}

/// The path of a packed segment.
pub(super) fn packed_path(first_seq: u64) -> String {
    format!("{DIR}/{first_seq:020}.log.zst")
}

/// What a file name in the journal's folder means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// A plain segment.
    Plain(u64),
    /// A packed segment.
    Packed(u64),
    /// Something that a crash left unfinished.
    Leftover,
    /// Not ours.
    Unknown,
}

impl Named {
    pub(super) fn of(name: &str) -> Self {
        let seq = |digits: &str| {
            let plain = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
            if plain { digits.parse::<u64>().ok().filter(|seq| *seq > 0) } else { None }
        };
        if name.ends_with(".tmp") {
            Self::Leftover
        } else if let Some(seq) = name.strip_suffix(".log.zst").and_then(seq) {
            Self::Packed(seq)
        } else if let Some(seq) = name.strip_suffix(".log").and_then(seq) {
            Self::Plain(seq)
        } else {
            Self::Unknown
        }
    }
}

/// What is known of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    /// Number of its first record.
    pub(super) first_seq: u64,
    /// Number of its last record; `first_seq - 1` while it has none.
    pub(super) last_seq: u64,
    /// The latest time of its records.
    pub(super) last_time: Time,
    /// Bytes of header and good frames, unpacked.
    pub(super) used: u64,
    /// Bytes that the file takes.
    pub(super) file_bytes: u64,
    /// Whether the file is packed.
    pub(super) is_packed: bool,
}

impl Segment {
    pub(super) const fn new(first_seq: u64, file_bytes: u64) -> Self {
        Self {
            first_seq,
            last_seq: first_seq - 1,
            last_time: Time(i64::MIN),
            used: SEGMENT_HEADER as u64,
            file_bytes,
            is_packed: false,
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.last_seq < self.first_seq
    }

    pub(super) fn path(&self) -> String {
        if self.is_packed { packed_path(self.first_seq) } else { plain_path(self.first_seq) }
    }
}

/// The next thing in a segment.
#[derive(Debug)]
pub(super) enum Step {
    /// A true frame; its payload is in the reader.
    Frame(FrameHeader),
    /// Nothing follows.
    End,
    /// What follows is not a frame, and why.
    Bad(String),
}

/// Reads a segment frame by frame, with the memory of one frame.
pub(super) struct SegmentReader {
    path: String,
    source: Box<dyn Read>,
    is_packed: bool,
    /// Where the next frame begins, in unpacked bytes.
    pub(super) offset: u64,
    /// The payload of the frame just read.
    pub(super) payload: Vec<u8>,
}

impl SegmentReader {
    /// Opens a plain segment, up to `end` bytes.
    pub(super) fn plain(disk: &dyn Disk, first_seq: u64, end: u64) -> Result<Self, StoreError> {
        let path = plain_path(first_seq);
        let file = disk.open(&path).map_err(StoreError::io("open", &path))?;
        let source = BufReader::with_capacity(CHUNK, FileSource { file, offset: 0, end });
        Self::start(path, Box::new(source), false, first_seq)
    }

    /// Opens a packed segment, under whatever name.
    pub(super) fn packed(disk: &dyn Disk, path: String, first_seq: u64) -> Result<Self, StoreError> {
        let file = disk.open(&path).map_err(StoreError::io("open", &path))?;
        let source = FileSource { file, offset: packed::HEADER as u64, end: u64::MAX };
        let source = zstd::stream::read::Decoder::new(source).map_err(StoreError::io("unpack", &path))?;
        Self::start(path, Box::new(BufReader::with_capacity(CHUNK, source)), true, first_seq)
    }

    fn start(path: String, source: Box<dyn Read>, is_packed: bool, first_seq: u64) -> Result<Self, StoreError> {
        let mut reader = Self { path, source, is_packed, offset: 0, payload: Vec::new() };
        let mut header = [0; SEGMENT_HEADER];
        match reader.fill(&mut header) {
            Ok(SEGMENT_HEADER) => {}
            Ok(_) => return Err(reader.damage("it is shorter than its header".to_owned())),
            Err(error) => return Err(reader.unreadable(error)),
        }
        match frame::parse_segment_header(&header) {
            SegmentHeader::Good(seq) if seq == first_seq => {
                reader.offset = SEGMENT_HEADER as u64;
                Ok(reader)
            }
            SegmentHeader::Good(seq) => {
                Err(reader.damage(format!("it begins with record {seq}, but its name says {first_seq}")))
            }
            SegmentHeader::Newer(version) => {
                Err(StoreError::NewerFormat { what: reader.path, found: version.into(), known: SEGMENT_VERSION.into() })
            }
            SegmentHeader::Bad => Err(reader.damage("it does not begin with the header of a segment".to_owned())),
        }
    }

    /// Reads the next frame. After `Bad` and `End` the reader is used up.
    pub(super) fn next(&mut self) -> Result<Step, StoreError> {
        let mut head = [0; FRAME_HEADER];
        match self.fill(&mut head) {
            Ok(0) => return Ok(Step::End),
            Ok(FRAME_HEADER) => {}
            Ok(_) => return Ok(Step::Bad("the file ends within the header of a frame".to_owned())),
            Err(error) => return self.bad_or_error(error),
        }
        let Some(header) = FrameHeader::parse(&head) else {
            return Ok(Step::Bad("no frame begins here".to_owned()));
        };
        self.payload.clear();
        // The length is not to be trusted yet: the buffer only grows as bytes come.
        let wanted = header.payload as u64;
        if let Err(error) = self.source.by_ref().take(wanted).read_to_end(&mut self.payload) {
            return self.bad_or_error(error);
        }
        if !header.is_true(&head, &self.payload) {
            return Ok(Step::Bad("the checksum of the frame is wrong".to_owned()));
        }
        self.offset += FRAME_HEADER as u64 + wanted;
        Ok(Step::Frame(header))
    }

    /// An error that says where this reader stands.
    pub(super) fn damage(&self, what: String) -> StoreError {
        StoreError::Corrupt { file: self.path.clone(), offset: self.offset, what, remedy: REMEDY_JOURNAL }
    }

    fn fill(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while done < bytes.len() {
            match self.source.read(&mut bytes[done..]) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    /// Unpacking fails on damaged bytes: that is damage. Otherwise it is the disk's failure.
    fn unreadable(&self, source: io::Error) -> StoreError {
        if self.is_packed {
            self.damage(format!("it can't be unpacked: {source}"))
        } else {
            StoreError::Io { what: "read", path: self.path.clone(), source }
        }
    }

    fn bad_or_error(&self, error: io::Error) -> Result<Step, StoreError> {
        if self.is_packed {
            Ok(Step::Bad(format!("it can't be unpacked: {error}")))
        } else {
            Err(self.unreadable(error))
        }
    }
}

/// Bytes behind the last good frame that are not zeros.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tail {
    /// Where they begin.
    pub(super) offset: u64,
    /// How many, up to the last that is not zero.
    pub(super) bytes: u64,
    /// Why they are not a frame.
    pub(super) why: String,
}

/// Reads a plain segment to its end and checks every frame. A bad frame with a true one behind it
/// is damage (see `frame.rs`); otherwise what follows the last good frame is a tail.
pub(super) fn scan(disk: &dyn Disk, first_seq: u64, file_bytes: u64) -> Result<(Segment, Option<Tail>), StoreError> {
    let mut reader = SegmentReader::plain(disk, first_seq, u64::MAX)?;
    let mut segment = Segment::new(first_seq, file_bytes);
    loop {
        segment.used = reader.offset;
        match reader.next()? {
            Step::End => return Ok((segment, None)),
            Step::Frame(header) => take_frame(&reader, &header, &mut segment)?,
            Step::Bad(why) => {
                let tail = tail(disk, &reader, segment.last_seq + 1, why)?;
                return Ok((segment, tail));
            }
        }
    }
}

/// Counts a true frame in, if it is the next one.
pub(super) fn take_frame(reader: &SegmentReader, header: &FrameHeader, into: &mut Segment) -> Result<(), StoreError> {
    let expected = into.last_seq + 1;
    if header.first_seq != expected {
        return Err(reader.damage(format!("the next record should be {expected}, but it is {}", header.first_seq)));
    }
    let mut latest = into.last_time;
    let mut broken = None;
    frame::records(header, &reader.payload, &mut |seq, record| match record_time(record) {
        Ok(time) => latest = latest.max(time),
        Err(source) => broken = Some(StoreError::Codec { seq, source }),
    })
    .map_err(|what| reader.damage(what))?;
    if let Some(error) = broken {
        return Err(error);
    }
    into.last_time = latest;
    into.last_seq = header.last_seq();
    into.used = reader.offset;
    Ok(())
}

/// Looks at what is behind the last good frame.
fn tail(disk: &dyn Disk, reader: &SegmentReader, next_seq: u64, why: String) -> Result<Option<Tail>, StoreError> {
    let offset = reader.offset;
    let file = disk.open(&reader.path).map_err(StoreError::io("open", &reader.path))?;
    let mut source = FileSource { file, offset, end: u64::MAX };
    let mut rest = Vec::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = source.read(&mut chunk).map_err(StoreError::io("read", &reader.path))?;
        // Prepared space is zeros up to the end: only what is not is worth the memory.
        if !rest.is_empty() || chunk[..read].iter().any(|byte| *byte != 0) {
            if rest.is_empty() {
                let zeros = source.offset - read as u64 - offset;
                rest.resize(usize::try_from(zeros).unwrap_or(0), 0);
            }
            rest.extend_from_slice(&chunk[..read]);
        }
        if read == 0 {
            break;
        }
    }
    let Some(last) = rest.iter().rposition(|byte| *byte != 0) else { return Ok(None) };
    if let Some((at, found)) = frame::find_frame(&rest, next_seq) {
        let what = format!(
            "{why}, but a good frame with record {} follows at byte {}, so record {next_seq} was durable",
            found.first_seq,
            offset + at as u64
        );
        return Err(reader.damage(what));
    }
    Ok(Some(Tail { offset, bytes: last as u64 + 1, why }))
}

/// Reads a file from one offset to another.
pub(super) struct FileSource {
    pub(super) file: Box<dyn DiskFile>,
    pub(super) offset: u64,
    pub(super) end: u64,
}

impl Read for FileSource {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        let wanted = left.min(bytes.len());
        let read = self.file.read_at(self.offset, &mut bytes[..wanted])?;
        self.offset += read as u64;
        Ok(read)
    }
}
