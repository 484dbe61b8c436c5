//! A breach in a sentence for people.
//!
//! Owns the wording of reasons and incidents. Reads the numbers, makes none.

use crate::domain::{Breach, Carrier};

/// The breach in a sentence for people.
pub fn sentence(breach: &Breach) -> String {
    let Breach { guard, signal, lane, bound, estimate, n, mode, .. } = breach;
    let number = |value: f64| format!("{:.4}", value).trim_end_matches('0').trim_end_matches('.').to_owned();
    let (estimate, bound) = (number(*estimate), number(*bound));
    match (lane.as_str(), signal.as_str()) {
        ("limit", "silence") => format!("{guard}: no output for {estimate} s of declared {bound} s"),
        ("limit", "volume") => format!("{guard}: {estimate} outputs in an interval, {bound} declared"),
        ("limit", "external") => {
            format!("{guard}: the alert {}", breach.part.as_deref().unwrap_or("from outside is firing"))
        }
        ("limit", _) => format!("{guard}: {estimate} is above the limit of {bound}"),
        ("outage", _) => {
            format!("{guard}: outright failure, {estimate} over the last {n} outputs (bound {bound} in {mode})")
        }
        (_, "drift") => {
            let part = breach.part.as_deref().unwrap_or("further than the tolerance");
            format!("{guard}: {part} (tolerance {bound} in {mode})")
        }
        (_, "disparity") => {
            let part = breach.part.as_deref().unwrap_or("one group");
            format!(
                "{guard}: {part} fails {estimate} times as often as the rest over the last {n} exceptions ({bound} allowed)"
            )
        }
        (_, "exception_rate" | "latency" | "sla" | "rejection_rate") => {
            let (things, did) = match signal.as_str() {
                "latency" => ("outputs", "were too slow"),
                "sla" => ("outputs", "missed the service level"),
                "rejection_rate" => ("verdicts", "rejected"),
                _ => ("outputs", "failed"),
            };
            // An estimate, not a count: it leans towards what was usual before.
            let [share, allowed] = [breach.estimate, breach.bound].map(percent);
            format!(
                "{guard}: about {share} of the last {n} {things} {did}, {allowed} allowed in {mode}{}",
                mainly(breach)
            )
        }
        _ => format!("{guard}: {estimate} over the last {n} outputs, bound {bound} in {mode}{}", mainly(breach)),
    }
}

/// A share as percent, such as `64 %` or `0.5 %`.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let places = usize::from(percent < 10.0) + usize::from(percent < 0.1);
    let text = format!("{percent:.places$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text} %")
}

/// Where most of it comes from.
fn mainly(breach: &Breach) -> String {
    let Some(first) = breach.carriers.first() else { return String::new() };
    let percent = (first.excess_share * 100.0).round();
    let same = |carrier: &&Carrier| carrier.excess_share > first.excess_share - 0.1;
    let names: Vec<&str> = breach.carriers.iter().take_while(same).map(|carrier| carrier.segment.as_str()).collect();
    format!("; {percent} % of the excess comes from {}", names.join(", "))
}
