//! The lab through the front door: what is sent, who sees it, what survives a restart, and how it is told.

#![cfg(test)]

use super::harness::{House, TestApp};
use super::keys::{As, Keys};
use andon::domain::Scope::{Admin, Approve, Operate, Read, Review};
use andon::domain::Time;
use serde_json::{Value, json};

const LAB: &str = r#"
[[workflow]]
id = "drafts"
owner = "marketing"
[[workflow]]
id = "tone"
track = "lab"
owner = "support"
  [[workflow.hypothesis]]
  id = "h-1"
  question = "do ten samples keep the tone?"
  owner = "ann"
  goals = ["which samples matter"]
  samples = "https://wiki.example.com/tone/samples"
  exit = ["200 judged", "no false claim"]
  [[workflow.hypothesis]]
  id = "h-2"
  question = "does a glossary help?"
  owner = "ann"
  goals = ["which terms"]
  exit = ["50 judged"]
[[workflow]]
id = "tone-b"
track = "lab"
  [[workflow.hypothesis]]
  id = "h-3"
  question = "is it as good in German?"
  owner = "bob"
  goals = ["idioms"]
  exit = ["50 judged"]
"#;

fn post(app: &TestApp, route: &str, body: &Value) -> super::http::Answer {
    app.post(&format!("/v1/hypotheses/{route}"), body)
}

