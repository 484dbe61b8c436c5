//! The real daemon, killed ten times under load: nothing acknowledged is lost or counted twice.
//!
//! What a killed process had written is all there for the next one; what a power cut takes away is
//! tried in `sim` and `store`. Clients send what was not acknowledged again until it is.

#![cfg(test)]

use super::front::http::try_send;
use super::front::until;
use andon::domain::Money;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

const KILLS: usize = 10;
const CLIENTS: usize = 4;

/// The process, and where it listens.
pub(crate) struct Daemon {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Daemon {
    pub(crate) fn start(config: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_andon"));
        command.args(["serve", "--config"]).arg(config).env("ANDON_LOG", "info").env("NO_COLOR", "1");
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut log = String::new();
        let address = loop {
            let line = lines.next().unwrap_or_else(|| panic!("the daemon ended:\n{log}")).unwrap();
            log.push_str(&line);
            log.push('\n');
            if let Some((_, rest)) = line.split_once("listens on http://") {
                let address: String = rest.chars().take_while(|c| c.is_ascii_digit() || ".:".contains(*c)).collect();
                break address.parse().unwrap();
            }
        };
        // Read on, so that the daemon never waits for somebody to read its log.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Self { child, address }
    }

    /// Asks it to stop, as a service manager does.
    pub(crate) fn terminate(&self) {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(told.unwrap().success());
    }

