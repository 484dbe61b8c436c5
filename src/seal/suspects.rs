//! Entries whose text doesn't give their hash, until it is known whether they were edited or moved.
//!
//! Owns that question, which can be answered only when all of them are seen. Must not know rows.

use super::chain::leaf_hash;
use super::damage::{Damage, Finding};
use super::hash::Hash;

/// So many are kept to be compared with each other; further ones count as edited.
const SUSPECTS_MAX: usize = 64;
/// So far an entry may have been shifted for that to be seen at once.
const SHIFT_MAX: u64 = 8;

struct Suspect {
    seq: u64,
    version: u64,
    body: Vec<u8>,
    leaf: Hash,
}

/// The entries in question.
#[derive(Default)]
pub(super) struct Suspects {
    kept: Vec<Suspect>,
    /// The last run of shifted entries: its first, its last, and what its last was written as.
    run: Option<(u64, u64, u64)>,
    done: Vec<Finding>,
}

impl Suspects {
    /// Takes an entry whose text doesn't give `leaf`, which it has.
    pub(super) fn add(&mut self, seq: u64, version: u64, body: &[u8], leaf: Hash) {
        if let Some(was) = self.shifted(seq, version, body, leaf) {
            match &mut self.run {
                Some((_, last, last_was)) if *last + 1 == seq && *last_was + 1 == was => {
                    (*last, *last_was) = (seq, was)
                }
                _ => {
                    self.end_run();
                    self.run = Some((seq, seq, was));
                }
            }
        } else if self.kept.len() < SUSPECTS_MAX {
            self.kept.push(Suspect { seq, version, body: body.to_vec(), leaf });
        } else {
            self.done.push(edited(seq));
        }
    }

    /// The first of them.
    pub(super) fn first(&self) -> Option<u64> {
        self.kept.first().map(|suspect| suspect.seq).or(self.run.map(|(first, ..)| first))
    }

    /// The number under which the entry was written, when that is near: as far away as the run so
    /// far, or a few.
    fn shifted(&self, seq: u64, version: u64, body: &[u8], leaf: Hash) -> Option<u64> {
        let like_before = self.run.map(|(_, last, was)| was.wrapping_add(seq - last));
        let near = (1..=SHIFT_MAX).flat_map(|by| [seq.saturating_sub(by), seq.saturating_add(by)]);
        like_before.into_iter().chain(near).find(|was| leaf_hash(*was, version, body) == leaf)
    }

    fn end_run(&mut self) {
        if let Some((first, last, was)) = self.run.take() {
            self.done.push(moved(first, last, was - (last - first)));
        }
    }

    /// What is known of all of them.
    pub(super) fn resolve(mut self) -> Vec<Finding> {
        self.end_run();
        for suspect in &self.kept {
            let was = self.kept.iter().find(|other| {
                let as_other = leaf_hash(other.seq, suspect.version, &suspect.body);
                as_other == suspect.leaf || as_other == other.leaf
            });
            self.done.push(match was {
                Some(other) => moved(suspect.seq, suspect.seq, other.seq),
                None => edited(suspect.seq),
            });
        }
        self.done
    }
}

fn edited(seq: u64) -> Finding {
    Finding::of_entries(Damage::Edited, seq, seq, "was changed: its text doesn't give its hash")
}

fn moved(first: u64, last: u64, was: u64) -> Finding {
    let now = if first == last { "holds what was" } else { "hold what was" };
    let how = match was.checked_sub(first) {
        Some(1..) => "reordered, or an earlier one was removed",
        _ => "reordered, or one was inserted",
    };
    let what = format!("{now} written as {}: entries were {how}", super::damage::entries(was, was + (last - first)));
    Finding::of_entries(Damage::Moved, first, last, &what)
}
