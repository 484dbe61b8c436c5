//! The lab: hypotheses, what is said of them, and the way out.
//!
//! What is a failure here: more hypotheses at work than the house allows, a hypothesis that its own people
//! sign off, a risk that vanishes without somebody's word, a way out of the lab on silence.

use super::lab_rig::{
    act, code, declare_factory, dispose, find, gate, hypothesis, in_lab, kpis, lab, of, record, rig, show, sign_off,
    start, test,
};
use super::rig::{DAY, Rig, workflow};
use andon::domain::{
    Action, Ask, Conclusion, FindingKind, Hypothesis, LabAct, Mode, RequestStatus, Standing, Target, Time, Track, What,
    WorkflowId, WorkflowPolicy,
};
use andon::monitor::lab::HypothesisStatus;

use Standing::{Inconclusive, Met, Missing};

#[test]
fn silence_is_no_way_out_and_each_part_of_the_way_is_asked_for() {
    let mut rig = rig(&["h-1"]);
    assert_eq!(lab(&rig), [Missing, Missing, Inconclusive]);
    rig.pass(400 * DAY);
    assert_eq!(lab(&rig), [Missing, Missing, Inconclusive], "time alone shows nothing");
    start(&mut rig, "h-1").unwrap();
    find(&mut rig, "h-1", FindingKind::Risk).unwrap();
    assert_eq!(lab(&rig), [Missing, Missing, Missing]);
    show(&mut rig, "h-1", "200 judged", true).unwrap();
    assert_eq!(code(sign_off(&mut rig, "bob", "h-1", Conclusion::Confirmed)), "criteria_unanswered");
    show(&mut rig, "h-1", "no false claim", false).unwrap();
    sign_off(&mut rig, "bob", "h-1", Conclusion::Refuted).unwrap();
    assert_eq!(lab(&rig), [Met, Missing, Missing]);
    dispose(&mut rig, "h-1", 1).unwrap();
    assert_eq!(lab(&rig), [Met, Missing, Met]);
    // What isn't met takes another test, with answers of its own.
    start(&mut rig, "h-1").unwrap();
    assert_eq!(lab(&rig), [Missing, Missing, Inconclusive]);
    assert_eq!(code(sign_off(&mut rig, "bob", "h-1", Conclusion::Confirmed)), "criteria_unanswered");
    show(&mut rig, "h-1", "200 judged", true).unwrap();
    show(&mut rig, "h-1", "no false claim", true).unwrap();
    sign_off(&mut rig, "bob", "h-1", Conclusion::Confirmed).unwrap();
    assert_eq!(lab(&rig), [Met, Met, Met]);
    let tested = gate(&rig).requirements.iter().find(|r| r.name == "hypotheses").cloned().unwrap();
    assert_eq!((tested.n, tested.n_needed, tested.value), (Some(1), Some(1), Some(1.0)));
    let other = rig.monitor.gate("wf", Some(Target::Collaborate), rig.at.now).unwrap();
    assert!(other.requirements.iter().all(|r| r.name != "hypotheses"), "within the lab nobody asks for them");
}

#[test]
fn a_question_without_an_answer_opens_nothing() {
    let mut rig = rig(&["h-1"]);
    start(&mut rig, "h-1").unwrap();
    show(&mut rig, "h-1", "200 judged", true).unwrap();
    show(&mut rig, "h-1", "no false claim", true).unwrap();
    assert_eq!(code(sign_off(&mut rig, "bob", "h-1", Conclusion::Confirmed)), "nothing_found");
    sign_off(&mut rig, "bob", "h-1", Conclusion::Inconclusive).unwrap();
    assert_eq!((lab(&rig)[0], kpis(&rig).tested), (Missing, 0));
}

#[test]
fn its_own_people_do_not_sign_it_off() {
    let mut rig = rig(&["h-1"]);
    assert_eq!(code(sign_off(&mut rig, "bob", "h-1", Conclusion::Inconclusive)), "not_active");
    start(&mut rig, "h-1").unwrap();
    show(&mut rig, "h-1", "200 judged", true).unwrap();
    show(&mut rig, "h-1", "no false claim", true).unwrap();
    for own in ["ann", " Ann", "cay"] {
        assert_eq!(code(sign_off(&mut rig, own, "h-1", Conclusion::Inconclusive)), "own_hypothesis", "{own}");
    }
    // Whoever owned it when it was started is not made a stranger by a new configuration.
    rig.load(|policy| policy.workflows.values_mut().next().unwrap().hypotheses[0].owner = "dan".into());
    for own in ["ann", "dan"] {
        assert_eq!(code(sign_off(&mut rig, own, "h-1", Conclusion::Inconclusive)), "own_hypothesis", "{own}");
    }
    sign_off(&mut rig, "bob", "h-1", Conclusion::Inconclusive).unwrap();
    let denied = rig.ledger.iter().filter(|entry| matches!(&entry.what, What::Denied { act, .. } if act == "lab"));
    assert_eq!(denied.map(|entry| entry.by.as_str()).collect::<Vec<_>>(), ["bob", "ann", " Ann", "cay", "ann", "dan"]);
}

