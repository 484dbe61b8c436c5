//! What a workflow reports of each output: one event.
//!
//! Owns the fields, their limits and the checks that need no context. Prompts and texts have no
//! field here and never will. Whether a workflow is known or a time too old is not decided here.

use super::{Mode, Money, Refusal, RefusalCode, Text, Time, WorkflowId};
use serde::{Deserialize, Serialize};

/// Longest id of an output or review, in bytes.
pub const ID_BYTES_MAX: usize = 128;
/// Longest name of a score, attribute or exception kind, in bytes.
pub const NAME_BYTES_MAX: usize = 64;
/// Longest attribute value, version, model, trace id or reviewer, in bytes.
pub const TEXT_BYTES_MAX: usize = 256;
/// Most scores of one event.
pub const SCORES_MAX: usize = 32;
/// Most attributes of one event.
pub const ATTRIBUTES_MAX: usize = 32;
/// Longest latency or cycle time: 10⁹ ms, about eleven days.
pub const DURATION_MS_MAX: f64 = 1e9;
/// Most units of one output.
pub const UNITS_MAX: f64 = 1e9;
/// Largest absolute score.
pub const SCORE_MAX: f64 = 1e12;
/// Most retries of one output.
pub const RETRIES_MAX: u32 = 100_000;

/// How an output ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The output was good enough to use.
    Ok,
    /// The output was not: an error, a refusal, a policy violation …
    Exception,
}

/// One output of a workflow, checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutputEvent {
    /// Identifies the output within its workflow, 1 to [`ID_BYTES_MAX`] bytes.
    pub id: Text,
    /// The workflow that made it.
    pub workflow: WorkflowId,
    /// How it ended.
    pub outcome: Outcome,
    /// The kind of exception; only with [`Outcome::Exception`].
    pub exception: Option<Text>,
    /// When it was made; `None` means when it arrived.
    pub time: Option<Time>,
    /// The AI's part of the time, milliseconds.
    pub latency_ms: Option<f64>,
    /// End to end, human steps included, milliseconds.
    pub cycle_ms: Option<f64>,
    /// Whether the service level was met, where the caller knows.
    pub sla_met: Option<bool>,
    /// What it cost, in the workflow's currency, not negative.
    pub cost: Option<Money>,
    /// How many units it made; greater than 0.
    pub units: f64,
    /// What it was worth to the beneficiary, not negative.
    pub value: Option<Money>,
    /// Quality scores by name, finite.
    pub scores: Vec<(Text, f64)>,
    /// Segments by name.
    pub attributes: Vec<(Text, Text)>,
    /// The mode that the output was made in, as the workflow says.
    pub mode: Option<Mode>,
    /// Version of the workflow.
    pub version: Option<Text>,
    /// The model used.
    pub model: Option<Text>,
    /// How often it was tried again.
    pub retries: u32,
    /// Whether a fallback answered.
    pub fallback: bool,
    /// Whether it was handed to a human.
    pub escalated: bool,
    /// Trace to look at.
    pub trace_id: Option<Text>,
}

impl OutputEvent {
    /// An event with the required fields and the defaults of all others.
    pub fn new(id: &str, workflow: WorkflowId, outcome: Outcome) -> Self {
        Self {
            id: id.into(),
            workflow,
            outcome,
            exception: None,
            time: None,
            latency_ms: None,
            cycle_ms: None,
            sla_met: None,
            cost: None,
            units: 1.0,
            value: None,
            scores: Vec::new(),
            attributes: Vec::new(),
            mode: None,
            version: None,
            model: None,
            retries: 0,
            fallback: false,
            escalated: false,
            trace_id: None,
        }
    }

