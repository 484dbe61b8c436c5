//! Versions, models and other declared values that appeared in a workflow's outputs.
//!
//! Owns which are known and how many outputs of the epoch had them. Bounded: beyond the limit the one
//! that was seen longest ago is forgotten. What a new one means is the workflow's decision.

use crate::domain::{LapseOn, OutputEvent, Time};
use serde::{Deserialize, Serialize};

/// Values of one workflow.
pub const SEEN_MAX: usize = 50;

/// One value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// What it is of.
    pub of: LapseOn,
    /// The value.
    pub value: String,
    /// When it first appeared.
    pub first_at: Time,
    /// When it last appeared.
    pub last_at: Time,
    /// Outputs of the present epoch that had it.
    pub outputs: u64,
}

impl Version {
    /// In words, such as `model = m-2`.
    pub fn name(&self) -> String {
        format!("{} = {}", self.of.name(), self.value)
    }
}

/// The values of one workflow.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Seen {
    versions: Vec<Version>,
}

impl Seen {
    /// Takes an output; the values that appear for the first time, each with whether another one of its
    /// kind was known before. `attributes` are those that a new value of makes a mode lapse.
    pub fn see(&mut self, event: &OutputEvent, declared: &[LapseOn], now: Time) -> Vec<(String, LapseOn, bool)> {
        let mut new = Vec::new();
        let mut take = |of: &LapseOn, value: Option<&str>| {
            if let Some(value) = value
                && let Some(changed) = self.take(of, value, now)
            {
                new.push((format!("{} = {value}", of.name()), of.clone(), changed));
            }
        };
        take(&LapseOn::Version, event.version.as_deref());
        take(&LapseOn::Model, event.model.as_deref());
        for of in declared {
            if let LapseOn::Attribute(name) = of {
                take(of, event.attribute(name));
            }
        }
        new
    }

    /// Counts a value; `Some` where it is new: whether another one of its kind was known before.
    pub fn take(&mut self, of: &LapseOn, value: &str, now: Time) -> Option<bool> {
        if let Some(known) = self.versions.iter_mut().find(|known| known.value == value && known.of == *of) {
            (known.last_at, known.outputs) = (now, known.outputs + 1);
            return None;
        }
        let changed = self.versions.iter().any(|known| known.of == *of);
        if self.versions.len() >= SEEN_MAX {
            let oldest = (0..self.versions.len()).min_by_key(|at| self.versions[*at].last_at);
            self.versions.remove(oldest.unwrap_or(0));
        }
        let value = value.to_owned();
        self.versions.push(Version { of: of.clone(), value, first_at: now, last_at: now, outputs: 1 });
        Some(changed)
    }

    /// Those of the present epoch, newest first.
    pub fn of_epoch(&self) -> impl Iterator<Item = &Version> {
        self.versions.iter().rev().filter(|version| version.outputs > 0)
    }

    /// Of each kind that is still sent the value that came last.
    pub fn newest(&self) -> Vec<&Version> {
        let mut newest: Vec<&Version> = Vec::new();
        for version in self.of_epoch() {
            match newest.iter_mut().find(|known| known.of == version.of) {
                Some(known) if known.last_at < version.last_at => *known = version,
                Some(_) => {}
                None => newest.push(version),
            }
        }
        newest
    }

    /// A new epoch begins.
    pub fn begin_epoch(&mut self) {
        self.versions.iter_mut().for_each(|version| version.outputs = 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Outcome, WorkflowId};

    #[test]
    fn the_first_value_is_no_change_and_each_is_new_once() {
        let mut seen = Seen::default();
        let declared = [LapseOn::Attribute("prompt".into())];
        let mut event = OutputEvent::new("o", WorkflowId::unknown(), Outcome::Ok);
        assert!(seen.see(&event, &declared, Time(0)).is_empty(), "no data is no version");
        (event.model, event.attributes) =
            (Some("m-1".into()), vec![("prompt".into(), "7".into()), ("x".into(), "y".into())]);
        let new = seen.see(&event, &declared, Time(1));
        assert_eq!(
            new.iter().map(|(name, _, changed)| (name.as_str(), *changed)).collect::<Vec<_>>(),
            [("model = m-1", false), ("attributes.prompt = 7", false)]
        );
        assert!(seen.see(&event, &declared, Time(2)).is_empty());
        event.model = Some("m-2".into());
        assert_eq!(seen.see(&event, &declared, Time(3)), [("model = m-2".into(), LapseOn::Model, true)]);
        assert_eq!(
            seen.of_epoch().map(Version::name).collect::<Vec<_>>(),
            ["model = m-2", "attributes.prompt = 7", "model = m-1"]
        );
        seen.begin_epoch();
        assert_eq!(seen.of_epoch().count(), 0);
        assert!(seen.see(&event, &declared, Time(4)).is_empty(), "known in the next epoch, too");
    }

    #[test]
    fn what_was_seen_longest_ago_is_forgotten() {
        let mut seen = Seen::default();
        for n in 0..i64::try_from(SEEN_MAX).unwrap() {
            seen.take(&LapseOn::Version, &format!("v{n}"), Time(n));
        }
        seen.take(&LapseOn::Version, "v0", Time(99));
        seen.take(&LapseOn::Version, "new", Time(100));
        assert_eq!(seen.versions.len(), SEEN_MAX);
        assert_eq!(seen.take(&LapseOn::Version, "v0", Time(101)), None);
        assert_eq!(seen.take(&LapseOn::Version, "v1", Time(102)), Some(true));
    }
}
