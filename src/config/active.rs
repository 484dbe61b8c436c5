//! The hours and days in which a workflow is expected to make outputs.
//!
//! Owns how they are written and that they make sense: within one day, in a time zone that exists.
//! Must not know what silence means.

use super::section::Section;
use super::values::{Read, describe, text, word, wrong};
use crate::domain::{ActiveHours, Time};

const DAYS: [(&str, usize); 7] = [("mon", 0), ("tue", 1), ("wed", 2), ("thu", 3), ("fri", 4), ("sat", 5), ("sun", 6)];
const MINUTES_A_DAY: u16 = 24 * 60;

/// Reads the active hours of a guard; `None` means always, or that a problem has been noted.
pub(super) fn active_hours(guard: &Section<'_>) -> Option<ActiveHours> {
    let hours = guard.read("active_hours", |value| {
        let text = text(value)?;
        match parse_hours(&text) {
            Some((from, to)) if from < to => Ok((from, to)),
            Some(_) => wrong(
                format!("must end later than they begin, not {}", describe(value)),
                "write hours within one day; for a night shift write two guards, until \"24:00\" and from \"00:00\"",
            ),
            None => wrong(
                format!("must be two times of day, not {}", describe(value)),
                "write them in 24 hours with two digits, such as \"08:00-18:00\"",
            ),
        }
    });
    let listed = guard.list("active_days", |value| word(value, &DAYS));
    let time_zone = guard.read("time_zone", |value| time_zone(&text(value)?));
    if !guard.has("active_hours") && !guard.has("active_days") {
        if guard.has("time_zone") {
            let help = "leave it out, or add `active_hours = \"08:00-18:00\"`";
            guard.problem("time_zone", "`time_zone` has no meaning without active hours or days", help);
        }
        return None;
    }
    let mut days = [!guard.has("active_days"); 7];
    for (day, span) in &listed {
        if std::mem::replace(&mut days[*day], true) {
            let (name, _) = DAYS[*day];
            guard.sink().push(
                super::problem::Kind::Wrong,
                span.clone(),
                format!("{name} stands here twice"),
                "remove one",
            );
        }
    }
    if listed.is_empty() && guard.is_empty_list("active_days") {
        guard.problem(
            "active_days",
            "`active_days` is empty, so no output is ever expected",
            "name days, or leave it out",
        );
    }
    let (from_minute, to_minute) = hours.unwrap_or((0, MINUTES_A_DAY));
    Some(ActiveHours { from_minute, to_minute, days, time_zone: time_zone? })
}

/// The longest time without a pause, on days of 24 hours; without any pause the longest there is.
pub(super) fn longest_ms(active: &ActiveHours) -> i64 {
    let a_day = active.to_minute - active.from_minute;
    let days = match active.days {
        _ if a_day < MINUTES_A_DAY => 1,
        days if days == [true; 7] => return i64::MAX,
        // A week after the other: days at its end and its beginning follow each other.
        days => {
            let runs = [days, days].concat();
            runs.split(|day| !day).map(<[bool]>::len).max().unwrap_or_default()
        }
    };
    i64::from(a_day) * Time::MINUTE * i64::try_from(days).unwrap_or_default()
}

/// `08:00-18:00` as minutes after midnight.
fn parse_hours(text: &str) -> Option<(u16, u16)> {
    let (from, to) = text.split_once('-')?;
    Some((parse_minute(from.trim())?, parse_minute(to.trim())?))
}

fn parse_minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let two_digits = |part: &str| (part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse());
    let (hour, minute): (u16, u16) = (two_digits(hour)?.ok()?, two_digits(minute)?.ok()?);
    let after_midnight = hour * 60 + minute;
    (minute < 60 && after_midnight <= MINUTES_A_DAY).then_some(after_midnight)
}

/// The zone's own spelling of its name.
pub(super) fn time_zone(name: &str) -> Read<String> {
    let zone = jiff::tz::TimeZone::get(name).ok();
    match zone.as_ref().and_then(|zone| zone.iana_name()) {
        Some(name) if !zone.as_ref().is_some_and(jiff::tz::TimeZone::is_unknown) => Ok(name.to_owned()),
        _ => wrong(
            format!("must be a time zone, not {name:?}"),
            "write a name of the IANA database, such as \"Europe/Berlin\", \"America/New_York\" or \"UTC\"",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours() {
        assert_eq!(parse_hours("08:00-18:30"), Some((480, 1110)));
        assert_eq!(parse_hours("00:00 - 24:00"), Some((0, 1440)));
        for bad in ["", "8:00-18:00", "08:00", "08:00-24:01", "08:60-09:00", "+8:00-09:00", "08:00-18:00-19:00"] {
            assert_eq!(parse_hours(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_longest_time_without_a_pause() {
        let longest_h = |from_minute, to_minute, days: [u8; 7]| {
            let days = days.map(|day| day == 1);
            longest_ms(&ActiveHours { from_minute, to_minute, days, time_zone: "UTC".into() }) / Time::HOUR
        };
        assert_eq!(longest_h(480, 1080, [1; 7]), 10);
        assert_eq!(longest_h(0, 1440, [1, 1, 1, 1, 1, 0, 0]), 120);
        assert_eq!(longest_h(0, 1440, [1, 0, 1, 1, 0, 1, 1]), 72);
        assert_eq!(longest_h(0, 1440, [1; 7]), i64::MAX / Time::HOUR);
    }

    #[test]
    fn zones() {
        assert_eq!(time_zone("europe/berlin").as_deref(), Ok("Europe/Berlin"));
        assert_eq!(time_zone("UTC").as_deref(), Ok("UTC"));
        for bad in ["", "Etc/Unknown", "Mars/Olympus", "+02:00", "local"] {
            assert!(time_zone(bad).is_err(), "{bad}");
        }
    }
}
