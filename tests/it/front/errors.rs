//! Errors are `application/problem+json` with a stable code, whoever finds them.

#![cfg(test)]

use super::harness::{DRAFTS, House, output};
use serde_json::json;

const JSON: (&str, &str) = ("content-type", "application/json");

/// What is wrong, headers, body, and the status and code of the answer.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [u8], u16, &'a str);

#[test]
fn bodies_that_are_not_taken() {
    let app = House::folder().start(DRAFTS);
    let cases: [Case<'_>; 7] = [
        ("no JSON", &[JSON], b"{\"id\": 1,", 400, "unreadable_body"),
        ("empty", &[JSON], b"", 400, "unreadable_body"),
        ("no gzip", &[("content-encoding", "gzip")], b"plain", 400, "corrupt_body"),
        ("no zstd", &[("content-encoding", "zstd")], b"plain", 400, "corrupt_body"),
        ("brotli", &[("content-encoding", "br")], b"[]", 415, "unsupported_content_encoding"),
        ("text", &[("content-type", "text/plain")], b"[]", 415, "unsupported_content_type"),
        ("form", &[("content-type", "application/x-www-form-urlencoded")], b"[]", 415, "unsupported_content_type"),
    ];
    for path in ["/v1/events", "/v1/reviews"] {
        for (what, headers, body, status, code) in cases {
            let answer = app.send("POST", path, headers, body);
            assert_eq!(answer.problem(status), code, "{path}: {what}");
        }
    }
    let broken = app.send("POST", "/v1/events", &[JSON], b"[\n {\"id\": \"1\"},\n {]\n]").json();
    assert_eq!((&broken["line"], &broken["column"]), (&json!(3), &json!(3)), "{broken}");
    let partly = [output(1).to_string(), "}".into()].concat();
    assert_eq!(app.send("POST", "/v1/events", &[JSON], partly.as_bytes()).problem(400), "unreadable_body");
    assert_eq!(app.workflow("drafts")["outputs_total"], 0, "nothing was taken of any of them");
}

#[test]
fn places_that_do_not_exist_and_methods_that_are_not_possible() {
    let app = House::folder().start(DRAFTS);
    for path in ["/v1", "/v1/nothing", "/v1/workflows/drafts/nothing", "/metrics/", "/v1/workflows/%FF/x"] {
        assert_eq!(app.get(path).problem(404), "not_found", "{path}");
    }
    for (method, path) in [
        ("GET", "/v1/events"),
        ("DELETE", "/v1/workflows"),
        ("PUT", "/v1/workflows/drafts/mode"),
        ("POST", "/metrics"),
        ("GET", "/v1/stop"),
        ("GET", "/v1/reload"),
        ("POST", "/v1/ledger"),
        ("PATCH", "/livez"),
    ] {
        let answer = app.send(method, path, &[], b"");
        assert_eq!(answer.problem(405), "method_not_allowed", "{method} {path}");
        assert!(answer.header("allow").is_some(), "{method} {path} must say what is allowed");
    }
}

#[test]
fn what_names_nothing_is_404() {
    let app = House::folder().start(DRAFTS);
    for path in ["/v1/workflows/none", "/v1/workflows/none/mode", "/v1/workflows/no%20ne/why"] {
        assert_eq!(app.get(path).problem(404), "unknown_workflow", "{path}");
    }
    assert_eq!(app.get("/v1/workflows/none/why").problem(404), "not_adopted_then");
    let order = json!({"mode": "assist", "reason": "x"});
    assert_eq!(app.post("/v1/workflows/none/mode", &order).problem(404), "unknown_workflow");
    for id in ["none-1", "drafts-1", "drafts", "-", "drafts-x"] {
        let answer = app.post(&format!("/v1/incidents/{id}/resolve"), &json!({"note": "x"}));
        assert_eq!(answer.problem(404), "unknown_incident", "{id}");
    }
}

#[test]
fn parameters_that_can_not_be_used() {
    let app = House::folder().start(DRAFTS);
    for path in [
        "/v1/workflows?limit=0",
        "/v1/workflows?limit=1001",
        "/v1/workflows?limit=x",
        "/v1/workflows?colour=1",
        "/v1/ledger?limit=-1",
        "/v1/ledger?workflow=%21",
        "/v1/ledger?after=x",
        "/v1/refusals?limit=0",
        "/v1/incidents?status=gone",
        "/v1/workflows/drafts/mode?wait=30",
        "/v1/workflows/drafts/mode?wait=301s",
        "/v1/workflows/drafts/mode?wait=s",
        "/v1/workflows/drafts/mode?epoch=x",
        "/v1/workflows/drafts/mode?wait=-1s",
        "/v1/workflows/drafts/why?at=yesterday",
        "/v1/workflows/drafts/mode?wait=99999999999999999999s",
    ] {
        assert_eq!(app.get(path).problem(400), "invalid_parameter", "{path}");
    }
    let long = "x".repeat(1_025);
    for order in [
        json!({}),
        json!({"mode": "assist"}),
        json!({"reason": "x"}),
        json!({"mode": "assist", "reason": " "}),
        json!({"mode": "assist", "hold": true, "reason": "x"}),
        json!({"mode": "none", "reason": "x"}),
        json!({"mode": "assist", "reason": long}),
        json!({"hold": "yes", "reason": "x"}),
        json!([]),
        json!({"mode": "assist", "reason": "x", "force": true}),
    ] {
        assert_eq!(app.post("/v1/workflows/drafts/mode", &order).problem(400), "invalid_parameter", "{order}");
    }
    assert_eq!(app.post("/v1/stop", &json!({})).problem(400), "invalid_parameter");
    assert_eq!(app.send("POST", "/v1/stop", &[], b"").problem(400), "invalid_parameter");
    assert_eq!(app.mode("drafts")["epoch"], 1, "nothing of this changed anything");
}

/// What the library refuses before a handler of ours sees it.
#[test]
fn what_no_handler_sees_is_a_problem_too() {
    let app = House::folder().start(DRAFTS);
    for path in ["/v1/workflows/%FF", "/v1/workflows/%FF/mode", "/v1/workflows/%FF/why"] {
        app.get(path).problem(400);
    }
    app.post("/v1/incidents/%FF/resolve", &json!({})).problem(400);
    for body in ["{", "{\"note\": 1}", "{\"remark\": \"x\"}"] {
        let answer = app.send("POST", "/v1/incidents/drafts-1/resolve", &[JSON], body.as_bytes());
        answer.problem(answer.status);
        assert!((400..500).contains(&answer.status), "{}", answer.status);
    }
}
