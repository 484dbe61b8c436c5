//! What a token for some workflows doesn't read in texts about the whole house: which others there are.
//!
//! Owns which texts these are, and how ids are taken out of them. What is written stays as it is: this changes
//! only what is shown. Whether a whole item is shown is its route's matter.

use super::auth::Caller;
use crate::domain::{Ask, Choice, Entry, Request, Task, What, WorkflowId};
use crate::monitor::{Incident, Monitor};
use std::collections::BTreeSet;

/// The workflows that somebody's token doesn't hold for.
pub(super) struct Hidden {
    caller: Caller,
    /// Ids that are or were in use.
    ids: BTreeSet<String>,
}

impl Hidden {
    /// From whoever asks; nothing where the token holds for all.
    pub(super) fn from(caller: &Caller, monitor: &Monitor) -> Self {
        let mut ids = BTreeSet::new();
        if !caller.workflows.is_all() {
            let known = monitor.workflows().values();
            let known = known.flat_map(|w| [Some(&w.id), w.plan.policy.renamed_from.as_ref()]).flatten();
            ids.extend(known.filter(|id| !caller.may_see(id.as_str())).map(ToString::to_string));
        }
        Self { caller: caller.clone(), ids }
    }

    /// Takes the others out of an incident of the house.
    pub(super) fn incident(&self, incident: &mut Incident) {
        if incident.workflow.is_empty() {
            self.text(&mut incident.summary);
            self.text(&mut incident.cause);
            for step in &mut incident.timeline {
                self.text(&mut step.note);
            }
        }
    }

    /// Takes the others out of a request of the house.
    pub(super) fn request(&self, request: &mut Request) {
        if request.workflow.is_none() {
            self.ask(&mut request.ask);
            self.text(&mut request.reason);
            self.text(&mut request.because);
            let notes = request.approvals.iter_mut().map(|approval| &mut approval.note);
            for text in request.funding.iter_mut().chain(notes) {
                self.text(text);
            }
        }
    }

    /// Takes the others out of an action of the house.
    pub(super) fn task(&self, task: &mut Task) {
        if task.workflow.is_none() {
            self.text(&mut task.task);
        }
    }

    /// Takes the others out of an entry about the house; whether there was something to take out.
    pub(super) fn entry(&self, entry: &mut Entry) -> bool {
        if entry.workflow.is_some() {
            return false;
        }
        match &mut entry.what {
            What::Reported { report } => {
                // What the whole fleet did and cost is for those who may read its report.
                let is_whole = self.caller.workflows.is_all();
                if !is_whole {
                    report.headline.clear();
                }
                !is_whole
            }
            What::Requested { ask, reason, funding, .. } => {
                let funding = funding.as_mut().is_some_and(|funding| self.text(funding));
                self.ask(ask) | self.text(reason) | funding
            }
            What::Voted { note: text, .. }
            | What::Decided { because: text, .. }
            | What::Denied { detail: text, .. }
            | What::Audited { note: text, .. }
            | What::Stopped { reason: text }
            | What::IncidentOpened { summary: text, .. }
            | What::IncidentJoined { summary: text, .. }
            | What::IncidentAcknowledged { note: text, .. }
            | What::Assigned { task: text, .. }
            | What::IncidentResolved { note: text, .. } => self.text(text),
            What::Finished { note, task, .. } => self.text(note) | self.text(task),
            What::Council { note, decided, .. } => self.decided(decided) | self.text(note),
            _ => false,
        }
    }

    /// What somebody is to do for the whole house.
    fn decided(&self, decided: &mut Choice) -> bool {
        if let Choice::Assign { task, .. } = decided { self.text(task) } else { false }
    }

