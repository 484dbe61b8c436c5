//! Alerts come in: Alertmanager's webhook, version 4.
//!
//! Owns what is read of it and what is answered. Alertmanager sends a group again after a 5xx and never after a
//! 4xx, so one alert that can't be used must not cost the others: each has its own result in an answer of 200.
//! What an alert does to a mode is the monitor's.
//!
//! The shape is that of <https://prometheus.io/docs/alerting/latest/configuration/#webhook_config>.

use super::auth::Caller;
use super::problem::Problem;
use super::{Shared, intake};
use crate::domain::alert::{Alert, AlertResult, AlertStatus, WorkflowAlert};
use crate::domain::{Action, Time, WorkflowId};
use crate::ingest::BodyError;
use crate::monitor::Effect;
use axum::Json;
use axum::extract::{Request, State};
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use utoipa::ToSchema;

/// Alerts of one request that are read; Alertmanager sends a group with all of its alerts, again and again.
pub const ALERTS_MAX: usize = 1_000;
/// The version of the webhook that is understood.
const VERSION: &str = "4";
/// The label that names the workflow. In two pieces, like that of a test, because only the catalogue of metrics
/// may hold this word.
const WORKFLOW_LABEL: &str = concat!("andon", "_workflow");
/// The label with the value `true` of an alert that only tests the way.
const TEST_LABEL: &str = concat!("andon", "_test");

/// What became of a group of alerts.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct AlertsTaken {
    /// One for each alert that was read, in the order of the request.
    pub alerts: Vec<AlertTaken>,
    /// Alerts that were not read, because there were too many here or already there.
    pub left_out: u64,
}

/// What became of an alert.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct AlertTaken {
    /// Its place in the request, from 0.
    pub index: usize,
    /// What became of it.
    pub result: AlertResult,
    /// Its workflow, where there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub workflow: Option<WorkflowId>,
    /// What is wrong with it, where it can't be used.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<String>,
}

/// Take alerts from Alertmanager: one that fires and names a workflow is a breach of its external guard. Repeats
/// change nothing, and what is resolved raises nothing. The answer says of each alert what became of it.
#[utoipa::path(post, path = "/v1/alertmanager", tag = "intake",
    request_body(content = serde_json::Value, description = "Alertmanager's webhook, version 4"),
    responses(
        (status = 200, body = AlertsTaken),
        (status = 400, body = Problem, description = "unreadable body, or another version; nothing taken", content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, description = "nothing more can be made durable; Alertmanager tries again", content_type = "application/problem+json")))]
pub async fn post(
    State(shared): State<Shared>,
    caller: Caller,
    request: Request,
) -> Result<Json<AlertsTaken>, Problem> {
    // The place in the queue is kept until all is done.
    let (webhook, _place) = intake::read(&shared, request, |body, _| webhook(body)).await?;
    let mut taken: Vec<AlertTaken> = Vec::new();
    let mut alerts = Vec::new();
    for (index, alert) in webhook.alerts.0.iter().enumerate() {
        let (workflow, result, detail) = match read(alert) {
            Ok(of) if !caller.may_see(of.workflow.as_str()) => (None, AlertResult::ForbiddenWorkflow, None),
            Ok(of) => {
                let workflow = of.workflow.clone();
                alerts.push((index, of));
                (Some(workflow), AlertResult::UnknownWorkflow, None)
            }
            Err((result, detail)) => (None, result, detail.map(str::to_owned)),
        };
        taken.push(AlertTaken { index, result, workflow, detail });
    }
    for (index, result) in decide(&shared, &caller, alerts).await? {
        taken[index].result = result;
        if result == AlertResult::UnknownWorkflow {
            taken[index].workflow = None;
        }
    }
    let beyond = u64::try_from(webhook.alerts.1).unwrap_or(u64::MAX);
    let count = |result: AlertResult, by| shared.metrics.alerts.with_label_values(&[result.name()]).inc_by(by);
    taken.iter().for_each(|alert| count(alert.result, 1));
    count(AlertResult::TooMany, beyond);
    let left_out = beyond.saturating_add(webhook.truncated);
    if left_out > 0 {
        tracing::warn!(left_out, "a group of alerts was too large: docs/alertmanager.md says how to group them");
    }
    Ok(Json(AlertsTaken { alerts: taken, left_out }))
}

