//! Who may do what: scopes, the workflows that they hold for, and the person behind a request.
//!
//! Owns the meaning of the words and which names are valid. Knows no token, no secret and no file.

use super::WorkflowId;
use std::fmt;
use std::str::FromStr;

/// The name of whoever acts where no tokens are configured: somebody on this machine.
pub const LOCAL: &str = "local";
/// The name under which the daemon itself acts.
pub const ANDON: &str = "andon";
/// What every access token begins with, so that scanners for lost secrets can find one. In two
/// pieces, because only the catalogue of metrics may hold this word.
pub const TOKEN_PREFIX: &str = concat!("andon", "_");
/// Longest name, in characters.
const NAME_CHARS_MAX: usize = 64;
/// Longest role, in bytes.
const ROLE_BYTES_MAX: usize = 32;

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Send outputs.
    Ingest,
    /// Read modes, numbers, records and metrics.
    Read,
    /// Send verdicts on outputs.
    Review,
    /// Send alerts, which lower modes and raise none.
    Alert,
    /// Lower, hold, stop; deal with incidents; have a baseline learned anew.
    Operate,
    /// Ask for promotions and approve them.
    Approve,
    /// Load configuration and tokens anew, and everything else.
    Admin,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 7] =
        [Self::Ingest, Self::Read, Self::Review, Self::Alert, Self::Operate, Self::Approve, Self::Admin];

    /// The word used in token files, in the OpenAPI document and in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Read => "read",
            Self::Review => "review",
            Self::Alert => "alert",
            Self::Operate => "operate",
            Self::Approve => "approve",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|scope| scope.name() == text);
        found.ok_or_else(|| "must be one of ingest, read, review, alert, operate, approve and admin".to_owned())
    }
}

/// A set of scopes. `admin` implies every other one; no other scope implies any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u8);

impl Scopes {
    /// Whether the set allows what needs `scope`.
    pub const fn allows(self, scope: Scope) -> bool {
        self.0 & (Self::bit(scope) | Self::bit(Scope::Admin)) != 0
    }

    /// The scopes that were given, in the order of [`Scope::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.0 & Self::bit(*scope) != 0)
    }

    const fn bit(scope: Scope) -> u8 {
        1 << scope as u8
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |set, scope| set | Self::bit(scope)))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iter().map(Scope::name).collect::<Vec<_>>().join(", "))
    }
}

/// One workflow, several with a common beginning, or all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// `*`.
    All,
    /// `email-drafts`.
    Id(WorkflowId),
    /// `email-*`: every id that begins like this.
    Prefix(String),
}

impl Pattern {
    fn fits(&self, workflow: &str) -> bool {
        match self {
            Self::All => true,
            Self::Id(id) => id.as_str() == workflow,
            Self::Prefix(prefix) => workflow.starts_with(prefix.as_str()),
        }
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_suffix('*') {
            Some("") => Ok(Self::All),
            Some(prefix) if WorkflowId::is_valid(prefix) => Ok(Self::Prefix(prefix.to_owned())),
            _ => WorkflowId::new(text).map(Self::Id).map_err(|_| {
                "must be a workflow's id, the beginning of one and `*` (such as email-*), or `*` for all".to_owned()
            }),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Id(id) => write!(f, "{id}"),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
        }
    }
}

/// The workflows that somebody's scopes hold for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach(Vec<Pattern>);

impl Reach {
    /// Whether it is every workflow, those that are not declared yet included.
    pub fn is_all(&self) -> bool {
        self.0.contains(&Pattern::All)
    }

    /// Whether it holds for a workflow.
    pub fn has(&self, workflow: &str) -> bool {
        self.0.iter().any(|pattern| pattern.fits(workflow))
    }

    /// The patterns, as they were given.
    pub fn patterns(&self) -> &[Pattern] {
        &self.0
    }
}

impl FromIterator<Pattern> for Reach {
    fn from_iter<I: IntoIterator<Item = Pattern>>(patterns: I) -> Self {
        Self(patterns.into_iter().collect())
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
    }
}

/// Whoever acts: a person or a service, and what they may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The name that the ledger shows.
    pub name: String,
    /// What they are in the house: approvals are counted by role. Roles allow nothing by themselves.
    pub roles: Vec<String>,
    /// What they may do.
    pub scopes: Scopes,
    /// For which workflows.
    pub workflows: Reach,
}

impl Person {
    /// Whoever reaches a daemon without tokens: all scopes, all workflows, no role.
    pub fn local() -> Self {
        let (scopes, workflows) = (Scope::ALL.into_iter().collect(), Reach(vec![Pattern::All]));
        Self { name: LOCAL.to_owned(), roles: Vec::new(), scopes, workflows }
    }

