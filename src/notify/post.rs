//! One attempt to deliver a message over HTTP, and what its answer means.
//!
//! Owns which answers are worth another attempt. Redirects are not followed: they could lead to where nobody
//! meant to send anything. Neither an address nor an answer's text gets into an error.

use super::address::{Checked, PRIVATE};
use super::message::Message;
use super::{backoff, email, sign, slack, webhook};
use crate::config::{Channel, NotifyLimits, Source, TargetSettings, check_url, secrets};
use crate::domain::Time;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use ureq::Agent;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::transport::DefaultConnector;

/// Most bytes of a file that holds an address, a secret or certificates.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Answers that say that the message itself is not taken: it would be the same again. Others of 4xx are about
/// the set-up (a wrong address, a wrong secret), which people mend.
const NEVER: [u16; 5] = [400, 410, 413, 415, 422];

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It arrived.
    Delivered,
    /// It arrived, but so many of its recipients are refused for good.
    Partly(String, u64),
    /// It may arrive later; at the earliest after so many milliseconds, where the receiver asked for that.
    Failed(String, Option<i64>),
    /// It will never be taken.
    Refused(String),
}

impl Outcome {
    pub(super) fn failed(error: impl Into<String>) -> Self {
        Self::Failed(error.into(), None)
    }
}

/// The way to a target.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub(super) name: String,
    pub(super) channel: Channel,
    pub(super) allow_private: bool,
    pub(super) ca_file: Option<String>,
    pub(super) timeout: Duration,
    /// The name of the ledger: where messages are from.
    pub(super) source: String,
    /// Who has the present mail.
    pub(super) taken: Arc<Mutex<email::Taken>>,
    bytes_max: u64,
    /// Paths of files go from here.
    folder: PathBuf,
}

impl Way {
    pub(super) fn new(target: &TargetSettings, limits: &NotifyLimits, source: &str, folder: &Path) -> Self {
        Self {
            name: target.name.clone(),
            channel: target.channel.clone(),
            allow_private: target.allow_private,
            ca_file: target.ca_file.clone(),
            timeout: Duration::from_millis(limits.timeout_ms.unsigned_abs()),
            source: source.to_owned(),
            taken: Arc::default(),
            bytes_max: limits.body_bytes_max,
            folder: folder.to_owned(),
        }
    }

    /// The same way for a message that comes in between, which must not make it forget the present one.
    pub(super) fn apart(&self) -> Self {
        Self { taken: Arc::default(), ..self.clone() }
    }

    /// Where it leads, without anything that could be a secret.
    pub(super) fn shown(&self) -> String {
        match &self.channel {
            Channel::Email(smtp) => format!("{}:{}", smtp.host, smtp.port),
            Channel::Webhook { .. } | Channel::Slack { .. } => match self.url() {
                Ok(url) => url.parse::<ureq::http::Uri>().ok().and_then(|uri| uri.host().map(str::to_owned)),
                Err(_) => None,
            }
            .unwrap_or_else(|| "unknown: its file can't be read".to_owned()),
        }
    }

    /// A file that the configuration names. It is read for each attempt, so that a new secret holds at once.
    pub(super) fn read(&self, path: &str) -> Result<String, String> {
        use std::io::Read as _;
        let cause = |error: std::io::Error| format!("can't be read: {error}");
        let path = self.folder.join(path);
        // A pipe could keep this thread waiting for ever.
        if !std::fs::metadata(&path).map_err(cause)?.is_file() {
            return Err("isn't a file".to_owned());
        }
        let mut text = String::new();
        let file = std::fs::File::open(&path).map_err(cause)?;
        file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(cause)?;
        Ok(text)
    }

    fn url(&self) -> Result<String, String> {
        let (source, allow_http) = match &self.channel {
            Channel::Webhook { url, allow_http, .. } => (url.clone(), *allow_http),
            Channel::Slack { url_file, allow_http } => (Source::File(url_file.clone()), *allow_http),
            Channel::Email(_) => return Err("a mail server has no address of that kind".to_owned()),
        };
        let (url, place) = match source {
            Source::Inline(url) => (url, "`url`"),
            Source::File(path) => {
                (self.read(&path).map_err(|why| format!("the file of `url_file` {why}"))?, "the file of `url_file`")
            }
        };
        let url = url.trim().to_owned();
        check_url(&url, allow_http, self.allow_private).map_err(|why| format!("{place} {why}"))?;
        Ok(url)
    }

