//! Configuration: the text of one TOML file becomes checked settings, or all its problems at once.
//!
//! Owns which keys there are (`keys`), how their values are written (`values`) and what they may
//! say together. Must not read files, know a clock or act on a setting: it is text in, data out.

mod active;
pub mod address;
mod baseline;
mod bound;
mod drill;
mod endpoint;
mod governance;
mod guard;
mod hypothesis;
mod keys;
mod ledger;
mod notify;
mod once;
mod problem;
mod reference;
mod report;
mod sample;
mod section;
mod signal;
mod slo;
mod smtp;
mod syntax;
mod tokens;
mod values;
mod words;
mod workflow;

pub use drill::DrillSettings;
pub use endpoint::{Source, check_url, secrets};
pub use keys::{KeyDoc, Need, keys, token_keys};
pub use ledger::LedgerSettings;
pub use notify::{Channel, NotifyLimits, NotifySettings, TARGETS_MAX, TargetSettings};
pub use problem::{Problem, Problems};
pub use report::ReportSettings;
pub use smtp::{Smtp, SmtpTls};
pub use tokens::{TOKENS_MAX, Token, Tokens, load_tokens};

use crate::domain::{HousePolicy, Policy, Time, UnknownWorkflows, fingerprint};
use problem::Sink;
use section::Section;
use std::net::SocketAddr;
use std::path::PathBuf;
use toml::de::{DeTable, DeValue};
use values::{Read, bytes, count, duration_ms, flag, number_in, text, wrong};

/// Everything that a configuration file says, checked and complete.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `[server]`: the address and the limits of requests.
    pub server: Server,
    /// `[store]`: where and how much is kept.
    pub store: StoreSettings,
    /// `[ledger]`: how the ledger is made accountable.
    pub ledger: LedgerSettings,
    /// `[drill]`: when drills run by themselves.
    pub drill: DrillSettings,
    /// `[report]`: when weeks begin, and when their reports are made.
    pub report: ReportSettings,
    /// `[notifications]` and `[[notify]]`: who is told of what.
    pub notify: NotifySettings,
    /// `[server] tokens`: the file of access tokens, as written: relative to the configuration's folder.
    /// Without it everything is allowed, and only from this machine.
    pub tokens: Option<String>,
    /// What decides about modes.
    pub policy: Policy,
}

/// The address and the limits of requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The address to listen on; beyond loopback only where access tokens are configured.
    pub listen: SocketAddr,
    /// Largest body of a request, after decompression.
    pub body_bytes_max: u64,
    /// Most bytes of accepted bodies that wait to become durable; at least one body fits.
    pub queue_bytes_max: u64,
    /// Most requests that wait to become durable.
    pub queue_requests_max: u64,
    /// How many refusals are kept to be looked at.
    pub refusals_max: u64,
    /// Most long polls that wait at the same time.
    pub long_polls_max: u64,
    /// Most streams of events at the same time; one more is refused.
    pub streams_max: u64,
    /// Most people who are signed in to the console; for one more, whoever was signed in longest is signed out.
    pub sessions_max: u64,
    /// How long a sign-in holds.
    pub session_ms: u64,
    /// Connections at the same time; further ones wait.
    pub connections_max: u64,
    /// A request that takes longer is given up.
    pub request_timeout_ms: u64,
    /// How long a stop waits for requests in work.
    pub shutdown_grace_ms: u64,
}

/// Where and how much is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSettings {
    /// The directory of the journal and the database.
    pub path: PathBuf,
    /// The journal is kept for this long …
    pub retention_days: u64,
    /// … and up to this size, whichever is reached first.
    pub journal_bytes_max: u64,
    /// Size of one file of the journal.
    pub segment_bytes: u64,
    /// How often a snapshot of the state is written.
    pub snapshot_every_ms: u64,
    /// An output's id is remembered for this long …
    pub dedup_window_ms: i64,
    /// … and up to this many ids, whichever is reached first.
    pub dedup_max: u64,
}

/// Reads a file that the configuration names, its path as written; the error is the end of a
/// sentence that begins with it, such as `isn't there`.
type Files<'f> = Option<&'f dyn Fn(&str) -> Result<String, String>>;

