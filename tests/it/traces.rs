//! The real traces with known changes, judged with the example policies.
//!
//! They are not part of the repository: where they are absent the test says so.

#![cfg(test)]

use super::cli::json;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The folder of the real traces, if it is here.
fn traces() -> Option<PathBuf> {
    let near = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let shared = std::env::var_os("ANDON_SHARED").map_or(near, PathBuf::from);
    Some(shared.join("data/traces")).filter(|traces| traces.is_dir())
}

fn trace(traces: &Path, example: &str, file: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let path = |path: PathBuf| path.to_str().unwrap().to_owned();
    let config = path(examples.join(format!("policy-{example}.toml")));
    let mapping = path(examples.join(format!("import-{example}.toml")));
    let file = path(traces.join(file));
    json(folder.path(), &["import", "--config", &config, "--mapping", &mapping, "--json", &file])
}

#[test]
fn the_real_traces_are_judged_as_is_known_of_them() {
    let Some(traces) = traces() else {
        println!("SKIPPED: the real traces are not here; set ANDON_SHARED to the folder that holds data/traces");
        return;
    };
    let first = |report: &Value, id: &str| report["workflows"][id]["changes"][0]["at_output"].as_u64();
    let drift = trace(&traces, "llmdrift", "llmdrift_prime.csv");
    assert!(first(&drift, "gpt-4-prime").is_some_and(|at| (501..=525).contains(&at)), "{drift:#}");
    let lightcap = trace(&traces, "lightcap", "lightcap_tool_ops.csv");
    assert!(first(&lightcap, "workflow_run").is_some_and(|at| (222..=245).contains(&at)), "{lightcap:#}");
    let llmperf = trace(&traces, "llmperf", "llmperf_requests.csv");
    assert!(first(&llmperf, "lepton-llama2-7b").is_some_and(|at| (11..=25).contains(&at)), "{llmperf:#}");
    assert_eq!(llmperf["workflows"]["bedrock-llama2-70b"]["changes"].as_array().unwrap().len(), 0);
    assert_eq!(llmperf["workflows"]["bedrock-llama2-70b"]["mode"], "automate");
    let azure = trace(&traces, "azure-2023-conv", "azure_llm_2023_conv.csv");
    let guard = &azure["workflows"]["azure-conv"]["guards"][1];
    assert_eq!((&guard["state"], &guard["estimate"], &guard["n"]), (&"no_data".into(), &Value::Null, &0.into()));
    for report in [&drift, &lightcap, &llmperf, &azure] {
        assert_eq!((&report["duplicates"], &report["refused"]), (&0.into(), &serde_json::json!({})));
    }
}
