//! Whether a mapping is complete and its parts fit together.
//!
//! Owns every rule that needs no table. All mistakes are told at once, each with its place and
//! with what to write instead; serde's errors (unknown keys, wrong types) come before, one by one.

use super::mapping::{Condition, From, Kind, Mapping, OutcomeRule, Piece, Source};
use super::mapping_file::{
    ConditionPart, MappingFile, OutcomePart, Scalar, SourcePart, SourceTable, TimePart, WorkflowPart,
};
use super::nearest::suggestion;
use super::when::{TimeFormat, TimeRule, spacing};
use crate::domain::WorkflowId;
use std::collections::BTreeMap;

/// Fields of an event that have no part of their own in a mapping; true = takes a scale.
const EVENT_FIELDS: [(&str, bool); 13] = [
    ("latency_ms", true),
    ("cycle_ms", true),
    ("sla_met", false),
    ("cost", true),
    ("units", true),
    ("value", true),
    ("mode", false),
    ("version", false),
    ("model", false),
    ("retries", false),
    ("fallback", false),
    ("escalated", false),
    ("trace_id", false),
];

/// The same for reviews.
const REVIEW_FIELDS: [(&str, bool); 6] = [
    ("output_id", false),
    ("verdict", false),
    ("exception", false),
    ("reviewer", false),
    ("note", false),
    ("minutes", true),
];

/// The mapping, or every mistake in it.
pub(super) fn check(file: MappingFile) -> Result<Mapping, Vec<String>> {
    let mut check = Check::default();
    match check.mapping(file) {
        Some(mapping) if check.problems.is_empty() => Ok(mapping),
        _ => Err(check.problems),
    }
}

/// Collects columns and problems while a mapping is checked.
#[derive(Default)]
struct Check {
    columns: Vec<String>,
    problems: Vec<String>,
}

impl Check {
    fn problem<T>(&mut self, problem: impl Into<String>) -> Option<T> {
        self.problems.push(problem.into());
        None
    }

    fn column(&mut self, name: &str) -> usize {
        self.columns.iter().position(|column| column == name).unwrap_or_else(|| {
            self.columns.push(name.to_owned());
            self.columns.len() - 1
        })
    }

    /// Every part is checked before the first missing one ends it, so that all problems are told.
    fn mapping(&mut self, file: MappingFile) -> Option<Mapping> {
        let kind = file.kind.unwrap_or(Kind::Events);
        let delimiter = self.delimiter(file.delimiter.as_deref());
        let id = self.template(file.id.as_deref().unwrap_or("row-{row}"));
        let workflow = self.workflow(file.workflow);
        let outcome = self.outcome(kind, file.outcome);
        let time = self.time(file.time);
        let filter: Vec<_> = file.filter.into_iter().filter_map(|part| self.condition("filter", part, None)).collect();
        let fields = self.fields(kind, file.fields);
        let scores = self.named("scores", kind, file.scores, true);
        let attributes = self.named("attributes", kind, file.attributes, false);
        let (workflow, rename) = workflow?;
        Some(Mapping {
            kind,
            format: file.format,
            delimiter: delimiter?,
            id: id?,
            workflow,
            rename,
            outcome: outcome?,
            time: time?,
            filter,
            fields,
            scores,
            attributes,
            columns: std::mem::take(&mut self.columns),
        })
    }

    fn delimiter(&mut self, text: Option<&str>) -> Option<u8> {
        match text.unwrap_or(",").as_bytes() {
            [byte] => Some(*byte),
            _ => self.problem("delimiter: write one ASCII character, such as \";\" or \"\\t\""),
        }
    }

