//! Nobody gets in without a token that allows it, wherever there is a file of tokens.
//!
//! The routes are those of the OpenAPI document, so a new one is tested before anybody thinks of it.

#![cfg(test)]

use super::harness::{DRAFTS, House, TestApp, failure, output};
use super::keys::{As, Keys};
use super::metrics::Scrape;
use andon::access::Secret;
use andon::domain::{Scope, Time};
use serde_json::{Value, json};

const OTHER: &str = "[[workflow]]\nid = \"other\"\nstart_mode = \"delegate\"\n";

/// A route of the document: method, path with an example of each part, and the scope that it needs.
struct Route {
    method: String,
    path: String,
    template: String,
    scope: Option<Scope>,
}

fn routes(app: &TestApp) -> Vec<Route> {
    let document = app.get("/openapi.json").ok();
    let mut routes = Vec::new();
    for (template, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let security = operation["security"].as_array().expect("each operation says what it needs");
            let needs = |scheme: &str| security.iter().find_map(|one| one[scheme][0].as_str());
            assert_eq!(needs("bearer"), needs("api_key"), "{method} {template}");
            let path = template.replace("/incidents/{id}", "/incidents/drafts-1").replace("{id}", "drafts");
            // A stream that is taken has no end.
            let path = path.replace("/v1/stream", "/v1/stream?after=x");
            routes.push(Route {
                method: method.to_uppercase(),
                path: path.replace("{guard}", "exceptions"),
                template: template.clone(),
                scope: needs("bearer").map(|scope| scope.parse().unwrap()),
            });
        }
    }
    assert!(routes.len() >= 19);
    routes
}

/// Each route with every kind of token but the right one; and nothing has happened after that.
#[test]
fn every_route_refuses_whoever_may_not_use_it() {
    let mut keys = Keys::new();
    let admin = keys.give("boss", &[Scope::Admin]);
    let expired = keys.give_for("late", &[Scope::Admin], &["*"], Some("2026-11-20T10:00:00Z".parse().unwrap()));
    let others: Vec<(Scope, Secret)> = Scope::ALL[..6]
        .iter()
        .map(|scope| {
            let all_but_one: Vec<Scope> = Scope::ALL[..6].iter().copied().filter(|other| other != scope).collect();
            (*scope, keys.give("nearly", &all_but_one))
        })
        .collect();
    let stranger = Secret::draw().unwrap();
    let app = keys.house().start(&format!("{DRAFTS}{OTHER}"));
    let before = As(&app, &admin).ledger();
    for Route { method, path, scope, .. } in routes(&app) {
        let Some(scope) = scope else {
            assert_eq!(app.send(&method, &path, &[], b"").status, 200, "{path} is open");
            continue;
        };
        let says = |headers: &[(&str, &str)], status: u16| {
            let body = json!({"reason": "r", "mode": "assist"}).to_string();
            let answer =
                app.send(&method, &path, &[headers, &[("content-type", "application/json")]].concat(), body.as_bytes());
            let code = answer.problem(status);
            let challenge = answer.header("www-authenticate").expect("RFC 9110 wants it");
            assert!(challenge.starts_with("Bearer realm=\"andon\""), "{challenge}");
            (code, answer.json()["detail"].as_str().unwrap().to_owned())
        };
        assert_eq!(says(&[], 401).0, "unauthenticated", "{method} {path}");
        for wrong in
            ["Bearer", "Bearer ", "Bearer andon", "Basic YW5uOmFubg==", "", &format!("Bearer {}", stranger.text())]
        {
            assert_eq!(says(&[("authorization", wrong)], 401).0, "unauthenticated", "{method} {path}");
        }
        let late = says(&[("authorization", &format!("Bearer {}", expired.text()))], 401);
        assert!(late.0 == "token_expired" && late.1.contains("2026-11-20T10:00:00.000Z"), "{late:?}");
        assert_eq!(says(&[("x-api-key", expired.text())], 401).0, "token_expired");
        for (missing, secret) in &others {
            if scope == *missing || scope == Scope::Admin {
                let answer = As(&app, secret).send(&method, &path, b"{}");
                assert_eq!(answer.problem(403), "forbidden", "{method} {path}");
                let detail = answer.json()["detail"].as_str().unwrap().to_owned();
                assert!(detail.contains(&format!("scope `{}`", scope.name())) && detail.contains("nearly"), "{detail}");
            }
        }
    }
    assert_eq!(As(&app, &admin).ledger(), before, "nothing of this did anything");
    let scrape = As(&app, &admin).get("/metrics").text();
    for reason in ["missing", "malformed", "unknown", "expired", "scope"] {
        let start = format!("andon_requests_denied_total{{reason=\"{reason}\"}} ");
        let line = scrape.lines().find_map(|line| line.strip_prefix(&start)).unwrap();
        assert!(line.parse::<u64>().unwrap() >= 15, "{reason}: {line}");
    }
}

