//! `andon why`: the reason for a workflow's mode, now or at any past time.
//!
//! Owns the telling; the reason is an entry of the ledger, and the numbers are those of the breach.

use super::client::{Client, ClientError, Daemon};
use super::{output, words};
use crate::domain::{Breach, Time, What, WorkflowId};
use crate::http::workflows::Why;
use std::process::ExitCode;

/// Outputs shown of those that weighed most.
const HEAVIEST: usize = 5;

/// Arguments of `andon why`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  andon why email-drafts
  andon why email-drafts --at 2026-11-21T20:15:00Z
  andon why email-drafts --json | jq .entry.breach")]
pub(super) struct Arguments {
    /// The workflow.
    #[arg(value_parser = WorkflowId::new)]
    workflow: WorkflowId,
    #[command(flatten)]
    daemon: Daemon,
    /// A past time, RFC 3339 [default: now].
    #[arg(long, value_name = "TIME")]
    at: Option<Time>,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    super::done(answer(arguments))
}

fn answer(arguments: &Arguments) -> Result<(), ClientError> {
    let client = Client::of(&arguments.daemon)?;
    // Printed in UTC, so nothing in it needs escaping.
    let at = arguments.at.map(|at| format!("?at={at}")).unwrap_or_default();
    let why: Why = client.get(&format!("/v1/workflows/{}/why{at}", arguments.workflow))?;
    if arguments.json {
        output::json(&why);
    } else {
        print(&why);
    }
    Ok(())
}

fn print(why: &Why) {
    output::line(format!("{} at {}: {} (epoch {})", why.workflow, why.at, why.mode, why.epoch));
    output::line(format!("  because  {}", why.because));
    output::line(format!("  decided  {} by {}", why.entry.time, why.entry.by));
    if let What::ModeChanged { from, to, cause, breach, .. } = &why.entry.what {
        output::line(format!("  change   {from} → {to}, cause {}", cause.name()));
        if let Some(breach) = breach {
            print_breach(breach);
        }
    }
    let policy = why.entry.policy.get(..12).unwrap_or(&why.entry.policy);
    output::line(format!("  ledger   entry {}, policy {policy}", why.ledger_seq));
}

fn print_breach(breach: &Breach) {
    let lane = match (breach.lane.as_str(), breach.signal.as_str()) {
        ("outage", _) => ", caught by its outage lane",
        ("limit", "external") => ", an alert from outside",
        ("limit", _) => ", a fixed limit",
        _ => "",
    };
    output::line(format!("  guard    {} ({}){lane}", breach.guard, breach.signal));
    let bound = words::number(breach.bound);
    output::line(format!("  bound    {bound} in {}", breach.mode));
    if breach.lane == "limit" {
        output::line(format!("  value    {}", words::number(breach.estimate)));
    } else {
        let interval = breach.interval.map(|[low, high]| {
            format!(
                " (95 % interval {} to {}, as if the change had been known)",
                words::number(low),
                words::number(high)
            )
        });
        output::line(format!(
            "  estimate {} over {} outputs since the change{}",
            words::number(breach.estimate),
            words::count(breach.n),
            interval.unwrap_or_default()
        ));
        output::line(format!(
            "  evidence {} of a threshold of {}, after {} observations",
            words::number(breach.evidence),
            words::number(breach.threshold),
            words::count(breach.n_total)
        ));
    }
    if let Some(changed_at) = breach.changed_at {
        let between = breach.changed_between.map(|[early, late]| format!(", between {early} and {late}"));
        output::line(format!("  changed  about {changed_at} (estimated{})", between.unwrap_or_default()));
    }
    if let Some(part) = &breach.part {
        output::line(format!("  part     {part}"));
    }
    for carrier in &breach.carriers {
        let things = if breach.signal == "rejection_rate" { "verdicts" } else { "outputs" };
        let of_outputs =
            carrier.outputs_share.map(|share| format!(", and has {} of the {things}", words::share(Some(share))));
        output::line(format!(
            "  carried  {}: {} of the excess{}",
            carrier.segment,
            words::share(Some(carrier.excess_share)),
            of_outputs.unwrap_or_default()
        ));
    }
    if let Some(id) = &breach.output {
        output::line(format!("  output   {id} completed the evidence"));
    }
    for heavy in breach.heaviest.iter().take(HEAVIEST) {
        let kind = heavy.exception.as_ref().map(|kind| format!("  {kind}")).unwrap_or_default();
        let trace = heavy.trace_id.as_ref().map(|trace| format!("  trace {trace}")).unwrap_or_default();
        output::line(format!("  weighed  {}  {}  {}{kind}{trace}", heavy.time, heavy.id, words::number(heavy.value)));
    }
}
