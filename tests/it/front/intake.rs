//! What comes in: formats, partial acceptance, refusals, duplicates, poison.

#![cfg(test)]

use super::harness::{DRAFTS, House, TestApp, failure, output, with};
use super::metrics::Scrape;
use andon::domain::RefusalCode;
use andon::domain::Time;
use andon::driver::EventBatch;
use andon::ingest::{Format, parse_events};
use serde_json::{Value, json};
use std::io::Write;

const NDJSON: (&str, &str) = ("content-type", "application/x-ndjson");

fn lines(items: &[Value]) -> Vec<u8> {
    items.iter().flat_map(|item| format!("{item}\n").into_bytes()).collect()
}

#[test]
fn one_event_an_array_and_lines_plain_gzipped_and_zstd() {
    let app = House::folder().start(DRAFTS);
    let mut number = 0;
    let mut batch = |count: usize| -> Vec<Value> {
        (0..count)
            .map(|_| {
                number += 1;
                output(number)
            })
            .collect()
    };
    let one = app.post("/v1/events", &batch(1)[0]).ok();
    assert_eq!(one["accepted"], 1);
    assert_eq!(one["modes"]["drafts"], json!({"mode": "automate", "level": 3, "epoch": 1}));
    let array = app.post("/v1/events", &Value::from(batch(7))).ok();
    assert_eq!(array["accepted"], 7);
    let plain = app.send("POST", "/v1/events", &[NDJSON], &lines(&batch(9))).ok();
    assert_eq!(plain["accepted"], 9);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&lines(&batch(11))).unwrap();
    let gzip = app.send("POST", "/v1/events", &[NDJSON, ("content-encoding", "gzip")], &gzip.finish().unwrap()).ok();
    assert_eq!(gzip["accepted"], 11);
    let zstd = zstd::encode_all(&*Value::from(batch(13)).to_string().into_bytes(), 1).unwrap();
    let zstd = app.send("POST", "/v1/events", &[("content-encoding", "zstd")], &zstd).ok();
    assert_eq!(zstd["accepted"], 13, "without a content type it is JSON");
    assert_eq!(app.workflow("drafts")["outputs_total"], 41);
    let nothing = app.post("/v1/events", &json!([])).ok();
    assert_eq!(nothing, json!({"accepted": 0, "duplicates": 0, "rejected": [], "modes": {}}));
}

#[test]
fn a_bad_one_among_good_ones_costs_only_itself_and_every_code_is_reached() {
    let app = House::folder().start(DRAFTS);
    let at = |ms: i64| Time(app.now().0 + ms).to_string();
    let cases: [(&str, Option<&str>, String); 11] = [
        ("unreadable", None, "{\"id\": ".to_owned()),
        ("unknown_field", Some("colour"), with(output("u"), &json!({"colour": 1})).to_string()),
        ("missing_field", Some("outcome"), json!({"id": "m", "workflow": "drafts"}).to_string()),
        ("wrong_type", Some("units"), with(output("w"), &json!({"units": "three"})).to_string()),
        ("invalid_number", Some("latency_ms"), with(output("n"), &json!({"latency_ms": -1})).to_string()),
        ("invalid_value", Some("outcome"), with(output("v"), &json!({"outcome": "maybe"})).to_string()),
        ("contradiction", Some("exception"), with(output("c"), &json!({"exception": "late"})).to_string()),
        ("unknown_workflow", Some("workflow"), with(output("k"), &json!({"workflow": "nobody"})).to_string()),
        ("reserved_workflow", Some("workflow"), with(output("l"), &json!({"workflow": "andon-drill"})).to_string()),
        ("too_old", Some("time"), with(output("o"), &json!({"time": at(-49 * Time::HOUR)})).to_string()),
        ("in_the_future", Some("time"), with(output("f"), &json!({"time": at(6 * Time::MINUTE)})).to_string()),
    ];
    let mut body = String::new();
    for (n, (_, _, line)) in cases.iter().enumerate() {
        body.push_str(&format!("{}\n{line}\n", output(n)));
    }
    let answer = app.send("POST", "/v1/events", &[NDJSON], body.as_bytes()).ok();
    assert_eq!((&answer["accepted"], &answer["duplicates"]), (&json!(11), &json!(0)));
    let rejected = answer["rejected"].as_array().unwrap();
    assert_eq!(rejected.len(), cases.len(), "{rejected:?}");
    for (n, ((code, field, _), refusal)) in cases.iter().zip(rejected).enumerate() {
        assert_eq!(refusal["code"], *code, "{refusal}");
        assert_eq!(refusal["index"], 2 * n + 1, "{refusal}");
        assert_eq!(refusal["field"].as_str(), *field, "{refusal}");
        assert!(refusal["message"].as_str().is_some_and(|text| text.len() > 20), "{refusal}");
        assert!(refusal["line"].is_null() || refusal["line"] == 2 * n + 2, "{refusal}");
    }
    let scrape = Scrape::of(&app);
    // Three are reached elsewhere: where unknown workflows are taken, and with tokens (`access.rs`).
    let elsewhere = ["too_many_workflows", "forbidden_workflow", "forbidden_reviewer"];
    let reached: Vec<&str> = cases.iter().map(|(code, _, _)| *code).chain(elsewhere).collect();
    for code in RefusalCode::ALL {
        assert!(reached.contains(&code.name()), "{} is not tried here", code.name());
        let expected = f64::from(u8::from(!elsewhere.contains(&code.name())));
        assert!(scrape.is(&format!("andon_events_rejected_total{{reason={}}}", code.name()), expected), "{code:?}");
    }
    assert!(scrape.is("andon_events_accepted_total{}", 11.0));
    let kept = app.get("/v1/refusals?limit=1000").ok();
    let kept = kept["refusals"].as_array().unwrap();
    assert_eq!(kept.len(), 11);
    assert_eq!(kept[0]["code"], "in_the_future", "newest first");
    assert_eq!(kept[0]["time"], app.now().to_string());
}

