//! What the council answered, in words, with what came of it since.
//!
//! Owns the last answer to each question, what became of a request, and what of an answer that was replaced still holds. Which
//! questions there are is `decisions`'.

use super::build::Sources;
use super::council::{Covered, is_ours};
use super::document::CouncilAnswer;
use super::moves::Entries;
use super::words::minute;
use crate::domain::{Choice, Entry, Judgement, Question, RequestStatus, What, WorkflowId};
use std::collections::BTreeMap;

/// An answer as the ledger has it.
#[derive(Clone, Copy)]
struct Given<'e> {
    ledger_seq: u64,
    entry: &'e Entry,
    question: &'e Question,
    decided: &'e Choice,
    note: &'e str,
    did: Option<&'e String>,
}

/// Answers by their questions.
pub(super) type Answers = BTreeMap<String, (Question, CouncilAnswer)>;

/// The last answer of the week's council to each question.
pub(super) fn answers(sources: &Sources<'_>, covered: &Covered<'_>) -> Answers {
    of_week(sources.entries, &sources.week.to_string(), |id| is_ours(sources, covered, id))
}

/// The last answer to each question of a week's report that some entries hold; `is_told` says of whose workflows.
pub(super) fn of_week(entries: Entries<'_>, week: &str, is_told: impl Fn(Option<&WorkflowId>) -> bool) -> Answers {
    let mut given: BTreeMap<String, Vec<Given<'_>>> = BTreeMap::new();
    for (ledger_seq, entry) in entries {
        let What::Council { week: of, question, decided, note, did } = &entry.what else { continue };
        if *of != week || !is_told(entry.workflow.as_ref()) {
            continue;
        }
        let (ledger_seq, did) = (*ledger_seq, did.as_ref());
        given.entry(question.to_string()).or_default().push(Given { ledger_seq, entry, question, decided, note, did });
    }
    let last = |(id, all): (String, Vec<Given<'_>>)| {
        let (last, before) = all.split_last()?;
        Some((id, (last.question.clone(), answer(entries, *last, before))))
    };
    given.into_iter().filter_map(last).collect()
}

fn answer(entries: Entries<'_>, last: Given<'_>, before: &[Given<'_>]) -> CouncilAnswer {
    let mut still: Vec<String> = before.iter().filter_map(|one| holds(entries, *one, last)).collect();
    still.dedup();
    let still = if still.is_empty() {
        String::new()
    } else {
        format!("; still so from the answer before: {}", still.join(", "))
    };
    CouncilAnswer {
        decided: last.decided.clone(),
        says: format!("{}{still}", says(entries, last)),
        note: last.note.to_owned(),
        by: last.entry.by.clone(),
        at: last.entry.time,
        did: last.did.cloned(),
        ledger_seq: last.ledger_seq,
    }
}

fn says(entries: Entries<'_>, given: Given<'_>) -> String {
    let status = given.did.map(|request| (request, status(entries, given.entry, request)));
    match (given.decided, status) {
        (Choice::JudgeRight, _) => format!("the demotion was right{}", judged_since(entries, given)),
        (Choice::JudgeFalse, _) => format!("the demotion was false{}", judged_since(entries, given)),
        (Choice::AcceptBaseline, None | Some((_, RequestStatus::Granted))) => "the new baseline is accepted".to_owned(),
        (Choice::AcceptBaseline, Some((request, status))) => {
            format!("the new baseline is asked for ({request}: {})", status.name())
        }
        (Choice::OpenGate { .. }, Some((_, RequestStatus::Granted))) => "the promotion was approved".to_owned(),
        (Choice::OpenGate { .. }, Some((request, status))) => {
            format!("the promotion is asked for ({request}: {})", status.name())
        }
        (Choice::OpenGate { .. }, None) => "the promotion is asked for".to_owned(),
        (Choice::KeepDown, _) => "it is kept down".to_owned(),
        (Choice::Assign { task, owner, due }, _) => format!("{owner} is to {task} until {} UTC", minute(*due)),
        (Choice::Nothing, _) => "nothing this week".to_owned(),
    }
}

/// What people said of a demotion by another way since.
fn judged_since(entries: Entries<'_>, given: Given<'_>) -> String {
    let Question::JudgeDemotion { epoch, .. } = given.question else { return String::new() };
    let own = entries.iter().rev().filter(|(_, entry)| entry.workflow == given.entry.workflow);
    let mut judged = own.filter_map(|(_, entry)| match &entry.what {
        What::Judged { epoch: of, judgement, .. } if of == epoch => Some((entry, *judgement)),
        _ => None,
    });
    let said = if *given.decided == Choice::JudgeRight { Judgement::Right } else { Judgement::False };
    match judged.next() {
        Some((entry, judgement)) if judgement != said => {
            format!(", and {} judged it {} since", entry.by, judgement.name())
        }
        _ => String::new(),
    }
}

/// How a request stands by now.
fn status(entries: Entries<'_>, asked: &Entry, id: &str) -> RequestStatus {
    let own = entries.iter().rev().filter(|(_, entry)| entry.workflow == asked.workflow);
    let mut ended = own.filter_map(|(_, entry)| match &entry.what {
        What::Decided { request, status, .. } if request == id => Some(*status),
        _ => None,
    });
    ended.next().unwrap_or(RequestStatus::Pending)
}

/// What an answer did that holds although another one took its place.
fn holds(entries: Entries<'_>, given: Given<'_>, last: Given<'_>) -> Option<String> {
    let own = || entries.iter().rev().filter(|(_, entry)| entry.workflow == given.entry.workflow);
    if given.decided.key() == last.decided.key() && !matches!(given.decided, Choice::Assign { .. }) {
        return None;
    }
    match (given.decided, given.question, given.did) {
        (Choice::JudgeRight | Choice::JudgeFalse, Question::JudgeDemotion { epoch, .. }, _)
            if !matches!(last.decided, Choice::JudgeRight | Choice::JudgeFalse) =>
        {
            let mut judged = own().filter_map(|(_, entry)| match &entry.what {
                What::Judged { epoch: of, judgement, .. } if of == epoch => Some(judgement),
                _ => None,
            });
            Some(format!("counted as {}", judged.next()?.name()))
        }
        (Choice::KeepDown, ..) => {
            let mut told = own().filter_map(|(_, entry)| match &entry.what {
                What::Held { .. } => Some(true),
                What::Released { .. } => Some(false),
                _ => None,
            });
            told.next().unwrap_or(false).then(|| "kept down".to_owned())
        }
        (Choice::Assign { owner, .. }, _, Some(id)) => {
            let has_ended =
                own().any(|(_, entry)| matches!(&entry.what, What::Finished { action, .. } if action == id));
            (!has_ended).then(|| format!("open: {id} of {owner}"))
        }
        (Choice::AcceptBaseline, _, None) => Some("learned anew".to_owned()),
        (Choice::AcceptBaseline | Choice::OpenGate { .. }, _, Some(id)) => match status(entries, given.entry, id) {
            RequestStatus::Pending => Some(format!("waiting for approval: {id}")),
            RequestStatus::Granted => Some(format!("granted: {id}")),
            _ => None,
        },
        _ => None,
    }
}
