//! Simulated traffic: what a workflow would report, healthy or breaking in one of several ways.
//!
//! Owns the shapes. The same seed gives the same outputs; only the prefix of their ids differs from
//! run to run, so that a second run is not taken for a repeat of the first. Asks no clock.

use crate::domain::{Mode, Money, Outcome, OutputEvent, WorkflowId};
use crate::ingest::write::event_line;
use crate::stats::rng::Rng;

/// How the workflow behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Scenario {
    /// Half a per cent of exceptions, throughout.
    Healthy,
    /// 25 outputs of which most fail, then healthy again: no reason to lower a mode.
    Burst,
    /// Costs, exceptions and quality get worse little by little.
    SlowDrift,
    /// A new version fails in four of ten outputs.
    SuddenBreak,
    /// Each output costs six times as much.
    CostSpike,
    /// Nothing works for 400 outputs, then healthy again.
    Outage,
    /// Healthy, but every fifth output is sent twice.
    Duplicates,
}

/// Outputs of a burst.
const BURST: u64 = 25;
/// Outputs of an outage.
const OUTAGE: u64 = 400;
/// Outputs until a slow drift has gone all its way.
const DRIFT: f64 = 1_500.0;
/// Every so manyth output is repeated.
const REPEAT_EVERY: u64 = 5;

/// The outputs of one workflow.
pub struct Traffic {
    workflow: WorkflowId,
    scenario: Scenario,
    change_at: u64,
    prefix: String,
    rng: Rng,
    made: u64,
}

/// How outputs come out at one moment.
struct Shape {
    exception: f64,
    kind: &'static str,
    is_reachable: bool,
    latency_ms: f64,
    cost: f64,
    fit: f64,
    version: &'static str,
}

impl Shape {
    const HEALTHY: Self = Self {
        exception: 0.005,
        kind: "format",
        is_reachable: true,
        latency_ms: 850.0,
        cost: 0.012,
        fit: 0.88,
        version: "2026.11.1",
    };
}

impl Traffic {
    /// Traffic that is healthy up to output `change_at` (counted from 1), where the scenario begins.
    pub fn new(workflow: WorkflowId, scenario: Scenario, change_at: u64, prefix: &str, seed: u64) -> Self {
        let prefix = format!("{prefix}-{workflow}");
        Self { workflow, scenario, change_at, prefix, rng: Rng::new(seed), made: 0 }
    }

    /// The workflow.
    pub const fn workflow(&self) -> &WorkflowId {
        &self.workflow
    }

    /// Outputs made so far, repeats not counted.
    pub const fn made(&self) -> u64 {
        self.made
    }

