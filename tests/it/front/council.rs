//! What the council decides, from the front door: judgements, actions, answers to a report's questions.
//!
//! What is a failure here: a demotion that counts twice or not at all, a mode that a judgement moves, an act without
//! its entry or an entry without its act, an action that is forgotten, a decision by whoever may not take it.

#![cfg(test)]

use super::harness::{House, TestApp, failure, output, until, with};
use super::keys::{As, Keys};
use super::metrics::Scrape;
use andon::domain::{Scope, Time};
use serde_json::{Value, json};
use std::process::{Command, Stdio};

/// One workflow in automate that a few failures bring down to assist, in one step.
pub(super) const DRAFTS: &str = r#"
[[workflow]]
id = "drafts"
owner = "marketing"
start_mode = "automate"
  [[workflow.guard]]
  signal = "exception_rate"
  name = "exceptions"
  bound = { collaborate = 0.20, delegate = 0.05, automate = 0.02 }
  block = 1
  to = "assist"
"#;
const OTHER: &str = "[[workflow]]\nid = \"other\"\nstart_mode = \"delegate\"\n";
pub(super) const BASE: &str = "[[base]]\nid = \"guide\"\nowner = \"brand\"\nversion = \"1\"\n";

/// Failures that bring the workflow down; the epoch that this began.
fn lowered(post: impl Fn(&str, &Value) -> Value, mode: impl Fn() -> Value, from: u32) -> u64 {
    let failures: Vec<Value> = (from..from + 20).map(failure).collect();
    post("/v1/events", &json!(failures));
    let mode = mode();
    assert_eq!((&mode["mode"], &mode["cause"]), (&json!("assist"), &json!("breach")));
    mode["epoch"].as_u64().unwrap()
}

pub(super) fn down(app: &TestApp) -> u64 {
    lowered(|path, body| app.post(path, body).ok(), || app.mode("drafts"), 0)
}

pub(super) fn report(app: &TestApp, name: &str) -> Value {
    app.get(&format!("/v1/reports/{name}.json")).ok()
}

pub(super) fn decision<'r>(report: &'r Value, id: &str) -> Option<&'r Value> {
    report["decisions"].as_array().unwrap().iter().find(|one| one["id"] == id)
}

pub(super) fn decide(app: &TestApp, week: &str, body: &Value) -> super::http::Answer {
    app.post(&format!("/v1/reports/{week}/decisions"), body)
}

pub(super) fn of_kind(app: &TestApp, kind: &str) -> Vec<Value> {
    app.ledger().into_iter().filter(|entry| entry["kind"] == kind).collect()
}

fn judged(app: &TestApp) -> (f64, f64) {
    let scrape = Scrape::of(app);
    let of = |judgement: &str| {
        scrape.value(&format!("andon_demotions_judged{{guards=statistical,judgement={judgement},workflow=drafts}}"))
    };
    (of("right"), of("false"))
}

