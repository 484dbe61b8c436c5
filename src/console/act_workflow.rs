//! Acts on one workflow: lower, hold, ask for a promotion, say that a demotion was false.
//!
//! Owns their words and routes.

use super::api::escaped;
use super::door::Visitor;
use super::form::{Field, Plan, Values, needed};
use crate::domain::{Gate, Mode, Scope, Standing};
use crate::http::lease::ModeAnswer;
use crate::http::problem::Problem;

/// The act of a name, if it is one of these.
pub(super) async fn plan(visitor: &Visitor, act: &str, values: &Values) -> Result<Option<Plan>, Problem> {
    let plan = match act {
        "lower" => lower(visitor, values).await?,
        "hold" => hold(needed(values, "workflow")?),
        "release" => release(needed(values, "workflow")?),
        "promote" => promote(visitor, values).await?,
        "annul" => annul(needed(values, "workflow")?),
        "answer" => answer(needed(values, "workflow")?, needed(values, "item")?),
        "relearn" => relearn(needed(values, "workflow")?, needed(values, "guard")?),
        _ => return Ok(None),
    };
    Ok(Some(plan))
}

fn page(workflow: &str) -> String {
    format!("/workflows/{}", escaped(workflow))
}

fn route(workflow: &str, what: &str) -> String {
    format!("/v1/workflows/{}/{what}", escaped(workflow))
}

async fn lower(visitor: &Visitor, values: &Values) -> Result<Plan, Problem> {
    let workflow = needed(values, "workflow")?;
    let now: ModeAnswer = visitor.get(&route(workflow, "mode")).await?;
    let below: Vec<(&str, &str)> = now.mode.granted.below().map(|mode| (mode.name(), mode.name())).collect();
    let (title, path) = (format!("Lower {workflow}"), route(workflow, "mode"));
    let plan = Plan::new(title, "Lower the mode", Scope::Operate, path, page(workflow))
        .so(format!(
            "{workflow} is in {} now. It is lowered at once; whoever reads its mode obeys within {} s.",
            now.mode.granted,
            now.valid_for_seconds.ceil()
        ))
        .so("Up again it goes only through the promotion gate, a step at a time.")
        .asks(Field::choice("mode", "Lower to", &below))
        .asks(Field::reason("reason", "Why"));
    Ok(plan.grave())
}

fn hold(workflow: &str) -> Plan {
    Plan::new(format!("Hold {workflow}"), "Hold", Scope::Operate, route(workflow, "mode"), page(workflow))
        .so("Its mode stays as it is, and nothing raises it until somebody releases it. Guards go on lowering it.")
        .sends("hold", true)
        .asks(Field::reason("reason", "Why"))
}

fn release(workflow: &str) -> Plan {
    Plan::new(format!("Release {workflow}"), "Release", Scope::Operate, route(workflow, "mode"), page(workflow))
        .so("Its mode stays as it is; promotions can be asked for again.")
        .sends("hold", false)
        .asks(Field::reason("reason", "Why"))
}

async fn promote(visitor: &Visitor, values: &Values) -> Result<Plan, Problem> {
    let workflow = needed(values, "workflow")?;
    let to = values.get("to").map(|to| format!("?to={}", escaped(to))).unwrap_or_default();
    let gate: Gate = visitor.get(&format!("{}{to}", route(workflow, "gate"))).await?;
    let met = gate.requirements.iter().filter(|one| one.standing == Standing::Met).count();
    let approvals = match gate.approvals_needed.as_slice() {
        [] => "Nobody needs to approve it.".to_owned(),
        needed => {
            format!("It takes {} of other people: {}.", super::told::many(needed.len(), "approval"), needed.join(", "))
        }
    };
    let back = format!("{}/gate", page(workflow));
    Ok(Plan::new(
        format!("Ask for {workflow} to rise to {}", gate.to),
        "Ask for it",
        Scope::Operate,
        "/v1/promotions".to_owned(),
        back,
    )
    .so(format!("{met} of {} requirements are met. The evidence is frozen with the request.", gate.requirements.len()))
    .so(approvals)
    .so("If a guard is breached meanwhile, the request ends.")
    .sends("workflow", workflow)
    .sends("to", gate.to.name())
    .asks(Field::reason("reason", "Why, for the board"))
    .asks(Field::line("funding", "What the decision funds", "May be left out.").optional()))
}

fn annul(workflow: &str) -> Plan {
    let title = format!("Say that the last demotion of {workflow} was false");
    Plan::new(title, "Ask for its annulment", Scope::Approve, route(workflow, "annulments"), page(workflow))
        .so("You are the first of two who approve. With the second approval the workflow goes back to the mode before.")
        .so("It then counts as a false demotion, against the declared budget.")
        .asks(Field::reason("reason", "Why it was false"))
}

fn answer(workflow: &str, item: &str) -> Plan {
    let back = format!("{}/gate", page(workflow));
    Plan::new(format!("{workflow}: {item}"), "Answer", Scope::Operate, route(workflow, "readiness"), back)
        .so("Your answer holds for the declared time, and stands in the ledger with your name.")
        .sends("item", item)
        .asks(Field::yes_no("ready", "Is it ready?"))
        .asks(Field::reason("note", "What shows it: a link, a remark"))
}

fn relearn(workflow: &str, guard: &str) -> Plan {
    let path = route(workflow, &format!("guards/{}/baseline", escaped(guard)));
    Plan::new(format!("Have {guard} of {workflow} learn anew"), "Forget and learn", Scope::Operate, path, page(workflow))
        .so("It forgets what it knows, and judges nothing until it has learned what is normal from the outputs that come now.")
        .so(format!("Above {}, that waits for an approver.", Mode::Assist))
        .asks(Field::reason("reason", "Why"))
        .grave()
}
