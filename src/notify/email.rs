//! Mail: a plain text, its headers, and the conversation with the server.
//!
//! Owns what makes a repeat recognisable (the same `Message-ID`) and mail of one incident belong together
//! (`References`), and that programs don't answer it (RFC 3834). The words are `render`'s.

use super::address::{PRIVATE, reach};
use super::message::{Message, plain};
use super::post::{Outcome, Way};
use super::render;
use crate::config::{Smtp, SmtpTls};
use crate::domain::Time;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message as Mail};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{SmtpTransport, Transport as _};
use std::io::ErrorKind;
use std::time::{Duration, SystemTime};
use xxhash_rust::xxh3::xxh3_64;

/// Longest subject, bytes.
const SUBJECT_MAX: usize = 200;
/// Replies that are about the message or who it is to, and not about the server: it would say so again.
const NEVER: [&str; 5] = ["550", "551", "552", "553", "554"];

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

/// Sends a mail.
pub(super) fn send(way: &Way, smtp: &Smtp, message: &Message, now: Time) -> Outcome {
    let transport = match transport(way, smtp) {
        Ok(transport) => transport,
        Err(error) => return Outcome::failed(error),
    };
    let mail = match mail(way, smtp, message, now) {
        Ok(mail) => mail,
        Err(error) => return Outcome::Refused(error),
    };
    let Err(error) = transport.send(&mail) else { return Outcome::Delivered };
    // The server's own words are left out: they may repeat what was sent.
    match error.status().map(|code| code.to_string()) {
        Some(code) if NEVER.contains(&code.as_str()) => Outcome::Refused(format!("the mail server answered {code}")),
        Some(code) => Outcome::failed(format!("the mail server answered {code}")),
        None if error.is_timeout() => Outcome::failed("the mail server took too long"),
        None if error.is_tls() => Outcome::failed("the mail server's certificate or encryption can't be trusted"),
        None => Outcome::failed("the mail server can't be reached, or doesn't offer what is declared"),
    }
}

fn transport(way: &Way, smtp: &Smtp) -> Result<SmtpTransport, String> {
    let address = reach(&smtp.host, smtp.port, way.allow_private).map_err(|error| match error.kind() {
        ErrorKind::PermissionDenied => format!("the host {PRIVATE}"),
        _ => "the mail server's name can't be looked up".to_owned(),
    })?;
    let tls = match smtp.tls {
        SmtpTls::None => Tls::None,
        SmtpTls::Tls => Tls::Wrapper(parameters(way, smtp)?),
        SmtpTls::StartTls => Tls::Required(parameters(way, smtp)?),
    };
    // The address that was checked, so that the name isn't looked up again; the certificate is the name's.
    let mut builder = SmtpTransport::builder_dangerous(address.ip().to_string())
        .port(smtp.port)
        .hello_name(ClientId::Domain("andon".to_owned()))
        .timeout(Some(way.timeout))
        .tls(tls);
    if let (Some(username), Some(file)) = (&smtp.username, &smtp.password_file) {
        let password = way.read(file).map_err(|why| format!("the file of `password_file` {why}"))?;
        builder = builder.credentials(Credentials::new(username.clone(), password.trim().to_owned()));
    }
    Ok(builder.build())
}

fn parameters(way: &Way, smtp: &Smtp) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(smtp.host.clone());
    if let Some(file) = &way.ca_file {
        let pem = way.read(file).map_err(|why| format!("the file of `ca_file` {why}"))?;
        let own = Certificate::from_pem(pem.as_bytes()).map_err(|_| "the file of `ca_file` holds no certificate")?;
        builder = builder.certificate_store(CertificateStore::None).add_root_certificate(own);
    }
    builder.build().map_err(|_| "encryption can't be set up: look at `ca_file` and `host`".to_owned())
}
