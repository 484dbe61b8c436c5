//! The shelf: reports of weeks, whole files that appear at once and are never changed.
//!
//! Owns the names of its files, what stands around a report in them, and how many are kept. Must not know what a
//! report says. Nothing on it is needed to go on: where it can't be written, only a report is missing.

use super::disk::Disk;
use super::error::StoreError;
use crate::domain::Time;
use crate::seal::Hash;
use serde::{Deserialize, Serialize};
use std::io;
use std::sync::Arc;

/// Its folder.
const FOLDER: &str = "reports";
const ENDING: &str = ".json";
/// What is being written; a later one replaces it.
const TMP: &str = "reports/report.tmp";
/// A file begins with the head and this, the report and the end follow.
const BEFORE: &[u8] = b",\"report\":";
const AFTER: &[u8] = b"}\n";
/// A head is shorter than this.
const HEAD_MAX: usize = 512;
/// What is damaged there can be made anew.
const REMEDY: &str = "move the file away, or ask for this report with ?fresh=true";

/// What stands before a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// When it was made.
    pub made_at: Time,
    /// SHA-256 of the report, byte for byte.
    pub sha256: String,
}

/// A report that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// What stands before it.
    pub label: Label,
    /// The report, byte for byte as it was made.
    pub report: Vec<u8>,
}

/// The shelf.
#[derive(Clone)]
pub struct Shelf {
    disk: Arc<dyn Disk>,
}

impl Shelf {
    /// On a disk; nothing is written before the first report.
    pub fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk }
    }

    /// Keeps a report, and of all the `max` newest. One of the same name is replaced.
    ///
    /// # Errors
    /// The operating system refused; what was kept is as it was.
    pub fn put(&self, name: &str, made_at: Time, report: &[u8], max: usize) -> Result<Label, StoreError> {
        let label = Label { made_at, sha256: Hash::of(&[report]).to_string() };
        let path = path(name);
        self.write(&path, &label, report).map_err(StoreError::io("write", path))?;
        self.forget(max);
        Ok(label)
    }

    fn write(&self, path: &str, label: &Label, report: &[u8]) -> io::Result<()> {
        let head = serde_json::to_string(label)?;
        let head = head.trim_end_matches('}').as_bytes();
        self.disk.create_dir(FOLDER)?;
        let file = self.disk.create(TMP)?;
        file.write_at(0, &[head, BEFORE, report, AFTER].concat())?;
        file.sync()?;
        drop(file);
        self.disk.rename(TMP, path)?;
        self.disk.sync_dir(FOLDER)?;
        // The first report makes the folder, whose own name must last as well.
        self.disk.sync_dir("")
    }

    /// A place that lets nobody remove anything keeps more: that is no failure.
    fn forget(&self, max: usize) {
        let Ok(names) = self.names() else { return };
        for name in names.iter().rev().skip(max) {
            if let Err(error) = self.disk.remove(&path(name)) {
                tracing::warn!(%error, name, "an old report stays");
            }
        }
    }

    /// The names of what is kept, in their order.
    ///
    /// # Errors
    /// The folder can't be read.
    pub fn names(&self) -> Result<Vec<String>, StoreError> {
        let files = match self.disk.list(FOLDER) {
            Ok(files) => files,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(StoreError::io("list", FOLDER)(error)),
        };
        Ok(files.iter().filter_map(|file| Some(file.name.strip_suffix(ENDING)?.to_owned())).collect())
    }

    /// What stands before a report; `None` where it isn't kept.
    ///
    /// # Errors
    /// It can't be read, or is damaged.
    pub fn label(&self, name: &str) -> Result<Option<Label>, StoreError> {
        let Some((bytes, _)) = self.read(name, HEAD_MAX)? else { return Ok(None) };
        split(name, &bytes).map(|(label, _)| Some(label))
    }

    /// A report; `None` where it isn't kept.
    ///
    /// # Errors
    /// It can't be read, or is not what was kept.
    pub fn get(&self, name: &str) -> Result<Option<Kept>, StoreError> {
        let Some((bytes, _)) = self.read(name, usize::MAX)? else { return Ok(None) };
        let (label, rest) = split(name, &bytes)?;
        let report = rest.strip_suffix(AFTER).ok_or_else(|| damaged(name, bytes.len(), "it ends too early"))?;
        if Hash::of(&[report]).to_string() != label.sha256 {
            return Err(damaged(name, bytes.len() - rest.len(), "its hash is another one"));
        }
        Ok(Some(Kept { label, report: report.to_vec() }))
    }

    /// The beginning of a file, of at most so many bytes, and the file's length.
    fn read(&self, name: &str, max: usize) -> Result<Option<(Vec<u8>, u64)>, StoreError> {
        let path = path(name);
        let read = || -> io::Result<(Vec<u8>, u64)> {
            let file = self.disk.open(&path)?;
            let length = file.bytes()?;
            let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?.min(max)];
            let count = file.read_at(0, &mut bytes)?;
            bytes.truncate(count);
            Ok((bytes, length))
        };
        match read() {
            Ok(read) => Ok(Some(read)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io("read", path)(error)),
        }
    }
}

