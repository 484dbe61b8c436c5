//! `andon actions`: who does what until when.
//!
//! Owns the arguments and the telling; the actions are the daemon's.

use super::client::{Client, ClientError, Daemon};
use super::table::{Side, Table};
use super::{output, words};
use crate::clock::{Clock as _, SystemClock};
use crate::domain::{Ending, Task, Time, WorkflowId};
use crate::http::actions::{Actions, Finish, Finished, NewAction};
use std::process::ExitCode;

/// Arguments of `andon actions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  andon actions
  andon actions --workflow email-drafts --json
  andon actions assign \"find out why German drafts fail\" --owner ann --due 2026-12-01 --workflow email-drafts
  andon actions finish a7 done --note \"the prompt lacked the German style guide\"
  andon actions finish a8 dropped --note \"the workflow is retired\"

The weekly report shows what is open and what ended, and begins with what is overdue.")]
pub(super) struct Arguments {
    #[command(subcommand)]
    step: Option<Step>,
    #[command(flatten)]
    daemon: Daemon,
    /// Only those of this workflow.
    #[arg(long, value_name = "ID", value_parser = WorkflowId::new)]
    workflow: Option<WorkflowId>,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Step {
    /// Name somebody who does something until a day.
    Assign(Assign),
    /// Say how an action ended.
    Finish(End),
}

#[derive(Debug, clap::Args)]
struct Assign {
    /// What is to be done.
    task: String,
    /// Who does it.
    #[arg(long, value_name = "NAME")]
    owner: String,
    /// Until when: a date such as 2026-12-01 (all of that day), or a time such as 2026-12-01T12:00:00Z.
    #[arg(long, value_name = "DATE")]
    due: String,
    /// The workflow that it concerns; without it the whole house.
    #[arg(long, value_name = "ID", value_parser = WorkflowId::new)]
    workflow: Option<WorkflowId>,
    #[command(flatten)]
    daemon: Daemon,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct End {
    /// The action, as the list shows it.
    #[arg(value_parser = action)]
    action: String,
    /// How it ended: done or dropped.
    ending: Ending,
    /// A remark for the ledger.
    #[arg(long, default_value = "")]
    note: String,
    #[command(flatten)]
    daemon: Daemon,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

/// An action's id is a letter and a number, so nothing in it needs escaping.
fn action(text: &str) -> Result<String, String> {
    let number = text.strip_prefix('a').and_then(|number| number.parse::<u64>().ok());
    number
        .map(|number| format!("a{number}"))
        .ok_or_else(|| "write it as `andon actions` shows it, such as a7".to_owned())
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    super::done(match &arguments.step {
        None => list(arguments),
        Some(Step::Assign(new)) => assign(new),
        Some(Step::Finish(end)) => finish(end),
    })
}

fn assign(new: &Assign) -> Result<(), ClientError> {
    let Assign { task, owner, due, workflow, .. } = new;
    let (task, owner, due, workflow) = (task.clone(), owner.clone(), due.clone(), workflow.clone());
    let task: Task = Client::of(&new.daemon)?.post("/v1/actions", &NewAction { workflow, task, owner, due })?;
    if new.json {
        output::json(&task);
    } else {
        output::line(format!("{}: {} is to {} until {}", task.id, task.owner, words::one_line(&task.task), task.due));
    }
    Ok(())
}

fn finish(end: &End) -> Result<(), ClientError> {
    let path = format!("/v1/actions/{}/finish", end.action);
    let finish = Finish { ending: end.ending, note: end.note.clone() };
    let finished: Finished = Client::of(&end.daemon)?.post(&path, &finish)?;
    if end.json {
        output::json(&finished);
    } else {
        let task = words::one_line(&finished.task.task);
        output::line(format!("{} is {}: {task}", finished.task.id, finished.ending.name()));
    }
    Ok(())
}

fn list(arguments: &Arguments) -> Result<(), ClientError> {
    let workflow = arguments.workflow.as_ref().map(|id| format!("?workflow={id}")).unwrap_or_default();
    let found: Actions = Client::of(&arguments.daemon)?.get(&format!("/v1/actions{workflow}"))?;
    if arguments.json {
        output::json(&found);
        return Ok(());
    }
    if found.actions.is_empty() {
        output::line("no action is open");
        return Ok(());
    }
    let now = SystemClock::default().now();
    let columns = ["action", "owner", "until", "workflow", "what"].map(|name| (name, Side::Left));
    let mut table = Table::new(&columns);
    for open in found.actions {
        let Task { id, workflow, task, owner, due, .. } = open.task;
        let workflow = workflow.map_or_else(|| "-".to_owned(), |id| id.to_string());
        table.row(vec![id, owner, until(now, due, open.is_overdue), workflow, task]);
    }
    table.lines().iter().for_each(output::line);
    Ok(())
}

/// When it is due, and since when that is over. The day in the reports' time zone may be another than here and there, so
/// that a time says its own.
fn until(now: Time, due: Time, is_overdue: bool) -> String {
    let until = format!("{} UTC", words::minute(due));
    if is_overdue { format!("{until} (overdue, {})", words::ago(now, due)) } else { until }
}
