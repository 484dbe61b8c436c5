//! The review plan: which outputs people are to look at, and where their verdicts stand.
//!
//! Owns these routes. Whether one output is to be reviewed is answered from the board, like a mode, and
//! waits for nothing; what is owed and what was found comes from a copy of the state. Verdicts come in by
//! `intake`.

use super::Shared;
use super::problem::Problem;
use super::workflows::{blocking, copy_of};
use crate::domain::event::ID_BYTES_MAX;
use crate::domain::{Mode, WorkflowId};
use crate::monitor::ModeView;
use crate::monitor::reviews::Reviews;
use crate::monitor::reviews_view::{Progress, ReviewsView};
use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// Outputs of one question.
pub const OUTPUTS_MAX: usize = 10_000;

/// Which output.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// The output's id, as in its event.
    output_id: String,
}

/// Whether people are to review an output.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ReviewAnswer {
    /// The workflow.
    #[schema(value_type = String)]
    pub workflow: WorkflowId,
    /// The output.
    pub output_id: String,
    /// Whether people are to review it.
    pub review: bool,
    /// How many: 0, 1 or 2 different ones.
    pub reviewers: u8,
    /// The effective mode.
    pub mode: Mode,
    /// The chance that an output is selected in this mode, 0 to 1.
    pub probability: f64,
    /// Counts the changes of the mode.
    pub epoch: u64,
}

/// Whether people are to review an output: the same answer whoever asks and however often, as long as the
/// mode stays. Waits for nothing, like the mode. Ask when the output is made, and report its verdict with
/// POST /v1/reviews.
#[utoipa::path(get, path = "/v1/workflows/{id}/review", tag = "reviews", params(("id" = String, Path), Which),
    responses((status = 200, body = ReviewAnswer), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 400, body = Problem, content_type = "application/problem+json")))]
pub async fn get(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Json<ReviewAnswer>, Problem> {
    let Query(Which { output_id }) = which.map_err(|error| Problem::invalid("output_id", error.body_text()))?;
    check(&output_id)?;
    let view = shared.driver.board().peek(&id).ok_or_else(|| Problem::unknown_workflow(&id))?;
    let reviewers = shared.driver.board().reviewers(&view, &output_id);
    let ModeView { workflow, mode, epoch, review, .. } = &*view;
    Ok(Json(ReviewAnswer {
        workflow: workflow.clone(),
        output_id,
        review: reviewers > 0,
        reviewers,
        mode: *mode,
        probability: review.sample_rate,
        epoch: *epoch,
    }))
}

/// Several outputs.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Outputs {
    /// Their ids, at most 10,000.
    pub output_ids: Vec<String>,
}

/// Where the review of one output stands.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct OutputReview {
    /// The output.
    pub output_id: String,
    /// Whether people are to review it: as it was decided when it came, or, where it isn't known, as it
    /// would be now.
    pub review: bool,
    /// How many: 0, 1 or 2 different ones.
    pub reviewers: u8,
    /// Where it stands; `null` where it was not reported yet, not selected, or long ago.
    pub status: Option<Progress>,
}

/// Where the reviews of several outputs stand.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct OutputReviews {
    /// The workflow.
    #[schema(value_type = String)]
    pub workflow: WorkflowId,
    /// The effective mode.
    pub mode: Mode,
    /// The chance that an output is selected in this mode, 0 to 1.
    pub probability: f64,
    /// Counts the changes of the mode.
    pub epoch: u64,
    /// The outputs, in the order of the question.
    pub outputs: Vec<OutputReview>,
}

/// The same for up to 10,000 outputs, and where their reviews stand: awaited, overdue, reviewed.
#[utoipa::path(post, path = "/v1/workflows/{id}/review", tag = "reviews", params(("id" = String, Path)), request_body = Outputs,
    responses((status = 200, body = OutputReviews), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 400, body = Problem, content_type = "application/problem+json"), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn batch(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    asked: Result<Json<Outputs>, JsonRejection>,
) -> Result<Json<OutputReviews>, Problem> {
    let Json(Outputs { output_ids }) = asked.map_err(|error| Problem::invalid("body", error.body_text()))?;
    if output_ids.is_empty() || output_ids.len() > OUTPUTS_MAX {
        let detail = format!("`output_ids` must hold 1 to {OUTPUTS_MAX} ids, and {} were sent", output_ids.len());
        return Err(Problem::invalid("output_ids", detail));
    }
    output_ids.iter().try_for_each(|id| check(id))?;
    let view = shared.driver.board().peek(&id).ok_or_else(|| Problem::unknown_workflow(&id))?;
    let (_, now, workflow) = copy_of(&shared, &id).await?;
    let board = std::sync::Arc::clone(shared.driver.board());
    let answer = move || {
        let within_ms = workflow.plan.policy.reviewing.within_ms;
        let known: BTreeMap<u64, (Progress, u8)> = workflow.state.reviews.progress(now, within_ms).collect();
        let one = |output_id: String| {
            let found = known.get(&Reviews::hash(&output_id)).copied();
            let reviewers = found.map_or_else(|| board.reviewers(&view, &output_id), |(_, reviewers)| reviewers);
            OutputReview { output_id, review: reviewers > 0, reviewers, status: found.map(|(progress, _)| progress) }
        };
        let outputs = output_ids.into_iter().map(one).collect();
        let ModeView { workflow, mode, epoch, review, .. } = &*view;
        let (workflow, mode, epoch) = (workflow.clone(), *mode, *epoch);
        OutputReviews { workflow, mode, probability: review.sample_rate, epoch, outputs }
    };
    blocking(answer).await.map(Json)
}

/// What is owed to the review plan, what reviewers found, and what it says of all outputs.
#[utoipa::path(get, path = "/v1/workflows/{id}/reviews", tag = "reviews", params(("id" = String, Path)),
    responses((status = 200, body = ReviewsView), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn summary(State(shared): State<Shared>, Path(id): Path<String>) -> Result<Json<ReviewsView>, Problem> {
    let (_, now, workflow) = copy_of(&shared, &id).await?;
    Ok(Json(workflow.reviews_view(now)))
}

fn check(output_id: &str) -> Result<(), Problem> {
    if output_id.is_empty() || output_id.len() > ID_BYTES_MAX {
        let detail = format!("an output's id must have 1 to {ID_BYTES_MAX} bytes");
        return Err(Problem::invalid("output_id", detail));
    }
    Ok(())
}
