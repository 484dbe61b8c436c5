//! The house rules, as tests: layers, sizes, what stands nowhere, what is documented.
//!
//! `UPDATE_DOCS=1` writes `docs/metrics.md` anew instead of comparing it.

#![cfg(test)]

use andon::catalogue::{CATALOGUE, Kind};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder, except what is built or not ours.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let skip = name.starts_with("andon-data") || ["target", ".git", ".venv", "node_modules"].contains(&&*name);
        if skip {
            continue;
        }
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn show(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

fn rust(folder: &str) -> Vec<(String, String)> {
    let all = files(&root().join(folder)).into_iter();
    let rust = all.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    rust.map(|path| (show(&path), fs::read_to_string(&path).unwrap())).collect()
}

/// The part of a source file that is not its tests; a file of tests has none.
fn code(path: &str, text: &str) -> String {
    if path.ends_with("tests.rs") {
        return String::new();
    }
    let end = text.find("#[cfg(test)]\nmod tests {").or_else(|| text.find("#[cfg(test)]\npub(crate) mod tests {"));
    let lines = text[..end.unwrap_or(text.len())].lines();
    lines.filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Which rooms a room may import; the higher the line, the lower the room.
const ROOMS: [(&str, &[&str]); 23] = [
    ("domain", &[]),
    ("stats", &[]),
    ("seal", &["domain"]),
    ("monitor", &["domain", "stats"]),
    ("config", &["domain", "stats", "monitor"]),
    ("calibrate", &["domain", "stats", "monitor", "config", "ingest"]),
    ("clock", &["domain"]),
    ("catalogue", &[]),
    ("metrics", &["domain", "catalogue"]),
    ("store", &["domain", "stats", "monitor", "config", "seal"]),
    ("notify", &["domain", "monitor", "config", "clock", "metrics", "store"]),
    ("backtest", &["domain", "monitor", "store"]),
    ("report", &["domain", "stats", "monitor", "store"]),
    ("ingest", &["domain", "stats", "monitor", "config"]),
    ("driver", &["domain", "stats", "monitor", "config", "seal", "clock", "metrics", "store"]),
    ("access", &["domain", "config", "clock"]),
    ("reload", &["domain", "config", "clock", "metrics", "monitor", "driver", "access"]),
    ("traffic", &["domain", "stats", "ingest"]),
    ("drill", &["domain", "monitor", "config", "seal", "clock", "metrics", "store", "notify", "driver"]),
    (
        "exposition",
        &["domain", "stats", "monitor", "config", "clock", "catalogue", "metrics", "driver", "access", "reload"],
    ),
    (
        "http",
        &[
            "domain",
            "stats",
            "monitor",
            "config",
            "seal",
            "clock",
            "metrics",
            "store",
            "notify",
            "ingest",
            "driver",
            "drill",
            "reload",
            "access",
            "exposition",
            "report",
            "backtest",
            "traffic",
        ],
    ),
    ("console", &["domain", "stats", "monitor", "access", "report", "http"]),
    (
        "app",
        &[
            "domain",
            "stats",
            "monitor",
            "config",
            "clock",
            "metrics",
            "store",
            "notify",
            "ingest",
            "driver",
            "drill",
            "reload",
            "access",
            "exposition",
            "http",
            "console",
        ],
    ),
];

#[test]
fn lower_rooms_never_import_higher_ones() {
    for (path, text) in rust("src") {
        let room = path.split('/').nth(1).unwrap().trim_end_matches(".rs").to_owned();
        if ["main", "lib", "cli"].contains(&&*room) {
            continue;
        }
        let (_, may) = ROOMS.iter().find(|(name, _)| *name == room).unwrap_or_else(|| panic!("{path}: no such room"));
        let code = code(&path, &text);
        for part in code.split("crate::").skip(1) {
            let other: String = part.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            assert!(other == room || may.contains(&&*other), "{path}: `{room}` must not import `{other}`");
        }
    }
}

#[test]
fn files_are_small_and_say_what_they_own() {
    let mut sizes = Vec::new();
    for folder in ["src", "tests", "examples", "benches"] {
        if !root().join(folder).is_dir() {
            continue;
        }
        for (path, text) in rust(folder) {
            let lines = text.lines().count();
            assert!(lines <= 400, "{path} has {lines} lines, at most 400");
            assert!(text.starts_with("//! "), "{path} must begin with a `//!` that says what it owns");
            if folder == "src" {
                sizes.push(lines);
                assert!(path.split('/').count() <= 3, "{path} is too deep");
            }
        }
    }
    sizes.sort_unstable();
    let median = sizes[sizes.len() / 2];
    assert!(median <= 200, "the median file has {median} lines, at most 200");
}

#[test]
fn what_stands_nowhere() {
    for (path, text) in rust("src") {
        let code = code(&path, &text);
        for word in ["#[allow", "#![allow", ".unwrap()", ".expect(", "todo!(", "unimplemented!(", "dbg!("] {
            assert!(!code.contains(word), "{path}: `{word}` outside of tests");
        }
        if ["src/domain/", "src/stats/", "src/monitor/"].iter().any(|room| path.starts_with(room)) {
            for word in ["tokio", "std::fs", "std::net", "std::thread", "Instant", "SystemTime", "std::env", "HashMap"]
            {
                assert!(!code.contains(word), "{path}: `{word}` has no place in the pure core");
            }
        }
    }
    for (path, text) in rust("tests") {
        // One file measures at a given pace; it asserts nothing about time.
        let word = ["thread::", "sleep"].concat();
        let paces = path == "tests/it/store/figures.rs";
        assert!(paces || !text.contains(&word), "{path}: wait for a condition, not for a time");
    }
}

/// Only one file asks for the time, and only one names metrics.
#[test]
fn what_stands_in_one_place_only() {
    for (path, text) in rust("src") {
        let code = code(&path, &text);
        for word in ["Timestamp::now", "Instant::now", "SystemTime::now"] {
            assert!(path == "src/clock.rs" || !code.contains(word), "{path}: only the clock asks for the time");
        }
        assert!(path == "src/catalogue.rs" || !code.contains("\"andon_"), "{path}: only catalogue.rs names metrics");
    }
}

fn metrics_document() -> String {
    let mut text = String::from(
        "# Metrics\n\nEverything that `GET /metrics` shows, from the catalogue in `src/catalogue.rs`; a test compares the two.\n\
         Series of workflows are computed from the state at the scrape: counters go on over restarts, and the series\n\
         of a removed workflow go away. No data is an absent series, never 0. A label without a value is left out.\n\n\
         Gauges with the label `window` are worked out anew at each scrape for `5m`; for the longer ones after 30 s\n\
         (`1h`), a minute (`1d`) and five minutes (`7d`, `30d`), or as soon as the outputs since adoption grew by 2 %.\n\n\
         Where `Accept` names `application/openmetrics-text`, as Prometheus does, the answer is OpenMetrics 1.0: then the\n\
         buckets of `andon_output_latency_seconds` and `andon_exceptions_total` carry exemplars with the `trace_id` of an\n\
         output (of at most one a second; ids of up to 120 characters), for a Prometheus that runs with\n\
         `--enable-feature=exemplar-storage`. There are no native histograms, neither format has them in text, and no\n\
         `_created` series. Bounds of buckets are never whole numbers, so `le` reads the same in Prometheus 2 and 3.\n\n\
         On Linux there are also `process_cpu_seconds_total`, `process_open_fds`, `process_max_fds`, `process_threads`,\n\
         `process_virtual_memory_bytes`, `process_resident_memory_bytes` and `process_start_time_seconds`.\n\n| metric | kind | labels | what |\n|---|---|---|---|\n",
    );
    for spec in CATALOGUE {
        let kind = match spec.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let labels: Vec<String> = spec.labels.iter().map(|label| format!("`{label}`")).collect();
        writeln!(text, "| `{}` | {kind} | {} | {} |", spec.name, labels.join(" "), spec.help.trim()).unwrap();
    }
    text
}

#[test]
fn every_metric_is_documented() {
    let path = root().join("docs/metrics.md");
    let wanted = metrics_document();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &wanted).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, wanted, "docs/metrics.md is not what the catalogue says: run this test with UPDATE_DOCS=1");
}

