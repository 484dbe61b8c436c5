//! The body of a message for Slack and for what understands its incoming webhooks.
//!
//! Owns the form (`text` for whoever shows no blocks, blocks for the rest), its limits, and the escaping: `&`,
//! `<` and `>` have a meaning of their own there, so that nothing that people or workflows wrote can make a
//! link or call everybody. <https://docs.slack.dev/messaging/formatting-message-text>

use super::message::{Link, Message};
use crate::domain::refusal::cut;
use serde_json::{Value, json};

/// Longest text of a section, bytes; Slack takes 3,000 characters.
const SECTION_MAX: usize = 2_900;
/// Longest header, bytes; Slack takes 150 characters.
const HEADER_MAX: usize = 148;
/// Fields of a section; Slack takes 10.
const FIELDS_MAX: usize = 10;
/// Longest field, bytes; Slack takes 2,000 characters.
const FIELD_MAX: usize = 1_900;

/// The body.
pub fn body(message: &Message) -> Vec<u8> {
    let headline = format!("{}{}", message.label(), message.headline);
    let mut blocks = vec![
        json!({"type": "header", "text": {"type": "plain_text", "text": cut(&unaddressed(&headline), HEADER_MAX)}}),
    ];
    if headline.len() > HEADER_MAX || !message.reason.is_empty() {
        let rest = if headline.len() > HEADER_MAX { format!("{}\n", escaped(&headline)) } else { String::new() };
        blocks.push(section(&format!("{rest}{}", escaped(&message.reason))));
    }
    let fields = message.facts.iter().take(FIELDS_MAX).map(|fact| {
        let text = format!("*{}*\n{}", escaped(&fact.name), escaped(&fact.value));
        mrkdwn(cut(&text, FIELD_MAX).as_ref())
    });
    let fields: Vec<Value> = fields.collect();
    if !fields.is_empty() {
        blocks.push(json!({"type": "section", "fields": fields}));
    }
    if !message.to_do.is_empty() {
        let lines: Vec<String> = message.to_do.iter().map(|what| format!("• {}", escaped(what))).collect();
        blocks.push(section(&lines.join("\n")));
    }
    let links: Vec<String> = message.links.iter().map(link).collect();
    if !links.is_empty() {
        blocks.push(section(&links.join("  ·  ")));
    }
    let text: Vec<String> = [escaped(&headline), escaped(&message.reason), links.join("  ·  ")].into();
    let text = text.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
    serde_json::to_vec(&json!({"text": cut(&text, SECTION_MAX), "blocks": blocks})).unwrap_or_default()
}

fn section(text: &str) -> Value {
    json!({"type": "section", "text": mrkdwn(cut(text, SECTION_MAX).as_ref())})
}

/// `verbatim`: names of channels and people, and addresses, are left as they are.
fn mrkdwn(text: &str) -> Value {
    json!({"type": "mrkdwn", "text": text, "verbatim": true})
}

fn escaped(text: &str) -> String {
    unaddressed(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Others than Slack take `@all` in a text for a call: an invisible mark between the two prevents it. The `@` of a
/// mail address is no call.
fn unaddressed(text: &str) -> String {
    let mut before = None;
    let mut marked = String::with_capacity(text.len());
    for c in text.chars() {
        marked.push(c);
        if c == '@' && !before.is_some_and(char::is_alphanumeric) {
            marked.push('\u{200b}');
        }
        before = Some(c);
    }
    marked
}

fn link(link: &Link) -> String {
    // What would end the address within `<…|…>`.
    let url = link.url.replace('<', "%3C").replace('>', "%3E").replace('|', "%7C").replace(' ', "%20");
    format!("<{}|{}>", url.replace('&', "&amp;"), escaped(&link.title))
}
