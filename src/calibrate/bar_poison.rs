//! Bar 5: what is no output doesn't move a judgement by a single output.
//!
//! Owns the poison and the stream that it is put into. Lines are read and checked as those of
//! `POST /v1/events` are, and judged by the shipped state machine. Repeats are found by the driver:
//! the same stream with repeats goes through the whole daemon in `tests/it/front/poison.rs`.

use super::bench::Bench;
use super::sample::{outputs, real};
use super::{Row, Verdict};
use crate::config;
use crate::domain::{Input, Mode, Outcome, OutputEvent, Time, WorkflowId};
use crate::ingest::{Format, parse_events};
use crate::monitor::{At, Monitor};
use crate::stats::rng::Rng;

/// The workflow: a guard on each thing that the poison is about.
const POLICY: &str = r#"
[[workflow]]
id = "w"
start_mode = "automate"
  [[workflow.guard]]
  signal = "exception_rate"
  bound = 0.02
  block = BLOCK
  [[workflow.guard]]
  signal = "latency"
  limit_ms = 3000
  bound = 0.05
  [[workflow.guard]]
  signal = "cost_per_unit"
  bound = 0.02
  cap = 0.50
  [[workflow.guard]]
  signal = "drift"
  of = "scores.brand_fit"
  tolerance = 0.10
  baseline = { outputs = 2000 }
  [[workflow.guard]]
  signal = "drift"
  of = "attributes.locale"
  tolerance = 0.10
  baseline = { outputs = 2000 }
"#;
/// What is no output: JSON of numbers that are none, out of range, of unknown fields.
const POISON: [&str; 20] = [
    r#""outcome":"exception","latency_ms":NaN"#,
    r#""outcome":"exception","latency_ms":Infinity"#,
    r#""outcome":"exception","latency_ms":-Infinity"#,
    r#""outcome":"exception","latency_ms":"NaN""#,
    r#""outcome":"exception","latency_ms":1e999"#,
    r#""outcome":"exception","latency_ms":1e300"#,
    r#""outcome":"exception","latency_ms":-1"#,
    r#""outcome":"exception","cycle_ms":-0.001"#,
    r#""outcome":"exception","scores":{"brand_fit":NaN}"#,
    r#""outcome":"exception","scores":{"brand_fit":-1e999}"#,
    r#""outcome":"exception","scores":{"brand_fit":1e300}"#,
    r#""outcome":"exception","scores":{"brand_fit":"inf"}"#,
    r#""outcome":"exception","cost":1e300"#,
    r#""outcome":"exception","cost":-0.01"#,
    r#""outcome":"exception","cost":NaN"#,
    r#""outcome":"exception","units":0"#,
    r#""outcome":"exception","units":1e300"#,
    r#""outcome":"exception","unheard_of":1"#,
    r#""outcome":"failed""#,
    r#""outcome":"ok","exception":"timeout""#,
];
/// Outputs that are unusual, and outputs all the same.
const UNUSUAL: [(&str, &str); 2] = [
    ("of a new category", r#""outcome":"ok","attributes":{"locale":"xx"}"#),
    ("an hour late", r#""outcome":"ok","time":"2026-11-20T09:00:00Z""#),
];
/// 2026-11-20T10:00:00Z, the time of the first output; a second later comes the next.
const START: Time = Time(1_795_168_800_000);
/// When the poison comes.
const POISONED_AT: usize = 5_000;
/// When exceptions become more frequent.
const CHANGED_AT: usize = 20_000;
/// Exceptions before and after.
const RATES: [f64; 2] = [0.015, 0.05];
/// Outputs after which a demotion is no longer waited for.
const PATIENCE: usize = 40_000;

/// What became of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    /// The output of the stream with which the demotion came; the poison doesn't count.
    demoted_at: Option<usize>,
    /// Lines that were refused.
    refused: usize,
}

/// Measures the bar.
pub fn measure(bench: &Bench<'_>) -> Vec<Row> {
    let mut rows = Vec::new();
    for block in [1, 50] {
        let poisoned = format!("exceptions {} to {}, block {block}, poison before", RATES[0], RATES[1]);
        let pairs = bench.runs(&poisoned, bench.pick(6, 100), |rng| pair(block, &POISON, rng));
        let refused = pairs.iter().filter(|[_, poisoned]| poisoned.refused == POISON.len()).count();
        let apart = pairs.iter().map(apart).fold(0.0, f64::max);
        let n = pairs.len();
        rows.push(Row {
            bar: 5,
            what: format!("{poisoned}: demotion against the clean run"),
            required: format!("all {} refused, the same output", POISON.len()),
            measured: format!("all refused in {refused} of {n} streams, {} outputs apart at most", outputs(apart)),
            value: apart,
            verdict: Verdict::of(refused == n && apart <= 0.0),
        });
    }
    rows.push(hand_made());
    rows.extend(UNUSUAL.map(|(name, line)| {
        let what = format!("one output {name}, block 1");
        let pairs = bench.runs(&what, bench.pick(6, 100), |rng| pair(1, &[line], rng));
        let taken = pairs.iter().all(|[_, other]| other.refused == 0);
        let apart = pairs.iter().map(apart).fold(0.0, f64::max);
        Row {
            bar: 5,
            what: format!("{what}: demotion against the run without"),
            required: "taken, at most 1 output apart".to_owned(),
            measured: format!("{} outputs apart at most in {} streams", outputs(apart), pairs.len()),
            value: apart,
            verdict: Verdict::of(taken && apart <= 1.0),
        }
    }));
    rows
}

/// Outputs between two demotions; infinite where there was not exactly one in each run.
fn apart([clean, other]: &[Run; 2]) -> f64 {
    match (clean.demoted_at, other.demoted_at) {
        (Some(a), Some(b)) if a > CHANGED_AT => real(a.abs_diff(b)),
        (Some(a), Some(b)) if a == b => 0.0,
        _ => f64::INFINITY,
    }
}

/// Events that no JSON can make.
fn hand_made() -> Row {
    type Break = fn(&mut OutputEvent, f64);
    let breaks: [Break; 4] = [
        |event, x| event.latency_ms = Some(x),
        |event, x| event.cycle_ms = Some(x),
        |event, x| event.units = x,
        |event, x| event.scores = vec![("s".into(), x)],
    ];
    let numbers = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300];
    let all = breaks.iter().flat_map(|break_it| numbers.map(|x| (break_it, x)));
    let is_refused = |(break_it, x): (&Break, f64)| {
        let mut event = OutputEvent::new("o", WorkflowId::unknown(), Outcome::Ok);
        break_it(&mut event, x);
        event.check().is_err()
    };
    let refused = all.filter(|pair| is_refused(*pair)).count();
    let count = breaks.len() * numbers.len();
    Row {
        bar: 5,
        what: "NaN, ±inf and ±1e300 in each number of an event".to_owned(),
        required: format!("{count} refused"),
        measured: format!("{refused}"),
        value: real(refused),
        verdict: Verdict::of(refused == count),
    }
}

