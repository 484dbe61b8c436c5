//! Service level objectives, counted: since adoption, and in each rolling window.
//!
//! Owns what a good and a bad event of an objective is. It judges no mode.

use super::kpi::{Counts, Slot};
use super::workflow::Workflow;
use crate::domain::{Slo, SloCount, Time};
use crate::stats::ring::WINDOWS;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Length of the slots by which uptime is counted, milliseconds.
const UPTIME_SLOT_MS: i64 = WINDOWS[0].slot_ms;

/// Slots of time with outputs, counted when the next one begins, so that what is counted never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Uptime {
    /// The slot in which the latest output was made, and whether a good one was made in it.
    open: Option<(i64, bool)>,
    /// Slots before it.
    closed: SloCount,
}

impl Uptime {
    /// Takes an output that was made at `time` and came at `now`; one that belongs to a slot before the open one
    /// changes nothing. A sender whose clock runs ahead opens no slot of the future, and a clock that was put
    /// back is followed: else nothing would count until the time is reached again.
    pub fn count(&mut self, time: Time, now: Time, good: bool) {
        let slot = time.min(now).0.div_euclid(UPTIME_SLOT_MS);
        match self.open {
            Some((open, up)) if open == slot => self.open = Some((open, up || good)),
            Some((open, _)) if open > slot && open <= now.0.div_euclid(UPTIME_SLOT_MS) => {}
            before => {
                if let Some((_, up)) = before {
                    self.closed.events += 1;
                    self.closed.bad += u64::from(!up);
                }
                self.open = Some((slot, good));
            }
        }
    }
}

/// One objective of a workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SloView {
    /// What it is about: `good`, `latency`, `sla` or `uptime`.
    pub slo: Slo,
    /// The least share of good events.
    pub objective: f64,
    /// Events of the last 30 days.
    pub events: u64,
    /// Of these, the bad ones.
    pub bad: u64,
    /// What is left of the error budget of 30 days: 1 untouched, below 0 overspent; `null` without events.
    pub error_budget_remaining: Option<f64>,
    /// How fast the budget is used, by window; `null` where one has no event.
    #[schema(value_type = BTreeMap<String, Option<f64>>)]
    pub burn_rates: BTreeMap<String, Option<f64>>,
}

/// What an objective counts in a window.
pub fn in_slot(slo: Slo, slot: &Slot) -> SloCount {
    match slo {
        Slo::Uptime => {
            let [active, up] = [slot.active, slot.up].map(u64::from);
            SloCount { events: active, bad: active - up }
        }
        _ => of_counts(slo, &slot.counts),
    }
}

const fn of_counts(slo: Slo, counts: &Counts) -> SloCount {
    match slo {
        Slo::Sla => SloCount { events: counts.sla_judged, bad: counts.sla_missed },
        Slo::Latency => counts.timely,
        Slo::Good | Slo::Uptime => SloCount { events: counts.outputs, bad: counts.exceptions },
    }
}

impl Workflow {
    /// The declared objectives.
    pub fn objectives(&self) -> impl Iterator<Item = (Slo, f64)> + '_ {
        Slo::ALL.into_iter().filter_map(|slo| Some((slo, self.plan.policy.slo.objective(slo)?)))
    }

    /// What an objective counted since adoption.
    pub const fn slo_total(&self, slo: Slo) -> SloCount {
        match slo {
            Slo::Uptime => self.state.totals.uptime.closed,
            _ => of_counts(slo, &self.state.totals.counts),
        }
    }

    /// The objectives, of what each window summed up to.
    pub(super) fn slo_views(&self, sums: &[Option<(Slot, i64)>]) -> Vec<SloView> {
        self.objectives().map(|(slo, objective)| slo_view(slo, objective, sums)).collect()
    }
}

fn slo_view(slo: Slo, objective: f64, sums: &[Option<(Slot, i64)>]) -> SloView {
    let mut counts = sums.iter().map(|sum| sum.as_ref().map(|(slot, _)| in_slot(slo, slot)).unwrap_or_default());
    let named = WINDOWS.iter().map(|window| window.name.to_owned()).zip(counts.clone());
    let month = counts.next_back().unwrap_or_default();
    SloView {
        slo,
        objective,
        events: month.events,
        bad: month.bad,
        error_budget_remaining: month.budget_left(objective),
        burn_rates: named.map(|(window, count)| (window, count.burn_rate(objective))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uptime_counts_a_slot_once_when_it_is_over_and_never_takes_it_back() {
        let mut uptime = Uptime::default();
        let mut count_at = |second: i64, now: i64, good| {
            uptime.count(Time(second * 1_000), Time(now * 1_000), good);
            (uptime.closed.events, uptime.closed.bad)
        };
        assert_eq!(count_at(300, 0, true), (0, 0), "a sender that is ahead stands at now");
        let mut count = |second: i64, good| count_at(second, second.max(20), good);
        assert_eq!(count(0, false), (0, 0), "it may become a good slot yet");
        assert_eq!(count(19, true), (0, 0));
        assert_eq!(count(20, false), (1, 0));
        assert_eq!(count(5, false), (1, 0), "what comes late changes nothing");
        assert_eq!(count(100, true), (2, 1), "and slots without outputs are neither good nor bad");
        assert_eq!(count(120, true), (3, 1));
        assert_eq!(count_at(60, 60, false), (4, 1), "a clock that was put back is followed");
        assert_eq!(count_at(80, 80, true), (5, 2));
    }
}
