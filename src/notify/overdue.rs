//! What people have not done in time: audits of base items, reviews, hypotheses past their time-box, actions of the
//! council.
//!
//! Owns what counts, by the due times that the state machine has anyway. No entry of the ledger says so, as
//! nothing happens when a time passes; so it is looked, and told once for as long as it lasts.

use super::compose::Context;
use super::message::Message;
use crate::domain::{NoticeKind, Time, WorkflowId};
use crate::monitor::Monitor;

/// Something that is overdue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overdue {
    /// What: the same as long as it lasts, and another one the next time where that can be told.
    pub subject: String,
    /// The workflow; `None` for the whole house.
    pub workflow: Option<WorkflowId>,
    /// Who answers for it; may be empty.
    pub owner: String,
    /// Since when.
    pub since: Time,
    headline: String,
    to_do: String,
    path: String,
    kind: &'static str,
}

/// Everything that is overdue now.
pub fn overdue(monitor: &Monitor, now: Time) -> Vec<Overdue> {
    let mut found = audits(monitor, now);
    found.extend(actions(monitor, now));
    for workflow in monitor.workflows().values().filter(|workflow| workflow.state.in_policy) {
        let (id, policy) = (&workflow.id, &workflow.plan.policy);
        let within_ms = policy.reviewing.within_ms;
        let (late, _) = workflow.state.reviews.overdue(now, within_ms);
        if let (1.., Some(oldest)) = (late, workflow.state.reviews.oldest()) {
            let hours = within_ms / Time::HOUR;
            found.push(Overdue {
                subject: format!("reviews {id}"),
                workflow: Some(id.clone()),
                owner: policy.owner.clone(),
                since: oldest.plus(within_ms),
                headline: format!("{late} outputs of {id} wait for a review for more than {hours} h"),
                to_do: format!("review them: andon review {id}"),
                path: format!("/workflows/{id}"),
                kind: "review",
            });
        }
        let active = workflow.state.governance.lab.records.values().filter(|record| record.is_overdue(now));
        found.extend(active.filter_map(|record| {
            let (hypothesis, due) = (&record.hypothesis, record.due_at()?);
            Some(Overdue {
                subject: format!("hypothesis {} {due}", hypothesis.id),
                workflow: Some(id.clone()),
                owner: hypothesis.owner.clone(),
                since: due,
                headline: format!("the time-box of the hypothesis {} of {id} is over", hypothesis.id),
                to_do: format!("answer its exit criteria and sign it off: andon lab show {}", hypothesis.id),
                path: format!("/lab/{id}:{}", hypothesis.id),
                kind: "hypothesis",
            })
        }));
    }
    found
}

fn audits(monitor: &Monitor, now: Time) -> Vec<Overdue> {
    let house = monitor.house();
    let due = house.base.keys().filter_map(|item| Some((item, house.audit_due(item)?)));
    let late = due.filter(|(_, due)| *due <= now).map(|(item, due)| Overdue {
        subject: format!("audit {item} {due}"),
        workflow: None,
        owner: monitor.policy().house.base.get(item).map(|item| item.owner.clone()).unwrap_or_default(),
        since: due,
        headline: format!("the audit of the base item {item} is overdue"),
        to_do: format!("look at it and say how it is: andon base audit {item}"),
        path: "/base".to_owned(),
        kind: "audit",
    });
    late.collect()
}

fn actions(monitor: &Monitor, now: Time) -> impl Iterator<Item = Overdue> {
    let late = monitor.house().actions.open().iter().filter(move |task| task.is_overdue(now));
    late.map(|task| Overdue {
        subject: format!("action {} {}", task.id, task.due),
        workflow: task.workflow.clone(),
        owner: task.owner.clone(),
        since: task.due,
        headline: format!("{} is overdue: {} ({})", task.id, task.task, task.owner),
        to_do: format!("say how it ended: andon actions finish {} done --note \"…\"", task.id),
        path: "/v1/actions".to_owned(),
        kind: "action",
    })
}

impl Overdue {
    /// The message of it.
    pub(super) fn message(&self, context: &Context<'_>) -> Message {
        let Self { subject, workflow, owner, since, headline, to_do, path, kind } = self;
        let name: Vec<&str> = subject.split(' ').take(2).collect();
        let id = format!("overdue-{}-{}", name.join("-").replace(|c: char| !c.is_ascii_alphanumeric(), "-"), since.0);
        let mut message = Message::new(id, NoticeKind::Overdue, &format!("overdue.{kind}"), *since, headline);
        message.workflow = workflow.as_ref().map(ToString::to_string);
        message.owner.clone_from(owner);
        message.fact("since", since.to_string());
        message.fact("owner", owner);
        message.advise(to_do);
        if let Some(url) = context.public_url {
            message.link(kind, &format!("{url}{path}"));
        }
        message
    }
}
