//! Latencies of a time slot: a list while they are few, a histogram while many, packed when closed.
//!
//! Owns the representation; the histogram itself is the `hdrhistogram` crate's. Values are whole
//! microseconds with a relative error of at most 1 %.

use hdrhistogram::Histogram;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Significant digits: a relative error of at most 1 %.
const DIGITS: u8 = 2;
/// Up to so many values a list is smaller than a histogram.
const FEW_MAX: usize = 128;

/// The latencies of one slot, in milliseconds at the door and microseconds inside.
#[derive(Debug, Clone)]
pub enum Latencies {
    /// Few values, as they came, microseconds.
    Few(Vec<u64>),
    /// Many values, open for more. About 10 KB.
    Many(Box<Histogram<u32>>),
    /// Closed: LEB128 pairs (distance from the previous value, count), about 3 bytes a bucket.
    Packed(Box<[u8]>),
}

impl Default for Latencies {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

/// A histogram for any latency; it grows with its largest value.
pub fn histogram<C: hdrhistogram::Counter>() -> Histogram<C> {
    let mut histogram = Histogram::new_with_bounds(1, 2, DIGITS).unwrap_or_else(|_| unreachable_histogram());
    histogram.auto(true);
    histogram
}

fn unreachable_histogram<C: hdrhistogram::Counter>() -> Histogram<C> {
    unreachable!("1, 2 and two digits are valid bounds of a histogram")
}

impl Latencies {
    /// Takes one latency in milliseconds, 0 ≤ ms ≤ 10⁹.
    pub fn record(&mut self, ms: f64) {
        self.add(micros(ms), 1);
    }

    fn add(&mut self, micros: u64, count: u32) {
        if let Self::Few(values) = self
            && count == 1
            && values.len() < FEW_MAX
        {
            values.push(micros);
            return;
        }
        if !matches!(self, Self::Many(_)) {
            let mut many: Box<Histogram<u32>> = Box::new(histogram());
            self.each(|micros, count| put(&mut many, micros, saturate(count)));
            *self = Self::Many(many);
        }
        if let Self::Many(many) = self {
            put(many, micros, count);
        }
    }

    /// Takes all latencies of another slot.
    pub fn merge(&mut self, other: &Self) {
        other.each(|micros, count| self.add(micros, saturate(count)));
    }

    /// Adds them all to a histogram of microseconds.
    pub fn add_to(&self, sum: &mut Histogram<u64>) {
        self.each(|micros, count| put(sum, micros, count));
    }

    /// Makes it small; more may still be recorded.
    pub fn pack(&mut self) {
        match self {
            Self::Few(values) => values.shrink_to_fit(),
            Self::Packed(_) => {}
            Self::Many(_) => {
                let mut packer = Packer::default();
                self.each(|micros, count| packer.push(micros, count));
                *self = Self::Packed(packer.bytes.into());
            }
        }
    }

    /// Whether it takes the room of a whole histogram.
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Many(_))
    }

    fn each(&self, mut take: impl FnMut(u64, u64)) {
        match self {
            Self::Few(values) => values.iter().for_each(|micros| take(*micros, 1)),
            Self::Many(many) => {
                for bucket in many.iter_recorded() {
                    take(many.lowest_equivalent(bucket.value_iterated_to()), u64::from(bucket.count_at_value()));
                }
            }
            Self::Packed(bytes) => unpacked(bytes).for_each(|(micros, count)| take(micros, count)),
        }
    }
}

/// Records into a growing histogram. Growing fails only where a `usize` can't hold its length.
pub(super) fn put<C: hdrhistogram::Counter>(histogram: &mut Histogram<C>, micros: u64, count: C) {
    if histogram.record_n(micros, count).is_err() {
        histogram.saturating_record_n(micros, count);
    }
}

