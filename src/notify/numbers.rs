//! The numbers of a breach with their units, for people.
//!
//! Owns the units of each signal and the spelling. Reads the numbers, makes none.

use super::message::Message;
use crate::domain::{Breach, WorkflowPolicy};

/// Adds the numbers of a breach to a message.
pub(super) fn add(message: &mut Message, breach: &Breach, policy: Option<&WorkflowPolicy>) {
    let unit = Unit::of(breach, policy);
    message.fact("guard", format!("{} ({})", breach.guard, breach.signal));
    let mut found = unit.show(breach.estimate);
    if let Some([low, high]) = breach.interval {
        found.push_str(&format!(" (95 % interval {} to {})", unit.show(low), unit.show(high)));
    }
    if breach.n > 0 && breach.lane != "limit" {
        let what = match breach.signal.as_str() {
            "disparity" => "exceptions",
            "rejection_rate" => "verdicts",
            _ => "outputs",
        };
        found.push_str(&format!(", over the last {} {what}", breach.n));
    }
    message.fact("found", found);
    let bound = unit.show(breach.bound);
    message.fact("bound", if breach.lane == "limit" { bound } else { format!("{bound} in {}", breach.mode) });
    if let Some(changed_at) = breach.changed_at {
        let between = breach.changed_between.map(|[from, to]| format!(" (between {from} and {to})"));
        message.fact("since about", format!("{changed_at}{}", between.unwrap_or_default()));
    }
    message.fact("what", breach.part.as_deref().unwrap_or_default());
    let carriers = breach.carriers.iter().take(3);
    let carriers = carriers.map(|c| format!("{} ({} of the excess)", c.segment, percent(c.excess_share)));
    message.fact("mainly", carriers.collect::<Vec<_>>().join(", "));
    if let Some(heaviest) = breach.heaviest.first() {
        let trace = heaviest.trace_id.as_ref().map(|id| format!(", trace {id}")).unwrap_or_default();
        message.fact("for example", format!("output {}{trace}", heaviest.id));
    }
}

/// What a guard's numbers are counted in.
enum Unit {
    Share,
    Each { currency: String, unit: String },
    Times,
    Seconds,
    Outputs,
    Plain,
}

impl Unit {
    fn of(breach: &Breach, policy: Option<&WorkflowPolicy>) -> Self {
        match breach.signal.as_str() {
            "exception_rate" | "latency" | "sla" | "rejection_rate" => Self::Share,
            // A score is a share where it has an interval, and a mean of its own scale elsewhere.
            "score" if breach.interval.is_some() => Self::Share,
            "drift" => Self::Share,
            "disparity" => Self::Times,
            "silence" => Self::Seconds,
            "volume" => Self::Outputs,
            "cost_per_unit" => Self::Each {
                currency: policy.map(|policy| policy.currency.clone()).unwrap_or_default(),
                unit: policy.map_or_else(|| "unit".to_owned(), |policy| policy.unit.clone()),
            },
            _ => Self::Plain,
        }
    }

    fn show(&self, value: f64) -> String {
        match self {
            Self::Share => percent(value),
            Self::Each { currency, unit } => format!("{} {currency} per {unit}", number(value)),
            Self::Times => format!("{} times as often as the rest", number(value)),
            Self::Seconds => format!("{} s", number(value)),
            Self::Outputs => format!("{} outputs", number(value)),
            Self::Plain => number(value),
        }
    }
}

fn percent(share: f64) -> String {
    format!("{} %", number(share * 100.0))
}

/// A number with at most four digits after the point and no trailing zeros.
fn number(value: f64) -> String {
    let digits = if value.abs() >= 10.0 { 1 } else { 4 };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}
