//! Bar 5 through the front door: poison and repeats don't move a demotion by a single output.
//!
//! Owns the stream and what is put into it. The same stream without a daemon, with more seeds and
//! guards but without repeats, is measured by `andon calibrate --bar 5`.

#![cfg(test)]

use super::harness::{DRAFTS, House, TestApp, failure, output, with};
use andon::domain::Time;
use serde_json::{Value, json};

/// When the poison comes, and when exceptions become more frequent.
const POISONED_AT: usize = 5_000;
const CHANGED_AT: usize = 20_000;
/// Outputs of one request before the change; after it they come one by one.
const BATCH: usize = 1_000;

/// One in 500 fails before the change, one in ten after it.
fn nth(n: usize) -> Value {
    let every = if n < CHANGED_AT { 500 } else { 10 };
    if n.is_multiple_of(every) { failure(n) } else { output(n) }
}

/// Sends the stream with `inject` in its middle; the output with which the demotion came.
fn demoted_at(inject: impl FnOnce(&TestApp)) -> usize {
    let app = House::memory().start(DRAFTS);
    let send = |from: usize, to: usize| app.take(&(from..to).map(nth).collect::<Vec<_>>());
    (0..POISONED_AT).step_by(BATCH).for_each(|from| drop(send(from, from + BATCH)));
    inject(&app);
    (POISONED_AT..CHANGED_AT).step_by(BATCH).for_each(|from| drop(send(from, from + BATCH)));
    assert_eq!(app.mode("drafts")["mode"], "automate", "nothing has changed yet");
    (CHANGED_AT..CHANGED_AT + 2_000)
        .find(|n| send(*n, n + 1)["modes"]["drafts"]["mode"] != "automate")
        .expect("ten percent of exceptions are found")
}

#[test]
fn poison_and_repeats_leave_the_demotion_at_the_identical_output() {
    let clean = demoted_at(|_| {});
    let poisoned = demoted_at(|app| {
        let bad = |field: &str| failure("p").to_string().replacen('{', &format!("{{{field},"), 1);
        let lines = [
            bad("\"latency_ms\":NaN"),
            bad("\"latency_ms\":Infinity"),
            bad("\"latency_ms\":-Infinity"),
            bad("\"latency_ms\":1e999"),
            bad("\"latency_ms\":1e300"),
            bad("\"latency_ms\":-1"),
            bad("\"scores\":{\"s\":1e300}"),
            bad("\"cost\":-0.01"),
            bad("\"units\":0"),
            bad("\"colour\":1"),
            with(failure("p"), &json!({"workflow": "nobody"})).to_string(),
            with(failure("p"), &json!({"time": Time(app.now().0 - 49 * Time::HOUR).to_string()})).to_string(),
        ];
        // Failures again, as they were and with other content, and a good output that claims to have failed.
        let repeats =
            (0..10).flat_map(|n| [nth(500 * n), with(failure(500 * n), &json!({"latency_ms": 5})), failure(n + 1)]);
        let repeats: Vec<String> = repeats.map(|event| event.to_string()).collect();
        let body = [&lines[..], &repeats].concat().join("\n");
        let answer = app.send("POST", "/v1/events", &[("content-type", "application/x-ndjson")], body.as_bytes()).ok();
        assert_eq!(answer["rejected"].as_array().unwrap().len(), lines.len(), "{answer}");
        assert_eq!((&answer["accepted"], &answer["duplicates"]), (&json!(0), &json!(repeats.len())));
    });
    assert!(clean > CHANGED_AT && clean < CHANGED_AT + 500, "{clean}");
    assert_eq!(poisoned, clean);
}

#[test]
fn a_late_output_and_a_new_category_count_as_the_one_output_that_each_is() {
    let clean = demoted_at(|_| {});
    for (name, fields) in
        [("new", json!({"attributes": {"locale": "xx"}})), ("late", json!({"time": "2026-11-20T09:00:00Z"}))]
    {
        let other = demoted_at(|app| drop(app.take(&[with(output(name), &fields)])));
        assert!(other.abs_diff(clean) <= 1, "{name}: {other}, {clean} without");
    }
}
