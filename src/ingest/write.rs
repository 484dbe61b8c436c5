//! The way back: events and reviews as the JSON that the intake reads.
//!
//! Owns the writing side of the wire form, for commands that send to a running daemon. Fields
//! that are absent or hold their default are left out.

use crate::domain::{Mode, Money, Outcome, OutputEvent, Review, Text, Time, Verdict};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// Appends an event as one line of NDJSON.
pub fn event_line(event: &OutputEvent, out: &mut Vec<u8>) {
    line(&EventOut::of(event), out);
}

/// Appends a review as one line of NDJSON.
pub fn review_line(review: &Review, out: &mut Vec<u8>) {
    line(&ReviewOut::of(review), out);
}

fn line(value: &impl Serialize, out: &mut Vec<u8>) {
    // Writing into memory fails only for maps with keys that are no strings, and here are none.
    let written = serde_json::to_writer(&mut *out, value);
    debug_assert!(written.is_ok(), "the wire form is always writable");
    out.push(b'\n');
}

#[derive(Serialize)]
struct EventOut<'a> {
    id: &'a str,
    workflow: &'a str,
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    exception: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cycle_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sla_met: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    units: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Money>,
    #[serde(skip_serializing_if = "Pairs::is_empty")]
    scores: Pairs<'a, f64>,
    #[serde(skip_serializing_if = "Pairs::is_empty")]
    attributes: Pairs<'a, Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<Mode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retries: Option<u32>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    fallback: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    escalated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a str>,
}

impl<'a> EventOut<'a> {
    fn of(event: &'a OutputEvent) -> Self {
        let units_default = event.units.to_bits() == 1.0f64.to_bits();
        Self {
            id: &event.id,
            workflow: event.workflow.as_str(),
            outcome: event.outcome,
            exception: event.exception.as_deref(),
            time: event.time,
            latency_ms: event.latency_ms,
            cycle_ms: event.cycle_ms,
            sla_met: event.sla_met,
            cost: event.cost,
            units: (!units_default).then_some(event.units),
            value: event.value,
            scores: Pairs(&event.scores),
            attributes: Pairs(&event.attributes),
            mode: event.mode,
            version: event.version.as_deref(),
            model: event.model.as_deref(),
            retries: (event.retries > 0).then_some(event.retries),
            fallback: event.fallback,
            escalated: event.escalated,
            trace_id: event.trace_id.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct ReviewOut<'a> {
    id: &'a str,
    workflow: &'a str,
    output_id: &'a str,
    verdict: Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    exception: Option<&'a str>,
    reviewer: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    minutes: Option<f64>,
}

impl<'a> ReviewOut<'a> {
    fn of(review: &'a Review) -> Self {
        Self {
            id: &review.id,
            workflow: review.workflow.as_str(),
            output_id: &review.output_id,
            verdict: review.verdict,
            exception: review.exception.as_deref(),
            reviewer: &review.reviewer,
            time: review.time,
            note: review.note.as_deref(),
            minutes: review.minutes,
        }
    }
}

/// Values by name, written as an object.
struct Pairs<'a, V>(&'a [(Text, V)]);

impl<V> Pairs<'_, V> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<V: Serialize> Serialize for Pairs<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
