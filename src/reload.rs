//! Loading the configuration anew while everything runs.
//!
//! Owns the settings in force and the rule that a reload takes effect as a whole or not at all.
//! What cannot change without a restart is named, not silently ignored.

use crate::clock::Clock;
use crate::config::{self, Problems, Settings};
use crate::driver::{Driver, Unavailable};
use crate::metrics::Metrics;
use arc_swap::ArcSwap;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;
use thiserror::Error;
use utoipa::ToSchema;

/// What a reload did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reloaded {
    /// Hash of the policy now in force.
    pub policy: String,
    /// Whether it differs from the one before.
    pub changed: bool,
    /// Sections whose changes take effect at the next start only.
    pub restart_needed: Vec<String>,
}

/// Why the old configuration stays.
#[derive(Debug, Error)]
pub enum ReloadError {
    /// The daemon runs without a file.
    #[error("the daemon was started without a configuration file, so there is nothing to reload")]
    NoFile,
    /// The file can't be read.
    #[error("`{file}` can't be read, the old configuration stays: {cause}")]
    Unreadable {
        /// The file.
        file: String,
        /// Why.
        cause: String,
    },
    /// The file has problems.
    #[error("the old configuration stays, because the new one has problems:\n{0}")]
    Problems(Problems),
    /// The driver takes nothing.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Holds the settings in force and replaces them.
pub struct Reloader {
    file: Option<PathBuf>,
    settings: ArcSwap<Settings>,
    driver: Driver,
    metrics: Metrics,
    clock: Arc<dyn Clock>,
    one_at_a_time: tokio::sync::Mutex<()>,
}

impl Reloader {
    /// With the settings that the daemon started with.
    pub fn new(
        file: Option<PathBuf>,
        settings: Settings,
        driver: Driver,
        metrics: Metrics,
        clock: Arc<dyn Clock>,
    ) -> Self {
        metrics.reload_ok.set(1);
        metrics.reload_at.set(clock.now().0 / 1_000);
        let settings = ArcSwap::from_pointee(settings);
        Self { file, settings, driver, metrics, clock, one_at_a_time: tokio::sync::Mutex::default() }
    }

    /// How long a mode answer holds, milliseconds.
    pub fn lease_ms(&self) -> i64 {
        self.settings.load().policy.lease_ms
    }

    /// Hash of the policy in force.
    pub fn policy_hash(&self) -> String {
        self.settings.load().policy.hash.clone()
    }

    /// Most ids remembered for deduplication.
    pub fn dedup_max(&self) -> u64 {
        self.settings.load().store.dedup_max
    }

    /// Most workflows taken without a declaration.
    pub fn unknown_max(&self) -> u64 {
        self.settings.load().policy.unknown.max as u64
    }

    /// Reads the file again and puts it into force, or keeps everything as it is.
    ///
    /// # Errors
    /// The old settings stay.
    pub async fn reload(&self) -> Result<Reloaded, ReloadError> {
        let _turn = self.one_at_a_time.lock().await;
        let result = self.load().await;
        self.metrics.reload_ok.set(i64::from(result.is_ok()));
        match &result {
            Ok(reloaded) => {
                self.metrics.reload_at.set(self.clock.now().0 / 1_000);
                tracing::info!(policy = reloaded.policy, changed = reloaded.changed, restart_needed = ?reloaded.restart_needed, "configuration reloaded");
            }
            Err(error) => tracing::error!(%error, "configuration not reloaded"),
        }
        result
    }

    async fn load(&self) -> Result<Reloaded, ReloadError> {
        let path = self.file.as_ref().ok_or(ReloadError::NoFile)?;
        let file = path.display().to_string();
        let text = tokio::fs::read_to_string(path).await;
        let text = text.map_err(|error| ReloadError::Unreadable { file: file.clone(), cause: error.to_string() })?;
        let new = config::load(&text, &file).map_err(ReloadError::Problems)?;
        let old = self.settings.load_full();
        let changed = new.policy.hash != old.policy.hash;
        if changed {
            self.driver.load(new.policy.clone()).await?;
        }
        let differs = [("server", new.server != old.server), ("store", new.store != old.store)];
        let restart_needed =
            differs.iter().filter(|(_, differs)| *differs).map(|(section, _)| (*section).to_owned()).collect();
        let policy = new.policy.hash.clone();
        // What needs a restart stays as it is until then, so that `/metrics` shows what holds.
        let in_force = Settings { server: old.server.clone(), store: old.store.clone(), ..new };
        self.settings.store(Arc::new(in_force));
        Ok(Reloaded { policy, changed, restart_needed })
    }
}
