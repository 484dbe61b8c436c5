//! Answers of the council to questions that have one, that are over, or that nobody can ask.
//!
//! What is a failure here: somebody's answer that is overruled unseen, an act that is done twice, an answer about nothing, a
//! word in the report that says more than what came of it.

#![cfg(test)]

use super::council::{BASE, DRAFTS, decide, decision, down, of_kind, report};
use super::harness::{House, TestApp, failure, output, with};
use super::keys::{As, Keys};
use andon::domain::{Scope, Time};
use serde_json::{Value, json};

const WEEK: i64 = 7 * Time::DAY;
/// A guard that learns, in a workflow that starts in `MODE`.
const DRIFT: &str = "[[workflow]]\nid = \"drafts\"\nstart_mode = \"MODE\"\n  [[workflow.guard]]\n  name = \"fit\"\n  signal = \"drift\"\n  of = \"scores.fit\"\n  baseline = { outputs = 100 }\n";

fn says(app: &TestApp, question: &str) -> Value {
    decision(&report(app, "now"), question).unwrap_or_else(|| panic!("no {question}"))["answer"]["says"].clone()
}

#[test]
fn nobody_is_overruled_unseen_and_the_same_twice_is_once() {
    let mut keys = Keys::new();
    let (ann, bob) = (keys.give("ann", &[Scope::Admin]), keys.give("bob", &[Scope::Admin]));
    let app = keys.house().start(DRAFTS);
    let (ann, bob) = (As(&app, &ann), As(&app, &bob));
    ann.post("/v1/events", &json!((0..20).map(failure).collect::<Vec<_>>())).ok();
    let path = "/v1/reports/now/decisions";
    let assign = |owner: &str| json!({"question": "assign:incident:drafts-1", "choice": "assign", "owner": owner, "due": "2026-11-27"});
    let first = ann.post(path, &assign("ann")).ok();
    let entries = ann.ledger().len();
    assert_eq!(ann.ledger()[entries - 1]["ledger_seq"], first["ledger_seq"]);
    // A double click, or a sender that waited in vain.
    assert_eq!(ann.post(path, &assign("ann")).ok(), first);
    assert_eq!((ann.ledger().len(), ann.get("/v1/actions").ok()["actions"].as_array().unwrap().len()), (entries, 1));
    // Another answer, and the same of somebody else, say whose it would replace.
    for (who, body) in
        [(&ann, assign("bob")), (&bob, assign("ann")), (&bob, with(assign("ann"), &json!({"replaces": 1})))]
    {
        let denied = who.post(path, &body);
        let seq = &first["ledger_seq"];
        assert!(denied.text().contains("ann answered it for 2026-W47 with `assign` (a1)"), "{}", denied.text());
        assert!(denied.text().contains(&format!("`replaces`: {seq}")), "{}", denied.text());
        assert_eq!(denied.problem(409), "answered_meanwhile");
    }
    let anew = with(assign("bob"), &json!({"replaces": first["ledger_seq"]}));
    let second = bob.post(path, &anew).ok();
    assert_eq!((&second["did"], bob.post(path, &anew).ok()["did"].clone()), (&json!("a2"), json!("a2")));
    let made = ann.get("/v1/reports/now.json").ok();
    let said = decision(&made, "assign:incident:drafts-1").unwrap()["answer"]["says"].as_str().unwrap().to_owned();
    assert!(said.ends_with("; still so from the answer before: open: a1 of ann"), "{said}");
    // In the next week the action is open still: that is the answer.
    app.advance(WEEK);
    assert_eq!(bob.post(path, &assign("eve")).problem(409), "answered_meanwhile");
    // One who names an answer that is known here no more has seen it in the ledger.
    let forgotten = json!({"question": "keep_down:drafts", "choice": "nothing", "note": "n", "replaces": 3});
    bob.post(path, &forgotten).ok();
}

