//! The bytes of the journal: segment header, frame header, records within a frame.
//!
//! Owns layout, checksum and validation of both; parsing never panics and never trusts a length
//! before it was checked. Must not know files: `segment.rs` reads, `journal.rs` writes.

// Segment, little-endian. Everything after the last frame is zeros (space prepared in advance).
//
//   offset  bytes  what
//        0      6  magic "ANDONJ"
//        6      2  format version
//        8      8  number of the segment's first record
//       16      4  zero
//       20      4  CRC-32 of bytes 0..20
//       24      …  frames
//
// Frame = one group commit. Frame k + 1 is written only after frame k was synced, so a bad frame
// with a good one behind it can't be a torn write: it is damage.
//
//   offset  bytes  what
//        0      4  magic FF AD FE 0A: FF and FE never occur in UTF-8, so no text that a sender
//                  chooses holds it
//        4      4  CRC-32 of bytes 8..24 and the payload
//        8      4  bytes of the payload
//       12      4  number of records, at least 1
//       16      8  number of the first record
//       24      …  payload: records, each a u32 length and so many bytes

/// The newest segment format that this program reads, and the one that it writes.
pub(super) const SEGMENT_VERSION: u16 = 1;
const SEGMENT_MAGIC: [u8; 6] = *b"ANDONJ";
/// Bytes of the segment header.
pub(super) const SEGMENT_HEADER: usize = 24;
/// What a frame begins with.
pub(super) const FRAME_MAGIC: [u8; 4] = [0xFF, 0xAD, 0xFE, 0x0A];
/// Bytes of the frame header.
pub(super) const FRAME_HEADER: usize = 24;
/// Largest payload of a frame: bounds the memory of a reader.
pub(super) const PAYLOAD_MAX: usize = 256 << 20;

/// What a segment header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SegmentHeader {
    /// Readable; the number of the first record.
    Good(u64),
    /// A whole header of a format that is newer than this program.
    Newer(u16),
    /// Not a header.
    Bad,
}

/// The header of a new segment.
pub(super) fn segment_header(first_seq: u64) -> [u8; SEGMENT_HEADER] {
    let mut header = [0; SEGMENT_HEADER];
    header[0..6].copy_from_slice(&SEGMENT_MAGIC);
    header[6..8].copy_from_slice(&SEGMENT_VERSION.to_le_bytes());
    header[8..16].copy_from_slice(&first_seq.to_le_bytes());
    let crc = crc32fast::hash(&header[..20]);
    header[20..24].copy_from_slice(&crc.to_le_bytes());
    header
}

/// Reads a segment header.
pub(super) fn parse_segment_header(bytes: &[u8; SEGMENT_HEADER]) -> SegmentHeader {
    let version = u16::from_le_bytes([bytes[6], bytes[7]]);
    if bytes[..6] != SEGMENT_MAGIC || crc32fast::hash(&bytes[..20]) != u32_at(bytes, 20) || version == 0 {
        SegmentHeader::Bad
    } else if version > SEGMENT_VERSION {
        SegmentHeader::Newer(version)
    } else {
        SegmentHeader::Good(u64_at(bytes, 8))
    }
}

/// A frame header that is plausible; whether it is true, the checksum says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameHeader {
    crc: u32,
    /// Bytes of the payload.
    pub(super) payload: usize,
    /// Records in it.
    pub(super) count: u32,
    /// Number of the first record.
    pub(super) first_seq: u64,
}

impl FrameHeader {
    /// Reads a header; `None` where no frame can begin with these bytes.
    pub(super) fn parse(bytes: &[u8; FRAME_HEADER]) -> Option<Self> {
        let payload = usize::try_from(u32_at(bytes, 8)).ok()?;
        let header = Self { crc: u32_at(bytes, 4), payload, count: u32_at(bytes, 12), first_seq: u64_at(bytes, 16) };
        let least = u64::from(header.count) * 4;
        let plausible = bytes[..4] == FRAME_MAGIC
            && payload <= PAYLOAD_MAX
            && header.count > 0
            && least <= payload as u64
            && header.first_seq > 0
            && header.first_seq.checked_add(u64::from(header.count)).is_some();
        plausible.then_some(header)
    }

    /// Whether header and payload are what was written.
    pub(super) fn is_true(&self, bytes: &[u8; FRAME_HEADER], payload: &[u8]) -> bool {
        payload.len() == self.payload && checksum(&bytes[8..], payload) == self.crc
    }

    /// Number of the last record.
    pub(super) const fn last_seq(&self) -> u64 {
        self.first_seq + self.count as u64 - 1
    }
}

/// Writes the header of a frame in front of its payload: `frame` is 24 free bytes and the payload.
pub(super) fn seal(frame: &mut [u8], first_seq: u64, count: u32) {
    let Some((header, payload)) = frame.split_first_chunk_mut::<FRAME_HEADER>() else { return };
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    header[0..4].copy_from_slice(&FRAME_MAGIC);
    header[8..12].copy_from_slice(&length.to_le_bytes());
    header[12..16].copy_from_slice(&count.to_le_bytes());
    header[16..24].copy_from_slice(&first_seq.to_le_bytes());
    let crc = checksum(&header[8..], payload);
    header[4..8].copy_from_slice(&crc.to_le_bytes());
}

