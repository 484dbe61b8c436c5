//! Bodies through the intake's parsers: every refusal with its code, field and place, the way
//! there and back, and the shipped mappings on real traces where these are at hand.
//!
//! Knows the public interface of `andon::ingest` only. Nothing here is timed.

#![expect(clippy::unwrap_used, reason = "a test that can't unwrap has failed")]

use andon::domain::{Mode, Outcome, OutputEvent, Refusal, RefusalCode, Time, Verdict, WorkflowId};
use andon::ingest::write::event_line;
use andon::ingest::{BodyError, Format, Mapping, Rows, parse_events, parse_reviews};
use proptest::prelude::*;
use std::path::{Path, PathBuf};

/// Stands where no value may be repeated.
const SECRET: &str = "s3cret";

fn one_refusal(body: &str) -> Refusal {
    let parsed = parse_events(body.as_bytes(), Format::NdJson).unwrap();
    assert!(parsed.items.is_empty(), "taken: {body}");
    assert_eq!(parsed.refusals.len(), 1, "{body}");
    parsed.refusals[0].clone()
}

/// An event with the required fields and `more`.
fn with(more: &str) -> String {
    format!(r#"{{"id":"o-1","workflow":"wf","outcome":"exception",{more}}}"#)
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn every_fault_has_its_code_and_field() {
    use RefusalCode::{Contradiction, InvalidNumber, InvalidValue, MissingField, UnknownField, Unreadable, WrongType};
    let scores = |n: usize| (0..n).map(|i| format!(r#""s{i}":1"#)).collect::<Vec<_>>().join(",");
    let cases: Vec<(String, RefusalCode, Option<&str>, &str)> = vec![
        ("{".into(), Unreadable, None, "ends too early"),
        ("s3cret".into(), Unreadable, None, "column 1"),
        (with(r#""a":"#), Unreadable, None, "expected value"),
        (r#"{"id":"o-1"} {"id":"o-2"}"#.into(), Unreadable, None, "trailing characters"),
        ("17".into(), WrongType, None, "a number was sent"),
        ("[]".into(), WrongType, None, "an array was sent"),
        (format!("\"{SECRET}\""), WrongType, None, "an event must be a JSON object"),
        ("null".into(), WrongType, None, "null was sent"),
        ("{}".into(), MissingField, Some("id"), "can't do without"),
        (r#"{"id":"o-1","workflow":"wf"}"#.into(), MissingField, Some("outcome"), "missing"),
        (r#"{"id":null,"workflow":"wf","outcome":"ok"}"#.into(), MissingField, Some("id"), "missing"),
        (with(r#""prompt":"s3cret""#), UnknownField, Some("prompt"), "never takes"),
        (with(r#""Messages":["s3cret"]"#), UnknownField, Some("Messages"), "never takes"),
        (with(r#""latencyMs":3"#), UnknownField, Some("latencyMs"), "did you mean `latency_ms`?"),
        (with(r#""timestamp":3"#), UnknownField, Some("timestamp"), "did you mean `time`?"),
        (with(r#""zzzzzz":"s3cret""#), UnknownField, Some("zzzzzz"), "the fields are id, workflow"),
        (with(r#""latency_ms":1,"latency_ms":2"#), Contradiction, Some("latency_ms"), "stands twice"),
        (with(r#""id":"o-2""#), Contradiction, Some("id"), "stands twice"),
        (with(r#""latency_ms":"s3cret""#), WrongType, Some("latency_ms"), "a number, and a string was sent"),
        (with(r#""latency_ms":1e999"#), InvalidNumber, Some("latency_ms"), "too large"),
        (with(r#""latency_ms":1e300"#), InvalidNumber, Some("latency_ms"), "between 0 and 1e9"),
        (with(r#""latency_ms":-1"#), InvalidNumber, Some("latency_ms"), "between 0"),
        (with(r#""latency_ms":NaN"#), Unreadable, None, "column"),
        (with(r#""units":0"#), InvalidNumber, Some("units"), "greater than 0"),
        (with(r#""retries":1.5"#), WrongType, Some("retries"), "fraction"),
        (with(r#""retries":-1"#), InvalidNumber, Some("retries"), "between 0"),
        (with(r#""retries":100001"#), InvalidNumber, Some("retries"), "at most"),
        (with(r#""retries":9999999999"#), InvalidNumber, Some("retries"), "between 0"),
        (with(r#""sla_met":"yes""#), WrongType, Some("sla_met"), "true or false, and a string"),
        (with(r#""fallback":1"#), WrongType, Some("fallback"), "a number was sent"),
        (with(r#""cost":"s3cret""#), InvalidNumber, Some("cost"), "decimal amount"),
        (with(r#""cost":1e999"#), InvalidNumber, Some("cost"), "`cost`"),
        (with(r#""cost":{}"#), WrongType, Some("cost"), "an object was sent"),
        (with(r#""cost":-0.1"#), InvalidNumber, Some("cost"), "between 0"),
        (with(r#""value":[1]"#), WrongType, Some("value"), "an array was sent"),
        (with(r#""time":"s3cret""#), InvalidValue, Some("time"), "RFC 3339"),
        (with(r#""time":1700000000"#), WrongType, Some("time"), "a string, and a number"),
        (with(r#""mode":"s3cret""#), InvalidValue, Some("mode"), "`assist`"),
        (with(r#""scores":[1]"#), WrongType, Some("scores"), "numbers by name"),
        (with(r#""scores":{"a":"s3cret"}"#), WrongType, Some("scores.a"), "a string was sent"),
        (with(r#""scores":{"a":1e999}"#), InvalidNumber, Some("scores.a"), "too large"),
        (with(r#""scores":{"a":1,"a":2}"#), InvalidValue, Some("scores"), "name of its own"),
        (with(&format!(r#""scores":{{{}}}"#, scores(33))), InvalidValue, Some("scores"), "at most 32"),
        (with(&format!(r#""scores":{{{}}}"#, scores(500))), InvalidValue, Some("scores"), "at most 32"),
        (with(r#""attributes":{"a":7}"#), WrongType, Some("attributes.a"), "a number was sent"),
        (with(r#""attributes":"s3cret""#), WrongType, Some("attributes"), "strings by name"),
        (with(r#""attributes":{"\ud800":"x"}"#), InvalidValue, Some("attributes"), "Unicode"),
        (with(r#""model":"\ud800""#), InvalidValue, Some("model"), "Unicode"),
        (with(r#""model":"""#), InvalidValue, Some("model"), "1 to 256"),
        (with(r#""exception":{"deep":[[[[]]]]}"#), WrongType, Some("exception"), "an object was sent"),
        (r#"{"id":"o-1","workflow":"wf","outcome":"s3cret"}"#.into(), InvalidValue, Some("outcome"), "`ok`"),
        (r#"{"id":"o-1","workflow":"wf","outcome":{"ok":null}}"#.into(), WrongType, Some("outcome"), "a string"),
        (r#"{"id":"o-1","workflow":"a/b","outcome":"ok"}"#.into(), InvalidValue, Some("workflow"), "letters"),
        (r#"{"id":"","workflow":"wf","outcome":"ok"}"#.into(), InvalidValue, Some("id"), "1 to 128"),
        (r#"{"id":"o-1","workflow":"wf","outcome":"ok","exception":"x"}"#.into(), Contradiction, Some("exception"), ""),
    ];
    for (body, code, field, says) in cases {
        let refusal = one_refusal(&body);
        assert_eq!((refusal.code, refusal.field.as_deref()), (code, field), "{body}\n{}", refusal.message);
        assert!(refusal.message.contains(says), "{body}\n{}", refusal.message);
        assert!(!format!("{refusal:?}").contains(SECRET), "a sent value came back: {refusal:?}");
        if body.starts_with(r#"{"id":"o-1","#) && code != Unreadable {
            assert_eq!(refusal.id.as_deref(), Some("o-1"), "{body}");
            assert!(refusal.workflow.is_some(), "{body}");
        }
        // The array form says the same, and keeps the item beside the bad one.
        if code != Unreadable {
            let array = format!("[{body}, {}]", with(r#""retries":0"#));
            let parsed = parse_events(array.as_bytes(), Format::Json).unwrap();
            assert_eq!(parsed.refusals, [Refusal { line: None, ..refusal }], "{array}");
            assert_eq!(parsed.items.len(), 1, "{array}");
            assert_eq!(parsed.items[0].0, 1, "{array}");
        }
    }
}

#[test]
fn deep_nesting_does_not_exhaust_the_stack() {
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    for (body, code) in [
        (deep.clone(), RefusalCode::WrongType),
        (with(&format!(r#""cost":{deep}"#)), RefusalCode::WrongType),
        (with(&format!(r#""x":{deep}"#)), RefusalCode::UnknownField),
        (with(&format!(r#""scores":{{"x":{deep}}}"#)), RefusalCode::WrongType),
        (with(&format!(r#""x":{}"#, &deep[..1_000_000])), RefusalCode::Unreadable),
    ] {
        assert_eq!(one_refusal(&body).code, code);
        let array = parse_events(format!("[{body}]").as_bytes(), Format::Json);
        assert_eq!(array.is_ok(), code != RefusalCode::Unreadable);
    }
}

#[test]
fn a_full_event_arrives_field_by_field() {
    let body = r#" {"id":"o-\u0031","workflow":"wf","outcome":"exception","exception":"late",
        "time":"2026-11-21T20:15:00.25Z","latency_ms":12,"cycle_ms":1.5,"sla_met":false,"cost":0.0004019999999999,
        "units":2,"value":"3.50","scores":{"fit":0.5,"none":null},"attributes":{"locale":"de"},"mode":"delegate",
        "version":"7","model":"m","retries":3,"fallback":true,"escalated":true,"trace_id":null} "#;
    let parsed = parse_events(body.as_bytes(), Format::Json).unwrap();
    let mut event = OutputEvent::new("o-1", WorkflowId::new("wf").unwrap(), Outcome::Exception);
    event.exception = Some("late".into());
    event.time = Some("2026-11-21T20:15:00.250Z".parse().unwrap());
    event.latency_ms = Some(12.0);
    event.cycle_ms = Some(1.5);
    event.sla_met = Some(false);
    event.cost = Some("0.0004019999999999".parse().unwrap());
    event.units = 2.0;
    event.value = Some("3.5".parse().unwrap());
    event.scores = vec![("fit".into(), 0.5)];
    event.attributes = vec![("locale".into(), "de".into())];
    event.mode = Some(Mode::Delegate);
    event.version = Some("7".into());
    event.model = Some("m".into());
    event.retries = 3;
    event.fallback = true;
    event.escalated = true;
    assert_eq!(parsed.items, [(0, event)]);
    assert_eq!(parsed.refusals, []);
}

#[test]
fn lines_are_counted_and_blank_ones_skipped() {
    let mut body = format!("\u{feff}\n{}\r\n  \r\nnonsense\n\n", with(r#""retries":1"#)).into_bytes();
    body.extend_from_slice(b"\xff\xfe\n{}");
    let parsed = parse_events(&body, Format::NdJson).unwrap();
    assert_eq!(parsed.items.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0]);
    let places: Vec<_> = parsed.refusals.iter().map(|r| (r.index, r.line, r.code)).collect();
    assert_eq!(
        places,
        [
            (1, Some(4), RefusalCode::Unreadable),
            (2, Some(6), RefusalCode::Unreadable),
            (3, Some(7), RefusalCode::MissingField),
        ]
    );
    let empty = parse_events(b"", Format::NdJson).unwrap();
    assert!(empty.items.is_empty() && empty.refusals.is_empty());
}

#[test]
fn an_unreadable_body_says_where_and_what_to_send() {
    for (body, place, says) in [
        ("", (1, 1), "empty"),
        (" 5", (1, 1), "no object and no array"),
        ("{\n \"id\": }", (2, 8), "expected value"),
        ("[{},\n{", (2, 1), "ends too early"),
        ("[{},]", (1, 5), "trailing comma"),
        ("{}\n{}", (2, 1), "application/x-ndjson"),
    ] {
        let Err(BodyError::Unreadable { line, column, reason }) = parse_events(body.as_bytes(), Format::Json) else {
            panic!("taken: {body}");
        };
        assert_eq!((line, column), place, "{body}: {reason}");
        assert!(reason.contains(says), "{body}: {reason}");
    }
    let broken = parse_events(b"[{},\n {\"id\":\"\xff\"}]", Format::Json).unwrap_err();
    assert_eq!((broken.code(), broken.status()), ("unreadable_body", 400));
    assert!(broken.to_string().contains("line 2, column 9"), "{broken}");
}

#[test]
fn too_many_items_are_refused_as_a_whole() {
    let limit = andon::ingest::json::ITEMS_MAX;
    let event = with(r#""retries":1"#);
    for item in ["1", event.as_str()] {
        for (count, taken) in [(limit, true), (limit + 1, false)] {
            let lines = format!("{item}\n").repeat(count);
            let array = format!("[{}{item}]", format!("{item},").repeat(count - 1));
            for (body, format) in [(lines, Format::NdJson), (array, Format::Json)] {
                let parsed = parse_events(body.as_bytes(), format);
                assert_eq!(parsed.is_ok(), taken, "{count} items, {format:?}");
                assert!(taken || parsed == Err(BodyError::TooManyItems { limit }));
            }
        }
    }
}

#[test]
fn reviews_are_read_and_refused_alike() {
    let good = r#"{"id":"r","workflow":"wf","output_id":"o","verdict":"edited","reviewer":"ana","note":null}"#;
    let parsed = parse_reviews(good.as_bytes(), Format::Json).unwrap();
    assert_eq!(parsed.items[0].1.verdict, Verdict::Edited);
    for (from, to, code, field) in [
        (r#""edited""#, r#""fine""#, RefusalCode::InvalidValue, "verdict"),
        (r#""reviewer":"ana""#, r#""reviewer":null"#, RefusalCode::MissingField, "reviewer"),
        (r#""note""#, r#""text""#, RefusalCode::UnknownField, "text"),
        (r#""ana""#, r#""""#, RefusalCode::InvalidValue, "reviewer"),
        (r#""output_id":"o""#, r#""output_id":1"#, RefusalCode::WrongType, "output_id"),
        (r#"null"#, r#"null,"time":"now""#, RefusalCode::InvalidValue, "time"),
    ] {
        let parsed = parse_reviews(good.replace(from, to).as_bytes(), Format::NdJson).unwrap();
        assert_eq!(parsed.refusals[0].code, code, "{to}: {:?}", parsed.refusals);
        assert_eq!(parsed.refusals[0].field.as_deref(), Some(field), "{to}");
        assert_eq!(parsed.refusals[0].id.as_deref(), Some("r"));
    }
}

/// Numbers of few digits: with more, the JSON reader may be off by the last bit.
fn number(low: i32, high: i32) -> impl Strategy<Value = f64> {
    (low..high).prop_map(|thousandths| f64::from(thousandths) / 1000.0)
}

prop_compose! {
    fn any_event()(
        (id, workflow, kind) in (".{1,20}", "[A-Za-z0-9][A-Za-z0-9_-]{0,63}", proptest::option::of(".{1,12}")),
        time in proptest::option::of(-2_000_000_000_000i64..4_000_000_000_000),
        (latency_ms, cycle_ms, units) in
            (proptest::option::of(number(0, i32::MAX)), proptest::option::of(number(0, 9)), number(1, i32::MAX)),
        (cost, value) in (proptest::option::of("[0-9]{1,9}\\.[0-9]{1,18}"), proptest::option::of("[0-9]{1,9}")),
        scores in proptest::collection::btree_map(".{1,9}", number(i32::MIN, i32::MAX), 0..5),
        attributes in proptest::collection::btree_map(".{1,9}", ".{0,20}", 0..5),
        (sla_met, mode) in (proptest::option::of(any::<bool>()), proptest::option::of(0..4u8)),
        (version, model, trace_id) in (proptest::option::of(".{1,9}"), proptest::option::of(".{1,9}"), "[0-9a-f]{32}"),
        (retries, fallback, escalated) in (0..100_001u32, any::<bool>(), any::<bool>()),
    ) -> OutputEvent {
        let outcome = if kind.is_some() { Outcome::Exception } else { Outcome::Ok };
        let money = |text: Option<String>| text.map(|text| text.parse().unwrap());
        let boxed = |text: Option<String>| text.map(String::into_boxed_str);
        OutputEvent {
            exception: boxed(kind), time: time.map(Time), latency_ms, cycle_ms, sla_met, cost: money(cost), units,
            value: money(value), scores: scores.into_iter().map(|(name, score)| (name.into(), score)).collect(),
            attributes: attributes.into_iter().map(|(name, text)| (name.into(), text.into())).collect(),
            mode: mode.and_then(Mode::from_level), version: boxed(version), model: boxed(model), retries, fallback,
            escalated, trace_id: Some(trace_id.into()),
            ..OutputEvent::new(&id, WorkflowId::new(&workflow).unwrap(), outcome)
        }
    }
}

proptest! {
    #[test]
    fn a_valid_event_comes_back_from_its_json(event in any_event()) {
        prop_assert_eq!(event.check(), Ok(()));
        let mut line = Vec::new();
        event_line(&event, &mut line);
        for format in [Format::Json, Format::NdJson] {
            let parsed = parse_events(&line, format).unwrap();
            prop_assert_eq!(&parsed.refusals, &[]);
            prop_assert_eq!(&parsed.items, &[(0, event.clone())]);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for format in [Format::Json, Format::NdJson] {
            let _ = parse_events(&bytes, format);
            let _ = parse_reviews(&bytes, format);
        }
    }

    /// Damaged events reach further into the parser than random bytes do.
    #[test]
    fn a_damaged_event_is_taken_or_precisely_refused(
        event in any_event(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>(),
    ) {
        let mut line = Vec::new();
        event_line(&event, &mut line);
        let at = at.index(line.len());
        if cut { line.truncate(at) } else { line[at] = byte }
        let parsed = parse_events(&line, Format::NdJson).unwrap();
        for refusal in parsed.refusals {
            prop_assert!(!refusal.message.contains("not readable as an event"), "no reason found: {refusal:?}");
        }
        let _ = parse_events(&line, Format::Json);
    }
}

/// The folder with the real traces, or a plain word that there is none.
#[expect(clippy::print_stdout, reason = "a test that was skipped must say so")]
fn traces() -> Option<PathBuf> {
    let shared = std::env::var_os("ANDON_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let traces = shared.join("data/traces");
    if traces.is_dir() {
        return Some(traces);
    }
    println!("SKIPPED: {} is not there (set ANDON_SHARED to the folder that holds data/traces)", traces.display());
    None
}

fn example(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)).unwrap()
}

const EXAMPLES: [(&str, &str); 4] = [
    ("llmdrift", "llmdrift_prime.csv"),
    ("lightcap", "lightcap_tool_ops.csv"),
    ("llmperf", "llmperf_requests.csv"),
    ("azure-2023-conv", "azure_llm_2023_conv.csv"),
];

#[test]
fn the_shipped_mappings_and_policies_are_well_formed() {
    for (name, _) in EXAMPLES {
        let mapping = Mapping::parse(&example(&format!("import-{name}.toml"))).unwrap();
        assert!(mapping.has_times(), "{name}: without times old traces lapse");
        let policy: toml::Table = example(&format!("policy-{name}.toml")).parse().unwrap();
        for workflow in policy["workflow"].as_array().unwrap() {
            assert!(WorkflowId::is_valid(workflow["id"].as_str().unwrap()), "{name}");
            assert_eq!(workflow["start_mode"].as_str(), Some("automate"), "{name}");
        }
    }
}

/// The events of a real trace through its shipped mapping; every row must be taken.
fn imported(traces: &Path, at: usize) -> Vec<OutputEvent> {
    let (name, file) = EXAMPLES[at];
    let mapping = Mapping::parse(&example(&format!("import-{name}.toml"))).unwrap();
    let policy: toml::Table = example(&format!("policy-{name}.toml")).parse().unwrap();
    let declared: Vec<_> = policy["workflow"].as_array().unwrap().iter().map(|w| w["id"].as_str().unwrap()).collect();
    let events: Vec<OutputEvent> = Rows::open(&traces.join(file), &mapping).unwrap().map(Result::unwrap).collect();
    let undeclared = events.iter().find(|event| !declared.contains(&event.workflow.as_str()));
    assert!(undeclared.is_none() || policy.contains_key("unknown_workflows"), "{name}: {undeclared:?}");
    events
}

#[test]
fn real_traces_go_through_the_shipped_mappings() {
    let Some(traces) = traces() else { return };
    let stream = |events: &[OutputEvent], id: &str| -> Vec<OutputEvent> {
        events.iter().filter(|event| event.workflow.as_str() == id).cloned().collect()
    };
    let failed = |events: &[OutputEvent]| events.iter().filter(|event| event.is_exception()).count();

    let llmdrift = imported(&traces, 0);
    assert_eq!((llmdrift.len(), failed(&llmdrift)), (4000, 1391));
    let gpt4 = stream(&llmdrift, "gpt-4-prime");
    assert_eq!((failed(&gpt4[..500]), failed(&gpt4[500..])), (12, 488));
    assert!(llmdrift.iter().all(|event| event.cost.is_some() && event.latency_ms.is_some()));

    let lightcap = imported(&traces, 1);
    assert_eq!((lightcap.len(), failed(&lightcap)), (2262, 130));
    let runs = stream(&lightcap, "workflow_run");
    assert_eq!((runs.len(), failed(&runs[221..273])), (324, 32));
    assert_eq!(lightcap.iter().filter(|event| event.latency_ms.is_none()).count(), 6);

    let llmperf = imported(&traces, 2);
    assert_eq!(llmperf.len(), 1350);
    let lepton = stream(&llmperf, "lepton-llama2-7b");
    assert_eq!((failed(&lepton[..10]), failed(&lepton[10..])), (0, 130));
    assert!(lepton.iter().all(|event| event.latency_ms.is_none() == event.is_exception()));
    assert_eq!(failed(&stream(&llmperf, "bedrock-llama2-70b")), 49);
    assert!(llmperf.iter().all(|event| event.latency_ms.is_none_or(|ms| ms > 0.0)), "a 0 that is no latency");

    let azure = imported(&traces, 3);
    assert_eq!((azure.len(), failed(&azure)), (19_366, 0));
    assert!(azure.iter().all(|event| event.latency_ms.is_none()));
    assert_eq!(azure[0].time, Some("2023-11-16T18:15:46.680Z".parse().unwrap()));
}
