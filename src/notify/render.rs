//! A message as plain text.
//!
//! Owns the order: what happened, why, the numbers, what to do, where to look.

use super::message::Message;
use std::fmt::Write as _;

/// The whole message, but for its first line.
pub(super) fn text(message: &Message) -> String {
    let mut text = String::new();
    if !message.reason.is_empty() {
        line(&mut text, &message.reason);
        line(&mut text, "");
    }
    let wide = message.facts.iter().map(|fact| fact.name.chars().count()).max().unwrap_or_default();
    for fact in &message.facts {
        line(&mut text, &format!("{:<wide$}  {}", fact.name, fact.value));
    }
    if !message.to_do.is_empty() {
        line(&mut text, "\nWhat to do:");
        message.to_do.iter().for_each(|what| line(&mut text, &format!("- {what}")));
    }
    if !message.links.is_empty() {
        line(&mut text, "");
        message.links.iter().for_each(|link| line(&mut text, &format!("{}: {}", link.title, link.url)));
    }
    text
}

fn line(text: &mut String, line: &str) {
    // A text in memory takes every line.
    let _ = writeln!(text, "{line}");
}
