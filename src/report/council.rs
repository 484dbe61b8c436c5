//! What the council may choose, what it chose, and who does what until when.
//!
//! Owns how questions meet their answers: one that was answered is not asked again in that week, nor later while
//! what was chosen is under way. The questions are `decisions`', their words and choices the domain's.

use super::answers::answers;
use super::build::Sources;
use super::decisions::Asked;
use super::document::{ActionLine, Budget, Decision, InBudget, Offer};
use super::document_week::WorkflowWeek;
use super::earlier::earlier;
use super::moves::Entries;
use super::state::{Known, State};
use super::words::{many, minute};
use crate::domain::{Ask, ChoiceKey, Judgement, Question, Task, Time, What, WorkflowId};
use crate::stats::number::number;
use std::collections::{BTreeMap, BTreeSet};

/// Decisions that are asked; a council of fifteen minutes takes no more.
pub(super) const DECISIONS_MAX: usize = 12;
/// Answers that are shown.
pub(super) const ANSWERS_MAX: usize = 50;
/// Questions of one report about overdue reviews, and about what moves unwatched …
const ALIKE_MAX: usize = 2;
/// … and workflows that are named beside them.
const NAMED_MAX: usize = 5;
/// Actions that are shown.
const ACTIONS_MAX: usize = 300;

/// The workflows that a report is about.
pub(super) type Covered<'s> = BTreeMap<&'s WorkflowId, &'s Known>;

/// Whether an action or an answer belongs in the report. That of all workflows follows up what concerns one that left the
/// policy, too: nobody else would.
pub(super) fn is_ours(sources: &Sources<'_>, covered: &Covered<'_>, workflow: Option<&WorkflowId>) -> bool {
    let is_fleet = sources.scope == super::Scope::Fleet;
    workflow.map_or(is_fleet, |id| covered.contains_key(id) || is_fleet && !id.is_drill_lane())
}

/// A question with its choices, and nothing yet that speaks for one of them.
pub(super) fn ask(question: &Question) -> Decision {
    Decision {
        id: question.to_string(),
        kind: question.kind().to_owned(),
        workflow: question.workflow().map(ToString::to_string),
        question: question.sentence(),
        recommendation: String::new(),
        evidence: Vec::new(),
        command: None,
        urgency: 0,
        weight: 0.0,
        choices: question.choices().iter().map(|key| offer(question, *key)).collect(),
        answer: None,
    }
}

/// Says that an answer about a demotion is one about its further steps, too.
pub(super) fn judged_alike(question: &mut Decision) {
    let is_judgement = |offer: &&mut Offer| matches!(offer.choice, ChoiceKey::JudgeRight | ChoiceKey::JudgeFalse);
    for offer in question.choices.iter_mut().filter(is_judgement) {
        offer.does.push_str(" The steps further down within the hour are judged alike.");
    }
}

fn offer(question: &Question, key: ChoiceKey) -> Offer {
    let of = question.workflow().map_or_else(|| "the house".to_owned(), ToString::to_string);
    let (label, does) = match key {
        ChoiceKey::JudgeRight => {
            ("It was right", "Records that the demotion was right. The mode stays as it is.".into())
        }
        ChoiceKey::JudgeFalse => (
            "It was false",
            format!(
                "Counts it as false against the declared budget. The mode stays as it is: two people take the demotion back with `andon annul {of}`."
            ),
        ),
        ChoiceKey::AcceptBaseline => (
            "Accept the new baseline",
            format!(
                "Has the guard learn anew from the outputs that come now; above assist {of} waits for an approver."
            ),
        ),
        ChoiceKey::OpenGate => (
            "Ask for the promotion",
            "Looks at the gate once more, freezes the evidence and asks others to approve.".into(),
        ),
        ChoiceKey::KeepDown => (
            "Keep it down",
            format!("Blocks raises of {of} until somebody allows them again, and ends what waits for approval."),
        ),
        ChoiceKey::Assign => ("Name somebody", "Somebody does it until a day; the next reports follow it up.".into()),
        ChoiceKey::Nothing if matches!(question, Question::JudgeDemotion { .. }) => {
            ("Nothing this week", "Records why; next week it is asked once more.".into())
        }
        ChoiceKey::Nothing => {
            ("Nothing this week", "Records why; next week it is asked again if it still shows.".into())
        }
    };
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let (fields, optional): (&[&str], &[&str]) = match key {
        ChoiceKey::Assign => (&["owner", "due"], &["task", "note"]),
        ChoiceKey::OpenGate => (&["note"], &["funding"]),
        _ => (&["note"], &[]),
    };
    let (fields, optional, scope) = (words(fields), words(optional), key.scope().name().to_owned());
    Offer { choice: key, label: label.to_owned(), does, scope, fields, optional }
}

