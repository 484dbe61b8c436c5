//! `andon power`: how soon a guard would find a change, before it is put into a policy.
//!
//! Owns the arguments, their limits and the words. The simulation is `calibrate`'s.

use super::table::{Side, Table};
use super::{USAGE, calibrate, output, words};
use crate::calibrate::power::{Guarded, Power, power};
use crate::calibrate::{Bench, Effort};
use crate::domain::Signal;
use crate::domain::policy::default_block;
use crate::stats::bets::BOUND_MAX;
use serde::Serialize;
use std::process::ExitCode;

/// Arguments of `andon power`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A share of outputs is the bound of exception_rate, latency, sla and of a score below or above a \
    limit;\na cost or a mean score depends on its distribution, and isn't answered here. The guard is the shipped one, with\nits \
    outage lane where outputs come in blocks. Seeds are fixed: the same question has the same answer.\n\n\
    Examples:\n  andon power --bound 0.02\n  andon power --bound 0.02 --to 0.04 --rate-per-hour 330\n  \
    andon power --bound 0.02 --from 0.005 --to 0.04 --block 1 --share 0.5 --json"
)]
pub(super) struct Arguments {
    /// The guard's bound: a share of outputs, at least 0.00001 and less than 0.98.
    #[arg(long)]
    bound: f64,
    /// The share of bad outputs after the change; a table of several where it isn't given.
    #[arg(long)]
    to: Option<f64>,
    /// The share of bad outputs before the change. Default: the bound. A workflow that was far below its bound
    /// has less evidence against it when the change comes, so it is found a little later.
    #[arg(long)]
    from: Option<f64>,
    /// Outputs per false demotion: `outputs_per_false_demotion` of the configuration.
    #[arg(long, default_value_t = 1e6)]
    budget: f64,
    /// The guard's share of the budget.
    #[arg(long, default_value_t = 1.0)]
    share: f64,
    /// Outputs per block; 1 declares that outputs don't depend on each other. Default: what the guard would have.
    #[arg(long)]
    block: Option<u32>,
    /// Outputs per hour, to say it in time as well.
    #[arg(long, value_name = "OUTPUTS")]
    rate_per_hour: Option<f64>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// Largest block of a guard.
const BLOCK_MAX: u32 = 10_000;

#[derive(Serialize)]
struct Answer {
    from: f64,
    bound: f64,
    block: u32,
    budget: f64,
    share: f64,
    rate_per_hour: Option<f64>,
    changes: Vec<Power>,
    alternatives: Vec<Alternative>,
}

/// The same change under another guard.
#[derive(Serialize)]
struct Alternative {
    what: String,
    #[serde(flatten)]
    guard: Guarded,
    change: Power,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    if let Err(wrong) = check(arguments) {
        output::complain(format!("andon: {wrong}"));
        return ExitCode::from(USAGE);
    }
    let Some(answer) = answer(arguments) else {
        output::complain(format!("andon: the bound {} can't be tested", arguments.bound));
        return ExitCode::from(USAGE);
    };
    if arguments.json {
        output::json(&answer)
    } else {
        print(&answer)
    }
    ExitCode::SUCCESS
}

fn check(arguments: &Arguments) -> Result<(), String> {
    let Arguments { bound, budget, share, rate_per_hour, .. } = *arguments;
    if !(1e-5..BOUND_MAX).contains(&bound) {
        return Err(format!("--bound {bound}: write a share of outputs from 0.00001 to less than {BOUND_MAX}"));
    }
    if let Some(to) = arguments.to.filter(|to| !(*to > bound && *to <= 1.0)) {
        return Err(format!("--to {to}: the rate after the change must be above the bound {bound}, and at most 1"));
    }
    if let Some(from) = arguments.from.filter(|from| !(0.0..=bound).contains(from)) {
        return Err(format!("--from {from}: the rate before the change must be from 0 to the bound {bound}"));
    }
    if !(100.0..=1e12).contains(&budget) {
        return Err(format!("--budget {budget}: write outputs per false demotion, from 100 to 1e12"));
    }
    if !(share > 0.0 && share <= 1.0) {
        return Err(format!("--share {share}: write a part of the budget, more than 0 and at most 1"));
    }
    if let Some(block) = arguments.block.filter(|block| !(1..=BLOCK_MAX).contains(block)) {
        return Err(format!("--block {block}: write a number of outputs from 1 to {BLOCK_MAX}"));
    }
    match rate_per_hour.filter(|rate| !(*rate > 0.0 && rate.is_finite())) {
        Some(rate) => Err(format!("--rate-per-hour {rate}: write a number of outputs greater than 0")),
        None => Ok(()),
    }
}

fn answer(arguments: &Arguments) -> Option<Answer> {
    let Arguments { bound, budget, share, rate_per_hour, .. } = *arguments;
    let bench = Bench::new(Effort::Quick, calibrate::threads(None), &|_, _, _| {});
    let block = arguments.block.unwrap_or_else(|| default_block(&Signal::ExceptionRate { kind: None }, bound));
    let from = arguments.from.unwrap_or(bound);
    let guard = Guarded { from, bound, block: Some(block), budget, share };
    let rates = arguments.to.map_or_else(|| rates(bound), |to| vec![to]);
    let changes = rates.iter().map(|to| power(&bench, &guard, *to)).collect::<Option<Vec<_>>>()?;
    let mut alternatives = Vec::new();
    if let Some(to) = arguments.to {
        let other =
            |what: String, guard: Guarded| power(&bench, &guard, to).map(|change| Alternative { what, guard, change });
        if block > 1 {
            let smaller = if block > 10 { 10 } else { 1 };
            alternatives.extend(other(format!("block = {smaller}"), Guarded { block: Some(smaller), ..guard }));
        }
        // A tighter bound finds it sooner; the workflow then has to keep to it.
        let tighter = words::number(bound / 2.0).parse().unwrap_or(bound / 2.0);
        if tighter >= 1e-5 {
            alternatives.extend(other(
                format!("bound = {tighter}"),
                Guarded { from: from.min(tighter), bound: tighter, ..guard },
            ));
        }
    }
    Some(Answer { from, bound, block, budget, share, rate_per_hour, changes, alternatives })
}

/// Rates to show where none is asked for.
fn rates(bound: f64) -> Vec<f64> {
    let multiples = [1.5, 2.0, 3.0, 5.0].map(|times| words::number(times * bound).parse().unwrap_or(times * bound));
    let mut rates: Vec<f64> = multiples.into_iter().filter(|rate| *rate < 1.0).collect();
    let highest = rates.last().copied().unwrap_or(bound);
    rates.extend([0.5, 1.0].into_iter().filter(|rate| *rate > highest));
    rates
}

fn print(answer: &Answer) {
    let Answer { from, bound, block, budget, share, rate_per_hour, .. } = answer;
    let per_hour = *rate_per_hour;
    let plural = if *block == 1 { "outputs one by one" } else { &format!("blocks of {block} outputs") };
    output::line(format!("A guard with bound {bound}, {plural}, a share of {share} of the budget."));
    output::line(format!("{}\n", promise(budget / share, *share, per_hour)));
    let mut table = Table::new(&[
        ("change", Side::Left),
        ("half are found within", Side::Left),
        ("nine of ten within", Side::Left),
        ("best possible", Side::Left),
    ]);
    for change in &answer.changes {
        table.row(cells(format!("{from} to {}", change.to), change, per_hour));
    }
    for Alternative { what, guard, change } in &answer.alternatives {
        table.row(cells(format!("with {what}: {} to {}", guard.from, change.to), change, per_hour));
    }
    table.lines().iter().for_each(output::line);
    output::line("\n\"best possible\": the median of the exact optimum, which knows the new rate, with the same");
    output::line("budget and outputs that don't depend on each other.");
}

fn cells(what: String, change: &Power, per_hour: Option<f64>) -> Vec<String> {
    vec![
        what,
        within(change.median, per_hour),
        within(change.most, per_hour),
        change.optimum.map_or_else(|| "-".to_owned(), |best| within(best, None)),
    ]
}

fn promise(outputs: f64, share: f64, per_hour: Option<f64>) -> String {
    let whose = if share < 1.0 { " of this guard" } else { "" };
    let mut text = format!("At most one false demotion{whose} in {} outputs", count(outputs));
    if let Some(per_hour) = per_hour {
        text.push_str(&format!(
            ": about once in {} at {} outputs/h",
            time(outputs / per_hour),
            words::number(per_hour)
        ));
    }
    text + "."
}

/// A number of outputs, in time as well where the pace is known.
fn within(outputs: f64, per_hour: Option<f64>) -> String {
    if !outputs.is_finite() {
        return "not found".to_owned();
    }
    let said = format!("{} outputs", count(outputs));
    per_hour.map_or_else(|| said.clone(), |per_hour| format!("{said}, about {}", time(outputs / per_hour)))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "outputs are counts below 10¹⁷")]
