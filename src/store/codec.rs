//! The journal's records: one input of the monitor and the time it was taken, as bytes.
//!
//! Owns the layout inside a record and its versions. Must not know frames, files or checksums:
//! the bytes come in whole, yet any bytes at all must give a record or an error, never a panic.

use crate::domain::{Input, OutputEvent, Review, Text, Time, Verdict, WorkflowId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

// Layout of a record, little-endian:
//
//   offset  bytes  what
//        0      1  tag: kind in the upper four bits, version of that kind in the lower four
//        1      8  now, milliseconds since 1970, signed
//        9      …  body
//
// Bodies: started, policy and command are JSON (rare, and readable without this program); events
// and reviews are items one after the other, each a u32 length and so many bytes of postcard, so
// that a reader may skip items; a tick has none. Version 2 of reviews has the minutes that a review took.

/// Bytes before the body.
const HEAD_BYTES: usize = 9;
/// The version of every kind but reviews so far.
const VERSION: u8 = 1;
/// The version of reviews.
const REVIEWS_VERSION: u8 = 2;
const STARTED: u8 = 1;
const POLICY: u8 = 2;
const EVENTS: u8 = 3;
const REVIEWS: u8 = 4;
const COMMAND: u8 = 5;
const TICK: u8 = 6;

/// Why bytes are not a record, or an input can't become one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Fewer bytes than the head.
    #[error("{0} bytes are fewer than the head of a record, {HEAD_BYTES}")]
    Short(usize),
    /// A kind or version that this program doesn't know.
    #[error(
        "record kind {kind} of version {version} is unknown (this andon reads kinds 1 to {TICK} of version {VERSION}, and {REVIEWS} of version {REVIEWS_VERSION}): a newer andon wrote it"
    )]
    Unknown {
        /// The kind.
        kind: u8,
        /// The version.
        version: u8,
    },
    /// An item says that it is longer than the rest of the record.
    #[error("item {index} needs {need} bytes, and {left} are left")]
    Cut {
        /// Position of the item, from 0.
        index: usize,
        /// Bytes it needs.
        need: usize,
        /// Bytes there are.
        left: usize,
    },
    /// An item can't be read.
    #[error("item {index}: {cause}")]
    Item {
        /// Position of the item, from 0.
        index: usize,
        /// Why.
        cause: String,
    },
    /// The body can't be read or written.
    #[error("the body: {0}")]
    Body(String),
}

/// The JSON body of a start.
#[derive(Serialize, Deserialize, PartialEq)]
struct Started<V> {
    version: V,
}

/// A review as version 1 has it.
#[derive(Deserialize)]
struct ReviewV1 {
    id: Text,
    workflow: WorkflowId,
    output_id: Text,
    verdict: Verdict,
    exception: Option<Text>,
    reviewer: Text,
    time: Option<Time>,
    note: Option<Text>,
}

impl From<ReviewV1> for Review {
    fn from(old: ReviewV1) -> Self {
        let ReviewV1 { id, workflow, output_id, verdict, exception, reviewer, time, note } = old;
        Self { id, workflow, output_id, verdict, exception, reviewer, time, note, minutes: None }
    }
}

/// Appends a record to `out`.
pub fn encode_record(now: Time, input: &Input, out: &mut Vec<u8>) -> Result<(), CodecError> {
    match input {
        Input::Started { version } => {
            head(STARTED, now, out);
            json(&Started { version: version.clone() }, out)
        }
        Input::Policy(policy) => {
            head(POLICY, now, out);
            json(policy, out)
        }
        Input::Command(command) => {
            head(COMMAND, now, out);
            json(command, out)
        }
        Input::Tick => {
            head(TICK, now, out);
            Ok(())
        }
        Input::Events(events) => {
            head(EVENTS, now, out);
            events.iter().try_for_each(|event| item(event, out))
        }
        Input::Reviews(reviews) => {
            head(REVIEWS, now, out);
            reviews.iter().try_for_each(|review| item(review, out))
        }
    }
}

/// Reads a record.
pub fn decode_record(bytes: &[u8]) -> Result<(Time, Input), CodecError> {
    let now = record_time(bytes)?;
    let (kind, version) = (bytes[0] >> 4, bytes[0] & 0x0f);
    let body = &bytes[HEAD_BYTES..];
    let input = match (kind, version) {
        (STARTED, VERSION) => from_json::<Started<String>>(body).map(|it| Input::Started { version: it.version })?,
        (POLICY, VERSION) => Input::Policy(from_json(body)?),
        (COMMAND, VERSION) => Input::Command(from_json(body)?),
        (EVENTS, VERSION) => Input::Events(items::<OutputEvent>(body)?),
        (REVIEWS, REVIEWS_VERSION) => Input::Reviews(items::<Review>(body)?),
        (REVIEWS, VERSION) => Input::Reviews(items::<ReviewV1>(body)?.into_iter().map(Review::from).collect()),
        (TICK, VERSION) if body.is_empty() => Input::Tick,
        (TICK, VERSION) => {
            return Err(CodecError::Body(format!("a tick has none, and {} bytes are there", body.len())));
        }
        (kind, version) => return Err(CodecError::Unknown { kind, version }),
    };
    Ok((now, input))
}