#[test]
fn every_route_answers_whoever_may_use_it() {
    let mut keys = Keys::new();
    let single: Vec<Secret> = Scope::ALL.iter().map(|scope| keys.give("ann", &[*scope])).collect();
    let app = keys.house().start(DRAFTS);
    for Route { method, path, scope, .. } in routes(&app) {
        let Some(scope) = scope else { continue };
        for secret in [&single[scope as usize], single.last().unwrap()] {
            for headers in
                [[("authorization", format!("bearer {}", secret.text()))], [("X-API-Key", secret.text().to_owned())]]
            {
                let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
                let answer = app.send(&method, &path, &headers, b"");
                assert!(![401, 403, 500].contains(&answer.status), "{method} {path}: {}", answer.text());
            }
        }
    }
}

/// With everything allowed, but for other workflows: no answer tells of this one, and nothing happens to it.
#[test]
fn a_token_for_other_workflows_sees_and_does_nothing_here() {
    let mut keys = Keys::new();
    let (admin, limited) = (keys.give("boss", &[Scope::Admin]), keys.give_for("ann", &[Scope::Admin], &["oth*"], None));
    let app = keys.house().start(&format!("{DRAFTS}{OTHER}"));
    let broken: Vec<Value> = (0..20).map(failure).collect();
    As(&app, &admin).post("/v1/events", &json!(broken)).ok();
    let before = (As(&app, &admin).ledger(), As(&app, &admin).get("/v1/incidents").ok());
    assert!(!before.1["incidents"].as_array().unwrap().is_empty());
    for Route { method, path, template, scope } in routes(&app) {
        if scope.is_none() {
            continue;
        }
        for body in
            [json!({"reason": "r", "mode": "assist"}), json!({"reason": "r"}), json!({"note": "n"}), output("x")]
        {
            let answer = As(&app, &limited).send(&method, &path, body.to_string().as_bytes());
            if template.starts_with("/v1/workflows/{id}") {
                assert_eq!(answer.problem(403), "forbidden_workflow", "{method} {path}");
            } else if ["/v1/events", "/v1/reviews"].contains(&&*template) {
                assert_ne!(answer.json()["accepted"], 1, "{}", answer.text());
            } else if answer.status != 403 {
                assert!(!answer.text().contains("drafts"), "{method} {path}: {}", answer.text());
            }
        }
    }
    for path in [
        "/v1/ledger?workflow=drafts",
        "/v1/incidents?workflow=drafts",
        "/v1/workflows/nobody",
        "/v1/workflows/drafts%2d/mode",
    ] {
        assert_eq!(As(&app, &limited).get(path).problem(403), "forbidden_workflow", "{path}");
    }
    for (path, body) in [("/v1/stop", json!({"reason": "r"})), ("/v1/reload", json!({}))] {
        assert_eq!(As(&app, &limited).post(path, &body).problem(403), "forbidden_workflow", "{path}");
    }
    let answer = As(&app, &limited).post("/v1/incidents/drafts-1/resolve", &json!({}));
    assert_eq!(answer.problem(403), "forbidden_workflow");
    assert_eq!((As(&app, &admin).ledger(), As(&app, &admin).get("/v1/incidents").ok()), before);
    assert_eq!(As(&app, &limited).get("/v1/workflows/%6fther/mode").ok()["mode"], "delegate", "its own it sees");
}

