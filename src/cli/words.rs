//! Numbers, times and durations as people read and write them on a command line.
//!
//! Owns the spelling only. What a program reads is JSON and never goes through here.

use crate::domain::Time;
pub(super) use crate::report::words::{count, minute};

/// What others wrote, on one line, so that it can't draw on the terminal or pass for a line of ours.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A share in per cent: `12.3 %`; nothing is never 0.
pub(super) fn share(share: Option<f64>) -> String {
    share.map_or_else(|| "no data".to_owned(), |share| format!("{:.1} %", share * 100.0))
}

/// A number with four significant digits and no trailing zeros.
pub(super) fn number(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let whole_digits = value.abs().log10().floor();
    let text = match whole_digits {
        w if w >= 3.0 => return format!("{value:.0}"),
        w if w >= 0.0 => format!("{value:.3}"),
        w if w >= -2.0 => format!("{value:.4}"),
        _ => format!("{value:.6}"),
    };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A number, or that there is none.
pub(super) fn number_or_none(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), number)
}

/// How long ago, roughly: `3 min ago`.
pub(super) fn ago(now: Time, then: Time) -> String {
    match now.since(then) {
        ms if ms < Time::SECOND => "just now".to_owned(),
        ms => format!("{} ago", span(ms)),
    }
}

/// A length of time, roughly: `42 s`, `3 min`, `5 h`, `2 d`.
pub(super) fn span(ms: i64) -> String {
    match ms {
        ms if ms < Time::SECOND => "less than 1 s".to_owned(),
        ms if ms < 2 * Time::MINUTE => format!("{} s", ms / Time::SECOND),
        ms if ms < 2 * Time::HOUR => format!("{} min", ms / Time::MINUTE),
        ms if ms < 2 * Time::DAY => format!("{} h", ms / Time::HOUR),
        ms => format!("{} d", ms / Time::DAY),
    }
}

/// Reads a duration such as `500ms`, `30s`, `5m` or `1h`, in milliseconds.
pub(super) fn duration_ms(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let wrong = || format!("`{text}` is not a duration: write a whole number and a unit, such as 30s, 5m or 1h");
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let unit = match &text[digits.len()..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    number.checked_mul(unit).filter(|ms| *ms > 0).ok_or_else(wrong)
}

/// Reads a rate such as `200/s` or `200`.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix("/s").unwrap_or(text).trim().parse::<f64>();
    match number {
        Ok(rate) if (0.01..=1_000_000.0).contains(&rate) => Ok(rate),
        _ => Err(format!("`{text}` is not a rate: write outputs a second, such as 200/s, between 0.01 and 1000000")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_true() {
        assert_eq!([count(0), count(999), count(1_000), count(1_234_567)], ["0", "999", "1,000", "1,234,567"]);
        let written: Vec<_> = [0.0, 0.05, 0.6234, 1.5, 12_345.6, 0.000_123].into_iter().map(number).collect();
        assert_eq!(written, ["0", "0.05", "0.6234", "1.5", "12346", "0.000123"]);
        assert_eq!((share(None), share(Some(0.0512))), ("no data".to_owned(), "5.1 %".to_owned()));
    }

    #[test]
    fn durations_and_rates_are_read_or_explained() {
        assert_eq!(duration_ms("90s"), Ok(90_000));
        assert_eq!(rate("200/s"), Ok(200.0));
        for bad in ["", "90", "s", "-1s", "0s", "1.5h", "1d"] {
            assert!(duration_ms(bad).is_err(), "{bad}");
        }
        for bad in ["", "0", "-3/s", "fast", "NaN"] {
            assert!(rate(bad).is_err(), "{bad}");
        }
    }
}
