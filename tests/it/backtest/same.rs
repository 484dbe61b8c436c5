//! A journal under its own policies: what happened is what the ledger says, and there is no difference.

#![cfg(test)]

use super::{DRAFTS, Past, policy, start};
use andon::backtest::{Backtest, Change, Report, Span, backtest};
use andon::domain::{Action, Entry, Mode, Time, What, WorkflowId};
use andon::store::{LedgerQuery, Look};
use proptest::prelude::*;

/// Something that the journal of a daemon holds.
#[derive(Debug, Clone)]
enum Op {
    Request {
        workflow: usize,
        failed: u16,
        outputs: usize,
    },
    /// Time passes; the daemon looks at the clock at its end, or doesn't.
    Pass {
        seconds: u32,
        looks: bool,
    },
    Lower {
        workflow: usize,
    },
    Resolve {
        workflow: usize,
        number: usize,
    },
    Restart {
        hours: u32,
    },
    Reload {
        tight: bool,
    },
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0..3usize, prop_oneof![Just(0), any::<u16>()], 1..12usize)
            .prop_map(|(workflow, failed, outputs)| Op::Request { workflow, failed, outputs }),
        5 => (prop_oneof![1..300u32, 1_000..20_000u32, Just(90_000)], prop::bool::weighted(0.8))
            .prop_map(|(seconds, looks)| Op::Pass { seconds, looks }),
        1 => (0..3usize).prop_map(|workflow| Op::Lower { workflow }),
        1 => (0..3usize, 1..4usize).prop_map(|(workflow, number)| Op::Resolve { workflow, number }),
        1 => (1..40u32).prop_map(|hours| Op::Restart { hours }),
        1 => any::<bool>().prop_map(|tight| Op::Reload { tight }),
    ]
}

const IDS: [&str; 3] = ["drafts", "tests", "stranger"];

/// A factory workflow that goes silent, one in the lab, and unknown ones.
fn text(tight: bool) -> String {
    let bound = if tight { "0.05" } else { "{ collaborate = 0.5, delegate = 0.3, automate = 0.1 }" };
    format!(
        "[budget]\noutputs_per_false_demotion = 100\n[unknown_workflows]\naccept = true\n\
         [[workflow]]\nid = \"drafts\"\nstart_mode = \"automate\"\nevidence_valid = \"20h\"\n\
         [[workflow.guard]]\nsignal = \"exception_rate\"\nbound = {bound}\nblock = 1\n\
         [[workflow.guard]]\nsignal = \"silence\"\nafter = \"3h\"\nto = \"collaborate\"\n\
         [[workflow]]\nid = \"tests\"\ntrack = \"lab\"\nstart_mode = \"collaborate\"\n\
         [[workflow.guard]]\nsignal = \"exception_rate\"\nbound = {bound}\nblock = 1\n"
    )
}

/// Lives a past; gives the ledger's entries about modes.
fn live(folder: &std::path::Path, ops: &[Op], reloads: bool) -> Vec<Entry> {
    let mut past = Past::new(folder, &text(false));
    let mut tight = false;
    for op in ops {
        match op {
            Op::Request { workflow, failed, outputs } => {
                let id = IDS[*workflow];
                let events = (0..*outputs).map(|n| past.event(id, failed >> n & 1 == 1)).collect();
                past.request(events);
            }
            Op::Pass { seconds, looks: true } => past.pass(i64::from(*seconds) * Time::SECOND),
            Op::Pass { seconds, looks: false } => past.now = past.now.plus(i64::from(*seconds) * Time::SECOND),
            Op::Lower { workflow } => past.order(Action::Lower {
                workflow: WorkflowId::new(IDS[*workflow]).unwrap(),
                mode: Mode::Collaborate,
                reason: "look".into(),
            }),
            Op::Resolve { workflow, number } => {
                past.order(Action::Resolve { incident: format!("{}-{number}", IDS[*workflow]), note: String::new() });
            }
            Op::Restart { hours } => past = past.restart(i64::from(*hours) * Time::HOUR),
            Op::Reload { tight: new } if reloads && *new != tight => {
                tight = *new;
                past.load(&text(tight));
            }
            Op::Reload { .. } => {}
        }
    }
    let reader = past.engine.store().book.reader().unwrap();
    let query = LedgerQuery { limit: 100_000, ..LedgerQuery::default() };
    let entries = reader.entries(&query).unwrap().into_iter().map(|(_, entry)| entry);
    entries.filter(|entry| matches!(entry.what, What::ModeChanged { .. } | What::BreachNoted { .. })).collect()
}