#[test]
fn a_demotion_is_judged_and_the_last_word_counts_once() {
    let app = House::folder().start(DRAFTS);
    let epoch = down(&app);
    let before = app.mode("drafts");
    let says = |epoch: u64, judgement: &str| {
        let body = json!({"epoch": epoch, "judgement": judgement, "note": "a load test was counted"});
        app.post("/v1/workflows/drafts/judgements", &body)
    };
    assert_eq!(judged(&app), (0.0, 0.0));
    let answer = says(epoch, "right").ok();
    assert_eq!(
        (&answer["demotions"], &answer["judged_right"], &answer["judged_false"]),
        (&json!(1), &json!(1), &json!(0))
    );
    assert_eq!(judged(&app), (1.0, 0.0));
    assert_eq!(report(&app, "now")["moves"][0]["judged"], "right");
    says(epoch, "false").ok();
    assert_eq!(judged(&app), (0.0, 1.0));
    assert_eq!(app.mode("drafts"), before, "a judgement moves no mode");
    let week = report(&app, "now");
    assert_eq!(week["moves"][0]["judged"], "false");
    let budget = &week["budget"];
    assert_eq!(
        [&budget["judged_false"], &budget["annulled"], &budget["judged_right"], &budget["not_judged"]],
        [&json!(1), &json!(0), &json!(0), &json!(0)]
    );
    assert_eq!(budget["outputs_per_judged_false"], 20.0);
    assert!(decision(&week, &format!("judge_demotion:drafts:{epoch}")).is_none(), "it was judged");
    // Both stand in the ledger, the second with what it replaced.
    let entries = of_kind(&app, "judged");
    assert_eq!((entries.len(), &entries[1]["before"], &entries[1]["by"]), (2, &json!("right"), &json!("local")));
    for (epoch, code) in [(1, "no_demotion"), (epoch + 1, "no_demotion")] {
        assert_eq!(says(epoch, "false").problem(409), code);
    }
    assert_eq!(
        app.post("/v1/workflows/none/judgements", &json!({"epoch": 2, "judgement": "false", "note": "n"})).problem(404),
        "unknown_workflow"
    );
    assert_eq!(
        app.post("/v1/workflows/drafts/judgements", &json!({"epoch": epoch, "judgement": "false", "note": " "}))
            .problem(400),
        "invalid_parameter"
    );
    let app = app.stop().start(DRAFTS);
    assert_eq!(judged(&app), (0.0, 1.0), "a restart forgets nothing");
    assert_eq!(app.workflow("drafts")["demotions_judged_false"], 1);
}

#[test]
fn judged_false_and_taken_back_is_one_false_demotion() {
    let mut keys = Keys::new();
    let ann = keys.give("ann", &[Scope::Admin]);
    let bob = keys.give("bob", &[Scope::Read, Scope::Approve]);
    let app = keys.house().start(DRAFTS);
    let (ann, bob) = (As(&app, &ann), As(&app, &bob));
    let mode = || ann.get("/v1/workflows/drafts/mode").ok();
    let epoch = lowered(|path, body| ann.post(path, body).ok(), mode, 0);
    let judge = |judgement: &str| {
        let body = json!({"epoch": epoch, "judgement": judgement, "note": "the provider's clock"});
        bob.post("/v1/workflows/drafts/judgements", &body)
    };
    assert_eq!(judge("false").ok()["judged_false"], 1);
    let request = ann.post("/v1/workflows/drafts/annulments", &json!({"reason": "a load test"})).ok();
    let path = format!("/v1/requests/{}/approvals", request["id"].as_str().unwrap());
    bob.post(&path, &json!({"decision": "approve", "note": "agreed"})).ok();
    assert_eq!(mode()["mode"], "automate", "two people took it back");
    assert_eq!(judge("right").problem(409), "annulled_already");
    let budget = ann.get("/v1/reports/now.json").ok()["budget"].clone();
    assert_eq!(
        [&budget["demotions"], &budget["judged_false"], &budget["annulled"], &budget["judged_right"]],
        [&json!(1), &json!(1), &json!(1), &json!(0)]
    );
}

