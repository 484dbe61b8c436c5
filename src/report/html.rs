//! The report as a page: one file, nothing from elsewhere, for a screen, a phone and paper.
//!
//! Owns what the template asks for. Everything that people or workflows wrote is escaped; only our own drawings
//! are not.

use super::attention::{Parts, Rest, parts};
use super::burst::Burst;
use super::chart;
use super::document::{ActionLine, CapLine, CouncilAnswer, Decision, Layer, Move, Offer, Place, Report, Scope};
use super::document_week::{Disparity, GuardBaseline, Rejections, WorkflowWeek};
use super::measure::{Difference, Figure, Measure};
use super::phrases::{
    came_at_once, carried, demotions, exceptions_went, none_came, of_verdicts, rejected_such_as, told, waiting, went,
};
use super::shift::Shift;
use super::words::{between, by, capped, count, escaped, lab, minute, money, percent, rejected_of, removed, value};
use crate::domain::{ChoiceKey, Judgement, Mode, Question, Scopes, Standing, Time};
use askama::Template;

/// Workflows of one row each in a part of another page, which is asked for often and loads fast however large the house is;
const OTHERS_IN_PART: usize = 50;
/// those that are told of at length there;
const DETAILED_IN_PART: usize = 4;
/// and of what moved a mode, of incidents and of caps the latest.
const LATEST_IN_PART: usize = 25;

/// The page.
#[derive(Template)]
#[template(path = "report.html")]
struct Page<'r> {
    report: &'r Report,
    /// Whether it is a page of its own, and not a part of another one.
    is_whole: bool,
    /// What whoever reads it may do.
    may: Scopes,
    parts: Parts<'r>,
}

/// The report as HTML.
///
/// # Errors
/// The template can't be filled, which is a fault of andon.
pub fn html(report: &Report) -> Result<String, String> {
    Page { report, parts: parts(report), is_whole: true, may: Scopes::default() }
        .render()
        .map_err(|error| error.to_string())
}

/// The report as a part of another page, which loads the style; with the choices that its reader may take.
///
/// # Errors
/// The template can't be filled, which is a fault of andon.
pub fn body(report: &Report, may: Scopes) -> Result<String, String> {
    Page { report, parts: parts(report), is_whole: false, may }.render().map_err(|error| error.to_string())
}

