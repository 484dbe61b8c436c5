//! Outputs and reviews come in.
//!
//! Owns the way of a body: its place in the queue, its limits, its reading. What is taken of it
//! is decided by the driver.

use super::Shared;
use super::auth::Caller;
use super::problem::Problem;
use crate::driver::{EventBatch, Reserved, ReviewBatch, Taken};
use crate::ingest::{BodyError, Format, decode, parse_events, parse_reviews};
use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use std::sync::Arc;
use std::time::Duration;

/// Bodies above this are read on a thread of their own, so that mode answers don't wait for them.
const INLINE_BYTES_MAX: usize = 32 * 1024;

/// Take output events: one object, an array, or NDJSON; gzip or zstd. A 200 means that every
/// accepted event is on disk and counted, and carries the modes as they are now.
#[utoipa::path(post, path = "/v1/events", tag = "intake",
    request_body(content = serde_json::Value, description = "OutputEvent, an array of them, or NDJSON"),
    responses(
        (status = 200, body = Taken),
        (status = 400, body = Problem, description = "unreadable body, nothing taken", content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, description = "nothing more can be made durable; see Retry-After", content_type = "application/problem+json")))]
pub async fn post_events(
    State(shared): State<Shared>,
    caller: Caller,
    request: Request,
) -> Result<Json<Taken>, Problem> {
    let (batch, reserved) = read(&shared, request, move |body, format| {
        let mut parsed = parse_events(body, format)?;
        caller.keep_own(&mut parsed.items, &mut parsed.refusals, |event| (&event.id, &event.workflow));
        Ok(EventBatch::new(parsed.items, parsed.refusals))
    })
    .await?;
    let batch = batch.map_err(|error| {
        tracing::error!(%error, "an event could not be encoded");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "an event could not be encoded; nothing was taken")
    })?;
    Ok(Json(shared.driver.events(batch, reserved).await?))
}

/// Take human verdicts on outputs, late ones too.
#[utoipa::path(post, path = "/v1/reviews", tag = "intake",
    request_body(content = serde_json::Value, description = "Review, an array of them, or NDJSON"),
    responses(
        (status = 200, body = Taken),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn post_reviews(
    State(shared): State<Shared>,
    caller: Caller,
    request: Request,
) -> Result<Json<Taken>, Problem> {
    let (batch, reserved) = read(&shared, request, move |body, format| {
        let mut parsed = parse_reviews(body, format)?;
        caller.keep_own(&mut parsed.items, &mut parsed.refusals, |review| (&review.id, &review.workflow));
        caller.keep_own_verdicts(&mut parsed.items, &mut parsed.refusals);
        Ok(ReviewBatch { items: parsed.items, refusals: parsed.refusals })
    })
    .await?;
    Ok(Json(shared.driver.reviews(batch, reserved).await?))
}

/// Reads a body within its limits and parses it.
pub(super) async fn read<T: Send + 'static>(
    shared: &Shared,
    request: Request,
    parse: impl FnOnce(&[u8], Format) -> Result<T, BodyError> + Send + 'static,
) -> Result<(T, Reserved), Problem> {
    let (parts, body) = request.into_parts();
    let limit = usize::try_from(shared.server.body_bytes_max).unwrap_or(usize::MAX);
    let format = Format::from_content_type(text(&parts.headers, header::CONTENT_TYPE))?;
    let encoding = text(&parts.headers, header::CONTENT_ENCODING).map(str::to_owned);
    let length = text(&parts.headers, header::CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
    if length.is_some_and(|length| length > limit) {
        return Err(BodyError::TooLarge { limit }.into());
    }
    let mut reserved = shared.driver.reserve(length.unwrap_or(limit))?;
    let timeout = Duration::from_millis(shared.server.request_timeout_ms);
    let body = tokio::time::timeout(timeout, whole(body, limit)).await.map_err(|_| {
        Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "request_timeout",
            "the body did not arrive in time; nothing was taken",
        )
    })??;
    // Until it is decoded, a compressed body may become as large as is allowed.
    let encoded = encoding.is_some();
    shared.driver.resize(&mut reserved, if encoded { limit } else { body.len() })?;
    let large = encoded || body.len() > INLINE_BYTES_MAX;
    let work = move || {
        let decoded = decode(&body, encoding.as_deref(), limit)?;
        Ok::<_, BodyError>((parse(&decoded, format)?, decoded.len()))
    };
    let (parsed, bytes) = if large {
        // The semaphore is never closed. The turn goes with the work: whoever hangs up doesn't end it.
        let turn = Arc::clone(&shared.reading).acquire_owned().await.ok();
        let work = move || {
            let _turn = turn;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| {
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the body could not be read; nothing was taken")
        })??
    } else {
        work()?
    };
    shared.driver.resize(&mut reserved, bytes)?;
    Ok((parsed, reserved))
}

async fn whole(body: Body, limit: usize) -> Result<axum::body::Bytes, Problem> {
    axum::body::to_bytes(body, limit).await.map_err(|error| {
        // The body is cut off, or above the limit; the library tells them apart only by the source.
        if std::error::Error::source(&error).is_some_and(|source| source.to_string().contains("limit")) {
            return BodyError::TooLarge { limit }.into();
        }
        Problem::new(
            StatusCode::BAD_REQUEST,
            "incomplete_body",
            "the body ended before its declared length; nothing was taken",
        )
    })
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