#[test]
fn an_action_is_followed_up_until_it_is_finished() {
    let app = House::folder().start(&format!("{DRAFTS}{BASE}"));
    let new = |due: &str, owner: &str| json!({"task": "mend the <b>prompt</b>", "owner": owner, "due": due, "workflow": "drafts"});
    for (due, owner, status, code) in [
        ("2026-11-19", "ann", 409, "due_is_over"),
        ("2062-11-27", "ann", 409, "due_too_late"),
        ("tomorrow", "ann", 400, "invalid_parameter"),
        ("2026-13-01", "ann", 400, "invalid_parameter"),
        ("2026-11-27", "an\nn", 400, "invalid_parameter"),
        ("2026-11-27", "", 400, "invalid_parameter"),
    ] {
        assert_eq!(app.post("/v1/actions", &new(due, owner)).problem(status), code, "{due} {owner}");
    }
    let long = json!({"task": "x".repeat(257), "owner": "ann", "due": "2026-11-27"});
    assert_eq!(app.post("/v1/actions", &long).problem(400), "invalid_parameter");
    let task = app.post("/v1/actions", &new("2026-11-27", "ann")).ok();
    assert_eq!((&task["id"], &task["due"]), (&json!("a1"), &json!("2026-11-27T23:59:59.000Z")));
    let shown = report(&app, "now")["actions"][0].clone();
    assert_eq!(
        (&shown["action"], &shown["status"], &shown["is_overdue"]),
        (&json!("a1"), &json!("open"), &json!(false))
    );
    let app = app.stop().start(&format!("{DRAFTS}{BASE}"));
    app.advance(8 * Time::DAY);
    app.take(&[output("late")]);
    // A day of the next week: it is over, and the report begins with that.
    let next = report(&app, "now");
    assert_eq!(next["actions"][0]["is_overdue"], true, "{next:#}");
    let headline = next["headline"].as_array().unwrap().last().unwrap().as_str().unwrap().to_owned();
    assert_eq!(headline, "One action is overdue: ann was to mend the <b>prompt</b> until 2026-11-27 23:59 UTC.");
    let page = app.get("/v1/reports/now.html").text();
    assert!(page.contains("<strong>overdue</strong>") && !page.contains("<b>prompt"));
    assert!(app.get("/v1/reports/now.md").text().contains("**overdue**"));
    let scrape = Scrape::of(&app);
    assert!(scrape.is("andon_actions_open{}", 1.0) && scrape.is("andon_actions_overdue{}", 1.0));
    let listed = app.get("/v1/actions").ok();
    assert_eq!((&listed["actions"][0]["id"], &listed["actions"][0]["is_overdue"]), (&json!("a1"), &json!(true)));
    app.post("/v1/actions/a1/finish", &json!({"ending": "done", "note": "it had no style guide"})).ok();
    assert_eq!(app.get("/v1/actions").ok()["actions"], json!([]));
    assert_eq!(app.post("/v1/actions/a1/finish", &json!({"ending": "done"})).problem(404), "unknown_action");
    let ended = report(&app, "now")["actions"][0].clone();
    assert_eq!((&ended["status"], &ended["note"]), (&json!("done"), &json!("it had no style guide")));
    assert_eq!(report(&app, "now")["headline"].as_array().unwrap().len(), 3);
    // Numbers count up, also over a restart.
    let app = app.stop().start(&format!("{DRAFTS}{BASE}"));
    assert_eq!(app.post("/v1/actions", &new("2026-12-24", "bob")).ok()["id"], "a2");
}

