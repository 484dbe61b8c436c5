//! Access tokens: making them, keeping their file, and finding out whose one is.
//!
//! Owns secrets and their comparison. Knows no request and no route; what a token allows is
//! `domain::access`'s, what stands in the file is read by `config`.

mod edit;
mod file;
mod keyring;
mod secret;
mod sessions;

pub use edit::{append, remove};
pub use file::{FileError, read_file, write_file};
pub use keyring::{Access, Count, Denied, Keyring};
pub use secret::Secret;
pub use sessions::{COOKIE, Session, Sessions};

use crate::config::{Problems, Settings, load_tokens};
use crate::domain::Time;
use std::net::SocketAddr;
use thiserror::Error;

/// Why nobody could be let in, or everybody would be.
#[derive(Debug, Error)]
pub enum AccessError {
    /// The file can't be read.
    #[error(
        "the access tokens in `{file}` can't be loaded, because it {cause}: make it with `andon token new --name ann --scopes admin --file {file}`, or take `tokens` out of the configuration"
    )]
    Unreadable {
        /// The file.
        file: String,
        /// The end of a sentence that begins with the file.
        cause: String,
    },
    /// The file has problems.
    #[error("{0}")]
    Problems(Problems),
    /// Others reach the daemon and no token is asked for.
    #[error(
        "andon listens on {address}, which other machines reach, so it needs access tokens: make one with `andon token new --name ann --scopes admin` and write `tokens = \"andon-tokens.toml\"` in [server]"
    )]
    Open {
        /// The address.
        address: SocketAddr,
    },
    /// Others reach the daemon and nobody could be let in.
    #[error(
        "andon can't listen on {address} with no access token that holds: `{file}` has none, or all have expired. Make one with `andon token new --name ann --scopes admin --file {file}`"
    )]
    NobodyGetsIn {
        /// The address.
        address: SocketAddr,
        /// The file.
        file: String,
    },
}

/// Loads the tokens that the settings name; everything is allowed where they name none. `read` gets
/// the path as written, as in `config::load_with`.
///
/// # Errors
/// The file can't be read or has problems.
pub fn load(settings: &Settings, read: &dyn Fn(&str) -> Result<String, String>) -> Result<Access, AccessError> {
    let Some(file) = &settings.tokens else { return Ok(Access::Open) };
    let text = read(file).map_err(|cause| AccessError::Unreadable { file: file.clone(), cause })?;
    let tokens = load_tokens(&text, file).map_err(AccessError::Problems)?;
    Ok(Access::Tokens(Keyring::new(tokens.list)))
}

/// Whether a daemon may begin to listen: beyond this machine only where a token holds now.
///
/// # Errors
/// A sentence that says how to make one.
pub fn may_listen(settings: &Settings, access: &Access, now: Time) -> Result<(), AccessError> {
    let address = settings.server.listen;
    match access {
        _ if address.ip().is_loopback() => Ok(()),
        Access::Open => Err(AccessError::Open { address }),
        Access::Tokens(keyring) if keyring.count(now).holding == 0 => {
            Err(AccessError::NobodyGetsIn { address, file: settings.tokens.clone().unwrap_or_default() })
        }
        Access::Tokens(_) => Ok(()),
    }
}
