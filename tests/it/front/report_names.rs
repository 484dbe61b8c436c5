//! Workflows that get another id or leave the policy between what happened and the report of it: it stays told.

#![cfg(test)]

use super::harness::{House, TestApp, failure, output, with};
use super::keys::{As, Keys};
use andon::domain::{Scope, Time};
use serde_json::{Value, json};

const WEEK: i64 = 7 * Time::DAY;

/// One that a few failures bring down to assist, in one step.
fn declared(id: &str, owner: &str, more: &str) -> String {
    format!(
        "[[workflow]]\nid = \"{id}\"\nowner = \"{owner}\"\ncurrency = \"EUR\"\nstart_mode = \"automate\"\nevidence_valid = \"90d\"\nreview = {{ automate = 1.0 }}\n{more}\n  \
         [[workflow.guard]]\n  signal = \"exception_rate\"\n  name = \"exceptions\"\n  block = 1\n  to = \"assist\"\n  \
         bound = {{ collaborate = 0.20, delegate = 0.05, automate = 0.02 }}\n"
    )
}

fn renamed(id: &str, from: &str) -> String {
    declared(id, "marketing", &format!("renamed_from = \"{from}\""))
}

fn other() -> String {
    declared("router", "support", "")
}

#[track_caller]
fn reload(app: &TestApp, rest: &str) {
    app.house.configure(rest);
    let answer = app.post("/v1/reload", &json!({})).ok();
    assert_eq!((&answer["changed"], &answer["loosens"]), (&json!(true), &json!([])), "{answer}");
}

/// Outputs of a workflow, of 0.50 each, and a verdict on every other one.
fn make(app: &TestApp, id: &str, week: &str, count: usize) {
    let of = |n: usize| format!("{id}-{week}-{n}");
    let made = (0..count).map(|n| with(output(of(n)), &json!({"workflow": id, "cost": "0.5"})));
    app.take(&made.collect::<Vec<_>>());
    let verdict = |n: usize| {
        json!({"id": format!("r-{}", of(n)), "workflow": id, "output_id": of(n), "reviewer": "ada",
               "verdict": if n.is_multiple_of(10) { "rejected" } else { "accepted" }})
    };
    app.post("/v1/reviews", &(0..count).step_by(2).map(verdict).collect()).ok();
}

/// Failures that bring a workflow down.
fn bring_down(app: &TestApp, id: &str) {
    let failed = (0..20).map(|n| with(failure(format!("{id}-f{n}")), &json!({"workflow": id})));
    app.take(&failed.collect::<Vec<_>>());
    assert_eq!(app.mode(id)["mode"], "assist");
}

fn report(app: &TestApp, name: &str) -> Value {
    app.get(&format!("/v1/reports/{name}")).ok()
}

