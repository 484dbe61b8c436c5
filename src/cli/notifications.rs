//! `andon notifications`: who is told, what waits, what was given up; a test, and another try.
//!
//! Owns the arguments and the telling.

use super::client::{Client, ClientError, Daemon};
use super::table::{Side, Table};
use super::{output, words};
use crate::clock::{Clock as _, SystemClock};
use crate::domain::Time;
use crate::http::notifications::{Notifications, Retried};
use crate::notify::{TargetView, Tested};
use std::process::ExitCode;

/// Arguments of `andon notifications`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  andon notifications
  andon notifications test on-call      # sends a message that says that it is a test
  andon notifications retry on-call     # what waits and what was given up, now
  andon notifications --json | jq '.targets[].dead_letters'

Targets are declared as [[notify]] in the configuration: docs/notifications.md.")]
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
    /// Send a target a test message, and say how that went.
    Test(About),
    /// Try again what waits for a target and what was given up.
    Retry(About),
}

#[derive(Debug, clap::Args)]
struct About {
    /// The target.
    target: String,
    #[command(flatten)]
    daemon: Daemon,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let answer = match &arguments.step {
        None => list(arguments).map(|()| true),
        Some(Step::Test(about)) => test(about),
        Some(Step::Retry(about)) => retry(about).map(|()| true),
    };
    match answer {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => super::done(Err(error)),
    }
}

fn path(target: &str, what: &str) -> String {
    // Names hold nothing else; anything else is no target.
    let name: String = target.chars().filter(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
    format!("/v1/notifications/{name}/{what}")
}

fn test(about: &About) -> Result<bool, ClientError> {
    let tested: Tested = Client::of(&about.daemon)?.post(&path(&about.target, "test"), &())?;
    if about.json {
        output::json(&tested);
    } else {
        output::line(match &tested.error {
            Some(error) if tested.delivered => format!("{} was reached, but not everybody: {error}", about.target),
            None => format!("{} took the test message after {} ms", about.target, tested.ms),
            Some(error) => format!("{} was NOT reached: {error}", about.target),
        });
    }
    Ok(tested.delivered)
}

fn retry(about: &About) -> Result<(), ClientError> {
    let retried: Retried = Client::of(&about.daemon)?.post(&path(&about.target, "retry"), &())?;
    if about.json {
        output::json(&retried);
    } else {
        let revived = words::count(retried.revived);
        output::line(format!("{}: tried again now; {revived} of it had been given up", about.target));
    }
    Ok(())
}

fn list(arguments: &Arguments) -> Result<(), ClientError> {
    let found: Notifications = Client::of(&arguments.daemon)?.get("/v1/notifications")?;
    if arguments.json {
        output::json(&found);
    } else {
        lines(&found.targets, SystemClock::default().now()).iter().for_each(output::line);
    }
    Ok(())
}

fn lines(targets: &[TargetView], now: Time) -> Vec<String> {
    if targets.is_empty() {
        return vec!["nobody is told: the configuration declares no [[notify]]".to_owned()];
    }
    let mut table = Table::new(&[
        ("target", Side::Left),
        ("kind", Side::Left),
        ("host", Side::Left),
        ("waiting", Side::Right),
        ("given up", Side::Right),
        ("last delivered", Side::Right),
        ("last error", Side::Left),
    ]);
    for target in targets {
        let error = target.last_error.as_ref().map(|error| {
            let times = if target.failures > 1 { format!(" ({} times)", target.failures) } else { String::new() };
            format!("{error}{times}")
        });
        table.row(vec![
            target.name.clone(),
            target.kind.clone(),
            target.host.clone(),
            words::count(target.pending),
            words::count(target.dead),
            target.last_delivered_at.map_or_else(|| "-".to_owned(), |at| words::ago(now, at)),
            error.unwrap_or_default(),
        ]);
    }
    let mut lines = table.lines();
    for target in targets.iter().filter(|target| !target.dead_letters.is_empty()) {
        lines.push(String::new());
        lines.push(format!("given up for {} (andon notifications retry {}):", target.name, target.name));
        for dead in target.dead_letters.iter().take(10) {
            lines.push(format!("  {}  {}: {}", dead.time, dead.headline, dead.error));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::DeadNotice;

    #[test]
    fn it_says_who_is_not_reached_and_why() {
        let now = Time(1_800_000_000_000);
        let dead = DeadNotice {
            id: "ledger-7".into(),
            event: "mode".into(),
            headline: "drafts was lowered from automate to assist".into(),
            time: now.plus(-Time::HOUR),
            attempts: 12,
            error: "the receiver answered 500".into(),
            dead_at: now,
        };
        let target = TargetView {
            name: "on-call".into(),
            kind: "webhook".into(),
            host: "hooks.example.com".into(),
            events: vec!["mode".into()],
            pending: 3,
            oldest_pending: Some(now),
            dead: 1,
            failures: 14,
            next_attempt: Some(now),
            last_error: Some("the receiver took too long".into()),
            last_error_at: Some(now),
            last_delivered_at: Some(now.plus(-3 * Time::DAY)),
            dead_letters: vec![dead],
        };
        let text = lines(&[target], now).join("\n");
        assert!(text.contains("on-call  webhook  hooks.example.com        3         1         3 d ago  the receiver took too long (14 times)"), "{text}");
        assert!(text.ends_with("drafts was lowered from automate to assist: the receiver answered 500"), "{text}");
        assert!(lines(&[], now)[0].contains("[[notify]]"));
    }
}