fn count(outputs: f64) -> String {
    words::count(outputs.round() as u64)
}

/// A number of hours in a unit that suits it.
fn time(hours: f64) -> String {
    let (number, unit) = match hours {
        h if h < 1.0 / 60.0 => (h * 3_600.0, "s"),
        h if h < 1.0 => (h * 60.0, "min"),
        h if h < 48.0 => (h, "hours"),
        h if h < 24.0 * 730.0 => (h / 24.0, "days"),
        h => (h / (24.0 * 365.25), "years"),
    };
    if number < 10.0 { format!("{number:.1} {unit}") } else { format!("{number:.0} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_in_their_unit() {
        let said = [0.001, 0.5, 3.1, 47.0, 126.0 * 24.0, 1e6 / 24.0].map(time);
        assert_eq!(said, ["3.6 s", "30 min", "3.1 hours", "47 hours", "126 days", "4.8 years"]);
        assert_eq!(
            promise(1e6, 1.0, Some(330.0)),
            "At most one false demotion in 1,000,000 outputs: about once in 126 days at 330 outputs/h."
        );
        assert_eq!(within(f64::INFINITY, None), "not found");
    }

    #[test]
    fn the_rates_of_a_table_rise() {
        assert_eq!(rates(0.02), [0.03, 0.04, 0.06, 0.1, 0.5, 1.0]);
        assert_eq!(rates(0.9), [1.0]);
        assert!(rates(0.3).windows(2).all(|pair| pair[0] < pair[1]));
    }
}
