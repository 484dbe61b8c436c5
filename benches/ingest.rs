//! How many events a second the daemon takes, durable and counted, and what readers feel meanwhile.
//!
//! Owns the load: the release binary on a store of its own, on loopback, with the sender on the
//! same machine. CPU time is the daemon's alone and hardly moves with other work on the machine;
//! times and rates do, so the load before the run and the share of others are printed beside them.

use crate::client::Client;
use crate::events::{Batch, configuration};
use crate::measure::{self, Sample, median, number};
use crate::{Options, Outcome, say};
use andon::clock::{Clock as _, SystemClock};
use andon::domain::Time;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Load before the measurement begins, seconds.
const WARM_UP: Duration = Duration::from_secs(2);
/// Length of a slice, of which the median counts.
const SLICE: Duration = Duration::from_millis(500);
/// Reads of a mode are this far apart: a workflow asks, works, and asks again.
const READ_EVERY: Duration = Duration::from_millis(1);

/// The daemon; killed when dropped.
struct Daemon {
    child: Child,
    address: SocketAddr,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Daemon {
    fn start(folder: &Path, workflows: u32) -> Result<Self, Box<dyn std::error::Error>> {
        // The port is free now; nobody else on a test machine takes it within a second.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let file = folder.join("andon.toml");
        let store = folder.join("store").display().to_string();
        std::fs::write(&file, configuration(&address.to_string(), &store, workflows))?;
        let log = std::fs::File::create(folder.join("andon.log"))?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_andon"));
        let child = command.args(["serve", "--config"]).arg(&file).stdout(Stdio::null()).stderr(log).spawn()?;
        let daemon = Self { child, address };
        for _ in 0..100 {
            std::thread::sleep(Duration::from_millis(100));
            if Client::connect(address).is_ok_and(|mut client| client.get("/readyz").is_ok()) {
                return Ok(daemon);
            }
        }
        let log = std::fs::read_to_string(folder.join("andon.log"))?;
        Err(format!("the daemon did not become ready:\n{log}").into())
    }
}

/// What the threads of the load share.
#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    measure: AtomicBool,
    accepted: AtomicU64,
    turned_away: AtomicU64,
    batches: AtomicU64,
}

pub(crate) fn run(options: &Options) -> Outcome {
    let (connections, seconds) = (options.get("connections", 8), options.get("seconds", 10).max(1));
    let (events, workflows) = (options.get("batch", 1_000).max(1), options.get("workflows", 100).max(1));
    let late_ms = i64::from(options.get("late-minutes", 0)) * Time::MINUTE;
    let folder = tempfile::tempdir()?;
    let daemon = Daemon::start(folder.path(), workflows)?;
    let time = Time(SystemClock::default().now().0 - late_ms);
    let batch = Batch::new(events, workflows, 0, Some(time));
    say(format!(
        "{workflows} workflows of 5 guards; batches of {events} events, {} B an event; store in {}",
        batch.bytes() / batch.events(),
        folder.path().display()
    ));
    say(format!("fdatasync of {} KiB alone: {}", batch.bytes() / 1_024, sync_alone(folder.path(), batch.bytes())?));
    let shared = Arc::new(Shared::default());
    let mut alone = Sample::default();
    let mut client = Client::connect(daemon.address)?;
    let mut quiet = batch.clone();
    for _ in 0..200 {
        send(&mut client, &mut quiet, &shared, &mut alone)?;
    }
    say(format!("one connection, a batch acknowledged durable: {}", alone.quantiles(&[500, 900, 990])));
    say(format!("mode read, daemon idle: {}", reads(daemon.address, 2_000)?.quantiles(&[500, 990, 999])));
    load(&daemon, &batch, &shared, connections, seconds)
}

