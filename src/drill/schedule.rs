//! When the next drill is due.
//!
//! Owns that it goes by the record of the last one, so that restarts neither skip drills nor repeat them.

use super::Conductor;
use crate::domain::{Drill, DrillResult, Time};
use crate::monitor::drill::Drills;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::timeout;

/// The first drill, and the one after a drill that the daemon's end interrupted, comes so much later,
/// milliseconds: when a restart has settled, and long before anybody relies on it.
const SOON_MS: i64 = 10 * Time::MINUTE;

/// By the record.
fn due(drills: &Drills, every_ms: i64) -> Option<Time> {
    match drills.list().back() {
        Some(Drill { result: DrillResult::Passed | DrillResult::Failed, begun_at, .. }) => {
            Some(begun_at.plus(every_ms))
        }
        Some(drill) => Some(drill.begun_at.plus(SOON_MS.min(every_ms))),
        None => drills.since().map(|since| since.plus(SOON_MS.min(every_ms))),
    }
}

impl Conductor {
    /// When the next drill is due; `None` where the schedule is off.
    pub fn due(&self, drills: &Drills) -> Option<Time> {
        let every_ms = self.settings.every_ms?;
        // What could not be recorded was tried all the same.
        let attempted = Time(self.attempted_ms.load(Ordering::Relaxed).saturating_add(every_ms));
        // An imported past began long ago: that is no reason to drill in the moment of the start.
        let soon_ms = SOON_MS.min(every_ms);
        let imported = drills.since().filter(|since| drills.list().is_empty() && since.plus(soon_ms) < self.started_at);
        let settled = imported.map_or(attempted, |_| self.started_at.plus(soon_ms));
        due(drills, every_ms).map(|due| due.max(attempted).max(settled))
    }

    /// Whether one is due now. A driver that doesn't answer doesn't put it off: that is what drills are for.
    pub async fn is_due(&self) -> bool {
        let patience = Duration::from_millis(self.settings.step_timeout_ms);
        if self.settings.every_ms.is_none() {
            return false;
        }
        let drills = self.driver.read(|monitor, _| monitor.house().drills.clone());
        if let Ok(Ok(drills)) = timeout(patience, drills).await {
            let due = self.due(&drills).map_or(i64::MAX, |due| due.0);
            self.due_ms.store(due, Ordering::Relaxed);
        }
        let attempted =
            self.settings.every_ms.map(|every| self.attempted_ms.load(Ordering::Relaxed).saturating_add(every));
        self.clock.now().0 >= self.due_ms.load(Ordering::Relaxed).max(attempted.unwrap_or(i64::MAX))
    }
}
