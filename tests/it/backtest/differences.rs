//! Looser and tighter candidates: what is on both sides, what on one only, and what can't be known.

#![cfg(test)]

use super::{DRAFTS, Past, printed, report, start, workflow};
use andon::domain::{Action, Mode, Time, WorkflowId};
use serde_json::{Value, json};
use std::path::Path;

fn id(id: &str) -> WorkflowId {
    WorkflowId::new(id).unwrap()
}

/// A workflow that breaks, one that slips, one in the lab and one that says nothing.
fn house(bound: &str) -> String {
    let workflow = |id: &str, more: &str| {
        format!(
            "[[workflow]]\nid = \"{id}\"\n{more}\n[[workflow.guard]]\nsignal = \"exception_rate\"\nname = \"exceptions\"\nbound = {bound}\nblock = 1\n"
        )
    };
    [
        "[budget]\noutputs_per_false_demotion = 1000\n".to_owned(),
        workflow("drafts", "start_mode = \"automate\""),
        workflow("router", "start_mode = \"automate\""),
        workflow("trials", "track = \"lab\"\nstart_mode = \"collaborate\""),
        workflow("unused", "evidence_valid = \"never\""),
    ]
    .concat()
}

const LADDER: &str = "{ collaborate = 0.6, delegate = 0.3, automate = 0.05 }";

/// A day of the house.
fn day(folder: &Path) {
    let mut past = Past::new(folder, &house(LADDER));
    past.minutes("drafts", 60, false);
    past.minutes("trials", 20, false);
    // One in five fails: too much for automate.
    for _ in 0..16 {
        past.minutes("router", 4, false);
        past.minutes("router", 1, true);
    }
    past.minutes("drafts", 8, true);
    past.minutes("trials", 25, true);
    let incident = past.engine.monitor().workflows()[&id("trials")].state.incidents.list()[0].id.clone();
    past.order(Action::Resolve { incident, note: "understood".into() });
    past.minutes("trials", 25, true);
    past.order(Action::Lower { workflow: id("router"), mode: Mode::Assist, reason: "holidays".into() });
    past.minutes("drafts", 40, false);
}

fn rows(report: &Value, id: &str) -> Vec<Value> {
    workflow(report, id)["rows"].as_array().unwrap().clone()
}

#[test]
fn a_looser_and_a_tighter_candidate_are_told() {
    let folder = tempfile::tempdir().unwrap();
    day(folder.path());
    insta::assert_snapshot!("looser", printed(folder.path(), &house("0.4"), &[]));
    insta::assert_snapshot!("tighter", printed(folder.path(), &house("0.01"), &[]));
    let looser = report(folder.path(), &house("0.4"), &[]);
    insta::assert_snapshot!("looser_json", serde_json::to_string_pretty(&looser).unwrap());
    let router = workflow(&looser, "router");
    let ran = &router["candidate"]["outputs_in"];
    assert_eq!(ran["automate"], 80, "one in five keeps to a bound of 0.4: {router:#}");
    let below = router["outputs_below_candidate"].as_u64().unwrap();
    assert_eq!(below, 80 - router["happened"]["outputs_in"]["automate"].as_u64().unwrap());
    assert_eq!(router["outputs_above_candidate"], 0);
}

