//! What speaks for or against a demotion, beside the guard that did it.
//!
//! Owns the recommendation to whoever judges it, and why. It decides nothing, and a guard's own numbers are no witness.

use super::aftermath::kind;
use super::alike::looks_at;
use super::burst::WITHIN_MS;
use super::document::{Counted, Move};
use super::document_week::WorkflowWeek;
use super::measure::{Measure, apart, interval};
use super::shift::Shift;
use super::words::{count, many, percent, span};
use crate::stats::number::number;

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
        (Some(Since::Less), _) => {
            "Right: it went on at first, and is clearly less of late. What ended it, being lowered or something else?"
                .to_owned()
        }
        (Some(Since::Over), _) => {
            "Right, and over by now: it went on at first. What ended it, being lowered or something else?".to_owned()
        }
        (Some(Since::Not), _) => "Open: it did not go on. What stopped it, being lowered or something else?".to_owned(),
        (Some(Since::Still), _) if is_of_another_kind(demotion) => {
            format!("Right, and it fails since mostly in another way: two causes? {find}")
        }
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
    let before = match (was_above_before(demotion), went_on(demotion)) {
        (true, _) => " It was above its bound before the change, too: is the bound right?",
        (_, Some(Since::Still)) if demotion.is_from_first => {
            " It is above its bound since its first outputs: is the bound right?"
        }
        _ => "",
    };
    format!("{said}{before}{}", source.unwrap_or_default())
}

/// Whether what fails since is mostly of other kinds than what the mode was lowered for.
fn is_of_another_kind(demotion: &Move) -> bool {
    demotion.kind_since.is_some_and(|failed| 2 * failed.hits < failed.n)
}

/// What came since a demotion.
enum Since {
    /// The bound is broken still.
    Still,
    /// It was, and is kept to by now.
    Over,
    /// It was, and whether it is kept to by now can't be told, but it is clearly less.
    Less,
    /// It is kept to.
    Not,
}

/// Fewer since a demotion say nothing of whether it went on.
const SINCE_MIN: u64 = 5;

/// Whether what came since the demotion breaks the bound, all of it and its second half; `None` where that can't be told.
fn went_on(demotion: &Move) -> Option<Since> {
    let bound = demotion.bound?;
    let ends = |of: Option<Counted>| of.filter(|of| of.n >= SINCE_MIN).map(|of| interval(of.share(), of.n));
    let ([low, high], [low_lately, high_lately]) = (ends(demotion.since)?, ends(demotion.lately)?);
    if low > bound && high_lately < bound {
        Some(Since::Over)
    } else if low > bound && low_lately > bound {
        Some(Since::Still)
    } else if low > bound {
        let is_less = |lately: Counted, since: Counted| {
            lately.share() < since.share() && apart((lately.share(), lately.n), (since.share(), since.n))
        };
        demotion.lately.zip(demotion.since).filter(|(lately, since)| is_less(*lately, *since)).map(|_| Since::Less)
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
    let keeps =
        |of: Option<Counted>| of.zip(demotion.bound).is_some_and(|(of, bound)| interval(of.share(), of.n)[1] < bound);
    let counts = demotion.source_counts;
    let (own_since, others) = (counts.and_then(|of| of.own_since), counts.and_then(|of| of.others_since));
    let rest = match (keeps(own_since), keeps(others), own) {
        (true, true, _) => ", and since it was lowered both it and the others keep to the bound".to_owned(),
        (true, false, _) => ", which keeps to the bound since it was lowered".to_owned(),
        (false, true, _) => ", and since it was lowered the others keep to the bound".to_owned(),
        (false, false, Some(own)) => format!(" (the week's others: {})", percent(own.ratio_of_others)),
        (false, false, None) => String::new(),
    };
    let act = match demotion.signal.as_deref() {
        Some("rejection_rate") if at_once(demotion).is_some() => "one act of somebody",
        Some("rejection_rate") => "how somebody judges",
        _ => "something that somebody changed",
    };
    Some(format!(" One source carries it, {source}{rest}: is it a fault of that source, or {act} there?"))
}

/// How long the rejections of a source took, milliseconds, where they came so close together that they may be one act of
/// somebody. Outputs come as fast as they come: that says nothing of exceptions.
fn at_once(demotion: &Move) -> Option<i64> {
    const REJECTIONS_MIN: u64 = 5;
    let is_rejected = demotion.signal.as_deref() == Some("rejection_rate");
    let counts = demotion.source_counts.filter(|counts| is_rejected && counts.own.hits >= REJECTIONS_MIN)?;
    let [first, last] = counts.between;
    Some(last.since(first)).filter(|took| *took <= WITHIN_MS)
}

/// What carried it, with how its source did until the mode was lowered and the others since.
pub(super) fn carried_by(demotion: &Move) -> Vec<String> {
    if demotion.carriers.is_empty() {
        return Vec::new();
    }
    let mut said = vec![format!("carried by {}", demotion.carriers.join(", "))];
    let Some((counts, source)) = demotion.source_counts.zip(demotion.source.as_ref()) else { return said };
    let failed = failed(demotion);
    let within = at_once(demotion).map(|took| format!(", these within {}", span(took)));
    said.push(format!(
        "from the change until it was lowered {} of {} {} of {source} {failed}{}, and {} of {} in all",
        count(counts.own.hits),
        count(counts.own.n),
        things(demotion, counts.own.n),
        within.unwrap_or_default(),
        count(counts.all.hits),
        count(counts.all.n)
    ));
    let since = [(counts.own_since, source.as_str()), (counts.others_since, "all others")];
    let since = since.into_iter().filter_map(|(of, whose)| {
        let of = of?;
        Some(format!("{} of {} {} of {whose}", percent(of.share()), count(of.n), things(demotion, of.n)))
    });
    let since: Vec<String> = since.collect();
    if !since.is_empty() {
        said.push(format!("since it was lowered {} {failed}", since.join(", ")));
    }
    said
}

fn things(demotion: &Move, n: u64) -> &'static str {
    match (demotion.signal.as_deref(), n) {
        (Some("rejection_rate"), 1) => "verdict",
        (Some("rejection_rate"), _) => "verdicts",
        (_, 1) if demotion.is_sampled => "sampled output",
        (_, 1) => "output",
        _ if demotion.is_sampled => "sampled outputs",
        _ => "outputs",
    }
}

