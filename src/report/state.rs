//! What the monitor knew when a report was made: modes, guards, gates, reviews, incidents and the base.
//!
//! Owns what is kept of it, worked out from copies of the workflows. Must not know the week.

use super::document::{BaseLine, Layer};
use crate::domain::{Ask, Gate, Policy, Standing, Task, Time, Track, WorkflowId, WorkflowPolicy};
use crate::monitor::governance::{Demotion, InBudget};
use crate::monitor::house::House;
use crate::monitor::lab_view::LabKpis;
use crate::monitor::reviews_view::ReviewsView;
use crate::monitor::{Detail, Incident, Workflow, WorkflowView};
use std::collections::BTreeMap;

/// One workflow, as the monitor knew it.
#[derive(Debug, Clone)]
pub struct Known {
    /// Mode, guards and totals.
    pub view: WorkflowView,
    /// The gate to the next mode; `None` where there is none above.
    pub gate: Option<Gate>,
    /// What is owed and found.
    pub reviews: ReviewsView,
    /// What waits for approvals.
    pub pending: Vec<Ask>,
    /// Unresolved incidents and those of late.
    pub incidents: Vec<Incident>,
    /// Demotions by guards of late that nobody judged, oldest first.
    pub unjudged: Vec<Demotion>,
    /// Demotions that the declared budget is about.
    pub in_budget: InBudget,
    /// What was declared.
    pub policy: WorkflowPolicy,
    /// Whoever builds and runs it, and whoever gains by it, by the readiness checklist.
    pub builder: Layer,
    /// As above.
    pub beneficiary: Layer,
    /// When it left the policy; `None` where the policy holds it.
    pub removed_at: Option<Time>,
}

/// The house, as the monitor knew it.
#[derive(Debug, Clone)]
pub struct State {
    /// The workflows that are reported on.
    pub workflows: BTreeMap<WorkflowId, Known>,
    /// Base items.
    pub base: Vec<BaseLine>,
    /// Incidents of the whole house.
    pub incidents: Vec<Incident>,
    /// Who does what until when.
    pub actions: Vec<Task>,
    /// Outputs per false demotion, as declared.
    pub outputs_per_false_demotion: f64,
    /// Hash of the policy in force.
    pub policy: String,
    /// What was learned in the lab; `None` where nothing is tested there.
    pub lab: Option<LabKpis>,
}

impl Known {
    /// What there is to know of a workflow.
    pub fn of(workflow: &Workflow, policy: &Policy, house: &House, now: Time) -> Self {
        let mut view = workflow.view(policy, now, Detail::Brief);
        // How far outputs are from a baseline is worked out only for who asks.
        if view.guards.iter().any(|guard| guard.baseline.as_ref().is_some_and(|baseline| baseline.pinned)) {
            view.guards = workflow.guard_views(now, Detail::Full);
        }
        let is_top = view.mode.granted >= workflow.max_mode() && view.track == Track::Factory;
        let gate = (!is_top).then(|| workflow.gate(policy, house, workflow.next_target(), now));
        let readiness = &workflow.plan.policy.readiness;
        let all = |items: &[String]| {
            let (mut because, mut standing) = (Vec::new(), Standing::Met);
            for item in items {
                let of = layer(gate.as_ref(), &format!("readiness:{item}"));
                standing = standing.max(of.standing);
                because.extend(of.because);
            }
            Layer { standing, because }
        };
        Self {
            builder: all(&readiness.builder),
            beneficiary: all(&readiness.beneficiary),
            reviews: workflow.reviews_view(now),
            pending: workflow.state.governance.requests.pending().map(|request| request.ask.clone()).collect(),
            incidents: workflow.state.incidents.list().to_vec(),
            unjudged: workflow.state.governance.unjudged().cloned().collect(),
            in_budget: workflow.state.governance.in_budget,
            policy: workflow.plan.policy.clone(),
            removed_at: None,
            view,
            gate,
        }
    }

    /// The same of one that the policy holds no more: what was declared of it went with it, and nothing waits for it.
    #[must_use]
    pub fn left(self, at: Time) -> Self {
        let unknown = || Layer { standing: Standing::Inconclusive, because: vec!["it left the policy".to_owned()] };
        Self {
            // What stands there otherwise was never declared of it.
            policy: WorkflowPolicy { currency: String::new(), ..self.policy },
            builder: unknown(),
            beneficiary: unknown(),
            gate: None,
            pending: Vec::new(),
            removed_at: Some(at),
            ..self
        }
    }
}

/// A requirement of the gate as a layer; one that isn't asked for is met.
fn layer(gate: Option<&Gate>, name: &str) -> Layer {
    let found = gate.and_then(|gate| gate.requirements.iter().find(|requirement| requirement.name == name));
    let found = found.filter(|requirement| requirement.standing != Standing::Met);
    Layer {
        standing: found.map_or(Standing::Met, |requirement| requirement.standing),
        because: found.map(|requirement| requirement.detail.clone()).into_iter().collect(),
    }
}

impl State {
    /// The house, without workflows.
    pub fn of_house(house: &House, policy: &Policy, now: Time) -> Self {
        let base = house.base.iter().map(|(id, state)| {
            let due_at = house.audit_due(id);
            let on_it = policy.workflows.values().filter(|workflow| workflow.base.contains(id));
            BaseLine {
                item: id.clone(),
                owner: policy.house.base.get(id).map(|item| item.owner.clone()).unwrap_or_default(),
                version: state.version.clone(),
                audited_at: state.audit.as_ref().map(|audit| audit.at),
                due_at,
                is_overdue: due_at.is_some_and(|due| due <= now),
                is_regressed: state.regression.is_some(),
                dependents: on_it.count() as u64,
            }
        });
        Self {
            workflows: BTreeMap::new(),
            base: base.collect(),
            incidents: house.incidents.list().to_vec(),
            actions: house.actions.open().to_vec(),
            outputs_per_false_demotion: policy.outputs_per_false_demotion,
            policy: policy.hash.clone(),
            lab: None,
        }
    }
}
