//! Guards that learn what is normal, that compare groups, and that look at reviews and volumes.

#![cfg(test)]

use super::harness::{House, TestApp, failure, output, with};
use super::metrics::Scrape;
use serde_json::{Value, json};

fn guarded(guard: &str) -> String {
    format!(
        "[[workflow]]\nid = \"drafts\"\nstart_mode = \"automate\"\n\
         review = {{ automate = 1.0 }}\n  [[workflow.guard]]\n  name = \"watch\"\n{guard}\n"
    )
}

const DRIFT: &str = "signal = \"drift\"\nof = \"scores.fit\"\nbaseline = { outputs = 1000 }\nblock = 1";

/// A score that runs evenly through 0 to 1, plus something.
fn fit(n: u64, more: f64) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "below 1,000")]
    let score = ((n * 613) % 1_000) as f64 / 1_000.0 + more;
    with(output(n), &json!({"scores": {"fit": score}, "model": if more > 0.0 { "m-2" } else { "m-1" }}))
}

fn of_kind(app: &TestApp, kind: &str) -> Vec<Value> {
    app.ledger().into_iter().filter(|entry| entry["kind"] == kind).collect()
}

/// Sends outputs one at a time until the mode changes; the number of the output.
fn until_lowered(app: &TestApp, ns: std::ops::Range<u64>, event: impl Fn(u64) -> Value) -> Option<u64> {
    ns.into_iter().find(|n| app.take(&[event(*n)])["modes"]["drafts"]["level"] != 3)
}

fn guard(app: &TestApp) -> Value {
    app.workflow("drafts")["guards"][0].clone()
}

#[test]
fn a_drifted_score_lowers_the_mode_and_says_which_part_moved() {
    let app = House::folder().start(&guarded(DRIFT));
    app.take(&(0..999).map(|n| fit(n, 0.0)).collect::<Vec<_>>());
    let learning = guard(&app);
    assert_eq!((&learning["state"], &learning["baseline"]["outputs"]), (&json!("inconclusive"), &json!(999)));
    assert_eq!(
        (&learning["baseline"]["pinned"], &learning["baseline"]["outputs_wanted"]),
        (&json!(false), &json!(1000))
    );
    app.take(&(999..3_000).map(|n| fit(n, 0.0)).collect::<Vec<_>>());
    let calm = guard(&app);
    assert_eq!((&calm["state"], &calm["baseline"]["version"]), (&json!("ok"), &json!(1)), "{calm:#}");
    assert!(calm["estimate"].as_f64().unwrap() < 0.05 && calm["evidence"].as_f64().unwrap() < 0.9, "{calm:#}");
    let psi = &calm["distances"]["binned"]["psi"];
    assert!(psi["value"].as_f64().unwrap() < psi["no_drift"]["limit"].as_f64().unwrap(), "{psi}");
    let pinned = &of_kind(&app, "baseline_pinned")[0];
    assert_eq!(
        (&pinned["guard"], &pinned["outputs"], &pinned["source"]),
        (&json!("watch"), &json!(1000), &json!("outputs"))
    );
    let scrape = Scrape::of(&app);
    assert!(scrape.is("andon_baseline_outputs{guard=watch,workflow=drafts}", 1000.0));
    assert_eq!(scrape.keys("andon_drift_distance").len(), 4);

    let at = until_lowered(&app, 3_000..4_000, |n| fit(n, 0.4)).expect("a shift by 0.4");
    assert!((3_010..3_200).contains(&at), "{at}");
    let changed = &of_kind(&app, "mode_changed")[0];
    let breach = &changed["breach"];
    assert!(breach["part"].as_str().unwrap().starts_with("scores.fit"), "{breach:#}");
    assert!(breach["estimate"].as_f64().unwrap() > 0.2 && breach["changed_at"].is_string(), "{breach:#}");
    assert!(changed["reason"].as_str().unwrap().contains("tolerance 0.1"), "{changed:#}");
}

