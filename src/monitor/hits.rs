//! The last outputs that spoke against a workflow, and what they have in common.
//!
//! Owns a bounded list of them for one guard. After a breach it says which outputs weighed most and
//! which segments (attribute values, models, versions, kinds) carry the excess: the root cause.

use super::guard::Arrival;
use super::origin::Counts;
use super::segments::{OF_OUTPUT_MAX, Segments, Shares};
use crate::domain::{Carrier, Heaviest, OutputEvent, Time};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// Outputs whose ids are kept.
pub const HEAVIEST_MAX: usize = 10;
/// Outputs whose segments are kept.
const HITS_MAX: usize = 64;
/// Fewer have nothing in common that means anything.
const HITS_MIN: usize = 4;
/// A smaller part of the excess is not worth a line.
const CARRIER_MIN: f64 = 0.1;
/// Lines.
const CARRIERS_MAX: usize = 5;

/// One output that spoke against the workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Hit {
    time: Time,
    segments: [u16; OF_OUTPUT_MAX],
}

/// The list.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Hits {
    heaviest: VecDeque<Heaviest>,
    recent: VecDeque<Hit>,
    /// Of a guard that judges by verdicts: the segments of the outputs that got one. These are what rejections
    /// are held against, since people may look at some segments more than at others.
    judged: Option<Box<Shares>>,
}

impl Hits {
    /// Takes an output that speaks against the workflow, with its observation in the guard's unit.
    /// The oldest goes; a list by weight alone would show last year's record for ever.
    pub fn push(&mut self, arrival: &mut Arrival<'_, '_>, value: f64) {
        let time = arrival.event.time.unwrap_or(arrival.now);
        self.weigh(heavy(arrival.event, time, value));
        self.hit(Hit { time, segments: arrival.segments.of(arrival.event) });
    }

    /// Takes a verdict that came at `now`: a rejection speaks against the workflow, any other says what people
    /// looked at.
    pub fn verdict(&mut self, of: &Counts, now: Time, segments: &mut Segments) {
        let mut ids = of.origin.as_ref().map(|origin| origin.segments).unwrap_or_default();
        if of.origin.is_some() {
            self.judged.get_or_insert_default().count(&ids);
        }
        if !of.rejected {
            return;
        }
        let reported = segments.kind(&ids).map(str::to_owned);
        let found = of.exception.as_deref().map(str::to_owned);
        if let Some(found) = found.as_ref().filter(|found| reported.as_ref() != Some(*found)) {
            // The first place tells whether there are any, and the last one goes where all are taken.
            ids.rotate_right(1);
            ids[0] = segments.of_kind(found);
            ids.sort_unstable_by(|a, b| b.cmp(a));
        }
        self.weigh(Heaviest {
            id: of.output_id.to_string(),
            time: now,
            value: 1.0,
            exception: found.or(reported),
            trace_id: of.origin.as_ref().and_then(|origin| origin.trace_id.as_deref()).map(str::to_owned),
        });
        self.hit(Hit { time: now, segments: ids });
    }

    fn weigh(&mut self, heavy: Heaviest) {
        if self.heaviest.len() >= HEAVIEST_MAX {
            self.heaviest.pop_front();
        }
        self.heaviest.push_back(heavy);
    }

    fn hit(&mut self, hit: Hit) {
        if hit.segments[0] == 0 {
            return;
        }
        if self.recent.len() >= HITS_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(hit);
    }

    /// The outputs since a time, heaviest first.
    pub fn heaviest_since(&self, changed_at: Option<Time>) -> Vec<Heaviest> {
        let since = |heavy: &&Heaviest| changed_at.is_none_or(|at| heavy.time >= at);
        let mut list: Vec<Heaviest> = self.heaviest.iter().filter(since).cloned().collect();
        list.sort_by(|a, b| b.value.total_cmp(&a.value).then(b.time.cmp(&a.time)));
        list
    }

    /// The segments that carry the excess over the bound since a time, largest first.
    ///
    /// With h hits of n outputs in all and a bound b the excess is h − b·n; that of a segment with
    /// h_s hits and a part p_s of the outputs is h_s − b·p_s·n. Where the estimate is not a share
    /// above the bound, the part of the hits that goes beyond p_s is shown instead.
    pub fn carriers(
        &self,
        changed_at: Option<Time>,
        bound: Option<f64>,
        estimate: f64,
        segments: &Segments,
    ) -> Vec<Carrier> {
        let since = self.recent.iter().filter(|hit| changed_at.is_none_or(|at| hit.time >= at));
        let mut counts: BTreeMap<u16, u32> = BTreeMap::new();
        let mut hits = 0;
        for hit in since {
            hits += 1;
            hit.segments.iter().filter(|id| **id != 0).for_each(|id| *counts.entry(*id).or_default() += 1);
        }
        if hits < HITS_MIN {
            return Vec::new();
        }
        #[expect(clippy::cast_precision_loss, reason = "at most 64")]
        let total = hits as f64;
        // Without a bound below the estimate all hits count as excess.
        let expected =
            bound.filter(|b| *b < estimate && estimate <= 1.0 && estimate > 0.0).map_or(0.0, |b| b / estimate);
        let carrier = |(id, count): (u16, u32)| {
            let hits_share = f64::from(count) / total;
            let outputs_share = segments.share(id, self.judged.as_deref());
            let excess = (hits_share - expected * outputs_share.unwrap_or(hits_share)) / (1.0 - expected);
            Carrier {
                segment: segments.name(id).to_owned(),
                hits_share,
                outputs_share,
                excess_share: excess.clamp(0.0, 1.0),
            }
        };
        // A value that nearly every output has explains nothing.
        let tells = |carrier: &Carrier| {
            carrier.excess_share >= CARRIER_MIN
                && carrier.outputs_share.is_none_or(|share| carrier.hits_share > 1.25 * share)
        };
        let mut list: Vec<Carrier> = counts.into_iter().map(carrier).filter(tells).collect();
        list.sort_by(|a, b| b.excess_share.total_cmp(&a.excess_share).then(a.segment.cmp(&b.segment)));
        list.truncate(CARRIERS_MAX);
        list
    }
}

/// An output as it is shown among the heaviest.
pub fn heavy(event: &OutputEvent, time: Time, value: f64) -> Heaviest {
    Heaviest {
        id: event.id.to_string(),
        time,
        value,
        exception: event.exception.as_deref().map(str::to_owned),
        trace_id: event.trace_id.as_deref().map(str::to_owned),
    }
}