/// What each alert does. Only what changes something goes through the journal: most of what Alertmanager sends
/// is said again.
async fn decide(
    shared: &Shared,
    caller: &Caller,
    alerts: Vec<(usize, WorkflowAlert)>,
) -> Result<Vec<(usize, AlertResult)>, Problem> {
    if alerts.is_empty() {
        return Ok(Vec::new());
    }
    let looked = shared.driver.read(move |monitor, now| {
        let judged = alerts.into_iter().map(|(index, of)| {
            let (result, changes) = monitor.judge_alert(&of, now);
            (index, of, result, changes)
        });
        judged.collect::<Vec<_>>()
    });
    let looked = looked.await?;
    // What is said of the same alert later in the request depends on it.
    let changing: BTreeSet<String> =
        looked.iter().filter(|(.., changes)| *changes).map(|(_, of, ..)| of.alert.fingerprint.clone()).collect();
    let (mut decided, mut places, mut asked) = (Vec::new(), Vec::new(), Vec::new());
    for (index, of, result, _) in looked {
        if changing.contains(&of.alert.fingerprint) {
            places.push(index);
            asked.push(of);
        } else {
            decided.push((index, result));
        }
    }
    if !asked.is_empty() {
        let effects = shared.driver.command(caller.command(Action::Alerts { alerts: asked })).await?;
        let results =
            effects.iter().filter_map(|effect| if let Effect::Alert(result) = effect { Some(*result) } else { None });
        decided.extend(places.into_iter().zip(results));
    }
    Ok(decided)
}

/// The webhook, as far as it is read.
#[derive(Deserialize)]
struct Webhook {
    version: String,
    alerts: Bounded,
    #[serde(default, rename = "truncatedAlerts")]
    truncated: u64,
}

/// The first [`ALERTS_MAX`] of a list, unread, and how many more there are.
#[derive(Default)]
struct Bounded(Vec<Box<RawValue>>, usize);

impl<'de> Deserialize<'de> for Bounded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct First;
        impl<'de> Visitor<'de> for First {
            type Value = Bounded;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of alerts")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Bounded, A::Error> {
                let mut bounded = Bounded::default();
                while bounded.0.len() < ALERTS_MAX {
                    let Some(alert) = seq.next_element()? else { return Ok(bounded) };
                    bounded.0.push(alert);
                }
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    bounded.1 += 1;
                }
                Ok(bounded)
            }
        }
        deserializer.deserialize_seq(First)
    }
}

fn webhook(body: &[u8]) -> Result<Webhook, BodyError> {
    let webhook: Webhook = serde_json::from_slice(body).map_err(|error| BodyError::Unreadable {
        line: error.line(),
        column: error.column(),
        // What the library says may quote what was sent.
        reason: "this is no webhook of Alertmanager: an object with `version` and a list of `alerts`".to_owned(),
    })?;
    if webhook.version == VERSION {
        return Ok(webhook);
    }
    let reason = format!("this andon understands version {VERSION} of Alertmanager's webhook, and no other");
    Err(BodyError::Unreadable { line: 1, column: 1, reason })
}

/// An alert of the webhook, as far as it is read.
#[derive(Deserialize)]
struct Reported {
    status: String,
    labels: BTreeMap<String, String>,
    #[serde(rename = "startsAt")]
    starts_at: String,
    fingerprint: String,
}

/// What is kept of an alert; else what becomes of it, and what is wrong with it.
fn read(alert: &RawValue) -> Result<WorkflowAlert, (AlertResult, Option<&'static str>)> {
    let invalid = |what| (AlertResult::Invalid, Some(what));
    let shape = "an alert has `status`, `labels`, `startsAt` and `fingerprint`, and labels are text";
    let Reported { status, labels, starts_at, fingerprint } =
        serde_json::from_str(alert.get()).map_err(|_| invalid(shape))?;
    let workflow = labels.get(WORKFLOW_LABEL).ok_or((AlertResult::Unlabelled, None))?;
    let workflow = WorkflowId::new(workflow).map_err(|_| (AlertResult::UnknownWorkflow, None))?;
    let status = match status.as_str() {
        _ if labels.get(TEST_LABEL).is_some_and(|test| test == "true") => AlertStatus::Test,
        "firing" => AlertStatus::Firing,
        "resolved" => AlertStatus::Resolved,
        _ => return Err(invalid("`status` must be `firing` or `resolved`")),
    };
    let name = labels.get("alertname").filter(|name| Alert::is_name(name));
    let name = name.ok_or(invalid("the label `alertname` must have 1 to 128 bytes and no line break"))?.clone();
    if !Alert::is_fingerprint(&fingerprint) {
        return Err(invalid("`fingerprint` must have 1 to 32 letters and digits"));
    }
    let starts_at: Time = starts_at.parse().map_err(|_| invalid("`startsAt` must be a time as in RFC 3339"))?;
    let severity = labels.get("severity").filter(|severity| Alert::is_severity(severity)).cloned();
    Ok(WorkflowAlert { workflow, alert: Alert { name, fingerprint, status, starts_at, severity } })
}
