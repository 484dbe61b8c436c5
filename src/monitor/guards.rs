//! The guards of one workflow, in the order of its policy.
//!
//! Owns the pairing of a guard's state with its plan. In step with the plan by construction, so
//! that the hot path walks both lists instead of looking names up.

use super::guard::Guard;
use super::plan::GuardPlan;
use crate::domain::Time;
use serde::{Deserialize, Serialize};

/// Guards with their names.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Guards(Vec<(String, Guard)>);

impl Guards {
    /// Guards that have seen nothing, one for each plan.
    pub fn new(plans: &[GuardPlan], now: Time) -> Self {
        Self(plans.iter().map(|plan| (plan.policy.name.clone(), Guard::new(plan, now))).collect())
    }

    /// The guard of a name.
    pub fn get(&self, name: &str) -> Option<&Guard> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, guard)| guard)
    }

    /// The guard of a name, to change it.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Guard> {
        self.0.iter_mut().find(|(other, _)| other == name).map(|(_, guard)| guard)
    }

    /// Takes the guard of a name out.
    pub(super) fn take(&mut self, name: &str) -> Option<Guard> {
        let at = self.0.iter().position(|(other, _)| other == name)?;
        Some(self.0.remove(at).1)
    }

    /// Adds one at the end: plans are gone through in their order.
    pub(super) fn push(&mut self, name: &str, guard: Guard) {
        self.0.push((name.to_owned(), guard));
    }

    /// Names of all guards.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Each plan with its guard.
    pub fn with<'a>(&'a self, plans: &'a [GuardPlan]) -> impl Iterator<Item = (&'a GuardPlan, &'a Guard)> {
        debug_assert!(plans.iter().map(|plan| plan.policy.name.as_str()).eq(self.names()), "guards and plan in step");
        plans.iter().zip(self.0.iter().map(|(_, guard)| guard))
    }

    /// Each plan with its guard, to change it.
    pub fn with_mut<'a>(&'a mut self, plans: &'a [GuardPlan]) -> impl Iterator<Item = (&'a GuardPlan, &'a mut Guard)> {
        debug_assert!(plans.iter().map(|plan| plan.policy.name.as_str()).eq(self.names()), "guards and plan in step");
        plans.iter().zip(self.0.iter_mut().map(|(_, guard)| guard))
    }

    /// All guards, to change them.
    pub fn all_mut(&mut self) -> impl Iterator<Item = &mut Guard> {
        self.0.iter_mut().map(|(_, guard)| guard)
    }
}
