//! The dashboards, looked at as files: the rules of grafana/dashboard-linter stated again, and our own.
//!
//! Owns what can be said without a Prometheus: every selector is bound to job and instance, every metric and label
//! is in the catalogue, nothing needs editing before it is provisioned. `tests/ops` evaluates the queries. The rules
//! are held against dashboards that are broken on purpose, so that a rule that sees nothing is seen.

#![cfg(test)]

use andon::catalogue::{CATALOGUE, Kind};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The dashboards, by uid.
const ALL: [&str; 5] = ["andon-fleet", "andon-workflow", "andon-drift", "andon-governance", "andon-self"];
/// Metrics of the process, which are not in the catalogue.
const PROCESS: [&str; 3] = ["process_start_time_seconds", "process_resident_memory_bytes", "process_cpu_seconds_total"];
/// Every colour that may be used: scripts/dashboards/look.py says what for.
const COLORS: [&str; 13] = [
    "#009E73", "#F0E442", "#E69F00", "#D55E00", "#8E8E8E", "#5A5A5A", "#0072B2", "#56B4E9", "#CC79A7", "#1F4E79",
    "#3F7FB5", "#7DB3DE", "#CFE6F7",
];
/// Labels that Prometheus adds.
const ADDED: [&str; 3] = ["job", "instance", "le"];

fn read(uid: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards").join(format!("{uid}.json"));
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_str(&text).unwrap()
}

/// Metrics and their labels; a histogram by the names of its series.
fn catalogue() -> BTreeMap<String, BTreeSet<&'static str>> {
    let mut found: BTreeMap<_, _> = PROCESS.iter().map(|name| ((*name).to_owned(), BTreeSet::new())).collect();
    for spec in CATALOGUE {
        let labels: BTreeSet<_> = spec.labels.iter().copied().collect();
        let parts: &[&str] = if spec.kind == Kind::Histogram { &["_bucket", "_sum", "_count"] } else { &[""] };
        for part in parts {
            found.insert(format!("{}{part}", spec.name), labels.clone());
        }
    }
    found
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn panels(board: &Value) -> impl Iterator<Item = &Value> {
    list(board, "panels").iter().filter(|panel| text(panel, "type") != "row")
}

/// Everything that is wrong with a dashboard.
fn lint(board: &Value, catalogue: &BTreeMap<String, BTreeSet<&str>>) -> Vec<String> {
    let mut wrong = Vec::new();
    frame(board, &mut wrong);
    variables(board, &mut wrong);
    panels(board).for_each(|panel| look(panel, &mut wrong));
    places(board, &mut wrong);
    for (place, expr) in expressions(board) {
        let mut say = |what: String| wrong.push(format!("{place}: {what}: {expr}"));
        selectors(&expr, catalogue, &mut say);
        ranges(&expr, &mut say);
    }
    let written = board.to_string();
    for color in written.match_indices("\"#").map(|(at, _)| &written[at + 1..at + 8]) {
        if !COLORS.contains(&color) {
            wrong.push(format!("the colour {color} is not one of ours"));
        }
    }
    for (at, _) in written.match_indices("/d/") {
        let uid = written[at + 3..].split(['/', '?', '"']).next().unwrap_or_default();
        if !ALL.contains(&uid) {
            wrong.push(format!("a link to `{uid}`, which is no dashboard"));
        }
    }
    wrong
}

fn frame(board: &Value, wrong: &mut Vec<String>) {
    if board["editable"] != json!(false) {
        wrong.push("a provisioned dashboard can't be edited: say so".to_owned());
    }
    if board["schemaVersion"].as_u64() < Some(39) {
        wrong.push("the schema is older than Grafana 11".to_owned());
    }
    for key in ["__inputs", "__requires", "__elements", "id"] {
        if board.get(key).is_some() {
            wrong.push(format!("`{key}` breaks provisioning (grafana/grafana#10786)"));
        }
    }
    if !list(board, "tags").contains(&json!("andon")) {
        wrong.push("without the tag it is not linked to the others".to_owned());
    }
    if text(board, "title").is_empty() || text(board, "description").is_empty() {
        wrong.push("no title or description".to_owned());
    }
}

fn variables(board: &Value, wrong: &mut Vec<String>) {
    let find = |name: &str| list(&board["templating"], "list").iter().find(|variable| text(variable, "name") == name);
    let source = find("datasource").cloned().unwrap_or_default();
    let said = ["label", "type", "query"].map(|key| text(&source, key));
    if said != ["Data source", "datasource", "prometheus"] {
        wrong.push(format!("the variable datasource is {said:?}"));
    }
    for name in ["job", "instance"] {
        let variable = find(name).cloned().unwrap_or_default();
        let expected = json!({ "type": "query", "multi": true, "includeAll": true, "allValue": ".+", "refresh": 2 });
        for (key, value) in expected.as_object().unwrap() {
            if variable[key] != *value {
                wrong.push(format!("the variable {name} has {key} = {}", variable[key]));
            }
        }
    }
    for variable in list(&board["templating"], "list").iter().filter(|variable| text(variable, "type") == "query") {
        if variable["datasource"]["uid"] != json!("${datasource}") || variable["refresh"] != json!(2) {
            wrong.push(format!("the variable {} has a source of its own, or isn't refreshed", variable["name"]));
        }
    }
    if find("base_url").is_none() {
        wrong.push("no address of andon for the links".to_owned());
    }
}

