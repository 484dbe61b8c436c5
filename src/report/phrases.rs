//! Sentences that page and Markdown have in common.
//!
//! Owns their wording. Neither escapes nor draws: that is the form's matter.

use super::burst::Burst;
use super::chart::is_drawn;
use super::document_council::Budget;
use super::document_week::{Rejections, ReviewLine, WorkflowWeek};
use super::measure::{Figure, Measure};
use super::shift::Shift;
use super::stretch::Stretch;
use super::words::{count, many, minute, percent, span, value};

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

/// How a signal went through the two weeks, such as `median 24 ms until about …, 48 ms since`; empty where that can't be
/// told.
pub(super) fn went(shift: &Shift) -> String {
    if !is_drawn(shift) {
        // Of many values one is no sign of when the rest changed.
        return String::new();
    }
    if shift.is_restless {
        return "changed again and again in these two weeks".to_owned();
    }
    let level = |one: &Stretch| match shift.value_of {
        Some(_) => percent(one.level),
        None if shift.signal.ends_with("_ms") => value(one.level, "ms"),
        None => value(one.level, ""),
    };
    let of = shift.value_of.as_ref().map_or_else(|| "median".to_owned(), |value| format!("share of {value}"));
    let levels = levels(&shift.stretches, level);
    if levels.is_empty() { levels } else { format!("{of} {levels}") }
}

/// How exceptions went within the week, such as `38 % of 24 outputs until about … UTC, 0 % of 51 since`.
pub(super) fn exceptions_went(week: &WorkflowWeek) -> String {
    let first = week.stretches.first().map(|first| first.from);
    levels(&week.stretches, |one| {
        let outputs = match (Some(one.from) == first, week.is_sampled) {
            (true, true) => " sampled outputs",
            (true, false) => " outputs",
            (false, _) => "",
        };
        format!("{} of {}{outputs}", percent(one.level), count(one.outputs))
    })
}

/// Each level and until when it was; empty of fewer than two.
fn levels(of: &[Stretch], level: impl Fn(&Stretch) -> String) -> String {
    let [before @ .., last] = of else { return String::new() };
    let until = before.iter().zip(&of[before.len().min(1)..]);
    let until = until.map(|(one, next)| format!("{} until about {} UTC, ", level(one), minute(next.from)));
    if before.is_empty() { String::new() } else { format!("{}{} since", until.collect::<String>(), level(last)) }
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

/// That many rejections came within minutes.
pub(super) fn came_at_once(burst: &Burst) -> String {
    let [first, last] = burst.between;
    let of = burst.group.as_ref().map(|group| format!(", nearly all of {group}")).unwrap_or_default();
    let (rejected, all, verdicts) = (count(burst.rejected), count(burst.of), count(burst.verdicts));
    format!(
        "{rejected} of the week's {all} rejected outputs were rejected within {} from {} UTC, of {verdicts} judged then{of}: one act of somebody?",
        span(last.since(first)),
        minute(first)
    )
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
