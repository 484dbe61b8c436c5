//! The bounds of a statistical guard: one number, or one for each mode above assist.
//!
//! Owns their ranges and their order: never looser in a higher mode. Everything is compared as a
//! share between 0 and 1, where smaller is always stricter. A guard that learns what is normal has
//! a tolerance or a ratio in the place of a bound. Must not know what a guard looks at.

use super::section::Section;
use super::values::{Read, describe, money, number, wrong};
use crate::domain::{Better, Mode, PerMode, ScoreJudge, Signal};
use crate::stats::bets::{BOUND_MAX, BOUND_MIN};
use toml::de::DeValue;

/// Tolerances lie below this: nothing normal leaves room for more.
const TOLERANCE_MAX: f64 = 0.9;
/// Largest ratio of a disparity.
const RATIO_MAX: f64 = 100.0;
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
    /// A share of outputs beyond a learned one.
    Tolerance,
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
            Self::Share | Self::Tolerance => bound,
            Self::Cost { cap } => bound / cap,
            Self::Mean { low, high, better: Better::Lower } => (bound - low) / (high - low),
            Self::Mean { low, high, better: Better::Higher } => (high - bound) / (high - low),
        }
    }

    /// Where it is written: the key, and the name of its table.
    const fn key(self) -> (&'static str, &'static str) {
        match self {
            Self::Tolerance => ("tolerance", "workflow.guard.tolerance"),
            _ => ("bound", "workflow.guard.bound"),
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
    fn read(self, value: &DeValue<'_>) -> Read<f64> {
        if self == Self::Tolerance {
            return tolerance(value, 0.0);
        }
        let bound = match self {
            Self::Cost { .. } => money(value)?.to_f64(),
            _ => number(value)?,
        };
        let share = self.share(bound);
        let written = describe(value);
        if (BOUND_MIN..BOUND_MAX).contains(&share) {
            return Ok(bound);
        }
        match self {
            Self::Share if share > 0.0 && share < BOUND_MIN => wrong(
                format!("is {bound}: below {BOUND_MIN} no budget can tell what happens from what never happens"),
                format!("write {BOUND_MIN} or more, or remove the guard"),
            ),
            Self::Cost { cap } if share > 0.0 && share < BOUND_MIN => wrong(
                format!("is {bound}, less than {BOUND_MIN} of `cap` = {cap}: a single output would drown all others"),
                format!("lower `cap`, for example to {}", 20.0 * bound),
            ),
            Self::Mean { low, high, .. } if share > 0.0 && share < BOUND_MIN => wrong(
                format!("is {bound}: so near the good end of the range from {low} to {high} it asks for perfection"),
                "write the mean score that must be kept, a little further from that end",
            ),
            Self::Share if (1.0..100.0).contains(&bound) => wrong(
                format!("must be a share of at least {BOUND_MIN} and below {BOUND_MAX}, not {written}"),
                format!("write {} if you mean {bound} %", bound / 100.0),
            ),
            Self::Share if share > 0.0 && share < 1.0 => wrong(
                format!("is {bound}: from {BOUND_MAX} on there is nothing to test"),
                "write the share of outputs that may fail, such as 0.05, or remove the guard",
            ),
            Self::Share | Self::Tolerance => wrong(
                format!("must be a share of at least {BOUND_MIN} and below {BOUND_MAX}, not {written}"),
                "write the share of outputs that may fail, such as 0.05 for 5 %",
            ),
            Self::Cost { cap } => wrong(
                format!(
                    "must be well below `cap` = {cap}, not {bound}: costs count at most the cap, so nothing could exceed it"
                ),
                format!("raise `cap` to several times the bound, or write a bound below {}", cap * BOUND_MAX),
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

/// Reads `bound`, or `tolerance` on its scale; `None` where it is missing or wrong, and a problem
/// has been noted. No bound is at or below `to`.
///
/// A mode without a bound of its own takes that of the next lower mode that has one, so that
/// trust never grows by leaving something out.
pub(super) fn read(guard: &Section<'_>, scale: Scale, to: Mode) -> Option<PerMode<Option<f64>>> {
    let (key, name) = scale.key();
    if !guard.is_table(key) {
        let bound = guard.read(key, |value| match value {
            DeValue::Integer(_) | DeValue::Float(_) | DeValue::String(_) => scale.read(value),
            other => wrong(
                format!("must be a number or a table, not {}", describe(other)),
                format!("write `{key} = 0.05`, or `{key} = {{ automate = 0.005, delegate = 0.02 }}`"),
            ),
        })?;
        return Some(above(to, bound));
    }
    let before = guard.sink().len();
    let table = guard.table(key, name);
    let mut bounds = PerMode::from_fn(|mode| match mode {
        Mode::Assist => None,
        mode => table.read(mode.name(), |value| scale.read(value)),
    });
    for mode in ABOVE_ASSIST.into_iter().filter(|mode| *mode <= to && table.has(mode.name())) {
        let message = format!("`{mode}` isn't above `to` = {to}, and only there does this guard bind");
        table.problem(mode.name(), message, "leave it out, or lower `to`");
    }
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
                format!("`{mode} = {bound}` is looser than `{below} = {other}`: the more the AI may do, the tighter the {key}"),
                format!("write {} {other} for {mode}", scale.at_least_as_strict()),
            );
        }
        lower = bounds.get(mode).map(|bound| (mode, bound)).or(lower);
        *bounds.get_mut(mode) = lower.map(|(_, bound)| bound);
    }
    if lower.is_none() {
        guard.problem(
            key,
            format!("`{key}` names no mode"),
            format!("write `{key} = 0.05`, or a {key} for automate, delegate or collaborate"),
        );
    }
    Some(bounds)
}

/// Reads the tolerance of a drift guard; like its kin it binds only above `to`.
pub(super) fn distance(guard: &Section<'_>, to: Mode) -> Option<PerMode<Option<f64>>> {
    let distance = guard.read("tolerance", |value| single(value, |value| tolerance(value, f64::MIN_POSITIVE)))?;
    Some(above(to, distance))
}

/// Reads the ratio of a disparity guard.
pub(super) fn ratio(guard: &Section<'_>, to: Mode) -> Option<PerMode<Option<f64>>> {
    let ratio = guard.read("ratio", |value| {
        single(value, |value| match number(value)? {
            ratio if ratio > 1.0 && ratio <= RATIO_MAX => Ok(ratio),
            _ => wrong(
                format!("must be greater than 1 and at most {RATIO_MAX}, not {}", describe(value)),
                "write how many times as often as the others a group may fail, such as 1.25",
            ),
        })
    })?;
    Some(above(to, ratio))
}

/// The same number for every mode above `to`.
fn above(to: Mode, bound: f64) -> PerMode<Option<f64>> {
    PerMode::from_fn(|mode| (mode > to).then_some(bound))
}

/// One number, and no table of modes.
fn single(value: &DeValue<'_>, parse: impl FnOnce(&DeValue<'_>) -> Read<f64>) -> Read<f64> {
    match value {
        DeValue::Table(_) => wrong(
            "must be one number here, not a table",
            "write the number for all modes; a second guard with another `name` and `to` may be tighter",
        ),
        value => parse(value),
    }
}

/// A tolerance of at least `least`, which is 0 or next to it.
fn tolerance(value: &DeValue<'_>, least: f64) -> Read<f64> {
    let tolerance = number(value)?;
    if tolerance >= least && tolerance < TOLERANCE_MAX {
        return Ok(tolerance);
    }
    let from = if least > 0.0 { "greater than 0" } else { "at least 0" };
    let help = match tolerance {
        percent if (1.0..90.0).contains(&percent) => format!("write {} if you mean {percent} %", percent / 100.0),
        _ => "write how far from the baseline is still all right, such as 0.05".into(),
    };
    wrong(format!("must be {from} and below {TOLERANCE_MAX}, not {}", describe(value)), help)
}

/// The tightest bound as a share.
pub(super) fn tightest_share(bounds: &PerMode<Option<f64>>, scale: Scale) -> Option<f64> {
    bounds.iter().filter_map(|(_, bound)| bound.map(|bound| scale.share(bound))).reduce(f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> DeValue<'_> {
        DeValue::parse(text).unwrap().into_inner()
    }

    #[test]
    fn tolerances() {
        for (text, share, drift) in [
            ("0", true, false),
            ("0.0", true, false),
            ("1e-9", true, true),
            ("0.1", true, true),
            ("0.8999", true, true),
        ] {
            assert_eq!(
                (tolerance(&value(text), 0.0).is_ok(), Scale::Tolerance.read(&value(text)).is_ok()),
                (share, share)
            );
            assert_eq!(tolerance(&value(text), f64::MIN_POSITIVE).is_ok(), drift, "{text}");
        }
        for bad in ["-0.01", "0.9", "1", "10", "nan", "'0.1'", "true"] {
            assert!(tolerance(&value(bad), 0.0).is_err(), "{bad}");
        }
        assert_eq!(tolerance(&value("10"), 0.0).unwrap_err().help, "write 0.1 if you mean 10 %");
    }
}