#[test]
fn names_of_metrics_follow_the_rules() {
    for spec in CATALOGUE {
        let name = spec.name;
        assert!(name.starts_with("andon_") && name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
        assert!(spec.help.trim().ends_with('.'), "{name}: a help is a sentence");
        assert_eq!(CATALOGUE.iter().filter(|other| other.name == name).count(), 1, "{name} twice");
        for label in spec.labels {
            assert!(!["instance", "job", "le", "quantile"].contains(label), "{name}: `{label}` belongs to Prometheus");
        }
    }
}

#[test]
fn every_key_of_the_configuration_is_documented() {
    let example = fs::read_to_string(root().join("config.example.toml")).unwrap();
    let readme = fs::read_to_string(root().join("README.md")).unwrap_or_default();
    for key in andon::config::keys() {
        let name = key.key;
        let in_example = example.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).any(|word| word == name);
        assert!(in_example || readme.contains(&format!("`{name}`")), "`{}.{name}` is nowhere explained", key.section);
    }
}

/// What belongs to the machine that this was written on, and not to the project. The needles are in
/// pieces, so that this file is not one of those that it finds.
#[test]
fn nothing_tells_of_the_machine_that_this_was_written_on() {
    let needles = [
        ["/wo", "rk/"],
        ["/ro", "ot/"],
        ["cargo/", "registry"],
        ["index.cra", "tes.io"],
        ["static.cra", "tes.io"],
        ["registry.np", "mjs"],
        ["pypi", ".org/simple"],
        ["proxy.go", "lang"],
    ]
    .map(|pieces| pieces.concat());
    for path in files(&root()) {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for needle in &needles {
            assert!(!text.contains(needle.as_str()), "{}: `{needle}`", show(&path));
        }
    }
}

/// The table in docs/access.md is the list of routes: who reads it must find what the router enforces.
#[test]
fn every_route_is_documented_with_its_scope() {
    let page = fs::read_to_string(root().join("docs/access.md")).unwrap();
    let document = serde_json::to_value(andon::http::openapi()).unwrap();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let scope = operation["security"][0]["bearer"][0].as_str();
            let cell = scope.map_or_else(|| "none".to_owned(), |scope| format!("`{scope}`"));
            let row = format!("| `{} {path}` | {cell}", method.to_uppercase());
            assert!(page.lines().any(|line| line.starts_with(&row)), "docs/access.md must say: {row} |");
        }
    }
}
