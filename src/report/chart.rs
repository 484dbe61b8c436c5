//! Charts as SVG, each with its numbers as text for whoever can't see it.
//!
//! Owns the drawing. Colours are the page's (classes), shape and text say the same as colour. Every number is rounded
//! the same way everywhere, so the same data gives the same bytes.

use super::measure::Measure;
use super::shift::{Bin, Shift};
use super::week::DAYS;
use super::words::{markup, percent, value};
use std::fmt::Write;

/// Size of a line of days, pixels.
const SPARK: [f64; 2] = [130.0, 34.0];
/// Room above and below a line of days.
const MARGIN: f64 = 4.0;
/// Width of the names of bins, of the bars and of the numbers.
const BARS: [f64; 3] = [180.0, 220.0, 110.0];
/// Room between the name of a bin and its bars.
const GAP: f64 = 6.0;
/// Height of one bin.
const ROW: f64 = 22.0;
/// Size of the letters, pixels, as the page's style has it.
const FONT: f64 = 12.0;
/// Categories that are drawn; of more, most would be one bar that says nothing.
const VALUES_MAX: u64 = 20;

/// Whether the distributions of a shift say anything where they are drawn, or are a table.
pub(super) fn is_drawn(shift: &Shift) -> bool {
    shift.values.is_none_or(|values| values <= VALUES_MAX)
}