fn run(folder: &std::path::Path, text: &str, from: Option<Time>) -> Report {
    let look = Look::at(&folder.join("store")).unwrap();
    let wanted = Backtest { policy: policy(text), span: Span { from, to: None }, start_mode: None };
    backtest(&look, wanted, &mut |_| {}).unwrap_or_else(|error| panic!("{error}"))
}

/// What happened, as the report has it, in the order of the journal.
fn happened(report: &Report) -> Vec<(String, Change)> {
    let rows = report.workflows.iter().flat_map(|own| own.rows.iter().map(move |row| (own.id.to_string(), row)));
    let mut changes: Vec<_> = rows.filter_map(|(id, row)| Some((id, row.happened.clone()?))).collect();
    changes.sort_by_key(|(id, change)| (change.journal_seq, id.clone()));
    changes
}

fn check_ledger(report: &Report, ledger: &[Entry]) {
    let found = happened(report);
    let mut told: Vec<&Entry> = ledger.iter().collect();
    told.sort_by_key(|entry| (entry.journal_seq, entry.workflow.clone()));
    assert_eq!(found.len(), told.len(), "{found:#?}\n{told:#?}");
    for ((id, change), entry) in found.iter().zip(told) {
        assert_eq!(
            (id.as_str(), change.time, change.journal_seq),
            (entry.workflow.as_ref().unwrap().as_str(), entry.time, entry.journal_seq)
        );
        if let What::ModeChanged { from, to, epoch, cause, reason, .. } = &entry.what {
            let of = (change.from, change.to, change.epoch, change.cause, &change.reason);
            assert_eq!(of, (*from, *to, Some(*epoch), *cause, reason));
        }
    }
}

fn check_no_difference(report: &Report) {
    assert_eq!((report.lowered_differently, report.noted_differently), (0, 0), "{report:#?}");
    for own in &report.workflows {
        assert!(own.rows.iter().all(|row| row.happened == row.candidate), "{own:#?}");
        assert_eq!(own.happened, own.candidate);
        assert_eq!((own.outputs_above_candidate, own.outputs_below_candidate), (0, 0));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_replay_of_a_journal_is_what_its_ledger_says(ops in prop::collection::vec(op(), 1..40)) {
        let folder = tempfile::tempdir().unwrap();
        let ledger = live(folder.path(), &ops, true);
        check_ledger(&run(folder.path(), &text(true), None), &ledger);
    }

    #[test]
    fn the_same_policy_makes_no_difference(ops in prop::collection::vec(op(), 1..40), at in 0..100i64) {
        let folder = tempfile::tempdir().unwrap();
        let ledger = live(folder.path(), &ops, false);
        let report = run(folder.path(), &text(false), None);
        check_ledger(&report, &ledger);
        check_no_difference(&report);
        // From any time on as well.
        let end = Look::at(&folder.path().join("store")).unwrap().journal.last_time().unwrap();
        let from = start().plus(end.since(start()) * at / 100);
        check_no_difference(&run(folder.path(), &text(false), Some(from)));
    }
}

#[test]
fn the_same_journal_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let mut past = Past::new(folder.path(), DRAFTS);
    past.minutes("drafts", 50, false);
    past.minutes("drafts", 10, true);
    drop(past);
    let candidate = DRAFTS.replace("0.05", "0.2");
    let first = super::printed(folder.path(), &candidate, &[]);
    assert!(first.starts_with("Under candidate.toml 1 of 1 workflows would have been lowered differently."), "{first}");
    assert_eq!(super::printed(folder.path(), &candidate, &[]), first);
}