fn load(daemon: &Daemon, batch: &Batch, shared: &Arc<Shared>, connections: u32, seconds: u32) -> Outcome {
    let senders: Vec<JoinHandle<_>> = (0..connections)
        .map(|_| {
            let (shared, address, batch) = (Arc::clone(shared), daemon.address, batch.clone());
            std::thread::spawn(move || sender(address, batch, &shared))
        })
        .collect();
    let reader = {
        let (shared, address) = (Arc::clone(shared), daemon.address);
        std::thread::spawn(move || reader(address, &shared))
    };
    std::thread::sleep(WARM_UP);
    shared.measure.store(true, Ordering::Relaxed);
    let pid = daemon.child.id();
    let (before, own_before) = (measure::cpu_by_thread(pid), measure::cpu_by_thread(std::process::id()));
    let (busy, start, first) = (measure::busy_ticks(), measure::now(), shared.accepted.load(Ordering::Relaxed));
    let mut slices = Vec::new();
    for _ in 0..seconds * 2 {
        let (at, count) = (measure::now(), shared.accepted.load(Ordering::Relaxed));
        std::thread::sleep(SLICE);
        let more = shared.accepted.load(Ordering::Relaxed) - count;
        slices.push(number(more) / at.elapsed().as_secs_f64());
    }
    let accepted = shared.accepted.load(Ordering::Relaxed) - first;
    let elapsed = start.elapsed().as_secs_f64();
    let (after, own) = (measure::cpu_by_thread(pid), measure::cpu_by_thread(std::process::id()));
    let everybody = number(measure::busy_ticks() - busy) * 1e7;
    shared.stop.store(true, Ordering::Relaxed);
    let mut acknowledged = Sample::default();
    for sender in senders {
        acknowledged.merge(sender.join().map_err(|_| "a sender failed")??);
    }
    let mut read = reader.join().map_err(|_| "the reader failed")??;

    slices.sort_unstable_by(f64::total_cmp);
    let (least, most) = (slices.first().copied().unwrap_or(0.0), slices.last().copied().unwrap_or(0.0));
    let rate = median(&mut slices);
    say(format!("sustained, {connections} connections: {rate:.0} events/s (slices of 0.5 s: {least:.0} to {most:.0})"));
    say(format!("  acknowledged durable, a batch: {}", acknowledged.quantiles(&[500, 990])));
    say(format!("  mode read meanwhile: {}", read.quantiles(&[500, 990, 999])));
    let spent = |of: &std::collections::BTreeMap<String, u64>| of.values().sum::<u64>();
    let daemon_ns = spent(&after) - spent(&before);
    let own_ns = spent(&own) - spent(&own_before);
    say(format!("  daemon: {:.0} ns of CPU an event, of which", number(daemon_ns) / number(accepted)));
    for (thread, ns) in &after {
        let ns = ns - before.get(thread).copied().unwrap_or(0);
        say(format!("    {thread:<18}{:>6.0} ns   {:>5.2} cores", per(ns, accepted), number(ns) / 1e9 / elapsed));
    }
    let others = (everybody - number(daemon_ns) - number(own_ns)).max(0.0) / 1e9 / elapsed;
    say(format!("  sender: {:.2} cores; others on this machine: {others:.2}", number(own_ns) / 1e9 / elapsed));
    say(format!("  turned away with 503 and sent again: {}", shared.turned_away.load(Ordering::Relaxed)));
    say(format!("  memory: {} MiB resident", measure::status_bytes(pid, "VmRSS") >> 20));
    let mut client = Client::connect(daemon.address)?;
    say(format!("  group commit: {}", commits(&String::from_utf8_lossy(client.get("/metrics")?))));
    Ok(())
}

fn per(ns: u64, events: u64) -> f64 {
    number(ns) / number(events)
}

/// Sends one batch until it is taken.
fn send(client: &mut Client, batch: &mut Batch, shared: &Shared, sample: &mut Sample) -> std::io::Result<()> {
    let expected = format!("{{\"accepted\":{},", batch.events());
    let body = batch.stamp(shared.batches.fetch_add(1, Ordering::Relaxed));
    loop {
        let start = measure::now();
        match client.post(body)? {
            (200, answer) if answer.starts_with(expected.as_bytes()) => {
                sample.add(start.elapsed());
                return Ok(());
            }
            (503, _) => {
                shared.turned_away.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(10));
            }
            (status, answer) => {
                let text = String::from_utf8_lossy(&answer[..answer.len().min(500)]);
                return Err(std::io::Error::other(format!("a batch was answered with {status}: {text}")));
            }
        }
    }
}

fn sender(address: SocketAddr, mut batch: Batch, shared: &Shared) -> std::io::Result<Sample> {
    let mut client = Client::connect(address)?;
    let (mut measured, mut thrown_away) = (Sample::default(), Sample::default());
    while !shared.stop.load(Ordering::Relaxed) {
        let measure = shared.measure.load(Ordering::Relaxed);
        let sample = if measure { &mut measured } else { &mut thrown_away };
        send(&mut client, &mut batch, shared, sample)?;
        shared.accepted.fetch_add(batch.events() as u64, Ordering::Relaxed);
    }
    Ok(measured)
}

fn reader(address: SocketAddr, shared: &Shared) -> std::io::Result<Sample> {
    let mut sample = Sample::default();
    while !shared.stop.load(Ordering::Relaxed) {
        let more = reads(address, 50)?;
        if shared.measure.load(Ordering::Relaxed) {
            sample.merge(more);
        }
    }
    Ok(sample)
}

/// Reads of a mode over one connection.
fn reads(address: SocketAddr, count: u32) -> std::io::Result<Sample> {
    let mut client = Client::connect(address)?;
    let mut sample = Sample::default();
    for _ in 0..count {
        let start = measure::now();
        client.get("/v1/workflows/workflow-0000/mode")?;
        sample.add(start.elapsed());
        std::thread::sleep(READ_EVERY);
    }
    Ok(sample)
}

/// The disk alone: one fdatasync after each write of `bytes` into a file that is there already.
fn sync_alone(folder: &Path, bytes: usize) -> std::io::Result<String> {
    use std::os::unix::fs::FileExt as _;
    let file = std::fs::File::create(folder.join("sync"))?;
    let (block, count) = (vec![1; bytes], 100);
    file.write_all_at(&vec![0; bytes * count], 0)?;
    file.sync_all()?;
    let mut sample = Sample::default();
    for n in 0..count {
        let start = measure::now();
        file.write_all_at(&block, (n * bytes) as u64)?;
        file.sync_data()?;
        sample.add(start.elapsed());
    }
    Ok(sample.quantiles(&[500, 990]))
}

/// Mean time and size of the group commits since the start, from `/metrics`.
fn commits(metrics: &str) -> String {
    let value = |name: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.parse::<f64>().ok()).unwrap_or(0.0)
    };
    let (count, sum) = (value("andon_journal_fsync_seconds_count"), value("andon_journal_fsync_seconds_sum"));
    let events = value("andon_group_commit_events_sum") / value("andon_group_commit_events_count");
    format!("{:.2} ms and {events:.0} events on average over {count:.0} commits", sum / count * 1e3)
}
