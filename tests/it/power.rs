//! `andon power` and `andon calibrate`, run as the real binary: what they print and their exit codes.
//!
//! Owns no numbers: seeds are fixed, so the answers are too, and the snapshot shows them.

#![cfg(test)]

use serde_json::Value;
use std::process::{Command, Output, Stdio};

fn andon(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_andon")).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn json(arguments: &[&str]) -> Value {
    let output = andon(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn power_says_how_soon_a_change_is_found() {
    let output = andon(&["power", "--bound", "0.02", "--to", "0.04", "--rate-per-hour", "330"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    insta::assert_snapshot!("power", text(&output.stdout));
}

#[test]
fn power_compares_what_can_be_chosen() {
    let base = ["power", "--bound", "0.02", "--to", "0.04", "--json"];
    let found = |more: &[&str]| {
        let answer = json(&[&base, more].concat());
        let change = &answer["changes"][0];
        (change["median"].as_f64().unwrap(), change["optimum"].as_f64().unwrap())
    };
    let ((blocks, best), (single, _)) = (found(&[]), found(&["--block", "1"]));
    assert!(best < single && single < blocks, "{best} {single} {blocks}");
    let (half, less_known) = found(&["--block", "1", "--share", "0.5"]);
    assert!(single < half && best < less_known, "half of the budget is found later: {half}");
    let (sooner, _) = found(&["--block", "1", "--budget", "10000"]);
    assert!(sooner < single, "a smaller budget is found sooner: {sooner}");
    let table = json(&["power", "--bound", "0.5", "--json"]);
    let rates: Vec<_> =
        table["changes"].as_array().unwrap().iter().map(|change| change["to"].as_f64().unwrap()).collect();
    assert!(rates.len() >= 2 && rates.windows(2).all(|pair| pair[0] < pair[1]), "{rates:?}");
}

#[test]
fn power_refuses_what_makes_no_sense() {
    let cases = [
        (&["--bound", "0.02", "--to", "0.02"][..], "above the bound"),
        (&["--bound", "0.02", "--to", "1.5"], "at most 1"),
        (&["--bound", "0.98"], "0.98"),
        (&["--bound", "0"], "0.00001"),
        (&["--bound", "NaN"], "0.00001"),
        (&["--bound", "0.02", "--from", "0.03"], "--from"),
        (&["--bound", "0.02", "--budget", "1"], "--budget"),
        (&["--bound", "0.02", "--share", "2"], "--share"),
        (&["--bound", "0.02", "--block", "0"], "--block"),
        (&["--bound", "0.02", "--rate-per-hour", "0"], "--rate-per-hour"),
        (&[], "--bound"),
    ];
    for (arguments, wanted) in cases {
        let output = andon(&[&["power"], arguments].concat());
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        assert!(text(&output.stderr).contains(wanted), "{arguments:?}: {}", text(&output.stderr));
    }
}

/// The published tables only: the other bars take a minute.
#[test]
fn calibrate_clears_the_published_tables() {
    let answer = json(&["calibrate", "--quick", "--bar", "10", "--json"]);
    let rows = answer["rows"].as_array().unwrap();
    assert!(rows.len() > 30 && answer["missed"] == 0, "{answer:#}");
    assert!(rows.iter().all(|row| row["bar"] == 10 && row["verdict"] == "met"));
    let output = andon(&["calibrate", "--bar", "99"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(text(&output.stderr).contains("there is no bar 99"));
}
