//! What a detector and a drift guard cost among many others: nanoseconds an update, bytes a stream.
//!
//! Owns bar 7. The streams take turns in random order, so their state comes from as far away as it
//! does in a fleet. One core, no I/O.

use crate::measure::{median, now, number, status_bytes};
use crate::{Outcome, say};
use andon::stats::baseline::{Reference, Value};
use andon::stats::bets::Bets;
use andon::stats::change::Sums;
use andon::stats::detector::{Detector, Observation};
use andon::stats::drift::{Drift, DriftPlan};
use andon::stats::rng::Rng;
use std::hint::black_box;

const ROUNDS: usize = 15;
/// Updates of one round.
const UPDATES: usize = 1_000_000;
/// Streams with a rate detector each.
const STREAMS: u32 = 100_000;
/// Drift guards that take turns.
const GUARDS: u32 = 1_000;
/// Drift guards whose memory is measured: enough for pages of 4 KiB not to matter.
const GUARDS_IN_MEMORY: u32 = 10_000;
/// Never reached: an alarm would end the work.
const NEVER: f64 = 1e300;

pub(crate) fn run() -> Outcome {
    let mut rng = Rng::new(7);
    one_stream()?;
    many_streams(&mut rng)?;
    drift(&mut rng)
}

/// Nanoseconds an item of `work`, which does [`UPDATES`]: the median of the rounds and the best, because
/// other work on the machine only ever makes it slower.
fn ns(mut work: impl FnMut()) -> String {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = now();
            work();
            start.elapsed().as_secs_f64() * 1e9 / number(UPDATES as u64)
        })
        .collect();
    let middle = median(&mut rounds);
    format!("{middle:.1} ns (best of {ROUNDS} rounds {:.1})", rounds[0])
}

/// As the guard makes it of an output.
fn observation(x: f64) -> Observation {
    Observation { x, outputs: 1, sums: Sums { n: 1, numerator: x, denominator: 1.0 }, elapsed_ms: 20.0 }
}

fn one_stream() -> Outcome {
    let bets = Bets::new(0.02)?;
    let mut detector = Detector::default();
    let figure = ns(|| {
        for n in 0..UPDATES {
            let x = if n.is_multiple_of(100) { 1.0 } else { 0.0 };
            black_box(detector.update(&bets, &observation(x), NEVER));
        }
    });
    say(format!("one update of a detector (with the start of a change), one stream: {figure}"));
    Ok(())
}

/// What comes in which order: a stream, and whether its output failed.
fn order(rng: &mut Rng, streams: u32) -> Vec<(usize, f64)> {
    let one = |_| {
        let stream = usize::try_from(rng.bits() % u64::from(streams)).unwrap_or(0);
        (stream, if rng.uniform() < 0.01 { 1.0 } else { 0.0 })
    };
    (0..UPDATES).map(one).collect()
}

fn many_streams(rng: &mut Rng) -> Outcome {
    let bets = Bets::new(0.02)?;
    let order = order(rng, STREAMS);
    let mut detectors = vec![Detector::default(); STREAMS as usize];
    let figure = ns(|| {
        for (stream, x) in &order {
            black_box(detectors[*stream].update(&bets, &observation(*x), NEVER));
        }
    });
    say(format!("{STREAMS} streams in random order, the shipped detector: {figure}, {} B", size_of::<Detector>()));
    Ok(())
}

fn drift(rng: &mut Rng) -> Outcome {
    let sample: Vec<f64> = (0..5_000).map(|_| rng.normal()).collect();
    let reference = Reference::of_numbers(&sample).ok_or("no sample")?;
    let bounds = reference.parts();
    let plan = DriftPlan::new(reference, 0.10, 1, &[]);
    let order: Vec<(usize, f64)> = order(rng, GUARDS).into_iter().map(|(guard, _)| (guard, rng.normal())).collect();
    let mut guards = vec![Drift::default(); GUARDS as usize];
    let mut time_ms = 0;
    let figure = ns(|| {
        for (guard, x) in &order {
            time_ms += 1;
            black_box(guards[*guard].observe(&plan, Value::Number(*x), 0, true, time_ms, NEVER));
        }
    });
    let before = status_bytes(std::process::id(), "VmRSS");
    let warm = || {
        let mut guard = Drift::default();
        // Past the outputs of late, so that both halves of them are there.
        for t in 0..6_000 {
            guard.observe(&plan, Value::Number(f64::from(t % 7) / 3.0 - 1.0), 0, true, i64::from(t), NEVER);
        }
        guard
    };
    let first = warm();
    let many: Vec<Drift> = (0..GUARDS_IN_MEMORY).map(|_| first.clone()).collect();
    let bytes = status_bytes(std::process::id(), "VmRSS").saturating_sub(before) / u64::from(GUARDS_IN_MEMORY);
    drop(black_box(many));
    say(format!(
        "{GUARDS} drift guards of {bounds} bounds in random order: {figure}, {bytes} B each with what they own"
    ));
    Ok(())
}
