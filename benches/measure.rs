//! Clocks, counters of the operating system, and what is made of many measurements.
//!
//! Owns the reading of `/proc` and of the clock, and the statistics of a sample. Knows no andon.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

/// The time on a clock that only goes forward.
#[expect(clippy::disallowed_methods, reason = "a benchmark is about the time that passes")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Cores that this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Runnable tasks in the last one, five and fifteen minutes.
pub(crate) fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// CPU time of each thread of a process so far, nanoseconds, summed by the thread's name. Threads
/// that ended are missing: fine for threads that live as long as the load.
pub(crate) fn cpu_by_thread(pid: u32) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return sums };
    for task in tasks.flatten() {
        let read = |name: &str| fs::read_to_string(task.path().join(name)).unwrap_or_default();
        let spent = read("schedstat").split(' ').next().and_then(|ns| ns.parse::<u64>().ok());
        *sums.entry(read("comm").trim().to_owned()).or_default() += spent.unwrap_or(0);
    }
    sums
}

/// Busy time of all cores so far, in ticks of 10 ms: what everybody on the machine used.
pub(crate) fn busy_ticks() -> u64 {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let fields: Vec<u64> = stat.lines().next().unwrap_or_default().split(' ').filter_map(|f| f.parse().ok()).collect();
    // user, nice, system, (idle, iowait), irq, softirq
    [0, 1, 2, 5, 6].iter().filter_map(|at| fields.get(*at)).sum()
}

/// A value such as `VmRSS` of a process, bytes.
pub(crate) fn status_bytes(pid: u32, key: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<u64>().ok()).unwrap_or(0) * 1_024
}

/// Bytes that a folder takes on the disk, with everything below it.
pub(crate) fn folder_bytes(folder: &std::path::Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let bytes = entries.map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => folder_bytes(&entry.path()),
        Ok(metadata) => metadata.blocks() * 512,
        Err(_) => 0,
    });
    bytes.sum()
}

/// Many durations.
#[derive(Default)]
pub(crate) struct Sample(Vec<Duration>);

impl Sample {
    pub(crate) fn add(&mut self, duration: Duration) {
        self.0.push(duration);
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The quantiles `permille` of the sample, as text: `p50 1.20 ms, p99 3.40 ms`.
    pub(crate) fn quantiles(&mut self, permille: &[usize]) -> String {
        self.0.sort_unstable();
        let Some(last) = self.0.len().checked_sub(1) else { return "no measurement".to_owned() };
        let of = |permille: &usize| {
            let value = self.0[(last * permille).div_ceil(1_000)];
            let name = format!("p{}.{}", permille / 10, permille % 10).trim_end_matches(".0").to_owned();
            format!("{name} {:.3} ms", value.as_secs_f64() * 1e3)
        };
        let list: Vec<String> = permille.iter().map(of).collect();
        format!("{} (n = {})", list.join(", "), self.0.len())
    }
}

/// The middle one of some numbers.
pub(crate) fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(0.0)
}

/// A count as a number to divide by.
#[expect(clippy::cast_precision_loss, reason = "counts of a benchmark are far below 2^53")]
pub(crate) const fn number(count: u64) -> f64 {
    count as f64
}

/// Nanoseconds per item of `work`, which does `items` of them: the best of `rounds`, because other
/// work on the machine only ever makes it slower.
pub(crate) fn ns_per_item(rounds: u32, items: u64, mut work: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..rounds {
        let start = now();
        work();
        best = best.min(start.elapsed().as_secs_f64() * 1e9 / number(items));
    }
    best
}
