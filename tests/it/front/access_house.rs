//! A token for some workflows, and what concerns the whole house: it is told, and no other workflow with it.

#![cfg(test)]

use super::harness::DRAFTS;
use super::keys::{As, Keys};
use super::metrics::Scrape;
use andon::access::Secret;
use andon::domain::Scope;
use serde_json::{Value, json};

const OTHER: &str = "[[workflow]]\nid = \"other\"\nstart_mode = \"delegate\"\n";

/// Four workflows on one base item, of which a token for `m*` sees two.
fn policy(bound: &str) -> String {
    let one = |id: &str| {
        format!(
            "[[workflow]]\nid = \"{id}\"\nstart_mode = \"delegate\"\nbase = [\"guide\"]\n  [[workflow.guard]]\n  \
             signal = \"exception_rate\"\n  bound = {bound}\n  block = 1\n"
        )
    };
    let all = ["m1", "secret1", "secret2", "m3"].map(one).concat();
    format!("[[base]]\nid = \"guide\"\nowner = \"brand\"\nversion = \"1\"\n{all}")
}

/// What concerns the whole house is everybody's; which other workflows there are is not.
#[test]
fn texts_about_the_house_name_no_other_workflow() {
    let mut keys = Keys::new();
    let (admin, limited) = (keys.give("boss", &[Scope::Admin]), keys.give_for("ann", &[Scope::Read], &["m*"], None));
    let app = keys.house().start(&policy("0.05"));
    let (boss, me) = (As(&app, &admin), As(&app, &limited));
    for id in ["m1", "secret1", "secret2"] {
        let failures: Vec<Value> = (0..20)
            .map(|n| json!({"id": format!("{id}-{n}"), "workflow": id, "outcome": "exception", "exception": "timeout"}))
            .collect();
        boss.post("/v1/events", &Value::from(failures)).ok();
    }
    boss.post("/v1/base/guide/audits", &json!({"passed": true, "note": "with secret2-1 in mind"})).ok();
    boss.post("/v1/base/guide/regressions", &json!({"summary": "it fails secret1"})).ok();
    keys.house().configure(&policy("0.20"));
    boss.post("/v1/reload", &json!({})).ok();
    let request = boss.get("/v1/requests").ok()["requests"][0]["id"].as_str().unwrap().to_owned();

    let paths = [
        "/v1/incidents".to_owned(),
        "/v1/requests".to_owned(),
        format!("/v1/requests/{request}"),
        "/v1/base".to_owned(),
    ];
    for path in paths.iter().map(String::as_str).chain(["/v1/ledger?limit=1000", "/v1/intake", "/v1/drills"]) {
        let answer = me.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert!(!answer.text().contains("secret"), "{path}: {}", answer.text());
    }
    let incidents = me.get("/v1/incidents").ok();
    let of = |about: &str| incidents["incidents"].as_array().unwrap().iter().find(|i| i["about"] == about).unwrap();
    assert_eq!(
        of("regression")["summary"],
        "base item guide got worse: it fails 1 other workflow; m1, m3, 2 other workflows stand on it"
    );
    let notes: Vec<&str> =
        of("storm")["timeline"].as_array().unwrap().iter().map(|step| step["note"].as_str().unwrap()).collect();
    assert_eq!(notes, ["m1 was lowered", "1 other workflow was lowered", "1 other workflow was lowered"]);
    let loosens = me.get(&format!("/v1/requests/{request}")).ok()["ask"]["policy"]["loosens"].clone();
    let loosens: Vec<&str> = loosens.as_array().unwrap().iter().map(|what| what.as_str().unwrap()).collect();
    assert!(loosens.len() > 2 && loosens[0].starts_with("m1: "), "{loosens:?}");
    assert!(loosens.last().unwrap().ends_with("changes of other workflows, for which your token doesn't hold"));
    let base = me.get("/v1/base").ok()["base"][0].clone();
    assert_eq!((&base["workflows"], &base["others"]), (&json!(["m1", "m3"]), &json!(2)));
    // Whoever may see all of it sees all of it.
    for path in ["/v1/incidents", "/v1/requests", "/v1/ledger?limit=1000", "/v1/base"] {
        assert!(boss.get(path).text().contains("secret1"), "{path}");
    }
    // Lines that are checked against their hashes can't be shown in part.
    let lines = |who: &Secret| {
        let authorization = format!("Bearer {}", who.text());
        let headers = [("authorization", &*authorization), ("accept", "application/x-ndjson")];
        app.send("GET", "/v1/ledger?limit=1000", &headers, b"").text()
    };
    assert!(lines(&admin).contains("secret") && lines(&limited).contains("m1") && !lines(&limited).contains("secret"));
}

/// By the answer to an id nobody finds out what there is.
#[test]
fn an_id_of_another_workflow_is_answered_alike_whether_it_exists_or_not() {
    let mut keys = Keys::new();
    let (admin, limited) = (keys.give("boss", &[Scope::Admin]), keys.give_for("ann", &[Scope::Admin], &["m*"], None));
    let app = keys.house().start(&policy("0.05"));
    let failures = (0..20).map(|n| json!({"id": n.to_string(), "workflow": "secret1", "outcome": "exception"}));
    As(&app, &admin).post("/v1/events", &failures.collect::<Value>()).ok();
    let me = As(&app, &limited);
    for (there, not) in [("secret1-1", "secret1-99"), ("secret1-1", "nothing-1")] {
        let says = |id: &str| me.post(&format!("/v1/incidents/{id}/acknowledge"), &json!({})).problem(403);
        assert_eq!((says(there), says(not)), ("forbidden_workflow".to_owned(), "forbidden_workflow".to_owned()));
        let says = |id: &str| me.get(&format!("/v1/requests/{id}")).problem(403);
        assert_eq!(says(not), "forbidden_workflow");
    }
    assert_eq!(me.get("/v1/requests/m1-r1").problem(404), "unknown_request", "of its own it is told");
    assert_eq!(me.post("/v1/incidents/m1-1/resolve", &json!({})).problem(404), "unknown_incident");
}

/// A scrape for some workflows holds these, and what the process counts; nothing of the house.
#[test]
fn a_scrape_for_some_workflows_holds_nothing_of_the_house() {
    let mut keys = Keys::new();
    let (admin, limited) = (keys.give("boss", &[Scope::Admin]), keys.give_for("ann", &[Scope::Read], &["oth*"], None));
    let base = "[[base]]\nid = \"guide\"\nowner = \"brand\"\nversion = \"1\"\n";
    let app = keys.house().start(&format!("{base}{DRAFTS}{OTHER}"));
    let of = |secret: &Secret| Scrape::read(&As(&app, secret).get("/metrics").text());
    let (all, some) = (of(&admin), of(&limited));
    for house in ["andon_storms_total", "andon_storm_active", "andon_base_", "andon_incidents_open{}", "drafts"] {
        assert!(!all.keys(house).is_empty(), "{house}");
        assert_eq!(some.keys(house), Vec::<&str>::new(), "{house}");
    }
    assert!(some.is("andon_mode_level{workflow=other}", 2.0) && some.is("andon_incidents_open{workflow=other}", 0.0));
    assert!(some.is("andon_ready{}", 1.0));
}