fn saturate(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Whole microseconds of milliseconds, 0 ≤ ms ≤ 10⁹.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked at the door: 0 to 1e12 µs")]
pub(super) fn micros(ms: f64) -> u64 {
    (ms * 1_000.0).round().max(0.0) as u64
}

/// Writes ascending values with their counts: LEB128 pairs (distance from the value before, count).
#[derive(Debug, Default)]
pub(super) struct Packer {
    pub(super) bytes: Vec<u8>,
    last: u64,
}

impl Packer {
    pub(super) fn push(&mut self, micros: u64, count: u64) {
        leb128(&mut self.bytes, micros - self.last);
        leb128(&mut self.bytes, count);
        self.last = micros;
    }
}

/// What a [`Packer`] wrote, up to the first damaged pair.
pub(super) fn unpacked(bytes: &[u8]) -> impl Iterator<Item = (u64, u64)> {
    let (mut rest, mut micros) = (bytes, 0u64);
    std::iter::from_fn(move || {
        let (distance, count) = (read_leb128(&mut rest)?, read_leb128(&mut rest)?);
        micros = micros.saturating_add(distance);
        Some((micros, count))
    })
}

fn leb128(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}

fn read_leb128(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

impl PartialEq for Latencies {
    /// Equal when they hold the same buckets with the same counts.
    fn eq(&self, other: &Self) -> bool {
        let (mut a, mut b) = (histogram::<u64>(), histogram::<u64>());
        self.add_to(&mut a);
        other.add_to(&mut b);
        a == b
    }
}

impl Serialize for Latencies {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut small = self.clone();
        small.pack();
        match small {
            Self::Few(values) => (true, values, Vec::<u8>::new()).serialize(serializer),
            Self::Packed(bytes) => (false, Vec::<u64>::new(), bytes.into_vec()).serialize(serializer),
            Self::Many(_) => Err(serde::ser::Error::custom("a packed slot is not open")),
        }
    }
}

impl<'de> Deserialize<'de> for Latencies {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (few, values, bytes) = <(bool, Vec<u64>, Vec<u8>)>::deserialize(deserializer)?;
        if few && values.len() > FEW_MAX {
            return Err(de::Error::custom("too many latencies in a list"));
        }
        Ok(if few { Self::Few(values) } else { Self::Packed(bytes.into()) })
    }
}

/// Quantiles of merged slots.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LatencySummary {
    /// Outputs with a latency.
    pub n: u64,
    /// Median, milliseconds.
    pub p50_ms: f64,
    /// 90 % quantile, milliseconds.
    pub p90_ms: f64,
    /// 95 % quantile, milliseconds.
    pub p95_ms: f64,
    /// 99 % quantile, milliseconds.
    pub p99_ms: f64,
    /// 99.9 % quantile, milliseconds.
    pub p999_ms: f64,
    /// Mean, milliseconds.
    pub mean_ms: f64,
    /// Largest, milliseconds.
    pub max_ms: f64,
}

impl LatencySummary {
    /// Of a histogram of microseconds; `None` when it is empty: no data is not 0.
    pub fn of(histogram: &Histogram<u64>) -> Option<Self> {
        if histogram.is_empty() {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "microseconds below 1e12 are exact")]
        let ms = |micros: u64| micros as f64 / 1_000.0;
        let at = |quantile: f64| ms(histogram.value_at_quantile(quantile));
        Some(Self {
            n: histogram.len(),
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p95_ms: at(0.95),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            mean_ms: histogram.mean() / 1_000.0,
            max_ms: ms(histogram.max()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn summary(latencies: &Latencies) -> Option<LatencySummary> {
        let mut sum = histogram();
        latencies.add_to(&mut sum);
        LatencySummary::of(&sum)
    }

    #[test]
    fn no_data_is_none() {
        assert_eq!(summary(&Latencies::default()), None);
    }

    #[test]
    fn quantiles_within_one_percent() {
        let mut latencies = Latencies::default();
        (1..=10_000).for_each(|ms| latencies.record(f64::from(ms)));
        let got = summary(&latencies).unwrap();
        assert_eq!(got.n, 10_000);
        for (value, exact) in
            [(got.p50_ms, 5_000.0), (got.p99_ms, 9_900.0), (got.p999_ms, 9_990.0), (got.max_ms, 10_000.0)]
        {
            assert!((value / exact - 1.0).abs() < 0.01, "{value} {exact}");
        }
    }

    proptest! {
        #[test]
        fn packing_and_storing_lose_nothing(values in proptest::collection::vec(0.0f64..1e9, 0..400)) {
            let mut open = Latencies::default();
            values.iter().for_each(|ms| open.record(*ms));
            let mut packed = open.clone();
            packed.pack();
            prop_assert_eq!(&open, &packed);
            let bytes = postcard::to_stdvec(&open).unwrap();
            let mut back: Latencies = postcard::from_bytes(&bytes).unwrap();
            prop_assert_eq!(&open, &back);
            // A late output still finds its place in a closed slot.
            back.record(5.0);
            prop_assert_eq!(summary(&back).unwrap().n, values.len() as u64 + 1);
        }
    }
}
