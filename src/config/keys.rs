//! The table of every key: where it stands, and its default.
//!
//! Owns the names and defaults; the loader reads no key that isn't here and has no default of its
//! own, so the documentation can be checked against this table. Must not know what a key does.

/// One key of the configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyDoc {
    /// The table that it stands in, such as `server` or `workflow.guard.spend`; empty at the top.
    pub section: &'static str,
    /// The key.
    pub key: &'static str,
    /// Whether it must be there, and what holds if it isn't.
    pub need: Need,
    /// The signals of guards that it belongs to; empty means all.
    pub signals: &'static [&'static str],
}

/// Whether a key must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It must; the text is an example of its value in TOML.
    Required(&'static str),
    /// It needn't; the text is the default in TOML.
    Default(&'static str),
    /// It needn't; the text says what holds without it.
    Optional(&'static str),
    /// It is of a later version; the text says what to do until then.
    Later(&'static str),
}

/// Every key that a configuration file may hold, by section.
pub fn keys() -> &'static [KeyDoc] {
    KEYS
}

/// Every key that a file of access tokens may hold: in it the section is `tokens`, in a `[[token]]` of
/// it `tokens.token`.
pub fn token_keys() -> &'static [KeyDoc] {
    TOKEN_KEYS
}

/// The keys of the kind of file that a section stands in.
pub(super) fn of_file(section: &str) -> &'static [KeyDoc] {
    if section.starts_with("tokens") { TOKEN_KEYS } else { KEYS }
}

/// The key of a section. `signal` tells keys of the same name apart; empty finds any.
pub(super) fn find(section: &str, key: &str, signal: &str) -> Option<&'static KeyDoc> {
    of_file(section).iter().find(|doc| doc.section == section && doc.key == key && doc.fits(signal))
}

impl KeyDoc {
    /// Whether a guard on `signal` may have the key; the empty signal stands for any.
    pub(super) fn fits(&self, signal: &str) -> bool {
        signal.is_empty() || self.signals.is_empty() || self.signals.contains(&signal)
    }
}

/// The help where a guard has a key of other signals, and its own signal says the same in another way.
pub(super) fn instead(signal: &str, key: &str) -> Option<&'static str> {
    let help = match (signal, key) {
        ("drift", "bound") => {
            "write `tolerance`: how far the distribution may move away from its baseline, such as 0.10"
        }
        ("disparity", "bound" | "tolerance") => {
            "write `ratio`: how many times as often as the others a group may fail, such as 1.25"
        }
        ("disparity", "block") => "leave it out: here each exception is judged by itself",
        ("volume", "bound" | "tolerance") => "write `min` or `max`: a number of outputs",
        ("external", "bound" | "tolerance") => "leave it out: an alert that fires is a breach",
        ("limit", "per") => "write it with the amount, such as `spend = { amount = 200, per = \"24h\" }`",
        ("cost_per_unit", "baseline" | "tolerance") => {
            "write `bound`: a mean can't be learned; a further guard with `signal = \"drift\"` and `of = \"cost_per_unit\"` learns which costs are normal"
        }
        _ => return None,
    };
    Some(help)
}

/// The signals.
pub(super) const SIGNALS: [&str; 12] = [
    "exception_rate",
    "latency",
    "sla",
    "cost_per_unit",
    "score",
    "rejection_rate",
    "drift",
    "disparity",
    "volume",
    "silence",
    "limit",
    "external",
];
/// Signals whose bound is, or may be, a share of outputs; a score's only with a limit.
const SHARES: &[&str] = &["exception_rate", "latency", "sla", "score", "rejection_rate"];
/// Signals that are judged block by block.
const BLOCKS: &[&str] = &["exception_rate", "latency", "sla", "cost_per_unit", "score", "rejection_rate", "drift"];
/// Signals that take a share of the budget.
const STATISTICAL: &[&str] =
    &["exception_rate", "latency", "sla", "cost_per_unit", "score", "rejection_rate", "drift", "disparity"];
/// Signals that may wait for the hours in which outputs are expected.
const HOURS: &[&str] = &["silence", "volume"];

const TLS: &str = "TLS comes with a later version; until then let a proxy in front of andon terminate it";

use Need::{Default, Later, Optional, Required};

