//! The guards of a workflow: names, bounds, blocks, and the budget that they share.
//!
//! Owns what all guards have in common and what they must not have in common: a name, and more
//! than one budget. What a signal needs is `signal`'s, what a bound may be is `bound`'s.

use super::bound::{self, Scale};
use super::keys::{SIGNALS, SIGNALS_LATER};
use super::section::Section;
use super::values::{Read, count, describe, is_label_char, label, mode, number, wrong};
use super::{once::Once, signal};
use crate::domain::policy::default_block;
use crate::domain::{GuardPolicy, Mode, Signal};
use toml::de::DeValue;

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
pub(super) fn read_all(workflow: &Section<'_>) -> Vec<GuardPolicy> {
    let sections = workflow.tables("guard", "workflow.guard");
    let drafts: Vec<Draft<'_>> = sections.into_iter().filter_map(draft).collect();
    check_names(&drafts);
    split_budget(drafts)
}

/// Reads one guard; `None` where its signal isn't known, because nothing else can be judged then.
fn draft(mut section: Section<'_>) -> Option<Draft<'_>> {
    let word = section.read("signal", signal_word)?;
    section.check_keys(word);
    let statistical = !matches!(word, "silence" | "limit");
    let name = section.read("name", label);
    let to = section.read("to", lower_mode);
    let share = section.read("share", share);
    let block = section.read("block", |value| count(value, 1..=10_000)).and_then(|block| u32::try_from(block).ok());
    let signal = signal::read(&section, word);
    // The bound of a cost or a mean can't be judged without the cap or the range.
    let scale = match &signal {
        Some(signal) => Some(Scale::of(signal)),
        None => (word != "cost_per_unit" && !section.has("range")).then_some(Scale::Share),
    };
    // Silences and limits have no number to bet on: they bind in every mode above assist.
    let bound = match scale {
        _ if !statistical => None,
        Some(scale) => bound::read(&section, scale).map(|bound| (bound, scale)),
        None => section.read("bound", |_| Ok(())).and(None),
    };
    let name = name.or_else(|| signal.as_ref().filter(|_| !section.has("name")).map(default_name));
    let policy = signal.map(|signal| {
        let tightest = bound.as_ref().and_then(|(bound, scale)| bound::tightest_share(bound, *scale));
        GuardPolicy {
            name: name.clone().unwrap_or_default(),
            bound: bound.map(|(bound, _)| bound).unwrap_or_default(),
            block: block.unwrap_or_else(|| default_block(&signal, tightest.unwrap_or(1.0))),
            share: 0.0,
            signal,
            to,
            baseline: None,
        }
    });
    Some(Draft { section, statistical, name, share, policy })
}

fn signal_word(value: &DeValue<'_>) -> Read<&'static str> {
    match SIGNALS_LATER.into_iter().find(|later| value.as_str() == Some(later)) {
        Some(later) => wrong(
            format!("can't be \"{later}\" yet: this guard comes with a later version"),
            "remove the guard, or turn it into comments until then",
        ),
        None => super::values::word(value, &SIGNALS.map(|signal| (signal, signal))),
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
        Signal::SpendLimit { .. } => ":spend".into(),
        Signal::ExceptionLimit { kind: None, .. } => ":exceptions".into(),
        Signal::ExceptionLimit { kind: Some(kind), .. } => format!(":exceptions:{kind}"),
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
