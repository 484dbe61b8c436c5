//! The commands, run as the real binary: what they print, their exit codes, what they leave behind.
//!
//! Owns the folders, daemons and tables of these tests. Waits are bounded and end with the
//! condition; the real traces are looked at only where they are.

#![cfg(test)]

use andon::clock::{Clock as _, ManualClock, SystemClock};
use andon::domain::Time;
use andon::driver::{Board, Engine, EngineOptions};
use andon::metrics::Metrics;
use andon::store::{Store, StoreOptions};
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

const POLICY: &str = r#"
[[workflow]]
id = "drafts"
start_mode = "automate"
evidence_valid = "30d"
  [[workflow.guard]]
  signal = "exception_rate"
  bound = 0.05
  block = 1
  [[workflow.guard]]
  signal = "latency"
  limit_ms = 3000
  bound = 0.05
[[workflow]]
id = "quiet"
start_mode = "delegate"
evidence_valid = "never"
  [[workflow.guard]]
  signal = "silence"
  after = "30m"
"#;

const MAPPING: &str = r#"
id = "{n}"
workflow = { column = "workflow" }
outcome = { column = "status", ok = ["ok"] }
time = { column = "at", format = "rfc3339" }
"#;

/// A command in a folder of its own, where no other daemon is named.
pub(crate) fn andon(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_andon"));
    command
        .args(arguments)
        .current_dir(folder)
        .env_remove("ANDON_URL")
        .env_remove("ANDON_TOKEN")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The JSON of a command that must succeed.
pub(crate) fn json(folder: &Path, arguments: &[&str]) -> Value {
    let output = andon(folder, arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&output.stdout)))
}

/// What a command that must fail with a code said on standard error.
pub(crate) fn complaint(folder: &Path, code: i32, arguments: &[&str]) -> String {
    let output = andon(folder, arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output.stdout));
    text(&output.stderr)
}

/// A folder with a policy, a mapping and a table: 300 good outputs, 20 bad ones, one a minute, a
/// row twice and a row that can't be read; then 40 days of nothing, and one more.
fn table() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let start: Time = "2026-01-01T00:00:00Z".parse().unwrap();
    let mut rows = "n,workflow,status,at\nq,quiet,ok,2026-01-01T00:00:00Z\n".to_owned();
    for n in 0..320 {
        let status = if n < 300 { "ok" } else { "refused" };
        writeln!(rows, "{n},drafts,{status},{}", start.plus(n * Time::MINUTE)).unwrap();
    }
    writeln!(rows, "5,drafts,ok,{}", start.plus(5 * Time::MINUTE)).unwrap();
    writeln!(rows, "6,drafts,ok,yesterday").unwrap();
    writeln!(rows, "7,stranger,ok,{}", start.plus(320 * Time::MINUTE)).unwrap();
    writeln!(rows, "900,drafts,ok,{}", start.plus(40 * Time::DAY)).unwrap();
    std::fs::write(folder.path().join("outputs.csv"), rows).unwrap();
    std::fs::write(folder.path().join("policy.toml"), POLICY).unwrap();
    std::fs::write(folder.path().join("mapping.toml"), MAPPING).unwrap();
    folder
}

const IMPORT: [&str; 6] = ["import", "--config", "policy.toml", "--mapping", "mapping.toml", "outputs.csv"];

fn import(folder: &Path, more: &[&str]) -> Value {
    json(folder, &[&IMPORT, more, &["--json"]].concat())
}

#[test]
fn help_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "",
        "import",
        "simulate",
        "demo",
        "mode",
        "why",
        "incidents",
        "gate",
        "promote",
        "requests",
        "annul",
        "ready",
        "lab",
        "intake",
        "base",
        "backtest",
        "ledger",
        "check",
        "serve",
        "openapi",
        "power",
        "calibrate",
        "token",
    ] {
        let arguments: Vec<_> = [name, "--help"].into_iter().filter(|argument| !argument.is_empty()).collect();
        let output = andon(folder.path(), &arguments);
        assert!(output.status.success());
        let help = text(&output.stdout);
        assert!(name.is_empty() || help.contains("Example"), "{help}");
        if matches!(name, "" | "import") {
            insta::assert_snapshot!(format!("help_{name}"), help);
        }
    }
    for wrong in [&["frobnicate"][..], &[], &["mode"], &["mode", "a/b"], &["why", "w", "--at", "yesterday"]] {
        complaint(folder.path(), 64, wrong);
    }
    complaint(folder.path(), 64, &["mode", "w", "--lower", "assist"]);
    let output = andon(folder.path(), &["openapi"]);
    assert!(serde_json::from_slice::<Value>(&output.stdout).unwrap()["paths"]["/v1/events"].is_object());
}

