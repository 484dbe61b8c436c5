//! One message: what happened, the numbers, what to do, and where to look.
//!
//! Owns its parts and their bounds. Each kind of target gives them a form of its own; none adds a fact.

use crate::domain::refusal::cut;
use crate::domain::{NoticeKind, Severity, Time};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Longest first line, bytes.
const HEADLINE_MAX: usize = 300;
/// Longest other text, bytes.
const TEXT_MAX: usize = 2_000;
/// Workflows that a message names; it says how many more there are.
pub(super) const WORKFLOWS_MAX: usize = 50;
/// Entries of the ledger that a message carries; it says how many more there are.
pub(super) const ENTRIES_MAX: usize = 20;

/// One message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The same for the same event, however often it is sent.
    pub id: String,
    /// The kind of event, as in the configuration.
    pub event: String,
    /// What happened, such as `andon.mode.lowered`.
    pub r#type: String,
    /// When.
    pub time: Time,
    /// The workflow; `None` for the whole house.
    pub workflow: Option<String>,
    /// Who answers for it; may be empty.
    pub owner: String,
    /// The incident that it is about.
    pub incident: Option<String>,
    /// How bad it is.
    pub severity: Option<Severity>,
    /// The first line.
    pub headline: String,
    /// Why, in a sentence; may be empty.
    pub reason: String,
    /// The numbers, with their units.
    pub facts: Vec<Fact>,
    /// What to do, a sentence each.
    pub to_do: Vec<String>,
    /// Where to look.
    pub links: Vec<Link>,
    /// The workflows, where it is about several.
    pub workflows: Vec<String>,
    /// The entries of the ledger that it was made of, as `GET /v1/ledger` shows them.
    pub entries: Vec<Value>,
    /// How many more entries there are.
    pub entries_left_out: u64,
    /// Whether it is only there to try the way.
    pub is_test: bool,
}

/// A number or name, with its unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What it is.
    pub name: String,
    /// Its value, with its unit.
    pub value: String,
}

/// A place to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// What is there.
    pub title: String,
    /// Its address.
    pub url: String,
}

impl Message {
    /// A message of an event.
    pub(super) fn new(id: String, event: NoticeKind, kind: &str, time: Time, headline: &str) -> Self {
        Self {
            id,
            event: event.name().to_owned(),
            r#type: format!("andon.{kind}"),
            time,
            workflow: None,
            owner: String::new(),
            incident: None,
            severity: None,
            headline: plain(headline, HEADLINE_MAX),
            reason: String::new(),
            facts: Vec::new(),
            to_do: Vec::new(),
            links: Vec::new(),
            workflows: Vec::new(),
            entries: Vec::new(),
            entries_left_out: 0,
            is_test: false,
        }
    }

    /// Adds a fact, unless there is nothing to say.
    pub(super) fn fact(&mut self, name: &str, value: impl AsRef<str>) {
        let value = plain(value.as_ref(), TEXT_MAX);
        if !value.is_empty() {
            self.facts.push(Fact { name: name.to_owned(), value });
        }
    }

    /// Says why.
    pub(super) fn because(&mut self, reason: &str) {
        self.reason = plain(reason, TEXT_MAX);
    }

    /// Says what to do.
    pub(super) fn advise(&mut self, what: impl AsRef<str>) {
        self.to_do.push(plain(what.as_ref(), TEXT_MAX));
    }

    /// Adds a link, unless it leads nowhere.
    pub(super) fn link(&mut self, title: &str, url: &str) {
        if url.starts_with("https://") || url.starts_with("http://") {
            let link = Link { title: title.to_owned(), url: plain(url, TEXT_MAX) };
            if !self.links.contains(&link) {
                self.links.push(link);
            }
        }
    }

    /// How urgent it is, in a word before the first line; empty where it isn't.
    pub fn label(&self) -> &'static str {
        match (self.is_test, self.severity) {
            (true, _) => "[test] ",
            (_, Some(Severity::Critical)) => "[critical] ",
            (_, Some(Severity::Major)) => "[major] ",
            (_, Some(Severity::Minor)) => "[minor] ",
            (_, None) => "",
        }
    }
}

/// A text on one line and within a bound: what people wrote may hold anything.
pub(super) fn plain(text: &str, max: usize) -> String {
    let one_line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    cut(one_line.trim(), max).to_string()
}
