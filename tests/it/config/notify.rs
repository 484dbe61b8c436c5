//! `[notifications]` and `[[notify]]`: what is refused, what it says, and that no secret is in what it says.

#![cfg(test)]

use andon::config::{Channel, Settings, SmtpTls, load, load_with};

fn settings(text: &str) -> Settings {
    load(text, "andon.toml").unwrap_or_else(|problems| panic!("{problems}"))
}

fn problems(text: &str) -> String {
    load(text, "andon.toml").err().map(|problems| problems.to_string()).unwrap_or_default()
}

#[test]
fn the_defaults_are_safe() {
    let text = "[[notify]]\nname = \"a\"\nkind = \"webhook\"\nurl = \"https://h.example.com/\"\nsecret_file = \"s\"\n\
                [[notify]]\nname = \"b\"\nkind = \"email\"\nhost = \"smtp.example.com\"\nfrom = \"a@example.com\"\nto = [\"b@example.com\"]\n";
    let notify = settings(text).notify;
    assert!(notify.targets.iter().all(|target| !target.allow_private && !target.drill && target.events.len() == 6));
    let Channel::Email(smtp) = &notify.targets[1].channel else { panic!("{notify:?}") };
    assert_eq!((smtp.tls, smtp.port), (SmtpTls::StartTls, 587));
    assert!(notify.targets[1].workflows.is_all() && settings("").notify.targets.is_empty());
}

#[test]
fn everything_that_is_wrong_is_said_at_once_and_no_secret_with_it() {
    let text = r#"
[notifications]
public_url = "andon.example.com"
first_backoff = "10m"
max_backoff = "1m"
attempts_max = 0
[[notify]]
name = "On Call"
kind = "pager"
[[notify]]
name = "hook"
kind = "webhook"
url = "https://ann:hunter2@h.example.com/hunter2"
events = ["modes"]
workflows = ["a*b"]
[[notify]]
name = "hook"
kind = "webhook"
url = "http://h.example.com/hunter2"
secret_file = "s"
tls = "none"
[[notify]]
name = "inside"
kind = "webhook"
url = "https://169.254.169.254/hunter2"
secret_file = "s"
events = []
[[notify]]
name = "slack"
kind = "slack"
url = "https://hooks.example.com/hunter2"
[[notify]]
name = "both"
kind = "webhook"
url = "https://h.example.com/hunter2"
url_file = "u"
secret_file = "s"
[[notify]]
name = "mail"
kind = "email"
host = "localhost"
tls = "none"
username = "ann"
from = "nobody"
to = ["ann@example.com", "ben"]
[[notify]]
name = "post"
kind = "email"
secret_file = "s"
"#;
    let said = problems(text);
    assert!(!said.contains("hunter2"), "{said}");
    insta::assert_snapshot!("notify_problems", said);
}

#[test]
fn the_files_of_secrets_are_looked_into_and_not_repeated() {
    let text = "[[notify]]\nname = \"a\"\nkind = \"webhook\"\nurl_file = \"u\"\nsecret_file = \"s\"\nca_file = \"c\"\n";
    let with = |url: &'static str, secret: &'static str, ca: &'static str| {
        let read = move |path: &str| match path {
            "u" => Ok(url.to_owned()),
            "s" => Ok(secret.to_owned()),
            "c" => Ok(ca.to_owned()),
            _ => Err("isn't there".to_owned()),
        };
        load_with(text, "andon.toml", &read).err().map(|problems| problems.to_string()).unwrap_or_default()
    };
    let (url, secret, ca) =
        ("https://h.example.com/hunter2\n", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", "-----BEGIN CERTIFICATE-----");
    assert_eq!(with(url, secret, ca), "");
    for (url, secret, ca, key) in [
        ("http://h.example.com/hunter2", secret, ca, "`url_file`"),
        ("https://10.0.0.1/hunter2", secret, ca, "`url_file`"),
        (url, "hunter2", ca, "`secret_file`"),
        (url, secret, "hunter2", "`ca_file`"),
    ] {
        let said = with(url, secret, ca);
        assert!(said.contains(key) && said.contains("1 problem") && !said.contains("hunter2"), "{said}");
    }
}

#[test]
fn there_is_a_limit_to_targets() {
    let target = |n: usize| format!("[[notify]]\nname = \"t{n}\"\nkind = \"slack\"\nurl_file = \"u\"\n");
    let many = |count: usize| (0..count).map(target).collect::<String>();
    assert_eq!(settings(&many(20)).notify.targets.len(), 20);
    assert!(problems(&many(21)).contains("more than 20"));
}
