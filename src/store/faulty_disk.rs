//! A disk in memory that forgets, tears and fails like a real one, for tests of whoever stores.
//!
//! Owns the model of a crash: contents since the last sync survive sector by sector, by chance;
//! names since the last sync of their folder survive one by one, by chance. Knows no formats.

use super::disk::{Disk, DiskFile, FileInfo};
use super::faulty_image::{Dice, Done, Image};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An operation that can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    /// A write into a file.
    Write,
    /// A sync of a file.
    Sync,
    /// A change of a length.
    Truncate,
    /// A new file.
    Create,
    /// A new name.
    Rename,
    /// A removal.
    Remove,
    /// A sync of a folder.
    SyncDir,
}

/// How an operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No space left: half of a write is done.
    NoSpace,
    /// The device failed. After a failed sync the data count as written although they are not, as
    /// on Linux (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020).
    Device,
}

/// The disk. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub struct FaultyDisk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Contents by number; names point to them.
    files: BTreeMap<u64, Image>,
    live: BTreeMap<String, u64>,
    durable: BTreeMap<String, u64>,
    /// Changes since the last sync of their folder, each whole or not at all.
    names: Vec<Vec<Name>>,
    counts: BTreeMap<Op, u64>,
    faults: Vec<(Op, u64, Fault)>,
    /// Operations until the crash.
    countdown: Option<u64>,
    dead: bool,
    next_file: u64,
}

/// A name and the number it points to, or none when it was removed.
type Name = (String, Option<u64>);

impl FaultyDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// The `nth` operation of that kind from now on fails, once; 1 is the next.
    pub fn fail(&self, op: Op, nth: u64, fault: Fault) {
        let mut state = self.lock();
        let at = state.counts.get(&op).copied().unwrap_or(0) + nth;
        state.faults.push((op, at, fault));
    }

    /// After `operations` more changing operations everything fails, as when the power goes.
    pub fn crash_after(&self, operations: u64) {
        self.lock().countdown = Some(operations);
    }

    /// How many operations of that kind were asked for.
    pub fn count(&self, op: Op) -> u64 {
        self.lock().counts.get(&op).copied().unwrap_or(0)
    }

    /// How many changing operations were asked for.
    pub fn operations(&self) -> u64 {
        self.lock().counts.values().sum()
    }

    /// Ends this disk (all further operations fail) and gives the one found after the crash: without
    /// a seed only what was synced, with one also a random part of what was not.
    #[must_use]
    pub fn crash(&self, seed: Option<u64>) -> Self {
        let mut state = self.lock();
        state.dead = true;
        let mut dice = Dice(seed.unwrap_or(0));
        let mut keep = || seed.is_some() && dice.next().is_multiple_of(2);
        let mut after = State { live: state.durable.clone(), next_file: state.next_file, ..State::default() };
        for change in &state.names {
            if keep() {
                point(&mut after.live, change);
            }
        }
        for (number, image) in &state.files {
            let bytes = image.after_crash(&mut keep);
            after.files.insert(*number, Image::durable(bytes));
        }
        after.durable = after.live.clone();
        Self(Arc::new(Mutex::new(after)))
    }

    /// Ends this disk and gives the one that the next process finds when only the process died.
    #[must_use]
    pub fn kill(&self) -> Self {
        let mut state = self.lock();
        state.dead = true;
        let after = State {
            files: state.files.clone(),
            live: state.live.clone(),
            durable: state.durable.clone(),
            names: state.names.clone(),
            next_file: state.next_file,
            ..State::default()
        };
        Self(Arc::new(Mutex::new(after)))
    }

    /// The contents of a file as a reader sees them; `None` where there is none.
    pub fn contents(&self, path: &str) -> Option<Vec<u8>> {
        let state = self.lock();
        state.live.get(path).and_then(|file| state.files.get(file)).map(|image| image.live.clone())
    }

    /// Damages a file durably: the function gets its contents. A missing one is made.
    pub fn damage(&self, path: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.lock();
        let mut bytes =
            state.live.get(path).and_then(|file| state.files.get(file)).map_or(Vec::new(), |it| it.live.clone());
        change(&mut bytes);
        let file = state.new_file();
        state.files.insert(file, Image::durable(bytes));
        state.live.insert(path.to_owned(), file);
        state.durable.insert(path.to_owned(), file);
    }

    /// Removes a file durably.
    pub fn delete(&self, path: &str) {
        let mut state = self.lock();
        state.live.remove(path);
        state.durable.remove(path);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn new_file(&mut self) -> u64 {
        self.next_file += 1;
        self.next_file
    }

    /// Counts an operation and says how far it gets.
    fn step(&mut self, op: Op) -> (Done, io::Result<()>) {
        if self.dead {
            return (Done::Nothing, Err(io::Error::other("the power is off")));
        }
        let count = self.counts.entry(op).or_default();
        *count += 1;
        let count = *count;
        if let Some(left) = &mut self.countdown {
            if *left == 0 {
                self.dead = true;
                return (Done::Half, Err(io::Error::other("the power went")));
            }
            *left -= 1;
        }
        let Some(at) = self.faults.iter().position(|(which, nth, _)| *which == op && *nth == count) else {
            return (Done::All, Ok(()));
        };
        match self.faults.swap_remove(at).2 {
            Fault::NoSpace => (Done::Half, Err(io::Error::from(io::ErrorKind::StorageFull))),
            Fault::Device => (Done::Lost, Err(io::Error::other("input/output error"))),
        }
    }

    fn rename_live(&mut self, change: Vec<Name>) {
        point(&mut self.live, &change);
        self.names.push(change);
    }
}

