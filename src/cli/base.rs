//! `andon base`: what workflows stand on, audits and regressions.
//!
//! Owns the arguments and the telling.

use super::client::{Client, ClientError, Daemon};
use super::output;
use super::table::{Side, Table};
use crate::http::base::{Audit, Base, Regression};
use std::process::ExitCode;

/// Arguments of `andon base`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  andon base
  andon base audit brand-guide --note \"read against the spring campaign\"
  andon base audit crm-schema --failed --note \"two fields are gone\"
  andon base regress brand-guide --summary \"2026.5 allows claims that legal forbids\"

A regression opens an incident and caps every workflow that stands on the item until the incident is resolved.")]
pub(super) struct Arguments {
    #[command(subcommand)]
    step: Option<Step>,
    #[command(flatten)]
    daemon: Daemon,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Step {
    /// Note that somebody looked at an item.
    Audit {
        /// The item.
        #[arg(value_parser = item)]
        item: String,
        /// What was looked at.
        #[arg(long)]
        note: String,
        /// It isn't as it should be.
        #[arg(long)]
        failed: bool,
        #[command(flatten)]
        daemon: Daemon,
    },
    /// An item got worse.
    Regress {
        /// The item.
        #[arg(value_parser = item)]
        item: String,
        /// What is wrong.
        #[arg(long)]
        summary: String,
        #[command(flatten)]
        daemon: Daemon,
    },
}

/// Ids of base items need no escaping.
fn item(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.' | '-');
    if (1..=64).contains(&text.len()) && text.chars().all(plain) {
        Ok(text.to_owned())
    } else {
        Err("no base item has such an id".to_owned())
    }
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    super::done(answer(arguments))
}

fn answer(arguments: &Arguments) -> Result<(), ClientError> {
    let base: Base = match &arguments.step {
        None => Client::of(&arguments.daemon)?.get("/v1/base")?,
        Some(Step::Audit { item, note, failed, daemon }) => {
            let audit = Audit { passed: !failed, note: note.clone() };
            Client::of(daemon)?.post(&format!("/v1/base/{item}/audits"), &audit)?
        }
        Some(Step::Regress { item, summary, daemon }) => {
            let regression = Regression { summary: summary.clone() };
            Client::of(daemon)?.post(&format!("/v1/base/{item}/regressions"), &regression)?
        }
    };
    if arguments.json {
        output::json(&base);
        return Ok(());
    }
    if base.base.is_empty() {
        output::line("no base item is declared");
    }
    let columns = ["item", "version", "owner", "audit due", "", "regression", "workflows"];
    let mut table = Table::new(&columns.map(|name| (name, Side::Left)));
    for item in base.base {
        let due = item.audit_due.map(crate::domain::Time::date).unwrap_or_default();
        let overdue = if item.audit_overdue { "OVERDUE" } else { "" }.to_owned();
        let regression = item.regression.unwrap_or_default();
        let others = (item.others > 0).then(|| format!("{} others", item.others));
        let on_it = item.workflows.into_iter().chain(others).collect::<Vec<_>>().join(", ");
        table.row(vec![item.id, item.version, item.owner, due, overdue, regression, on_it]);
    }
    table.lines().iter().for_each(output::line);
    Ok(())
}