/// The records of a payload, with their numbers. An error is a sentence about what is wrong.
pub(super) fn records(header: &FrameHeader, payload: &[u8], each: &mut dyn FnMut(u64, &[u8])) -> Result<(), String> {
    let mut rest = payload;
    for seq in header.first_seq..=header.last_seq() {
        let cut = || format!("record {seq} is longer than its frame");
        let (length, tail) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let (record, tail) = tail.split_at_checked(length).ok_or_else(cut)?;
        each(seq, record);
        rest = tail;
    }
    if rest.is_empty() { Ok(()) } else { Err(format!("{} bytes follow the last record of the frame", rest.len())) }
}

/// The first true frame in `bytes` whose records number at least `from_seq`: its offset and header.
pub(super) fn find_frame(bytes: &[u8], from_seq: u64) -> Option<(usize, FrameHeader)> {
    let mut start = 0;
    while let Some(step) = bytes.get(start..)?.iter().position(|byte| *byte == FRAME_MAGIC[0]) {
        let at = start + step;
        let (head, rest) = bytes[at..].split_first_chunk::<FRAME_HEADER>()?;
        if let Some(header) = FrameHeader::parse(head).filter(|header| header.first_seq >= from_seq)
            && let Some(payload) = rest.get(..header.payload)
            && header.is_true(head, payload)
        {
            return Some((at, header));
        }
        start = at + 1;
    }
    None
}

fn checksum(header: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(header);
    hasher.update(payload);
    hasher.finalize()
}

/// A little-endian u32 at a fixed offset of a header, which is always long enough.
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|it| it.first_chunk()).map_or(0, |it| u32::from_le_bytes(*it))
}

/// A little-endian u64 at a fixed offset of a header, which is always long enough.
fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(|it| it.first_chunk()).map_or(0, |it| u64::from_le_bytes(*it))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(first_seq: u64, bodies: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = vec![0; FRAME_HEADER];
        for body in bodies {
            bytes.extend_from_slice(&u32::try_from(body.len()).unwrap().to_le_bytes());
            bytes.extend_from_slice(body);
        }
        seal(&mut bytes, first_seq, u32::try_from(bodies.len()).unwrap());
        bytes
    }

    fn bodies() -> impl Strategy<Value = Vec<Vec<u8>>> {
        prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..8)
    }

    proptest! {
        #[test]
        fn frames_come_back(first_seq in 1..u64::MAX / 2, bodies in bodies()) {
            let bytes = frame(first_seq, &bodies);
            let (head, payload) = bytes.split_first_chunk().unwrap();
            let header = FrameHeader::parse(head).unwrap();
            prop_assert!(header.is_true(head, payload));
            let mut found = Vec::new();
            records(&header, payload, &mut |seq, body| found.push((seq, body.to_vec()))).unwrap();
            prop_assert_eq!(found, (first_seq..).zip(bodies).collect::<Vec<_>>());
        }

        #[test]
        fn any_flipped_bit_is_noticed(bodies in bodies(), byte in any::<prop::sample::Index>(), bit in 0u8..8) {
            let mut bytes = frame(7, &bodies);
            let at = byte.index(bytes.len());
            bytes[at] ^= 1u8 << bit;
            let (head, payload) = bytes.split_first_chunk().unwrap();
            prop_assert!(!FrameHeader::parse(head).is_some_and(|header| header.is_true(head, payload)));
        }

        #[test]
        fn any_bytes_are_searched_without_panic(bytes in prop::collection::vec(prop_oneof![Just(0xFF), Just(0xAD), Just(0xFE), Just(0x0A), any::<u8>()], 0..300)) {
            let _ = find_frame(&bytes, 0);
            if let Some(head) = bytes.first_chunk() {
                let _ = parse_segment_header(head);
            }
        }

        #[test]
        fn any_payload_is_walked_without_panic(payload in prop::collection::vec(any::<u8>(), 0..60), count in 1u32..20) {
            let header = FrameHeader { crc: 0, payload: payload.len(), count, first_seq: 1 };
            let _ = records(&header, &payload, &mut |_, _| {});
        }

        #[test]
        fn a_frame_is_found_behind_garbage(garbage in prop::collection::vec(any::<u8>(), 0..100), bodies in bodies()) {
            let mut bytes = garbage.clone();
            bytes.extend(frame(9, &bodies));
            prop_assert_eq!(find_frame(&bytes, 9).map(|(at, _)| at), Some(garbage.len()));
            prop_assert_eq!(find_frame(&bytes, 10), None);
        }
    }

    #[test]
    fn a_newer_segment_is_told_from_a_bad_one() {
        let header = segment_header(12);
        assert_eq!(parse_segment_header(&header), SegmentHeader::Good(12));
        let mut newer = header;
        newer[6] = 9;
        assert_eq!(parse_segment_header(&newer), SegmentHeader::Bad);
        let crc = crc32fast::hash(&newer[..20]);
        newer[20..24].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(parse_segment_header(&newer), SegmentHeader::Newer(9));
    }
}
