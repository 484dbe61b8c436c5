//! A daemon with tokens, as a process of its own: the command line gets in, and no secret gets out.

use super::{command, done, file, new, refused, text};
use andon::clock::{Clock as _, SystemClock};
use std::path::Path;
use std::process::{Child, Stdio};

const POLICY: &str = "[[workflow]]\nid = \"drafts\"\nstart_mode = \"automate\"\n[[workflow]]\nid = \"other\"\n";

/// A daemon of its own, ended with the test; its log goes to a file.
struct Daemon {
    child: Child,
    port: u16,
}

impl Daemon {
    fn start(folder: &Path) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "[server]\nlisten = \"0.0.0.0:{port}\"\ntokens = \"andon-tokens.toml\"\n[store]\npath = \"store\"\n{POLICY}"
        );
        std::fs::write(folder.join("andon.toml"), config).unwrap();
        let log = std::fs::File::create(folder.join("log")).unwrap();
        let mut serve = command(folder, &["serve", "--config", "andon.toml"]);
        let child = serve.env("ANDON_LOG", "trace").stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let mut daemon = Self { child, port };
        daemon.wait("the daemon is ready", |daemon| std::net::TcpStream::connect(("127.0.0.1", daemon.port)).is_ok());
        daemon
    }

    fn wait(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let clock = SystemClock::default();
        while !holds(self) {
            assert!(clock.monotonic_ms() < 20_000 && self.child.try_wait().unwrap().is_none(), "in vain: {what}");
            std::thread::park_timeout(std::time::Duration::from_millis(10));
        }
    }

    /// Has it load its configuration anew, until the log says what came of it.
    fn hang_up(&mut self, folder: &Path, outcome: &str) {
        let reloads = || std::fs::read_to_string(folder.join("log")).unwrap().matches(outcome).count();
        let before = reloads();
        let hangup = std::process::Command::new("kill").args(["-HUP", &self.child.id().to_string()]).status();
        assert!(hangup.unwrap().success());
        self.wait("a reload", |_| reloads() > before);
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// All bytes below a folder.
fn everything(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        bytes.extend(if path.is_dir() { everything(&path) } else { std::fs::read(&path).unwrap() });
    }
    bytes
}

#[test]
fn the_command_line_gets_in_and_no_secret_gets_out() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let ann = new(folder, &["--name", "ann", "--scopes", "read,operate"]);
    let svc = new(folder, &["--name", "svc", "--scopes", "ingest,read", "--workflows", "drafts"]);
    let late = new(folder, &["--name", "late", "--scopes", "admin"]);
    let mut daemon = Daemon::start(folder);
    let url = format!("127.0.0.1:{}", daemon.port);
    let mut said = String::new();
    let mut run = |token: &str, code: i32, arguments: &[&str]| {
        let mut command = command(folder, &[arguments, &["--url", &url]].concat());
        if !token.is_empty() {
            command.env("ANDON_TOKEN", token);
        }
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output.stderr));
        let text = text(&output.stdout) + &text(&output.stderr);
        said.push_str(&text);
        text
    };
    let none = run("", 1, &["mode", "drafts"]);
    assert!(none.contains("needs an access token") && none.contains("ANDON_TOKEN or --token-file"), "{none}");
    assert!(run(&ann, 0, &["mode", "drafts"]).contains("drafts: automate"));
    run(&ann, 0, &["mode", "drafts", "--lower", "delegate", "--reason", "look first"]);
    assert!(run(&ann, 0, &["why", "drafts"]).contains("by ann"));
    let scope = run(&svc, 1, &["mode", "drafts", "--hold", "--reason", "r"]);
    assert!(scope.contains("the scope `operate`") && scope.contains("Another token"), "{scope}");
    assert!(run(&svc, 1, &["mode", "other"]).contains("doesn't hold for the workflow `other`"));
    run(&svc, 0, &["simulate", "--workflow", "drafts", "--outputs", "20", "--rate", "1000/s"]);
    let cut = &ann[..50];
    assert!(run(cut, 64, &["mode", "drafts"]).contains("ANDON_TOKEN holds no access token"));
    std::fs::create_dir(folder.join("private")).unwrap();
    std::fs::write(folder.join("private/token"), format!("{late}\n")).unwrap();
    run("", 0, &["mode", "other", "--token-file", "private/token"]);
    assert!(run("", 64, &["mode", "other", "--token-file", "none"]).contains("`none` holds no access token"));
    done(folder, &["token", "revoke", "late"]);
    daemon.hang_up(folder, "configuration reloaded");
    let gone = run("", 1, &["mode", "other", "--token-file", "private/token"]);
    assert!(gone.contains("not known here") && gone.contains("after a reload"), "{gone}");
    // Without tokens it would be open to other machines, whatever the file says of the next start.
    let config = std::fs::read_to_string(folder.join("andon.toml")).unwrap();
    let open = config.replace("tokens =", "# tokens =").replace("0.0.0.0", "127.0.0.1");
    std::fs::write(folder.join("andon.toml"), open).unwrap();
    daemon.hang_up(folder, "configuration not reloaded");
    assert!(std::fs::read_to_string(folder.join("log")).unwrap().contains("which other machines reach"));
    assert!(run("", 1, &["mode", "drafts"]).contains("needs an access token"));
    std::fs::write(folder.join("andon.toml"), config).unwrap();
    // A file with the secret itself in it: refused, and the secret isn't repeated.
    let good = file(folder);
    std::fs::write(folder.join("andon-tokens.toml"), good.replacen("sha256:", &format!("{late}\"\nx = \"sha256:"), 1))
        .unwrap();
    let problems = refused(folder, 64, &["check", "andon.toml"]);
    assert!(problems.contains("is a token itself"), "{problems}");
    std::fs::write(folder.join("andon-tokens.toml"), good).unwrap();
    drop(daemon);
    std::fs::remove_dir_all(folder.join("private")).unwrap();
    let log = std::fs::read_to_string(folder.join("log")).unwrap();
    assert!(log.contains("plain HTTP") && log.contains("lowered"), "{log}");
    let all = [everything(folder), said.into_bytes(), problems.into_bytes()].concat();
    for (whose, secret) in [("ann", &ann), ("svc", &svc), ("late", &late)] {
        // The part after the prefix: nobody may tell even that much.
        let needle = &secret.as_bytes()[6..30];
        assert!(!all.windows(needle.len()).any(|window| window == needle), "{whose}'s secret stands somewhere");
    }
}
