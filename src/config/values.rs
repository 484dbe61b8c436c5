//! Readers of single values: text, numbers, times, sizes, money, words.
//!
//! Owns how a value is written in TOML and what to write instead when it is wrong. Must not know
//! which key it stands at or where: whoever calls adds the key's name and the place.

use super::words::{DURATIONS, SIZES, either, nearest, parse_units, show_ms, show_units};
use crate::domain::{Mode, Money, Time};
use std::ops::RangeInclusive;
use toml::de::DeValue;

/// Why a value can't be used: a half sentence to follow the key's name, and what to write instead.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) message: String,
    pub(super) help: String,
}

/// A value, or why there is none.
pub(super) type Read<T> = Result<T, Wrong>;

/// A reader's refusal.
pub(super) fn wrong<T>(message: impl Into<String>, help: impl Into<String>) -> Read<T> {
    Err(Wrong { message: message.into(), help: help.into() })
}

/// A value in words, for the end of "must be …, not …".
pub(super) fn describe(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) if text.chars().count() > 60 => "so long a text".into(),
        DeValue::String(text) => format!("the text {text:?}"),
        DeValue::Integer(number) => format!("the number {number}"),
        DeValue::Float(number) => format!("the number {number}"),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(_) => "a date or time without quotes".into(),
        DeValue::Array(_) => "a list".into(),
        DeValue::Table(_) => "a table".into(),
    }
}

fn mismatch<T>(wanted: &str, value: &DeValue<'_>, help: impl Into<String>) -> Read<T> {
    wrong(format!("must be {wanted}, not {}", describe(value)), help)
}

/// Any text of at most 1,000 bytes, the empty one too.
pub(super) fn text(value: &DeValue<'_>) -> Read<String> {
    match value {
        DeValue::String(text) if text.len() <= 1_000 => Ok(text.to_string()),
        DeValue::String(_) => wrong("is too long a text", "write at most 1,000 bytes"),
        DeValue::Integer(number) => mismatch("text", value, format!("put it in quotes: \"{number}\"")),
        DeValue::Float(number) => mismatch("text", value, format!("put it in quotes: \"{number}\"")),
        _ => mismatch("text", value, "write text in quotes: \"…\""),
    }
}

/// Text of 1 to `max` bytes.
pub(super) fn name(value: &DeValue<'_>, max: usize) -> Read<String> {
    let text = text(value)?;
    if text.is_empty() || text.len() > max {
        return wrong(format!("must have 1 to {max} bytes"), "write a short name in quotes");
    }
    Ok(text)
}

/// A name that is safe as a label of a metric: `[A-Za-z0-9_:.-]{1,64}`.
pub(super) fn label(value: &DeValue<'_>) -> Read<String> {
    let text = text(value)?;
    if (1..=64).contains(&text.len()) && text.chars().all(is_label_char) {
        return Ok(text);
    }
    wrong(
        format!("can't be {text:?}"),
        "use 1 to 64 letters of a to z, digits, `_`, `:`, `.` and `-`, such as \"brand-fit\"",
    )
}

/// Whether a character may stand in a label.
pub(super) fn is_label_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.' | '-')
}

/// A list in which nothing stands twice.
pub(super) fn distinct<T: PartialEq>(entries: Vec<T>) -> Read<Vec<T>> {
    match (1..entries.len()).find(|at| entries[..*at].contains(&entries[*at])) {
        Some(at) => wrong(format!("holds its entry {} twice", at + 1), "remove one of them"),
        None => Ok(entries),
    }
}

/// `true` or `false`.
pub(super) fn flag(value: &DeValue<'_>) -> Read<bool> {
    match value {
        DeValue::Boolean(flag) => Ok(*flag),
        _ => mismatch("true or false", value, "write true or false, without quotes"),
    }
}

/// A finite number.
pub(super) fn number(value: &DeValue<'_>) -> Read<f64> {
    let parsed = match value {
        DeValue::Float(number) => number.as_str().parse::<f64>().ok(),
        #[expect(clippy::cast_precision_loss, reason = "a configured number needs no more than 53 bits")]
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).ok().map(|integer| integer as f64)
        }
        DeValue::String(text) if text.parse::<f64>().is_ok() => {
            return mismatch("a number", value, format!("leave out the quotes: {text}"));
        }
        _ => None,
    };
    match parsed {
        Some(number) if number.is_finite() => Ok(number),
        _ => mismatch("a number", value, "write a number without quotes and without a unit, such as 0.05"),
    }
}