#[test]
fn an_answer_does_what_was_chosen_and_is_shown_under_its_question() {
    let app = House::folder().start(DRAFTS);
    let epoch = down(&app);
    let (judge, look) = (format!("judge_demotion:drafts:{epoch}"), "assign:incident:drafts-1");
    let keys = |id: &str| -> Vec<String> {
        let week = report(&app, "now");
        let choices = decision(&week, id).unwrap()["choices"].as_array().unwrap();
        choices
            .iter()
            .map(|one| format!("{} {}", one["choice"].as_str().unwrap(), one["scope"].as_str().unwrap()))
            .collect()
    };
    assert_eq!(
        keys(&judge),
        ["judge_right approve", "judge_false approve", "keep_down operate", "assign operate", "nothing operate"]
    );
    // Its incident is a part of that question, until it is answered.
    let first = report(&app, "now");
    let evidence = &decision(&first, &judge).unwrap()["evidence"];
    assert!(decision(&first, look).is_none() && evidence.to_string().contains("look at drafts-1"));
    let answer =
        decide(&app, "now", &json!({"question": judge, "choice": "judge_right", "note": "the prompt did it"})).ok();
    assert_eq!(keys(look), ["assign operate", "nothing operate"]);
    assert_eq!((&answer["week"], &answer["decided"]), (&json!("2026-W47"), &json!({"choice": "judge_right"})));
    let answer =
        decide(&app, "2026-W47", &json!({"question": look, "choice": "assign", "owner": "ann", "due": "2026-11-27"}))
            .ok();
    assert_eq!(answer["did"], "a1");
    let keep = json!({"question": "keep_down:drafts", "choice": "keep_down", "note": "until the cause is found"});
    decide(&app, "now", &keep).ok();
    assert_eq!(app.mode("drafts")["held"], "until the cause is found");
    // What was done and the answer are of one record.
    for (done, question) in [("judged", judge.as_str()), ("assigned", look), ("held", "keep_down:drafts")] {
        let of = of_kind(&app, done)[0]["journal_seq"].clone();
        let council = of_kind(&app, "council").into_iter().find(|entry| entry["question"] == question).unwrap();
        assert_eq!((&council["journal_seq"], &council["workflow"]), (&of, &json!("drafts")), "{done}");
    }
    let week = report(&app, "now");
    assert_eq!(decision(&week, &judge).unwrap()["answer"]["says"], "the demotion was right");
    assert_eq!(decision(&week, look).unwrap()["answer"]["did"], "a1");
    assert_eq!(decision(&week, "keep_down:drafts").unwrap()["answer"]["note"], "until the cause is found");
    assert_eq!(week["headline"][2], "Every question is answered.");
    assert_eq!(week["actions"][0]["question"], look);
    // Which outputs of before the demotion people review, a key decides that is drawn at the first start.
    let text = app.get("/v1/reports/now.md").text();
    let (before, waits) = text.split_once(" rejected; ").unwrap();
    let (n, after) = waits.split_once(" wait, ").unwrap();
    assert!((15..=20).contains(&n.parse().unwrap()), "{n}");
    insta::assert_snapshot!("council_decided", format!("{before} rejected; … wait, {after}"));
    // Somebody thinks again: the last answer is the one that is shown, with what of the first one still holds.
    let seq = decision(&week, &judge).unwrap()["answer"]["ledger_seq"].clone();
    let anew = json!({"question": judge, "choice": "nothing", "note": "we wait for the vendor", "replaces": seq});
    decide(&app, "now", &anew).ok();
    let says = "nothing this week; still so from the answer before: counted as right";
    assert_eq!(decision(&report(&app, "now"), &judge).unwrap()["answer"]["says"], says);
    // In the next week it is not asked while somebody is on it, and again when nobody is.
    app.advance(7 * Time::DAY);
    app.take(&[output("later")]);
    assert!(decision(&report(&app, "now"), look).is_none(), "ann is on it");
    app.post("/v1/actions/a1/finish", &json!({"ending": "dropped", "note": "ann is away"})).ok();
    assert!(decision(&report(&app, "now"), look).is_some_and(|one| one["answer"].is_null()));
}

