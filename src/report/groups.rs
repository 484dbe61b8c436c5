//! Groups that fail more often than the others, or that people reject more often.
//!
//! Owns the comparison of one group with the rest, and that it takes into account how many are compared. Must not know
//! where counts are from.

use super::burst::burst;
use super::document::Witness;
use super::document_week::{Disparity, Rejections};
use super::measure::gap;
use super::origins::{Origin, Origins, find};
use super::tally::{OTHER, Part, Tally};
use crate::domain::Verdict;
use crate::stats::confidence::{wilson, z_of};
use crate::stats::number::number;
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_64;

/// Groups with fewer outputs, or with fewer outside, aren't compared …
const OUTPUTS_MIN: u64 = 50;
/// … and with fewer verdicts, of which there are fewer.
const VERDICTS_MIN: u64 = 10;
/// Groups that are shown.
const GROUPS_MAX: usize = 5;
/// Rejected outputs that are named.
const WITNESSES_MAX: usize = 5;
/// The chance that all groups look alike by mistake, together.
const ALPHA: f64 = 0.05;

/// Parts by attribute and value.
type Parts = BTreeMap<String, BTreeMap<String, Part>>;

/// Groups whose exceptions are more frequent than those of all others.
pub(super) fn disparities(week: &Tally) -> Vec<Disparity> {
    more_frequent(&week.attributes, OUTPUTS_MIN)
}

/// What people rejected, and which groups more often than the others.
pub(super) fn rejections(week: &Tally, known: [Option<&Origins>; 2]) -> Rejections {
    let mut parts: Parts = BTreeMap::new();
    let mut verdicts = 0;
    let mut unknown = 0;
    let mut rejected: Vec<(&str, (&Origins, &Origin))> = Vec::new();
    for (output, given) in week.judged() {
        let Some((origins, origin)) = find(known, output) else {
            unknown += 1;
            continue;
        };
        let (n, bad) = given.fold((0, 0), |(n, bad), verdict| (n + 1, bad + u64::from(verdict == REJECTED)));
        verdicts += n;
        for (name, value) in origins.segments(origin) {
            let part = parts.entry(name.to_owned()).or_default().entry(value.to_owned()).or_default();
            (part.outputs, part.exceptions) = (part.outputs + n, part.exceptions + bad);
        }
        if bad > 0 {
            rejected.push((output, (origins, origin)));
        }
    }
    let groups = more_frequent(&parts, VERDICTS_MIN);
    if let Some(worst) = groups.first().filter(|group| group.is_clear) {
        rejected.retain(|(_, (origins, origin))| {
            origins.segments(origin).any(|(name, value)| format!("{name} = {value}") == worst.group)
        });
    }
    rejected.sort_by_key(|(output, (_, origin))| (origin.trace_id.is_none(), xxh3_64(output.as_bytes())));
    rejected.truncate(WITNESSES_MAX);
    rejected.sort_by_key(|(output, (_, origin))| (origin.time, *output));
    let witness = |(output, (_, origin)): (&str, (&Origins, &Origin))| Witness {
        output: output.to_owned(),
        time: origin.time,
        trace_id: origin.trace_id.as_deref().map(str::to_owned),
    };
    Rejections {
        verdicts,
        unknown,
        groups,
        witnesses: rejected.into_iter().map(witness).collect(),
        found: week.found.clone(),
        burst: burst(week, known),
    }
}

pub(super) const REJECTED: usize = Verdict::Rejected as usize;

/// Groups whose share is above that of all others, clear ones first, with an interval as wide as so many comparisons
/// ask for (Bonferroni).
fn more_frequent(parts: &Parts, min: u64) -> Vec<Disparity> {
    let groups: Vec<(String, Part, Part)> =
        parts.iter().flat_map(|(name, values)| against(name, values, min)).collect();
    let z = z_of(ALPHA, groups.len().max(1));
    let mut found: Vec<Disparity> =
        groups.into_iter().map(|(group, own, others)| disparity(group, own, others, z)).collect();
    found.retain(|one| one.ratio > one.ratio_of_others);
    found.sort_by(|a, b| {
        let excess = |one: &Disparity| (one.ratio - one.ratio_of_others) * number(one.outputs);
        (b.is_clear, excess(b))
            .partial_cmp(&(a.is_clear, excess(a)))
            .unwrap_or(std::cmp::Ordering::Equal)
            .then_with(|| a.group.cmp(&b.group))
    });
    found.truncate(GROUPS_MAX);
    found
}

fn against(name: &str, values: &BTreeMap<String, Part>, min: u64) -> Vec<(String, Part, Part)> {
    let sum = |of: fn(&Part) -> u64| values.values().map(of).sum::<u64>();
    let (outputs, exceptions) = (sum(|part| part.outputs), sum(|part| part.exceptions));
    let enough = |own: &Part| own.outputs >= min && outputs - own.outputs >= min && exceptions > 0;
    let group = |(value, own): (&String, &Part)| {
        let others = Part { outputs: outputs - own.outputs, exceptions: exceptions - own.exceptions };
        (format!("{name} = {value}"), *own, others)
    };
    values.iter().filter(|(value, own)| *value != OTHER && enough(own)).map(group).collect()
}

fn disparity(group: String, own: Part, others: Part, z: f64) -> Disparity {
    let ratio = |part: Part| number(part.exceptions) / number(part.outputs.max(1));
    let (p, q) = (ratio(own), ratio(others));
    let of = |mean: f64, part: Part| wilson(mean, number(part.outputs), z);
    Disparity {
        group,
        outputs: own.outputs,
        ratio: p,
        ratio_of_others: q,
        times: (q > 0.0).then(|| p / q),
        is_clear: gap(p, of(p, own), q, of(q, others))[0] > 0.0,
    }
}
