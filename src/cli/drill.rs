//! `andon drill`: pull the cord on purpose, and see that it is connected.
//!
//! Owns the arguments, the telling and the exit code.

use super::client::{Client, ClientError, Daemon};
use super::table::{Side, Table};
use super::{output, words};
use crate::clock::{Clock as _, SystemClock};
use crate::domain::{Drill, DrillResult, StepOutcome};
use crate::drill::Drilled;
use crate::http::drills::Drills;
use std::process::ExitCode;

/// Arguments of `andon drill`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  andon drill
  andon drill --json
  andon drill --list

A drill reports exceptions for the workflow `andon-drill`, which is there for nothing else, and follows them
through the running daemon: queue, guard, mode read, ledger, journal, snapshot. No other workflow is touched.
Exit code 0: every wire is connected; 1: one is cut, or the result could not be recorded.")]
pub(super) struct Arguments {
    /// Run none; show the last ones, and when the next is due.
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    daemon: Daemon,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let answer = if arguments.list { list(arguments).map(|()| true) } else { pull(arguments) };
    match answer {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => super::done(Err(error)),
    }
}

fn pull(arguments: &Arguments) -> Result<bool, ClientError> {
    let drilled: Drilled = Client::of(&arguments.daemon)?.post_patiently("/v1/drills")?;
    if arguments.json {
        output::json(&drilled);
    } else {
        lines(&drilled).iter().for_each(output::line);
    }
    Ok(drilled.passed)
}

fn lines(drilled: &Drilled) -> Vec<String> {
    let Drilled { passed, drill, unrecorded } = drilled;
    let mut table =
        Table::new(&[("", Side::Left), ("wire", Side::Left), ("time", Side::Right), ("what was seen", Side::Left)]);
    for step in &drill.findings.steps {
        let (mark, time) = match step.outcome {
            StepOutcome::Passed => ("✓", format!("{} ms", step.ms)),
            StepOutcome::Failed => ("✗", format!("{} ms", step.ms)),
            StepOutcome::Skipped => ("-", String::new()),
        };
        table.row(vec![mark.to_owned(), step.wire.name().to_owned(), time, step.detail.clone()]);
    }
    let mut lines = table.lines();
    lines.push(String::new());
    if let Some(why) = unrecorded {
        lines.push(format!("✗ the result could not be recorded: {why}"));
    }
    let number = if drill.number == 0 { "the drill".to_owned() } else { format!("drill {}", drill.number) };
    lines.push(match (passed, drill.findings.lowered_after_ms) {
        (true, Some(ms)) => {
            format!("{number} passed: a reader was told the lower mode {ms} ms after the first exception")
        }
        (true, None) => format!("{number} passed"),
        (false, _) => {
            let cut = drill.findings.cut();
            let cut = if cut.is_empty() { "the record".to_owned() } else { cut.join(", ") };
            format!("{number} FAILED: {cut}. Don't rely on modes until it passes: docs/drill.md says what to look at")
        }
    });
    lines
}

fn list(arguments: &Arguments) -> Result<(), ClientError> {
    let drills: Drills = Client::of(&arguments.daemon)?.get("/v1/drills")?;
    if arguments.json {
        output::json(&drills);
        return Ok(());
    }
    let now = SystemClock::default().now();
    let mut table = Table::new(&[
        ("drill", Side::Right),
        ("result", Side::Left),
        ("begun", Side::Right),
        ("by", Side::Left),
        ("lowered after", Side::Right),
        ("cut", Side::Left),
    ]);
    for Drill { number, by, begun_at, result, findings, .. } in &drills.drills {
        let result = if *result == DrillResult::Failed { "FAILED" } else { result.name() }.to_owned();
        let lowered = findings.lowered_after_ms.map(|ms| format!("{ms} ms")).unwrap_or_default();
        let cut = findings.cut().join(", ");
        table.row(vec![number.to_string(), result, words::ago(now, *begun_at), by.clone(), lowered, cut]);
    }
    if drills.drills.is_empty() {
        output::line("no drill has run yet");
    } else {
        table.lines().iter().for_each(output::line);
    }
    if let Some(Drilled { unrecorded: Some(why), .. }) = &drills.unrecorded {
        output::line(format!("✗ the last drill could not be recorded: {why}"));
    }
    output::line(match drills.due {
        Some(due) => format!("the next one is due at {due}"),
        None => "none is due by itself: `[drill] every` is \"never\"".to_owned(),
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{DrillStep, Findings, Time, Wire};

    #[test]
    fn it_says_which_wire_is_cut() {
        let step = |wire, outcome, ms, detail: &str| DrillStep { wire, outcome, ms, detail: detail.to_owned() };
        let steps = vec![
            step(Wire::Queue, StepOutcome::Passed, 12, "taken"),
            step(Wire::Monitor, StepOutcome::Failed, 3, "no guard broke"),
            step(Wire::ModeRead, StepOutcome::Skipped, 0, "no mode was lowered"),
        ];
        let findings = Findings { steps, wires: None, exceptions: 60, lowered_after_ms: None };
        let (by, begun_at) = ("ann".to_owned(), Time(0));
        let drill = Drill { number: 3, by, begun_at, ended_at: None, result: DrillResult::Failed, findings };
        let text = lines(&Drilled { passed: false, drill, unrecorded: None }).join("\n");
        assert!(
            text.contains("✓  queue      12 ms  taken\n✗  monitor     3 ms  no guard broke\n-  mode_read"),
            "{text}"
        );
        assert!(text.contains("drill 3 FAILED: monitor. Don't rely on modes"), "{text}");
    }
}
