//! What the council is asked, each with a recommendation and what speaks for it.
//!
//! Owns the questions and their order. Everything that it says stands in the report's numbers; it decides nothing.

use super::alike::looks_at;
use super::burst::Burst;
use super::chart::is_drawn;
use super::council::{ask, judged_alike};
use super::document::{Decision, IncidentLine, Move, Report};
use super::document_week::{Disparity, WorkflowWeek};
use super::mean::{clear_among, strength};
use super::measure::Measure;
use super::phrases::{came_at_once, rejected_such_as, went};
use super::shift::Shift;
use super::witness::{before_and_since, carried_by, kind_of, speaks, weight};
use super::words::{count, many, minute, percent, rejected_of, week_and_before};
use crate::domain::{Cause, Question, Standing, Time, WorkflowId};
use std::collections::BTreeMap;

/// A shift that is dated so near to the change that a guard saw speaks for the same cause.
const NEAR_MS: i64 = Time::DAY;

/// All questions of a report, in no order.
pub(super) struct Asked {
    pub(super) questions: Vec<Decision>,
    /// Of questions about an incident: the one about the demotion that opened it.
    pub(super) own_demotion: BTreeMap<String, String>,
}

/// What a report asks.
pub(super) fn decisions(report: &Report) -> Asked {
    let (mut asked, mut own_demotion) = (Vec::new(), BTreeMap::new());
    let not_judged = |one: &&Move| is_to_judge(report, one);
    for demotion in report.moves.iter().filter(not_judged) {
        let own = report.moves.iter().filter(|one| one.workflow == demotion.workflow);
        let steps = steps(own.filter(not_judged), demotion);
        // One collapse is one question, and one answer.
        if steps.first().is_some_and(|first| first.epoch != demotion.epoch) {
            continue;
        }
        let mut judged = judge(demotion, of(report, &demotion.workflow), steps.len() > 1);
        if let (Some(judged), [_, others @ ..]) = (&mut judged, steps.as_slice())
            && !others.is_empty()
        {
            let each: Vec<String> =
                others.iter().filter_map(|one| Some(format!("to {} (epoch {})", one.to, one.epoch?))).collect();
            judged.evidence.insert(0, format!("it was lowered further within the hour, {}", each.join(", ")));
            judged_alike(judged);
        }
        // Its incident is no question of its own where this one is asked.
        if let Some(judged) = &mut judged {
            for one in unseen(report).filter(|one| is_of(one, demotion)) {
                let incident = Question::Incident { incident: one.incident.clone() };
                own_demotion.insert(incident.to_string(), judged.id.clone());
                judged.evidence.push(format!("nobody has said that they look at {}", one.incident));
            }
        }
        asked.extend(judged);
    }
    let clear = clear_of(&report.workflows);
    for workflow in report.workflows.iter().filter(|week| week.removed_at.is_none()) {
        asked.extend(gate(workflow));
        asked.extend(again(workflow, &report.moves));
        asked.extend(baseline(workflow, &report.moves));
        asked.extend(overdue_reviews(workflow));
        asked.extend(rejected(workflow, &report.moves, clear));
        asked.extend(unwatched(workflow, &report.moves));
    }
    asked.extend(house(report));
    Asked { questions: asked, own_demotion }
}

/// Of the demotions of a workflow, those that followed each other within an hour, this one among them.
fn steps<'m>(moves: impl Iterator<Item = &'m Move>, of: &Move) -> Vec<&'m Move> {
    let mut steps: Vec<&Move> = Vec::new();
    for one in moves {
        let follows = |last: &&Move| {
            let is_next = one.epoch.zip(last.epoch).is_some_and(|(one, last)| one == last + 1);
            is_next && one.time.since(last.time) <= Time::HOUR
        };
        if steps.last().is_some_and(|last| !follows(last)) {
            if steps.iter().any(|step| step.epoch == of.epoch) {
                break;
            }
            steps.clear();
        }
        steps.push(one);
    }
    steps
}

