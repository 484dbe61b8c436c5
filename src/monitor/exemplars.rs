//! Outputs that stand for a series: the latest trace of each latency bucket and kind of exception.
//!
//! Owns which one is kept. They lead people from a graph to a trace; nothing is decided by them.

use crate::domain::{OutputEvent, Text, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Characters of a trace id: OpenMetrics allows 128 for an exemplar's labels, names included.
/// OpenMetrics 1.0, section "Exemplars", <https://prometheus.io/docs/specs/om/open_metrics_spec/>.
const TRACE_ID_CHARS_MAX: usize = 128 - "trace_id".len();
/// A kept one makes room for another after so long, so that a busy workflow copies few of them.
const KEPT_MS_MIN: i64 = Time::SECOND;

/// One output that stands for others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exemplar {
    /// Its trace.
    pub trace_id: Text,
    /// Its latency in seconds, or 1 for an exception.
    pub value: f64,
    /// When it came.
    pub at: Time,
}

/// The kept ones; takes no room while no output has a trace.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Exemplars(Option<Box<Kept>>);

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Kept {
    /// By latency bucket.
    latency: BTreeMap<u16, Exemplar>,
    /// By kind of exception.
    kinds: BTreeMap<u16, Exemplar>,
}

impl Exemplars {
    /// Takes an output with its latency bucket and its kind of exception.
    pub fn take(&mut self, event: &OutputEvent, bucket: Option<usize>, kind: Option<u16>, now: Time) {
        let Some(trace_id) = &event.trace_id else { return };
        // Characters are counted only where there are more bytes than that: this is on the way of every output.
        let is_long = trace_id.len() > TRACE_ID_CHARS_MAX && trace_id.chars().count() > TRACE_ID_CHARS_MAX;
        if trace_id.is_empty() || is_long || (bucket.is_none() && kind.is_none()) {
            return;
        }
        let kept = self.0.get_or_insert_default();
        let put = |list: &mut BTreeMap<u16, Exemplar>, at: u16, value: f64| {
            if list.get(&at).is_none_or(|old| now.since(old.at) >= KEPT_MS_MIN) {
                list.insert(at, Exemplar { trace_id: trace_id.clone(), value, at: now });
            }
        };
        if let Some((bucket, ms)) = bucket.and_then(|at| u16::try_from(at).ok()).zip(event.latency_ms) {
            put(&mut kept.latency, bucket, ms / 1_000.0);
        }
        if let Some(kind) = kind {
            put(&mut kept.kinds, kind, 1.0);
        }
    }

    /// Of a latency bucket.
    pub fn latency(&self, bucket: usize) -> Option<&Exemplar> {
        self.0.as_ref()?.latency.get(&u16::try_from(bucket).ok()?)
    }

    /// Of a kind of exception.
    pub fn kind(&self, kind: u16) -> Option<&Exemplar> {
        self.0.as_ref()?.kinds.get(&kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Outcome, WorkflowId};

    fn event(trace_id: Option<&str>) -> OutputEvent {
        let event = OutputEvent::new("o", WorkflowId::new("wf").unwrap(), Outcome::Exception);
        OutputEvent { trace_id: trace_id.map(Into::into), latency_ms: Some(250.0), ..event }
    }

    #[test]
    fn the_latest_is_kept_and_what_has_no_trace_takes_no_room() {
        let mut kept = Exemplars::default();
        let long = "f".repeat(121);
        for trace_id in [None, Some(""), Some(long.as_str())] {
            kept.take(&event(trace_id), Some(3), Some(0), Time(0));
        }
        assert_eq!(kept, Exemplars::default());
        for (trace_id, ms) in [("a", 0), ("b", 999), ("c", 1_000)] {
            kept.take(&event(Some(trace_id)), Some(3), Some(0), Time(ms));
        }
        let found = kept.latency(3).unwrap();
        assert_eq!((&*found.trace_id, found.value, found.at), ("c", 0.25, Time(1_000)));
        assert_eq!(&*kept.kind(0).unwrap().trace_id, "c");
        assert_eq!((kept.latency(2), kept.kind(1)), (None, None));
    }
}
