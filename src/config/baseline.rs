//! The baseline of a guard: the sample from which it learns what is normal.
//!
//! Owns that there is exactly one sample and that it makes sense. What a file of values holds is
//! `sample`'s; the file itself is read by whoever loads the configuration. Must not know what is
//! made of a sample.

use super::Files;
use super::active::time_zone;
use super::sample::{self, Holds};
use super::section::Section;
use super::values::{Read, count, describe, name, text, wrong};
use crate::domain::policy::BASELINE_OUTPUTS;
use crate::domain::{BaselinePolicy, BaselineSource, BaselineValues, Signal, Time};
use toml::de::DeValue;

const PATH_BYTES_MAX: usize = 1_000;
const CHOICE: &str = "`outputs`, or `from` and `to`, or `file`";

/// Reads the baseline of a guard; `None` where it has none, or where a problem has been noted.
/// Without a signal, because that is broken, a file's values aren't judged.
pub(super) fn read(guard: &Section<'_>, signal: Option<&Signal>, files: Files<'_>) -> Option<BaselinePolicy> {
    // Notes where it is missing and must not be.
    guard.read("baseline", |_| Ok(()))?;
    let clean = guard.sink().len();
    let table = guard.table("baseline", "workflow.guard.baseline");
    let hour_of_week = table.read("hour_of_week", |value| time_zone(&text(value)?));
    if table.has("file") && table.has("hour_of_week") {
        let help = "leave it out, or learn from `outputs` or from a time: `from` and `to`";
        table.problem("hour_of_week", "`hour_of_week` needs times, and the values of a file have none", help);
    }
    if table.has("hour_of_week") && matches!(signal, Some(Signal::Drift { of }) if of.is_category()) {
        let help = "leave it out; numbers and shares may have a baseline per hour of the week";
        table.problem("hour_of_week", "`hour_of_week` can't be had for an attribute in this version", help);
    }
    let source = source(&table, signal.map(Holds::of), files);
    let clean = guard.sink().len() == clean;
    source.filter(|_| clean).map(|source| BaselinePolicy { source, hour_of_week })
}

fn source(table: &Section<'_>, holds: Option<Holds>, files: Files<'_>) -> Option<BaselineSource> {
    let range = if table.has("from") { "from" } else { "to" };
    let mut there = ["outputs", range, "file"].into_iter().filter(|key| table.has(key));
    let Some(chosen) = there.next() else {
        let keys = ["outputs", "from", "to", "file"];
        table.missing(&keys, format!("`baseline` has none of {CHOICE}"), "add one of them, such as `outputs = 5000`");
        return None;
    };
    let mut single = true;
    for extra in there {
        single = false;
        let help = format!("keep {CHOICE}: a baseline is made of one sample");
        table.problem(extra, format!("`{extra}` and `{chosen}` can't stand together"), help);
    }
    match chosen {
        _ if !single => None,
        "outputs" => {
            let outputs = table.read("outputs", |value| {
                count(value, u64::from(*BASELINE_OUTPUTS.start())..=u64::from(*BASELINE_OUTPUTS.end()))
            })?;
            Some(BaselineSource::Outputs { count: u32::try_from(outputs).ok()? })
        }
        "file" => {
            let path = table.read("file", |value| name(value, PATH_BYTES_MAX))?;
            let values = file(table, &path, holds, files)?;
            Some(BaselineSource::File { name: path, values })
        }
        _ => time_range(table),
    }
}

fn time_range(table: &Section<'_>) -> Option<BaselineSource> {
    for (key, other) in [("from", "to"), ("to", "from")] {
        if !table.has(key) {
            let help =
                format!("add `{key} = \"2026-10-01T00:00:00Z\"` with the time that fits, or write `outputs = 5000`");
            table.missing(&[key], format!("`baseline` has `{other}`, but no `{key}`"), help);
        }
    }
    let (from, to) = (table.read("from", time), table.read("to", time));
    let (from, to) = (from?, to?);
    if from >= to {
        let help = "write a time after `from`; it is the end, and no longer part of the baseline";
        table.problem("to", "`to` must be later than `from`", help);
        return None;
    }
    Some(BaselineSource::Range { from, to })
}

/// A point in time, in quotes or as TOML writes it.
/// A date and time with its offset, as TOML's own or as text.
pub(super) fn time(value: &DeValue<'_>) -> Read<Time> {
    let (text, written) = match value {
        DeValue::Datetime(time) => (time.to_string(), time.to_string()),
        other => (other.as_str().unwrap_or_default().to_owned(), describe(other)),
    };
    text.parse().or_else(|_| {
        wrong(
            format!("must be a date and time with its offset from UTC, not {written}"),
            "write it as RFC 3339 says, such as \"2026-10-01T00:00:00Z\"",
        )
    })
}

/// The values of a file; every problem with it stands at the key that names it.
fn file(table: &Section<'_>, path: &str, holds: Option<Holds>, files: Files<'_>) -> Option<BaselineValues> {
    let note = |message: &str, help: &str| table.problem("file", format!("`file` {message}"), help);
    let Some(read) = files else {
        note(
            "can't be read: this configuration has no folder in which its files could be looked for",
            "write `outputs = 5000` instead, or load the configuration from a file",
        );
        return None;
    };
    let text = read(path).map_err(|cause| {
        let help = "write the path of a text file with one value a line, from the folder of this configuration";
        note(&format!("can't be used: {path:?} {cause}"), help);
    });
    match sample::parse(&text.ok()?, holds?) {
        Ok(values) => Some(values),
        Err(problems) => {
            problems.iter().for_each(|wrong| note(&wrong.message, &wrong.help));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> DeValue<'_> {
        DeValue::parse(text).unwrap().into_inner()
    }

    #[test]
    fn times_are_text_or_toml_times_with_an_offset() {
        let first: Time = "2026-10-01T00:00:00Z".parse().unwrap();
        for text in [
            "'2026-10-01T00:00:00Z'",
            "2026-10-01T00:00:00Z",
            "2026-10-01 02:00:00+02:00",
            "'2026-10-01T02:00:00+02:00'",
            "2026-09-30T20:00:00.000-04:00",
        ] {
            assert_eq!(time(&value(text)), Ok(first), "{text}");
        }
        for bad in ["2026-10-01", "2026-10-01T00:00:00", "00:00:00", "'2026-10-01'", "'yesterday'", "''", "1", "[]"] {
            assert!(time(&value(bad)).is_err(), "{bad}");
        }
        assert_eq!(
            time(&value("2026-10-01")).unwrap_err().message,
            "must be a date and time with its offset from UTC, not 2026-10-01"
        );
    }
}
