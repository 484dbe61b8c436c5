//! What speaks for or against a demotion, beside the guard that did it.
//!
//! Owns the recommendation to whoever judges it, and why. It decides nothing, and a guard's own numbers are no witness.

use super::alike::looks_at;
use super::document::{Counted, Move};
use super::document_week::WorkflowWeek;
use super::measure::{Measure, interval};
use super::shift::Shift;
use super::words::{count, many, percent};

/// What speaks for a demotion beside the guard that did it: what came since it was lowered, and what the guard doesn't
/// look at itself.
pub(super) fn speaks(
    demotion: &Move,
    week: Option<&WorkflowWeek>,
    worse: &[&Measure],
    moved: &[&Shift],
    has_more_steps: bool,
) -> String {
    let is_own = |name: &str| {
        // Uptime counts exceptions once more.
        let signal = demotion.signal.as_deref().unwrap_or_default();
        looks_at(signal, demotion.of.as_deref(), name) || name == "uptime_ratio"
    };
    let measures = worse.iter().filter(|measure| !is_own(&measure.name));
    // Several views of one thing are one finding.
    let mut kinds: Vec<&str> = measures.map(|measure| kind_of(&measure.name)).collect();
    kinds.extend(moved.iter().filter(|shift| !is_own(&shift.signal)).map(|shift| kind_of(&shift.signal)));
    kinds.sort_unstable();
    kinds.dedup();
    let source = source(demotion, week);
    let find = format!("Find the cause before anybody asks for {} again.", demotion.from);
    let said = match (went_on(demotion), kinds.len()) {
        (Some(Since::Not), _) if has_more_steps => {
            "Right, and over by now: it went further down first. What ended it?".to_owned()
        }
        (Some(Since::Over), _) => {
            "Right, and over by now: it went on at first. What ended it, being lowered or something else?".to_owned()
        }
        (Some(Since::Not), _) => "Open: it did not go on. What stopped it, being lowered or something else?".to_owned(),
        (Some(Since::Still), _) => format!("Right: it went on since. {find}"),
        (None, 0) if worse.is_empty() => {
            "Open: nothing beside the guard shows it. Look at the outputs since the change, then judge.".to_owned()
        }
        (None, 0) if source.is_some() => "Open: the whole week is worse, but that counts the same outputs.".to_owned(),
        (None, 0) => "Likely right: the whole week is worse, but that counts the same outputs.".to_owned(),
        (None, found) => {
            let say = if found == 1 { "says" } else { "say" };
            format!("Right: {} beside the guard {say} the same. {find}", many(found, "finding"))
        }
    };
    format!("{said}{}", source.unwrap_or_default())
}

/// What came since a demotion.
enum Since {
    /// The bound is broken still.
    Still,
    /// It was, and is kept to by now.
    Over,
    /// It is kept to.
    Not,
}

/// Whether what came since the demotion breaks the bound, all of it and its second half; `None` where that can't be told.
fn went_on(demotion: &Move) -> Option<Since> {
    let bound = demotion.bound?;
    let ends = |of: Option<Counted>| of.map(|of| interval(of.share(), of.n));
    let ([low, high], [low_lately, high_lately]) = (ends(demotion.since)?, ends(demotion.lately)?);
    if low > bound && high_lately < bound {
        Some(Since::Over)
    } else if low > bound && low_lately > bound {
        Some(Since::Still)
    } else {
        (high < bound).then_some(Since::Not)
    }
}

/// Where nearly all of it comes from, and how the rest does.
fn source(demotion: &Move, week: Option<&WorkflowWeek>) -> Option<String> {
    let source = demotion.source.as_ref()?;
    let groups = week.map(|week| {
        if demotion.signal.as_deref() == Some("rejection_rate") { &week.rejections.groups } else { &week.disparities }
    });
    let own = groups.into_iter().flatten().find(|group| group.group == *source);
    let rest = own.map(|own| format!(" ({} of the week's others)", percent(own.ratio_of_others))).unwrap_or_default();
    Some(format!(" One source carries it, {source}{rest}: is it a fault of that source, or one act of somebody there?"))
}

/// What spoke against the workflow before the change, and since it was lowered.
pub(super) fn before_and_since(demotion: &Move) -> Option<String> {
    let things = if demotion.signal.as_deref() == Some("rejection_rate") { "verdicts" } else { "sampled outputs" };
    let share = |of: Counted| format!("{} of {} {things}", percent(of.share()), count(of.n));
    let before = demotion.before.map(|of| format!("before the change {}", share(of)));
    let since = demotion.since.map(|of| format!("since it was lowered {}", share(of)));
    let lately = demotion.lately.filter(|of| matches!(went_on(demotion), Some(Since::Over)) && of.n > 0);
    let lately = lately.map(|of| format!("of late {}", share(of)));
    let said: Vec<String> = before.into_iter().chain(since).chain(lately).collect();
    let bound = demotion.bound.map(|bound| format!(" (bound {})", percent(bound))).unwrap_or_default();
    (!said.is_empty()).then(|| format!("{}{bound}", said.join(", ")))
}

/// What several numbers of a report are views of: `latency_p50_ms` and `latency_p95_ms` are of `latency`.
pub(super) fn kind_of(name: &str) -> &str {
    if name == "sla_ratio" { "latency" } else { name.split('_').next().filter(|_| !name.contains('.')).unwrap_or(name) }
}
