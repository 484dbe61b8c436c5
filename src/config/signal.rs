//! The signals of guards: which keys each of them has and what they must hold.
//!
//! Owns the way from the keys of a guard to a [`Signal`]. Bounds, names and shares are the guard's.
//! Must not know what the monitor makes of a signal.

use super::active::{active_hours, longest_ms};
use super::section::Section;
use super::values::{Read, YEAR_MS, count, describe, duration_ms, money, name, number_in, positive, word, wrong};
use super::words::{nearest, show_ms};
use crate::domain::alert::{ALERT_NAME_BYTES_MAX, Alert};
use crate::domain::event::{DURATION_MS_MAX, NAME_BYTES_MAX, SCORE_MAX, UNITS_MAX};
use crate::domain::{Better, DriftOf, ScoreJudge, Signal, Time};
use toml::de::DeValue;

/// Most outputs that a guard on the volume may ask for.
const VOLUME_MAX: u64 = 1_000_000_000;
/// Longest sliding window of a limit; what happened in it is kept in memory.
const WINDOW_MS_MAX: i64 = 30 * Time::DAY;

/// Reads the keys of a signal; `None` where one is missing or wrong, and a problem has been noted.
pub(super) fn read(guard: &Section<'_>, signal: &str) -> Option<Signal> {
    let limit_ms = || guard.read("limit_ms", |value| positive(value, DURATION_MS_MAX));
    let clean = guard.sink().len();
    let signal = match signal {
        "exception_rate" => Signal::ExceptionRate { kind: kind(guard) },
        "latency" => Signal::Latency { limit_ms: limit_ms()? },
        "sla" => Signal::Sla { limit_ms: limit_ms() },
        "cost_per_unit" => {
            // Both are read before either may end it: every problem is to be found at once.
            let (cap, units_max) =
                (guard.read("cap", money), guard.read("units_max", |value| positive(value, UNITS_MAX)));
            Signal::CostPerUnit { cap: cap?, units_max: units_max? }
        }
        "score" => score(guard)?,
        "rejection_rate" => Signal::RejectionRate,
        "drift" => Signal::Drift { of: guard.read("of", drift_of)? },
        "disparity" => Signal::Disparity { attribute: guard.read("attribute", attribute)? },
        "volume" => volume(guard)?,
        "silence" => {
            let after_ms = guard.read("after", |value| duration_ms(value, Time::SECOND..=YEAR_MS));
            let active = active_hours(guard);
            Signal::Silence { after_ms: after_ms?, active }
        }
        "limit" => limit(guard)?,
        "external" => Signal::External { of: guard.read("of", alert) },
        _ => return None,
    };
    (guard.sink().len() == clean).then_some(signal)
}

fn kind(section: &Section<'_>) -> Option<String> {
    section.read("kind", |value| name(value, NAME_BYTES_MAX))
}

fn score(guard: &Section<'_>) -> Option<Signal> {
    let of = guard.read("of", |value| {
        let text = name(value, NAME_BYTES_MAX + "scores.".len())?;
        match text.strip_prefix("scores.") {
            Some(name) if !name.is_empty() => Ok(name.to_owned()),
            _ => wrong(
                format!("must name a score, not {}", describe(value)),
                format!("write \"scores.{}\"", text.trim_start_matches("scores.")),
            ),
        }
    });
    let judge = judge(guard);
    Some(Signal::Score { of: of?, judge: judge? })
}

/// Exactly one of `below`, `above` and `range`.
fn judge(guard: &Section<'_>) -> Option<ScoreJudge> {
    let limit = |key| guard.read(key, |value| number_in(value, -SCORE_MAX..=SCORE_MAX));
    let chosen = one_of(guard, &["below", "above", "range"], "below = 0.7")?;
    if chosen != "range" && guard.has("better") {
        guard.problem("better", format!("`better` has no meaning with `{chosen}`"), "leave it out");
    }
    match chosen {
        "below" => Some(ScoreJudge::Below { limit: limit("below")? }),
        "above" => Some(ScoreJudge::Above { limit: limit("above")? }),
        _ => {
            let range = guard.read("range", range);
            if !guard.has("better") {
                let help = "add `better = \"higher\"` for quality, or `better = \"lower\"` for something like toxicity";
                guard.missing(&["better"], "a guard on the mean score doesn't say which direction is good", help);
            }
            let words = [("higher", Better::Higher), ("lower", Better::Lower)];
            let better = guard.read("better", |value| word(value, &words));
            let (low, high) = range?;
            Some(ScoreJudge::Mean { low, high, better: better? })
        }
    }
}

fn range(value: &DeValue<'_>) -> Read<(f64, f64)> {
    const HELP: &str = "write the smallest and the largest score, such as [0, 1]";
    match value.as_array().map(|ends| ends.iter().collect::<Vec<_>>()).as_deref() {
        Some([low, high]) => {
            let low = number_in(low.get_ref(), -SCORE_MAX..=SCORE_MAX)?;
            let high = number_in(high.get_ref(), -SCORE_MAX..=SCORE_MAX)?;
            if low < high { Ok((low, high)) } else { wrong("must begin with its smaller end", HELP) }
        }
        Some(_) => wrong("must be a list of two numbers", HELP),
        None => wrong(format!("must be a list of two numbers, not {}", describe(value)), HELP),
    }
}

