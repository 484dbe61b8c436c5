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
use crate::driver::{Driver, Unavailable};
use crate::metrics::Metrics;
use crate::reload::Reloader;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Workflows that the driver writes down at a time: less than a millisecond.
const PORTION: usize = 50;

/// What scrapes need, and what one leaves for the next.
pub struct Scraper {
    driver: Driver,
    reloader: Arc<Reloader>,
    metrics: Metrics,
    settings: Settings,
    windows: Mutex<Cache>,
    last_ms: AtomicI64,
}

impl Scraper {
    /// With the settings that the daemon started with.
    pub fn new(driver: Driver, reloader: Arc<Reloader>, metrics: Metrics, settings: Settings) -> Self {
        Self { driver, reloader, metrics, settings, windows: Mutex::default(), last_ms: AtomicI64::new(0) }
    }

    /// The whole text, with the workflows that `may_see` lets through.
    ///
    /// # Errors
    /// Where the driver doesn't answer.
    pub async fn scrape(
        self: &Arc<Self>,
        format: Format,
        may_see: impl Fn(&str) -> bool,
    ) -> Result<String, Unavailable> {
        let begun_ms = self.driver.clock().monotonic_ms();
        let mut modes = self.driver.board().all();
        let all = modes.len();
        modes.retain(|(view, _)| may_see(view.workflow.as_str()));
        let is_whole = modes.len() == all;
        self.driver.show_queue();
        let mut page = Page::new(format);
        modes.iter().for_each(|(view, last_read_ms)| workflow::mode(&mut page, view, *last_read_ms));
        let mut works = Vec::with_capacity(modes.len());
        for portion in modes.chunks(PORTION) {
            let ids: Vec<WorkflowId> = portion.iter().map(|(view, _)| view.workflow.clone()).collect();
            let written = self.driver.read(move |monitor, now| {
                let known = ids.iter().filter_map(|id| monitor.workflows().get(id));
                let works: Vec<Work> = known.clone().map(Work::of).collect();
                known.for_each(|known| workflow::add(&mut page, known, now));
                (page, works)
            });
            let (more, some) = written.await?;
            page = more;
            works.extend(some);
        }
        let house = self.driver.read(move |monitor, _| {
            house::monitor(&mut page, monitor);
            page
        });
        page = house.await?;
        let scraper = Arc::clone(self);
        let text = tokio::task::spawn_blocking(move || scraper.finish(page, &works, is_whole)).await;
        self.last_ms.store(self.driver.clock().monotonic_ms() - begun_ms, Ordering::Relaxed);
        text.map_err(|_| Unavailable::Stopping)
    }

    fn finish(&self, mut page: Page, works: &[Work], is_whole: bool) -> String {
        let now = self.driver.clock().now();
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        windows.add(&mut page, works, now);
        if is_whole {
            windows.keep_only(works);
        }
        drop(windows);
        let board = self.driver.board();
        let daemon = Daemon {
            server: &self.settings.server,
            reloader: &self.reloader,
            policy: &board.policy(),
            tokens: self.reloader.access().count(now),
            is_ready: board.caps().is_none(),
            room: room(&self.settings.store.path),
            last_scrape_ms: self.last_ms.load(Ordering::Relaxed),
            drill_every_ms: self.settings.drill.every_ms,
            snapshot_every_ms: self.settings.store.snapshot_every_ms,
        };
        house::daemon(&mut page, &daemon);
        page.gathered(self.metrics.registry.gather());
        page.finish()
    }
}
