//! What was asked for, with numbers that people know.
//!
//! Owns the list and its limit. What may be asked and what follows is `requests`'.

use crate::domain::{Request, Time, WorkflowId};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Requests that are remembered; decided ones go first.
const REQUESTS_MAX: usize = 50;

/// Requests with their numbers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Requests {
    list: VecDeque<Request>,
    asked: u64,
}

impl Requests {
    /// The id of the next request of something: its prefix and a number.
    pub fn next_id(&self, prefix: &str) -> String {
        format!("{prefix}r{}", self.asked + 1)
    }

    /// How many there were.
    pub(super) const fn given(&self) -> u64 {
        self.asked
    }

    /// The next one gets a number after this one.
    pub(super) fn go_on_after(&mut self, number: u64) {
        self.asked = self.asked.max(number);
    }

    /// Adds one; it got its id from [`Requests::next_id`].
    pub fn add(&mut self, request: Request) {
        self.asked += 1;
        self.list.push_back(request);
        if self.list.len() > REQUESTS_MAX {
            let decided = self.list.iter().position(|request| !request.is_pending());
            self.list.remove(decided.unwrap_or(0));
        }
    }

    /// Their workflow goes on under another id.
    pub(super) fn rename(&mut self, workflow: &WorkflowId) {
        self.list.iter_mut().for_each(|request| request.workflow = Some(workflow.clone()));
    }

    /// All that are kept, oldest first.
    pub fn list(&self) -> impl DoubleEndedIterator<Item = &Request> {
        self.list.iter()
    }

    /// One of them.
    pub fn get(&self, id: &str) -> Option<&Request> {
        self.list.iter().find(|request| request.id == id)
    }

    /// One of them, to change it.
    pub fn get_mut(&mut self, id: &str) -> Option<&mut Request> {
        self.list.iter_mut().find(|request| request.id == id)
    }

    /// Those that wait for approvals.
    pub fn pending(&self) -> impl Iterator<Item = &Request> {
        self.list.iter().filter(|request| request.is_pending())
    }

    /// Those that wait for approvals, to end them.
    pub fn pending_mut(&mut self) -> impl Iterator<Item = &mut Request> {
        self.list.iter_mut().filter(|request| request.is_pending())
    }

    /// When the next one ends undecided.
    pub fn due(&self) -> Option<Time> {
        self.pending().filter_map(|request| request.expires_at).min()
    }
}
