//! Service level objectives: what is promised of a workflow, over 30 days.
//!
//! Owns the words. They are for people who plan and who are paged; no mode depends on them: that is
//! what guards are for.

use serde::{Deserialize, Serialize};

/// What an objective is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Slo {
    /// Outputs that are no exception, of all outputs.
    Good,
    /// Outputs within a limit of latency, of those that report one.
    Latency,
    /// Outputs that met their service level, of those whose service level is known.
    Sla,
    /// Slots of 20 seconds with at least one good output, of those with outputs.
    Uptime,
}

impl Slo {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Good, Self::Latency, Self::Sla, Self::Uptime];

    /// The word used in TOML, JSON and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Latency => "latency",
            Self::Sla => "sla",
            Self::Uptime => "uptime",
        }
    }
}

/// The objectives of a workflow: the least share of good events, above 0 and below 1.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct SloPolicy {
    /// Of outputs that are no exception.
    pub good: Option<f64>,
    /// Of outputs within a limit of latency.
    pub latency: Option<LatencySlo>,
    /// Of outputs that met their service level.
    pub sla: Option<f64>,
    /// Of slots of 20 seconds with a good output.
    pub uptime: Option<f64>,
}

/// An objective for the latency.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LatencySlo {
    /// Slower outputs are bad, milliseconds.
    pub limit_ms: f64,
    /// The least share of the others.
    pub objective: f64,
}

impl SloPolicy {
    /// The objective, where one is declared.
    pub fn objective(&self, slo: Slo) -> Option<f64> {
        match slo {
            Slo::Good => self.good,
            Slo::Latency => self.latency.map(|latency| latency.objective),
            Slo::Sla => self.sla,
            Slo::Uptime => self.uptime,
        }
    }
}

/// Good and bad events of an objective, within some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SloCount {
    /// All events.
    pub events: u64,
    /// Of these, the bad ones.
    pub bad: u64,
}

impl SloCount {
    /// How fast the error budget is used: the share of bad events by the share that the objective allows.
    /// 1 uses the budget of 30 days up in exactly 30 days; `None` without events.
    /// Beyer et al. 2018, The Site Reliability Workbook, chapter 5, <https://sre.google/workbook/alerting-on-slos/>.
    #[expect(clippy::cast_precision_loss, reason = "counts of this size are exact in an f64")]
    pub fn burn_rate(self, objective: f64) -> Option<f64> {
        (self.events > 0).then(|| self.bad as f64 / self.events as f64 / (1.0 - objective))
    }

    /// What is left of the error budget of the time that was counted: 1 untouched, below 0 overspent; `None`
    /// without events.
    pub fn budget_left(self, objective: f64) -> Option<f64> {
        self.burn_rate(objective).map(|rate| 1.0 - rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burn_rate_of_one_spends_exactly_what_is_allowed() {
        let rate = |events, bad| SloCount { events, bad }.burn_rate(0.99);
        assert_eq!(rate(0, 0), None, "no data is not a rate of 0");
        assert!((rate(1_000, 10).unwrap() - 1.0).abs() < 1e-12);
        assert!((rate(1_000, 144).unwrap() - 14.4).abs() < 1e-9);
        assert_eq!(rate(50, 0), Some(0.0));
    }
}
