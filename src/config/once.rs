//! Names that may be declared only once: base items, workflows, guards of a workflow.
//!
//! Owns remembering where each name was seen first. Must not know what the names are of.

use super::section::Section;
use std::collections::BTreeMap;

/// The names seen so far, with their lines.
#[derive(Debug, Default)]
pub(super) struct Once(BTreeMap<String, usize>);

impl Once {
    /// Remembers a name; notes a problem at `key` if it was there before. Whether it is new.
    pub(super) fn check(&mut self, section: &Section<'_>, key: &str, name: &str, what: &str, help: &str) -> bool {
        if let Some(first) = self.0.get(name) {
            section.problem(key, format!("{what} `{name}` is declared twice, first in line {first}"), help);
            return false;
        }
        self.0.insert(name.to_owned(), section.sink().line(section.span(key).start));
        true
    }

    /// Whether a name is declared.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The names.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}