const fn of(section: &'static str, key: &'static str, need: Need) -> KeyDoc {
    KeyDoc { section, key, need, signals: &[] }
}

const fn guard(key: &'static str, need: Need, signals: &'static [&'static str]) -> KeyDoc {
    KeyDoc { section: "workflow.guard", key, need, signals }
}

const TOKEN_KEYS: &[KeyDoc] = &[
    of("tokens", "token", Optional("nobody gets in")),
    of("tokens.token", "name", Required("\"ann\"")),
    of("tokens.token", "roles", Default("[]")),
    of("tokens.token", "scopes", Required("[\"read\"]")),
    of("tokens.token", "workflows", Required("[\"*\"]")),
    of("tokens.token", "expires", Required("\"2027-01-01T00:00:00Z\"")),
    of("tokens.token", "hash", Required("\"sha256:…\"")),
    of("tokens.token", "created", Optional("nobody knows when")),
];

const KEYS: &[KeyDoc] = &[
    of("", "server", Optional("all its defaults")),
    of("", "store", Optional("all its defaults")),
    of("", "ledger", Optional("all its defaults")),
    of("", "budget", Optional("all its defaults")),
    of("", "modes", Optional("all its defaults")),
    of("", "unknown_workflows", Optional("all its defaults")),
    of("", "gate", Optional("all its defaults")),
    of("", "cooldown", Optional("all its defaults")),
    of("", "readiness", Optional("all its defaults")),
    of("", "governance", Optional("all its defaults")),
    of("", "storm", Optional("all its defaults")),
    of("", "lab", Optional("all its defaults")),
    of("", "drill", Optional("all its defaults")),
    of("", "report", Optional("all its defaults")),
    of("", "notifications", Optional("all its defaults")),
    of("", "notify", Optional("nobody is told")),
    of("", "base", Optional("no base items")),
    of("", "workflow", Optional("no workflows")),
    of("server", "listen", Default("\"127.0.0.1:9797\"")),
    of("server", "body_bytes_max", Default("\"16MiB\"")),
    of("server", "queue_bytes_max", Default("\"64MiB\"")),
    of("server", "queue_requests_max", Default("1024")),
    of("server", "refusals_max", Default("1000")),
    of("server", "connections_max", Default("4096")),
    of("server", "long_polls_max", Default("1024")),
    of("server", "streams_max", Default("256")),
    of("server", "sessions_max", Default("1000")),
    of("server", "session", Default("\"12h\"")),
    of("server", "request_timeout", Default("\"30s\"")),
    of("server", "shutdown_grace", Default("\"10s\"")),
    of("server", "tls_certificate", Later(TLS)),
    of("server", "tls_key", Later(TLS)),
    of("server", "tokens", Optional("everything is allowed, and only from this machine")),
    of("store", "path", Default("\"andon-data\"")),
    of("store", "retention_days", Default("90")),
    of("store", "journal_bytes_max", Default("\"20GiB\"")),
    of("store", "segment_bytes", Default("\"64MiB\"")),
    of("store", "snapshot_every", Default("\"60s\"")),
    of("store", "dedup_window", Default("\"48h\"")),
    of("store", "dedup_max", Default("20_000_000")),
    of("ledger", "origin", Default("\"andon/ledger\"")),
    of("ledger", "checkpoint_every", Default("\"1h\"")),
    of("ledger", "checkpoint_path", Optional("no checkpoints outside of the store")),
    of("ledger", "checkpoints_max", Default("10_000")),
    of("budget", "outputs_per_false_demotion", Default("1_000_000")),
    of("budget", "fleet_outputs_per_false_demotion", Optional("each workflow has a budget of its own")),
    of("modes", "lease", Default("\"60s\"")),
    of("modes", "lateness", Default("\"60s\"")),
    of("unknown_workflows", "accept", Default("false")),
    of("unknown_workflows", "max", Default("100")),
    of("gate", "outputs", Default("{ collaborate = 200, delegate = 1000, automate = 5000 }")),
    of("gate", "days", Default("{ collaborate = 3, delegate = 7, automate = 14 }")),
    of("gate", "time_in_mode", Default("{ collaborate = \"3d\", delegate = \"7d\", automate = \"14d\" }")),
    of("gate", "quiet", Default("\"7d\"")),
    of("gate", "confidence", Default("0.95")),
    of("gate", "spread", Default("0.10")),
    of("gate", "ran_in_mode", Default("0.9")),
    of("gate", "reviewed", Default("0.9")),
    of("gate", "approvals", Default("[\"any\", \"any\"]")),
    of("gate", "request_valid", Default("\"14d\"")),
    of("gate", "probation_outputs", Default("1000")),
    of("gate", "sla", Optional("not asked for")),
    of("cooldown", "first", Default("\"3d\"")),
    of("cooldown", "max", Default("\"90d\"")),
    of("cooldown", "within", Default("\"30d\"")),
    of(
        "readiness",
        "base",
        Default("[\"data-definitions\", \"modular-content\", \"policy-guidance\", \"stable-integration\"]"),
    ),
    of(
        "readiness",
        "builder",
        Default("[\"dry-runs-stable\", \"exception-paths\", \"monitoring-plan\", \"runbook\", \"rollback\"]"),
    ),
    of("readiness", "beneficiary", Default("[\"kpi-mapping\"]")),
    of("readiness", "lab", Default("[\"owner\", \"sample-library\", \"stop-rule\"]")),
    of("readiness", "valid", Default("\"180d\"")),
    of("governance", "loosening", Default("\"approve\"")),
    of("governance", "regression_cap", Default("\"assist\"")),
    of("storm", "share", Default("0.25")),
    of("storm", "workflows_min", Default("3")),
    of("storm", "within", Default("\"15m\"")),
    of("lab", "sprint", Default("\"14d\"")),
    of("lab", "active_max", Default("3")),
    of("report", "time_zone", Default("\"UTC\"")),
    of("report", "delay_hours", Default("6")),
    of("report", "keep_weeks", Default("104")),
    of("drill", "every", Default("\"7d\"")),
    of("drill", "step_timeout", Default("\"10s\"")),
    of("notifications", "public_url", Optional("messages hold no links to this andon")),
    of("notifications", "outbox_max", Default("10_000")),
    of("notifications", "dead_max", Default("1_000")),
    of("notifications", "attempts_max", Default("12")),
    of("notifications", "first_backoff", Default("\"5s\"")),
    of("notifications", "max_backoff", Default("\"15m\"")),
    of("notifications", "give_up_after", Default("\"1d\"")),
    of("notifications", "timeout", Default("\"10s\"")),
    of("notifications", "body_bytes_max", Default("\"64KiB\"")),
    of("notifications", "settle", Default("\"5s\"")),
    of("notify", "name", Required("\"on-call\"")),
    of("notify", "kind", Required("\"webhook\"")),
    of("notify", "events", Default("[\"mode\", \"incident\", \"storm\", \"overdue\", \"drill\", \"request\"]")),
    of("notify", "workflows", Default("[\"*\"]")),
    of("notify", "owners", Default("[]")),
    of("notify", "allow_private", Default("false")),
    of("notify", "allow_http", Default("false")),
    of("notify", "drill", Default("false")),
    of("notify", "ca_file", Optional("the public certificate authorities")),
    of("notify", "url", Optional("`url_file` instead")),
    of("notify", "url_file", Optional("`url` instead")),
    of("notify", "secret_file", Optional("required for a webhook")),
    of("notify", "host", Optional("required for email")),
    of("notify", "port", Optional("465 with tls, 587 with starttls, 25 with none")),
    of("notify", "tls", Default("\"starttls\"")),
    of("notify", "username", Optional("nobody logs in")),
    of("notify", "password_file", Optional("nobody logs in")),
    of("notify", "from", Optional("required for email")),
    of("notify", "to", Optional("required for email")),
    of("base", "id", Required("\"brand-guide\"")),
    of("base", "owner", Required("\"brand\"")),
    of("base", "version", Required("\"2026.4\"")),
    of("base", "audit_every", Default("\"90d\"")),
    of("workflow", "id", Required("\"email-drafts\"")),
    of("workflow", "track", Default("\"factory\"")),
    of("workflow", "owner", Default("\"\"")),
    of("workflow", "unit", Default("\"output\"")),
    of("workflow", "currency", Default("\"USD\"")),
    of("workflow", "start_mode", Default("\"assist\"")),
    of("workflow", "max_mode", Optional("automate; collaborate in the lab track")),
    of("workflow", "base", Default("[]")),
    of("workflow", "runbook", Default("\"\"")),
    of("workflow", "evidence_valid", Default("\"7d\"")),
    of("workflow", "renamed_from", Optional("a workflow without a former id")),
    of("workflow", "rollback", Default("\"\"")),
    of("workflow", "lapse_on", Default("[]")),
    of("workflow", "gate", Optional("as in [gate]")),
    of("workflow", "cooldown", Optional("as in [cooldown]")),
    of("workflow", "readiness", Optional("as in [readiness]")),
    of("workflow.gate", "outputs", Optional("as in [gate]")),
    of("workflow.gate", "days", Optional("as in [gate]")),
    of("workflow.gate", "time_in_mode", Optional("as in [gate]")),
    of("workflow.gate", "quiet", Optional("as in [gate]")),
    of("workflow.gate", "confidence", Optional("as in [gate]")),
    of("workflow.gate", "spread", Optional("as in [gate]")),
    of("workflow.gate", "ran_in_mode", Optional("as in [gate]")),
    of("workflow.gate", "reviewed", Optional("as in [gate]")),
    of("workflow.gate", "approvals", Optional("as in [gate]")),
    of("workflow.gate", "request_valid", Optional("as in [gate]")),
    of("workflow.gate", "probation_outputs", Optional("as in [gate]")),
    of("workflow.gate", "sla", Optional("as in [gate]")),
    of("workflow.gate", "cost_per_unit", Optional("not asked for")),
    of("workflow.cooldown", "first", Optional("as in [cooldown]")),
    of("workflow.cooldown", "max", Optional("as in [cooldown]")),
    of("workflow.cooldown", "within", Optional("as in [cooldown]")),
    of("workflow.readiness", "base", Optional("as in [readiness]")),
    of("workflow.readiness", "builder", Optional("as in [readiness]")),
    of("workflow.readiness", "beneficiary", Optional("as in [readiness]")),
    of("workflow.readiness", "lab", Optional("as in [readiness]")),
    of("workflow.readiness", "valid", Optional("as in [readiness]")),
    of("workflow", "hypothesis", Optional("no hypotheses")),
    of("workflow.hypothesis", "id", Required("\"tone-guide-samples\"")),
    of("workflow.hypothesis", "question", Required("\"Do ten samples of the guide keep drafts in tone?\"")),
    of("workflow.hypothesis", "owner", Required("\"ann\"")),
    of("workflow.hypothesis", "time_box", Default("\"14d\"")),
    of("workflow.hypothesis", "goals", Required("[\"which samples matter\"]")),
    of("workflow.hypothesis", "samples", Default("\"\"")),
    of("workflow.hypothesis", "exit", Required("[\"200 drafts judged by two people\"]")),
    of("workflow", "review", Optional("all its defaults")),
    of("workflow", "guard", Optional("no guards")),
    of("workflow.review", "assist", Default("1.0")),
    of("workflow.review", "collaborate", Default("1.0")),
    of("workflow.review", "delegate", Default("0.10")),
    of("workflow.review", "automate", Default("0.02")),
    of("workflow.review", "within", Default("\"3d\"")),
    of("workflow.review", "twice", Default("0")),
    of("workflow.review", "cost_per_hour", Optional("people's time isn't counted")),
    of("workflow", "reference", Optional("reports compare with the week before only")),
    of("workflow.reference", "source", Optional("\"\"")),
    of("workflow.reference", "exception_ratio", Optional("not measured")),
    of("workflow.reference", "latency_p50_ms", Optional("not measured")),
    of("workflow.reference", "cycle_minutes", Optional("not measured")),
    of("workflow.reference", "sla_ratio", Optional("not measured")),
    of("workflow.reference", "cost_to_serve", Optional("not measured")),
    of("workflow.reference", "value_per_unit", Optional("not measured")),
    of("workflow.reference", "rejected_ratio", Optional("not measured")),
    of("workflow", "slo", Optional("nothing is promised")),
    of("workflow.slo", "good", Optional("not promised")),
    of("workflow.slo", "latency", Optional("not promised")),
    of("workflow.slo.latency", "limit_ms", Required("3000")),
    of("workflow.slo.latency", "objective", Required("0.95")),
    of("workflow.slo", "sla", Optional("not promised")),
    of("workflow.slo", "uptime", Optional("not promised")),
    guard("signal", Required("\"exception_rate\""), &[]),
    guard("name", Optional("the signal and what it is of"), &[]),
    guard("to", Optional("the highest mode whose bounds hold"), &[]),
    guard("bound", Optional("`baseline` instead; required with `range`"), SHARES),
    guard("bound", Required("0.05"), &["cost_per_unit"]),
    guard("baseline", Optional("`bound` instead"), SHARES),
    guard("baseline", Required("{ outputs = 5000 }"), &["drift"]),
    guard("tolerance", Default("0"), SHARES),
    guard("tolerance", Default("0.10"), &["drift"]),
    guard("ratio", Default("1.25"), &["disparity"]),
    guard(
        "block",
        Optional("1 / bound within 10 to 50; 50 with a baseline; 5 for cost_per_unit, 10 for drift"),
        BLOCKS,
    ),
    guard("share", Optional("an even part of what the declared shares leave over"), STATISTICAL),
    guard("kind", Optional("every exception"), &["exception_rate"]),
    guard("limit_ms", Required("3000"), &["latency"]),
    guard("limit_ms", Optional("only a reported sla_met is judged"), &["sla"]),
    guard("cap", Required("0.50"), &["cost_per_unit"]),
    guard("units_max", Default("10"), &["cost_per_unit"]),
    guard("of", Required("\"scores.brand_fit\""), &["score", "drift"]),
    guard("of", Optional("every alert that names the workflow"), &["external"]),
    guard("below", Optional("`above` or `range` instead"), &["score"]),
    guard("above", Optional("`below` or `range` instead"), &["score"]),
    guard("range", Optional("`below` or `above` instead"), &["score"]),
    guard("better", Optional("only with `range`"), &["score"]),
    guard("after", Required("\"30m\""), &["silence"]),
    guard("attribute", Required("\"locale\""), &["disparity"]),
    guard("per", Required("\"1h\""), &["volume"]),
    guard("min", Optional("any number down to none"), &["volume"]),
    guard("max", Optional("any number"), &["volume"]),
    guard("active_hours", Optional("the whole day"), HOURS),
    guard("active_days", Optional("every day"), HOURS),
    guard("time_zone", Default("\"UTC\""), HOURS),
    guard("spend", Optional("`exceptions` instead"), &["limit"]),
    guard("exceptions", Optional("`spend` instead"), &["limit"]),
    of("workflow.guard.bound", "collaborate", Optional("not bound in collaborate")),
    of("workflow.guard.bound", "delegate", Optional("the bound of collaborate")),
    of("workflow.guard.bound", "automate", Optional("the bound of delegate")),
    of("workflow.guard.tolerance", "collaborate", Optional("not bound in collaborate")),
    of("workflow.guard.tolerance", "delegate", Optional("the tolerance of collaborate")),
    of("workflow.guard.tolerance", "automate", Optional("the tolerance of delegate")),
    of("workflow.guard.baseline", "outputs", Optional("`from` and `to`, or `file`, instead")),
    of("workflow.guard.baseline", "from", Optional("`outputs` or `file` instead")),
    of("workflow.guard.baseline", "to", Optional("`outputs` or `file` instead")),
    of("workflow.guard.baseline", "file", Optional("`outputs`, or `from` and `to`, instead")),
    of("workflow.guard.baseline", "hour_of_week", Optional("one baseline for all hours")),
    of("workflow.guard.spend", "amount", Required("200")),
    of("workflow.guard.spend", "per", Required("\"24h\"")),
    of("workflow.guard.exceptions", "count", Required("3")),
    of("workflow.guard.exceptions", "kind", Optional("every exception")),
    of("workflow.guard.exceptions", "per", Required("\"1h\"")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_and_examples_are_toml_and_signals_exist() {
        for doc in keys().iter().chain(token_keys()) {
            if let Default(text) | Required(text) = doc.need {
                assert!(toml::de::DeValue::parse(text).is_ok(), "{doc:?}");
            }
            assert!(doc.signals.iter().all(|signal| SIGNALS.contains(signal)), "{doc:?}");
        }
    }
}