/// A number within a range, ends included.
pub(super) fn number_in(value: &DeValue<'_>, range: RangeInclusive<f64>) -> Read<f64> {
    let number = number(value)?;
    if range.contains(&number) {
        return Ok(number);
    }
    let (low, high) = (plain(*range.start()), plain(*range.end()));
    let help = match number {
        percent if *range.start() >= 0.0 && high == "1" && (1.0..=100.0).contains(&percent) => {
            format!("write {} if you mean {percent} %", percent / 100.0)
        }
        small if small < *range.start() => format!("write at least {low}"),
        _ => format!("write at most {high}"),
    };
    mismatch(&format!("from {low} to {high}"), value, help)
}

/// A number greater than 0 and at most `max`.
pub(super) fn positive(value: &DeValue<'_>, max: f64) -> Read<f64> {
    let number = number(value)?;
    if number > 0.0 && number <= max {
        return Ok(number);
    }
    let max = plain(max);
    mismatch(&format!("greater than 0 and at most {max}"), value, "write a number in that range")
}

/// A whole number within a range, ends included.
pub(super) fn count(value: &DeValue<'_>, range: RangeInclusive<u64>) -> Read<u64> {
    let (low, high) = (range.start(), range.end());
    let parsed = match value {
        DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
        _ => None,
    };
    let help = match value {
        DeValue::String(text) if text.parse::<u64>().is_ok_and(|count| range.contains(&count)) => {
            format!("leave out the quotes: {text}")
        }
        _ => "write it in digits, without quotes and without a unit".into(),
    };
    match parsed {
        Some(count) if range.contains(&count) => Ok(count),
        Some(count) if count < *low => mismatch(&format!("at least {low}"), value, format!("write at least {low}")),
        Some(_) => mismatch(&format!("at most {high}"), value, format!("write at most {high}")),
        None => mismatch(&format!("a whole number from {low} to {high}"), value, help),
    }
}

/// A time of 0 ms or more, such as `"60s"`, within a range in milliseconds.
pub(super) fn duration_ms(value: &DeValue<'_>, range: RangeInclusive<i64>) -> Read<i64> {
    const HELP: &str = "write a whole number and a unit: \"250ms\", \"60s\", \"5m\", \"48h\" or \"7d\"";
    let parsed = match value {
        DeValue::String(text) => parse_units(text, &DURATIONS).and_then(|ms| i64::try_from(ms).ok()),
        DeValue::Integer(number) => {
            return mismatch("a time with a unit", value, format!("write \"{number}s\" if you mean seconds"));
        }
        _ => None,
    };
    match parsed {
        Some(ms) if range.contains(&ms) => Ok(ms),
        Some(ms) => {
            let (low, high) = (show_ms(*range.start()), show_ms(*range.end()));
            let help = if ms < *range.start() {
                format!("write at least \"{low}\"")
            } else {
                format!("write at most \"{high}\"")
            };
            mismatch(&format!("from \"{low}\" to \"{high}\""), value, help)
        }
        None => mismatch("a time with a unit", value, HELP),
    }
}

/// A number of bytes, such as `16777216` or `"16MiB"`, within a range.
pub(super) fn bytes(value: &DeValue<'_>, range: RangeInclusive<u64>) -> Read<u64> {
    let parsed = match value {
        DeValue::String(text) => parse_units(text, &SIZES),
        DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
        _ => None,
    };
    match parsed {
        Some(bytes) if range.contains(&bytes) => Ok(bytes),
        Some(bytes) => {
            let (low, high) = (show_units(*range.start(), &SIZES), show_units(*range.end(), &SIZES));
            let help = if bytes < *range.start() {
                format!("write at least \"{low}\"")
            } else {
                format!("write at most \"{high}\"")
            };
            mismatch(&format!("from \"{low}\" to \"{high}\""), value, help)
        }
        None => mismatch(
            "a number of bytes",
            value,
            "write a whole number of bytes, or one with a unit: \"512KiB\", \"64MiB\", \"20GiB\"",
        ),
    }
}

/// An amount of money greater than 0, as a number or as text; exact either way.
pub(super) fn money(value: &DeValue<'_>) -> Read<Money> {
    const HELP: &str = "write an amount greater than 0, such as 0.02 or \"0.02\", without a currency";
    let parsed: Option<Money> = match value {
        // The number's own digits: going through a binary number would change the amount.
        DeValue::Float(number) => number.as_str().trim_start_matches('+').parse().ok(),
        DeValue::Integer(number) if number.radix() == 10 => number.as_str().trim_start_matches('+').parse().ok(),
        DeValue::String(text) => text.parse().ok(),
        _ => None,
    };
    match parsed {
        Some(money) if money > Money::ZERO && money <= Money::EVENT_MAX => Ok(money),
        Some(money) if money > Money::ZERO => mismatch("at most 1000000000", value, HELP),
        _ => mismatch("an amount of money greater than 0", value, HELP),
    }
}

