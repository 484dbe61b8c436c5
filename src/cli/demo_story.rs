//! The demo's traffic and its story: what is simulated, and what andon does about it.
//!
//! Owns the loop, its pace and the telling. It sees no more than any workflow does: the
//! acknowledgements of its outputs and the public reads.

use super::client::send;
use super::client::{Client, ClientError};
use super::demo_policy::{ACTS, Act};
use super::table::{Side, Table};
use super::{output, words};
use crate::clock::{Clock as _, SystemClock};
use crate::domain::{Breach, Mode, Time, What, WorkflowId};
use crate::driver::ModeNow;
use crate::http::workflows::{Why, Workflows};
use crate::monitor::WorkflowView;
use crate::traffic::Traffic;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Outputs a second of each workflow, at the normal pace.
const RATE: u64 = 50;
/// Requests are sent this often, milliseconds.
const EVERY_MS: u64 = 100;
/// The table is shown this often, milliseconds.
const TABLE_MS: u64 = 10_000;
/// Seed of the random numbers: every demo tells the same story.
const SEED: u64 = 42;

/// The demo at work.
pub(super) struct Story {
    client: Client,
    clock: SystemClock,
    json: bool,
    pace: u64,
    actors: Vec<Actor>,
    table_due_ms: u64,
}

struct Actor {
    act: &'static Act,
    traffic: Traffic,
    change_at: u64,
    mode: Mode,
    epoch: u64,
    is_told: bool,
    lowered: u64,
}

impl Story {
    pub(super) fn new(client: Client, json: bool, pace: u64, started_at: Time) -> Self {
        let prefix = format!("demo{}", started_at.0);
        let actors = ACTS.iter().enumerate().filter_map(|(n, act)| {
            let change_at = act.after_s * RATE + 1;
            let id = WorkflowId::new(act.workflow).ok()?;
            let traffic = Traffic::new(id, act.scenario, change_at, &prefix, SEED + n as u64);
            let is_told = act.story.is_empty();
            Some(Actor { act, traffic, change_at, mode: Mode::Assist, epoch: 0, is_told, lowered: 0 })
        });
        let actors = actors.collect();
        Self { client, clock: SystemClock::default(), json, pace, actors, table_due_ms: TABLE_MS }
    }

    /// Says what this is and where to look.
    pub(super) fn begin(&self, folder: &Path, is_kept: bool, taken_port: Option<u16>) {
        let url = self.client.url();
        if self.json {
            return output::json_line(&json!({ "kind": "started", "url": url, "folder": folder }));
        }
        if let Some(port) = taken_port {
            output::line(format!("Port {port} is in use, so this demo listens on {url}."));
        }
        let fate = if is_kept { "is kept" } else { "goes at the end" };
        output::line(format!("Four simulated workflows; what they leave in {} {fate}.\n", folder.display()));
        for (about, call) in [
            ("look", format!("{url}/ in a browser: the floor, live")),
            ("mode", format!("curl -s {url}/v1/workflows/email-drafts/mode")),
            ("reason", format!("curl -s {url}/v1/workflows/email-drafts/why")),
            ("numbers", format!("curl -s {url}/v1/workflows/ad-variants")),
            ("ledger", format!("curl -s {url}/v1/ledger")),
            ("metrics", format!("curl -s {url}/metrics | grep andon_mode")),
            (
                "stop all",
                format!("curl -s {url}/v1/stop -H 'content-type: application/json' -d '{{\"reason\":\"a test\"}}'"),
            ),
        ] {
            output::line(format!("  {about:<8}  {call}"));
        }
        output::line("\nCtrl-C ends it. The first workflow breaks after 15 s.\n");
    }

    /// Sends and tells until told to stop.
    pub(super) fn tell(mut self, seconds: Option<u64>, stop: &AtomicBool) -> Result<(), ClientError> {
        let result = self.until(seconds.map_or(u64::MAX, |seconds| seconds * 1_000), stop);
        result.and_then(|()| self.end())
    }

