//! JSON and NDJSON bodies: one object, an array, or one object a line.
//!
//! Owns how a body falls into items and which mistakes cost the whole body (it is no JSON) and
//! which cost one item only. Good items of a batch are never lost because of a bad one.

use super::body::{BodyError, Format};
use super::diagnose::{diagnose, reason};
use super::wire::{Item, Object};
use crate::domain::{OutputEvent, Refusal, RefusalCode, Review};
use serde::de::{Error, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::fmt;
use std::marker::PhantomData;

/// Most items of one body: bounds the refusals that a body of rubbish can cause.
pub const ITEMS_MAX: usize = 100_000;

/// About the length of an event, to size the result in one go.
const ITEM_BYTES_TYPICAL: usize = 300;

/// What a body held.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed<T> {
    /// The good items with their positions in the body, from 0.
    pub items: Vec<(usize, T)>,
    /// Why the others were not taken, in the order of the body.
    pub refusals: Vec<Refusal>,
}

impl<T> Parsed<T> {
    fn sized_for(bytes: usize) -> Self {
        Self { items: Vec::with_capacity((bytes / ITEM_BYTES_TYPICAL + 1).min(ITEMS_MAX)), refusals: Vec::new() }
    }

    fn len(&self) -> usize {
        self.items.len() + self.refusals.len()
    }

    fn push(&mut self, line: Option<usize>, item: Result<T, Refusal>) {
        let index = self.len();
        match item {
            Ok(item) => self.items.push((index, item)),
            Err(refusal) => self.refusals.push(refusal.at(index, line)),
        }
    }
}

/// Reads output events.
pub fn parse_events(body: &[u8], format: Format) -> Result<Parsed<OutputEvent>, BodyError> {
    parse(body, format)
}

/// Reads human verdicts.
pub fn parse_reviews(body: &[u8], format: Format) -> Result<Parsed<Review>, BodyError> {
    parse(body, format)
}

fn parse<T: Item>(body: &[u8], format: Format) -> Result<Parsed<T>, BodyError> {
    // Some tools write a byte order mark; it carries no meaning in UTF-8.
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    // One check of the whole is several times cheaper than one of each string.
    match (format, std::str::from_utf8(body)) {
        (Format::Json, Ok(text)) => parse_json(text),
        (Format::Json, Err(error)) => Err(not_utf8(body, error.valid_up_to())),
        (Format::NdJson, Ok(text)) => parse_lines(body.len(), text.split('\n').map(Some)),
        (Format::NdJson, Err(_)) => {
            let lines = body.split(|byte| *byte == b'\n');
            parse_lines(body.len(), lines.map(|line| std::str::from_utf8(line).ok()))
        }
    }
}

/// The error of the first byte that is not UTF-8.
fn not_utf8(body: &[u8], valid: usize) -> BodyError {
    let before = &body[..valid];
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    let column = 1 + before.iter().rev().take_while(|byte| **byte != b'\n').count();
    BodyError::Unreadable { line, column, reason: "this is not UTF-8".to_owned() }
}

/// Reads lines; `None` stands for a line that is not UTF-8.
fn parse_lines<'a, T: Item>(
    bytes: usize,
    lines: impl Iterator<Item = Option<&'a str>>,
) -> Result<Parsed<T>, BodyError> {
    let mut parsed = Parsed::sized_for(bytes);
    for (number, line) in lines.enumerate() {
        let item = match line.map(str::trim_ascii) {
            Some("") => continue,
            Some(text) => read(text),
            None => Err(Refusal::new(RefusalCode::Unreadable, "this line is not UTF-8")),
        };
        if parsed.len() == ITEMS_MAX {
            return Err(BodyError::TooManyItems { limit: ITEMS_MAX });
        }
        parsed.push(Some(number + 1), item);
    }
    Ok(parsed)
}

fn read<T: Item>(text: &str) -> Result<T, Refusal> {
    match serde_json::from_str::<Object<T::Wire<'_>>>(text) {
        Ok(Object(wire)) => T::from_wire(wire),
        Err(_) => Err(diagnose(text, T::NOUN, T::FIELDS)),
    }
}

fn parse_json<T: Item>(text: &str) -> Result<Parsed<T>, BodyError> {
    match text.trim_ascii_start().as_bytes().first() {
        Some(b'[') => parse_array(text),
        Some(b'{') => {
            let mut parsed = Parsed::sized_for(0);
            match serde_json::from_str::<Object<T::Wire<'_>>>(text) {
                Ok(Object(wire)) => parsed.push(None, T::from_wire(wire)),
                Err(_) => {
                    let raw: &RawValue = serde_json::from_str(text).map_err(|error| unreadable(&error))?;
                    parsed.push(None, Err(diagnose(raw.get(), T::NOUN, T::FIELDS)));
                }
            }
            Ok(parsed)
        }
        first => {
            let what = if first.is_none() { "the body is empty" } else { "this is no object and no array" };
            let reason = format!("{what}: send {} as a JSON object, or an array of such objects", T::NOUN);
            Err(BodyError::Unreadable { line: 1, column: 1, reason })
        }
    }
}

