//! Incidents in the weekly report: who is asked to look at them.
//!
//! What is a failure here: a question about what somebody looks at already, here or at the storm that it is part of; an
//! incident that is in no report.

#![cfg(test)]

use super::harness::{DRAFTS, House, failure};
use super::notify::fleet;
use andon::domain::Time;
use serde_json::{Value, json};

fn open(report: &Value) -> Vec<&str> {
    let all = report["decisions"].as_array().unwrap().iter().filter(|one| one["answer"].is_null());
    all.map(|one| one["id"].as_str().unwrap()).collect()
}

const STORMY: &str = "[storm]\nworkflows_min = 3\nshare = 0.2\n";

#[test]
fn nobody_is_asked_who_looks_at_what_somebody_looks_at() {
    let app = House::folder().start(DRAFTS);
    app.take(&(0..20).map(failure).collect::<Vec<_>>());
    let asked = "assign:incident:drafts-1";
    app.post("/v1/incidents/drafts-1/acknowledge", &json!({"note": "I look"})).ok();
    let at = app.now();
    app.advance(7 * Time::DAY);
    let report = app.get("/v1/reports/now.json").ok();
    let incident = &report["incidents"][0];
    assert_eq!((&incident["incident"], &incident["acknowledged_at"]), (&json!("drafts-1"), &json!(at)));
    assert!(!open(&report).contains(&asked), "{:?}", open(&report));
    assert!(app.get("/v1/reports/now.md").text().contains("(somebody looks at it)"));
}

#[test]
fn what_is_part_of_a_storm_is_told_and_asked_with_it() {
    let app = House::folder().start(&format!("{STORMY}{}", fleet(10)));
    (0..3).for_each(|n| app.fail(&format!("w{n}")));
    let incidents = |report: &Value| -> Vec<String> {
        let asked = open(report).into_iter().filter(|id| id.starts_with("assign:incident:"));
        asked.map(str::to_owned).collect()
    };
    // In the week of the demotions, and in the next one, in which nothing else is asked of them.
    for _ in 0..2 {
        let report = app.get("/v1/reports/now.json").ok();
        let lines = report["incidents"].as_array().unwrap();
        assert_eq!((lines.len(), &lines[0]["incident"]), (1, &json!("house:1")), "{lines:?}");
        let summary = lines[0]["summary"].as_str().unwrap();
        assert!(summary.ends_with("; 3 incidents are part of it: w0-1, w1-1, w2-1"), "{summary}");
        assert_eq!(incidents(&report), ["assign:incident:house:1"]);
        // Of one workflow it is said where to look, and nothing is asked.
        let report = app.get("/v1/reports/now.json?workflow=w1").ok();
        let line = &report["incidents"][0];
        assert_eq!((&line["incident"], &line["acknowledged_at"]), (&json!("w1-1"), &Value::Null));
        assert!(line["summary"].as_str().unwrap().ends_with("; part of house:1, looked at there"), "{line}");
        assert_eq!(incidents(&report), Vec::<String>::new());
        app.advance(3 * Time::DAY);
    }
    app.post("/v1/incidents/house:1/acknowledge", &json!({"note": "the provider"})).ok();
    let report = app.get("/v1/reports/now.json").ok();
    assert_eq!((incidents(&report), &report["incidents"][0]["acknowledged_at"]), (Vec::new(), &json!(app.now())));
    let line = app.get("/v1/reports/now.json?workflow=w1").ok()["incidents"][0].clone();
    assert_eq!(line["acknowledged_at"], json!(app.now()));
}
