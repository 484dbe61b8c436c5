//! `andon import --dry-run`: what would be taken, without taking it.
//!
//! Owns the counts by workflow. Repeats are not looked for, because nothing is remembered.

use super::import::{Read, Sink};
use super::refused::Refused;
use super::table::{Side, Table};
use super::{output, words};
use crate::domain::{Policy, Refusal, RefusalCode, Time, WorkflowId};
use crate::driver::Past;
use serde::Serialize;
use std::collections::BTreeMap;

/// Counts and forgets.
pub(super) struct Dry {
    policy: Option<Policy>,
    workflows: BTreeMap<WorkflowId, Counts>,
}

#[derive(Debug, Default, Serialize)]
struct Counts {
    outputs: u64,
    exceptions: u64,
    reviews: u64,
    with_latency: u64,
    first: Option<Time>,
    last: Option<Time>,
}

#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    read: &'a Read,
    workflows: &'a BTreeMap<WorkflowId, Counts>,
}

impl Dry {
    pub(super) const fn new(policy: Option<Policy>) -> Self {
        Self { policy, workflows: BTreeMap::new() }
    }
}

impl Sink for Dry {
    fn take(&mut self, past: Past, refused: &mut Refused) -> Result<(), String> {
        let id = past.workflow();
        if let Some(policy) = &self.policy
            && !policy.unknown.accept
            && !policy.workflows.contains_key(id)
        {
            let message = "no `[[workflow]]` of this id is declared: add it to the configuration, or set `accept = true` in `[unknown_workflows]`";
            refused.add(&Refusal::new(RefusalCode::UnknownWorkflow, message).of("", Some(id.as_str())), None);
            return Ok(());
        }
        let counts = self.workflows.entry(id.clone()).or_default();
        if let Some(time) = past.time() {
            counts.first = Some(counts.first.map_or(time, |first| first.min(time)));
            counts.last = counts.last.max(Some(time));
        }
        match past {
            Past::Output(event) => {
                counts.outputs += 1;
                counts.exceptions += u64::from(event.is_exception());
                counts.with_latency += u64::from(event.latency_ms.is_some());
            }
            Past::Verdict(_) => counts.reviews += 1,
        }
        Ok(())
    }

    fn end(&mut self, _refused: &mut Refused) -> Result<(), String> {
        Ok(())
    }

    fn report(&self, read: &Read, json: bool) {
        if json {
            return output::json(&Report { read, workflows: &self.workflows });
        }
        output::line(read.line("read"));
        let mut table = Table::new(&[
            ("workflow", Side::Left),
            ("outputs", Side::Right),
            ("exceptions", Side::Right),
            ("with latency", Side::Right),
            ("reviews", Side::Right),
            ("from", Side::Left),
            ("to", Side::Left),
        ]);
        let time = |time: Option<Time>| time.map_or_else(|| "-".to_owned(), |time| time.to_string());
        for (id, counts) in &self.workflows {
            let numbers = [counts.outputs, counts.exceptions, counts.with_latency, counts.reviews];
            let mut row = vec![id.to_string()];
            row.extend(numbers.into_iter().map(words::count));
            row.extend([time(counts.first), time(counts.last)]);
            table.row(row);
        }
        output::line("");
        table.lines().iter().for_each(output::line);
        output::line("\nNothing was written: this was a dry run.");
    }
}
