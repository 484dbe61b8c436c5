//! Loading the configuration anew while everything runs.
//!
//! Owns the settings in force and the rule that a reload takes effect as a whole or not at all.
//! What cannot change without a restart is named, not silently ignored.

use crate::access::{self, Access, AccessError};
use crate::clock::Clock;
use crate::config::{self, Problems, Settings};
use crate::domain::{Ask, Entry, Policy, What};
use crate::driver::{Driver, Unavailable};
use crate::metrics::Metrics;
use crate::monitor::Effect;
use arc_swap::ArcSwap;
use serde::{Deserialize, Serialize};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;
use utoipa::ToSchema;

/// Most bytes of a file that the configuration names.
const NAMED_FILE_BYTES_MAX: u64 = 8 << 20;

/// Reads the files that a configuration names: from its own folder, text of at most 8 MiB. The error
/// is the end of a sentence that begins with the path.
pub fn beside(config: &Path) -> impl Fn(&str) -> Result<String, String> + use<> {
    let folder = config.parent().unwrap_or(Path::new("")).to_path_buf();
    move |path| {
        let cause = |error: std::io::Error| format!("can't be read: {error}");
        let path = folder.join(path);
        // A pipe or a device could keep the daemon waiting for ever.
        if !std::fs::metadata(&path).map_err(cause)?.is_file() {
            return Err("isn't a file".to_owned());
        }
        let mut bytes = Vec::new();
        let file = std::fs::File::open(&path).map_err(cause)?;
        file.take(NAMED_FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(cause)?;
        if bytes.len() as u64 > NAMED_FILE_BYTES_MAX {
            return Err("has more than 8 MiB".to_owned());
        }
        String::from_utf8(bytes).map_err(|_| "isn't text in UTF-8".to_owned())
    }
}

/// What a reload did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reloaded {
    /// Hash of the policy now in force.
    pub policy: String,
    /// Whether it differs from the one before.
    pub changed: bool,
    /// The request that waits for an approver, where the new policy loosens something: until it is
    /// approved the old one stays.
    pub waiting: Option<String>,
    /// What it loosens, a sentence each.
    pub loosens: Vec<String>,
    /// Access tokens now in force, the expired ones included; `null` where none are configured.
    pub tokens: Option<usize>,
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
    /// The access tokens can't be loaded.
    #[error("the old configuration and the old access tokens stay: {0}")]
    Access(#[from] AccessError),
    /// The driver takes nothing.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Holds the settings in force and replaces them.
pub struct Reloader {
    file: Option<PathBuf>,
    settings: ArcSwap<Settings>,
    access: ArcSwap<Access>,
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
        access: Access,
        driver: Driver,
        metrics: Metrics,
        clock: Arc<dyn Clock>,
    ) -> Self {
        metrics.reload_ok.set(1);
        metrics.reload_at.set(clock.now().0 / 1_000);
        let settings = ArcSwap::from_pointee(settings);
        let access = ArcSwap::from_pointee(access);
        Self { file, settings, access, driver, metrics, clock, one_at_a_time: tokio::sync::Mutex::default() }
    }

    /// How long a mode answer holds, milliseconds.
    pub fn lease_ms(&self) -> i64 {
        self.driver.board().policy().lease_ms
    }

    /// Who gets in.
    pub fn access(&self) -> arc_swap::Guard<Arc<Access>> {
        self.access.load()
    }

    /// Hash of the policy in force.
    fn policy_hash(&self) -> String {
        self.driver.board().policy().hash.clone()
    }

    /// Most ids remembered for deduplication.
    pub fn dedup_max(&self) -> u64 {
        self.settings.load().store.dedup_max
    }

    /// Most workflows taken without a declaration.
    pub fn unknown_max(&self) -> u64 {
        self.driver.board().policy().unknown.max as u64
    }

    /// Reads the file again and puts it into force in the name of `by`, or keeps everything as it is.
    ///
    /// # Errors
    /// The old settings stay.
    pub async fn reload(&self, by: &str) -> Result<Reloaded, ReloadError> {
        let _turn = self.one_at_a_time.lock().await;
        let result = self.load(by).await;
        self.metrics.reload_ok.set(i64::from(result.is_ok()));
        match &result {
            Ok(reloaded) => {
                self.metrics.reload_at.set(self.clock.now().0 / 1_000);
                let Reloaded { policy, changed, restart_needed, waiting, .. } = reloaded;
                match waiting {
                    Some(request) => tracing::warn!(
                        policy,
                        request,
                        "the new policy loosens something and waits for an approver: `andon requests`"
                    ),
                    None => tracing::info!(policy, changed, ?restart_needed, "configuration reloaded"),
                }
            }
            Err(error) => tracing::error!(%error, "configuration not reloaded"),
        }
        result
    }

    async fn load(&self, by: &str) -> Result<Reloaded, ReloadError> {
        let path = self.file.as_ref().ok_or(ReloadError::NoFile)?;
        let file = path.display().to_string();
        let unreadable = |cause: String| ReloadError::Unreadable { file: file.clone(), cause };
        let text = tokio::fs::read_to_string(path).await.map_err(|error| unreadable(error.to_string()))?;
        // The files of baselines are read on the way, on a thread that may wait for a disk.
        let (name, read) = (file.clone(), beside(path));
        let read = tokio::task::spawn_blocking(move || {
            let new = config::load_with(&text, &name, &read).map_err(ReloadError::Problems)?;
            let access = access::load(&new, &read)?;
            Ok::<_, ReloadError>((new, access))
        });
        let (new, access) = read.await.map_err(|error| unreadable(error.to_string()))??;
        let old = self.settings.load_full();
        let address = old.server.listen;
        if !address.ip().is_loopback() && new.tokens.is_none() {
            return Err(AccessError::Open { address }.into());
        }
        let tokens = access.count(self.clock.now());
        // Revoking the last one must take effect; but nobody should have to guess what happened.
        if tokens.is_some_and(|tokens| tokens.holding == 0) {
            tracing::warn!("no access token holds any more: nobody gets in until there is a new one");
        }
        let changed = new.policy.hash != self.policy_hash();
        // A file that goes back to what is in force ends what waits.
        let waits_now = self.driver.read(|monitor, _| monitor.house().waiting.is_some()).await?;
        let named = Policy { loaded_by: by.to_owned(), ..new.policy.clone() };
        let effects = if changed || waits_now { self.driver.load(named).await? } else { Vec::new() };
        let (waiting, loosens) = waits(&effects).unzip();
        let differs = [
            ("server", new.server != old.server),
            ("store", new.store != old.store),
            ("ledger", new.ledger != old.ledger),
            ("drill", new.drill != old.drill),
            ("report", new.report != old.report),
            ("notify", new.notify != old.notify),
        ];
        let restart_needed =
            differs.iter().filter(|(_, differs)| *differs).map(|(section, _)| (*section).to_owned()).collect();
        let policy = self.policy_hash();
        // What needs a restart stays as it is until then, so that `/metrics` shows what holds.
        let (server, store, ledger) = (old.server.clone(), old.store.clone(), old.ledger.clone());
        let in_force = Settings {
            server,
            store,
            ledger,
            drill: old.drill,
            report: old.report.clone(),
            notify: old.notify.clone(),
            ..new
        };
        self.settings.store(Arc::new(in_force));
        self.access.store(Arc::new(access));
        let tokens = tokens.map(|tokens| tokens.holding + tokens.expired);
        let changed = changed && waiting.is_none();
        let loosens = loosens.unwrap_or_default();
        Ok(Reloaded { policy, changed, waiting, loosens, tokens, restart_needed })
    }
}

/// The request of a policy that waits, and what it loosens.
pub fn waits(effects: &[Effect]) -> Option<(String, Vec<String>)> {
    effects.iter().find_map(|effect| match effect {
        Effect::Ledger(Entry { what: What::Requested { request, ask: Ask::Policy { loosens, .. }, .. }, .. }) => {
            Some((request.clone(), loosens.clone()))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_beside_the_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
        let most = usize::try_from(NAMED_FILE_BYTES_MAX).unwrap();
        std::fs::create_dir(folder.path().join("more")).unwrap();
        write("more/text.csv", "ü\n".as_bytes());
        write("most.csv", &vec![b'1'; most]);
        write("large.csv", &vec![b'1'; most + 1]);
        write("binary.csv", &[0xff, 0xfe]);
        let read = beside(&folder.path().join("andon.toml"));
        assert_eq!(read("more/text.csv").as_deref(), Ok("ü\n"));
        assert_eq!(read("more/../more/text.csv").as_deref(), Ok("ü\n"));
        assert_eq!(read("most.csv").map(|text| text.len()), Ok(most));
        assert_eq!(read("large.csv").unwrap_err(), "has more than 8 MiB");
        assert_eq!(read("binary.csv").unwrap_err(), "isn't text in UTF-8");
        assert_eq!(read("more").unwrap_err(), "isn't a file");
        assert!(read("none.csv").unwrap_err().starts_with("can't be read: "));
    }
}
