//! Small drawings: the course of a number, and the evidence of a guard.
//!
//! Owns the drawing. Each says the same as text; colours are the page's classes.

use crate::domain::Time;
use crate::report::words::markup;
use std::fmt::Write as _;

/// Size of the course of a number, pixels.
const SPARK: [f64; 2] = [240.0, 48.0];
/// Room above and below it.
const MARGIN: f64 = 4.0;

/// The course of a number between two times, from 0 up; empty where fewer than two points have it.
pub(super) fn spark(
    name: &str,
    points: &[(Time, f64)],
    (from, to): (Time, Time),
    text: impl Fn(f64) -> String,
) -> String {
    let values = points.iter().map(|(_, value)| *value);
    let Some((_, last)) = points.last().filter(|_| points.len() > 1) else { return String::new() };
    let (low, high) = values.fold((f64::MAX, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
    let top = if high > 0.0 { high } else { 1.0 };
    let at = |(time, value): &(Time, f64)| {
        let x = SPARK[0] * share(time.since(from), to.since(from));
        let y = SPARK[1] - MARGIN - (SPARK[1] - 2.0 * MARGIN) * value / top;
        format!("{x:.1},{y:.1}")
    };
    let line: Vec<String> = points.iter().map(at).collect();
    let spoken = format!("{name}: last {}, lowest {}, highest {}", text(*last), text(low), text(high));
    let mut svg = String::new();
    let [width, height] = SPARK;
    let _ = write!(
        svg,
        r#"<svg class="spark" viewBox="0 0 {width:.0} {height:.0}" width="{width:.0}" height="{height:.0}" role="img" aria-label="{}"><polyline points="{}"/></svg>"#,
        markup(&spoken),
        line.join(" ")
    );
    svg
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of centuries are exact in an f64")]
fn share(part: i64, whole: i64) -> f64 {
    (part as f64 / whole.max(1) as f64).clamp(0.0, 1.0)
}

/// A bar of evidence: full is a breach.
pub(super) fn evidence(evidence: f64) -> String {
    let share = if evidence.is_finite() { evidence.clamp(0.0, 1.0) } else { 1.0 };
    let tone = match share {
        _ if share >= 1.0 => "full",
        _ if share >= 0.75 => "near",
        _ => "calm",
    };
    format!(
        r#"<svg class="evidence {tone}" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="6"/><rect class="fill" width="{:.1}" height="6"/></svg>"#,
        share * 100.0
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawings_say_what_they_show() {
        let points = [(Time(0), 0.0), (Time(50), 2.0), (Time(100), 1.0)];
        let svg = spark("a<b", &points, (Time(0), Time(100)), |value| format!("{value}"));
        assert!(svg.contains("a&lt;b: last 1, lowest 0, highest 2"), "{svg}");
        assert!(svg.contains(r#"points="0.0,44.0 120.0,4.0 240.0,24.0""#), "{svg}");
        assert_eq!(spark("a", &points[..1], (Time(0), Time(100)), |v| v.to_string()), "");
        assert!(
            evidence(0.4).contains(r#"calm"#)
                && evidence(2.0).contains(r#"full"#)
                && evidence(f64::NAN).contains("full")
        );
    }
}