#[test]
fn what_was_undone_since_is_no_repeat_and_one_workflow_pushes_out_its_own_answers_only() {
    let mut keys = Keys::new();
    let key = keys.give("ann", &[Scope::Admin]);
    let app = keys.house().start(&format!("{DRAFTS}{}", DRAFTS.replace("drafts", "letters")));
    let ann = As(&app, &key);
    let path = "/v1/reports/now/decisions";
    let keep = json!({"question": "keep_down:drafts", "choice": "keep_down", "note": "until it is found"});
    ann.post(path, &keep).ok();
    ann.post(path, &keep).ok();
    ann.post("/v1/workflows/drafts/mode", &json!({"hold": false, "reason": "found"})).ok();
    assert_eq!(ann.post(path, &keep).problem(409), "answered_meanwhile", "it is not held: that was no repeat");
    assert_eq!(app_mode(&ann)["held"], json!(null));
    // Many answers about another workflow.
    for n in 0..120 {
        let look = json!({"question": format!("look:letters:scores.s{n}"), "choice": "nothing", "note": "n"});
        ann.post(path, &look).ok();
    }
    assert_eq!(ann.post(path, &keep).problem(409), "answered_meanwhile", "it is remembered");
}

fn app_mode(of: &As<'_>) -> Value {
    of.get("/v1/workflows/drafts/mode").ok()
}

#[test]
fn what_a_replaced_answer_did_is_said_while_it_holds() {
    let app = House::folder().start(DRAFTS);
    down(&app);
    let answer = |choice: &str, replaces: &Value| {
        let body = json!({"question": "keep_down:drafts", "choice": choice, "note": choice, "replaces": replaces});
        decide(&app, "now", &body).ok()["ledger_seq"].clone()
    };
    let first = answer("keep_down", &Value::Null);
    answer("nothing", &first);
    assert_eq!(says(&app, "keep_down:drafts"), "nothing this week; still so from the answer before: kept down");
    app.post("/v1/workflows/drafts/mode", &json!({"hold": false, "reason": "found"})).ok();
    assert_eq!(says(&app, "keep_down:drafts"), "nothing this week");
}

#[test]
fn an_answer_is_about_something_and_of_a_week_that_is_not_long_over() {
    let app = House::folder().start(&format!("{DRAFTS}{BASE}"));
    let epoch = down(&app);
    let assign =
        |question: &str| json!({"question": question, "choice": "assign", "owner": "ann", "due": "2026-11-27"});
    let nothing = |question: &str| json!({"question": question, "choice": "nothing", "note": "n"});
    for (question, status, code) in [
        ("assign:drill:999", 404, "unknown_drill"),
        ("assign:drill:0", 404, "unknown_drill"),
        ("judge_demotion:drafts:77", 409, "no_demotion"),
        ("accept_baseline:drafts:none", 404, "unknown_guard"),
        ("accept_baseline:drafts:exceptions", 409, "no_baseline"),
        ("assign:base:none", 404, "unknown_base_item"),
        ("assign:incident:drafts-9", 404, "unknown_incident"),
    ] {
        assert_eq!(decide(&app, "now", &assign(question)).problem(status), code, "{question}");
        assert_eq!(decide(&app, "now", &nothing(question)).problem(status), code, "{question}");
    }
    assert_eq!((of_kind(&app, "council").len(), of_kind(&app, "assigned").len()), (0, 0));
    app.advance(2 * WEEK);
    let question = format!("judge_demotion:drafts:{epoch}");
    for week in ["2026-W47", "1999-W01"] {
        assert_eq!(decide(&app, week, &nothing(&question)).problem(409), "week_is_over", "{week}");
    }
    decide(&app, "last", &nothing(&question)).ok();
    let judge = json!({"question": question, "choice": "judge_right", "note": "the prompt"});
    decide(&app, "2026-W47", &judge).ok();
    assert_eq!(app.workflow("drafts")["demotions_judged_right"], 1);
}

#[test]
fn a_new_baseline_is_learned_at_once_or_waits_for_an_approver_and_the_report_says_what_came_of_it() {
    let question = "accept_baseline:drafts:fit";
    let accept = json!({"question": question, "choice": "accept_baseline", "note": "the new model"});
    for (mode, dropped, did) in [("assist", 1, Value::Null), ("delegate", 0, json!("drafts-r1"))] {
        let app = House::memory().start(&DRIFT.replace("MODE", mode));
        let answer = decide(&app, "now", &accept).ok();
        assert_eq!((of_kind(&app, "baseline_dropped").len(), &answer["did"]), (dropped, &did), "{mode}");
        assert_eq!(app.mode("drafts")["mode"], mode);
        if did.is_null() {
            assert_eq!(says(&app, question), "the new baseline is accepted");
            continue;
        }
        assert_eq!(says(&app, question), "the new baseline is asked for (drafts-r1: pending)");
        // Keeping it down ends what waits, and says so before.
        let keep = json!({"question": "keep_down:drafts", "choice": "keep_down", "note": "n"});
        decide(&app, "now", &keep).ok();
        assert_eq!(says(&app, question), "the new baseline is asked for (drafts-r1: cancelled)");
        let made = report(&app, "now");
        let offers = decision(&made, "keep_down:drafts").unwrap()["choices"].to_string();
        assert!(offers.contains("and ends what waits for approval"), "{offers}");
    }
}

