//! One scrape, put together.
//!
//! Owns the order: what the driver answers in small portions, so that the intake goes on in between, and
//! what other threads work out of it. Knows no HTTP.

use super::disk::room;
use super::house::{self, Daemon};
use super::page::{Format, Page};
use super::window::{Cache, Work};
use super::workflow;
use crate::config::Settings;
use crate::domain::WorkflowId;
use crate::domain::access::Reach;
use crate::driver::{Driver, Unavailable};
use crate::metrics::Metrics;
use crate::reload::Reloader;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::timeout;

/// Workflows that the driver writes down at a time: less than a millisecond.
const PORTION: usize = 50;

/// So long a scrape waits for the driver, for all portions together: Prometheus gives a scrape 10 s by default,
/// and what the process itself knows must come in time.
const DRIVER_WAIT: Duration = Duration::from_secs(5);

/// A page so far.
struct Part {
    page: Page,
    /// What windows are worked out of; `None` where the driver didn't answer.
    works: Option<Vec<Work>>,
}

/// What scrapes need, and what one leaves for the next.
pub struct Scraper {
    driver: Driver,
    reloader: Arc<Reloader>,
    metrics: Metrics,
    settings: Settings,
    windows: Mutex<Cache>,
    last_ms: AtomicI64,
    /// Whether the last one lacked the driver's part.
    was_partial: AtomicBool,
}

impl Scraper {
    /// With the settings that the daemon started with.
    pub fn new(driver: Driver, reloader: Arc<Reloader>, metrics: Metrics, settings: Settings) -> Self {
        let (windows, last_ms, was_partial) = (Mutex::default(), AtomicI64::new(0), AtomicBool::new(false));
        Self { driver, reloader, metrics, settings, windows, last_ms, was_partial }
    }

    /// The whole text, with the workflows that `reach` holds; what concerns the whole house stands in it only
    /// for whoever may see all of them. A driver that doesn't answer in time is left out.
    ///
    /// # Errors
    /// Where the daemon stops.
    pub async fn scrape(self: &Arc<Self>, format: Format, reach: &Reach) -> Result<String, Unavailable> {
        let begun_ms = self.driver.clock().monotonic_ms();
        let mut modes = self.driver.board().all();
        modes.retain(|(view, _)| reach.has(view.workflow.as_str()));
        self.driver.show_queue();
        let begun = || {
            let mut page = Page::new(format);
            modes.iter().for_each(|(view, last_read_ms)| workflow::mode(&mut page, view, *last_read_ms));
            page
        };
        let told = if self.driver.board().driver_hangs() {
            None
        } else {
            let ids = modes.iter().map(|(view, _)| view.workflow.clone()).collect();
            let told = timeout(DRIVER_WAIT, self.ask_driver(begun(), ids, reach.is_all()));
            told.await.ok().transpose()?
        };
        self.note_partial(told.is_none());
        let part = told.unwrap_or_else(|| Part { page: begun(), works: None });
        let (scraper, is_whole) = (Arc::clone(self), reach.is_all());
        let text = tokio::task::spawn_blocking(move || scraper.finish(part, is_whole)).await;
        self.last_ms.store(self.driver.clock().monotonic_ms() - begun_ms, Ordering::Relaxed);
        text.map_err(|_| Unavailable::Stopping)
    }

    /// What the driver knows: of these workflows, and of the house.
    async fn ask_driver(&self, mut page: Page, ids: Vec<WorkflowId>, with_house: bool) -> Result<Part, Unavailable> {
        let mut works = Vec::with_capacity(ids.len());
        for portion in ids.chunks(PORTION).map(<[_]>::to_vec) {
            let written = self.driver.read(move |monitor, now| {
                let known = portion.iter().filter_map(|id| monitor.workflows().get(id));
                let works: Vec<Work> = known.clone().map(Work::of).collect();
                known.for_each(|known| workflow::add(&mut page, known, now));
                (page, works)
            });
            let (more, some) = written.await?;
            page = more;
            works.extend(some);
        }
        if with_house {
            let house = self.driver.read(move |monitor, now| {
                house::monitor(&mut page, monitor, now);
                page
            });
            page = house.await?;
        }
        Ok(Part { page, works: Some(works) })
    }

    /// Counts a scrape without the driver's part; the log says when they begin and when they are over.
    fn note_partial(&self, is_partial: bool) {
        if is_partial {
            self.metrics.scrapes_partial.inc();
        }
        match (self.was_partial.swap(is_partial, Ordering::Relaxed), is_partial) {
            (false, true) => tracing::warn!(
                "scrapes hold the modes and what the process counts only: the driver didn't answer within {} s; a disk that hangs, or a machine that is overloaded?",
                DRIVER_WAIT.as_secs()
            ),
            (true, false) => tracing::info!("scrapes are whole again: the driver answers"),
            _ => {}
        }
    }

    fn finish(&self, Part { mut page, works }: Part, is_whole: bool) -> String {
        let now = self.driver.clock().now();
        let has_answered = works.is_some();
        if let Some(works) = works {
            let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
            windows.add(&mut page, &works, now);
            if is_whole {
                windows.keep_only(&works);
            }
        }
        let board = self.driver.board();
        let daemon = Daemon {
            server: &self.settings.server,
            reloader: &self.reloader,
            policy: &board.policy(),
            tokens: self.reloader.access().count(now),
            is_ready: has_answered && board.caps().is_none(),
            // A disk on which the driver hangs may keep this question waiting as well.
            room: if has_answered { room(&self.settings.store.path) } else { None },
            last_scrape_ms: self.last_ms.load(Ordering::Relaxed),
            drill_every_ms: self.settings.drill.every_ms,
            snapshot_every_ms: self.settings.store.snapshot_every_ms,
        };
        house::daemon(&mut page, &daemon);
        page.gathered(self.metrics.registry.gather());
        page.finish()
    }
}
