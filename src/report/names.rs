//! Under which id each workflow is known now.
//!
//! Owns the way from a former id to the present one, as the ledger tells of it. An id that was given up may be taken
//! by another workflow later: whose it was is a matter of the record. Must not know what is counted.

use crate::domain::{Entry, What, WorkflowId};
use std::collections::BTreeMap;

/// Former ids of workflows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    /// Of each former id, in order: the journal record that ended it, and the id after it.
    renamed: BTreeMap<WorkflowId, Vec<(u64, WorkflowId)>>,
    /// What the policy in force says, of ids of which the ledger doesn't.
    declared: BTreeMap<WorkflowId, WorkflowId>,
}

impl Names {
    /// By the policy in force: former ids that nobody has any more, and the present ones.
    pub const fn declared(declared: BTreeMap<WorkflowId, WorkflowId>) -> Self {
        Self { renamed: BTreeMap::new(), declared }
    }

    /// Takes the next entry of the ledger.
    pub fn take(&mut self, entry: &Entry) {
        if let (What::Renamed { from }, Some(to)) = (&entry.what, &entry.workflow) {
            self.renamed.entry(from.clone()).or_default().push((entry.journal_seq, to.clone()));
        }
    }

    /// The present id of the workflow that a journal record, or what followed from it, calls by `id`.
    pub fn of<'n>(&'n self, id: &'n WorkflowId, journal_seq: u64) -> &'n WorkflowId {
        let (mut known, mut since) = (id, journal_seq);
        while let Some((at, to)) = self.renamed.get(known).and_then(|all| all.iter().find(|(at, _)| *at > since)) {
            (known, since) = (to, *at);
        }
        self.declared.get(known).unwrap_or(known)
    }

    /// Puts the present id into an entry: into what it concerns, and into the question that it names.
    pub fn update(&self, entry: &mut Entry) {
        let seq = entry.journal_seq;
        let asked = match &mut entry.what {
            What::Council { question, .. } => question.workflow_mut(),
            What::Assigned { question, .. } => question.as_mut().and_then(|question| question.workflow_mut()),
            _ => None,
        };
        for id in entry.workflow.iter_mut().chain(asked) {
            let present = self.of(id, seq);
            if present != id {
                *id = present.clone();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Time;

    fn id(text: &str) -> WorkflowId {
        WorkflowId::new(text).unwrap()
    }

    fn renamed(journal_seq: u64, from: &str, to: &str) -> Entry {
        let (policy, by, what) = (String::new(), "andon".to_owned(), What::Renamed { from: id(from) });
        Entry { journal_seq, index: 0, time: Time(0), workflow: Some(id(to)), policy, by, what }
    }

    #[test]
    fn each_record_leads_to_whoever_had_the_id_then() {
        let mut names = Names::declared([(id("old"), id("new"))].into());
        // a becomes b, another one becomes a and then c, and b becomes a again.
        for entry in [renamed(10, "a", "b"), renamed(20, "x", "a"), renamed(30, "a", "c"), renamed(40, "b", "a")] {
            names.take(&entry);
        }
        for (of, seq, is) in [
            ("a", 5, "a"),
            ("b", 12, "a"),
            ("x", 5, "c"),
            ("a", 25, "c"),
            ("a", 40, "a"),
            ("b", 50, "b"),
            ("old", 50, "new"),
            ("other", 1, "other"),
        ] {
            assert_eq!(names.of(&id(of), seq), &id(is), "{of} at {seq}");
        }
    }
}
