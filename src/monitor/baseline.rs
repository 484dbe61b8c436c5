//! What a guard has learned to be normal: from a sample to a pinned, versioned baseline.
//!
//! Owns the collection of the sample and who pinned what when. After it is pinned nothing but a
//! person's order changes it: no alarm and no passing of time makes a guard learn anew.

use super::hours::hour_of_week;
use crate::domain::policy::BASELINE_OUTPUTS;
use crate::domain::{BaselinePolicy, BaselineSource, BaselineValues, Time, What};
use crate::stats::baseline::{Reference, Value};
use crate::stats::season::strata;
use serde::{Deserialize, Serialize};

/// State of a guard's baseline.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Baseline {
    /// Counts the baselines of this guard, from 1; 0 before the first.
    pub version: u32,
    /// The sample under way; `None` once it is pinned.
    pub learning: Option<Sample>,
    /// What is normal; `None` until it is pinned.
    pub pinned: Option<Pinned>,
    /// Whether the ledger doesn't know of it yet.
    unannounced: bool,
}

/// A sample under way.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Sample {
    /// Outputs wanted, where a person asked for another number than the policy.
    pub wanted: Option<u32>,
    numbers: Vec<f64>,
    categories: Vec<String>,
    hours: Vec<u8>,
    from: Option<Time>,
    to: Option<Time>,
}

/// A pinned sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pinned {
    /// `outputs`, `range` or the name of a file.
    pub source: String,
    /// Time of its first output; `None` for a file.
    pub from: Option<Time>,
    /// Time of its last output; `None` for a file.
    pub to: Option<Time>,
    /// The sample, reduced.
    pub reference: Reference,
    /// Upper bounds of every part for each hour of the week; empty without a season.
    pub strata: Vec<Vec<f64>>,
}