/// Applies one change of names.
fn point(names: &mut BTreeMap<String, u64>, change: &[Name]) {
    for (name, file) in change {
        match file {
            Some(file) => names.insert(name.clone(), *file),
            None => names.remove(name),
        };
    }
}

impl Disk for FaultyDisk {
    fn create_dir(&self, _: &str) -> io::Result<()> {
        // Folders are only prefixes of names here, so there is nothing to lose.
        Ok(())
    }

    fn list(&self, dir: &str) -> io::Result<Vec<FileInfo>> {
        let state = self.lock();
        let inside = |path: &str| {
            let name = if dir.is_empty() { path } else { path.strip_prefix(dir)?.strip_prefix('/')? };
            (!name.contains('/')).then(|| name.to_owned())
        };
        Ok(state
            .live
            .iter()
            .filter_map(|(path, file)| {
                let bytes = state.files.get(file).map_or(0, |image| image.live.len() as u64);
                Some(FileInfo { name: inside(path)?, bytes })
            })
            .collect())
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.lock();
        state.step(Op::Create).1?;
        let file = state.new_file();
        state.files.insert(file, Image::default());
        state.rename_live(vec![(path.to_owned(), Some(file))]);
        Ok(Box::new(FaultyFile { disk: self.clone(), file }))
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        let state = self.lock();
        let file = *state.live.get(path).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        Ok(Box::new(FaultyFile { disk: self.clone(), file }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.lock();
        state.step(Op::Rename).1?;
        let file = *state.live.get(from).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        state.rename_live(vec![(to.to_owned(), Some(file)), (from.to_owned(), None)]);
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let mut state = self.lock();
        state.step(Op::Remove).1?;
        if !state.live.contains_key(path) {
            return Err(io::Error::from(io::ErrorKind::NotFound));
        }
        state.rename_live(vec![(path.to_owned(), None)]);
        Ok(())
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        let mut state = self.lock();
        state.step(Op::SyncDir).1?;
        let in_dir = |(path, _): &Name| path.rsplit_once('/').map_or("", |(folder, _)| folder) == dir;
        let (synced, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut state.names).into_iter().partition(|change| change.iter().any(in_dir));
        state.names = rest;
        for change in synced {
            point(&mut state.durable, &change);
        }
        Ok(())
    }
}

struct FaultyFile {
    disk: FaultyDisk,
    file: u64,
}

impl FaultyFile {
    fn read<T>(&self, act: impl FnOnce(&Image) -> T) -> T {
        act(self.disk.lock().files.entry(self.file).or_default())
    }

    fn change(&self, op: Op, act: impl FnOnce(&mut Image, Done)) -> io::Result<()> {
        let mut state = self.disk.lock();
        let (done, result) = state.step(op);
        if done != Done::Nothing {
            act(state.files.entry(self.file).or_default(), done);
        }
        result
    }
}

impl DiskFile for FaultyFile {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.read(|image| image.live.len() as u64))
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        self.change(Op::Write, |image, done| {
            image.write(offset, if done == Done::All { bytes } else { &bytes[..bytes.len() / 2] });
        })
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        Ok(self.read(|image| {
            let rest = image.live.get(start..).unwrap_or_default();
            let count = bytes.len().min(rest.len());
            bytes[..count].copy_from_slice(&rest[..count]);
            count
        }))
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        let bytes = usize::try_from(bytes).map_err(io::Error::other)?;
        self.change(Op::Truncate, |image, done| {
            if done == Done::All {
                image.resize(bytes);
            }
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.change(Op::Sync, |image, done| match done {
            Done::All => image.sync(),
            Done::Lost => image.lose(),
            Done::Half | Done::Nothing => {}
        })
    }
}
