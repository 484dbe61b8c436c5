//! `andon requests`: what people asked for, and what others say to it.
//!
//! Owns the arguments and the telling. Who may approve what is decided by the daemon.

use super::client::{Client, ClientError, Daemon};
use super::table::{Side, Table};
use super::{gate, output, words};
use crate::clock::{Clock as _, SystemClock};
use crate::domain::{Decision, Request, RequestStatus, WorkflowId};
use crate::http::governance::{Reason, Requests, Vote, about};
use std::process::ExitCode;

/// Arguments of `andon requests`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  andon requests
  andon requests show email-drafts-r3
  andon requests approve email-drafts-r3 --note \"read the evidence, agreed in the board of 22 November\"
  andon requests reject house:r1 --note \"the bound stays\"
  andon requests withdraw email-drafts-r3 --note \"after the launch\"

Promotions, annulments of demotions, restorations after a storm and policies that loosen something wait here.
Approvals are counted by role; whoever asked for a promotion can't approve it.")]
pub(super) struct Arguments {
    #[command(subcommand)]
    step: Option<Step>,
    #[command(flatten)]
    daemon: Daemon,
    /// Only those of this workflow.
    #[arg(long, value_name = "ID", value_parser = WorkflowId::new)]
    workflow: Option<WorkflowId>,
    /// The decided ones too.
    #[arg(long)]
    all: bool,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Step {
    /// Show one, with the gate as it stood.
    Show(About),
    /// Say yes. With the last approval that is needed it happens.
    Approve(About),
    /// Say no: it ends.
    Reject(About),
    /// Take back what you asked for.
    Withdraw(About),
}

#[derive(Debug, clap::Args)]
struct About {
    /// The request, as the list shows it.
    #[arg(value_parser = request_id)]
    request: String,
    /// A remark for the ledger.
    #[arg(long, default_value = "")]
    note: String,
    #[command(flatten)]
    daemon: Daemon,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

/// A request's id is a workflow's id and `-r`, or `house:r`, and a number, so nothing in it needs escaping.
fn request_id(text: &str) -> Result<String, String> {
    let (of, number) = text
        .strip_prefix("house:r")
        .map(|number| ("house", number))
        .or_else(|| text.rsplit_once("-r"))
        .unwrap_or_default();
    match number.parse::<u64>() {
        Ok(_) if WorkflowId::is_valid(of) => Ok(text.to_owned()),
        _ => Err("write it as `andon requests` shows it, such as email-drafts-r3".to_owned()),
    }
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    super::done(match &arguments.step {
        None => list(arguments),
        Some(Step::Show(about)) => show(about),
        Some(Step::Approve(about)) => vote(about, Decision::Approve),
        Some(Step::Reject(about)) => vote(about, Decision::Reject),
        Some(Step::Withdraw(about)) => vote(about, Decision::Withdraw),
    })
}

fn vote(about: &About, decision: Decision) -> Result<(), ClientError> {
    let client = Client::of(&about.daemon)?;
    let path = format!("/v1/requests/{}", about.request);
    let note = about.note.clone();
    let request: Request = match decision {
        Decision::Withdraw => client.post(&format!("{path}/withdrawal"), &Reason { reason: note })?,
        _ => client.post(&format!("{path}/approvals"), &Vote { decision, note })?,
    };
    tell(&request, about.json);
    Ok(())
}

fn show(about: &About) -> Result<(), ClientError> {
    let request: Request = Client::of(&about.daemon)?.get(&format!("/v1/requests/{}", about.request))?;
    tell(&request, about.json);
    if let (Some(gate), false) = (&request.gate, about.json) {
        gate::print(gate);
    }
    Ok(())
}

/// One request, for whoever asked for it or said something to it.
pub(super) fn tell(request: &Request, json: bool) {
    if json {
        return output::json(request);
    }
    let because = if request.because.is_empty() { String::new() } else { format!(": {}", request.because) };
    output::line(format!("{} ({}) is {}{because}", request.id, about(&request.ask), request.status.name()));
    output::line(format!("  asked by  {} at {}: {}", request.by, request.at, request.reason));
    if let Some(funding) = &request.funding {
        output::line(format!("  funds     {funding}"));
    }
    for approval in &request.approvals {
        output::line(format!("  approved  by {} at {} {}", approval.by, approval.at, approval.note));
    }
    if request.status == RequestStatus::Pending {
        output::line(format!("  needed    {}", request.open_roles().join(", ")));
    }
}

fn list(arguments: &Arguments) -> Result<(), ClientError> {
    let client = Client::of(&arguments.daemon)?;
    let workflow = arguments.workflow.as_ref().map(|id| format!("workflow={id}"));
    let status = (!arguments.all).then(|| "status=pending".to_owned());
    let query: Vec<String> = workflow.into_iter().chain(status).collect();
    let found: Requests = client.get(&format!("/v1/requests?{}", query.join("&")))?;
    if arguments.json {
        output::json(&found);
        return Ok(());
    }
    if found.requests.is_empty() {
        output::line("nothing waits for approval");
        return Ok(());
    }
    let now = SystemClock::default().now();
    let columns = ["request", "status", "asked", "by", "about", "needed"].map(|name| (name, Side::Left));
    let mut table = Table::new(&columns);
    for request in found.requests {
        let needed = if request.is_pending() { request.open_roles().join(", ") } else { String::new() };
        let asked = words::ago(now, request.at);
        table.row(vec![
            request.id.clone(),
            request.status.name().to_owned(),
            asked,
            request.by.clone(),
            about(&request.ask),
            needed,
        ]);
    }
    table.lines().iter().for_each(output::line);
    Ok(())
}