fn unreadable(error: &serde_json::Error) -> BodyError {
    let mut reason = reason(error);
    if reason == "trailing characters" {
        reason = "more follows after the first value: send an array, or one object a line with \
                  `Content-Type: application/x-ndjson`"
            .to_owned();
    }
    BodyError::Unreadable { line: error.line(), column: error.column(), reason }
}

fn parse_array<T: Item>(text: &str) -> Result<Parsed<T>, BodyError> {
    if let Ok(Typed(parsed)) = serde_json::from_str::<Typed<T>>(text) {
        return Ok(parsed);
    }
    // One item does not fit: look at each on its own, so that the others are not lost.
    let Raw { items, more } = serde_json::from_str(text).map_err(|error| unreadable(&error))?;
    if more {
        return Err(BodyError::TooManyItems { limit: ITEMS_MAX });
    }
    let mut parsed = Parsed::sized_for(text.len());
    for raw in items {
        parsed.push(None, read(raw.get()));
    }
    Ok(parsed)
}

/// An array whose items all have the wire form.
struct Typed<T>(Parsed<T>);

impl<'de, T: Item> Deserialize<'de> for Typed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect<T>(PhantomData<T>);
        impl<'de, T: Item> Visitor<'de> for Collect<T> {
            type Value = Typed<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut parsed = Parsed::sized_for(0);
                while let Some(Object(wire)) = seq.next_element::<Object<T::Wire<'de>>>()? {
                    if parsed.len() == ITEMS_MAX {
                        return Err(A::Error::custom("too many"));
                    }
                    parsed.push(None, T::from_wire(wire));
                }
                Ok(Typed(parsed))
            }
        }
        deserializer.deserialize_seq(Collect(PhantomData))
    }
}

/// An array's items as text, the first [`ITEMS_MAX`] of them.
struct Raw<'a> {
    items: Vec<&'a RawValue>,
    /// Whether there are more.
    more: bool,
}

impl<'de> Deserialize<'de> for Raw<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Raw<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while items.len() < ITEMS_MAX {
                    let Some(item) = seq.next_element()? else { return Ok(Raw { items, more: false }) };
                    items.push(item);
                }
                let mut more = false;
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    more = true;
                }
                Ok(Raw { items, more })
            }
        }
        deserializer.deserialize_seq(Collect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `cargo test --release --lib -- --ignored --nocapture parse_speed`: thread CPU time, so that
    /// other work on the machine hardly matters.
    #[test]
    #[ignore = "measures; asserts nothing"]
    fn parse_speed() {
        let line = |n: usize| {
            format!(
                "{{\"id\":\"01JD8Z6W7YQ3N5T0000{n:07}\",\"workflow\":\"wf-{:03}\",\"time\":\"2026-11-21T20:15:00.123Z\",\
                 \"outcome\":\"ok\",\"latency_ms\":1234.5,\"cost\":0.00042,\"units\":1,\"scores\":{{\"brand_fit\":0.91,\
                 \"toxicity\":0.012,\"quality\":0.77}},\"attributes\":{{\"locale\":\"de\",\"segment\":\"b2b\",\
                 \"channel\":\"email\"}},\"model\":\"large-2026-10\",\"mode\":\"automate\"}}",
                n % 100
            )
        };
        let lines: Vec<String> = (0..1000).map(line).collect();
        let cpu_ns = || -> u64 {
            let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
            text.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or_default()
        };
        let bytes = lines[0].len() + 1;
        for (name, body, format) in [
            ("NDJSON", lines.join("\n"), Format::NdJson),
            ("array", format!("[{}]", lines.join(",")), Format::Json),
            ("array with one bad item", format!("[{},{{}}]", lines.join(",")), Format::Json),
        ] {
            let mut rounds: Vec<u64> = (0..15)
                .map(|_| {
                    let before = cpu_ns();
                    for _ in 0..50 {
                        std::hint::black_box(parse_events(body.as_bytes(), format).unwrap());
                    }
                    (cpu_ns() - before) / 50_000
                })
                .collect();
            rounds.sort_unstable();
            println!("{name}: {} ns/event [{}..{}] at {bytes} bytes", rounds[7], rounds[0], rounds[14]);
        }
    }
}
