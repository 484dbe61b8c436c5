//! `andon simulate`: traffic of one workflow against a running daemon, until a declared end.
//!
//! Owns the pace and the summary. What the traffic looks like is `traffic`'s; what follows from it
//! the daemon's, and is read from its acknowledgements.

use super::client::send;
use super::client::{Client, ClientError, Daemon};
use super::progress::Progress;
use super::refused::Refused;
use super::{output, words};
use crate::clock::{Clock as _, SystemClock};
use crate::domain::{Mode, What, WorkflowId};
use crate::http::lease::ModeAnswer;
use crate::http::workflows::Why;
use crate::traffic::{Scenario, Traffic};
use serde::Serialize;
use std::process::ExitCode;
use std::time::Duration;

/// Most outputs of one request.
const BATCH: u64 = 1_000;
/// Requests are sent at most this often, milliseconds.
const EVERY_MS: u64 = 50;

/// Arguments of `andon simulate`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  andon simulate --workflow email-drafts
  andon simulate --workflow email-drafts --scenario sudden-break --outputs 5000 --rate 500/s
  andon simulate --workflow email-drafts --scenario slow-drift --for 2m --seed 7 --json

The workflow must be in the daemon's policy (or [unknown_workflows] must accept it). The same seed
gives the same outputs. It goes on after a demotion, as a workflow would, in the lower mode.")]
pub(super) struct Arguments {
    #[command(flatten)]
    daemon: Daemon,
    /// The workflow that the outputs are of.
    #[arg(long, value_name = "ID", value_parser = WorkflowId::new)]
    workflow: WorkflowId,
    /// What happens.
    #[arg(long, value_enum, default_value = "sudden-break")]
    scenario: Scenario,
    /// Outputs a second.
    #[arg(long, value_name = "N/s", default_value = "100/s", value_parser = words::rate)]
    rate: f64,
    /// How many outputs [default: 3000].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    outputs: Option<u64>,
    /// How long, instead of how many.
    #[arg(long = "for", value_name = "DURATION", conflicts_with = "outputs", value_parser = words::duration_ms)]
    for_ms: Option<u64>,
    /// The output, counted from 1, with which the scenario begins [default: after a third].
    #[arg(long, value_name = "N")]
    change_at: Option<u64>,
    /// Seed of the random numbers.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Prefix of the outputs' ids; the same twice gives duplicates [default: the time of the start].
    #[arg(long, value_name = "PREFIX", value_parser = WorkflowId::new)]
    run: Option<WorkflowId>,
    /// Print the summary as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Summary {
    workflow: WorkflowId,
    seed: u64,
    sent: u64,
    accepted: u64,
    duplicates: u64,
    refused: Refused,
    mode_before: Option<Mode>,
    mode_after: Option<Mode>,
    /// The output with which the scenario begins.
    change_at: u64,
    changes: Vec<Change>,
}

#[derive(Debug, Serialize)]
struct Change {
    from: Mode,
    to: Mode,
    /// The output that completed the evidence, where one did.
    at_output: Option<u64>,
    reason: String,
}

impl Summary {
    /// Whether the daemon knows the workflow: it took or recognised something.
    const fn is_known(&self) -> bool {
        self.accepted + self.duplicates > 0
    }
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    match simulate(arguments) {
        Ok(false) => ExitCode::FAILURE,
        result => super::done(result.map(drop)),
    }
}

/// Returns whether the daemon took anything.
fn simulate(arguments: &Arguments) -> Result<bool, ClientError> {
    let client = Client::of(&arguments.daemon)?;
    let clock = SystemClock::default();
    let before = match client.get::<ModeAnswer>(&format!("/v1/workflows/{}/mode", arguments.workflow)) {
        Ok(answer) => Some(answer.mode.mode),
        // The daemon may take workflows that it doesn't know yet; if not, the outputs are refused.
        Err(error) if error.is("unknown_workflow") => None,
        Err(error) => return Err(error),
    };
    let outputs = total(arguments);
    let change_at = arguments.change_at.unwrap_or(outputs / 3 + 1);
    let prefix = arguments.run.as_ref().map_or_else(|| format!("sim{}", clock.now().0), ToString::to_string);
    let traffic = Traffic::new(arguments.workflow.clone(), arguments.scenario, change_at, &prefix, arguments.seed);
    let summary = Summary {
        workflow: arguments.workflow.clone(),
        seed: arguments.seed,
        sent: 0,
        accepted: 0,
        duplicates: 0,
        refused: Refused::default(),
        mode_before: before,
        mode_after: before,
        change_at,
        changes: Vec::new(),
    };
    let mut run = Run { client, traffic, outputs, rate: arguments.rate, json: arguments.json, summary };
    run.all(&clock)?;
    if arguments.json {
        output::json(&run.summary);
    } else {
        run.print();
    }
    Ok(run.summary.is_known())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a number of outputs"
)]
fn total(arguments: &Arguments) -> u64 {
    let by_time = arguments.for_ms.map(|ms| (arguments.rate * ms as f64 / 1_000.0).ceil() as u64);
    arguments.outputs.or(by_time).unwrap_or(3_000).max(1)
}

