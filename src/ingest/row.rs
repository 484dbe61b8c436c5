//! What one row of a table becomes.
//!
//! Owns the conversion of cells into an event or a review by a checked mapping. A cell that is
//! empty is absent, never 0. Knows no file: the cells come as text, by the mapping's columns.

use super::mapping::{Condition, From, Kind, Mapping, OutcomeRule, Piece, Source};
use super::when::{TimeRule, spaced};
use super::wire;
use crate::domain::{Money, Outcome, OutputEvent, Refusal, RefusalCode, Review, Text, Time, WorkflowId};
use std::str::FromStr;

/// The cells of one row, in the order of the mapping's columns; empty = absent.
pub(super) struct Cells<'a> {
    /// The row's number in the table, from 0, whether or not rows before it were left out.
    pub(super) row: usize,
    pub(super) values: &'a [String],
    /// Names of the columns, for messages.
    pub(super) columns: &'a [String],
}

/// What a row can become: [`OutputEvent`] or [`Review`].
pub trait Target: Sized + sealed::FromRow {
    /// The kind of mapping that makes it.
    const KIND: Kind;
}

impl Target for OutputEvent {
    const KIND: Kind = Kind::Events;
}

impl Target for Review {
    const KIND: Kind = Kind::Reviews;
}

pub(super) mod sealed {
    use super::{Cells, Head, Mapping, Refusal};

    /// The conversion itself; out of reach, so that no other type can be a target.
    pub trait FromRow: Sized {
        #[expect(private_interfaces, reason = "the trait is sealed: only this room names these types")]
        fn from_row(mapping: &Mapping, cells: &Cells<'_>, head: Head) -> Result<Self, Refusal>;
    }
}

/// What events and reviews have in common.
pub(super) struct Head {
    pub(super) id: String,
    pub(super) workflow: WorkflowId,
    pub(super) time: Option<Time>,
}

fn refuse<T>(code: RefusalCode, field: &str, message: String) -> Result<T, Refusal> {
    Err(Refusal::new(code, message).at_field(field))
}

impl Condition {
    /// Whether a row meets the condition. Numbers are compared as numbers: `0` is `0.0`.
    pub(super) fn holds(&self, cells: &Cells<'_>) -> bool {
        let cell = cells.values[self.column].trim();
        one_of(&self.values, cell) != self.negated
    }
}

fn one_of(values: &[String], cell: &str) -> bool {
    let number = cell.parse::<f64>().ok();
    values.iter().any(|value| {
        value == cell
            || (number.is_some() && number.partial_cmp(&value.parse().ok()).is_some_and(|order| order.is_eq()))
    })
}

impl Source {
    /// The value's text; `None` where it is absent.
    pub(super) fn text<'a>(&'a self, cells: &Cells<'a>) -> Option<&'a str> {
        let raw = match &self.from {
            From::Column(column) => cells.values[*column].trim(),
            From::Constant(text) => text,
        };
        if raw.is_empty() || self.absent_when.as_ref().is_some_and(|condition| condition.holds(cells)) {
            return None;
        }
        Some(self.values.get(raw).map_or(raw, String::as_str))
    }

    /// The subject of a sentence about this value.
    fn subject(&self, field: &str, cells: &Cells<'_>) -> String {
        match &self.from {
            From::Column(column) => format!("`{field}`: column `{}`", cells.columns[*column]),
            From::Constant(_) => format!("`{field}`: the constant"),
        }
    }

    fn number(&self, field: &str, cells: &Cells<'_>) -> Result<Option<f64>, Refusal> {
        let Some(text) = self.text(cells) else { return Ok(None) };
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(number * self.scale)),
            _ => refuse(
                RefusalCode::InvalidNumber,
                field,
                format!(
                    "{} must hold a finite number; leave the cell empty when it is not known",
                    self.subject(field, cells)
                ),
            ),
        }
    }

    fn money(&self, field: &str, cells: &Cells<'_>) -> Result<Option<Money>, Refusal> {
        let Some(text) = self.text(cells) else { return Ok(None) };
        // Without a scale the decimal stays exact.
        let scaled = (self.scale.to_bits() != 1.0f64.to_bits()).then(|| text.parse::<f64>().map(|n| n * self.scale));
        let amount = match scaled {
            None => Money::from_str(text),
            Some(Ok(number)) => Money::from_str(&number.to_string()),
            Some(Err(_)) => Err("is not a number".to_owned()),
        };
        amount.map(Some).or_else(|error| {
            refuse(RefusalCode::InvalidNumber, field, format!("{} {error}", self.subject(field, cells)))
        })
    }

    fn flag(&self, field: &str, cells: &Cells<'_>) -> Result<Option<bool>, Refusal> {
        let Some(text) = self.text(cells) else { return Ok(None) };
        match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => Ok(Some(true)),
            "false" | "no" | "0" => Ok(Some(false)),
            _ => refuse(
                RefusalCode::WrongType,
                field,
                format!("{} must hold true or false (or yes, no, 1, 0)", self.subject(field, cells)),
            ),
        }
    }

    fn whole(&self, field: &str, cells: &Cells<'_>) -> Result<Option<u32>, Refusal> {
        let Some(text) = self.text(cells) else { return Ok(None) };
        text.parse().map(Some).or_else(|_| {
            refuse(
                RefusalCode::InvalidNumber,
                field,
                format!("{} must hold a whole number", self.subject(field, cells)),
            )
        })
    }

    fn boxed(&self, cells: &Cells<'_>) -> Option<Text> {
        self.text(cells).map(Into::into)
    }
}