#[test]
fn refusals_and_metrics_never_show_what_was_sent() {
    const WORD: &str = "zebrafish7313";
    let app = House::folder().start(DRAFTS);
    let long = format!("{WORD}{}", "x".repeat(2_000));
    let fields = [
        json!({"outcome": WORD}),
        json!({"exception": long}),
        json!({"time": WORD}),
        json!({"latency_ms": WORD}),
        json!({"cycle_ms": [WORD]}),
        json!({"sla_met": WORD}),
        json!({"cost": WORD}),
        json!({"units": {"a": WORD}}),
        json!({"value": WORD}),
        json!({"scores": {"s": WORD}}),
        json!({"scores": WORD}),
        json!({"attributes": {"a": long}}),
        json!({"attributes": {"a": [WORD]}}),
        json!({"mode": WORD}),
        json!({"version": long}),
        json!({"model": long}),
        json!({"trace_id": long}),
        json!({"prompt": WORD}),
        json!({"retries": WORD}),
        json!({"fallback": WORD}),
        json!({"escalated": WORD}),
        json!({"exception": WORD}),
    ];
    let mut body: Vec<u8> = fields.iter().flat_map(|f| format!("{}\n", with(output("x"), f)).into_bytes()).collect();
    body.extend(format!("{WORD}\n\"{WORD}\"\n{{\"id\": \"{WORD}\nnull\n[\"{WORD}\"]\n").bytes());
    let answer = app.send("POST", "/v1/events", &[NDJSON], &body).ok();
    assert_eq!(answer["rejected"].as_array().unwrap().len(), fields.len() + 5, "{answer}");
    let reviews = json!([
        {"id": "r", "workflow": "drafts", "output_id": "1", "verdict": WORD, "reviewer": "ada"},
        {"id": "r", "workflow": "drafts", "output_id": "1", "verdict": "edited", "reviewer": "ada", "note": long},
    ]);
    let reviews = app.post("/v1/reviews", &reviews).ok();
    assert_eq!(reviews["rejected"].as_array().unwrap().len(), 2);
    let whole = app.post("/v1/events", &json!(WORD));
    for text in [
        answer.to_string(),
        reviews.to_string(),
        whole.text(),
        app.get("/metrics").text(),
        app.get("/v1/refusals?limit=1000").text(),
        app.get("/v1/ledger").text(),
        app.get("/v1/workflows").text(),
    ] {
        assert!(!text.contains(WORD), "a sent value in {text}");
    }
}

