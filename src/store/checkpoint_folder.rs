//! A folder of checkpoints, best on another disk, host or object store than the ledger.
//!
//! Owns the names of its files, that each appears whole, that none is overwritten with another, and
//! how many are kept. Must not know what a checkpoint says.

use super::error::StoreError;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The file that holds the newest one again.
pub const LATEST: &str = "latest";
/// Other files end otherwise: `00000000000000000042.checkpoint` is the one over 42 entries.
const ENDING: &str = ".checkpoint";
const TMP: &str = ".checkpoint.tmp";

/// The folder.
#[derive(Debug, Clone)]
pub struct CheckpointFolder {
    path: PathBuf,
    kept_max: usize,
}

impl CheckpointFolder {
    /// A folder in which so many checkpoints are kept.
    pub const fn new(path: PathBuf, kept_max: usize) -> Self {
        Self { path, kept_max }
    }

    /// Writes a checkpoint and makes it the latest. The folder is made where only itself is missing:
    /// where its parent is missing too, a disk is probably not mounted.
    ///
    /// # Errors
    /// The operating system refused, or there is another checkpoint of this size.
    pub fn put(&self, size: u64, note: &str) -> Result<(), StoreError> {
        if let Err(error) = fs::create_dir(&self.path)
            && error.kind() != io::ErrorKind::AlreadyExists
        {
            return Err(StoreError::io("create", self.path.display().to_string())(error));
        }
        let path = self.path.join(format!("{size:020}{ENDING}"));
        let shown = || path.display().to_string();
        match fs::read_to_string(&path) {
            Ok(kept) if kept == note => {}
            Ok(_) => return Err(StoreError::CheckpointTaken { path: shown() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.write(&path, note).map_err(StoreError::io("write", shown()))?;
            }
            Err(error) => return Err(StoreError::io("read", shown())(error)),
        }
        let latest = self.path.join(LATEST);
        self.write(&latest, note).map_err(StoreError::io("write", latest.display().to_string()))?;
        self.forget_old();
        Ok(())
    }

    fn write(&self, path: &Path, note: &str) -> io::Result<()> {
        let tmp = self.path.join(TMP);
        let mut file = File::create(&tmp)?;
        file.write_all(note.as_bytes())?;
        file.sync_all()?;
        fs::rename(&tmp, path)?;
        File::open(&self.path)?.sync_all()
    }

    /// A place that lets nobody remove anything is the best place: that is no failure.
    fn forget_old(&self) {
        let Ok(names) = self.names() else { return };
        for name in &names[..names.len().saturating_sub(self.kept_max)] {
            if let Err(error) = fs::remove_file(self.path.join(name)) {
                tracing::debug!(%error, name, "an old checkpoint stays");
            }
        }
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.ends_with(ENDING) {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// All checkpoints with their files, the smallest first, and the latest.
    ///
    /// # Errors
    /// The folder or one of the files can't be read.
    pub fn read(&self) -> Result<Vec<(PathBuf, String)>, StoreError> {
        let mut names = self.names().map_err(StoreError::io("list", self.path.display().to_string()))?;
        if self.path.join(LATEST).exists() {
            names.push(LATEST.to_owned());
        }
        names
            .into_iter()
            .map(|name| {
                let path = self.path.join(name);
                let note = fs::read_to_string(&path).map_err(StoreError::io("read", path.display().to_string()))?;
                Ok((path, note))
            })
            .collect()
    }

    /// The newest checkpoint; `None` where there is none yet.
    ///
    /// # Errors
    /// It can't be read.
    pub fn latest(&self) -> Result<Option<String>, StoreError> {
        let path = self.path.join(LATEST);
        match fs::read_to_string(&path) {
            Ok(note) => Ok(Some(note)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io("read", path.display().to_string())(error)),
        }
    }
}
