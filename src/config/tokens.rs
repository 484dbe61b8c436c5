//! The file of access tokens: its text becomes tokens, or all its problems at once.
//!
//! Owns what a token must say about itself. The file holds hashes only, never a secret. Must not read
//! files, know a clock (whether a token has expired is not seen here) or compare secrets.

use super::baseline::time;
use super::once::Once;
use super::problem::{Kind, Problems, Sink};
use super::section::Section;
use super::syntax;
use super::values::{Read, text, wrong};
use super::words::either;
use crate::domain::access::TOKEN_PREFIX;
use crate::domain::{Pattern, Person, Reach, Scope, Scopes, Time};
use toml::de::{DeTable, DeValue};

/// Most tokens of one file.
pub const TOKENS_MAX: usize = 1_000;
/// Most roles, or patterns of workflows, of one token.
const LIST_MAX: usize = 100;
/// What a hash begins with, so that another kind can come later.
const HASH_KIND: &str = "sha256:";

/// A token as it stands in the file: whose it is and the hash of its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Whose, and what it allows.
    pub person: Person,
    /// From then on it no longer holds; `None` is never.
    pub expires: Option<Time>,
    /// SHA-256 of the secret's text.
    pub hash: [u8; 32],
    /// When it was made, where that is known.
    pub created: Option<Time>,
}

impl Token {
    /// A short name for this one token: the beginning of its hash. It tells nothing of the secret.
    pub fn id(&self) -> String {
        hex(&self.hash[..6])
    }

    /// Whether it holds at a time.
    pub fn holds(&self, now: Time) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }

    /// The token as it stands in a file, with its head.
    pub fn to_toml(&self) -> String {
        // None of these texts holds a quote or a backslash: that is checked when they come in.
        let list = |items: Vec<String>| {
            let quoted: Vec<String> = items.iter().map(|item| format!("\"{item}\"")).collect();
            format!("[{}]", quoted.join(", "))
        };
        let Person { name, roles, scopes, workflows } = &self.person;
        let expires = self.expires.map_or_else(|| "never".to_owned(), |time| time.to_string());
        let created = self.created.map(|time| format!("created = \"{time}\"\n")).unwrap_or_default();
        format!(
            "[[token]]\nname = \"{name}\"\nroles = {}\nscopes = {}\nworkflows = {}\nexpires = \"{expires}\"\nhash = \"{HASH_KIND}{}\"\n{created}",
            list(roles.clone()),
            list(scopes.iter().map(|scope| scope.name().to_owned()).collect()),
            list(workflows.patterns().iter().map(ToString::to_string).collect()),
            hex(&self.hash),
        )
    }
}

/// The tokens of a file, with the lines of their heads, from 1.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tokens {
    /// In the order of the file.
    pub list: Vec<Token>,
    /// The line of each one's `[[token]]`.
    pub lines: Vec<usize>,
}

/// Reads the text of a file of access tokens. `file_name` is for messages only.
///
/// # Errors
/// Every problem of the file, in the order of its lines; what looks like a secret is made unreadable.
pub fn load_tokens(text: &str, file_name: &str) -> Result<Tokens, Problems> {
    let (document, errors) = DeTable::parse_recoverable(text);
    let sink = Sink::new(text);
    syntax::report(&sink, text, &errors);
    let tokens = read(&Section::tokens(&sink, document.get_ref()));
    sink.finish(file_name).map_or(Ok(tokens), Err)
}

