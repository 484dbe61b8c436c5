//! What the ledger says of a week: changes of modes, incidents, drills, the lab.
//!
//! Owns the reading of entries. It knows no outputs but the ids that breaches name.

use super::document::{DrillLine, IncidentLine, LabLine, Move, Witness};
use super::words::{many, named};
use crate::domain::{Breach, Cause, DrillResult, Entry, LabAct, Mode, Time, What};
use crate::monitor::house::HOUSE;
use crate::monitor::sentence::sentence;
use crate::monitor::{Incident, IncidentStatus};
use std::collections::{BTreeMap, BTreeSet};

/// Entries of the ledger with their numbers, oldest first.
pub type Entries<'e> = &'e [(u64, Entry)];

/// Outputs that are named of a breach.
const WITNESSES_MAX: usize = 5;
/// A segment with so much of the excess is the source of it.
const SOURCE_MIN: f64 = 0.8;
/// What carried a breach, at most.
const CARRIERS_MAX: usize = 3;
/// What the incident of a storm is about.
const STORM: &str = "storm";

/// Every change of a mode, and every breach that changed none. The entries may go on after the week: a demotion that
/// was judged later is said to be so.
pub fn moves(entries: Entries<'_>, until: Time) -> Vec<Move> {
    let mut found: Vec<Move> = Vec::new();
    for (seq, entry) in entries {
        let Some(workflow) = entry.workflow.as_ref().filter(|id| !id.is_drill_lane()) else { continue };
        let (from, to, epoch, cause, reason, breach) = match &entry.what {
            What::Judged { epoch, judgement, .. } => {
                let is_it = |one: &&mut Move| one.workflow == workflow.as_str() && one.epoch == Some(*epoch);
                if let Some(judged) = found.iter_mut().rev().find(is_it) {
                    judged.judged = Some(judgement.name().to_owned());
                }
                continue;
            }
            What::ModeChanged { from, to, epoch, cause, reason, breach, .. } => {
                (*from, *to, Some(*epoch), cause.name(), reason.clone(), breach.as_deref())
            }
            What::BreachNoted { breach } => {
                (breach.mode, breach.mode, None, Cause::Breach.name(), sentence(breach), Some(&**breach))
            }
            _ => continue,
        };
        if to > from && [Cause::Annulment.name(), Cause::Restoration.name()].contains(&cause) {
            undone(&mut found, workflow.as_str(), to);
        }
        found.push(Move {
            time: entry.time,
            workflow: workflow.to_string(),
            from,
            to,
            epoch,
            cause: cause.to_owned(),
            by: entry.by.clone(),
            guard: breach.map(|breach| breach.guard.clone()),
            signal: breach.map(|breach| breach.signal.clone()),
            of: None,
            reason,
            changed_at: breach.and_then(|breach| breach.changed_at),
            bound: breach.map(|breach| breach.bound),
            changed_between: breach.and_then(|breach| breach.changed_between),
            before: None,
            since: None,
            lately: None,
            since_older: None,
            kind_since: None,
            is_from_first: false,
            is_sampled: false,
            source: breach.and_then(source),
            source_counts: None,
            carriers: breach.map(carriers).unwrap_or_default(),
            outputs: breach.map(witnesses).unwrap_or_default(),
            judged: None,
            ledger_seq: *seq,
        });
    }
    found.retain(|one| one.time < until);
    found
}

/// People took demotions back: all steps since the mode in which it is again.
fn undone(found: &mut [Move], workflow: &str, to: Mode) {
    let own = found.iter_mut().rev().filter(|one| one.workflow == workflow && one.to != one.from);
    for step in own.take_while(|one| one.to < one.from) {
        if step.cause == Cause::Breach.name() {
            step.judged = Some("false".to_owned());
        }
        if step.from >= to {
            break;
        }
    }
}

fn carriers(breach: &Breach) -> Vec<String> {
    let named = breach.carriers.iter().take(CARRIERS_MAX);
    named.map(|carrier| format!("{} ({:.0} % of the excess)", carrier.segment, carrier.excess_share * 100.0)).collect()
}

/// The segment that carries nearly all of the excess; that exceptions are of a kind says nothing of where they come from.
fn source(breach: &Breach) -> Option<String> {
    let segments = breach.carriers.iter().filter(|carrier| !carrier.segment.starts_with("exception = "));
    segments
        .map(|carrier| (carrier.excess_share, &carrier.segment))
        .find(|(share, _)| *share >= SOURCE_MIN)
        .map(|(_, segment)| segment.clone())
}

fn witnesses(breach: &Breach) -> Vec<Witness> {
    let named = breach.heaviest.iter().take(WITNESSES_MAX);
    let witness =
        |of: &crate::domain::Heaviest| Witness { output: of.id.clone(), time: of.time, trace_id: of.trace_id.clone() };
    named.map(witness).collect()
}