#[test]
fn what_is_on_both_sides_says_how_much_earlier() {
    let folder = tempfile::tempdir().unwrap();
    day(folder.path());
    let tighter = report(folder.path(), &house("0.01"), &[]);
    let slipped = rows(&tighter, "router")[0].clone();
    let (happened, candidate) = (&slipped["happened"], &slipped["candidate"]);
    let at = candidate["at_output"].as_i64().unwrap();
    let earlier = happened["at_output"].as_i64().unwrap() - at;
    assert!(earlier > 0, "{slipped:#?}");
    // One a minute: as many minutes as outputs.
    assert_eq!(
        (&slipped["later_outputs"], &slipped["later_ms"]),
        (&(-earlier).into(), &(-earlier * Time::MINUTE).into())
    );
    assert_eq!((&happened["to"], &candidate["to"]), (&"delegate".into(), &"assist".into()));
    assert_eq!(workflow(&tighter, "router")["outputs_above_candidate"], 80 - at, "all after it");
    // The operator's order found router in assist already: it is on one side only.
    let by_hand: Vec<Value> =
        rows(&tighter, "router").into_iter().filter(|row| row["happened"]["cause"] == "operator").collect();
    assert!(by_hand.len() == 1 && by_hand[0]["candidate"].is_null(), "{by_hand:#?}");
    let times = |side: &str| -> i64 {
        let spent = workflow(&tighter, "drafts")[side]["time_ms"].as_object().unwrap();
        spent.values().map(|ms| ms.as_i64().unwrap()).sum()
    };
    assert_eq!(times("happened"), times("candidate"));
}

#[test]
fn the_lab_notes_and_a_resolved_incident_is_the_candidates_own() {
    let folder = tempfile::tempdir().unwrap();
    day(folder.path());
    let same = report(folder.path(), &house(LADDER), &[]);
    let noted = workflow(&same, "trials")["happened"]["noted"].as_u64().unwrap();
    assert_eq!(noted, 2, "once before it was resolved and once after: {same:#}");
    // The candidate opens another incident first, so that the same breach has another number.
    let limit = "[[workflow.guard]]\nsignal = \"limit\"\nname = \"first\"\nexceptions = { count = 1, per = \"24h\" }\n";
    let candidate =
        house(LADDER).replace("[[workflow]]\nid = \"unused\"", &format!("{limit}[[workflow]]\nid = \"unused\""));
    let other = report(folder.path(), &candidate, &[]);
    let trials = workflow(&other, "trials");
    let by = |guard: &str| -> Vec<Value> {
        rows(&other, "trials").into_iter().filter(|row| row["candidate"]["guard"] == guard).collect()
    };
    assert_eq!((by("first").len(), by("exceptions").len()), (1, 2), "{trials:#}");
    assert!(by("exceptions").iter().all(|row| row["happened"]["time"] == row["candidate"]["time"]), "{trials:#}");
    assert_eq!((&other["lowered_differently"], &other["noted_differently"]), (&0.into(), &1.into()), "{other:#}");
    assert_eq!((&trials["track"], &trials["candidate"]["noted"]), (&"lab".into(), &3.into()), "{trials:#}");
}

#[test]
fn evidence_lapses_under_a_shorter_term_although_the_journal_has_no_tick() {
    let folder = tempfile::tempdir().unwrap();
    let mut past = Past::new(folder.path(), DRAFTS);
    past.minutes("drafts", 5, false);
    let last = past.now;
    past.pass(40 * Time::HOUR);
    past.minutes("drafts", 5, false);
    past.pass(5 * Time::HOUR);
    let candidate = DRAFTS.replace("30d", "36h");
    let lapsed = report(folder.path(), &candidate, &[]);
    let rows = rows(&lapsed, "drafts");
    assert_eq!(rows.len(), 1, "{rows:#?}");
    let (happened, row) = (&rows[0]["happened"], &rows[0]["candidate"]);
    assert!(happened.is_null());
    assert_eq!((&row["cause"], &row["to"], &row["at_output"]), (&"lapse".into(), &"assist".into(), &5.into()));
    assert_eq!(row["time"], last.plus(36 * Time::HOUR).to_string(), "at its time, not at the next output's");
    assert_eq!(workflow(&lapsed, "drafts")["outputs_above_candidate"], 5);
    // Time passes up to --to as well, where the journal goes on behind it.
    let to = last.plus(37 * Time::HOUR).to_string();
    let cut = report(folder.path(), &candidate, &["--to", &to]);
    assert_eq!(self::rows(&cut, "drafts").len(), 1);
    let before = last.plus(35 * Time::HOUR).to_string();
    assert!(self::rows(&report(folder.path(), &candidate, &["--to", &before]), "drafts").is_empty());
}

