//! The numbers of a breach: what people get to see of the evidence.
//!
//! Owns their making. All of it is descriptive: the decision has been taken when it is called.

use super::guard::{Broken, Guard};
use super::limit::Tripped;
use super::observe::is_share;
use super::plan::GuardPlan;
use super::segments::Segments;
use crate::domain::{Breach, Mode, OutputEvent, Signal, Time};
use crate::stats::confidence::clopper_pearson_95;

/// What completed the evidence.
#[derive(Debug, Clone, Copy)]
pub enum Completed<'e> {
    /// An output.
    Output(&'e OutputEvent),
    /// A verdict on this output.
    Verdict(&'e str),
    /// No output: time passed, or somebody outside said so.
    Otherwise,
}

impl Guard {
    /// The numbers of a breach.
    pub fn breach(
        &self,
        plan: &GuardPlan,
        mode: Mode,
        broken: Broken,
        completed: Completed<'_>,
        segments: &Segments,
    ) -> Breach {
        let mut breach = match (broken, &plan.policy.signal) {
            (Broken::Limit(tripped), _) => self.of_limit(plan, mode, tripped),
            (_, Signal::Drift { of }) => self.of_drift(plan, mode, &of.name()),
            (_, Signal::Disparity { attribute }) => self.of_groups(plan, mode, attribute),
            _ => self.of_detector(plan, mode, broken),
        };
        breach.output = match completed {
            Completed::Output(event) => Some(event.id.to_string()),
            Completed::Verdict(output_id) => Some(output_id.to_owned()),
            Completed::Otherwise => None,
        };
        if let (Broken::Limit(tripped), Completed::Output(event)) = (broken, completed) {
            breach.heaviest = vec![super::hits::heavy(event, event.time.unwrap_or_default(), tripped.value)];
        } else {
            let began = breach.changed_between.map(|[early, _]| early).or(breach.changed_at);
            breach.heaviest = self.hits.heaviest_since(began);
            breach.carriers = self.hits.carriers(breach.changed_at, self.bound(plan, mode), breach.estimate, segments);
        }
        breach
    }

    fn of_detector(&self, plan: &GuardPlan, mode: Mode, broken: Broken) -> Breach {
        let [main_at, outage_at] = self.judged_at;
        let (detector, bets, threshold, lane, at) = match (broken, &plan.lane) {
            (Broken::Outage, Some(lane)) => (&self.outage, Some(&lane.bets), lane.threshold, "outage", outage_at),
            _ => (self.main.get(mode), self.bets(plan, mode), plan.threshold, "main", main_at),
        };
        let evidence = bets.map_or(0.0, |bets| detector.evidence(bets));
        let empty = Breach { lane: lane.to_owned(), evidence, threshold, ..self.empty(plan, mode) };
        let Some(change) = bets.and_then(|bets| detector.change(bets)) else { return empty };
        let before = |age_ms: f64| Time(at.0.saturating_sub_unsigned(whole(age_ms)));
        // The denominator of a cost is units; how many outputs they are is as it is in all.
        let outputs = change.denominator * self.total.observations_each();
        Breach {
            estimate: change.numerator / change.denominator,
            interval: is_share(&plan.policy.signal)
                .then(|| clopper_pearson_95(whole(change.numerator), whole(outputs)))
                .flatten(),
            n: whole(outputs),
            changed_at: Some(before(change.age_ms)),
            changed_between: Some(change.between_ms.map(before)),
            ..empty
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
        // No other guard knows of an alert.
        let (part, fires_since) = self.limit.alerts.last().unzip();
        Breach {
            lane: "limit".to_owned(),
            bound: tripped.limit,
            estimate: tripped.value,
            n: tripped.n,
            n_total: tripped.n,
            evidence: tripped.value,
            threshold: tripped.limit,
            changed_at: fires_since.or(self.limit.quiet_since.filter(|_| silent)),
            part,
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
