//! `andon mode`: what a workflow may do now; and an operator's orders, which only ever lower.
//!
//! Owns the arguments and the telling. Whether an order is possible is the daemon's to say.

use super::client::{Client, ClientError, Daemon};
use super::{output, words};
use crate::clock::{Clock as _, SystemClock};
use crate::domain::{Mode, WorkflowId};
use crate::http::admin::{Stop, Stopped};
use crate::http::lease::ModeAnswer;
use crate::http::workflows::Order;
use std::process::ExitCode;

/// Arguments of `andon mode`.
#[derive(Debug, clap::Args)]
#[command(
    group(clap::ArgGroup::new("order").args(["lower", "hold", "release", "stop_all"])),
    after_help = "Examples:
  andon mode email-drafts
  andon mode email-drafts --json | jq -r .mode
  andon mode email-drafts --lower assist --reason \"brand review found old prices\"
  andon mode email-drafts --hold --reason \"launch week\"
  andon mode --stop-all --reason \"provider incident\"

Nothing here raises a mode: that takes the promotion gate."
)]
pub(super) struct Arguments {
    /// The workflow.
    #[arg(required_unless_present = "stop_all", conflicts_with = "stop_all", value_parser = WorkflowId::new)]
    workflow: Option<WorkflowId>,
    #[command(flatten)]
    daemon: Daemon,
    /// Lower it to this mode.
    #[arg(long, value_name = "MODE", requires = "reason")]
    lower: Option<Mode>,
    /// Block raises.
    #[arg(long, requires = "reason")]
    hold: bool,
    /// Allow raises again.
    #[arg(long, requires = "reason")]
    release: bool,
    /// The stop button: every workflow to assist, at once.
    #[arg(long, requires = "reason")]
    stop_all: bool,
    /// Why: it stands in the ledger.
    #[arg(long, requires = "order")]
    reason: Option<String>,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    super::done(answer(arguments))
}

fn answer(arguments: &Arguments) -> Result<(), ClientError> {
    let client = Client::of(&arguments.daemon)?;
    let reason = arguments.reason.clone().unwrap_or_default();
    let Some(workflow) = &arguments.workflow else {
        let stopped: Stopped = client.post("/v1/stop", &Stop { reason })?;
        if arguments.json {
            output::json(&stopped);
        } else {
            output::line(format!("stopped: {} workflows are in assist now", stopped.modes.len()));
        }
        return Ok(());
    };
    let path = format!("/v1/workflows/{workflow}/mode");
    let hold = (arguments.hold || arguments.release).then_some(arguments.hold);
    let answer: ModeAnswer = if arguments.lower.is_some() || hold.is_some() {
        client.post(&path, &Order { mode: arguments.lower, hold, reason })?
    } else {
        client.get(&path)?
    };
    if arguments.json {
        output::json(&answer);
    } else {
        print(&answer);
    }
    Ok(())
}

fn print(answer: &ModeAnswer) {
    let view = &answer.mode;
    let now = SystemClock::default().now();
    output::line(format!("{}: {} (level {}, epoch {})", view.workflow, view.mode, view.level, view.epoch));
    output::line(format!("  since    {} ({})", view.since, words::ago(now, view.since)));
    let guard = view.guard.as_ref().map(|guard| format!(" of guard {guard}")).unwrap_or_default();
    output::line(format!("  cause    {}{guard}", view.cause.name()));
    output::line(format!("  reason   {}", view.reason));
    for cap in &view.caps {
        output::line(format!("  capped   to {} by {}: {} (granted: {})", cap.mode, cap.by, cap.reason, view.granted));
    }
    if let Some(held) = &view.held {
        output::line(format!("  held     raises are blocked: {held}"));
    }
    output::line(format!("  review   {} of the outputs", words::share(Some(view.review.sample_rate))));
    output::line(format!(
        "  lease    until {} ({} s): a reader that hears nothing new by then falls back to assist",
        answer.valid_until, answer.valid_for_seconds
    ));
}