    /// The number of an output of this run, from 1.
    pub fn number(&self, id: &str) -> Option<u64> {
        id.strip_prefix(self.prefix.as_str())?.strip_prefix('-')?.parse().ok()
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of this size are exact in an f64")]
    fn shape(&self) -> Shape {
        let since = self.made.checked_sub(self.change_at);
        let healthy = Shape::HEALTHY;
        match (self.scenario, since) {
            (Scenario::Healthy | Scenario::Duplicates, _) | (_, None) => healthy,
            (Scenario::Burst, Some(since)) if since < BURST => {
                Shape { exception: 0.6, kind: "rate_limited", ..healthy }
            }
            (Scenario::SlowDrift, Some(since)) => {
                let way = (since as f64 / DRIFT).min(1.0);
                let cost = healthy.cost * way.mul_add(4.0, 1.0);
                let exception = way.mul_add(0.08, healthy.exception);
                Shape { cost, exception, fit: way.mul_add(-0.18, healthy.fit), ..healthy }
            }
            (Scenario::SuddenBreak, Some(_)) => {
                let (kind, version) = ("policy_violation", "2026.11.2");
                Shape { exception: 0.4, kind, fit: 0.66, latency_ms: 1_700.0, version, ..healthy }
            }
            (Scenario::CostSpike, Some(_)) => Shape { cost: 6.0 * healthy.cost, ..healthy },
            (Scenario::Outage, Some(since)) if since < OUTAGE => {
                Shape { exception: 1.0, kind: "provider_unreachable", is_reachable: false, ..healthy }
            }
            (Scenario::Burst | Scenario::Outage, Some(_)) => healthy,
        }
    }

    /// The next output, made in a mode.
    pub fn next(&mut self, mode: Mode) -> OutputEvent {
        self.made += 1;
        let shape = self.shape();
        // Every output draws the same numbers, so that scenarios differ only in what they change.
        let failed = self.rng.uniform() < shape.exception;
        let latency_ms = shape.latency_ms * (0.45 * self.rng.normal()).exp();
        let cost = shape.cost * (0.5 * self.rng.normal() - 0.125).exp();
        let fit = 0.06f64.mul_add(self.rng.normal(), shape.fit).clamp(0.0, 1.0);
        let toxicity = (0.01 * (0.8 * self.rng.normal()).exp()).min(1.0);
        let (locale, channel, again) = (self.rng.uniform(), self.rng.uniform(), self.rng.uniform());
        let outcome = if failed { Outcome::Exception } else { Outcome::Ok };
        let mut event = OutputEvent::new(&format!("{}-{}", self.prefix, self.made), self.workflow.clone(), outcome);
        event.exception = failed.then(|| shape.kind.into());
        event.mode = Some(mode);
        event.model = Some("draft-large-2".into());
        event.version = Some(shape.version.into());
        event.attributes = vec![
            ("locale".into(), pick(locale, &["en", "en", "de", "fr", "ja"]).into()),
            ("channel".into(), pick(channel, &["mail", "mail", "web", "app"]).into()),
        ];
        if shape.is_reachable || !failed {
            event.latency_ms = Some((latency_ms * 10.0).round() / 10.0);
            event.cost = format!("{cost:.6}").parse::<Money>().ok();
            event.scores = vec![("brand_fit".into(), round(fit)), ("toxicity".into(), round(toxicity))];
        }
        event.retries = u32::from(again < 0.03);
        event
    }

    /// The next `count` outputs as lines, with what the scenario sends twice. Returns how many lines.
    pub fn lines(&mut self, count: u64, mode: Mode, out: &mut Vec<u8>) -> u64 {
        let mut lines = 0;
        for _ in 0..count {
            let event = self.next(mode);
            let is_repeated = self.scenario == Scenario::Duplicates && self.made.is_multiple_of(REPEAT_EVERY);
            for _ in 0..=u64::from(is_repeated) {
                event_line(&event, out);
                lines += 1;
            }
        }
        lines
    }
}

fn round(score: f64) -> f64 {
    (score * 1e4).round() / 1e4
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a position")]
fn pick(uniform: f64, among: &[&'static str]) -> &'static str {
    among[((uniform * among.len() as f64) as usize).min(among.len() - 1)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum as _;

    fn made(scenario: Scenario, seed: u64) -> Vec<OutputEvent> {
        let mut traffic = Traffic::new(WorkflowId::new("w").unwrap(), scenario, 500, "t", seed);
        (0..2_500).map(|_| traffic.next(Mode::Automate)).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_outputs_and_all_of_them_are_valid() {
        for scenario in Scenario::value_variants() {
            let events = made(*scenario, 7);
            assert_eq!(events, made(*scenario, 7));
            assert_ne!(events, made(*scenario, 8));
            for event in &events {
                event.check().unwrap();
            }
        }
    }

    #[test]
    fn nothing_is_wrong_before_the_change() {
        let healthy = made(Scenario::Healthy, 3);
        for scenario in Scenario::value_variants() {
            assert_eq!(made(*scenario, 3)[..499], healthy[..499], "{scenario:?}");
        }
        let failed = |events: &[OutputEvent]| events.iter().filter(|event| event.is_exception()).count();
        assert!(failed(&healthy) < 40);
        assert!((700..900).contains(&failed(&made(Scenario::SuddenBreak, 3)[499..])));
        let outage = made(Scenario::Outage, 3);
        assert!(failed(&outage[499..899]) == 400 && failed(&outage[899..]) < 40 && outage[500].latency_ms.is_none());
    }

    #[test]
    fn repeats_are_sent_and_numbers_come_back_from_ids() {
        let mut traffic = Traffic::new(WorkflowId::new("w").unwrap(), Scenario::Duplicates, 1, "t", 1);
        let mut lines = Vec::new();
        assert_eq!(traffic.lines(100, Mode::Assist, &mut lines), 120);
        assert_eq!(lines.iter().filter(|byte| **byte == b'\n').count(), 120);
        assert_eq!((traffic.number("t-w-17"), traffic.number("x-w-17"), traffic.made()), (Some(17), None, 100));
    }
}