fn read(root: &Section<'_>) -> Tokens {
    let sections = root.tables("token", "tokens.token");
    if sections.len() > TOKENS_MAX {
        let message = format!("there are {} tokens, and at most {TOKENS_MAX} are taken", sections.len());
        root.problem("token", message, "remove those that have expired: `andon token list` shows them");
        return Tokens::default();
    }
    let (mut hashes, mut tokens) = (Once::default(), Tokens::default());
    for section in &sections {
        let token = Token {
            person: Person {
                name: section.read("name", name).unwrap_or_default(),
                roles: texts(section, "roles", Person::check_role),
                scopes: scopes(section),
                workflows: workflows(section),
            },
            expires: section.read("expires", expires).flatten(),
            hash: section.read("hash", hash).unwrap_or_default(),
            created: section.read("created", time),
        };
        if section.has("hash") && token.hash != [0; 32] {
            hashes.check(
                section,
                "hash",
                &token.id(),
                "the token",
                "remove one of the two, or make a token of its own",
            );
        }
        tokens.lines.push(section.sink().line(section.span("").start));
        tokens.list.push(token);
    }
    tokens
}

fn name(value: &DeValue<'_>) -> Read<String> {
    Person::check_name(&text(value)?)
        .or_else(|rule| wrong(rule, "write a person's or a service's name, such as \"ann\""))
}

/// A list of texts, each as `check` wants it and none twice.
fn texts<T: PartialEq>(section: &Section<'_>, key: &str, check: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
    // The default and the requirement are the table's; the entries are read one by one for their places.
    let there = section.read(key, |value| match value {
        DeValue::Array(entries) if entries.len() > LIST_MAX => {
            wrong(format!("has more than {LIST_MAX} entries"), "shorten the list; `*` stands for all workflows")
        }
        DeValue::Array(_) => Ok(()),
        _ => wrong("must be a list", "put the value in brackets: […]"),
    });
    if there.is_none() || !section.has(key) {
        return Vec::new();
    }
    let mut found: Vec<T> = Vec::new();
    for (entry, span) in section.list(key, |value| {
        check(&text(value)?).or_else(|rule| wrong(format!("has a wrong entry: it {rule}"), "mend or remove it"))
    }) {
        if found.contains(&entry) {
            section.sink().push(Kind::Wrong, span, format!("`{key}` has this entry twice"), "remove one");
        } else {
            found.push(entry);
        }
    }
    found
}

fn scopes(section: &Section<'_>) -> Scopes {
    let names = Scope::ALL.map(Scope::name);
    if section.is_empty_list("scopes") {
        let help = format!("add one of {}, or remove the token", either(&names));
        section.problem("scopes", "`scopes` is empty: this token allows nothing", help);
    }
    texts(section, "scopes", |text| text.parse::<Scope>()).into_iter().collect()
}

fn workflows(section: &Section<'_>) -> Reach {
    if section.is_empty_list("workflows") {
        let help = "write [\"*\"] for all workflows, or ids and beginnings of ids such as \"email-*\"";
        section.problem("workflows", "`workflows` is empty: this token holds for none", help);
    }
    texts(section, "workflows", |text| text.parse::<Pattern>()).into_iter().collect()
}

fn expires(value: &DeValue<'_>) -> Read<Option<Time>> {
    if value.as_str() == Some("never") {
        return Ok(None);
    }
    time(value).map(Some).map_err(|mut wrong| {
        wrong.help.push_str("; \"never\" means that it doesn't expire");
        wrong
    })
}

fn hash(value: &DeValue<'_>) -> Read<[u8; 32]> {
    const HELP: &str = "let `andon token new` write it: the hash of a token is `printf %s TOKEN | sha256sum`";
    let text = text(value)?;
    if text.starts_with(TOKEN_PREFIX) {
        return wrong(
            "is a token itself, not its hash: whoever can read this file has it",
            "revoke it now: remove this entry, and make another one with `andon token new`",
        );
    }
    let digits = text.strip_prefix(HASH_KIND).filter(|digits| digits.len() == 64 && digits.is_ascii());
    // The value isn't repeated: it might be a secret.
    digits.and_then(unhex).map_or_else(|| wrong(format!("must be `{HASH_KIND}` and 64 hex digits"), HELP), Ok)
}

fn unhex(digits: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    for (index, byte) in bytes.iter_mut().enumerate() {
        let pair = digits.get(2 * index..2 * index + 2).filter(|pair| pair.bytes().all(|b| b.is_ascii_hexdigit()))?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
