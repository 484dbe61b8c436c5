//! `andon check`: says everything that is wrong with a configuration.
//!
//! Owns the reading of the file and the exit code; the findings are the configuration's.

use super::backtest_report::{Told, print_short};
use super::{USAGE, backtest, output};
use crate::access::{self, AccessError};
use crate::backtest::Report;
use crate::clock::{Clock as _, SystemClock};
use crate::config::{self, Settings};
use crate::domain::{BaselineSource, Policy, WorkflowId};
use crate::reload::beside;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments of `andon check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  andon check config.toml
  andon check config.toml --json | jq '.[].message'
  andon check candidate.toml --against-journal --store /var/lib/andon

With --against-journal it also says what a reload is to expect: which demotions of the journal's past
would have been others under this policy. `andon backtest` tells more and takes times.")]
pub(super) struct Arguments {
    /// The configuration.
    file: PathBuf,
    /// Say which demotions would have been others under this policy.
    #[arg(long)]
    against_journal: bool,
    /// The store whose journal that is [default: `[store] path` of the configuration].
    #[arg(long, value_name = "DIR", requires = "against_journal")]
    store: Option<PathBuf>,
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
    /// Access tokens that hold; `null` where none are configured.
    tokens: Option<usize>,
    /// Guards that judge nothing until they have learned what is normal.
    learning: BTreeMap<&'a WorkflowId, Vec<&'a str>>,
    /// What the past would have been, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    against_journal: Option<&'a Report>,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let Some(settings) = read(&arguments.file, arguments.json) else { return ExitCode::from(USAGE) };
    let Some(tokens) = tokens(&arguments.file, &settings, arguments.json) else { return ExitCode::from(USAGE) };
    let store = arguments.store.clone().unwrap_or_else(|| settings.store.path.clone());
    let report = match arguments.against_journal.then(|| backtest::whole(settings.clone(), &store)).transpose() {
        Ok(report) => report,
        Err(failed) => return failed.say(),
    };
    let policy = &settings.policy;
    let summary = Summary {
        file: arguments.file.display().to_string(),
        policy: &policy.hash,
        workflows: policy.workflows.len(),
        guards: policy.workflows.values().map(|workflow| workflow.guards.len()).sum(),
        tokens,
        learning: learning(policy),
        against_journal: report.as_ref(),
    };
    if arguments.json {
        output::json(&summary);
    } else {
        let Summary { file, policy, workflows, guards, tokens, learning, against_journal } = summary;
        let tokens = tokens.map(|tokens| format!(", {tokens} access tokens that hold")).unwrap_or_default();
        output::line(format!(
            "{file} is good: {workflows} workflows, {guards} guards{tokens}, policy {}",
            &policy[..12]
        ));
        for (workflow, guards) in learning {
            output::line(until_pinned(workflow, &guards));
        }
        if let Some(report) = against_journal {
            let candidate = backtest::name(&arguments.file);
            print_short(&Told { report, candidate: &candidate, store: &store });
        }
    }
    ExitCode::SUCCESS
}

/// The guards of each workflow whose baseline isn't there yet; one from a file is there at once.
fn learning(policy: &Policy) -> BTreeMap<&WorkflowId, Vec<&str>> {
    let waits = |source: &BaselineSource| !matches!(source, BaselineSource::File { .. });
    let guards = policy.workflows.values().map(|workflow| {
        let learning = workflow.guards.iter().filter(|guard| guard.baseline.as_ref().is_some_and(|b| waits(&b.source)));
        (&workflow.id, learning.map(|guard| guard.name.as_str()).collect::<Vec<_>>())
    });
    guards.filter(|(_, guards)| !guards.is_empty()).collect()
}

/// What to expect of guards that learn, in a sentence.
fn until_pinned(workflow: &WorkflowId, guards: &[&str]) -> String {
    match guards {
        [guard] => format!("{workflow}: the guard {guard} judges nothing until its baseline is pinned"),
        [first @ .., last] => {
            format!(
                "{workflow}: the guards {} and {last} judge nothing until their baselines are pinned",
                first.join(", ")
            )
        }
        [] => String::new(),
    }
}

/// Loads the access tokens of a configuration and says how many hold; prints what is wrong with them, or
/// with listening to others without any, and returns nothing then.
pub(super) fn tokens(path: &Path, settings: &Settings, json: bool) -> Option<Option<usize>> {
    let now = SystemClock::default().now();
    let loaded = access::load(settings, &beside(path));
    let checked = loaded.and_then(|access| access::may_listen(settings, &access, now).map(|()| access));
    match checked {
        Ok(access) => Some(access.count(now).map(|count| count.holding)),
        Err(AccessError::Problems(problems)) => {
            if json {
                output::json(&problems);
            } else {
                output::complain(problems);
            }
            None
        }
        Err(error) => {
            output::complain(format!("andon: {error}"));
            None
        }
    }
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
    match config::load_with(&text, &file, &beside(path)) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_learns_is_said() {
        let guard = |name: &str, source: &str| {
            format!("[[workflow.guard]]\nsignal = \"sla\"\nname = \"{name}\"\nbaseline = {{ {source} }}\n")
        };
        let declared = "[[workflow.guard]]\nsignal = \"sla\"\nbound = 0.1\n";
        let text = [
            "[[workflow]]\nid = \"a\"\n",
            declared,
            &guard("first", "outputs = 500"),
            &guard("second", "from = 2026-10-01T00:00:00Z, to = 2026-10-02T00:00:00Z"),
            "[[workflow]]\nid = \"b\"\n",
            &guard("filed", "file = \"sla.csv\""),
            "[[workflow]]\nid = \"c\"\n",
            &guard("only", "outputs = 500"),
            &guard("filed", "file = \"sla.csv\""),
        ]
        .concat();
        let settings = config::load_with(&text, "t", &|_| Ok("0\n".repeat(100))).unwrap();
        let said: Vec<String> =
            learning(&settings.policy).iter().map(|(workflow, guards)| until_pinned(workflow, guards)).collect();
        assert_eq!(
            said,
            [
                "a: the guards first and second judge nothing until their baselines are pinned",
                "c: the guard only judges nothing until its baseline is pinned",
            ]
        );
    }
}
