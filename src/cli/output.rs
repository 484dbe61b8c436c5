//! Printing: for people on a terminal, as JSON for programs.
//!
//! Owns the only places that write to standard output and standard error. A reader that went away
//! (`| head`) is no error.

use serde::Serialize;
use std::io::Write as _;

/// Prints a line to standard output.
pub(super) fn line(text: impl std::fmt::Display) {
    drop(writeln!(std::io::stdout().lock(), "{text}"));
}

/// Prints a line to standard error.
pub(super) fn complain(text: impl std::fmt::Display) {
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

/// Prints a value as JSON, one object, indented.
pub(super) fn json(value: &impl Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => line(text),
        Err(error) => complain(format!("the answer can't be written as JSON: {error}")),
    }
}
