//! A simulation: operations by chance on the real engine, over a disk and a book that fail.
//!
//! A failure is: an acknowledged output that is not counted exactly once; a granted mode above the
//! last one that anybody saw; an epoch that comes again with another mode; a published mode above
//! the granted one, or above assist once the store refused; a ledger with a hole, a repeat, or
//! without one of the changes; a journal that gives another state than the one that lives.
//! Not a failure: an output that was refused with an error and is there all the same after the
//! crash (nobody was told); fewer outputs taken while the store refuses.
//! Everything here is deterministic: one thread, a clock that stands, chance from the seed alone.
//! `ANDON_SIM_CASES=10000` runs more than the default.

#![cfg(test)]

mod model;
mod reproductions;

use model::World;
use proptest::prelude::*;

/// What happens next.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    /// New outputs of a workflow; a bit of `failed` each; `late_s` seconds before now.
    Events { workflow: usize, count: usize, failed: u8, late_s: u32 },
    /// Outputs that were sent before come again, in another order.
    Again { back: usize, count: usize },
    /// Time passes.
    Advance { seconds: u32 },
    /// An operator or the council acts.
    Command { workflow: usize, what: u8 },
    /// A drill begins, reports exceptions, or ends: in any order, as crashes make it.
    Drill { what: u8 },
    /// Another policy comes into force.
    Reload { policy: usize },
    /// A snapshot is taken, or fails in the middle.
    Snapshot { saved: bool },
    /// The disk will fail at the operation after so many.
    FailDisk { kind: u8, after: u64 },
    /// The book fails from now on, or again no longer.
    FailBook { fails: bool },
    /// The power goes: without a seed only what was synced survives.
    Crash { seed: Option<u64> },
    /// The process dies, the machine goes on.
    Kill,
    /// The daemon stops in good order.
    Stop,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => (0..3usize, 1..8usize, any::<u8>(), prop_oneof![3 => Just(0), 1 => 0..7_000u32])
            .prop_map(|(workflow, count, failed, late_s)| Op::Events { workflow, count, failed, late_s }),
        // Healthy outputs, so that something is there to be lost.
        4 => (0..3usize, 1..8usize).prop_map(|(workflow, count)| Op::Events { workflow, count, failed: 0, late_s: 0 }),
        3 => (0..40usize, 1..6usize).prop_map(|(back, count)| Op::Again { back, count }),
        2 => prop_oneof![0..100u32, 3_000..90_000u32].prop_map(|seconds| Op::Advance { seconds }),
        1 => (0..3usize, 0..9u8).prop_map(|(workflow, what)| Op::Command { workflow, what }),
        1 => (0..4u8).prop_map(|what| Op::Drill { what }),
        1 => (0..4usize).prop_map(|policy| Op::Reload { policy }),
        2 => prop::bool::weighted(0.8).prop_map(|saved| Op::Snapshot { saved }),
        1 => (0..4u8, 0..6u64).prop_map(|(kind, after)| Op::FailDisk { kind, after }),
        1 => any::<bool>().prop_map(|fails| Op::FailBook { fails }),
        2 => prop::option::of(any::<u64>()).prop_map(|seed| Op::Crash { seed }),
        1 => Just(Op::Kill),
        1 => Just(Op::Stop),
    ]
}

/// Runs operations, checks after each of them, and at the end from the journal alone.
pub(crate) fn run(ops: &[Op]) {
    let mut world = World::new();
    for op in ops {
        world.step(op);
        world.check();
    }
    world.finish();
}

fn cases() -> u32 {
    std::env::var("ANDON_SIM_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(2_000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_acknowledged_is_lost_and_no_mode_comes_back(ops in prop::collection::vec(op(), 1..50)) {
        run(&ops);
    }
}