/// Reads the text of a configuration that names no files. `file_name` is for messages only.
///
/// # Errors
/// Every problem of the file, in the order of its lines; a baseline from a file is one.
pub fn load(text: &str, file_name: &str) -> Result<Settings, Problems> {
    load_all(text, file_name, None)
}

/// Reads the text of a configuration file. `read` gets the path of each file that it names, as it is
/// written there, relative to the configuration's folder, and gives its text; the error is the end of
/// a sentence that begins with the path. `file_name` is for messages only.
///
/// # Errors
/// Every problem of the file, in the order of its lines, with what is wrong in the files that it names.
pub fn load_with(
    text: &str,
    file_name: &str,
    read: &dyn Fn(&str) -> Result<String, String>,
) -> Result<Settings, Problems> {
    load_all(text, file_name, Some(read))
}

fn load_all(text: &str, file_name: &str, files: Files<'_>) -> Result<Settings, Problems> {
    let (document, errors) = DeTable::parse_recoverable(text);
    let sink = Sink::new(text);
    syntax::report(&sink, text, &errors);
    let settings = read(&Section::root(&sink, document.get_ref()), files);
    match sink.finish(file_name) {
        None => Ok(settings),
        Some(problems) => Err(problems),
    }
}

/// SHA-256 over the policy's canonical JSON with an empty `hash`, 64 hex digits.
pub fn policy_hash(policy: &Policy) -> String {
    let bare = Policy { hash: String::new(), loaded_by: String::new(), ..policy.clone() };
    fingerprint(&bare)
}

/// Reads all sections. A value that can't be read gets a stand-in: its problem is noted, so the
/// settings are never used, and the rest of the file is judged as well.
fn read(root: &Section<'_>, files: Files<'_>) -> Settings {
    let (base, base_ids) = workflow::read_base(root);
    let defaults = governance::read_defaults(root);
    let modes = root.table("modes", "modes");
    let unknown = root.table("unknown_workflows", "unknown_workflows");
    let (outputs_per_false_demotion, budget_of_fleet) = budget(&root.table("budget", "budget"));
    let mut policy = Policy {
        hash: String::new(),
        loaded_by: String::new(),
        outputs_per_false_demotion,
        budget_of_fleet,
        lease_ms: modes.read("lease", |v| duration_ms(v, Time::SECOND..=Time::HOUR)).unwrap_or_default(),
        lateness_ms: modes.read("lateness", |v| duration_ms(v, 0..=Time::HOUR)).unwrap_or_default(),
        unknown: UnknownWorkflows {
            accept: unknown.read("accept", flag).unwrap_or_default(),
            max: usize::try_from(whole(&unknown, "max", 1..=100_000)).unwrap_or_default(),
            template: workflow::unknown_template(),
        },
        house: HousePolicy { base, ..governance::read_house(root) },
        workflows: workflow::read_all(root, &base_ids, &defaults, files),
    };
    policy.hash = policy_hash(&policy);
    let server_section = root.table("server", "server");
    let store = store(&root.table("store", "store"));
    Settings {
        server: server(&server_section),
        tokens: server_section.read("tokens", |value| values::name(value, 1_000)),
        ledger: ledger::read(&root.table("ledger", "ledger"), &store.path),
        drill: drill::read(&root.table("drill", "drill")),
        report: report::read(&root.table("report", "report")),
        notify: notify::read(root, files),
        store,
        policy,
    }
}

/// B, and whether it counts the outputs of the whole fleet.
fn budget(section: &Section<'_>) -> (f64, bool) {
    const EACH: &str = "outputs_per_false_demotion";
    const FLEET: &str = "fleet_outputs_per_false_demotion";
    let outputs = |key| section.read(key, |value| number_in(value, 1e2..=1e12));
    let (each, fleet) = (outputs(EACH), outputs(FLEET));
    if section.has(EACH) && section.has(FLEET) {
        let help =
            format!("keep `{EACH}` to count the outputs of each workflow, or `{FLEET}` to count those of all together");
        section.problem(FLEET, format!("`{FLEET}` and `{EACH}` can't stand together: there is one budget"), help);
    }
    (fleet.or(each).unwrap_or_default(), section.has(FLEET))
}

const MIB: u64 = 1 << 20;
const TIB: u64 = 1 << 40;