    /// Sends a message; `now` is the time of the attempt.
    pub(super) fn send(&self, message: &Message, now: Time) -> Outcome {
        match &self.channel {
            Channel::Email(smtp) => email::send(self, smtp, message, now),
            Channel::Slack { .. } => self.post(slack::body(message), &[("content-type", "application/json")]),
            Channel::Webhook { secret_file, .. } => {
                let keys = self.read(secret_file).and_then(|text| secrets(text.trim()));
                let keys = match keys {
                    Ok(keys) => keys,
                    Err(why) => return Outcome::failed(format!("the file of `secret_file` {why}")),
                };
                let body = webhook::body(message, &self.source, self.bytes_max);
                let (id, seconds) = (format!("{}_{}", message.id, self.name), now.0.div_euclid(Time::SECOND));
                let signature = sign::signatures(&keys, &id, seconds, &body);
                let headers = [
                    ("content-type", webhook::KIND),
                    ("webhook-id", id.as_str()),
                    ("webhook-timestamp", &seconds.to_string()),
                    ("webhook-signature", &signature),
                ];
                self.post(body, &headers)
            }
        }
    }

    fn post(&self, body: Vec<u8>, headers: &[(&str, &str)]) -> Outcome {
        let url = match self.url() {
            Ok(url) => url,
            Err(why) => return Outcome::failed(why),
        };
        let agent = match self.agent() {
            Ok(agent) => agent,
            Err(why) => return Outcome::failed(why),
        };
        let mut request = agent.post(&url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        match request.send(&body[..]) {
            Ok(answer) => {
                let after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok());
                judge(answer.status().as_u16(), after.and_then(|value| value.trim().parse().ok()))
            }
            Err(error) => Outcome::failed(reason(&error)),
        }
    }

    fn agent(&self) -> Result<Agent, String> {
        let mut tls = TlsConfig::builder();
        if let Some(file) = &self.ca_file {
            let pem = self.read(file).map_err(|why| format!("the file of `ca_file` {why}"))?;
            let own = parse_pem(pem.as_bytes()).filter_map(|item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(certificate),
                _ => None,
            });
            let own: Vec<_> = own.collect();
            if own.is_empty() {
                return Err("the file of `ca_file` holds no certificate".to_owned());
            }
            tls = tls.root_certs(RootCerts::new_with_certs(&own));
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_connections(0)
            .user_agent(concat!("andon/", env!("CARGO_PKG_VERSION")))
            .timeout_global(Some(self.timeout))
            .tls_config(tls.build())
            .build();
        let resolver = Checked { allow_private: self.allow_private };
        Ok(Agent::with_parts(config, DefaultConnector::default(), resolver))
    }
}

/// What an answer means.
fn judge(status: u16, retry_after: Option<u64>) -> Outcome {
    match status {
        200..=299 => Outcome::Delivered,
        300..=399 => Outcome::failed(format!(
            "the receiver answered {status}: redirects are not followed, name the place itself"
        )),
        status if NEVER.contains(&status) => Outcome::Refused(format!("the receiver answered {status}")),
        status => Outcome::Failed(format!("the receiver answered {status}"), retry_after.map(backoff::asked_ms)),
    }
}

fn reason(error: &ureq::Error) -> String {
    let text = match error {
        ureq::Error::Io(error) => match error.kind() {
            ErrorKind::PermissionDenied => return format!("the host {PRIVATE}"),
            ErrorKind::ConnectionRefused => "nobody listens there",
            ErrorKind::TimedOut | ErrorKind::WouldBlock => "the receiver took too long",
            _ => "the connection broke",
        },
        ureq::Error::Timeout(_) => "the receiver took too long",
        ureq::Error::HostNotFound => "the host's name can't be looked up",
        ureq::Error::Rustls(_) | ureq::Error::Tls(_) | ureq::Error::Pem(_) => {
            "the receiver's certificate or encryption can't be trusted"
        }
        ureq::Error::Protocol(_) => "what answers there doesn't speak HTTP",
        _ => "the request could not be sent",
    };
    text.to_owned()
}
