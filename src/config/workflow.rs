//! Workflows, and the base items that they stand on.
//!
//! Owns what a workflow must say about itself and how workflows may refer to base items and to
//! each other. Its guards are `guard`'s. Must not know the journal: whether an id is new is not seen here.

use super::Files;
use super::once::Once;
use super::section::Section;
use super::values::{self, Read, duration_ms, label, mode, number_in, text, word, wrong};
use super::words::nearest;
use super::{governance, guard, hypothesis, problem::Kind, reference, slo};
use crate::domain::drill::LANE;
use crate::domain::policy::default_block;
use crate::domain::{
    BaseItem, GuardPolicy, Mode, PerMode, ReviewPolicy, Signal, Time, Track, WorkflowId, WorkflowPolicy,
};
use std::collections::BTreeMap;
use toml::de::DeValue;

/// Reads the base items.
pub(super) fn read_base(root: &Section<'_>) -> (BTreeMap<String, BaseItem>, Once) {
    let mut ids = Once::default();
    let mut items = BTreeMap::new();
    for section in root.tables("base", "base") {
        let id = section.read("id", label);
        if let Some(id) = &id {
            ids.check(&section, "id", id, "the base item", "give each base item an id of its own");
        }
        let item = BaseItem {
            owner: section.read("owner", |value| values::name(value, 200)).unwrap_or_default(),
            version: section.read("version", |value| values::name(value, 200)).unwrap_or_default(),
            audit_every_ms: section
                .read("audit_every", |value| duration_ms(value, Time::DAY..=values::YEAR_MS))
                .unwrap_or_default(),
        };
        items.insert(id.unwrap_or_default(), item);
    }
    (items, ids)
}

/// Reads the workflows.
pub(super) fn read_all(
    root: &Section<'_>,
    base: &Once,
    defaults: &governance::Defaults,
    files: Files<'_>,
) -> BTreeMap<WorkflowId, WorkflowPolicy> {
    let sections = root.tables("workflow", "workflow");
    let (mut ids, mut hypotheses) = (Once::default(), Once::default());
    let mut workflows = BTreeMap::new();
    for section in &sections {
        let id = section.read("id", workflow_id);
        if let Some(id) = &id {
            ids.check(section, "id", id.as_str(), "the workflow", "give each workflow an id of its own");
        }
        let mut workflow = read(section, id, base, defaults, files);
        workflow.hypotheses = hypothesis::read_all(section, &mut hypotheses);
        workflows.insert(workflow.id.clone(), workflow);
    }
    check_renames(&sections, &ids);
    workflows
}

/// Reads one workflow. What can't be read gets a stand-in: the problem is noted and the policy never used.
fn read(
    section: &Section<'_>,
    id: Option<WorkflowId>,
    base: &Once,
    defaults: &governance::Defaults,
    files: Files<'_>,
) -> WorkflowPolicy {
    let track = section.read("track", |value| word(value, &[("lab", Track::Lab), ("factory", Track::Factory)]));
    let (start_mode, max_mode) = modes(section, track);
    let review = section.table("review", "workflow.review");
    let governance::Governance { gate, cooldown, readiness, rollback, lapse_on } = governance::read(section, defaults);
    WorkflowPolicy {
        id: id.unwrap_or_else(WorkflowId::unknown),
        track: track.unwrap_or(Track::Factory),
        owner: section.read("owner", text).unwrap_or_default(),
        unit: section.read("unit", |value| values::name(value, 64)).unwrap_or_default(),
        currency: section.read("currency", currency).unwrap_or_default(),
        start_mode,
        max_mode,
        base: base_ids(section, base),
        runbook: section.read("runbook", text).unwrap_or_default(),
        evidence_valid_ms: section.read("evidence_valid", evidence_valid).flatten(),
        review: PerMode::from_fn(|mode| {
            review.read(mode.name(), |value| number_in(value, 0.0..=1.0)).unwrap_or_default()
        }),
        reviewing: reviewing(&review),
        renamed_from: section.read("renamed_from", workflow_id),
        rollback,
        gate,
        cooldown,
        readiness,
        lapse_on,
        hypotheses: Vec::new(),
        slo: slo::read(section),
        reference: reference::read(section),
        guards: guard::read_all(section, files),
    }
}

/// What is asked of reviewers beside the depth of each mode.
fn reviewing(review: &Section<'_>) -> ReviewPolicy {
    ReviewPolicy {
        within_ms: review
            .read("within", |value| values::duration_ms(value, Time::MINUTE..=values::YEAR_MS))
            .unwrap_or_default(),
        twice: review.read("twice", |value| number_in(value, 0.0..=1.0)).unwrap_or_default(),
        cost_per_hour: review.read("cost_per_hour", values::money),
    }
}

