//! What kept workflows below the mode that was granted to them: a base item with a regression, a storm.
//!
//! Owns which caps came and went in a week, and which held at its end. A cap changes no granted mode: what did is `moves`'.

use super::document::{CapLine, HeldBy};
use super::moves::Entries;
use super::state::Known;
use crate::domain::{Mode, Time, What, WorkflowId};
use std::collections::{BTreeMap, BTreeSet};

/// Caps of a week that are told.
const LINES_MAX: usize = 50;

/// The caps that came and went in the week, those of one moment together.
pub(super) fn lines(entries: Entries<'_>, ids: &BTreeSet<&str>, until: Time) -> Vec<CapLine> {
    let mut lines: Vec<CapLine> = Vec::new();
    for (_, entry) in entries.iter().filter(|(_, entry)| entry.time < until) {
        let (What::Capped { mode, cap, reason }, Some(workflow)) = (&entry.what, &entry.workflow) else { continue };
        if !ids.contains(workflow.as_str()) {
            continue;
        }
        let same = |line: &CapLine| line.time == entry.time && line.cap == *cap && line.mode == *mode;
        if let Some(at) = lines.iter().rposition(same) {
            lines[at].workflows.push(workflow.to_string());
        } else if lines.len() < LINES_MAX {
            let workflows = vec![workflow.to_string()];
            let (time, mode, cap, reason) = (entry.time, *mode, cap.clone(), reason.clone());
            lines.push(CapLine { time, workflows, mode, cap, reason });
        }
    }
    lines
}

/// What held a workflow below its granted mode at the end of a week, the lowest first: what does now, as the ledger has
/// changed since.
pub(super) fn held_by(
    known: &Known,
    entries: Entries<'_>,
    id: &WorkflowId,
    granted: Mode,
    until: Time,
) -> Option<HeldBy> {
    let mut caps: BTreeMap<&str, Mode> = known.view.mode.caps.iter().map(|cap| (cap.by.as_str(), cap.mode)).collect();
    let own = entries.iter().filter(|(_, entry)| entry.workflow.as_ref() == Some(id));
    let changes = own.filter_map(|(_, entry)| match &entry.what {
        What::Capped { mode, cap, .. } => Some((entry.time, *mode, cap)),
        _ => None,
    });
    let changes: Vec<_> = changes.collect();
    for (time, mode, cap) in &changes {
        // The first change after the end says what was before it, and the last one before it what was at the end.
        let is_first_after = *time >= until
            && changes.iter().find(|(at, _, of)| *at >= until && of == cap).is_some_and(|(at, ..)| at == time);
        match mode {
            Some(mode) if *time < until => drop(caps.insert(cap, *mode)),
            None if *time < until => drop(caps.remove(cap.as_str())),
            Some(_) if is_first_after => drop(caps.remove(cap.as_str())),
            _ => {}
        }
    }
    let lowest = caps.into_iter().min_by_key(|(_, mode)| *mode).filter(|(_, mode)| *mode < granted);
    lowest.map(|(by, mode)| HeldBy { mode, by: by.to_owned() })
}
