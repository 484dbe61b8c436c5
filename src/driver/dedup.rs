//! Which outputs were seen before.
//!
//! Owns a table of hashed ids in generations: it grows on demand, forgets the oldest generation
//! when the declared window or number is passed, and hands out what is new for snapshots. Knows
//! neither events nor the disk.

use crate::domain::Time;
use hashbrown::HashTable;
use std::collections::VecDeque;

/// Generations kept: the newest is filling, the three before it cover the window.
const GENERATIONS: usize = 4;
/// Bytes of one remembered id in a snapshot.
const ENTRY_BYTES: usize = 12;

/// An output's identity and content, hashed.
///
/// 64 bits of xxh3 over a seed of the store, the workflow and the id: with 20 million ids
/// remembered, a new one meets an old one by chance about once in 10¹² outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Identity.
    pub id: u64,
    /// Content, to tell a repeat from a conflict.
    pub content: u32,
}

/// What the table says of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// Not seen; now remembered.
    New,
    /// Seen with the same content.
    Repeat,
    /// Seen with other content.
    Conflict,
}

#[derive(Debug)]
struct Generation {
    number: u32,
    started_at: Time,
    table: HashTable<Key>,
}

/// The table.
#[derive(Debug)]
pub struct Dedup {
    generations: VecDeque<Generation>,
    window_ms: i64,
    max: usize,
    fresh: Vec<(u32, Vec<u8>)>,
}

impl Dedup {
    /// A table for at least `window_ms`, holding at most `max` ids.
    pub fn new(window_ms: i64, max: usize, now: Time) -> Self {
        let mut table = Self { generations: VecDeque::new(), window_ms, max: max.max(GENERATIONS), fresh: Vec::new() };
        table.begin(1, now);
        table
    }

    fn begin(&mut self, number: u32, now: Time) {
        self.generations.push_back(Generation { number, started_at: now, table: HashTable::new() });
        self.fresh.push((number, now.0.to_le_bytes().to_vec()));
    }

    /// Remembers a key and says whether it was known.
    pub fn insert(&mut self, now: Time, key: Key) -> Known {
        self.turn(now);
        for generation in self.generations.iter().rev() {
            if let Some(found) = generation.table.find(key.id, |other| other.id == key.id) {
                return if found.content == key.content { Known::Repeat } else { Known::Conflict };
            }
        }
        if let Some(newest) = self.generations.back_mut() {
            newest.table.insert_unique(key.id, key, |other| other.id);
        }
        if let Some((_, chunk)) = self.fresh.last_mut() {
            chunk.extend_from_slice(&key.id.to_le_bytes());
            chunk.extend_from_slice(&key.content.to_le_bytes());
        }
        Known::New
    }

    /// Begins a generation when the newest is old or large enough, and forgets the oldest.
    fn turn(&mut self, now: Time) {
        let Some(newest) = self.generations.back() else { return };
        let number = newest.number;
        // The newest may fill for a third of the window: with three full ones before it, what is
        // forgotten is at least a whole window old.
        let old = now.since(newest.started_at) > self.window_ms / (GENERATIONS as i64 - 1);
        if old || newest.table.len() >= self.max / GENERATIONS {
            self.begin(number + 1, now);
            while self.generations.len() > GENERATIONS {
                self.generations.pop_front();
            }
        }
    }

    /// Takes what is new since the last call, as chunks of a generation each, for a snapshot.
    pub fn take_fresh(&mut self) -> Vec<(u32, Vec<u8>)> {
        let newest = self.generations.back().map_or((0, Time::EPOCH), |g| (g.number, g.started_at));
        let fresh = std::mem::take(&mut self.fresh);
        self.fresh.push((newest.0, newest.1.0.to_le_bytes().to_vec()));
        fresh.into_iter().filter(|(_, chunk)| chunk.len() > size_of::<i64>()).collect()
    }

    /// The oldest generation that is still needed.
    pub fn oldest(&self) -> u32 {
        self.generations.front().map_or(0, |generation| generation.number)
    }

