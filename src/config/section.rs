//! A table of the file with its keys: reads values, defaults included, and notes what is wrong.
//!
//! Owns the unknown, missing and misplaced keys, and the names of places in messages. What may
//! stand where comes from `keys`, how a value is written from `values`. Must not know meanings.

use super::keys::{self, Need};
use super::problem::{Kind, Sink};
use super::values::Read;
use super::words::{either, nearest};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One table of the file, or one that isn't there and has only defaults.
#[derive(Debug)]
pub(super) struct Section<'t> {
    sink: &'t Sink<'t>,
    name: &'static str,
    signal: &'static str,
    table: Option<&'t DeTable<'t>>,
    span: Range<usize>,
    /// Keys that are missing because somebody mistyped them: one mistake is one problem.
    mistyped: Vec<&'static str>,
}

impl<'t> Section<'t> {
    /// The whole file.
    pub(super) fn root(sink: &'t Sink<'t>, table: &'t DeTable<'t>) -> Self {
        Self::new(sink, "", Some(table), 0..0)
    }

    /// A whole file of access tokens.
    pub(super) fn tokens(sink: &'t Sink<'t>, table: &'t DeTable<'t>) -> Self {
        Self::new(sink, "tokens", Some(table), 0..0)
    }

    fn new(sink: &'t Sink<'t>, name: &'static str, table: Option<&'t DeTable<'t>>, span: Range<usize>) -> Self {
        let mut section = Self { sink, name, signal: "", table, span, mistyped: Vec::new() };
        // Which keys a guard may have depends on its signal, so whoever reads the signal checks.
        if name != "workflow.guard" {
            section.check_keys("");
        }
        section
    }

    /// The collector of problems.
    pub(super) fn sink(&self) -> &'t Sink<'t> {
        self.sink
    }

    /// Where the key's value stands; the table's head where it has none.
    pub(super) fn span(&self, key: &str) -> Range<usize> {
        self.get(key).map_or_else(|| self.span.clone(), Spanned::span)
    }