fn failed(demotion: &Move) -> &'static str {
    match demotion.signal.as_deref() {
        Some("rejection_rate") => "rejected",
        Some("exception_rate") => "failed",
        _ => "were too slow",
    }
}

/// What spoke against the workflow before the change, and since it was lowered.
pub(super) fn before_and_since(demotion: &Move) -> Option<String> {
    let share = |of: Counted| format!("{} of {} {}", percent(of.share()), count(of.n), things(demotion, of.n));
    let before = demotion.before.map(|of| format!("before the change {}", share(of)));
    let made = if demotion.since_older.is_some() { " on outputs made since" } else { "" };
    let since = demotion.since.map(|of| format!("since it was lowered {}{made}", share(of)));
    let older = demotion.since_older.map(|of| {
        let begin = if demotion.since.is_some() { "" } else { "since it was lowered " };
        format!("{begin}{} of {} on outputs of before", percent(of.share()), count(of.n))
    });
    let is_other =
        |of: &Counted| demotion.since.is_some_and(|since| apart((of.share(), of.n), (since.share(), since.n)));
    let lately =
        demotion.lately.filter(|of| of.n > 0 && (is_other(of) || matches!(went_on(demotion), Some(Since::Over))));
    let lately = lately.map(|of| format!("of late {}", share(of)));
    let said: Vec<String> = before.into_iter().chain(since).chain(lately).chain(older).collect();
    let bound = demotion.bound.map(|bound| format!(" (bound {})", percent(bound))).unwrap_or_default();
    let of_kind = demotion.kind_since.zip(kind(demotion)).filter(|(failed, _)| failed.hits < failed.n);
    let of_kind = of_kind.map(|(failed, kind)| {
        format!("; of the {} that failed since, {} by {kind}", count(failed.n), count(failed.hits))
    });
    (!said.is_empty()).then(|| format!("{}{bound}{}", said.join(", "), of_kind.unwrap_or_default()))
}

/// Whether the bound was broken before the change, too: then the change says less than the bound does.
fn was_above_before(demotion: &Move) -> bool {
    demotion.before.zip(demotion.bound).is_some_and(|(of, bound)| interval(of.share(), of.n)[0] > bound)
}

/// How much there was of what should not be, beyond the bound, since the demotion: the size of its question.
///
/// Where these are a sample, as much of all `outputs` of the week.
pub(super) fn weight(demotion: &Move, outputs: Option<f64>) -> f64 {
    let n = |of: Counted| outputs.filter(|_| demotion.is_sampled).unwrap_or_else(|| number(of.n));
    let beyond = |of: Counted, bound: f64| (of.share() - bound).max(0.0) * n(of);
    demotion.since.zip(demotion.bound).map_or(0.0, |(of, bound)| beyond(of, bound))
}

