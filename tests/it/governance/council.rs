//! What the council decides, in the state machine: bounded, counted once, and raising nothing.

use super::rig::{DAY, Rig, workflow};
use andon::domain::{
    Action, Answered, Choice, Denial, Ending, Judgement, Mode, Question, Target, Time, What, WorkflowId, WorkflowPolicy,
};
use andon::monitor::answers::ANSWERS_PER_WORKFLOW_MAX;
use andon::monitor::council::{ACTIONS_MAX, ACTIONS_PER_WORKFLOW_MAX, DUE_MS_MAX};
use proptest::prelude::*;

fn wf() -> WorkflowId {
    WorkflowId::new("wf").unwrap()
}

fn answer(question: Question, choice: Choice) -> Action {
    let note = "the council of Monday".into();
    Action::Council(Answered { week: "2026-W47".into(), question, choice, note, replaces: None })
}

fn assign(rig: &mut Rig, due: Time) -> Result<(), Denial> {
    let action = Action::Assign { workflow: None, task: "look".into(), owner: "ann".into(), due };
    rig.act("bob", &[], action)
}

#[test]
fn the_gate_is_asked_for_and_others_approve() {
    let mut rig = Rig::with(vec![workflow("wf")]);
    let open =
        || answer(Question::OpenGate { workflow: wf(), to: Target::Collaborate }, Choice::OpenGate { funding: None });
    let count = |rig: &Rig| rig.ledger.iter().filter(|entry| matches!(entry.what, What::Council { .. })).count();
    assert_eq!(rig.act("ann", &[], open()).unwrap_err().code, "gate_closed");
    assert_eq!((count(&rig), rig.state("wf").governance.requests.list().count()), (0, 0));
    rig.good("wf", 400);
    rig.act("ann", &[], open()).unwrap();
    let request = rig.newest();
    let Some(What::Council { did, .. }) = rig.ledger.last().map(|entry| entry.what.clone()) else { panic!() };
    assert_eq!((did, rig.mode("wf")), (Some(request.id), Mode::Assist));
    // The same once more is the same: nothing is asked for twice. Of somebody else it is another answer.
    let entries = rig.ledger.len();
    rig.act("ann", &[], open()).unwrap();
    assert_eq!((rig.ledger.len(), rig.state("wf").governance.requests.list().count()), (entries, 1));
    assert_eq!(rig.act("bob", &[], open()).unwrap_err().code, "answered_meanwhile");
    // Holding it is something else than asking: nothing new came of it, and what was asked for ends.
    rig.act("ann", &[], answer(Question::KeepDown { workflow: wf() }, Choice::KeepDown)).unwrap();
    let Some(What::Council { did, .. }) = rig.ledger.last().map(|entry| entry.what.clone()) else { panic!() };
    assert_eq!((did, rig.newest().is_pending()), (None, false));
    let not_offered = answer(Question::KeepDown { workflow: wf() }, Choice::JudgeFalse);
    assert_eq!(rig.act("ann", &[], not_offered).unwrap_err().code, "not_offered");
}

#[test]
fn one_word_that_it_was_false_does_not_open_the_gate_sooner() {
    let mut rig = Rig::with(vec![workflow("wf")]);
    rig.climb("wf", Target::Collaborate);
    rig.breach("wf");
    let closed = |rig: &Rig| rig.state("wf").governance.closed_until(&rig.policy.workflows["wf"].cooldown);
    let (before, epoch) = (closed(&rig), rig.state("wf").epoch);
    let judge = Action::Judge { workflow: wf(), epoch, judgement: Judgement::False, note: "a test run".into() };
    rig.act("ann", &[], judge).unwrap();
    assert_eq!((closed(&rig), rig.mode("wf")), (before, Mode::Assist));
    // And two people may still take it back.
    rig.act("ann", &[], Action::Annul { workflow: wf(), reason: "a test run".into() }).unwrap();
    rig.approve("bob", &[]).unwrap();
    let governance = &rig.state("wf").governance;
    assert_eq!((rig.mode("wf"), governance.annulled, governance.judged(Judgement::False)), (Mode::Collaborate, 1, 1));
}

#[test]
fn open_actions_are_few_and_soon() {
    let mut rig = Rig::with(vec![workflow("wf")]);
    let due = rig.at.now.plus(DAY);
    for _ in 0..ACTIONS_MAX {
        assign(&mut rig, due).unwrap();
    }
    assert_eq!(assign(&mut rig, due).unwrap_err().code, "too_many_actions");
    let finish = |id: &str| Action::Finish { id: id.into(), ending: Ending::Done, note: String::new() };
    rig.act("ann", &[], finish("a17")).unwrap();
    assert_eq!(rig.act("ann", &[], finish("a17")).unwrap_err().code, "unknown_action");
    let late = rig.at.now.plus(DUE_MS_MAX + 10_000);
    assert_eq!(assign(&mut rig, late).unwrap_err().code, "due_too_late");
    let over = rig.at.now;
    assert_eq!(assign(&mut rig, over).unwrap_err().code, "due_is_over");
    assign(&mut rig, due).unwrap();
    let actions = &rig.monitor.house().actions;
    assert_eq!(actions.open().last().map(|task| task.id.clone()), Some(format!("a{}", ACTIONS_MAX + 1)));
    assert_eq!((actions.overdue(due.plus(-1)), actions.overdue(due)), (0, ACTIONS_MAX));
}

