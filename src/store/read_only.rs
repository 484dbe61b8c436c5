//! Looking into a store without being its daemon: nothing is locked, cut, repaired or written.
//!
//! Owns the disk that can't write, and the patience with a daemon that is at work in the same
//! folder: a commit half written looks like a torn end, and a file may be packed between two looks.

use super::disk::{Disk, DiskFile, FileInfo, RealDisk};
use super::error::StoreError;
use super::journal::Cut;
use super::replay::JournalReader;
use super::{LedgerReader, folder, recovery, sqlite};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// So often a folder is looked at anew while a daemon changes it.
const LOOKS_MAX: usize = 20;

/// A store that is only looked at.
pub struct Look {
    /// All whole records at the time of the look.
    pub journal: JournalReader,
    /// What follows the last whole record: a commit that was torn by a crash, or is being written.
    pub torn: Option<Cut>,
    folder: PathBuf,
}

impl Look {
    /// Looks into the store of a folder, which a daemon may have open.
    ///
    /// # Errors
    /// No store, one of another format, or damage.
    pub fn at(path: &Path) -> Result<Self, StoreError> {
        folder::require_format(path)?;
        let (journal, torn) = look(Arc::new(ReadOnlyDisk(RealDisk::new(path))))?;
        Ok(Self { journal, torn, folder: path.to_owned() })
    }

    /// The ledger.
    ///
    /// # Errors
    /// There is none, or it can't be read.
    pub fn ledger(&self) -> Result<Arc<dyn LedgerReader>, StoreError> {
        sqlite::read_only_ledger(&self.folder)
    }
}

/// Damage stays where it is; what was only a moment in a daemon's work is gone at the next look.
fn look(disk: Arc<dyn Disk>) -> Result<(JournalReader, Option<Cut>), StoreError> {
    let mut before = None;
    let mut looks = 0;
    let found = loop {
        looks += 1;
        match recovery::find(&*disk) {
            Ok(found) => break found,
            Err(error) => {
                let now = error.to_string();
                if looks == LOOKS_MAX || before.as_ref() == Some(&now) {
                    return Err(error);
                }
                before = Some(now);
            }
        }
    };
    let cut = found.cut();
    Ok((JournalReader::over(disk, found.segments), cut))
}

/// The file system, read-only.
#[derive(Debug, Clone)]
struct ReadOnlyDisk(RealDisk);

fn refused<T>() -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::ReadOnlyFilesystem, "this store is only looked at"))
}

impl Disk for ReadOnlyDisk {
    fn create_dir(&self, _dir: &str) -> io::Result<()> {
        refused()
    }

    fn list(&self, dir: &str) -> io::Result<Vec<FileInfo>> {
        self.0.list(dir)
    }

    fn create(&self, _path: &str) -> io::Result<Box<dyn DiskFile>> {
        refused()
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(ReadOnlyFile(File::open(self.0.root().join(path))?)))
    }

    fn rename(&self, _from: &str, _to: &str) -> io::Result<()> {
        refused()
    }

    fn remove(&self, _path: &str) -> io::Result<()> {
        refused()
    }

    fn sync_dir(&self, _dir: &str) -> io::Result<()> {
        refused()
    }
}

struct ReadOnlyFile(File);

impl DiskFile for ReadOnlyFile {
    fn bytes(&self) -> io::Result<u64> {
        self.0.metadata().map(|meta| meta.len())
    }

    fn write_at(&self, _offset: u64, _bytes: &[u8]) -> io::Result<()> {
        refused()
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        super::disk::read_at(&self.0, offset, bytes)
    }

    fn truncate(&self, _bytes: u64) -> io::Result<()> {
        refused()
    }

    fn sync(&self) -> io::Result<()> {
        refused()
    }
}
