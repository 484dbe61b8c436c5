//! The outputs of one input, sorted by workflow.
//!
//! Owns their order. Knows no workflow's state.

use crate::domain::{OutputEvent, WorkflowId};
use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

/// Outputs by workflow, in the order of arrival within each; workflows in the order of their first
/// output. Workflows don't depend on each other, so this changes no state, and each one's guards
/// are in the processor's cache while its outputs are counted.
pub(super) fn by_workflow(events: &[OutputEvent]) -> Vec<(&WorkflowId, Vec<&OutputEvent>)> {
    // Only looked up in, never walked through, and with a hash that is the same everywhere.
    let mut places: HashTable<usize> = HashTable::new();
    let mut groups: Vec<(&WorkflowId, Vec<&OutputEvent>)> = Vec::new();
    for event in events {
        let id = &event.workflow;
        let hash = |id: &WorkflowId| xxh3_64(id.as_str().as_bytes());
        let found = places.find(hash(id), |at| groups[*at].0 == id).copied();
        let at = found.unwrap_or_else(|| {
            groups.push((id, Vec::new()));
            places.insert_unique(hash(id), groups.len() - 1, |at| hash(groups[*at].0));
            groups.len() - 1
        });
        groups[at].1.push(event);
    }
    groups
}