fn ids(page: &Value, of: &str) -> Vec<String> {
    page[of].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_was_said_is_there_after_a_restart_and_in_the_ledger() {
    let app = House::folder().start(LAB);
    post(&app, "h-1/start", &json!({"note": "after the launch"})).ok();
    app.advance(Time::HOUR);
    post(&app, "h-1/findings", &json!({"kind": "risk", "text": "names"})).ok();
    post(&app, "h-1/findings", &json!({"kind": "defect", "text": "stiff", "defect_type": "tone:formal"})).ok();
    post(&app, "h-1/decisions", &json!({"text": "short samples only"})).ok();
    post(&app, "h-1/criteria", &json!({"criterion": "200 judged", "met": true, "note": "done"})).ok();
    let told = post(&app, "h-1/risks", &json!({"finding": 1, "disposal": "accepted", "note": "they agreed"})).ok();
    assert_eq!(
        (&told["findings"][0]["disposed"]["by"], &told["findings"][0]["early"]),
        (&json!("local"), &json!(true))
    );
    assert_eq!(told["next"], "an answer to exit criteria 2");
    let own = post(&app, "h-1/signoff", &json!({"conclusion": "refuted", "learned": "l"}));
    assert_eq!(own.problem(403), "own_hypothesis", "without tokens everybody is the same");
    let (one, lab) = (app.get("/v1/hypotheses/h-1").ok(), app.get("/v1/lab").ok());
    assert_eq!(one, told);
    assert_eq!((&lab["all"]["active"], &lab["all"]["time_to_learning_ms_median"]), (&json!(1), &json!(Time::HOUR)));
    let kinds = |app: &TestApp| app.ledger().iter().filter(|entry| entry["kind"] == "lab").cloned().collect::<Vec<_>>();
    let before = kinds(&app);
    assert_eq!(
        before.iter().map(|entry| entry["act"]["step"].clone()).collect::<Vec<_>>(),
        ["start", "finding", "finding", "decision", "criterion", "risk"]
    );
    assert_eq!(
        (&before[2]["number"], &before[2]["by"], &before[2]["act"]["defect_type"]),
        (&json!(2), &json!("local"), &json!("tone:formal"))
    );
    let app = app.stop().start(LAB);
    assert_eq!((app.get("/v1/hypotheses/h-1").ok(), app.get("/v1/lab").ok(), kinds(&app)), (one, lab, before));
}

#[test]
fn what_cannot_be_is_refused_without_repeating_it() {
    let app = House::folder().start(LAB);
    post(&app, "h-1/start", &json!({})).ok();
    let long = "x".repeat(1_025);
    for (route, body, field) in [
        ("h-1/start", json!({"note": long}), "note"),
        ("h-1/findings", json!({"kind": "pattern", "text": " "}), "text"),
        ("h-1/findings", json!({"kind": "pattern", "text": long}), "text"),
        ("h-1/findings", json!({"kind": "defect", "text": "t"}), "defect_type"),
        ("h-1/findings", json!({"kind": "defect", "text": "t", "defect_type": "so stiff"}), "defect_type"),
        ("h-1/findings", json!({"kind": "risk", "text": "t", "defect_type": "stiff"}), "defect_type"),
        ("h-1/findings", json!({"kind": "hunch", "text": "t"}), "body"),
        ("h-1/findings", json!({"kind": "risk", "text": "t", "severity": 3}), "body"),
        ("h-1/decisions", json!({"text": ""}), "text"),
        ("h-1/criteria", json!({"criterion": "200 judged", "met": true, "note": ""}), "note"),
        ("h-1/risks", json!({"finding": 1, "disposal": "forgotten", "note": "n"}), "body"),
        ("h-1/signoff", json!({"conclusion": "confirmed", "learned": long}), "learned"),
    ] {
        let refused = post(&app, route, &body);
        assert_eq!(
            (refused.problem(400), &refused.json()["field"]),
            ("invalid_parameter".into(), &json!(field)),
            "{body}"
        );
        assert!(!refused.text().contains(&long), "{route}");
    }
    for (route, code) in [("h-9/start", "unknown_hypothesis"), ("h-9/decisions", "unknown_hypothesis")] {
        assert_eq!(post(&app, route, &json!({"text": "t"})).status, if route.ends_with("start") { 400 } else { 404 });
        assert_eq!(post(&app, route, &json!({"text": "t"})).json()["code"] == code, !route.ends_with("start"));
    }
    assert_eq!(
        post(&app, "h-1/criteria", &json!({"criterion": "300 judged", "met": true, "note": "n"})).problem(404),
        "unknown_criterion"
    );
    assert_eq!(post(&app, "h-1/start", &json!({})).problem(409), "already_active");
    for query in ["/v1/hypotheses?status=odd", "/v1/hypotheses?limit=0", "/v1/intake?limit=201", "/v1/intake?aftr=x"] {
        assert_eq!(app.get(query).problem(400), "invalid_parameter", "{query}");
    }
    assert_eq!(app.get("/v1/lab?workflow=nobody").problem(404), "unknown_workflow");
    assert_eq!(app.get("/v1/hypotheses/h-1").ok()["found"], json!({"patterns": 0, "risks": 0, "defects": 0}));
}

#[test]
fn one_list_of_everything_page_by_page() {
    let app = House::folder().start(LAB);
    let all = app.get("/v1/intake").ok();
    assert_eq!(
        (ids(&all, "items"), &all["next"]),
        (["drafts", "tone", "h-1", "h-2", "tone-b", "h-3"].map(str::to_owned).to_vec(), &Value::Null)
    );
    let mut paged = Vec::new();
    let mut after = String::new();
    loop {
        let page = app.get(&format!("/v1/intake?limit=1&after={after}")).ok();
        paged.extend(page["items"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(json!(paged), all["items"]);
    let line = |at: usize, key: &str| all["items"][at][key].as_str().unwrap().to_owned();
    assert_eq!((line(0, "track"), line(1, "track"), line(2, "owner")), ("factory".into(), "lab".into(), "ann".into()));
    assert!(line(0, "next").starts_with("the gate to collaborate: time_in_mode, "), "{}", line(0, "next"));
    assert_eq!((line(2, "next"), line(2, "status")), ("to be started".into(), "planned".into()));
    let first = app.get("/v1/hypotheses?limit=2").ok();
    assert_eq!((ids(&first, "hypotheses"), &first["next"]), (vec!["h-1".into(), "h-2".into()], &json!("tone/h-2")));
    assert_eq!(ids(&app.get("/v1/hypotheses?limit=2&after=tone/h-2").ok(), "hypotheses"), ["h-3"]);
    post(&app, "h-2/start", &json!({})).ok();
    assert_eq!(ids(&app.get("/v1/hypotheses?status=active").ok(), "hypotheses"), ["h-2"]);
    assert_eq!(ids(&app.get("/v1/hypotheses?workflow=tone-b").ok(), "hypotheses"), ["h-3"]);
}

#[test]
fn a_token_sees_the_lab_of_its_own_workflows_only() {
    let mut keys = Keys::new();
    let boss = keys.give("boss", &[Admin]);
    let mine = keys.give_for("cay", &[Read, Operate, Review, Approve], &["tone-b"], None);
    let app = keys.house().start(LAB);
    let me = As(&app, &mine);
    assert_eq!(ids(&me.get("/v1/intake").ok(), "items"), ["tone-b", "h-3"]);
    assert_eq!(ids(&me.get("/v1/hypotheses").ok(), "hypotheses"), ["h-3"]);
    assert_eq!(me.get("/v1/lab").ok()["workflows"].as_array().unwrap().len(), 1);
    assert_eq!(me.get("/v1/hypotheses?workflow=tone").problem(403), "forbidden_workflow");
    assert_eq!(me.get("/v1/lab?workflow=tone").problem(403), "forbidden_workflow");
    // Another's hypothesis is as unknown as one that isn't there, and nothing happens to it.
    for id in ["h-1", "h-9"] {
        assert_eq!(me.get(&format!("/v1/hypotheses/{id}")).problem(404), "unknown_hypothesis");
        assert_eq!(me.post(&format!("/v1/hypotheses/{id}/start"), &json!({})).problem(404), "unknown_hypothesis");
    }
    assert!(As(&app, &boss).ledger().iter().all(|entry| entry["kind"] != "lab" && entry["kind"] != "denied"));
    me.post("/v1/hypotheses/h-3/start", &json!({})).ok();
    let entry = As(&app, &boss).ledger().pop().unwrap();
    assert_eq!(
        (&entry["by"], &entry["workflow"], &entry["hypothesis"]),
        (&json!("cay"), &json!("tone-b"), &json!("h-3"))
    );
}

#[test]
fn the_command_line_tells_it_for_people() {
    let app = House::folder().start(LAB);
    let folder = tempfile::tempdir().unwrap();
    let url = format!("http://{}", app.address);
    let run = |arguments: &[&str]| {
        let output = crate::cli::andon(folder.path(), &[arguments, &["--url", &url]].concat());
        let text = String::from_utf8_lossy(if output.status.success() { &output.stdout } else { &output.stderr });
        (output.status.success(), text.into_owned())
    };
    assert!(run(&["lab", "start", "h-1"]).1.contains("h-1 of tone: active"));
    for arguments in [
        ["lab", "finding", "h-1", "defect", "--type", "stiff", "--text", "letters"],
        ["lab", "criterion", "h-1", "2", "--met", "--note", "read all", "--json"],
    ] {
        assert!(run(&arguments).0, "{arguments:?}");
    }
    let (done, told) = run(&["lab", "show", "h-1"]);
    assert!(
        done && told.contains("exit 1    200 judged: no answer")
            && told.contains("exit 2    no false claim: met: read all"),
        "{told}"
    );
    assert!(
        told.contains("found 1   defect stiff: letters (local)")
            && told.contains("waits for an answer to exit criteria 1"),
        "{told}"
    );
    let (done, told) = run(&["lab"]);
    assert!(done && told.contains("stiff (1)") && told.contains("tone-b (lab)") && told.contains("all "), "{told}");
    let (done, told) = run(&["intake", "--track", "factory"]);
    assert!(done && told.contains("drafts") && !told.contains("h-1"), "{told}");
    for (arguments, says) in [
        (["lab", "criterion", "h-1", "3", "--met", "--note", "n"], "has exit criteria 1 to 2"),
        (["lab", "risk", "h-1", "1", "accepted", "--note", "n"], "is no risk that is kept"),
        (["lab", "finding", "h-1", "hunch", "--text", "t", "--json"], "write pattern or risk or defect"),
    ] {
        let (done, told) = run(&arguments);
        assert!(!done && told.contains(says), "{told}");
    }
}

/// A hypothesis that moved to another workflow left a risk behind: what is said must name which one is meant.
#[test]
fn an_id_that_two_workflows_had_must_be_told_apart() {
    let app = House::folder().start(&format!("[governance]\nloosening = \"apply\"\n{LAB}"));
    post(&app, "h-3/start", &json!({})).ok();
    post(&app, "h-3/findings", &json!({"kind": "risk", "text": "names"})).ok();
    let of_b = LAB.split("[[workflow]]").last().unwrap();
    let (head, moved) = (LAB.replace(of_b, "\nid = \"tone-b\"\ntrack = \"lab\"\n"), of_b.split_once("[[").unwrap().1);
    let to_tone = head
        .replace("  exit = [\"50 judged\"]\n[[workflow]]", &format!("  exit = [\"50 judged\"]\n[[{moved}[[workflow]]"));
    app.house.configure(&format!("[governance]\nloosening = \"apply\"\n{to_tone}"));
    app.post("/v1/reload", &json!({})).ok();
    let disposal = json!({"finding": 1, "disposal": "mitigated", "note": "masked"});
    assert_eq!(post(&app, "h-3/risks", &disposal).problem(409), "ambiguous_hypothesis");
    assert!(post(&app, "h-3/risks", &disposal).text().contains("tone:h-3 or tone-b:h-3"));
    assert_eq!(app.get("/v1/hypotheses/h-3").ok()["workflow"], "tone", "the declared one");
    let told = post(&app, "tone-b:h-3/risks", &disposal).ok();
    assert_eq!((&told["workflow"], &told["status"]), (&json!("tone-b"), &json!("removed")));
    assert_eq!(post(&app, "tone:h-3/risks", &disposal).problem(404), "unknown_finding");
}
