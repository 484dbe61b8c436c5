//! The external guard: an alert that fires elsewhere is a breach here.
//!
//! Owns which alerts are known and what a further notification of one changes. Alertmanager sends every alert
//! again and again, in groups, and a pair of them may send it twice: what was heard of before changes nothing.
//! Deterministic, outside the budget. What is resolved is noted and raises nothing: people do that.

use super::breach::Completed;
use super::guard::{Broken, Guard};
use super::handle::{ANDON, Ctx, Effect, Monitor};
use super::limit::Tripped;
use super::workflow::Workflow;
use crate::domain::alert::{Alert, AlertResult, AlertStatus, WorkflowAlert};
use crate::domain::{GuardPolicy, Signal, Time, What};
use serde::{Deserialize, Serialize};

/// Alerts that a guard knows; those that no longer fire go first.
pub const ALERTS_MAX: usize = 200;
/// Names that a sentence lists.
const NAMES_MAX: usize = 3;

/// The alerts that a guard has heard of, in the order in which they last changed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Alerts(Vec<Alert>);

impl Alerts {
    /// Those that fire.
    pub fn firing(&self) -> impl DoubleEndedIterator<Item = &Alert> {
        self.0.iter().filter(|alert| alert.status == AlertStatus::Firing)
    }

    /// What a notification means, at `now`.
    ///
    /// The same start is the same alert. One that was resolved and fires again with its old start does fire:
    /// Alertmanager takes an alert for resolved when it doesn't hear of it for a while. An earlier start is a
    /// notification that comes late, unless the one that is known lies ahead of our clock: a sender whose clock
    /// is wrong must not make the guard deaf.
    pub fn judge(&self, alert: &Alert, now: Time) -> AlertResult {
        let known = self.0.iter().find(|known| known.fingerprint == alert.fingerprint);
        let late = known.is_some_and(|known| alert.starts_at < known.starts_at && known.starts_at <= now);
        match (alert.status, known) {
            (AlertStatus::Test, _) => AlertResult::Test,
            (_, Some(_)) if late => AlertResult::Repeat,
            (AlertStatus::Firing, Some(known))
                if known.status == AlertStatus::Firing && known.starts_at == alert.starts_at =>
            {
                AlertResult::Repeat
            }
            (AlertStatus::Firing, None) if self.firing().count() >= ALERTS_MAX => AlertResult::TooMany,
            (AlertStatus::Firing, _) => AlertResult::Breach,
            (AlertStatus::Resolved, Some(known)) if known.status == AlertStatus::Firing => AlertResult::Resolved,
            (AlertStatus::Resolved, _) => AlertResult::Repeat,
        }
    }

    fn take(&mut self, alert: &Alert) {
        self.0.retain(|known| known.fingerprint != alert.fingerprint);
        if self.0.len() >= ALERTS_MAX {
            let over = self.0.iter().position(|known| known.status != AlertStatus::Firing);
            self.0.remove(over.unwrap_or(0));
        }
        self.0.push(alert.clone());
    }

    /// The alert that changed last, in a few words.
    pub(super) fn last(&self) -> Option<(String, Time)> {
        let Alert { name, severity, starts_at, .. } = self.firing().next_back()?;
        let severity = severity.as_ref().map(|severity| format!(" ({severity})")).unwrap_or_default();
        Some((format!("{name}{severity}, firing since {starts_at}"), *starts_at))
    }

    /// Which alerts fire, for people; `None` where none does.
    pub(super) fn said(&self) -> Option<String> {
        let mut names: Vec<&str> = self.firing().map(|alert| alert.name.as_str()).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        let more = if names.len() > NAMES_MAX { " …" } else { "" };
        names.truncate(NAMES_MAX);
        match count {
            0 => None,
            1 => Some(format!("the alert {} is firing", names.join(""))),
            _ => Some(format!("{count} alerts are firing: {}{more}", names.join(", "))),
        }
    }
}

impl Signal {
    /// Whether a guard on this signal watches for alerts of a name.
    fn hears(&self, name: &str) -> bool {
        matches!(self, Self::External { of } if of.as_ref().is_none_or(|of| of == name))
    }
}

