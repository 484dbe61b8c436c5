//! Reads: pages, numbers per window, no data that is no zero, exact costs, health, the document.

#![cfg(test)]

use super::harness::{DRAFTS, House, failure, output, with};
use andon::domain::Time;
use serde_json::{Value, json};

#[test]
fn the_list_comes_in_pages() {
    let many: String = (0..25).map(|n| format!("[[workflow]]\nid = \"w{n:02}\"\n")).collect();
    let app = House::folder().start(&many);
    let ids = |page: &Value| -> Vec<String> {
        page["workflows"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect()
    };
    let (mut seen, mut after, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = app.get(&format!("/v1/workflows?limit=10{after}")).ok();
        seen.extend(ids(&page));
        pages += 1;
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    let all: Vec<String> = (0..25).map(|n| format!("w{n:02}")).collect();
    assert_eq!((pages, &seen), (3, &all), "each of them once, in order");
    assert_eq!(ids(&app.get("/v1/workflows").ok()), all);
    let last = app.get("/v1/workflows?limit=25").ok();
    assert_eq!(last["next"], Value::Null, "an exactly full last page is the last");
    assert_eq!(app.get("/v1/workflows?after=w99").ok(), json!({"workflows": [], "next": null}));
}

#[test]
fn no_data_is_null_and_never_zero() {
    let app = House::folder().start(DRAFTS);
    let view = app.workflow("drafts");
    assert_eq!((&view["last_output_at"], &view["outputs_total"]), (&Value::Null, &json!(0)));
    for window in ["5m", "1h", "1d", "7d", "30d"] {
        assert_eq!(view["windows"][window], Value::Null, "{window}");
    }
    let guard = &view["guards"][0];
    assert_eq!(guard["state"], "no_data");
    for field in ["estimate", "interval_one_look", "last_at", "last_breach_at"] {
        assert_eq!(guard[field], Value::Null, "{field}");
    }
    app.take(&[with(failure(1), &json!({"latency_ms": null})), failure(2)]);
    let window = app.workflow("drafts")["windows"]["5m"].clone();
    for field in ["latency", "sla_adherence", "cost", "cost_per_unit", "cycle_ms_mean"] {
        assert_eq!(window[field], Value::Null, "{field} was never reported: {window}");
    }
    assert_eq!((&window["outputs"], &window["exception_rate"]), (&json!(2), &json!(1.0)));
    assert_eq!(window["exceptions_by_kind"], json!({"timeout": 2}));
    app.advance(10 * Time::MINUTE);
    let later = app.workflow("drafts");
    assert_eq!(later["windows"]["5m"], Value::Null, "nothing within five minutes is nothing");
    assert_eq!(later["windows"]["1h"]["outputs"], 2);
    app.advance(31 * Time::DAY);
    let later = app.workflow("drafts");
    assert_eq!(later["windows"]["30d"], Value::Null);
    assert_eq!(later["guards"][0]["state"], "stale");
}

#[test]
fn windows_hold_what_happened_in_them_by_event_time() {
    let app = House::folder().start(DRAFTS);
    let at = |n: u32, ago: i64| {
        with(output(n), &json!({"time": Time(app.now().0 - ago).to_string(), "latency_ms": 100 * n}))
    };
    app.take(&[
        at(1, 0),
        at(2, 2 * Time::MINUTE),
        at(3, 30 * Time::MINUTE),
        at(4, 5 * Time::HOUR),
        at(5, 40 * Time::HOUR),
    ]);
    app.take(&[at(6, -4 * Time::MINUTE)]);
    let view = app.workflow("drafts");
    let counts = |view: &Value| -> Vec<u64> {
        ["5m", "1h", "1d", "7d", "30d"].iter().map(|w| view["windows"][w]["outputs"].as_u64().unwrap_or(0)).collect()
    };
    assert_eq!(counts(&view), [2, 3, 4, 5, 5], "the one dated ahead is in no window yet");
    assert_eq!(view["outputs_total"], 6, "but it counts");
    app.advance(4 * Time::MINUTE);
    assert_eq!(counts(&app.workflow("drafts"))[1..], [4, 5, 6, 6]);
    let latency = &app.workflow("drafts")["windows"]["30d"]["latency"];
    let p50 = latency["p50_ms"].as_f64().unwrap();
    assert!((295.0..=410.0).contains(&p50), "{latency}");
}

#[test]
fn costs_are_exact_decimals() {
    let app = House::folder().start(DRAFTS);
    let paid =
        |n: u32, cost: Value, units: u32| with(output(n), &json!({"cost": cost, "units": units, "value": "0.3"}));
    let mut all: Vec<Value> = (0..1_000).map(|n| paid(n, json!("0.1"), 1)).collect();
    all.push(paid(5_000, json!(0.2), 3));
    all.push(with(output(5_001), &json!({"units": 50})));
    all.push(paid(5_002, json!("0.000000000001"), 1));
    app.take(&all);
    let window = &app.workflow("drafts")["windows"]["1h"];
    assert_eq!(window["cost"], "100.200000000001");
    assert_eq!(window["value"], "300.6");
    assert_eq!(window["units"], 1_054.0);
    let per: f64 = window["cost_per_unit"].as_str().unwrap().parse().unwrap();
    assert!((per - 100.200_000_000_001 / 1_004.0).abs() < 1e-15, "the output without a cost does not dilute: {per}");
}

#[test]
fn health_says_what_is() {
    let app = House::folder().start(DRAFTS);
    assert_eq!((app.get("/livez").status, app.get("/livez").text()), (200, "ok\n".into()));
    assert_eq!((app.get("/readyz").status, app.get("/readyz").text()), (200, "ok\n".into()));
}

/// A driver that hangs (a disk that does not answer) is noticed by those who only read modes.
#[test]
fn a_driver_that_hangs_caps_every_mode() {
    let app = House::folder().start(DRAFTS);
    let release = app.hold();
    app.house.clock.advance(30_000);
    assert_eq!(app.mode("drafts")["mode"], "automate");
    app.house.clock.advance(1_000);
    let mode = app.mode("drafts");
    assert_eq!((&mode["mode"], &mode["granted"]), (&json!("assist"), &json!("automate")));
    assert_eq!(mode["caps"][0]["by"], "driver");
    assert_eq!(app.get("/readyz").problem(503), "driver_failed");
    assert_eq!(app.get("/livez").status, 200);
    drop(release);
    app.settle();
    app.settle();
    let mode = app.mode("drafts");
    assert_eq!((&mode["mode"], &mode["caps"]), (&json!("automate"), &json!([])), "a cap lifts by itself");
}