    /// Whether the file sets the key.
    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The key's value where it is text, without any check.
    pub(super) fn text(&self, key: &str) -> Option<&'t str> {
        self.get(key)?.get_ref().as_str()
    }

    /// Whether the key's value is a table.
    pub(super) fn is_table(&self, key: &str) -> bool {
        self.get(key).is_some_and(|spanned| spanned.get_ref().is_table())
    }

    /// Whether the key's value is a list without entries.
    pub(super) fn is_empty_list(&self, key: &str) -> bool {
        self.get(key).and_then(|spanned| spanned.get_ref().as_array()).is_some_and(|list| list.is_empty())
    }

    fn get(&self, key: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.table?.get(key)
    }

    /// Notes a problem at the key's value.
    pub(super) fn problem(&self, key: &str, message: impl Into<String>, help: impl Into<String>) {
        self.sink.push(Kind::Wrong, self.span(key), message, help);
    }

    /// Notes at the table's head that none of `keys` is there, unless one of them was mistyped.
    pub(super) fn missing(&self, keys: &[&str], message: impl Into<String>, help: impl Into<String>) {
        if self.mistyped.iter().any(|mistyped| keys.contains(mistyped)) {
            return;
        }
        self.sink.push(Kind::Absent, self.span.clone(), message, help);
    }

    /// Reads a key or its default. `None`: it is optional and absent, or a problem has been noted.
    pub(super) fn read<T>(&self, key: &str, parse: impl FnOnce(&DeValue<'_>) -> Read<T>) -> Option<T> {
        let need = keys::find(self.name, key, self.signal)?.need;
        let Some(spanned) = self.get(key) else {
            return match need {
                Need::Default(text) => parse(DeValue::parse(text).ok()?.get_ref()).ok(),
                Need::Required(example) => {
                    let help = format!("add `{key} = {example}` with the value that fits");
                    self.missing(&[key], format!("{} has no `{key}`", self.title()), help);
                    None
                }
                Need::Optional(_) | Need::Later(_) => None,
            };
        };
        self.parse(key, spanned, parse)
    }

    /// Reads each entry of a list; those that are wrong are noted and left out.
    pub(super) fn list<T>(&self, key: &str, mut parse: impl FnMut(&DeValue<'_>) -> Read<T>) -> Vec<(T, Range<usize>)> {
        let Some(spanned) = self.get(key) else { return Vec::new() };
        let DeValue::Array(entries) = spanned.get_ref() else {
            self.problem(key, format!("`{key}` must be a list"), "put the value in brackets: […]");
            return Vec::new();
        };
        entries.iter().filter_map(|entry| Some((self.parse(key, entry, &mut parse)?, entry.span()))).collect()
    }

    fn parse<T>(
        &self,
        key: &str,
        spanned: &Spanned<DeValue<'_>>,
        parse: impl FnOnce(&DeValue<'_>) -> Read<T>,
    ) -> Option<T> {
        match parse(spanned.get_ref()) {
            Ok(parsed) => Some(parsed),
            Err(wrong) => {
                self.sink.push(Kind::Wrong, spanned.span(), format!("`{key}` {}", wrong.message), wrong.help);
                None
            }
        }
    }

    /// The table under a key; without it, one with only defaults.
    pub(super) fn table(&self, key: &str, name: &'static str) -> Section<'t> {
        match self.get(key) {
            Some(spanned) => match spanned.get_ref() {
                DeValue::Table(table) => Section::new(self.sink, name, Some(table), spanned.span()),
                _ => {
                    self.problem(key, format!("`{key}` must be a table"), how_to_write(name));
                    // What it lacks is part of the same mistake.
                    let lacking = keys::of_file(name).iter().filter(|doc| doc.section == name).map(|doc| doc.key);
                    Section { mistyped: lacking.collect(), ..Section::new(self.sink, name, None, spanned.span()) }
                }
            },
            None => Section::new(self.sink, name, None, 0..0),
        }
    }

    /// The tables of a list of tables.
    pub(super) fn tables(&self, key: &str, name: &'static str) -> Vec<Section<'t>> {
        let Some(spanned) = self.get(key) else { return Vec::new() };
        let mut sections = Vec::new();
        match spanned.get_ref() {
            DeValue::Array(entries) => {
                for entry in entries.iter() {
                    match entry.get_ref() {
                        DeValue::Table(table) => {
                            sections.push(Section::new(self.sink, name, Some(table), entry.span()));
                        }
                        _ => self.sink.push(
                            Kind::Wrong,
                            entry.span(),
                            format!("each entry of `{key}` must be a table"),
                            how_to_write(name),
                        ),
                    }
                }
            }
            _ => self.problem(key, format!("`{key}` must be a list of tables"), how_to_write(name)),
        }
        sections
    }

    /// Notes the keys that don't belong here; from now on `signal` tells keys apart.
    pub(super) fn check_keys(&mut self, signal: &'static str) {
        self.signal = signal;
        for (key, _) in self.table.into_iter().flatten() {
            let (name, span) = (key.get_ref().as_ref(), key.span());
            match keys::find(self.name, name, signal).map(|doc| doc.need) {
                Some(Need::Later(until)) => {
                    self.sink.push(Kind::Wrong, span, format!("`{name}` isn't in this version yet"), until);
                }
                Some(_) => {}
                None => {
                    let help = self.unknown(name);
                    self.sink.push(Kind::Wrong, span, format!("{} has no key `{name}`", self.title_the()), help);
                }
            }
        }
    }

    /// What to say about an unknown key.
    fn unknown(&mut self, key: &str) -> String {
        if ["workflow.guard.bound", "workflow.guard.tolerance"].contains(&self.name) && key == "assist" {
            return "leave it out: in assist a human decides everything, so nothing is bound".into();
        }
        if self.name == "workflow.guard"
            && let Some(help) = keys::instead(self.signal, key)
        {
            // Whoever wrote that has left out the other one: one mistake is one problem.
            self.mistyped.extend(["bound", "min", "max"]);
            return help.into();
        }
        if keys::find(self.name, key, "").is_some() {
            return format!("leave it out: `{key}` belongs to {}", signals(self.name, key));
        }
        let here = || {
            keys::of_file(self.name)
                .iter()
                .filter(|doc| doc.section == self.name && doc.fits(self.signal) && !matches!(doc.need, Need::Later(_)))
        };
        let free = here().map(|doc| doc.key).filter(|known| !self.has(known));
        if let Some(near) = nearest(key, free) {
            self.mistyped.push(near);
            return format!("did you mean `{near}`?");
        }
        // What stands nearer is meant more likely.
        let below = |doc: &&keys::KeyDoc| !self.name.is_empty() && doc.section.starts_with(self.name);
        let same = || keys::of_file(self.name).iter().filter(|doc| doc.key == key);
        if let Some(doc) = same().find(below).or_else(|| same().next()) {
            return format!("`{key}` belongs in {}", title(doc.section));
        }
        let known: Vec<String> = here().map(|doc| format!("`{}`", doc.key)).collect();
        format!("remove it, or use {}", either(&known))
    }

    fn title_the(&self) -> String {
        match self.signal {
            "" => title(self.name),
            signal => format!("a guard on {signal}"),
        }
    }

    fn title(&self) -> String {
        match (self.name, self.signal) {
            ("workflow.guard", "") => "this guard".into(),
            ("workflow.guard", signal) => format!("this guard on {signal}"),
            ("workflow", _) => "this workflow".into(),
            ("base", _) => "this base item".into(),
            ("notify", _) => "this target".into(),
            ("workflow.hypothesis", _) => "this hypothesis".into(),
            ("tokens.token", _) => "this token".into(),
            (name, _) => title(name),
        }
    }
}

/// A section as it stands in the file.
fn title(section: &str) -> String {
    match section {
        "" | "tokens" => "the top of the file".into(),
        "tokens.token" => "[[token]]".into(),
        "base" | "notify" | "workflow" | "workflow.guard" | "workflow.hypothesis" => format!("[[{section}]]"),
        _ => match section.rsplit_once('.') {
            Some((_, key)) => format!("`{key}`"),
            None => format!("[{section}]"),
        },
    }
}

/// How to write a table of that section.
fn how_to_write(section: &str) -> String {
    match section {
        "workflow.review" => "write `review = { delegate = 0.10, automate = 0.02 }`".into(),
        "workflow.slo.latency" => "write `latency = { limit_ms = 3000, objective = 0.95 }`".into(),
        "workflow.guard.spend" => "write `spend = { amount = 200, per = \"24h\" }`".into(),
        "workflow.guard.baseline" => "write `baseline = { outputs = 5000 }`".into(),
        "workflow.guard.exceptions" => "write `exceptions = { count = 3, per = \"1h\" }`".into(),
        _ => format!("write {} on a line of its own and its keys below", title(section)),
    }
}

/// The signals that a key of guards belongs to.
fn signals(section: &str, key: &str) -> String {
    let docs = keys::keys().iter().filter(|doc| doc.section == section && doc.key == key);
    let there: Vec<&str> = docs.flat_map(|doc| doc.signals).copied().collect();
    let in_order: Vec<&str> = keys::SIGNALS.into_iter().filter(|signal| there.contains(signal)).collect();
    match in_order.as_slice() {
        [signal] => format!("the signal {signal}"),
        signals => format!("the signals {}", either(signals).replace(" or ", " and ")),
    }
}
