//! The operator's pack: the dashboards and alerts that this program brings along, with somebody's own names in them.
//!
//! Owns the list of files, what is filled in and how they are written. What they show and when they fire is
//! theirs: `dashboards/` and `alerts/`.

use super::output;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A file: its name and what stands in it.
type Shipped = (&'static str, &'static str);

/// Every dashboard.
const DASHBOARDS: [Shipped; 5] = [
    ("andon-fleet.json", include_str!("../../dashboards/andon-fleet.json")),
    ("andon-workflow.json", include_str!("../../dashboards/andon-workflow.json")),
    ("andon-drift.json", include_str!("../../dashboards/andon-drift.json")),
    ("andon-governance.json", include_str!("../../dashboards/andon-governance.json")),
    ("andon-self.json", include_str!("../../dashboards/andon-self.json")),
];
/// The rules, their cases, and an example of who is told.
const ALERTS: [Shipped; 3] = [
    ("andon.rules.yaml", include_str!("../../alerts/andon.rules.yaml")),
    ("andon.rules.test.yaml", include_str!("../../alerts/andon.rules.test.yaml")),
    ("alertmanager.example.yaml", include_str!("../../alerts/alertmanager.example.yaml")),
];

/// Placeholders of the alerts: where runbooks, andon and Grafana are …
const RUNBOOKS: &str = "https://andon.example.com/runbooks";
const BASE: &str = "http://127.0.0.1:9797";
const GRAFANA: &str = "https://grafana.example.com";
/// … and the job that the alerts about absence name: as a selector, and as a label and in a text of their cases.
const JOB: [[&str; 2]; 3] = [["job=\"", "\""], ["job: \"", "\""], ["job ", " "]];
/// Longest name of a data source, a job or an address, bytes.
const TEXT_BYTES_MAX: usize = 256;

/// What is filled in; `None` leaves what is shipped.
#[derive(Debug, Default)]
pub(super) struct Own {
    /// The data source's name or uid in Grafana.
    pub(super) datasource: Option<String>,
    /// The scrape job.
    pub(super) job: Option<String>,
    /// Where people reach andon.
    pub(super) base_url: Option<String>,
    /// Where people reach Grafana.
    pub(super) grafana_url: Option<String>,
    /// Where docs/runbooks.md is published; by default `runbooks` below andon's address.
    pub(super) runbooks_url: Option<String>,
}

/// The dashboards with what is filled in.
///
/// # Errors
/// A dashboard isn't what this program thinks it is: a fault of ours.
pub(super) fn dashboards(own: &Own) -> Result<Vec<(&'static str, String)>, String> {
    DASHBOARDS.iter().map(|(name, text)| Ok((*name, dashboard(name, text, own)?))).collect()
}

/// The alerts with what is filled in.
pub(super) fn alerts(own: &Own) -> Vec<(&'static str, String)> {
    let runbooks = own.runbooks_url.clone().or_else(|| own.base_url.as_ref().map(|base| format!("{base}/runbooks")));
    ALERTS
        .iter()
        .map(|(name, text)| {
            let mut text = (*text).to_owned();
            let places = [(RUNBOOKS, &runbooks), (BASE, &own.base_url), (GRAFANA, &own.grafana_url)];
            for (placeholder, own) in places {
                text = own.iter().fold(text, |text, own| text.replace(placeholder, own));
            }
            if let Some(job) = &own.job {
                for [before, after] in JOB {
                    text = text.replace(&format!("{before}andon{after}"), &format!("{before}{job}{after}"));
                }
            }
            (*name, text)
        })
        .collect()
}

fn dashboard(name: &str, text: &str, own: &Own) -> Result<String, String> {
    let fault = |what: &str| format!("{name} has no {what}: a fault of andon's, please report it");
    let mut board: Value = serde_json::from_str(text).map_err(|_| fault("valid JSON"))?;
    let chosen = |value: Value| json!({"selected": true, "text": value.clone(), "value": value});
    let filled = [
        ("datasource", own.datasource.as_ref().map(|name| vec![("current", chosen(json!(name)))])),
        ("job", own.job.as_ref().map(|job| vec![("current", chosen(json!([job])))])),
        (
            "base_url",
            own.base_url.as_ref().map(|url| {
                let current = chosen(json!(url));
                vec![("query", json!(url)), ("current", current.clone()), ("options", json!([current]))]
            }),
        ),
    ];
    let variables = board.pointer_mut("/templating/list").and_then(Value::as_array_mut);
    let variables = variables.ok_or_else(|| fault("list of variables"))?;
    for (variable, fields) in filled {
        let Some(fields) = fields else { continue };
        let found = variables.iter_mut().find(|found| found["name"] == variable).and_then(Value::as_object_mut);
        let found = found.ok_or_else(|| fault(&format!("variable `{variable}`")))?;
        found.extend(fields.into_iter().map(|(key, value)| (key.to_owned(), value)));
    }
    serde_json::to_string_pretty(&board).map(|text| text + "\n").map_err(|_| fault("valid JSON"))
}

/// Writes files into a folder, all of them or none where one is there already and may not be replaced.
///
/// # Errors
/// A sentence for people.
pub(super) fn write(folder: &Path, files: &[(&str, String)], force: bool) -> Result<Vec<PathBuf>, String> {
    let paths: Vec<PathBuf> = files.iter().map(|(name, _)| folder.join(name)).collect();
    if let Some(there) = paths.iter().find(|path| path.exists()).filter(|_| !force) {
        let there = there.display();
        return Err(format!("{there} is there already, and nothing was written: name another folder, or add --force"));
    }
    std::fs::create_dir_all(folder).map_err(|error| format!("{} can't be made: {error}", folder.display()))?;
    for (path, (_, text)) in paths.iter().zip(files) {
        std::fs::write(path, text).map_err(|error| format!("{} can't be written: {error}", path.display()))?;
    }
    Ok(paths)
}

/// An address without its last slash, for the command line.
///
/// # Errors
/// The end of a sentence.
pub(super) fn url(text: &str) -> Result<String, String> {
    let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&()*+,;=%".contains(c);
    match host {
        Some(host) if !host.is_empty() && text.len() <= TEXT_BYTES_MAX && text.chars().all(plain) => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err("must be an address such as https://andon.example.com".to_owned()),
    }
}

/// The name of a scrape job, for the command line. It stands in selectors and in YAML, so it is a plain word.
///
/// # Errors
/// The end of a sentence.
pub(super) fn job(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/".contains(c);
    if (1..=TEXT_BYTES_MAX).contains(&text.len()) && text.chars().all(plain) {
        return Ok(text.to_owned());
    }
    Err("must be letters, digits and - _ . : / only, such as andon or monitoring/andon".to_owned())
}

/// The name or the uid of a data source, for the command line.
///
/// # Errors
/// The end of a sentence.
pub(super) fn datasource(text: &str) -> Result<String, String> {
    if (1..=TEXT_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    Err(format!("must have 1 to {TEXT_BYTES_MAX} bytes and no line break"))
}

/// Says what was written, or what went wrong.
pub(super) fn finish(written: Result<Vec<PathBuf>, String>) -> ExitCode {
    match written {
        Ok(paths) => {
            paths.iter().for_each(|path| output::line(path.display()));
            ExitCode::SUCCESS
        }
        Err(cause) => {
            output::complain(format!("andon: {cause}"));
            ExitCode::FAILURE
        }
    }
}
