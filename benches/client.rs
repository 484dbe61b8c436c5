//! A small HTTP/1.1 client for one keep-alive connection.
//!
//! Owns the writing of requests and the reading of answers with a `Content-Length`. It spends as
//! little as it can, because it shares the cores with the daemon that is measured.

use std::io::{Error, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A connection.
pub(crate) struct Client {
    stream: TcpStream,
    answer: Vec<u8>,
}

/// An answer: the status and where the body begins.
struct Head {
    status: u16,
    body: usize,
    length: usize,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self { stream, answer: Vec::new() })
    }

    /// Sends a GET and returns the body of a 200.
    pub(crate) fn get(&mut self, path: &str) -> std::io::Result<&[u8]> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: andon\r\n\r\n");
        self.stream.write_all(request.as_bytes())?;
        match self.read()? {
            (200, body) => Ok(body),
            (status, _) => Err(Error::other(format!("GET {path} was answered with {status}"))),
        }
    }

    /// Posts NDJSON and returns the status with the body of the answer.
    pub(crate) fn post(&mut self, body: &[u8]) -> std::io::Result<(u16, &[u8])> {
        let head = format!(
            "POST /v1/events HTTP/1.1\r\nhost: andon\r\ncontent-type: application/x-ndjson\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        self.stream.write_all(head.as_bytes())?;
        self.stream.write_all(body)?;
        self.read()
    }

    fn read(&mut self) -> std::io::Result<(u16, &[u8])> {
        self.answer.clear();
        let mut chunk = [0; 16 * 1_024];
        loop {
            if let Some(head) = head(&self.answer)?
                && self.answer.len() >= head.body + head.length
            {
                return Ok((head.status, &self.answer[head.body..]));
            }
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(n) => self.answer.extend_from_slice(&chunk[..n]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn head(answer: &[u8]) -> std::io::Result<Option<Head>> {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(&answer[..end]).map_err(Error::other)?.to_ascii_lowercase();
    let status = text.get(9..12).and_then(|status| status.parse().ok());
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    match (status, length) {
        (Some(status), Some(length)) => Ok(Some(Head { status, body: end + 4, length })),
        _ => Err(Error::other("an answer without status or content-length")),
    }
}
