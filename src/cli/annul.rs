//! `andon annul`: says that a demotion, or all those of a storm, were false.
//!
//! Owns the arguments; what follows is decided by the daemon when a second person agrees.

use super::client::{Client, Daemon};
use super::incidents::is_of_house;
use super::requests::tell;
use crate::domain::{Request, WorkflowId};
use crate::http::governance::Reason;
use std::process::ExitCode;

/// Arguments of `andon annul`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  andon annul email-drafts --reason \"a load test was counted\"
  andon annul house:3 --reason \"the provider's clock was wrong\"   # all that this storm lowered

Whoever says so is the first of two people who approve. Then each workflow has its mode back, and the
demotions count as false ones against the declared budget.")]
pub(super) struct Arguments {
    /// The workflow, or the incident of a storm.
    #[arg(value_parser = what)]
    what: String,
    /// Why it was false: it stands in the ledger.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    daemon: Daemon,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

fn what(text: &str) -> Result<String, String> {
    if is_of_house(text) || WorkflowId::is_valid(text) {
        return Ok(text.to_owned());
    }
    Err("write a workflow, or the incident of a storm such as house:3".to_owned())
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let Arguments { what, reason, .. } = arguments;
    let path = if is_of_house(what) {
        format!("/v1/incidents/{what}/restoration")
    } else {
        format!("/v1/workflows/{what}/annulments")
    };
    let asked = Reason { reason: reason.clone() };
    let request = Client::of(&arguments.daemon).and_then(|client| client.post::<Request>(&path, &asked));
    super::done(request.map(|request| tell(&request, arguments.json)))
}
