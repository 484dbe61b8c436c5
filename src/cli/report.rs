//! `andon report`: the weekly report, from a running daemon.
//!
//! Owns the arguments and where the report goes. The daemon makes it.

use super::client::{Client, ClientError, Daemon};
use super::output;
use crate::report::words::escaped;
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `andon report`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  andon report                                        the last week that is over, as Markdown
  andon report --week now --format html --out report.html
  andon report --week 2026-W47 --workflow email-drafts --format json
  andon report --schema > report.schema.json

The report of a week that is over is the one that was made then, where it is kept; --fresh makes it anew of what is
still there. The week that runs can be read at any time and says that it is provisional. Days and weeks are those of `[report]
time_zone`.")]
pub(super) struct Arguments {
    /// An ISO week such as 2026-W47; `last` is the last one that is over, `now` the running one.
    #[arg(long, value_name = "WEEK", default_value = "last")]
    week: String,
    /// Of this workflow only.
    #[arg(long, value_name = "ID", conflicts_with = "team")]
    workflow: Option<String>,
    /// Of the workflows of this owner only.
    #[arg(long, value_name = "OWNER")]
    team: Option<String>,
    /// Make it anew, also where one is kept.
    #[arg(long)]
    fresh: bool,
    /// Show the JSON Schema of reports instead; no daemon is asked.
    #[arg(long)]
    schema: bool,
    /// How.
    #[arg(long, value_enum, default_value = "md")]
    format: Form,
    /// Write it into this file instead of showing it.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    daemon: Daemon,
}

/// The forms of a report.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Form {
    /// One page, to look at and to print.
    Html,
    /// Markdown.
    Md,
    /// Data.
    Json,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    if arguments.schema {
        output::json(&crate::http::report_schema::schema());
        return ExitCode::SUCCESS;
    }
    match fetch(arguments) {
        Ok(report) => put(arguments, &report),
        Err(error) => super::done(Err(error)),
    }
}

fn fetch(arguments: &Arguments) -> Result<String, ClientError> {
    let form = match arguments.format {
        Form::Html => "html",
        Form::Md => "md",
        Form::Json => "json",
    };
    let of = [("workflow", &arguments.workflow), ("team", &arguments.team)];
    let of =
        of.into_iter().filter_map(|(name, value)| value.as_ref().map(|value| format!("{name}={}", escaped(value))));
    let query: Vec<String> = of.chain(arguments.fresh.then(|| "fresh=true".to_owned())).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let path = format!("/v1/reports/{}.{form}{query}", escaped(&arguments.week));
    Client::of(&arguments.daemon)?.text_patiently(&path)
}

fn put(arguments: &Arguments, report: &str) -> ExitCode {
    let Some(file) = &arguments.out else {
        output::line(report.trim_end());
        return ExitCode::SUCCESS;
    };
    match std::fs::write(file, report) {
        Ok(()) => {
            output::line(format!("the report is in {}", file.display()));
            ExitCode::SUCCESS
        }
        Err(error) => {
            output::complain(format!("andon: {} can't be written: {error}", file.display()));
            ExitCode::FAILURE
        }
    }
}