#[test]
fn duplicates_change_nothing_within_a_batch_across_batches_and_restarts() {
    let app = House::folder().start(DRAFTS);
    let paid = |id: u64| with(output(id), &json!({"cost": format!("0.{:06}", 1 << id)}));
    let first = app.post("/v1/events", &json!([paid(0), paid(1), paid(0), paid(2)])).ok();
    assert_eq!((&first["accepted"], &first["duplicates"]), (&json!(3), &json!(1)));
    let again = app.post("/v1/events", &json!([paid(2), paid(3)])).ok();
    assert_eq!((&again["accepted"], &again["duplicates"]), (&json!(1), &json!(1)));
    let other = app.post("/v1/events", &with(paid(3), &json!({"outcome": "exception"}))).ok();
    assert_eq!((&other["accepted"], &other["duplicates"]), (&json!(0), &json!(1)));
    assert!(Scrape::of(&app).is("andon_events_conflict_total{}", 1.0), "other content under a known id");
    assert!(Scrape::of(&app).is("andon_events_duplicate_total{}", 3.0));
    let review = json!({"id": "1", "workflow": "drafts", "output_id": "1", "verdict": "rejected", "reviewer": "ada"});
    let own = app.post("/v1/reviews", &json!([review, review])).ok();
    assert_eq!((&own["accepted"], &own["duplicates"]), (&json!(1), &json!(1)), "reviews have ids of their own");
    let app = app.stop().start(DRAFTS);
    let back = app.post("/v1/events", &json!([paid(0), paid(1), paid(2), paid(3)])).ok();
    assert_eq!((&back["accepted"], &back["duplicates"]), (&json!(0), &json!(4)));
    assert_eq!(app.post("/v1/reviews", &review).ok()["duplicates"], 1);
    assert_eq!(app.workflow("drafts")["windows"]["1h"]["cost"], "0.000015");
    app.advance(47 * Time::HOUR);
    assert_eq!(app.post("/v1/events", &paid(0)).ok()["duplicates"], 1, "within the declared window");
}

/// An output may be dated five minutes ahead, so its repeat is not too old until window and five
/// minutes have passed: for so long its id must be remembered.
#[test]
fn a_repeat_of_an_output_dated_ahead_is_recognised_as_long_as_it_is_taken() {
    let house = House { store: "dedup_window = \"60s\"", ..House::folder() };
    let app = house.start(DRAFTS);
    let ahead = with(output("ahead"), &json!({"time": Time(app.now().0 + 4 * Time::MINUTE).to_string()}));
    app.take(std::slice::from_ref(&ahead));
    for n in 0..20 {
        app.advance(20 * Time::SECOND);
        app.take(&[output(n)]);
        let again = app.post("/v1/events", &ahead).ok();
        assert_eq!(again["accepted"], 0, "after {} s it counted again", 20 * (n + 1));
    }
    assert_eq!(app.post("/v1/events", &ahead).ok()["rejected"][0]["code"], "too_old");
}

#[test]
fn times_move_with_the_clock() {
    let app = House::folder().start(DRAFTS);
    let stamp = |ms: i64| with(output(ms), &json!({"time": Time(app.now().0 + ms).to_string()}));
    let code = |event: &Value| app.post("/v1/events", event).ok()["rejected"][0]["code"].clone();
    let early = stamp(5 * Time::MINUTE + 1);
    assert_eq!(code(&early), "in_the_future");
    app.advance(1);
    assert_eq!(code(&early), Value::Null);
    let old = stamp(-48 * Time::HOUR);
    app.advance(1);
    assert_eq!(code(&old), "too_old");
    let review = json!({"id": "1", "workflow": "drafts", "output_id": "1", "verdict": "rejected", "reviewer": "ada",
        "time": "2020-01-01T00:00:00Z"});
    assert_eq!(app.post("/v1/reviews", &review).ok()["accepted"], 1, "verdicts may come late");
}

fn unknown(max: u32) -> String {
    format!("[unknown_workflows]\naccept = true\nmax = {max}\n{DRAFTS}")
}

fn of(workflow: &str, id: u32) -> Value {
    with(output(id), &json!({"workflow": workflow}))
}

