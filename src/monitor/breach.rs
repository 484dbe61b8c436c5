//! The numbers of a breach: what people get to see of the evidence.
//!
//! Owns their making. All of it is descriptive: the decision has been taken when it is called.

use super::guard::{Broken, Guard};
use super::limit::Tripped;
use super::observe::is_share;
use super::plan::GuardPlan;
use super::segments::Segments;
use crate::domain::{Breach, Mode, OutputEvent, Signal, Time};
use crate::stats::change::Sums;
use crate::stats::confidence::clopper_pearson_95;

impl Guard {
    /// The numbers of a breach.
    pub fn breach(
        &self,
        plan: &GuardPlan,
        mode: Mode,
        broken: Broken,
        output: Option<&OutputEvent>,
        segments: &Segments,
    ) -> Breach {
        let mut breach = match (broken, &plan.policy.signal) {
            (Broken::Limit(tripped), _) => self.of_limit(plan, mode, tripped),
            (_, Signal::Drift { of }) => self.of_drift(plan, mode, &of.name()),
            (_, Signal::Disparity { attribute }) => self.of_groups(plan, mode, attribute),
            _ => self.of_detector(plan, mode, broken),
        };
        breach.output = output.map(|event| event.id.to_string());
        if let (Broken::Limit(tripped), Some(event)) = (broken, output) {
            breach.heaviest = vec![super::hits::heavy(event, event.time.unwrap_or_default(), tripped.value)];
        } else {
            breach.heaviest = self.hits.heaviest_since(breach.changed_at);
            breach.carriers = self.hits.carriers(breach.changed_at, self.bound(plan, mode), breach.estimate, segments);
        }
        breach
    }

    fn of_detector(&self, plan: &GuardPlan, mode: Mode, broken: Broken) -> Breach {
        let (detector, bets, threshold, lane) = match (broken, &plan.lane) {
            (Broken::Outage, Some(lane)) => (&self.outage, Some(&lane.bets), lane.threshold, "outage"),
            _ => (self.main.get(mode), self.bets(plan, mode), plan.threshold, "main"),
        };
        let change = detector.since_change();
        let since = change.as_ref().map_or_else(|| detector.sums(), |(_, sums)| *sums);
        Breach {
            lane: lane.to_owned(),
            estimate: since.mean().unwrap_or_default(),
            interval: is_share(&plan.policy.signal).then(|| interval(since)).flatten(),
            n: since.n,
            evidence: bets.map_or(0.0, |bets| detector.evidence(bets)),
            threshold,
            changed_at: change.map(|(mark, _)| Time(mark.time_ms)),
            changed_between: detector.change_between().map(|times| times.map(Time)),
            ..self.empty(plan, mode)
        }
    }

    fn of_drift(&self, plan: &GuardPlan, mode: Mode, of: &str) -> Breach {
        let worst =
            self.watch.drift.as_ref().zip(self.watch.drift_plan()).and_then(|(drift, plan)| drift.worst(plan, of));
        let Some(worst) = worst else { return self.empty(plan, mode) };
        let part =
            format!("{}: {:.3} of the outputs since, {:.3} in the baseline", worst.part, worst.since, worst.usual);
        Breach {
            estimate: worst.since - worst.usual,
            n: whole(worst.outputs),
            changed_at: Some(Time(worst.changed_ms)),
            part: Some(part),
            ..self.empty(plan, mode)
        }
    }

    fn of_groups(&self, plan: &GuardPlan, mode: Mode, attribute: &str) -> Breach {
        let Some(worst) = self.watch.groups.as_ref().and_then(|groups| groups.worst()) else {
            return self.empty(plan, mode);
        };
        Breach {
            estimate: worst.ratio,
            n: whole(worst.exceptions),
            changed_at: Some(Time(worst.changed_ms)),
            part: Some(format!("{attribute} = {}", worst.group)),
            ..self.empty(plan, mode)
        }
    }

    fn of_limit(&self, plan: &GuardPlan, mode: Mode, tripped: Tripped) -> Breach {
        let silent = matches!(plan.policy.signal, Signal::Silence { .. });
        Breach {
            lane: "limit".to_owned(),
            bound: tripped.limit,
            estimate: tripped.value,
            n: tripped.n,
            n_total: tripped.n,
            evidence: tripped.value,
            threshold: tripped.limit,
            changed_at: self.limit.quiet_since.filter(|_| silent),
            ..self.empty(plan, mode)
        }
    }

    fn empty(&self, plan: &GuardPlan, mode: Mode) -> Breach {
        Breach {
            guard: plan.policy.name.clone(),
            signal: plan.policy.signal.name().to_owned(),
            lane: "main".to_owned(),
            mode,
            bound: self.bound(plan, mode).unwrap_or_default(),
            estimate: 0.0,
            interval: None,
            n: 0,
            n_total: self.total.n,
            evidence: self.watch.evidence().unwrap_or_default(),
            threshold: plan.threshold,
            output: None,
            changed_at: None,
            changed_between: None,
            part: None,
            carriers: Vec::new(),
            heaviest: Vec::new(),
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
fn whole(count: f64) -> u64 {
    count.round().max(0.0) as u64
}

fn interval(sums: Sums) -> Option<[f64; 2]> {
    clopper_pearson_95(whole(sums.numerator), sums.n)
}
