//! Why an event, a review or a line was not taken.
//!
//! Owns the stable codes and the sentence for the sender. A refusal names fields and limits but
//! never repeats a value that was sent: it could be a prompt or a secret.

use super::Time;
use serde::{Deserialize, Serialize};

/// The reason, as a stable word for programs and the metric's `reason` label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// Not readable as JSON (or as the declared format) at all.
    Unreadable,
    /// A field that the format doesn't know.
    UnknownField,
    /// A required field is not there.
    MissingField,
    /// A field has the wrong type.
    WrongType,
    /// NaN, infinite, negative or out of range.
    InvalidNumber,
    /// A text or name outside its limits.
    InvalidValue,
    /// Two fields contradict each other.
    Contradiction,
    /// The workflow is not declared.
    UnknownWorkflow,
    /// Unknown workflows are taken, but the limit on their number is reached.
    TooManyWorkflows,
    /// The time lies before the deduplication window.
    TooOld,
    /// The time lies more than five minutes ahead.
    InTheFuture,
    /// The workflow is andon's own, for drills.
    ReservedWorkflow,
    /// The sender's token doesn't hold for the workflow.
    ForbiddenWorkflow,
    /// The verdict is somebody else's than the token's.
    ForbiddenReviewer,
}

impl RefusalCode {
    /// All codes, for metrics that must exist at 0.
    pub const ALL: [Self; 14] = [
        Self::Unreadable,
        Self::UnknownField,
        Self::MissingField,
        Self::WrongType,
        Self::InvalidNumber,
        Self::InvalidValue,
        Self::Contradiction,
        Self::UnknownWorkflow,
        Self::TooManyWorkflows,
        Self::TooOld,
        Self::InTheFuture,
        Self::ReservedWorkflow,
        Self::ForbiddenWorkflow,
        Self::ForbiddenReviewer,
    ];

    /// The word used in JSON and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::UnknownField => "unknown_field",
            Self::MissingField => "missing_field",
            Self::WrongType => "wrong_type",
            Self::InvalidNumber => "invalid_number",
            Self::InvalidValue => "invalid_value",
            Self::Contradiction => "contradiction",
            Self::UnknownWorkflow => "unknown_workflow",
            Self::TooManyWorkflows => "too_many_workflows",
            Self::TooOld => "too_old",
            Self::InTheFuture => "in_the_future",
            Self::ReservedWorkflow => "reserved_workflow",
            Self::ForbiddenWorkflow => "forbidden_workflow",
            Self::ForbiddenReviewer => "forbidden_reviewer",
        }
    }
}

/// One thing that was not taken, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Refusal {
    /// Position in the request, from 0.
    pub index: usize,
    /// Line in an NDJSON body, from 1.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<usize>,
    /// The output's or review's id, where it could be read (cut to 128 bytes).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub id: Option<String>,
    /// The workflow as sent, where it could be read (cut to 64 bytes).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub workflow: Option<String>,
    /// The reason as a stable word.
    pub code: RefusalCode,
    /// The field at fault.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub field: Option<String>,
    /// A sentence that says what to do.
    pub message: String,
    /// When it was refused; set when it is kept.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub time: Option<Time>,
}

impl Refusal {
    /// A refusal with a reason and a sentence.
    pub fn new(code: RefusalCode, message: impl Into<String>) -> Self {
        Self { index: 0, line: None, id: None, workflow: None, code, field: None, message: message.into(), time: None }
    }

    /// The same, naming the field at fault.
    #[must_use]
    pub fn at_field(mut self, field: &str) -> Self {
        self.field = Some(cut(field, 96));
        self
    }

    /// The same, naming the output and the workflow.
    #[must_use]
    pub fn of(mut self, id: &str, workflow: Option<&str>) -> Self {
        self.id = (!id.is_empty()).then(|| cut(id, 128));
        self.workflow = workflow.map(|workflow| cut(workflow, 64));
        self
    }

    /// The same, at a position in the request.
    #[must_use]
    pub const fn at(mut self, index: usize, line: Option<usize>) -> Self {
        self.index = index;
        self.line = line;
        self
    }
}

/// The text, cut to at most `bytes` at a character boundary.
pub fn cut(text: &str, bytes: usize) -> String {
    text[..text.floor_char_boundary(bytes)].to_owned()
}
