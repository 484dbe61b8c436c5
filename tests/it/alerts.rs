//! The shipped alerts: complete, documented, tested, and about metrics that are there.
//!
//! Reads the files as text: they keep one layout. Whether the rules are right is Prometheus' to say
//! (`promtool test rules`) and the driven test's (`tests/ops/alerts`).

#![cfg(test)]

use andon::catalogue::CATALOGUE;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

const RUNBOOKS: &str = "https://andon.example.com/runbooks#";
const DASHBOARDS: [&str; 5] = ["andon-fleet", "andon-workflow", "andon-drift", "andon-governance", "andon-self"];

fn read(path: &str) -> String {
    fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Name and text of each alert.
fn alerts() -> Vec<(String, String)> {
    let text = read("alerts/andon.rules.yaml");
    let blocks = text.split("\n      - ").skip(1).filter_map(|block| block.strip_prefix("alert: "));
    blocks.map(|block| (block.lines().next().unwrap().to_owned(), block.to_owned())).collect()
}

fn value<'a>(block: &'a str, key: &str) -> &'a str {
    let line = block.lines().find_map(|line| line.trim_start().strip_prefix(key)?.strip_prefix(": "));
    line.unwrap_or_default().trim_matches('"')
}

#[test]
fn every_alert_says_how_bad_it_is_and_where_to_go() {
    assert!(alerts().len() > 40);
    for (name, block) in alerts() {
        assert!(name.starts_with("Andon") && name.chars().all(|c| c.is_ascii_alphanumeric()), "{name}");
        assert!(["critical", "warning", "info"].contains(&value(&block, "severity")), "{name}: severity");
        for key in ["summary", "description"] {
            assert!(value(&block, key).len() > 20, "{name}: {key}");
        }
        assert!(value(&block, "description").contains(" First: "), "{name}: say what to do first");
        assert_eq!(value(&block, "runbook_url"), format!("{RUNBOOKS}{}", name.to_lowercase()), "{name}");
        let dashboard =
            value(&block, "dashboard_url").strip_prefix("https://grafana.example.com/d/").unwrap_or_default();
        let uid = dashboard.split('?').next().unwrap();
        assert!(DASHBOARDS.contains(&uid), "{name}: there is no dashboard `{uid}`");
        let of_workflow = block.contains("{{ $labels.workflow }}") && !block.contains("{workflow=\"\"}");
        assert!(!of_workflow || block.contains("group_left (owner"), "{name}: its owner must be told");
    }
}

#[test]
fn every_alert_has_a_runbook_and_every_runbook_an_alert() {
    let text = read("docs/runbooks.md");
    let sections: Vec<(&str, &str)> = text.split("\n## ").skip(1).filter_map(|part| part.split_once('\n')).collect();
    let named: BTreeSet<String> = alerts().into_iter().map(|(name, _)| name).collect();
    let written: BTreeSet<String> = sections.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(written, named);
    assert_eq!(sections.len(), written.len(), "a section twice");
    for (name, section) in sections {
        for part in ["**Means**", "**Impact**", "\n1. ", "\n2. ", "\n3. ", "**Remedy**", "**Escalate**"] {
            assert!(section.contains(part), "docs/runbooks.md, {name}: `{}` is missing", part.trim());
        }
    }
}

#[test]
fn every_alert_has_a_case_that_fires_and_one_that_must_not() {
    let text = read("alerts/andon.rules.test.yaml");
    for (name, _) in alerts() {
        assert!(text.contains(&format!("alertname: {name}, exp_alerts: []")), "{name}: nothing keeps it quiet");
        assert!(text.contains(&format!("alertname: {name}\n        exp_alerts:\n")), "{name}: nothing makes it fire");
    }
}

/// Names of metrics in expressions: no labels' values, no recorded series, no texts for people.
fn named_metrics() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let text = read("alerts/andon.rules.yaml");
    let code = text.lines().filter(|line| {
        !["#", "summary:", "description:", "- alert:", "- name:", "runbook_url:", "dashboard_url:"]
            .iter()
            .any(|start| line.trim_start().starts_with(start))
    });
    for word in code.flat_map(|line| line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))) {
        if word.starts_with("andon_") {
            let base = ["_bucket", "_count", "_sum"].iter().find_map(|end| word.strip_suffix(end));
            found.insert(base.filter(|base| base.ends_with("_seconds")).unwrap_or(word).to_owned());
        }
    }
    found
}

#[test]
fn rules_name_metrics_that_are_there() {
    let named = named_metrics();
    assert!(named.len() > 40, "{named:?}");
    for metric in &named {
        assert!(CATALOGUE.iter().any(|spec| spec.name == metric), "no such metric: {metric}");
    }
}

#[test]
fn the_example_routes_name_alerts_that_are_there() {
    let named: BTreeSet<String> = alerts().into_iter().map(|(name, _)| name).collect();
    let text = read("alerts/alertmanager.example.yaml");
    let code = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let words = code.flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric()));
    let used: BTreeSet<String> = words.filter(|word| word.starts_with("Andon")).map(str::to_owned).collect();
    assert!(used.len() > 10 && used.is_subset(&named), "{:?}", used.difference(&named));
}