#[test]
fn what_cannot_be_done_is_denied_as_a_whole() {
    let app = House::folder().start(&format!("{DRAFTS}{BASE}"));
    down(&app);
    let seen = |app: &TestApp| (app.mode("drafts"), app.get("/v1/actions").ok(), of_kind(app, "council"));
    let before = seen(&app);
    let note = |question: &str, choice: &str| json!({"question": question, "choice": choice, "note": "n"});
    let assign =
        |question: &str| json!({"question": question, "choice": "assign", "owner": "ann", "due": "2026-11-27"});
    for (body, status, code) in [
        (note("open_gate:drafts:collaborate", "open_gate"), 409, "gate_closed"),
        (note("accept_baseline:drafts:exceptions", "accept_baseline"), 409, "no_baseline"),
        (note("accept_baseline:drafts:none", "accept_baseline"), 404, "unknown_guard"),
        (note("judge_demotion:drafts:9", "judge_false"), 409, "no_demotion"),
        (note("keep_down:none", "keep_down"), 404, "unknown_workflow"),
        (assign("assign:incident:drafts-9"), 404, "unknown_incident"),
        (assign("assign:incident:house:9"), 404, "unknown_incident"),
        (assign("assign:base:none"), 404, "unknown_base_item"),
        (with(assign("assign:base:guide"), &json!({"due": "2026-11-20T09:00:00Z"})), 409, "due_is_over"),
        // What the sender got wrong never comes that far.
        (note("keep_down:drafts", "judge_false"), 400, "invalid_parameter"),
        (note("who:knows", "nothing"), 400, "invalid_parameter"),
        (with(note("keep_down:drafts", "keep_down"), &json!({"note": ""})), 400, "invalid_parameter"),
        (with(note("keep_down:drafts", "keep_down"), &json!({"owner": "ann"})), 400, "invalid_parameter"),
        (with(note("keep_down:drafts", "nothing"), &json!({"funding": "a lot"})), 400, "invalid_parameter"),
        (json!({"question": "assign:base:guide", "choice": "assign", "owner": "ann"}), 400, "invalid_parameter"),
        (with(note("keep_down:drafts", "nothing"), &json!({"colour": "red"})), 400, "invalid_parameter"),
    ] {
        assert_eq!(decide(&app, "now", &body).problem(status), code, "{body}");
    }
    for week in ["2026-W48", "2026-W54", "then"] {
        assert_eq!(
            decide(&app, week, &note("keep_down:drafts", "nothing")).problem(400),
            "invalid_parameter",
            "{week}"
        );
    }
    assert_eq!(seen(&app), before);
    let denied: Vec<Value> = of_kind(&app, "denied").iter().map(|entry| entry["act"].clone()).collect();
    assert_eq!(denied, vec![json!("council"); 9], "what was tried stands in the ledger");
    // What concerns the house is recorded for the house.
    decide(&app, "last", &assign("assign:base:guide")).ok();
    let council = of_kind(&app, "council");
    assert_eq!((&council[0]["week"], &council[0]["workflow"]), (&json!("2026-W46"), &Value::Null));
}

#[test]
fn each_choice_takes_its_own_scope_and_a_token_for_what_it_is_about() {
    let mut keys = Keys::new();
    let boss = keys.give("boss", &[Scope::Admin]);
    let ann = keys.give("ann", &[Scope::Read, Scope::Operate]);
    let both = keys.give("bob", &[Scope::Read, Scope::Operate, Scope::Approve]);
    let limited = keys.give_for("eve", &[Scope::Admin], &["oth*"], None);
    let app = keys.house().start(&format!("{DRAFTS}{OTHER}{BASE}"));
    let (boss, ann, bob, eve) = (As(&app, &boss), As(&app, &ann), As(&app, &both), As(&app, &limited));
    let mode = || boss.get("/v1/workflows/drafts/mode").ok();
    let epoch = lowered(|path, body| boss.post(path, body).ok(), mode, 0);
    let path = "/v1/reports/now/decisions";
    let judge = json!({"question": format!("judge_demotion:drafts:{epoch}"), "choice": "judge_false", "note": "n"});
    assert_eq!(ann.post(path, &judge).problem(403), "forbidden");
    assert_eq!(bob.post(path, &judge).ok()["by"], "bob");
    let assign =
        |question: &str| json!({"question": question, "choice": "assign", "owner": "ann", "due": "2026-11-27"});
    ann.post(path, &assign("assign:incident:drafts-1")).ok();
    let of_house =
        with(assign("assign:base:guide"), &json!({"task": "tell drafts of it", "note": "drafts stands on it"}));
    boss.post(path, &of_house).ok();
    boss.post("/v1/actions", &json!({"task": "look", "owner": "ann", "due": "2026-11-27", "workflow": "other"})).ok();
    for question in ["assign:incident:drafts-1", "assign:incident:drafts-9", "assign:base:guide", "keep_down:drafts"] {
        let body = if question.starts_with("keep") {
            json!({"question": question, "choice": "keep_down", "note": "n"})
        } else {
            assign(question)
        };
        assert_eq!(eve.post(path, &body).problem(403), "forbidden_workflow", "{question}");
    }
    for workflow in [json!("drafts"), Value::Null] {
        let body = json!({"task": "look", "owner": "ann", "due": "2026-11-27", "workflow": workflow});
        assert_eq!(eve.post("/v1/actions", &body).problem(403), "forbidden_workflow");
    }
    // Of the house it sees that there is something, and of whom not.
    let shown = eve.get("/v1/actions").ok()["actions"].clone();
    let tasks: Vec<&str> = shown.as_array().unwrap().iter().map(|one| one["task"].as_str().unwrap()).collect();
    assert_eq!(tasks, ["tell 1 other workflow of it", "look"]);
    assert!(!eve.get("/v1/ledger?limit=1000").text().contains("drafts"));
    assert_eq!(eve.post("/v1/actions/a1/finish", &json!({"ending": "done"})).problem(404), "unknown_action");
    assert_eq!(eve.post("/v1/actions/a2/finish", &json!({"ending": "done"})).problem(403), "forbidden_workflow");
    assert_eq!(eve.post("/v1/actions/a3/finish", &json!({"ending": "done"})).ok()["ending"], "done");
    let report = eve.get("/v1/reports/now.json?workflow=other").ok();
    let ended: Vec<&Value> = report["actions"].as_array().unwrap().iter().map(|one| &one["action"]).collect();
    assert_eq!(ended, ["a3"]);
}

