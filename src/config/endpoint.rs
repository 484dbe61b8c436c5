//! Where messages are sent to, and the files of addresses and secrets: what makes them usable.
//!
//! Owns the rule that nothing of a secret is ever repeated, neither in messages nor in what is printed of the
//! settings. Must not open a connection or look up a name.

use super::Files;
use super::address::is_public;
use super::section::Section;
use super::values::name;
use std::fmt;
use std::net::IpAddr;

/// An address, or the file that it stands in. It is never shown: it may hold a secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Source {
    /// The address itself.
    Inline(String),
    /// The file that it stands in.
    File(String),
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inline(_) => f.write_str("Inline(…)"),
            Self::File(path) => write!(f, "File({path:?})"),
        }
    }
}

/// A key that targets of some kinds must have; the table knows it as optional, as others mustn't have it.
pub(super) fn required(section: &Section<'_>, key: &'static str, what: &str) -> Option<String> {
    if !section.has(key) {
        section.missing(&[key], format!("this target has no `{key}`"), format!("add `{key} = \"…\"`: the one {what}"));
    }
    section.read(key, |value| name(value, 1_000))
}

/// Looks into a file that a target names, where files can be read; nothing of it is repeated.
pub(super) fn check_file(
    section: &Section<'_>,
    files: Files<'_>,
    key: &str,
    path: &str,
    check: impl FnOnce(&str) -> Result<(), String>,
) {
    let Some(read) = files else { return };
    let found = read(path).and_then(|text| check(text.trim()));
    if let Err(why) = found {
        section.problem(key, format!("the file of `{key}` {why}"), "mend the file; its path goes from this folder");
    }
}

/// The secrets of a file: one, or two on lines of their own while they are changed.
///
/// # Errors
/// The end of a sentence that begins with the file; nothing of it is repeated.
pub fn secrets(text: &str) -> Result<Vec<Vec<u8>>, String> {
    use base64::Engine as _;
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() || lines.len() > 2 {
        return Err("must hold one secret, or two on lines of their own while they are changed".to_owned());
    }
    let secret = |line: &&str| {
        // As Standard Webhooks writes them; or as they are.
        let key = match line.strip_prefix("whsec_") {
            Some(encoded) => base64::engine::general_purpose::STANDARD.decode(encoded).map_err(|_| ()),
            None => Ok(line.as_bytes().to_vec()),
        };
        key.ok().filter(|key| (24..=512).contains(&key.len()))
    };
    let keys: Option<Vec<Vec<u8>>> = lines.iter().map(secret).collect();
    keys.ok_or_else(|| {
        "must hold a secret of 24 to 512 bytes, as text or as `whsec_` and base64; make one with `printf whsec_; openssl rand -base64 32`".to_owned()
    })
}

/// What is wrong with an address, as the end of a sentence that begins with where it stands.
///
/// # Errors
/// Nothing of the address is repeated.
pub fn check_url(text: &str, allow_http: bool, allow_private: bool) -> Result<(), String> {
    let wrong = |why: &str| Err(why.to_owned());
    let Ok(uri) = text.parse::<ureq::http::Uri>() else { return wrong("holds no address") };
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return wrong("must hold a whole address, with https:// and a host");
    };
    if authority.as_str().contains('@') {
        return wrong("must hold no user and no password: sign messages with a secret instead");
    }
    match scheme {
        "https" => {}
        "http" if allow_http => {}
        "http" => {
            return wrong(
                "is plain http, which anybody on the way can read and change: use https, or declare `allow_http = true`",
            );
        }
        _ => return wrong("must begin with https://"),
    }
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let private = host.parse::<IpAddr>().is_ok_and(|ip| !is_public(ip));
    if private && !allow_private {
        return wrong("leads to this machine or a private network: declare `allow_private = true` if that is meant");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_refused_without_being_repeated() {
        for (url, http, private) in [
            ("https://hooks.example.com/T0/B0/x", false, false),
            ("http://hooks.example.com", true, false),
            ("http://127.0.0.1:1/x?y=z", true, true),
            ("https://[2606:4700::1]:8443/", false, false),
        ] {
            assert_eq!(check_url(url, http, private), Ok(()), "{url}");
        }
        for url in [
            "",
            "hooks.example.com",
            "/only/a/path",
            "ftp://hooks.example.com",
            "http://hooks.example.com",
            "https://user:hunter2@hooks.example.com",
            "https://127.0.0.1/hunter2",
            "https://10.0.0.1/",
            "https://169.254.169.254/latest/meta-data",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
        ] {
            let why = check_url(url, false, false).unwrap_err();
            assert!(!why.contains("hunter2") && !why.contains("127"), "{url}: {why}");
        }
    }

    #[test]
    fn secrets_are_one_or_two() {
        let raw = "a-secret-of-at-least-24-bytes";
        assert_eq!(secrets(raw), Ok(vec![raw.as_bytes().to_vec()]));
        let encoded = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        assert_eq!(secrets(&format!(" {encoded}\n\n{raw}\n")).map(|keys| keys.len()), Ok(2));
        for bad in ["", "short", "whsec_!", &format!("{raw}\n{raw}\n{raw}"), "whsec_c2hvcnQ="] {
            let why = secrets(bad).unwrap_err();
            assert!(!why.contains("short"), "{why}");
        }
    }
}
