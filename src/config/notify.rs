//! `[notifications]` and `[[notify]]`: who is told of what, and how patiently.
//!
//! Owns the keys' readers and what they may say together. What must stay secret stands in files of its own,
//! never here: this file is shown, compared and kept in repositories. Must not open a connection.

use super::Files;
use super::endpoint::{Source, check_file, check_url, required, secrets};
use super::problem::Kind;
use super::section::Section;
use super::smtp::{self, Smtp};
use super::values::{Read, bytes, count, duration_ms, flag, name, text, word, wrong};
use super::words::either;
use crate::domain::{NoticeKind, Pattern, Reach, Time};
use std::collections::BTreeSet;
use toml::de::DeValue;

/// Most targets.
pub const TARGETS_MAX: usize = 20;
/// Most entries of a list of a target.
const LIST_MAX: usize = 100;
/// Longest name of a target: it is a part of ids and a label of metrics.
const NAME_BYTES_MAX: usize = 32;

/// Who is told of what, and how patiently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifySettings {
    /// Where people and programs reach this andon; links begin with it. Without it there are none.
    pub public_url: Option<String>,
    /// How much and how patiently.
    pub limits: NotifyLimits,
    /// In the order of the file.
    pub targets: Vec<TargetSettings>,
}

/// How much is kept for a target, and how patiently it is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotifyLimits {
    /// Messages that wait for one target; what comes then waits in the ledger.
    pub outbox_max: u64,
    /// Messages of one target that could not be delivered and are kept to be looked at.
    pub dead_max: u64,
    /// After so many failed attempts a message is dead.
    pub attempts_max: u64,
    /// The pause after the first failure, milliseconds; it doubles with each further one …
    pub first_backoff_ms: i64,
    /// … up to this.
    pub max_backoff_ms: i64,
    /// A message that could not be delivered for this long is dead, milliseconds.
    pub give_up_after_ms: i64,
    /// An attempt that takes longer has failed, milliseconds.
    pub timeout_ms: i64,
    /// Largest body of a message.
    pub body_bytes_max: u64,
    /// A demotion waits for this long whether it is part of a storm, milliseconds.
    pub settle_ms: i64,
}

/// One target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetSettings {
    /// Its name, unique.
    pub name: String,
    /// What it is told of.
    pub events: BTreeSet<NoticeKind>,
    /// Workflows that it is told of.
    pub workflows: Reach,
    /// Only workflows of these owners; empty means all.
    pub owners: Vec<String>,
    /// Whether addresses of private networks and of this machine may be reached.
    pub allow_private: bool,
    /// Whether drills send it a test message.
    pub drill: bool,
    /// A file of certificates to trust instead of the public ones.
    pub ca_file: Option<String>,
    /// How it is told.
    pub channel: Channel,
}

/// How a target is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Channel {
    /// A signed CloudEvent.
    Webhook {
        /// Where to.
        url: Source,
        /// Whether that may be plain http.
        allow_http: bool,
        /// The file of the secret, or of two while they are changed.
        secret_file: String,
    },
    /// A message of the form that Slack, Mattermost and others take.
    Slack {
        /// Where to: a secret.
        url_file: String,
        /// Whether that may be plain http.
        allow_http: bool,
    },
    /// A plain-text mail.
    Email(Smtp),
}

impl Channel {
    /// The word used in TOML.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Webhook { .. } => "webhook",
            Self::Slack { .. } => "slack",
            Self::Email(_) => "email",
        }
    }
}

/// Reads both sections.
pub(super) fn read(root: &Section<'_>, files: Files<'_>) -> NotifySettings {
    let section = root.table("notifications", "notifications");
    let found = root.tables("notify", "notify");
    if found.len() > TARGETS_MAX {
        let message = format!("there are {} `[[notify]]`, more than {TARGETS_MAX}", found.len());
        root.problem("notify", message, "let a receiver of your own hand messages on to the others");
    }
    let mut targets: Vec<TargetSettings> = Vec::new();
    for one in &found {
        let Some(target) = target(one, files) else { continue };
        if targets.iter().any(|other| other.name == target.name) {
            one.problem("name", format!("`{}` is the name of two targets", target.name), "give each one its own");
        } else {
            targets.push(target);
        }
    }
    NotifySettings { public_url: section.read("public_url", public_url), limits: limits(&section), targets }
}