#[test]
fn unknown_workflows_are_watched_at_assist_up_to_the_limit() {
    let app = House::folder().start(&unknown(2));
    let answer = app.post("/v1/events", &json!([of("a", 1), of("b", 1), of("c", 1), of("a", 2)])).ok();
    assert_eq!(answer["accepted"], 3);
    assert_eq!(answer["rejected"][0]["code"], "too_many_workflows");
    assert_eq!(app.mode("a")["mode"], "assist");
    let view = app.workflow("b");
    assert_eq!((&view["unknown"], &view["guards"][0]["signal"]), (&json!(true), &json!("exception_rate")));
    app.get("/v1/workflows/c/mode").problem(404);
    let app = app.stop().start(&unknown(2));
    assert_eq!(app.post("/v1/events", &of("c", 1)).ok()["rejected"][0]["code"], "too_many_workflows");
    assert_eq!(app.post("/v1/events", &of("b", 2)).ok()["accepted"], 1);
}

fn batch(events: &[Value]) -> EventBatch {
    let parsed = parse_events(&Value::from(events.to_vec()).to_string().into_bytes(), Format::Json).unwrap();
    EventBatch::new(parsed.items, parsed.refusals).unwrap()
}

/// Two requests that share a commit, each with an unknown workflow, and room for one only.
#[test]
fn what_is_acknowledged_is_counted_also_at_the_limit_of_unknown_workflows() {
    let app = House::folder().start(&unknown(1));
    let driver = app.driver();
    let release = app.hold();
    let (one, two) = app.block_on(async {
        let first = driver.events(batch(&[of("a", 1)]), driver.reserve(100).unwrap());
        let second = driver.events(batch(&[of("b", 1), of("a", 2)]), driver.reserve(100).unwrap());
        let (one, two, ()) = tokio::join!(first, second, async { drop(release) });
        (one.unwrap(), two.unwrap())
    });
    let counted = |app: &TestApp| {
        app.get("/v1/workflows").ok()["workflows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|workflow| workflow["outputs_total"].as_u64().unwrap())
            .sum::<u64>()
    };
    assert_eq!(counted(&app), (one.accepted + two.accepted) as u64, "acknowledged but not counted: {one:?} {two:?}");
    assert_eq!(two.rejected.len(), 1, "{two:?}");
}

#[test]
fn poison_changes_neither_the_alarm_nor_its_numbers() {
    let run = |poison: &[u8]| {
        let app = House::memory().start(DRAFTS);
        let mut lowered = None;
        for start in (0..8_000u32).step_by(500) {
            let mut body = Vec::new();
            for n in start..start + 500 {
                if n == 5_000 {
                    body.extend_from_slice(poison);
                }
                let fields = json!({"latency_ms": n % 900, "cost": "0.01", "scores": {"fit": 0.5}});
                let event = if n > 6_000 && n % 4 == 0 { failure(n) } else { output(n) };
                body.extend(format!("{}\n", with(event, &fields)).bytes());
            }
            let answer = app.send("POST", "/v1/events", &[NDJSON], &body).ok();
            assert_eq!(answer["accepted"], 500, "{answer}");
            if lowered.is_none() && answer["modes"]["drafts"]["level"] != 3 {
                lowered = Some(start);
            }
        }
        assert_eq!(lowered, Some(6_000));
        (app.workflow("drafts"), app.mode("drafts"), app.ledger(), app.get("/v1/incidents").ok())
    };
    let mut poison = String::from("NaN\n{\"id\":\"p\",\"workflow\":\"drafts\",\"outcome\":\"ok\",\"units\":NaN}\n");
    for field in ["latency_ms", "cycle_ms", "cost", "units", "value", "retries"] {
        for value in ["1e300", "-1e300", "1e999", "-1", "0.1e-400", "NaN", "Infinity", "\"NaN\"", "-0.5", "1e10"] {
            let fine = matches!(
                (field, value),
                ("value", "-1" | "-0.5" | "0.1e-400") | ("latency_ms" | "cycle_ms" | "cost", "0.1e-400")
            );
            if !fine {
                poison.push_str(&format!(
                    "{{\"id\":\"p\",\"workflow\":\"drafts\",\"outcome\":\"exception\",\"{field}\":{value}}}\n"
                ));
            }
        }
    }
    for score in ["1e300", "-1e13", "1e999", "NaN", "\"0.1\"", "[]"] {
        poison.push_str(&format!(
            "{{\"id\":\"p\",\"workflow\":\"drafts\",\"outcome\":\"exception\",\"scores\":{{\"fit\":{score}}}}}\n"
        ));
    }
    let clean = run(b"");
    assert_eq!(clean.1["cause"], "breach");
    assert_eq!(clean, run(poison.as_bytes()));
}
