//! The traffic of the benchmarks: a policy of many workflows, and batches of events as NDJSON.
//!
//! Owns what an event looks like. A batch is rendered once; before each sending only the ids
//! change, in place, so that the sender takes little of the cores that it shares with the daemon.

use andon::domain::Time;
use std::fmt::Write as _;

/// Digits of an id that change with every batch.
const DIGITS: usize = 16;

/// The configuration of a daemon with so many workflows of five guards each. They start in
/// automate, so that every detector of every mode works.
pub(crate) fn configuration(listen: &str, store: &str, workflows: u32) -> String {
    let mut text = format!("[server]\nlisten = \"{listen}\"\n[store]\npath = \"{store}\"\n");
    for n in 0..workflows {
        text.push_str(&WORKFLOW.replace("{n}", &format!("{n:04}")));
    }
    text
}

const WORKFLOW: &str = r#"
[[workflow]]
id = "workflow-{n}"
start_mode = "automate"
  [[workflow.guard]]
  signal = "exception_rate"
  bound = { collaborate = 0.10, delegate = 0.05, automate = 0.02 }
  [[workflow.guard]]
  signal = "latency"
  limit_ms = 3000
  bound = 0.05
  [[workflow.guard]]
  signal = "cost_per_unit"
  bound = 0.02
  cap = 0.50
  [[workflow.guard]]
  signal = "score"
  of = "scores.brand_fit"
  below = 0.7
  bound = 0.10
  [[workflow.guard]]
  signal = "score"
  of = "scores.readability"
  range = [0, 100]
  better = "higher"
  bound = 55
"#;

/// A batch of events that can be sent again and again under new ids.
#[derive(Clone)]
pub(crate) struct Batch {
    body: Vec<u8>,
    /// Where the changing digits of each id begin.
    ids: Vec<usize>,
}

impl Batch {
    /// `events` events spread over the workflows, dated `time`; `None` leaves the time out.
    /// They keep to all bounds of [`configuration`].
    pub(crate) fn new(events: u32, workflows: u32, first: u32, time: Option<Time>) -> Self {
        let (mut body, mut ids) = (String::new(), Vec::new());
        for n in first..first + events {
            // A step that shares no factor with 100 or 1,000: neighbours are of different workflows.
            let workflow = n.wrapping_mul(7) % workflows;
            body.push_str("{\"id\":\"01JDA2CVAR");
            ids.push(body.len());
            let (outcome, latency) = if n % 500 == 0 {
                ("\"exception\",\"exception\":\"policy_violation\"", 4_100)
            } else {
                ("\"ok\"", 300 + n % 977)
            };
            let cost = 4_000 + n % 3_001;
            let result = write!(
                body,
                "{:0DIGITS$}\",\"workflow\":\"workflow-{workflow:04}\",\"outcome\":{outcome},\"latency_ms\":{latency},\
                 \"cost\":0.00{cost},\"units\":1,\"scores\":{{\"brand_fit\":0.{},\"readability\":{},\"toxicity\":0.0{}}},\
                 \"attributes\":{{\"locale\":\"{}\",\"segment\":\"retail\",\"channel\":\"email\"}},\
                 \"model\":\"large-2026-05\",\"mode\":\"automate\"",
                0,
                80 + n % 19,
                61 + n % 37,
                n % 9,
                ["de", "en", "fr", "nl"][usize::try_from(n % 4).unwrap_or(0)],
            );
            let time = time.map_or_else(String::new, |time| format!(",\"time\":\"{time}\""));
            body.push_str(&time);
            body.push_str("}\n");
            debug_assert!(result.is_ok(), "writing into a string can't fail");
        }
        Self { body: body.into_bytes(), ids }
    }

    /// The body under new ids: `number` must not have been used for this kind of batch.
    pub(crate) fn stamp(&mut self, number: u64) -> &[u8] {
        let mut digits = [b'0'; DIGITS];
        for (n, at) in self.ids.iter().enumerate() {
            let mut rest = number.wrapping_mul(self.ids.len() as u64).wrapping_add(n as u64);
            for digit in digits.iter_mut().rev() {
                *digit = b"0123456789ABCDEF"[usize::try_from(rest & 15).unwrap_or(0)];
                rest >>= 4;
            }
            self.body[*at..at + DIGITS].copy_from_slice(&digits);
        }
        &self.body
    }

    /// Bytes of the body.
    pub(crate) const fn bytes(&self) -> usize {
        self.body.len()
    }

    /// Events in it.
    pub(crate) const fn events(&self) -> usize {
        self.ids.len()
    }
}
