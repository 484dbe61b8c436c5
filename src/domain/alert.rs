//! Alerts from outside, as Alertmanager reports them: what is kept of one.
//!
//! Owns which parts of an alert are kept and how long they may be: its name, its fingerprint, when it began
//! and its severity. Other labels, annotations and links hold texts of anybody's choosing, and are not kept.
//! How the webhook is read is HTTP's, what follows from an alert the monitor's.

use super::{Time, WorkflowId};
use serde::{Deserialize, Serialize};

/// Longest name of an alert, bytes.
pub const ALERT_NAME_BYTES_MAX: usize = 128;
/// Longest fingerprint, bytes; Alertmanager's have 16.
pub const FINGERPRINT_BYTES_MAX: usize = 32;
/// Longest severity that is kept, bytes.
pub const SEVERITY_BYTES_MAX: usize = 32;

/// What is said of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AlertStatus {
    /// It fires.
    Firing,
    /// It no longer does.
    Resolved,
    /// It is no alert: somebody tests the way here.
    Test,
}

/// One alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Alert {
    /// Its name, the label `alertname`.
    pub name: String,
    /// What tells it from others of the same name: a hash of its labels.
    pub fingerprint: String,
    /// What is said of it.
    pub status: AlertStatus,
    /// Since when it fires.
    pub starts_at: Time,
    /// The label `severity`; `null` without one, and where it is too long.
    pub severity: Option<String>,
}

impl Alert {
    /// Whether a name can be kept: 1 to [`ALERT_NAME_BYTES_MAX`] bytes, nothing that breaks a line.
    pub fn is_name(text: &str) -> bool {
        (1..=ALERT_NAME_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
    }

    /// Whether a fingerprint can be kept.
    pub fn is_fingerprint(text: &str) -> bool {
        (1..=FINGERPRINT_BYTES_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
    }

    /// Whether a severity can be kept.
    pub fn is_severity(text: &str) -> bool {
        (1..=SEVERITY_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
    }
}

/// An alert with the workflow that it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowAlert {
    /// The workflow.
    pub workflow: WorkflowId,
    /// The alert.
    pub alert: Alert,
}

/// What became of an alert; the later in this list, the more it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertResult {
    /// It has no label that names a workflow: it is none of ours.
    Unlabelled,
    /// Something that is needed of it is missing, too long or unreadable.
    Invalid,
    /// The sender's token doesn't hold for its workflow, whether there is one or not.
    ForbiddenWorkflow,
    /// The policy holds no such workflow.
    UnknownWorkflow,
    /// The workflow has no external guard that watches for it.
    NoGuard,
    /// It is known: nothing changed.
    Repeat,
    /// A test came through.
    Test,
    /// More alerts fire, or stand in one request, than are kept; Alertmanager will repeat it.
    TooMany,
    /// It fired, and no longer does. That raises nothing.
    Resolved,
    /// It began to fire: a breach of its guard.
    Breach,
}

impl AlertResult {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Unlabelled,
        Self::Invalid,
        Self::ForbiddenWorkflow,
        Self::UnknownWorkflow,
        Self::NoGuard,
        Self::Repeat,
        Self::Test,
        Self::TooMany,
        Self::Resolved,
        Self::Breach,
    ];

    /// The word used in JSON and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unlabelled => "unlabelled",
            Self::Invalid => "invalid",
            Self::ForbiddenWorkflow => "forbidden_workflow",
            Self::UnknownWorkflow => "unknown_workflow",
            Self::NoGuard => "no_guard",
            Self::Repeat => "repeat",
            Self::Test => "test",
            Self::TooMany => "too_many",
            Self::Resolved => "resolved",
            Self::Breach => "breach",
        }
    }
}
