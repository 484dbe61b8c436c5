//! Acts on a hypothesis of the lab.
//!
//! Owns their words and routes.

use super::api::escaped;
use super::form::{Field, Plan, Values, needed};
use crate::domain::Scope;
use crate::domain::hypothesis::{Conclusion, Disposal, FindingKind};
use crate::http::problem::Problem;

/// The act of a name, if it is one of these.
pub(super) fn plan(act: &str, values: &Values) -> Result<Option<Plan>, Problem> {
    let Some(what) = act.strip_prefix("lab-") else { return Ok(None) };
    let id = needed(values, "hypothesis")?;
    let new = |title: String, button, scope, route: &str| {
        let path = format!("/v1/hypotheses/{}/{route}", escaped(id));
        Plan::new(title, button, scope, path, format!("/lab/{}", escaped(id)))
    };
    let plan = match what {
        "start" => new(format!("Start the test of {id}"), "Start", Scope::Operate, "start")
            .so("Its time-box begins now. What is known of an earlier test stays in the ledger.")
            .asks(Field::line("note", "A remark", "It stands in the ledger; may be left out.").optional()),
        "finding" => new(format!("Note a finding of {id}"), "Note it", Scope::Review, "findings")
            .so("Never write down what a user or an output said: describe it.")
            .asks(Field::choice("kind", "What it is", &FindingKind::ALL.map(|kind| (kind.name(), kind.name()))))
            .asks(Field::reason("text", "What was found"))
            .asks(
                Field::line("defect_type", "Type of the defect", "Of defects only, such as `wrong_tone`.").optional(),
            ),
        "decision" => new(format!("Note a decision on {id}"), "Note it", Scope::Operate, "decisions")
            .asks(Field::reason("text", "What was decided")),
        "criterion" => new(format!("Say whether {id} meets a criterion"), "Say so", Scope::Operate, "criteria")
            .sends("criterion", needed(values, "criterion")?)
            .so(needed(values, "criterion")?)
            .asks(Field::yes_no("met", "Is it met?"))
            .asks(Field::reason("note", "What shows it")),
        "risk" => {
            let finding: u64 = needed(values, "finding")?.parse().unwrap_or_default();
            new(format!("Dispose of risk {finding} of {id}"), "Dispose of it", Scope::Approve, "risks")
                .sends("finding", finding)
                .asks(Field::choice("disposal", "How", &Disposal::ALL.map(|how| (how.name(), how.name()))))
                .asks(Field::reason("note", "Why"))
        }
        "sign-off" => new(format!("Sign {id} off"), "Sign off", Scope::Approve, "signoff")
            .so("The test is over. Its owner can't sign it off alone.")
            .asks(Field::choice("conclusion", "Conclusion", &Conclusion::ALL.map(|one| (one.name(), one.name()))))
            .asks(Field::reason("learned", "What was learned")),
        _ => return Ok(None),
    };
    Ok(Some(plan))
}