impl Sample {
    /// Outputs so far.
    pub const fn len(&self) -> usize {
        self.numbers.len() + self.categories.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Baseline {
    /// As a policy declares it: a file is pinned at once, anything else begins to collect.
    pub fn new(policy: &BaselinePolicy) -> Self {
        let mut new = Self { learning: Some(Sample::default()), ..Self::default() };
        if let BaselineSource::File { name, values } = &policy.source {
            let reference = match values {
                BaselineValues::Numbers(numbers) => Reference::of_numbers(numbers),
                BaselineValues::Categories(names) => Reference::of_categories(names),
            };
            if let Some(reference) = reference {
                let strata = Vec::new();
                new.pin(Pinned { source: name.clone(), from: None, to: None, reference, strata });
            }
        }
        new
    }

    /// Takes the value of an output into the sample; true when it is complete and pinned with it.
    pub fn learn(&mut self, policy: &BaselinePolicy, value: Value<'_>, time: Time) -> bool {
        let Some(sample) = &mut self.learning else { return false };
        let wanted = match (&policy.source, sample.wanted) {
            (_, Some(wanted)) => Ok(wanted as usize),
            (BaselineSource::Outputs { count }, None) => Ok(*count as usize),
            (BaselineSource::Range { from, to }, None) => Err((*from, *to)),
            (BaselineSource::File { .. }, None) => return false,
        };
        // A range that ends with fewer outputs is no baseline: the guard goes on collecting. One with more is cut off.
        let [least, most] = [BASELINE_OUTPUTS.start(), BASELINE_OUTPUTS.end()].map(|n| *n as usize);
        let over = wanted.is_err_and(|(_, to)| time >= to) && sample.len() >= least;
        let inside = wanted.is_ok() || wanted.is_err_and(|(from, to)| from <= time && time < to);
        if inside {
            match value {
                Value::Number(x) => sample.numbers.push(x),
                Value::Category(name) => sample.categories.push(name.to_owned()),
            }
            if let Some(zone) = &policy.hour_of_week {
                sample.hours.push(u8::try_from(hour_of_week(time, zone)).unwrap_or_default());
            }
            sample.from = Some(sample.from.map_or(time, |from| from.min(time)));
            sample.to = Some(sample.to.map_or(time, |to| to.max(time)));
        }
        let full = sample.len() >= wanted.unwrap_or(most);
        if !(over || full) {
            return false;
        }
        let sample = std::mem::take(sample);
        let reference = if sample.categories.is_empty() {
            Reference::of_numbers(&sample.numbers)
        } else {
            Reference::of_categories(&sample.categories)
        };
        let Some(reference) = reference else { return false };
        let seasonal = policy.hour_of_week.is_some() && !sample.numbers.is_empty();
        let strata = if seasonal { strata(&reference, &sample.numbers, &sample.hours) } else { Vec::new() };
        let source = if wanted.is_ok() { "outputs" } else { "range" }.to_owned();
        self.pin(Pinned { source, from: sample.from, to: sample.to, reference, strata });
        true
    }

    fn pin(&mut self, pinned: Pinned) {
        self.version += 1;
        self.learning = None;
        self.pinned = Some(pinned);
        self.unannounced = true;
    }

    /// A person has it learn anew, from so many outputs. Without a number those that the policy declares;
    /// a file or a time range says nothing of new outputs, so then as many as the last baseline had.
    pub fn restart(&mut self, policy: &BaselinePolicy, outputs: Option<u32>) {
        let last = self.pinned.take().map(|pinned| pinned.reference.n());
        let as_many = |n: u64| {
            let [least, most] = [BASELINE_OUTPUTS.start(), BASELINE_OUTPUTS.end()];
            u32::try_from(n).unwrap_or(*most).clamp(*least, *most)
        };
        let declared = matches!(policy.source, BaselineSource::Outputs { .. });
        let under_way = self.learning.as_ref().and_then(|sample| sample.wanted);
        let wanted = outputs.or_else(|| last.filter(|_| !declared).map(as_many).or(under_way));
        self.learning = Some(Sample { wanted, ..Sample::default() });
    }

    /// Whether it was pinned and the ledger doesn't know of it yet.
    pub const fn unannounced(&self) -> bool {
        self.unannounced
    }

    /// The entry for the ledger, once for each pinned baseline.
    pub fn announce(&mut self, guard: &str) -> Option<What> {
        if !std::mem::take(&mut self.unannounced) {
            return None;
        }
        let pinned = self.pinned.as_ref()?;
        Some(What::BaselinePinned {
            guard: guard.to_owned(),
            version: self.version,
            source: pinned.source.clone(),
            outputs: pinned.reference.n(),
            from: pinned.from,
            to: pinned.to,
        })
    }

    /// The stratum of a time.
    pub fn stratum(policy: &BaselinePolicy, time: Time) -> usize {
        policy.hour_of_week.as_ref().map_or(0, |zone| hour_of_week(time, zone))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(source: BaselineSource) -> BaselinePolicy {
        BaselinePolicy { source, hour_of_week: None }
    }

    #[test]
    fn the_first_outputs_are_pinned_once_and_for_all() {
        let policy = policy(BaselineSource::Outputs { count: 100 });
        let mut baseline = Baseline::new(&policy);
        let mut pinned_at = Vec::new();
        for t in 0..300 {
            if baseline.learn(&policy, Value::Number(f64::from(u8::from(t % 4 == 0))), Time(t)) {
                pinned_at.push(t);
            }
        }
        assert_eq!(pinned_at, [99]);
        let What::BaselinePinned { version, outputs, from, to, .. } = baseline.announce("g").unwrap() else { panic!() };
        assert_eq!((version, outputs, from, to), (1, 100, Some(Time(0)), Some(Time(99))));
        assert_eq!(baseline.announce("g"), None, "said once");
        baseline.restart(&policy, Some(150));
        assert!(baseline.pinned.is_none());
        let again = (0..300).find(|t| baseline.learn(&policy, Value::Number(1.0), Time(*t)));
        assert_eq!((again, baseline.version), (Some(149), 2));
    }

    #[test]
    fn a_range_takes_what_lies_in_it_and_ends_with_the_first_output_after_it() {
        let policy = policy(BaselineSource::Range { from: Time(1_000), to: Time(2_000) });
        let mut baseline = Baseline::new(&policy);
        let done = (0..3_000).step_by(5).find(|t| baseline.learn(&policy, Value::Category("a"), Time(*t)));
        assert_eq!(done, Some(2_000));
        assert_eq!(baseline.pinned.unwrap().reference.n(), 200);
        let thin = self::policy(BaselineSource::Range { from: Time(0), to: Time(10) });
        let mut baseline = Baseline::new(&thin);
        assert!(
            (0..1_000).all(|t| !baseline.learn(&thin, Value::Category("a"), Time(t))),
            "ten outputs are no baseline"
        );
    }

    #[test]
    fn a_file_is_pinned_from_the_start() {
        let values = BaselineValues::Numbers((0..500).map(f64::from).collect());
        let policy = policy(BaselineSource::File { name: "b.csv".into(), values });
        let mut baseline = Baseline::new(&policy);
        assert!(!baseline.learn(&policy, Value::Number(1.0), Time(0)));
        assert_eq!((baseline.version, baseline.learning.is_none()), (1, true));
        assert!(matches!(baseline.announce("g"), Some(What::BaselinePinned { source, .. }) if source == "b.csv"));
        // Learned anew, it can't be the file again: as many outputs as that had.
        let n = baseline.pinned.as_ref().unwrap().reference.n();
        baseline.restart(&policy, None);
        let again = (1..1_000).find(|t| baseline.learn(&policy, Value::Number(1.0), Time(*t)));
        assert_eq!((again, baseline.version), (i64::try_from(n.max(100)).ok(), 2));
    }
}