#[test]
fn no_more_run_than_the_house_allows() {
    let mut policy = in_lab(&["h-1", "h-2", "h-3"]);
    policy.hypotheses.push(hypothesis("h-4"));
    let mut rig = Rig::with(vec![policy]);
    for id in ["h-1", "h-2", "h-3"] {
        start(&mut rig, id).unwrap();
    }
    assert_eq!(code(start(&mut rig, "h-1")), "already_active");
    let denial = start(&mut rig, "h-4").unwrap_err();
    assert_eq!(denial.code, "too_many_active");
    assert!(denial.detail.starts_with("h-1, h-2, h-3 run already, and at most 3"), "{}", denial.detail);
    // Fewer from now on: those that run go on.
    rig.load(|policy| policy.house.lab.active_max = 1);
    assert!(record(&rig, "h-3").is_active());
    show(&mut rig, "h-1", "200 judged", true).unwrap();
    show(&mut rig, "h-1", "no false claim", true).unwrap();
    sign_off(&mut rig, "bob", "h-1", Conclusion::Inconclusive).unwrap();
    assert_eq!(code(start(&mut rig, "h-4")), "too_many_active");
}

#[test]
fn what_can_be_said_when() {
    let mut rig = rig(&["h-1"]);
    assert_eq!(code(start(&mut rig, "h-9")), "unknown_hypothesis");
    assert_eq!(code(find(&mut rig, "h-1", FindingKind::Pattern)), "not_started");
    assert_eq!(code(show(&mut rig, "h-1", "200 judged", true)), "not_active");
    act(&mut rig, "eve", "h-1", LabAct::Decision { text: "samples of spring only".into() }).unwrap();
    start(&mut rig, "h-1").unwrap();
    assert_eq!(code(show(&mut rig, "h-1", "201 judged", true)), "unknown_criterion");
    for kind in FindingKind::ALL {
        find(&mut rig, "h-1", kind).unwrap();
    }
    assert_eq!(
        (code(dispose(&mut rig, "h-1", 1)), code(dispose(&mut rig, "h-1", 9))),
        ("unknown_finding".into(), "unknown_finding".into())
    );
    dispose(&mut rig, "h-1", 2).unwrap();
    assert_eq!(code(dispose(&mut rig, "h-1", 2)), "already_disposed");
    // Every act has its name in the ledger, and its number where it got one.
    let acts = rig.ledger.iter().filter_map(|entry| match &entry.what {
        What::Lab { number, act, .. } => {
            Some((entry.by.as_str(), *number, serde_json::to_value(act).unwrap()["step"].clone()))
        }
        _ => None,
    });
    let acts: Vec<String> = acts.map(|(by, number, step)| format!("{by} {number:?} {step}")).collect();
    assert_eq!(
        acts,
        [
            "eve Some(1) \"decision\"",
            "cay None \"start\"",
            "eve Some(1) \"finding\"",
            "eve Some(2) \"finding\"",
            "eve Some(3) \"finding\"",
            "bob None \"risk\""
        ]
    );
}

#[test]
fn a_time_box_that_is_over_is_seen_and_stops_nothing() {
    let mut rig = rig(&["h-1"]);
    start(&mut rig, "h-1").unwrap();
    let started = rig.at.now;
    let view = |rig: &Rig| of(rig).hypothesis_view(record(rig, "h-1"), &rig.monitor.policy().house.lab, rig.at.now);
    assert_eq!((view(&rig).due_at, view(&rig).overdue), (Some(started.plus(14 * DAY)), false));
    rig.pass(14 * DAY);
    assert!(view(&rig).overdue && view(&rig).next.contains("its time-box ended"), "{}", view(&rig).next);
    assert_eq!(kpis(&rig).overdue, 1);
    find(&mut rig, "h-1", FindingKind::Pattern).unwrap();
    assert_eq!(rig.mode("wf"), Mode::Assist);
    assert!(rig.state("wf").incidents.list().is_empty());
}