/// The same stream without and with some lines before output [`POISONED_AT`].
fn pair(block: u32, lines: &[&str], rng: &mut Rng) -> [Run; 2] {
    let seed = rng.bits();
    [&[][..], lines].map(|lines| run(block, lines, &mut Rng::new(seed)))
}

fn run(block: u32, lines: &[&str], rng: &mut Rng) -> Run {
    let nothing = Run { demoted_at: None, refused: 0 };
    let Ok(settings) = config::load(&POLICY.replace("BLOCK", &block.to_string()), "calibrate.toml") else {
        return nothing;
    };
    let mut monitor = Monitor::default();
    let mut at = At { seq: 1, now: START };
    monitor.handle(at, &Input::Policy(Box::new(settings.policy)));
    let mut refused = 0;
    for n in 0..PATIENCE {
        at = At { seq: at.seq + 1, now: at.now.plus(1_000) };
        if n == POISONED_AT {
            let poison = lines.iter().enumerate().map(|(i, line)| body(&format!("p-{i}"), line));
            for line in poison {
                refused += send(&mut monitor, at, &line);
                at.seq += 1;
            }
        }
        let rate = RATES[usize::from(n >= CHANGED_AT)];
        let outcome = if rng.uniform() < rate { "exception" } else { "ok" };
        let locale = ["de", "en", "fr", "nl"][usize::try_from(rng.bits() % 4).unwrap_or(0)];
        let fields = format!(
            r#""outcome":"{outcome}","latency_ms":{:.1},"cost":{:.4},"scores":{{"brand_fit":{:.3}}},"attributes":{{"locale":"{locale}"}}"#,
            2_500.0 * rng.uniform(),
            0.02 * rng.uniform(),
            rng.uniform(),
        );
        refused += send(&mut monitor, at, &body(&format!("o-{n}"), &fields));
        if monitor.workflows().values().any(|workflow| workflow.state.granted < Mode::Automate) {
            return Run { demoted_at: Some(n), refused };
        }
    }
    Run { refused, ..nothing }
}

fn body(id: &str, fields: &str) -> String {
    format!(r#"{{"id":"{id}","workflow":"w",{fields}}}"#)
}

/// Takes one line; how many refusals came of it.
fn send(monitor: &mut Monitor, at: At, line: &str) -> usize {
    // A body that is no NDJSON at all would count as one refusal too; a line never is.
    let Ok(parsed) = parse_events(line.as_bytes(), Format::NdJson) else { return 1 };
    let events: Vec<OutputEvent> = parsed.items.into_iter().map(|(_, event)| event).collect();
    monitor.handle(at, &Input::Events(events));
    parsed.refusals.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poison_that_was_taken_would_be_seen() {
        let mut rng = Rng::new(1);
        let [clean, poisoned] = pair(1, &POISON, &mut rng.clone());
        assert_eq!((clean.refused, poisoned.refused), (0, POISON.len()));
        assert!(clean.demoted_at == poisoned.demoted_at && clean.demoted_at > Some(CHANGED_AT), "{clean:?}");
        let taken = [r#""outcome":"exception","latency_ms":5"#; 20];
        let [clean, taken] = pair(1, &taken, &mut rng);
        assert!(taken.demoted_at.unwrap() < POISONED_AT + 100, "{taken:?}");
        assert!(apart(&[clean, taken]) > 1_000.0);
        assert!(apart(&[clean, Run { demoted_at: None, refused: 0 }]).is_infinite());
    }
}
