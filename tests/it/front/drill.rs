//! Drills on a whole daemon: they pass where all is well, and leave no trace anywhere but in their own
//! record. What they say of cut wires is tested in `drill_wires`.

#![cfg(test)]

use super::harness::{DRAFTS, House, TestApp, failure, output, until, with};
use super::keys::{As, Keys};
use super::metrics::Scrape;
use andon::domain::{Scope, Time};
use serde_json::{Value, json};

/// The wires with an outcome, in the order in which they were looked at.
pub(crate) fn wires(drilled: &Value, outcome: &str) -> Vec<String> {
    let steps = drilled["drill"]["steps"].as_array().unwrap().iter();
    steps.filter(|step| step["outcome"] == outcome).map(|step| step["wire"].as_str().unwrap().to_owned()).collect()
}

pub(crate) const ALL: [&str; 7] = ["queue", "monitor", "mode_read", "ledger", "journal", "snapshot", "notify"];

impl TestApp {
    /// Runs a drill; the answer.
    #[track_caller]
    pub(crate) fn drill(&self) -> Value {
        self.post("/v1/drills", &json!({})).ok()
    }

    /// Runs a drill that must pass.
    #[track_caller]
    pub(crate) fn passes(&self) -> Value {
        let drilled = self.drill();
        assert_eq!((&drilled["passed"], &drilled["unrecorded"]), (&json!(true), &Value::Null), "{drilled:#}");
        assert_eq!(wires(&drilled, "passed"), ALL, "{drilled:#}");
        drilled
    }

    pub(crate) fn drills(&self) -> Value {
        self.get("/v1/drills").ok()
    }

    fn results(&self) -> Vec<Value> {
        self.drills()["drills"].as_array().unwrap().iter().map(|drill| drill["result"].clone()).collect()
    }
}

fn kinds(ledger: &[Value]) -> Vec<(&str, &str)> {
    ledger.iter().map(|entry| (entry["kind"].as_str().unwrap(), entry["workflow"].as_str().unwrap_or("-"))).collect()
}

#[test]
fn a_drill_passes_on_a_fresh_daemon_and_again_and_after_a_restart() {
    for house in [House::folder(), House::memory()] {
        // Without any workflow.
        let app = house.start("");
        let before = app.ledger().len();
        let drilled = app.passes();
        let drill = &drilled["drill"];
        assert_eq!((&drill["number"], &drill["by"], &drill["result"]), (&json!(1), &json!("local"), &json!("passed")));
        assert_eq!((&drill["exceptions"], &drill["lowered_after_ms"]), (&json!(20), &json!(0)));
        let ledger = app.ledger();
        let lane = "andon-drill";
        let told = [
            ("drill_began", lane),
            ("mode_changed", lane),
            ("incident_opened", lane),
            ("mode_changed", lane),
            ("incident_joined", lane),
            ("incident_resolved", lane),
            ("drilled", "-"),
        ];
        assert_eq!(kinds(&ledger[before..]), told);
        let last = ledger.last().unwrap();
        assert_eq!(
            (&last["drill"], &last["result"], last["steps"].as_array().unwrap().len()),
            (&json!(1), &json!("passed"), 7)
        );
        let epoch = app.mode(lane)["epoch"].as_u64().unwrap();
        app.advance(60_000);
        assert_eq!(app.passes()["drill"]["number"], 2);
        assert!(app.mode(lane)["epoch"].as_u64().unwrap() > epoch, "readers wait by the epoch");
        let app = app.stop().start("");
        assert_eq!(app.results(), ["passed", "passed"]);
        assert_eq!(app.mode(lane)["mode"], "assist");
        assert_eq!(app.passes()["drill"]["number"], 3);
        let why = app.get("/v1/workflows/andon-drill/why").ok();
        assert_eq!((&why["mode"], &why["epoch"]), (&json!("assist"), &app.mode(lane)["epoch"]));
    }
}

