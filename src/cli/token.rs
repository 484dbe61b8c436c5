//! `andon token`: make, list and revoke access tokens.
//!
//! Owns the arguments and the telling. The secret is printed once, alone on standard output, so that a
//! script can catch it; everything else about it goes to standard error.

use super::table::{Side, Table};
use super::{USAGE, output, words};
use crate::access::{self, FileError, Secret};
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Token, load_tokens};
use crate::domain::{Pattern, Person, Scope, Time};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The longest time that a token can be given as a number of days; for longer ones there is `never`.
const DAYS_MAX: u64 = 3_650;

/// Arguments of `andon token`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  andon token new --name ann --roles board,owner --scopes read,operate,approve
  andon token new --name drafts-service --scopes ingest,read --workflows 'email-*' --expires 365d
  andon token list
  andon token revoke ann

Scopes: ingest (send outputs), read, review (send verdicts), operate (lower, hold, stop, incidents),
approve (promotions), admin (reload, and everything else). docs/access.md says what each allows.")]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a token and print it once.
    New(New),
    /// List the tokens of the file: whose, for what, until when.
    List(List),
    /// Take a token out of the file.
    Revoke(Revoke),
}

#[derive(Debug, clap::Args)]
struct InFile {
    /// The file of tokens.
    #[arg(long, value_name = "FILE", default_value = "andon-tokens.toml")]
    file: PathBuf,
}

#[derive(Debug, clap::Args)]
struct New {
    /// Whose it is: the ledger shows this name. One person may have several tokens.
    #[arg(long, value_parser = Person::check_name)]
    name: String,
    /// Roles in the house, by which approvals are counted.
    #[arg(long, value_name = "ROLE", value_delimiter = ',', value_parser = Person::check_role)]
    roles: Vec<String>,
    /// What it allows: ingest, read, review, alert, operate, approve, admin.
    #[arg(long, value_name = "SCOPE", value_delimiter = ',', required = true)]
    scopes: Vec<Scope>,
    /// For which workflows: ids, or beginnings of ids such as email-*.
    #[arg(long, value_name = "WORKFLOW", value_delimiter = ',', default_value = "*")]
    workflows: Vec<Pattern>,
    /// For how long, such as 90d; or until a time; or `never`.
    #[arg(long, value_name = "TIME", default_value = "90d", value_parser = until)]
    expires: Until,
    #[command(flatten)]
    at: InFile,
}

#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten)]
    at: InFile,
    /// Print the list as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Revoke {
    /// A name, and all tokens of it go; or the id of one token, from `andon token list`, or a lost token itself.
    #[arg(value_name = "NAME|ID|TOKEN")]
    which: String,
    #[command(flatten)]
    at: InFile,
}

/// When a token ends, as it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    Never,
    At(Time),
    InMs(i64),
}

fn until(text: &str) -> Result<Until, String> {
    if text == "never" {
        return Ok(Until::Never);
    }
    let unit = [("d", Time::DAY, DAYS_MAX), ("h", Time::HOUR, 24 * DAYS_MAX)].into_iter();
    let span = unit.filter_map(|(unit, ms, most)| {
        let number = text.strip_suffix(unit)?.parse::<u64>().ok().filter(|number| (1..=most).contains(number))?;
        i64::try_from(number).ok().map(|number| Until::InMs(number * ms))
    });
    let at = || text.parse::<Time>().ok().map(Until::At);
    span.into_iter().next().or_else(at).ok_or_else(|| {
        format!("write a time from now such as 90d or 12h (at most {DAYS_MAX}d), a date such as 2027-01-01T00:00:00Z, or never")
    })
}

/// What went wrong, and whether it is a matter of use.
enum Failure {
    Usage(String),
    Broke(String),
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        Self::Broke(error.to_string())
    }
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let done = match &arguments.command {
        Command::New(arguments) => new(arguments),
        Command::List(arguments) => list(arguments),
        Command::Revoke(arguments) => revoke(arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(message)) => {
            output::complain(format!("andon: {message}"));
            ExitCode::from(USAGE)
        }
        Err(Failure::Broke(message)) => {
            output::complain(format!("andon: {message}"));
            ExitCode::FAILURE
        }
    }
}

fn new(arguments: &New) -> Result<(), Failure> {
    let now = SystemClock::default().now();
    let expires = match arguments.expires {
        Until::Never => None,
        Until::At(time) if time <= now => return Err(Failure::Usage(format!("--expires {time} is over already"))),
        Until::At(time) => Some(time),
        Until::InMs(ms) => Some(now.plus(ms)),
    };
    let secret = Secret::draw()
        .map_err(|error| Failure::Broke(format!("the operating system gives no random numbers: {error}")))?;
    let mut roles = arguments.roles.clone();
    let mut workflows = arguments.workflows.clone();
    roles.sort_unstable();
    roles.dedup();
    workflows.dedup();
    let person = Person {
        name: arguments.name.clone(),
        roles,
        scopes: arguments.scopes.iter().copied().collect(),
        workflows: workflows.into_iter().collect(),
    };
    let token = Token { person, expires, hash: secret.hash(), created: Some(now) };
    let (path, name) = (&arguments.at.file, arguments.at.file.display().to_string());
    access::write_file(path, |text| {
        access::append(text, &name, &token).map(|text| (text, ())).map_err(Failure::Usage)
    })?;
    output::line(secret.text());
    tell(&token, path);
    Ok(())
}

