//! The fast path: the wire form of events and reviews, and what each field becomes.
//!
//! Owns the fields' names and their conversion into the domain's types. Money stays text until it
//! is an exact decimal, scores and attributes keep their duplicates until they are checked. What
//! is wrong with an item that doesn't fit the form is found in `diagnose`.

use super::diagnose::{Field, Kind, kind_of};
use crate::domain::event::{ATTRIBUTES_MAX, SCORES_MAX};
use crate::domain::{Mode, Money, Outcome, OutputEvent, Refusal, RefusalCode, Review, Text, Time, Verdict, WorkflowId};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// Something that is sent as a JSON object: an event or a review.
pub(super) trait Item: Sized {
    /// The form on the wire.
    type Wire<'a>: Deserialize<'a>;
    /// Its fields, for the slow path; the same as the form's.
    const FIELDS: &'static [Field];
    /// What it is called in sentences.
    const NOUN: &'static str;

    /// The checked item, or the first thing that is wrong with its values.
    fn from_wire(wire: Self::Wire<'_>) -> Result<Self, Refusal>;
}

/// A form that must be a JSON object: serde would take the fields in an array as well.
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OnlyMap<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for OnlyMap<T> {
            type Value = Object<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(OnlyMap(PhantomData))
    }
}

/// A string, borrowed unless it holds escapes. (serde's `Option<Cow<str>>` never borrows.)
struct Borrowed<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Borrowed<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrow;
        impl<'de> Visitor<'de> for Borrow {
            type Value = Borrowed<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Borrowed(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Borrowed(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Borrow)
    }
}

/// Values by name in the order sent, duplicates included, nulls left out.
struct Pairs<V>(Vec<(Text, V)>);

impl<V> Default for Pairs<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Pairs<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Collect<V> {
            type Value = Pairs<V>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some((name, value)) = map.next_entry::<Text, Option<V>>()? {
                    if pairs.len() > SCORES_MAX.max(ATTRIBUTES_MAX) {
                        return Err(A::Error::custom("too many"));
                    }
                    pairs.extend(value.map(|value| (name, value)));
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Collect(PhantomData))
    }
}

/// An event as it is sent. Every optional field may be null, which means absent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WireEvent<'a> {
    id: Text,
    #[serde(borrow)]
    workflow: Borrowed<'a>,
    #[serde(borrow)]
    outcome: Borrowed<'a>,
    exception: Option<Text>,
    #[serde(borrow)]
    time: Option<Borrowed<'a>>,
    latency_ms: Option<f64>,
    cycle_ms: Option<f64>,
    sla_met: Option<bool>,
    #[serde(borrow)]
    cost: Option<&'a RawValue>,
    units: Option<f64>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    scores: Option<Pairs<f64>>,
    attributes: Option<Pairs<Text>>,
    #[serde(borrow)]
    mode: Option<Borrowed<'a>>,
    version: Option<Text>,
    model: Option<Text>,
    retries: Option<u32>,
    fallback: Option<bool>,
    escalated: Option<bool>,
    trace_id: Option<Text>,
}

const fn required(name: &'static str) -> Field {
    Field { name, kind: Kind::Text, required: true }
}

const fn optional(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, required: false }
}

impl Item for OutputEvent {
    type Wire<'a> = WireEvent<'a>;
    const NOUN: &'static str = "an event";
    const FIELDS: &'static [Field] = &[
        required("id"),
        required("workflow"),
        required("outcome"),
        optional("exception", Kind::Text),
        optional("time", Kind::Text),
        optional("latency_ms", Kind::Number),
        optional("cycle_ms", Kind::Number),
        optional("sla_met", Kind::Flag),
        optional("cost", Kind::Money),
        optional("units", Kind::Number),
        optional("value", Kind::Money),
        optional("scores", Kind::Numbers),
        optional("attributes", Kind::Texts),
        optional("mode", Kind::Text),
        optional("version", Kind::Text),
        optional("model", Kind::Text),
        optional("retries", Kind::Whole),
        optional("fallback", Kind::Flag),
        optional("escalated", Kind::Flag),
        optional("trace_id", Kind::Text),
    ];

    fn from_wire(wire: WireEvent<'_>) -> Result<Self, Refusal> {
        let place = |refusal: Refusal| refusal.of(&wire.id, Some(&wire.workflow.0));
        let workflow = workflow(&wire.workflow).map_err(place)?;
        let outcome = outcome(&wire.outcome.0).map_err(place)?;
        let time = wire.time.as_ref().map(|text| time(&text.0)).transpose().map_err(place)?;
        let cost = wire.cost.map(|raw| money("cost", raw)).transpose().map_err(place)?;
        let value = wire.value.map(|raw| money("value", raw)).transpose().map_err(place)?;
        let mode = wire.mode.as_ref().map(|text| mode(&text.0)).transpose().map_err(place)?;
        let event = Self {
            id: wire.id,
            workflow,
            outcome,
            exception: wire.exception,
            time,
            latency_ms: wire.latency_ms,
            cycle_ms: wire.cycle_ms,
            sla_met: wire.sla_met,
            cost,
            units: wire.units.unwrap_or(1.0),
            value,
            scores: wire.scores.unwrap_or_default().0,
            attributes: wire.attributes.unwrap_or_default().0,
            mode,
            version: wire.version,
            model: wire.model,
            retries: wire.retries.unwrap_or_default(),
            fallback: wire.fallback.unwrap_or_default(),
            escalated: wire.escalated.unwrap_or_default(),
            trace_id: wire.trace_id,
        };
        event.check()?;
        Ok(event)
    }
}

