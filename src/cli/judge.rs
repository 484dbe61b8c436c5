//! `andon judge`: says whether a demotion was right or false.
//!
//! Owns the arguments and the telling; the judgement is the daemon's to take.

use super::client::{Client, ClientError, Daemon};
use super::{output, words};
use crate::domain::{Judgement, WorkflowId};
use crate::http::council::{Judged, NewJudgement};
use std::process::ExitCode;

/// Arguments of `andon judge`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  andon judge email-drafts right --epoch 4 --note \"the new prompt did it\"
  andon judge email-drafts false --epoch 4 --note \"a load test was counted\"

The epoch is that which the demotion began: `andon why email-drafts` and the weekly report say it. A judgement counts
in the rate of false demotions and moves no mode: `andon annul` takes a demotion back, and two people must say so. The
last judgement holds; all of them stand in the ledger.")]
pub(super) struct Arguments {
    /// The workflow.
    #[arg(value_parser = WorkflowId::new)]
    workflow: WorkflowId,
    /// What the demotion was: right or false.
    judgement: Judgement,
    /// The epoch that the demotion began.
    #[arg(long, value_name = "N")]
    epoch: u64,
    /// Why: it stands in the ledger.
    #[arg(long)]
    note: String,
    #[command(flatten)]
    daemon: Daemon,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    super::done(judge(arguments))
}

fn judge(arguments: &Arguments) -> Result<(), ClientError> {
    let Arguments { workflow, judgement, epoch, note, .. } = arguments;
    let path = format!("/v1/workflows/{workflow}/judgements");
    let new = NewJudgement { epoch: *epoch, judgement: *judgement, note: note.clone() };
    let judged: Judged = Client::of(&arguments.daemon)?.post(&path, &new)?;
    if arguments.json {
        output::json(&judged);
        return Ok(());
    }
    output::line(format!("the demotion of {workflow} (epoch {epoch}) was judged {}", judgement.name()));
    let [all, right, wrong] = [judged.demotions, judged.judged_right, judged.judged_false].map(words::count);
    output::line(format!("  of {all} demotions by guards {right} were judged right and {wrong} false"));
    Ok(())
}
