//! What the council decides: answers to a report's questions, judgements on demotions.
//!
//! Owns these routes. Who does what until when is `actions`'. Whether it may be done now is decided by the monitor, in the
//! order of the journal; what is chosen takes the scope of the route that does the same.

use super::Shared;
use super::actions::{TASK_BYTES_MAX, due_of, owner_of, said};
use super::auth::Caller;
use super::governance::{act, body};
use super::problem::Problem;
use super::report_desk::week_of;
use super::workflows::{REASON_BYTES_MAX, blocking};
use crate::domain::{Action, Answered, Choice, ChoiceKey, Entry, Judgement, Question, Time, What, WorkflowId};
use crate::monitor::answers::Given;
use crate::monitor::house::HOUSE;
use crate::monitor::{Effect, Monitor};
use crate::report::Week;
use crate::store::LedgerQuery;
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// Entries among which one of a known time is looked for.
const NEAR_MAX: usize = 1_000;

/// A judgement on a demotion.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewJudgement {
    /// The epoch that the demotion began, as `why` and the report say it.
    pub epoch: u64,
    /// `right` or `false`.
    pub judgement: Judgement,
    /// Why: it stands in the ledger.
    pub note: String,
}

/// A judgement, and how many there are of the workflow.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct Judged {
    /// The workflow.
    #[schema(value_type = String)]
    pub workflow: WorkflowId,
    /// The epoch that the demotion began.
    pub epoch: u64,
    /// What it was judged to be.
    pub judgement: Judgement,
    /// Demotions by guards since adoption.
    pub demotions: u64,
    /// Those that people judged right.
    pub judged_right: u64,
    /// Those that people judged false, taken back or not.
    pub judged_false: u64,
}

/// Judge a demotion by a guard: it counts in the rate of false demotions. The mode stays as it is; the last
/// judgement holds.
#[utoipa::path(post, path = "/v1/workflows/{id}/judgements", tag = "governance", params(("id" = String, Path)), request_body = NewJudgement,
    responses((status = 200, body = Judged), (status = 409, body = Problem, description = "no guard lowered it with this epoch, or that was annulled", content_type = "application/problem+json"), (status = 400, body = Problem, content_type = "application/problem+json"), (status = 503, body = Problem, content_type = "application/problem+json"), (status = 404, body = Problem, content_type = "application/problem+json")))]
pub async fn judge(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    sent: Result<Json<NewJudgement>, JsonRejection>,
) -> Result<Json<Judged>, Problem> {
    let Json(NewJudgement { epoch, judgement, note }) = sent.map_err(body)?;
    let workflow = WorkflowId::new(&id).map_err(|_| Problem::unknown_workflow(&id))?;
    let note = said("note", note, REASON_BYTES_MAX)?;
    act(&shared, &caller, Action::Judge { workflow: workflow.clone(), epoch, judgement, note }).await?;
    let found = shared.driver.read(move |monitor, _| {
        let governance = &monitor.workflows().get(&workflow)?.state.governance;
        let [judged_right, judged_false] = Judgement::ALL.map(|of| governance.judged(of));
        Some(Judged { workflow, epoch, judgement, demotions: governance.demoted, judged_right, judged_false })
    });
    found.await?.map(Json).ok_or_else(|| Problem::unknown_workflow(&id))
}

/// What the council chose.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CouncilDecision {
    /// The question: its `id` in the report's `decisions`.
    pub question: String,
    /// One of the question's `choices`.
    pub choice: ChoiceKey,
    /// Why: it stands in the ledger. May be left out where somebody is named.
    #[serde(default)]
    pub note: String,
    /// With `assign`: who does it.
    #[serde(default)]
    pub owner: Option<String>,
    /// With `assign`: until when. A date such as 2026-12-01 (all of that day, in the reports' time zone), or a time.
    #[serde(default)]
    pub due: Option<String>,
    /// With `assign`: what is to be done, if not what the question says.
    #[serde(default)]
    pub task: Option<String>,
    /// With `open_gate`: what the decision funds.
    #[serde(default)]
    pub funding: Option<String>,
    /// Where the question is answered already: the number in the ledger of the answer whose place this one takes, as the
    /// report's `answer` says it.
    #[serde(default)]
    pub replaces: Option<u64>,
}

/// What was decided and recorded.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct Decided {
    /// The week of the report.
    pub week: String,
    /// The question.
    #[schema(value_type = String)]
    pub question: Question,
    /// What was chosen.
    pub decided: Choice,
    /// Why.
    pub note: String,
    /// Who said so.
    pub by: String,
    /// When.
    pub at: Time,
    /// The request or the action that came of it.
    pub did: Option<String>,
    /// The number of its entry in the ledger: what `replaces` takes.
    pub ledger_seq: Option<u64>,
}