/// What everybody sees of workflows is the same after a drill as before it.
#[test]
fn the_lane_is_seen_nowhere_but_in_the_record_of_drills() {
    let rest = "[unknown_workflows]\naccept = true\nmax = 1\n[storm]\nshare = 0.0\nworkflows_min = 2\n\
                [[workflow]]\nid = \"other\"\nstart_mode = \"automate\"\n";
    let app = House::folder().start(&format!("{rest}{DRAFTS}"));
    app.take(&[output(1)]);
    let seen = |app: &TestApp| {
        let metrics = app.get("/metrics").text();
        let series = metrics.lines().filter(|line| !line.starts_with('#') && line.contains("workflow=\""));
        let of_modes = |line: &&str| !line.starts_with("andon_mode_last_read");
        let mut series: Vec<String> = series.filter(of_modes).map(str::to_owned).collect();
        series.sort();
        let lists = ["/v1/workflows", "/v1/incidents", "/v1/requests", "/v1/refusals", "/v1/base"];
        (
            lists.map(|path| app.get(path).text()),
            series,
            Scrape::of(app).value("andon_events_accepted_total{}").to_string(),
        )
    };
    let before = seen(&app);
    app.passes();
    app.passes();
    assert_eq!(seen(&app), before);
    assert!(!before.1.iter().any(|line| line.contains("andon-drill")) && before.1.len() > 20);
    // A drill doesn't make a storm of one demotion, and doesn't count in the fleet.
    app.take(&(10..60).map(failure).collect::<Vec<_>>());
    app.passes();
    let incidents = app.get("/v1/incidents").ok();
    assert!(incidents["incidents"].as_array().unwrap().iter().all(|i| i["about"] == "breach"), "{incidents}");
    // One unknown workflow still has its place.
    app.take(&[with(output(1), &json!({"workflow": "stranger"}))]);
    let stopped = app.post("/v1/stop", &json!({"reason": "all"})).ok();
    let ids: Vec<&String> = stopped["modes"].as_object().unwrap().keys().collect();
    assert_eq!(ids, ["drafts", "other", "stranger"]);
    app.passes();
}

#[test]
fn nobody_else_reports_to_the_lane_or_orders_anything_about_it() {
    let app = House::folder().start("[unknown_workflows]\naccept = true\n");
    let lane = json!({"workflow": "andon-drill"});
    for _ in 0..2 {
        for event in [output(1), failure(2)] {
            let answer = app.post("/v1/events", &with(event, &lane)).ok();
            let refusal = &answer["rejected"][0];
            assert_eq!((&refusal["code"], &refusal["field"]), (&json!("reserved_workflow"), &json!("workflow")));
            assert_eq!((&answer["accepted"], &answer["modes"]), (&json!(0), &json!({})));
        }
        let review = json!({"id": "r", "workflow": "andon-drill", "output_id": "drill-1-1", "verdict": "rejected", "reviewer": "ann"});
        let answer = app.post("/v1/reviews", &json!([review])).ok();
        assert_eq!(answer["rejected"][0]["code"], "reserved_workflow", "{answer}");
        let path = "/v1/workflows/andon-drill";
        for (path, body) in [
            (format!("{path}/mode"), json!({"mode": "assist", "reason": "r"})),
            (format!("{path}/mode"), json!({"hold": true, "reason": "r"})),
            (format!("{path}/annulments"), json!({"reason": "r"})),
            (format!("{path}/readiness"), json!({"item": "runbook", "ready": true, "note": "n"})),
            (format!("{path}/guards/exceptions/baseline"), json!({"reason": "r"})),
        ] {
            let answer = app.post(&path, &body);
            assert_eq!(answer.problem(409), "reserved_workflow", "{path}");
            assert!(answer.text().contains("andon drill"), "{}", answer.text());
        }
        let promotion = json!({"workflow": "andon-drill", "to": "delegate", "reason": "r"});
        assert_eq!(app.post("/v1/promotions", &promotion).problem(404), "unknown_workflow");
        for path in [path.to_owned(), format!("{path}/gate"), format!("{path}/guards/exceptions")] {
            assert_eq!(app.get(&path).status, 404, "{path}");
        }
        app.passes();
    }
    // The lane's own incidents end with their drill, and are nobody else's.
    assert_eq!(app.post("/v1/incidents/andon-drill-1/resolve", &json!({})).status, 404);
    assert_eq!(app.results(), ["passed", "passed"]);
}

