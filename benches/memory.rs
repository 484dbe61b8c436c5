//! How much memory many workflows need after weeks of traffic.
//!
//! Owns the traffic: the whole daemon in this process on a clock that is moved by hand, so that
//! all windows up to 30 days hold slots. The memory of the table of known ids follows from its
//! number of ids and is shown apart.

use crate::client::Client;
use crate::events::{Batch, configuration};
use crate::measure::{self, number, status_bytes};
use crate::{Options, Outcome, say};
use andon::app::App;
use andon::clock::{Clock as _, ManualClock};
use andon::domain::Time;
use std::net::SocketAddr;
use std::sync::Arc;

/// 2026-11-20T12:00:00Z; any time will do.
const START: Time = Time(1_795_176_000_000);
const MIB: u64 = 1 << 20;

pub(crate) fn run(options: &Options) -> Outcome {
    let (workflows, events) = (options.get("workflows", 1_000), options.get("events", 5_000_000));
    let days = i64::from(options.get("days", 30));
    let folder = tempfile::tempdir()?;
    let store = folder.path().join("store").display().to_string();
    let text = configuration("127.0.0.1:0", &store, workflows);
    let settings = andon::config::load(&text, "bench").map_err(|problems| problems.to_string())?;
    let clock = Arc::new(ManualClock::new(START));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let alone = resident();
    let app = runtime.block_on(App::start(settings, None, Arc::clone(&clock) as Arc<_>))?;
    say(format!("{workflows} workflows of 5 guards, no event yet: {} MiB more than without", more(alone)));
    let ids = traffic(app.address(), &clock, workflows, events, days * Time::DAY)?;
    let peak = status_bytes(std::process::id(), "VmHWM") / MIB;
    let table = table_bytes(ids);
    let all = more(alone);
    say(format!("{events} events over {days} days: {all} MiB more than without (peak of the process {peak} MiB)"));
    say(format!("  of which the table of {ids} known ids {} MiB, by computation", table / MIB));
    let rest = all.saturating_sub(table / MIB);
    say(format!("  of which the rest {rest} MiB: {:.0} KiB a workflow", number(rest * 1_024) / f64::from(workflows)));
    let disk = measure::folder_bytes(&folder.path().join("store"));
    say(format!("  on disk {} MiB: {:.0} B an event", disk / MIB, number(disk) / f64::from(events)));
    runtime.block_on(app.stop());
    Ok(())
}

fn resident() -> u64 {
    status_bytes(std::process::id(), "VmRSS")
}

fn more(than: u64) -> u64 {
    resident().saturating_sub(than) / MIB
}

/// Sends the events while the clock goes through `span_ms`; returns how many ids are remembered.
pub(crate) fn traffic(
    address: SocketAddr,
    clock: &ManualClock,
    workflows: u32,
    events: u32,
    span_ms: i64,
) -> Result<u64, Box<dyn std::error::Error>> {
    let mut client = Client::connect(address)?;
    let mut batch = Batch::new(1_000, workflows, 0, None);
    let batches = events / 1_000;
    let step_ms = span_ms / i64::from(batches.max(1));
    for number in 0..batches {
        let (status, answer) = client.post(batch.stamp(u64::from(number)))?;
        if status != 200 || !answer.starts_with(b"{\"accepted\":1000,") {
            return Err(format!("{status}: {}", String::from_utf8_lossy(answer)).into());
        }
        clock.advance(step_ms);
        if number % 1_000 == 999 {
            say(format!("  {} events, {}: {} MiB resident", (number + 1) * 1_000, clock.now(), resident() / MIB));
        }
    }
    // Gauges and the last snapshot follow within a second of the machine's own time.
    clock.advance(Time::MINUTE);
    std::thread::sleep(std::time::Duration::from_secs(2));
    let metrics = String::from_utf8_lossy(client.get("/metrics")?).into_owned();
    let ids = metrics.lines().find_map(|line| line.strip_prefix("andon_dedup_ids ")?.parse().ok());
    ids.ok_or_else(|| "the metrics don't tell the number of known ids".into())
}

/// The table has four generations, each a hash table of 16 bytes and a control byte a place, with
/// a power of two of places of which at most seven eighths are taken.
const fn table_bytes(ids: u64) -> u64 {
    let places = (ids / 4 * 8).div_ceil(7).next_power_of_two();
    4 * places * 17
}
