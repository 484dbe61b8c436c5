//! The operator's pack: what `andon dashboards export` and `andon alerts export` write, and what compose.yaml mounts.
//!
//! A failure here is: a name of ours left where somebody gave theirs, a file replaced without a word, a mounted path
//! that isn't there, a port that others reach, a secret in a file.

#![cfg(test)]

use super::cli::andon;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::tempdir;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Runs an export that must succeed; the files that it says it wrote.
fn export(folder: &Path, arguments: &[&str]) -> Vec<String> {
    let done = andon(folder, arguments);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn variable<'b>(board: &'b Value, name: &str) -> &'b Value {
    board["templating"]["list"].as_array().unwrap().iter().find(|variable| variable["name"] == name).unwrap()
}

#[test]
fn dashboards_are_written_as_shipped_or_with_own_names() {
    let folder = tempdir().unwrap();
    let written = export(folder.path(), &["dashboards", "export", "--out", "plain"]);
    let shipped = fs::read_dir(root().join("dashboards")).unwrap().map(|entry| entry.unwrap().path());
    let shipped: Vec<PathBuf> = shipped.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    assert_eq!(written.len(), shipped.len(), "none is forgotten: {written:?}");
    for path in shipped {
        let name = path.file_name().unwrap();
        let own: Value = serde_json::from_str(&read(&folder.path().join("plain").join(name))).unwrap();
        assert_eq!(own, serde_json::from_str::<Value>(&read(&path)).unwrap(), "{name:?} is as it is shipped");
    }
    let names = ["--datasource-name", "Mimir \"eu\"", "--job", "mon/andon", "--base-url", "https://andon.corp.test/"];
    for path in export(folder.path(), &[&["dashboards", "export", "--out", "own"], &names[..]].concat()) {
        let text = read(&folder.path().join(path));
        let board: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(variable(&board, "datasource")["current"]["value"], "Mimir \"eu\"");
        assert_eq!(variable(&board, "job")["current"]["value"], json!(["mon/andon"]));
        let base = variable(&board, "base_url");
        for place in [&base["query"], &base["current"]["value"], &base["options"][0]["value"]] {
            assert_eq!(place, "https://andon.corp.test", "without the last slash");
        }
        assert!(!text.contains("127.0.0.1"), "nothing of ours is left");
    }
}

#[test]
fn alerts_are_written_with_own_names() {
    let folder = tempdir().unwrap();
    for path in export(folder.path(), &["alerts", "export", "--out", "plain"]) {
        let name = Path::new(&path).file_name().unwrap();
        assert_eq!(read(&folder.path().join(&path)), read(&root().join("alerts").join(name)), "{name:?}");
    }
    let urls = ["--base-url", "http://andon.corp.test:9797", "--grafana-url", "https://grafana.corp.test/"];
    let own = [&["alerts", "export", "--out", "own", "--job", "cord"], &urls[..]].concat();
    let all: String = export(folder.path(), &own).iter().map(|path| read(&folder.path().join(path))).collect();
    assert!(all.contains("http://andon.corp.test:9797/runbooks#") && all.contains("https://grafana.corp.test/d/"));
    assert!(all.contains("up{job=\"cord\"}") && all.contains("url: http://andon.corp.test:9797/v1/alertmanager"));
    for ours in ["andon.example.com", "grafana.example.com", "job=\"andon\"", "job: \"andon\"", "127.0.0.1:9797"] {
        assert!(!all.contains(ours), "`{ours}` is left");
    }
    let wiki = [&own[..], &["--runbooks-url", "https://wiki.test/andon", "--force"]].concat();
    let all: String = export(folder.path(), &wiki).iter().map(|path| read(&folder.path().join(path))).collect();
    assert!(all.contains("https://wiki.test/andon#") && !all.contains("/runbooks#"));
}