fn look(panel: &Value, wrong: &mut Vec<String>) {
    let title = text(panel, "title");
    let mut say = |what: &str| wrong.push(format!("«{title}»: {what}"));
    let defaults = &panel["fieldConfig"]["defaults"];
    if title.is_empty() || text(panel, "description").len() < 40 {
        say("no title, or no description that says what it means and what to do");
    }
    if panel["datasource"]["uid"] != json!("${datasource}") {
        say("a data source of its own");
    }
    if text(defaults, "unit").is_empty() || text(defaults, "noValue").is_empty() {
        say("no unit, or no text for empty");
    }
    if list(&defaults["thresholds"], "steps").is_empty() {
        say("no thresholds");
    }
    if list(panel, "targets").is_empty() {
        say("no query");
    }
    if list(panel, "targets").iter().any(|target| target["datasource"]["uid"] != json!("${datasource}")) {
        say("a query with a data source of its own");
    }
    let overrides = list(&panel["fieldConfig"], "overrides");
    let has_text = |each: &Value| list(each, "properties").iter().any(|property| text(property, "id") == "noValue");
    if text(panel, "type") == "table" && !overrides.iter().all(has_text) {
        say("a column without a text for empty would repeat that of the table in each cell");
    }
    // A colour never stands alone: where a value is mapped to one, it has a word.
    for mapping in list(defaults, "mappings").iter().filter_map(|mapping| mapping["options"].as_object()) {
        if mapping.values().any(|to| text(to, "text").is_empty()) {
            say("a mapping with a colour and no word");
        }
    }
}

fn places(board: &Value, wrong: &mut Vec<String>) {
    let (mut ids, mut titles, mut taken) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for panel in list(board, "panels") {
        let title = text(panel, "title");
        if !ids.insert(panel["id"].as_u64()) || !titles.insert(title) {
            wrong.push(format!("«{title}»: its id or title is there twice"));
        }
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap_or_default());
        if w == 0 || h == 0 || x + w > 24 {
            wrong.push(format!("«{title}»: lies outside of the grid"));
        }
        for cell in (x..x + w).flat_map(|column| (y..y + h).map(move |row| (column, row))) {
            if !taken.insert(cell) {
                wrong.push(format!("«{title}»: lies upon another one"));
                break;
            }
        }
    }
}

/// All expressions with the place where they stand.
fn expressions(board: &Value) -> Vec<(String, String)> {
    let targets = panels(board).flat_map(|panel| {
        let place = |target: &Value| format!("«{}» {}", text(panel, "title"), text(target, "refId"));
        list(panel, "targets").iter().map(move |target| (place(target), text(target, "expr").to_owned()))
    });
    let marks = list(&board["annotations"], "list").iter();
    let marks = marks.map(|mark| (format!("annotation {}", mark["name"]), text(mark, "expr").to_owned()));
    targets.chain(marks).collect()
}

/// The names in an expression that stand for metrics, each with what precedes it and its selector.
fn names(expr: &str) -> Vec<(&str, &str, &str)> {
    let mut found = Vec::new();
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    for (at, _) in expr.match_indices(['a', 'p']) {
        let name = &expr[at..at + expr[at..].find(|c| !is_part(c)).unwrap_or(expr.len() - at)];
        let begins = !expr[..at].ends_with(is_part) && !expr[..at].ends_with('"');
        if begins && (name.starts_with("andon_") || name.starts_with("process_")) {
            let rest = &expr[at + name.len()..];
            let selector = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).map_or("", |(inner, _)| inner);
            found.push((&expr[..at], name, selector));
        }
    }
    found
}

fn selectors(expr: &str, catalogue: &BTreeMap<String, BTreeSet<&str>>, say: &mut dyn FnMut(String)) {
    let found = names(expr);
    if found.is_empty() {
        say("it names no metric".to_owned());
    }
    for (before, name, selector) in found {
        if !selector.starts_with(r#"job=~"$job", instance=~"$instance""#) {
            say(format!("{name} is not bound to job and instance"));
        }
        let counted = ["rate(", "irate(", "increase("].iter().any(|call| before.ends_with(call));
        if (name.ends_with("_total") || name.ends_with("_bucket") || name.ends_with("_count")) && !counted {
            say(format!("{name} counts, and is not directly in rate or increase"));
        }
        if name.contains(':') {
            say(format!("{name} is made by a rule, which may not be there"));
        }
        let Some(labels) = catalogue.get(name) else {
            say(format!("{name} is no metric of andon"));
            continue;
        };
        for matcher in selector.split("\",").filter(|matcher| !matcher.trim().is_empty()) {
            let label = matcher.split(['=', '!']).next().unwrap_or_default().trim();
            if !labels.contains(label) && !ADDED.contains(&label) {
                say(format!("{name} has no label `{label}`"));
            }
        }
    }
}