#[test]
fn check_says_what_is_wrong_and_exits_64() {
    let folder = table();
    let good = json(folder.path(), &["check", "policy.toml", "--json"]);
    assert_eq!((good["workflows"].as_u64(), good["guards"].as_u64()), (Some(2), Some(3)));
    assert!(text(&andon(folder.path(), &["check", "policy.toml"]).stdout).contains("is good"));
    std::fs::write(folder.path().join("bad.toml"), POLICY.replace("bound = 0.05", "bound = 5")).unwrap();
    assert!(complaint(folder.path(), 64, &["check", "bad.toml"]).contains("bad.toml:8"));
    let output = andon(folder.path(), &["check", "bad.toml", "--json"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(serde_json::from_slice::<Value>(&output.stdout).is_ok());
    assert!(complaint(folder.path(), 64, &["check", "none.toml"]).contains("config.example.toml"));
}

#[test]
fn check_reads_the_files_of_baselines_from_the_folder_of_the_policy() {
    let folder = table();
    let learned = |name: &str, sample: &str| {
        format!("[[workflow.guard]]\nsignal = \"sla\"\nname = \"{name}\"\nbaseline = {{ {sample} }}\n")
    };
    let guards = [learned("filed", "file = \"baselines/sla.csv\""), learned("first", "outputs = 500")].concat();
    std::fs::create_dir_all(folder.path().join("deep/baselines")).unwrap();
    std::fs::write(folder.path().join("deep/policy.toml"), format!("{POLICY}\n{guards}")).unwrap();
    let missing = complaint(folder.path(), 64, &["check", "deep/policy.toml"]);
    assert!(missing.contains("\"baselines/sla.csv\" can't be read"), "{missing}");
    std::fs::write(folder.path().join("deep/baselines/sla.csv"), "sla_missed\n".to_owned() + &"0\n".repeat(100))
        .unwrap();
    let good = json(folder.path(), &["check", "deep/policy.toml", "--json"]);
    let learning = good["learning"].as_object().unwrap();
    assert!(learning.len() == 1 && learning.values().all(|names| *names == serde_json::json!(["first"])), "{good}");
    let said = text(&andon(folder.path(), &["check", "deep/policy.toml"]).stdout);
    assert!(said.contains("the guard first judges nothing until its baseline is pinned"), "{said}");
    assert!(!said.contains("filed"), "{said}");
}

#[test]
fn the_examples_are_good_policies() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut policies = 0;
    for entry in std::fs::read_dir(&examples).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.starts_with("policy-") {
            json(&examples, &["check", &name, "--json"]);
            policies += 1;
        }
    }
    assert!(policies >= 4);
}

#[test]
fn an_import_finds_the_break_on_the_clock_of_its_rows() {
    let folder = table();
    let report = import(folder.path(), &[]);
    assert_eq!((report["rows"].as_u64(), report["accepted"].as_u64()), (Some(325), Some(322)), "{report}");
    assert_eq!(report["duplicates"], 1);
    assert_eq!(
        (&report["refused"]["invalid_value"]["count"], &report["refused"]["unknown_workflow"]["count"]),
        (&1.into(), &1.into()),
        "{report}"
    );
    let drafts = &report["workflows"]["drafts"];
    assert_eq!((&drafts["outputs"], &drafts["exceptions"]), (&321.into(), &20.into()));
    assert_eq!((&drafts["start_mode"], &drafts["mode"]), (&"automate".into(), &"assist".into()));
    let change = &drafts["changes"][0];
    assert_eq!((&change["at_output"], &change["changed_at_output"]), (&306.into(), &301.into()), "{change}");
    assert_eq!(
        (&change["cause"], &change["guard"], &change["n"]),
        (&"breach".into(), &"exception_rate".into(), &6.into())
    );
    // The first failing row is a minute before the second: how sure can one be that it wasn't that one?
    assert!(change["changed_at"].as_str().unwrap().starts_with("2026-01-01T05:00:0"), "{change}");
    let latency = &drafts["guards"][1];
    assert_eq!((&latency["state"], &latency["estimate"], &latency["n"]), (&"no_data".into(), &Value::Null, &0.into()));
    // Its only output was at midnight: the silence ends half an hour later to the millisecond.
    let quiet = &report["workflows"]["quiet"]["changes"][0];
    assert_eq!((&quiet["time"], &quiet["at_output"]), (&"2026-01-01T00:30:00.000Z".into(), &1.into()));
    let output = andon(folder.path(), &IMPORT);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("andon-import-outputs") && said.contains("--append"), "{said}");
    let again = import(folder.path(), &["--append"]);
    assert_eq!((&again["accepted"], &again["duplicates"]), (&0.into(), &323.into()), "{again}");
    assert_eq!(again["workflows"]["drafts"]["outputs"], 321);
}

