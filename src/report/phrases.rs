//! Sentences that page and Markdown have in common.
//!
//! Owns their wording. Neither escapes nor draws: that is the form's matter.

use super::document_council::Budget;
use super::document_week::{Rejections, ReviewLine, Turn, WorkflowWeek};
use super::measure::{Figure, Measure};
use super::shift::Shift;
use super::words::{count, many, minute, percent, value};

/// That no output came of a workflow in the week; `None` where some did.
pub(super) fn none_came(week: &WorkflowWeek) -> Option<String> {
    let of = |name: &str| week.measures.iter().find(|measure| measure.name == name);
    let outputs = of("outputs");
    if outputs.is_some_and(|outputs| outputs.week.is_some()) {
        return None;
    }
    let Some(before) = outputs.and_then(|outputs| outputs.before) else {
        return Some("No output came in these two weeks.".to_owned());
    };
    let failed = of("exception_ratio").and_then(|measure| measure.before);
    let failed = failed.map(|failed| format!(", {} exceptions", percent(failed.value))).unwrap_or_default();
    Some(format!("No output came this week; the week before: {}{failed}.", value(before.value, "outputs")))
}

/// The measures that say anything of the week: of one without outputs, what people said of earlier ones.
pub(super) fn told(week: &WorkflowWeek) -> Vec<&Measure> {
    let is_silent = none_came(week).is_some();
    week.measures.iter().filter(|measure| !is_silent || measure.week.is_some()).collect()
}

/// Since when a signal differs from the week before; empty where that isn't known.
pub(super) fn since(shift: &Shift) -> String {
    shift.changed_at.map(|at| format!("since about {} UTC", minute(at))).unwrap_or_default()
}

/// What carries a shift; empty where nothing does more than the rest.
pub(super) fn carried(shift: &Shift) -> String {
    // Above 100 % where others went the other way.
    let part = |share: f64| percent(share.min(1.0));
    let each = shift.carriers.iter().map(|by| {
        format!("{} ({} of it, {} of the outputs)", by.segment, part(by.shift_share), percent(by.outputs_share))
    });
    let each: Vec<String> = each.collect();
    if each.is_empty() { String::new() } else { format!("carried by {}", each.join(", ")) }
}

/// A share of verdicts and how many there were.
pub(super) fn of_verdicts(figure: &Option<Figure>) -> String {
    figure.map_or_else(|| "–".to_owned(), |figure| format!("{} of {}", percent(figure.value), count(figure.n)))
}

/// What comes before rejected outputs that stand for others.
pub(super) fn rejected_such_as(of: &Rejections) -> String {
    of.clear().map_or_else(|| "Rejected, such as".to_owned(), |group| format!("Rejected of {}, such as", group.group))
}

/// Demotions by guards, and how many false ones were to be expected.
pub(super) fn demotions(budget: &Budget) -> String {
    let n = usize::try_from(budget.demotions).unwrap_or(usize::MAX);
    let mut said =
        format!("{} by guards in all, {} of this week", many(n, "demotion"), count(budget.demotions_this_week));
    if n > 0 {
        said.push_str(&format!(
            ": people judged {} false ({} taken back) and {} right, {} not yet judged",
            count(budget.judged_false),
            count(budget.annulled),
            count(budget.judged_right),
            count(budget.not_judged)
        ));
    }
    let declared = value(budget.outputs_per_false_demotion, "outputs");
    said.push_str(&format!(". Declared: at most one false demotion in {declared} outputs that keep to their bounds"));
    if budget.outputs_total > 0 {
        let came = count(budget.outputs_total);
        said.push_str(&format!("; {came} came so far, so {} to be expected", expected(budget.allowed)));
    }
    let outside = budget.demotions.saturating_sub(budget.in_budget.demotions);
    if outside > 0 {
        // Fixed limits and outside alerts do as they are told: nothing is promised of how often that is wrong.
        said.push_str(&format!(
            "; that is about statistical guards: {} of theirs was judged false, and {} by fixed limits and outside alerts beside it",
            count(budget.in_budget.judged_false),
            many(usize::try_from(outside).unwrap_or(usize::MAX), "demotion")
        ));
    }
    if let Some(each) = budget.outputs_per_judged_false {
        said.push_str(&format!(", and one in {} was judged false", value(each, "outputs")));
    }
    said + "."
}

/// That exceptions became more or fewer within the week, such as `38 % of 24 outputs until about … UTC, 0 % of 51 since`.
pub(super) fn turned(of: &Turn) -> String {
    let (before, since, at) = (percent(of.before.share()), percent(of.since.share()), minute(of.at));
    format!("{before} of {} outputs until about {at} UTC, {since} of {} since", count(of.before.n), count(of.since.n))
}

/// How many verdicts are owed; nothing where that isn't known.
pub(super) fn waiting(reviews: &ReviewLine) -> String {
    let (Some(awaited), Some(overdue)) = (reviews.awaited, reviews.overdue) else { return String::new() };
    format!("; {} wait, {} of them for too long", count(awaited), count(overdue))
}

/// So many are expected at most.
fn expected(most: f64) -> String {
    match most {
        none if none < 0.0005 => "hardly any was".to_owned(),
        few if few < 1.0 => format!("at most {} were", format!("{few:.3}").trim_end_matches('0')),
        some => format!("at most {some:.1} were"),
    }
}
