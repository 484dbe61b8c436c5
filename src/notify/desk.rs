//! The notifier: its threads, and what people may ask of it.
//!
//! Owns the start, the stop and the waking. A failure of the outbox is logged and tried again: notifications
//! stop then, and nothing else.

use super::check::{CHECK, Check, drill_message};
use super::clerk::Addressee;
use super::compose::Context;
use super::courier::Door;
use super::overdue::Overdue;
use super::post::Way;
use super::status::{DeadNotice, TargetView};
use super::target::Wants;
use super::trial::Trials;
use crate::clock::Clock;
use crate::config::{Channel, NotifyLimits, NotifySettings, TargetSettings};
use crate::domain::{Mode, Policy, Time};
use crate::metrics::Metrics;
use crate::store::{Change, LedgerReader, Outbox, StoreError};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// The threads look this often for what is new or due.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// After a failure of the store they wait for longer.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// A stop waits this long for attempts that are under way; what isn't noted as delivered is sent again.
const STOP_WAITS: Duration = Duration::from_secs(2);
/// Dead letters that are shown of a target.
const SHOWN_MAX: usize = 50;

/// What a notifier is made of.
pub struct Parts {
    /// What is declared.
    pub settings: NotifySettings,
    /// The name of the ledger: where messages are from.
    pub source: String,
    /// Paths of files go from here.
    pub folder: PathBuf,
    /// What happened.
    pub ledger: Arc<dyn LedgerReader>,
    /// What waits.
    pub outbox: Arc<Outbox>,
    /// The policy in force.
    pub policy: Box<dyn Fn() -> Arc<Policy> + Send + Sync>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The counters.
    pub metrics: Metrics,
}

/// What all threads share.
pub(super) struct Desk {
    pub(super) limits: NotifyLimits,
    pub(super) public_url: Option<String>,
    pub(super) source: String,
    pub(super) ledger: Arc<dyn LedgerReader>,
    pub(super) outbox: Arc<Outbox>,
    pub(super) policy: Box<dyn Fn() -> Arc<Policy> + Send + Sync>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Metrics,
    pub(super) check: Check,
    /// Of a target whose last message did not reach everybody: why, and when.
    missed: Mutex<BTreeMap<String, (String, Time)>>,
    /// Where new targets begin in the ledger, until the outbox knows them all.
    pub(super) undeclared: Mutex<Option<u64>>,
    addressees: Vec<Addressee>,
    bell: Mutex<Bell>,
    rung: Condvar,
}

#[derive(Default)]
struct Bell {
    /// Counts the wakings.
    rings: u64,
    stopping: bool,
    /// Threads that are at work.
    threads: usize,
}

impl Desk {
    pub(super) fn count(&self, target: &str, result: &str, count: u64) {
        if target != CHECK {
            self.metrics.notifications.with_label_values(&[target, result]).inc_by(count);
        }
    }

    /// Notes whom the last message to a target did not reach.
    pub(super) fn remember(&self, target: &str, missed: Option<(String, Time)>) {
        let mut all = self.missed.lock().unwrap_or_else(PoisonError::into_inner);
        match missed {
            Some(missed) => drop(all.insert(target.to_owned(), missed)),
            None => drop(all.remove(target)),
        }
    }

    fn missed(&self, target: &str) -> Option<(String, Time)> {
        self.missed.lock().unwrap_or_else(PoisonError::into_inner).get(target).cloned()
    }

    /// The longest that anything waits by declaration.
    pub(super) fn longest_wait_ms(&self) -> i64 {
        self.limits.max_backoff_ms.max(self.limits.settle_ms).max(Time::HOUR)
    }

    /// Brings the gauges of a target up to date.
    pub(super) fn show(&self, target: &str) -> Result<(), StoreError> {
        if target != CHECK {
            let state = self.outbox.state(target)?;
            let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
            self.metrics.notified(target, number(state.pending), number(state.dead), state.oldest);
        }
        Ok(())
    }

    fn ring(&self) {
        self.bell.lock().unwrap_or_else(PoisonError::into_inner).rings += 1;
        self.rung.notify_all();
    }

    /// Does `work` over and over, at once as long as there is any; until the stop.
    fn keep_at(&self, name: &str, work: impl Fn() -> Result<bool, StoreError>) {
        let mut heard = 0;
        loop {
            let worked = work();
            if let Err(error) = &worked {
                tracing::error!(%error, thread = name, "notifications wait: the outbox or the ledger failed");
            }
            let bell = self.bell.lock().unwrap_or_else(PoisonError::into_inner);
            let pause = match worked {
                Ok(true) => Duration::ZERO,
                Ok(false) => LOOK_EVERY,
                Err(_) => AFTER_FAILURE,
            };
            let quiet = |bell: &mut Bell| !bell.stopping && bell.rings == heard;
            let waited = self.rung.wait_timeout_while(bell, pause, quiet);
            let (mut bell, _) = waited.unwrap_or_else(PoisonError::into_inner);
            heard = bell.rings;
            if bell.stopping {
                bell.threads -= 1;
                drop(bell);
                return self.rung.notify_all();
            }
        }
    }

