//! What messages say: entries of the ledger in, texts out, for every kind of event and signal.
//!
//! The same entries must give the same words: nothing here knows a clock, and what was forgotten is made again.

#![cfg(test)]

use andon::config;
use andon::domain::{
    Ask, Breach, Carrier, Cause, DrillStep, Entry, Findings, Heaviest, Mode, Policy, Reported, Severity, StepOutcome,
    Time, What, Wire, WorkflowId,
};
use andon::notify::Told;
use andon::notify::{Context, Message, Wants, derive, form};

const AT: i64 = 1_795_168_800_000;

const POLICY: &str = r#"
[[workflow]]
id = "drafts"
owner = "marketing"
unit = "email"
currency = "EUR"
runbook = "https://wiki.example.com/drafts"
rollback = "https://wiki.example.com/drafts#rollback"
[[workflow]]
id = "router"
owner = "support"
runbook = "ask Ann"
"#;

fn settings(target: &str) -> config::Settings {
    let files = "secret_file = \"s\"\nurl = \"https://hooks.example.com/\"\n";
    config::load(&format!("[[notify]]\nname = \"t\"\nkind = \"webhook\"\n{files}{target}\n{POLICY}"), "t").unwrap()
}

fn entry(index: u32, workflow: Option<&str>, what: What) -> Entry {
    Entry {
        journal_seq: 7,
        index,
        time: Time(AT),
        workflow: workflow.map(|id| WorkflowId::new(id).unwrap()),
        policy: "ab".repeat(32),
        by: "andon".into(),
        what,
    }
}

fn breach(signal: &str) -> Breach {
    Breach {
        guard: signal.replace('_', "-"),
        signal: signal.into(),
        lane: "main".into(),
        mode: Mode::Automate,
        bound: 0.02,
        estimate: 0.123_456,
        interval: None,
        n: 46,
        n_total: 12_000,
        evidence: 1_200.0,
        threshold: 1_000.0,
        output: Some("o-9".into()),
        changed_at: Some(Time(AT - 600_000)),
        changed_between: Some([Time(AT - 660_000), Time(AT - 540_000)]),
        part: None,
        carriers: Vec::new(),
        heaviest: Vec::new(),
    }
}

fn lowered(index: u32, workflow: &str, to: Mode, breach: Breach) -> Entry {
    let reason = format!("{}: a sentence with the numbers", breach.guard);
    let what = What::ModeChanged {
        from: if to == Mode::Assist { Mode::Collaborate } else { Mode::Automate },
        to,
        epoch: u64::from(index) + 2,
        cause: Cause::Breach,
        reason,
        breach: Some(Box::new(breach)),
        raised: None,
        versions: Vec::new(),
    };
    entry(index, Some(workflow), what)
}

fn opened(index: u32, workflow: Option<&str>, incident: &str, about: &str) -> Entry {
    let what = What::IncidentOpened {
        incident: incident.into(),
        about: about.into(),
        guard: None,
        severity: Severity::Major,
        summary: format!("a summary of {incident}"),
    };
    entry(index, workflow, what)
}

fn told(entries: &[Entry], target: &str) -> Vec<Told> {
    let settings = settings(target);
    let wants = Wants::of(&settings.notify.targets[0]);
    let context = Context { policy: &settings.policy, public_url: Some("https://andon.example.com") };
    let numbered: Vec<(u64, &Entry)> = (100..).zip(entries).collect();
    derive(&numbered, &wants, &context)
}

fn messages(entries: &[Entry], target: &str) -> Vec<Message> {
    let messages = told(entries, target).into_iter().filter_map(|told| match told {
        Told::Message(message) => Some(*message),
        Told::Joined { .. } => None,
    });
    messages.collect()
}

#[track_caller]
fn one(entries: &[Entry]) -> String {
    let messages = messages(entries, "");
    assert_eq!(messages.len(), 1, "{messages:#?}");
    form::email(&messages[0])
}