impl Guard {
    /// What a notification would do to it.
    fn judge_alert(&self, policy: &GuardPolicy, alert: &Alert, now: Time) -> (AlertResult, bool) {
        if !policy.signal.hears(&alert.name) {
            return (AlertResult::NoGuard, false);
        }
        let result = self.limit.alerts.judge(alert, now);
        let first_test = result == AlertResult::Test && self.last_at.is_none();
        (result, first_test || matches!(result, AlertResult::Breach | AlertResult::Resolved))
    }

    /// Takes a notification that changes something; says what broke with it.
    fn hear(&mut self, alert: &Alert, result: AlertResult, now: Time) -> Option<Broken> {
        self.last_at = Some(now);
        if result == AlertResult::Test {
            return None;
        }
        self.limit.alerts.take(alert);
        let firing = self.limit.alerts.firing().count();
        self.limit.tripped = firing > 0;
        #[expect(clippy::cast_precision_loss, reason = "at most 200")]
        let tripped = Tripped { value: firing as f64, limit: 0.0, n: firing as u64 };
        (result == AlertResult::Breach).then_some(Broken::Limit(tripped))
    }

    /// Another definition of a guard goes on knowing what fires, as far as it still watches for it.
    pub(super) fn inherit_alerts(mut self, signal: &Signal, before: Option<&Self>) -> Self {
        let known = before.into_iter().flat_map(|before| &before.limit.alerts.0);
        self.limit.alerts = Alerts(known.filter(|alert| signal.hears(&alert.name)).cloned().collect());
        if !self.limit.alerts.0.is_empty() {
            self.last_at = before.and_then(|before| before.last_at);
            self.limit.tripped = self.limit.alerts.firing().next().is_some();
        }
        self
    }
}

impl Monitor {
    /// What a notification would do, and whether it would change anything: only then it has to go through
    /// the journal.
    pub fn judge_alert(&self, of: &WorkflowAlert, now: Time) -> (AlertResult, bool) {
        let found = self.workflows.get(&of.workflow).filter(|workflow| workflow.state.in_policy);
        let Some(workflow) = found else { return (AlertResult::UnknownWorkflow, false) };
        let guards = workflow.state.guards.with(&workflow.plan.guards);
        let judged = guards.map(|(plan, guard)| guard.judge_alert(&plan.policy, &of.alert, now));
        judged.fold((AlertResult::NoGuard, false), |all, one| (all.0.max(one.0), all.1 | one.1))
    }

    /// Takes notifications in their order.
    pub(super) fn alerts(&mut self, ctx: &mut Ctx, alerts: &[WorkflowAlert]) {
        let by = ctx.by.clone();
        for of in alerts {
            let found = self.workflows.get_mut(&of.workflow).filter(|workflow| workflow.state.in_policy);
            // Whoever sent it is named with the alert; what follows is the guard's doing.
            let result = found.map_or(AlertResult::UnknownWorkflow, |workflow| workflow.alert(ctx, &by, &of.alert));
            ctx.effect(Effect::Alert(result));
        }
    }
}

impl Workflow {
    fn alert(&mut self, ctx: &mut Ctx, by: &str, alert: &Alert) -> AlertResult {
        let now = ctx.at.now;
        let (mut all, mut heard, mut broken) = (AlertResult::NoGuard, Vec::new(), Vec::new());
        for (index, (plan, guard)) in self.state.guards.with_mut(&self.plan.guards).enumerate() {
            let (result, changes) = guard.judge_alert(&plan.policy, alert, now);
            all = all.max(result);
            if changes {
                heard.push(plan.policy.name.clone());
                broken.extend(guard.hear(alert, result, now).map(|broken| (index, broken)));
            }
        }
        if heard.is_empty() {
            return all;
        }
        if alert.status == AlertStatus::Resolved {
            self.state.incidents.note_of_guards(&heard, now, &format!("the alert {} is resolved", alert.name));
        }
        ctx.ledger(Some(&self.id), by, What::Alert { alert: alert.clone(), guards: heard });
        if !broken.is_empty() {
            ANDON.clone_into(&mut ctx.by);
            self.broken(ctx, &broken, Completed::Otherwise);
        }
        all
    }
}