impl OutcomeRule {
    fn outcome(&self, cells: &Cells<'_>) -> Result<Outcome, Refusal> {
        let text = self.from.text(cells).unwrap_or_default();
        let is = |list: &Option<Vec<String>>| list.as_ref().map(|values| one_of(values, text));
        match (is(&self.ok), is(&self.exception)) {
            (Some(true), _) => Ok(Outcome::Ok),
            (_, Some(true)) => Ok(Outcome::Exception),
            (None, None) if !text.is_empty() => wire::outcome(text),
            // No data is no verdict: an empty cell counts only where a list names it.
            _ if text.is_empty() => refuse(
                RefusalCode::MissingField,
                "outcome",
                format!(
                    "{} is empty: put \"\" into ok or exception if that means one of them",
                    self.from.subject("outcome", cells)
                ),
            ),
            (Some(false), None) => Ok(Outcome::Exception),
            (None, Some(false)) => Ok(Outcome::Ok),
            _ => refuse(
                RefusalCode::InvalidValue,
                "outcome",
                format!("{} holds a value that is neither in ok nor in exception", self.from.subject("outcome", cells)),
            ),
        }
    }
}

/// The id of a row.
pub(super) fn id(mapping: &Mapping, cells: &Cells<'_>) -> Result<String, Refusal> {
    let mut id = String::new();
    for piece in &mapping.id {
        match piece {
            Piece::Text(text) => id.push_str(text),
            Piece::Row => id.push_str(&cells.row.to_string()),
            Piece::Column(column) => {
                let text = cells.values[*column].trim();
                if text.is_empty() {
                    let message = format!("`id`: column `{}` is empty", cells.columns[*column]);
                    return refuse(RefusalCode::MissingField, "id", message);
                }
                id.push_str(text);
            }
        }
    }
    Ok(id)
}

/// The time of a row.
pub(super) fn time(mapping: &Mapping, cells: &Cells<'_>) -> Result<Option<Time>, Refusal> {
    match &mapping.time {
        TimeRule::Arrival => Ok(None),
        TimeRule::Spacing { start, every_ms } => Ok(Some(spaced(*start, *every_ms, cells.row))),
        TimeRule::Column { column, format } => {
            let text = cells.values[*column].trim();
            let name = &cells.columns[*column];
            if text.is_empty() {
                return refuse(RefusalCode::MissingField, "time", format!("`time`: column `{name}` is empty"));
            }
            format
                .read(text)
                .map(Some)
                .or_else(|error| refuse(RefusalCode::InvalidValue, "time", format!("`time`: column `{name}` {error}")))
        }
    }
}

impl sealed::FromRow for OutputEvent {
    #[expect(private_interfaces, reason = "the trait is sealed: only this room names these types")]
    fn from_row(mapping: &Mapping, cells: &Cells<'_>, head: Head) -> Result<Self, Refusal> {
        let outcome = mapping.outcome.outcome(cells)?;
        let mut event = Self { time: head.time, ..Self::new(&head.id, head.workflow, outcome) };
        if event.is_exception() {
            event.exception = mapping.outcome.kind.as_ref().and_then(|kind| kind.boxed(cells));
        }
        for (field, source) in &mapping.fields {
            match *field {
                "latency_ms" => event.latency_ms = source.number(field, cells)?,
                "cycle_ms" => event.cycle_ms = source.number(field, cells)?,
                "sla_met" => event.sla_met = source.flag(field, cells)?,
                "cost" => event.cost = source.money(field, cells)?,
                "units" => event.units = source.number(field, cells)?.unwrap_or(event.units),
                "value" => event.value = source.money(field, cells)?,
                "mode" => event.mode = source.text(cells).map(wire::mode).transpose()?,
                "version" => event.version = source.boxed(cells),
                "model" => event.model = source.boxed(cells),
                "retries" => event.retries = source.whole(field, cells)?.unwrap_or_default(),
                "fallback" => event.fallback = source.flag(field, cells)?.unwrap_or_default(),
                "escalated" => event.escalated = source.flag(field, cells)?.unwrap_or_default(),
                _ => event.trace_id = source.boxed(cells),
            }
        }
        for (name, source) in &mapping.scores {
            let score = source.number(&format!("scores.{name}"), cells)?;
            event.scores.extend(score.map(|score| (name.as_str().into(), score)));
        }
        for (name, source) in &mapping.attributes {
            event.attributes.extend(source.boxed(cells).map(|text| (name.as_str().into(), text)));
        }
        event.check()?;
        Ok(event)
    }
}

impl sealed::FromRow for Review {
    #[expect(private_interfaces, reason = "the trait is sealed: only this room names these types")]
    fn from_row(mapping: &Mapping, cells: &Cells<'_>, head: Head) -> Result<Self, Refusal> {
        let text = |wanted: &str| {
            let (_, source) = mapping.fields.iter().find(|(field, _)| *field == wanted)?;
            source.text(cells)
        };
        let needed = |field: &str| match text(field) {
            Some(text) => Ok(text),
            None => refuse(RefusalCode::MissingField, field, format!("`{field}` is empty in this row")),
        };
        let minutes = mapping.fields.iter().find(|(field, _)| *field == "minutes");
        let review = Self {
            id: head.id.into(),
            workflow: head.workflow,
            output_id: needed("output_id")?.into(),
            verdict: wire::verdict(needed("verdict")?)?,
            exception: text("exception").map(Into::into),
            reviewer: needed("reviewer")?.into(),
            time: head.time,
            note: text("note").map(Into::into),
            minutes: minutes.map(|(field, source)| source.number(field, cells)).transpose()?.flatten(),
        };
        review.check()?;
        Ok(review)
    }
}