#[test]
fn a_gap_before_a_start_is_not_silence() {
    let folder = tempfile::tempdir().unwrap();
    let mut past = Past::new(folder.path(), DRAFTS);
    past.minutes("drafts", 5, false);
    let mut past = past.restart(10 * Time::HOUR);
    past.minutes("drafts", 5, false);
    past.pass(7 * Time::HOUR);
    let silent = past.now;
    past.minutes("drafts", 1, false);
    let candidate = format!("{DRAFTS}[[workflow.guard]]\nsignal = \"silence\"\nafter = \"3h\"\n");
    let rows = rows(&report(folder.path(), &candidate, &[]), "drafts");
    assert_eq!(rows.len(), 1, "the night without a daemon doesn't count: {rows:#?}");
    assert_eq!(rows[0]["candidate"]["time"], silent.plus(-4 * Time::HOUR).to_string());
}

#[test]
fn from_a_time_on_the_state_is_what_it_really_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut past = Past::new(folder.path(), DRAFTS);
    past.minutes("drafts", 60, false);
    past.minutes("drafts", 8, true);
    past.minutes("drafts", 60, false);
    let loose = DRAFTS.replace("0.05", "0.9");
    let whole = report(folder.path(), &loose, &[]);
    assert_eq!(workflow(&whole, "drafts")["candidate"]["end"], "automate", "{whole:#}");
    assert_eq!(whole["whole_past"], true);
    let from = start().plus(100 * Time::MINUTE).to_string();
    let later = report(folder.path(), &loose, &["--from", &from]);
    let drafts = workflow(&later, "drafts");
    assert_eq!((&drafts["candidate"]["start"], &drafts["candidate"]["end"]), (&"assist".into(), &"assist".into()));
    assert_eq!((&later["read"]["from"], &later["read"]["outputs"]), (&from.clone().into(), &29.into()), "{later:#}");
    assert_eq!((&later["whole_past"], &later["lowered_differently"]), (&false.into(), &0.into()));
    // An age is counted from the journal's end, so that the same journal says the same tomorrow.
    let age = report(folder.path(), &loose, &["--from", "28m"]);
    assert_eq!(age["read"]["from"], from);
    // What a guard knew before counts on: three failures before, and the others after.
    let middle = start().plus(64 * Time::MINUTE).to_string();
    let reloaded = report(folder.path(), &DRAFTS.replace("30d", "20d"), &["--from", &middle]);
    assert_eq!(reloaded["lowered_differently"], 0, "{reloaded:#}");
}

