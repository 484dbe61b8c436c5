//! The lab: what people do with a hypothesis.
//!
//! Owns these routes and the limits of what is sent. Whether it may be done now is decided by the monitor, in the
//! order of the journal.

use super::Shared;
use super::auth::Caller;
use super::governance::{act, body};
use super::lab::find;
use super::problem::Problem;
use crate::domain::hypothesis::SAID_BYTES_MAX;
use crate::domain::{Action, Conclusion, Disposal, FindingKind, LabAct};
use crate::monitor::lab_view::HypothesisDetail;
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Longest type of a defect, bytes.
const DEFECT_TYPE_BYTES_MAX: usize = 64;

/// A remark.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// It stands in the ledger; may be left out.
    #[serde(default)]
    pub note: String,
}

/// Begin to test a hypothesis: its time-box runs from now.
#[utoipa::path(post, path = "/v1/hypotheses/{id}/start", tag = "lab", params(("id" = String, Path)), request_body = Start,
    responses((status = 200, body = HypothesisDetail), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 409, body = Problem, description = "enough others run, or the workflow left the lab", content_type = "application/problem+json"), (status = 400, body = Problem, content_type = "application/problem+json"), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn start(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    sent: Result<Json<Start>, JsonRejection>,
) -> Result<Json<HypothesisDetail>, Problem> {
    let Json(Start { note }) = sent.map_err(body)?;
    if note.len() > SAID_BYTES_MAX {
        return Err(Problem::invalid("note", format!("`note` must have at most {SAID_BYTES_MAX} bytes")));
    }
    said(&shared, &caller, id, LabAct::Start { note }).await
}

/// Something that was found.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewFinding {
    /// What kind of thing.
    pub kind: FindingKind,
    /// What.
    pub text: String,
    /// The type of a defect, such as `tone.too-formal`: letters, digits, `_ : . -`, at most 64. A defect needs one,
    /// nothing else has one.
    #[serde(default)]
    pub defect_type: Option<String>,
}

/// Report what was found. A risk is open until somebody disposes of it.
#[utoipa::path(post, path = "/v1/hypotheses/{id}/findings", tag = "lab", params(("id" = String, Path)), request_body = NewFinding,
    responses((status = 200, body = HypothesisDetail), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 409, body = Problem, description = "nobody has started it", content_type = "application/problem+json"), (status = 400, body = Problem, content_type = "application/problem+json"), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn finding(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    sent: Result<Json<NewFinding>, JsonRejection>,
) -> Result<Json<HypothesisDetail>, Problem> {
    let Json(NewFinding { kind, text: what, defect_type }) = sent.map_err(body)?;
    let text = text("text", what)?;
    let right = match (&defect_type, kind) {
        (Some(of), FindingKind::Defect) => is_label(of),
        (found, kind) => found.is_none() && kind != FindingKind::Defect,
    };
    if !right {
        let detail = "a defect has a `defect_type` of 1 to 64 letters, digits, `_`, `:`, `.` and `-`, such as tone.too-formal; a pattern and a risk have none";
        return Err(Problem::invalid("defect_type", detail));
    }
    said(&shared, &caller, id, LabAct::Finding { kind, text, defect_type }).await
}

/// A decision.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDecision {
    /// What was decided, and why.
    pub text: String,
}

/// Write down a decision about how to go on.
#[utoipa::path(post, path = "/v1/hypotheses/{id}/decisions", tag = "lab", params(("id" = String, Path)), request_body = NewDecision,
    responses((status = 200, body = HypothesisDetail), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 409, body = Problem, content_type = "application/problem+json"), (status = 400, body = Problem, content_type = "application/problem+json"), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn decision(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    sent: Result<Json<NewDecision>, JsonRejection>,
) -> Result<Json<HypothesisDetail>, Problem> {
    let Json(decision) = sent.map_err(body)?;
    let text = text("text", decision.text)?;
    said(&shared, &caller, id, LabAct::Decision { text }).await
}

