//! The store's folder: whose it is, which format it has, and that only one daemon uses it.
//!
//! Owns the files `LOCK` and `FORMAT`. Must not know what else is in the folder.

use super::error::StoreError;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::Path;

/// The newest format of the folder that this program reads, and the one that it writes: which files
/// there are. Each file has a format of its own besides.
const FORMAT: u64 = 1;
const FORMAT_FILE: &str = "FORMAT";
const LOCK_FILE: &str = "LOCK";

/// Held while the store is open. The operating system lets go of it when the process ends, however.
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Creates the folder if need be and takes the lock.
    pub(super) fn take(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join(LOCK_FILE);
        let shown = || path.display().to_string();
        fs::create_dir_all(folder).map_err(StoreError::io("create", folder.display().to_string()))?;
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(StoreError::io("open", shown()))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path: folder.display().to_string() }),
            Err(TryLockError::Error(error)) => Err(StoreError::io("lock", shown())(error)),
        }
    }
}

/// Makes sure that the folder is a store of a known format; an empty one becomes one.
pub(super) fn check_format(folder: &Path) -> Result<(), StoreError> {
    let path = folder.join(FORMAT_FILE);
    let shown = || path.display().to_string();
    match fs::read_to_string(&path) {
        Ok(text) => parse(&text, &shown()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            refuse_foreign(folder)?;
            write(folder).map_err(StoreError::io("write", shown()))
        }
        Err(error) => Err(StoreError::io("read", shown())(error)),
    }
}

/// Makes sure that the folder is a store of a known format, without making it one.
pub(super) fn require_format(folder: &Path) -> Result<(), StoreError> {
    let path = folder.join(FORMAT_FILE);
    let shown = || path.display().to_string();
    match fs::read_to_string(&path) {
        Ok(text) => parse(&text, &shown()),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Err(StoreError::NoStore { path: folder.display().to_string() })
        }
        Err(error) => Err(StoreError::io("read", shown())(error)),
    }
}

fn parse(text: &str, path: &str) -> Result<(), StoreError> {
    let Some(found) = text.trim().strip_prefix("andon store ").and_then(|number| number.parse::<u64>().ok()) else {
        return Err(StoreError::NotAStore {
            path: path.to_owned(),
            what: "its first line is not `andon store 1`".to_owned(),
        });
    };
    match found {
        1..=FORMAT => Ok(()),
        _ => Err(StoreError::NewerFormat { what: path.to_owned(), found, known: FORMAT }),
    }
}

/// A folder with other things in it was probably named by mistake.
fn refuse_foreign(folder: &Path) -> Result<(), StoreError> {
    let shown = || folder.display().to_string();
    for entry in fs::read_dir(folder).map_err(StoreError::io("list", shown()))? {
        let name = entry.map_err(StoreError::io("list", shown()))?.file_name();
        let name = name.to_string_lossy();
        if !matches!(&*name, LOCK_FILE | "FORMAT.tmp" | "lost+found") {
            return Err(StoreError::NotAStore {
                path: shown(),
                what: format!("it has no file `{FORMAT_FILE}`, but a `{name}`"),
            });
        }
    }
    Ok(())
}

fn write(folder: &Path) -> io::Result<()> {
    let tmp = folder.join("FORMAT.tmp");
    let mut file = File::create(&tmp)?;
    writeln!(file, "andon store {FORMAT}")?;
    file.sync_all()?;
    fs::rename(&tmp, folder.join(FORMAT_FILE))?;
    File::open(folder)?.sync_all()
}