#[test]
fn lists_hold_what_the_token_holds_for() {
    let mut keys = Keys::new();
    let (admin, limited) = (keys.give("boss", &[Scope::Admin]), keys.give_for("ann", &[Scope::Read], &["m*"], None));
    let more: String = ["m1", "m2", "n1", "m3"].map(|id| format!("[[workflow]]\nid = \"{id}\"\n")).concat();
    let app = keys.house().start(&more);
    let me = As(&app, &limited);
    let ids = |page: &Value| page["workflows"].as_array().unwrap().iter().map(|w| w["id"].clone()).collect::<Vec<_>>();
    let first = me.get("/v1/workflows?limit=2").ok();
    assert_eq!((ids(&first), &first["next"]), (vec![json!("m1"), json!("m2")], &json!("m2")));
    let second = me.get("/v1/workflows?limit=2&after=m2").ok();
    assert_eq!((ids(&second), &second["next"]), (vec![json!("m3")], &Value::Null));
    // The ledger, page by page: everything of the m's and of the house, nothing of the n's.
    let (mut seen, mut after) = (Vec::new(), json!(0));
    while after.is_u64() {
        let page = me.get(&format!("/v1/ledger?limit=2&after={after}")).ok();
        seen.extend(page["entries"].as_array().unwrap().clone());
        after = page["next"].clone();
    }
    let wanted: Vec<Value> = As(&app, &admin).ledger().into_iter().filter(|entry| entry["workflow"] != "n1").collect();
    assert!(wanted.len() > 4 && seen == wanted, "{seen:?}");
    for workflow in ["m1", "n1"] {
        let unknown = json!({"id": "1", "workflow": workflow, "outcome": "ok", "colour": 1});
        As(&app, &admin).post("/v1/events", &unknown).ok();
    }
    As(&app, &admin).post("/v1/events", &json!([7])).ok();
    let refused = |who: &As<'_>| who.get("/v1/refusals").ok()["refusals"].as_array().unwrap().len();
    assert_eq!((refused(&me), refused(&As(&app, &admin))), (1, 3));
    let metrics = me.get("/metrics").text();
    assert!(metrics.contains("workflow=\"m1\"") && !metrics.contains("\"n1\""));
}

#[test]
fn outputs_of_other_workflows_are_refused_one_by_one() {
    let mut keys = Keys::new();
    let (admin, limited) =
        (keys.give("boss", &[Scope::Admin]), keys.give_for("svc", &[Scope::Ingest], &["drafts"], None));
    let app = keys.house().start(&format!("{DRAFTS}{OTHER}"));
    let of = |workflow: &str, id: &str| json!({"id": id, "workflow": workflow, "outcome": "ok"});
    let items = json!([of("drafts", "1"), of("other", "2"), of("nobody", "3"), of("drafts", "4"), 5]);
    let taken = As(&app, &limited).post("/v1/events", &items).ok();
    let refused: Vec<_> =
        taken["rejected"].as_array().unwrap().iter().map(|r| (&r["index"], r["code"].as_str().unwrap())).collect();
    let wanted = [(&json!(1), "forbidden_workflow"), (&json!(2), "forbidden_workflow"), (&json!(4), "wrong_type")];
    assert_eq!((taken["accepted"].as_u64(), refused.as_slice()), (Some(2), &wanted[..]), "{taken}");
    assert_eq!(taken["modes"].as_object().unwrap().keys().collect::<Vec<_>>(), ["drafts"], "{taken}");
    let scrape = As(&app, &admin).get("/metrics").text();
    assert!(scrape.contains("andon_events_rejected_total{reason=\"forbidden_workflow\"} 2"), "{scrape}");
    assert!(!scrape.contains("andon_outputs_total{outcome=\"ok\",workflow=\"other\"} 1"));
}