/// Incidents that were opened or resolved in the week, or are unresolved at its end, oldest first. What is part of a
/// storm is looked at there: it is named with the storm's incident, and a line of its own only where that is none of
/// these.
pub fn incidents<'i>(
    known: impl Iterator<Item = &'i Incident>,
    entries: Entries<'_>,
    from: Time,
    until: Time,
) -> Vec<IncidentLine> {
    let (mut lines, mut storms) = (BTreeMap::<String, IncidentLine>::new(), BTreeMap::<String, String>::new());
    for own in known {
        lines.insert(own.id.clone(), line(own));
        storms.extend(own.part_of.clone().map(|storm| (own.id.clone(), storm)));
    }
    // Those of the house are known only where they are told of: not of one workflow or team.
    let known: BTreeSet<String> = lines.keys().cloned().collect();
    let mut looked_at: BTreeMap<&str, Time> = BTreeMap::new();
    for (_, entry) in entries.iter().filter(|(_, entry)| entry.time < until) {
        match &entry.what {
            What::IncidentOpened { incident, about, severity, summary, .. } => {
                lines.entry(incident.clone()).or_insert_with(|| IncidentLine {
                    incident: incident.clone(),
                    workflow: entry.workflow.as_ref().map(ToString::to_string),
                    about: about.clone(),
                    severity: *severity,
                    opened_at: entry.time,
                    acknowledged_at: None,
                    resolved_at: None,
                    summary: summary.clone(),
                });
            }
            What::IncidentJoined { incident, joined, .. } if incident.starts_with(HOUSE) => {
                storms.insert(joined.clone(), incident.clone());
            }
            What::IncidentAcknowledged { incident, .. } => {
                looked_at.entry(incident).or_insert(entry.time);
            }
            What::IncidentResolved { incident, .. } => {
                if let Some(line) = lines.get_mut(incident) {
                    line.resolved_at = Some(entry.time);
                }
            }
            _ => {}
        }
    }
    for (id, line) in &mut lines {
        line.acknowledged_at = line.acknowledged_at.or_else(|| looked_at.get(id.as_str()).copied());
    }
    fold_parts(&mut lines, &known, &storms, &looked_at);
    let mut lines: Vec<IncidentLine> = lines.into_values().collect();
    lines.retain(|line| {
        let is_lane = line.workflow.as_deref().is_some_and(|id| id == crate::domain::WorkflowId::drill_lane().as_str());
        line.opened_at < until && line.resolved_at.is_none_or(|at| at >= from) && !is_lane
    });
    lines.sort_by(|a, b| (a.opened_at, &a.incident).cmp(&(b.opened_at, &b.incident)));
    lines
}

/// Names the parts of a storm with it.
fn fold_parts(
    lines: &mut BTreeMap<String, IncidentLine>,
    known: &BTreeSet<String>,
    storms: &BTreeMap<String, String>,
    looked_at: &BTreeMap<&str, Time>,
) {
    let mut folded: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (part, storm) in storms {
        if known.contains(storm) {
            if lines.remove(part).is_some() {
                folded.entry(storm).or_default().push(part);
            }
        } else if let Some(line) = lines.get_mut(part) {
            // Of a storm nobody is asked by one of its workflows.
            line.about = STORM.to_owned();
            line.summary = format!("{}; part of {storm}, looked at there", line.summary);
            line.acknowledged_at = line.acknowledged_at.or_else(|| looked_at.get(storm.as_str()).copied());
        }
    }
    for (storm, parts) in folded {
        if let Some(line) = lines.get_mut(storm) {
            let is = if parts.len() == 1 { "is" } else { "are" };
            line.summary =
                format!("{}; {} {is} part of it: {}", line.summary, many(parts.len(), "incident"), named(&parts));
        }
    }
}

fn line(own: &Incident) -> IncidentLine {
    // The first one is a person's: what andon notes later has the status of then.
    let looked_at = own.timeline.iter().find(|step| step.status == IncidentStatus::Acknowledged);
    IncidentLine {
        incident: own.id.clone(),
        workflow: Some(own.workflow.clone()).filter(|workflow| !workflow.is_empty()),
        about: own.about.clone(),
        severity: own.severity,
        opened_at: own.opened_at,
        acknowledged_at: looked_at.map(|step| step.time),
        // Its own step says when; one that ended before the entries begin isn't of this week.
        resolved_at: (!own.is_unresolved()).then(|| own.timeline.last().map_or(own.opened_at, |step| step.time)),
        summary: own.summary.clone(),
    }
}

/// Drills that ended in the week.
pub fn drills(entries: Entries<'_>) -> Vec<DrillLine> {
    let ended = entries.iter().filter_map(|(_, entry)| match &entry.what {
        What::Drilled { drill, result, findings } => Some(DrillLine {
            drill: *drill,
            time: entry.time,
            result: match result {
                DrillResult::Failed => "failed".to_owned(),
                other => other.name().to_owned(),
            },
            summary: findings.sentence(),
        }),
        _ => None,
    });
    ended.collect()
}

/// What happened to each hypothesis in the week.
pub fn lab(entries: Entries<'_>) -> Vec<LabLine> {
    let mut lines: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for (_, entry) in entries {
        if let (What::Lab { hypothesis, act, .. }, Some(workflow)) = (&entry.what, &entry.workflow) {
            lines.entry((workflow.to_string(), hypothesis.clone())).or_default().push(told(act));
        }
    }
    let line = |((workflow, hypothesis), events)| LabLine { workflow, hypothesis, events };
    lines.into_iter().map(line).collect()
}

fn told(act: &LabAct) -> String {
    match act {
        LabAct::Start { .. } => "begun".to_owned(),
        LabAct::Finding { kind, text, defect_type } => {
            let of = defect_type.as_ref().map(|of| format!(" ({of})")).unwrap_or_default();
            format!("{}{of}: {text}", kind.name())
        }
        LabAct::Decision { text } => format!("decided: {text}"),
        LabAct::Criterion { criterion, met, .. } => {
            format!("{criterion}: {}", if *met { "met" } else { "not met" })
        }
        LabAct::Risk { finding, disposal, note } => format!("risk {finding} {}: {note}", disposal.name()),
        LabAct::SignOff { conclusion, learned } => format!("signed off, {}: {learned}", conclusion.name()),
    }
}
