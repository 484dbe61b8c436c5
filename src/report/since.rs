//! What the council answered since a report was kept.
//!
//! Owns how these answers meet the kept questions. All else stays as it was when the report was made: the same kept
//! report and the same ledger give the same one again. What is kept is never written anew.

use super::answers::{Answers, of_week};
use super::council::{ANSWERS_MAX, ask, sort};
use super::document::{Decision, Report};
use super::make::pages;
use super::names::Names;
use super::words::minute;
use crate::domain::{Question, Time, What};
use crate::store::{LedgerReader, StoreError};

/// Most entries about answers that are looked at.
const ENTRIES_MAX: usize = 20_000;

/// A report that was kept at a time, with the answers that the ledger holds since; it says in its first sentence what
/// it is.
///
/// # Errors
/// The ledger can't be read.
pub fn with_answers(mut report: Report, kept_at: Time, ledger: &dyn LedgerReader) -> Result<Report, StoreError> {
    let (mut answers, ledger_seq, names) = answers(&report, ledger)?;
    let (mut open, mut answered) = (Vec::new(), Vec::new());
    let first_asked = report.decisions.iter().find(|one| one.answer.is_none()).map(|one| one.question.clone());
    let asked = report.decisions.iter().filter(|one| one.answer.is_none()).count();
    for one in report.decisions {
        let one = Decision { id: present(&one.id, &names, report.as_of.journal_seq), ..one };
        match answers.remove(&one.id) {
            Some((_, answer)) => answered.push(Decision { answer: Some(answer), ..one }),
            None if one.answer.is_some() => answered.push(one),
            None => open.push(one),
        }
    }
    let is_answered = asked - open.len();
    // Of what it didn't ask, or had no place for.
    answered
        .extend(answers.into_values().map(|(question, answer)| Decision { answer: Some(answer), ..ask(&question) }));
    sort(&mut answered);
    answered.truncate(ANSWERS_MAX);
    open.extend(answered);
    report.decisions = open;
    if let Some(first) = first_asked.filter(|_| is_answered > 0) {
        // How many are asked, and which is the first, is said anew.
        report.headline.retain(|said| !said.ends_with(&first));
    }
    let so_far = match (asked, is_answered) {
        (0, _) => String::new(),
        (_, 0) => ": none of its questions is answered yet".to_owned(),
        (all, n) if n == all => ": all that it asked is answered".to_owned(),
        (all, 1) => format!(": of the {all} questions that it asked 1 is answered"),
        (all, n) => format!(": of the {all} questions that it asked {n} are answered"),
    };
    let said = format!(
        "This report was kept on {} UTC and stands as it was made then, with the council's answers up to ledger entry {ledger_seq}{so_far}.",
        minute(kept_at)
    );
    report.headline.insert(0, said);
    Ok(report)
}

/// The last answer to each question of the report's week, the number of the ledger's last entry, and which workflows got
/// another id. Read from the week's beginning: what came of answers that the kept report has already may have changed.
fn answers(report: &Report, ledger: &dyn LedgerReader) -> Result<(Answers, u64, Names), StoreError> {
    let (mut entries, mut names) = (Vec::new(), Names::default());
    let last = pages(ledger, report.from, |page| {
        page.iter().for_each(|(_, entry)| names.take(entry));
        entries.extend(page.into_iter().filter(|(_, entry)| tells(&entry.what)));
        entries.len() < ENTRIES_MAX
    })?;
    entries.iter_mut().for_each(|(_, entry)| names.update(entry));
    Ok((of_week(&entries, &report.week, |_| true), last, names))
}

/// The question under the present id of its workflow: by then another one may have the id of before.
fn present(id: &str, names: &Names, journal_seq: u64) -> String {
    let Ok(mut question) = id.parse::<Question>() else { return id.to_owned() };
    if let Some(workflow) = question.workflow_mut() {
        *workflow = names.of(workflow, journal_seq).clone();
    }
    question.to_string()
}

/// Whether an entry is an answer, or says what came of one.
const fn tells(what: &What) -> bool {
    matches!(
        what,
        What::Council { .. }
            | What::Decided { .. }
            | What::Judged { .. }
            | What::Held { .. }
            | What::Released { .. }
            | What::Finished { .. }
    )
}
