//! The bench that bars are measured on: how much effort, how many threads, who hears of progress.
//!
//! Owns the threads. A run gets its seed from its number alone, so results are the same however
//! many threads there are and however they take turns.

use super::sample::Sample;
use super::streams::Stream;
use super::watch;
use crate::stats::rng::Rng;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// How much is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// Within a minute or so: for every change.
    Quick,
    /// Within half an hour: for a release.
    Full,
}

/// Hears what is under way: its name, how many runs are done and how many there are. Called from
/// the working threads.
pub type Progress<'a> = &'a (dyn Fn(&str, usize, usize) + Sync);

/// The bench.
pub struct Bench<'a> {
    /// How much is simulated.
    pub effort: Effort,
    threads: usize,
    progress: Progress<'a>,
    known: Mutex<BTreeMap<(String, usize), RunLengths>>,
}

impl<'a> Bench<'a> {
    /// A bench with at least one thread.
    pub fn new(effort: Effort, threads: usize, progress: Progress<'a>) -> Self {
        Self { effort, threads: threads.max(1), progress, known: Mutex::default() }
    }

    /// One of two numbers, by effort.
    pub const fn pick(&self, quick: usize, full: usize) -> usize {
        match self.effort {
            Effort::Quick => quick,
            Effort::Full => full,
        }
    }

    /// Does `n` runs, each with a generator of its own, and returns their results in order. `what`
    /// names them; with n it decides the seeds.
    pub fn runs<T: Send>(&self, what: &str, n: usize, run: impl Fn(&mut Rng) -> T + Sync) -> Vec<T> {
        let seed = seed_of(what);
        let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = || {
            let mut results = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= n {
                    return results;
                }
                results.push((index, run(&mut generator(seed, index))));
                (self.progress)(what, done.fetch_add(1, Ordering::Relaxed) + 1, n);
            }
        };
        let mut results = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..self.threads.min(n)).map(|_| scope.spawn(work)).collect();
            let finished = workers.into_iter().map(|worker| worker.join());
            // A panic of a worker is a mistake here: it goes on as if it had happened in this thread.
            finished
                .flat_map(|result| result.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect::<Vec<_>>()
        });
        results.sort_by_key(|(index, _)| *index);
        results.into_iter().map(|(_, result)| result).collect()
    }

    /// Run lengths of the detector at the bound of a stream, in outputs, and for each run M at the
    /// alarm less the run length. Measured once for each stream, threshold and number of runs.
    pub fn run_length(&self, stream: Stream, threshold: f64, runs: usize) -> RunLengths {
        let what = format!("{} until M reaches {threshold:e}", stream.name());
        let key = (what.clone(), runs);
        if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return known.clone();
        }
        let alarms = self.runs(&what, runs, |rng| watch::run_length(stream, threshold, rng));
        let measured = RunLengths {
            outputs: Sample::new(alarms.iter().map(|alarm| alarm.outputs).collect()),
            gap: Sample::new(alarms.iter().map(|alarm| alarm.evidence - alarm.outputs).collect()),
        };
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(key, measured.clone());
        measured
    }
}

/// Measured run lengths.
#[derive(Debug, Clone, PartialEq)]
pub struct RunLengths {
    /// Outputs until the alarm.
    pub outputs: Sample,
    /// M at the alarm less these outputs.
    pub gap: Sample,
}

/// A seed from a name (FNV-1a, <https://datatracker.ietf.org/doc/draft-eastlake-fnv/>).
fn seed_of(what: &str) -> u64 {
    what.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn generator(seed: u64, index: usize) -> Rng {
    let mut mixer = Rng::new(seed ^ (index as u64).wrapping_mul(0xD134_2543_DE82_EF95));
    Rng::new(mixer.bits())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_do_not_depend_on_the_number_of_threads() {
        let results = |threads| {
            Bench::new(Effort::Quick, threads, &|_, _, _| {}).runs("some work", 50, |rng| rng.bits() ^ rng.bits())
        };
        assert_eq!(results(1), results(3));
        let other = Bench::new(Effort::Quick, 2, &|_, _, _| {}).runs("other work", 50, |rng| rng.bits() ^ rng.bits());
        assert!(results(1).iter().zip(&other).all(|(a, b)| a != b));
        assert!(Bench::new(Effort::Full, 0, &|_, _, _| {}).runs("nothing", 0, |_| 0).is_empty());
    }
}