#[test]
fn it_works_while_a_policy_waits_and_over_a_reload() {
    let app = House::folder().start(&format!("[governance]\nloosening = \"approve\"\n{DRAFTS}"));
    app.passes();
    app.house.configure(&format!("{}\n", DRAFTS.replace("automate = 0.02", "automate = 0.04")));
    let reloaded = app.post("/v1/reload", &json!({})).ok();
    assert!(reloaded["waiting"].is_string(), "{reloaded}");
    assert_eq!(app.mode("andon-drill")["mode"], "assist");
    app.passes();
    app.house.configure("");
    app.post("/v1/reload", &json!({})).ok();
    app.passes();
    assert_eq!(app.results(), ["passed"; 3]);
}

/// The power goes while a drill runs: the next one puts the lane right, and nobody is alarmed.
#[test]
fn a_crash_in_the_middle_is_no_failure() {
    for outputs in [0, 15, 40] {
        let app = House::memory().start(DRAFTS);
        app.passes();
        let driver = app.driver();
        use andon::domain::{Action, Command, DrillAct, Outcome, OutputEvent, WorkflowId};
        app.block_on(driver.command(Command::new("ann", Action::Drill(DrillAct::Begin)))).unwrap();
        let event = |n| OutputEvent::new(&format!("drill-2-{n}"), WorkflowId::drill_lane(), Outcome::Exception);
        if outputs > 0 {
            app.block_on(driver.drill_outputs((0..outputs).map(event).collect())).unwrap();
        }
        let house = app.house.crash(Some(7));
        drop(app);
        let app = house.start(DRAFTS);
        let mode = ["delegate", "collaborate", "assist"][outputs / 15];
        assert_eq!(app.mode("andon-drill")["mode"], mode, "{outputs}");
        assert_eq!(app.results(), ["interrupted", "passed"]);
        app.passes();
        assert_eq!(app.results(), ["passed", "interrupted", "passed"]);
        assert_eq!(app.get("/v1/incidents").ok()["incidents"], json!([]));
    }
}

#[test]
fn one_at_a_time() {
    let app = House::folder().start("");
    let held = app.hold();
    let to = app.address;
    let pull = || std::thread::spawn(move || super::http::try_send(to, "POST", "/v1/drills", &[], b"").unwrap());
    let both = [pull(), pull()];
    // One waits for the driver, the other is turned away at once.
    until("one is answered", || both.iter().any(|one| one.is_finished()));
    drop(held);
    let mut answers = both.map(|one| one.join().unwrap());
    answers.sort_by_key(|answer| answer.status);
    assert_eq!(answers[0].ok()["passed"], true, "{answers:?}");
    assert_eq!(answers[1].problem(409), "drill_running");
    app.passes();
    assert_eq!(app.results(), ["passed", "passed"]);
}

#[test]
fn with_tokens_it_takes_operate_for_all_workflows() {
    let mut keys = Keys::new();
    let ann = keys.give("ann", &[Scope::Operate]);
    let bob = keys.give_for("bob", &[Scope::Operate, Scope::Read], &["drafts"], None);
    let eve = keys.give("eve", &[Scope::Read]);
    let app = keys.house().start(DRAFTS);
    let body = b"{}";
    assert_eq!(app.send("POST", "/v1/drills", &[], body).problem(401), "unauthenticated");
    assert_eq!(As(&app, &bob).send("POST", "/v1/drills", body).problem(403), "forbidden_workflow");
    assert_eq!(As(&app, &eve).send("POST", "/v1/drills", body).problem(403), "forbidden");
    let drilled = As(&app, &ann).send("POST", "/v1/drills", body).ok();
    assert_eq!((&drilled["passed"], &drilled["drill"]["by"]), (&json!(true), &json!("ann")), "{drilled:#}");
    assert_eq!(As(&app, &bob).get("/v1/drills").ok()["drills"][0]["by"], "ann");
    // Nothing that a request can say makes it one of andon's own.
    for header in ["inside", "x-inside", "andon-inside", "x-andon-inside"] {
        assert_eq!(app.send("GET", "/v1/workflows/andon-drill/mode", &[(header, "andon")], b"").status, 401);
    }
    assert_eq!(As(&app, &bob).get("/v1/workflows/andon-drill/mode").problem(403), "forbidden_workflow");
    assert_eq!(As(&app, &eve).get("/v1/workflows/andon-drill/mode").ok()["mode"], "assist");
}

