//! Printing: for people on a terminal, as JSON for programs.
//!
//! Owns the only places that write to standard output and standard error. A reader that went away
//! (`| head`) is no error.

use serde::Serialize;
use std::io::{IsTerminal as _, Write as _};

/// Prints a line to standard output.
pub(super) fn line(text: impl std::fmt::Display) {
    drop(writeln!(std::io::stdout().lock(), "{text}"));
}

/// Prints a line to standard error.
pub(super) fn complain(text: impl std::fmt::Display) {
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

/// Writes over the last line of standard error, which must be a terminal.
pub(super) fn over(text: impl std::fmt::Display) {
    let mut error = std::io::stderr().lock();
    drop(write!(error, "\r{text}\x1b[K"));
    drop(error.flush());
}

/// Whether standard error is looked at by a person.
pub(super) fn is_terminal_err() -> bool {
    std::io::stderr().is_terminal()
}

/// Prints a value as JSON, one object, indented.
pub(super) fn json(value: &impl Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => line(text),
        Err(error) => complain(format!("the answer can't be written as JSON: {error}")),
    }
}

/// Prints a value as one line of JSON.
pub(super) fn json_line(value: &impl Serialize) {
    match serde_json::to_string(value) {
        Ok(text) => line(text),
        Err(error) => complain(format!("the answer can't be written as JSON: {error}")),
    }
}
