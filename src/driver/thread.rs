//! The driver's thread and the handle by which everybody else talks to it.
//!
//! Owns the bounded queue, the grouping of requests into one commit, the ticks and the clock
//! watch. A request either gets an answer that is durable, or is turned away at once.

use super::batch::{EventBatch, ReviewBatch, Taken};
use super::board::Board;
use super::bookkeeper::Bookkeeper;
use super::engine::{Answer, Engine};
use super::group::{Group, Permit, Reply, unavailable};
use crate::clock::Clock;
use crate::domain::{CLOCK_SET, Command, Input, Policy, Refusal, Time};
use crate::metrics::Metrics;
use crate::monitor::{Effect, Monitor};
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use thiserror::Error;
use tokio::sync::{Semaphore, oneshot};

/// The driver looks this often for what is due, milliseconds.
const WAKE_MS: i64 = 200;
/// At most so many outputs share one commit.
const GROUP_EVENTS_MAX: usize = 50_000;
/// At most so many bytes of requests share one commit: the journal takes a frame of 256 MiB.
const GROUP_BYTES_MAX: usize = 64 * 1024 * 1024;
/// A wall clock that moves by more than this beside the monotonic one was set, milliseconds.
const CLOCK_STEP_MS: i64 = 10_000;
/// Bytes a permit of the queue stands for.
const PERMIT_BYTES: usize = 1_024;

/// Why the driver takes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unavailable {
    /// The queue is full.
    #[error("the queue of {limit} is full: send again after a moment, or slower")]
    Full {
        /// `queue_requests_max` or `queue_bytes_max`.
        limit: &'static str,
    },
    /// The store refused.
    #[error("the store refused a write and takes nothing more until a person has looked: {0}")]
    Store(String),
    /// The daemon stops.
    #[error("the daemon is stopping")]
    Stopping,
}

type Look = Box<dyn FnOnce(&mut Engine, &Bookkeeper, Time) + Send>;

enum Job {
    Events(EventBatch, Reply<Answer>, Permit),
    Reviews(ReviewBatch, Reply<Answer>, Permit),
    Command(Command, Reply<Vec<Effect>>),
    Policy(Box<Policy>, Reply<Vec<Effect>>),
    Look(Look),
    Wake,
    Stop,
}

/// Limits of the queue.
#[derive(Debug, Clone, Copy)]
pub struct QueueLimits {
    /// Requests.
    pub requests_max: usize,
    /// Bytes of all requests.
    pub bytes_max: usize,
}

