//! Work beside the hot path: preparing space for the next segment, packing closed ones.
//!
//! Owns the thread and its two queues; runs in place instead when tests want the same order of disk
//! operations each time. Must not know the journal: it takes jobs and hands back what became of them.

use super::disk::Disk;
use super::error::StoreError;
use super::packed::pack;
use super::segment::{DIR, SPARE, Segment};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

/// Zeros written and synced at a time: the disk is the commits' too, and a sync of a whole segment
/// would keep them waiting for its length (measured: the slowest commits took 45 ms, with this 11).
const CHUNK: usize = 1 << 20;

/// Where work beside the hot path is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Beside {
    /// On a thread of its own.
    #[default]
    Thread,
    /// At once, in place: the same order of operations each time.
    InPlace,
}

/// Something to do.
#[derive(Debug)]
pub(super) enum Job {
    /// Fill the spare file with so many zeros.
    Prepare(u64),
    /// Pack a closed segment.
    Pack(Segment),
}

/// What became of it.
#[derive(Debug)]
pub(super) enum Done {
    /// The spare file is ready, or why not.
    Prepared(Result<(), StoreError>),
    /// The segment with this first record is packed, or why not.
    Packed(u64, Result<Segment, StoreError>),
}

/// One worker.
pub(super) struct Helper {
    disk: Arc<dyn Disk>,
    worker: Option<Worker>,
    done: VecDeque<Done>,
    /// Jobs given to the worker whose end is not known yet.
    open: usize,
}

struct Worker {
    /// Dropped first, so that the thread ends.
    jobs: Option<Sender<Job>>,
    done: Receiver<Done>,
    thread: Option<JoinHandle<()>>,
}

impl Helper {
    pub(super) fn start(name: &str, disk: Arc<dyn Disk>, beside: Beside) -> Result<Self, StoreError> {
        let worker = match beside {
            Beside::InPlace => None,
            Beside::Thread => {
                let (jobs, inbox) = channel::<Job>();
                let (outbox, done) = channel();
                let disk = Arc::clone(&disk);
                let thread = std::thread::Builder::new()
                    .name(name.to_owned())
                    .spawn(move || {
                        while let Ok(job) = inbox.recv() {
                            if outbox.send(run(&*disk, job)).is_err() {
                                break;
                            }
                        }
                    })
                    .map_err(StoreError::io("start thread", name))?;
                Some(Worker { jobs: Some(jobs), done, thread: Some(thread) })
            }
        };
        Ok(Self { disk, worker, done: VecDeque::new(), open: 0 })
    }

    pub(super) fn submit(&mut self, job: Job) {
        match self.worker.as_ref().and_then(|worker| worker.jobs.as_ref()) {
            Some(jobs) => {
                if jobs.send(job).is_ok() {
                    self.open += 1;
                }
            }
            None => self.done.push_back(run(&*self.disk, job)),
        }
    }

    /// Something that is done, without waiting.
    pub(super) fn poll(&mut self) -> Option<Done> {
        if let Some(done) = self.done.pop_front() {
            return Some(done);
        }
        let done = self.worker.as_ref()?.done.try_recv().ok()?;
        self.open = self.open.saturating_sub(1);
        Some(done)
    }

    /// Something that is done, waiting for it; `None` when there is nothing to do any more.
    pub(super) fn wait(&mut self) -> Option<Done> {
        if self.open == 0 || !self.done.is_empty() {
            return self.poll();
        }
        let done = self.worker.as_ref()?.done.recv().ok()?;
        self.open -= 1;
        Some(done)
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        if let Some(worker) = &mut self.worker {
            worker.jobs = None;
            if let Some(thread) = worker.thread.take() {
                // A panic of the helper has already lost nothing: its jobs are done again at the next start.
                let _ = thread.join();
            }
        }
    }
}

fn run(disk: &dyn Disk, job: Job) -> Done {
    match job {
        Job::Prepare(bytes) => Done::Prepared(prepare(disk, bytes)),
        Job::Pack(segment) => Done::Packed(segment.first_seq, pack(disk, &segment)),
    }
}

/// Writes zeros: a commit into written space needs no change of the file's metadata, which makes
/// small commits about half as expensive as growing a file.
fn prepare(disk: &dyn Disk, bytes: u64) -> Result<(), StoreError> {
    let file = disk.create(SPARE).map_err(StoreError::io("create", SPARE))?;
    let zeros = vec![0; CHUNK];
    let mut offset = 0;
    while offset < bytes {
        let length = usize::try_from(bytes - offset).unwrap_or(CHUNK).min(CHUNK);
        file.write_at(offset, &zeros[..length]).map_err(StoreError::io("write", SPARE))?;
        file.sync().map_err(StoreError::io("sync", SPARE))?;
        offset += length as u64;
    }
    disk.sync_dir(DIR).map_err(StoreError::io("sync", DIR))
}
