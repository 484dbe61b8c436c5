//! All latencies since a moment, for as long as it takes: buckets with counts, packed at all times.
//!
//! Owns the merging of new values into the packed ones. A slot of a window is open for a minute and may
//! take the room of a whole histogram; this one is kept for months by every workflow.

use super::latency::{Packer, micros, put, unpacked};
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Values that wait to be merged: merging takes 3 µs, so 20 ns of each.
const WAITING_MAX: usize = 128;
/// Buckets of one power of two; as the histograms with two digits have them.
const BUCKET_BITS: u32 = 8;

/// A total of latencies, milliseconds at the door and microseconds inside. About 3 bytes for each
/// bucket in use, and 1 KB for the values that wait.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LatencyTotal {
    /// LEB128 pairs, ascending: distance from the bucket before, count.
    packed: Box<[u8]>,
    waiting: Vec<u64>,
}

impl LatencyTotal {
    /// Takes one latency in milliseconds, 0 ≤ ms ≤ 10⁹.
    pub fn record(&mut self, ms: f64) {
        self.waiting.push(bucket(micros(ms)));
        if self.waiting.len() >= WAITING_MAX {
            self.merge();
        }
    }

    /// Adds them all to a histogram of microseconds.
    pub fn add_to(&self, sum: &mut Histogram<u64>) {
        unpacked(&self.packed).for_each(|(micros, count)| put(sum, micros, count));
        self.waiting.iter().for_each(|micros| put(sum, *micros, 1));
    }

    fn merge(&mut self) {
        self.waiting.sort_unstable();
        let mut fresh = self.waiting.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as u64)).peekable();
        let mut packer = Packer::default();
        for (micros, mut count) in unpacked(&self.packed) {
            while let Some((before, n)) = fresh.next_if(|(new, _)| *new < micros) {
                packer.push(before, n);
            }
            while let Some((_, n)) = fresh.next_if(|(new, _)| *new == micros) {
                count = count.saturating_add(n);
            }
            packer.push(micros, count);
        }
        fresh.for_each(|(micros, n)| packer.push(micros, n));
        self.packed = packer.bytes.into();
        self.waiting.clear();
    }
}

/// The lowest value of the bucket that a value lies in: its first eight bits.
const fn bucket(micros: u64) -> u64 {
    let shift = u64::BITS - (micros | ((1 << BUCKET_BITS) - 1)).leading_zeros() - BUCKET_BITS;
    micros >> shift << shift
}

#[cfg(test)]
mod tests {
    use super::super::latency::histogram;
    use super::super::rng::Rng;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn it_is_the_histogram_of_the_same_values_and_stays_small() {
        let mut rng = Rng::new(5);
        let (mut total, mut sum) = (LatencyTotal::default(), histogram::<u64>());
        for _ in 0..100_000 {
            let micros = (rng.bits() >> 40) >> (rng.bits() % 10);
            #[expect(clippy::cast_precision_loss, reason = "24 bits")]
            total.record(micros as f64 / 1_000.0);
            put(&mut sum, micros, 1);
        }
        let mut same = histogram::<u64>();
        total.add_to(&mut same);
        assert_eq!(same.len(), 100_000);
        for q in [0.01, 0.5, 0.95, 0.999] {
            assert_eq!(same.value_at_quantile(q), sum.value_at_quantile(q), "{q}");
        }
        assert!(total.packed.len() < 6_000, "{} bytes", total.packed.len());
        let bytes = postcard::to_stdvec(&total).unwrap();
        assert_eq!(postcard::from_bytes::<LatencyTotal>(&bytes).unwrap(), total);
    }

    #[test]
    fn damaged_bytes_end_the_total_and_nothing_else() {
        let total = LatencyTotal { packed: vec![5, 1, 0x80, 0x80].into(), waiting: Vec::new() };
        assert_eq!(unpacked(&total.packed).collect::<Vec<_>>(), [(5, 1)]);
        assert_eq!(unpacked(&LatencyTotal::default().packed).count(), 0);
    }

    proptest! {
        #[test]
        fn buckets_are_those_of_the_histogram(micros in 0u64..=1_000_000_000_000) {
            prop_assert_eq!(bucket(micros), histogram::<u64>().lowest_equivalent(micros));
        }

        #[test]
        fn nothing_is_lost(values in proptest::collection::vec(0.0f64..1e6, 0..600)) {
            let mut total = LatencyTotal::default();
            values.iter().for_each(|ms| total.record(*ms));
            let mut sum = histogram::<u64>();
            total.add_to(&mut sum);
            prop_assert_eq!(sum.len(), values.len() as u64);
            let ascending: Vec<u64> = unpacked(&total.packed).map(|(micros, _)| micros).collect();
            prop_assert!(ascending.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}