#[test]
fn nobody_judges_in_the_name_of_another() {
    let mut keys = Keys::new();
    let ann = keys.give("ann", &[Scope::Review]);
    let narrow = keys.give_for("bob", &[Scope::Review], &["other"], None);
    let tool = keys.give("tool", &[Scope::Ingest, Scope::Review]);
    let admin = keys.give("boss", &[Scope::Admin]);
    let app = keys.house().start(&format!("{DRAFTS}{OTHER}"));
    As(&app, &admin).post("/v1/events", &json!([output(1)])).ok();
    let verdict = |id: &str, who: &str| json!({"id": id, "workflow": "drafts", "output_id": "1", "verdict": "accepted", "reviewer": who});
    let both = json!([verdict("a", "ann"), verdict("b", "bob")]);
    let taken = As(&app, &ann).post("/v1/reviews", &both).ok();
    assert_eq!(
        (&taken["accepted"], &taken["rejected"][0]["code"]),
        (&json!(1), &json!("forbidden_reviewer")),
        "{taken}"
    );
    assert_eq!((&taken["rejected"][0]["index"], &taken["rejected"][0]["field"]), (&json!(1), &json!("reviewer")));
    let other = As(&app, &narrow).post("/v1/reviews", &json!([verdict("c", "bob")])).ok();
    assert_eq!(other["rejected"][0]["code"], "forbidden_workflow", "{other}");
    assert_eq!(As(&app, &tool).post("/v1/reviews", &json!([verdict("d", "bob")])).ok()["accepted"], 1);
    assert_eq!(As(&app, &admin).post("/v1/reviews", &json!([verdict("e", "bob")])).ok()["accepted"], 1);
}

#[test]
fn every_order_stands_in_the_ledger_with_its_name() {
    let mut keys = Keys::new();
    let (admin, ann) = (keys.give("boss", &[Scope::Admin]), keys.give("Ann Ørsted", &[Scope::Operate]));
    let learned = "  [[workflow.guard]]\n  signal = \"sla\"\n  name = \"learned\"\n  baseline = { outputs = 30 }\n";
    let app = keys.house().start(&format!("{DRAFTS}{learned}{OTHER}"));
    As(&app, &admin).post("/v1/events", &json!((0..20).map(failure).collect::<Vec<_>>())).ok();
    let start = As(&app, &admin).ledger().len();
    let me = As(&app, &ann);
    for (path, body) in [
        ("/v1/workflows/other/mode", json!({"mode": "collaborate", "reason": "r"})),
        ("/v1/workflows/other/mode", json!({"hold": true, "reason": "r"})),
        ("/v1/workflows/other/mode", json!({"hold": false, "reason": "r"})),
        ("/v1/workflows/drafts/guards/learned/baseline", json!({"reason": "r"})),
        ("/v1/incidents/drafts-1/acknowledge", json!({"note": "n"})),
        ("/v1/incidents/drafts-1/resolve", json!({"note": "n"})),
        ("/v1/stop", json!({"reason": "r"})),
    ] {
        me.post(path, &body).ok();
    }
    let new = As(&app, &admin).ledger().split_off(start);
    // A reload, too; it adds a workflow, so that it waits for nobody.
    app.house.configure(&format!("{DRAFTS}{learned}{OTHER}[[workflow]]\nid = \"third\"\n"));
    As(&app, &admin).post("/v1/reload", &json!({})).ok();
    let loaded = As(&app, &admin).ledger().into_iter().rfind(|entry| entry["kind"] == "policy_loaded").unwrap();
    assert_eq!(loaded["by"], "boss");
    let kinds: Vec<_> = new.iter().map(|entry| entry["kind"].as_str().unwrap()).collect();
    for kind in [
        "mode_changed",
        "held",
        "released",
        "baseline_dropped",
        "incident_acknowledged",
        "incident_resolved",
        "stopped",
    ] {
        assert!(kinds.contains(&kind), "{kind}: {kinds:?}");
    }
    assert!(new.iter().all(|entry| entry["by"] == "Ann Ørsted"), "{new:?}");
    // Without tokens it is somebody on this machine.
    let open = House::folder().start(OTHER);
    open.post("/v1/stop", &json!({"reason": "r"})).ok();
    assert_eq!(open.ledger().last().unwrap()["by"], "local");
}

