//! What one target wants to be told.
//!
//! Owns the filter. Must not know how the target is reached.

use crate::config::TargetSettings;
use crate::domain::{NoticeKind, Policy, Reach, WorkflowId};
use std::collections::BTreeSet;

/// What one target wants to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wants {
    events: BTreeSet<NoticeKind>,
    workflows: Reach,
    owners: Vec<String>,
    /// Whether it is the drill's own check, which is told of the lane of drills and of nothing else.
    is_check: bool,
}

impl Wants {
    /// What a declared target wants.
    pub fn of(settings: &TargetSettings) -> Self {
        let TargetSettings { events, workflows, owners, .. } = settings;
        Self { events: events.clone(), workflows: workflows.clone(), owners: owners.clone(), is_check: false }
    }

    /// What the drill's own check wants.
    pub(super) fn lane() -> Self {
        let workflows = [crate::domain::Pattern::Id(WorkflowId::drill_lane())].into_iter().collect();
        Self { events: [NoticeKind::Mode].into(), workflows, owners: Vec::new(), is_check: true }
    }

    /// Whether it wants events of this kind.
    pub fn wants(&self, kind: NoticeKind) -> bool {
        self.events.contains(&kind)
    }

    /// Whether it wants to be told of a workflow. What concerns the whole house is everybody's; the lane of
    /// drills is only the check's.
    pub fn covers(&self, workflow: Option<&WorkflowId>, policy: &Policy) -> bool {
        let Some(id) = workflow else { return !self.is_check };
        if id.is_drill_lane() || self.is_check {
            return self.is_check && id.is_drill_lane();
        }
        let owner = policy.workflows.get(id).map_or("", |declared| declared.owner.as_str());
        self.workflows.has(id.as_str()) && (self.owners.is_empty() || self.owners.iter().any(|own| own == owner))
    }
}
