//! The keys of a target of kind `email`: the server, how it is trusted, and the addresses of the mail.
//!
//! Owns their readers. The password stands in a file of its own. Must not open a connection.

use super::Files;
use super::address::is_public;
use super::endpoint::{check_file, required};
use super::notify::words;
use super::section::Section;
use super::values::{count, word};
use std::net::IpAddr;

/// A server that takes mail, and the addresses of the mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smtp {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way there is encrypted.
    pub tls: SmtpTls,
    /// Who logs in; `None`: nobody.
    pub username: Option<String>,
    /// The file of the password.
    pub password_file: Option<String>,
    /// Who the mail is from.
    pub from: String,
    /// Who it is to.
    pub to: Vec<String>,
}

/// How the way to a mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpTls {
    /// From the first byte on.
    Tls,
    /// After a greeting in plain text; a server that doesn't offer it is refused.
    StartTls,
    /// Not at all.
    None,
}

pub(super) fn read(section: &Section<'_>, files: Files<'_>, allow_private: bool) -> Option<Smtp> {
    const TLS: [(&str, SmtpTls); 3] = [("starttls", SmtpTls::StartTls), ("tls", SmtpTls::Tls), ("none", SmtpTls::None)];
    let host = required(section, "host", "of the mail server");
    if let Some(host) = &host {
        let strange = host.contains(|c: char| !(c.is_ascii_alphanumeric() || ".-:".contains(c)));
        if strange {
            section.problem(
                "host",
                "`host` must be the name or address of the mail server",
                "write it without scheme and port",
            );
        }
        let private = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| !is_public(ip));
        if private && !allow_private {
            let message = "`host` leads to this machine or a private network";
            section.problem("host", message, "declare `allow_private = true` if that is meant");
        }
    }
    let tls = section.read("tls", |value| word(value, &TLS)).unwrap_or(SmtpTls::StartTls);
    if tls == SmtpTls::None && !allow_private {
        let message = "`tls = \"none\"` sends mail that anybody on the way can read and change";
        section.problem(
            "tls",
            message,
            "use \"starttls\" or \"tls\"; \"none\" needs `allow_private = true`, for a server near by",
        );
    }
    let default_port = match tls {
        SmtpTls::Tls => 465,
        SmtpTls::StartTls => 587,
        SmtpTls::None => 25,
    };
    let port = section.read("port", |value| count(value, 1..=65_535)).and_then(|port| u16::try_from(port).ok());
    let username = section.read("username", |value| super::values::name(value, 200));
    let password_file = section.read("password_file", |value| super::values::name(value, 1_000));
    if username.is_some() != password_file.is_some() && section.has("username") != section.has("password_file") {
        let key = if section.has("username") { "username" } else { "password_file" };
        section.problem(key, "`username` and `password_file` belong together", "write both, or none");
    }
    if let Some(path) = &password_file {
        check_file(section, files, "password_file", path, |text| {
            let fine = !text.is_empty() && text.len() <= 1_000 && text.lines().count() == 1;
            if fine { Ok(()) } else { Err("must hold the password, on one line".to_owned()) }
        });
    }
    let from = required(section, "from", "that the mail is from");
    if from.as_deref().is_some_and(|from| mailbox(from).is_err()) {
        section.problem("from", "`from` must be a mail address", "write one such as \"andon@example.com\"");
    }
    if !section.has("to") {
        section.missing(&["to"], "this target has no `to`", "add `to = [\"on-call@example.com\"]`: who the mail is to");
    }
    let to = section.read("to", |value| words(value, mailbox))?;
    if to.is_empty() {
        section.problem("to", "`to` is empty: this mail would reach nobody", "add who it is to");
    }
    Some(Smtp { host: host?, port: port.unwrap_or(default_port), tls, username, password_file, from: from?, to })
}

/// A mail address, with or without a name.
fn mailbox(text: &str) -> Result<String, String> {
    let fine = text.parse::<lettre::message::Mailbox>().is_ok();
    if fine { Ok(text.to_owned()) } else { Err("must be a mail address such as on-call@example.com".to_owned()) }
}