/// `andon …` against the daemon; exit code, standard output and standard error.
fn andon(app: &TestApp, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_andon"));
    command.args(arguments).args(["--url", &app.address.to_string()]);
    command.env_remove("ANDON_URL").env_remove("ANDON_TOKEN").stdin(Stdio::null());
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_commands_say_what_they_did() {
    let app = House::folder().start(DRAFTS);
    let epoch = down(&app).to_string();
    let (code, told, _) = andon(&app, &["judge", "drafts", "false", "--epoch", &epoch, "--note", "a load test"]);
    assert_eq!(
        (code, &*told),
        (
            0,
            "the demotion of drafts (epoch 2) was judged false\n  of 1 demotions by guards 0 were judged right and 1 false\n"
        )
    );
    assert_eq!(andon(&app, &["actions"]).1, "no action is open\n");
    let (code, told, why) = andon(&app, &["actions", "assign", "mend it", "--owner", "ann", "--due", "2026-11-27"]);
    assert_eq!((code, &*told), (0, "a1: ann is to mend it until 2026-11-27T23:59:59.000Z\n"), "{why}");
    let listed = andon(&app, &["actions"]).1;
    assert!(listed.contains("a1") && listed.contains("2026-11-27") && listed.contains("mend it"), "{listed}");
    let (code, told, _) = andon(&app, &["actions", "finish", "a1", "done"]);
    assert_eq!((code, &*told), (0, "a1 is done: mend it\n"));
    let (code, _, why) = andon(&app, &["actions", "finish", "a1", "done"]);
    assert!(code == 1 && why.contains("no action of this id is open"), "{why}");
    assert_eq!(andon(&app, &["actions", "finish", "../x", "done"]).0, 64);
    assert_eq!(andon(&app, &["judge", "drafts", "wrong", "--epoch", "2", "--note", "n"]).0, 64);
}

/// The way to a text of another kind than JSON sends the token, too.
#[test]
fn the_ledger_is_exported_with_a_token() {
    let mut keys = Keys::new();
    let secret = keys.give("ann", &[Scope::Read]);
    let app = keys.house().start(DRAFTS);
    let file = keys.house().folder.path().join("token");
    std::fs::write(&file, secret.text()).unwrap();
    // Until the first checkpoint is signed there is none.
    until("the key is told", || andon(&app, &["ledger", "key", "--token-file", file.to_str().unwrap()]).0 == 0);
    let (code, _, why) = andon(&app, &["ledger", "key"]);
    assert!(code == 1 && why.contains("access token"), "{why}");
}
