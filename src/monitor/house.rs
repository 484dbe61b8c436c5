//! What concerns more than one workflow: base items, storms, looser policies that wait.
//!
//! Owns this state, and base items with their audits and regressions. What a cap or a restored mode
//! means for a workflow is that workflow's.

use super::answers::Answers;
use super::council::Actions;
use super::drill::Drills;
use super::handle::{Ctx, Monitor};
use super::incident::{Incident, IncidentStatus, Incidents};
use super::request_list::Requests;
use super::storm::Storms;
use super::view::Cap;
use crate::domain::{Denial, HousePolicy, LapseOn, Policy, Severity, Time, What, WorkflowId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Ids of what belongs to no workflow begin with this; no workflow's id can.
pub const HOUSE: &str = "house:";

/// A look at a base item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AuditRecord {
    /// When.
    pub at: Time,
    /// Who.
    pub by: String,
    /// Its version then.
    pub version: String,
    /// Whether it was as it should be.
    pub passed: bool,
    /// A remark.
    pub note: String,
}

/// Ids that workflows left and that are remembered.
pub const FORMER_IDS_MAX: usize = 10_000;

/// What is remembered of a base item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseState {
    /// When it was first declared: its first audit is due one period later.
    pub declared_at: Time,
    /// Its version.
    pub version: String,
    /// How often it is to be audited, milliseconds.
    pub audit_every_ms: i64,
    /// The last look at it.
    pub audit: Option<AuditRecord>,
    /// The incident of an unresolved regression.
    pub regression: Option<String>,
}

/// State of the whole house; goes into snapshots.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct House {
    /// The key by which outputs are selected for review; 0 before it was drawn.
    pub review_key: u64,
    /// Base items by id, removed ones excepted.
    pub base: BTreeMap<String, BaseState>,
    /// Incidents of no single workflow.
    pub incidents: Incidents,
    /// What was asked for.
    pub requests: Requests,
    /// Many demotions at a time.
    pub storms: Storms,
    /// A policy that waits for an approver.
    pub waiting: Option<Box<Policy>>,
    /// Drills.
    #[serde(default)]
    pub drills: Drills,
    /// Who does what until when.
    #[serde(default)]
    pub actions: Actions,
    /// What the council answered of late.
    #[serde(default)]
    pub answers: Answers,
    /// How many incidents and requests got their numbers under ids that workflows left: whoever takes such an id goes on
    /// after them, as people know these numbers. Only the first [`FORMER_IDS_MAX`] are remembered.
    #[serde(default)]
    pub former: BTreeMap<WorkflowId, [u64; 2]>,
}

impl House {
    /// When the next audit of a base item is due; a failed one is due at once. `None` where it isn't declared.
    pub fn audit_due(&self, item: &str) -> Option<Time> {
        let state = self.base.get(item)?;
        Some(match &state.audit {
            Some(audit) if audit.passed => audit.at.plus(state.audit_every_ms),
            Some(audit) => audit.at,
            None => state.declared_at.plus(state.audit_every_ms),
        })
    }

    /// Opens an incident of no single workflow.
    pub(super) fn open_incident(&mut self, ctx: &mut Ctx, about: &str, severity: Severity, summary: &str) -> String {
        let id = format!("{HOUSE}{}", self.incidents.next());
        let (about_owned, summary) = (about.to_owned(), summary.to_owned());
        let opened = What::IncidentOpened {
            incident: id.clone(),
            about: about_owned,
            guard: None,
            severity,
            summary: summary.clone(),
        };
        let by = ctx.by.clone();
        ctx.ledger(None, &by, opened);
        self.incidents.open(Incident::new(id.clone(), about, severity, summary, ctx.at.now));
        id
    }

    /// Takes over the declared base items; those with a new version.
    fn declare(&mut self, policy: &HousePolicy, now: Time) -> Vec<(String, String)> {
        self.base.retain(|id, _| policy.base.contains_key(id));
        let mut changed = Vec::new();
        for (id, item) in &policy.base {
            match self.base.get_mut(id) {
                Some(state) => {
                    state.audit_every_ms = item.audit_every_ms;
                    if state.version != item.version {
                        state.version.clone_from(&item.version);
                        changed.push((id.clone(), item.version.clone()));
                    }
                }
                None => {
                    let (version, audit_every_ms) = (item.version.clone(), item.audit_every_ms);
                    let state = BaseState { declared_at: now, version, audit_every_ms, audit: None, regression: None };
                    self.base.insert(id.clone(), state);
                }
            }
        }
        changed
    }
}

