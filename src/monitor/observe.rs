//! From an output to an observation of one guard.
//!
//! Owns the table of design section 4: what X is for each signal, in the range that the detector
//! bets on, and what is added to the sums that people see. Holds no state.

use crate::domain::{Better, OutputEvent, ScoreJudge, Signal};
use crate::stats::baseline::Value;
use crate::stats::change::Sums;

/// What one output says about one guard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// X in \[0, 1\].
    pub x: f64,
    /// What it adds to the sums, in the guard's unit.
    pub sums: Sums,
    /// The observation in the guard's unit, for the list of the heaviest outputs.
    pub value: f64,
}

impl Seen {
    /// A value that is compared with a distribution; it has no place on a scale from 0 to 1.
    pub const fn value(value: Value<'_>) -> Self {
        match value {
            Value::Number(x) => Self::of(0.0, x),
            Value::Category(_) => Self::of(0.0, 0.0),
        }
    }

    const fn of(x: f64, value: f64) -> Self {
        Self { x, sums: Sums { n: 1, numerator: value, denominator: 1.0 }, value }
    }

    /// 1 for a hit, else 0.
    pub fn indicator(hit: bool) -> Self {
        let x = f64::from(u8::from(hit));
        Self::of(x, x)
    }
}

/// The observation that an output is for a statistical guard; `None` where it says nothing (no
/// latency reported, no such score …): no data is not a good result.
pub fn observe(signal: &Signal, bound_x: f64, event: &OutputEvent) -> Option<Seen> {
    match signal {
        Signal::ExceptionRate { kind } => Some(Seen::indicator(is_exception_of(kind.as_deref(), event))),
        Signal::Latency { limit_ms } => event.latency_ms.map(|ms| Seen::indicator(ms > *limit_ms)),
        Signal::Sla { limit_ms } => sla_met(*limit_ms, event).map(|met| Seen::indicator(!met)),
        Signal::CostPerUnit { cap, units_max } => {
            let cap = cap.to_f64();
            // An output with more units than declared counts as `units_max` units at the same cost per unit.
            let shrink = (units_max / event.units).min(1.0);
            let units = event.units * shrink;
            let cost = (event.cost?.to_f64() * shrink).min(cap * units);
            // d = (min(c, cap·u)/cap − b·u)/u_max has mean ≤ 0 while Σ min(c, cap·u) / Σ u keeps to
            // the bound; X = b + d lies in [0, 1] and turns it into the form of all other guards.
            let x = bound_x + (cost / cap - bound_x * units) / units_max;
            let sums = Sums { n: 1, numerator: cost, denominator: units };
            Some(Seen { x: x.clamp(0.0, 1.0), sums, value: cost / units })
        }
        Signal::Score { of, judge } => event.score(of).map(|score| judge_score(judge, score)),
        _ => None,
    }
}

fn judge_score(judge: &ScoreJudge, score: f64) -> Seen {
    match *judge {
        ScoreJudge::Below { limit } => Seen::indicator(score < limit),
        ScoreJudge::Above { limit } => Seen::indicator(score > limit),
        ScoreJudge::Mean { low, high, better } => {
            let score = score.clamp(low, high);
            Seen::of(scaled(low, high, better, score), score)
        }
    }
}

/// A score on its range as X: 0 is best, 1 is worst.
fn scaled(low: f64, high: f64, better: Better, score: f64) -> f64 {
    match better {
        Better::Lower => (score - low) / (high - low),
        Better::Higher => (high - score) / (high - low),
    }
}

/// The bound of a guard, given in its own unit, as a bound on E\[X\].
pub fn bound_x(signal: &Signal, bound: f64) -> f64 {
    match signal {
        Signal::CostPerUnit { cap, .. } => bound / cap.to_f64(),
        Signal::Score { judge: ScoreJudge::Mean { low, high, better }, .. } => scaled(*low, *high, *better, bound),
        _ => bound,
    }
}

/// A mean of X in the guard's own unit; `None` where X is measured from a bound (cost) or from a
/// baseline, and so has none.
pub fn from_x(signal: &Signal, x: f64) -> Option<f64> {
    match signal {
        Signal::CostPerUnit { .. } | Signal::Drift { .. } | Signal::Disparity { .. } => None,
        Signal::Score { judge: ScoreJudge::Mean { low, high, better }, .. } => Some(match better {
            Better::Lower => (high - low).mul_add(x, *low),
            Better::Higher => (high - low).mul_add(-x, *high),
        }),
        _ => Some(x),
    }
}

