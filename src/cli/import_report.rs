//! What an import found: for each workflow its outputs, its mode, each change and each guard.
//!
//! Owns the counting of outputs within their streams and the two forms of the result, a table for
//! people and JSON. Decides nothing: changes are the ledger's entries, numbers the monitor's.

use super::import::Read;
use super::import_store::entries;
use super::table::{Side, Table};
use super::{output, words};
use crate::domain::{Breach, Cause, Entry, Mode, Time, What, WorkflowId};
use crate::monitor::Detail;
use crate::monitor::guard_view::GuardState;
use crate::monitor::{Effect, Monitor};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// The result.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    store: String,
    accepted: u64,
    duplicates: u64,
    reviews: u64,
    workflows: BTreeMap<WorkflowId, Line>,
}

/// One workflow.
#[derive(Debug, Serialize)]
struct Line {
    outputs: u64,
    exceptions: u64,
    exception_rate: Option<f64>,
    start_mode: Mode,
    mode: Mode,
    changes: Vec<Change>,
    guards: Vec<GuardLine>,
}

/// One change of a mode.
#[derive(Debug, Serialize)]
struct Change {
    /// Counts the outputs of the workflow from 1.
    at_output: u64,
    from: Mode,
    to: Mode,
    cause: Cause,
    guard: Option<String>,
    /// Since the estimated change, descriptive.
    estimate: Option<f64>,
    bound: Option<f64>,
    /// Observations since the estimated change.
    n: Option<u64>,
    changed_at: Option<Time>,
    /// The output at which the change is estimated; only of a guard that observed every output.
    changed_at_output: Option<u64>,
    time: Time,
    reason: String,
}

/// One guard at the end.
#[derive(Debug, Serialize)]
struct GuardLine {
    name: String,
    signal: String,
    state: GuardState,
    n: u64,
    estimate: Option<f64>,
}

#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    read: &'a Read,
    #[serde(flatten)]
    report: &'a Report,
}

impl Line {
    const fn new(mode: Mode) -> Self {
        Self {
            outputs: 0,
            exceptions: 0,
            exception_rate: None,
            start_mode: mode,
            mode,
            changes: Vec::new(),
            guards: Vec::new(),
        }
    }
}

impl Report {
    pub(super) fn new(folder: &Path) -> Self {
        let store = folder.display().to_string();
        Self { store, accepted: 0, duplicates: 0, reviews: 0, workflows: BTreeMap::new() }
    }

    /// What the store holds already.
    pub(super) fn begin(&mut self, monitor: &Monitor) {
        for (id, workflow) in monitor.workflows() {
            let outputs = workflow.state.totals.counts.outputs;
            self.workflows.insert(id.clone(), Line { outputs, ..Line::new(workflow.state.granted) });
        }
    }

    /// A row was counted.
    pub(super) fn taken(&mut self, workflow: &WorkflowId, is_output: bool) {
        self.accepted += 1;
        if is_output {
            self.workflows.entry(workflow.clone()).or_insert_with(|| Line::new(Mode::Assist)).outputs += 1;
        } else {
            self.reviews += 1;
        }
    }

    /// A row was counted before.
    pub(super) const fn repeat(&mut self) {
        self.duplicates += 1;
    }

    /// Something followed.
    pub(super) fn note(&mut self, effects: &[Effect]) {
        for entry in entries(effects) {
            let Some(id) = &entry.workflow else { continue };
            match &entry.what {
                What::Adopted { mode, .. } => {
                    self.workflows.entry(id.clone()).or_insert_with(|| Line::new(*mode));
                }
                What::ModeChanged { from, to, cause, reason, breach, .. } => {
                    let line = self.workflows.entry(id.clone()).or_insert_with(|| Line::new(*from));
                    // The entry of an output comes when that output is counted already.
                    let change = Change::of(entry, line.outputs, (*from, *to, *cause), reason, breach.as_deref());
                    line.changes.push(change);
                }
                _ => {}
            }
        }
    }

    /// Everything is counted.
    pub(super) fn end(&mut self, monitor: &Monitor, now: Time) {
        for (id, workflow) in monitor.workflows() {
            let line = self.workflows.entry(id.clone()).or_insert_with(|| Line::new(workflow.state.granted));
            let view = workflow.view(monitor.policy(), now, Detail::Full);
            line.outputs = view.outputs_total;
            line.exceptions = workflow.state.totals.counts.exceptions;
            #[expect(clippy::cast_precision_loss, reason = "counts of this size are exact in an f64")]
            let rate = (line.outputs > 0).then(|| line.exceptions as f64 / line.outputs as f64);
            line.exception_rate = rate;
            line.mode = view.mode.mode;
            let guards = view.guards.into_iter().map(|guard| GuardLine {
                name: guard.name,
                signal: guard.signal,
                state: guard.state,
                n: guard.n,
                estimate: guard.estimate,
            });
            line.guards = guards.collect();
        }
    }

