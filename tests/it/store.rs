//! The store, through its public face: what survives, what is refused, what is never lost.
//!
//! Owns the helpers of the tests below. Knows of the bytes on disk only where a test damages them.

#![cfg(test)]

mod book;
mod codec;
mod crash;
mod damage;
mod figures;
mod fixture;
mod journal;
mod open;

use andon::domain::{Action, Command, Input, Outcome, OutputEvent, Review, Text, Time, Verdict, WorkflowId};
use andon::store::memory::FaultyDisk;
use andon::store::{Beside, Journal, JournalSettings, Recovery, StoreError, encode_record};
use proptest::prelude::*;
use std::sync::Arc;

/// Small segments, and all disk operations in the same order each time.
const SMALL: JournalSettings = JournalSettings { segment_bytes: 2048, beside: Beside::InPlace };

fn workflow(name: &str) -> WorkflowId {
    WorkflowId::new(name).unwrap()
}

/// A record that says its number, padded to about so many bytes.
fn record(number: u64, bytes: usize) -> Vec<u8> {
    let mut out = Vec::new();
    encode_record(Time(time_of(number)), &input(number, bytes), &mut out).unwrap();
    out
}

fn input(number: u64, bytes: usize) -> Input {
    Input::Started { version: format!("{number:06}{}", "x".repeat(bytes)) }
}

fn time_of(number: u64) -> i64 {
    1_000 * i64::try_from(number).unwrap()
}

fn open(disk: &FaultyDisk) -> Result<(Journal, Recovery), StoreError> {
    Journal::open(Arc::new(disk.clone()), SMALL)
}

/// The numbers that [`record`] put in, after checking that the journal's own numbers fit.
fn numbers(journal: &Journal, from: u64) -> Result<Vec<u64>, StoreError> {
    let mut found = Vec::new();
    let mut next = from.max(1);
    let count = journal.reader().replay(from, &mut |seq, now, input| {
        let Input::Started { version } = input else { panic!("{input:?}") };
        let number = version[..6].parse().unwrap();
        assert_eq!(seq, next);
        assert_eq!(now.0, time_of(number));
        next += 1;
        found.push(number);
        Ok(())
    })?;
    assert_eq!(count, found.len() as u64);
    Ok(found)
}

/// Appends and commits records with these numbers.
fn commit(journal: &mut Journal, numbers: impl IntoIterator<Item = u64>, bytes: usize) -> Result<u64, StoreError> {
    for number in numbers {
        journal.append(&record(number, bytes))?;
    }
    journal.commit()
}

fn text(max: usize) -> impl Strategy<Value = Text> {
    prop::collection::vec(any::<char>(), 1..max).prop_map(|chars| chars.into_iter().collect::<String>().into())
}

fn option<T: std::fmt::Debug + Clone>(it: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    prop::option::of(it)
}

prop_compose! {
    fn any_event()(
        id in text(40), workflow in "[a-z][a-z0-9-]{0,20}", failed in any::<bool>(), exception in option(text(20)),
        time in option(any::<i64>()), latency_ms in option(0.0..1e9), cost in option(0u32..9_999_999), units in 0.1..1e9,
        scores in prop::collection::vec((text(10), -1e12..1e12), 0..5),
        attributes in prop::collection::vec((text(10), text(10)), 0..5), retries in any::<u32>(), model in option(text(9)),
    ) -> OutputEvent {
        OutputEvent {
            exception, latency_ms, units, scores, attributes, retries, model, time: time.map(Time),
            cost: cost.map(|cost| format!("{cost}e-4").parse().unwrap()),
            ..OutputEvent::new(&id, WorkflowId::new(&workflow).unwrap(), if failed { Outcome::Exception } else { Outcome::Ok })
        }
    }
}

prop_compose! {
    fn any_review()(
        id in text(40), output_id in text(40), verdict in prop::sample::select(&Verdict::ALL[..]), reviewer in text(9),
        exception in option(text(9)), time in option(any::<i64>()), note in option(text(99)),
        minutes in option(0.0..10_000.0f64),
    ) -> Review {
        Review { id, workflow: workflow("wf"), output_id, verdict, exception, reviewer, time: time.map(Time), note, minutes }
    }
}

fn any_input() -> impl Strategy<Value = Input> {
    prop_oneof![
        prop::collection::vec(any_event(), 0..6).prop_map(Input::Events),
        prop::collection::vec(any_review(), 0..6).prop_map(Input::Reviews),
        text(20).prop_map(|version| Input::Started { version: version.into() }),
        (text(20), text(20))
            .prop_map(|(by, reason)| { Input::Command(Command::new(&by, Action::Stop { reason: reason.into() })) }),
        Just(Input::Tick),
    ]
}
