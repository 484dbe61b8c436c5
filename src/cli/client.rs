//! The commands' way to a running daemon.
//!
//! Owns the address, the time-outs, what to say when nobody answers, and the patience with a
//! daemon that has too much to do. Knows no command.

use crate::access::Secret;
use crate::driver::Taken;
use crate::http::problem::Problem;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;
use ureq::http::Response;
use ureq::{Body, RequestBuilder};

/// Where a daemon is expected.
const DEFAULT_URL: &str = "http://127.0.0.1:9797";
/// The variable that names another.
const VARIABLE: &str = "ANDON_URL";
/// The variable that holds the access token.
const TOKEN: &str = "ANDON_TOKEN";
/// Most bytes of a file that holds one token.
const TOKEN_FILE_BYTES_MAX: usize = 1_024;
/// A call that takes longer is given up.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The same of a call that may take minutes: a drill whose every wire hangs.
const PATIENCE: Duration = Duration::from_secs(10 * 60);
/// Most bytes of an answer.
const ANSWER_BYTES_MAX: u64 = 64 << 20;
/// A batch that is turned away is sent again at most so often.
const RETRIES_MAX: u32 = 20;
/// Longest wait before sending again, seconds, whatever the daemon asks for.
const RETRY_AFTER_MAX: u64 = 30;

/// The option that every command with a daemon has.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Daemon {
    /// The daemon [default: the environment's ANDON_URL, else http://127.0.0.1:9797].
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// A file that holds the access token [default: the environment's ANDON_TOKEN, else none is sent].
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

impl Daemon {
    /// The daemon at an address, with the token of a file or of the environment.
    pub(super) fn new(url: &str, token_file: Option<&Path>) -> Self {
        Self { url: Some(url.to_owned()), token_file: token_file.map(Path::to_path_buf) }
    }
}

/// Why a call gave no answer.
#[derive(Debug, Error)]
pub(super) enum ClientError {
    /// Not an address.
    #[error("`{0}` is no address of a daemon: write one such as {DEFAULT_URL} (andon itself speaks plain http)")]
    Address(String),
    /// Nobody answers.
    #[error(
        "no andon answers at {url}: {cause}\nStart one with `andon serve --config config.example.toml` (or see one at work with `andon demo`), or name another with --url or {VARIABLE}."
    )]
    Unreachable {
        /// The address.
        url: String,
        /// What went wrong.
        cause: String,
    },
    /// Not a token. It isn't repeated: it might be another secret.
    #[error("{0} holds no access token of andon: `andon token new` makes one")]
    Token(String),
    /// The daemon said no.
    #[error("{}{}", .0.detail, advice(.0))]
    Refused(Box<Problem>),
    /// The answer is not andon's.
    #[error("what answers at {url} is not this andon: {cause}")]
    Foreign {
        /// The address.
        url: String,
        /// What is odd.
        cause: String,
    },
}

impl ClientError {
    /// Whether it was called in a wrong way.
    pub(super) fn is_usage(&self) -> bool {
        matches!(self, Self::Address(_) | Self::Token(_))
    }

    /// Whether the daemon refused with this code.
    pub(super) fn is(&self, code: &str) -> bool {
        matches!(self, Self::Refused(problem) if problem.code == code)
    }
}

/// What to do on this command line about a token that is missing or doesn't allow it.
fn advice(problem: &Problem) -> &'static str {
    match problem.code.as_str() {
        "unauthenticated" | "token_expired" => {
            "\nOn this command line a token comes from ANDON_TOKEN or --token-file FILE; `andon token new` makes one, and the daemon knows it after a reload (kill -HUP PID)."
        }
        "forbidden" | "forbidden_workflow" => "\nAnother token can be given with ANDON_TOKEN or --token-file FILE.",
        _ => "",
    }
}

/// The token that is to be sent, if any, as a header's value.
fn authorization(daemon: &Daemon) -> Result<Option<String>, ClientError> {
    let (text, place) = match &daemon.token_file {
        Some(path) => {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            (text, format!("`{}`", path.display()))
        }
        None => match std::env::var(TOKEN).ok().filter(|token| !token.trim().is_empty()) {
            Some(token) => (token, TOKEN.to_owned()),
            None => return Ok(None),
        },
    };
    let token = text.trim();
    let good = text.len() <= TOKEN_FILE_BYTES_MAX && Secret::hash_of(token.as_bytes()).is_some();
    if good { Ok(Some(format!("Bearer {token}"))) } else { Err(ClientError::Token(place)) }
}

/// A daemon to talk to.
pub(super) struct Client {
    agent: ureq::Agent,
    /// Never shown.
    authorization: Option<String>,
    url: String,
}

impl Client {
    /// The daemon that the options or the environment name.
    pub(super) fn of(daemon: &Daemon) -> Result<Self, ClientError> {
        let named = daemon.url.clone().or_else(|| std::env::var(VARIABLE).ok().filter(|url| !url.is_empty()));
        let client = Self::new(named.as_deref().unwrap_or(DEFAULT_URL))?;
        Ok(Self { authorization: authorization(daemon)?, ..client })
    }