/// `start_mode` and `max_mode`, the first not above the second and both within the track.
fn modes(section: &Section<'_>, track: Option<Track>) -> (Mode, Mode) {
    let within_track = |value: &DeValue<'_>| match (mode(value)?, track) {
        (high, Some(Track::Lab)) if high > Mode::Collaborate => wrong(
            format!("can't be \"{high}\": the lab track goes up to collaborate"),
            "write \"collaborate\", or `track = \"factory\"` once it is to earn more trust",
        ),
        (mode, _) => Ok(mode),
    };
    let (start, max) = (section.read("start_mode", within_track), section.read("max_mode", within_track));
    if let (Some(start), Some(max)) = (start, max)
        && start > max
    {
        let help = format!("start at \"{max}\" or below, or raise `max_mode`");
        section.problem("start_mode", format!("`start_mode` {start} is above `max_mode` {max}"), help);
    }
    let highest = if track == Some(Track::Lab) { Mode::Collaborate } else { Mode::Automate };
    (start.unwrap_or_default(), max.unwrap_or(highest))
}

fn workflow_id(value: &DeValue<'_>) -> Read<WorkflowId> {
    let text = text(value)?;
    if text == LANE {
        return wrong(
            format!("can't be {text:?}: andon's own drills run there"),
            "write another name, such as \"drills\"",
        );
    }
    WorkflowId::new(&text).or_else(|rule| {
        let help = match WorkflowId::cleaned(&text) {
            Some(id) => format!("write \"{id}\", for example"),
            None => "write a name such as \"email-drafts\"".into(),
        };
        wrong(format!("can't be {text:?}: it {rule}"), help)
    })
}

fn currency(value: &DeValue<'_>) -> Read<String> {
    let text = text(value)?;
    if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Ok(text);
    }
    let upper = text.to_ascii_uppercase();
    let known_form = upper.len() == 3 && upper.bytes().all(|byte| byte.is_ascii_uppercase());
    let help =
        if known_form { format!("write \"{upper}\"") } else { "write its ISO 4217 code, such as \"EUR\"".into() };
    wrong(format!("must be a currency's three capital letters, not {text:?}"), help)
}

fn evidence_valid(value: &DeValue<'_>) -> Read<Option<i64>> {
    if value.as_str() == Some("never") {
        return Ok(None);
    }
    duration_ms(value, Time::MINUTE..=values::YEAR_MS).map(Some).map_err(|mut wrong| {
        wrong.help.push_str("; \"never\" means that the mode doesn't lapse");
        wrong
    })
}

fn base_ids(section: &Section<'_>, base: &Once) -> Vec<String> {
    let mut listed: Vec<String> = Vec::new();
    for (id, span) in section.list("base", label) {
        if listed.contains(&id) {
            section.sink().push(Kind::Wrong, span, format!("the base item `{id}` stands here twice"), "remove one");
            continue;
        }
        if !base.has(&id) {
            let help = match nearest(&id, base.names()) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("declare it with [[base]] and `id = \"{id}\"`"),
            };
            // With a syntax error elsewhere the declaration may only be unreadable.
            section.sink().push(Kind::Absent, span, format!("there is no base item `{id}`"), help);
        }
        listed.push(id);
    }
    listed
}

/// A history has one heir, and none while its owner is still there.
fn check_renames(sections: &[Section<'_>], ids: &Once) {
    let mut heirs = Once::default();
    for section in sections {
        // What is unreadable here has been noted when the workflow was read.
        let quiet = |key| section.text(key).and_then(|text| WorkflowId::new(text).ok());
        let (id, Some(former)) = (quiet("id"), quiet("renamed_from")) else { continue };
        if id.as_ref() == Some(&former) {
            section.problem(
                "renamed_from",
                "`renamed_from` is the workflow's own id",
                "leave it out, or write its former id",
            );
        } else if ids.has(former.as_str()) {
            let help = "remove that workflow, or leave `renamed_from` out: a history can't go on in two places";
            section.problem("renamed_from", format!("`renamed_from` names `{former}`, which is still declared"), help);
        } else {
            let help = "only one workflow can carry on the history";
            heirs.check(section, "renamed_from", former.as_str(), "the former id", help);
        }
    }
}

/// What every workflow that isn't declared is watched with: at assist, with one mild guard.
pub(super) fn unknown_template() -> WorkflowPolicy {
    const BOUND: f64 = 0.05;
    let signal = Signal::ExceptionRate { kind: None };
    WorkflowPolicy {
        guards: vec![GuardPolicy {
            name: signal.name().into(),
            block: default_block(&signal, BOUND),
            signal,
            bound: PerMode::from_fn(|mode| (mode > Mode::Assist).then_some(BOUND)),
            share: 1.0,
            to: None,
            baseline: None,
        }],
        ..WorkflowPolicy::bare()
    }
}
