//! The OpenAPI document: as it was read and accepted, and true of every route.

#![cfg(test)]

use super::harness::{DRAFTS, House};
use serde_json::Value;
use std::collections::BTreeSet;

fn document() -> Value {
    House::folder().start(DRAFTS).get("/openapi.json").ok()
}

#[test]
fn the_document_is_the_accepted_one() {
    let text = serde_json::to_string_pretty(&document()).unwrap();
    insta::assert_snapshot!("openapi", text);
}

#[test]
fn every_documented_route_answers_and_every_answer_is_documented() {
    let app = House::folder().start(DRAFTS);
    let document = app.get("/openapi.json").ok();
    let mut seen = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let there = path.replace("/incidents/{id}", "/incidents/drafts-1").replace("{id}", "drafts");
            // A stream that is taken has no end.
            let there = there.replace("/v1/stream", "/v1/stream?after=x");
            let answer = app.send(&method.to_uppercase(), &there, &[], b"");
            let status = answer.status.to_string();
            assert!(operation["responses"][&status].is_object(), "{method} {path} answers {status}: {}", answer.text());
            assert_ne!((answer.status, answer.header("content-type")), (404, None), "{method} {path} is not routed");
            assert!(operation["summary"].as_str().or(operation["description"].as_str()).is_some(), "{method} {path}");
            seen.insert(format!("{method} {path}"));
        }
    }
    for route in [
        "post /v1/events",
        "post /v1/reviews",
        "get /v1/workflows",
        "get /v1/workflows/{id}",
        "get /v1/workflows/{id}/mode",
        "post /v1/workflows/{id}/mode",
        "get /v1/workflows/{id}/why",
        "post /v1/stop",
        "post /v1/reload",
        "get /v1/ledger",
        "get /v1/refusals",
        "get /v1/incidents",
        "post /v1/incidents/{id}/acknowledge",
        "post /v1/incidents/{id}/resolve",
        "get /livez",
        "get /readyz",
        "get /metrics",
    ] {
        assert!(seen.contains(route), "{route} is not documented");
    }
}

/// Every `$ref` of the document leads somewhere.
#[test]
fn no_reference_leads_nowhere() {
    let document = document();
    let text = document.to_string();
    let names: BTreeSet<&str> =
        text.split("\"#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(!names.is_empty());
    for name in names {
        assert!(document["components"]["schemas"][name].is_object(), "{name} is referred to but not there");
    }
}
