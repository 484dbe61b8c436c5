//! `andon check`: says everything that is wrong with a configuration.
//!
//! Owns the reading of the file and the exit code; the findings are the configuration's.

use super::{USAGE, output};
use crate::config::{self, Settings};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments of `andon check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  andon check config.toml\n  andon check config.toml --json | jq '.[].message'")]
pub(super) struct Arguments {
    /// The configuration.
    file: PathBuf,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Summary<'a> {
    file: String,
    policy: &'a str,
    workflows: usize,
    guards: usize,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let Some(settings) = read(&arguments.file, arguments.json) else { return ExitCode::from(USAGE) };
    let policy = &settings.policy;
    let summary = Summary {
        file: arguments.file.display().to_string(),
        policy: &policy.hash,
        workflows: policy.workflows.len(),
        guards: policy.workflows.values().map(|workflow| workflow.guards.len()).sum(),
    };
    if arguments.json {
        output::json(&summary);
    } else {
        let Summary { file, policy, workflows, guards } = summary;
        output::line(format!("{file} is good: {workflows} workflows, {guards} guards, policy {}", &policy[..12]));
    }
    ExitCode::SUCCESS
}

/// Reads and checks a configuration; prints what is wrong and returns nothing where something is.
pub(super) fn read(path: &Path, json: bool) -> Option<Settings> {
    let file = path.display().to_string();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            output::complain(format!(
                "andon: `{file}` can't be read: {error}. `config.example.toml` is a file to begin with"
            ));
            return None;
        }
    };
    match config::load(&text, &file) {
        Ok(settings) => Some(settings),
        Err(problems) if json => {
            output::json(&problems);
            None
        }
        Err(problems) => {
            output::complain(problems);
            None
        }
    }
}
