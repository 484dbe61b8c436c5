//! The JSON Schema of a report, as a document of its own.
//!
//! Owns nothing but the cut: the components of OpenAPI 3.1 are JSON Schema (draft 2020-12) already, made from the
//! types that reports are written with.

use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Where components stand in the OpenAPI document …
const COMPONENT: &str = "#/components/schemas/";
/// … and here.
const DEFINITION: &str = "#/$defs/";

/// The schema of `GET /v1/reports/{week}.json`.
pub fn schema() -> Value {
    let document = serde_json::to_value(super::openapi()).unwrap_or_default();
    let components = &document["components"]["schemas"];
    let mut wanted = vec!["Report".to_owned()];
    let mut known: BTreeSet<String> = BTreeSet::new();
    let mut definitions = Map::new();
    while let Some(name) = wanted.pop() {
        if known.insert(name.clone()) {
            let mut component = components[&name].clone();
            point(&mut component, &mut wanted);
            definitions.insert(name, component);
        }
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": crate::report::document::SCHEMA,
        "$ref": format!("{DEFINITION}Report"),
        "$defs": definitions,
    })
}

/// Has references point to definitions, and notes their names.
fn point(schema: &mut Value, wanted: &mut Vec<String>) {
    match schema {
        Value::Object(fields) => {
            if let Some(Value::String(to)) = fields.get_mut("$ref")
                && let Some(name) = to.strip_prefix(COMPONENT).map(str::to_owned)
            {
                *to = format!("{DEFINITION}{name}");
                wanted.push(name);
            }
            fields.values_mut().for_each(|value| point(value, wanted));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| point(item, wanted)),
        _ => {}
    }
}
