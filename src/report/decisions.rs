//! What the council is asked, each with a recommendation and what speaks for it.
//!
//! Owns the questions and their order. Everything that it says stands in the report's numbers; it decides nothing.

use super::document::{Decision, Move, Report};
use super::document_week::WorkflowWeek;
use super::measure::Measure;
use super::shift::Shift;
use super::words::{count, many, minute, percent, week_and_before};
use crate::domain::{Cause, Standing, Time};

/// Decisions that are asked; a council of fifteen minutes takes no more.
pub(super) const DECISIONS_MAX: usize = 12;
/// A shift that is dated so near to the change that a guard saw speaks for the same cause.
const NEAR_MS: i64 = Time::DAY;

/// The questions of a report, most urgent first, and how many were left out.
pub(super) fn decisions(report: &Report) -> (Vec<Decision>, usize) {
    let mut asked = Vec::new();
    for demotion in report.moves.iter().filter(|one| is_demotion(one) && one.judged.is_none()) {
        asked.push(judge(demotion, of(report, &demotion.workflow)));
    }
    for workflow in &report.workflows {
        asked.extend(gate(workflow));
        asked.extend(again(workflow, &report.moves));
        asked.extend(baseline(workflow, &report.moves));
        asked.extend(overdue_reviews(workflow));
        asked.extend(unwatched(workflow));
    }
    asked.extend(house(report));
    asked.sort_by(|a, b| b.urgency.cmp(&a.urgency).then_with(|| a.id.cmp(&b.id)));
    let left_out = asked.len().saturating_sub(DECISIONS_MAX);
    asked.truncate(DECISIONS_MAX);
    (asked, left_out)
}

/// Whether a guard lowered a mode.
pub(super) fn is_demotion(one: &Move) -> bool {
    one.to < one.from && one.cause == Cause::Breach.name()
}

fn of<'r>(report: &'r Report, workflow: &str) -> Option<&'r WorkflowWeek> {
    report.workflows.iter().find(|week| week.workflow == workflow)
}

fn judge(demotion: &Move, week: Option<&WorkflowWeek>) -> Decision {
    let workflow = &demotion.workflow;
    let mut evidence = vec![demotion.reason.clone()];
    if let Some(at) = demotion.changed_at {
        evidence.push(format!("the change is estimated at {} UTC", minute(at)));
    }
    if !demotion.carriers.is_empty() {
        evidence.push(format!("carried by {}", demotion.carriers.join(", ")));
    }
    let worse: Vec<&Measure> = week.map(worse).unwrap_or_default();
    let near = |shift: &&Shift| {
        let apart = |at: Time, other: Time| at.since(other).abs() <= NEAR_MS;
        shift.changed_at.zip(demotion.changed_at).is_some_and(|(at, other)| apart(at, other))
    };
    let moved: Vec<&Shift> = week.map(|week| week.shifts.iter().filter(near).collect()).unwrap_or_default();
    evidence
        .extend(worse.iter().filter_map(|measure| Some(format!("{}: {}", measure.title, week_and_before(measure)?))));
    evidence.extend(moved.iter().map(|shift| format!("{} moved at about the same time", shift.signal)));
    let speaks = worse.len() + moved.len() + usize::from(!demotion.carriers.is_empty());
    let recommendation = if speaks > 0 {
        format!(
            "Right: {} beside the guard say the same. Find the cause before anybody asks for {} again.",
            many(speaks, "finding"),
            demotion.from
        )
    } else {
        "Open: nothing else in the week shows it. Look at the outputs that weighed most, then judge.".to_owned()
    };
    Decision {
        id: format!("judge_demotion:{workflow}:{}", demotion.epoch.unwrap_or_default()),
        kind: "judge_demotion".to_owned(),
        workflow: Some(workflow.clone()),
        question: format!(
            "Was it right that {} lowered {workflow} from {} to {}?",
            demotion.guard.as_deref().unwrap_or("a guard"),
            demotion.from,
            demotion.to
        ),
        recommendation,
        evidence,
        command: Some(format!("if it was false: andon annul {workflow} --reason \"…\"")),
        urgency: 90 + u32::from(demotion.from.level() - demotion.to.level()),
    }
}

/// Measures that are clearly worse than in the week before.
fn worse(week: &WorkflowWeek) -> Vec<&Measure> {
    week.measures
        .iter()
        .filter(|measure| measure.change.is_some_and(|change| change.is_better == Some(false)))
        .collect()
}

fn gate(week: &WorkflowWeek) -> Option<Decision> {
    let (workflow, gate) = (&week.workflow, week.gate.as_ref()?);
    (gate.verdict == Standing::Met).then(|| Decision {
        id: format!("open_gate:{workflow}:{}", gate.to),
        kind: "open_gate".to_owned(),
        workflow: Some(workflow.clone()),
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
    })
}

/// One that was lowered again and again.
fn again(week: &WorkflowWeek, moves: &[Move]) -> Option<Decision> {
    let workflow = &week.workflow;
    let own = || moves.iter().filter(|one| one.workflow == *workflow && one.to != one.from);
    let lowered = own().filter(|one| is_demotion(one)).count();
    let raised_between = own().skip_while(|one| !is_demotion(one)).skip_while(|one| one.to < one.from).any(is_demotion);
    raised_between.then(|| Decision {
        id: format!("keep_down:{workflow}"),
        kind: "keep_down".to_owned(),
        workflow: Some(workflow.clone()),
        question: format!("Should {workflow} be kept down until its cause is found?"),
        recommendation: "Hold it: whatever raised it in between did not last.".to_owned(),
        evidence: vec![format!("guards lowered it {lowered} times this week")],
        command: Some(format!("andon mode {workflow} --hold --reason \"…\"")),
        urgency: 80,
    })
}

