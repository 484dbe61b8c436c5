//! `andon calibrate`: measures the statistics of this very program against their bars.
//!
//! Owns the choice of bars, the tables and the exit code. What is measured is `calibrate`'s.

use super::table::{Side, Table};
use super::{USAGE, output, words};
use crate::calibrate::{BARS, Bar, Bench, Effort, Row, Verdict};
use crate::clock::{Clock as _, SystemClock};
use serde::Serialize;
use std::process::ExitCode;
use std::sync::atomic::{AtomicI64, Ordering};

/// Progress is shown at most this often, milliseconds.
const EVERY_MS: i64 = 200;

/// Arguments of `andon calibrate`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Seeds are fixed: the same version gives the same numbers on every machine, \
    with any number of threads.\nExit code: 0 all bars met, 1 any missed, 64 wrong use.\n\n\
    Examples:\n  andon calibrate --quick\n  andon calibrate --bar 1 --bar 10\n  andon calibrate --json > calibration.json")]
pub(super) struct Arguments {
    /// Simulate less: within a minute or so on two cores, instead of half an hour.
    #[arg(long)]
    quick: bool,
    /// Measure only this bar; may be repeated.
    #[arg(long, value_name = "NUMBER")]
    bar: Vec<u8>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
    /// Threads; as many as there are cores where it isn't given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
}

#[derive(Serialize)]
struct Summary<'a> {
    version: &'a str,
    effort: &'a str,
    met: usize,
    missed: usize,
    rows: &'a [Row],
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let numbers = BARS.map(|bar| bar.number);
    if let Some(unknown) = arguments.bar.iter().find(|number| !numbers.contains(number)) {
        let known = numbers.map(|number| number.to_string()).join(", ");
        output::complain(format!("andon: there is no bar {unknown}: use one of {known}"));
        return ExitCode::from(USAGE);
    }
    let (clock, shown, is_terminal) = (SystemClock::default(), AtomicI64::new(0), output::is_terminal_err());
    let progress = |what: &str, done: usize, total: usize| {
        let (now, before) = (clock.monotonic_ms(), shown.load(Ordering::Relaxed));
        let is_due = is_terminal && now - before >= EVERY_MS;
        // Of all threads that find it due, one shows it.
        if is_due && shown.compare_exchange(before, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            output::over(format!("{what}: {done} of {total}"));
        }
    };
    let effort = if arguments.quick { Effort::Quick } else { Effort::Full };
    let bench = Bench::new(effort, threads(arguments.threads), &progress);
    let mut rows = Vec::new();
    for bar in BARS.iter().filter(|bar| arguments.bar.is_empty() || arguments.bar.contains(&bar.number)) {
        if !is_terminal {
            output::complain(format!("measuring bar {}: {}", bar.number, bar.subject));
        }
        let measured = (bar.measure)(&bench);
        if is_terminal {
            output::over("");
        }
        if !arguments.json {
            print(*bar, &measured);
        }
        rows.extend(measured);
    }
    conclude(arguments, &rows, clock.monotonic_ms())
}

fn print(bar: Bar, rows: &[Row]) {
    output::line(format!("Bar {}, {}", bar.number, bar.subject));
    let mut table = Table::new(&[
        ("  what", Side::Left),
        ("required", Side::Left),
        ("measured", Side::Left),
        ("verdict", Side::Left),
    ]);
    for row in rows {
        let what = format!("  {}", row.what);
        table.row(vec![what, row.required.clone(), row.measured.clone(), row.verdict.name().to_owned()]);
    }
    table.lines().iter().for_each(output::line);
    output::line("");
}

fn conclude(arguments: &Arguments, rows: &[Row], took_ms: i64) -> ExitCode {
    let count = |verdict| rows.iter().filter(|row| row.verdict == verdict).count();
    let (met, missed) = (count(Verdict::Met), count(Verdict::Missed));
    if arguments.json {
        let effort = if arguments.quick { "quick" } else { "full" };
        output::json(&Summary { version: env!("CARGO_PKG_VERSION"), effort, met, missed, rows });
    } else {
        output::line(format!("{met} met, {missed} missed"));
    }
    output::complain(format!("took {}", words::span(took_ms)));
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The number of threads to work with.
pub(super) fn threads(wanted: Option<u16>) -> usize {
    wanted.map(usize::from).unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
}