/// The way to the driver. Cheap to clone.
#[derive(Clone)]
pub struct Driver {
    jobs: Sender<Job>,
    requests: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    limits: QueueLimits,
    board: Arc<Board>,
    metrics: Metrics,
    clock: Arc<dyn Clock>,
    bookkeeper: Arc<Bookkeeper>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Driver {
    /// Starts the thread on an engine.
    ///
    /// # Errors
    /// The operating system gives no thread.
    pub fn start(
        engine: Engine,
        bookkeeper: Bookkeeper,
        limits: QueueLimits,
        clock: Arc<dyn Clock>,
    ) -> std::io::Result<Self> {
        let (jobs, inbox) = channel();
        let (board, metrics) = (Arc::clone(engine.board()), engine.metrics.clone());
        let bookkeeper = Arc::new(bookkeeper);
        let worker = Worker {
            engine,
            bookkeeper: Arc::clone(&bookkeeper),
            clock: Arc::clone(&clock),
            stepped: None,
            ticked_ms: i64::MIN,
        };
        let thread = std::thread::Builder::new().name("driver".to_owned()).spawn(move || worker.run(&inbox))?;
        Ok(Self {
            jobs,
            requests: Arc::new(Semaphore::new(limits.requests_max)),
            bytes: Arc::new(Semaphore::new(limits.bytes_max / PERMIT_BYTES)),
            limits,
            board,
            metrics,
            clock,
            bookkeeper,
            thread: Arc::new(Mutex::new(Some(thread))),
        })
    }

    /// The published modes.
    pub const fn board(&self) -> &Arc<Board> {
        &self.board
    }

    /// The clock that everything here goes by.
    pub const fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The newest refusals, newest first.
    pub fn refusals(&self, limit: usize) -> Vec<Refusal> {
        self.bookkeeper.refusals(limit)
    }

    /// What the intake counted from one hour up to before another, by the names of `store::Counted`; `None` unless all
    /// of these hours were counted.
    pub fn counted(&self, from_hour: i64, until_hour: i64) -> Option<BTreeMap<String, u64>> {
        self.bookkeeper.counted(from_hour, until_hour, self.clock.now())
    }

    /// Keeps and counts refusals.
    pub fn refused(&self, refusals: &[Refusal]) {
        for refusal in refusals {
            self.metrics.rejected.with_label_values(&[refusal.code.name()]).inc();
        }
        self.bookkeeper.keep(refusals, self.clock.now());
    }

    /// Takes a place in the queue for a request of `bytes`, before anything is spent on it.
    ///
    /// # Errors
    /// The queue is full, or the store refused.
    pub fn reserve(&self, bytes: usize) -> Result<Reserved, Unavailable> {
        if let Some(reason) = self.board.poisoned() {
            self.metrics.overloaded.inc();
            return Err(Unavailable::Store(reason.to_string()));
        }
        let full = |limit| {
            self.metrics.overloaded.inc();
            Unavailable::Full { limit }
        };
        let permits = u32::try_from(bytes.div_ceil(PERMIT_BYTES).max(1)).unwrap_or(u32::MAX);
        let request = Arc::clone(&self.requests).try_acquire_owned().map_err(|_| full("queue_requests_max"))?;
        let bytes = Arc::clone(&self.bytes).try_acquire_many_owned(permits).map_err(|_| full("queue_bytes_max"))?;
        self.show_queue();
        Ok(Reserved(Permit { _request: request, bytes }))
    }

    /// Grows or shrinks the place to `bytes`, once the true size is known.
    ///
    /// # Errors
    /// The queue is full.
    pub fn resize(&self, reserved: &mut Reserved, bytes: usize) -> Result<(), Unavailable> {
        let held = reserved.0.bytes.num_permits();
        let wanted = bytes.div_ceil(PERMIT_BYTES).max(1);
        if wanted > held {
            let more = u32::try_from(wanted - held).unwrap_or(u32::MAX);
            let more = Arc::clone(&self.bytes).try_acquire_many_owned(more);
            reserved.0.bytes.merge(more.map_err(|_| {
                self.metrics.overloaded.inc();
                Unavailable::Full { limit: "queue_bytes_max" }
            })?);
        } else {
            drop(reserved.0.bytes.split(held - wanted));
        }
        Ok(())
    }

    /// Takes outputs; returns when they are durable and counted.
    ///
    /// # Errors
    /// Nothing was taken.
    pub async fn events(&self, batch: EventBatch, reserved: Reserved) -> Result<Taken, Unavailable> {
        let Answer { taken, spent } = self.ask(|reply| Job::Events(batch, reply, reserved.0)).await?;
        drop(spent);
        self.refused(&taken.rejected);
        Ok(taken)
    }

    /// Takes human verdicts.
    ///
    /// # Errors
    /// Nothing was taken.
    pub async fn reviews(&self, batch: ReviewBatch, reserved: Reserved) -> Result<Taken, Unavailable> {
        let taken = self.ask(|reply| Job::Reviews(batch, reply, reserved.0)).await?.taken;
        self.refused(&taken.rejected);
        Ok(taken)
    }

    /// Takes a person's order; returns what followed from it.
    ///
    /// # Errors
    /// Nothing happened.
    pub async fn command(&self, command: Command) -> Result<Vec<Effect>, Unavailable> {
        self.ask(|reply| Job::Command(command, reply)).await
    }

    /// Puts a policy into force.
    ///
    /// # Errors
    /// The old one stays.
    pub async fn load(&self, policy: Policy) -> Result<Vec<Effect>, Unavailable> {
        self.ask(|reply| Job::Policy(Box::new(policy), reply)).await
    }

    /// Looks at the state between two groups. `look` must be quick: it holds up the intake.
    ///
    /// # Errors
    /// The daemon stops.
    pub async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Monitor, Time) -> T + Send + 'static,
    ) -> Result<T, Unavailable> {
        self.look(move |engine, _, now| look(engine.monitor(), now)).await
    }

    /// Looks at everything that is the driver's, between two groups.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&mut Engine, &Bookkeeper, Time) -> T + Send + 'static,
    ) -> Result<T, Unavailable> {
        let (reply, answer) = oneshot::channel();
        let look: Look = Box::new(move |engine, books, now| drop(reply.send(look(engine, books, now))));
        self.jobs.send(Job::Look(look)).map_err(|_| Unavailable::Stopping)?;
        answer.await.map_err(|_| Unavailable::Stopping)
    }

    async fn ask<T>(&self, job: impl FnOnce(Reply<T>) -> Job) -> Result<T, Unavailable> {
        let (reply, answer) = oneshot::channel();
        self.jobs.send(job(reply)).map_err(|_| Unavailable::Stopping)?;
        let result = answer.await.map_err(|_| Unavailable::Stopping)?;
        self.show_queue();
        result
    }

    /// Sets the gauges of the queue; at a scrape too, because what is refused gives its place back
    /// without a word.
    pub fn show_queue(&self) {
        let used = self.limits.requests_max - self.requests.available_permits();
        let kib = self.limits.bytes_max / PERMIT_BYTES - self.bytes.available_permits();
        self.metrics.queue_depth.set(i64::try_from(used).unwrap_or(i64::MAX));
        self.metrics.queue_bytes.set(i64::try_from(kib * PERMIT_BYTES).unwrap_or(i64::MAX));
    }

    /// Makes the driver look at the clock now.
    pub fn wake(&self) {
        // A driver that is gone needs no waking.
        drop(self.jobs.send(Job::Wake));
    }

    /// Answers what waits, takes a last snapshot and ends. Blocks; a second call does nothing.
    pub fn stop(&self) {
        drop(self.jobs.send(Job::Stop));
        let thread = self.thread.lock().ok().and_then(|mut thread| thread.take());
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the driver's thread had failed");
        }
    }
}