#[test]
fn the_numbers_of_every_signal_have_their_units() {
    let carrier = |segment: &str, share| Carrier {
        segment: segment.into(),
        hits_share: 0.9,
        outputs_share: None,
        excess_share: share,
    };
    let heaviest =
        Heaviest { id: "o-3".into(), time: Time(AT), value: 1.0, exception: None, trace_id: Some("4bf9".into()) };
    let share = Breach {
        interval: Some([0.08, 0.2]),
        carriers: vec![carrier("locale = de", 0.9), carrier("model = m-2", 0.875)],
        heaviest: vec![heaviest],
        ..breach("exception_rate")
    };
    let limit = |signal: &str, bound, estimate| Breach {
        lane: "limit".into(),
        bound,
        estimate,
        changed_between: None,
        ..breach(signal)
    };
    let breaches = [
        share,
        Breach { bound: 0.02, estimate: 0.043_2, ..breach("cost_per_unit") },
        Breach { bound: 1.25, estimate: 2.5, part: Some("locale = de".into()), ..breach("disparity") },
        Breach {
            bound: 0.1,
            estimate: 0.24,
            part: Some("scores.brand_fit <= 0.7: 0.34 of the outputs since, 0.1 in the baseline".into()),
            ..breach("drift")
        },
        limit("silence", 1_800.0, 1_812.5),
        limit("limit", 200.0, 204.5),
        limit("volume", 10.0, 3.0),
    ];
    let texts = breaches.map(|breach| one(&[lowered(0, "drafts", Mode::Delegate, breach)]));
    insta::assert_snapshot!("notice_numbers", texts.join("\n====\n"));
}

fn reported() -> Reported {
    let headline = [
        "Of 2 workflows, 1 was lowered (drafts from automate to assist).",
        "840 outputs, 5.1 % of them exceptions.",
        "One decision is asked: Was it right?",
    ];
    let headline = headline.map(str::to_owned).to_vec();
    Reported { week: "2026-W47".into(), headline, decisions: 1, sha256: "ef".repeat(32) }
}

#[test]
fn every_other_kind_of_event_says_what_to_do() {
    let requested = |ask, workflow| {
        let needs = vec!["owner".to_owned(), "any".to_owned()];
        let what = What::Requested {
            request: "drafts-r3".into(),
            ask,
            reason: "two quiet weeks".into(),
            funding: None,
            needs,
            gate: None,
        };
        Entry { by: "ann".into(), ..entry(0, workflow, what) }
    };
    let loosens = vec!["drafts: the bound of exceptions rises from 0.02 to 0.05".to_owned()];
    let failed = |wire, detail: &str| DrillStep { wire, outcome: StepOutcome::Failed, ms: 3, detail: detail.into() };
    let findings = Findings { steps: vec![failed(Wire::Ledger, "no entry says so")], ..Findings::default() };
    let stopped = |n: u32, workflow| {
        let what = What::ModeChanged {
            from: Mode::Automate,
            to: Mode::Assist,
            epoch: 3,
            cause: Cause::Stop,
            reason: "the provider is down".into(),
            breach: None,
            raised: None,
            versions: vec![],
        };
        Entry { by: "ann".into(), ..entry(n, Some(workflow), what) }
    };
    let joined = |n, workflow: &str| {
        let what = What::IncidentJoined {
            incident: "house:1".into(),
            joined: format!("{workflow}-4"),
            summary: "one of many".into(),
        };
        entry(n, Some(workflow), what)
    };
    let texts = [
        one(&[requested(Ask::Policy { hash: "cd".into(), loosens }, None)]),
        one(&[requested(Ask::Annulment { epoch: 4, to: Mode::Delegate }, Some("drafts"))]),
        one(&[
            entry(0, None, What::Drilled { drill: 4, result: andon::domain::DrillResult::Failed, findings }),
            opened(1, None, "house:2", "drill"),
        ]),
        form::email(&messages(&[entry(0, None, What::Reported { report: reported() })], "events = [\"report\"]")[0]),
        one(&[stopped(0, "drafts"), stopped(1, "router")]),
        one(&[stopped(0, "router")]),
        one(&[opened(0, Some("drafts"), "drafts-4", "above_mode")]),
        one(&[opened(0, None, "house:1", "storm"), joined(1, "drafts"), joined(2, "router")]),
    ];
    insta::assert_snapshot!("notice_texts", texts.join("\n====\n"));
}