    pub(super) fn addressees(&self) -> impl Iterator<Item = &Addressee> {
        self.addressees.iter()
    }

    /// Takes over the targets, where that is still to be done.
    fn begin(&self) -> Result<(), StoreError> {
        self.declare().inspect_err(|_| self.metrics.outbox_failing.set(1))
    }

    fn read_for_all(&self) -> Result<bool, StoreError> {
        let head = self.ledger.head()?.entries;
        let mut any = false;
        for addressee in &self.addressees {
            let read = self.read_on(addressee, head)?;
            if read {
                self.show(&addressee.name)?;
            }
            any |= read;
        }
        if any {
            self.ring();
        }
        Ok(any)
    }
}

/// Tells people and programs.
pub struct Notifier {
    desk: Arc<Desk>,
    targets: Vec<(TargetSettings, Way)>,
    pub(super) trials: Trials,
}

impl Notifier {
    /// Takes over the declared targets and starts a thread for each, and one that reads the ledger for all.
    ///
    /// # Errors
    /// The ledger can't be read, or the operating system gives no thread. An outbox that can't be used is none.
    pub fn start(parts: Parts) -> Result<Self, StoreError> {
        let Parts { settings, source, folder, ledger, outbox, policy, clock, metrics } = parts;
        // Where targets that are new begin, also if the outbox can be used only later.
        let undeclared = Mutex::new(Some(ledger.head()?.entries));
        let declared = settings.targets.iter();
        let addressee = |target: &TargetSettings| Addressee { name: target.name.clone(), wants: Wants::of(target) };
        let check = Addressee { name: CHECK.to_owned(), wants: Wants::lane() };
        let addressees = declared.map(addressee).chain([check]).collect();
        let way = |target: TargetSettings| {
            let way = Way::new(&target, &settings.limits, &source, &folder);
            (target, way)
        };
        let targets: Vec<(TargetSettings, Way)> = settings.targets.iter().cloned().map(way).collect();
        let desk = Arc::new(Desk {
            limits: settings.limits,
            public_url: settings.public_url,
            source,
            ledger,
            outbox,
            policy,
            clock,
            metrics,
            check: Check::default(),
            missed: Mutex::default(),
            undeclared,
            addressees,
            bell: Mutex::default(),
            rung: Condvar::new(),
        });
        let notifier = Self { desk, targets, trials: Trials::default() };
        // What it finds is logged by the thread, which tries again. Modes are lowered all the same.
        drop(notifier.desk.begin());
        notifier.spawn("clerk".to_owned(), |desk| {
            let read = desk.begin().and_then(|()| desk.read_for_all());
            desk.metrics.outbox_failing.set(read.is_err().into());
            read
        })?;
        let ways = notifier.targets.iter().map(|(_, way)| Door::Way(Box::new(way.clone())));
        for door in ways.chain([Door::Check]) {
            if let Door::Way(way) = &door
                && matches!(way.channel, Channel::Email(_))
            {
                notifier.desk.metrics.recipients_refused.with_label_values(&[door.name()]);
            }
            for result in ["delivered", "failed", "dead"] {
                notifier.desk.count(door.name(), result, 0);
            }
            let name = format!("courier {}", door.name());
            notifier.spawn(name, move |desk| {
                // Until the clerk could open the outbox there is nothing to be had from it.
                let delivered = desk.is_declared() && desk.deliver(&door)?;
                if delivered {
                    desk.show(door.name())?;
                }
                Ok(delivered)
            })?;
        }
        Ok(notifier)
    }

    fn spawn(
        &self,
        name: String,
        work: impl Fn(&Desk) -> Result<bool, StoreError> + Send + 'static,
    ) -> Result<(), StoreError> {
        let desk = Arc::clone(&self.desk);
        self.desk.bell.lock().unwrap_or_else(PoisonError::into_inner).threads += 1;
        let thread = std::thread::Builder::new().name(name.chars().take(15).collect());
        let spawned = thread.spawn(move || desk.keep_at(&name, || work(&desk)));
        spawned.map(drop).map_err(|source| StoreError::Io { what: "start", path: "a thread".to_owned(), source })
    }

