//! Records: whatever goes in comes out, and whatever comes in never panics.

use super::{any_event, any_input, workflow};
use andon::domain::{
    GuardPolicy, HousePolicy, Input, Mode, PerMode, Policy, Signal, Time, Track, UnknownWorkflows, WorkflowPolicy,
};
use andon::store::{CodecError, EventsRecord, decode_record, encode_event, encode_record, record_time};
use proptest::prelude::*;

pub(super) fn policy(bound: f64) -> Policy {
    let guard = GuardPolicy {
        name: "exceptions".into(),
        signal: serde_json::from_str::<Signal>(r#"{"signal":"exception_rate","kind":null}"#).unwrap(),
        bound: PerMode { automate: Some(bound), ..PerMode::default() },
        block: 50,
        share: 1.0 / 3.0,
        to: Some(Mode::Assist),
        baseline: None,
    };
    let one = WorkflowPolicy {
        id: workflow("email-drafts"),
        track: Track::Factory,
        owner: "lifecycle".into(),
        unit: "email".into(),
        currency: "USD".into(),
        start_mode: Mode::Assist,
        max_mode: Mode::Automate,
        base: vec!["brand-guide".into()],
        runbook: String::new(),
        evidence_valid_ms: Some(7 * Time::DAY),
        review: PerMode { assist: 1.0, collaborate: 1.0, delegate: 0.1, automate: 0.02 },
        renamed_from: None,
        guards: vec![guard],
        ..WorkflowPolicy::bare()
    };
    Policy {
        loaded_by: String::new(),
        hash: "ab".repeat(32),
        outputs_per_false_demotion: 1e6,
        budget_of_fleet: false,
        lease_ms: 60_000,
        lateness_ms: 300_000,
        unknown: UnknownWorkflows { accept: false, max: 100, template: one.clone() },
        house: HousePolicy::default(),
        workflows: [(one.id.clone(), one)].into(),
    }
}

fn encoded(now: Time, input: &Input) -> Vec<u8> {
    let mut out = Vec::new();
    encode_record(now, input, &mut out).unwrap();
    out
}

proptest! {
    #[test]
    fn every_input_comes_back(now in any::<i64>(), input in any_input()) {
        let bytes = encoded(Time(now), &input);
        prop_assert_eq!(record_time(&bytes), Ok(Time(now)));
        prop_assert_eq!(decode_record(&bytes), Ok((Time(now), input)));
    }

    #[test]
    fn every_number_of_a_policy_comes_back(bound in 0.0f64..1.0) {
        let input = Input::Policy(Box::new(policy(bound)));
        prop_assert_eq!(decode_record(&encoded(Time(1), &input)), Ok((Time(1), input)));
    }

    #[test]
    fn events_encoded_elsewhere_make_the_same_record(events in prop::collection::vec(any_event(), 0..6)) {
        let mut record = EventsRecord::default();
        for _ in 0..2 {
            record.begin(Time(5));
            for event in &events {
                let mut bytes = Vec::new();
                encode_event(event, &mut bytes).unwrap();
                record.push_encoded(&bytes);
            }
            prop_assert_eq!(record.is_empty(), events.is_empty());
            prop_assert_eq!(record.finish(), &encoded(Time(5), &Input::Events(events.clone()))[..]);
        }
    }

    #[test]
    fn damaged_records_give_an_error_or_another_input(
        input in any_input(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = encoded(Time(7), &input);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = decode_record(&bytes);
        let _ = decode_record(&bytes[..cut.index(bytes.len())]);
    }

    #[test]
    fn any_bytes_give_an_error_or_an_input(kind in 0u8..16, mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Some(tag) = bytes.first_mut() {
            *tag = kind << 4 | 1;
        }
        let _ = decode_record(&bytes);
    }
}

#[test]
fn unknown_tags_name_kind_and_version() {
    let mut bytes = encoded(Time(0), &Input::Tick);
    bytes[0] = 0x62;
    let error = decode_record(&bytes).unwrap_err();
    assert_eq!(error, CodecError::Unknown { kind: 6, version: 2 });
    assert!(error.to_string().contains("kind 6 of version 2"), "{error}");
    assert_eq!(decode_record(&[0x61]), Err(CodecError::Short(1)));
}

#[test]
fn a_huge_length_allocates_nothing() {
    let mut bytes = encoded(Time(0), &Input::Events(vec![]));
    bytes.extend_from_slice(&u32::MAX.to_le_bytes());
    let need = usize::try_from(u32::MAX).unwrap();
    assert_eq!(decode_record(&bytes), Err(CodecError::Cut { index: 0, need, left: 0 }));
}

#[test]
fn a_policy_that_would_not_come_back_is_refused() {
    let mut out = Vec::new();
    assert!(encode_record(Time(0), &Input::Policy(Box::new(policy(f64::INFINITY))), &mut out).is_err());
}
