//! A new configuration comes into force as a whole, or the old one stays.

#![cfg(test)]

use super::harness::{DRAFTS, House, TestApp, failure, output};
use super::metrics::Scrape;
use serde_json::{Value, json};

fn reload(app: &TestApp, rest: &str) -> Value {
    app.house.configure(rest);
    app.post("/v1/reload", &json!({})).ok()
}

fn guards(app: &TestApp) -> Vec<(String, u64)> {
    let view = app.workflow("drafts");
    let guards = view["guards"].as_array().unwrap().iter();
    guards.map(|guard| (guard["name"].as_str().unwrap().to_owned(), guard["n"].as_u64().unwrap())).collect()
}

const LATENCY: &str = "  [[workflow.guard]]\n  signal = \"latency\"\n  limit_ms = 3000\n  bound = 0.05\n";

/// Looser files come into force at once, too.
const APPLY: &str = "[governance]\nloosening = \"apply\"\n";

#[test]
fn a_better_file_comes_into_force_and_unchanged_guards_keep_their_evidence() {
    let (drafts, both) = (format!("{APPLY}{DRAFTS}"), format!("{APPLY}{DRAFTS}{LATENCY}"));
    let app = House::folder().start(&both);
    app.take(&(0..40).map(|n| super::harness::with(output(n), &json!({"latency_ms": 50}))).collect::<Vec<_>>());
    let before = app.mode("drafts")["policy"].clone();
    let same = reload(&app, &both);
    assert_eq!((&same["changed"], &same["restart_needed"]), (&json!(false), &json!([])));
    let entries = app.ledger().len();
    let changed = reload(&app, &both.replace("limit_ms = 3000", "limit_ms = 2000"));
    assert_eq!(changed["changed"], true);
    assert_eq!(guards(&app), [("exceptions".to_owned(), 40), ("latency".to_owned(), 0)]);
    let new: Vec<Value> = app.ledger().split_off(entries);
    assert_eq!((&new[0]["kind"], &new[0]["previous"]), (&json!("policy_loaded"), &before));
    assert_eq!(new[0]["by"], "local", "who had it loaded");
    assert_eq!(
        (&new[1]["kind"], &new[1]["guard"], &new[1]["why"]),
        (&json!("guard_started"), &json!("latency"), &json!("changed"))
    );
    assert_eq!(new.len(), 2, "{new:?}");
    reload(&app, &drafts);
    assert_eq!(guards(&app), [("exceptions".to_owned(), 40)]);
    reload(&app, &both);
    assert_eq!(guards(&app), [("exceptions".to_owned(), 40), ("latency".to_owned(), 0)]);
    assert_eq!(app.ledger().last().unwrap()["why"], "added");
}

/// What depends on the policy alone is published with it, also where no mode changes.
#[test]
fn readers_of_the_mode_see_the_new_policy_at_once() {
    let app = House::folder().start(DRAFTS);
    assert_eq!(app.mode("drafts")["review"]["sample_rate"], 0.02);
    let rest = format!("[modes]\nlease = \"10s\"\n{}", DRAFTS.replace("owner", "review = { automate = 0.5 }\nowner"));
    let answer = reload(&app, &rest);
    let mode = app.mode("drafts");
    assert_eq!(mode["policy"], answer["policy"]);
    assert_eq!((&mode["review"]["sample_rate"], &mode["valid_for_seconds"]), (&json!(0.5), &json!(10.0)));
    assert_eq!(app.workflow("drafts")["mode"]["policy"], answer["policy"]);
    assert_eq!((&mode["epoch"], &mode["mode"]), (&json!(1), &json!("automate")));
}

#[test]
fn a_broken_file_changes_nothing_and_says_where_it_is_broken() {
    let app = House::folder().start(DRAFTS);
    let (mode, ledger) = (app.mode("drafts"), app.ledger());
    app.house.configure(&DRAFTS.replace("owner", "ownr").replace("0.20", "1.5"));
    let refused = app.post("/v1/reload", &json!({}));
    assert_eq!(refused.problem(422), "configuration_refused");
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("ownr") && detail.contains("`owner`"), "{detail}");
    assert!(
        detail.contains("andon.toml:12:1") && detail.contains("andon.toml:18:"),
        "all of them with their place: {detail}"
    );
    assert!(Scrape::of(&app).is("andon_config_last_reload_successful{}", 0.0));
    assert_eq!((app.mode("drafts"), app.ledger()), (mode, ledger));
    std::fs::remove_file(app.house.file()).unwrap();
    assert_eq!(app.post("/v1/reload", &json!({})).problem(422), "configuration_refused");
    app.take(&[output(1)]);
    reload(&app, DRAFTS);
    assert!(Scrape::of(&app).is("andon_config_last_reload_successful{}", 1.0));
}

