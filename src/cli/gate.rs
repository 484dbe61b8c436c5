//! `andon gate`: what a workflow must still show before people may promote it.
//!
//! Owns the arguments and the telling; the requirements are the daemon's.

use super::client::{Client, ClientError, Daemon};
use super::table::{Side, Table};
use super::{output, words};
use crate::domain::{Gate, Requirement, Standing, Target, WorkflowId};
use std::process::ExitCode;

/// Arguments of `andon gate`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  andon gate email-drafts
  andon gate email-drafts --to automate --json | jq '.requirements[] | select(.standing != \"met\")'

Each requirement is met, missing, or inconclusive: then it says how many observations there are and how
many would decide. No data never meets one. The exit code is 0 if the gate is open, else 1.")]
pub(super) struct Arguments {
    /// The workflow.
    #[arg(value_parser = WorkflowId::new)]
    workflow: WorkflowId,
    /// collaborate, delegate, automate, or factory for a lab workflow. Default: the next step.
    #[arg(long, value_name = "TARGET")]
    to: Option<Target>,
    #[command(flatten)]
    daemon: Daemon,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    match ask(arguments) {
        Ok(gate) if gate.verdict == Standing::Met => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => super::done(Err(error)),
    }
}

fn ask(arguments: &Arguments) -> Result<Gate, ClientError> {
    let to = arguments.to.map(|to| format!("?to={to}")).unwrap_or_default();
    let gate: Gate = Client::of(&arguments.daemon)?.get(&format!("/v1/workflows/{}/gate{to}", arguments.workflow))?;
    if arguments.json {
        output::json(&gate);
    } else {
        print(&gate);
    }
    Ok(gate)
}

/// The gate as a board reads it: what isn't met first.
pub(super) fn print(gate: &Gate) {
    let open = if gate.verdict == Standing::Met { "open" } else { "closed" };
    let met = gate.requirements.iter().filter(|requirement| requirement.standing == Standing::Met).count();
    let (all, Gate { workflow, from, to, at, .. }) = (gate.requirements.len(), gate);
    output::line(format!(
        "{workflow}: the gate from {from} to {to} is {open}; {met} of {all} requirements are met ({at})"
    ));
    let mut table = Table::new(&[
        ("", Side::Left),
        ("requirement", Side::Left),
        ("n", Side::Right),
        ("needed", Side::Right),
        ("", Side::Left),
    ]);
    for standing in [Standing::Missing, Standing::Inconclusive, Standing::Met] {
        for requirement in gate.requirements.iter().filter(|requirement| requirement.standing == standing) {
            table.row(row(requirement));
        }
    }
    table.lines().iter().for_each(|line| output::line(format!("  {line}")));
    output::line(format!("  approvals  {} (distinct people, never whoever asks)", gate.approvals_needed.join(", ")));
    if !gate.versions.is_empty() {
        output::line(format!("  versions   {}", gate.versions.join(", ")));
    }
    output::line(format!("  evidence   {}", gate.evidence));
}

fn row(requirement: &Requirement) -> Vec<String> {
    let mark = match requirement.standing {
        Standing::Met => "met",
        Standing::Missing => "MISSING",
        Standing::Inconclusive => "inconclusive",
    };
    let number = |n: Option<u64>| n.map(words::count).unwrap_or_default();
    let undecided = requirement.standing == Standing::Inconclusive;
    let needed = requirement.n_needed.filter(|_| undecided);
    vec![mark.to_owned(), requirement.name.clone(), number(requirement.n), number(needed), requirement.detail.clone()]
}
