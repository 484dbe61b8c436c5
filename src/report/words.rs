//! How numbers read in sentences.
//!
//! Owns digits, signs and units. It knows no report.

use super::document::CapLine;
use super::document_week::Disparity;
use super::measure::{Difference, Figure, Measure};
use super::shift::short;
use crate::domain::Time;
use crate::monitor::lab_view::LabKpis;
use jiff::Timestamp;
use std::fmt::Write as _;

/// A share as percent, such as `2.1 %`; where it is nearly all, with as many places as what is missing asks for, such as
/// `99.96 %`. Only nothing is `0 %`, and only all is `100 %`.
pub(super) fn percent(share: f64) -> String {
    // The ends of intervals are off by a rounding error.
    let percent = [0.0, 1.0].into_iter().find(|end| (share - end).abs() < 1e-9).unwrap_or(share) * 100.0;
    // What is missing to all or nothing, as far as it is small.
    let rest = percent.abs().min((100.0 - percent).abs());
    let most = if percent > 50.0 { 100.0 } else { 0.0 };
    match rest {
        exact if exact == 0.0 || (most == 0.0 && exact >= 10.0) || (most > 0.0 && exact >= 0.95) => {
            format!("{percent:.0} %")
        }
        small if small < 0.005 && most > 0.0 => "almost 100 %".to_owned(),
        small if small < 0.005 && percent > 0.0 => "below 0.01 %".to_owned(),
        small if small < 0.1 => format!("{percent:.2} %"),
        _ => format!("{percent:.1} %"),
    }
}

/// A count with its thousands apart, such as `12,345`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Names a few and counts the rest.
pub(super) fn named(ids: &[&str]) -> String {
    const NAMED_MAX: usize = 5;
    match ids.len().checked_sub(NAMED_MAX) {
        None | Some(0) => ids.join(", "),
        Some(more) => format!("{} and {more} more", ids[..NAMED_MAX].join(", ")),
    }
}

/// That something began or ceased to keep workflows below their granted modes.
pub(super) fn capped(one: &CapLine) -> String {
    let ids: Vec<&str> = one.workflows.iter().map(String::as_str).collect();
    match one.mode {
        Some(mode) => format!("{} kept at {mode} by {}", named(&ids), one.cap),
        None => format!("{} kept down by {} no more", named(&ids), one.cap),
    }
}

/// A length of time, to the second where it is short: at least one.
pub(super) fn span(ms: i64) -> String {
    let seconds = usize::try_from(ms).unwrap_or_default().div_ceil(1_000).max(1);
    if seconds < 120 { many(seconds, "second") } else { many(seconds.div_ceil(60), "minute") }
}

/// So many verdicts.
pub(super) fn verdicts(n: u64) -> String {
    if n == 1 { "1 verdict".to_owned() } else { format!("{} verdicts", count(n)) }
}

/// How often people reject a group, and all others.
pub(super) fn rejected_of(group: &Disparity) -> String {
    let (own, others) = (percent(group.ratio), percent(group.ratio_of_others));
    format!("{own} of {}, all others {others}", verdicts(group.outputs))
}

/// What stands in text and attributes of SVG.
pub fn markup(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// A value as it stands in a path or a query (RFC 3986).
pub fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => text.push(char::from(byte)),
            other => {
                let _ = write!(text, "%{other:02X}");
            }
        }
    }
    text
}

/// A value in its unit.
pub(super) fn value(value: f64, unit: &str) -> String {
    match unit {
        "ratio" => percent(value),
        "outputs" => {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of outputs")]
            let whole = value.max(0.0) as u64;
            count(whole)
        }
        "ms" if value >= 10_000.0 => format!("{} s", short(value / 1_000.0)),
        "" => short(value),
        unit => format!("{} {unit}", short(value)),
    }
}

/// An interval; empty where all values are the same.
pub(super) fn between(low: f64, high: f64, unit: &str) -> String {
    let [low, high] = [low, high].map(|end| value(end, unit));
    if low == high { String::new() } else { format!("{low} to {high}") }
}

/// A difference as a share of the other value, such as `+12 %`, or how many times as much where it is far more.
pub(super) fn relative(share: f64) -> String {
    if share.abs() < 0.0005 {
        return "the same".to_owned();
    }
    if share >= 2.0 {
        return format!("{} times", short(share + 1.0));
    }
    let sign = if share >= 0.0 { "+" } else { "−" };
    format!("{sign}{}", percent(share.abs()))
}

