//! Entries of the ledger as lines that people read.
//!
//! Owns the words for each kind of entry, and how much it matters. The entry itself stays what the ledger says.

use super::words::minute;
use crate::domain::{Ask, Choice, Decision, Ending, Entry, What};
use crate::http::governance::about;
pub(super) use crate::report::words::many;

/// A line of a timeline.
pub(super) struct Line {
    /// What happened, in a few words.
    pub(super) title: String,
    /// The rest, in a sentence.
    pub(super) text: String,
    /// `bad`, `good`, `open` or nothing.
    pub(super) tone: &'static str,
}

fn line(tone: &'static str, title: impl Into<String>, text: impl Into<String>) -> Line {
    Line { title: title.into(), text: text.into(), tone }
}

/// What an entry says.
pub(super) fn told(entry: &Entry) -> Line {
    modes(&entry.what)
        .or_else(|| incidents(&entry.what))
        .or_else(|| requests(&entry.what))
        .or_else(|| council(&entry.what))
        .unwrap_or_else(|| other(entry))
}

fn modes(what: &What) -> Option<Line> {
    Some(match what {
        What::ModeChanged { from, to, reason, cause, .. } => {
            let tone = if to < from { "bad" } else { "good" };
            line(tone, format!("{from} → {to}"), format!("{}: {reason}", cause.name().replace('_', " ")))
        }
        What::Adopted { mode, source, .. } => line("", format!("adopted in {mode}"), source.clone()),
        What::Renamed { from } => line("", "renamed", format!("it was {from}")),
        What::Removed {} => line("", "left the policy", "its mode and history are kept"),
        What::Restored { mode } => line("", "back in the policy", format!("in {mode}, as it was")),
        What::Capped { mode: Some(mode), cap, reason } => {
            line("open", format!("capped at {mode} by {cap}"), reason.clone())
        }
        What::Capped { mode: None, cap, reason } => line("good", format!("no longer capped by {cap}"), reason.clone()),
        What::BreachNoted { breach } => line(
            "open",
            format!("{} breached", breach.guard),
            "the mode did not change: it is in the lab, or at the lowest",
        ),
        What::Held { reason } => line("open", "held", reason.clone()),
        What::Released { reason } => line("good", "released", reason.clone()),
        What::Stopped { reason } => line("bad", "everything stopped", reason.clone()),
        What::Graduated { request, approvers, .. } => {
            line("good", "left the lab", format!("{request}, approved by {}", approvers.join(", ")))
        }
        _ => return None,
    })
}

fn incidents(what: &What) -> Option<Line> {
    Some(match what {
        What::IncidentOpened { incident, severity, summary, .. } => {
            line("bad", format!("incident {incident} opened ({})", severity.name()), summary.clone())
        }
        What::IncidentJoined { incident, joined, summary } => {
            line("open", format!("{joined} joined incident {incident}"), summary.clone())
        }
        What::IncidentAcknowledged { incident, note } => {
            line("", format!("somebody looks at {incident}"), note.clone())
        }
        What::IncidentResolved { incident, note } => {
            line("good", format!("incident {incident} resolved"), note.clone())
        }
        What::Alert { alert, .. } => line("open", "alert from outside", alert.name.clone()),
        _ => return None,
    })
}

fn requests(what: &What) -> Option<Line> {
    Some(match what {
        What::Requested { request, ask, reason, .. } => {
            line("", format!("asked for: {}", asked(ask)), format!("{request}: {reason}"))
        }
        What::Voted { request, decision, note, .. } => {
            let said = match decision {
                Decision::Approve => "approved",
                Decision::Reject => "rejected",
                Decision::Withdraw => "taken back",
            };
            line("", format!("{request} {said}"), note.clone())
        }
        What::Decided { request, status, because } => {
            line("", format!("{request} was {}", status.name()), because.clone())
        }
        What::Denied { act, detail, .. } => line("open", format!("{act} denied"), detail.clone()),
        What::Answered { item, ready, note } => {
            line("", format!("{item}: {}", if *ready { "ready" } else { "not ready" }), note.clone())
        }
        What::Audited { item, passed, note, .. } => {
            let (tone, how) = if *passed { ("good", "passed") } else { ("bad", "did not pass") };
            line(tone, format!("the audit of {item} {how}"), note.clone())
        }
        _ => return None,
    })
}

fn council(what: &What) -> Option<Line> {
    Some(match what {
        What::Council { week, question, decided, note, did } => {
            let came = did.as_ref().map(|did| format!(", {did}")).unwrap_or_default();
            let text = [question.sentence(), note.clone(), format!("(report of {week}{came})")];
            line("", format!("the council: {}", chosen(decided)), spaced(&text))
        }
        What::Judged { epoch, judgement, before, note } => {
            let before = before.map(|before| format!("(before: {})", before.name())).unwrap_or_default();
            let title = format!("the demotion of epoch {epoch} was judged {}", judgement.name());
            line("", title, spaced(&[note.clone(), before]))
        }
        What::Assigned { action, task, owner, due, .. } => {
            line("", format!("{action}: {owner} is named"), format!("to {task} until {} UTC", minute(*due)))
        }
        What::Finished { action, ending, note, task, owner, .. } => {
            let (tone, how) = match ending {
                Ending::Done => ("good", "is done"),
                Ending::Dropped => ("", "was dropped"),
            };
            let note = if note.is_empty() { String::new() } else { format!("({note})") };
            line(tone, format!("{action} {how}"), spaced(&[format!("{owner} was to {task}"), note]))
        }
        _ => return None,
    })
}

/// What the council chose. Whether it still holds is the report's to say: this is the moment.
fn chosen(decided: &Choice) -> String {
    match decided {
        Choice::JudgeRight => "it was right".to_owned(),
        Choice::JudgeFalse => "it was false".to_owned(),
        Choice::AcceptBaseline => "accept the new baseline".to_owned(),
        Choice::OpenGate { funding: None } => "ask for the promotion".to_owned(),
        Choice::OpenGate { funding: Some(funding) } => format!("ask for the promotion, which funds {funding}"),
        Choice::KeepDown => "keep it down".to_owned(),
        Choice::Assign { task, owner, due } => format!("{owner} is to {task} until {} UTC", minute(*due)),
        Choice::Nothing => "nothing this week".to_owned(),
    }
}

/// Sentences behind one another, without the empty ones.
fn spaced(sentences: &[String]) -> String {
    let there: Vec<&str> = sentences.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
    there.join(" ")
}

/// What was asked for; a policy says what it loosens by itself.
fn asked(ask: &Ask) -> String {
    let text = about(ask);
    if text.chars().count() > 120 { format!("{}…", text.chars().take(119).collect::<String>()) } else { text }
}

/// What is for whoever knows the words of the ledger: its kind, and its own fields.
fn other(entry: &Entry) -> Line {
    let Ok(serde_json::Value::Object(mut fields)) = serde_json::to_value(&entry.what) else {
        return line("", "an entry", "");
    };
    let kind =
        fields.remove("kind").and_then(|kind| kind.as_str().map(|kind| kind.replace('_', " "))).unwrap_or_default();
    let plain = fields.iter().filter_map(|(name, value)| {
        let text = match value {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Number(number) => number.to_string(),
            serde_json::Value::Bool(flag) => flag.to_string(),
            _ => return None,
        };
        (!text.is_empty()).then(|| format!("{} {text}", name.replace('_', " ")))
    });
    line("", kind, plain.collect::<Vec<_>>().join(", "))
}
