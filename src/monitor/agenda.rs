//! The next tick, without asking every workflow after every input.
//!
//! Owns a bound below [`Monitor::due`]: an input moves the due times of the workflows that it
//! concerns only, and nothing is due before the earliest of all that were ever seen. For runs through
//! the past, where time stands between two inputs; the daemon looks at the clock instead.

use super::handle::Monitor;
use crate::domain::{Input, Time, WorkflowId};

/// What is due next in one monitor, as far as it is known.
#[derive(Debug, Clone, Default)]
pub struct Agenda {
    /// Nothing is due before it; `None` means never. Holds only while `is_known`.
    soonest: Option<Time>,
    is_known: bool,
}

impl Agenda {
    /// Takes notice of an input that the monitor has just taken.
    pub fn taken(&mut self, monitor: &Monitor, input: &Input) {
        let workflows = monitor.workflows().len();
        match input {
            Input::Events(events) if events.len() < workflows => {
                events.iter().for_each(|event| self.touched(monitor, &event.workflow));
            }
            Input::Reviews(reviews) if reviews.len() < workflows => {
                reviews.iter().for_each(|review| self.touched(monitor, &review.workflow));
            }
            // It may concern any workflow: all are asked when that is next of interest.
            _ => self.is_known = false,
        }
    }

    fn touched(&mut self, monitor: &Monitor, id: &WorkflowId) {
        let due = monitor.workflows().get(id).and_then(|workflow| workflow.due());
        if let Some(due) = due {
            self.soonest = Some(self.soonest.map_or(due, |soonest| soonest.min(due)));
        }
    }

    /// What [`Monitor::due`] says, if that is at `until` or before.
    pub fn due_by(&mut self, monitor: &Monitor, until: Time) -> Option<Time> {
        if !self.is_known || self.soonest.is_some_and(|soonest| soonest <= until) {
            self.soonest = monitor.due();
            self.is_known = true;
        }
        self.soonest.filter(|due| *due <= until)
    }

    /// The time of the next tick that lets something lapse, at `until` or before; what was due
    /// before `not_before` lapses then. `passed` is the tick before it: one that left something due
    /// at the same time would do so for ever.
    pub fn next_tick(
        &mut self,
        monitor: &Monitor,
        not_before: Option<Time>,
        until: Time,
        passed: &mut Option<Time>,
    ) -> Option<Time> {
        let due = self.due_by(monitor, until)?;
        let at = not_before.map_or(due, |floor| due.max(floor));
        if passed.is_some_and(|passed| at <= passed) {
            return None;
        }
        *passed = Some(at);
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{GuardPolicy, Outcome, OutputEvent, PerMode, Policy, Signal, WorkflowPolicy};
    use crate::monitor::At;
    use proptest::prelude::*;

    /// Three workflows that go silent after different times, one of them with evidence that lapses.
    fn policy() -> Policy {
        let workflow = |n: i64| {
            let id = WorkflowId::new(&format!("w{n}")).unwrap();
            let signal = Signal::Silence { after_ms: 1_000 * (n + 1), active: None };
            let bound = PerMode::default();
            let guard =
                GuardPolicy { name: "silence".into(), signal, bound, block: 1, share: 0.0, to: None, baseline: None };
            let evidence_valid_ms = (n == 2).then_some(5_000);
            let own =
                WorkflowPolicy { id: id.clone(), evidence_valid_ms, guards: vec![guard], ..WorkflowPolicy::bare() };
            (id, own)
        };
        Policy { workflows: (0..3).map(workflow).collect(), ..Policy::empty() }
    }

    proptest! {
        #[test]
        fn it_says_what_asking_everybody_says(
            steps in prop::collection::vec((0..1_500i64, prop::collection::vec(0..3usize, 0..5), any::<bool>()), 1..60),
        ) {
            let (mut monitor, mut agenda) = (Monitor::default(), Agenda::default());
            let mut at = At { seq: 1, now: Time(1_800_000_000_000) };
            let first = Input::Policy(Box::new(policy()));
            monitor.handle(at, &first);
            agenda.taken(&monitor, &first);
            for (ms, workflows, ticks) in steps {
                at = At { seq: at.seq + 1, now: at.now.plus(ms) };
                let due = monitor.due().filter(|due| *due <= at.now);
                prop_assert_eq!(agenda.due_by(&monitor, at.now), due);
                let event = |n: usize| {
                    OutputEvent::new("o", WorkflowId::new(&format!("w{n}")).unwrap(), Outcome::Ok)
                };
                let input = if ticks { Input::Tick } else { Input::Events(workflows.into_iter().map(event).collect()) };
                monitor.handle(at, &input);
                agenda.taken(&monitor, &input);
            }
        }
    }
}
