//! `andon backtest`: the journal under another policy, beside what happened.
//!
//! Owns the arguments, the times as people write them, and the exit codes. The replay is the
//! backtest room's, the telling `backtest_report`'s.

use super::backtest_report::{Told, print};
use super::progress::Progress;
use super::{USAGE, check, output};
use crate::backtest::{Backtest, Report, Span, backtest};
use crate::config::Settings;
use crate::domain::{Mode, Time};
use crate::store::Look;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments of `andon backtest`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  andon backtest --config candidate.toml
  andon backtest --config candidate.toml --store /var/lib/andon --from 7d
  andon backtest --config candidate.toml --from 2026-11-01 --to 2026-11-15T12:00:00Z
  andon backtest --config candidate.toml --json | jq '.workflows[] | select(.rows != [])'

The store is only read, and its daemon may be at work meanwhile. Without --from the candidate takes
the place of the journal's first policy: two whole pasts are compared. With --from the state at that
time is what it really was, and the candidate is loaded then, as a reload would have done; guards
that it doesn't change keep their evidence. Policies that were loaded later count on one side only.
What people and workflows would have done differently under the candidate, nobody knows.
Where the journal's beginning is gone (retention), what happened is told by the ledger.")]
pub(super) struct Arguments {
    /// The configuration whose policy is tried.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The store to read [default: `[store] path` of the configuration].
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Load the candidate at this time: RFC 3339, a date (its midnight, UTC), or an age such as 7d,
    /// counted back from the journal's last record.
    #[arg(long, value_name = "TIME", value_parser = when)]
    from: Option<When>,
    /// Leave out what came at this time or later.
    #[arg(long, value_name = "TIME", value_parser = when)]
    to: Option<When>,
    /// Let workflows that the candidate begins anew begin in this mode [default: their start mode, or
    /// where the journal's beginning is gone the mode that the ledger shows].
    #[arg(long, value_name = "MODE")]
    start_mode: Option<Mode>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// A time, or how long before the journal's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    At(Time),
    Ago(i64),
}

/// Reads a time as people write it.
fn when(text: &str) -> Result<When, String> {
    if let Ok(time) = text.parse() {
        return Ok(When::At(time));
    }
    if let Ok(time) = format!("{text}T00:00:00Z").parse() {
        return Ok(When::At(time));
    }
    let wrong = || {
        "write an RFC 3339 time such as 2026-11-21T20:15:00Z, a date such as 2026-11-21, or an age such as 7d"
            .to_owned()
    };
    let unit_ms = match text.chars().last() {
        Some('s') => Time::SECOND,
        Some('m') => Time::MINUTE,
        Some('h') => Time::HOUR,
        Some('d') => Time::DAY,
        Some('w') => 7 * Time::DAY,
        _ => return Err(wrong()),
    };
    let number: u32 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    i64::from(number).checked_mul(unit_ms).filter(|ms| *ms > 0).map(When::Ago).ok_or_else(wrong)
}

impl When {
    fn before(self, end: Time) -> Time {
        match self {
            Self::At(time) => time,
            Self::Ago(ms) => end.plus(-ms),
        }
    }
}

/// What went wrong, and the exit code of it.
pub(super) struct Failed {
    message: String,
    code: ExitCode,
}

impl Failed {
    fn new(error: impl std::fmt::Display, store: &Path) -> Self {
        Self { message: format!("andon: the store `{}`: {error}", store.display()), code: ExitCode::FAILURE }
    }

    fn usage(message: &str) -> Self {
        Self { message: format!("andon: {message}"), code: ExitCode::from(USAGE) }
    }

    pub(super) fn say(self) -> ExitCode {
        output::complain(self.message);
        self.code
    }
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let Some(settings) = check::read(&arguments.config, arguments.json) else { return ExitCode::from(USAGE) };
    let store = arguments.store.clone().unwrap_or_else(|| settings.store.path.clone());
    match compare(settings, &store, (arguments.from, arguments.to), arguments.start_mode) {
        Ok(report) if arguments.json => output::json(&report),
        Ok(report) => print(&Told { report: &report, candidate: &name(&arguments.config), store: &store }),
        Err(failed) => return failed.say(),
    }
    ExitCode::SUCCESS
}

/// The file's name, for people.
pub(super) fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// The whole journal under a policy.
pub(super) fn whole(settings: Settings, store: &Path) -> Result<Report, Failed> {
    compare(settings, store, (None, None), None)
}

fn compare(
    settings: Settings,
    store: &Path,
    (from, to): (Option<When>, Option<When>),
    start_mode: Option<Mode>,
) -> Result<Report, Failed> {
    let look = Look::at(store).map_err(|error| Failed::new(error, store))?;
    let end = look.journal.last_time().unwrap_or_default();
    let span = Span { from: from.map(|from| from.before(end)), to: to.map(|to| to.before(end)) };
    if let (Some(from), Some(to)) = (span.from, span.to)
        && from >= to
    {
        return Err(Failed::usage(&format!("--from ({from}) must be before --to ({to})")));
    }
    let mut progress = Progress::new();
    let wanted = Backtest { policy: settings.policy, span, start_mode };
    let report = backtest(&look, wanted, &mut |far| progress.show(far.done, far.total, far.outputs, "outputs"));
    progress.clear();
    report.map_err(|error| Failed::new(error, store))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them_or_explained() {
        let end: Time = "2026-11-21T20:15:00Z".parse().unwrap();
        let read = |text: &str| when(text).map(|when| when.before(end).to_string());
        assert_eq!(read("2026-11-01T10:00:00+01:00").unwrap(), "2026-11-01T09:00:00.000Z");
        assert_eq!(read("2026-11-01").unwrap(), "2026-11-01T00:00:00.000Z");
        assert_eq!(read("7d").unwrap(), "2026-11-14T20:15:00.000Z");
        assert_eq!(read("2w").unwrap(), "2026-11-07T20:15:00.000Z");
        assert_eq!(read("90m").unwrap(), "2026-11-21T18:45:00.000Z");
        for bad in ["", "d", "0d", "-1d", "1.5h", "yesterday", "7", "7ü", "2026-13-01", "99999999999999d"] {
            assert!(when(bad).unwrap_err().contains("such as 7d"), "{bad}");
        }
    }
}
