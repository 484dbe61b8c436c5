//! The gate, the checklists and the rules after a demotion: for the house, and for one workflow.
//!
//! Owns that a workflow says only what is different for it. What the numbers mean is the domain's.

use super::hypothesis::read_lab;
use super::section::Section;
use super::values::{self, Read, count, describe, distinct, duration_ms, mode, money, number_in, text, word, wrong};
use crate::domain::{
    CooldownPolicy, GatePolicy, HousePolicy, LapseOn, Mode, PerMode, ReadinessPolicy, StormPolicy, Time,
};
use toml::de::DeValue;

/// Most entries of a list of roles or of a checklist.
const ENTRIES_MAX: usize = 30;

/// What holds for every workflow that doesn't say otherwise.
pub(super) struct Defaults {
    gate: PerMode<GatePolicy>,
    cooldown: CooldownPolicy,
    readiness: ReadinessPolicy,
}

/// What a workflow says of its governance.
pub(super) struct Governance {
    pub(super) gate: PerMode<GatePolicy>,
    pub(super) cooldown: CooldownPolicy,
    pub(super) readiness: ReadinessPolicy,
    pub(super) rollback: String,
    pub(super) lapse_on: Vec<LapseOn>,
}

/// Reads the sections of the house.
pub(super) fn read_defaults(root: &Section<'_>) -> Defaults {
    Defaults {
        gate: gate(&root.table("gate", "gate"), &GatePolicy::defaults()),
        cooldown: cooldown(&root.table("cooldown", "cooldown"), CooldownPolicy::default()),
        readiness: readiness(&root.table("readiness", "readiness"), &ReadinessPolicy::default()),
    }
}

/// Reads what a workflow says, on top of what holds for all.
pub(super) fn read(workflow: &Section<'_>, defaults: &Defaults) -> Governance {
    let gate_section = workflow.table("gate", "workflow.gate");
    let mut gate = gate(&gate_section, &defaults.gate);
    if let Some(amounts) = gate_section.read("cost_per_unit", |value| per_mode(value, money)) {
        gate = with(gate, amounts, |gate, amount| gate.cost_per_unit_max = Some(amount));
    }
    Governance {
        gate,
        cooldown: cooldown(&workflow.table("cooldown", "workflow.cooldown"), defaults.cooldown),
        readiness: readiness(&workflow.table("readiness", "workflow.readiness"), &defaults.readiness),
        rollback: workflow.read("rollback", text).unwrap_or_default(),
        lapse_on: workflow.read("lapse_on", |value| list(value, lapse_on)).unwrap_or_default(),
    }
}

/// Reads what concerns more than one workflow; the base items come in separately.
pub(super) fn read_house(root: &Section<'_>) -> HousePolicy {
    let (governance, storm) = (root.table("governance", "governance"), root.table("storm", "storm"));
    let waits = governance.read("loosening", |value| word(value, &[("approve", true), ("apply", false)]));
    HousePolicy {
        loosening_waits: waits.unwrap_or(true),
        storm: StormPolicy {
            share: storm.read("share", |value| number_in(value, 0.0..=1.0)).unwrap_or_default(),
            workflows_min: storm.read("workflows_min", |value| small(value, 2..=100_000)).unwrap_or_default(),
            within_ms: storm
                .read("within", |value| duration_ms(value, Time::MINUTE..=7 * Time::DAY))
                .unwrap_or_default(),
        },
        base: std::collections::BTreeMap::new(),
        regression_cap: governance.read("regression_cap", mode).unwrap_or_default(),
        lab: read_lab(&root.table("lab", "lab")),
    }
}

/// The gate of a section; what it leaves out is as in `base`.
fn gate(section: &Section<'_>, base: &PerMode<GatePolicy>) -> PerMode<GatePolicy> {
    let mut gate = base.clone();
    let long = |value: &DeValue<'_>| duration_ms(value, 0..=values::YEAR_MS);
    let share = |value: &DeValue<'_>| number_in(value, 0.0..=1.0);
    macro_rules! read {
        ($key:literal, $field:ident, $parse:expr) => {
            if let Some(values) = section.read($key, |value| per_mode(value, $parse)) {
                gate = with(gate, values, |gate, value| gate.$field = value);
            }
        };
    }
    read!("outputs", outputs_min, |value| count(value, 1..=1_000_000_000));
    read!("days", days_min, |value| small(value, 0..=365));
    read!("time_in_mode", time_in_mode_ms, long);
    read!("quiet", quiet_ms, long);
    read!("confidence", confidence, |value| number_in(value, 0.5..=0.999_999));
    read!("spread", spread, |value| number_in(value, 0.001..=1.0));
    read!("ran_in_mode", ran_in_mode_min, share);
    read!("reviewed", reviewed_min, share);
    read!("sla", sla_min, |value| share(value).map(Some));
    read!("approvals", approvals, approvals);
    read!("request_valid", request_valid_ms, |value| duration_ms(value, Time::MINUTE..=values::YEAR_MS));
    read!("probation_outputs", probation_outputs, |value| count(value, 0..=1_000_000_000));
    gate
}

