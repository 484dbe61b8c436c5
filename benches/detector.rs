//! What the steps of the hot path cost, one by one and without I/O: nanoseconds of one core.
//!
//! Owns the micro figures of whole events: the reading of NDJSON, the encoding and hashing, the
//! deduplication and the state machine. Those of detectors are in `streams.rs`.

use crate::events::{Batch, configuration};
use crate::measure::ns_per_item;
use crate::{Outcome, say};
use andon::domain::{Input, Time};
use andon::driver::EventBatch;
use andon::driver::dedup::{Dedup, Key};
use andon::ingest::{Format, parse_events};
use andon::monitor::{At, Monitor};
use std::hint::black_box;

const ROUNDS: u32 = 7;
const EVENTS: u32 = 10_000;
const WORKFLOWS: u32 = 100;
/// 2026-11-20T12:00:00Z; any time will do.
const NOON: Time = Time(1_795_176_000_000);

pub(crate) fn run() -> Outcome {
    say(format!("best of {ROUNDS} rounds on one core"));
    crate::streams::run()?;
    let batch = Batch::new(EVENTS, WORKFLOWS, 0, Some(NOON));
    let events = u64::from(EVENTS);
    let mut body = batch.clone();
    let body = body.stamp(0).to_vec();
    let parse = || parse_events(&body, Format::NdJson);
    let ns = ns_per_item(ROUNDS, events, || drop(black_box(parse())));
    say(format!("an event of {} B: read from NDJSON  {ns:>7.0} ns", batch.bytes() / batch.events()));
    let items = parse()?.items;
    let copy = ns_per_item(ROUNDS, events, || drop(black_box(items.clone())));
    let ns = ns_per_item(ROUNDS, events, || drop(black_box(EventBatch::new(items.clone(), Vec::new()))));
    say(format!("                   encoded and hashed {:>6.0} ns", ns - copy));
    deduplication();
    let list: Vec<_> = items.into_iter().map(|(_, event)| event).collect();
    let mut monitor = monitor()?;
    let (input, mut seq) = (Input::Events(list), 1);
    let ns = ns_per_item(ROUNDS, events, || {
        seq += 1;
        drop(black_box(monitor.handle(At { seq, now: NOON }, &input)));
    });
    say(format!("                   counted and judged by five guards in three modes {ns:>6.0} ns"));
    Ok(())
}

/// Into a table that holds four million ids already.
fn deduplication() {
    let mut table = Dedup::new(i64::MAX, 20_000_000, NOON);
    let mut id = 0u64;
    let mut insert = |count: u64| {
        for _ in 0..count {
            id += 1;
            // Spread as hashes are.
            let key = Key { id: id.wrapping_mul(0x9E37_79B9_7F4A_7C15), content: 0 };
            black_box(table.insert(NOON, key));
        }
        drop(table.take_fresh());
    };
    insert(3_700_000);
    let ns = ns_per_item(ROUNDS, 40_000, || insert(40_000));
    say(format!("                   looked up among four million ids {ns:>6.0} ns"));
}

fn monitor() -> Result<Monitor, Box<dyn std::error::Error>> {
    let text = configuration("127.0.0.1:0", "unused", WORKFLOWS);
    let settings = andon::config::load(&text, "bench").map_err(|problems| problems.to_string())?;
    let mut monitor = Monitor::default();
    monitor.handle(At { seq: 1, now: NOON }, &Input::Policy(Box::new(settings.policy)));
    Ok(monitor)
}