#[test]
fn evidence_lapses_at_its_time_and_not_against_today() {
    let folder = table();
    let rows = "n,workflow,status,at\n1,drafts,ok,2020-01-01T00:00:00Z\n2,drafts,ok,2020-01-30T00:00:00Z\n\
        3,drafts,ok,2020-03-15T00:00:00Z\n4,drafts,ok,2020-03-14T00:00:00Z\n";
    std::fs::write(folder.path().join("outputs.csv"), rows).unwrap();
    let report = import(folder.path(), &["--store", "s"]);
    let changes = report["workflows"]["drafts"]["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!((&changes[0]["cause"], &changes[0]["at_output"]), (&"lapse".into(), &2.into()));
    assert_eq!(changes[0]["time"], "2020-02-29T00:00:00.000Z");
    // The snapshot holds all of it: a daemon that opens the store has nothing to replay.
    let (store, _) = Store::open(&folder.path().join("s"), StoreOptions::default()).unwrap();
    let board = Arc::new(Board::new(Arc::new(ManualClock::new(Time::EPOCH))));
    let options = EngineOptions { dedup_window_ms: i64::MAX, dedup_max: 1_000, check_times: false };
    let (engine, started) = Engine::open(store, board, Metrics::new().unwrap(), options, Time::EPOCH).unwrap();
    assert_eq!((started.replayed, engine.monitor().workflows().len()), (0, 2));
}

#[test]
fn a_dry_run_leaves_nothing_and_tables_are_for_people() {
    let folder = table();
    let report = import(folder.path(), &["--dry-run"]);
    assert_eq!(report["workflows"]["drafts"]["outputs"], 322);
    assert_eq!(report["refused"]["unknown_workflow"]["count"], 1);
    assert!(!folder.path().join("andon-import-outputs").exists());
    let output = andon(folder.path(), &IMPORT);
    let said = text(&output.stdout);
    for part in ["drafts", "automate → assist", "no latency reported in 321 outputs", "outputs.csv line 324"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
    std::fs::write(folder.path().join("mapping.toml"), MAPPING.replace("{n}", "{number}")).unwrap();
    let said = complaint(folder.path(), 64, &IMPORT);
    assert!(said.contains("no column `number`"), "{said}");
    std::fs::write(folder.path().join("mapping.toml"), MAPPING.replace("time =", "# time =")).unwrap();
    assert!(complaint(folder.path(), 64, &IMPORT).contains("spacing"));
    std::fs::write(folder.path().join("mapping.toml"), "colour = 1").unwrap();
    assert!(complaint(folder.path(), 64, &IMPORT).contains("mapping.toml"));
}

/// A daemon of its own, ended with the test.
struct Daemon {
    child: Child,
    url: String,
}

impl Daemon {
    fn start(folder: &Path) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!("[server]\nlisten = \"127.0.0.1:{port}\"\n[store]\npath = \"store\"\n{POLICY}");
        std::fs::write(folder.join("daemon.toml"), config).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_andon"));
        command.args(["serve", "--config", "daemon.toml"]).current_dir(folder).stderr(Stdio::null());
        let daemon = Self { child: command.spawn().unwrap(), url: format!("http://127.0.0.1:{port}") };
        let ready = format!("{}/readyz", daemon.url);
        let clock = SystemClock::default();
        let agent: ureq::Agent = ureq::Agent::config_builder().proxy(None).build().into();
        while agent.get(&ready).call().is_err() {
            assert!(clock.monotonic_ms() < 20_000, "the daemon did not become ready");
            std::thread::park_timeout(Duration::from_millis(10));
        }
        daemon
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn a_daemon_is_fed_asked_and_ordered_from_the_shell() {
    let folder = table();
    let daemon = Daemon::start(folder.path());
    let ask = |arguments: &[&str]| json(folder.path(), &[arguments, &["--url", &daemon.url, "--json"]].concat());
    let simulate = ["simulate", "--workflow", "drafts", "--outputs", "900", "--rate", "5000", "--run", "r"];
    let summary = ask(&[&simulate[..], &["--scenario", "sudden-break", "--change-at", "301"]].concat());
    assert_eq!((&summary["accepted"], &summary["mode_before"]), (&900.into(), &"automate".into()), "{summary}");
    let change = &summary["changes"][0];
    let at = change["at_output"].as_u64().unwrap();
    assert!((301..360).contains(&at) && change["from"] == "automate", "{summary}");
    let mode = ask(&["mode", "drafts"]);
    assert_eq!(
        (&mode["mode"], &mode["cause"], &mode["guard"]),
        (&"assist".into(), &"breach".into(), &"exception_rate".into())
    );
    let why = ask(&["why", "drafts"]);
    assert_eq!(why["entry"]["breach"]["output"], format!("r-drafts-{at}"));
    let told = text(&andon(folder.path(), &["why", "drafts", "--url", &daemon.url]).stdout);
    assert!(told.contains("bound    0.05 in automate") && told.contains("completed the evidence"), "{told}");
    let before = ask(&["why", "drafts", "--at", why["entry"]["time"].as_str().unwrap()]);
    assert_eq!(before["epoch"], 2);
    let repeated = ask(&simulate);
    assert_eq!((&repeated["accepted"], &repeated["duplicates"]), (&0.into(), &900.into()));

    let incident = ask(&["incidents"])["incidents"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(ask(&["incidents", "ack", &incident, "--note", "seen"])["status"], "acknowledged");
    assert_eq!(ask(&["incidents", "resolve", &incident])["status"], "resolved");
    assert_eq!(ask(&["incidents"])["incidents"].as_array().unwrap().len(), 0);

    let held = ask(&["mode", "quiet", "--hold", "--reason", "launch week"]);
    assert_eq!(held["held"], "launch week");
    assert_eq!(ask(&["mode", "quiet", "--lower", "collaborate", "--reason", "look first"])["mode"], "collaborate");
    let up =
        complaint(folder.path(), 1, &["mode", "quiet", "--lower", "automate", "--reason", "up", "--url", &daemon.url]);
    assert!(up.contains("promotion gate"), "{up}");
    assert_eq!(ask(&["mode", "--stop-all", "--reason", "drill"])["modes"]["quiet"]["mode"], "assist");
    assert!(complaint(folder.path(), 1, &["mode", "nobody", "--url", &daemon.url]).contains("no workflow `nobody`"));
    let unknown = andon(folder.path(), &["simulate", "--workflow", "nobody", "--url", &daemon.url]);
    assert!(unknown.status.code() == Some(1) && text(&unknown.stdout).contains("unknown_workflow"));

    std::fs::write(folder.path().join("mapping.toml"), MAPPING.replace("time =", "# time =")).unwrap();
    let sent = ask(&["import", "--mapping", "mapping.toml", "outputs.csv"]);
    assert_eq!((&sent["accepted"], &sent["duplicates"]), (&322.into(), &2.into()), "{sent}");
}

#[test]
fn without_a_daemon_it_is_said_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for arguments in [&["mode", "w"][..], &["why", "w"], &["incidents"], &["simulate", "--workflow", "w"]] {
        let said = complaint(folder.path(), 1, &[arguments, &["--url", &port.to_string()]].concat());
        assert!(said.contains("no andon answers") && said.contains("andon serve"), "{said}");
    }
    assert!(complaint(folder.path(), 64, &["mode", "w", "--url", "https://h"]).contains("plain http"));
}

#[test]
fn the_demo_shows_demotions_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_andon"));
    command.args(["demo", "--seconds", "8", "--pace", "8", "--port", "0", "--json"]).env("TMPDIR", folder.path());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let story: Vec<Value> = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let lowered: Vec<_> = story.iter().filter(|line| line["kind"] == "mode_changed").collect();
    for id in ["email-drafts", "ad-variants", "invoice-reader"] {
        assert!(lowered.iter().any(|line| line["workflow"] == id && line["reason"] != ""), "{id}: {story:?}");
    }
    assert!(lowered.iter().all(|line| line["workflow"] != "ticket-router"), "{story:?}");
    assert_eq!(story.last().unwrap()["kind"], "ended");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