fn path(name: &str) -> String {
    format!("{FOLDER}/{name}{ENDING}")
}

/// The label, and what follows it.
fn split<'b>(name: &str, bytes: &'b [u8]) -> Result<(Label, &'b [u8]), StoreError> {
    let at = bytes.windows(BEFORE.len()).take(HEAD_MAX).position(|window| window == BEFORE);
    let at = at.ok_or_else(|| damaged(name, 0, "it begins with no label"))?;
    let label = serde_json::from_slice(&[&bytes[..at], b"}"].concat());
    let label = label.map_err(|error| damaged(name, 0, &format!("its label can't be read: {error}")))?;
    Ok((label, &bytes[at + BEFORE.len()..]))
}

fn damaged(name: &str, offset: usize, what: &str) -> StoreError {
    StoreError::Corrupt { file: path(name), offset: offset as u64, what: what.to_owned(), remedy: REMEDY }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::{Fault, FaultyDisk, Op};

    fn shelf(disk: &FaultyDisk) -> Shelf {
        Shelf::new(Arc::new(disk.clone()))
    }

    #[test]
    fn what_is_kept_survives_the_power_and_the_oldest_goes() {
        let disk = FaultyDisk::new();
        let shelf_of = shelf(&disk);
        assert_eq!(shelf_of.names().unwrap(), Vec::<String>::new());
        for (week, at) in [("2026-W52", 1), ("2026-W53", 2), ("2027-W01", 3)] {
            shelf_of.put(week, Time(at), format!("{{\"week\":\"{week}\"}}").as_bytes(), 2).unwrap();
        }
        assert_eq!(shelf_of.names().unwrap(), ["2026-W53", "2027-W01"]);
        // The removal need not last: the next report makes up for it.
        let after = shelf(&disk.crash(None));
        let kept = after.get("2027-W01").unwrap().unwrap();
        assert_eq!((kept.label.made_at, kept.report.as_slice()), (Time(3), &b"{\"week\":\"2027-W01\"}"[..]));
        assert_eq!(after.label("2027-W01").unwrap(), Some(kept.label));
        assert_eq!(after.get("2026-W51").unwrap(), None);
    }

    #[test]
    fn a_failure_leaves_what_was_kept_and_damage_is_found() {
        let disk = FaultyDisk::new();
        let shelf = shelf(&disk);
        shelf.put("2026-W47", Time(1), b"{}", 9).unwrap();
        for op in [Op::Create, Op::Write, Op::Sync, Op::Rename] {
            disk.fail(op, 1, Fault::NoSpace);
            assert!(shelf.put("2026-W47", Time(2), b"{\"other\":1}", 9).is_err(), "{op:?}");
            assert_eq!(shelf.get("2026-W47").unwrap().unwrap().report, b"{}", "{op:?}");
        }
        disk.damage("reports/2026-W47.json", |bytes| {
            let brace = bytes.iter().rposition(|byte| *byte == b'{').unwrap();
            bytes[brace] = b'[';
        });
        let damaged = shelf.get("2026-W47").unwrap_err().to_string();
        assert!(damaged.contains("its hash is another one"), "{damaged}");
        disk.damage("reports/2026-W47.json", Vec::clear);
        assert!(shelf.get("2026-W47").is_err() && shelf.label("2026-W47").is_err());
    }
}
