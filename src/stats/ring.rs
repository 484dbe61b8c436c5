//! Rolling windows of several lengths over one stream, by event time, with late arrivals.
//!
//! Owns slots and their folding: an output is counted in one fine slot; when that closes, it is
//! folded into the slots of every coarser window. Knows neither what is counted nor any clock.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a slot holds.
pub trait Slot: Clone + Default {
    /// Takes everything that another slot counted.
    fn merge(&mut self, other: &Self);
    /// Called when the slot is closed; a chance to become small.
    fn close(&mut self) {}
    /// Whether closing would change it.
    fn is_open(&self) -> bool {
        false
    }
}

/// The windows, shortest first: name, length of the window and of its slots in milliseconds.
pub const WINDOWS: [Window; 5] = [
    Window { name: "5m", length_ms: 300_000, slot_ms: 20_000 },
    Window { name: "1h", length_ms: 3_600_000, slot_ms: 300_000 },
    Window { name: "1d", length_ms: 86_400_000, slot_ms: 3_600_000 },
    Window { name: "7d", length_ms: 604_800_000, slot_ms: 21_600_000 },
    Window { name: "30d", length_ms: 2_592_000_000, slot_ms: 86_400_000 },
];

/// One rolling window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The name in JSON and metrics.
    pub name: &'static str,
    /// How far it looks back, milliseconds.
    pub length_ms: i64,
    /// The resolution: the window begins up to one slot late.
    pub slot_ms: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Timed<T> {
    start_ms: i64,
    slot: Arc<T>,
}

/// The slots of all windows of one stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Windows<T> {
    /// Slots by window, each sorted by start.
    levels: [Vec<Timed<T>>; WINDOWS.len()],
    /// Fine slots that start before this are folded into the coarser windows.
    folded_until_ms: i64,
}

impl<T> Default for Windows<T> {
    fn default() -> Self {
        Self { levels: std::array::from_fn(|_| Vec::new()), folded_until_ms: i64::MIN }
    }
}

const fn align(time_ms: i64, slot_ms: i64) -> i64 {
    time_ms - time_ms.rem_euclid(slot_ms)
}

impl<T: Slot> Windows<T> {
    /// Counts something that happened at `time_ms`, seen at `now_ms`. A fine slot stays open for
    /// `lateness_ms` after its end; what comes later still, `count` puts into each slot that is
    /// kept (so it may be called more than once, on different slots).
    pub fn record(&mut self, now_ms: i64, time_ms: i64, lateness_ms: i64, count: impl Fn(&mut T)) {
        self.fold(now_ms, lateness_ms);
        if align(time_ms, WINDOWS[0].slot_ms) >= self.folded_until_ms {
            count(self.slot(0, time_ms));
            return;
        }
        for (level, window) in WINDOWS.iter().enumerate() {
            if time_ms > now_ms - window.length_ms {
                // It stays open for more of its kind (after an outage they come by the thousand)
                // until the next fold.
                count(self.slot(level, time_ms));
            }
        }
    }

    fn slot(&mut self, level: usize, time_ms: i64) -> &mut T {
        let start_ms = align(time_ms, WINDOWS[level].slot_ms);
        let slots = &mut self.levels[level];
        // Nearly always the last one.
        let after = slots.iter().rposition(|timed| timed.start_ms <= start_ms);
        let at = match after {
            Some(at) if slots[at].start_ms == start_ms => at,
            found => {
                let at = found.map_or(0, |at| at + 1);
                slots.insert(at, Timed { start_ms, slot: Arc::default() });
                at
            }
        };
        Arc::make_mut(&mut slots[at].slot)
    }

    fn fold(&mut self, now_ms: i64, lateness_ms: i64) {
        let fine_ms = WINDOWS[0].slot_ms;
        let until = align(now_ms - lateness_ms, fine_ms);
        if until <= self.folded_until_ms {
            return;
        }
        for index in 0..self.levels[0].len() {
            let start_ms = self.levels[0][index].start_ms;
            if start_ms < self.folded_until_ms || start_ms >= until {
                continue;
            }
            Arc::make_mut(&mut self.levels[0][index].slot).close();
            let closed = Arc::clone(&self.levels[0][index].slot);
            for (level, window) in WINDOWS.iter().enumerate().skip(1) {
                if start_ms > now_ms - window.length_ms {
                    let slot = self.slot(level, start_ms);
                    slot.merge(&closed);
                    slot.close();
                }
            }
        }
        self.folded_until_ms = until;
        let reopened = self.levels.iter_mut().flatten().filter(|timed| timed.start_ms < until && timed.slot.is_open());
        reopened.for_each(|timed| Arc::make_mut(&mut timed.slot).close());
        for (level, window) in WINDOWS.iter().enumerate() {
            self.levels[level].retain(|timed| timed.start_ms > now_ms - window.length_ms - window.slot_ms);
        }
    }

