//! A policy is tried on the journal of the running daemon, one at a time, and nothing changes.

#![cfg(test)]

use super::console::Browser;
use super::harness::{DRAFTS, House, failure, output, until};
use serde_json::{Value, json};

#[test]
fn a_candidate_is_tried_on_what_happened() {
    let app = House::folder().start(DRAFTS);
    assert_eq!(app.get("/v1/backtests").problem(404), "no_backtest");
    app.take(&(0..200).map(output).collect::<Vec<_>>());
    app.take(&(1_000..1_010).map(failure).collect::<Vec<_>>());
    assert_ne!(app.mode("drafts")["mode"], "automate");
    let before = app.ledger();
    // With bounds that allow everything it would not have been lowered.
    let calm = DRAFTS.replace("collaborate = 0.20, delegate = 0.05, automate = 0.02", "automate = 0.9");
    let answer = app.post("/v1/backtests", &json!({"config": calm}));
    assert_eq!((answer.status, answer.json()["by"].clone()), (202, json!("local")), "{}", answer.text());
    let mut last = Value::Null;
    until("the backtest is over", || {
        last = app.get("/v1/backtests").ok();
        last["status"] != "running"
    });
    assert_eq!(
        (&last["status"], &last["outputs"], &last["lowered_differently"]),
        (&json!("done"), &json!(210), &json!(1)),
        "{last}"
    );
    let rows = last["differences"].as_array().unwrap();
    let lowered: Vec<&Value> = rows.iter().filter(|row| row["kind"] == "lowered").collect();
    assert!(!lowered.is_empty() && lowered.iter().all(|row| row["candidate"].is_null()), "{last}");
    assert_eq!((&lowered[0]["workflow"], &lowered[0]["happened"]["from"]), (&json!("drafts"), &json!("automate")));
    assert!(last["loosens"].to_string().contains("drafts: the guard exceptions no longer binds in delegate"), "{last}");
    assert_eq!(app.ledger(), before, "nothing changes");
    let page = Browser::new(&app).get("/policy").text();
    assert!(page.contains("1 of 1 workflows would have been lowered differently"), "{page}");
    // Wrong ones are explained, and change nothing of the last.
    let wrong = app.post("/v1/backtests", &json!({"config": "[[workflow]]\nid = 7\n"}));
    assert_eq!(wrong.problem(400), "invalid_parameter");
    assert!(wrong.json()["detail"].as_str().unwrap().contains("candidate:2"), "{}", wrong.text());
    assert_eq!(app.post("/v1/backtests", &json!({"config": calm, "days": 0})).problem(400), "invalid_parameter");
    assert_eq!(app.get("/v1/backtests").ok(), last);
    let form = Browser::new(&app).form("/policy", &[("config", "[[workflow]]\r\nid = 7\r\n"), ("days", "7")]);
    assert!(form.status == 400 && form.text().contains("candidate:2"), "{}", form.text());
    let form = Browser::new(&app).form("/policy", &[("config", DRAFTS), ("days", "")]);
    assert_eq!((form.status, form.header("location")), (303, Some("/policy#backtest")));
    until("the second is over", || app.get("/v1/backtests").ok()["lowered_differently"] == 0);
}

#[test]
fn the_policy_in_force_is_shown() {
    let app = House::folder().start(DRAFTS);
    let shown = app.get("/v1/policy?workflow=drafts").ok();
    assert_eq!(shown["hash"], app.mode("drafts")["policy"]);
    assert_eq!((&shown["workflows"], &shown["workflow"]["owner"]), (&json!(["drafts"]), &json!("marketing")));
    assert_eq!(app.get("/v1/policy?workflow=nobody").problem(404), "unknown_workflow");
    assert!(Browser::new(&app).get("/policy?workflow=drafts").text().contains("&#34;marketing&#34;"));
}
