//! The answer to "what may I do now?" on the wire: body, ETag and lease.
//!
//! Owns how long a reader may rely on an answer. A reader that loses andon falls back to assist
//! when the lease is over; that is the true fail-safe.

use crate::domain::Time;
use crate::monitor::ModeView;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// When the lease ends.
pub const VALID_UNTIL: HeaderName = HeaderName::from_static("andon-valid-until");
/// How long the lease lasts from now, seconds: for readers whose clock is wrong.
pub const VALID_FOR: HeaderName = HeaderName::from_static("andon-valid-for-seconds");

/// A mode with its lease.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModeAnswer {
    /// The mode.
    #[serde(flatten)]
    pub mode: ModeView,
    /// When the answer ends; after that the reader must fall back to assist.
    pub valid_until: Time,
    /// The same, in seconds from now.
    pub valid_for_seconds: f64,
}

/// Identifies the effective mode and epoch, not the lease.
pub fn etag(view: &ModeView) -> String {
    format!("\"{}-{}\"", view.epoch, view.mode)
}

/// Whether the reader says by `If-None-Match` that it knows this answer.
pub fn knows(view: &ModeView, headers: &HeaderMap) -> bool {
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let etag = etag(view);
    known.is_some_and(|known| {
        known.trim() == "*" || known.split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag)
    })
}

/// The response: 304 where the reader knows the answer, 200 with the body otherwise. Both carry the lease.
pub fn respond(view: &Arc<ModeView>, now: Time, lease_ms: i64, headers: &HeaderMap) -> Response {
    let etag = etag(view);
    let known = knows(view, headers);
    let valid_until = now.plus(lease_ms);
    #[expect(clippy::cast_precision_loss, reason = "at most an hour")]
    let valid_for_seconds = lease_ms as f64 / 1_000.0;
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        axum::Json(ModeAnswer { mode: (**view).clone(), valid_until, valid_for_seconds }).into_response()
    };
    let headers = response.headers_mut();
    let values =
        [(header::ETAG, etag), (VALID_UNTIL, valid_until.to_string()), (VALID_FOR, valid_for_seconds.to_string())];
    for (name, value) in values {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