/// A review as it is sent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WireReview<'a> {
    id: Text,
    #[serde(borrow)]
    workflow: Borrowed<'a>,
    output_id: Text,
    #[serde(borrow)]
    verdict: Borrowed<'a>,
    exception: Option<Text>,
    reviewer: Text,
    #[serde(borrow)]
    time: Option<Borrowed<'a>>,
    note: Option<Text>,
    minutes: Option<f64>,
}

impl Item for Review {
    type Wire<'a> = WireReview<'a>;
    const NOUN: &'static str = "a review";
    const FIELDS: &'static [Field] = &[
        required("id"),
        required("workflow"),
        required("output_id"),
        required("verdict"),
        optional("exception", Kind::Text),
        required("reviewer"),
        optional("time", Kind::Text),
        optional("note", Kind::Text),
        optional("minutes", Kind::Number),
    ];

    fn from_wire(wire: WireReview<'_>) -> Result<Self, Refusal> {
        let place = |refusal: Refusal| refusal.of(&wire.id, Some(&wire.workflow.0));
        let workflow = workflow(&wire.workflow).map_err(place)?;
        let verdict = verdict(&wire.verdict.0).map_err(place)?;
        let time = wire.time.as_ref().map(|text| time(&text.0)).transpose().map_err(place)?;
        let review = Self {
            id: wire.id,
            workflow,
            output_id: wire.output_id,
            verdict,
            exception: wire.exception,
            reviewer: wire.reviewer,
            time,
            note: wire.note,
            minutes: wire.minutes,
        };
        review.check()?;
        Ok(review)
    }
}

fn invalid(field: &str, message: String) -> Refusal {
    Refusal::new(RefusalCode::InvalidValue, message).at_field(field)
}

fn workflow(text: &Borrowed<'_>) -> Result<WorkflowId, Refusal> {
    WorkflowId::new(&text.0).map_err(|error| invalid("workflow", format!("`workflow` {error}")))
}

/// The outcome of a word.
pub(super) fn outcome(text: &str) -> Result<Outcome, Refusal> {
    match text {
        "ok" => Ok(Outcome::Ok),
        "exception" => Ok(Outcome::Exception),
        _ => Err(invalid("outcome", "`outcome` must be `ok` or `exception`".to_owned())),
    }
}

/// The verdict of a word.
pub(super) fn verdict(text: &str) -> Result<Verdict, Refusal> {
    let found = Verdict::ALL.into_iter().find(|verdict| verdict.name() == text);
    found.ok_or_else(|| invalid("verdict", "`verdict` must be `accepted`, `edited` or `rejected`".to_owned()))
}

/// The mode of a word.
pub(super) fn mode(text: &str) -> Result<Mode, Refusal> {
    // The domain's own error quotes the text, which a refusal must not.
    let message = "`mode` must be `assist`, `collaborate`, `delegate` or `automate`";
    text.parse().map_err(|_| invalid("mode", message.to_owned()))
}

fn time(text: &str) -> Result<Time, Refusal> {
    text.parse().map_err(|error| invalid("time", format!("`time` {error}")))
}

/// An amount that is sent as a number or as a string; its digits are never turned into an f64.
fn money(field: &str, raw: &RawValue) -> Result<Money, Refusal> {
    let refuse = |code, message| Err(Refusal::new(code, message).at_field(field));
    let text = match kind_of(raw) {
        "a number" => Cow::Borrowed(raw.get()),
        "a string" => match serde_json::from_str::<Borrowed<'_>>(raw.get()) {
            Ok(Borrowed(text)) => text,
            Err(_) => return refuse(RefusalCode::InvalidValue, format!("`{field}` is not valid Unicode")),
        },
        got => {
            let message = format!("`{field}` must be a number or a string such as \"0.0042\", and {got} was sent");
            return refuse(RefusalCode::WrongType, message);
        }
    };
    text.parse().or_else(|error| refuse(RefusalCode::InvalidNumber, format!("`{field}` {error}")))
}
