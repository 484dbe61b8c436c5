//! When checkpoints are signed: now and then, and at the stop, on a thread beside the driver.
//!
//! Owns the schedule, the thread, and what becomes of failures: they are logged, counted and tried
//! again, and hold up nobody. Must not know what is checked or signed (`notary.rs`).

use super::notary::{Notary, NotaryError};
use crate::config::LedgerSettings;
use crate::domain::Time;
use crate::metrics::Metrics;
use crate::store::Book;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// After a failure it is tried again this soon, milliseconds.
const RETRY_MS: i64 = 60_000;

/// The notary's thread and its schedule.
pub struct NotaryDesk {
    every_ms: i64,
    /// When it was last asked; `i64::MIN` before the first time.
    asked_at: AtomicI64,
    state: Arc<State>,
    orders: Mutex<Option<Sender<Time>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct State {
    busy: AtomicBool,
    failed: AtomicBool,
}

impl NotaryDesk {
    /// Starts the thread. The first checkpoint is due at once.
    ///
    /// # Errors
    /// The operating system gives no thread.
    pub fn start(book: Arc<dyn Book>, settings: LedgerSettings, metrics: Metrics) -> std::io::Result<Self> {
        let (orders, inbox) = channel();
        let state = Arc::new(State::default());
        let every_ms = settings.checkpoint_every_ms;
        let worker = Worker { book, settings, metrics, state: Arc::clone(&state), notary: None };
        let thread = std::thread::Builder::new().name("notary".to_owned()).spawn(move || worker.run(&inbox))?;
        let asked_at = AtomicI64::new(i64::MIN);
        Ok(Self { every_ms, asked_at, state, orders: Mutex::new(Some(orders)), thread: Mutex::new(Some(thread)) })
    }

    /// Between two groups: has a checkpoint signed when one is due.
    pub(super) fn visit(&self, now: Time) {
        let asked_at = self.asked_at.load(Ordering::Relaxed);
        let failed = self.state.failed.load(Ordering::Acquire);
        let every_ms = if failed { self.every_ms.min(RETRY_MS) } else { self.every_ms };
        // A clock that was set back makes it due as well.
        let due = asked_at == i64::MIN || now.0.saturating_sub(asked_at).saturating_abs() >= every_ms;
        if due && !self.state.busy.swap(true, Ordering::AcqRel) {
            self.asked_at.store(now.0, Ordering::Relaxed);
            self.order(now);
        }
    }

    /// At the end, when the last entry is written: a checkpoint of everything, and the thread's end.
    pub(super) fn last_visit(&self, now: Time) {
        self.order(now);
        if let Ok(mut orders) = self.orders.lock() {
            orders.take();
        }
        let thread = self.thread.lock().ok().and_then(|mut thread| thread.take());
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the notary's thread had failed");
        }
    }

    fn order(&self, now: Time) {
        if let Ok(orders) = self.orders.lock()
            && let Some(orders) = &*orders
            && orders.send(now).is_err()
        {
            tracing::error!("the notary's thread is gone: no checkpoints are signed until the next start");
        }
    }
}

/// The thread's side.
struct Worker {
    book: Arc<dyn Book>,
    settings: LedgerSettings,
    metrics: Metrics,
    state: Arc<State>,
    /// Opened with the first order, and again after damage: it reads the whole ledger then.
    notary: Option<Notary>,
}

impl Worker {
    fn run(mut self, inbox: &Receiver<Time>) {
        for now in inbox {
            let result = self.checkpoint(now);
            self.state.failed.store(result.is_err(), Ordering::Release);
            match result {
                Ok(Some(size)) => {
                    self.metrics.checkpointed(now, size);
                    tracing::info!(entries = size, "the ledger has a new checkpoint");
                }
                Ok(None) => {}
                Err(ref error) => {
                    self.metrics.checkpoint_failures.inc();
                    tracing::error!(%error, "no checkpoint of the ledger; it is tried again");
                }
            }
            self.state.busy.store(false, Ordering::Release);
        }
    }

    fn checkpoint(&mut self, now: Time) -> Result<Option<u64>, NotaryError> {
        let mut notary = match self.notary.take() {
            Some(notary) => notary,
            None => Notary::open(Arc::clone(&self.book), &self.settings)?,
        };
        let signed = notary.checkpoint(now);
        // After damage everything is read anew: somebody may have put a backup in place.
        if !matches!(signed, Err(NotaryError::Damaged(_))) {
            self.notary = Some(notary);
        }
        signed
    }
}
