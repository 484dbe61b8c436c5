//! Acts of the exception council: answers to a report's questions, judgements, who does what until when.
//!
//! Owns their words and routes. What may be chosen is the report's.

use super::api::{escaped, query};
use super::door::Visitor;
use super::form::{Field, Kind, Plan, Values, needed};
use super::reports::read;
use super::words::minute;
use crate::domain::Scope;
use crate::http::problem::Problem;
use axum::http::StatusCode;

/// The act of a name, if it is one of these.
pub(super) async fn plan(visitor: &Visitor, act: &str, values: &Values) -> Result<Option<Plan>, Problem> {
    let plan = match act {
        "council" => answer(visitor, values).await?,
        "judge" => judge(needed(values, "workflow")?, needed(values, "epoch")?),
        "assign" => assign(values.get("workflow").map(String::as_str)),
        "finish" => finish(needed(values, "action")?),
        _ => return Ok(None),
    };
    Ok(Some(plan))
}

async fn answer(visitor: &Visitor, values: &Values) -> Result<Plan, Problem> {
    if !visitor.may(Scope::Operate) {
        let detail = "This needs the scope `operate`, as every answer to a report's question does.";
        return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail));
    }
    let (week, question, choice) = (needed(values, "week")?, needed(values, "question")?, needed(values, "choice")?);
    let workflow = values.get("of").map(String::as_str);
    let (report, _) = read(visitor, week, workflow.unwrap_or_default()).await?;
    let asked = report.decisions.into_iter().find(|one| one.id == question);
    let offer = asked.and_then(|one| {
        let offer = one.choices.iter().find(|offer| offer.choice.name() == choice).cloned();
        offer.map(|offer| (one, offer))
    });
    let gone = || {
        let detail = "the report no longer asks that: something happened meanwhile. Load it anew";
        Problem::new(StatusCode::CONFLICT, "question_gone", detail)
    };
    let (one, offer) = offer.ok_or_else(gone)?;
    let back = format!("/reports/{}{}", escaped(week), query(&[("workflow", workflow.unwrap_or_default())]));
    let route = format!("/v1/reports/{}/decisions", escaped(&report.week));
    let mut plan = Plan::new(one.question.clone(), "", offer.choice.scope(), route, back)
        .so(format!("{}: {}", offer.label, offer.does))
        .so(format!("andon recommends: {}", one.recommendation))
        .so("It stands in the ledger with your name, and the next report follows it up.")
        .sends("question", one.id.clone())
        .sends("choice", offer.choice.name());
    plan.button = offer.label;
    if let Some(answer) = &one.answer {
        let why = if answer.note.is_empty() { String::new() } else { format!(" ({})", answer.note) };
        let (by, at, says) = (&answer.by, minute(answer.at), &answer.says);
        plan = plan.so(format!(
            "{by} answered this at {at} UTC: {says}{why}. Yours takes its place; what that one did is not undone."
        ));
        plan.carried.push(("replaces", answer.ledger_seq.to_string()));
    }
    // What the visitor saw counts, not what the report says by now: whoever answered in between is not overruled unseen.
    if let Some(seen) = values.get("replaces").and_then(|seen| seen.parse::<u64>().ok()) {
        plan = plan.sends("replaces", seen);
    }
    let fields = offer.fields.iter().map(|name| (name, true)).chain(offer.optional.iter().map(|name| (name, false)));
    for (name, is_required) in fields {
        let field = match name.as_str() {
            "note" => Field::reason("note", "Why"),
            "owner" => owner(),
            "due" => due(),
            "task" => Field::line("task", "What is to be done", "If not what the question says."),
            "funding" => Field::line("funding", "What the decision funds", ""),
            _ => continue,
        };
        plan = plan.asks(Field { is_required, ..field });
    }
    Ok(plan)
}

const fn owner() -> Field {
    Field::line("owner", "Who does it", "A name, as tokens have them.")
}

fn due() -> Field {
    Field { kind: Kind::Day, ..Field::line("due", "Until", "All of that day.") }
}

fn judge(workflow: &str, epoch: &str) -> Plan {
    let path = format!("/v1/workflows/{}/judgements", escaped(workflow));
    let title = format!("Was the demotion of {workflow} (epoch {epoch}) right?");
    Plan::new(title, "Judge it", Scope::Approve, path, format!("/workflows/{}", escaped(workflow)))
        .so("The judgement counts in the rate of false demotions. The mode stays as it is: two people take a false one back.")
        .sends("epoch", epoch.parse::<u64>().unwrap_or_default())
        .asks(Field::choice("judgement", "It was", &[("right", "right"), ("false", "false")]))
        .asks(Field::reason("note", "Why"))
}

fn assign(workflow: Option<&str>) -> Plan {
    let plan =
        Plan::new("Assign an action", "Assign it", Scope::Operate, "/v1/actions".to_owned(), "/reports".to_owned())
            .so("The weekly reports follow it up until somebody says how it ended.")
            .asks(Field::line("task", "What is to be done", ""))
            .asks(owner())
            .asks(due());
    match workflow {
        Some(workflow) => plan.so(format!("It concerns {workflow}.")).sends("workflow", workflow),
        None => plan,
    }
}

fn finish(action: &str) -> Plan {
    let path = format!("/v1/actions/{}/finish", escaped(action));
    Plan::new(format!("Say how {action} ended"), "Record it", Scope::Operate, path, "/reports".to_owned())
        .so("It leaves the list; the ledger and the report of the week keep it.")
        .asks(Field::choice("ending", "It was", &[("done", "done"), ("dropped", "dropped")]))
        .asks(Field::line("note", "A remark", "It stands in the ledger; may be left out.").optional())
}
