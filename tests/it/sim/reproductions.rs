//! What the simulation, or a reviewer, found once: the shortest way there, by name.

#![cfg(test)]

use super::{Op, run};

const fn good(workflow: usize) -> Op {
    Op::Events { workflow, count: 7, failed: 0, late_s: 0 }
}

const fn bad(workflow: usize) -> Op {
    Op::Events { workflow, count: 7, failed: 0xff, late_s: 0 }
}

/// The number of replayed records was taken for the number of the last one.
#[test]
fn a_ledger_behind_the_snapshot_misses_the_breach() {
    let before = [good(0), good(1), good(0), Op::Snapshot { saved: true }, Op::FailBook { fails: true }];
    run(&[&before[..], &[bad(0), Op::Crash { seed: None }, good(0)]].concat());
}

/// The order that came in after the disk had room again marked the ledger as complete.
#[test]
fn an_order_after_a_failed_ledger_write_hides_the_hole() {
    let fails = |fails| Op::FailBook { fails };
    run(&[good(0), fails(true), bad(0), fails(false), Op::Command { workflow: 1, what: 0 }, Op::Crash { seed: None }]);
}

/// The policy adopted it, but only what was there before was marked for the snapshot.
#[test]
fn a_workflow_without_outputs_is_in_no_snapshot() {
    run(&[good(0), Op::Stop, good(0), Op::Stop, good(2)]);
}

/// A failed sync, then a kill that leaves what was written: it counts, but only once.
#[test]
fn what_a_failed_sync_left_behind_counts_once() {
    for kind in 0..4 {
        for after in 0..3 {
            let fail = Op::FailDisk { kind, after };
            run(&[
                good(0),
                fail,
                good(0),
                good(0),
                Op::Kill,
                Op::Again { back: 0, count: 14 },
                Op::Crash { seed: None },
            ]);
        }
    }
}