/// Whether the numerator counts hits, so that intervals of a share apply.
pub const fn is_share(signal: &Signal) -> bool {
    match signal {
        Signal::Score { judge, .. } => !matches!(judge, ScoreJudge::Mean { .. }),
        Signal::ExceptionRate { .. } | Signal::Latency { .. } | Signal::Sla { .. } | Signal::RejectionRate => true,
        _ => false,
    }
}

/// Whether the output is an exception (of the kind, where one is given).
pub fn is_exception_of(kind: Option<&str>, event: &OutputEvent) -> bool {
    event.is_exception() && kind.is_none_or(|kind| event.exception.as_deref() == Some(kind))
}

/// Whether the service level was met: as reported, else by the end-to-end time, else by the AI's
/// time against the limit; `None` where nothing tells.
pub fn sla_met(limit_ms: Option<f64>, event: &OutputEvent) -> Option<bool> {
    event.sla_met.or_else(|| Some(event.cycle_ms.or(event.latency_ms)? <= limit_ms?))
}

/// The mean X of a block as the detector of another bound sees it. Only a cost's X depends on its
/// bound: X = b + (Σ min(c, cap·u)/cap − b Σ u) / (m · `units_max`).
pub fn shift(signal: &Signal, x: f64, from: f64, to: f64, sums: Sums) -> f64 {
    let Signal::CostPerUnit { units_max, .. } = *signal else { return x };
    #[expect(clippy::cast_precision_loss, reason = "outputs of a block")]
    let units_mean = sums.denominator / sums.n.max(1) as f64;
    (to - from).mul_add(1.0 - units_mean / units_max, x).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Outcome, WorkflowId};
    use proptest::prelude::*;

    fn event() -> OutputEvent {
        OutputEvent::new("o", WorkflowId::new("wf").unwrap(), Outcome::Ok)
    }

    #[test]
    fn missing_data_is_no_observation() {
        let cost = Signal::CostPerUnit { cap: "0.5".parse().unwrap(), units_max: 10.0 };
        for signal in [Signal::Latency { limit_ms: 1.0 }, Signal::Sla { limit_ms: Some(1.0) }, cost] {
            assert_eq!(observe(&signal, 0.1, &event()), None, "{signal:?}");
        }
        let score = Signal::Score { of: "s".into(), judge: ScoreJudge::Below { limit: 0.5 } };
        assert_eq!(observe(&score, 0.1, &event()), None);
    }

    #[test]
    fn the_service_level_prefers_what_was_reported() {
        let limit = Some(100.0);
        let (mut e, judged) = (event(), |e: &OutputEvent| sla_met(limit, e));
        e.latency_ms = Some(50.0);
        assert_eq!(judged(&e), Some(true));
        e.cycle_ms = Some(500.0);
        assert_eq!(judged(&e), Some(false));
        e.sla_met = Some(true);
        assert_eq!(judged(&e), Some(true));
        assert_eq!(sla_met(None, &OutputEvent { sla_met: None, ..e }), None);
    }

    #[test]
    fn a_mean_score_is_turned_so_that_one_is_worst() {
        let judge = |better| ScoreJudge::Mean { low: 1.0, high: 5.0, better };
        assert!((judge_score(&judge(Better::Higher), 5.0).x).abs() < 1e-12);
        assert!((judge_score(&judge(Better::Lower), 9.0).x - 1.0).abs() < 1e-12, "clamped to the range");
        let signal = Signal::Score { of: "s".into(), judge: judge(Better::Higher) };
        assert!((bound_x(&signal, 4.0) - 0.25).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn cost_stays_in_range_and_is_fair_at_the_bound(cost in 0.0f64..100.0, units in 0.1f64..50.0, share in 0.01f64..0.9) {
            let signal = Signal::CostPerUnit { cap: "0.5".parse().unwrap(), units_max: 10.0 };
            let mut e = event();
            e.units = units;
            e.cost = Some(format!("{cost:.9}").parse().unwrap());
            let seen = observe(&signal, share, &e).unwrap();
            prop_assert!((0.0..=1.0).contains(&seen.x));
            // An output that costs exactly the bound per unit is exactly fair.
            e.cost = Some(format!("{:.15}", share * 0.5 * units).parse().unwrap());
            prop_assert!((observe(&signal, share, &e).unwrap().x - share).abs() < 1e-9);
        }
    }
}