/// Incidents at which nobody looks.
fn unseen(report: &Report) -> impl Iterator<Item = &IncidentLine> {
    report.incidents.iter().filter(|one| one.resolved_at.is_none() && one.acknowledged_at.is_none())
}

/// Whether an incident is that of a demotion, which opened it: another one of the workflow is a matter of its own.
fn is_of(incident: &IncidentLine, demotion: &Move) -> bool {
    incident.about == Cause::Breach.name()
        && incident.workflow.as_ref() == Some(&demotion.workflow)
        && incident.opened_at == demotion.time
}

/// A question about a workflow.
fn about(workflow: &str, question: impl FnOnce(WorkflowId) -> Question) -> Option<Decision> {
    WorkflowId::new(workflow).ok().map(|workflow| ask(&question(workflow)))
}

/// Whether a guard lowered a mode.
pub(super) fn is_demotion(one: &Move) -> bool {
    one.to < one.from && one.cause == Cause::Breach.name()
}

/// Whether people are to judge a demotion: that of a workflow which left the policy nobody can judge any more.
fn is_to_judge(report: &Report, one: &Move) -> bool {
    let is_there = || of(report, &one.workflow).is_none_or(|week| week.removed_at.is_none());
    is_demotion(one) && one.judged.is_none() && is_there()
}

fn of<'r>(report: &'r Report, workflow: &str) -> Option<&'r WorkflowWeek> {
    report.workflows.iter().find(|week| week.workflow == workflow)
}

fn judge(demotion: &Move, week: Option<&WorkflowWeek>, has_more_steps: bool) -> Option<Decision> {
    let (workflow, epoch) = (&demotion.workflow, demotion.epoch?);
    // What carried it has a line of its own.
    let said = demotion.reason.rsplit_once("; ").filter(|(_, carried)| carried.contains("of the excess comes from"));
    let mut evidence = vec![said.map_or(demotion.reason.as_str(), |(said, _)| said).to_owned()];
    if let Some(at) = demotion.changed_at {
        evidence.push(format!("the change is estimated at {} UTC", minute(at)));
    }
    evidence.extend(before_and_since(demotion));
    evidence.extend(carried_by(demotion));
    let is_rejected = demotion.signal.as_deref() == Some("rejection_rate");
    let is_it = |burst: &&Burst| is_rejected && demotion.source.is_some() && burst.group == demotion.source;
    evidence.extend(week.and_then(|week| week.rejections.burst.as_ref().filter(is_it)).map(came_at_once));
    let worse: Vec<&Measure> = week.map(worse).unwrap_or_default();
    let near = |shift: &&Shift| demotion.changed_at.is_some_and(|at| is_near(shift, at));
    let moved: Vec<&Shift> = week.map(|week| week.shifts.iter().filter(near).collect()).unwrap_or_default();
    evidence
        .extend(worse.iter().filter_map(|measure| Some(format!("{}: {}", measure.title, week_and_before(measure)?))));
    if !moved.is_empty() {
        let names: Vec<&str> = moved.iter().map(|shift| shift.signal.as_str()).collect();
        evidence.push(format!("moved at about the same time: {}", names.join(", ")));
    }
    if !demotion.outputs.is_empty() {
        let ids: Vec<&str> = demotion.outputs.iter().map(|output| output.output.as_str()).collect();
        evidence.push(format!("outputs that weighed most: {}", ids.join(", ")));
    }
    let recommendation = speaks(demotion, week, &worse, &moved, has_more_steps);
    Some(Decision {
        question: format!(
            "Was it right that {} lowered {workflow} from {} to {}?",
            demotion.guard.as_deref().unwrap_or("a guard"),
            demotion.from,
            demotion.to
        ),
        recommendation,
        evidence,
        command: Some(format!("andon judge {workflow} right --epoch {epoch} --note \"…\" (or false)")),
        urgency: 90 + u32::from(demotion.from.level() - demotion.to.level()),
        weight: weight(demotion, week.and_then(outputs)),
        ..about(workflow, |workflow| Question::JudgeDemotion { workflow, epoch })?
    })
}

