//! The wording of messages, from the entries of the ledger and the policy.
//!
//! Owns what each kind of event says and what it asks people to do. Which entries make a message is `derive`'s.

use super::message::{ENTRIES_MAX, Message, WORKFLOWS_MAX};
use super::numbers;
use crate::domain::{
    Ask, Breach, Cause, Entry, Mode, NoticeKind, Policy, Reported, Severity, Target, What, WorkflowPolicy,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// An entry with its number in the ledger.
pub type Numbered<'e> = (u64, &'e Entry);

/// What messages are made with, beside the entries.
#[derive(Debug, Clone, Copy)]
pub struct Context<'c> {
    /// The policy in force.
    pub policy: &'c Policy,
    /// Where this andon is reached, for links.
    pub public_url: Option<&'c str>,
}

/// The first and last of several steps of one workflow's mode.
pub(super) struct Change<'e> {
    from: Mode,
    to: Mode,
    pub(super) cause: Cause,
    reason: &'e str,
    breach: Option<&'e Breach>,
}

impl<'e> Change<'e> {
    pub(super) fn of(steps: &[Numbered<'e>]) -> Option<Self> {
        let step = |(_, entry): &Numbered<'e>| match &entry.what {
            What::ModeChanged { from, to, cause, reason, breach, .. } => {
                Some(Self { from: *from, to: *to, cause: *cause, reason, breach: breach.as_deref() })
            }
            _ => None,
        };
        let first = steps.iter().find_map(step)?;
        let last = steps.iter().rev().find_map(step)?;
        Some(Self { from: first.from, ..last })
    }

    pub(super) fn is_lowered(&self) -> bool {
        self.to < self.from
    }

    /// The guard whose breach it was.
    pub(super) fn guard(&self) -> Option<&'e str> {
        self.breach.map(|breach| breach.guard.as_str())
    }

    fn way(&self) -> &'static str {
        if self.is_lowered() { "lowered" } else { "raised" }
    }
}