/// When a record was taken, without reading the rest.
pub fn record_time(bytes: &[u8]) -> Result<Time, CodecError> {
    let head = bytes.first_chunk::<HEAD_BYTES>().ok_or(CodecError::Short(bytes.len()))?;
    let [_, t0, t1, t2, t3, t4, t5, t6, t7] = *head;
    Ok(Time(i64::from_le_bytes([t0, t1, t2, t3, t4, t5, t6, t7])))
}

/// Appends one event in the form that [`EventsRecord::push_encoded`] takes.
///
/// Whoever parsed the event calls this, in parallel, so that the one writer only copies bytes.
pub fn encode_event(event: &OutputEvent, out: &mut Vec<u8>) -> Result<(), CodecError> {
    item(event, out)
}

/// Builds an events record from events that were encoded elsewhere. The buffer is used again.
#[derive(Debug, Default)]
pub struct EventsRecord {
    bytes: Vec<u8>,
}

impl EventsRecord {
    /// Starts a new record and forgets the previous one.
    pub fn begin(&mut self, now: Time) {
        self.bytes.clear();
        head(EVENTS, now, &mut self.bytes);
    }

    /// Adds what [`encode_event`] made: one event, or several one after the other.
    pub fn push_encoded(&mut self, encoded: &[u8]) {
        self.bytes.extend_from_slice(encoded);
    }

    /// Whether no event was added since the start.
    pub fn is_empty(&self) -> bool {
        self.bytes.len() <= HEAD_BYTES
    }

    /// The record.
    pub fn finish(&self) -> &[u8] {
        &self.bytes
    }
}

fn head(kind: u8, now: Time, out: &mut Vec<u8>) {
    let version = if kind == REVIEWS { REVIEWS_VERSION } else { VERSION };
    out.push(kind << 4 | version);
    out.extend_from_slice(&now.0.to_le_bytes());
}

/// Appends JSON, and makes sure that it reads back to the same value: a policy that is journalled
/// but can't be replayed (an infinite bound, say) would keep the daemon from ever starting again.
fn json<T: Serialize + DeserializeOwned + PartialEq>(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
    let start = out.len();
    serde_json::to_writer(&mut *out, value).map_err(|error| CodecError::Body(error.to_string()))?;
    if from_json::<T>(&out[start..])? == *value {
        Ok(())
    } else {
        Err(CodecError::Body("it doesn't read back as it was written".to_owned()))
    }
}

fn from_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, CodecError> {
    serde_json::from_slice(body).map_err(|error| CodecError::Body(error.to_string()))
}

/// Appends the length and the postcard bytes of one item.
fn item<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    postcard::serialize_with_flavor(value, Append(out)).map_err(|error| CodecError::Body(error.to_string()))?;
    let bytes = out.len() - start - 4;
    let length = u32::try_from(bytes).map_err(|_| CodecError::Body(format!("an item of {bytes} bytes is too long")))?;
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    Ok(())
}

/// Reads items until the end of the body. Nothing is allocated for a length before it was checked.
fn items<T: DeserializeOwned>(mut body: &[u8]) -> Result<Vec<T>, CodecError> {
    let mut out = Vec::new();
    while !body.is_empty() {
        let index = out.len();
        let (length, rest) =
            body.split_first_chunk::<4>().ok_or(CodecError::Cut { index, need: 4, left: body.len() })?;
        let need = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let (bytes, rest) = rest.split_at_checked(need).ok_or(CodecError::Cut { index, need, left: rest.len() })?;
        let (value, unread) = postcard::take_from_bytes::<T>(bytes)
            .map_err(|error| CodecError::Item { index, cause: error.to_string() })?;
        if !unread.is_empty() {
            return Err(CodecError::Item { index, cause: format!("{} bytes too many", unread.len()) });
        }
        out.push(value);
        body = rest;
    }
    Ok(out)
}

/// Lets postcard write to the end of a buffer that goes on to be used.
struct Append<'a>(&'a mut Vec<u8>);

impl postcard::ser_flavors::Flavor for Append<'_> {
    type Output = ();

    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(data);
        Ok(())
    }

    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.0.push(data);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}