fn ids(report: &Value, of: &str) -> Vec<String> {
    let mut ids: Vec<String> =
        report[of].as_array().unwrap().iter().map(|one| one["workflow"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

fn find<'r>(report: &'r Value, of: &str, key: &str, is: &str) -> &'r Value {
    let found = report[of].as_array().unwrap().iter().find(|one| one[key] == is);
    found.unwrap_or_else(|| panic!("no {is} in {of}: {}", report[of]))
}

/// All that is told, as if the workflow still had its first id.
fn told(report: &Value, id: &str) -> Value {
    let parts = ["headline", "decisions", "actions", "matrix", "moves", "incidents", "budget", "gaps", "workflows"];
    let told: Value = parts.iter().map(|part| ((*part).to_owned(), report[*part].clone())).collect();
    serde_json::from_str(&told.to_string().replace(id, "drafts")).unwrap()
}

/// Two weeks of `drafts`: in the second one a breach, and what the council said to it.
fn two_weeks() -> TestApp {
    let app = House::folder().start(&format!("{}{}", declared("drafts", "marketing", ""), other()));
    make(&app, "drafts", "a", 40);
    app.advance(WEEK);
    make(&app, "drafts", "b", 60);
    bring_down(&app, "drafts");
    let answer = |question: &str, more: &Value| {
        let sent = with(json!({"question": question, "note": "seen"}), more);
        app.post("/v1/reports/now/decisions", &sent).ok();
    };
    answer("judge_demotion:drafts:2", &json!({"choice": "judge_right"}));
    answer("assign:reviews:drafts", &json!({"choice": "assign", "owner": "ann", "due": "2026-12-24"}));
    app
}

#[test]
fn a_workflow_with_another_id_keeps_what_happened_to_it() {
    let app = two_weeks();
    let before = report(&app, "now.json");
    assert_eq!(before["budget"]["demotions_this_week"], 1);
    assert!(before["headline"][0].as_str().unwrap().starts_with("Of 2 workflows, 1 was lowered (drafts"), "{before}");
    reload(&app, &format!("{}{}", renamed("letters", "drafts"), other()));
    let after = report(&app, "now.json");
    assert_eq!(told(&after, "letters"), told(&before, "drafts"));
    assert_eq!(ids(&after, "matrix"), ["letters", "router"]);
    assert_eq!(find(&after, "incidents", "incident", "drafts-1")["workflow"], "letters");
    let asked = find(&after, "decisions", "id", "judge_demotion:letters:2");
    assert_eq!(asked["answer"]["says"], "the demotion was right", "{asked}");
    // Once more, and a restart: the record alone leads there.
    reload(&app, &format!("{}{}", renamed("mails", "letters"), other()));
    make(&app, "mails", "c", 20);
    let after = report(&app, "now.json");
    let outputs = |of: &Value| find(of, "matrix", "workflow", "mails")["outputs"].clone();
    assert_eq!((ids(&after, "matrix"), outputs(&after)), (vec!["mails".to_owned(), "router".to_owned()], json!(100)));
    assert_eq!(after["budget"]["demotions_this_week"], 1);
    assert_eq!(
        find(&after, "workflows", "workflow", "mails")["rejections"]["verdicts"],
        40,
        "those of the old id, too"
    );
    let app = app.stop().start(&format!("{}{}", renamed("mails", "letters"), other()));
    assert_eq!(told(&report(&app, "now.json"), "mails")["moves"], told(&after, "mails")["moves"]);
    // In the next week it is the week before.
    app.advance(WEEK);
    make(&app, "mails", "d", 10);
    let next = report(&app, "now.json");
    let measures = find(&next, "workflows", "workflow", "mails")["measures"].as_array().unwrap().clone();
    let outputs = measures.iter().find(|one| one["name"] == "outputs").unwrap();
    assert_eq!((&outputs["week"]["value"], &outputs["before"]["value"]), (&json!(10.0), &json!(100.0)), "{outputs}");
    // What somebody does about it isn't asked again.
    assert_eq!(next["actions"][0]["question"], "assign:reviews:mails", "{}", next["actions"]);
}

#[test]
fn an_id_that_another_workflow_takes_over_is_told_apart_by_the_record() {
    let app = two_weeks();
    reload(&app, &format!("{}{}", renamed("letters", "drafts"), other()));
    let new = declared("drafts", "design", "").replace("start_mode = \"automate\"", "start_mode = \"assist\"");
    reload(&app, &format!("{}{}{new}", declared("letters", "marketing", ""), other()));
    make(&app, "drafts", "new", 5);
    make(&app, "letters", "new", 3);
    let report = report(&app, "now.json");
    let outputs = |id: &str| find(&report, "matrix", "workflow", id)["outputs"].clone();
    assert_eq!((outputs("drafts"), outputs("letters")), (json!(5), json!(83)), "{report}");
    assert_eq!((&report["moves"][0]["workflow"], report["moves"].as_array().unwrap().len()), (&json!("letters"), 1));
}

/// Two weeks of `gone`, and one in which it and `drafts` are brought down; then it leaves the policy. The report before that.
fn left() -> (TestApp, Value) {
    let (drafts, gone) = (declared("drafts", "marketing", ""), declared("gone", "marketing", ""));
    let app = House::folder().start(&format!("{drafts}{gone}{}", other()));
    make(&app, "gone", "a", 40);
    app.advance(WEEK);
    for id in ["drafts", "gone"] {
        make(&app, id, "b", 60);
        bring_down(&app, id);
    }
    let before = report(&app, "now.json");
    reload(&app, &format!("{drafts}{}", other()));
    (app, before)
}

fn said(report: &Value) -> String {
    report["headline"][0].as_str().unwrap().to_owned()
}

#[test]
fn a_workflow_that_left_the_policy_is_told_of_with_all_that_happened_to_it() {
    let (app, before) = left();
    let after = report(&app, "now.json");
    assert_eq!(said(&after), said(&before));
    assert!(said(&after).starts_with("Of 3 workflows, 2 were lowered (drafts"), "{}", said(&after));
    let cost = after["headline"][1].as_str().unwrap();
    assert!(cost.contains("160 outputs") && cost.contains("cost 30.00 of an unknown currency and 30.00 EUR"), "{cost}");
    for part in ["incidents", "budget"] {
        assert_eq!(after[part], before[part]);
    }
    // What its guard was of, and so what it counted, is known of what is declared only.
    let moves = |report: &Value| {
        let mut moves = report["moves"].clone();
        for one in moves.as_array_mut().unwrap() {
            one.as_object_mut().unwrap().retain(|key, _| !["of", "before", "since"].contains(&key.as_str()));
        }
        moves
    };
    assert_eq!(moves(&after), moves(&before));
    let place = find(&after, "matrix", "workflow", "gone");
    let known = [&place["removed_at"], &place["outputs"], &place["mode"], &place["mode_before"], &place["weakest"]];
    assert_eq!(
        known,
        [&json!("2026-11-27T10:00:00.000Z"), &json!(80), &json!("assist"), &json!("automate"), &json!(null)]
    );
    assert_eq!(find(&after, "matrix", "workflow", "drafts")["removed_at"], Value::Null);
    let week = find(&after, "workflows", "workflow", "gone");
    assert_eq!((&week["gate"], &week["guards"], &week["reviews"]["awaited"]), (&json!(null), &json!([]), &json!(null)));
    let gap = "gone left the policy: its limits, currency and owner are no longer known, and nobody can judge its demotions any more.";
    assert!(after["gaps"].as_array().unwrap().contains(&json!(gap)), "{}", after["gaps"]);
    assert!(
        app.get("/v1/reports/now.md").text().contains("| gone | factory | assist (was automate), removed 27 Nov |")
    );
    let page = app.get("/v1/reports/now.html").text();
    assert!(page.contains("(was automate), removed 27 Nov<") && page.contains(">assist, removed 27 Nov<"), "{page}");
}

#[test]
fn of_one_that_left_is_asked_what_somebody_can_answer() {
    let (app, _) = left();
    let after = report(&app, "now.json");
    // Its incident is asked about, its demotion isn't: nobody could answer.
    let about = after["decisions"].as_array().unwrap().iter().filter(|one| one["workflow"] == "gone");
    assert_eq!(about.map(|one| one["id"].clone()).collect::<Vec<_>>(), ["assign:incident:gone-1"]);
    let sent = json!({"question": "assign:incident:gone-1", "choice": "nothing", "note": "it is gone"});
    app.post("/v1/reports/now/decisions", &sent).ok();
    let answered = report(&app, "now.json");
    assert_eq!(find(&answered, "decisions", "id", "assign:incident:gone-1")["answer"]["note"], "it is gone");
    app.post("/v1/incidents/gone-1/resolve", &json!({"note": "it is gone"})).ok();
    let of_one = report(&app, "now.json?workflow=gone");
    assert_eq!((ids(&of_one, "matrix"), of_one["moves"].as_array().unwrap().len()), (vec!["gone".to_owned()], 1));
    // Whose it was is no longer known.
    let team = report(&app, "now.json?team=marketing");
    assert_eq!(ids(&team, "matrix"), ["drafts"]);
    let gap = "gone left the policy, and nobody knows any more whose it was: it is in the report of all workflows, not in this one.";
    assert!(team["gaps"].as_array().unwrap().contains(&json!(gap)), "{}", team["gaps"]);
}

#[test]
fn the_week_in_which_it_left_and_those_before_keep_it_and_the_next_one_does_not() {
    let (app, _) = left();
    let after = report(&app, "now.json");
    app.advance(WEEK);
    assert_eq!(ids(&report(&app, "now.json"), "matrix"), ["drafts", "router"]);
    app.get("/v1/reports/now.json?workflow=gone").problem(404);
    let last = report(&app, "last.json");
    assert_eq!((ids(&last, "matrix"), said(&last)), (ids(&after, "matrix"), said(&after)));
    assert_eq!(ids(&report(&app, "2026-W47.json"), "matrix"), ["drafts", "gone", "router"]);
    assert!(!report(&app, "now.json?team=marketing").to_string().contains("left the policy"));
    // Back in the policy it is one of them again.
    let gone = declared("gone", "marketing", "").replace("start_mode = \"automate\"", "start_mode = \"assist\"");
    reload(&app, &format!("{}{gone}{}", declared("drafts", "marketing", ""), other()));
    let place = report(&app, "now.json");
    assert_eq!(find(&place, "matrix", "workflow", "gone")["removed_at"], Value::Null);
}

#[test]
fn a_token_for_one_workflow_reads_of_its_own_also_where_ids_change() {
    let mut keys = Keys::new();
    let all = keys.give("all", &[Scope::Admin]);
    let [former, present] = ["drafts", "letters"].map(|id| keys.give_for(id, &[Scope::Read], &[id], None));
    let gone = keys.give_for("gone", &[Scope::Read], &["gone"], None);
    let app = keys.house().start(&format!(
        "{}{}{}",
        declared("drafts", "marketing", ""),
        declared("gone", "marketing", ""),
        other()
    ));
    let send = |id: &str| {
        let made: Vec<Value> = (0..30).map(|n| with(failure(format!("{id}{n}")), &json!({"workflow": id}))).collect();
        As(&app, &all).post("/v1/events", &json!(made)).ok();
    };
    ["drafts", "gone", "router"].into_iter().for_each(send);
    app.house.configure(&format!("{}{}", renamed("letters", "drafts"), other()));
    As(&app, &all).post("/v1/reload", &json!({})).ok();
    let read = |of: &andon::access::Secret, id: &str| As(&app, of).get(&format!("/v1/reports/now.json?workflow={id}"));
    let own = read(&present, "letters").ok();
    assert_eq!((&own["matrix"][0]["outputs"], ids(&own, "moves")), (&json!(30), vec!["letters".to_owned()]));
    for hidden in ["gone", "router"] {
        assert!(!own.to_string().contains(hidden), "{own}");
        assert_eq!(read(&present, hidden).problem(403), "forbidden_workflow");
    }
    // The id that nobody has any more opens nothing of the one that had it.
    assert_eq!(read(&former, "drafts").problem(404), "unknown_workflow");
    assert_eq!(read(&former, "letters").problem(403), "forbidden_workflow");
    let left = read(&gone, "gone").ok();
    assert_eq!((ids(&left, "matrix"), ids(&left, "moves")), (vec!["gone".to_owned()], vec!["gone".to_owned()]));
    assert!(!left.to_string().contains("letters") && !left.to_string().contains("router"), "{left}");
    assert_eq!(As(&app, &gone).get("/v1/reports/now.json").status, 403);
}

#[test]
fn an_id_that_is_taken_anew_gives_no_number_twice() {
    let apply = "[governance]\nloosening = \"apply\"\n";
    let app = House::folder().start(&format!("{apply}{}", declared("old", "marketing", "")));
    // Who takes an id anew starts in automate: a configuration that loosens.
    let load = |app: &TestApp, rest: &str| {
        app.house.configure(&format!("{apply}{rest}"));
        assert_eq!(app.post("/v1/reload", &json!({})).ok()["changed"], true);
    };
    let opened = |app: &TestApp| {
        let all = app.get("/v1/incidents").ok();
        let mut ids: Vec<String> =
            all["incidents"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
        ids.retain(|id| id.starts_with("old-"));
        ids.sort();
        ids
    };
    bring_down(&app, "old");
    load(&app, &renamed("new", "old"));
    // Another workflow takes the id, also over a restart.
    let kept = declared("new", "marketing", "");
    let both = format!("{kept}{}", declared("old", "support", ""));
    load(&app, &both);
    let app = app.stop().start(&format!("{apply}{both}"));
    let fail = |app: &TestApp, which: &str| {
        let failed = (0..20).map(|n| with(failure(format!("{which}-{n}")), &json!({"workflow": "old"})));
        app.take(&failed.collect::<Vec<_>>());
    };
    fail(&app, "second");
    assert_eq!(opened(&app), ["old-1", "old-2"]);
    // And one that was another before gets it.
    load(&app, &format!("{kept}{}{}", renamed("newer", "old"), declared("other", "support", "")));
    load(&app, &format!("{kept}{}{}", declared("newer", "marketing", ""), renamed("old", "other")));
    fail(&app, "third");
    assert_eq!(opened(&app), ["old-1", "old-2", "old-3"]);
}