#[test]
fn what_people_say_of_a_hypothesis_ends_a_request_to_leave() {
    let mut rig = rig(&["h-1", "h-2"]);
    rig.climb("wf", Target::Collaborate);
    test(&mut rig, "h-1");
    declare_factory(&mut rig);
    rig.good("wf", 400);
    for act in [
        LabAct::Start { note: String::new() },
        LabAct::Finding { kind: FindingKind::Risk, text: "names".into(), defect_type: None },
        LabAct::Criterion { criterion: "200 judged".into(), met: false, note: "149".into() },
    ] {
        let mut rig_of = Rig { monitor: rig.monitor.clone(), at: rig.at, ledger: vec![], policy: rig.policy.clone() };
        let rig = &mut rig_of;
        if matches!(act, LabAct::Criterion { .. }) {
            // Only what runs has criteria to answer, and with that nobody can ask.
            start(rig, "h-2").unwrap();
            assert_eq!(code(rig.promote("ann", "wf", Target::Factory)), "gate_closed");
            continue;
        }
        rig.promote("ann", "wf", Target::Factory).unwrap();
        rig.approve("bob", &[]).unwrap();
        self::act(rig, "eve", if matches!(act, LabAct::Start { .. }) { "h-2" } else { "h-1" }, act).unwrap();
        assert_eq!(rig.newest().status, RequestStatus::Cancelled);
        assert_eq!(code(rig.approve("cay", &[])), "not_pending");
        assert!(rig.state("wf").governance.in_lab);
    }
    // A pattern is no reason to.
    rig.promote("ann", "wf", Target::Factory).unwrap();
    find(&mut rig, "h-1", FindingKind::Pattern).unwrap();
    assert_eq!(rig.newest().status, RequestStatus::Pending);
    rig.approve("bob", &[]).unwrap();
    rig.approve("cay", &[]).unwrap();
    assert!(!rig.state("wf").governance.in_lab);
    // The evidence was frozen with the rest.
    let asked =
        rig.last(|what| matches!(what, What::Requested { ask: Ask::Promotion { to: Target::Factory, .. }, .. }));
    let What::Requested { gate: Some(gate), .. } = &asked.what else { panic!("{asked:?}") };
    assert!(gate.requirements.iter().any(|r| r.name == "exit_criteria" && r.standing == Met));
    assert_eq!(gate.hash(), gate.evidence);
    // Out of the lab nothing is tested any more; what is found later isn't early.
    assert_eq!(code(start(&mut rig, "h-2")), "not_in_lab");
    find(&mut rig, "h-1", FindingKind::Risk).unwrap();
    assert_eq!((kpis(&rig).found.risks, kpis(&rig).risks_early), (1, 0));
}

#[test]
fn within_the_lab_the_light_list_is_enough_and_to_leave_it_the_formal_ones() {
    let mut policy = in_lab(&[]);
    (policy.readiness.lab, policy.readiness.builder) = (vec!["stop-rule".into()], vec!["runbook".into()]);
    let mut rig = Rig::with(vec![policy]);
    let asked = |rig: &Rig, to: Target| {
        let gate = rig.monitor.gate("wf", Some(to), rig.at.now).unwrap();
        let names = gate.requirements.iter().filter_map(|r| r.name.strip_prefix("readiness:").map(str::to_owned));
        names.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        (asked(&rig, Target::Collaborate), asked(&rig, Target::Factory)),
        ("stop-rule".into(), "runbook".into())
    );
    let answer = |rig: &mut Rig, item: &str| {
        let workflow = WorkflowId::new("wf").unwrap();
        rig.act("eve", &[], Action::Answer { workflow, item: item.into(), ready: true, note: "seen".into() })
    };
    rig.good("wf", 400);
    assert_eq!(code(rig.promote("ann", "wf", Target::Collaborate)), "gate_closed");
    answer(&mut rig, "stop-rule").unwrap();
    answer(&mut rig, "runbook").unwrap();
    rig.climb("wf", Target::Collaborate);
    // In the factory nobody asks for it.
    let mut rig = Rig::with(vec![WorkflowPolicy { track: Track::Factory, ..in_lab(&[]) }]);
    assert_eq!(
        (asked(&rig, Target::Collaborate), code(answer(&mut rig, "stop-rule"))),
        (String::new(), "unknown_item".into())
    );
}

