//! The book of reviews under any order of outputs, verdicts and changes of mode.
//!
//! Owns nothing that runs outside of tests; the book itself is `reviews`'.

use super::*;
use crate::domain::{Outcome, WorkflowId};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Act {
    Output { id: u8, depth: u8, reviewers: u8, is_of_epoch: bool },
    Verdict { id: u8, reviewer: u8, rejected: bool },
    Epoch,
    Wait,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => (any::<u8>(), 1..30u8, 0..3u8, prop::bool::weighted(0.9))
            .prop_map(|(id, depth, reviewers, is_of_epoch)| Act::Output { id, depth, reviewers, is_of_epoch }),
        6 => (any::<u8>(), 0..3u8, any::<bool>()).prop_map(|(id, reviewer, rejected)| Act::Verdict { id, reviewer, rejected }),
        1 => Just(Act::Epoch),
        1 => Just(Act::Wait),
    ]
}

fn output(n: u32) -> OutputEvent {
    OutputEvent::new(&format!("o-{n}"), WorkflowId::new("wf").unwrap(), Outcome::Ok)
}

fn review(id: u8, reviewer: u8, rejected: bool) -> Review {
    Review {
        id: "r".into(),
        workflow: WorkflowId::new("wf").unwrap(),
        output_id: format!("o-{id}").as_str().into(),
        verdict: if rejected { Verdict::Rejected } else { Verdict::Accepted },
        exception: None,
        reviewer: format!("p-{reviewer}").as_str().into(),
        time: None,
        note: None,
        minutes: None,
    }
}

proptest! {
    /// Whatever comes in whatever order: each verdict is counted once and in one place, and what was
    /// selected is reviewed, given up, or still awaited.
    #[test]
    fn nothing_is_lost_and_nothing_counts_twice(acts in prop::collection::vec(act(), 1..400)) {
        let (mut book, mut now, mut verdicts, mut evidence) = (Reviews::default(), Time(1_800_000_000_000), 0, 0);
        for act in acts {
            match act {
                Act::Output { id, depth, reviewers, is_of_epoch } => {
                    let depth = is_of_epoch.then(|| f64::from(depth) / 30.0);
                    let counts = book.output(now, &output(u32::from(id)), depth, reviewers, None);
                    prop_assert!(counts.is_none() || reviewers > 0);
                    evidence += u64::from(counts.is_some());
                }
                Act::Verdict { id, reviewer, rejected } => {
                    verdicts += 1;
                    let counts = book.verdict(now, &review(id, reviewer, rejected));
                    prop_assert!(counts.as_ref().is_none_or(|counts| counts.rejected == rejected && counts.depth > 0.0));
                    evidence += u64::from(counts.is_some());
                }
                Act::Epoch => {
                    book.begin_epoch();
                    evidence = 0;
                }
                Act::Wait => now = now.plus(EARLY_MS / 2 + 1),
            }
            let sum = |of: fn(&Tally) -> u64| book.tallies().iter().map(of).sum::<u64>();
            let waiting = book.awaited.iter().filter(|awaited| awaited.depth.is_some()).count() as u64;
            prop_assert_eq!(sum(|t| t.selected), sum(|t| t.reviewed) + sum(|t| t.missed) + waiting);
            prop_assert!(sum(|t| t.reviewed) <= evidence, "forgotten depths only take away");
            prop_assert!(book.tallies().len() <= DEPTHS_MAX);
            let pairs: u32 = book.planned.iter().chain(&book.voluntary).flatten().sum();
            let inside = book.first + u64::from(pairs) + book.repeated;
            prop_assert_eq!(verdicts, inside + book.early.len() as u64 + book.outside(verdicts));
            prop_assert!(inside <= verdicts);
        }
    }
}

#[test]
fn everything_is_bounded() {
    let mut book = Reviews::default();
    let now = Time(1_800_000_000_000);
    for n in 0..40_000u32 {
        book.output(now, &output(n), Some(1.0), 1, None);
        assert!(book.awaited() <= AWAITED_UNREVIEWED_MAX);
    }
    book.verdict(now, &review(0, 0, true));
    for n in 40_000..160_000u32 {
        book.output(now, &output(n), Some(1.0), 1, None);
    }
    assert_eq!(book.awaited(), AWAITED_MAX);
    assert_eq!(size_of::<Awaited>(), 24, "24 bytes for each output that waits, where no guard asks where it came from");
    for n in 0..2_000u16 {
        let id = format!("early-{n}");
        book.verdict(now, &Review { output_id: id.as_str().into(), ..review(0, 0, true) });
        let id = format!("o-{}", 159_999 - u32::from(n));
        book.verdict(now, &Review { output_id: id.as_str().into(), ..review(0, 0, true) });
    }
    assert_eq!((book.early.len(), book.judged.len()), (EARLY_MAX, JUDGED_ONCE_MAX));
}