/// Outputs of a week.
fn outputs(week: &WorkflowWeek) -> Option<f64> {
    week.measures.iter().find(|measure| measure.name == "outputs")?.week.map(|figure| figure.value)
}

/// Measures with a difference that has an interval, and how clear it is. Uptime counts what exceptions count already.
pub(super) fn compared(week: &WorkflowWeek) -> impl Iterator<Item = (&Measure, f64, Option<bool>)> {
    week.measures.iter().filter(|one| one.name != "uptime_ratio").filter_map(|one| {
        let change = one.change?;
        Some((one, strength(change.absolute, change.interval?), change.is_better))
    })
}

/// How clear a difference must be among as many as are looked at in some weeks of workflows.
pub(super) fn clear_of(weeks: &[WorkflowWeek]) -> f64 {
    let comparisons: usize = weeks.iter().map(|week| compared(week).count()).sum();
    clear_among(comparisons.max(1) as u64)
}

/// Measures that are clearly worse than in the week before, also among as many as there are.
fn worse(week: &WorkflowWeek) -> Vec<&Measure> {
    let clear = clear_of(std::slice::from_ref(week));
    let worse = compared(week).filter(|(_, by, is_better)| *is_better == Some(false) && *by > clear);
    worse.map(|(measure, ..)| measure).collect()
}

fn gate(week: &WorkflowWeek) -> Option<Decision> {
    let (workflow, gate) = (&week.workflow, week.gate.as_ref()?);
    let to = gate.to.parse().ok().filter(|_| gate.verdict == Standing::Met)?;
    Some(Decision {
        question: format!("May {workflow} rise from {} to {}?", week.mode, gate.to),
        recommendation: if worse(week).is_empty() {
            "Ask for it: every requirement is met, and nothing got clearly worse this week.".to_owned()
        } else {
            "Wait a week: every requirement is met, but something got clearly worse.".to_owned()
        },
        evidence: std::iter::once(format!("{} of {} requirements are met", gate.met, gate.of))
            .chain(worse(week).iter().filter_map(|one| Some(format!("{}: {}", one.title, week_and_before(one)?))))
            .collect(),
        command: Some(format!("andon promote {workflow} --to {} --reason \"…\"", gate.to)),
        urgency: 60,
        ..about(workflow, |workflow| Question::OpenGate { workflow, to })?
    })
}

/// One that was lowered again and again.
fn again(week: &WorkflowWeek, moves: &[Move]) -> Option<Decision> {
    let workflow = &week.workflow;
    let own = || moves.iter().filter(|one| one.workflow == *workflow && one.to != one.from);
    let lowered = own().filter(|one| is_demotion(one)).count();
    let raised_between = own().skip_while(|one| !is_demotion(one)).skip_while(|one| one.to < one.from).any(is_demotion);
    raised_between.then_some(())?;
    Some(Decision {
        recommendation: "Hold it: whatever raised it in between did not last.".to_owned(),
        evidence: vec![format!("guards lowered it {lowered} times this week")],
        command: Some(format!("andon mode {workflow} --hold --reason \"…\"")),
        urgency: 80,
        ..about(workflow, |workflow| Question::KeepDown { workflow })?
    })
}

/// Whether a signal changed at about that time.
fn is_near(shift: &Shift, at: Time) -> bool {
    shift.changes().any(|changed| changed.since(at).abs() <= NEAR_MS)
}