struct Run {
    client: Client,
    traffic: Traffic,
    outputs: u64,
    rate: f64,
    json: bool,
    summary: Summary,
}

impl Run {
    fn all(&mut self, clock: &SystemClock) -> Result<(), ClientError> {
        let mut progress = Progress::new();
        let began_ms = clock.monotonic_ms();
        let mut lines = Vec::new();
        // Where the daemon takes nothing, more of the same would change nothing.
        while self.traffic.made() < self.outputs && (self.summary.sent == 0 || self.summary.is_known()) {
            let elapsed_ms = u64::try_from(clock.monotonic_ms() - began_ms).unwrap_or_default();
            let due = self.due(elapsed_ms).min(self.outputs) - self.traffic.made().min(self.outputs);
            if due == 0 {
                std::thread::sleep(Duration::from_millis(EVERY_MS.min(5)));
                continue;
            }
            lines.clear();
            let mode = self.summary.mode_after.unwrap_or_default();
            self.summary.sent += self.traffic.lines(due.min(BATCH), mode, &mut lines);
            self.deliver(&lines, &mut progress)?;
            progress.show(self.traffic.made(), self.outputs, self.traffic.made(), "outputs");
            // A request for each output would measure the network; a few outputs wait for each other.
            std::thread::sleep(Duration::from_millis(if due >= BATCH { 0 } else { EVERY_MS }));
        }
        Ok(())
    }

    /// Outputs that should be sent by now; the first one at once.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a count")]
    fn due(&self, elapsed_ms: u64) -> u64 {
        (self.rate * elapsed_ms as f64 / 1_000.0) as u64 + 1
    }

    fn deliver(&mut self, lines: &[u8], progress: &mut Progress) -> Result<(), ClientError> {
        let taken = send(&self.client, lines)?;
        self.summary.accepted += taken.accepted as u64;
        self.summary.duplicates += taken.duplicates as u64;
        taken.rejected.iter().for_each(|refusal| self.summary.refused.add(refusal, None));
        let now = taken.modes.get(self.traffic.workflow()).map(|now| now.mode);
        if let (Some(from), Some(to)) = (self.summary.mode_after, now)
            && from != to
        {
            progress.clear();
            self.changed(from, to);
        }
        self.summary.mode_before = self.summary.mode_before.or(now);
        self.summary.mode_after = now.or(self.summary.mode_after);
        Ok(())
    }

    fn changed(&mut self, from: Mode, to: Mode) {
        let why: Option<Why> = self.client.get(&format!("/v1/workflows/{}/why", self.traffic.workflow())).ok();
        let output = why.as_ref().and_then(|why| match &why.entry.what {
            What::ModeChanged { breach: Some(breach), .. } => breach.output.as_deref(),
            _ => None,
        });
        let at_output = output.and_then(|id| self.traffic.number(id));
        let reason = why.as_ref().map(|why| why.because.clone()).unwrap_or_default();
        if !self.json {
            let place = at_output.map(|n| format!(" at output {}", words::count(n))).unwrap_or_default();
            output::line(format!("{}: {from} → {to}{place}: {reason}", self.traffic.workflow()));
        }
        self.summary.changes.push(Change { from, to, at_output, reason });
    }

    fn print(&self) {
        let Summary { sent, accepted, duplicates, refused, change_at, .. } = &self.summary;
        let [sent, accepted, duplicates] = [*sent, *accepted, *duplicates].map(words::count);
        let refusals = words::count(refused.count());
        output::line(format!("sent {sent}: accepted {accepted}, duplicates {duplicates}, refused {refusals}"));
        let mode = |mode: Option<Mode>| mode.map_or("unknown", Mode::name);
        let (before, after) = (mode(self.summary.mode_before), mode(self.summary.mode_after));
        output::line(format!("mode before {before}, after {after}"));
        let first = self.summary.changes.iter().find_map(|change| change.at_output);
        match first {
            Some(at) if at >= *change_at => output::line(format!(
                "the scenario began with output {}; the mode was lowered {} outputs later",
                words::count(*change_at),
                words::count(at - change_at)
            )),
            Some(at) => output::line(format!("lowered at output {}, before the scenario began", words::count(at))),
            None if self.summary.changes.is_empty() => output::line("the mode did not change"),
            None => {}
        }
        refused.print("outputs");
    }
}
