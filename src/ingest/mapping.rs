//! How the rows of a foreign table become events or reviews, checked.
//!
//! Owns the checked form of a mapping and its meaning. How it is spelt is in `mapping_file`, the
//! rules that it must keep in `mapping_check`, what a row gives in `row`. Whether the columns exist
//! is asked in `table`, where there is one.

use super::mapping_check::check;
use super::when::TimeRule;
use crate::domain::WorkflowId;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What the rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// One output a row.
    Events,
    /// One human verdict a row.
    Reviews,
}

/// How the table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    /// Separated values with a header line.
    Csv,
    /// One JSON object a line; inner keys are written `outer.inner`.
    NdJson,
}

/// Why a mapping or a table can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", problems.join("\n"))]
pub struct ImportError {
    /// Each mistake, with what to write instead.
    pub problems: Vec<String>,
}

impl ImportError {
    pub(super) fn one(problem: impl Into<String>) -> Self {
        Self { problems: vec![problem.into()] }
    }
}

/// A checked mapping. Every part that a mapping can have:
///
/// ```toml
/// kind = "events"                  # or "reviews" (then no outcome, scores and attributes)
/// format = "csv"                   # or "ndjson"; left out, the file's name tells
/// delimiter = ";"
/// id = "{run}-{row}"               # {row} is the row's number from 0, {anything else} a column
/// filter = [{ column = "run", not_equals = "warm-up" }]   # equals, not_equals, in, not_in; all must hold
///
/// [workflow]                       # other characters than letters, digits, _ and - become -
/// column = "tool"                  # or constant = "my-workflow"
/// rename = { "a b" = "a-and-b" }
///
/// [outcome]                        # or constant = "ok"
/// column = "status"
/// ok = ["ok", 1]                   # all else is an exception; with `exception` too, all else is refused
/// kind = "error"
///
/// [time]                           # left out, the time of arrival counts
/// column = "at"                    # or spacing = "1s" and start = "2026-01-01T00:00:00Z"
/// format = "%d.%m.%Y %H:%M:%S"     # or rfc3339, epoch_s, epoch_ms; UTC unless the pattern has a zone
///
/// [fields]                         # a column's name, or a table:
/// model = "model"
/// latency_ms = { column = "seconds", scale = 1000, absent_when = { column = "error", in = ["refused"] } }
/// mode = { column = "level", values = { L3 = "automate" } }
/// units = { constant = 1 }
///
/// [scores]
/// fit = "brand_fit"
/// [attributes]
/// locale = "lang"
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Mapping {
    pub(super) kind: Kind,
    pub(super) format: Option<FileFormat>,
    pub(super) delimiter: u8,
    /// Names of the columns that are used; the numbers elsewhere are positions in this list.
    pub(super) columns: Vec<String>,
    pub(super) id: Vec<Piece>,
    pub(super) workflow: Source,
    pub(super) rename: BTreeMap<String, WorkflowId>,
    pub(super) outcome: OutcomeRule,
    pub(super) time: TimeRule,
    pub(super) filter: Vec<Condition>,
    pub(super) fields: Vec<(&'static str, Source)>,
    pub(super) scores: Vec<(String, Source)>,
    pub(super) attributes: Vec<(String, Source)>,
}

/// A piece of an id's template.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    Text(String),
    Column(usize),
    Row,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Source {
    pub(super) from: From,
    pub(super) scale: f64,
    pub(super) values: BTreeMap<String, String>,
    pub(super) absent_when: Option<Condition>,
}

/// A column or a constant.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum From {
    Column(usize),
    Constant(String),
}

/// A column holds one of some values, or none of them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Condition {
    pub(super) column: usize,
    pub(super) values: Vec<String>,
    pub(super) negated: bool,
}

/// Which rows are exceptions. With neither list, the source says `ok` or `exception` itself.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct OutcomeRule {
    pub(super) from: Source,
    pub(super) ok: Option<Vec<String>>,
    pub(super) exception: Option<Vec<String>>,
    pub(super) kind: Option<Source>,
}

impl Mapping {
    /// Reads a mapping; the error tells every mistake that can be seen without the table.
    pub fn parse(text: &str) -> Result<Self, ImportError> {
        let file = toml::from_str(text).map_err(|error| ImportError::one(error.to_string()))?;
        check(file).map_err(|problems| ImportError { problems })
    }