/// A guard with a learned baseline that was breached: has the world changed, or the workflow?
fn baseline(week: &WorkflowWeek, moves: &[Move]) -> Option<Decision> {
    let workflow = &week.workflow;
    let of_it = moves.iter().rev().filter(|one| one.workflow == *workflow && one.cause == Cause::Breach.name());
    let guard = of_it.filter(|one| one.signal.as_deref() == Some("drift")).find_map(|one| one.guard.clone())?;
    let worse = worse(week);
    Some(Decision {
        recommendation: if worse.is_empty() {
            "Accept it if its cause is known: nothing got clearly worse with it.".to_owned()
        } else {
            "Don't: something got clearly worse with it. A new baseline would hide that.".to_owned()
        },
        evidence: worse
            .iter()
            .filter_map(|one| Some(format!("{}: {}", one.title, week_and_before(one)?)))
            .chain(week.shifts.iter().filter(|shift| shift.is_clear).map(shifted))
            .collect(),
        command: Some(format!("andon baseline {workflow} {guard} --learn --reason \"…\"")),
        urgency: 70,
        ..about(workflow, |workflow| Question::AcceptBaseline { workflow, guard })?
    })
}

/// By how much, since when and where a signal moved.
fn shifted(shift: &Shift) -> String {
    let carried = shift.carriers.first().map(|by| {
        format!(
            ", {} of it in {} ({} of the outputs)",
            percent(by.shift_share.min(1.0)),
            by.segment,
            percent(by.outputs_share)
        )
    });
    let went = Some(went(shift)).filter(|went| !went.is_empty()).map(|went| format!(", {went}"));
    format!(
        "{}: distance {:.2}, without drift at most {:.2}{}{}",
        shift.signal,
        shift.distance.value,
        shift.distance.no_drift.limit,
        went.unwrap_or_default(),
        carried.unwrap_or_default()
    )
}

fn overdue_reviews(week: &WorkflowWeek) -> Option<Decision> {
    let (workflow, overdue) = (&week.workflow, week.reviews.overdue.filter(|overdue| *overdue > 0)?);
    Some(Decision {
        recommendation: "Name somebody and a day: the outputs that nobody looks at may be the bad ones.".to_owned(),
        evidence: vec![format!(
            "{} of {} that wait for a verdict have waited longer than declared",
            count(overdue),
            count(week.reviews.awaited.unwrap_or_default())
        )],
        command: Some(format!("andon review {workflow}")),
        // The more are overdue, the higher, and always below audits.
        urgency: 30 + overdue.ilog2().min(14),
        ..about(workflow, |workflow| Question::Reviews { workflow })?
    })
}

/// What people reject clearly more often than the week before, also among all comparisons of the report, where no
/// demotion is asked about that says the same.
fn rejected(week: &WorkflowWeek, moves: &[Move], clear: f64) -> Option<Decision> {
    let workflow = &week.workflow;
    let worse = compared(week).filter(|(_, by, is_better)| *is_better == Some(false) && *by > clear);
    let (measure, ..) = worse.into_iter().find(|(measure, ..)| measure.name == "rejected_ratio")?;
    let lowered =
        moves.iter().filter(|one| one.workflow == *workflow && one.signal.as_deref() == Some("rejection_rate"));
    let lowered: Vec<&Move> = lowered.collect();
    let groups: Vec<&Disparity> = week.rejections.groups.iter().filter(|group| group.is_clear).collect();
    let known = |group: &&&Disparity| lowered.iter().any(|one| one.source.as_ref() == Some(&group.group));
    let is_known = if groups.is_empty() { !lowered.is_empty() } else { groups.iter().all(|group| known(&group)) };
    (!is_known).then_some(())?;
    let because =
        if lowered.is_empty() { "no guard lowered a mode for it" } else { "the demotion was for something else" };
    let groups = groups.iter().map(|group| format!("{}: {}", group.group, rejected_of(group)));
    let is_asked = |burst: &&Burst| burst.group.is_some() && lowered.iter().any(|one| one.source == burst.group);
    let burst = week.rejections.burst.as_ref().filter(|burst| !is_asked(burst)).map(came_at_once);
    let ids: Vec<&str> = week.rejections.witnesses.iter().map(|output| output.output.as_str()).collect();
    let such = (!ids.is_empty()).then(|| format!("{} {}", rejected_such_as(&week.rejections), ids.join(", ")));
    Some(Decision {
        recommendation: format!("Name somebody and a day: people reject clearly more, and {because}."),
        evidence: std::iter::once(format!("{}: {}", measure.title, week_and_before(measure)?))
            .chain(groups)
            .chain(such)
            .chain(burst)
            .collect(),
        urgency: 75,
        ..about(workflow, |workflow| Question::Rejections { workflow })?
    })
}

