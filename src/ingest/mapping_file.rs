//! A mapping as it is written in TOML, before it is checked.
//!
//! Owns the spelling: keys, short forms and which kinds of values they take. What a mapping means,
//! and whether its parts fit together, is decided in `mapping`.

use super::mapping::{FileFormat, Kind};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MappingFile {
    pub(super) kind: Option<Kind>,
    pub(super) format: Option<FileFormat>,
    pub(super) delimiter: Option<String>,
    pub(super) id: Option<String>,
    pub(super) workflow: Option<WorkflowPart>,
    pub(super) outcome: Option<OutcomePart>,
    pub(super) time: Option<TimePart>,
    #[serde(default)]
    pub(super) filter: Vec<ConditionPart>,
    #[serde(default)]
    pub(super) fields: BTreeMap<String, SourcePart>,
    #[serde(default)]
    pub(super) scores: BTreeMap<String, SourcePart>,
    #[serde(default)]
    pub(super) attributes: BTreeMap<String, SourcePart>,
}

/// `[workflow]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WorkflowPart {
    pub(super) column: Option<String>,
    pub(super) constant: Option<Scalar>,
    #[serde(default)]
    pub(super) rename: BTreeMap<String, String>,
}

/// `[outcome]`
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct OutcomePart {
    pub(super) column: Option<String>,
    pub(super) constant: Option<Scalar>,
    pub(super) ok: Option<Vec<Scalar>>,
    pub(super) exception: Option<Vec<Scalar>>,
    pub(super) kind: Option<SourcePart>,
}

/// `[time]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TimePart {
    pub(super) column: Option<String>,
    pub(super) format: Option<String>,
    pub(super) spacing: Option<String>,
    pub(super) start: Option<Scalar>,
}

/// `[[filter]]` and `absent_when`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConditionPart {
    pub(super) column: Option<String>,
    pub(super) equals: Option<Scalar>,
    pub(super) not_equals: Option<Scalar>,
    #[serde(rename = "in")]
    pub(super) one_of: Option<Vec<Scalar>>,
    pub(super) not_in: Option<Vec<Scalar>>,
}

/// Where a field's value comes from.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceTable {
    pub(super) column: Option<String>,
    pub(super) constant: Option<Scalar>,
    pub(super) scale: Option<f64>,
    #[serde(default)]
    pub(super) values: BTreeMap<String, Scalar>,
    pub(super) absent_when: Option<ConditionPart>,
}

/// A [`SourceTable`], or the name of a column for short.
pub(super) struct SourcePart(pub(super) SourceTable);

impl<'de> Deserialize<'de> for SourcePart {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = SourcePart;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a column, or a table such as { column = \"seconds\", scale = 1000 }")
            }
            fn visit_str<E: Error>(self, column: &str) -> Result<Self::Value, E> {
                Ok(SourcePart(SourceTable { column: Some(column.to_owned()), ..SourceTable::default() }))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                SourceTable::deserialize(MapAccessDeserializer::new(map)).map(SourcePart)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// A string, number or boolean, as the text that a cell would hold.
pub(super) struct Scalar(pub(super) String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Scalar;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, a number, or true or false (a time stands in quotes)")
            }
            fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
                Ok(Scalar(value.to_owned()))
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
                Ok(Scalar(value.to_string()))
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
                Ok(Scalar(value.to_string()))
            }
            fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
                Ok(Scalar(value.to_string()))
            }
        }
        deserializer.deserialize_any(Any)
    }
}
