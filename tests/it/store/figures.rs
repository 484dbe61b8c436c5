//! How fast the store is: printed, not judged. Run it alone, optimized:
//! `cargo test --release --test it store::figures -- --ignored --nocapture`.

use super::workflow;
use andon::domain::{Input, Outcome, OutputEvent, Time};
use andon::store::{EventsRecord, Store, StoreOptions, encode_event};
use std::time::{Duration, Instant};

/// Events of one commit.
const BATCH: usize = 5_000;
const COMMITS: usize = 400;

fn event(number: usize) -> OutputEvent {
    OutputEvent {
        time: Some(Time(1_700_000_000_000)),
        latency_ms: Some(812.5),
        cost: Some("0.0042".parse().unwrap()),
        scores: vec![("brand_fit".into(), 0.91), ("tone".into(), 0.5), ("toxicity".into(), 0.01)],
        attributes: vec![
            ("locale".into(), "de-DE".into()),
            ("segment".into(), "enterprise".into()),
            ("channel".into(), "newsletter".into()),
        ],
        model: Some("gpt-4o-mini-2024-07-18".into()),
        version: Some("2026-11-03".into()),
        ..OutputEvent::new(&format!("01HF{number:022}"), workflow(&format!("workflow-{}", number % 100)), Outcome::Ok)
    }
}

#[expect(clippy::disallowed_methods, reason = "a stopwatch is what this is")]
fn timed<T>(act: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let value = act();
    (value, start.elapsed())
}

fn per_second(count: usize, took: Duration) -> u128 {
    count as u128 * 1_000_000_000 / took.as_nanos().max(1)
}

/// Commits the same events again and again, and how long each took.
fn commit(store: &mut Store, encoded: &[u8], pause: Duration) -> Vec<Duration> {
    let mut record = EventsRecord::default();
    let one = |number: usize| {
        std::thread::sleep(pause);
        let ((), took) = timed(|| {
            record.begin(Time(i64::try_from(number).unwrap()));
            record.push_encoded(encoded);
            store.journal.append(record.finish()).unwrap();
            store.journal.commit().unwrap();
        });
        took
    };
    (0..COMMITS).map(one).collect()
}

#[test]
#[ignore = "prints figures"]
fn print() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (mut store, _) = Store::open(folder.path(), StoreOptions::default()).unwrap();
    store.journal.settle();
    let events: Vec<_> = (0..BATCH).map(event).collect();
    let mut encoded = Vec::with_capacity(BATCH * 400);
    let ((), took) = timed(|| events.iter().for_each(|event| encode_event(event, &mut encoded).unwrap()));
    println!("encode: {} ns and {} bytes an event", took.as_nanos() / BATCH as u128, encoded.len() / BATCH);

    // As fast as it goes (then the next segment is not prepared in time), and at 300,000 events/s.
    for pause in [Duration::ZERO, Duration::from_millis(16)] {
        let mut times = commit(&mut store, &encoded, pause);
        let total: Duration = times.iter().sum();
        times.sort_unstable();
        let (p50, p99, max) = (times[COMMITS / 2], times[COMMITS * 99 / 100], times[COMMITS - 1]);
        let rate = per_second(COMMITS * BATCH, total);
        println!("commit of {BATCH} events, pause {pause:?}: p50 {p50:?} p99 {p99:?} max {max:?}, {rate}/s");
    }

    let replay = |store: &Store| {
        let mut count = 0;
        let each = &mut |_, _, input| {
            if let Input::Events(events) = input {
                count += events.len();
            }
            Ok(())
        };
        store.journal.reader().replay(1, each).unwrap();
        count
    };
    let (count, took) = timed(|| replay(&store));
    println!("replay while packing: {}/s", per_second(count, took));
    let ((), took) = timed(|| store.journal.settle());
    println!("packing took {took:?} more, {} bytes an event on disk", store.journal.bytes() / count as u64);
    let (count, took) = timed(|| replay(&store));
    println!("replay packed: {}/s", per_second(count, took));
    drop(store);
    let (store, took) = timed(|| Store::open(folder.path(), StoreOptions::default()).unwrap().0);
    println!("start: {took:?} with {} segments", store.journal.segments());
}