    /// What the rows become.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether the rows carry times of their own, so that an import can run on their clock.
    pub const fn has_times(&self) -> bool {
        !matches!(self.time, TimeRule::Arrival)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        id = "{run}-{row}"
        workflow = { column = "name" }
        outcome = { column = "status", ok = ["ok", 1], kind = "why" }
        time = { column = "ts", format = "epoch_s" }
        filter = [{ column = "run", not_equals = 7 }]
        fields = { latency_ms = { column = "s", scale = 1000, absent_when = { equals = 0 } }, model = "m" }
        scores = { fit = "fit" }
    "#;

    #[test]
    fn a_good_mapping_knows_its_columns_once_each() {
        let mapping = Mapping::parse(GOOD).unwrap();
        assert_eq!(mapping.columns, ["run", "name", "why", "status", "ts", "s", "m", "fit"]);
        assert_eq!(mapping.kind(), Kind::Events);
        assert!(mapping.has_times());
        assert_eq!(mapping.outcome.ok, Some(vec!["ok".to_owned(), "1".to_owned()]));
        assert_eq!(mapping.filter, [Condition { column: 0, values: vec!["7".into()], negated: true }]);
        assert!(!Mapping::parse("workflow.constant = \"w\"\noutcome.constant = \"ok\"").unwrap().has_times());
    }

    #[test]
    fn the_reference_in_the_documentation_is_a_mapping() {
        let source = include_str!("mapping.rs");
        let lines = source.lines().skip_while(|line| *line != "/// ```toml").skip(1);
        let toml: Vec<_> =
            lines.map_while(|line| line.strip_prefix("///")).take_while(|line| *line != " ```").collect();
        let mapping = Mapping::parse(&toml.join("\n")).unwrap();
        assert_eq!((mapping.fields.len(), mapping.scores.len(), mapping.attributes.len()), (4, 1, 1));
    }

    #[test]
    fn each_mistake_is_told_with_what_to_write() {
        for (from, to, says) in [
            ("latency_ms", "latency", "did you mean `latency_ms`?"),
            ("model = \"m\"", "model = {}", "fields.model: write either column"),
            ("fit = \"fit\"", "fit = { column = \"a\", constant = 1 }", "scores.fit: write either"),
            ("model = \"m\"", "model = { column = \"m\", scale = 2 }", "fields.model.scale"),
            ("scale = 1000", "scale = 0", "fields.latency_ms.scale"),
            ("{run}-{row}", "{run", "has no `}`"),
            ("{run}-{row}", "run", "the same id"),
            ("epoch_s", "unix", "is not a time format"),
            ("format = \"epoch_s\"", "spacing = \"1s\"", "and not both"),
            ("not_equals = 7", "in = [7], equals = 7", "filter: write one of"),
            ("column = \"run\", not", "not", "filter: write column"),
            ("ok = [\"ok\", 1]", "ok = [\"a\"], exception = [\"a\"]", "leave it in one"),
            ("outcome =", "kind = \"reviews\"\noutcome =", "fields.verdict"),
            ("workflow = { column = \"name\" }", "", "write [workflow]"),
            ("workflow = { column = \"name\" }", "workflow = { constant = \"a\", rename = { x = \"a/b\" } }", "`a/b`"),
            ("scores =", "delimiter = \"\"\nscores =", "one ASCII character"),
            ("model = \"m\"", "model = 7", "the name of a column, or a table such as"),
            ("scores =", "score =", "unknown field `score`, expected one of"),
            ("absent_when = { equals = 0 }", "absent_when = { equal = 0 }", "unknown field `equal`"),
        ] {
            assert!(GOOD.contains(from), "{from}");
            let error = Mapping::parse(&GOOD.replace(from, to)).unwrap_err().to_string();
            assert!(error.contains(says), "{to}: {error}");
        }
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let bad = "id = \"x\"\ntime.spacing = \"0s\"\ntime.start = \"now\"\nfields.latency = \"l\"";
        let problems = Mapping::parse(bad).unwrap_err().problems;
        let places: Vec<_> = problems.iter().map(|problem| problem.split([':', ' ']).next().unwrap()).collect();
        assert_eq!(places, ["id", "workflow", "outcome", "time.spacing", "time.start", "fields.latency"]);
    }
}