/// A number or a category of outputs.
fn drift_of(value: &DeValue<'_>) -> Read<DriftOf> {
    const PREFIX_BYTES_MAX: usize = "attributes.".len();
    let text = name(value, NAME_BYTES_MAX + PREFIX_BYTES_MAX)?;
    let within = |name: &str| (1..=NAME_BYTES_MAX).contains(&name.len());
    match (text.as_str(), text.split_once('.')) {
        ("latency_ms", _) => Ok(DriftOf::LatencyMs),
        ("cycle_ms", _) => Ok(DriftOf::CycleMs),
        ("cost_per_unit", _) => Ok(DriftOf::CostPerUnit),
        (_, Some(("scores", name))) if within(name) => Ok(DriftOf::Score(name.to_owned())),
        (_, Some(("attributes", name))) if within(name) => Ok(DriftOf::Attribute(name.to_owned())),
        _ => {
            let words = ["latency_ms", "cycle_ms", "cost_per_unit"];
            let near =
                words.into_iter().find(|word| word.starts_with(&text)).or_else(|| nearest(&text, words.into_iter()));
            let help = match near {
                Some(near) => format!("did you mean \"{near}\"?"),
                None if text.contains('.') => "write \"scores.brand_fit\" or \"attributes.locale\", for example".into(),
                None => format!("write \"scores.{text}\" or \"attributes.{text}\""),
            };
            let choice = "a score, an attribute, \"latency_ms\", \"cycle_ms\" or \"cost_per_unit\"";
            wrong(format!("must be {choice}, not {}", describe(value)), help)
        }
    }
}

/// The name of an attribute; here nothing else could be meant, so it has no prefix.
fn attribute(value: &DeValue<'_>) -> Read<String> {
    let name = name(value, NAME_BYTES_MAX)?;
    match name.strip_prefix("attributes.") {
        None => Ok(name),
        Some(bare) => wrong(
            format!("must be the name of an attribute alone, not {}", describe(value)),
            format!("write \"{}\"", if bare.is_empty() { "locale" } else { bare }),
        ),
    }
}

/// The name of an alert, as its rule has it.
fn alert(value: &DeValue<'_>) -> Read<String> {
    let name = name(value, ALERT_NAME_BYTES_MAX)?;
    if Alert::is_name(&name) {
        return Ok(name);
    }
    wrong("can't be the name of an alert", "write what stands behind `alert:` in its rule, such as \"CrmErrorsHigh\"")
}

/// At least one of `min` and `max` outputs in each interval.
fn volume(guard: &Section<'_>) -> Option<Signal> {
    let per_ms = guard.read("per", |value| duration_ms(value, Time::MINUTE..=7 * Time::DAY));
    let limit = |key| guard.read(key, |value| count(value, 1..=VOLUME_MAX));
    let (min, max) = (limit("min"), limit("max"));
    let active = active_hours(guard);
    if !guard.has("min") && !guard.has("max") {
        let help = "add `min = 1` for too few outputs, `max = 1000` for too many, or both";
        guard.missing(&["min", "max"], "this guard on volume has neither `min` nor `max`", help);
    }
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        let help = format!("write at least {min}, or lower `min`");
        guard.problem("max", format!("`max` = {max} is smaller than `min` = {min}"), help);
    }
    if !guard.has("min") && guard.has("max") {
        for key in ["active_hours", "active_days"].into_iter().filter(|key| guard.has(key)) {
            let help = "leave it out: too many outputs are too many at any time; or add `min`";
            guard.problem(key, format!("`{key}` has no meaning without `min`"), help);
        }
    }
    if let (Some(active), Some(per_ms), Some(_)) = (&active, per_ms, min)
        && longest_ms(active) < per_ms
    {
        let help = format!("write at most \"{}\", or longer active hours", show_ms(longest_ms(active)));
        guard.problem("per", "`per` is longer than the active hours, so `min` would never be asked for", help);
    }
    Some(Signal::Volume { min, max, per_ms: per_ms?, active })
}

/// Exactly one of `spend` and `exceptions`.
fn limit(guard: &Section<'_>) -> Option<Signal> {
    match one_of(guard, &["spend", "exceptions"], "spend = { amount = 200, per = \"24h\" }")? {
        "spend" => {
            let table = guard.table("spend", "workflow.guard.spend");
            let (amount, per_ms) = (table.read("amount", money), window(&table));
            Some(Signal::SpendLimit { amount: amount?, per_ms: per_ms? })
        }
        _ => {
            let table = guard.table("exceptions", "workflow.guard.exceptions");
            let (kind, per_ms) = (kind(&table), window(&table));
            let count = table.read("count", |value| count(value, 1..=10_000));
            Some(Signal::ExceptionLimit { kind, count: u32::try_from(count?).ok()?, per_ms: per_ms? })
        }
    }
}

fn window(table: &Section<'_>) -> Option<i64> {
    table.read("per", |value| duration_ms(value, Time::SECOND..=WINDOW_MS_MAX))
}

/// The one key of several that is there; none and more than one are problems.
fn one_of(guard: &Section<'_>, keys: &[&'static str], example: &str) -> Option<&'static str> {
    let quoted: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
    let choice = super::words::either(&quoted);
    let mut there = keys.iter().filter(|key| guard.has(key));
    let Some(chosen) = there.next() else {
        let help = format!("add one of them, such as `{example}`");
        guard.missing(keys, format!("this guard has none of {choice}"), help);
        return None;
    };
    let mut single = true;
    for extra in there {
        single = false;
        guard.problem(
            extra,
            format!("`{extra}` and `{chosen}` can't stand together"),
            format!("keep one of {choice}; a second guard may have the other"),
        );
    }
    single.then_some(*chosen)
}
