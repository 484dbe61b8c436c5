//! The signals of guards: which keys each of them has and what they must hold.
//!
//! Owns the way from the keys of a guard to a [`Signal`]. Bounds, names and shares are the guard's.
//! Must not know what the monitor makes of a signal.

use super::active::active_hours;
use super::section::Section;
use super::values::{Read, YEAR_MS, count, describe, duration_ms, money, name, number_in, positive, word, wrong};
use crate::domain::event::{DURATION_MS_MAX, NAME_BYTES_MAX, SCORE_MAX, UNITS_MAX};
use crate::domain::{Better, ScoreJudge, Signal, Time};
use toml::de::DeValue;

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
        "silence" => {
            let after_ms = guard.read("after", |value| duration_ms(value, Time::SECOND..=YEAR_MS));
            let active = active_hours(guard);
            Signal::Silence { after_ms: after_ms?, active }
        }
        "limit" => limit(guard)?,
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
