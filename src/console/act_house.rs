//! Acts on requests, incidents, base items and the whole house.
//!
//! Owns their words and routes.

use super::api::escaped;
use super::door::Visitor;
use super::form::{Field, Plan, Values, needed};
use crate::domain::{Request, Scope};
use crate::http::floor::Floor;
use crate::http::governance::about;
use crate::http::problem::Problem;

/// The act of a name, if it is one of these.
pub(super) async fn plan(visitor: &Visitor, act: &str, values: &Values) -> Result<Option<Plan>, Problem> {
    let plan = match act {
        "stop" => stop(visitor).await?,
        "approve" => vote(visitor, needed(values, "request")?, true).await?,
        "reject" => vote(visitor, needed(values, "request")?, false).await?,
        "withdraw" => withdraw(needed(values, "request")?),
        "acknowledge" => acknowledge(needed(values, "incident")?),
        "resolve" => resolve(needed(values, "incident")?),
        "restore" => restore(needed(values, "incident")?),
        "audit" => audit(needed(values, "item")?),
        "regress" => regress(needed(values, "item")?),
        "drill" => drill(),
        "reload" => reload(),
        "simulate" => simulate(visitor).await?,
        _ => return Ok(None),
    };
    Ok(Some(plan))
}

async fn stop(visitor: &Visitor) -> Result<Plan, Problem> {
    visitor.caller.all_workflows()?;
    let floor: Floor = visitor.get("/v1/floor?limit=1").await?;
    let above: usize = floor.modes.iter().filter(|(mode, _)| mode.level() > 0).map(|(_, count)| count).sum();
    let plan = Plan::new(
        "Stop everything",
        "Send everything to assist",
        Scope::Operate,
        "/v1/stop".to_owned(),
        "/".to_owned(),
    )
    .so(format!(
        "All {} go to assist now, {above} of which are above it: people think, decide and act, and the AI drafts.",
        super::told::many(floor.workflows, "workflow")
    ))
    .so("Each goes up again only through its promotion gate, a step at a time.")
    .asks(Field::reason("reason", "Why"));
    Ok(plan.grave())
}

async fn vote(visitor: &Visitor, id: &str, approves: bool) -> Result<Plan, Problem> {
    let request: Request = visitor.get(&format!("/v1/requests/{}", escaped(id))).await?;
    let of = request.workflow.as_ref().map_or_else(|| "the whole house".to_owned(), ToString::to_string);
    let (what, path) = (about(&request.ask), format!("/v1/requests/{}/approvals", escaped(id)));
    let back = format!("/gate#{id}");
    let said = format!("{} asked for it: {}", request.by, request.reason);
    let plan = if approves {
        let given = request.approvals.len();
        Plan::new(format!("Approve {id}"), "Approve", Scope::Approve, path, back)
            .so(format!("{of}: {what}."))
            .so(said)
            .so(format!(
                "{given} of {} approvals are given. With the last one it happens at once.",
                request.needs.len()
            ))
            .sends("decision", "approve")
            .asks(Field::line("note", "A remark", "It stands in the ledger; may be left out.").optional())
    } else {
        Plan::new(format!("Reject {id}"), "Reject", Scope::Approve, path, back)
            .so(format!("{of}: {what}."))
            .so(said)
            .so("One rejection ends the request.")
            .sends("decision", "reject")
            .asks(Field::reason("note", "Why"))
    };
    Ok(plan)
}

fn withdraw(id: &str) -> Plan {
    let path = format!("/v1/requests/{}/withdrawal", escaped(id));
    Plan::new(format!("Take {id} back"), "Take it back", Scope::Operate, path, "/gate".to_owned())
        .so("The request ends. Whoever asked for it can ask again.")
        .asks(Field::reason("reason", "Why"))
}

fn incident(id: &str, what: &str) -> (String, String) {
    (format!("/v1/incidents/{}/{what}", escaped(id)), format!("/incidents/{}", escaped(id)))
}

fn acknowledge(id: &str) -> Plan {
    let (path, back) = incident(id, "acknowledge");
    Plan::new(format!("Look at {id}"), "I look at it", Scope::Operate, path, back)
        .so("The others see that you look at it. It stays open until somebody resolves it.")
        .asks(Field::line("note", "A remark", "It stands in the ledger; may be left out.").optional())
}

fn resolve(id: &str) -> Plan {
    let (path, back) = incident(id, "resolve");
    Plan::new(format!("Resolve {id}"), "Resolve", Scope::Operate, path, back)
        .so("The incident is over. What it caps is capped no longer; a mode that was lowered stays where it is until the gate raises it.")
        .asks(Field::reason("note", "What caused it"))
}

fn restore(id: &str) -> Plan {
    let (path, back) = incident(id, "restoration");
    Plan::new(format!("Say that all demotions of {id} were false"), "Ask for their annulment", Scope::Approve, path, back)
        .so("You are the first of two who approve. With the second approval every workflow that the storm lowered goes back to its mode before it.")
        .asks(Field::reason("reason", "Why they were false"))
}

fn audit(item: &str) -> Plan {
    let path = format!("/v1/base/{}/audits", escaped(item));
    Plan::new(format!("Audit {item}"), "Record the audit", Scope::Operate, path, "/base".to_owned())
        .so("The audit stands in the ledger with your name; the next one is due after the declared time.")
        .asks(Field::yes_no("passed", "Is it as it should be?"))
        .asks(Field::reason("note", "What you looked at"))
}

fn regress(item: &str) -> Plan {
    let path = format!("/v1/base/{}/regressions", escaped(item));
    Plan::new(format!("Report that {item} got worse"), "Report it", Scope::Operate, path, "/base".to_owned())
        .so("Every workflow that stands on it is capped until the incident is resolved.")
        .asks(Field::reason("summary", "What is wrong"))
        .grave()
}

fn drill() -> Plan {
    Plan::new("Pull the cord as a drill", "Run the drill", Scope::Operate, "/v1/drills".to_owned(), "/incidents".to_owned())
        .so("A lane of its own is lowered, and each wire from the queue to the readers of modes is looked at. No workflow is touched. It takes a second or so.")
}

/// Workflows that are offered for a simulation.
const OFFERED: usize = 100;

async fn simulate(visitor: &Visitor) -> Result<Plan, Problem> {
    let floor: Floor = visitor.get(&format!("/v1/floor?limit={OFFERED}")).await?;
    let silent = floor.stations.iter().filter(|station| station.last_output_at.is_none());
    let offered: Vec<(&str, &str)> =
        silent.map(|station| (station.workflow.as_str(), station.workflow.as_str())).collect();
    let field = if offered.is_empty() {
        Field::line("workflow", "Workflow", "One that is not declared is taken only where [unknown_workflows] says so.")
    } else {
        Field::choice("workflow", "Workflow", &offered)
    };
    Ok(Plan::new("Run a simulation", "Run it", Scope::Ingest, "/v1/simulations".to_owned(), "/".to_owned())
        .so("For a minute, simulated outputs of the workflow come in: healthy at first, then a new version fails in four of ten.")
        .so("They stay in the journal and count like real ones, so don't do that to a workflow that is to work here one day.")
        .asks(field))
}

fn reload() -> Plan {
    Plan::new("Load the configuration anew", "Load it", Scope::Admin, "/v1/reload".to_owned(), "/policy".to_owned())
        .so("The configuration file and the tokens are read again. With a mistake in them everything stays as it is.")
        .so("What loosens something waits for an approver.")
}
