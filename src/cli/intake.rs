//! `andon intake`: one list of everything, with its track and what it waits for.
//!
//! Owns the arguments and the telling.

use super::client::{Client, ClientError, Daemon};
use super::table::{Side, Table};
use super::{output, words};
use crate::clock::{Clock as _, SystemClock};
use crate::domain::Track;
use crate::http::lab::Intake;
use crate::monitor::intake::{IntakeItem, IntakeKind};
use std::process::ExitCode;

/// Arguments of `andon intake`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  andon intake
  andon intake --track lab
  andon intake --json | jq '.items[] | select(.owner == \"ann\")'

Workflows in the order of their ids, each followed by its hypotheses: what each waits for, and since when.")]
pub(super) struct Arguments {
    /// Only what is on this track.
    #[arg(long, value_parser = ["lab", "factory"])]
    track: Option<String>,
    #[command(flatten)]
    daemon: Daemon,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    super::done(list(arguments))
}

fn list(arguments: &Arguments) -> Result<(), ClientError> {
    let client = Client::of(&arguments.daemon)?;
    let mut items: Vec<IntakeItem> = Vec::new();
    let mut after = String::new();
    loop {
        let page: Intake = client.get(&format!("/v1/intake?limit=200&after={after}"))?;
        items.extend(page.items);
        match page.next {
            Some(next) => after = next,
            None => break,
        }
    }
    if let Some(track) = &arguments.track {
        items.retain(|item| name(item.track) == track);
    }
    if arguments.json {
        output::json(&Intake { items, next: None });
        return Ok(());
    }
    if items.is_empty() {
        output::line("nothing is declared");
        return Ok(());
    }
    let now = SystemClock::default().now();
    let mut table =
        Table::new(&["what", "track", "owner", "status", "since", "waits for"].map(|name| (name, Side::Left)));
    for item in items {
        let what = match item.kind {
            IntakeKind::Workflow => item.id,
            IntakeKind::Hypothesis => format!("  {}", item.id),
        };
        let (track, status) = (name(item.track).to_owned(), item.status.replace('_', " "));
        table.row(vec![what, track, item.owner, status, words::ago(now, item.since), item.next]);
    }
    table.lines().iter().for_each(output::line);
    Ok(())
}

const fn name(track: Track) -> &'static str {
    match track {
        Track::Lab => "lab",
        Track::Factory => "factory",
    }
}
