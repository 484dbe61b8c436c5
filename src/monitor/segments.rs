//! Segments: the attribute values, models and versions of a workflow, and how many outputs have them.
//!
//! Owns their names and shares, so that a hit keeps two bytes for each. Bounded: values beyond the
//! limit have no segment.

use crate::domain::OutputEvent;
use serde::{Deserialize, Serialize};

/// What kinds of exceptions are called among the segments.
const EXCEPTION: &str = "exception";
/// Segments of one output.
pub const OF_OUTPUT_MAX: usize = 8;
/// Segments of a workflow; further values have none.
pub const SEGMENTS_MAX: usize = 200;
/// Every so-manieth output is counted for the shares.
const SAMPLE: u32 = 4;
/// The shares are those of between so many counted outputs and twice as many.
const RECENT: u32 = 256;

/// Kinds of exceptions that only reviewers found; further ones have no segment. They use up none of the above.
pub const FOUND_MAX: usize = 50;

/// How often each segment occurs among the outputs of late that were counted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Shares {
    /// Counts by segment and outputs, in two halves.
    recent: [(Vec<u32>, u32); 2],
}

impl Shares {
    /// Counts an output with its segments.
    pub fn count(&mut self, ids: &[u16]) {
        if self.recent[0].1 >= RECENT {
            self.recent[1] = std::mem::take(&mut self.recent[0]);
        }
        let (counts, n) = &mut self.recent[0];
        *n += 1;
        for id in ids.iter().filter(|id| **id != 0) {
            let at = usize::from(*id);
            if counts.len() <= at {
                counts.resize(at + 1, 0);
            }
            counts[at] += 1;
        }
    }

    /// The share of a segment, 0 to 1; `None` before any output was counted.
    pub fn of(&self, id: u16) -> Option<f64> {
        let sum = |part: &(Vec<u32>, u32)| (part.0.get(usize::from(id)).copied().unwrap_or(0), part.1);
        let ((a, n), (b, m)) = (sum(&self.recent[0]), sum(&self.recent[1]));
        (n + m > 0).then(|| f64::from(a + b) / f64::from(n + m))
    }
}

/// The segments of one workflow. Ids begin at 1; 0 is none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Segments {
    names: Vec<String>,
    /// How many of these only reviewers named.
    found: usize,
    shares: Shares,
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
        self.shares.count(&ids);
        Some(ids)
    }

    /// The segments of an output; new ones are named.
    pub fn of(&mut self, event: &OutputEvent) -> [u16; OF_OUTPUT_MAX] {
        let mut ids = [0; OF_OUTPUT_MAX];
        let mut free = ids.iter_mut();
        let attributes = event.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let fields = [("model", &event.model), ("version", &event.version), (EXCEPTION, &event.exception)];
        let fields = fields.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        for (name, value) in fields.chain(attributes) {
            let Some(place) = free.next() else { break };
            *place = self.id(name, value, SEGMENTS_MAX + self.found);
        }
        // The first place tells whether there are any.
        ids.sort_unstable_by(|a, b| b.cmp(a));
        ids
    }

    /// The segment of a kind of exception that a reviewer found.
    pub fn of_kind(&mut self, kind: &str) -> u16 {
        let before = self.names.len();
        let is_full = self.found >= FOUND_MAX;
        let id = self.id(EXCEPTION, kind, if is_full { 0 } else { usize::MAX });
        self.found += self.names.len() - before;
        id
    }

    fn id(&mut self, name: &str, value: &str, max: usize) -> u16 {
        let same = |known: &String| {
            known.len() == name.len() + value.len() + 3 && known.starts_with(name) && known.ends_with(value)
        };
        let at = self.names.iter().position(same).or_else(|| {
            (self.names.len() < max).then(|| {
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

    /// The kind of exception among the segments of an output.
    pub fn kind<'s>(&'s self, ids: &[u16]) -> Option<&'s str> {
        ids.iter().find_map(|id| self.name(*id).strip_prefix(EXCEPTION)?.strip_prefix(" = "))
    }

    /// Its share of the outputs of late, or of those that `shares` counted; `None` for kinds of exceptions,
    /// which only exceptions have, and before any output was counted.
    pub fn share(&self, id: u16, shares: Option<&Shares>) -> Option<f64> {
        let shares = shares.unwrap_or(&self.shares);
        if self.kind(&[id]).is_some() { None } else { shares.of(id) }
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
