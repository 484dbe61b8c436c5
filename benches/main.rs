//! The benchmarks: `scripts/bench ingest | detector | distance | memory | scrape`.
//!
//! Owns the choice of the benchmark and its options. Every figure is printed with its unit; what
//! the machine did besides is for the reader to judge, so each run prints the load first.

mod client;
mod detector;
mod distance;
mod events;
mod ingest;
mod measure;
mod memory;
mod scrape;
mod streams;

use std::io::Write as _;
use std::process::ExitCode;

/// The daemon frees on one thread what it allocated on another; the benchmarks that run parts of
/// it in this process use the same allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a benchmark may fail with: printed and done.
type Outcome = Result<(), Box<dyn std::error::Error>>;

const USAGE: &str = "\
usage: scripts/bench ingest   [--connections 8] [--seconds 10] [--batch 1000] [--workflows 100] [--late-minutes 0]
       scripts/bench detector
       scripts/bench distance
       scripts/bench memory   [--workflows 1000] [--events 5000000] [--days 30]
       scripts/bench scrape   [--workflows 1000] [--events 1000000] [--days 30] [--scrapes 30]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let Some((name, options)) = arguments.split_first() else {
        say(USAGE);
        return ExitCode::from(64);
    };
    let outcome = Options::read(options).and_then(|options| {
        say(format!("machine: {} cores, load {}", measure::cores(), measure::load()));
        match name.as_str() {
            "ingest" => ingest::run(&options),
            "detector" => detector::run(),
            "distance" => distance::run(),
            "memory" => memory::run(&options),
            "scrape" => scrape::run(&options),
            other => Err(format!("there is no benchmark `{other}`\n{USAGE}").into()),
        }
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            drop(writeln!(std::io::stderr().lock(), "bench: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Prints a line.
fn say(text: impl std::fmt::Display) {
    // A reader that went away (`| head`) is no error.
    drop(writeln!(std::io::stdout().lock(), "{text}"));
}

/// `--name value` pairs, all whole numbers.
struct Options(Vec<(String, u32)>);

impl Options {
    fn read(arguments: &[String]) -> Result<Self, Box<dyn std::error::Error>> {
        let pairs = arguments.chunks(2).map(|pair| match pair {
            [name, value] if name.starts_with("--") => {
                let value = value.parse().map_err(|_| format!("`{name}` needs a whole number, not `{value}`"))?;
                Ok((name.trim_start_matches('-').to_owned(), value))
            }
            _ => Err(format!("options come in pairs such as `--seconds 10`\n{USAGE}").into()),
        });
        pairs.collect::<Result<_, _>>().map(Self)
    }

    fn get(&self, name: &str, default: u32) -> u32 {
        self.0.iter().find(|(known, _)| known == name).map_or(default, |(_, value)| *value)
    }
}
