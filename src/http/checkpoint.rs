//! What makes the ledger accountable, for whoever asks: the newest checkpoint, the key, exact lines.
//!
//! Owns these routes and the line of an export. Signs nothing and believes nothing.

use super::Shared;
use super::problem::Problem;
use super::workflows::blocking;
use crate::domain::Time;
use crate::seal::{Checkpoint, Hash};
use crate::store::{KeptCheckpoint, SealedEntry};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// The media type of an export.
pub const EXPORT_KIND: &str = "application/x-ndjson";
const TEXT: &str = "text/plain; charset=utf-8";

/// A line of an export.
#[derive(Debug, Serialize, Deserialize)]
pub struct ExportLine<'l> {
    /// Counts the entries of the ledger from 1, without gaps.
    pub ledger_seq: u64,
    /// Version of the entry's text.
    pub body_version: u16,
    /// Hash of the entry.
    pub leaf: Hash,
    /// Hash of this entry and of all before it.
    pub chain: Hash,
    /// The entry's text, byte for byte as it was hashed.
    #[serde(borrow)]
    pub entry: &'l RawValue,
}

/// The line of an entry, without its end.
///
/// # Errors
/// The text is no JSON: it was changed.
pub fn export_line(sealed: &SealedEntry) -> Result<String, serde_json::Error> {
    let SealedEntry { ledger_seq, body_version, ref body, leaf, chain } = *sealed;
    serde_json::to_string(&ExportLine { ledger_seq, body_version, leaf, chain, entry: serde_json::from_str(body)? })
}

/// Whether the request names this media type.
pub(super) fn accepts(headers: &HeaderMap, kind: &str) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|value| value.split(';').next().is_some_and(|it| it.trim() == kind))
}

/// Entries as lines of an export.
pub(super) fn lines(entries: &[SealedEntry]) -> Result<Response, Problem> {
    let mut text = String::new();
    for sealed in entries {
        let line = export_line(sealed).map_err(|error| {
            let seq = sealed.ledger_seq;
            tracing::error!(%error, seq, "an entry of the ledger is no JSON: `andon ledger verify` says more");
            let detail = format!("entry {seq} of the ledger can't be read: `andon ledger verify` says more");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "ledger_unreadable", detail)
        })?;
        text.push_str(&line);
        text.push('\n');
    }
    Ok(([(header::CONTENT_TYPE, EXPORT_KIND)], text).into_response())
}

/// The newest checkpoint, taken apart.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct CheckpointView {
    /// The log's name.
    pub origin: String,
    /// How many entries it is of.
    pub size: u64,
    /// Root of the RFC 6962 tree over their leaf hashes.
    pub root: Hash,
    /// When it was signed, by this daemon's clock; not part of what is signed.
    pub time: Time,
    /// The key to verify it with. Don't take it from here alone: whoever can change the ledger can change this.
    pub key: String,
    /// The signed note: what is to be kept elsewhere.
    pub note: String,
}

/// The newest signed checkpoint of the ledger (C2SP tlog-checkpoint); as JSON with `Accept: application/json`.
#[utoipa::path(get, path = "/v1/ledger/checkpoint", tag = "records",
    responses(
        (status = 200, content((String = "text/plain"), (CheckpointView = "application/json"))),
        (status = 404, body = Problem, description = "none is signed yet", content_type = "application/problem+json")))]
pub async fn checkpoint(State(shared): State<Shared>, headers: HeaderMap) -> Result<Response, Problem> {
    let KeptCheckpoint { time, note, key, .. } = newest(shared).await?;
    if !accepts(&headers, "application/json") {
        return Ok(([(header::CONTENT_TYPE, TEXT)], note).into_response());
    }
    let Checkpoint { origin, size, root } = Checkpoint::claimed(&note).map_err(|error| {
        tracing::error!(%error, "the newest checkpoint can't be read");
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "ledger_unreadable",
            "the newest checkpoint in the store can't be read: `andon ledger verify` says more",
        )
    })?;
    Ok(Json(CheckpointView { origin, size, root, time, key, note }).into_response())
}

/// The verifier key of the ledger's checkpoints, one line: `name+id+base64`.
#[utoipa::path(get, path = "/v1/ledger/key", tag = "records",
    responses(
        (status = 200, content_type = "text/plain", body = String),
        (status = 404, body = Problem, description = "no checkpoint is signed yet", content_type = "application/problem+json")))]
pub async fn key(State(shared): State<Shared>) -> Result<Response, Problem> {
    let kept = newest(shared).await?;
    Ok(([(header::CONTENT_TYPE, TEXT)], format!("{}\n", kept.key)).into_response())
}

async fn newest(shared: Shared) -> Result<KeptCheckpoint, Problem> {
    let found = blocking(move || shared.ledger.checkpoints(1)).await??.pop();
    found.ok_or_else(|| {
        let detail = "the ledger has no signed checkpoint yet: the first comes soon after the start; if none comes, the log says why";
        Problem::new(StatusCode::NOT_FOUND, "no_checkpoint", detail)
    })
}