/// One of several words.
pub(super) fn word<T: Copy>(value: &DeValue<'_>, words: &[(&str, T)]) -> Read<T> {
    let found = value.as_str().and_then(|text| words.iter().find(|(word, _)| *word == text));
    if let Some((_, meaning)) = found {
        return Ok(*meaning);
    }
    let all: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
    let help = match value.as_str().and_then(|text| nearest(text, words.iter().map(|(word, _)| *word))) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => "write one of these words".into(),
    };
    mismatch(&either(&all), value, help)
}

/// A responsibility mode.
pub(super) fn mode(value: &DeValue<'_>) -> Read<Mode> {
    word(value, &Mode::ALL.map(|mode| (mode.name(), mode)))
}

/// A number without exponents, as people write it.
fn plain(number: f64) -> String {
    if number.abs() >= 1e9 { format!("{number:e}") } else { number.to_string() }
}

/// One year, the longest time that makes sense anywhere here.
pub(super) const YEAR_MS: i64 = 365 * Time::DAY;

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> DeValue<'_> {
        DeValue::parse(text).unwrap().into_inner()
    }

    #[test]
    fn times() {
        let read = |text| duration_ms(&value(text), 0..=YEAR_MS);
        for (text, ms) in [
            ("'250ms'", 250),
            ("'60s'", 60_000),
            ("'5m'", 300_000),
            ("'48h'", 172_800_000),
            ("'7d'", 604_800_000),
            ("'0s'", 0),
        ] {
            assert_eq!(read(text), Ok(ms), "{text}");
        }
        for bad in ["''", "'s'", "'5'", "'-5s'", "'5 s'", "'1.5h'", "'5w'", "'99999999999999999999d'", "5", "5.0", "[]"]
        {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert_eq!(read("'366d'").unwrap_err().message, "must be from \"0s\" to \"365d\", not the text \"366d\"");
        assert_eq!(read("60").unwrap_err().help, "write \"60s\" if you mean seconds");
    }

    #[test]
    fn sizes_and_counts() {
        assert_eq!(bytes(&value("'16MiB'"), 0..=u64::MAX), Ok(16 << 20));
        assert_eq!(bytes(&value("1_024"), 0..=u64::MAX), Ok(1_024));
        assert_eq!(
            bytes(&value("0"), 1 << 20..=1 << 30).unwrap_err().message,
            "must be from \"1MiB\" to \"1GiB\", not the number 0"
        );
        assert!(bytes(&value("'16MB'"), 0..=u64::MAX).is_err());
        assert_eq!(count(&value("0x10"), 1..=100), Ok(16));
        for bad in ["0", "101", "-1", "1.0", "'5'"] {
            assert!(count(&value(bad), 1..=100).is_err(), "{bad}");
        }
    }

    #[test]
    fn money_stays_exact() {
        for text in ["0.1", "+0.1", "'0.1'", "1e-1", "'1e-1'"] {
            assert_eq!(money(&value(text)), Ok("0.1".parse().unwrap()), "{text}");
        }
        assert_eq!(money(&value("0.000402000000000001")), Ok("0.000402000000000001".parse().unwrap()));
        assert_eq!(money(&value("1_000")), Ok("1000".parse().unwrap()));
        for bad in ["0", "-1", "nan", "inf", "'5 USD'", "1e300", "2000000000", "0x10", "true"] {
            assert!(money(&value(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers() {
        assert_eq!(number(&value("1_0")), Ok(10.0));
        assert_eq!(number(&value("1e6")), Ok(1e6));
        assert_eq!(number(&value("'0.5'")).unwrap_err().help, "leave out the quotes: 0.5");
        for bad in ["nan", "inf", "-inf", "1e999", "true", "99999999999999999999"] {
            assert!(number(&value(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn words_are_suggested() {
        assert_eq!(mode(&value("'Automate'")).unwrap_err().help, "did you mean \"automate\"?");
        let wrong = mode(&value("'manual'")).unwrap_err();
        assert_eq!(
            wrong.message,
            "must be \"assist\", \"collaborate\", \"delegate\" or \"automate\", not the text \"manual\""
        );
    }
}