    /// The daemon at an address, without a token; `http://` may be left out.
    pub(super) fn new(url: &str) -> Result<Self, ClientError> {
        let wrong = || ClientError::Address(url.to_owned());
        let full = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        let host = full.strip_prefix("http://").map(|rest| rest.trim_end_matches('/')).ok_or_else(wrong)?;
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '@')) {
            return Err(wrong());
        }
        // The daemon is on this machine or behind an address that was named: no proxy in between.
        let config =
            ureq::Agent::config_builder().http_status_as_error(false).proxy(None).timeout_global(Some(TIMEOUT));
        Ok(Self { agent: config.build().into(), authorization: None, url: format!("http://{host}") })
    }

    fn authorized<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        match &self.authorization {
            Some(value) => request.header("authorization", value),
            None => request,
        }
    }

    /// Where the daemon is.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let response = self.authorized(self.agent.get(format!("{}{path}", self.url))).call();
        self.decode(&self.receive(response)?)
    }

    /// The answer as text, of a kind that isn't JSON.
    pub(super) fn text(&self, path: &str, kind: &str) -> Result<String, ClientError> {
        let response = self.authorized(self.agent.get(format!("{}{path}", self.url))).header("accept", kind).call();
        self.plain(self.receive(response)?)
    }

    fn plain(&self, answer: Answer) -> Result<String, ClientError> {
        if !(200..300).contains(&answer.status) {
            return self.decode(&answer);
        }
        String::from_utf8(answer.body)
            .map_err(|_| ClientError::Foreign { url: self.url.clone(), cause: "its answer is no text".to_owned() })
    }

    /// A text that may take a while to make.
    pub(super) fn text_patiently(&self, path: &str) -> Result<String, ClientError> {
        let request = self.authorized(self.agent.get(format!("{}{path}", self.url)));
        self.plain(self.receive(request.config().timeout_global(Some(PATIENCE)).build().call())?)
    }

    pub(super) fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        // Plain data with string keys; if it ever failed, the daemon would refuse the empty body.
        let body = serde_json::to_vec(body).unwrap_or_default();
        let request = self.authorized(self.agent.post(format!("{}{path}", self.url)));
        let request = request.header("content-type", "application/json");
        self.decode(&self.receive(request.send(&body[..]))?)
    }

    /// Asks for something that may take minutes.
    pub(super) fn post_patiently<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let request = self.authorized(self.agent.post(format!("{}{path}", self.url)));
        let request = request.header("content-type", "application/json");
        let request = request.config().timeout_global(Some(PATIENCE)).build();
        self.decode(&self.receive(request.send("{}"))?)
    }

    /// Sends lines, and again where the daemon has too much to do. Repeats do no harm: the daemon
    /// counts each id once. `waiting` is told each wait in seconds.
    pub(super) fn lines(&self, path: &str, body: &[u8], waiting: &mut dyn FnMut(u64)) -> Result<Taken, ClientError> {
        let mut tries = 0;
        loop {
            let request = self.authorized(self.agent.post(format!("{}{path}", self.url)));
            let request = request.header("content-type", "application/x-ndjson");
            let answer = self.receive(request.send(body))?;
            let taken = self.decode(&answer);
            tries += 1;
            // A daemon whose store failed stays like that: waiting would only hide it.
            let busy = answer.status == 503 && !taken.as_ref().is_err_and(|error| error.is("store_refused"));
            if !busy || tries > RETRIES_MAX {
                return taken;
            }
            let seconds = answer.retry_after.unwrap_or(1).clamp(1, RETRY_AFTER_MAX);
            waiting(seconds);
            std::thread::sleep(Duration::from_secs(seconds));
        }
    }

    fn receive(&self, response: Result<Response<Body>, ureq::Error>) -> Result<Answer, ClientError> {
        let unreachable =
            |error: ureq::Error| ClientError::Unreachable { url: self.url.clone(), cause: error.to_string() };
        let mut response = response.map_err(unreachable)?;
        let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec().map_err(unreachable)?;
        Ok(Answer { status: response.status().as_u16(), retry_after, body })
    }

    fn decode<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, ClientError> {
        let foreign = |cause: String| ClientError::Foreign { url: self.url.clone(), cause };
        if (200..300).contains(&answer.status) {
            return serde_json::from_slice(&answer.body).map_err(|error| foreign(error.to_string()));
        }
        match serde_json::from_slice::<Problem>(&answer.body) {
            Ok(problem) => Err(ClientError::Refused(Box::new(problem))),
            Err(_) => Err(foreign(format!("it answers with HTTP status {}", answer.status))),
        }
    }
}

/// A response, read to its end.
struct Answer {
    status: u16,
    retry_after: Option<u64>,
    body: Vec<u8>,
}

/// Sends lines of outputs; waits are told on standard error.
pub(super) fn send(client: &Client, lines: &[u8]) -> Result<Taken, ClientError> {
    let mut busy = |seconds| super::output::complain(format!("the daemon has too much to do: waiting {seconds} s"));
    client.lines("/v1/events", lines, &mut busy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_completed_or_refused() {
        for good in ["127.0.0.1:9797", "http://127.0.0.1:9797", "http://127.0.0.1:9797/"] {
            assert_eq!(Client::new(good).map(|client| client.url().to_owned()).ok().as_deref(), Some(DEFAULT_URL));
        }
        for bad in ["", "https://andon.example", "http://", "a b", "http://h/v1/events", "ftp://h"] {
            assert!(matches!(Client::new(bad), Err(ClientError::Address(_))), "{bad}");
        }
    }

    #[test]
    fn nobody_there_is_said_with_what_to_do() {
        let client = Client::new("127.0.0.1:1").unwrap();
        let error = client.get::<serde_json::Value>("/livez").unwrap_err().to_string();
        assert!(error.contains("andon serve") && error.contains("127.0.0.1:1"), "{error}");
    }
}
