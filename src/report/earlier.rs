//! Demotions of the week before that nobody judged: they are asked about once more.
//!
//! Owns these questions. What a demotion of the report's own week is asked with is `decisions`'.

use super::build::Sources;
use super::council::{Covered, ask, judged_alike};
use super::document::Decision;
use super::document_week::WorkflowWeek;
use super::phrases::exceptions_went;
use super::words::{many, minute, week_and_before};
use super::workflow_week::declared;
use crate::domain::{Cause, ChoiceKey, Question, Signal, Time};
use crate::monitor::Incident;
use crate::monitor::governance::Demotion;
use std::collections::BTreeMap;

/// More urgent than incidents that nobody looks at, less than a gate that is open.
const URGENCY: u32 = 58;

/// Of each workflow the first one that nobody has `seen_to` by now; then the next one. The question about the incident that
/// it opened is noted as its own.
pub(super) fn earlier(
    sources: &Sources<'_>,
    covered: &Covered<'_>,
    weeks: &[WorkflowWeek],
    own_demotion: &mut BTreeMap<String, String>,
    seen_to: impl Fn(&Question) -> bool,
) -> Vec<Decision> {
    let begin = |week: super::Week| week.days(sources.zone).map(|days| days[0]);
    let before = sources.week.plus(-1).filter(|_| sources.is_current);
    let Some((before, (from, until))) = before.and_then(|week| Some((week, begin(week).zip(begin(sources.week))?)))
    else {
        return Vec::new();
    };
    let mut asked = Vec::new();
    for (id, known) in covered {
        let about = |epoch: u64| Question::JudgeDemotion { workflow: (*id).clone(), epoch };
        // One collapse is one question: its further steps are judged with it.
        let is_step = |one: &Demotion| known.unjudged.iter().any(|before| one.follows(before));
        let own = known.unjudged.iter().filter(|one| one.at >= from && one.at < until && !is_step(one));
        let own: Vec<_> = own.filter(|one| !seen_to(&about(one.epoch))).collect();
        let [first, others @ ..] = own.as_slice() else { continue };
        let mut question = ask(&about(first.epoch));
        for offer in question.choices.iter_mut().filter(|offer| offer.choice == ChoiceKey::Nothing) {
            "Records why. It is not asked again.".clone_into(&mut offer.does);
        }
        let mut evidence = vec![format!("{} UTC; the report of {before} says what was seen", minute(first.at))];
        let opened = |one: &&Incident| one.opened_at == first.at && one.about == Cause::Breach.name();
        for incident in known.incidents.iter().filter(opened) {
            evidence.insert(0, incident.summary.clone());
            let asked = Question::Incident { incident: incident.id.clone() };
            own_demotion.insert(asked.to_string(), question.id.clone());
        }
        let week = weeks.iter().find(|week| week.workflow == id.as_str());
        evidence.extend(week.and_then(|week| this_week(week, until, declared(&known.policy, &first.guard)?)));
        let steps = steps_of(&known.unjudged, first);
        if steps > 0 {
            evidence.push(format!("it was lowered further within the hour, {} more", many(steps, "time")));
            judged_alike(&mut question);
        }
        if !others.is_empty() {
            evidence.push(format!("not judged of that week, too: {}", many(others.len(), "more demotion")));
        }
        asked.push(Decision {
            question: format!("Was it right that {} lowered {id} from {} in {before}?", first.guard, first.from),
            recommendation: "Judge it now: nobody did in its week, and after this one it is not asked about again."
                .to_owned(),
            evidence,
            command: Some(format!("andon judge {id} right --epoch {} --note \"…\" (or false)", first.epoch)),
            urgency: URGENCY,
            ..question
        });
    }
    asked
}

/// How what the guard counts did in this week, which began at `from`: whether it goes on.
fn this_week(week: &WorkflowWeek, from: Time, signal: &Signal) -> Option<String> {
    let name = match signal {
        Signal::ExceptionRate { kind: None } => "exception_ratio",
        Signal::RejectionRate => "rejected_ratio",
        Signal::Sla { .. } => "sla_ratio",
        _ => return None,
    };
    let measure = week.measures.iter().find(|measure| measure.name == name && measure.week.is_some())?;
    let is_within = name == "exception_ratio" && week.stretches.first().is_some_and(|first| first.from >= from);
    let went = if is_within { format!("; {}", exceptions_went(week)) } else { String::new() };
    Some(format!("this week: {} {}{went}", measure.title.to_lowercase(), week_and_before(measure)?))
}

/// How many steps further down followed a demotion.
fn steps_of(all: &[Demotion], first: &Demotion) -> usize {
    let mut last = first;
    let steps = all.iter().filter(|one| {
        let is_step = one.follows(last);
        if is_step {
            last = one;
        }
        is_step
    });
    steps.count()
}