    /// Everything counted in a window (an index into [`WINDOWS`]) as seen at `now_ms`, and the
    /// time that it covers in milliseconds; `None` where nothing was counted.
    pub fn sum(&self, window: usize, now_ms: i64) -> Option<(T, i64)> {
        let Window { length_ms, slot_ms, .. } = WINDOWS[window];
        let mut sum: Option<T> = None;
        self.within(window, now_ms).for_each(|slot| sum.get_or_insert_with(T::default).merge(slot));
        let covered_ms = now_ms - align(now_ms - length_ms, slot_ms) - slot_ms;
        sum.map(|sum| (sum, covered_ms.max(1)))
    }

    /// The same of each window.
    pub fn sums(&self, now_ms: i64) -> Vec<Option<(T, i64)>> {
        (0..WINDOWS.len()).map(|window| self.sum(window, now_ms)).collect()
    }

    /// The slots of a window (an index into [`WINDOWS`]) as seen at `now_ms`: its own, and the fine ones that
    /// aren't folded into it yet.
    pub fn within(&self, window: usize, now_ms: i64) -> impl Iterator<Item = &T> {
        let inside = move |start_ms: i64| start_ms > now_ms - WINDOWS[window].length_ms && start_ms <= now_ms;
        let open = move |timed: &&Timed<T>| window > 0 && timed.start_ms >= self.folded_until_ms;
        let slots = self.levels[window].iter().chain(self.levels[0].iter().filter(open));
        slots.filter(move |timed| inside(timed.start_ms)).map(|timed| &*timed.slot)
    }

    /// The slots of a window (an index into [`WINDOWS`]) as seen at `now_ms` with their beginnings, oldest first; what
    /// isn't folded into them yet is counted in.
    pub fn slots(&self, window: usize, now_ms: i64) -> Vec<(i64, T)> {
        let Window { length_ms, slot_ms, .. } = WINDOWS[window];
        let inside = |start_ms: i64| start_ms > now_ms - length_ms && start_ms <= now_ms;
        let mut slots: BTreeMap<i64, T> = BTreeMap::new();
        let own = self.levels[window].iter().filter(|timed| inside(timed.start_ms));
        let open = self.levels[0].iter().filter(|timed| window > 0 && timed.start_ms >= self.folded_until_ms);
        for timed in own.chain(open.filter(|timed| inside(timed.start_ms))) {
            slots.entry(align(timed.start_ms, slot_ms)).or_default().merge(&timed.slot);
        }
        slots.into_iter().collect()
    }

    /// Slots kept, of all windows.
    pub fn len(&self) -> usize {
        self.levels.iter().map(Vec::len).sum()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone, Default, PartialEq)]
    struct Count(u64);
    impl Slot for Count {
        fn merge(&mut self, other: &Self) {
            self.0 += other.0;
        }
    }

    const START: i64 = 1_800_000_000_000;

    #[test]
    fn windows_roll_and_nothing_is_counted_twice() {
        let mut windows = Windows::<Count>::default();
        // One output a second for two hours.
        for second in 0..7_200 {
            windows.record(START + second * 1_000, START + second * 1_000, 60_000, |slot| slot.0 += 1);
        }
        let now = START + 7_199_000;
        let counts: Vec<u64> = (0..5).map(|w| windows.sum(w, now).unwrap().0.0).collect();
        assert!((280..=300).contains(&counts[0]), "{counts:?}");
        assert!((3_300..=3_600).contains(&counts[1]), "{counts:?}");
        assert_eq!(counts[2..], [7_200, 7_200, 7_200]);
        // Slot by slot it is the same, the open ones counted in.
        for (window, count) in counts.iter().enumerate() {
            let slots = windows.slots(window, now);
            assert_eq!(slots.iter().map(|(_, slot)| slot.0).sum::<u64>(), *count);
            assert!(slots.windows(2).all(|pair| pair[0].0 < pair[1].0), "{slots:?}");
            assert!(slots.iter().all(|(start, _)| start % WINDOWS[window].slot_ms == 0), "{slots:?}");
        }
        // An hour later nothing is in the short window, and nothing is not zero.
        assert_eq!(windows.sum(0, now + 3_600_000), None);
        assert_eq!(windows.sum(2, now + 3_600_000).unwrap().0.0, 7_200);
    }

    proptest! {
        #[test]
        fn order_of_arrival_changes_no_count(
            mut offsets in proptest::collection::vec(0i64..5_000_000, 1..200),
            lateness in 0i64..120_000,
        ) {
            // Everything arrives at the end, in any order, or in time: the day holds the same.
            let now = START + 5_000_000;
            let mut late = Windows::<Count>::default();
            offsets.iter().for_each(|o| late.record(now, START + o, lateness, |slot| slot.0 += 1));
            offsets.sort_unstable();
            let mut punctual = Windows::<Count>::default();
            offsets.iter().for_each(|o| punctual.record(START + o, START + o, lateness, |slot| slot.0 += 1));
            // The hour is left out: a late output lands in a slot that may reach out of it.
            for window in 2..5 {
                let both = [&late, &punctual].map(|w| w.sum(window, now).map(|(count, _)| count));
                prop_assert_eq!(&both[0], &both[1]);
            }
        }
    }
}
