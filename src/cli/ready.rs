//! `andon ready`: the readiness checklist of a workflow, and answers to it.
//!
//! Owns the arguments and the telling.

use super::client::{Client, ClientError, Daemon};
use super::output;
use super::table::{Side, Table};
use crate::domain::WorkflowId;
use crate::http::governance::{Checklist, NewAnswer};
use std::process::ExitCode;

/// Arguments of `andon ready`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  andon ready email-drafts
  andon ready email-drafts runbook --note \"https://wiki.example.com/email-drafts, walked through on 20 November\"
  andon ready email-drafts rollback --not --note \"the old template is gone\"")]
pub(super) struct Arguments {
    /// The workflow.
    #[arg(value_parser = WorkflowId::new)]
    workflow: WorkflowId,
    /// The item to answer; without it the checklist is shown.
    #[arg(requires = "note")]
    item: Option<String>,
    /// What shows it: a link, a remark.
    #[arg(long, requires = "item")]
    note: Option<String>,
    /// It isn't ready.
    #[arg(long, requires = "item")]
    not: bool,
    #[command(flatten)]
    daemon: Daemon,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    super::done(answer(arguments))
}

fn answer(arguments: &Arguments) -> Result<(), ClientError> {
    let client = Client::of(&arguments.daemon)?;
    let path = format!("/v1/workflows/{}/readiness", arguments.workflow);
    let checklist: Checklist = match (&arguments.item, &arguments.note) {
        (Some(item), Some(note)) => {
            client.post(&path, &NewAnswer { item: item.clone(), ready: !arguments.not, note: note.clone() })?
        }
        _ => client.get(&path)?,
    };
    if arguments.json {
        output::json(&checklist);
        return Ok(());
    }
    let mut table = Table::new(&["list", "item", "ready", "by", "at", "note"].map(|name| (name, Side::Left)));
    for item in checklist.items {
        let cells = match item.answer {
            None => ["no answer".to_owned(), String::new(), String::new(), String::new()],
            Some(answer) => {
                [if answer.ready { "yes" } else { "no" }.to_owned(), answer.by, answer.at.date(), answer.note]
            }
        };
        table.row([vec![item.list, item.item], cells.to_vec()].concat());
    }
    table.lines().iter().for_each(output::line);
    Ok(())
}
