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