impl<'c> Context<'c> {
    fn workflow(&self, entry: &Entry) -> Option<&'c WorkflowPolicy> {
        entry.workflow.as_ref().and_then(|id| self.policy.workflows.get(id))
    }

    /// A message of some entries, with what every message of them says.
    fn begin(&self, entries: &[Numbered<'_>], event: NoticeKind, kind: &str, headline: &str) -> Message {
        let Some((seq, first)) = entries.first() else {
            return Message::new(String::new(), event, kind, crate::domain::Time::EPOCH, headline);
        };
        // A ledger that was restored from a backup counts on from there: the number alone would come twice.
        let mut message = Message::new(format!("ledger-{seq}-{}", first.time.0), event, kind, first.time, headline);
        let policy = self.workflow(first);
        message.workflow = first.workflow.as_ref().map(ToString::to_string);
        message.owner = policy.map(|policy| policy.owner.clone()).unwrap_or_default();
        message.entries = entries.iter().take(ENTRIES_MAX).map(numbered).collect();
        message.entries_left_out = entries.len().saturating_sub(ENTRIES_MAX) as u64;
        if let Some(policy) = policy {
            message.link("runbook", &policy.runbook);
            message.link("rollback", &policy.rollback);
        }
        message
    }

    /// A page of the console: who reads a message wants to see, and to act.
    fn page(&self, message: &mut Message, title: &str, path: &str) {
        if let Some(url) = self.public_url {
            message.link(title, &format!("{url}{path}"));
        }
    }

    /// A workflow's mode changed, in one step or several; perhaps with an incident.
    pub(super) fn mode(&self, steps: &[Numbered<'_>], incident: Option<Numbered<'_>>) -> Message {
        let (workflow, change) = (first_workflow(steps), Change::of(steps));
        let way = change.as_ref().map_or("lowered", Change::way);
        let headline = change
            .as_ref()
            .map_or_else(String::new, |change| format!("{workflow} was {way} from {} to {}", change.from, change.to));
        let entries: Vec<Numbered<'_>> = steps.iter().copied().chain(incident).collect();
        let mut message = self.begin(&entries, NoticeKind::Mode, &format!("mode.{way}"), &headline);
        if let Some(change) = change {
            message.because(change.reason);
            message.fact("cause", change.cause.name());
            message.fact("by", who(steps));
            if let Some(breach) = change.breach {
                numbers::add(&mut message, breach, steps.first().and_then(|(_, entry)| self.workflow(entry)));
            }
        }
        message.fact("since", message.time.to_string());
        message.fact("owner", message.owner.clone());
        match incident.map(|(_, entry)| &entry.what) {
            Some(What::IncidentOpened { incident, severity, .. }) => {
                self.look_at(&mut message, incident);
                message.severity = Some(*severity);
            }
            Some(What::IncidentJoined { incident, .. }) => self.look_at(&mut message, incident),
            _ => {}
        }
        if way == "lowered" {
            message.advise(format!("say why and see the numbers: andon why {workflow}"));
        }
        self.page(&mut message, "why", &format!("/workflows/{workflow}"));
        message
    }

    /// One order, or one moment, changed the modes of several workflows, all in one direction.
    pub(super) fn modes(&self, changes: &[Vec<Numbered<'_>>]) -> Message {
        let steps = changes.concat();
        let changed: BTreeSet<String> = changes.iter().map(|steps| first_workflow(steps)).collect();
        let each: Vec<Change<'_>> = changes.iter().filter_map(|steps| Change::of(steps)).collect();
        let way = each.first().map_or("lowered", Change::way);
        let headline = format!("{} workflows were {way}", changed.len());
        let mut message = self.begin(&steps, NoticeKind::Mode, &format!("mode.{way}"), &headline);
        (message.workflow, message.owner) = (None, String::new());
        message.links.clear();
        if let Some(change) = each.first() {
            let others = each.iter().any(|other| other.reason != change.reason);
            message.because(&format!(
                "{}{}",
                change.reason,
                if others { "; others for reasons of their own" } else { "" }
            ));
            message.fact("cause", change.cause.name());
            message.fact("by", who(&steps));
        }
        message.fact("since", message.time.to_string());
        name_workflows(&mut message, changed);
        self.page(&mut message, "workflows", "/");
        message
    }

    /// Something is wrong and a person has to look.
    pub(super) fn incident(&self, entry: &Numbered<'_>) -> Message {
        let What::IncidentOpened { incident, about, guard, severity, summary } = &entry.1.what else {
            return self.begin(&[*entry], NoticeKind::Incident, "incident.opened", "");
        };
        let headline = format!("incident {incident}: {summary}");
        let mut message = self.begin(&[*entry], NoticeKind::Incident, "incident.opened", &headline);
        message.severity = Some(*severity);
        message.fact("about", about);
        message.fact("guard", guard.as_deref().unwrap_or_default());
        message.fact("since", entry.1.time.to_string());
        message.fact("owner", message.owner.clone());
        self.look_at(&mut message, incident);
        if *severity == Severity::Critical && about == "regression" {
            message.advise("whatever stands on it is capped until the incident is resolved");
        }
        message
    }

    /// People dealt with incidents.
    pub(super) fn stepped(&self, entries: &[Numbered<'_>]) -> Message {
        let named: Vec<(&str, &str, &str)> = entries.iter().filter_map(|(_, entry)| stepped(&entry.what)).collect();
        let (incident, what, note) = named.first().copied().unwrap_or(("", "resolved", ""));
        let more = match named.len() {
            0 | 1 => String::new(),
            many => format!(" and {} more", many - 1),
        };
        let headline = format!("incident {incident}{more} was {what} by {}", who(entries));
        let mut message = self.begin(entries, NoticeKind::Incident, &format!("incident.{what}"), &headline);
        message.incident = Some(incident.to_owned());
        message.because(note);
        if named.len() > 1 {
            name_workflows(&mut message, entries.iter().map(|entry| first_workflow(&[*entry])).collect());
        }
        self.page(&mut message, "incident", &format!("/incidents/{incident}"));
        message
    }

    /// Many workflows were lowered at the same time.
    pub(super) fn storm(&self, entry: &Numbered<'_>, lowered: BTreeSet<String>) -> Message {
        let What::IncidentOpened { incident, severity, summary, .. } = &entry.1.what else {
            return self.begin(&[*entry], NoticeKind::Storm, "storm.opened", "");
        };
        let mut message = self.begin(&[*entry], NoticeKind::Storm, "storm.opened", &format!("storm: {summary}"));
        message.severity = Some(*severity);
        message.fact("since", entry.1.time.to_string());
        name_workflows(&mut message, lowered);
        self.look_at(&mut message, incident);
        message.advise(format!(
            "where it was a false alarm, two people restore all at once: andon annul {incident} --reason \"…\""
        ));
        message
    }

    /// A storm goes on: this workflow was lowered too.
    pub(super) fn grown(&self, entry: &Numbered<'_>, storm: &str) -> Message {
        let headline = format!("storm {storm} goes on: more workflows were lowered");
        let mut message = self.begin(&[*entry], NoticeKind::Storm, "storm.grown", &headline);
        (message.workflow, message.owner) = (None, String::new());
        message.links.clear();
        message.severity = Some(Severity::Critical);
        message.fact("since", message.time.to_string());
        name_workflows(&mut message, [first_workflow(&[*entry])].into());
        self.look_at(&mut message, storm);
        message
    }

    /// Something waits for approval.
    pub(super) fn request(&self, entry: &Numbered<'_>) -> Message {
        let What::Requested { request, ask, reason, funding, needs, .. } = &entry.1.what else {
            return self.begin(&[*entry], NoticeKind::Request, "request.pending", "");
        };
        let (by, on) = (&entry.1.by, entry.1.workflow.as_ref());
        let on = on.map_or_else(|| "the house".to_owned(), ToString::to_string);
        let headline = format!("{by} asks for {} ({request})", asked(ask, &on));
        let mut message = self.begin(&[*entry], NoticeKind::Request, "request.pending", &headline);
        message.because(reason);
        message.fact("by", by);
        message.fact("needs", needs.join(", "));
        message.fact("funds", funding.as_deref().unwrap_or_default());
        message.fact("since", entry.1.time.to_string());
        if let Ask::Policy { loosens, .. } = ask {
            message.fact("loosens", loosens.join("; "));
        }
        message.advise(format!("decide: andon requests approve {request}, or andon requests reject {request}"));
        self.page(&mut message, "request", &format!("/gate#{request}"));
        message
    }

    /// The report of a week was made.
    pub(super) fn report(&self, entry: &Numbered<'_>) -> Message {
        let What::Reported { report: Reported { week, headline, decisions, .. } } = &entry.1.what else {
            return self.begin(&[*entry], NoticeKind::Report, "report.made", "");
        };
        let first = headline.first().map_or("", String::as_str);
        let mut message = self.begin(&[*entry], NoticeKind::Report, "report.made", &format!("report {week}: {first}"));
        message.because(&headline.iter().skip(1).map(String::as_str).collect::<Vec<_>>().join(" "));
        message.fact("week", week);
        message.fact("decisions asked", decisions.to_string());
        message.fact("since", entry.1.time.to_string());
        message.advise(format!("read it: andon report --week {week}"));
        self.page(&mut message, "report", &format!("/reports/{week}"));
        message
    }

    /// A drill failed.
    pub(super) fn drill(&self, entry: &Numbered<'_>) -> Message {
        let What::Drilled { drill, findings, .. } = &entry.1.what else {
            return self.begin(&[*entry], NoticeKind::Drill, "drill.failed", "");
        };
        let headline = format!("drill {drill} failed: a breach might lower nothing, or nobody might learn of it");
        let mut message = self.begin(&[*entry], NoticeKind::Drill, "drill.failed", &headline);
        message.severity = Some(Severity::Critical);
        message.because(&findings.sentence());
        message.fact("cut", findings.cut().join(", "));
        message.fact("since", entry.1.time.to_string());
        message.advise("don't rely on modes until a drill passes: hold what may be held, and stop what must not run unwatched (andon mode --stop-all)");
        message.advise("look at the first wire that failed: docs/drill.md; then andon drill");
        self.page(&mut message, "drills", "/incidents");
        message
    }

    fn look_at(&self, message: &mut Message, incident: &str) {
        message.incident = Some(incident.to_owned());
        message.fact("incident", incident);
        message.advise(format!("say that you look at it: andon incidents ack {incident}"));
        self.page(message, "incident", &format!("/incidents/{incident}"));
    }
}

/// Names workflows, and says how many more there are.
pub(super) fn name_workflows(message: &mut Message, names: BTreeSet<String>) {
    let names: Vec<String> = names.into_iter().filter(|name| !name.is_empty()).collect();
    message.workflows = names.iter().take(WORKFLOWS_MAX).cloned().collect();
    let more = match names.len().saturating_sub(WORKFLOWS_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    message.facts.retain(|fact| fact.name != "workflows");
    message.fact("workflows", format!("{}{more}", message.workflows.join(", ")));
}

fn numbered((seq, entry): &Numbered<'_>) -> Value {
    let mut value = serde_json::to_value(entry).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.insert("ledger_seq".to_owned(), json!(seq));
    }
    value
}

fn who<'e>(entries: &[Numbered<'e>]) -> &'e str {
    entries.first().map_or("", |(_, entry)| entry.by.as_str())
}

fn first_workflow(entries: &[Numbered<'_>]) -> String {
    entries.first().and_then(|(_, entry)| entry.workflow.as_ref()).map(ToString::to_string).unwrap_or_default()
}

fn stepped(what: &What) -> Option<(&str, &'static str, &str)> {
    match what {
        What::IncidentAcknowledged { incident, note } => Some((incident, "acknowledged", note)),
        What::IncidentResolved { incident, note } => Some((incident, "resolved", note)),
        _ => None,
    }
}

fn asked(ask: &Ask, on: &str) -> String {
    match ask {
        Ask::Promotion { to: Target::Factory, .. } => format!("{on} to leave the lab"),
        Ask::Promotion { from, to } => format!("the promotion of {on} from {from} to {to}"),
        Ask::Annulment { to, .. } => format!("the annulment of a demotion of {on}, back to {to}"),
        Ask::Restoration { storm } => format!("the restoration of all workflows of the storm {storm}"),
        Ask::Relearning { guard, .. } => format!("the guard {guard} of {on} to learn anew what is normal"),
        Ask::Policy { .. } => "a policy that loosens something".to_owned(),
    }
}