/// What to do with a new token; to standard error, so that standard output is the secret alone.
fn tell(token: &Token, path: &Path) {
    let file = path.display();
    let Person { name, scopes, workflows, .. } = &token.person;
    let expires = token.expires.map_or_else(|| "never expires".to_owned(), |time| format!("expires at {time}"));
    output::complain(format!(
        "\nThis is the only time that the token is shown: `{file}` keeps its hash. It is {name}'s, allows {scopes} for {workflows}, and {expires}.

  in the configuration:  [server] tokens = \"{}\"   (from the folder of the configuration)
  a running daemon:      kill -HUP PID, and it takes the file anew
  to use it:             ANDON_TOKEN=… andon mode WORKFLOW, or the header `Authorization: Bearer …`
  to take it back:       andon token revoke {} --file {file}",
        path.file_name().unwrap_or_default().display(),
        token.id(),
    ));
}

/// The tokens of a file that must be there.
fn read(at: &InFile) -> Result<Vec<Token>, Failure> {
    let file = at.file.display().to_string();
    let Some(text) = access::read_file(&at.file)? else {
        return Err(Failure::Broke(format!(
            "there is no `{file}`: `andon token new` makes it, or name another with --file"
        )));
    };
    load_tokens(&text, &file).map(|tokens| tokens.list).map_err(|problems| Failure::Usage(problems.to_string()))
}

#[derive(Serialize)]
struct Shown {
    id: String,
    name: String,
    roles: Vec<String>,
    scopes: Vec<&'static str>,
    workflows: Vec<String>,
    created: Option<Time>,
    expires: Option<Time>,
    holds: bool,
}

impl Shown {
    fn new(token: Token, now: Time) -> Self {
        let (id, holds) = (token.id(), token.holds(now));
        let Person { name, roles, scopes, workflows } = token.person;
        Self {
            id,
            name,
            roles,
            scopes: scopes.iter().map(Scope::name).collect(),
            workflows: workflows.patterns().iter().map(ToString::to_string).collect(),
            created: token.created,
            expires: token.expires,
            holds,
        }
    }
}

fn list(arguments: &List) -> Result<(), Failure> {
    let now = SystemClock::default().now();
    let tokens: Vec<Shown> = read(&arguments.at)?.into_iter().map(|token| Shown::new(token, now)).collect();
    if arguments.json {
        output::json(&tokens);
        return Ok(());
    }
    let heads = ["id", "name", "roles", "scopes", "workflows", "expires"];
    let mut table = Table::new(&heads.map(|head| (head, Side::Left)));
    for token in tokens {
        let expires = match token.expires {
            None => "never".to_owned(),
            Some(time) if token.holds => format!("{time} (in {})", words::span(time.since(now))),
            Some(time) => format!("{time} (expired)"),
        };
        let lists = [token.roles.join(","), token.scopes.join(","), token.workflows.join(",")];
        let [roles, scopes, workflows] = lists.map(|list| if list.is_empty() { "-".to_owned() } else { list });
        table.row(vec![token.id, token.name, roles, scopes, workflows, expires]);
    }
    table.lines().iter().for_each(output::line);
    Ok(())
}

fn revoke(arguments: &Revoke) -> Result<(), Failure> {
    let (path, which) = (&arguments.at.file, &arguments.which);
    let name = path.display().to_string();
    read(&arguments.at)?;
    let gone = access::write_file(path, |text| {
        let goes = |token: &Token| {
            token.person.name == *which || token.id() == *which || Some(token.hash) == Secret::hash_of(which.as_bytes())
        };
        let (text, gone) = access::remove(text, &name, goes).map_err(Failure::Usage)?;
        if gone.is_empty() {
            // What was asked for isn't repeated: somebody may have pasted the token itself.
            let message = format!("`{name}` holds no token of that name or id: `andon token list` shows them");
            return Err(Failure::Broke(message));
        }
        Ok((text, gone))
    })?;
    for token in gone {
        output::line(format!("revoked {} of {}", token.id(), token.person.name));
    }
    output::complain("A running daemon still takes it until it has loaded the file anew: kill -HUP PID");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_tokens() {
        assert_eq!(until("90d"), Ok(Until::InMs(90 * Time::DAY)));
        assert_eq!(until("12h"), Ok(Until::InMs(12 * Time::HOUR)));
        assert_eq!(until("never"), Ok(Until::Never));
        assert_eq!(until("1970-01-01T00:00:01Z"), Ok(Until::At(Time(1_000))));
        for bad in ["", "d", "0d", "90", "90s", "-1d", "3651d", "1.5d", "tomorrow", "2027-01-01"] {
            assert!(until(bad).is_err(), "{bad}");
        }
    }
}
