//! The floor and the course of a workflow's numbers: what stands where, and which comes first.

#![cfg(test)]

use super::harness::{DRAFTS, House, TestApp, failure, output, with};
use serde_json::{Value, json};

const MORE: &str = r#"
[[workflow]]
id = "alpha"
owner = "Finance"
start_mode = "delegate"
[[workflow]]
id = "beta"
owner = "finance"
"#;

fn ids(floor: &Value) -> Vec<&str> {
    floor["stations"].as_array().unwrap().iter().map(|station| station["workflow"].as_str().unwrap()).collect()
}

fn floor(app: &TestApp, query: &str) -> Value {
    app.get(&format!("/v1/floor{query}")).ok()
}

#[test]
fn those_that_need_somebody_come_first() {
    let app = House::folder().start(&format!("{DRAFTS}{MORE}"));
    let all = floor(&app, "");
    assert_eq!((ids(&all), &all["lights"]["silent"]), (vec!["alpha", "beta", "drafts"], &json!(3)));
    assert_eq!(all["stations"][2]["because"], "no output yet");
    // One runs, one is held, one breaks.
    app.take(&[with(output(1), &json!({"workflow": "beta"})), with(output(2), &json!({"workflow": "alpha"}))]);
    app.post("/v1/workflows/alpha/mode", &json!({"hold": true, "reason": "r"})).ok();
    app.take(&(10..30).map(failure).collect::<Vec<_>>());
    let all = floor(&app, "");
    assert_eq!(ids(&all), ["drafts", "alpha", "beta"]);
    let first = &all["stations"][0];
    assert_eq!(
        (&first["light"], &first["because"], &first["mode"]),
        (&json!("alarm"), &json!("exceptions breached"), &json!("assist"))
    );
    assert_eq!(
        (&first["outputs_1h"], &first["exceptions_1h"], &first["incidents"]),
        (&json!(20), &json!(20), &json!(1))
    );
    assert_eq!((&all["stations"][1]["light"], &all["stations"][2]["light"]), (&json!("held"), &json!("running")));
    assert_eq!(all["modes"], json!({"assist": 2, "collaborate": 0, "delegate": 1, "automate": 0}));
    // A store that refuses caps what is shown, too.
    assert_eq!(all["cap"], Value::Null);
    // After an hour without outputs it is silent.
    app.advance(2 * 3_600_000);
    assert_eq!(floor(&app, "?search=beta")["stations"][0]["light"], "silent");
}

#[test]
fn it_is_searched_and_turned_over() {
    let app = House::folder().start(&format!("{DRAFTS}{MORE}"));
    assert_eq!(ids(&floor(&app, "?search=FINANCE")), ["alpha", "beta"]);
    assert_eq!(ids(&floor(&app, "?search=raf")), ["drafts"]);
    assert_eq!(ids(&floor(&app, "?mode=delegate")), ["alpha"]);
    assert_eq!(ids(&floor(&app, "?light=running")), Vec::<&str>::new());
    let second = floor(&app, "?limit=2&page=2");
    assert_eq!((ids(&second), &second["pages"], &second["found"]), (vec!["drafts"], &json!(2), &json!(3)));
    // Beyond the last page is the last page: workflows may have gone.
    assert_eq!(floor(&app, "?limit=2&page=9")["page"], 2);
    let long = format!("/v1/floor?search={}", "x".repeat(201));
    for bad in [
        "/v1/floor?limit=0",
        "/v1/floor?limit=1001",
        "/v1/floor?light=blue",
        "/v1/floor?page=-1",
        "/v1/floor?x=1",
        &long,
    ] {
        assert_eq!(app.get(bad).problem(400), "invalid_parameter", "{bad}");
    }
}

#[test]
fn the_course_has_a_point_for_each_slot_with_outputs() {
    let app = House::folder().start(DRAFTS);
    app.take(&[
        with(output(1), &json!({"latency_ms": 100, "cost": "0.5"})),
        with(output(2), &json!({"latency_ms": 300, "cost": "1.5"})),
    ]);
    app.advance(3 * 3_600_000);
    app.take(&[failure(3), output(4)]);
    let day = app.get("/v1/workflows/drafts/series").ok();
    let points = day["points"].as_array().unwrap();
    assert_eq!((&day["window"], &day["slot_seconds"], points.len()), (&json!("1d"), &json!(3_600), 2));
    assert_eq!(
        (&points[0]["outputs"], &points[0]["exception_rate"], &points[0]["cost_per_unit"]),
        (&json!(2), &json!(0.0), &json!("1"))
    );
    assert!(points[0]["latency_p95_ms"].as_f64().unwrap() > 250.0 && points[1]["latency_p95_ms"].is_null(), "{day}");
    assert_eq!((&points[1]["exception_rate"], &points[1]["start"]), (&json!(0.5), &json!("2026-11-20T13:00:00.000Z")));
    assert_eq!(app.get("/v1/workflows/drafts/series?window=5m").ok()["points"].as_array().unwrap().len(), 1);
    assert_eq!(app.get("/v1/workflows/drafts/series?window=1y").problem(400), "invalid_parameter");
    assert_eq!(app.get("/v1/workflows/nobody/series").problem(404), "unknown_workflow");
}