    /// The value of a score; `None` where the event has none of that name.
    pub fn score(&self, name: &str) -> Option<f64> {
        self.scores.iter().find(|(other, _)| other == name).map(|(_, value)| *value)
    }

    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// What it belongs to: its model, its version and its attributes, each a name and a value.
    pub fn segments(&self) -> impl Iterator<Item = (&str, &str)> {
        let named = [("model", &self.model), ("version", &self.version)];
        let named = named.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        named.chain(self.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }

    /// Whether the outcome is an exception.
    pub fn is_exception(&self) -> bool {
        self.outcome == Outcome::Exception
    }

    /// Checks every limit that needs no context; the first broken one is the error.
    pub fn check(&self) -> Result<(), Refusal> {
        let refuse = |code, field: &str, message: String| {
            Err(Refusal::new(code, message).at_field(field).of(&self.id, Some(self.workflow.as_str())))
        };
        check_id("id", &self.id).or_else(|(field, message)| refuse(RefusalCode::InvalidValue, field, message))?;
        if self.exception.is_some() && !self.is_exception() {
            return refuse(
                RefusalCode::Contradiction,
                "exception",
                "`exception` names a kind but `outcome` is `ok`: send outcome `exception`, or leave the kind out"
                    .into(),
            );
        }
        for (field, value) in [("latency_ms", self.latency_ms), ("cycle_ms", self.cycle_ms)] {
            if value.is_some_and(|ms| !(0.0..=DURATION_MS_MAX).contains(&ms)) {
                return refuse(
                    RefusalCode::InvalidNumber,
                    field,
                    format!("`{field}` must be between 0 and 1e9 ms; leave it out when it is not known"),
                );
            }
        }
        if !(self.units > 0.0 && self.units <= UNITS_MAX) {
            return refuse(
                RefusalCode::InvalidNumber,
                "units",
                "`units` must be greater than 0 and at most 1e9".into(),
            );
        }
        if self.cost.is_some_and(|cost| cost.is_negative() || cost > Money::EVENT_MAX) {
            return refuse(RefusalCode::InvalidNumber, "cost", "`cost` must be between 0 and 1e9".into());
        }
        if self.value.is_some_and(|value| value.is_negative() || value > Money::EVENT_MAX) {
            // A sum that may fall is no counter; and a loss is a cost, which the guards watch.
            let message = "`value` must be between 0 and 1e9: send a loss as `cost`";
            return refuse(RefusalCode::InvalidNumber, "value", message.into());
        }
        if self.retries > RETRIES_MAX {
            return refuse(RefusalCode::InvalidNumber, "retries", format!("`retries` must be at most {RETRIES_MAX}"));
        }
        self.check_names().or_else(|(field, message)| refuse(RefusalCode::InvalidValue, &field, message))
    }

    fn check_names(&self) -> Result<(), (String, String)> {
        let named = [
            ("exception", &self.exception, NAME_BYTES_MAX),
            ("version", &self.version, TEXT_BYTES_MAX),
            ("model", &self.model, TEXT_BYTES_MAX),
            ("trace_id", &self.trace_id, TEXT_BYTES_MAX),
        ];
        for (field, text, max) in named {
            if text.as_ref().is_some_and(|text| text.is_empty() || text.len() > max) {
                return Err((
                    field.into(),
                    format!("`{field}` must have 1 to {max} bytes; leave it out when there is none"),
                ));
            }
        }
        for (field, count, max) in
            [("scores", self.scores.len(), SCORES_MAX), ("attributes", self.attributes.len(), ATTRIBUTES_MAX)]
        {
            if count > max {
                return Err((field.into(), format!("an event carries at most {max} {field}")));
            }
        }
        for (index, (name, value)) in self.scores.iter().enumerate() {
            if name.is_empty()
                || name.len() > NAME_BYTES_MAX
                || self.scores[..index].iter().any(|(other, _)| other == name)
            {
                return Err((
                    "scores".into(),
                    format!("each score needs a name of its own of 1 to {NAME_BYTES_MAX} bytes"),
                ));
            }
            if !(value.is_finite() && value.abs() <= SCORE_MAX) {
                return Err((
                    format!("scores.{name}"),
                    format!("score `{name}` must be a number between -1e12 and 1e12"),
                ));
            }
        }
        for (index, (name, value)) in self.attributes.iter().enumerate() {
            if name.is_empty()
                || name.len() > NAME_BYTES_MAX
                || self.attributes[..index].iter().any(|(other, _)| other == name)
            {
                return Err((
                    "attributes".into(),
                    format!("each attribute needs a name of its own of 1 to {NAME_BYTES_MAX} bytes"),
                ));
            }
            if value.len() > TEXT_BYTES_MAX {
                return Err((
                    format!("attributes.{name}"),
                    format!("attribute `{name}` must have at most {TEXT_BYTES_MAX} bytes"),
                ));
            }
        }
        Ok(())
    }
}

/// Checks an id of 1 to [`ID_BYTES_MAX`] bytes; the error is the field and the message.
pub(super) fn check_id<'a>(field: &'a str, id: &str) -> Result<(), (&'a str, String)> {
    if id.is_empty() || id.len() > ID_BYTES_MAX {
        return Err((field, format!("`{field}` must have 1 to {ID_BYTES_MAX} bytes, and {} were sent", id.len())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> OutputEvent {
        OutputEvent::new("o-1", WorkflowId::new("wf").unwrap(), Outcome::Ok)
    }

    #[test]
    fn each_limit_refuses_and_names_its_field() {
        assert_eq!(event().check(), Ok(()));
        type Break = fn(&mut OutputEvent);
        let cases: [(&str, Break); 16] = [
            ("id", |e| e.id = "".into()),
            ("id", |e| e.id = "x".repeat(129).into()),
            ("exception", |e| e.exception = Some("late".into())),
            ("latency_ms", |e| e.latency_ms = Some(-1.0)),
            ("latency_ms", |e| e.latency_ms = Some(f64::NAN)),
            ("cycle_ms", |e| e.cycle_ms = Some(1e300)),
            ("units", |e| e.units = 0.0),
            ("units", |e| e.units = f64::NAN),
            ("cost", |e| e.cost = Some("-1".parse().unwrap())),
            ("cost", |e| e.cost = Some("1000000001".parse().unwrap())),
            ("value", |e| e.value = Some("-1".parse().unwrap())),
            ("scores.s", |e| e.scores = vec![("s".into(), f64::INFINITY)]),
            ("scores", |e| e.scores = vec![("s".into(), 1.0), ("s".into(), 2.0)]),
            ("attributes", |e| e.attributes = vec![("".into(), "x".into())]),
            ("attributes.a", |e| e.attributes = vec![("a".into(), "x".repeat(257).into())]),
            ("version", |e| e.version = Some("".into())),
        ];
        for (field, break_it) in cases {
            let mut broken = event();
            break_it(&mut broken);
            assert_eq!(broken.check().unwrap_err().field.as_deref(), Some(field));
        }
    }
}