/// Answer a question of a weekly report. What is chosen is done and stands in the ledger, or neither. A question that is answered
/// is answered anew only by whoever names that answer (`replaces`); what it did is not undone by that. The very same answer of the
/// same person changes nothing. `judge_right` and `judge_false` also take the scope `approve`, and they alone are taken for
/// weeks before the last one.
#[utoipa::path(post, path = "/v1/reports/{name}/decisions", tag = "report", params(("name" = String, Path)), request_body = CouncilDecision,
    responses((status = 200, body = Decided), (status = 403, body = Problem, description = "what is chosen takes another scope, or a token for all workflows", content_type = "application/problem+json"), (status = 409, body = Problem, description = "it is answered meanwhile, or what is chosen can't be done now: nothing of it is", content_type = "application/problem+json"), (status = 400, body = Problem, content_type = "application/problem+json"), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn decide(
    State(shared): State<Shared>,
    caller: Caller,
    Path(name): Path<String>,
    sent: Result<Json<CouncilDecision>, JsonRejection>,
) -> Result<Json<Decided>, Problem> {
    let Json(sent) = sent.map_err(body)?;
    let scope = sent.choice.scope();
    if !caller.scopes.allows(scope) {
        let detail = format!(
            "`{}` takes the scope `{}`, and the token of {} has: {}",
            sent.choice.name(),
            scope.name(),
            caller.name,
            caller.scopes
        );
        return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail));
    }
    let question: Question = sent.question.parse().map_err(|why: String| Problem::invalid("question", why))?;
    let now = shared.driver.read(|_, now| now).await?;
    let week = week(&name, sent.choice, now, &shared.reports.zone)?.to_string();
    let named = sent.replaces;
    let (choice, note) = choice(sent, &question, &shared.reports.zone)?;
    check_reach(&shared, &caller, &question).await?;
    let replaces = match named {
        Some(ledger_seq) => Some(record(&shared, ledger_seq).await?),
        None => None,
    };
    let asked = (week.clone(), question.clone());
    let answered = Answered { week, question, choice, note, replaces };
    let effects = match act(&shared, &caller, Action::Council(answered)).await {
        Err(problem) if problem.code == "answered_meanwhile" => return Err(meanwhile(&shared, asked, problem).await?),
        done => done?,
    };
    let unkept = || {
        let detail = "the decision is not in the ledger: the log says why";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    };
    // A repeat has no entry: the first one's is given.
    let given = match given(effects) {
        Some(given) => given,
        None => present(&shared, asked).await?.ok_or_else(unkept)?,
    };
    let Given { answered, by, at, did, journal_seq } = given;
    let Answered { week, question, choice: decided, note, .. } = answered;
    let ledger_seq = number(&shared, journal_seq, at).await?;
    Ok(Json(Decided { week, question, decided, note, by, at, did, ledger_seq }))
}

/// The answer that was given just now.
fn given(effects: Vec<Effect>) -> Option<Given> {
    effects.into_iter().find_map(|effect| match effect {
        Effect::Ledger(Entry {
            what: What::Council { week, question, decided, note, did },
            by,
            time: at,
            journal_seq,
            ..
        }) => {
            let answered = Answered { week, question, choice: *decided, note, replaces: None };
            Some(Given { journal_seq, answered, by, at, did })
        }
        _ => None,
    })
}

/// The answer that a question has.
async fn present(shared: &Shared, (week, question): (String, Question)) -> Result<Option<Given>, Problem> {
    let look = move |monitor: &Monitor, _| {
        let house = monitor.house();
        house.answers.present(&week, &question, &house.actions).cloned()
    };
    Ok(shared.driver.read(look).await?)
}

/// A denial because of another answer, with the number by which that one is replaced.
async fn meanwhile(shared: &Shared, asked: (String, Question), problem: Problem) -> Result<Problem, Problem> {
    let Some(present) = present(shared, asked).await? else { return Ok(problem) };
    let Some(ledger_seq) = number(shared, present.journal_seq, present.at).await? else { return Ok(problem) };
    let detail = format!("{} (with `replaces`: {ledger_seq}, its number in the ledger)", problem.detail);
    Ok(Problem { detail, ..problem })
}

/// The record of the journal in which an answer was given; 0, which none is, where the ledger has no answer of this number.
async fn record(shared: &Shared, ledger_seq: u64) -> Result<u64, Problem> {
    let Some(after) = ledger_seq.checked_sub(1) else { return Ok(0) };
    let (ledger, query) = (Arc::clone(&shared.ledger), LedgerQuery { after, limit: 1, ..LedgerQuery::default() });
    let found = blocking(move || ledger.entries(&query)).await??;
    let answer = found.iter().find(|(_, entry)| matches!(entry.what, What::Council { .. }));
    Ok(answer.filter(|(seq, _)| *seq == ledger_seq).map_or(0, |(_, entry)| entry.journal_seq))
}