/// What a limit lowers is no statistical promise: a noisy one doesn't make the budget look broken.
#[test]
fn demotions_by_guards_outside_of_the_budget_are_counted_apart() {
    const LIMIT: &str = "[[workflow]]\nid = \"drafts\"\nstart_mode = \"automate\"\n  [[workflow.guard]]\n  name = \"cap\"\n  signal = \"limit\"\n  exceptions = { count = 1, per = \"1h\" }\n  to = \"assist\"\n";
    let app = House::folder().start(LIMIT);
    app.take(&[failure("leak")]);
    let mode = app.mode("drafts");
    assert_eq!(mode["mode"], "assist");
    let judge = json!({"epoch": mode["epoch"], "judgement": "false", "note": "the probe"});
    app.post("/v1/workflows/drafts/judgements", &judge).ok();
    let budget = report(&app, "now")["budget"].clone();
    assert_eq!((&budget["demotions"], &budget["judged_false"]), (&json!(1), &json!(1)));
    let none = json!({"demotions": 0, "judged_false": 0, "annulled": 0, "judged_right": 0});
    assert_eq!((&budget["in_budget"], &budget["outputs_per_judged_false"]), (&none, &Value::Null));
    let told = app.get("/metrics").text();
    for (guards, count) in [("statistical", 0), ("deterministic", 1)] {
        let series =
            format!("andon_demotions_judged{{workflow=\"drafts\",judgement=\"false\",guards=\"{guards}\"}} {count}");
        assert!(told.contains(&series), "{series}");
    }
}

#[test]
fn a_demotion_that_nobody_judged_is_asked_about_once_more_the_week_after() {
    let app = House::folder().start(DRAFTS);
    let id = format!("judge_demotion:drafts:{}", down(&app));
    let nothing = json!({"question": id, "choice": "nothing", "note": "we wait for the vendor"});
    decide(&app, "now", &nothing).ok();
    app.advance(WEEK);
    app.take(&[output("later")]);
    let next = report(&app, "now");
    let asked = decision(&next, &id).unwrap_or_else(|| panic!("{next:#}"));
    assert!(asked["answer"].is_null() && asked["question"].to_string().contains("in 2026-W47"), "{asked:#}");
    assert!(asked["choices"].to_string().contains("It is not asked again."));
    decide(&app, "now", &nothing).ok();
    app.advance(WEEK);
    assert!(decision(&report(&app, "now"), &id).is_none());
}

/// Only the question about its own demotion, and only while that is asked, stands for an incident that nobody has seen.
#[test]
fn an_incident_is_asked_about_where_its_demotion_is_not() {
    let app = House::folder().start(DRAFTS);
    let (judge, look) = (format!("judge_demotion:drafts:{}", down(&app)), "assign:incident:drafts-1");
    assert!(decision(&report(&app, "now"), look).is_none());
    decide(&app, "now", &json!({"question": judge, "choice": "nothing", "note": "n"})).ok();
    assert!(decision(&report(&app, "now"), look).is_some(), "its demotion is not asked about any more");
}

/// The report of all workflows goes on with what was to be done for one that left.
#[test]
fn an_action_of_a_workflow_that_left_the_policy_is_followed_up() {
    const OTHER: &str = "[[workflow]]\nid = \"other\"\n";
    let house = House::folder();
    let app = house.start(&format!("{DRAFTS}{OTHER}"));
    let task = json!({"workflow": "other", "task": "tell its people", "owner": "ann", "due": "2026-11-21"});
    app.post("/v1/actions", &task).ok();
    let app = app.stop().start(DRAFTS);
    app.advance(2 * Time::DAY);
    app.take(&[output("later")]);
    let made = report(&app, "now");
    assert_eq!((&made["actions"][0]["action"], &made["actions"][0]["is_overdue"]), (&json!("a1"), &json!(true)));
}