    /// Loads a chunk that [`Dedup::take_fresh`] made; chunks must come in their order.
    ///
    /// # Errors
    /// A chunk that is not of this form.
    pub fn load(&mut self, number: u32, chunk: &[u8]) -> Result<(), String> {
        let (started_at, entries) =
            chunk.split_first_chunk::<8>().ok_or_else(|| "a chunk of ids is cut off".to_owned())?;
        let started_at = Time(i64::from_le_bytes(*started_at));
        if self.generations.back().is_none_or(|newest| newest.number != number) {
            if self.generations.len() == 1 && self.is_empty() {
                self.generations.clear();
            }
            self.generations.push_back(Generation { number, started_at, table: HashTable::new() });
            while self.generations.len() > GENERATIONS {
                self.generations.pop_front();
            }
        }
        let (entries, rest) = entries.as_chunks::<ENTRY_BYTES>();
        if !rest.is_empty() {
            return Err("a chunk of ids is cut off".to_owned());
        }
        let Some(newest) = self.generations.back_mut() else { return Ok(()) };
        newest.table.reserve(entries.len(), |other| other.id);
        for [a, b, c, d, e, f, g, h, i, j, k, l] in entries.iter().copied() {
            let id = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
            let key = Key { id, content: u32::from_le_bytes([i, j, k, l]) };
            newest.table.insert_unique(id, key, |other| other.id);
        }
        self.fresh = vec![(number, started_at.0.to_le_bytes().to_vec())];
        Ok(())
    }

    /// Ids remembered.
    pub fn len(&self) -> usize {
        self.generations.iter().map(|generation| generation.table.len()).sum()
    }

    /// Whether no id is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How far back repeats are recognised for sure, milliseconds: less than the declared window
    /// only where the number of ids was reached first.
    pub fn covers_ms(&self, now: Time) -> i64 {
        match self.generations.front() {
            Some(oldest) if oldest.number > 1 => now.since(oldest.started_at).clamp(0, self.window_ms),
            _ => self.window_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn key(id: u64) -> Key {
        // Spread as hashes are.
        Key { id: id.wrapping_mul(0x9E37_79B9_7F4A_7C15), content: 7 }
    }

    #[test]
    fn repeats_and_conflicts() {
        let mut dedup = Dedup::new(Time::HOUR, 1_000, Time(0));
        assert_eq!(dedup.insert(Time(1), key(1)), Known::New);
        assert_eq!(dedup.insert(Time(2), key(1)), Known::Repeat);
        assert_eq!(dedup.insert(Time(3), Key { content: 8, ..key(1) }), Known::Conflict);
        assert_eq!(dedup.len(), 1);
    }

    #[test]
    fn nothing_within_the_window_is_forgotten_and_the_number_is_bounded() {
        let mut dedup = Dedup::new(900, 1_000_000, Time(0));
        for t in 0..10_000u64 {
            let now = Time(i64::try_from(t).unwrap());
            assert_eq!(dedup.insert(now, key(t)), Known::New);
            if t >= 900 {
                assert_eq!(dedup.insert(now, key(t - 900)), Known::Repeat, "{t}");
            }
        }
        assert!(dedup.len() < 1_500, "{}", dedup.len());
        assert_eq!(dedup.covers_ms(Time(9_999)), 900);
        let mut small = Dedup::new(Time::DAY, 400, Time(0));
        for id in 0..10_000 {
            small.insert(Time(1), key(id));
        }
        assert!((300..=400).contains(&small.len()), "{}", small.len());
        assert!(small.covers_ms(Time(2)) < Time::DAY);
    }

    proptest! {
        #[test]
        fn a_restart_forgets_nothing(
            ids in proptest::collection::vec((0u64..500, 0i64..40), 1..400),
            save_every in 1usize..50,
        ) {
            let mut dedup = Dedup::new(300, 100, Time(0));
            let mut saved: Vec<(u32, Vec<u8>)> = Vec::new();
            let mut now = 0;
            for (n, (id, step)) in ids.iter().enumerate() {
                now += step;
                dedup.insert(Time(now), key(*id));
                if n % save_every == 0 {
                    saved.extend(dedup.take_fresh());
                    saved.retain(|(number, _)| *number >= dedup.oldest());
                }
            }
            saved.extend(dedup.take_fresh());
            saved.retain(|(number, _)| *number >= dedup.oldest());
            let mut back = Dedup::new(300, 100, Time(0));
            for (number, chunk) in &saved {
                back.load(*number, chunk).unwrap();
            }
            for id in 0..500 {
                prop_assert_eq!(dedup.insert(Time(now), key(id)), back.insert(Time(now), key(id)), "{}", id);
            }
        }
    }
}