#[test]
fn one_workflow_leaves_the_others_their_places() {
    let mut rig = Rig::with(vec![workflow("wf"), workflow("other")]);
    let due = rig.at.now.plus(DAY);
    let of = |id: Option<&str>| {
        let workflow = id.map(|id| WorkflowId::new(id).unwrap());
        Action::Assign { workflow, task: "look".into(), owner: "ann".into(), due }
    };
    for _ in 0..ACTIONS_PER_WORKFLOW_MAX {
        rig.act("bob", &[], of(Some("wf"))).unwrap();
    }
    let denial = rig.act("bob", &[], of(Some("wf"))).unwrap_err();
    assert!(denial.code == "too_many_actions" && denial.detail.contains("20 actions of wf"), "{denial:?}");
    rig.act("bob", &[], of(Some("other"))).unwrap();
    rig.act("bob", &[], of(None)).unwrap();
}

#[test]
fn answers_are_remembered_up_to_a_limit_and_under_the_new_name_of_their_workflow() {
    let mut rig = Rig::with(vec![workflow("wf")]);
    let of_week = |n: usize, note: &str| {
        let (week, question) = (format!("week {n}"), Question::KeepDown { workflow: wf() });
        Action::Council(Answered { week, question, choice: Choice::Nothing, note: note.into(), replaces: None })
    };
    for n in 0..=ANSWERS_PER_WORKFLOW_MAX {
        rig.act("ann", &[], of_week(n, "n")).unwrap();
    }
    assert_eq!(rig.act("ann", &[], of_week(1, "other")).unwrap_err().code, "answered_meanwhile");
    rig.act("ann", &[], of_week(0, "other")).unwrap();
    rig.load(|policy| {
        policy.workflows.clear();
        let renamed = WorkflowPolicy { renamed_from: Some(wf()), ..workflow("new") };
        policy.workflows.insert(renamed.id.clone(), renamed);
    });
    let (new, house) = (WorkflowId::new("new").unwrap(), rig.monitor.house());
    let present = house.answers.present("week 0", &Question::KeepDown { workflow: new }, &house.actions);
    assert_eq!(present.map(|given| given.answered.note.as_str()), Some("other"));
}

#[test]
fn an_action_goes_with_a_workflow_that_gets_another_name() {
    let mut rig = Rig::with(vec![workflow("wf")]);
    let due = rig.at.now.plus(DAY);
    let action = Action::Assign { workflow: Some(wf()), task: "look".into(), owner: "ann".into(), due };
    rig.act("bob", &[], action).unwrap();
    let choice = Choice::Assign { task: "look".into(), owner: "ann".into(), due };
    rig.act("bob", &[], answer(Question::Reviews { workflow: wf() }, choice)).unwrap();
    rig.load(|policy| {
        policy.workflows.clear();
        let mut renamed = workflow("new");
        renamed.renamed_from = Some(wf());
        policy.workflows.insert(renamed.id.clone(), renamed);
    });
    let new = WorkflowId::new("new").unwrap();
    let open = rig.monitor.house().actions.open();
    assert!(open.iter().all(|task| task.workflow.as_ref() == Some(&new)), "{open:?}");
    assert_eq!(open[1].question, Some(Question::Reviews { workflow: new }));
}

/// Something that somebody does, or that happens.
fn step() -> impl Strategy<Value = (u8, u64)> {
    (0..9u8, 1..6u64)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever the council says, in whatever order: no mode rises by it, no demotion counts twice, and what is
    /// denied leaves nothing but the word that it was.
    #[test]
    fn nothing_rises_and_nothing_counts_twice(steps in prop::collection::vec(step(), 1..40)) {
        let mut rig = Rig::with(vec![workflow("wf")]);
        rig.climb("wf", Target::Collaborate);
        rig.climb("wf", Target::Delegate);
        for (what, n) in steps {
            let (before, entries, house) = (rig.state("wf").clone(), rig.ledger.len(), rig.monitor.house().clone());
            let due = rig.at.now.plus(DAY);
            let judge = |judgement| Action::Judge { workflow: wf(), epoch: n, judgement, note: "n".into() };
            let action = match what {
                0 => { rig.outputs("wf", 3, |_, event| event.outcome = andon::domain::Outcome::Exception); continue }
                1 => judge(Judgement::Right),
                2 => judge(Judgement::False),
                3 => answer(Question::JudgeDemotion { workflow: wf(), epoch: n }, Choice::JudgeFalse),
                4 => answer(Question::KeepDown { workflow: wf() }, Choice::KeepDown),
                5 => Action::Finish { id: format!("a{n}"), ending: Ending::Dropped, note: String::new() },
                6 => answer(Question::Drill { drill: n }, Choice::Assign { task: "t".into(), owner: "o".into(), due }),
                7 => answer(Question::OpenGate { workflow: wf(), to: Target::Automate }, Choice::OpenGate { funding: None }),
                _ => answer(Question::AcceptBaseline { workflow: wf(), guard: "exceptions".into() }, Choice::AcceptBaseline),
            };
            let done = rig.act("ann", &[], action);
            let after = rig.state("wf");
            prop_assert_eq!(after.granted, before.granted);
            let governance = &after.governance;
            let judged: u64 = Judgement::ALL.iter().map(|of| governance.judged(*of)).sum();
            prop_assert!(judged <= governance.demoted);
            if done.is_err() {
                prop_assert_eq!(after, &before);
                prop_assert_eq!(rig.monitor.house(), &house);
                prop_assert_eq!(rig.ledger.len(), entries + 1);
            }
        }
    }
}
