//! `andon incidents`: what went wrong and who looks at it.
//!
//! Owns the arguments and the telling; the incidents are the daemon's.

use super::client::{Client, ClientError, Daemon};
use super::table::{Side, Table};
use super::{output, words};
use crate::clock::{Clock as _, SystemClock};
use crate::domain::WorkflowId;
use crate::http::records::{Incidents, Note};
use crate::monitor::house::HOUSE;
use crate::monitor::{Incident, IncidentStatus};
use std::process::ExitCode;

/// Arguments of `andon incidents`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  andon incidents
  andon incidents --workflow email-drafts --all --json
  andon incidents ack email-drafts-3 --note \"looking at the new prompt\"
  andon incidents resolve email-drafts-3 --note \"rolled back to 2026.11.1\"")]
pub(super) struct Arguments {
    #[command(subcommand)]
    step: Option<Step>,
    #[command(flatten)]
    daemon: Daemon,
    /// Only those of this workflow.
    #[arg(long, value_name = "ID", value_parser = WorkflowId::new)]
    workflow: Option<WorkflowId>,
    /// The resolved ones too.
    #[arg(long)]
    all: bool,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Step {
    /// Say that somebody looks at it.
    Ack(About),
    /// Close it.
    Resolve(About),
}

#[derive(Debug, clap::Args)]
struct About {
    /// The incident, as the list shows it.
    #[arg(value_parser = incident)]
    incident: String,
    /// A remark for the ledger.
    #[arg(long, default_value = "")]
    note: String,
    #[command(flatten)]
    daemon: Daemon,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

/// Whether it is the incident of no single workflow.
pub(super) fn is_of_house(text: &str) -> bool {
    text.strip_prefix(HOUSE).is_some_and(|number| number.parse::<u64>().is_ok())
}

/// An incident's id is a workflow's id and a number, so nothing in it needs escaping.
fn incident(text: &str) -> Result<String, String> {
    if is_of_house(text) {
        return Ok(text.to_owned());
    }
    match text.rsplit_once('-') {
        Some((workflow, number)) if WorkflowId::is_valid(workflow) && number.parse::<u64>().is_ok() => {
            Ok(text.to_owned())
        }
        _ => Err("write it as `andon incidents` shows it, such as email-drafts-3".to_owned()),
    }
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    super::done(match &arguments.step {
        None => list(arguments),
        Some(Step::Ack(about)) => step(about, "acknowledge"),
        Some(Step::Resolve(about)) => step(about, "resolve"),
    })
}

fn step(about: &About, what: &str) -> Result<(), ClientError> {
    let client = Client::of(&about.daemon)?;
    let path = format!("/v1/incidents/{}/{what}", about.incident);
    let incident: Incident = client.post(&path, &Note { note: about.note.clone() })?;
    if about.json {
        output::json(&incident);
    } else {
        output::line(format!("{} is {}: {}", incident.id, status(incident.status), incident.summary));
    }
    Ok(())
}

fn list(arguments: &Arguments) -> Result<(), ClientError> {
    let client = Client::of(&arguments.daemon)?;
    let workflow = arguments.workflow.as_ref().map(|id| format!("&workflow={id}")).unwrap_or_default();
    let mut found: Incidents = client.get(&format!("/v1/incidents?limit=1000{workflow}"))?;
    if !arguments.all {
        // A part of another incident is looked at there.
        found.incidents.retain(|incident| incident.is_unresolved() && incident.part_of.is_none());
    }
    if arguments.json {
        output::json(&found);
        return Ok(());
    }
    if found.incidents.is_empty() {
        output::line("no incident is open");
        return Ok(());
    }
    let now = SystemClock::default().now();
    let mut table = Table::new(&[
        ("incident", Side::Left),
        ("status", Side::Left),
        ("severity", Side::Left),
        ("opened", Side::Right),
        ("about", Side::Left),
        ("summary", Side::Left),
    ]);
    for incident in found.incidents {
        let opened = words::ago(now, incident.opened_at);
        let status = status(incident.status).to_owned();
        let severity = incident.severity.name().to_owned();
        table.row(vec![incident.id, status, severity, opened, incident.about, incident.summary]);
    }
    table.lines().iter().for_each(output::line);
    Ok(())
}

const fn status(status: IncidentStatus) -> &'static str {
    match status {
        IncidentStatus::Open => "open",
        IncidentStatus::Acknowledged => "acknowledged",
        IncidentStatus::Resolved => "resolved",
    }
}
