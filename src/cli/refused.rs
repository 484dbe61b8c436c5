//! What was refused of an import or a simulation, by reason.
//!
//! Owns the counting, the first examples and how they are told. The sentences are the refusals' own.

use super::{output, words};
use crate::domain::{Refusal, RefusalCode};
use serde::Serialize;
use std::collections::BTreeMap;

/// Examples kept of each reason.
const EXAMPLES: usize = 3;

/// Refusals of one reason.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Reason {
    count: u64,
    examples: Vec<Example>,
}

/// One refusal and where it stood.
#[derive(Debug, Clone, Serialize)]
struct Example {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(flatten)]
    refusal: Refusal,
}

/// All refusals.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(transparent)]
pub(super) struct Refused(BTreeMap<RefusalCode, Reason>);

impl Refused {
    /// Counts one and keeps it if it is among the first of its reason.
    pub(super) fn add(&mut self, refusal: &Refusal, file: Option<&str>) {
        let reason = self.0.entry(refusal.code).or_default();
        reason.count += 1;
        if reason.examples.len() < EXAMPLES {
            reason.examples.push(Example { file: file.map(str::to_owned), refusal: refusal.clone() });
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.0.values().map(|reason| reason.count).sum()
    }

    /// Tells them on standard output.
    pub(super) fn print(&self, what: &str) {
        for (code, Reason { count, examples }) in &self.0 {
            output::line(format!("\nrefused: {} {what}, {}", words::count(*count), code.name()));
            for Example { file, refusal } in examples {
                let parts = [
                    file.clone(),
                    refusal.line.map(|line| format!("line {line}")),
                    refusal.id.as_ref().map(|id| format!("id {id}")),
                    refusal.workflow.as_ref().map(|name| format!("of `{name}`")),
                ];
                let place = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
                output::line(format!("  {place}: {}", refusal.message));
            }
        }
    }
}
