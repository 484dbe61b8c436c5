//! Where the outputs of some weeks came from, for verdicts that come days after them.
//!
//! Owns a bounded record of outputs: when each was made, its trace, and what it belongs to. Which outputs are kept is
//! decided by their hashed ids, as in `sample`: where there are too many, what is left of them is a fair sample. Must
//! not know verdicts.

use crate::domain::{OutputEvent, Time};
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Another seed than anybody else's hash of ids.
const SEED: u64 = 0x6f72_6967_696e;
/// Attribute values, models and versions that are told apart of one workflow; further ones have no name.
const NAMES_MAX: usize = 5_000;
/// Of each output.
const OF_OUTPUT_MAX: usize = 16;

/// Where an output came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// When it was made.
    pub time: Time,
    /// Its trace.
    pub trace_id: Option<Box<str>>,
    segments: Box<[u16]>,
}

/// The outputs of one workflow.
#[derive(Debug, Clone, Default)]
pub struct Origins {
    held: BTreeMap<u64, Origin>,
    names: Vec<(String, String)>,
    ids: BTreeMap<(String, String), u16>,
    max: usize,
}

impl Origins {
    /// Of at most `max` outputs.
    pub const fn new(max: usize) -> Self {
        Self { held: BTreeMap::new(), names: Vec::new(), ids: BTreeMap::new(), max }
    }

    /// Looks at an output.
    pub fn take(&mut self, event: &OutputEvent, time: Time) {
        let hash = xxh3_64_with_seed(event.id.as_bytes(), SEED);
        if self.held.len() >= self.max && self.held.last_key_value().is_none_or(|(last, _)| hash > *last) {
            return;
        }
        let named = event.segments().take(OF_OUTPUT_MAX);
        let segments = named.filter_map(|(name, value)| self.id(name, value)).collect();
        let trace_id = event.trace_id.as_deref().map(Box::from);
        self.held.insert(hash, Origin { time, trace_id, segments });
        if self.held.len() > self.max {
            self.held.pop_last();
        }
    }

    fn id(&mut self, name: &str, value: &str) -> Option<u16> {
        let named = (name.to_owned(), value.to_owned());
        if let Some(id) = self.ids.get(&named) {
            return Some(*id);
        }
        let id = u16::try_from(self.names.len()).ok().filter(|_| self.names.len() < NAMES_MAX)?;
        self.names.push(named.clone());
        self.ids.insert(named, id);
        Some(id)
    }

    /// Whether some outputs were left out because there were too many.
    pub fn is_full(&self) -> bool {
        self.held.len() >= self.max
    }

    /// Where an output came from; `None` where it was made in another week, or is not of the sample.
    pub fn of(&self, output_id: &str) -> Option<&Origin> {
        self.held.get(&xxh3_64_with_seed(output_id.as_bytes(), SEED))
    }

    /// What an output belongs to: names and values, such as `locale` and `de`.
    pub fn segments<'o>(&'o self, of: &'o Origin) -> impl Iterator<Item = (&'o str, &'o str)> {
        let named = of.segments.iter().filter_map(|id| self.names.get(usize::from(*id)));
        named.map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Where an output came from, in the first of some records that know it.
pub(super) fn find<'o>(known: [Option<&'o Origins>; 2], output_id: &str) -> Option<(&'o Origins, &'o Origin)> {
    known.into_iter().flatten().find_map(|origins| Some((origins, origins.of(output_id)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Outcome, WorkflowId};

    fn event(n: u32) -> OutputEvent {
        let mut event = OutputEvent::new(&format!("o-{n}"), WorkflowId::new("wf").unwrap(), Outcome::Ok);
        event.model = Some(format!("m-{}", n % 3).as_str().into());
        event
    }

    #[test]
    fn what_is_kept_does_not_depend_on_the_order_and_is_bounded() {
        let kept = |order: &mut dyn Iterator<Item = u32>| {
            let mut origins = Origins::new(50);
            order.for_each(|n| origins.take(&event(n), Time(i64::from(n))));
            let of = |n: &u32| origins.of(&format!("o-{n}")).is_some();
            (0..2_000).filter(of).collect::<Vec<u32>>()
        };
        let forward = kept(&mut (0..2_000));
        assert_eq!((forward.len(), &forward), (50, &kept(&mut (0..2_000).rev())));
    }

    #[test]
    fn an_output_is_known_by_its_id_with_what_it_belongs_to() {
        let mut origins = Origins::new(10);
        (0..5).for_each(|n| origins.take(&event(n), Time(i64::from(n))));
        let origin = origins.of("o-4").unwrap();
        assert_eq!((origin.time, origins.segments(origin).collect::<Vec<_>>()), (Time(4), vec![("model", "m-1")]));
        assert_eq!(origins.of("o-5"), None);
    }
}