#[test]
fn what_was_learned_survives_a_restart_and_a_person_may_drop_it() {
    let house = House::memory();
    let rest = guarded(DRIFT);
    let app = house.start(&rest);
    app.take(&(0..600).map(|n| fit(n, 0.0)).collect::<Vec<_>>());
    drop(app);
    let app = house.crash(None).start(&rest);
    assert_eq!(guard(&app)["baseline"]["outputs"], 600, "the sample under way");
    app.take(&(600..1_500).map(|n| fit(n, 0.0)).collect::<Vec<_>>());
    let before = guard(&app);
    let house = app.house.clone();
    drop(app);
    let app = house.crash(None).start(&rest);
    let after = guard(&app);
    assert_eq!((&after["baseline"], &after["evidence"]), (&before["baseline"], &before["evidence"]));

    let path = "/v1/workflows/drafts/guards/watch/baseline";
    assert_eq!(app.post(path, &json!({"reason": ""})).status, 400);
    assert_eq!(app.post(path, &json!({"outputs": 5, "reason": "x"})).status, 400);
    assert_eq!(app.post("/v1/workflows/drafts/guards/none/baseline", &json!({"reason": "x"})).status, 404);
    // It judges a workflow in automate: until somebody approves it goes on with what it knows.
    let waiting = app.post(path, &json!({"outputs": 200, "reason": "new tone"})).ok();
    assert_eq!((&waiting["request"], &waiting["baseline"]), (&json!("drafts-r1"), &before["baseline"]));
    assert_eq!(app.post(path, &json!({"reason": "again"})).json()["code"], "already_pending");
    app.post("/v1/requests/drafts-r1/approvals", &json!({"decision": "approve"})).ok();
    // While it learns another order waits, too: begun again and again it would never judge.
    assert_eq!(app.post(path, &json!({"outputs": 100_000, "reason": "more"})).ok()["request"], "drafts-r2");
    app.post("/v1/requests/drafts-r2/approvals", &json!({"decision": "reject"})).ok();
    let answer = guard(&app);
    assert_eq!((&answer["baseline"]["pinned"], &answer["baseline"]["outputs_wanted"]), (&json!(false), &json!(200)));
    let dropped = &of_kind(&app, "baseline_dropped")[0];
    assert_eq!(
        (&dropped["version"], &dropped["by"], &dropped["reason"]),
        (&json!(1), &json!("local"), &json!("new tone"))
    );
    app.take(&(2_000..2_250).map(|n| fit(n, 0.4)).collect::<Vec<_>>());
    assert_eq!(guard(&app)["baseline"]["version"], 2);
    assert_eq!(app.mode("drafts")["mode"], "automate", "what was drift is normal now");
    // In assist nothing is judged, and nobody needs to be asked.
    app.post("/v1/workflows/drafts/mode", &json!({"mode": "assist", "reason": "a rest"})).ok();
    let answer = app.post(path, &json!({"reason": "spring"})).ok();
    assert_eq!((&answer["request"], &answer["baseline"]["pinned"]), (&Value::Null, &json!(false)));
}

#[test]
fn a_learned_rate_is_guarded_and_a_declared_one_has_nothing_to_drop() {
    let learned = "signal = \"exception_rate\"\nbaseline = { outputs = 500 }\nblock = 1";
    let app = House::folder().start(&guarded(learned));
    let one_in = |every: u64| move |n: u64| if n.is_multiple_of(every) { failure(n) } else { output(n) };
    app.take(&(0..1_500).map(one_in(10)).collect::<Vec<_>>());
    let view = guard(&app);
    assert!((view["bound"].as_f64().unwrap() - 0.1).abs() < 0.01, "{view:#}");
    let anytime = &view["interval_anytime"];
    assert!(anytime[0].as_f64().unwrap() < 0.1 && anytime[1].as_f64().unwrap() > 0.1, "{anytime}");
    assert!(until_lowered(&app, 1_500..2_500, one_in(3)).is_some());
    let app = House::folder().start(&guarded("signal = \"exception_rate\"\nbound = 0.02"));
    let answer = app.post("/v1/workflows/drafts/guards/watch/baseline", &json!({"reason": "x"}));
    assert_eq!((answer.status, &answer.json()["code"]), (409, &json!("no_baseline")));
}