/// The questions in the order in which they are shown, the open ones first, and how many open ones were left out.
pub(super) fn settle(
    asked: Asked,
    sources: &Sources<'_>,
    covered: &Covered<'_>,
    weeks: &[WorkflowWeek],
) -> (Vec<Decision>, usize) {
    let Asked { mut questions, mut own_demotion } = asked;
    let mut answers = answers(sources, covered);
    let seen_to = |one: &Question| {
        let id = one.to_string();
        answers.contains_key(&id) || is_under_way(&id, sources, covered)
    };
    let earlier = earlier(sources, covered, weeks, &mut own_demotion, seen_to);
    let of_before: BTreeSet<String> = earlier.iter().map(|one| one.id.clone()).collect();
    questions.extend(earlier);
    // What waits now is the matter of the running week.
    let is_past = |one: &Decision| {
        !sources.is_current && ["assign", "open_gate", "look", "accept_baseline"].contains(&one.kind.as_str())
    };
    // What is part of a storm is looked at there.
    let incidents = covered.values().flat_map(|known| &known.incidents);
    let parts = incidents.filter(|own| own.part_of.is_some());
    let parts: BTreeSet<String> =
        parts.map(|own| Question::Incident { incident: own.id.clone() }.to_string()).collect();
    let (mut open, mut answered) = (Vec::new(), Vec::new());
    for one in questions {
        match answers.remove(&one.id) {
            Some((_, answer)) => answered.push(Decision { answer: Some(answer), ..one }),
            None if is_past(&one) || parts.contains(&one.id) => {}
            None if sources.is_current && is_under_way(&one.id, sources, covered) => {}
            // A name with a control character in it makes a question that nobody could answer.
            None if one.id.parse::<Question>().is_err() => {}
            None => open.push(one),
        }
    }
    // What was answered may no longer be a question: the answer stays.
    answered
        .extend(answers.into_values().map(|(question, answer)| Decision { answer: Some(answer), ..ask(&question) }));
    sort(&mut open);
    sort(&mut answered);
    let open = gather(open, |one| matches!(one, Question::Reviews { .. }), "overdue, too");
    let open = gather(open, |one| matches!(one, Question::Rejections { .. }), "clearly more rejected, too");
    let open = gather(open, |one| matches!(one, Question::Look { .. }), "moved unwatched, too");
    let open = gather(open, |one| of_before.contains(&one.to_string()), "not judged either");
    let (mut open, left_out) = most_urgent(open, &own_demotion);
    answered.truncate(ANSWERS_MAX);
    open.extend(answered);
    (open, left_out)
}

/// The most urgent first.
pub(super) fn sort(list: &mut [Decision]) {
    list.sort_by(|a, b| b.urgency.cmp(&a.urgency).then(b.weight.total_cmp(&a.weight)).then_with(|| a.id.cmp(&b.id)));
}

/// As many as a council takes, and how many more there are. An incident is no question of its own where its demotion is asked
/// about: that one comes first, as it is more urgent.
fn most_urgent(open: Vec<Decision>, own_demotion: &BTreeMap<String, String>) -> (Vec<Decision>, usize) {
    let (mut kept, mut left_out): (Vec<Decision>, usize) = (Vec::new(), 0);
    for one in open {
        let demotion = own_demotion.get(&one.id);
        if demotion.is_some_and(|id| kept.iter().any(|asked| asked.id == *id)) {
            continue;
        }
        if kept.len() < DECISIONS_MAX { kept.push(one) } else { left_out += 1 }
    }
    (kept, left_out)
}

