//! The guards of a workflow: names, bounds, blocks, and the budget that they share.
//!
//! Owns what all guards have in common and what they must not have in common: a name, and more
//! than one budget. What a signal needs is `signal`'s, what a bound may be is `bound`'s.

use super::bound::{self, Scale};
use super::keys::SIGNALS;
use super::section::Section;
use super::values::{Read, count, describe, is_label_char, label, mode, number, word as one_of, wrong};
use super::{Files, baseline, once::Once, signal};
use crate::domain::policy::default_block;
use crate::domain::{DriftOf, GuardPolicy, Mode, PerMode, ScoreJudge, Signal};
use toml::de::DeValue;

/// What a share is taken for until it is learned: its default block is the longest, 50 outputs.
const NOT_YET_LEARNED: f64 = 0.02;

/// A guard whose share may still be open.
struct Draft<'t> {
    section: Section<'t>,
    statistical: bool,
    name: Option<String>,
    /// The declared share; `None` where it gets a part of the rest.
    share: Option<f64>,
    policy: Option<GuardPolicy>,
}

/// Reads all guards of a workflow.
pub(super) fn read_all(workflow: &Section<'_>, files: Files<'_>) -> Vec<GuardPolicy> {
    let sections = workflow.tables("guard", "workflow.guard");
    let drafts: Vec<Draft<'_>> = sections.into_iter().filter_map(|section| draft(section, files)).collect();
    check_names(&drafts);
    split_budget(drafts)
}

/// Reads one guard; `None` where its signal isn't known, because nothing else can be judged then.
fn draft<'t>(mut section: Section<'t>, files: Files<'_>) -> Option<Draft<'t>> {
    let word = section.read("signal", |value| one_of(value, &SIGNALS.map(|signal| (signal, signal))))?;
    section.check_keys(word);
    let statistical = !matches!(word, "silence" | "volume" | "limit" | "external");
    let name = section.read("name", label);
    let to = section.read("to", lower_mode);
    let share = section.read("share", share);
    let block = section.read("block", |value| count(value, 1..=10_000)).and_then(|block| u32::try_from(block).ok());
    let signal = signal::read(&section, word);
    let bounds = bounds(&section, word, signal.as_ref(), to.unwrap_or_default());
    let baseline =
        learns(&section, word, signal.as_ref()).then(|| baseline::read(&section, signal.as_ref(), files)).flatten();
    let name = name.or_else(|| signal.as_ref().filter(|_| !section.has("name")).map(default_name));
    let policy = signal.map(|signal| {
        let (bound, tightest) = bounds.unwrap_or_else(|| (PerMode::default(), 1.0));
        GuardPolicy {
            name: name.clone().unwrap_or_default(),
            bound,
            block: block.unwrap_or_else(|| default_block(&signal, tightest)),
            share: 0.0,
            signal,
            to,
            baseline,
        }
    });
    Some(Draft { section, statistical, name, share, policy })
}

/// Whether the guard may have a baseline.
fn learns(section: &Section<'_>, word: &str, signal: Option<&Signal>) -> bool {
    match word {
        "drift" | "exception_rate" | "latency" | "sla" | "rejection_rate" => true,
        "score" => !is_mean(section, signal),
        _ => false,
    }
}

/// Whether a score is judged by its mean, as far as can be told.
fn is_mean(section: &Section<'_>, signal: Option<&Signal>) -> bool {
    match signal {
        Some(signal) => matches!(signal, Signal::Score { judge: ScoreJudge::Mean { .. }, .. }),
        None => section.has("range"),
    }
}

/// What a guard tests in each mode, and the tightest of it as a share: a declared bound, which holds in
/// every mode above assist, or a tolerance beyond what it learns, or a ratio, which hold above `to` only.
fn bounds(section: &Section<'_>, word: &str, signal: Option<&Signal>, to: Mode) -> Option<(PerMode<Option<f64>>, f64)> {
    match word {
        // They have no number to bet on: they bind in every mode above assist.
        "silence" | "volume" | "limit" | "external" => return None,
        "drift" => return bound::distance(section, to).map(|bound| (bound, 1.0)),
        "disparity" => return bound::ratio(section, to).map(|bound| (bound, 1.0)),
        "score" if is_mean(section, signal) => no_baseline_for_means(section),
        "cost_per_unit" => {}
        word if is_learned(section, word) => {
            return bound::read(section, Scale::Tolerance, to).map(|bound| (bound, NOT_YET_LEARNED));
        }
        _ => {}
    }
    // The bound of a cost or a mean can't be judged without the cap or the range.
    let scale = match signal {
        Some(signal) => Some(Scale::of(signal)),
        None => (word != "cost_per_unit" && !section.has("range")).then_some(Scale::Share),
    };
    let Some(scale) = scale else { return section.read("bound", |_| Ok(())).and(None) };
    let bound = bound::read(section, scale, Mode::Assist)?;
    Some((bound, bound::tightest_share(&bound, scale).unwrap_or(1.0)))
}

