//! A sample of a week's outputs, the same whatever order they came in.
//!
//! Owns the choice: the outputs whose hashed ids are the smallest, a uniform sample without replacement that can be
//! taken in one pass (bottom-k: Cohen, Kaplan 2007, <https://doi.org/10.1145/1281100.1281133>). What is made of it is
//! others' matter.

use crate::domain::{OutputEvent, Time};
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Another seed than anybody else's hash of ids: whether an output is reviewed says nothing of whether it is here.
const SEED: u64 = 0x7265_706f_7274;

/// An output of the sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampled {
    /// When it was made.
    pub time: Time,
    /// The output.
    pub event: OutputEvent,
}

/// The sample.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// By hash; outputs of one hash by id.
    held: BTreeMap<(u64, String), Sampled>,
    max: usize,
    is_part: bool,
}

impl Sample {
    /// One of at most `max` outputs.
    pub const fn new(max: usize) -> Self {
        Self { held: BTreeMap::new(), max, is_part: false }
    }

    /// Looks at an output.
    pub fn take(&mut self, event: &OutputEvent, time: Time) {
        let hash = xxh3_64_with_seed(event.id.as_bytes(), SEED);
        if self.held.len() >= self.max && self.held.last_key_value().is_none_or(|((last, _), _)| hash > *last) {
            self.is_part = true;
            return;
        }
        self.held.insert((hash, event.id.to_string()), Sampled { time, event: event.clone() });
        if self.held.len() > self.max {
            self.held.pop_last();
            self.is_part = true;
        }
    }

    /// Whether some outputs are not in it.
    pub const fn is_part(&self) -> bool {
        self.is_part
    }

    /// The outputs, in order of time; those of one moment in an order that says nothing of them, which ids would.
    pub fn outputs(&self) -> Vec<&Sampled> {
        let mut outputs: Vec<&Sampled> = self.held.values().collect();
        outputs.sort_by_key(|sampled| sampled.time);
        outputs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Outcome, WorkflowId};

    fn event(n: usize) -> OutputEvent {
        OutputEvent::new(&format!("o-{n}"), WorkflowId::new("wf").unwrap(), Outcome::Ok)
    }

    #[test]
    fn order_leaves_no_trace_and_every_part_of_the_week_is_in_it() {
        let ids = |order: &mut dyn Iterator<Item = usize>| {
            let mut sample = Sample::new(100);
            order.for_each(|n| sample.take(&event(n), Time(i64::try_from(n).unwrap())));
            sample.outputs().iter().map(|sampled| sampled.time.0).collect::<Vec<_>>()
        };
        let forward = ids(&mut (0..10_000));
        assert_eq!(forward, ids(&mut (0..10_000).rev()));
        assert_eq!(forward.len(), 100);
        // Binomial(100, ½): 50 ± 5; three standard errors.
        let early = forward.iter().filter(|n| **n < 5_000).count();
        assert!((35..=65).contains(&early), "{early}");
        assert_eq!(ids(&mut (0..50)).len(), 50);
        let is_part = |n: usize| {
            let mut sample = Sample::new(100);
            (0..n).for_each(|n| sample.take(&event(n), Time(0)));
            sample.is_part()
        };
        assert_eq!((is_part(100), is_part(101)), (false, true));
    }
}
