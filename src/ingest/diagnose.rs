//! The slow path: why an item that did not fit the wire form does not fit it.
//!
//! Owns the search for the precise code, field and sentence. It looks at kinds (string, number …)
//! and names only, and never repeats a value other than the id and the workflow: what was sent
//! could be a prompt or a secret. Whether a value is a good one is decided in `wire` and `domain`.

use super::nearest::suggestion;
use crate::domain::event::{ATTRIBUTES_MAX, RETRIES_MAX, SCORES_MAX};
use crate::domain::{Refusal, RefusalCode};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// A field of the wire form.
pub(super) struct Field {
    /// Its name.
    pub(super) name: &'static str,
    /// What its value must be.
    pub(super) kind: Kind,
    /// Whether it must be there.
    pub(super) required: bool,
}

/// What a value must be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Whole,
    Flag,
    Money,
    Numbers,
    Texts,
}

/// Keys that people send when they think that andon wants the text of an output.
const TEXTS: [&str; 16] = [
    "prompt",
    "prompts",
    "text",
    "input",
    "inputs",
    "output",
    "outputs",
    "completion",
    "completions",
    "messages",
    "message",
    "content",
    "response",
    "question",
    "answer",
    "transcript",
];

/// Names that other tools use for a field of ours, too different for the edit distance to see.
const OTHER_NAMES: [(&str, &str); 12] = [
    ("timestamp", "time"),
    ("ts", "time"),
    ("created_at", "time"),
    ("status", "outcome"),
    ("result", "outcome"),
    ("error", "exception"),
    ("error_type", "exception"),
    ("duration_ms", "latency_ms"),
    ("cost_usd", "cost"),
    ("tags", "attributes"),
    ("labels", "attributes"),
    ("metrics", "scores"),
];

/// More entries than any valid object has: among so many one is unknown or stands twice.
const ENTRIES_MAX: usize = 64;

/// An object's entries in the order sent, duplicates included, the first [`ENTRIES_MAX`] of them.
struct Entries<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Entries<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while entries.len() < ENTRIES_MAX {
                    let Some(entry) = map.next_entry()? else { return Ok(Entries(entries)) };
                    entries.push(entry);
                }
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// One thing that is wrong with an item.
struct Fault {
    code: RefusalCode,
    field: String,
    message: String,
}

/// Finds out why `text` is not readable as an item with these fields.
pub(super) fn diagnose(text: &str, noun: &str, fields: &[Field]) -> Refusal {
    let raw = match serde_json::from_str::<&RawValue>(text) {
        Ok(raw) => raw,
        Err(error) => return unreadable(&error),
    };
    if kind_of(raw) != "an object" {
        let message = format!("{noun} must be a JSON object, and {} was sent", kind_of(raw));
        return Refusal::new(RefusalCode::WrongType, message);
    }
    let entries = match serde_json::from_str::<Entries<'_>>(text) {
        Ok(Entries(entries)) => entries,
        Err(error) => return unreadable(&error),
    };
    let fault = entries
        .iter()
        .enumerate()
        .find_map(|(at, (name, value))| {
            let twice = entries[..at].iter().any(|(other, _)| other == name);
            fault_of(name, value, twice, fields)
        })
        .or_else(|| missing(&entries, noun, fields));
    let refusal = match fault {
        Some(Fault { code, field, message }) => Refusal::new(code, message).at_field(&field),
        None => Refusal::new(RefusalCode::Unreadable, format!("this is not readable as {noun}")),
    };
    let text_of = |wanted: &str| {
        let (_, value) = entries.iter().find(|(name, _)| name == wanted)?;
        serde_json::from_str::<String>(value.get()).ok()
    };
    refusal.of(text_of("id").as_deref().unwrap_or_default(), text_of("workflow").as_deref())
}

/// The refusal of an item that is no JSON at all.
fn unreadable(error: &serde_json::Error) -> Refusal {
    let message = format!("not readable as JSON at column {}: {}", error.column(), reason(error));
    Refusal::new(RefusalCode::Unreadable, message)
}

/// What the JSON reader says, without the place and without any value.
pub(super) fn reason(error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "it ends too early".to_owned();
    }
    if error.is_data() {
        // Only these messages could quote what was sent.
        return "it has the wrong shape".to_owned();
    }
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

fn fault_of(name: &str, value: &RawValue, twice: bool, fields: &[Field]) -> Option<Fault> {
    let Some(field) = fields.iter().find(|field| field.name == name) else {
        return Some(unknown(name, fields));
    };
    if twice {
        let message = format!("`{name}` stands twice: send it once");
        return Some(Fault { code: RefusalCode::Contradiction, field: name.to_owned(), message });
    }
    if kind_of(value) == "null" {
        // Null means absent; whether the field may be absent is asked when all were looked at.
        return None;
    }
    match field.kind {
        Kind::Numbers => inner_fault(name, value, Kind::Number, SCORES_MAX),
        Kind::Texts => inner_fault(name, value, Kind::Text, ATTRIBUTES_MAX),
        kind => value_fault(name, value, kind),
    }
}