/// What moves and is watched by no guard.
fn unwatched(week: &WorkflowWeek, moves: &[Move]) -> Option<Decision> {
    let workflow = &week.workflow;
    let watched =
        |shift: &Shift| week.guards.iter().any(|guard| looks_at(&guard.signal, Some(&guard.of), &shift.signal));
    // Where nearly every output has a value of its own, the values move every week.
    let counts = |shift: &&Shift| {
        let can_be_asked = !shift.signal.chars().any(char::is_control);
        shift.is_clear && shift.distance.value >= 0.1 && can_be_asked && !watched(shift) && is_drawn(shift)
    };
    // What a guard lowered a mode for is asked about already, and so is what moved with it.
    let explained = |shift: &Shift| {
        let near = |one: &Move| one.changed_at.is_some_and(|at| is_near(shift, at));
        moves.iter().any(|one| one.workflow == *workflow && near(one))
    };
    let counts = week.shifts.iter().filter(counts).filter(|shift| !explained(shift));
    let counts = counts.filter(|shift| !["version", "model"].contains(&shift.signal.as_str()));
    // What got worse first: nobody knows which way a score or an attribute is good.
    let is_worse = |shift: &Shift| worse(week).iter().any(|measure| kind_of(&measure.name) == kind_of(&shift.signal));
    let shift = counts.min_by_key(|shift| !is_worse(shift))?;
    Some(Decision {
        recommendation: "Look at it first: it moved clearly, and no mode depends on it.".to_owned(),
        evidence: vec![shifted(shift)],
        urgency: if is_worse(shift) { 25 } else { 20 },
        ..about(workflow, |workflow| Question::Look { workflow, signal: shift.signal.clone() })?
    })
}

fn house(report: &Report) -> Vec<Decision> {
    let assign = |question: &Question, recommendation: &str, evidence: String, command: Option<String>, urgency| {
        let (recommendation, evidence) = (recommendation.to_owned(), vec![evidence]);
        Decision { recommendation, evidence, command, urgency, ..ask(question) }
    };
    let mut asked = Vec::new();
    for open in unseen(report) {
        asked.push(Decision {
            workflow: open.workflow.clone(),
            ..assign(
                &Question::Incident { incident: open.incident.clone() },
                "Name an owner and a day: nobody has said that they look at it.",
                format!("{} (since {} UTC)", open.summary, minute(open.opened_at)),
                Some(format!("andon incidents ack {}", open.incident)),
                50 + open.severity as u32,
            )
        });
    }
    for item in report.base.iter().filter(|item| item.is_regressed || item.is_overdue) {
        let (what, urgency) = if item.is_regressed { ("mends", 85) } else { ("audits", 45) };
        let of_it = assign(
            &Question::Base { item: item.item.clone() },
            "Name somebody and a day.",
            format!("{} stand on it", many(usize::try_from(item.dependents).unwrap_or(usize::MAX), "workflow")),
            Some(format!("andon base audit {} --note \"…\"", item.item)).filter(|_| !item.is_regressed),
            urgency,
        );
        asked.push(Decision { question: format!("Who {what} {}?", item.item), ..of_it });
    }
    if let Some(failed) = report.drills.last().filter(|drill| drill.result == "failed") {
        asked.push(assign(
            &Question::Drill { drill: failed.drill },
            "At once: until a drill passes, a breach might lower nothing.",
            failed.summary.clone(),
            Some("andon drill".to_owned()),
            100,
        ));
    }
    asked
}