    /// Ends the threads. One that is in the middle of an attempt is not waited for for long: it sends nothing
    /// more, and what it didn't note is sent again after the next start.
    pub fn stop(&self) {
        let mut bell = self.desk.bell.lock().unwrap_or_else(PoisonError::into_inner);
        bell.stopping = true;
        self.desk.rung.notify_all();
        let busy = |bell: &mut Bell| bell.threads > 0;
        let (bell, waited) =
            self.desk.rung.wait_timeout_while(bell, STOP_WAITS, busy).unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            tracing::warn!(
                threads = bell.threads,
                "receivers were slow: what was on its way to them is sent again after the next start"
            );
        }
    }

    /// Has everybody look at once.
    pub fn wake(&self) {
        self.desk.ring();
    }

    /// Takes over everything that is overdue now; what is so for the first time is told.
    pub fn overdue(&self, found: &[Overdue]) {
        for addressee in &self.desk.addressees {
            let noted = self.desk.overdue_for(addressee, found).and_then(|()| self.desk.show(&addressee.name));
            if let Err(error) = noted {
                tracing::error!(%error, "what is overdue could not be put into the outbox");
            }
        }
        self.wake();
    }

    /// All declared targets, and where they stand.
    ///
    /// # Errors
    /// The outbox can't be read.
    pub fn views(&self) -> Result<Vec<TargetView>, StoreError> {
        self.targets.iter().map(|(settings, way)| self.view(settings, way)).collect()
    }

    fn view(&self, settings: &TargetSettings, way: &Way) -> Result<TargetView, StoreError> {
        let state = self.desk.outbox.state(&settings.name)?;
        let dead = self.desk.outbox.dead_letters(&settings.name, SHOWN_MAX)?.into_iter();
        let dead_letters = dead.map(|letter| {
            let crate::store::DeadLetter { id, event, headline, time, attempts, error, dead_at } = letter;
            DeadNotice { id, event, headline, time, attempts, error, dead_at }
        });
        let (error, error_at) = match (state.error, self.desk.missed(&settings.name)) {
            (None, Some((missed, at))) => (Some(missed), Some(at)),
            (error, _) => (error, state.error_at),
        };
        Ok(TargetView {
            name: settings.name.clone(),
            kind: settings.channel.name().to_owned(),
            host: way.shown(),
            events: settings.events.iter().map(|kind| kind.name().to_owned()).collect(),
            pending: state.pending,
            oldest_pending: state.oldest,
            dead: state.dead,
            failures: state.failures,
            next_attempt: Some(state.due_at).filter(|_| state.failures > 0 && state.pending > 0),
            last_error: error,
            last_error_at: error_at,
            last_delivered_at: state.delivered_at,
            dead_letters: dead_letters.collect(),
        })
    }

    /// Whether a target of this name is declared.
    pub fn has(&self, target: &str) -> bool {
        self.way(target).is_some()
    }

    /// Has what waits for a target, and what was given up, tried again now; how many were given up.
    ///
    /// # Errors
    /// The outbox can't be written.
    pub fn retry(&self, target: &str) -> Result<u64, StoreError> {
        let count = self.desk.outbox.retry(target, self.desk.clock.now())?;
        self.desk.show(target)?;
        self.wake();
        Ok(count)
    }

    /// The way to a declared target.
    pub(super) fn way(&self, target: &str) -> Option<&Way> {
        self.targets.iter().find(|(settings, _)| settings.name == target).map(|(_, way)| way)
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.desk.clock
    }

    /// A drill lowered its lane: the targets that take part in drills get a test message. The ids of those.
    ///
    /// # Errors
    /// The outbox can't be written.
    pub fn drill(&self, drill: u64, epoch: u64) -> Result<Vec<(String, String)>, StoreError> {
        let now = self.desk.clock.now();
        let message = self.with_context(|context| drill_message(drill, epoch, now, context));
        let mut sent = Vec::new();
        for (settings, _) in self.targets.iter().filter(|(settings, _)| settings.drill) {
            let of = Addressee { name: settings.name.clone(), wants: Wants::of(settings) };
            let letter = self.desk.letter(&of, &message, now)?;
            self.desk.outbox.put(&settings.name, None, &[Change::Add(letter)], now)?;
            sent.push((settings.name.clone(), message.id.clone()));
        }
        self.wake();
        Ok(sent)
    }

    /// Whether the demotion of the lane came through the outbox.
    pub fn has_arrived(&self, mode: Mode, epoch: u64) -> bool {
        self.desk.check.has(mode, epoch)
    }

    /// Whether a message is on its way still; an error where it was given up.
    ///
    /// # Errors
    /// Why it was given up, or the outbox can't be read.
    pub fn is_waiting(&self, target: &str, id: &str) -> Result<bool, String> {
        let found = self.desk.outbox.fate(target, id).map_err(|error| error.to_string())?;
        match found {
            None => Ok(false),
            Some(None) => Ok(true),
            Some(Some(error)) => Err(format!("{target}: {error}")),
        }
    }

    pub(super) fn with_context<T>(&self, make: impl FnOnce(&Context<'_>) -> T) -> T {
        let policy = (self.desk.policy)();
        make(&Context { policy: &policy, public_url: self.desk.public_url.as_deref() })
    }
}
