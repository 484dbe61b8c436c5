//! Mail: a plain text, its headers, who of its recipients has it, and what a server's answers mean.
//!
//! Owns what makes a repeat recognisable (the same `Message-ID`) and mail of one incident belong together
//! (`References`), and that programs don't answer it (RFC 3834). The words are `render`'s, the conversation is `smtp`'s.

use super::message::{Message, plain};
use super::post::{Outcome, Way};
use super::render;
use super::smtp::{Conversation, Ended, Fault};
use crate::clock::Deadline;
use crate::config::{Smtp, SmtpTls};
use crate::domain::Time;
use lettre::Address;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message as Mail};
use lettre::transport::smtp::authentication::Credentials;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime};
use xxhash_rust::xxh3::xxh3_64;

/// Longest subject, bytes.
const SUBJECT_MAX: usize = 200;
/// Answers to a recipient or to a mail that are about those, and not about the server: it would say so again.
const NEVER: [u16; 5] = [550, 551, 552, 553, 554];
/// The one of them that older servers give where a mailbox is full, or a mail has too many recipients.
const FULL: u16 = 552;

/// The text of a mail.
pub fn text(message: &Message) -> String {
    format!("{}\n\n{}\n-- \nandon: {}, {}\n", message.headline, render::text(message), message.r#type, message.id)
}

/// The subject.
fn subject(message: &Message) -> String {
    plain(&format!("[andon] {}{}", message.label(), message.headline), SUBJECT_MAX)
}

/// The mail as it is sent, dated `now`.
pub(super) fn mail(way: &Way, smtp: &Smtp, message: &Message, now: Time) -> Result<Mail, String> {
    let from: Mailbox = smtp.from.parse().map_err(|_| "`from` is no mail address".to_owned())?;
    let domain = from.email.domain().to_owned();
    // Two daemons with one sender have ledgers of other names.
    let of = xxh3_64(way.source.as_bytes());
    let id = |text: &str| {
        format!("<{}.{}.{of:016x}@{domain}>", text.replace(|c: char| !c.is_ascii_alphanumeric(), "-"), way.name)
    };
    let sent_at = SystemTime::UNIX_EPOCH + Duration::from_millis(now.0.max(0).unsigned_abs());
    let mut mail = Mail::builder()
        .message_id(Some(id(&message.id)))
        .date(sent_at)
        .subject(subject(message))
        .header(ContentType::TEXT_PLAIN)
        .from(from);
    for to in &smtp.to {
        mail = mail.to(to.parse().map_err(|_| "`to` holds no mail address".to_owned())?);
    }
    if let Some(incident) = &message.incident {
        mail = mail.references(id(&format!("incident-{incident}")));
    }
    for (name, value) in [("Auto-Submitted", "auto-generated"), ("X-Andon-Id", message.id.as_str())] {
        let name = HeaderName::new_from_ascii(name.to_owned()).map_err(|error| error.to_string())?;
        mail = mail.raw_header(HeaderValue::new(name, value.to_owned()));
    }
    mail.body(text(message)).map_err(|_| "the mail can't be put together".to_owned())
}

/// Who has the present message already, so that a repeat goes only to the others. A restart forgets it; they then see a
/// repeat with the same `Message-ID`.
#[derive(Debug, Default)]
pub(super) struct Taken {
    id: String,
    by: BTreeSet<String>,
}

/// Sends a mail to everybody who hasn't got it.
pub(super) fn send(way: &Way, smtp: &Smtp, message: &Message, now: Time) -> Outcome {
    let deadline = Deadline::after(way.timeout);
    let mail = match mail(way, smtp, message, now) {
        Ok(mail) => mail,
        Err(error) => return Outcome::Refused(error),
    };
    let (tls, login) = match encryption(way, smtp).and_then(|tls| Ok((tls, login(way, smtp)?))) {
        Ok(ready) => ready,
        Err(error) => return Outcome::failed(error),
    };
    let mut taken = way.taken.lock().unwrap_or_else(PoisonError::into_inner);
    if taken.id != message.id {
        *taken = Taken { id: message.id.clone(), by: BTreeSet::new() };
    }
    let all: BTreeSet<Address> = mail.envelope().to().iter().cloned().collect();
    let missing: Vec<Address> = all.iter().filter(|to| !taken.by.contains(to.as_ref() as &str)).cloned().collect();
    let Some(from) = mail.envelope().from() else { return Outcome::Refused("`from` is no mail address".to_owned()) };
    let mut server = match Conversation::open(smtp, way.allow_private, tls, login, deadline) {
        Ok(server) => server,
        Err(error) => return Outcome::failed(error),
    };
    // What a server says before it is told of recipients is about the set-up or about itself.
    let ended = match server.hand_over(from, &missing, &mail.formatted()) {
        Ok(ended) => ended,
        Err(fault) => return Outcome::failed(fault.to_string()),
    };
    for (to, _) in missing.iter().zip(&ended).filter(|(_, ended)| !ended.is_refused()) {
        taken.by.insert(to.to_string());
    }
    let outcome = judge(&ended, all.len());
    if !matches!(outcome, Outcome::Failed(..)) {
        // One that is tried again later by a person's order is for everybody.
        *taken = Taken::default();
    }
    outcome
}

/// What became of a mail to `all` recipients, of whom these had not got it before.
fn judge(ended: &[Ended], all: usize) -> Outcome {
    let refused = |for_good: bool| {
        let codes = ended.iter().filter(|one| one.is_refused() && is_for_good(**one) == for_good);
        codes.fold((0, 0), |(count, _), one| (count + 1, one.code))
    };
    let said = |(count, code): (usize, u16)| {
        let said = Fault::Code(code);
        if count == all { said.to_string() } else { format!("{said} for {count} of {all} recipients") }
    };
    let (never, later) = (refused(true), refused(false));
    match (never.0, later.0) {
        (0, 0) => Outcome::Delivered,
        (_, 0) if never.0 == all => Outcome::Refused(said(never)),
        (_, 0) => Outcome::Partly(format!("{}: the others have the message", said(never)), never.0 as u64),
        _ => Outcome::failed(said(later)),
    }
}

/// Whether the server would say so again. A full mailbox or too many recipients at a time (RFC 5321, 4.5.3.1.10) pass.
fn is_for_good(ended: Ended) -> bool {
    NEVER.contains(&ended.code) && !(ended.at_recipient && ended.code == FULL)
}

fn login(way: &Way, smtp: &Smtp) -> Result<Option<Credentials>, String> {
    let (Some(username), Some(file)) = (&smtp.username, &smtp.password_file) else { return Ok(None) };
    let password = way.read(file).map_err(|why| format!("the file of `password_file` {why}"))?;
    Ok(Some(Credentials::new(username.clone(), password.trim().to_owned())))
}

fn encryption(way: &Way, smtp: &Smtp) -> Result<Option<Arc<ClientConfig>>, String> {
    if smtp.tls == SmtpTls::None {
        return Ok(None);
    }
    let mut roots = RootCertStore::empty();
    if let Some(file) = &way.ca_file {
        let pem = way.read(file).map_err(|why| format!("the file of `ca_file` {why}"))?;
        let own: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
        let (added, _) = roots.add_parsable_certificates(own.unwrap_or_default());
        if added == 0 {
            return Err("the file of `ca_file` holds no certificate".to_owned());
        }
    } else {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|_| "encryption can't be set up".to_owned())?;
    Ok(Some(Arc::new(builder.with_root_certificates(roots).with_no_client_auth())))
}