fn limits(section: &Section<'_>) -> NotifyLimits {
    let number = |key, range| section.read(key, |value| count(value, range)).unwrap_or_default();
    let time = |key, range| section.read(key, |value| duration_ms(value, range)).unwrap_or_default();
    let limits = NotifyLimits {
        outbox_max: number("outbox_max", 10..=1_000_000),
        dead_max: number("dead_max", 1..=1_000_000),
        attempts_max: number("attempts_max", 1..=1_000),
        first_backoff_ms: time("first_backoff", 100..=Time::HOUR),
        max_backoff_ms: time("max_backoff", 100..=Time::DAY),
        give_up_after_ms: time("give_up_after", Time::MINUTE..=30 * Time::DAY),
        timeout_ms: time("timeout", 100..=2 * Time::MINUTE),
        body_bytes_max: section.read("body_bytes_max", |value| bytes(value, 4_096..=1 << 20)).unwrap_or_default(),
        settle_ms: time("settle", 0..=10 * Time::MINUTE),
    };
    if limits.max_backoff_ms < limits.first_backoff_ms {
        let key = if section.has("max_backoff") { "max_backoff" } else { "first_backoff" };
        section.problem(key, "`max_backoff` is shorter than `first_backoff`", "let the pause grow, or make both equal");
    }
    limits
}

fn target(section: &Section<'_>, files: Files<'_>) -> Option<TargetSettings> {
    const KINDS: [(&str, u8); 3] = [("webhook", 0), ("slack", 1), ("email", 2)];
    let name = section.read("name", target_name);
    let kind = section.read("kind", |value| word(value, &KINDS));
    let allow_private = section.read("allow_private", flag).unwrap_or_default();
    let channel = kind.and_then(|kind| {
        check_keys(section, KINDS[usize::from(kind)].0);
        match kind {
            0 => webhook(section, files, allow_private),
            1 => slack(section, files, allow_private),
            _ => smtp::read(section, files, allow_private).map(Channel::Email),
        }
    });
    let events = section.read("events", |value| words(value, event)).unwrap_or_default();
    let workflows = section.read("workflows", |value| words(value, pattern)).unwrap_or_default();
    let owners = section.read("owners", |value| words(value, |text| Ok(text.to_owned()))).unwrap_or_default();
    for (key, is_empty) in [("events", events.is_empty()), ("workflows", workflows.is_empty())] {
        if is_empty && section.is_empty_list(key) {
            section.problem(
                key,
                format!("`{key}` is empty: this target would be told nothing"),
                "leave it out for all",
            );
        }
    }
    let drill = section.read("drill", flag).unwrap_or_default();
    let ca_file = section.read("ca_file", |value| self::name(value, 1_000));
    if let Some(path) = &ca_file {
        check_file(section, files, "ca_file", path, |text| {
            if text.contains("BEGIN CERTIFICATE") { Ok(()) } else { Err("holds no certificate in PEM".to_owned()) }
        });
    }
    Some(TargetSettings {
        name: name?,
        events: events.into_iter().collect(),
        workflows: workflows.into_iter().collect(),
        owners,
        allow_private,
        drill,
        ca_file,
        channel: channel?,
    })
}

/// Keys that belong to targets of another kind.
fn check_keys(section: &Section<'_>, kind: &str) {
    const OF: [(&str, &[&str]); 4] = [
        ("webhook", &["url", "secret_file"]),
        ("slack", &[]),
        ("webhook and slack", &["url_file", "allow_http"]),
        ("email", &["host", "port", "tls", "username", "password_file", "from", "to"]),
    ];
    for (kinds, keys) in OF.iter().filter(|(kinds, _)| !kinds.contains(kind)) {
        for key in keys.iter().filter(|key| section.has(key)) {
            let help = if *key == "url" {
                "write it into a file that only andon can read, and name that in `url_file`: whoever has it can post"
                    .to_owned()
            } else {
                "leave it out".to_owned()
            };
            // The table's head, not the value: that may be a secret, and this text goes to logs.
            let message = format!("`{key}` belongs to targets of kind {kinds}, and this one is of kind {kind}");
            section.sink().push(Kind::Wrong, section.span("kind"), message, help);
        }
    }
}

