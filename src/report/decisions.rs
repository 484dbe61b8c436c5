//! What the council is asked, each with a recommendation and what speaks for it.
//!
//! Owns the questions and their order. Everything that it says stands in the report's numbers; it decides nothing.

use super::council::ask;
use super::document::{Decision, IncidentLine, Move, Report};
use super::document_week::WorkflowWeek;
use super::measure::Measure;
use super::shift::Shift;
use super::words::{count, many, minute, percent, rejected_of, week_and_before};
use crate::domain::{Cause, Question, Standing, Time, WorkflowId};

/// A shift that is dated so near to the change that a guard saw speaks for the same cause.
const NEAR_MS: i64 = Time::DAY;

/// Nobody is asked to watch an attribute with more values.
const VALUES_MAX: u64 = 20;

/// All questions of a report, in no order.
pub(super) fn decisions(report: &Report) -> Vec<Decision> {
    let mut asked = Vec::new();
    for demotion in report.moves.iter().filter(|one| is_to_judge(report, one)) {
        let mut judged = judge(demotion, of(report, &demotion.workflow));
        // Its incident is no question of its own.
        if let Some(judged) = &mut judged {
            let unseen = unseen(report).filter(|one| is_of(one, demotion));
            judged.evidence.extend(unseen.map(|one| format!("nobody has said that they look at {}", one.incident)));
        }
        asked.extend(judged);
    }
    for workflow in report.workflows.iter().filter(|week| week.removed_at.is_none()) {
        asked.extend(gate(workflow));
        asked.extend(again(workflow, &report.moves));
        asked.extend(baseline(workflow, &report.moves));
        asked.extend(overdue_reviews(workflow));
        asked.extend(rejected(workflow, &report.moves));
        asked.extend(unwatched(workflow));
    }
    asked.extend(house(report));
    asked
}

/// Incidents at which nobody looks.
fn unseen(report: &Report) -> impl Iterator<Item = &IncidentLine> {
    report.incidents.iter().filter(|one| one.resolved_at.is_none() && one.acknowledged_at.is_none())
}

/// Whether an incident is that of a demotion.
fn is_of(incident: &IncidentLine, demotion: &Move) -> bool {
    incident.about == Cause::Breach.name() && incident.workflow.as_ref() == Some(&demotion.workflow)
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
    let is_there = of(report, &one.workflow).is_none_or(|week| week.removed_at.is_none());
    is_demotion(one) && one.judged.is_none() && is_there
}

fn of<'r>(report: &'r Report, workflow: &str) -> Option<&'r WorkflowWeek> {
    report.workflows.iter().find(|week| week.workflow == workflow)
}

fn judge(demotion: &Move, week: Option<&WorkflowWeek>) -> Option<Decision> {
    let (workflow, epoch) = (&demotion.workflow, demotion.epoch?);
    // What carried it has a line of its own.
    let said = demotion.reason.rsplit_once("; ").filter(|_| !demotion.carriers.is_empty());
    let mut evidence = vec![said.map_or(demotion.reason.as_str(), |(said, _)| said).to_owned()];
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
    if !moved.is_empty() {
        let names: Vec<&str> = moved.iter().map(|shift| shift.signal.as_str()).collect();
        evidence.push(format!("moved at about the same time: {}", names.join(", ")));
    }
    if !demotion.outputs.is_empty() {
        let ids: Vec<&str> = demotion.outputs.iter().map(|output| output.output.as_str()).collect();
        evidence.push(format!("outputs that weighed most: {}", ids.join(", ")));
    }
    let recommendation = speaks(demotion, week, &worse, &moved);
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
        ..about(workflow, |workflow| Question::JudgeDemotion { workflow, epoch })?
    })
}