/// An answer to an exit criterion.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewShown {
    /// The criterion as it is declared, word by word.
    pub criterion: String,
    /// Whether it is met.
    pub met: bool,
    /// What shows it: a link, a remark.
    pub note: String,
}

/// Say whether an exit criterion is met.
#[utoipa::path(post, path = "/v1/hypotheses/{id}/criteria", tag = "lab", params(("id" = String, Path)), request_body = NewShown,
    responses((status = 200, body = HypothesisDetail), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 409, body = Problem, description = "it isn't being tested", content_type = "application/problem+json"), (status = 400, body = Problem, content_type = "application/problem+json"), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn criterion(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    sent: Result<Json<NewShown>, JsonRejection>,
) -> Result<Json<HypothesisDetail>, Problem> {
    let Json(NewShown { criterion, met, note }) = sent.map_err(body)?;
    let criterion = text("criterion", criterion)?;
    said(&shared, &caller, id, LabAct::Criterion { criterion, met, note: text("note", note)? }).await
}

/// What became of a risk.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDisposal {
    /// The number of the finding.
    pub finding: u64,
    /// What became of it.
    pub disposal: Disposal,
    /// What was done, or why it may stay.
    pub note: String,
}

/// Dispose of a risk: it was mitigated, or it is accepted in your name.
#[utoipa::path(post, path = "/v1/hypotheses/{id}/risks", tag = "lab", params(("id" = String, Path)), request_body = NewDisposal,
    responses((status = 200, body = HypothesisDetail), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 409, body = Problem, description = "somebody has done so already", content_type = "application/problem+json"), (status = 400, body = Problem, content_type = "application/problem+json"), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn risk(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    sent: Result<Json<NewDisposal>, JsonRejection>,
) -> Result<Json<HypothesisDetail>, Problem> {
    let Json(NewDisposal { finding, disposal, note }) = sent.map_err(body)?;
    said(&shared, &caller, id, LabAct::Risk { finding, disposal, note: text("note", note)? }).await
}

/// The end of a test.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSignOff {
    /// What it showed.
    pub conclusion: Conclusion,
    /// What was learned.
    pub learned: String,
}

/// Sign a hypothesis off. Neither its owner nor whoever started it can.
#[utoipa::path(post, path = "/v1/hypotheses/{id}/signoff", tag = "lab", params(("id" = String, Path)), request_body = NewSignOff,
    responses((status = 200, body = HypothesisDetail), (status = 403, body = Problem, description = "your own hypothesis", content_type = "application/problem+json"), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 409, body = Problem, description = "criteria without an answer, or nothing found", content_type = "application/problem+json"), (status = 400, body = Problem, content_type = "application/problem+json"), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn sign_off(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    sent: Result<Json<NewSignOff>, JsonRejection>,
) -> Result<Json<HypothesisDetail>, Problem> {
    let Json(NewSignOff { conclusion, learned }) = sent.map_err(body)?;
    said(&shared, &caller, id, LabAct::SignOff { conclusion, learned: text("learned", learned)? }).await
}

/// Carries it out for the workflow that the hypothesis is of, which the token holds for.
async fn said(shared: &Shared, caller: &Caller, id: String, said: LabAct) -> Result<Json<HypothesisDetail>, Problem> {
    let of = find(shared, caller, id, true).await?.hypothesis;
    let named = format!("{}:{}", of.workflow, of.id);
    act(shared, caller, Action::Lab { workflow: of.workflow, hypothesis: of.id, act: said }).await?;
    find(shared, caller, named, true).await.map(Json)
}

/// A text that is there and not too long.
fn text(field: &'static str, text: String) -> Result<String, Problem> {
    if text.trim().is_empty() || text.len() > SAID_BYTES_MAX {
        let detail = format!("`{field}` must have 1 to {SAID_BYTES_MAX} bytes: it stands in the ledger");
        return Err(Problem::invalid(field, detail));
    }
    Ok(text)
}

/// Whether a type of defects may be one.
fn is_label(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.' | '-');
    (1..=DEFECT_TYPE_BYTES_MAX).contains(&text.len()) && text.chars().all(plain)
}