/// The number in the ledger of the answer that a record of the journal gave.
async fn number(shared: &Shared, journal_seq: u64, at: Time) -> Result<Option<u64>, Problem> {
    let query = LedgerQuery { until: Some(at), newest_first: true, limit: NEAR_MAX, ..LedgerQuery::default() };
    let ledger = Arc::clone(&shared.ledger);
    let found = blocking(move || ledger.entries(&query)).await??;
    let is_it = |entry: &Entry| entry.journal_seq == journal_seq && matches!(entry.what, What::Council { .. });
    Ok(found.into_iter().find(|(_, entry)| is_it(entry)).map(|(seq, _)| seq))
}

/// The week of a report's name, without its form.
fn week(name: &str, choice: ChoiceKey, now: Time, zone: &TimeZone) -> Result<Week, Problem> {
    let running = week_of(now, zone)?;
    let last = running.plus(-1).unwrap_or(running);
    let week = match name {
        "now" => running,
        "last" => last,
        named => named.parse().map_err(|why: String| Problem::invalid("name", why))?,
    };
    if week > running {
        return Err(Problem::invalid("name", format!("{week} hasn't begun: the running week is {running}")));
    }
    // What was asked then may have come to something else; a demotion stays what it was.
    if week < last && !matches!(choice, ChoiceKey::JudgeRight | ChoiceKey::JudgeFalse) {
        let detail = format!(
            "{week} is over for long: of {last} and {running} this can be decided, of {week} demotions can be judged"
        );
        return Err(Problem::new(StatusCode::CONFLICT, "week_is_over", detail));
    }
    Ok(week)
}

/// What was chosen, with what was said with it; what belongs to another choice is a mistake of the sender.
fn choice(sent: CouncilDecision, question: &Question, zone: &TimeZone) -> Result<(Choice, String), Problem> {
    let CouncilDecision { choice: key, note, owner, due, task, funding, .. } = sent;
    if !question.choices().contains(&key) {
        let offered: Vec<&str> = question.choices().iter().map(|key| key.name()).collect();
        let detail = format!("`{}` is no answer to this question: it may be {}", key.name(), offered.join(", "));
        return Err(Problem::invalid("choice", detail));
    }
    let given = [("owner", owner.is_some()), ("due", due.is_some()), ("task", task.is_some())];
    let stray = given.into_iter().find(|(_, is_there)| *is_there && key != ChoiceKey::Assign);
    let stray = stray.or_else(|| Some(("funding", funding.is_some() && key != ChoiceKey::OpenGate)));
    if let Some((field, true)) = stray {
        return Err(Problem::invalid(field, format!("`{field}` says nothing with `{}`", key.name())));
    }
    let note = if key == ChoiceKey::Assign && note.is_empty() { note } else { said("note", note, REASON_BYTES_MAX)? };
    let choice = match key {
        ChoiceKey::JudgeRight => Choice::JudgeRight,
        ChoiceKey::JudgeFalse => Choice::JudgeFalse,
        ChoiceKey::AcceptBaseline => Choice::AcceptBaseline,
        ChoiceKey::OpenGate => {
            let funding = funding.map(|funding| said("funding", funding, REASON_BYTES_MAX)).transpose()?;
            Choice::OpenGate { funding }
        }
        ChoiceKey::KeepDown => Choice::KeepDown,
        ChoiceKey::Assign => {
            let missing = |field: &'static str| Problem::invalid(field, format!("`assign` needs `{field}`"));
            let task = task.map_or_else(|| Ok(question.task()), |task| said("task", task, TASK_BYTES_MAX))?;
            let owner = owner_of(&owner.ok_or_else(|| missing("owner"))?)?;
            Choice::Assign { task, owner, due: due_of(&due.ok_or_else(|| missing("due"))?, zone)? }
        }
        ChoiceKey::Nothing => Choice::Nothing,
    };
    Ok((choice, note))
}

/// Goes on where the token holds for what a question is about.
async fn check_reach(shared: &Shared, caller: &Caller, question: &Question) -> Result<(), Problem> {
    if let Some(workflow) = question.workflow() {
        return caller.workflow(workflow.as_str());
    }
    let Question::Incident { incident } = question else { return caller.all_workflows() };
    if incident.starts_with(HOUSE) {
        return caller.all_workflows();
    }
    let wanted = incident.clone();
    let owner = move |monitor: &Monitor, _| monitor.incident_owner(&wanted).map(|owner| owner.id.clone());
    match shared.driver.read(owner).await? {
        // By the name that was sent: it may have another one by now.
        Some(owner) if !caller.may_see(owner.as_str()) => {
            caller.workflow_of(incident).and_then(|()| caller.workflow(owner.as_str()))
        }
        Some(_) => Ok(()),
        None => caller.workflow_of(incident),
    }
}
