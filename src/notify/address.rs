//! Which addresses a target may be reached at: looked up, checked and used in one step.
//!
//! Owns the refusal. A name that is checked and then looked up again could lead elsewhere the second time (DNS
//! rebinding), so what is checked here is what is connected to. Must not know what is sent.

use crate::clock::Deadline;
use crate::config::address::is_public;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc::channel;
use std::time::Duration;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// What is said of a host that leads nowhere public.
pub(super) const PRIVATE: &str =
    "leads to this machine or a private network: declare `allow_private = true` if that is meant";

/// An address gets this long at least; the system takes no time of 0.
const CONNECT_MIN: Duration = Duration::from_millis(1);

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

/// The addresses of a host that may be reached, in the order of the lookup, as long as there is time.
///
/// # Errors
/// There is none, the name can't be looked up, or not in time.
pub(super) fn reach(host: &str, port: u16, allow_private: bool, deadline: Deadline) -> io::Result<Vec<SocketAddr>> {
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let left = deadline.left().ok_or(ErrorKind::TimedOut)?;
    // The system's lookup has no bound of its own that we know of, but it does end: so does this thread.
    let (tell, told) = channel();
    let look_up = move || {
        let found = (host, port).to_socket_addrs().map(Iterator::collect::<Vec<_>>);
        // Whoever asked may have given up.
        drop(tell.send(found));
    };
    std::thread::Builder::new().name("lookup".to_owned()).spawn(look_up)?;
    let mut found = told.recv_timeout(left).map_err(|_| ErrorKind::TimedOut)??;
    found.retain(|at| may_reach(at.ip(), allow_private));
    if found.is_empty() { Err(refused()) } else { Ok(found) }
}

/// A connection to the first of these addresses that takes one. Each gets its part of the time that is left, so that
/// one that is silent doesn't use up that of the others.
///
/// # Errors
/// What the last one said.
pub(super) fn connect(addresses: &[SocketAddr], deadline: Deadline) -> io::Result<TcpStream> {
    let mut last = io::Error::from(ErrorKind::TimedOut);
    for (address, rest) in addresses.iter().zip((1..=u32::try_from(addresses.len()).unwrap_or(u32::MAX)).rev()) {
        let part = deadline.left().ok_or(ErrorKind::TimedOut)? / rest;
        match TcpStream::connect_timeout(address, part.max(CONNECT_MIN)) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn may_reach(ip: IpAddr, allow_private: bool) -> bool {
    allow_private || is_public(ip)
}

fn refused() -> io::Error {
    io::Error::new(ErrorKind::PermissionDenied, PRIVATE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// A name with more addresses than one can't be had on every machine.
    #[test]
    fn where_one_address_takes_no_connection_the_next_one_is_tried() {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let open = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = open.local_addr().unwrap();
        let deadline = Deadline::after(Duration::from_secs(5));
        assert_eq!(connect(&[closed, own], deadline).unwrap().peer_addr().unwrap(), own);
        assert_eq!(connect(&[closed], deadline).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    }

    #[test]
    fn each_address_of_a_name_is_checked() {
        let deadline = Deadline::after(Duration::from_secs(30));
        let found = reach("localhost", 25, true, deadline).unwrap();
        assert!(!found.is_empty() && found.iter().all(|at| at.ip().is_loopback() && at.port() == 25), "{found:?}");
        assert_eq!(reach("localhost", 25, false, deadline).unwrap_err().kind(), ErrorKind::PermissionDenied);
        assert_eq!(reach("[::1]", 25, true, deadline).unwrap(), ["[::1]:25".parse().unwrap()]);
    }
}
