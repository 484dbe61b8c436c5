//! Numbers and times as pages write them.
//!
//! Owns how they look. Times are UTC: an operator in another zone must read the same as the ledger says.

use crate::domain::{Mode, Time};
pub(super) use crate::report::words::minute;

/// How long ago, in words: `3 min ago`.
pub(super) fn ago(now: Time, time: Time) -> String {
    let ms = now.since(time);
    if ms < 0 { format!("in {}", span(-ms)) } else { format!("{} ago", span(ms)) }
}

/// A length of time, in its largest unit.
pub(super) fn span(ms: i64) -> String {
    let of = |unit_ms: i64, name: &str| format!("{} {name}", ms / unit_ms);
    match ms {
        _ if ms < Time::MINUTE => of(Time::SECOND, "s"),
        _ if ms < Time::HOUR => of(Time::MINUTE, "min"),
        _ if ms < Time::DAY => of(Time::HOUR, "h"),
        _ => of(Time::DAY, "d"),
    }
}

/// A share: `1.25 %`.
pub(super) fn percent(share: f64) -> String {
    let share = share * 100.0;
    if share == 0.0 { "0 %".to_owned() } else { format!("{} %", digits(share)) }
}

/// A number with three significant digits, and thousands apart.
pub(super) fn digits(number: f64) -> String {
    let size = number.abs();
    let text = match size {
        _ if !number.is_finite() => return "–".to_owned(),
        _ if size >= 100.0 => format!("{number:.0}"),
        _ if size >= 10.0 => format!("{number:.1}"),
        _ if size >= 0.1 || size == 0.0 => format!("{number:.2}"),
        _ if size >= 0.001 => format!("{number:.4}"),
        _ if size >= 0.00001 => format!("{number:.6}"),
        _ => format!("{number:.1e}"),
    };
    match text.strip_prefix('-') {
        Some(rest) => format!("−{}", thousands(rest)),
        None => thousands(&text),
    }
}

fn thousands(text: &str) -> String {
    let (whole, rest) = text.split_once('.').map_or((text, String::new()), |(whole, rest)| (whole, format!(".{rest}")));
    match whole.parse::<u64>() {
        Ok(whole) => format!("{}{rest}", crate::report::words::count(whole)),
        Err(_) => text.to_owned(),
    }
}

/// Milliseconds in a unit that fits.
pub(super) fn duration(ms: f64) -> String {
    match ms {
        _ if ms < 1_000.0 => format!("{} ms", digits(ms)),
        _ if ms < 60_000.0 => format!("{} s", digits(ms / 1_000.0)),
        _ if ms < 3_600_000.0 => format!("{} min", digits(ms / 60_000.0)),
        _ => format!("{} h", digits(ms / 3_600_000.0)),
    }
}

/// The four steps of a mode's ladder: name, whether it is reached, whether it is granted only.
pub(super) fn ladder(mode: Mode, granted: Mode) -> Vec<(&'static str, &'static str)> {
    let step = |of: Mode| {
        let class = if of <= mode {
            "on"
        } else if of <= granted {
            "capped"
        } else {
            "off"
        };
        (of.name(), class)
    };
    Mode::ALL.into_iter().map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times() {
        assert_eq!(minute(Time(1_763_632_800_000)), "2025-11-20 10:00");
        assert_eq!(ago(Time(90_000), Time(0)), "1 min ago");
        assert_eq!(ago(Time(0), Time(7_200_000)), "in 2 h");
        assert_eq!(
            (percent(0.0), percent(0.0125), percent(1.0)),
            ("0 %".to_owned(), "1.25 %".to_owned(), "100 %".to_owned())
        );
        assert_eq!(
            (digits(1_234_567.0), digits(-2.5), digits(f64::NAN)),
            ("1,234,567".to_owned(), "−2.50".to_owned(), "–".to_owned())
        );
        assert_eq!((duration(12.0), duration(90_000.0)), ("12.0 ms".to_owned(), "1.50 min".to_owned()));
    }
}
