//! Errors as callers see them: `application/problem+json` (RFC 9457).
//!
//! Owns the shape, the stable codes and the headers. The sentence says what to do; what only the
//! operator should know goes to the log.

use crate::driver::Unavailable;
use crate::ingest::BodyError;
use crate::store::StoreError;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: the code tells the kind.
    pub r#type: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The kind of error, as a stable word.
    pub code: String,
    /// What is wrong and what to do.
    pub detail: String,
    /// The field or parameter at fault.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub field: Option<String>,
    /// Line in the body, from 1.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<usize>,
    /// Column in that line, from 1.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub column: Option<usize>,
}

impl Problem {
    /// An error with its status, code and sentence.
    pub fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self {
            r#type: "about:blank".to_owned(),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            code: code.to_owned(),
            detail: detail.into(),
            field: None,
            line: None,
            column: None,
        }
    }

    /// A parameter or field that can't be used.
    pub fn invalid(field: &str, detail: impl Into<String>) -> Self {
        Self { field: Some(field.to_owned()), ..Self::new(StatusCode::BAD_REQUEST, "invalid_parameter", detail) }
    }

    /// A workflow that the policy doesn't hold.
    pub fn unknown_workflow(id: &str) -> Self {
        let detail = format!(
            "there is no workflow `{}`: GET /v1/workflows lists what there is",
            crate::domain::refusal::cut(id, 64)
        );
        Self { field: Some("id".to_owned()), ..Self::new(StatusCode::NOT_FOUND, "unknown_workflow", detail) }
    }
}

/// Items of a page where nothing else is asked for.
const PAGE: usize = 100;

/// How long a page is: what was asked for, if that is 1 to `most`.
pub(super) fn page_limit(asked: Option<usize>, most: usize) -> Result<usize, Problem> {
    let limit = asked.unwrap_or(PAGE);
    let wrong = || Problem::invalid("limit", format!("`limit` must be between 1 and {most}"));
    (1..=most).contains(&limit).then_some(limit).ok_or_else(wrong)
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        // RFC 6750: without a token no error is named, with a wrong one it is.
        let challenge = match (status, self.code.as_str()) {
            (StatusCode::UNAUTHORIZED, "token_expired") => Some("Bearer realm=\"andon\", error=\"invalid_token\""),
            (StatusCode::UNAUTHORIZED, _) => Some("Bearer realm=\"andon\""),
            (StatusCode::FORBIDDEN, "forbidden") => Some("Bearer realm=\"andon\", error=\"insufficient_scope\""),
            _ => None,
        };
        if let Some(challenge) = challenge {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<Unavailable> for Problem {
    fn from(error: Unavailable) -> Self {
        let code = match &error {
            Unavailable::Full { .. } => "overloaded",
            Unavailable::Store(_) => "store_refused",
            Unavailable::Stopping => "stopping",
        };
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, format!("{error}; nothing of this request was taken"))
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
        let mut problem = Self::new(status, error.code(), error.to_string());
        if let BodyError::Unreadable { line, column, .. } = error {
            (problem.line, problem.column) = (Some(line), Some(column));
        }
        problem
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a read of the ledger failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "ledger_unreadable", "the ledger can't be read: the log says why")
    }
}