fn unknown(name: &str, fields: &[Field]) -> Fault {
    let code = RefusalCode::UnknownField;
    let lower = name.to_ascii_lowercase();
    if TEXTS.contains(&lower.as_str()) {
        let message = "andon never takes prompts, answers or other texts: leave this field out".to_owned();
        return Fault { code, field: name.to_owned(), message };
    }
    let names = || fields.iter().map(|field| field.name);
    let other = OTHER_NAMES.iter().find(|(theirs, ours)| *theirs == lower && names().any(|name| name == *ours));
    let hint = match other {
        Some((_, ours)) => format!(" (did you mean `{ours}`?)"),
        None => suggestion(name, names()),
    };
    let known = names().collect::<Vec<_>>().join(", ");
    let message = format!("this field is not known{hint}: the fields are {known}");
    Fault { code, field: name.to_owned(), message }
}

fn missing(entries: &[(Cow<'_, str>, &RawValue)], noun: &str, fields: &[Field]) -> Option<Fault> {
    let there = |name: &str| entries.iter().any(|(key, value)| key == name && kind_of(value) != "null");
    let field = fields.iter().find(|field| field.required && !there(field.name))?;
    let message = format!("`{}` is missing: {noun} can't do without it", field.name);
    Some(Fault { code: RefusalCode::MissingField, field: field.name.to_owned(), message })
}

/// The first wrong value in an object of values, or the fault that it is none.
fn inner_fault(name: &str, value: &RawValue, kind: Kind, max: usize) -> Option<Fault> {
    let fault = |code, message| Some(Fault { code, field: name.to_owned(), message });
    let what = if kind == Kind::Number { "numbers" } else { "strings" };
    if kind_of(value) != "an object" {
        let message = format!("`{name}` must be an object of {what} by name, and {} was sent", kind_of(value));
        return fault(RefusalCode::WrongType, message);
    }
    let Ok(Entries(entries)) = serde_json::from_str::<Entries<'_>>(value.get()) else {
        return fault(RefusalCode::InvalidValue, format!("`{name}` holds a name that is not valid Unicode"));
    };
    let wrong = entries
        .iter()
        .filter(|(_, value)| kind_of(value) != "null")
        .find_map(|(inner, value)| value_fault(&format!("{name}.{inner}"), value, kind));
    if wrong.is_none() && entries.len() > max {
        return fault(RefusalCode::InvalidValue, format!("`{name}` may hold at most {max} {what}"));
    }
    wrong
}

fn value_fault(name: &str, value: &RawValue, kind: Kind) -> Option<Fault> {
    let text = value.get();
    let got = kind_of(value);
    let expected = match kind {
        Kind::Text => "a string",
        Kind::Number => "a number",
        Kind::Whole => "a whole number such as 2",
        Kind::Flag => "true or false",
        Kind::Money => "a number or a string such as \"0.0042\"",
        Kind::Numbers | Kind::Texts => "an object",
    };
    let fits = match kind {
        Kind::Text => got == "a string",
        Kind::Number => got == "a number",
        Kind::Whole => got == "a number" && !text.contains(['.', 'e', 'E']),
        Kind::Flag => got == "true or false",
        Kind::Money => got == "a number" || got == "a string",
        Kind::Numbers | Kind::Texts => got == "an object",
    };
    let (code, message) = if !fits {
        let sent = if kind == Kind::Whole && got == "a number" { "a number with a fraction or exponent" } else { got };
        (RefusalCode::WrongType, format!("`{name}` must be {expected}, and {sent} was sent"))
    } else if got == "a string" && serde_json::from_str::<Cow<'_, str>>(text).is_err() {
        (RefusalCode::InvalidValue, format!("`{name}` holds an escape that is not valid Unicode"))
    } else if kind == Kind::Number && !text.parse().is_ok_and(f64::is_finite) {
        (RefusalCode::InvalidNumber, format!("`{name}` is too large a number"))
    } else if kind == Kind::Whole && text.parse::<u32>().is_err() {
        (RefusalCode::InvalidNumber, format!("`{name}` must be between 0 and {RETRIES_MAX}"))
    } else {
        return None;
    };
    Some(Fault { code, field: name.to_owned(), message })
}

/// The kind of a JSON value, as it stands in sentences. The first byte tells.
pub(super) fn kind_of(value: &RawValue) -> &'static str {
    match value.get().as_bytes().first() {
        Some(b'"') => "a string",
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "true or false",
        Some(b'n') => "null",
        _ => "a number",
    }
}
