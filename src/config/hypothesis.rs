//! Hypotheses of the lab, and how the lab is run.
//!
//! Owns what a hypothesis must say about itself, and its limits. What is done with it is the monitor's;
//! whether its workflow is still in the lab isn't seen here, so one that says `factory` may keep its own.

use super::once::Once;
use super::section::Section;
use super::values::{Read, count, describe, distinct, duration_ms, text, wrong};
use super::words::show_ms;
use crate::domain::hypothesis::{ACTIVE_MAX, DECLARED_BYTES_MAX, ENTRIES_MAX, HYPOTHESES_MAX, TIME_BOX_MS_MAX};
use crate::domain::{Hypothesis, LabPolicy, Time, WorkflowId};
use toml::de::DeValue;

/// The longest sprint, milliseconds.
const SPRINT_MS_MAX: i64 = 28 * Time::DAY;

/// Reads how the house runs its lab.
pub(super) fn read_lab(section: &Section<'_>) -> LabPolicy {
    let active = section.read("active_max", |value| count(value, 1..=ACTIVE_MAX.into()));
    LabPolicy {
        sprint_ms: section.read("sprint", |value| duration_ms(value, Time::DAY..=SPRINT_MS_MAX)).unwrap_or_default(),
        active_max: active.and_then(|count| u32::try_from(count).ok()).unwrap_or_default(),
    }
}

/// Reads the hypotheses of a workflow; `ids` are those of the whole house.
pub(super) fn read_all(workflow: &Section<'_>, ids: &mut Once) -> Vec<Hypothesis> {
    let sections = workflow.tables("hypothesis", "workflow.hypothesis");
    if sections.len() > HYPOTHESES_MAX {
        workflow.problem(
            "hypothesis",
            format!("this workflow has {} hypotheses, at most {HYPOTHESES_MAX} are kept", sections.len()),
            "remove those that are done: what was found stays in the ledger",
        );
    }
    sections.iter().map(|section| read(section, ids)).collect()
}

fn read(section: &Section<'_>, ids: &mut Once) -> Hypothesis {
    let id = section.read("id", id);
    if let Some(id) = &id {
        let help = "give each hypothesis an id of its own, in all workflows: it stands in addresses and in the ledger";
        ids.check(section, "id", id, "the hypothesis", help);
    }
    let short = |key| section.read(key, short).unwrap_or_default();
    let several = |key| section.read(key, several).unwrap_or_default();
    Hypothesis {
        id: id.unwrap_or_default(),
        question: short("question"),
        owner: short("owner"),
        time_box_ms: section.read("time_box", time_box).unwrap_or_default(),
        goals: several("goals"),
        samples: section.read("samples", samples).unwrap_or_default(),
        exit: several("exit"),
    }
}

/// It stands in paths, so it keeps the rule of workflows' ids.
fn id(value: &DeValue<'_>) -> Read<String> {
    let text = text(value)?;
    match WorkflowId::new(&text) {
        Ok(_) => Ok(text),
        Err(rule) => wrong(format!("can't be {text:?}: it {rule}"), "write a name such as \"tone-guide-samples\""),
    }
}

fn short(value: &DeValue<'_>) -> Read<String> {
    match text(value)? {
        text if text.trim().is_empty() || text.len() > DECLARED_BYTES_MAX => {
            wrong(format!("must have 1 to {DECLARED_BYTES_MAX} bytes"), "write it in a short sentence, in quotes")
        }
        text => Ok(text),
    }
}

fn time_box(value: &DeValue<'_>) -> Read<i64> {
    match duration_ms(value, Time::DAY..=super::values::YEAR_MS) {
        Ok(ms) if ms > TIME_BOX_MS_MAX => wrong(
            format!("is {}, and at most {} is possible", show_ms(ms), show_ms(TIME_BOX_MS_MAX)),
            "test less at a time: what three weeks can't answer is more than one hypothesis, or work for the factory",
        ),
        read => read,
    }
}

fn samples(value: &DeValue<'_>) -> Read<String> {
    match text(value) {
        Ok(text) if text.len() > DECLARED_BYTES_MAX => {
            wrong(format!("must have at most {DECLARED_BYTES_MAX} bytes"), "write where the samples are, such as a URL")
        }
        read => read,
    }
}

/// A list of short texts that are all different, at least one.
fn several(value: &DeValue<'_>) -> Read<Vec<String>> {
    let DeValue::Array(entries) = value else {
        return wrong(format!("must be a list, not {}", describe(value)), "put the text in brackets: [\"…\"]");
    };
    let help = match entries.len() {
        1..=ENTRIES_MAX => "",
        0 => "write at least one, so that it can be said what the test taught and whether it is over",
        _ => "write fewer: what needs more is more than one hypothesis",
    };
    if !help.is_empty() {
        return wrong(format!("must have 1 to {ENTRIES_MAX} entries, and has {}", entries.len()), help);
    }
    distinct(entries.iter().map(|entry| short(entry.get_ref())).collect::<Read<_>>()?)
}