/// Whether a guard on a share learns it; it must either do that or have a bound.
fn is_learned(section: &Section<'_>, word: &str) -> bool {
    match (section.has("bound"), section.has("baseline")) {
        (true, true) => section.problem(
            "baseline",
            "`baseline` and `bound` can't stand together: the share that is all right is either learned or declared",
            "keep `bound` if you know that share; or keep `baseline`, and say with `tolerance` how much more is all right",
        ),
        (false, false) => section.missing(
            &["bound", "baseline"],
            format!("this guard on {word} has neither `bound` nor `baseline`"),
            "add `bound = 0.05` with the share that is still all right, or `baseline = { outputs = 5000 }` to have it learned",
        ),
        (true, false) if section.has("tolerance") => section.problem(
            "tolerance",
            "`tolerance` has no meaning without `baseline`",
            "leave it out, and write in `bound` all that is still all right",
        ),
        _ => {}
    }
    !section.has("bound")
}

/// A mean has no share that could be learned.
fn no_baseline_for_means(section: &Section<'_>) {
    let of = section.text("of").unwrap_or("scores.brand_fit");
    let drift = format!("a further guard with `signal = \"drift\"` and `of = {of:?}` learns which scores are normal");
    for key in ["baseline", "tolerance"].into_iter().filter(|key| section.has(key)) {
        let help = format!("leave it out and write `bound`, the mean score to be kept; {drift}");
        section.problem(key, format!("`{key}` can't stand with `range`: a mean can't be learned"), help);
    }
    if !section.has("bound") && !section.has("baseline") {
        let help = "add `bound = 0.7` with the mean score that must be kept";
        section.missing(&["bound"], "this guard on score has no `bound`", help);
    }
}

fn lower_mode(value: &DeValue<'_>) -> Read<Mode> {
    match mode(value)? {
        Mode::Automate => {
            wrong("can't be \"automate\": a breach lowers the mode", "write a lower one, such as \"assist\"")
        }
        lower => Ok(lower),
    }
}

fn share(value: &DeValue<'_>) -> Read<f64> {
    match number(value)? {
        share if share > 0.0 && share <= 1.0 => Ok(share),
        _ => wrong(
            format!("must be greater than 0 and at most 1, not {}", describe(value)),
            "write the part of the workflow's budget that this guard may use, such as 0.25",
        ),
    }
}

/// The signal and what it is of, such as `score:brand_fit`.
fn default_name(signal: &Signal) -> String {
    let of = match signal {
        Signal::ExceptionRate { kind: Some(kind) } => format!(":{kind}"),
        Signal::Score { of, .. } => format!(":{of}"),
        Signal::Drift { of: DriftOf::Score(name) | DriftOf::Attribute(name) } => format!(":{name}"),
        Signal::Drift { of } => format!(":{}", of.name()),
        Signal::Disparity { attribute } => format!(":{attribute}"),
        Signal::SpendLimit { .. } => ":spend".into(),
        Signal::ExceptionLimit { kind: None, .. } => ":exceptions".into(),
        Signal::ExceptionLimit { kind: Some(kind), .. } => format!(":exceptions:{kind}"),
        Signal::External { of: Some(name) } => format!(":{name}"),
        _ => String::new(),
    };
    // Kinds and scores may hold characters that a label can't, and be longer.
    let name = format!("{}{of}", signal.name());
    name.chars().map(|c| if is_label_char(c) { c } else { '_' }).take(64).collect()
}

fn check_names(drafts: &[Draft<'_>]) {
    let mut names = Once::default();
    for draft in drafts {
        if let Some(name) = &draft.name {
            names.check(&draft.section, "name", name, "the guard", "give one of them another `name`");
        }
    }
}

/// Gives each guard its share: those that declare none get even parts of what the others leave over.
fn split_budget(drafts: Vec<Draft<'_>>) -> Vec<GuardPolicy> {
    // Tenths and thirds don't add up exactly in binary.
    const FULL: f64 = 1.0 + 1e-9;
    let mut sum = 0.0;
    for draft in &drafts {
        let rest: f64 = 1.0 - sum;
        sum += draft.share.unwrap_or_default();
        if rest >= 1.0 - FULL && sum > FULL {
            draft.section.problem(
                "share",
                format!("the shares of this workflow's guards add up to {} here, more than 1", rounded(sum)),
                format!("write at most {}, or lower the others", rounded(rest.max(0.0))),
            );
        }
    }
    let open = |draft: &Draft<'_>| draft.statistical && !draft.section.has("share");
    let part = (1.0 - sum) / drafts.iter().filter(|draft| open(draft)).map(|_| 1.0).sum::<f64>();
    if let Some(first) = drafts.iter().find(|draft| open(draft))
        && (1.0 - FULL..1e-6).contains(&(1.0 - sum))
    {
        let message = "the shares of the other guards leave nothing of the budget for this one";
        first.section.missing(&["share"], message, "lower theirs; their sum and this guard's share may be 1");
    }
    let with_share = |draft: Draft<'_>| {
        let share = if open(&draft) { part } else { draft.share.unwrap_or_default() };
        Some(GuardPolicy { share, ..draft.policy? })
    };
    drafts.into_iter().filter_map(with_share).collect()
}

/// At most six places, so that 0.30000000000000004 reads as 0.3.
fn rounded(number: f64) -> f64 {
    (number * 1e6).round() / 1e6
}
