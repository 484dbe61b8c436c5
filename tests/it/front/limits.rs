//! Everything is bounded: the queue, the body before and after decompression, what is kept.

#![cfg(test)]

use super::harness::{DRAFTS, House, output, until};
use super::http::try_send;
use super::metrics::Scrape;
use andon::driver::Unavailable;
use serde_json::{Value, json};
use std::io::Write;

#[test]
fn a_full_queue_answers_503_and_takes_nothing_of_it() {
    let house = House { server: "queue_requests_max = 1", ..House::folder() };
    let app = house.start(DRAFTS);
    let release = app.hold();
    let to = app.address;
    let first = std::thread::spawn(move || {
        try_send(to, "POST", "/v1/events", &[], output(1).to_string().as_bytes()).unwrap().ok()
    });
    until("the first request has the only place", || app.driver().reserve(1).is_err());
    let second = app.post("/v1/events", &json!([output(2), output(3)]));
    assert_eq!(second.problem(503), "overloaded");
    assert_eq!(second.header("retry-after"), Some("1"));
    assert_eq!(app.post("/v1/reviews", &json!([])).problem(503), "overloaded");
    assert_eq!(app.mode("drafts")["mode"], "automate", "modes are answered all the same");
    drop(release);
    assert_eq!(first.join().unwrap()["accepted"], 1);
    until("the place is free", || app.driver().reserve(1).is_ok());
    let again = app.take(&[output(2), output(3)]);
    assert_eq!(again["duplicates"], 0, "nothing was half taken");
    assert!(Scrape::of(&app).value("andon_requests_overloaded_total{}") >= 2.0);
}

#[test]
fn bytes_in_the_queue_are_bounded_and_given_back() {
    let house = House { server: "body_bytes_max = \"64KiB\"\nqueue_bytes_max = \"64KiB\"", ..House::folder() };
    let app = house.start(DRAFTS);
    let release = app.hold();
    let place = app.driver().reserve(60 << 10).unwrap();
    let full = Unavailable::Full { limit: "queue_bytes_max" };
    assert_eq!(app.driver().reserve(8 << 10).err(), Some(full));
    let chunked = [("transfer-encoding", "chunked")];
    let unknown = app.send("POST", "/v1/events", &chunked, b"2\r\n[]\r\n0\r\n\r\n");
    assert_eq!(unknown.problem(503), "overloaded", "of unknown length: it may become as large as is allowed");
    drop(place);
    drop(release);
    app.take(&[output(1)]);
    until("all is given back", || app.driver().reserve(64 << 10).is_ok());
    assert!(Scrape::of(&app).is("andon_queue_bytes{}", 0.0));
    assert!(Scrape::of(&app).is("andon_queue_depth{}", 0.0));
}

#[test]
fn the_limit_of_a_body_holds_also_for_what_comes_out_of_it() {
    let house = House { server: "body_bytes_max = \"4KiB\"", ..House::folder() };
    let app = house.start(DRAFTS);
    let large = Value::from((0..200).map(output).collect::<Vec<_>>()).to_string().into_bytes();
    assert_eq!(app.send("POST", "/v1/events", &[], &large).problem(413), "body_too_large");
    let chunks = [format!("{:x}\r\n", large.len()).into_bytes(), large.clone(), b"\r\n0\r\n\r\n".to_vec()].concat();
    let chunked = app.send("POST", "/v1/events", &[("transfer-encoding", "chunked")], &chunks);
    assert_eq!(chunked.problem(413), "body_too_large");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&large).unwrap();
    let gzip = gzip.finish().unwrap();
    assert!(gzip.len() < 4 << 10);
    let inflated = app.send("POST", "/v1/events", &[("content-encoding", "gzip")], &gzip);
    assert_eq!(inflated.problem(413), "body_too_large");
    let zstd = zstd::encode_all(&*large, 19).unwrap();
    assert_eq!(app.send("POST", "/v1/events", &[("content-encoding", "zstd")], &zstd).problem(413), "body_too_large");
    assert_eq!(app.workflow("drafts")["outputs_total"], 0);
    app.take(&[output(0)]);
}

#[test]
fn of_the_refusals_the_newest_are_kept_also_over_a_restart() {
    let house = House { server: "refusals_max = 5", ..House::folder() };
    let app = house.start(DRAFTS);
    let bad: Vec<Value> = (0..12).map(|n| json!({"id": n.to_string(), "workflow": "drafts", "outcome": "?"})).collect();
    app.post("/v1/events", &Value::from(bad)).ok();
    let kept = |app: &super::harness::TestApp| -> Vec<String> {
        let found = app.get("/v1/refusals").ok();
        found["refusals"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(kept(&app), ["11", "10", "9", "8", "7"]);
    let app = app.stop().start(DRAFTS);
    assert_eq!(kept(&app), ["11", "10", "9", "8", "7"]);
}

#[test]
fn long_polls_beyond_the_limit_are_answered_at_once() {
    let house = House { server: "long_polls_max = 1", ..House::folder() };
    let app = house.start(DRAFTS);
    let to = app.address;
    let waiting =
        std::thread::spawn(move || try_send(to, "GET", "/v1/workflows/drafts/mode?wait=60s", &[], b"").unwrap().ok());
    until("one waits", || Scrape::of(&app).is("andon_long_polls{}", 1.0));
    assert_eq!(app.get("/v1/workflows/drafts/mode?wait=60s").ok()["mode"], "automate");
    let order = json!({"mode": "delegate", "reason": "to wake it"});
    app.post("/v1/workflows/drafts/mode", &order).ok();
    assert_eq!(waiting.join().unwrap()["mode"], "delegate");
    assert!(Scrape::of(&app).is("andon_long_polls{}", 0.0));
}