/// How far a week is from something else: shares in points, as percent of percent misleads.
pub(super) fn by(change: &Difference, unit: &str) -> Option<String> {
    if unit != "ratio" {
        return change.relative.map(relative);
    }
    let points = change.absolute * 100.0;
    if points.abs() < 0.005 {
        return Some("the same".to_owned());
    }
    let places = usize::from(points.abs() < 10.0) + usize::from(points.abs() < 0.1);
    Some(format!("{}{:.places$} points", if points > 0.0 { "+" } else { "−" }, points.abs()))
}

/// `n thing` or `n things`.
pub fn many(n: usize, thing: &str) -> String {
    if n == 1 { format!("1 {thing}") } else { format!("{} {thing}s", count(n as u64)) }
}

/// What a measure says of this week and the one before, such as `2.1 % (1.4 % the week before)`.
pub(super) fn week_and_before(measure: &Measure) -> Option<String> {
    let said = |figure: Option<Figure>| figure.map(|figure| value(figure.value, &measure.unit));
    match (said(measure.week), said(measure.before)) {
        (week, Some(before)) => Some(format!("{} ({before} the week before)", week.unwrap_or_else(|| "–".to_owned()))),
        (week, None) => week,
    }
}

/// The numbers of the lab, a sentence each.
pub(super) fn lab(of: &LabKpis) -> Vec<String> {
    let mut said = vec![format!(
        "Hypotheses: {} planned, {} being tested ({} past their time-box), {} signed off.",
        of.planned, of.active, of.overdue, of.signed_off
    )];
    if let Some(per_sprint) = of.tested_per_sprint {
        said.push(format!("{} confirmed or refuted so far: {} a sprint.", count(of.tested), short(per_sprint)));
    }
    if let Some(ms) = of.time_to_learning_ms_median {
        said.push(format!("Half of them taught something within {}.", super::quality::hours(ms)));
    }
    said.push(format!(
        "Found: {} types of defects; {} risks before a workflow left the lab, {} are open.",
        of.defect_types.len(),
        count(of.risks_early),
        of.risks_open
    ));
    said
}

/// An amount of money, such as `16.00 EUR`.
pub(super) fn money(amount: f64, currency: &str) -> String {
    let currency = if currency.is_empty() { "of an unknown currency" } else { currency };
    format!("{amount:.2} {currency}")
}

/// That a workflow left the policy, such as `, removed 20 Nov`; nothing where it didn't.
pub(super) fn removed(at: Option<Time>) -> String {
    at.and_then(day).map(|day| format!(", removed {day}")).unwrap_or_default()
}

/// A day such as `20 Nov`, UTC.
pub(super) fn day(time: Time) -> Option<String> {
    Some(Timestamp::from_millisecond(time.0).ok()?.strftime("%-d %b").to_string())
}

/// A time to the minute, such as `2026-11-19 14:05`, UTC.
pub fn minute(time: Time) -> String {
    time.to_string().chars().take(16).collect::<String>().replace('T', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(
            (percent(0.0214).as_str(), percent(0.5).as_str(), percent(0.0004).as_str()),
            ("2.1 %", "50 %", "0.04 %")
        );
        assert_eq!((percent(0.0).as_str(), percent(1.0).as_str()), ("0 %", "100 %"));
        // Neither nothing nor all where it isn't.
        assert_eq!((percent(0.00003).as_str(), percent(0.00007).as_str()), ("below 0.01 %", "0.01 %"));
        let high = [0.99, 0.9951, 299.0 / 300.0, 0.9996, 0.99996].map(percent);
        assert_eq!(high, ["99 %", "99.5 %", "99.7 %", "99.96 %", "almost 100 %"]);
        assert_eq!(
            (count(0), count(999), count(1_000), count(12_345_678)),
            ("0".into(), "999".into(), "1,000".into(), "12,345,678".into())
        );
        assert_eq!((value(0.01234, "EUR").as_str(), value(15_400.0, "ms").as_str()), ("0.0123 EUR", "15.4 s"));
        assert_eq!((relative(10.36).as_str(), relative(0.0).as_str()), ("11.4 times", "the same"));
        assert_eq!((relative(0.123).as_str(), relative(-0.05).as_str()), ("+12 %", "−5.0 %"));
        assert_eq!((many(1, "workflow").as_str(), many(2, "workflow").as_str()), ("1 workflow", "2 workflows"));
        assert_eq!(minute("2026-11-19T14:05:59Z".parse().unwrap()), "2026-11-19 14:05");
    }
}