    pub(super) fn print(&self, read: &Read, json: bool) {
        if json {
            return output::json(&Whole { read, report: self });
        }
        output::line(read.line("imported"));
        output::line(format!(
            "store {}: accepted {}, duplicates {}, refused {}",
            self.store,
            words::count(self.accepted),
            words::count(self.duplicates),
            words::count(read.refused.count())
        ));
        if self.reviews > 0 {
            output::line(format!("{} of them are human verdicts", words::count(self.reviews)));
        }
        self.print_workflows();
        self.print_changes();
        self.print_silent();
    }

    fn print_workflows(&self) {
        let mut table = Table::new(&[
            ("workflow", Side::Left),
            ("outputs", Side::Right),
            ("exceptions", Side::Right),
            ("rate", Side::Right),
            ("start", Side::Left),
            ("now", Side::Left),
        ]);
        for (id, line) in &self.workflows {
            let counts = [words::count(line.outputs), words::count(line.exceptions), words::share(line.exception_rate)];
            let mut row = vec![id.to_string()];
            row.extend(counts);
            row.extend([line.start_mode.to_string(), line.mode.to_string()]);
            table.row(row);
        }
        output::line("");
        table.lines().iter().for_each(output::line);
    }

    fn print_changes(&self) {
        let mut table = Table::new(&[
            ("workflow", Side::Left),
            ("lowered at output", Side::Right),
            ("mode", Side::Left),
            ("by", Side::Left),
            ("change at output", Side::Right),
            ("delay", Side::Right),
            ("estimate", Side::Right),
            ("bound", Side::Right),
            ("n", Side::Right),
        ]);
        let lines = self.workflows.iter().flat_map(|(id, line)| line.changes.iter().map(move |change| (id, change)));
        let mut any = false;
        for (id, change) in lines {
            any = true;
            table.row(change.row(id));
        }
        if any {
            output::line("");
            table.lines().iter().for_each(output::line);
            output::line("estimate: the mean since the estimated change, n outputs ago (descriptive)");
        } else {
            output::line("\nno mode changed");
        }
    }

    /// Guards that saw nothing: that is no good news and is never 0.
    fn print_silent(&self) {
        for (id, line) in self.workflows.iter().filter(|(_, line)| line.outputs > 0) {
            for guard in line.guards.iter().filter(|guard| guard.state == GuardState::NoData) {
                let what = match guard.signal.as_str() {
                    "latency" => "no latency reported",
                    "cost_per_unit" => "no cost reported",
                    "sla" => "no service level reported",
                    "score" => "no such score reported",
                    _ => "no data",
                };
                let outputs = words::count(line.outputs);
                output::line(format!(
                    "\n{id}, guard {}: {what} in {outputs} outputs. It cleared nothing and breached nothing.",
                    guard.name
                ));
            }
        }
    }
}

impl Change {
    fn of(
        entry: &Entry,
        at_output: u64,
        (from, to, cause): (Mode, Mode, Cause),
        reason: &str,
        breach: Option<&Breach>,
    ) -> Self {
        let whole = breach.filter(|breach| breach.n_total == at_output && breach.lane != "limit");
        Self {
            at_output,
            from,
            to,
            cause,
            guard: breach.map(|breach| breach.guard.clone()),
            estimate: breach.map(|breach| breach.estimate),
            bound: breach.map(|breach| breach.bound),
            n: breach.map(|breach| breach.n),
            changed_at: breach.and_then(|breach| breach.changed_at),
            changed_at_output: whole.map(|breach| at_output.saturating_sub(breach.n) + 1),
            time: entry.time,
            reason: reason.to_owned(),
        }
    }

    fn row(&self, id: &WorkflowId) -> Vec<String> {
        let or_none = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), words::count);
        let by = self.guard.clone().unwrap_or_else(|| self.cause.name().to_owned());
        let changed = match (self.changed_at_output, self.changed_at) {
            (Some(output), _) => words::count(output),
            (None, Some(time)) => time.to_string(),
            (None, None) => "-".to_owned(),
        };
        vec![
            id.to_string(),
            words::count(self.at_output),
            format!("{} → {}", self.from, self.to),
            by,
            changed,
            or_none(self.changed_at_output.map(|output| self.at_output - output)),
            words::number_or_none(self.estimate),
            words::number_or_none(self.bound),
            or_none(self.n),
        ]
    }
}
