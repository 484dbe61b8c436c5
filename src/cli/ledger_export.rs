//! `andon ledger export`: entries with their hashes, one JSON object a line.
//!
//! Owns paging, from a store or a daemon. Each text goes out byte for byte as it was hashed.

use super::client::{Client, ClientError, Daemon};
use super::output;
use crate::domain::WorkflowId;
use crate::http::checkpoint::{EXPORT_KIND, ExportLine, export_line};
use crate::store::{Inspection, LedgerQuery};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Entries of one page; the daemon gives no more.
const PAGE: usize = 1_000;

/// Arguments of `andon ledger export`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    daemon: Daemon,
    /// Read this store's folder instead of asking the daemon.
    #[arg(long, value_name = "PATH", conflicts_with = "url")]
    store: Option<PathBuf>,
    /// Only entries after this number; what is left out can't be verified.
    #[arg(long, value_name = "N", default_value_t = 0)]
    after: u64,
    /// Only entries of this workflow; what is left out can't be verified.
    #[arg(long, value_name = "ID", value_parser = WorkflowId::new)]
    workflow: Option<WorkflowId>,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let Some(store) = &arguments.store else { return super::done(from_daemon(arguments)) };
    match from_store(store, arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            output::complain(format!("andon: {cause}"));
            ExitCode::FAILURE
        }
    }
}

fn from_store(store: &Path, arguments: &Arguments) -> Result<(), String> {
    let ledger = Inspection::open(store).map_err(|error| error.to_string())?;
    let mut page = LedgerQuery {
        workflow: arguments.workflow.clone(),
        after: arguments.after,
        limit: PAGE,
        ..LedgerQuery::default()
    };
    loop {
        let entries = ledger.sealed(&page).map_err(|error| error.to_string())?;
        for sealed in &entries {
            let line = export_line(sealed).map_err(|error| {
                let seq = sealed.ledger_seq;
                format!("entry {seq} is no JSON ({error}): it was changed; `andon ledger verify` says more")
            })?;
            output::line(line);
        }
        match entries.last() {
            Some(last) if entries.len() == PAGE => page.after = last.ledger_seq,
            _ => return Ok(()),
        }
    }
}

fn from_daemon(arguments: &Arguments) -> Result<(), ClientError> {
    let client = Client::of(&arguments.daemon)?;
    let workflow = arguments.workflow.as_ref().map(|id| format!("&workflow={id}")).unwrap_or_default();
    let mut after = arguments.after;
    loop {
        let lines = client.text(&format!("/v1/ledger?limit={PAGE}&after={after}{workflow}"), EXPORT_KIND)?;
        lines.lines().for_each(output::line);
        let Some(last) = lines.lines().last().filter(|_| lines.lines().count() == PAGE) else { return Ok(()) };
        let foreign = |cause: serde_json::Error| ClientError::Foreign {
            url: client.url().to_owned(),
            cause: format!("a line of its export can't be read: {cause}"),
        };
        after = serde_json::from_str::<ExportLine<'_>>(last).map_err(foreign)?.ledger_seq;
    }
}
