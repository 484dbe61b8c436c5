//! Everything that the monitor sees: the inputs, in the order of the journal.
//!
//! Owns the alphabet of the state machine. State = f(inputs), so nothing may influence a mode
//! that is not one of these. How inputs are framed on disk is the store's.

use super::{Mode, OutputEvent, Policy, Review, WorkflowId};
use serde::{Deserialize, Serialize};

/// One input of the monitor.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The daemon starts (or goes on after a pause that was not the workflows' fault): time in
    /// which nobody could report is not silence.
    Started {
        /// Version of the daemon.
        version: String,
    },
    /// A policy comes into force.
    Policy(Box<Policy>),
    /// Outputs, admitted and not seen before, in order of arrival.
    Events(Vec<OutputEvent>),
    /// Human verdicts, admitted and not seen before.
    Reviews(Vec<Review>),
    /// A person acts.
    Command(Command),
    /// Time passes: whatever is due lapses.
    Tick,
}

/// What a person orders.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// Who: the name behind the token, or `local`.
    pub by: String,
    /// The roles that the token gave at that time: approvals are counted by role.
    #[serde(default)]
    pub roles: Vec<String>,
    /// What.
    pub action: Action,
}

impl Command {
    /// An order of somebody without a role.
    pub fn new(by: &str, action: Action) -> Self {
        Self { by: by.to_owned(), roles: Vec::new(), action }
    }
}

/// The orders that exist. None of them raises a mode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// Lower the granted mode of a workflow.
    Lower {
        /// The workflow.
        workflow: WorkflowId,
        /// The new mode; at or above the present one nothing happens.
        mode: Mode,
        /// A sentence for the ledger.
        reason: String,
    },
    /// Block (or allow again) raises of a workflow.
    Hold {
        /// The workflow.
        workflow: WorkflowId,
        /// Whether raises are blocked.
        hold: bool,
        /// A sentence for the ledger.
        reason: String,
    },
    /// Send everything to assist.
    Stop {
        /// A sentence for the ledger.
        reason: String,
    },
    /// Learn the baseline of a guard anew, from the outputs that come now.
    Rebase {
        /// The workflow.
        workflow: WorkflowId,
        /// The guard; one without a baseline changes nothing.
        guard: String,
        /// The number of outputs; `None` as declared.
        outputs: Option<u32>,
        /// A sentence for the ledger.
        reason: String,
    },
    /// The key by which outputs are selected for review, drawn once for a store.
    ReviewKey {
        /// Random; not 0.
        key: u64,
    },
    /// Somebody looks at an incident.
    Acknowledge {
        /// The incident.
        incident: String,
        /// A remark.
        note: String,
    },
    /// Close an incident.
    Resolve {
        /// The incident.
        incident: String,
        /// A remark.
        note: String,
    },
}