/// A place in the queue that was taken.
pub struct Reserved(Permit);

struct Worker {
    engine: Engine,
    bookkeeper: Arc<Bookkeeper>,
    clock: Arc<dyn Clock>,
    /// Wall clock minus monotonic clock when last looked at.
    stepped: Option<i64>,
    /// Monotonic time when it was last looked for what is due.
    ticked_ms: i64,
}

impl Worker {
    fn run(mut self, inbox: &Receiver<Job>) {
        loop {
            let first = match inbox.recv_timeout(Duration::from_millis(WAKE_MS.unsigned_abs())) {
                Ok(job) => job,
                Err(RecvTimeoutError::Timeout) => Job::Wake,
                Err(RecvTimeoutError::Disconnected) => Job::Stop,
            };
            self.pass_time(matches!(first, Job::Wake));
            if matches!(first, Job::Stop) {
                break;
            }
            // What waits already shares the commit; an order or a policy comes between two groups.
            let mut next = Some(first);
            while let Some(job) = next.take() {
                next = self.group(job, inbox);
                if matches!(next, Some(Job::Stop)) {
                    return self.bookkeeper.last_visit(&mut self.engine, self.clock.now());
                }
            }
            self.engine.board.beat();
            self.bookkeeper.visit(&mut self.engine, self.clock.now());
        }
        self.bookkeeper.last_visit(&mut self.engine, self.clock.now());
    }

    /// Lets lapse what is due. A clock that was set is not silence of the workflows.
    fn pass_time(&mut self, woken: bool) {
        let monotonic_ms = self.clock.monotonic_ms();
        // What is due is looked for among all workflows: not with every request.
        if !woken && monotonic_ms < self.ticked_ms.saturating_add(WAKE_MS) {
            return;
        }
        self.ticked_ms = monotonic_ms;
        if self.engine.board.poisoned().is_some() {
            return;
        }
        let now = self.clock.now();
        let offset = now.0 - monotonic_ms;
        let before = self.stepped.replace(offset);
        let result = if before.is_some_and(|before| (offset - before).abs() > CLOCK_STEP_MS) {
            tracing::warn!(%now, "the wall clock was set: silence is counted from now");
            self.engine
                .input(now, Input::Started { version: format!("{}{CLOCK_SET}", env!("CARGO_PKG_VERSION")) })
                .map(drop)
        } else {
            Ok(())
        };
        if let Err(error) = result.and_then(|()| self.engine.tick(now)) {
            tracing::error!(%error, "time could not be recorded");
        }
    }

    /// Works on a job and all of its kind that wait behind it; returns the first of another kind.
    fn group(&mut self, first: Job, inbox: &Receiver<Job>) -> Option<Job> {
        let now = self.clock.now();
        let mut group = Group::default();
        let mut next = Some(first);
        let mut other = None;
        while let Some(job) = next.take() {
            match job {
                Job::Events(batch, reply, permit) => {
                    group.events += batch.events.len();
                    group.bytes += batch.encoded.len();
                    let staged = self.engine.stage_events(now, batch);
                    group.add(staged, reply, permit);
                }
                Job::Reviews(batch, reply, permit) => {
                    group.events += batch.items.len();
                    let staged = self.engine.stage_reviews(now, batch);
                    group.add(staged, reply, permit);
                }
                job => {
                    other = Some(job);
                    break;
                }
            }
            if group.events < GROUP_EVENTS_MAX && group.bytes < GROUP_BYTES_MAX {
                next = inbox.try_recv().ok();
            }
        }
        if !group.staged.is_empty() {
            self.engine.metrics.group_events.observe(f64::from(u32::try_from(group.events).unwrap_or(u32::MAX)));
        }
        group.commit(&mut self.engine, now);
        match other? {
            Job::Command(command, reply) => self.answer(now, Input::Command(command), reply),
            Job::Policy(policy, reply) => self.answer(now, Input::Policy(policy), reply),
            Job::Look(look) => look(&mut self.engine, &self.bookkeeper, now),
            Job::Wake => {}
            job @ (Job::Events(..) | Job::Reviews(..) | Job::Stop) => return Some(job),
        }
        None
    }

    fn answer(&mut self, now: Time, input: Input, reply: Reply<Vec<Effect>>) {
        let result = self.engine.input(now, input).map_err(unavailable);
        // Whoever asked may have gone away; what was ordered stands.
        drop(reply.send(result));
    }
}