    /// Whether it has ended by itself, and well.
    pub(crate) fn has_ended(&mut self) -> bool {
        let ended = self.child.try_wait().unwrap();
        assert!(ended.is_none_or(|how| how.success()), "{ended:?}");
        ended.is_some()
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may be dead already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What the clients share.
struct Load {
    address: Mutex<SocketAddr>,
    stop: AtomicBool,
    acknowledged: AtomicU64,
    /// Lowest level and highest epoch of all answers, by workflow.
    seen: Mutex<BTreeMap<String, (u64, u64)>>,
}

impl Load {
    fn note(&self, workflow: &str, now: &Value) {
        let (level, epoch) = (now["level"].as_u64().unwrap(), now["epoch"].as_u64().unwrap());
        let mut seen = self.seen.lock().unwrap();
        let known = seen.entry(workflow.to_owned()).or_insert((level, epoch));
        *known = (known.0.min(level), known.1.max(epoch));
    }

    /// Sends a batch until somebody acknowledges it.
    fn deliver(&self, batch: &[Value]) {
        let body: Vec<u8> = batch.iter().flat_map(|event| format!("{event}\n").into_bytes()).collect();
        until("a batch is acknowledged", || {
            let to = *self.address.lock().unwrap();
            let answer = try_send(to, "POST", "/v1/events", &[("content-type", "application/x-ndjson")], &body);
            let Some(answer) = answer.filter(|answer| answer.status == 200) else { return false };
            let answer = answer.json();
            assert_eq!(answer["rejected"], json!([]), "{answer}");
            let all = answer["accepted"].as_u64().unwrap() + answer["duplicates"].as_u64().unwrap();
            assert_eq!(all, batch.len() as u64, "{answer}");
            answer["modes"].as_object().unwrap().iter().for_each(|(workflow, now)| self.note(workflow, now));
            self.acknowledged.fetch_add(1, Ordering::SeqCst);
            true
        });
    }

    /// One client: batches of growing and shrinking size until told to stop; what it sent, by workflow.
    fn client(&self, client: usize) -> BTreeMap<String, (u64, Money)> {
        let mut sent: BTreeMap<String, (u64, Money)> = BTreeMap::new();
        let mut number = 0_u64;
        for round in 0_usize.. {
            if self.stop.load(Ordering::SeqCst) {
                break;
            }
            let batch: Vec<Value> = (0..=round % 23)
                .map(|n| {
                    number += 1;
                    let workflow = format!("w{}", (client + n) % CLIENTS);
                    let micros = (number * 31 + client as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 30;
                    let cost = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
                    let known = sent.entry(workflow.clone()).or_insert((0, Money::ZERO));
                    *known = (known.0 + 1, known.1 + cost.parse().unwrap());
                    // From time to time one workflow fails badly enough to be lowered.
                    let failed = round % 40 > 36 && n % CLIENTS == round / 40 % CLIENTS;
                    let outcome = if failed { "exception" } else { "ok" };
                    json!({"id": format!("{client}-{number}"), "workflow": workflow, "outcome": outcome, "cost": cost})
                })
                .collect();
            self.deliver(&batch);
        }
        sent
    }
}

fn get(to: SocketAddr, path: &str) -> Value {
    try_send(to, "GET", path, &[], b"").unwrap_or_else(|| panic!("{path}: no answer")).ok()
}

fn check_modes(load: &Load, to: SocketAddr, seen: &BTreeMap<String, (u64, u64)>) {
    for (workflow, (level, epoch)) in seen {
        let now = get(to, &format!("/v1/workflows/{workflow}/mode"));
        assert!(now["level"].as_u64().unwrap() <= *level, "{workflow} was at {level} before the kill: {now}");
        assert!(now["epoch"].as_u64().unwrap() >= *epoch, "{workflow} was at epoch {epoch} before the kill: {now}");
        load.note(workflow, &now);
    }
}

/// The chain of hashes is whole through all kills, read beside the daemon.
fn check_chain(folder: &Path) {
    let verify = ["ledger", "verify", "--store", "data"];
    let output = Command::new(env!("CARGO_BIN_EXE_andon")).args(verify).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

fn check_ledger(to: SocketAddr) {
    let (mut entries, mut after) = (Vec::new(), 0);
    loop {
        let page = get(to, &format!("/v1/ledger?limit=1000&after={after}"));
        entries.extend(page["entries"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_u64() else { break };
        after = next;
    }
    let mut epochs: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for (n, entry) in entries.iter().enumerate() {
        assert_eq!(entry["ledger_seq"], n + 1, "the ledger has a gap or a repeat");
        if let Some(epoch) = entry["epoch"].as_u64() {
            epochs.entry(entry["workflow"].as_str().unwrap().to_owned()).or_default().push(epoch);
        }
    }
    let starts = entries.iter().filter(|entry| entry["kind"] == "started").count();
    assert_eq!(starts, KILLS + 1);
    for (workflow, found) in epochs {
        let now = get(to, &format!("/v1/workflows/{workflow}/mode"))["epoch"].as_u64().unwrap();
        assert_eq!(found, (2..=now).collect::<Vec<_>>(), "{workflow}: each change once, in order");
    }
}

#[test]
fn ten_kills_under_load_lose_nothing_and_count_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("andon.toml");
    let workflows: String = (0..CLIENTS)
        .map(|n| {
            format!(
                "[[workflow]]\nid = \"w{n}\"\nstart_mode = \"automate\"\n[[workflow.guard]]\nsignal = \"exception_rate\"\n\
                 bound = {{ collaborate = 0.5, delegate = 0.2, automate = 0.1 }}\nblock = 1\n"
            )
        })
        .collect();
    let data = folder.path().join("data").display().to_string();
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[store]\npath = {data:?}\nsegment_bytes = \"1MiB\"\nsnapshot_every = \"1s\"\n\
         [budget]\noutputs_per_false_demotion = 1000\n{workflows}"
    );
    std::fs::write(&config, text).unwrap();
    let mut daemon = Daemon::start(&config);
    let load = Arc::new(Load {
        address: Mutex::new(daemon.address),
        stop: AtomicBool::new(false),
        acknowledged: AtomicU64::new(0),
        seen: Mutex::default(),
    });
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let load = Arc::clone(&load);
            std::thread::spawn(move || load.client(client))
        })
        .collect();
    for kill in 0..KILLS {
        let before = load.acknowledged.load(Ordering::SeqCst);
        // Not always the same distance from the start, so that it hits other moments.
        let wanted = before + 20 + 37 * (kill as u64 % 4);
        until("the clients are at work", || load.acknowledged.load(Ordering::SeqCst) >= wanted);
        daemon.kill();
        let seen = load.seen.lock().unwrap().clone();
        daemon = Daemon::start(&config);
        check_modes(&load, daemon.address, &seen);
        *load.address.lock().unwrap() = daemon.address;
    }
    load.stop.store(true, Ordering::SeqCst);
    let mut sent: BTreeMap<String, (u64, Money)> = BTreeMap::new();
    for client in clients {
        for (workflow, (outputs, cost)) in client.join().unwrap() {
            let known = sent.entry(workflow).or_insert((0, Money::ZERO));
            *known = (known.0 + outputs, known.1 + cost);
        }
    }
    for (workflow, (outputs, cost)) in &sent {
        let view = get(daemon.address, &format!("/v1/workflows/{workflow}"));
        assert_eq!(view["outputs_total"], *outputs, "{workflow}");
        let found: Money = view["windows"]["1d"]["cost"].as_str().unwrap().parse().unwrap();
        assert_eq!(found, *cost, "{workflow}: the same number, but not the same outputs");
    }
    let seen = load.seen.lock().unwrap().clone();
    check_modes(&load, daemon.address, &seen);
    assert!(seen.values().any(|(level, _)| *level < 3), "something must have been lowered");
    check_ledger(daemon.address);
    check_chain(folder.path());
}