/// The days of two weeks as a line; empty where fewer than two have a value.
pub(super) fn days(measure: &Measure, dates: &[String]) -> String {
    let values: Vec<f64> = measure.days.iter().flatten().copied().collect();
    if values.len() < 2 {
        return String::new();
    }
    let (low, high) = values.iter().fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
    let span = if high > low { high - low } else { 1.0 };
    let step = SPARK[0] / f64::from(u16::try_from(measure.days.len().max(2) - 1).unwrap_or(u16::MAX));
    let at = |day: usize, v: f64| {
        let x = step * f64::from(u16::try_from(day).unwrap_or(u16::MAX));
        let y = MARGIN + (SPARK[1] - 2.0 * MARGIN) * if high > low { 1.0 - (v - low) / span } else { 0.5 };
        (x, y)
    };
    let mut svg = open(SPARK[0] + 6.0, SPARK[1], "days", &spoken(measure, dates));
    let boundary = step * (f64::from(u16::try_from(DAYS).unwrap_or(7)) - 0.5) + 3.0;
    let _ = write!(svg, r#"<line class="edge" x1="{boundary:.0}" x2="{boundary:.0}" y2="{:.0}"/>"#, SPARK[1]);
    for (class, range) in [("was", 0..DAYS), ("is", DAYS..measure.days.len())] {
        let points = range.clone().filter_map(|day| Some(at(day, (*measure.days.get(day)?)?)));
        let points: Vec<String> = points.map(|(x, y)| format!("{:.0},{y:.1}", x + 3.0)).collect();
        if let [one] = points.as_slice() {
            let (x, y) = one.split_once(',').unwrap_or((one, "0"));
            let _ = write!(svg, r#"<circle class="{class}" cx="{x}" cy="{y}" r="2"/>"#);
        } else if !points.is_empty() {
            let _ = write!(svg, r#"<polyline class="{class}" points="{}"/>"#, points.join(" "));
        }
    }
    svg.push_str("</svg>");
    svg
}

fn spoken(measure: &Measure, dates: &[String]) -> String {
    let day = |v: &Option<f64>| v.map_or_else(|| "nothing".to_owned(), |v| value(v, &measure.unit));
    let days: Vec<String> = measure.days.iter().map(day).collect();
    format!("{} by day from {} on: {}", measure.title, dates.first().map_or("", String::as_str), days.join("; "))
}

/// The distributions of two weeks, a pair of bars for each bin.
pub(super) fn distributions(signal: &str, bins: &[Bin]) -> String {
    let most = bins.iter().map(|bin| bin.before.max(bin.week)).fold(f64::MIN_POSITIVE, f64::max);
    let height = ROW * f64::from(u16::try_from(bins.len()).unwrap_or(u16::MAX)) + 4.0;
    let each = |bin: &Bin| format!("{}: {} before, {} this week", bin.label, percent(bin.before), percent(bin.week));
    let text = format!("{signal}, shares of outputs. {}", bins.iter().map(each).collect::<Vec<_>>().join("; "));
    let mut svg = open(BARS.iter().sum(), height, "bars", &text);
    for (at, bin) in (0_u16..).zip(bins) {
        let y = ROW * f64::from(at) + 2.0;
        let width = |share: f64| (share / most * BARS[1]).max(0.5);
        let _ = write!(
            svg,
            r#"<text class="name" x="{:.0}" y="{:.1}">{}</text><rect class="was" x="{:.0}" y="{y:.1}" width="{:.1}" height="8"/><rect class="is" x="{:.0}" y="{:.1}" width="{:.1}" height="8"/><text class="number" x="{:.0}" y="{:.1}">{} → {}</text>"#,
            BARS[0] - GAP,
            y + 13.0,
            name(&bin.label),
            BARS[0],
            width(bin.before),
            BARS[0],
            y + 9.0,
            width(bin.week),
            BARS[0] + BARS[1] + GAP,
            y + 13.0,
            percent(bin.before),
            percent(bin.week),
        );
    }
    svg.push_str("</svg>");
    svg
}

/// The name of a bin, as much of it as has room; the whole of it where somebody points at it.
fn name(label: &str) -> String {
    let short = cut(label, BARS[0] - GAP);
    if short == label {
        return markup(label);
    }
    format!("{}<title>{}</title>", markup(&short), markup(label))
}

/// A text without its middle where it has no room: what tells names apart is at their ends, such as
/// `acme/…/email-drafts`.
fn cut(text: &str, room: f64) -> String {
    let all: Vec<f64> = text.chars().map(width_of).collect();
    if all.iter().sum::<f64>() <= room {
        return text.to_owned();
    }
    let (mut left, mut right) = (0, all.len());
    let mut room = room - width_of('…');
    // The tail gets the first character, and each one after that goes to the shorter side.
    while left < right {
        let is_tail = all.len() - right <= left;
        let width = if is_tail { all[right - 1] } else { all[left] };
        if width > room {
            break;
        }
        room -= width;
        if is_tail { right -= 1 } else { left += 1 }
    }
    let head = text.chars().take(left);
    head.chain(['…']).chain(text.chars().skip(right)).collect()
}

/// How wide a character is at most in the sans serif fonts that browsers have (DejaVu Sans, the widest of them), pixels.
fn width_of(c: char) -> f64 {
    FONT * match c {
        'i' | 'j' | 'l' | 'I' | 'J' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | '/' | '\\' | '-' | ' ' | 'f' | 'r'
        | 't' | '(' | ')' | '[' | ']' => 0.42,
        'a'..='l' | 'n'..='v' | 'x'..='z' | '0'..='9' | '_' | '"' | '?' | '$' | '*' => 0.64,
        'A'..='L' | 'N'..='V' | 'X'..='Z' | 'w' => 0.82,
        _ => 1.0,
    }
}

fn open(width: f64, height: f64, class: &str, text: &str) -> String {
    let text = markup(text);
    format!(
        r#"<svg class="{class}" role="img" aria-label="{text}" viewBox="0 0 {width:.0} {height:.0}" width="{width:.0}" height="{height:.0}">"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(labels: &[&str]) -> String {
        let bin = |label: &&str| Bin { label: (*label).to_owned(), before: 0.5, week: 0.25 };
        distributions("attributes.repository", &labels.iter().map(bin).collect::<Vec<_>>())
    }

    #[test]
    fn names_that_differ_at_their_end_are_told_apart() {
        let svg = drawn(&["OpenHFT/Chronicle-Core", "OpenHFT/Chronicle-Wire"]);
        assert!(
            svg.contains(">OpenHFT/Chronicle-Core</text>") && svg.contains(">OpenHFT/Chronicle-Wire</text>"),
            "{svg}"
        );
        let svg = drawn(&[
            "AZURE-SAMPLES/<enterprise>-knowledge-base-north",
            "AZURE-SAMPLES/<enterprise>-knowledge-base-south",
        ]);
        assert!(
            svg.contains("base-north<title>AZURE-SAMPLES/&lt;enterprise&gt;-knowledge-base-north</title></text>"),
            "{svg}"
        );
        assert!(svg.contains("base-south<title>"), "{svg}");
        assert_eq!(cut("completed", 174.0), "completed");
    }

    #[test]
    fn no_name_is_wider_than_its_room() {
        for label in [
            "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW",
            "iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii",
            "日本語日本語日本語日本語日本語日本語",
            "a",
        ] {
            for room in [5.0, 40.0, 174.0] {
                let short = cut(label, room);
                let width: f64 = short.chars().map(width_of).sum();
                assert!(width <= room || short == "…", "{short}: {width} in {room}");
            }
        }
        assert_eq!(cut("abcdefgh", 12.0 * (1.0 + 3.0 * 0.64) + 0.1), "a…gh");
    }
}