    fn template(&mut self, text: &str) -> Option<Vec<Piece>> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else {
                return self.problem("id: a `{` has no `}`: write for example id = \"{run}-{row}\"");
            };
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(if name == "row" { Piece::Row } else { Piece::Column(self.column(name)) });
            rest = after;
        }
        if pieces.is_empty() {
            return self.problem("id: every row would get the same id: write a column, id = \"{seq}\", or \"{row}\"");
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Some(pieces)
    }

    fn workflow(&mut self, part: Option<WorkflowPart>) -> Option<(Source, BTreeMap<String, WorkflowId>)> {
        let Some(part) = part else {
            return self.problem("workflow: write [workflow] with column = \"…\" or constant = \"…\"");
        };
        let mut rename = BTreeMap::new();
        for (from, to) in part.rename {
            match WorkflowId::new(&to) {
                Ok(id) => drop(rename.insert(from, id)),
                Err(error) => self.problems.push(format!("workflow.rename: `{to}` is no workflow: it {error}")),
            }
        }
        let table = SourceTable { column: part.column, constant: part.constant, ..SourceTable::default() };
        let source = self.source("workflow", table, false)?;
        Some((source, rename))
    }

    fn outcome(&mut self, kind: Kind, part: Option<OutcomePart>) -> Option<OutcomeRule> {
        let part = match (kind, part) {
            (Kind::Events, Some(part)) => part,
            (Kind::Reviews, Some(_)) => {
                return self.problem("outcome: reviews have none: write fields.verdict and leave [outcome] out");
            }
            (Kind::Events, None) => {
                return self.problem(
                    "outcome: write [outcome] with column = \"…\" and ok = [\"…\"], or constant = \"ok\" where the \
                     table knows no failures",
                );
            }
            (Kind::Reviews, None) => OutcomePart { constant: Some(Scalar("ok".to_owned())), ..OutcomePart::default() },
        };
        let listed = part.ok.is_some() || part.exception.is_some();
        if part.constant.is_some() && listed {
            self.problems
                .push("outcome: a constant takes no lists: write a column, or leave ok and exception out".into());
        }
        let texts = |list: Vec<Scalar>| list.into_iter().map(|scalar| scalar.0).collect();
        let (ok, exception): (Option<Vec<String>>, Option<Vec<String>>) =
            (part.ok.map(texts), part.exception.map(texts));
        if let (Some(ok), Some(exception)) = (&ok, &exception)
            && let Some(both) = ok.iter().find(|value| exception.contains(value))
        {
            self.problems.push(format!("outcome: `{both}` stands in ok and in exception: leave it in one"));
        }
        let kind = part.kind.and_then(|part| self.source("outcome.kind", part.0, false));
        let table = SourceTable { column: part.column, constant: part.constant, ..SourceTable::default() };
        let from = self.source("outcome", table, false)?;
        if let From::Constant(word) = &from.from
            && !["ok", "exception"].contains(&word.as_str())
        {
            self.problems.push("outcome.constant: write \"ok\" or \"exception\"".into());
        }
        Some(OutcomeRule { from, ok, exception, kind })
    }

    fn time(&mut self, part: Option<TimePart>) -> Option<TimeRule> {
        let Some(part) = part else { return Some(TimeRule::Arrival) };
        match (part.column, part.format, part.spacing, part.start) {
            (Some(column), format, None, None) => {
                let column = self.column(&column);
                match TimeFormat::parse(format.as_deref().unwrap_or("rfc3339")) {
                    Ok(format) => Some(TimeRule::Column { column, format }),
                    Err(error) => self.problem(format!("time.format: {error}")),
                }
            }
            (None, None, Some(every), Some(start)) => {
                let every = spacing(&every).map_err(|error| self.problems.push(format!("time.spacing: {error}"))).ok();
                let start = start.0.parse().map_err(|error| {
                    self.problems.push(format!("time.start: `{}` {error}", start.0));
                });
                Some(TimeRule::Spacing { start: start.ok()?, every_ms: every? })
            }
            _ => self.problem(
                "time: write column = \"…\" with a format, or spacing = \"1s\" with start = \"2026-01-01T00:00:00Z\", \
                 and not both",
            ),
        }
    }

    fn condition(&mut self, place: &str, part: ConditionPart, own: Option<usize>) -> Option<Condition> {
        let Some(column) = part.column.as_deref().map(|name| self.column(name)).or(own) else {
            return self.problem(format!("{place}: write column = \"…\""));
        };
        let (values, negated) = match (part.equals, part.one_of, part.not_equals, part.not_in) {
            (Some(value), None, None, None) => (vec![value], false),
            (None, Some(values), None, None) => (values, false),
            (None, None, Some(value), None) => (vec![value], true),
            (None, None, None, Some(values)) => (values, true),
            _ => return self.problem(format!("{place}: write one of equals, in, not_equals and not_in")),
        };
        Some(Condition { column, values: values.into_iter().map(|value| value.0).collect(), negated })
    }

    fn source(&mut self, place: &str, table: SourceTable, takes_scale: bool) -> Option<Source> {
        let from = match (table.column, table.constant) {
            (Some(column), None) => From::Column(self.column(&column)),
            (None, Some(constant)) => From::Constant(constant.0),
            _ => return self.problem(format!("{place}: write either column = \"…\" or constant = …")),
        };
        if table.scale.is_some_and(|scale| !takes_scale || !scale.is_normal()) {
            self.problems.push(format!("{place}.scale: only numbers take one, and it must not be 0: leave it out"));
        }
        let own = if let From::Column(column) = from { Some(column) } else { None };
        let absent_when = table.absent_when.and_then(|part| self.condition(&format!("{place}.absent_when"), part, own));
        let values = table.values.into_iter().map(|(from, to)| (from, to.0)).collect();
        Some(Source { from, scale: table.scale.unwrap_or(1.0), values, absent_when })
    }

    fn fields(&mut self, kind: Kind, parts: BTreeMap<String, SourcePart>) -> Vec<(&'static str, Source)> {
        let known: &[(&'static str, bool)] = if kind == Kind::Events { &EVENT_FIELDS } else { &REVIEW_FIELDS };
        if kind == Kind::Reviews {
            for needed in ["output_id", "verdict", "reviewer"] {
                if !parts.contains_key(needed) {
                    self.problems.push(format!("fields.{needed} is missing: name its column or a constant"));
                }
            }
        }
        let mut fields = Vec::new();
        for (name, SourcePart(table)) in parts {
            let Some((field, takes_scale)) = known.iter().find(|(field, _)| *field == name) else {
                let names: Vec<_> = known.iter().map(|(field, _)| *field).collect();
                let hint = suggestion(&name, names.iter().copied());
                self.problems.push(format!("fields.{name} is not known{hint}: the fields are {}", names.join(", ")));
                continue;
            };
            fields.extend(self.source(&format!("fields.{name}"), table, *takes_scale).map(|source| (*field, source)));
        }
        fields
    }

    fn named(
        &mut self,
        part: &str,
        kind: Kind,
        parts: BTreeMap<String, SourcePart>,
        takes_scale: bool,
    ) -> Vec<(String, Source)> {
        if kind == Kind::Reviews && !parts.is_empty() {
            self.problems.push(format!("{part}: reviews have none: leave [{part}] out"));
        }
        parts
            .into_iter()
            .filter_map(|(name, SourcePart(table))| {
                self.source(&format!("{part}.{name}"), table, takes_scale).map(|source| (name, source))
            })
            .collect()
    }
}