/// The values that are there, each into the gate of its mode.
fn with<T>(
    gate: PerMode<GatePolicy>,
    values: PerMode<Option<T>>,
    set: impl Fn(&mut GatePolicy, T),
) -> PerMode<GatePolicy> {
    let mut gate = gate;
    let PerMode { collaborate, delegate, automate, .. } = values;
    for (mode, value) in [(Mode::Collaborate, collaborate), (Mode::Delegate, delegate), (Mode::Automate, automate)] {
        if let Some(value) = value {
            set(gate.get_mut(mode), value);
        }
    }
    gate
}

fn cooldown(section: &Section<'_>, base: CooldownPolicy) -> CooldownPolicy {
    let time = |key, default| section.read(key, |value| duration_ms(value, 0..=values::YEAR_MS)).unwrap_or(default);
    let cooldown = CooldownPolicy {
        first_ms: time("first", base.first_ms),
        max_ms: time("max", base.max_ms),
        within_ms: time("within", base.within_ms),
    };
    if cooldown.max_ms < cooldown.first_ms {
        let key = if section.has("max") { "max" } else { "first" };
        section.problem(key, "`max` is shorter than `first`", "let `max` be as long as `first` or longer");
    }
    cooldown
}

fn readiness(section: &Section<'_>, base: &ReadinessPolicy) -> ReadinessPolicy {
    let items = |key: &str, default: &[String]| {
        section.read(key, |value| list(value, values::label)).unwrap_or_else(|| default.to_vec())
    };
    let valid = section.read("valid", |value| duration_ms(value, Time::DAY..=10 * values::YEAR_MS));
    ReadinessPolicy {
        base: items("base", &base.base),
        builder: items("builder", &base.builder),
        beneficiary: items("beneficiary", &base.beneficiary),
        lab: items("lab", &base.lab),
        valid_ms: valid.unwrap_or(base.valid_ms),
    }
}

/// One value for every mode above assist, or a table with a value for some of them.
fn per_mode<T: Clone>(value: &DeValue<'_>, parse: impl Fn(&DeValue<'_>) -> Read<T>) -> Read<PerMode<Option<T>>> {
    let DeValue::Table(table) = value else {
        let value = parse(value)?;
        return Ok(PerMode::from_fn(|mode| (mode > Mode::Assist).then(|| value.clone())));
    };
    let mut values = PerMode::from_fn(|_| None);
    for (key, spanned) in table {
        let mode: Mode = match key.get_ref().parse() {
            Ok(Mode::Assist) | Err(_) => {
                return wrong(
                    format!("has a value for `{}`, which is no mode that a gate leads to", key.get_ref()),
                    "write one value, or a table with collaborate, delegate and automate",
                );
            }
            Ok(mode) => mode,
        };
        *values.get_mut(mode) = Some(parse(spanned.get_ref())?);
    }
    Ok(values)
}

/// A list of different entries.
fn list<T: PartialEq>(value: &DeValue<'_>, parse: impl Fn(&DeValue<'_>) -> Read<T>) -> Read<Vec<T>> {
    distinct(entries(value, parse)?)
}

fn entries<T>(value: &DeValue<'_>, parse: impl Fn(&DeValue<'_>) -> Read<T>) -> Read<Vec<T>> {
    match value {
        DeValue::Array(entries) if entries.len() <= ENTRIES_MAX => {
            entries.iter().map(|entry| parse(entry.get_ref())).collect()
        }
        DeValue::Array(_) => wrong(format!("has more than {ENTRIES_MAX} entries"), "write fewer"),
        value => wrong(format!("must be a list, not {}", describe(value)), "put the value in brackets: […]"),
    }
}

/// Roles, one for each approval: here the same one may stand twice. At least one: up is human.
fn approvals(value: &DeValue<'_>) -> Read<Vec<String>> {
    let roles = entries(value, values::label)?;
    if roles.is_empty() {
        return wrong("is empty: up goes only with people's approval", "write [\"any\"] if one person's is enough");
    }
    Ok(roles)
}

fn lapse_on(value: &DeValue<'_>) -> Read<LapseOn> {
    let text = text(value)?;
    match text.as_str() {
        "version" => Ok(LapseOn::Version),
        "model" => Ok(LapseOn::Model),
        "base" => Ok(LapseOn::Base),
        text => match text.strip_prefix("attributes.").filter(|name| !name.is_empty()) {
            Some(name) => Ok(LapseOn::Attribute(name.to_owned())),
            None => wrong(
                format!("can't hold {text:?}"),
                "write \"version\", \"model\", \"base\", or an attribute such as \"attributes.prompt\"",
            ),
        },
    }
}

fn small(value: &DeValue<'_>, range: std::ops::RangeInclusive<u64>) -> Read<u32> {
    count(value, range).map(|count| u32::try_from(count).unwrap_or(u32::MAX))
}