#[test]
fn what_was_begun_is_not_got_rid_of_without_an_approver() {
    let drop_first = |rig: &mut Rig| {
        drop(rig.load(|policy| drop(policy.workflows.values_mut().next().unwrap().hypotheses.remove(0))))
    };
    // Nobody began it: it may go.
    let mut planned = rig(&["h-1"]);
    drop_first(&mut planned);
    assert!(planned.monitor.house().waiting.is_none() && planned.state("wf").governance.lab.records.is_empty());
    // All is met and nothing open: it may go, and its record stays.
    let mut done = rig(&["h-1"]);
    test(&mut done, "h-1");
    drop_first(&mut done);
    assert!(done.monitor.house().waiting.is_none());
    assert_eq!((record(&done, "h-1").status(), record(&done, "h-1").found.patterns), (HypothesisStatus::Removed, 1));
    assert_eq!(lab(&done), [Missing, Missing, Inconclusive], "what isn't declared is no evidence");
    // It runs, or a risk is open, or a criterion goes, or the question: somebody must agree.
    let mut running = rig(&["h-1"]);
    start(&mut running, "h-1").unwrap();
    find(&mut running, "h-1", FindingKind::Risk).unwrap();
    drop_first(&mut running);
    let Ask::Policy { loosens, .. } = running.newest().ask else { panic!() };
    assert_eq!(loosens, ["wf: the hypothesis h-1 is gone, with exit criteria that aren't met or risks that are open"]);
    running.approve("bob", &[]).unwrap();
    assert_eq!(record(&running, "h-1").status(), HypothesisStatus::Removed);
    assert_eq!((lab(&running)[2], code(find(&mut running, "h-1", FindingKind::Risk))), (Missing, "removed".into()));
    // The risk stays open until somebody disposes of it, whatever is declared.
    dispose(&mut running, "h-1", 1).unwrap();
    assert_eq!(lab(&running)[2], Inconclusive);
    for change in
        [|h: &mut Hypothesis| drop(h.exit.remove(0)), |h: &mut Hypothesis| h.question = "does it rhyme?".into()]
    {
        let mut rig = rig(&["h-1"]);
        test(&mut rig, "h-1");
        rig.load(|policy| change(&mut policy.workflows.values_mut().next().unwrap().hypotheses[0]));
        assert!(rig.monitor.house().waiting.is_some());
    }
}

#[test]
fn leaving_the_policy_and_coming_back_drops_nothing_unseen() {
    let mut rig = Rig::with(vec![in_lab(&["h-1"]), workflow("other")]);
    start(&mut rig, "h-1").unwrap();
    find(&mut rig, "h-1", FindingKind::Risk).unwrap();
    rig.load(|policy| policy.workflows.retain(|id, _| id.as_str() != "wf"));
    rig.load(|policy| drop(policy.workflows.insert(WorkflowId::new("wf").unwrap(), in_lab(&[]))));
    let Ask::Policy { loosens, .. } = rig.newest().ask else { panic!() };
    assert!(loosens[0].contains("hypothesis h-1 is gone"), "{loosens:?}");
    // A renamed one carries its hypotheses on, and answers for them.
    rig.load(|policy| {
        policy.workflows.retain(|id, _| id.as_str() != "wf");
        let id = WorkflowId::new("heir").unwrap();
        let heir = WorkflowPolicy { id: id.clone(), renamed_from: WorkflowId::new("wf").ok(), ..in_lab(&["h-1"]) };
        policy.workflows.insert(id, heir);
    });
    assert!(rig.monitor.house().waiting.is_none());
    assert_eq!(rig.state("heir").governance.lab.records["h-1"].open_risks(), 1);
}

#[test]
fn a_new_criterion_asks_for_an_answer_of_its_own() {
    let mut rig = rig(&["h-1"]);
    test(&mut rig, "h-1");
    assert_eq!(lab(&rig), [Met, Met, Met]);
    rig.load(|policy| policy.workflows.values_mut().next().unwrap().hypotheses[0].exit.push("a third".into()));
    assert_eq!(lab(&rig), [Met, Missing, Met]);
    assert_eq!(code(show(&mut rig, "h-1", "a third", true)), "not_active");
}