#[test]
fn what_belongs_together_is_one_message_for_whoever_takes_both() {
    let steps = [
        lowered(0, "drafts", Mode::Collaborate, breach("latency")),
        opened(1, Some("drafts"), "drafts-4", "breach"),
        lowered(2, "drafts", Mode::Assist, breach("exception_rate")),
    ];
    let found = messages(&steps, "");
    assert_eq!(found.len(), 1);
    let message = &found[0];
    assert_eq!(
        (message.id.as_str(), message.headline.as_str()),
        ("ledger-100-1795168800000", "drafts was lowered from automate to assist")
    );
    assert_eq!((message.incident.as_deref(), message.severity), (Some("drafts-4"), Some(Severity::Major)));
    assert!(message.reason.starts_with("exception-rate"), "the numbers of the last step: {}", message.reason);
    assert_eq!(message.entries.len(), 3);
    let only = |target: &str| messages(&steps, target).iter().map(|message| message.r#type.clone()).collect::<Vec<_>>();
    assert_eq!(only("events = [\"mode\"]"), ["andon.mode.lowered"]);
    assert_eq!(only("events = [\"incident\"]"), ["andon.incident.opened"]);
    for nothing in ["events = [\"drill\"]", "owners = [\"support\"]", "workflows = [\"router\"]"] {
        assert_eq!(only(nothing), Vec::<String>::new(), "{nothing}");
    }
    // The lane of drills is nobody's news.
    let lane = steps.clone().map(|entry| Entry { workflow: Some(WorkflowId::new("andon-drill").unwrap()), ..entry });
    assert_eq!(messages(&lane, "workflows = [\"*\"]"), Vec::new());
}

/// Every incident is told by exactly one message: with what led to it, or by itself.
#[test]
fn no_incident_is_taken_for_told_that_no_message_carries() {
    let lapsed = |index, workflow: &str| {
        let mut step = lowered(index, workflow, Mode::Assist, breach("latency"));
        if let What::ModeChanged { cause, breach, .. } = &mut step.what {
            (*cause, *breach) = (Cause::Lapse, None);
        }
        step
    };
    let at_once = [
        lapsed(0, "drafts"),
        opened(1, Some("drafts"), "drafts-1", "lapse"),
        lapsed(2, "router"),
        opened(3, Some("router"), "router-1", "lapse"),
    ];
    let kinds = |entries: &[Entry]| -> Vec<(String, Option<String>)> {
        messages(entries, "").into_iter().map(|message| (message.r#type, message.incident)).collect()
    };
    let incident = |id: &str| ("andon.incident.opened".to_owned(), Some(id.to_owned()));
    let lowered_with = |id: &str| ("andon.mode.lowered".to_owned(), Some(id.to_owned()));
    assert_eq!(
        kinds(&at_once),
        [("andon.mode.lowered".to_owned(), None), incident("drafts-1"), incident("router-1")],
        "one message of two workflows carries neither incident"
    );
    assert_eq!(kinds(&at_once[..2]), [lowered_with("drafts-1")]);
    // Two of one workflow: the demotion tells of its own guard's.
    let mut own = opened(2, Some("drafts"), "drafts-3", "breach");
    if let What::IncidentOpened { guard, .. } = &mut own.what {
        *guard = Some("latency".into());
    }
    let mut other = opened(0, Some("drafts"), "drafts-2", "above_mode");
    if let What::IncidentOpened { guard, .. } = &mut other.what {
        *guard = None;
    }
    let both = [other.clone(), lowered(1, "drafts", Mode::Assist, breach("latency")), own.clone()];
    assert_eq!(kinds(&both), [lowered_with("drafts-3"), incident("drafts-2")]);
    // A storm takes one of them.
    let what =
        What::IncidentJoined { incident: "house:1".into(), joined: "drafts-3".into(), summary: "one of many".into() };
    let joined = [other, lowered(1, "drafts", Mode::Assist, breach("latency")), own, entry(3, Some("drafts"), what)];
    assert_eq!(kinds(&joined), [incident("drafts-2")]);
}

#[test]
fn what_goes_up_and_what_goes_down_are_two_messages() {
    let step = |index, workflow: &str, from, to| {
        let mut step = lowered(index, workflow, to, breach("latency"));
        if let What::ModeChanged { from: was, cause, breach, .. } = &mut step.what {
            (*was, *cause, *breach) = (from, Cause::Operator, None);
        }
        step
    };
    let mixed = [
        step(0, "drafts", Mode::Automate, Mode::Assist),
        step(1, "router", Mode::Automate, Mode::Delegate),
        step(2, "a", Mode::Assist, Mode::Automate),
        step(3, "b", Mode::Collaborate, Mode::Delegate),
    ];
    let found = messages(&mixed, "");
    let told: Vec<_> = found.iter().map(|m| (m.r#type.as_str(), m.headline.as_str(), m.workflows.concat())).collect();
    assert_eq!(
        told,
        [
            ("andon.mode.raised", "2 workflows were raised", "ab".to_owned()),
            ("andon.mode.lowered", "2 workflows were lowered", "draftsrouter".to_owned()),
        ]
    );
}

/// A demotion that joins a storm in the same breath is told by it, and by nothing else.
#[test]
fn a_demotion_within_a_storm_is_folded_for_whoever_takes_storms() {
    let what =
        What::IncidentJoined { incident: "house:1".into(), joined: "drafts-4".into(), summary: "one of many".into() };
    let late = [
        lowered(0, "drafts", Mode::Assist, breach("latency")),
        opened(1, Some("drafts"), "drafts-4", "breach"),
        entry(2, Some("drafts"), what),
    ];
    let found = told(&late, "");
    assert!(
        matches!(&found[..], [Told::Joined { storm, incident, .. }] if storm == "house:1" && incident == "drafts-4"),
        "{found:#?}"
    );
    assert_eq!(messages(&late, "events = [\"mode\", \"incident\"]").len(), 1);
}

#[test]
fn a_body_is_bounded_and_says_what_it_left_out() {
    let steps: Vec<Entry> = (0..400)
        .map(|n| {
            let what = What::ModeChanged {
                from: Mode::Automate,
                to: Mode::Assist,
                epoch: 3,
                cause: Cause::Lapse,
                reason: "x".repeat(3_000),
                breach: None,
                raised: None,
                versions: vec![],
            };
            entry(n, Some(&format!("w{n}")), what)
        })
        .collect();
    let message = &messages(&steps, "")[0];
    assert_eq!((message.headline.as_str(), message.workflows.len()), ("400 workflows were lowered", 50));
    assert!(message.facts.iter().any(|fact| fact.value.ends_with(" and 350 more")), "{message:#?}");
    for bytes_max in [4_096, 16_384, 65_536] {
        let body = form::webhook(message, "andon/ledger", bytes_max);
        let event: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert!(body.len() as u64 <= bytes_max, "{} of {bytes_max}", body.len());
        let kept = event["data"]["entries"].as_array().unwrap().len() as u64;
        assert_eq!(event["data"]["entries_left_out"].as_u64().unwrap() + kept, 400);
    }
    let slack = form::slack(message);
    let slack: serde_json::Value = serde_json::from_slice(&slack).unwrap();
    assert!(slack["blocks"].as_array().unwrap().iter().all(|block| block.to_string().len() < 3_100), "{slack:#}");
}

#[test]
fn nothing_that_people_wrote_breaks_a_line() {
    let what =
        What::IncidentResolved { incident: "drafts-4".into(), note: "done\r\nBcc: all@example.com\u{1b}[2J".into() };
    let message = &messages(&[entry(0, Some("drafts"), what)], "")[0];
    assert_eq!(message.reason, "done  Bcc: all@example.com [2J");
    let policy = Policy::empty();
    // A workflow that has left the policy is told of all the same.
    let wants = Wants::of(&settings("").notify.targets[0]);
    let entry = lowered(0, "gone", Mode::Assist, breach("latency"));
    let found = derive(&[(1, &entry)], &wants, &Context { policy: &policy, public_url: None });
    assert_eq!(found.len(), 1);
}