/// A guard with a learned baseline that was breached: has the world changed, or the workflow?
fn baseline(week: &WorkflowWeek, moves: &[Move]) -> Option<Decision> {
    let workflow = &week.workflow;
    let is_drift = |guard: &str| week.guards.iter().any(|own| own.guard == guard && own.signal == "drift");
    let of_it = moves.iter().rev().filter(|one| one.workflow == *workflow && one.cause == Cause::Breach.name());
    let guard = of_it.filter_map(|one| one.guard.clone()).find(|guard| is_drift(guard))?;
    let worse = worse(week);
    Some(Decision {
        id: format!("accept_baseline:{workflow}:{guard}"),
        kind: "accept_baseline".to_owned(),
        workflow: Some(workflow.clone()),
        question: format!("Is what {guard} of {workflow} sees now the new normal?"),
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
    })
}

fn shifted(shift: &Shift) -> String {
    let carried = shift.carriers.first().map(|by| {
        format!(
            ", {} of it in {} ({} of the outputs)",
            percent(by.shift_share.min(1.0)),
            by.segment,
            percent(by.outputs_share)
        )
    });
    format!(
        "{}: distance {:.2}, without drift at most {:.2}{}",
        shift.signal,
        shift.distance.value,
        shift.distance.no_drift.limit,
        carried.unwrap_or_default()
    )
}

fn overdue_reviews(week: &WorkflowWeek) -> Option<Decision> {
    let (workflow, overdue) = (&week.workflow, week.reviews.overdue);
    (overdue > 0).then(|| Decision {
        id: format!("assign:reviews:{workflow}"),
        kind: "assign".to_owned(),
        workflow: Some(workflow.clone()),
        question: format!("Who reviews what is overdue of {workflow}?"),
        recommendation: "Name somebody and a day: the outputs that nobody looks at may be the bad ones.".to_owned(),
        evidence: vec![format!("{} of {} outputs wait for too long", count(overdue), count(week.reviews.awaited))],
        command: Some(format!("andon review {workflow}")),
        urgency: 40,
    })
}

/// What moves and is watched by no guard.
fn unwatched(week: &WorkflowWeek) -> Option<Decision> {
    let workflow = &week.workflow;
    let watched = |shift: &Shift| {
        let of = shift.signal.rsplit('.').next().unwrap_or(&shift.signal);
        week.guards.iter().any(|guard| guard.guard.contains(of))
    };
    let counts = |shift: &&Shift| shift.is_clear && shift.distance.value >= 0.1 && !watched(shift);
    let shift =
        week.shifts.iter().find(counts).filter(|shift| !["version", "model"].contains(&shift.signal.as_str()))?;
    Some(Decision {
        id: format!("look:{workflow}:{}", shift.signal),
        kind: "look".to_owned(),
        workflow: Some(workflow.clone()),
        question: format!("Should a guard watch {} of {workflow}?", shift.signal),
        recommendation: "Look at it first: it moved clearly, and no mode depends on it.".to_owned(),
        evidence: vec![shifted(shift)],
        command: None,
        urgency: 20,
    })
}

fn house(report: &Report) -> Vec<Decision> {
    let assign =
        |id: String, question: String, recommendation: &str, evidence: String, command: Option<String>, urgency| {
            let (kind, recommendation) = ("assign".to_owned(), recommendation.to_owned());
            Decision { id, kind, workflow: None, question, recommendation, evidence: vec![evidence], command, urgency }
        };
    let mut asked = Vec::new();
    for open in report.incidents.iter().filter(|one| one.resolved_at.is_none() && one.acknowledged_at.is_none()) {
        asked.push(Decision {
            workflow: open.workflow.clone(),
            ..assign(
                format!("assign:incident:{}", open.incident),
                format!("Who looks at the incident {}?", open.incident),
                "Name an owner and a day: nobody has said that they look at it.",
                format!("{} (since {} UTC)", open.summary, minute(open.opened_at)),
                Some(format!("andon incidents ack {}", open.incident)),
                50 + open.severity as u32,
            )
        });
    }
    for item in report.base.iter().filter(|item| item.is_regressed || item.is_overdue) {
        let (what, urgency) = if item.is_regressed { ("mends", 85) } else { ("audits", 45) };
        asked.push(assign(
            format!("assign:base:{}", item.item),
            format!("Who {what} {}?", item.item),
            "Name somebody and a day.",
            format!("{} stand on it", many(usize::try_from(item.dependents).unwrap_or(usize::MAX), "workflow")),
            Some(format!("andon base audit {} --note \"…\"", item.item)).filter(|_| !item.is_regressed),
            urgency,
        ));
    }
    if let Some(failed) = report.drills.last().filter(|drill| drill.result == "failed") {
        asked.push(assign(
            format!("assign:drill:{}", failed.drill),
            "Who mends the andon cord?".to_owned(),
            "At once: until a drill passes, a breach might lower nothing.",
            failed.summary.clone(),
            Some("andon drill".to_owned()),
            100,
        ));
    }
    asked
}