    fn until(&mut self, end_ms: u64, stop: &AtomicBool) -> Result<(), ClientError> {
        let mut lines = Vec::new();
        while !stop.load(Ordering::Relaxed) && self.elapsed_ms() < end_ms {
            let elapsed_ms = self.elapsed_ms();
            let due = elapsed_ms * RATE * self.pace / 1_000 + 1;
            lines.clear();
            for actor in &mut self.actors {
                actor.traffic.lines(due - actor.traffic.made().min(due), actor.mode, &mut lines);
            }
            if !lines.is_empty() {
                self.announce();
                let taken = send(&self.client, &lines)?;
                self.compare(&taken.modes)?;
            }
            self.show_table(elapsed_ms)?;
            std::thread::sleep(Duration::from_millis(EVERY_MS));
        }
        Ok(())
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.clock.monotonic_ms()).unwrap_or_default()
    }

    fn stamp(&self) -> String {
        format!("{:>4} s", self.elapsed_ms() / 1_000)
    }

    /// Tells what is simulated from now on.
    fn announce(&mut self) {
        let stamp = self.stamp();
        for actor in self.actors.iter_mut().filter(|actor| !actor.is_told && actor.traffic.made() >= actor.change_at) {
            actor.is_told = true;
            if self.json {
                let (workflow, what) = (actor.act.workflow, actor.act.story);
                output::json_line(&json!({ "kind": "simulated", "workflow": workflow, "what": what }));
            } else {
                output::line(format!("{stamp}  {:<14}  (simulated) {}", actor.act.workflow, actor.act.story));
            }
        }
    }

    /// Tells what changed since the last acknowledgement.
    fn compare(&mut self, modes: &BTreeMap<WorkflowId, ModeNow>) -> Result<(), ClientError> {
        for index in 0..self.actors.len() {
            let actor = &mut self.actors[index];
            let Some(now) = modes.get(actor.traffic.workflow()).copied() else { continue };
            let is_first = actor.epoch == 0;
            let before = std::mem::replace(&mut actor.mode, now.mode);
            if std::mem::replace(&mut actor.epoch, now.epoch) == now.epoch {
                continue;
            }
            if is_first {
                if !self.json {
                    output::line(format!(
                        "{}  {:<14}  starts in {}",
                        self.stamp(),
                        self.actors[index].act.workflow,
                        now.mode
                    ));
                }
            } else {
                actor.lowered += 1;
                let why: Why = self.client.get(&format!("/v1/workflows/{}/why", self.actors[index].act.workflow))?;
                self.changed(index, before, now.mode, &why);
            }
        }
        Ok(())
    }

    fn changed(&self, index: usize, from: Mode, to: Mode, why: &Why) {
        let actor = &self.actors[index];
        let url = format!("{}/v1/workflows/{}/why", self.client.url(), actor.act.workflow);
        let breach: Option<&Breach> = match &why.entry.what {
            What::ModeChanged { breach, .. } => breach.as_deref(),
            _ => None,
        };
        let changed_at = breach.and_then(|breach| breach.changed_at);
        if self.json {
            return output::json_line(&json!({
                "kind": "mode_changed", "workflow": actor.act.workflow, "from": from, "to": to,
                "reason": why.because, "changed_at": changed_at, "at_s": self.elapsed_ms() / 1_000, "why": url,
            }));
        }
        output::line(format!("{}  {:<14}  {from} → {to}: {}", self.stamp(), actor.act.workflow, why.because));
        let changed = changed_at.map(|at| {
            let late = words::span(why.entry.time.since(at));
            format!("it changed about {at}, {late} before; ")
        });
        output::line(format!("{:24}{}curl -s {url}", "", changed.unwrap_or_default()));
    }

    /// Shows where all stand, on a terminal now and then.
    fn show_table(&mut self, elapsed_ms: u64) -> Result<(), ClientError> {
        if self.json || elapsed_ms < self.table_due_ms || !std::io::stdout().is_terminal() {
            return Ok(());
        }
        self.table_due_ms = elapsed_ms + TABLE_MS;
        self.print_table()
    }

    fn print_table(&self) -> Result<(), ClientError> {
        let found: Workflows = self.client.get("/v1/workflows")?;
        let mut table = Table::new(&[
            ("workflow", Side::Left),
            ("mode", Side::Left),
            ("outputs", Side::Right),
            ("exceptions (5m)", Side::Right),
            ("cost per unit (5m)", Side::Right),
            ("p95 (5m)", Side::Right),
            ("evidence", Side::Right),
        ]);
        found.workflows.iter().for_each(|view| table.row(row(view)));
        output::line("");
        table.lines().iter().for_each(|line| output::line(format!("        {line}")));
        output::line("");
        Ok(())
    }

    fn end(&self) -> Result<(), ClientError> {
        if self.json {
            let lowered: BTreeMap<_, _> = self.actors.iter().map(|a| (a.act.workflow, a.lowered)).collect();
            let modes: BTreeMap<_, _> = self.actors.iter().map(|a| (a.act.workflow, a.mode)).collect();
            output::json_line(&json!({ "kind": "ended", "modes": modes, "lowered": lowered }));
            return Ok(());
        }
        self.print_table()?;
        output::line("Next: andon serve --config config.example.toml, and POST your own outputs to /v1/events.");
        Ok(())
    }
}

fn row(view: &WorkflowView) -> Vec<String> {
    let window = view.windows.get("5m").and_then(Option::as_ref);
    let cost = window
        .and_then(|kpis| kpis.cost_per_unit)
        .map_or_else(|| "no data".to_owned(), |cost| format!("{} {}", words::number(cost.to_f64()), view.currency));
    let p95 = window.and_then(|kpis| kpis.latency.as_ref());
    let evidence = view.guards.iter().filter_map(|guard| guard.evidence).max_by(f64::total_cmp);
    vec![
        view.id.to_string(),
        view.mode.mode.to_string(),
        words::count(view.outputs_total),
        words::share(window.map(|kpis| kpis.exception_rate)),
        cost,
        p95.map_or_else(|| "no data".to_owned(), |latency| format!("{:.0} ms", latency.p95_ms)),
        words::number_or_none(evidence.map(|evidence| (evidence * 100.0).round() / 100.0)),
    ]
}