/// Of the questions of one kind the most urgent ones stay; the others are named with the last of them, so that they
/// crowd nothing out.
fn gather(open: Vec<Decision>, is_such: impl Fn(&Question) -> bool, said: &str) -> Vec<Decision> {
    let is_such = |one: &Decision| one.id.parse().is_ok_and(|question| is_such(&question));
    let (mut kept, mut others, mut last) = (Vec::new(), Vec::new(), None);
    for one in open {
        match (is_such(&one), last) {
            (true, Some((asked, _))) if asked >= ALIKE_MAX => others.extend(one.workflow),
            (true, before) => {
                last = Some((before.map_or(0, |(asked, _)| asked) + 1, kept.len()));
                kept.push(one);
            }
            (false, _) => kept.push(one),
        }
    }
    if let (Some((_, at)), false) = (last, others.is_empty()) {
        let more = others.len().saturating_sub(NAMED_MAX);
        others.truncate(NAMED_MAX);
        let more = if more > 0 { format!(" and {}", many(more, "more workflow")) } else { String::new() };
        kept[at].evidence.push(format!("{said}: {}{more}", others.join(", ")));
    }
    kept
}

/// Whether what would be asked is being done already.
fn is_under_way(id: &str, sources: &Sources<'_>, covered: &Covered<'_>) -> bool {
    let Ok(question) = id.parse::<Question>() else { return false };
    let known = question.workflow().and_then(|workflow| covered.get(workflow));
    let waits = |is: &dyn Fn(&Ask) -> bool| known.is_some_and(|known| known.pending.iter().any(is));
    let own = match &question {
        Question::KeepDown { .. } => known.is_some_and(|known| known.view.mode.held.is_some()),
        Question::OpenGate { .. } => waits(&|ask| matches!(ask, Ask::Promotion { .. })),
        Question::AcceptBaseline { workflow, guard } => {
            waits(&|ask| matches!(ask, Ask::Relearning { guard: of, .. } if of == guard))
                || learns_since(sources.entries, workflow, guard)
        }
        _ => false,
    };
    own || sources.state.actions.iter().any(|task| task.question.as_ref() == Some(&question))
}

/// Whether a guard was told to learn anew after its last breach.
fn learns_since(entries: Entries<'_>, workflow: &WorkflowId, guard: &str) -> bool {
    let own = entries.iter().rev().filter(|(_, entry)| entry.workflow.as_ref() == Some(workflow));
    let mut told = own.filter_map(|(_, entry)| match &entry.what {
        What::BaselineDropped { guard: of, .. } if of == guard => Some(true),
        What::ModeChanged { breach: Some(breach), .. } | What::BreachNoted { breach } if breach.guard == guard => {
            Some(false)
        }
        _ => None,
    });
    told.next().unwrap_or(false)
}

/// Actions that are open, and those that ended since the week began. Of a week that is long over only what was
/// assigned or ended in it is known.
pub(super) fn actions(sources: &Sources<'_>, covered: &Covered<'_>, until: Time) -> Vec<ActionLine> {
    let is_ours = |workflow: Option<&WorkflowId>| is_ours(sources, covered, workflow);
    let as_of = sources.fold.as_of().1.unwrap_or(until);
    // A house in which nothing came over the weekend is late all the same.
    let as_of = if sources.is_over { as_of.max(until) } else { as_of };
    let mut lines: BTreeMap<String, ActionLine> = BTreeMap::new();
    let open = sources.state.actions.iter().filter(|task| sources.is_current && is_ours(task.workflow.as_ref()));
    lines.extend(open.map(|task| (task.id.clone(), line(task, as_of))));
    for (_, entry) in sources.entries.iter().filter(|(_, entry)| is_ours(entry.workflow.as_ref())) {
        let (workflow, at) = (entry.workflow.clone(), entry.time);
        match &entry.what {
            What::Assigned { action, task, owner, due, question } if at < until && !sources.is_current => {
                let (id, task, owner, due) = (action.clone(), task.clone(), owner.clone(), *due);
                let task =
                    Task { id, workflow, task, owner, due, question: question.clone(), by: entry.by.clone(), at };
                lines.insert(action.clone(), line(&task, as_of));
            }
            What::Finished { action, ending, note, task, owner, due } => {
                let is_known = lines.contains_key(action);
                if !(sources.is_current || is_known || at < until) {
                    continue;
                }
                let ended = lines.entry(action.clone()).or_insert_with(|| {
                    let (id, task, owner, due) = (action.clone(), task.clone(), owner.clone(), *due);
                    line(&Task { id, workflow, task, owner, due, question: None, by: String::new(), at }, as_of)
                });
                (ended.status, ended.ended_at, ended.is_overdue) = (ending.name().to_owned(), Some(at), false);
                ended.note.clone_from(note);
            }
            _ => {}
        }
    }
    let mut lines: Vec<ActionLine> = lines.into_values().collect();
    lines.sort_by(|a, b| (a.ended_at.is_some(), a.due, &a.action).cmp(&(b.ended_at.is_some(), b.due, &b.action)));
    lines.truncate(ACTIONS_MAX);
    lines
}