fn webhook(section: &Section<'_>, files: Files<'_>, allow_private: bool) -> Option<Channel> {
    let allow_http = section.read("allow_http", flag).unwrap_or_default();
    let check = |text: &str| check_url(text, allow_http, allow_private);
    let inline = section.read("url", text);
    let file = section.read("url_file", |value| name(value, 1_000));
    let url = match (inline, file) {
        (Some(url), None) => {
            if let Err(why) = check(&url) {
                let help = "write an address such as \"https://hooks.example.com/andon\"";
                section.sink().push(Kind::Wrong, section.span("kind"), format!("`url` {why}"), help);
            }
            Some(Source::Inline(url))
        }
        (None, Some(path)) => {
            check_file(section, files, "url_file", &path, check);
            Some(Source::File(path))
        }
        (inline, _) => {
            let what = if inline.is_some() { "both `url` and `url_file`" } else { "neither `url` nor `url_file`" };
            let help = "write `url`, or `url_file` where the address itself is a secret";
            section.missing(&["url", "url_file"], format!("this target has {what}"), help);
            None
        }
    };
    let secret_file = required(section, "secret_file", "of the secret that messages are signed with");
    if let Some(path) = &secret_file {
        check_file(section, files, "secret_file", path, |text| secrets(text).map(drop));
    }
    Some(Channel::Webhook { url: url?, allow_http, secret_file: secret_file? })
}

fn slack(section: &Section<'_>, files: Files<'_>, allow_private: bool) -> Option<Channel> {
    let allow_http = section.read("allow_http", flag).unwrap_or_default();
    let url_file = required(section, "url_file", "that holds the address: whoever has that can post");
    if let Some(path) = &url_file {
        check_file(section, files, "url_file", path, |text| check_url(text, allow_http, allow_private));
    }
    Some(Channel::Slack { url_file: url_file?, allow_http })
}

fn public_url(value: &DeValue<'_>) -> Read<String> {
    let url = name(value, 1_000)?;
    let url = url.trim_end_matches('/');
    let plain = !url.contains(|c: char| c.is_whitespace() || "<>\"'`|?#@".contains(c));
    match check_url(url, true, true) {
        Ok(()) if plain => Ok(url.to_owned()),
        _ => wrong("must be where this andon is reached", "write an address such as \"https://andon.example.com\""),
    }
}

fn target_name(value: &DeValue<'_>) -> Read<String> {
    let name = text(value)?;
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if (1..=NAME_BYTES_MAX).contains(&name.len()) && name.chars().all(fine) {
        return Ok(name);
    }
    wrong(
        format!("must have 1 to {NAME_BYTES_MAX} lower-case letters, digits, `_` and `-`"),
        "write a short name such as \"on-call\"",
    )
}

/// A list of texts, each read by `one`; twice the same is one.
pub(super) fn words<T: PartialEq>(value: &DeValue<'_>, one: impl Fn(&str) -> Result<T, String>) -> Read<Vec<T>> {
    let DeValue::Array(entries) = value else { return wrong("must be a list", "put the value in brackets: […]") };
    if entries.len() > LIST_MAX {
        return wrong(format!("has more than {LIST_MAX} entries"), "shorten the list");
    }
    let mut found = Vec::new();
    for entry in entries.iter() {
        let entry = one(&text(entry.get_ref())?);
        let entry = entry.or_else(|rule| wrong(format!("has a wrong entry: it {rule}"), "mend or remove it"))?;
        if !found.contains(&entry) {
            found.push(entry);
        }
    }
    Ok(found)
}

fn event(text: &str) -> Result<NoticeKind, String> {
    let found = NoticeKind::ALL.into_iter().find(|kind| kind.name() == text);
    found.ok_or_else(|| format!("must be {}", either(&NoticeKind::ALL.map(NoticeKind::name))))
}

fn pattern(text: &str) -> Result<Pattern, String> {
    text.parse()
}
