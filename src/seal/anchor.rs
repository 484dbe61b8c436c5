//! Checkpoints that a ledger is held against.
//!
//! Owns which of them fit, and which trust each deserves by where it was kept. Must not read files.

use super::checkpoint::Checkpoint;
use super::hash::Hash;
use super::tree::Tree;
use serde::{Deserialize, Serialize};

/// Where a checkpoint was kept: it proves something only against those who can't change it there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Named by whoever asks.
    Given,
    /// In the folder of `[ledger] checkpoint_path`.
    Folder,
    /// In the ledger's own database: whoever can change entries can change it.
    Store,
}

impl Source {
    /// Whether it is kept outside of the store.
    pub const fn is_outside(self) -> bool {
        !matches!(self, Self::Store)
    }
}

/// How a checkpoint compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// The ledger's entries up to its size are those that were signed.
    Fits,
    /// They aren't.
    Differs,
    /// It counts more entries than there are.
    Beyond,
}

/// A checkpoint whose signature is good.
#[derive(Debug, Clone)]
pub struct Anchor {
    /// Where it was kept.
    pub source: Source,
    /// Its file, or which one of the store it is.
    pub place: String,
    /// What it says.
    pub checkpoint: Checkpoint,
}

/// A checkpoint and how it compares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// Where it was kept.
    pub source: Source,
    /// Its file, or which one of the store it is.
    pub place: String,
    /// Its entries.
    pub size: u64,
    /// Its root.
    pub root: Hash,
    /// How it compares.
    pub fit: Fit,
}

/// All checkpoints, in order of their sizes, compared while the ledger is read.
#[derive(Debug, Default)]
pub(super) struct Anchors {
    all: Vec<Compared>,
    judged: usize,
}

impl Anchors {
    pub(super) fn new(anchors: Vec<Anchor>) -> Self {
        let mut all: Vec<Compared> = anchors
            .into_iter()
            .map(|Anchor { source, place, checkpoint: Checkpoint { size, root, .. } }| Compared {
                source,
                place,
                size,
                root,
                fit: Fit::Beyond,
            })
            .collect();
        all.sort_by(|a, b| (a.size, a.source, &a.place).cmp(&(b.size, b.source, &b.place)));
        let mut anchors = Self { all, judged: 0 };
        anchors.judge(0, &Tree::default());
        anchors
    }

    /// Judges those up to entry `last`; `tree` is over the entries up to there. Where entries were
    /// missing on the way the sizes differ, and nothing fits.
    pub(super) fn judge(&mut self, last: u64, tree: &Tree) {
        while let Some(anchor) = self.all.get_mut(self.judged).filter(|anchor| anchor.size <= last) {
            let fits = anchor.size == tree.size() && anchor.size == last && anchor.root == tree.root();
            anchor.fit = if fits { Fit::Fits } else { Fit::Differs };
            self.judged += 1;
        }
    }

    /// The largest size that fits, of those for which `which` holds.
    pub(super) fn reach(&self, which: impl Fn(&Compared) -> bool) -> u64 {
        self.all
            .iter()
            .filter(|anchor| anchor.fit == Fit::Fits && which(anchor))
            .map(|anchor| anchor.size)
            .max()
            .unwrap_or(0)
    }

    pub(super) fn all(&self) -> &[Compared] {
        &self.all
    }

    pub(super) fn into_all(self) -> Vec<Compared> {
        self.all
    }
}