fn server(section: &Section<'_>) -> Server {
    let body = section.read("body_bytes_max", |v| bytes(v, 1_024..=64 * MIB));
    let queue = section.read("queue_bytes_max", |v| bytes(v, 1_024..=TIB));
    if let (Some(body), Some(queue)) = (body, queue)
        && queue < body
    {
        let key = if section.has("queue_bytes_max") { "queue_bytes_max" } else { "body_bytes_max" };
        let message = format!(
            "`queue_bytes_max` ({queue}) is smaller than `body_bytes_max` ({body}): the largest body never fits"
        );
        section.problem(key, message, "raise `queue_bytes_max` to several bodies, or lower `body_bytes_max`");
    }
    let time = |key, shortest| {
        let ms = section.read(key, |v| duration_ms(v, shortest..=Time::HOUR));
        ms.map_or(0, i64::unsigned_abs)
    };
    Server {
        listen: listen(section).unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0))),
        body_bytes_max: body.unwrap_or_default(),
        queue_bytes_max: queue.unwrap_or_default(),
        queue_requests_max: whole(section, "queue_requests_max", 1..=1_000_000),
        refusals_max: whole(section, "refusals_max", 1..=1_000_000),
        connections_max: whole(section, "connections_max", 1..=1_000_000),
        long_polls_max: whole(section, "long_polls_max", 1..=1_000_000),
        streams_max: whole(section, "streams_max", 1..=1_000_000),
        sessions_max: whole(section, "sessions_max", 1..=1_000_000),
        session_ms: section
            .read("session", |v| duration_ms(v, Time::MINUTE..=30 * Time::DAY))
            .map_or(0, i64::unsigned_abs),
        request_timeout_ms: time("request_timeout", 100),
        shutdown_grace_ms: time("shutdown_grace", 0),
    }
}

fn store(section: &Section<'_>) -> StoreSettings {
    let time = |key, shortest| section.read(key, |v| duration_ms(v, shortest..=values::YEAR_MS)).unwrap_or_default();
    let segment = section.read("segment_bytes", |v| bytes(v, MIB..=1_024 * MIB));
    let journal = section.read("journal_bytes_max", |v| bytes(v, MIB..=1_024 * TIB));
    if let (Some(segment), Some(journal)) = (segment, journal)
        && journal < segment
    {
        let key = if section.has("journal_bytes_max") { "journal_bytes_max" } else { "segment_bytes" };
        let message = format!("`journal_bytes_max` ({journal}) is smaller than `segment_bytes` ({segment})");
        section.problem(key, message, "let the journal hold several segments, or make them smaller");
    }
    StoreSettings {
        path: section.read("path", |v| values::name(v, 1_000)).unwrap_or_default().into(),
        retention_days: whole(section, "retention_days", 1..=36_500),
        journal_bytes_max: journal.unwrap_or_default(),
        segment_bytes: segment.unwrap_or_default(),
        snapshot_every_ms: time("snapshot_every", Time::SECOND).unsigned_abs(),
        dedup_window_ms: time("dedup_window", Time::SECOND),
        dedup_max: whole(section, "dedup_max", 1..=10_000_000_000),
    }
}

fn whole(section: &Section<'_>, key: &str, range: std::ops::RangeInclusive<u64>) -> u64 {
    section.read(key, |value| count(value, range)).unwrap_or_default()
}

/// The address; beyond this machine only with access tokens.
fn listen(section: &Section<'_>) -> Option<SocketAddr> {
    let address = section.read("listen", address)?;
    if !address.ip().is_loopback() && !section.has("tokens") {
        let message = format!("`listen` can't be {address} without access tokens: other machines reach that address");
        section.problem(
            "listen",
            message,
            "make a token with `andon token new --name ann --scopes admin` and write `tokens = \"andon-tokens.toml\"` here, or listen on \"127.0.0.1:9797\"",
        );
    }
    Some(address)
}

fn address(value: &DeValue<'_>) -> Read<SocketAddr> {
    let text = text(value)?;
    text.parse::<SocketAddr>()
        .or_else(|_| wrong(format!("must be an IP address and a port, not {text:?}"), "write \"127.0.0.1:9797\""))
}