impl Page<'_> {
    /// Workflows of which one row is said: in somebody else's page, which is asked for often, the first ones.
    fn others(&self) -> &[Rest<'_>] {
        let most = if self.is_whole { usize::MAX } else { OTHERS_IN_PART };
        self.parts.rest.get(..most).unwrap_or(&self.parts.rest)
    }

    /// Workflows that are told of at length.
    fn detailed(&self) -> &[&WorkflowWeek] {
        let most = if self.is_whole { usize::MAX } else { DETAILED_IN_PART };
        self.parts.detailed.get(..most).unwrap_or(&self.parts.detailed)
    }

    /// The latest of what is told in the order of time.
    fn latest<'l, T>(&self, all: &'l [T]) -> &'l [T] {
        let most = if self.is_whole { usize::MAX } else { LATEST_IN_PART };
        &all[all.len().saturating_sub(most)..]
    }

    /// That something is told of the latest only; nothing where it is told whole.
    fn cut<T>(&self, all: &[T]) -> Option<String> {
        let shown = self.latest(all).len();
        (shown < all.len()).then(|| format!("The last {shown} of {} are shown here.", count(all.len() as u64)))
    }

    /// Where more is told of a workflow.
    fn more(&self, workflow: &str) -> String {
        let week = &self.report.week;
        if self.detailed().iter().any(|week| week.workflow == workflow) {
            format!("#w-{workflow}")
        } else if self.is_whole {
            format!("/v1/reports/{week}.html?workflow={workflow}")
        } else {
            format!("/reports/{week}?workflow={workflow}")
        }
    }

    fn may_operate(&self) -> bool {
        self.may.allows(crate::domain::Scope::Operate)
    }

    /// The choices of a question that the reader may take: what a choice takes, and what answering takes.
    fn offers<'o>(&self, one: &'o Decision) -> Vec<&'o Offer> {
        let may_say = |offer: &&Offer| self.may_operate() || self.judgement(one, offer).is_some();
        let may_take = |offer: &&Offer| self.may.allows(offer.choice.scope());
        one.choices.iter().filter(may_take).filter(may_say).collect()
    }

    fn may_finish(&self, action: &ActionLine) -> bool {
        action.ended_at.is_none() && self.may_operate()
    }

    /// Where the reader comes back to.
    fn back(&self) -> String {
        let of = match &self.report.scope {
            Scope::Workflow { workflow } => format!("?workflow={workflow}"),
            _ => String::new(),
        };
        format!("/reports/{}{of}", self.report.week)
    }

    /// Where a demotion is judged by whoever may judge and not answer for the council: a promotion board's members.
    fn judgement(&self, one: &Decision, offer: &Offer) -> Option<String> {
        let judgement = match offer.choice {
            ChoiceKey::JudgeRight => Judgement::Right,
            ChoiceKey::JudgeFalse => Judgement::False,
            _ => return None,
        };
        let Ok(Question::JudgeDemotion { workflow, epoch }) = one.id.parse() else { return None };
        let judgement = judgement.name();
        Some(format!("/act/judge?workflow={workflow}&epoch={epoch}&judgement={judgement}&back={}", self.back()))
    }

    /// Where the console asks for what is said with a choice.
    fn address(&self, one: &Decision, offer: &Offer) -> String {
        if let (false, Some(judgement)) = (self.may_operate(), self.judgement(one, offer)) {
            return judgement;
        }
        let of = match &self.report.scope {
            Scope::Workflow { workflow } => format!("&of={workflow}"),
            _ => String::new(),
        };
        format!(
            "/act/council?week={}&question={}&choice={}{of}",
            self.report.week,
            escaped(&one.id),
            offer.choice.name()
        )
    }

    fn scope(&self) -> String {
        match &self.report.scope {
            Scope::Fleet => "all workflows".to_owned(),
            Scope::Team { owner } => format!("the workflows of {owner}"),
            Scope::Workflow { workflow } => workflow.clone(),
        }
    }

    fn open(&self) -> Vec<&Decision> {
        self.report.decisions.iter().filter(|one| one.answer.is_none()).collect()
    }

    fn answered(&self) -> Vec<(&Decision, &CouncilAnswer)> {
        self.report.decisions.iter().filter_map(|one| Some((one, one.answer.as_ref()?))).collect()
    }

    fn stand(&self, action: &ActionLine) -> String {
        action.ended_at.map_or_else(|| action.status.clone(), |at| format!("{} {}", action.status, minute(at)))
    }

    fn last_date(&self) -> &str {
        self.report.dates.last().map_or("", String::as_str)
    }

    fn first_date(&self) -> &str {
        self.report.dates.get(super::week::DAYS).map_or("", String::as_str)
    }

    fn minute(&self, time: &Time) -> String {
        minute(*time)
    }

    fn since(&self, time: &Option<Time>) -> String {
        time.map_or_else(|| "–".to_owned(), minute)
    }

    fn fixed(&self, number: &f64, places: usize) -> String {
        format!("{number:.places$}")
    }

    fn spaced(&self, name: &str) -> String {
        name.replace('_', " ")
    }

    fn percent(&self, share: &f64) -> String {
        percent(*share)
    }

    fn count(&self, n: &u64) -> String {
        count(*n)
    }

    fn amount(&self, amount: &Option<f64>, currency: &str) -> String {
        amount.map_or_else(|| "–".to_owned(), |amount| money(amount, currency))
    }

    fn figure(&self, figure: &Option<Figure>, unit: &str) -> String {
        let Some(figure) = figure else { return "–".to_owned() };
        value(figure.value, unit)
    }

    fn interval(&self, measure: &Measure) -> String {
        let Some([low, high]) = measure.week.and_then(|week| week.interval) else { return String::new() };
        between(low, high, &measure.unit)
    }

    fn reference(&self, measure: &Measure) -> String {
        measure.reference.map_or_else(String::new, |reference| value(reference, &measure.unit))
    }

    fn difference(&self, change: &Option<Difference>, unit: &str) -> String {
        let Some(change) = change else { return "–".to_owned() };
        let by = match by(change, unit) {
            Some(by) => by,
            None if change.absolute.abs() > 0.0 => "from 0".to_owned(),
            None => return "the same".to_owned(),
        };
        if by == "the same" && change.is_clear != Some(true) {
            return by;
        }
        match (change.is_clear, change.is_better) {
            (Some(true), Some(true)) => format!("{by}, clearly better"),
            (Some(true), Some(false)) => format!("{by}, clearly worse"),
            (Some(true), None) => format!("{by}, clear"),
            (Some(false), _) => format!("{by}, as chance might"),
            (None, _) => by,
        }
    }

    fn is_referenced(&self, week: &WorkflowWeek) -> bool {
        week.measures.iter().any(|measure| measure.reference.is_some())
    }

    fn verdict(&self, change: &Option<Difference>) -> &'static str {
        match change.and_then(|change| change.is_better) {
            Some(true) => "good",
            Some(false) => "bad",
            None => "",
        }
    }

    fn days(&self, measure: &Measure) -> String {
        chart::days(measure, &self.report.dates)
    }

    fn bars(&self, shift: &Shift) -> String {
        chart::distributions(&shift.signal, &shift.bins)
    }

    fn clear<'w>(&self, week: &'w WorkflowWeek) -> Vec<&'w Shift> {
        week.shifts.iter().filter(|shift| shift.is_clear).collect()
    }

    fn unclear(&self, week: &WorkflowWeek) -> String {
        let names = week.shifts.iter().filter(|shift| !shift.is_clear).map(|shift| shift.signal.as_str());
        names.collect::<Vec<_>>().join(", ")
    }

    fn capped(&self, one: &CapLine) -> String {
        capped(one)
    }

    fn moved(&self, place: &Place) -> String {
        let held = place.held_by.as_ref().map(|held| format!(", kept at {} by {}", held.mode, held.by));
        let moved = match place.mode_before {
            Some(before) if before > place.mode => format!("▼ {} (was {before})", place.mode),
            Some(before) if before < place.mode => format!("▲ {} (was {before})", place.mode),
            _ => place.mode.to_string(),
        };
        format!("{moved}{}{}", held.unwrap_or_default(), removed(place.removed_at))
    }

    fn removed(&self, week: &WorkflowWeek) -> String {
        removed(week.removed_at)
    }

    fn way(&self, one: &Move) -> String {
        if one.from == one.to {
            return format!("{}, noted only", one.from);
        }
        format!("{} {} → {}", if one.to < one.from { "▼" } else { "▲" }, one.from, one.to)
    }

    fn mark(&self, layer: &Layer) -> &'static str {
        match layer.standing {
            Standing::Met => "✓ sound",
            Standing::Inconclusive if !layer.is_known() => "–",
            Standing::Inconclusive => "? not known",
            Standing::Missing => "✗ missing",
        }
    }

    fn tone(&self, layer: &Layer) -> &'static str {
        match layer.standing {
            Standing::Met => "good",
            Standing::Inconclusive if !layer.is_known() => "",
            Standing::Inconclusive => "open",
            Standing::Missing => "bad",
        }
    }

    fn baseline(&self, of: &GuardBaseline) -> String {
        let begin = format!("baseline {} of {} outputs", of.version, count(of.outputs));
        match (of.distance, of.no_drift, of.recent) {
            (Some(distance), Some(limit), Some(recent)) => format!(
                "{begin}; the last {} are {distance:.2} away (total variation), without drift at most {limit:.2}",
                count(recent)
            ),
            _ => begin,
        }
    }

    fn lab(&self) -> Vec<String> {
        self.report.lab_kpis.as_ref().map(lab).unwrap_or_default()
    }

    /// The weakest layer of a workflow that is told of in one row.
    fn weakest(&self, place: &Place) -> String {
        let layers = [("base", &place.base), ("builder", &place.builder), ("beneficiary", &place.beneficiary)];
        let weakest = place.weakest.as_deref();
        let of = layers.into_iter().find(|(name, _)| Some(*name) == weakest);
        of.map_or_else(|| "–".to_owned(), |(name, layer)| format!("{name}: {}", self.mark(layer)))
    }

    fn exceptions_went(&self, week: &WorkflowWeek) -> String {
        exceptions_went(week)
    }

    fn waiting(&self, week: &WorkflowWeek) -> String {
        waiting(&week.reviews)
    }

    fn rejected_of(&self, group: &Disparity) -> String {
        rejected_of(group)
    }

    fn share(&self, share: &Option<f64>) -> String {
        share.map_or_else(|| "–".to_owned(), percent)
    }

    fn of_verdicts(&self, figure: &Option<Figure>) -> String {
        of_verdicts(figure)
    }

    fn none_came(&self, week: &WorkflowWeek) -> Option<String> {
        none_came(week)
    }

    fn told<'w>(&self, week: &'w WorkflowWeek) -> Vec<&'w Measure> {
        told(week)
    }

    fn is_drawn(&self, shift: &Shift) -> bool {
        chart::is_drawn(shift)
    }

    /// By how much a signal differs from the week before, since when, and where.
    fn differs(&self, shift: &Shift) -> String {
        let mut said = format!(
            "differs by {:.2} (0 is the same, 1 nothing in common: {}); chance alone gives at most {:.2}.",
            shift.distance.value,
            self.spaced(&shift.distance_name),
            shift.distance.no_drift.limit
        );
        for part in [went(shift), carried(shift)].into_iter().filter(|part| !part.is_empty()) {
            let (first, rest) = part.split_at(1);
            said = format!("{said} {}{rest}.", first.to_uppercase());
        }
        said
    }

    fn came_at_once(&self, burst: &Burst) -> String {
        came_at_once(burst)
    }

    fn rejected_such_as(&self, of: &Rejections) -> String {
        rejected_such_as(of)
    }

    fn demotions(&self) -> String {
        demotions(&self.report.budget)
    }

    fn mode_class(&self, mode: &Mode) -> &'static str {
        mode.name()
    }
}