impl Monitor {
    /// Base items of a new policy: new versions are seen, caps follow what stands on what.
    pub(super) fn declare_base(&mut self, ctx: &mut Ctx) {
        let policy = std::sync::Arc::clone(&self.policy);
        for (item, version) in self.house.declare(&policy.house, ctx.at.now) {
            for workflow in self.workflows.values_mut().filter(|w| w.plan.policy.base.contains(&item)) {
                workflow.version_seen(ctx, format!("base {item} = {version}"), &LapseOn::Base, true);
            }
        }
        self.recap(ctx);
    }

    /// Brings the caps of all workflows into step with the regressions.
    pub(super) fn recap(&mut self, ctx: &mut Ctx) {
        let mode = self.policy.house.regression_cap;
        for workflow in self.workflows.values_mut() {
            let regressed = |item: &&String| self.house.base.get(*item).is_some_and(|state| state.regression.is_some());
            let caps = workflow.plan.policy.base.iter().filter(regressed).map(|item| Cap {
                mode,
                by: format!("base {item}"),
                reason: format!("base item {item} has a regression"),
            });
            let caps: Vec<Cap> = caps.collect();
            workflow.recap(ctx, caps);
        }
    }

    /// Somebody looked at a base item.
    pub(super) fn audit(&mut self, ctx: &mut Ctx, item: &str, passed: bool, note: &str) -> Result<(), Denial> {
        let state = self.house.base.get_mut(item).ok_or_else(|| unknown_item(item))?;
        let (by, version, note) = (ctx.by.clone(), state.version.clone(), note.to_owned());
        let audit =
            AuditRecord { at: ctx.at.now, by: by.clone(), version: version.clone(), passed, note: note.clone() };
        state.audit = Some(audit);
        ctx.ledger(None, &by, What::Audited { item: item.to_owned(), version, passed, note: note.clone() });
        if !passed {
            let summary = format!("the audit of base item {item} failed: {note}");
            self.house.open_incident(ctx, "audit", Severity::Major, &summary);
        }
        Ok(())
    }

    /// A base item got worse: all that stand on it are capped until the incident is resolved.
    pub(super) fn regress(&mut self, ctx: &mut Ctx, item: &str, summary: &str) -> Result<(), Denial> {
        let state = self.house.base.get(item).ok_or_else(|| unknown_item(item))?;
        if let Some(incident) = &state.regression {
            let detail = format!("{item} has an unresolved regression already: {incident}");
            return Err(Denial::new("already_regressed", detail));
        }
        let dependents = self.workflows.values().filter(|w| w.plan.policy.base.iter().any(|base| base == item));
        let dependents: Vec<String> = dependents.map(|w| w.id.to_string()).collect();
        let on = if dependents.is_empty() {
            "nothing stands on it".to_owned()
        } else {
            format!("{} stand on it", dependents.join(", "))
        };
        let text = format!("base item {item} got worse: {summary}; {on}");
        let incident = self.house.open_incident(ctx, "regression", Severity::Critical, &text);
        if let Some(state) = self.house.base.get_mut(item) {
            state.regression = Some(incident);
        }
        self.recap(ctx);
        Ok(())
    }

    /// A person acknowledges or resolves an incident of the house.
    pub(super) fn step_house_incident(&mut self, ctx: &mut Ctx, id: &str, status: IncidentStatus, note: &str) {
        let step = super::incident::Step { time: ctx.at.now, by: ctx.by.clone(), status, note: note.to_owned() };
        let Some(found) = self.house.incidents.step(id, step) else { return };
        let (what, by) = (found.stepped(status, note), ctx.by.clone());
        ctx.ledger(None, &by, what);
        if status != IncidentStatus::Resolved {
            return;
        }
        for workflow in self.workflows.values_mut() {
            let parts = workflow.state.incidents.list().iter().filter(|i| i.part_of.as_deref() == Some(id));
            let parts: Vec<String> = parts.map(|i| i.id.clone()).collect();
            for part in parts {
                workflow.step_incident(ctx, &part, status, note);
            }
        }
        for state in self.house.base.values_mut().filter(|state| state.regression.as_deref() == Some(id)) {
            state.regression = None;
        }
        self.recap(ctx);
    }
}

fn unknown_item(item: &str) -> Denial {
    let detail =
        format!("no base item `{}` is declared: `andon base` lists them", crate::domain::refusal::cut(item, 64));
    Denial::new("unknown_base_item", detail)
}
