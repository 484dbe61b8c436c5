//! The daemon as an object: start, serve, reload, stop.
//!
//! Owns the order in which the parts are made and, last in first out, taken down. Tests run it in
//! their own process on port 0 with a clock that they move.

use crate::access::{self, AccessError};
use crate::clock::Clock;
use crate::config::Settings;
use crate::domain::{Action, Command, Input};
use crate::drill::Conductor;
use crate::driver::{Board, Bookkeeper, Driver, Engine, EngineOptions, NotaryDesk, QueueLimits, Schedule, StartError};
use crate::exposition::Scraper;
use crate::http::listener::Limited;
use crate::http::{self, Shared};
use crate::metrics::Metrics;
use crate::notify::{Notifier, Parts};
use crate::reload::{Reloader, beside};
use crate::store::{JournalSettings, LedgerReader, Outbox, Store, StoreError, StoreOptions};
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

/// Why the daemon can't start.
#[derive(Debug, Error)]
pub enum AppError {
    /// The store can't be opened or read.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The store refused the first write.
    #[error("the store refused a write: {0}")]
    Store(#[from] StoreError),
    /// Nobody could be let in, or everybody would be.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The address can't be had.
    #[error(
        "can't listen on {address}: {source}. Another andon may be running there: choose another `[server] listen`"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The operating system gives no thread.
    #[error("can't start a thread: {0}")]
    Thread(std::io::Error),
    /// Two metrics of one name.
    #[error("the catalogue of metrics is wrong: {0}")]
    Metrics(#[from] prometheus::Error),
}

/// A running daemon.
pub struct App {
    address: SocketAddr,
    driver: Driver,
    reloader: Arc<Reloader>,
    stopping: watch::Sender<bool>,
    server: JoinHandle<()>,
    schedules: [JoinHandle<()>; 4],
    notifier: Arc<Notifier>,
    grace: Duration,
}

impl App {
    /// Opens the store in the folder of the settings, and starts.
    ///
    /// # Errors
    /// See [`AppError`].
    pub async fn start(settings: Settings, file: Option<PathBuf>, clock: Arc<dyn Clock>) -> Result<Self, AppError> {
        let (store, recovery) =
            Store::open(&settings.store.path, store_options(&settings)).map_err(StartError::Store)?;
        if let Some(cut) = &recovery.cut {
            tracing::warn!(
                file = cut.file,
                offset = cut.offset,
                bytes = cut.bytes,
                why = cut.why,
                "a torn end of the journal was cut off: nothing of it had been acknowledged"
            );
        }
        Self::start_on(store, settings, file, clock).await
    }

    /// Starts on a store that is already open.
    ///
    /// # Errors
    /// See [`AppError`].
    pub async fn start_on(
        store: Store,
        settings: Settings,
        file: Option<PathBuf>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, AppError> {
        let access = access::load(&settings, &beside(file.as_deref().unwrap_or(Path::new(""))))?;
        access::may_listen(&settings, &access, clock.now())?;
        let address = settings.server.listen;
        let listener = TcpListener::bind(address).await.map_err(|source| AppError::Listen { address, source })?;
        let address = listener.local_addr().map_err(|source| AppError::Listen { address, source })?;
        if !address.ip().is_loopback() {
            tracing::warn!(
                %address,
                "other machines reach this address, and andon speaks plain HTTP: tokens can be read on the way, unless a proxy in front of it terminates TLS"
            );
        }
        let metrics = Metrics::new()?;
        let (ledger, book) = (store.book.reader()?, Arc::clone(&store.book));
        let (news, outbox) = (store.book.reader()?, Arc::clone(&store.outbox));
        let shelf = store.shelf.clone();
        let driver = start_driver(store, &settings, &metrics, &clock)?;
        let notifier = start_notifier(&settings, file.as_deref(), &driver, (news, outbox), &metrics)?;
        let reloader =
            Reloader::new(file, settings.clone(), access, driver.clone(), metrics.clone(), Arc::clone(&clock));
        let reloader = Arc::new(reloader);
        let listener = Limited::new(listener, limit(settings.server.connections_max));
        let (stopping, stop) = watch::channel(false);
        let scraper = Scraper::new(driver.clone(), Arc::clone(&reloader), metrics.clone(), settings.clone());
        let (record, told) = (Arc::clone(&ledger), Arc::clone(&notifier));
        let drills = Conductor::new(driver.clone(), book, record, told, metrics.clone(), settings.drill);
        let shared = Shared {
            driver: driver.clone(),
            ledger,
            metrics,
            reloader: Arc::clone(&reloader),
            scraper: Arc::new(scraper),
            drills: Arc::new(drills),
            notifier: Arc::clone(&notifier),
            reports: Arc::new(http::report_desk::Desk::new(&settings.report, shelf)),
            reading: Arc::new(Semaphore::new(cores().saturating_sub(1).max(1))),
            audits: Arc::new(Semaphore::new(1)),
            floors: Arc::new(Semaphore::new(http::floor::AT_A_TIME)),
            long_polls: Arc::new(Semaphore::new(limit(settings.server.long_polls_max))),
            feed: Arc::new(http::stream::Feed::new(limit(settings.server.streams_max))),
            simulations: Arc::default(),
            backtests: Arc::new(http::backtests::Backtests::new(settings.store.path.clone())),
            sessions: Arc::new(sessions(&settings)),
            server: Arc::new(settings.server.clone()),
            stopping: stop.clone(),
        };
        let schedules = [
            tokio::spawn(http::drills::keep_schedule(shared.clone())),
            tokio::spawn(http::notifications::keep_watch(shared.clone())),
            tokio::spawn(http::stream::keep_feed(shared.clone())),
            tokio::spawn(http::report_schedule::keep_schedule(shared.clone())),
        ];
        let server = tokio::spawn(serve(listener, crate::console::router(shared), stop));
        let grace = Duration::from_millis(settings.server.shutdown_grace_ms);
        Ok(Self { address, driver, reloader, stopping, server, schedules, notifier, grace })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The way to the driver.
    pub const fn driver(&self) -> &Driver {
        &self.driver
    }

    /// Loads the configuration anew.
    pub const fn reloader(&self) -> &Arc<Reloader> {
        &self.reloader
    }

    /// Stops: no new requests, the present ones are answered, a last snapshot, the store is closed.
    pub async fn stop(self) {
        self.stopping.send_replace(true);
        let mut server = self.server;
        if tokio::time::timeout(self.grace, &mut server).await.is_err() {
            tracing::warn!("some connections did not end in time and are cut");
            server.abort();
        }
        // A drill that is broken off is known by its missing end, and says nothing about the wires.
        self.schedules.iter().for_each(JoinHandle::abort);
        let (driver, notifier) = (self.driver, self.notifier);
        let stop = move || {
            notifier.stop();
            driver.stop();
        };
        if tokio::task::spawn_blocking(stop).await.is_err() {
            tracing::error!("the driver could not be stopped");
        }
    }
}

/// Options of the store that follow from the settings.
pub fn store_options(settings: &Settings) -> StoreOptions {
    let journal = JournalSettings { segment_bytes: settings.store.segment_bytes, ..JournalSettings::default() };
    StoreOptions { journal }
}

fn start_driver(
    store: Store,
    settings: &Settings,
    metrics: &Metrics,
    clock: &Arc<dyn Clock>,
) -> Result<Driver, AppError> {
    let now = clock.now();
    let board = Arc::new(Board::new(Arc::clone(clock)));
    let options = EngineOptions {
        dedup_window_ms: settings.store.dedup_window_ms,
        dedup_max: limit(settings.store.dedup_max),
        check_times: true,
    };
    let book = Arc::clone(&store.book);
    let (mut engine, started) = Engine::open(store, board, metrics.clone(), options, now)?;
    tracing::info!(
        snapshot = started.snapshot_seq,
        replayed = started.replayed,
        ledger_entries = started.entries,
        "state restored"
    );
    engine.input(now, Input::Started { version: env!("CARGO_PKG_VERSION").to_owned() })?;
    if engine.monitor().house().review_key == 0 {
        // The standard library's hash keys come from the system's source of random numbers.
        let key = RandomState::new().hash_one(now.0).max(1);
        let action = Action::ReviewKey { key };
        engine.input(now, Input::Command(Command::new("andon", action)))?;
    }
    let waiting = engine.monitor().house().waiting.as_ref().map(|policy| policy.hash.clone());
    let in_force = engine.monitor().policy().hash == settings.policy.hash;
    let is_known = waiting.as_ref().map_or(in_force, |hash| *hash == settings.policy.hash);
    if !is_known {
        engine.input(now, Input::Policy(Box::new(settings.policy.clone())))?;
    }
    if engine.monitor().house().waiting.is_some() {
        tracing::warn!(
            "the configuration loosens something and waits for an approver, the policy before it holds: `andon requests`"
        );
    }
    // What lapsed while the daemon was away must not be served for the moment until the first tick.
    engine.tick(now)?;
    let schedule = Schedule {
        snapshot_every_ms: i64::try_from(settings.store.snapshot_every_ms).unwrap_or(i64::MAX),
        retention_ms: i64::try_from(settings.store.retention_days)
            .unwrap_or(i64::MAX)
            .saturating_mul(crate::domain::Time::DAY),
        journal_bytes_max: settings.store.journal_bytes_max,
        refusals_max: limit(settings.server.refusals_max),
    };
    let notary =
        NotaryDesk::start(Arc::clone(&book), settings.ledger.clone(), metrics.clone()).map_err(AppError::Thread)?;
    let bookkeeper = Bookkeeper::start(book, metrics.clone(), schedule, notary, started.snapshot_seq, now)
        .map_err(AppError::Thread)?;
    let limits = QueueLimits {
        requests_max: limit(settings.server.queue_requests_max),
        bytes_max: limit(settings.server.queue_bytes_max),
    };
    Driver::start(engine, bookkeeper, limits, Arc::clone(clock)).map_err(AppError::Thread)
}

/// Answers requests until the daemon begins to stop, and those of then to their end.
async fn serve(listener: Limited, router: axum::Router, mut stop: watch::Receiver<bool>) {
    let served = axum::serve(listener, router).with_graceful_shutdown(async move {
        drop(stop.wait_for(|stop| *stop).await);
    });
    if let Err(error) = served.await {
        tracing::error!(%error, "the server ended");
    }
}

fn start_notifier(
    settings: &Settings,
    file: Option<&Path>,
    driver: &Driver,
    (ledger, outbox): (Arc<dyn LedgerReader>, Arc<Outbox>),
    metrics: &Metrics,
) -> Result<Arc<Notifier>, StoreError> {
    let board = Arc::clone(driver.board());
    let parts = Parts {
        settings: settings.notify.clone(),
        source: settings.ledger.origin.clone(),
        folder: file.and_then(Path::parent).unwrap_or(Path::new("")).to_path_buf(),
        ledger,
        outbox,
        policy: Box::new(move || board.policy()),
        clock: Arc::clone(driver.clock()),
        metrics: metrics.clone(),
    };
    Notifier::start(parts).map(Arc::new)
}

fn sessions(settings: &Settings) -> access::Sessions {
    let lasts_ms = i64::try_from(settings.server.session_ms).unwrap_or(i64::MAX);
    access::Sessions::new(limit(settings.server.sessions_max), lasts_ms)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}

fn limit(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS)
}
