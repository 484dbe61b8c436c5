//! The bounds of a statistical guard: one number, or one for each mode above assist.
//!
//! Owns their ranges and their order: never looser in a higher mode. Everything is compared as a
//! share between 0 and 1, where smaller is always stricter. Must not know what a guard looks at.

use super::section::Section;
use super::values::{describe, money, number, wrong};
use crate::domain::{Better, Mode, PerMode, ScoreJudge, Signal};
use toml::de::DeValue;

/// From here on the detector has no alternative left to bet on.
const TESTABLE_MAX: f64 = 0.98;
const ABOVE_ASSIST: [Mode; 3] = [Mode::Collaborate, Mode::Delegate, Mode::Automate];

/// What a bound is measured in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scale {
    /// A share of outputs.
    Share,
    /// Money per unit, up to a cap.
    Cost { cap: f64 },
    /// A mean score on a range.
    Mean { low: f64, high: f64, better: Better },
}

impl Scale {
    /// The scale of a statistical signal.
    pub(super) fn of(signal: &Signal) -> Self {
        match signal {
            Signal::CostPerUnit { cap, .. } => Self::Cost { cap: cap.to_f64() },
            Signal::Score { judge: ScoreJudge::Mean { low, high, better }, .. } => {
                Self::Mean { low: *low, high: *high, better: *better }
            }
            _ => Self::Share,
        }
    }

    /// The bound as the share that the detector tests: 0 allows nothing, 1 allows everything.
    pub(super) fn share(self, bound: f64) -> f64 {
        match self {
            Self::Share => bound,
            Self::Cost { cap } => bound / cap,
            Self::Mean { low, high, better: Better::Lower } => (bound - low) / (high - low),
            Self::Mean { low, high, better: Better::Higher } => (high - bound) / (high - low),
        }
    }

    /// How to keep a bound within this one.
    fn at_least_as_strict(self) -> &'static str {
        match self {
            Self::Mean { better: Better::Higher, .. } => "at least",
            _ => "at most",
        }
    }

    /// Reads and checks one bound.
    fn read(self, value: &DeValue<'_>) -> Result<f64, super::values::Wrong> {
        let bound = match self {
            Self::Cost { .. } => money(value)?.to_f64(),
            _ => number(value)?,
        };
        let share = self.share(bound);
        let written = describe(value);
        if share > 0.0 && share < TESTABLE_MAX {
            return Ok(bound);
        }
        match self {
            Self::Share if (1.0..100.0).contains(&bound) => wrong(
                format!("must be a share greater than 0 and below {TESTABLE_MAX}, not {written}"),
                format!("write {} if you mean {bound} %", bound / 100.0),
            ),
            Self::Share if share > 0.0 && share < 1.0 => wrong(
                format!("is {bound}: from {TESTABLE_MAX} on there is nothing to test"),
                "write the share of outputs that may fail, such as 0.05, or remove the guard",
            ),
            Self::Share => wrong(
                format!("must be a share greater than 0 and below {TESTABLE_MAX}, not {written}"),
                "write the share of outputs that may fail, such as 0.05 for 5 %",
            ),
            Self::Cost { cap } => wrong(
                format!(
                    "must be well below `cap` = {cap}, not {bound}: costs count at most the cap, so nothing could exceed it"
                ),
                format!("raise `cap` to several times the bound, or write a bound below {}", cap * TESTABLE_MAX),
            ),
            Self::Mean { low, high, .. } if share > 0.0 && share < 1.0 => wrong(
                format!("is {bound}: so near the bad end of the range from {low} to {high} there is nothing to test"),
                "write the mean score that must be kept, or narrow the range",
            ),
            Self::Mean { low, high, .. } => wrong(
                format!("must be a mean score between {low} and {high}, not {written}"),
                "write the mean score that must be kept, inside the range",
            ),
        }
    }
}

/// Reads `bound`; `None` where it is missing or wrong, and a problem has been noted.
///
/// A mode without a bound of its own takes that of the next lower mode that has one, so that
/// trust never grows by leaving something out.
pub(super) fn read(guard: &Section<'_>, scale: Scale) -> Option<PerMode<Option<f64>>> {
    if !guard.is_table("bound") {
        let bound = guard.read("bound", |value| match value {
            DeValue::Integer(_) | DeValue::Float(_) | DeValue::String(_) => scale.read(value),
            other => wrong(
                format!("must be a number or a table, not {}", describe(other)),
                "write `bound = 0.05`, or `bound = { automate = 0.005, delegate = 0.02 }`",
            ),
        })?;
        return Some(PerMode::from_fn(|mode| (mode > Mode::Assist).then_some(bound)));
    }
    let before = guard.sink().len();
    let table = guard.table("bound", "workflow.guard.bound");
    let mut bounds = PerMode::from_fn(|mode| match mode {
        Mode::Assist => None,
        mode => table.read(mode.name(), |value| scale.read(value)),
    });
    if guard.sink().len() > before {
        return None;
    }
    let mut lower: Option<(Mode, f64)> = None;
    for mode in ABOVE_ASSIST {
        if let (Some(bound), Some((below, other))) = (*bounds.get(mode), lower)
            && scale.share(bound) > scale.share(other)
        {
            table.problem(
                mode.name(),
                format!("`{mode} = {bound}` is looser than `{below} = {other}`: the more the AI may do, the tighter the bound"),
                format!("write {} {other} for {mode}", scale.at_least_as_strict()),
            );
        }
        lower = bounds.get(mode).map(|bound| (mode, bound)).or(lower);
        *bounds.get_mut(mode) = lower.map(|(_, bound)| bound);
    }
    if lower.is_none() {
        guard.problem(
            "bound",
            "`bound` names no mode",
            "write `bound = 0.05`, or a bound for automate, delegate or collaborate",
        );
    }
    Some(bounds)
}

/// The tightest bound as a share.
pub(super) fn tightest_share(bounds: &PerMode<Option<f64>>, scale: Scale) -> Option<f64> {
    bounds.iter().filter_map(|(_, bound)| bound.map(|bound| scale.share(bound))).reduce(f64::min)
}
