//! The body of a webhook: a CloudEvent.
//!
//! Owns the envelope (CloudEvents 1.0, JSON event format, structured mode) and the bound on its size. The time
//! of sending is none of it: the same message has the same body, however often it is sent.

use super::message::Message;
use serde_json::{Value, json};

/// The content type.
pub(super) const KIND: &str = "application/cloudevents+json; charset=utf-8";

/// The body, at most `bytes_max` of it: what doesn't fit is counted instead.
pub fn body(message: &Message, source: &str, bytes_max: u64) -> Vec<u8> {
    let mut message = message.clone();
    loop {
        let body = serde_json::to_vec(&event(&message, source)).unwrap_or_default();
        if body.len() as u64 <= bytes_max {
            return body;
        }
        // The entries stand in the ledger, and their numbers say where.
        if message.entries.pop().is_some() {
            message.entries_left_out += 1;
        } else if message.workflows.pop().is_none() && message.facts.pop().is_none() {
            return body;
        }
    }
}

fn event(message: &Message, source: &str) -> Value {
    let mut data = serde_json::to_value(message).unwrap_or_default();
    if let Some(fields) = data.as_object_mut() {
        // These stand in the envelope.
        ["id", "type", "time"].iter().for_each(|field| drop(fields.remove(*field)));
    }
    let mut event = json!({
        "specversion": "1.0",
        "id": message.id,
        "source": source,
        "type": message.r#type,
        "time": message.time,
        "datacontenttype": "application/json",
        "data": data,
    });
    if let (Some(workflow), Some(fields)) = (&message.workflow, event.as_object_mut()) {
        fields.insert("subject".to_owned(), json!(workflow));
    }
    event
}