#[test]
fn a_new_category_is_drift_of_an_attribute() {
    let of = "signal = \"drift\"\nof = \"attributes.locale\"\nbaseline = { outputs = 500 }\nblock = 1";
    let app = House::folder().start(&guarded(of));
    let locale = |n: u64, names: &[&str]| {
        with(output(n), &json!({"attributes": {"locale": names[usize::try_from(n).unwrap() % names.len()]}}))
    };
    app.take(&(0..2_000).map(|n| locale(n, &["de", "en", "fr"])).collect::<Vec<_>>());
    assert_eq!(app.mode("drafts")["mode"], "automate");
    assert!(until_lowered(&app, 2_000..3_000, |n| locale(n, &["de", "en", "ja"])).is_some());
    let breach = of_kind(&app, "mode_changed")[0]["breach"].clone();
    assert!(breach["part"].as_str().unwrap().contains("rare or new values"), "{breach:#}");
}

#[test]
fn a_group_that_fails_more_often_is_found_and_the_excess_is_traced() {
    let app = House::folder().start(&guarded("signal = \"disparity\"\nattribute = \"locale\"\nratio = 1.5"));
    let event = |n: u64, bad: &str| {
        let locale = ["de", "en", "fr"][usize::try_from(n % 3).unwrap()];
        let often = if locale == bad { 4 } else { 40 };
        let base = if (n / 3).is_multiple_of(often) { failure(n) } else { output(n) };
        let mut event = base;
        event["attributes"] = json!({"locale": locale});
        event
    };
    app.take(&(0..3_000).map(|n| event(n, "none")).collect::<Vec<_>>());
    assert_eq!(app.mode("drafts")["mode"], "automate");
    app.advance(60_000);
    assert!(until_lowered(&app, 3_000..6_000, |n| event(n, "de")).is_some());
    let breach = of_kind(&app, "mode_changed")[0]["breach"].clone();
    assert_eq!(breach["part"], "locale = de");
    assert!(breach["estimate"].as_f64().unwrap() > 3.0, "{breach:#}");
    let carriers = breach["carriers"].as_array().unwrap();
    let of = |segment: &str| carriers.iter().find(|carrier| carrier["segment"] == segment);
    let de = of("locale = de").unwrap_or_else(|| panic!("{breach:#}"));
    assert!(de["excess_share"].as_f64().unwrap() > 0.6 && of("locale = en").is_none(), "{breach:#}");
}

#[test]
fn rejected_reviews_lower_the_mode() {
    let app = House::folder().start(&guarded("signal = \"rejection_rate\"\nbound = 0.05\nblock = 1"));
    app.take(&(0..400).map(output).collect::<Vec<_>>());
    let review = |n: u64, verdict: &str| json!({"id": format!("r-{n}"), "workflow": "drafts", "output_id": n.to_string(), "verdict": verdict, "reviewer": "ada"});
    for n in 0..200 {
        app.post("/v1/reviews", &review(n, if n % 50 == 0 { "rejected" } else { "accepted" })).ok();
    }
    assert_eq!(app.mode("drafts")["mode"], "automate");
    let lowered = (200..300).find(|n| {
        app.post("/v1/reviews", &review(*n, "rejected")).ok();
        app.mode("drafts")["mode"] != "automate"
    });
    assert!(lowered.is_some_and(|n| n < 215), "{lowered:?}");
}

#[test]
fn too_few_outputs_in_an_interval_lower_the_mode() {
    let app = House::folder().start(&guarded("signal = \"volume\"\nper = \"1m\"\nmin = 2"));
    app.take(&[output(1), output(2)]);
    app.advance(60_000);
    app.take(&[output(3), output(4)]);
    app.advance(60_000);
    assert_eq!(app.mode("drafts")["mode"], "automate");
    app.take(&[output(5)]);
    app.advance(60_000);
    app.take(&[output(6), output(7)]);
    let reason = app.mode("drafts")["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("1 outputs in an interval, 2 declared"), "{reason}");
}