fn line(task: &Task, as_of: Time) -> ActionLine {
    ActionLine {
        action: task.id.clone(),
        workflow: task.workflow.as_ref().map(ToString::to_string),
        task: task.task.clone(),
        owner: task.owner.clone(),
        due: task.due,
        is_overdue: task.is_overdue(as_of),
        question: task.question.as_ref().map(ToString::to_string),
        status: "open".to_owned(),
        ended_at: None,
        note: String::new(),
    }
}

/// The sentence about actions that nobody finished in time.
pub(super) fn overdue(actions: &[ActionLine]) -> Option<String> {
    let late: Vec<&ActionLine> = actions.iter().filter(|action| action.is_overdue).collect();
    let first = late.first()?;
    let what = format!("{} was to {} until {} UTC", first.owner, first.task, minute(first.due));
    Some(match late.len() {
        1 => format!("One action is overdue: {what}."),
        n => format!("{n} actions are overdue; for the longest: {what}."),
    })
}

/// False demotions against what is declared.
pub(super) fn budget(state: &State, covered: &Covered<'_>, demotions_this_week: u64) -> Budget {
    let sum = |of: fn(&Known) -> u64| covered.values().map(|known| of(known)).sum::<u64>();
    let outputs_total = sum(|known| known.view.outputs_total);
    let demotions = sum(|known| known.view.demotions_by_guards);
    let judged_false = sum(|known| known.view.demotions_judged_false);
    let judged_right = sum(|known| known.view.demotions_judged_right);
    let in_budget = InBudget {
        demotions: sum(|known| known.in_budget.demoted),
        judged_false: sum(|known| known.in_budget.judged[Judgement::False as usize]),
        annulled: sum(|known| known.in_budget.annulled),
        judged_right: sum(|known| known.in_budget.judged[Judgement::Right as usize]),
    };
    Budget {
        outputs_per_false_demotion: state.outputs_per_false_demotion,
        outputs_total,
        demotions,
        judged_false,
        annulled: sum(|known| known.view.demotions_annulled),
        judged_right,
        not_judged: demotions.saturating_sub(judged_false + judged_right),
        outputs_per_judged_false: (in_budget.judged_false > 0)
            .then(|| number(outputs_total) / number(in_budget.judged_false)),
        allowed: number(outputs_total) / state.outputs_per_false_demotion.max(1.0),
        demotions_this_week,
        in_budget,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overdue_reviews_crowd_nothing_out() {
        let reviews = |id: &str| ask(&Question::Reviews { workflow: WorkflowId::new(id).unwrap() });
        let other = ask(&Question::Base { item: "guide".to_owned() });
        let open = vec![reviews("a"), other.clone(), reviews("b"), reviews("c"), reviews("d")];
        let gather = |open| super::gather(open, |one| matches!(one, Question::Reviews { .. }), "overdue, too");
        let kept = gather(open);
        let ids: Vec<&str> = kept.iter().map(|one| one.id.as_str()).collect();
        assert_eq!(ids, [&reviews("a").id, &other.id, &reviews("b").id]);
        assert_eq!(kept[2].evidence, ["overdue, too: c, d"]);
        let many = (0..10).map(|n| reviews(&format!("w{n}"))).collect();
        assert_eq!(gather(many)[1].evidence, ["overdue, too: w2, w3, w4, w5, w6 and 3 more workflows"]);
        assert_eq!(gather(vec![other.clone()]), [other]);
    }
}