#[test]
fn workflows_come_go_and_have_other_names() {
    let folder = tempfile::tempdir().unwrap();
    let two = format!("[unknown_workflows]\naccept = true\n{DRAFTS}{}", DRAFTS.replace("drafts", "leaving"));
    let mut past = Past::new(folder.path(), &two);
    for id in ["drafts", "leaving", "stranger"] {
        past.minutes(id, 30, false);
    }
    past.minutes("drafts", 8, true);
    drop(past);
    let renamed = DRAFTS.replace("id = \"drafts\"", "id = \"letters\"\nrenamed_from = \"drafts\"");
    let candidate = format!("{renamed}{}", DRAFTS.replace("drafts", "new"));
    let found = report(folder.path(), &candidate, &[]);
    assert_eq!((&found["compared"], &found["lowered_differently"]), (&1.into(), &0.into()), "{found:#}");
    let drafts = workflow(&found, "drafts");
    assert_eq!((&drafts["candidate_id"], &drafts["candidate"]["outputs"]), (&"letters".into(), &38.into()));
    assert_eq!(drafts["rows"][0]["candidate"]["time"], drafts["rows"][0]["happened"]["time"]);
    assert!(workflow(&found, "leaving")["candidate"].is_null() && workflow(&found, "stranger")["candidate"].is_null());
    assert!(workflow(&found, "new")["happened"].is_null());
    let said = printed(folder.path(), &candidate, &[]);
    for part in ["drafts, letters in the candidate", "Only the candidate has it", "nothing would watch it"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    // The journal renamed it in between, and the candidate keeps the former name.
    let mut past = Past::open(folder.path(), start().plus(Time::DAY));
    past.sent = 1_000;
    past.load(&renamed);
    past.minutes("letters", 7, false);
    drop(past);
    let kept = report(folder.path(), DRAFTS, &[]);
    let letters = workflow(&kept, "letters");
    assert_eq!(
        (&letters["candidate_id"], &letters["candidate"]["outputs"]),
        (&"drafts".into(), &45.into()),
        "{kept:#}"
    );
}

#[test]
fn it_is_said_from_when_a_learning_guard_judged() {
    let folder = tempfile::tempdir().unwrap();
    let mut past = Past::new(folder.path(), DRAFTS);
    past.minutes("drafts", 100, false);
    past.minutes("drafts", 3, true);
    let learned = |outputs: u32| {
        format!(
            "{DRAFTS}[[workflow.guard]]\nsignal = \"exception_rate\"\nname = \"usual\"\ntolerance = 0.05\nbaseline = {{ outputs = {outputs} }}\n"
        )
    };
    let found = report(folder.path(), &learned(60), &[]);
    let guard = &workflow(&found, "drafts")["learned"][0];
    assert_eq!((&guard["guard"], &guard["at_output"]), (&"usual".into(), &60.into()), "{guard}");
    assert_eq!(guard["judged_from"], start().plus(60 * Time::MINUTE).to_string());
    let said = printed(folder.path(), &learned(500), &[]);
    assert!(said.contains("guard usual judged nothing"), "{said}");
    let from = start().plus(80 * Time::MINUTE).to_string();
    let late = report(folder.path(), &learned(60), &["--from", &from]);
    assert_eq!(
        workflow(&late, "drafts")["learned"],
        json!([{"guard": "usual", "judged_from": null, "at_output": null}])
    );
}

#[test]
fn a_batch_is_told_to_the_output() {
    let folder = tempfile::tempdir().unwrap();
    let mut past = Past::new(folder.path(), DRAFTS);
    past.pass(Time::MINUTE);
    let batch = (0..200).map(|n| past.event("drafts", n >= 100)).collect();
    past.request(batch);
    let found = report(folder.path(), &DRAFTS.replace("0.05", "0.2"), &[]);
    let drafts = workflow(&found, "drafts");
    let at = |side: &str| drafts["rows"][0][side]["at_output"].as_u64().unwrap();
    let output = |side: &str| drafts["rows"][0][side]["output"].as_str().unwrap().to_owned();
    assert!((101..120).contains(&at("happened")) && at("candidate") > at("happened"), "{drafts:#}");
    assert_eq!(output("happened"), format!("o-{}", at("happened")));
    assert_eq!(output("candidate"), format!("o-{}", at("candidate")));
    assert_eq!(drafts["outputs_below_candidate"], at("candidate") - at("happened"));
}

#[test]
fn workflows_can_begin_in_another_mode() {
    let folder = tempfile::tempdir().unwrap();
    day(folder.path());
    let found = report(folder.path(), &house(LADDER), &["--start-mode", "delegate"]);
    let router = workflow(&found, "router");
    assert_eq!((&router["happened"]["start"], &router["candidate"]["start"]), (&"automate".into(), &"delegate".into()));
    assert!(router["outputs_above_candidate"].as_u64().unwrap() > 10, "{router:#}");
    assert_eq!(workflow(&found, "trials")["candidate"]["start"], "collaborate", "the lab's highest");
}