    /// What a policy loosens is a sentence for each, which begins with the workflow that it is about.
    fn ask(&self, ask: &mut Ask) -> bool {
        let Ask::Policy { loosens, .. } = ask else { return false };
        let all = loosens.len();
        loosens.retain(|what| subject(what).is_none_or(|id| self.caller.may_see(id)));
        let others = all - loosens.len();
        if others > 0 {
            let what = if others == 1 { "1 more change".to_owned() } else { format!("{others} more changes") };
            loosens.push(format!("{what} of other workflows, for which your token doesn't hold"));
        }
        loosens.iter_mut().fold(others > 0, |changed, what| self.text(what) | changed)
    }

    /// Says how many workflows stand in a text instead of which, where they are others; whether there were some.
    pub(super) fn text(&self, text: &mut String) -> bool {
        if self.caller.workflows.is_all() {
            return false;
        }
        let named = named(text).into_iter().filter(|id| WorkflowId::is_valid(id) && !self.caller.may_see(id));
        let named: BTreeSet<String> = named.map(str::to_owned).collect();
        let is_hidden = |word: &str| {
            let is = |id: &str| self.ids.contains(id) || named.contains(id);
            is(word) || stem(word).is_some_and(is)
        };
        let (mut shown, mut others, mut comma) = (String::new(), 0_u32, "");
        let mut changed = false;
        for piece in pieces(text) {
            if is_hidden(piece) {
                (others, comma, changed) = (others + 1, "", true);
            } else if others > 0 && comma.is_empty() && piece == ", " {
                // Another one may follow: then both are one number.
                comma = piece;
            } else {
                count(&mut shown, &mut others, &mut comma);
                shown.push_str(piece);
            }
        }
        count(&mut shown, &mut others, &mut comma);
        if changed {
            *text = shown;
        }
        changed
    }
}

/// Writes down how many were left out, and begins anew.
fn count(shown: &mut String, others: &mut u32, comma: &mut &str) {
    match std::mem::take(others) {
        0 => {}
        1 => shown.push_str("1 other workflow"),
        n => shown.push_str(&format!("{n} other workflows")),
    }
    shown.push_str(std::mem::take(comma));
}

/// Words as ids are written, and what is between them.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let is_of_id = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let mut rest = text;
    std::iter::from_fn(move || {
        let is_word = is_of_id(rest.chars().next()?);
        let end = rest.find(|c| is_of_id(c) != is_word).unwrap_or(rest.len());
        let (piece, more) = rest.split_at(end);
        rest = more;
        Some(piece)
    })
}

/// The workflow in the id of an incident or a request: `drafts` in `drafts-1` and in `drafts-r2`.
pub(super) fn stem(id: &str) -> Option<&str> {
    let (workflow, number) = id.rsplit_once('-')?;
    let number = number.strip_prefix('r').unwrap_or(number);
    (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(workflow)
}

/// The workflow that a sentence about a policy begins with.
fn subject(what: &str) -> Option<&str> {
    what.split_once(": ").map(|(id, _)| id).filter(|id| WorkflowId::is_valid(id))
}

/// What must be ids in a sentence of andon's own, of workflows that may be long forgotten.
fn named(text: &str) -> Vec<&str> {
    if let Some(list) = text.strip_suffix(" stand on it") {
        return list.rsplit("; ").next().into_iter().flat_map(|list| list.split(", ")).collect();
    }
    let loosened = text.split_once(" loosens more: ").and_then(|(_, what)| subject(what));
    text.strip_suffix(" was lowered").or(loosened).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_numbers_and_names() {
        assert_eq!(pieces("a-1, (b_c): é!").collect::<Vec<_>>(), ["a-1", ", (", "b_c", "): é!"]);
        assert_eq!((stem("a-b-1"), stem("a-r2"), stem("a-b"), stem("a")), (Some("a-b"), Some("a"), None, None));
        assert_eq!(named("base item g got worse: x; y; a, b stand on it"), ["a", "b"]);
        assert_eq!(named("meanwhile it loosens more: a: max_mode"), ["a"]);
        assert_eq!(named("a was lowered"), ["a"]);
        assert_eq!((subject("a: less"), subject("the budget: more")), (Some("a"), None));
    }
}
