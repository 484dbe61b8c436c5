//! Errors in the TOML itself, said in our words.
//!
//! Owns which of them leave the rest of the file readable: those inside one value do, those in the
//! structure (an open bracket) don't. Must not know any key.

use super::problem::{Kind, Sink};
use std::ops::Range;
use toml::de::Error;

/// Notes the errors.
pub(super) fn report(sink: &Sink<'_>, source: &str, errors: &[Error]) {
    for error in errors {
        let span = error.span().map_or(0..0, |span| whole_word(source, span));
        let written = source.get(span.clone()).unwrap_or_default();
        let mut kind = Kind::Syntax;
        let (message, help) = match error.message() {
            "duplicate key" => {
                (format!("`{written}` stands here a second time"), "remove one of the two, or merge them".into())
            }
            text if is_value(text) && written.is_empty() => {
                ("there is no value after `=`".into(), "write a value, or put # before the line".into())
            }
            text if is_value(text) => {
                (format!("`{written}` is no value"), format!("put text in quotes: \"{written}\""))
            }
            other => {
                kind = Kind::Structure;
                (format!("this is not TOML: {other}"), "see https://toml.io for the syntax".into())
            }
        };
        sink.push(kind, span, message, help);
    }
}

/// Whether the error is only about one value.
fn is_value(message: &str) -> bool {
    ["string values must be quoted", "invalid boolean", "invalid float", "invalid integer", "invalid number"]
        .iter()
        .any(|start| message.starts_with(start))
}

/// The whole word around a place: the parser names only the part of it that it stumbled over.
fn whole_word(source: &str, span: Range<usize>) -> Range<usize> {
    let ends = |c: char| c.is_whitespace() || "=,[]{}#\"'".contains(c);
    let (Some(before), Some(after)) = (source.get(..span.start), source.get(span.end..)) else { return span };
    let start = before.rfind(ends).map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
    if span.is_empty() && start == span.start {
        return span;
    }
    start..span.end + after.find(ends).unwrap_or(after.len())
}
