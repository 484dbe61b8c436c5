//! The contents of one file of the faulty disk: as seen, and as a crash would find them.
//!
//! Owns sectors and what survives of them. Must not know names or faults.

use std::collections::BTreeSet;

/// The unit that a crash keeps or loses.
const SECTOR: usize = 512;

/// How far a failed operation got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    All,
    /// The power went, or the space, in the midst of it.
    Half,
    /// The device gave up and the data are lost.
    Lost,
    Nothing,
}

/// The contents of a file.
#[derive(Debug, Clone, Default)]
pub(super) struct Image {
    /// As seen.
    pub(super) live: Vec<u8>,
    /// As the last sync left them.
    durable: Vec<u8>,
    /// Sectors that differ and would be written by a sync.
    dirty: BTreeSet<usize>,
    /// Whether the length is to be written by a sync.
    resized: bool,
}

impl Image {
    /// Contents that are durable.
    pub(super) fn durable(bytes: Vec<u8>) -> Self {
        Self { durable: bytes.clone(), live: bytes, ..Self::default() }
    }

    /// The device lost what was to be written, but it counts as written.
    pub(super) fn lose(&mut self) {
        self.dirty.clear();
    }

    pub(super) fn write(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset + bytes.len();
        if end > self.live.len() {
            self.resize(end);
        }
        self.live[offset..end].copy_from_slice(bytes);
        self.dirty.extend(offset / SECTOR..end.div_ceil(SECTOR));
    }

    pub(super) fn resize(&mut self, bytes: usize) {
        let least = bytes.min(self.live.len());
        self.live.resize(bytes, 0);
        self.resized = true;
        self.dirty.extend(least / SECTOR..bytes.div_ceil(SECTOR));
    }

    pub(super) fn sync(&mut self) {
        self.durable.resize(self.live.len(), 0);
        for sector in std::mem::take(&mut self.dirty) {
            copy_sector(&self.live, &mut self.durable, sector);
        }
        self.resized = false;
    }

    pub(super) fn after_crash(&self, keep: &mut impl FnMut() -> bool) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        if self.resized && keep() {
            bytes.resize(self.live.len(), 0);
        }
        for sector in &self.dirty {
            if keep() {
                copy_sector(&self.live, &mut bytes, *sector);
            }
        }
        bytes
    }
}

/// Copies as much of a sector as there is on both sides.
fn copy_sector(from: &[u8], to: &mut [u8], sector: usize) {
    let start = sector * SECTOR;
    let end = (start + SECTOR).min(from.len()).min(to.len());
    if start < end {
        to[start..end].copy_from_slice(&from[start..end]);
    }
}

/// SplitMix64: a small generator, so that a seed gives the same crash everywhere.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