#[test]
fn a_reload_adds_and_revokes_and_a_broken_file_changes_nothing() {
    let mut keys = Keys::new();
    let admin = keys.give("boss", &[Scope::Admin]);
    let app = keys.house().start(DRAFTS);
    let reload = || As(&app, &admin).post("/v1/reload", &json!({}));
    let ann = keys.give("ann", &[Scope::Read]);
    let mode = || As(&app, &ann).get("/v1/workflows/drafts/mode").status;
    assert_eq!(mode(), 401, "not before the reload");
    assert_eq!((reload().ok()["tokens"].as_u64(), mode()), (Some(2), 200));
    // The same file, once with a mistake in it.
    let good = std::fs::read_to_string(keys.file()).unwrap();
    let name = good.lines().nth(1).unwrap();
    std::fs::write(keys.file(), good.replace("\"read\"", "\"reed\"").replacen(name, "name = \"andon\"", 1)).unwrap();
    let refused = reload();
    assert_eq!(refused.problem(422), "configuration_refused");
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("old access tokens stay"), "{detail}");
    assert!(detail.contains("keys.toml:2:8") && detail.contains("keys.toml:11:"), "both, with their lines: {detail}");
    assert_eq!((mode(), As(&app, &admin).get("/v1/workflows").status), (200, 200));
    std::fs::remove_file(keys.file()).unwrap();
    assert!(reload().json()["detail"].as_str().unwrap().contains("andon token new"));
    keys.revoke("ann");
    assert_eq!((reload().ok()["tokens"].as_u64(), mode()), (Some(1), 401));
    // The last one: nobody gets in, but it doesn't open up.
    keys.revoke("boss");
    assert_eq!(reload().ok()["tokens"], 0);
    assert_eq!((reload().status, app.get("/v1/workflows").status, app.get("/readyz").status), (401, 401, 200));
}

#[test]
fn tokens_can_be_asked_for_and_no_longer_by_a_reload() {
    let mut keys = Keys::new();
    let admin = keys.give("boss", &[Scope::Admin]);
    let open = House { server: "", ..keys.house().clone() };
    let app = open.start(DRAFTS);
    assert_eq!(app.get("/v1/workflows").status, 200);
    keys.house().configure(DRAFTS);
    let answer = app.post("/v1/reload", &json!({})).ok();
    assert_eq!((&answer["tokens"], &answer["restart_needed"]), (&json!(1), &json!([])));
    assert_eq!((app.get("/v1/workflows").status, As(&app, &admin).get("/v1/workflows").status), (401, 200));
    open.configure(DRAFTS);
    assert_eq!(As(&app, &admin).post("/v1/reload", &json!({})).ok()["tokens"], Value::Null);
    assert_eq!(app.get("/v1/workflows").status, 200);
}

#[test]
fn a_token_expires_by_the_daemons_clock() {
    let mut keys = Keys::new();
    let admin = keys.give("boss", &[Scope::Admin]);
    let end: Time = "2026-11-20T10:00:01Z".parse().unwrap();
    let ann = keys.give_for("ann", &[Scope::Read], &["*"], Some(end));
    let app = keys.house().start(DRAFTS);
    let scrape = |name: &str, value: f64| Scrape::read(&As(&app, &admin).get("/metrics").text()).is(name, value);
    assert!(scrape("andon_tokens{state=holds}", 2.0) && scrape("andon_tokens{state=expired}", 0.0));
    assert!(scrape("andon_token_next_expiry_timestamp_seconds{}", end.seconds()));
    app.advance(999);
    assert_eq!(As(&app, &ann).get("/v1/workflows").status, 200);
    app.advance(1);
    assert_eq!(As(&app, &ann).get("/v1/workflows").problem(401), "token_expired");
    assert!(scrape("andon_tokens{state=holds}", 1.0) && scrape("andon_tokens{state=expired}", 1.0));
}

#[test]
fn two_tokens_in_one_request_are_none() {
    let mut keys = Keys::new();
    let (one, two) = (keys.give("ann", &[Scope::Read]), keys.give("bob", &[Scope::Read]));
    let app = keys.house().start(DRAFTS);
    let (a, b) = (format!("Bearer {}", one.text()), format!("Bearer {}", two.text()));
    let get = |headers: &[(&str, &str)]| app.send("GET", "/v1/workflows", headers, b"").status;
    assert_eq!(get(&[("authorization", &a), ("authorization", &b)]), 401);
    assert_eq!(get(&[("x-api-key", one.text()), ("x-api-key", two.text())]), 401);
    assert_eq!(get(&[("authorization", &a), ("x-api-key", "nonsense")]), 200, "the first kind decides");
    assert_eq!(get(&[("authorization", "Basic YTpi"), ("x-api-key", two.text())]), 200, "that one is a proxy's");
    assert_eq!(get(&[("authorization", "Bearer x"), ("x-api-key", two.text())]), 401);
}