/// What several numbers of a report are views of: `latency_p50_ms` and `latency_p95_ms` are of `latency`.
pub(super) fn kind_of(name: &str) -> &str {
    if name == "sla_ratio" { "latency" } else { name.split('_').next().filter(|_| !name.contains('.')).unwrap_or(name) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn demotion(more: &Value) -> Move {
        let mut of = json!({
            "time": "2026-11-20T10:00:00Z", "workflow": "wf", "from": "automate", "to": "assist", "epoch": 2,
            "cause": "breach", "by": "andon", "guard": "exception_rate", "signal": "exception_rate", "reason": "",
            "changed_at": null, "carriers": [], "outputs": [], "judged": null, "ledger_seq": 1, "bound": 0.05,
        });
        of.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(of).unwrap()
    }

    #[test]
    fn a_bound_that_was_broken_before_is_said_to_have_been() {
        let said = |hits: u64, n: u64| {
            let of = json!({"before": {"hits": hits, "n": n}, "since": {"hits": 60, "n": 64}, "lately": {"hits": 30, "n": 32}});
            speaks(&demotion(&of), None, &[], &[], false)
        };
        // Wilson's interval of 3 of 16 begins at 6.6 %, that of 2 of 16 at 3.5 %.
        assert!(said(3, 16).ends_with("It was above its bound before the change, too: is the bound right?"));
        assert_eq!(said(2, 16), "Right: it went on since. Find the cause before anybody asks for automate again.");
    }

    #[test]
    fn what_is_less_of_late_is_said_to_be_where_nobody_knows_whether_it_is_over() {
        let said = |lately: u64| {
            let of = json!({"bound": 0.02, "before": {"hits": 4, "n": 500}, "since": {"hits": 149, "n": 483},
                "lately": {"hits": lately, "n": 242}});
            speaks(&demotion(&of), None, &[], &[], false)
        };
        // Wilson's interval of 1 of 242 ends at 2.3 %, that of none at 1.6 %.
        assert!(said(1).starts_with("Right: it went on at first, and is clearly less of late."), "{}", said(1));
        assert!(said(0).starts_with("Right, and over by now"), "{}", said(0));
        assert!(said(70).starts_with("Right: it went on since."), "{}", said(70));
    }

    #[test]
    fn what_was_never_within_its_bound_and_what_fails_in_another_way_are_said() {
        let said = |more: &Value| {
            let mut of = json!({"since": {"hits": 60, "n": 64}, "lately": {"hits": 30, "n": 32}});
            of.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let of = demotion(&of);
            (speaks(&of, None, &[], &[], false), before_and_since(&of).unwrap())
        };
        let (never, _) = said(&json!({"is_from_first": true}));
        assert!(!said(&json!({})).0.contains("first outputs"), "it may have been there for long");
        assert!(never.ends_with("It is above its bound since its first outputs: is the bound right?"), "{never}");
        let of_kind = |hits: u64| {
            said(&json!({"before": {"hits": 0, "n": 50}, "carriers": ["exception = timeout (100 % of the excess)"],
                "kind_since": {"hits": hits, "n": 60}}))
        };
        let (recommended, evidence) = of_kind(8);
        assert!(
            recommended.starts_with("Right, and it fails since mostly in another way: two causes?"),
            "{recommended}"
        );
        assert!(evidence.ends_with("(bound 5.0 %); of the 60 that failed since, 8 by timeout"), "{evidence}");
        let (recommended, evidence) = of_kind(60);
        assert!(recommended.starts_with("Right: it went on since.") && !evidence.contains("timeout"), "{evidence}");
    }

    #[test]
    fn five_rejections_of_one_source_within_five_minutes_may_be_one_act() {
        let said = |signal: &str, hits: u64, until: &str| {
            let counts = json!({"own": {"hits": hits, "n": hits}, "all": {"hits": hits, "n": 9},
                "between": ["2026-11-20T09:55:00Z", until], "own_since": null, "others_since": null});
            let more = json!({"signal": signal, "source": "repository = a", "source_counts": counts});
            speaks(&demotion(&more), None, &[], &[], false).rsplit_once(", or ").unwrap().1.to_owned()
        };
        let soon = "2026-11-20T10:00:00Z";
        assert_eq!(said("rejection_rate", 5, soon), "one act of somebody there?");
        assert_eq!(said("rejection_rate", 4, soon), "how somebody judges there?");
        assert_eq!(said("rejection_rate", 5, "2026-11-20T10:00:01Z"), "how somebody judges there?");
        assert_eq!(said("exception_rate", 5, soon), "something that somebody changed there?");
    }
}
