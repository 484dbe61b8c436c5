//! The modes as everybody may read them, without waiting for anything.
//!
//! Owns the published answers and the caps that hold when andon itself is in trouble: a store that
//! refused a write, a driver that hangs. Reading takes no lock and never touches the monitor.

use crate::clock::Clock;
use crate::domain::selection::reviewers;
use crate::domain::{Mode, Policy, WorkflowId};
use crate::monitor::view::{Cap, ReviewPlan};
use crate::monitor::{ModeView, Monitor};
use arc_swap::{ArcSwap, ArcSwapOption};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use tokio::sync::watch;

/// The driver shows a sign of life several times a second; after this long without one, modes fall
/// to assist, milliseconds.
pub const HEARTBEAT_MS_MAX: i64 = 30_000;

/// One workflow's published mode.
#[derive(Debug)]
pub struct Published {
    /// The answer.
    pub view: Arc<ModeView>,
    /// When it was last read, milliseconds since 1970; 0 before the first read. Shared by all
    /// answers of the workflow.
    pub last_read_ms: Arc<AtomicI64>,
}

/// The published modes.
#[derive(Debug)]
pub struct Board {
    modes: ArcSwap<BTreeMap<WorkflowId, Published>>,
    policy: ArcSwap<Policy>,
    review_key: AtomicU64,
    changes: watch::Sender<u64>,
    written: watch::Sender<u64>,
    poisoned: ArcSwapOption<String>,
    heartbeat_ms: AtomicI64,
    clock: Arc<dyn Clock>,
}

impl Board {
    /// An empty board.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            modes: ArcSwap::default(),
            policy: ArcSwap::from_pointee(Policy::empty()),
            review_key: AtomicU64::new(0),
            changes: watch::Sender::new(0),
            written: watch::Sender::new(0),
            poisoned: ArcSwapOption::empty(),
            heartbeat_ms: AtomicI64::new(clock.monotonic_ms()),
            clock,
        }
    }

    /// Publishes the modes of all workflows that the policy holds.
    pub fn publish(&self, monitor: &Monitor) {
        let old = self.modes.load();
        let present = monitor.with_lane().filter(|workflow| workflow.state.in_policy);
        let modes = present.map(|workflow| {
            let id = &workflow.id;
            let before = old.get(id);
            let view = workflow.mode_view(monitor.policy());
            let view = match before {
                Some(before) if *before.view == view => Arc::clone(&before.view),
                _ => Arc::new(view),
            };
            let last_read_ms = before.map_or_else(Arc::default, |before| Arc::clone(&before.last_read_ms));
            (id.clone(), Published { view, last_read_ms })
        });
        self.modes.store(Arc::new(modes.collect()));
        self.policy.store(Arc::clone(monitor.policy()));
        self.review_key.store(monitor.house().review_key, Ordering::Relaxed);
        self.changes.send_modify(|version| *version += 1);
    }

    /// The policy in force.
    pub fn policy(&self) -> Arc<Policy> {
        self.policy.load_full()
    }

    /// The mode of a workflow; `None` where the policy doesn't hold it. Notes that it was read.
    pub fn read(&self, id: &str) -> Option<Arc<ModeView>> {
        let modes = self.modes.load();
        let published = modes.get(id)?;
        published.last_read_ms.store(self.clock.now().0, Ordering::Relaxed);
        Some(self.capped(&published.view))
    }

    /// The mode of a workflow without noting that it was read.
    pub fn peek(&self, id: &str) -> Option<Arc<ModeView>> {
        self.modes.load().get(id).map(|published| self.capped(&published.view))
    }

    /// All workflows with their modes and the time of their last read, but for the lane of drills.
    pub fn all(&self) -> Vec<(Arc<ModeView>, i64)> {
        let modes = self.modes.load();
        let modes = modes.values().filter(|p| !p.view.workflow.is_drill_lane());
        modes.map(|p| (self.capped(&p.view), p.last_read_ms.load(Ordering::Relaxed))).collect()
    }

    /// How many people are to review an output in the mode of a view: none, one or two.
    pub fn reviewers(&self, view: &ModeView, output_id: &str) -> u8 {
        let ReviewPlan { sample_rate, twice, .. } = view.review;
        reviewers(self.review_key.load(Ordering::Relaxed), &view.workflow, output_id, sample_rate, twice)
    }

    fn capped(&self, view: &Arc<ModeView>) -> Arc<ModeView> {
        self.caps().map_or_else(
            || Arc::clone(view),
            |cap| {
                let mode = view.mode.min(cap.mode);
                let caps = view.caps.iter().cloned().chain([cap]).collect();
                // People look as deep as in the mode that is left.
                let policy = self.policy.load();
                let declared = policy.workflows.get(&view.workflow).unwrap_or(&policy.unknown.template);
                let sample_rate = view.review.sample_rate.max(*declared.review.get(mode));
                let review = ReviewPlan { sample_rate, ..view.review };
                Arc::new(ModeView { mode, level: mode.level(), caps, review, ..(**view).clone() })
            },
        )
    }

    /// What keeps every mode down now.
    pub fn caps(&self) -> Option<Cap> {
        let cap = |by: &str, reason: String| Some(Cap { mode: Mode::Assist, by: by.to_owned(), reason });
        if let Some(reason) = &*self.poisoned.load() {
            return cap("store", format!("the store refused a write, so nothing is certain any more: {reason}"));
        }
        let quiet_ms = self.quiet_ms();
        if quiet_ms > HEARTBEAT_MS_MAX {
            return cap(
                "driver",
                format!("nothing was written for {} s: the disk hangs or the machine is overloaded", quiet_ms / 1_000),
            );
        }
        None
    }

    /// Whether the driver showed no sign of life for so long that modes are capped: whoever asks it now waits
    /// for nobody knows how long.
    pub fn driver_hangs(&self) -> bool {
        self.quiet_ms() > HEARTBEAT_MS_MAX
    }

    fn quiet_ms(&self) -> i64 {
        self.clock.monotonic_ms() - self.heartbeat_ms.load(Ordering::Relaxed)
    }

    /// The store refused a write: every mode falls to assist, for good.
    pub fn poison(&self, reason: &str) {
        self.poisoned.store(Some(Arc::new(reason.to_owned())));
        self.changes.send_modify(|version| *version += 1);
    }

    /// Why the store refused, if it did.
    pub fn poisoned(&self) -> Option<Arc<String>> {
        self.poisoned.load_full()
    }

    /// The driver lives.
    pub fn beat(&self) {
        self.heartbeat_ms.store(self.clock.monotonic_ms(), Ordering::Relaxed);
    }

    /// Wakes whenever a mode changed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
    /// The ledger has new entries that can be read.
    pub fn wrote(&self) {
        self.written.send_modify(|version| *version += 1);
    }

    /// Wakes whenever the ledger grew.
    pub fn written(&self) -> watch::Receiver<u64> {
        self.written.subscribe()
    }
}
