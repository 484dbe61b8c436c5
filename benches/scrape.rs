//! What a scrape costs: CPU of the daemon and bytes of the answer.
//!
//! Owns the measurement. The whole daemon runs in this process on a clock that is moved by hand, with
//! weeks of traffic behind it; between two scrapes every workflow takes outputs, as in real life.

use crate::client::Client;
use crate::events::{Batch, configuration};
use crate::measure::{self, Sample, cpu_by_thread, median, number};
use crate::{Options, Outcome, memory, say};
use andon::app::App;
use andon::clock::ManualClock;
use andon::domain::Time;
use std::sync::Arc;

/// 2026-11-20T12:00:00Z; any time will do.
const START: Time = Time(1_795_176_000_000);
/// Time between two scrapes, as Prometheus has it by default in many places.
const INTERVAL_MS: i64 = 15_000;

pub(crate) fn run(options: &Options) -> Outcome {
    let workflows = options.get("workflows", 1_000);
    let events = options.get("events", workflows * 1_000);
    let (days, scrapes) = (i64::from(options.get("days", 30)), options.get("scrapes", 30));
    let folder = tempfile::tempdir()?;
    let store = folder.path().join("store").display().to_string();
    let text = configuration("127.0.0.1:0", &store, workflows);
    let settings = andon::config::load(&text, "bench").map_err(|problems| problems.to_string())?;
    let clock = Arc::new(ManualClock::new(START));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let app = runtime.block_on(App::start(settings, None, Arc::clone(&clock) as Arc<_>))?;
    memory::traffic(app.address(), &clock, workflows, events, days * Time::DAY)?;
    let mut client = Client::connect(app.address())?;
    let mut batch = Batch::new(workflows, workflows, 1, None);
    let (mut cpu_ms, mut wall) = (Vec::new(), Sample::default());
    let (mut bytes, mut series) = (0, 0);
    for round in 0..u64::from(scrapes) {
        client.post(batch.stamp(round))?;
        clock.advance(INTERVAL_MS);
        let (before, begun) = (daemon_ns(), measure::now());
        let answer = client.get("/metrics")?;
        wall.add(begun.elapsed());
        cpu_ms.push(number(daemon_ns() - before) / 1e6);
        bytes = answer.len();
        series = answer.split(|byte| *byte == b'\n').filter(|line| !line.is_empty() && line[0] != b'#').count();
    }
    let most = cpu_ms.iter().copied().fold(0.0, f64::max);
    say(format!(
        "{workflows} workflows of 5 guards, {events} events over {days} days: {series} series in {:.2} MB",
        number(bytes as u64) / 1e6
    ));
    say(format!("  CPU of the daemon a scrape: median {:.1} ms, most {most:.1} ms of {scrapes}", median(&mut cpu_ms)));
    say(format!("  until the whole answer was read: {}", wall.quantiles(&[500, 990])));
    runtime.block_on(app.stop());
    Ok(())
}

/// CPU time of the threads that a scrape passes through. What goes on beside it (a snapshot falls due as the clock is
/// moved) is not its cost, and this thread is the scraper.
fn daemon_ns() -> u64 {
    let by_thread = cpu_by_thread(std::process::id());
    by_thread.iter().filter(|(name, _)| name.starts_with("tokio") || *name == "driver").map(|(_, ns)| ns).sum()
}
