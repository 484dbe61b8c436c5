//! The file of access tokens and the commands that keep it, up to a daemon that takes it.
//!
//! What is a failure here: a secret that stands anywhere but on the standard output that it was printed to.

#![cfg(test)]

mod file;
mod served;

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_andon"));
    command.args(arguments).current_dir(folder).env_remove("ANDON_URL").env_remove("ANDON_TOKEN").stdin(Stdio::null());
    command
}

fn andon(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What a command that must succeed printed.
#[track_caller]
fn done(folder: &Path, arguments: &[&str]) -> String {
    let output = andon(folder, arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// What a command that must fail said.
#[track_caller]
fn refused(folder: &Path, code: i32, arguments: &[&str]) -> String {
    let output = andon(folder, arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output.stdout));
    text(&output.stderr)
}

/// Makes a token; the secret.
fn new(folder: &Path, arguments: &[&str]) -> String {
    let said = done(folder, &[&["token", "new"], arguments].concat());
    assert_eq!(said.lines().count(), 1, "standard output is the secret alone: {said}");
    said.trim().to_owned()
}

fn file(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("andon-tokens.toml")).unwrap()
}

#[test]
fn a_token_is_made_listed_and_revoked_and_comments_stay() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let ann = new(folder, &["--name", "ann", "--roles", "owner,board,owner", "--scopes", "read,approve"]);
    assert!(ann.len() == 55 && ann[6..].bytes().all(|byte| byte.is_ascii_alphanumeric()), "{ann}");
    assert_eq!(std::fs::metadata(folder.join("andon-tokens.toml")).unwrap().mode() & 0o777, 0o600);
    let commented = format!("# ours\n{}\n# --- services ---\n", file(folder));
    std::fs::write(folder.join("andon-tokens.toml"), &commented).unwrap();
    let svc = new(folder, &["--name", "svc", "--scopes", "ingest", "--workflows", "email-*,x", "--expires", "never"]);
    let again = new(folder, &["--name", "ann", "--scopes", "read", "--expires", "2999-01-01T00:00:00Z"]);
    let now = file(folder);
    assert!(now.starts_with(&commented), "what was there stays as it was: {now}");
    assert!([&ann, &svc, &again].iter().all(|secret| !now.contains(secret.as_str())), "{now}");
    let list: serde_json::Value = serde_json::from_str(&done(folder, &["token", "list", "--json"])).unwrap();
    let one = |n: usize, key: &str| list[n][key].clone();
    assert_eq!((one(0, "name"), one(0, "roles")), ("ann".into(), serde_json::json!(["board", "owner"])));
    assert_eq!(
        (one(0, "scopes"), one(0, "workflows")),
        (serde_json::json!(["read", "approve"]), serde_json::json!(["*"]))
    );
    assert_eq!(
        (one(1, "workflows"), one(1, "expires")),
        (serde_json::json!(["email-*", "x"]), serde_json::Value::Null)
    );
    assert_eq!((one(2, "expires"), one(2, "holds")), ("2999-01-01T00:00:00.000Z".into(), true.into()));
    let table = done(folder, &["token", "list"]);
    assert!(table.contains("ingest") && table.contains("never") && !table.contains(&svc), "{table}");
    // One by its id, all of a name, one by itself.
    assert!(refused(folder, 1, &["token", "revoke", "nobody"]).contains("no token of that name"));
    done(folder, &["token", "revoke", one(2, "id").as_str().unwrap()]);
    assert_eq!(file(folder).matches("[[token]]").count(), 2);
    let said = done(folder, &["token", "revoke", &svc]);
    assert!(said.contains("of svc") && !said.contains(&svc), "{said}");
    new(folder, &["--name", "ann", "--scopes", "read"]);
    done(folder, &["token", "revoke", "ann"]);
    let left = file(folder);
    assert!(left.starts_with("# ours\n# Access tokens of andon") && left.contains("# --- services ---"), "{left}");
    assert!(!left.contains("[[token]]") && !left.contains("hash = "), "{left}");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 1, "nothing is left over");
}

#[test]
fn what_is_wrong_is_said_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert!(refused(folder, 1, &["token", "list"]).contains("andon token new"));
    for (arguments, phrase) in [
        (&["--name", "local", "--scopes", "read"][..], "can't be `local`"),
        (&["--name", "a\"b", "--scopes", "read"], "letters, digits, spaces"),
        (&["--name", "a", "--scopes", "everything"], "one of ingest, read, review"),
        (&["--name", "a"], "--scopes"),
        (&["--name", "a", "--scopes", "read", "--roles", "Boss"], "begin with a letter of a to z"),
        (&["--name", "a", "--scopes", "read", "--workflows", "*x"], "email-*"),
        (&["--name", "a", "--scopes", "read", "--expires", "90"], "such as 90d"),
        (&["--name", "a", "--scopes", "read", "--expires", "2020-01-01T00:00:00Z"], "is over already"),
    ] {
        let said = refused(folder, 64, &[&["token", "new"], arguments].concat());
        assert!(said.contains(phrase), "{phrase}: {said}");
    }
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0);
    std::fs::write(folder.join("andon-tokens.toml"), "token = []\n").unwrap();
    let said = refused(folder, 64, &["token", "new", "--name", "a", "--scopes", "read"]);
    assert!(said.contains("by hand"), "{said}");
    assert_eq!(file(folder), "token = []\n");
}

#[test]
fn check_says_what_is_wrong_with_the_file_of_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let config = |listen: &str| {
        let text = format!("[server]\nlisten = \"{listen}\"\ntokens = \"andon-tokens.toml\"\n");
        std::fs::write(folder.join("andon.toml"), text).unwrap();
    };
    config("127.0.0.1:9797");
    assert!(refused(folder, 64, &["check", "andon.toml"]).contains("andon token new"));
    new(folder, &["--name", "ann", "--scopes", "read"]);
    assert!(done(folder, &["check", "andon.toml"]).contains("1 access tokens that hold"));
    config("0.0.0.0:9797");
    done(folder, &["check", "andon.toml"]);
    let good = file(folder);
    let expired = |line| if str::starts_with(line, "expires") { "expires = 2020-01-01T00:00:00Z" } else { line };
    let over: Vec<&str> = good.lines().map(expired).collect();
    let over = over.join("\n");
    std::fs::write(folder.join("andon-tokens.toml"), over).unwrap();
    insta::assert_snapshot!("nobody_gets_in", refused(folder, 64, &["check", "andon.toml"]));
    assert!(refused(folder, 64, &["serve", "--config", "andon.toml"]).contains("no access token that holds"));
    std::fs::write(folder.join("andon-tokens.toml"), include_str!("token/many_mistakes.toml")).unwrap();
    let said = refused(folder, 64, &["check", "andon.toml"]);
    insta::assert_snapshot!("many_mistakes", said);
    let json = andon(folder, &["check", "andon.toml", "--json"]);
    let list: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(list.as_array().unwrap().len(), said.matches("error:").count());
    std::fs::write(folder.join("andon.toml"), "[server]\nlisten = \"0.0.0.0:9797\"\n").unwrap();
    insta::assert_snapshot!("open_to_all", refused(folder, 64, &["check", "andon.toml"]));
    assert!(refused(folder, 64, &["serve", "--config", "andon.toml"]).contains("andon token new"));
}