/// What speaks for a demotion beside the guard that did it. What counts the same outputs in the same way doesn't.
fn speaks(demotion: &Move, week: Option<&WorkflowWeek>, worse: &[&Measure], moved: &[&Shift]) -> String {
    let guard = demotion.guard.as_deref().unwrap_or_default();
    let own = week.and_then(|week| week.guards.iter().find(|own| own.guard == guard));
    let signal = own.map_or(guard, |own| own.signal.as_str());
    let is_own = |measure: &str| match signal {
        _ if measure == "uptime_ratio" => true,
        "rejection_rate" => measure == "rejected_ratio",
        "latency" => measure.starts_with("latency"),
        "cost_per_unit" => measure.starts_with("cost"),
        other => other.starts_with("exception_rate") && measure == "exception_ratio",
    };
    let of_others = worse.iter().filter(|measure| !is_own(&measure.name)).count();
    let is_other = |shift: &&&Shift| !guard.contains(&shift.signal) && !shift.signal.starts_with(signal);
    match of_others + moved.iter().filter(is_other).count() {
        0 if worse.is_empty() => {
            "Open: nothing beside the guard shows it. Look at the outputs since the change, then judge.".to_owned()
        }
        0 => "Likely right: the whole week is worse, but that counts the same outputs. Look first whether one source carries it.".to_owned(),
        found => format!(
            "Right: {} beside the guard {} the same. Find the cause before anybody asks for {} again.",
            many(found, "finding"),
            if found == 1 { "says" } else { "say" },
            demotion.from
        ),
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

/// A guard with a learned baseline that was breached: has the world changed, or the workflow?
fn baseline(week: &WorkflowWeek, moves: &[Move]) -> Option<Decision> {
    let workflow = &week.workflow;
    let is_drift = |guard: &str| week.guards.iter().any(|own| own.guard == guard && own.signal == "drift");
    let of_it = moves.iter().rev().filter(|one| one.workflow == *workflow && one.cause == Cause::Breach.name());
    let guard = of_it.filter_map(|one| one.guard.clone()).find(|guard| is_drift(guard))?;
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
    (overdue > 0).then_some(())?;
    Some(Decision {
        recommendation: "Name somebody and a day: the outputs that nobody looks at may be the bad ones.".to_owned(),
        evidence: vec![format!(
            "{} of {} that wait for a verdict have waited longer than declared",
            count(overdue),
            count(week.reviews.awaited)
        )],
        command: Some(format!("andon review {workflow}")),
        // The more are overdue, the higher, and always below audits.
        urgency: 30 + overdue.ilog2().min(14),
        ..about(workflow, |workflow| Question::Reviews { workflow })?
    })
}

/// What people reject clearly more often than the week before, without a guard having said so.
fn rejected(week: &WorkflowWeek, moves: &[Move]) -> Option<Decision> {
    let workflow = &week.workflow;
    let measure = worse(week).into_iter().find(|measure| measure.name == "rejected_ratio")?;
    let judges = |one: &Move| {
        one.workflow == *workflow
            && week.guards.iter().any(|own| Some(&own.guard) == one.guard.as_ref() && own.signal == "rejection_rate")
    };
    (!moves.iter().any(judges)).then_some(())?;
    let groups = week.rejections.groups.iter().filter(|group| group.is_clear);
    let groups = groups.map(|group| format!("{}: {}", group.group, rejected_of(group)));
    let ids: Vec<&str> = week.rejections.witnesses.iter().map(|output| output.output.as_str()).collect();
    let such = (!ids.is_empty()).then(|| format!("such as {}", ids.join(", ")));
    Some(Decision {
        recommendation: "Name somebody and a day: people reject clearly more, and no guard lowered a mode for it."
            .to_owned(),
        evidence: std::iter::once(format!("{}: {}", measure.title, week_and_before(measure)?))
            .chain(groups)
            .chain(such)
            .collect(),
        urgency: 75,
        ..about(workflow, |workflow| Question::Rejections { workflow })?
    })
}

/// What moves and is watched by no guard.
fn unwatched(week: &WorkflowWeek) -> Option<Decision> {
    let workflow = &week.workflow;
    let watched = |shift: &Shift| {
        let of = shift.signal.rsplit('.').next().unwrap_or(&shift.signal);
        week.guards.iter().any(|guard| guard.guard.contains(of))
    };
    // Where nearly every output has a value of its own, the values move every week.
    let many_values = |shift: &Shift| shift.values.is_some_and(|values| values > VALUES_MAX);
    let counts =
        |shift: &&Shift| shift.is_clear && shift.distance.value >= 0.1 && !watched(shift) && !many_values(shift);
    let shift =
        week.shifts.iter().find(counts).filter(|shift| !["version", "model"].contains(&shift.signal.as_str()))?;
    Some(Decision {
        recommendation: "Look at it first: it moved clearly, and no mode depends on it.".to_owned(),
        evidence: vec![shifted(shift)],
        urgency: 20,
        ..about(workflow, |workflow| Question::Look { workflow, signal: shift.signal.clone() })?
    })
}

fn house(report: &Report) -> Vec<Decision> {
    let assign = |question: &Question, recommendation: &str, evidence: String, command: Option<String>, urgency| {
        let (recommendation, evidence) = (recommendation.to_owned(), vec![evidence]);
        Decision { recommendation, evidence, command, urgency, ..ask(question) }
    };
    let mut asked = Vec::new();
    let judged = |one: &&IncidentLine| report.moves.iter().any(|move_| is_to_judge(report, move_) && is_of(one, move_));
    for open in unseen(report).filter(|one| !judged(one)) {
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