#[test]
fn the_schedule_goes_by_the_record_also_over_restarts() {
    let rest = "[drill]\nevery = \"1h\"\n";
    let house = House::folder();
    let app = house.start(rest);
    let due = |app: &TestApp| app.drills()["due"].as_str().unwrap().parse::<Time>().unwrap();
    let began = app.now();
    assert_eq!(due(&app), began.plus(10 * Time::MINUTE), "the first comes soon");
    app.advance(4 * Time::MINUTE);
    let app = app.stop().start(rest);
    assert_eq!(due(&app), began.plus(10 * Time::MINUTE), "a restart doesn't put it off");
    assert_eq!(app.drills()["drills"], json!([]));
    app.advance(6 * Time::MINUTE);
    until("the first drill", || app.results() == ["passed"] && app.drills()["running"] == false);
    assert_eq!(app.drills()["drills"][0]["by"], "andon");
    let first = app.now();
    assert_eq!(due(&app), first.plus(Time::HOUR));
    let scrape = Scrape::of(&app);
    assert!(scrape.is("andon_drill_last_success_timestamp_seconds{}", first.seconds()));
    assert!(scrape.is("andon_drills_total{result=passed}", 1.0) && scrape.is("andon_drills_total{result=failed}", 0.0));
    assert!(scrape.is("andon_drill_duration_seconds{}", 0.0) && scrape.is("andon_drill_lowered_after_seconds{}", 0.0));
    let app = app.stop().start(rest);
    assert_eq!(due(&app), first.plus(Time::HOUR));
    // Time that passed while it was away counts.
    let house = app.stop();
    house.clock.advance(2 * Time::HOUR);
    let app = house.start(rest);
    until("the overdue drill", || app.results() == ["passed", "passed"]);
    assert!(Scrape::of(&app).is("andon_drill_last_success_timestamp_seconds{}", app.now().seconds()));
    // By hand counts, too.
    app.advance(30 * Time::MINUTE);
    app.passes();
    assert_eq!(due(&app), app.now().plus(Time::HOUR));
    let app = app.stop().start("[drill]\nevery = \"never\"\n");
    assert_eq!(app.drills()["due"], Value::Null);
}

#[test]
fn its_id_is_nobodys_and_its_keys_say_what_is_wrong() {
    let problems = |text: &str| andon::config::load(text, "andon.toml").unwrap_err().to_string();
    let taken = problems("[[workflow]]\nid = \"andon-drill\"\n");
    assert!(taken.contains("`id` can't be \"andon-drill\"") && taken.contains("write another name"), "{taken}");
    let former = problems("[[workflow]]\nid = \"a\"\nrenamed_from = \"andon-drill\"\n");
    assert!(former.contains("`renamed_from` can't be \"andon-drill\""), "{former}");
    let often = problems("[drill]\nevery = \"1m\"\n");
    assert!(often.contains("at least \"10m\"; \"never\" leaves drills to people"), "{often}");
    assert!(problems("[drill]\nstep_timeout = \"2h\"\n").contains("`step_timeout` must be from \"100ms\""));
    let defaults = andon::config::load("", "andon.toml").unwrap().drill;
    assert_eq!((defaults.every_ms, defaults.step_timeout_ms), (Some(7 * Time::DAY), 10_000));
}

/// A past with drills in it under another policy: they are no workflow's past.
#[test]
fn a_backtest_does_not_see_drills() {
    use andon::backtest::{Backtest, Span, backtest};
    use andon::store::Look;
    let app = House::folder().start(DRAFTS);
    app.passes();
    app.take(&(0..30).map(output).collect::<Vec<_>>());
    app.advance(60_000);
    app.passes();
    let house = app.stop();
    let look = Look::at(&house.folder.path().join("data")).unwrap();
    let policy = andon::config::load(&DRAFTS.replace("0.20", "0.25"), "andon.toml").unwrap().policy;
    for from in [None, Some(andon::clock::Clock::now(&*house.clock).plus(-30_000))] {
        let wanted = Backtest { policy: policy.clone(), span: Span { from, to: None }, start_mode: None };
        let report = serde_json::to_value(backtest(&look, wanted, &mut |_| {}).unwrap()).unwrap();
        assert!(!report.to_string().contains("andon-drill"), "{report:#}");
        let outputs = if from.is_none() { 30 } else { 0 };
        assert_eq!(report["read"]["outputs"], outputs, "{report:#}");
    }
}