#[test]
fn what_is_there_is_replaced_only_by_force() {
    let folder = tempdir().unwrap();
    let own = folder.path().join("a/andon.rules.test.yaml");
    fs::create_dir(folder.path().join("a")).unwrap();
    fs::write(&own, "mine").unwrap();
    let refused = andon(folder.path(), &["alerts", "export", "--out", "a"]);
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(
        said.contains("andon.rules.test.yaml is there already, and nothing was written") && said.contains("--force")
    );
    assert_eq!((read(&own).as_str(), fs::read_dir(folder.path().join("a")).unwrap().count()), ("mine", 1));
    export(folder.path(), &["alerts", "export", "--out", "a", "--force"]);
    assert_ne!(read(&own), "mine");
}

#[test]
fn names_that_would_break_a_file_are_refused() {
    let folder = tempdir().unwrap();
    let alerts = ["alerts", "export", "--out", "a"];
    let boards = ["dashboards", "export", "--out", "a"];
    for (command, wrong, says) in [
        (alerts, ["--job", "a\"} or up{job=\""], "letters, digits"),
        (alerts, ["--job", ""], "letters, digits"),
        (alerts, ["--base-url", "andon.example.com"], "must be an address"),
        (alerts, ["--grafana-url", "https://g'x"], "must be an address"),
        (alerts, ["--runbooks-url", "https://"], "must be an address"),
        (boards, ["--base-url", "javascript:alert(1)"], "must be an address"),
        (boards, ["--datasource-name", "a\nb"], "no line break"),
    ] {
        let refused = andon(folder.path(), &[&command[..], &wrong].concat());
        assert_eq!(refused.status.code(), Some(64), "{wrong:?}");
        assert!(String::from_utf8(refused.stderr).unwrap().contains(says), "{wrong:?}");
    }
    assert!(!folder.path().join("a").exists());
}

/// The lines of a file without its comments.
fn lines(path: &str) -> Vec<String> {
    let text = read(&root().join(path));
    text.lines().filter(|line| !line.trim_start().starts_with('#')).map(str::to_owned).collect()
}

#[test]
fn every_path_that_the_stack_mounts_is_there() {
    let compose = lines("compose.yaml");
    let mounted: Vec<&str> = compose
        .iter()
        .filter_map(|line| line.trim().strip_prefix("- ./")?.split_once(':').map(|(path, _)| path))
        .collect();
    assert!(mounted.len() >= 8, "{mounted:?}");
    for path in mounted {
        assert!(root().join(path).exists(), "compose.yaml mounts ./{path}, which isn't there");
    }
    for line in compose.iter().filter(|line| line.contains("- ./")) {
        assert!(line.ends_with(":ro"), "{line}: what is ours is read only");
    }
}

#[test]
fn the_stack_is_reached_from_this_machine_only_and_holds_no_secret() {
    let compose = lines("compose.yaml");
    let ports: Vec<&String> = compose.iter().filter(|line| line.trim().starts_with("ports:")).collect();
    assert!(ports.len() == 4 && ports.iter().all(|line| line.contains("[\"127.0.0.1:")), "{ports:?}");
    let images = compose.iter().filter_map(|line| line.trim().strip_prefix("image: "));
    let pinned = |image: &str| image.rsplit_once(':').is_some_and(|(_, tag)| tag != "latest" && !tag.is_empty());
    assert!(images.clone().count() == 4 && images.into_iter().all(pinned), "every image is of one version");
    let docker = lines("Dockerfile");
    assert!(
        docker.iter().filter_map(|line| line.strip_prefix("FROM ")).all(|base| pinned(base.split(' ').next().unwrap()))
    );
    let more = ["prometheus.yml", "alertmanager.yml", "andon.toml", "start.sh"]
        .map(|name| lines(&format!("deploy/compose/{name}")));
    for line in compose.iter().chain(&docker).chain(more.iter().flatten()) {
        let low = line.to_lowercase();
        assert!(!["password:", "secret:", "credentials:", "bearer "].iter().any(|word| low.contains(word)), "{line}");
    }
}

#[test]
fn the_stack_has_a_configuration_that_andon_takes() {
    let text = read(&root().join("deploy/compose/andon.toml"));
    let settings = andon::config::load(&text, "andon.toml").unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(settings.policy.workflows.len(), 1);
}