    /// The name, or what is wrong with it. Letters of any script, and no character that could break a line
    /// of a log, a label or a TOML text.
    ///
    /// # Errors
    /// The end of a sentence that begins with the name.
    pub fn check_name(name: &str) -> Result<String, String> {
        let is_fine = |c: char| c.is_alphanumeric() || " _.@+'-".contains(c);
        let length = name.chars().count();
        if length == 0 || length > NAME_CHARS_MAX || !name.chars().all(is_fine) || name.trim() != name {
            return Err(format!("must have 1 to {NAME_CHARS_MAX} letters, digits, spaces and _ . @ + ' -"));
        }
        if [LOCAL, ANDON].iter().any(|reserved| name.eq_ignore_ascii_case(reserved)) {
            return Err(format!("can't be `{LOCAL}` or `{ANDON}`: those stand for this machine and for andon itself"));
        }
        Ok(name.to_owned())
    }

    /// The role, or what is wrong with it.
    ///
    /// # Errors
    /// The end of a sentence that begins with the role.
    pub fn check_role(role: &str) -> Result<String, String> {
        let rest = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
        if role.starts_with(|c: char| c.is_ascii_lowercase()) && role.len() <= ROLE_BYTES_MAX && role.chars().all(rest)
        {
            return Ok(role.to_owned());
        }
        Err(format!(
            "must begin with a letter of a to z and go on with those, digits, `_` and `-`, at most {ROLE_BYTES_MAX}"
        ))
    }
}

/// The text with whatever may be an access token, or most of one, made unreadable: somebody may have
/// pasted one where it doesn't belong, and what we say about that goes to logs. The length stays.
pub fn without_tokens(text: &str) -> String {
    /// After the prefix, shorter words can't be a secret, but may well be the name of a metric.
    const AFTER_PREFIX_MIN: usize = 20;
    /// Without it (it may be cut off), shorter ones aren't enough of a secret to find the rest of it.
    const ALONE_MIN: usize = 32;
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
        let (before, found) = rest.split_at(at);
        shown.push_str(before);
        let letters = found.bytes().take_while(u8::is_ascii_alphanumeric).count();
        let (word, after) = found.split_at(letters);
        let least = if shown.ends_with(TOKEN_PREFIX) { AFTER_PREFIX_MIN } else { ALONE_MIN };
        shown.push_str(&if letters >= least { "*".repeat(letters) } else { word.to_owned() });
        rest = after;
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_implies_every_scope_and_nothing_else_implies_any() {
        for given in Scope::ALL {
            let set: Scopes = [given].into_iter().collect();
            for wanted in Scope::ALL {
                assert_eq!(set.allows(wanted), given == wanted || given == Scope::Admin, "{given:?} {wanted:?}");
            }
            assert_eq!((given.name().parse(), set.iter().collect::<Vec<_>>()), (Ok(given), vec![given]));
        }
        assert!(Scope::ALL.into_iter().all(|scope| !Scopes::default().allows(scope)));
    }

    #[test]
    fn patterns_hold_for_what_they_say() {
        let reach = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Reach>();
        let some = reach(&["email-*", "router"]);
        for (workflow, holds) in
            [("email-drafts", true), ("email-", true), ("email", false), ("router", true), ("router2", false)]
        {
            assert_eq!(some.has(workflow), holds, "{workflow}");
        }
        assert!(!some.is_all() && reach(&["a", "*"]).is_all() && !reach(&[]).has("a"));
        assert_eq!(some.to_string(), "email-*, router");
        for bad in ["", "**", "*-drafts", "a*b", "-*", "a b", "ü*"] {
            assert!(bad.parse::<Pattern>().is_err(), "{bad}");
        }
    }

    #[test]
    fn names_and_roles() {
        for good in ["ann", "Ann Ørsted", "o'neill@example.com", "ci-bot_2", &"x".repeat(64)] {
            assert_eq!(Person::check_name(good).as_deref(), Ok(good));
        }
        for bad in ["", " ann", "a\nb", "a\"b", "Local", "andon", "\u{202e}ann", &"x".repeat(65)] {
            assert!(Person::check_name(bad).is_err(), "{bad:?}");
        }
        for (role, good) in [("board", true), ("b2_-", true), ("", false), ("Board", false), ("2b", false)] {
            assert_eq!(Person::check_role(role).is_ok(), good, "{role}");
        }
    }

    #[test]
    fn tokens_are_hidden_wherever_they_stand() {
        let secret = format!("{TOKEN_PREFIX}{}", "aB3".repeat(15));
        let text = format!("hash = \"{secret}\" # {secret} and {TOKEN_PREFIX}outputs_total");
        let shown = without_tokens(&text);
        assert!(!shown.contains("aB3") && shown.ends_with("outputs_total"), "{shown}");
        assert_eq!(shown.len(), text.len());
        let cut = format!("x {} y", &secret[3..]);
        assert!(!without_tokens(&cut).contains("aB3"), "{cut}");
        let plain = "a name, of-several_words and 0123456789abcdef, ü: stays.";
        assert_eq!(without_tokens(plain), plain);
    }
}