#[test]
fn what_needs_a_restart_is_named() {
    let house = House { server: "refusals_max = 7", ..House::folder() };
    let app = house.start(DRAFTS);
    House { server: "refusals_max = 8", store: "dedup_max = 9", ..app.house.clone() }.configure(DRAFTS);
    let answer = app.post("/v1/reload", &json!({})).ok();
    assert_eq!(answer["restart_needed"], json!(["server", "store"]));
    assert!(Scrape::of(&app).is("andon_limit{limit=refusals}", 7.0), "until then the old one holds");
}

#[test]
fn a_removed_workflow_is_gone_and_a_returning_one_has_kept_its_mode() {
    let (drafts, other) = (format!("{APPLY}{DRAFTS}"), format!("{APPLY}[[workflow]]\nid = \"other\"\n"));
    let app = House::folder().start(&drafts);
    app.take(&[output(1), output(2)]);
    app.post("/v1/workflows/drafts/mode", &json!({"mode": "delegate", "reason": "r"})).ok();
    reload(&app, &other);
    app.get("/v1/workflows/drafts/mode").problem(404);
    app.get("/v1/workflows/drafts").problem(404);
    assert_eq!(app.get("/v1/floor").ok()["workflows"], 1);
    assert_eq!(app.post("/v1/events", &output(3)).ok()["rejected"][0]["code"], "unknown_workflow");
    let order = json!({"mode": "assist", "reason": "r"});
    assert_eq!(app.post("/v1/workflows/drafts/mode", &order).problem(404), "unknown_workflow");
    assert_eq!(Scrape::of(&app).keys("workflow=drafts"), Vec::<&str>::new());
    assert_eq!(app.get("/v1/workflows/drafts/why").ok()["mode"], "delegate", "its history stays");
    let app = app.stop().start(&other);
    app.get("/v1/workflows/drafts/mode").problem(404);
    reload(&app, &drafts);
    let mode = app.mode("drafts");
    assert_eq!((&mode["mode"], &mode["epoch"], &mode["cause"]), (&json!("delegate"), &json!(2), &json!("operator")));
    assert_eq!(app.workflow("drafts")["outputs_total"], 2);
    assert_eq!(app.post("/v1/events", &json!([output(1), output(3)])).ok()["duplicates"], 1);
    assert!(Scrape::of(&app).is("andon_outputs_total{outcome=ok,workflow=drafts}", 3.0));
}

#[test]
fn a_lower_max_mode_lowers_and_a_higher_one_raises_nothing() {
    let app = House::folder().start(DRAFTS);
    reload(&app, &DRAFTS.replace("start_mode = \"automate\"", "max_mode = \"collaborate\""));
    let mode = app.mode("drafts");
    assert_eq!((&mode["mode"], &mode["cause"]), (&json!("collaborate"), &json!("policy")));
    reload(&app, DRAFTS);
    assert_eq!(app.mode("drafts")["mode"], "collaborate");
}

/// Its history goes on under the new id, and what is still open there can be dealt with.
#[test]
fn incidents_of_a_renamed_workflow_can_be_resolved() {
    let app = House::folder().start(DRAFTS);
    for n in 0..20 {
        app.take(&[failure(n)]);
    }
    let epoch = app.mode("drafts")["epoch"].clone();
    reload(&app, &DRAFTS.replace("\"drafts\"", "\"letters\"").replace("owner", "renamed_from = \"drafts\"\nowner"));
    app.get("/v1/workflows/drafts/mode").problem(404);
    assert_eq!(app.mode("letters")["epoch"], epoch);
    assert_eq!(app.workflow("letters")["outputs_total"], 20);
    let open = app.get("/v1/incidents?workflow=letters&status=open").ok();
    let id = open["incidents"][0]["id"].as_str().unwrap();
    let resolved = app.post(&format!("/v1/incidents/{id}/resolve"), &json!({"note": "done"})).ok();
    assert_eq!(resolved["status"], "resolved");
    assert_eq!(
        app.workflow("letters")["open_incidents"].as_u64().unwrap() + 1,
        open["incidents"].as_array().unwrap().len() as u64
    );
    assert_eq!(app.get("/v1/workflows/letters/why?at=2026-11-20T10:00:00Z").ok()["epoch"], epoch);
}
