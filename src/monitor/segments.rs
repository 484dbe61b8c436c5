//! Segments: the attribute values, models and versions of a workflow, and how many outputs have them.
//!
//! Owns their names and shares, so that a hit keeps two bytes for each. Bounded: values beyond the
//! limit have no segment.

use crate::domain::OutputEvent;
use serde::{Deserialize, Serialize};

/// Segments of one output.
pub const OF_OUTPUT_MAX: usize = 8;
/// Segments of a workflow; further values have none.
pub const SEGMENTS_MAX: usize = 200;
/// Every so-manieth output is counted for the shares.
const SAMPLE: u32 = 4;
/// The shares are those of between so many counted outputs and twice as many.
const RECENT: u32 = 256;

/// The segments of one workflow. Ids begin at 1; 0 is none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Segments {
    names: Vec<String>,
    /// Counts of the outputs of late, in two halves, and their outputs.
    recent: [(Vec<u32>, u32); 2],
    seen: u32,
}

impl Segments {
    /// Counts an output (every fourth) for the shares; its segments where it was one of these.
    pub fn count(&mut self, event: &OutputEvent) -> Option<[u16; OF_OUTPUT_MAX]> {
        self.seen = self.seen.wrapping_add(1);
        if !self.seen.is_multiple_of(SAMPLE) {
            return None;
        }
        let ids = self.of(event);
        if self.recent[0].1 >= RECENT {
            self.recent[1] = std::mem::take(&mut self.recent[0]);
        }
        let (counts, n) = &mut self.recent[0];
        counts.resize(self.names.len() + 1, 0);
        *n += 1;
        ids.iter().filter(|id| **id != 0).for_each(|id| counts[usize::from(*id)] += 1);
        Some(ids)
    }

    /// The segments of an output; new ones are named.
    fn of(&mut self, event: &OutputEvent) -> [u16; OF_OUTPUT_MAX] {
        let mut ids = [0; OF_OUTPUT_MAX];
        let mut free = ids.iter_mut();
        let attributes = event.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let fields = [("model", &event.model), ("version", &event.version), ("exception", &event.exception)];
        let fields = fields.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        for (name, value) in fields.chain(attributes) {
            let Some(place) = free.next() else { break };
            *place = self.id(name, value);
        }
        // The first place tells whether there are any.
        ids.sort_unstable_by(|a, b| b.cmp(a));
        ids
    }

    fn id(&mut self, name: &str, value: &str) -> u16 {
        let same = |known: &String| {
            known.len() == name.len() + value.len() + 3 && known.starts_with(name) && known.ends_with(value)
        };
        let at = self.names.iter().position(same).or_else(|| {
            (self.names.len() < SEGMENTS_MAX).then(|| {
                self.names.push(format!("{name} = {value}"));
                self.names.len() - 1
            })
        });
        at.and_then(|at| u16::try_from(at + 1).ok()).unwrap_or(0)
    }

    /// The name of a segment, such as `locale = de`.
    pub fn name(&self, id: u16) -> &str {
        usize::from(id).checked_sub(1).and_then(|at| self.names.get(at)).map_or("", String::as_str)
    }

    /// Its share of the outputs of late; `None` for kinds of exceptions, which only exceptions have,
    /// and before any output was counted.
    pub fn share(&self, id: u16) -> Option<f64> {
        let sum = |part: &(Vec<u32>, u32)| (part.0.get(usize::from(id)).copied().unwrap_or(0), part.1);
        let ((a, n), (b, m)) = (sum(&self.recent[0]), sum(&self.recent[1]));
        (n + m > 0 && !self.name(id).starts_with("exception = ")).then(|| f64::from(a + b) / f64::from(n + m))
    }
}

/// The segments of one output, looked up at most once and only where somebody asks.
#[derive(Debug)]
pub struct Segmented<'s> {
    segments: &'s mut Segments,
    found: Option<[u16; OF_OUTPUT_MAX]>,
}

impl<'s> Segmented<'s> {
    /// Of an output of the workflow with these segments.
    pub const fn new(segments: &'s mut Segments) -> Self {
        Self { segments, found: None }
    }

    /// The same, where they may have been looked up already.
    pub const fn known(segments: &'s mut Segments, found: Option<[u16; OF_OUTPUT_MAX]>) -> Self {
        Self { segments, found }
    }

    /// The segments.
    pub fn of(&mut self, event: &OutputEvent) -> [u16; OF_OUTPUT_MAX] {
        *self.found.get_or_insert_with(|| self.segments.of(event))
    }
}