#[test]
fn open_risks_are_never_forgotten_and_everything_else_is_bounded() {
    let mut rig = rig(&["h-1"]);
    start(&mut rig, "h-1").unwrap();
    find(&mut rig, "h-1", FindingKind::Risk).unwrap();
    for _ in 0..150 {
        find(&mut rig, "h-1", FindingKind::Pattern).unwrap();
        act(&mut rig, "eve", "h-1", LabAct::Decision { text: "on".into() }).unwrap();
    }
    let kept = record(&rig, "h-1");
    assert_eq!((kept.findings.len(), kept.found.patterns, kept.open_risks()), (100, 150, 1));
    assert_eq!((kept.decisions.len(), kept.decided, kept.decisions[0].number), (100, 150, 51));
    for _ in 0..99 {
        find(&mut rig, "h-1", FindingKind::Risk).unwrap();
    }
    assert_eq!(code(find(&mut rig, "h-1", FindingKind::Pattern)), "too_many_open_risks");
    assert_eq!((record(&rig, "h-1").open_risks(), lab(&rig)[2]), (100, Missing));
    dispose(&mut rig, "h-1", 1).unwrap();
    for n in 0..60 {
        let of = Some(format!("type-{n}"));
        act(&mut rig, "eve", "h-1", LabAct::Finding { kind: FindingKind::Defect, text: "t".into(), defect_type: of })
            .unwrap();
    }
    let types = &record(&rig, "h-1").defect_types;
    assert_eq!((types.len(), types["other"], types["type-49"]), (51, 10, 1));
}

#[test]
fn removed_hypotheses_go_in_the_end_and_those_with_open_risks_never() {
    let mut rig = rig(&[]);
    for n in 0..210 {
        rig.load(|policy| {
            policy.house.loosening_waits = false;
            policy.workflows.values_mut().next().unwrap().hypotheses = vec![hypothesis(&format!("h-{n}"))];
        });
        if n == 0 {
            rig.approve("bob", &[]).unwrap();
        }
        start(&mut rig, &format!("h-{n}")).unwrap();
        if n < 5 {
            find(&mut rig, &format!("h-{n}"), FindingKind::Risk).unwrap();
        }
    }
    let records = &rig.state("wf").governance.lab.records;
    assert_eq!(records.len(), 201);
    assert!((0..5).all(|n| records.contains_key(&format!("h-{n}"))) && !records.contains_key("h-5"));
    assert_eq!((kpis(&rig).found.risks, kpis(&rig).risks_open), (5, 5));
}

#[test]
fn the_numbers_are_what_they_say() {
    let mut rig = rig(&["h-1", "h-2", "h-3"]);
    let none = kpis(&rig);
    assert_eq!((none.planned, none.tested, none.tested_per_sprint, none.tested_last_sprint), (3, 0, None, None));
    assert_eq!((none.sprints, none.time_to_learning_ms_median), (None, None));
    start(&mut rig, "h-1").unwrap();
    rig.at.now = rig.at.now.plus(4 * Time::HOUR - 1_000);
    find(&mut rig, "h-1", FindingKind::Risk).unwrap();
    start(&mut rig, "h-2").unwrap();
    rig.at.now = rig.at.now.plus(2 * Time::HOUR - 1_000);
    find(&mut rig, "h-2", FindingKind::Defect).unwrap();
    start(&mut rig, "h-3").unwrap();
    let begun = kpis(&rig);
    let each: Vec<i64> = begun.time_to_learning.iter().map(|one| one.ms / Time::HOUR).collect();
    assert_eq!((each, begun.time_to_learning_ms_median, begun.without_finding), (vec![4, 2], Some(3 * Time::HOUR), 1));
    assert_eq!((begun.active, begun.risks_early, begun.defect_types["tone"]), (3, 1, 1));
    for id in ["h-1", "h-2"] {
        show(&mut rig, id, "200 judged", true).unwrap();
        show(&mut rig, id, "no false claim", true).unwrap();
        sign_off(&mut rig, "bob", id, Conclusion::Refuted).unwrap();
    }
    assert_eq!(
        (kpis(&rig).tested_per_sprint, kpis(&rig).tested_last_sprint),
        (Some(2.0), Some(2)),
        "a sprint at least"
    );
    rig.pass(41 * DAY + 20 * Time::HOUR);
    let later = kpis(&rig);
    assert!((later.tested_per_sprint.unwrap() - 2.0 / 3.0).abs() < 0.01, "{later:?}");
    assert_eq!((later.tested, later.tested_last_sprint), (2, Some(0)));
    // Tested again, it is still one hypothesis.
    start(&mut rig, "h-1").unwrap();
    show(&mut rig, "h-1", "200 judged", true).unwrap();
    show(&mut rig, "h-1", "no false claim", true).unwrap();
    sign_off(&mut rig, "bob", "h-1", Conclusion::Confirmed).unwrap();
    assert_eq!((kpis(&rig).tested, kpis(&rig).time_to_learning_ms_median), (2, Some(3 * Time::HOUR)));
}