fn ranges(expr: &str, say: &mut dyn FnMut(String)) {
    for (at, _) in expr.match_indices('[') {
        if !expr[at..].starts_with("[$__rate_interval]") {
            say("a range that doesn't follow the dashboard's".to_owned());
        }
    }
    if expr.replace(' ', "").contains("orvector(") {
        say("a dead query would look like 0".to_owned());
    }
    let balance = |open, close| expr.matches(open).count() == expr.matches(close).count();
    if !balance('(', ')') || !balance('{', '}') || expr.matches('"').count() % 2 == 1 {
        say("brackets that don't match".to_owned());
    }
}

#[test]
fn the_dashboards_keep_the_rules() {
    let catalogue = catalogue();
    let files = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards")).unwrap();
    let json = files.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|end| end == "json"));
    assert_eq!(json.count(), ALL.len());
    for uid in ALL {
        let board = read(uid);
        assert_eq!(text(&board, "uid"), uid);
        assert_eq!(lint(&board, &catalogue), Vec::<String>::new(), "{uid}");
    }
}

#[test]
fn modes_look_the_same_everywhere() {
    let mut seen = BTreeSet::new();
    for uid in ALL {
        let written = read(uid).to_string();
        for mode in ["assist", "collaborate", "delegate", "automate"] {
            for (at, _) in written.match_indices(&format!("\"text\":\"{mode}\"")) {
                let start = written[..at].rfind('{').unwrap();
                let mapped: Value =
                    serde_json::from_str(&written[start..=at + written[at..].find('}').unwrap()]).unwrap();
                seen.insert((mode, text(&mapped, "color").to_owned()));
            }
        }
    }
    assert_eq!(seen.len(), 4, "{seen:?}");
}

#[test]
fn each_rule_sees_what_breaks_it() {
    let (catalogue, good) = (catalogue(), read("andon-fleet"));
    let place = |pointer: &str| {
        let at = list(&good, "panels").iter().position(|panel| text(panel, "type") == "timeseries").unwrap();
        format!("/panels/{at}{pointer}")
    };
    let expr = |text: &str| (place("/targets/0/expr"), json!(text));
    let here = r#"job=~"$job", instance=~"$instance""#;
    let breaks: Vec<(&str, (String, Value))> = vec![
        ("can't be edited", ("/editable".to_owned(), json!(true))),
        ("older than Grafana 11", ("/schemaVersion".to_owned(), json!(36))),
        ("variable datasource", ("/templating/list/0/label".to_owned(), json!("Source"))),
        ("allValue", ("/templating/list/1/allValue".to_owned(), json!(".*"))),
        ("isn't refreshed", ("/templating/list/2/refresh".to_owned(), json!(1))),
        ("a data source of its own", (place("/datasource/uid"), json!("${DS_PROMETHEUS}"))),
        ("no title, or no description", (place("/description"), json!(""))),
        ("no unit", (place("/fieldConfig/defaults/unit"), json!(""))),
        ("no text for empty", (place("/fieldConfig/defaults/noValue"), json!(""))),
        ("no thresholds", (place("/fieldConfig/defaults/thresholds/steps"), json!([]))),
        ("no query", (place("/targets"), json!([]))),
        ("there twice", (place("/title"), json!("Storm"))),
        ("outside of the grid", (place("/gridPos/w"), json!(25))),
        ("upon another one", (place("/gridPos/y"), json!(0))),
        ("not one of ours", (place("/fieldConfig/defaults/color/fixedColor"), json!("#FF0000"))),
        ("which is no dashboard", ("/links/0/url".to_owned(), json!("/d/andon-fleat"))),
        ("not bound", expr("andon_mode_level{}")),
        ("no metric of andon", expr(&format!("andon_mode_lvl{{{here}}}"))),
        ("no label `wf`", expr(&format!("andon_mode_level{{{here}, wf=\"x\"}}"))),
        ("counts, and is not", expr(&format!("andon_outputs_total{{{here}}}"))),
        ("doesn't follow", expr(&format!("rate(andon_outputs_total{{{here}}}[5m])"))),
        ("made by a rule", expr(&format!("andon_x:rate5m{{{here}}}"))),
        ("look like 0", expr(&format!("andon_mode_level{{{here}}} or vector(0)"))),
        ("brackets", expr(&format!("sum(andon_mode_level{{{here}}}"))),
        ("names no metric", expr("1 + 1")),
    ];
    for (said, (pointer, value)) in breaks {
        let mut broken = good.clone();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        match broken.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer}")) {
            Value::Array(array) => array[key.parse::<usize>().unwrap()] = value,
            object => object[key] = value,
        }
        let wrong = lint(&broken, &catalogue);
        assert!(wrong.iter().any(|what| what.contains(said)), "{pointer}: nothing about «{said}» in {wrong:?}");
    }
}
