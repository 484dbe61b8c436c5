//! Which addresses a target may be reached at: looked up, checked and used in one step.
//!
//! Owns the refusal. A name that is checked and then looked up again could lead elsewhere the second time (DNS
//! rebinding), so what is checked here is what is connected to. Must not know what is sent.

use crate::config::address::is_public;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// What is said of a host that leads nowhere public.
pub(super) const PRIVATE: &str =
    "leads to this machine or a private network: declare `allow_private = true` if that is meant";

/// The resolver of the standard library, without the addresses that may not be reached.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) allow_private: bool,
}

impl Resolver for Checked {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = DefaultResolver::default().resolve(uri, config, timeout)?;
        let mut kept = self.empty();
        found.iter().filter(|at| may_reach(at.ip(), self.allow_private)).for_each(|at| kept.push(*at));
        if kept.is_empty() { Err(ureq::Error::Io(refused())) } else { Ok(kept) }
    }
}

/// The first address of a host that may be reached.
///
/// # Errors
/// There is none.
pub(super) fn reach(host: &str, port: u16, allow_private: bool) -> io::Result<SocketAddr> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let found: Vec<SocketAddr> = (host, port).to_socket_addrs()?.collect();
    found.into_iter().find(|at| may_reach(at.ip(), allow_private)).ok_or_else(refused)
}

fn may_reach(ip: IpAddr, allow_private: bool) -> bool {
    allow_private || is_public(ip)
}

fn refused() -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, PRIVATE)
}
