//! Charts as SVG, each with its numbers as text for whoever can't see it.
//!
//! Owns the drawing. Colours are the page's (classes), shape and text say the same as colour. Every number is rounded
//! the same way everywhere, so the same data gives the same bytes.

use super::measure::Measure;
use super::shift::Bin;
use super::week::DAYS;
use super::words::{markup, percent, value};
use std::fmt::Write;

/// Size of a line of days, pixels.
const SPARK: [f64; 2] = [130.0, 34.0];
/// Room above and below a line of days.
const MARGIN: f64 = 4.0;
/// Width of the names of bins, of the bars and of the numbers.
const BARS: [f64; 3] = [120.0, 220.0, 110.0];
/// Height of one bin.
const ROW: f64 = 22.0;
/// Longest name of a bin, characters.
const LABEL_MAX: usize = 18;

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
        let name: String = bin.label.chars().take(LABEL_MAX).collect();
        let width = |share: f64| (share / most * BARS[1]).max(0.5);
        let _ = write!(
            svg,
            r#"<text class="name" x="{:.0}" y="{:.1}">{}</text><rect class="was" x="{:.0}" y="{y:.1}" width="{:.1}" height="8"/><rect class="is" x="{:.0}" y="{:.1}" width="{:.1}" height="8"/><text class="number" x="{:.0}" y="{:.1}">{} → {}</text>"#,
            BARS[0] - 6.0,
            y + 13.0,
            markup(&name),
            BARS[0],
            width(bin.before),
            BARS[0],
            y + 9.0,
            width(bin.week),
            BARS[0] + BARS[1] + 6.0,
            y + 13.0,
            percent(bin.before),
            percent(bin.week),
        );
    }
    svg.push_str("</svg>");
    svg
}

fn open(width: f64, height: f64, class: &str, text: &str) -> String {
    let text = markup(text);
    format!(
        r#"<svg class="{class}" role="img" aria-label="{text}" viewBox="0 0 {width:.0} {height:.0}" width="{width:.0}" height="{height:.0}">"#
    )
}
