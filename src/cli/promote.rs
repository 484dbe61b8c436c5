//! `andon promote`: asks for a higher mode.
//!
//! Owns the arguments; the gate and the approvals are the daemon's.

use super::client::{Client, Daemon};
use super::requests::tell;
use crate::domain::{Request, Target, WorkflowId};
use crate::http::governance::Promotion;
use std::process::ExitCode;

/// Arguments of `andon promote`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  andon promote email-drafts --to delegate --reason \"four weeks within all bounds\"
  andon promote email-drafts --to automate --reason \"see the evidence\" --funding \"two days a week of reviewing\"
  andon promote tone-lab --to factory --reason \"all hypotheses are signed off\"

Asking freezes the evidence with its hash. A breach, a hold, a stop or a changed policy meanwhile ends the request.")]
pub(super) struct Arguments {
    /// The workflow.
    #[arg(value_parser = WorkflowId::new)]
    workflow: WorkflowId,
    /// collaborate, delegate, automate, or factory for a lab workflow.
    #[arg(long, value_name = "TARGET")]
    to: Target,
    /// Why: it stands in the ledger.
    #[arg(long)]
    reason: String,
    /// What the decision funds, as the board will put it.
    #[arg(long)]
    funding: Option<String>,
    #[command(flatten)]
    daemon: Daemon,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let Arguments { workflow, to, reason, funding, .. } = arguments;
    let (workflow, reason, funding) = (workflow.clone(), reason.clone(), funding.clone());
    let asked = Promotion { workflow, to: *to, reason, funding };
    let request = Client::of(&arguments.daemon).and_then(|client| client.post::<Request>("/v1/promotions", &asked));
    super::done(request.map(|request| tell(&request, arguments.json)))
}
