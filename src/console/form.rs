//! What an act asks for before it happens: its consequence, its fields, and the request that carries it out.
//!
//! Owns the shape of acts. Which there are stand in `act_*`; each is one request to the API.

use crate::domain::Scope;
use crate::http::problem::Problem;
use axum::http::StatusCode;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What is said where a form is too old.
pub(super) const STALE: &str = "this form is from before you signed in, or from elsewhere: nothing was done. Go back, load the page anew and try again";

/// The values that came with an address or a form.
pub(super) type Values = BTreeMap<String, String>;

/// How a field is filled in.
pub(super) enum Kind {
    /// A line.
    Line,
    /// Some lines.
    Text,
    /// A day.
    Day,
    /// One of several: value and name.
    Choice(Vec<(String, String)>),
    /// Yes or no, which is no text to the API.
    YesNo,
}

/// A field of a form.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) hint: &'static str,
    pub(super) kind: Kind,
    pub(super) is_required: bool,
    pub(super) value: String,
}

impl Field {
    /// A text that stands in the ledger.
    pub(super) const fn reason(name: &'static str, label: &'static str) -> Self {
        let hint = "It stands in the ledger for those who come after.";
        Self { name, label, hint, kind: Kind::Text, is_required: true, value: String::new() }
    }

    /// A line.
    pub(super) const fn line(name: &'static str, label: &'static str, hint: &'static str) -> Self {
        Self { name, label, hint, kind: Kind::Line, is_required: true, value: String::new() }
    }

    /// One of several.
    pub(super) fn choice(name: &'static str, label: &'static str, of: &[(&str, &str)]) -> Self {
        let of = of.iter().map(|(value, name)| ((*value).to_owned(), (*name).to_owned())).collect();
        Self { name, label, hint: "", kind: Kind::Choice(of), is_required: true, value: String::new() }
    }

    /// Yes or no.
    pub(super) const fn yes_no(name: &'static str, label: &'static str) -> Self {
        Self { name, label, hint: "", kind: Kind::YesNo, is_required: true, value: String::new() }
    }

    /// One that may be left out.
    pub(super) fn optional(self) -> Self {
        Self { is_required: false, ..self }
    }
}

/// An act that can be confirmed.
pub(super) struct Plan {
    /// What it is, as a heading.
    pub(super) title: String,
    /// What follows from it, a sentence each.
    pub(super) consequence: Vec<String>,
    /// The words on the button.
    pub(super) button: String,
    /// Whether it takes something away that only others can give back.
    pub(super) is_grave: bool,
    /// What it needs.
    pub(super) scope: Scope,
    /// What is filled in.
    pub(super) fields: Vec<Field>,
    /// The route that carries it out.
    pub(super) path: String,
    /// What is sent beside the fields.
    pub(super) fixed: Map<String, Value>,
    /// What goes with the form, and comes back with what is filled in: how things stood when it was looked at.
    pub(super) carried: Vec<(&'static str, String)>,
    /// Where to go on.
    pub(super) back: String,
}

impl Plan {
    /// One that needs `scope`, is carried out by `path`, and goes on at `back`.
    pub(super) fn new(
        title: impl Into<String>,
        button: &'static str,
        scope: Scope,
        path: String,
        back: String,
    ) -> Self {
        Self {
            title: title.into(),
            consequence: Vec::new(),
            button: button.to_owned(),
            is_grave: false,
            scope,
            fields: Vec::new(),
            path,
            fixed: Map::new(),
            carried: Vec::new(),
            back,
        }
    }

    /// What follows from it.
    pub(super) fn so(mut self, sentence: impl Into<String>) -> Self {
        self.consequence.push(sentence.into());
        self
    }

    /// Something to fill in.
    pub(super) fn asks(mut self, field: Field) -> Self {
        self.fields.push(field);
        self
    }

    /// Something that is sent as it is.
    pub(super) fn sends(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fixed.insert(name.to_owned(), value.into());
        self
    }

    /// It takes something away.
    pub(super) const fn grave(mut self) -> Self {
        self.is_grave = true;
        self
    }

    /// Takes the values over that were filled in already.
    pub(super) fn fill(&mut self, values: &Values) {
        for field in &mut self.fields {
            if let Some(value) = values.get(field.name) {
                field.value.clone_from(value);
            }
        }
    }

    /// The body of the request.
    pub(super) fn body(&self) -> Value {
        let mut body = self.fixed.clone();
        for field in &self.fields {
            let value = field.value.trim();
            if value.is_empty() && !field.is_required {
                continue;
            }
            let value = match (&field.kind, value) {
                (Kind::YesNo, "true") => Value::Bool(true),
                (Kind::YesNo, "false") => Value::Bool(false),
                // A form ends lines with two characters; the ledger has them as everybody else writes them.
                _ => Value::String(value.replace("\r\n", "\n")),
            };
            body.insert(field.name.to_owned(), value);
        }
        Value::Object(body)
    }
}

/// A value that an address must have.
pub(super) fn needed<'v>(values: &'v Values, name: &str) -> Result<&'v str, Problem> {
    let missing = || {
        let detail = format!("this address lacks `{name}`: go back and follow the link on its page");
        Problem::new(StatusCode::BAD_REQUEST, "invalid_parameter", detail)
    };
    values.get(name).map(String::as_str).filter(|value| !value.is_empty()).ok_or_else(missing)
}
