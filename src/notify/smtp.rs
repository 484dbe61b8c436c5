//! The conversation with a mail server (RFC 5321), in which nothing is without a bound.
//!
//! Owns the connection, the encryption, the log-in and one transaction. The commands and answers are read and written
//! by `lettre`; its connection is not used, because it has no deadline for the whole, reads a line without end into
//! memory, and doesn't tell at which command a server refused. Neither an address nor an answer's text gets into a
//! fault. Must not know what the mail says.

use super::address::{PRIVATE, connect, reach};
use crate::clock::Deadline;
use crate::config::{Smtp, SmtpTls};
use lettre::Address;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::commands::{Auth, Data, Ehlo, Mail, Quit, Rcpt, Starttls};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter, ServerInfo};
use lettre::transport::smtp::response::Response;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use std::fmt::{self, Display};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

/// Most bytes that are read of a server in one attempt, as they come: its certificates, and an answer for each
/// recipient. This bounds the memory, too.
const BYTES_MAX: u64 = 256 << 10;
/// Most questions of a server while somebody logs in.
const CHALLENGES_MAX: usize = 4;
/// The lowest code of an answer that is a refusal.
const REFUSAL: u16 = 400;

/// Why a conversation ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The server said so.
    Code(u16),
    /// Something else.
    Other(&'static str),
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "the mail server answered {code}"),
            Self::Other(why) => f.write_str(why),
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        let is_tls = error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
        Self::Other(match error.kind() {
            _ if is_tls => "the mail server's certificate or encryption can't be trusted",
            ErrorKind::TimedOut | ErrorKind::WouldBlock => "the mail server took too long",
            ErrorKind::FileTooLarge => "the mail server says more than any mail server has to say",
            _ => "the mail server broke the connection",
        })
    }
}

/// A connection with an end in time and in bytes.
struct Bounded {
    stream: TcpStream,
    deadline: Deadline,
    bytes_left: u64,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.bytes_left == 0 {
            return Err(ErrorKind::FileTooLarge.into());
        }
        self.stream.set_read_timeout(Some(self.deadline.left().ok_or(ErrorKind::TimedOut)?))?;
        let read = Read::take(&mut self.stream, self.bytes_left).read(buffer)?;
        self.bytes_left = self.bytes_left.saturating_sub(read as u64);
        Ok(read)
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.deadline.left().ok_or(ErrorKind::TimedOut)?))?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

enum Line {
    Plain(Bounded),
    Encrypted(Box<StreamOwned<ClientConnection, Bounded>>),
}

impl Line {
    fn encrypted(self, host: &str, tls: Arc<ClientConfig>) -> Result<Self, Fault> {
        let Self::Plain(bounded) = self else { return Ok(self) };
        let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(name).map_err(|_| Fault::Other("`host` can't be the name of a certificate"))?;
        let client = ClientConnection::new(tls, name).map_err(|_| Fault::Other("encryption can't be set up"))?;
        Ok(Self::Encrypted(Box::new(StreamOwned::new(client, bounded))))
    }
}

impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(line) => line.read(buffer),
            Self::Encrypted(line) => line.read(buffer),
        }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(line) => line.write(bytes),
            Self::Encrypted(line) => line.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(line) => line.flush(),
            Self::Encrypted(line) => line.flush(),
        }
    }
}

/// A server that was greeted, and that lets us send.
pub(super) struct Conversation {
    line: BufReader<Line>,
    server: ServerInfo,
}

impl Conversation {
    /// Connects, encrypts and logs in as declared.
    pub(super) fn open(
        smtp: &Smtp,
        allow_private: bool,
        tls: Option<Arc<ClientConfig>>,
        login: Option<Credentials>,
        deadline: Deadline,
    ) -> Result<Self, String> {
        let addresses = reach(&smtp.host, smtp.port, allow_private, deadline).map_err(|error| match error.kind() {
            ErrorKind::PermissionDenied => format!("the host {PRIVATE}"),
            ErrorKind::TimedOut => "the lookup of the mail server's name took too long".to_owned(),
            _ => "the mail server's name can't be looked up".to_owned(),
        })?;
        // The addresses that were checked, so that the name isn't looked up again; the certificate is the name's.
        let stream = connect(&addresses, deadline).map_err(|error| match error.kind() {
            ErrorKind::TimedOut | ErrorKind::WouldBlock => "the mail server took too long",
            _ => "the mail server can't be reached",
        })?;
        let bounded = Bounded { stream, deadline, bytes_left: BYTES_MAX };
        Self::greet(Line::Plain(bounded), smtp, tls, login).map_err(|fault| fault.to_string())
    }

    fn greet(
        mut line: Line,
        smtp: &Smtp,
        tls: Option<Arc<ClientConfig>>,
        login: Option<Credentials>,
    ) -> Result<Self, Fault> {
        let mut tls = tls;
        if let Some(tls) = tls.take_if(|_| smtp.tls == SmtpTls::Tls) {
            line = line.encrypted(&smtp.host, tls)?;
        }
        let mut own = Self { line: BufReader::new(line), server: ServerInfo::default() };
        own.answer()?;
        own.introduce()?;
        if let Some(tls) = tls {
            if !own.server.supports_feature(Extension::StartTls) {
                return Err(Fault::Other("the mail server doesn't offer the encryption that is declared (STARTTLS)"));
            }
            own.say(Starttls)?;
            // What came before the encryption could be anybody's and would be taken for the server's (CVE-2011-0411).
            if !own.line.buffer().is_empty() {
                return Err(Fault::Other("somebody talks into the beginning of the encryption"));
            }
            own.line = BufReader::new(own.line.into_inner().encrypted(&smtp.host, tls)?);
            own.introduce()?;
        }
        if let Some(login) = login {
            own.log_in(&login)?;
        }
        Ok(own)
    }

    fn introduce(&mut self) -> Result<(), Fault> {
        let hello = self.say(Ehlo::new(ClientId::Domain("andon".to_owned())))?;
        self.server = ServerInfo::from_response(&hello).map_err(|_| GARBLED)?;
        Ok(())
    }

    fn log_in(&mut self, login: &Credentials) -> Result<(), Fault> {
        let mechanism = self.server.get_auth_mechanism(DEFAULT_MECHANISMS);
        let mechanism =
            mechanism.ok_or(Fault::Other("the mail server offers no log-in that andon knows (PLAIN, LOGIN)"))?;
        let first = Auth::new(mechanism, login.clone(), None).map_err(|_| GARBLED)?;
        let mut answer = self.say(first)?;
        for _ in 0..CHALLENGES_MAX {
            if !answer.has_code(334) {
                return Ok(());
            }
            let next = Auth::new_from_response(mechanism, login.clone(), &answer).map_err(|_| GARBLED)?;
            answer = self.say(next)?;
        }
        Err(GARBLED)
    }

    /// Hands a mail over for these recipients: the code that each of them ended with.
    pub(super) fn hand_over(&mut self, from: &Address, to: &[Address], mail: &[u8]) -> Result<Vec<Ended>, Fault> {
        let mut options = Vec::new();
        if to.iter().chain([from]).any(|address| !address.to_string().is_ascii()) {
            if !self.server.supports_feature(Extension::SmtpUtfEight) {
                return Err(Fault::Other("the mail server takes no addresses beyond ASCII"));
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        self.say(Mail::new(Some(from.clone()), options))?;
        let mut ended = Vec::new();
        for address in to {
            let answer = self.ask(Rcpt::new(address.clone(), Vec::new()))?;
            ended.push(Ended { code: code(&answer), at_recipient: true });
        }
        if ended.iter().any(|one| !one.is_refused()) {
            let mut answer = code(&self.ask(Data)?);
            if answer < REFUSAL {
                self.write(&stuffed(mail))?;
                answer = code(&self.answer_of_any_kind()?);
            }
            for one in ended.iter_mut().filter(|one| !one.is_refused()) {
                *one = Ended { code: answer, at_recipient: false };
            }
        }
        // Whatever comes of it: the mail is the server's, or it isn't.
        let _ = self.write(Quit.to_string().as_bytes());
        Ok(ended)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.line.get_mut().write_all(bytes)?;
        Ok(self.line.get_mut().flush()?)
    }

    /// The answer to a command, whatever it is. A server that goes away is none.
    fn ask(&mut self, command: impl Display) -> Result<Response, Fault> {
        self.write(command.to_string().as_bytes())?;
        self.answer_of_any_kind()
    }

    /// The answer to a command that has to be taken.
    fn say(&mut self, command: impl Display) -> Result<Response, Fault> {
        self.write(command.to_string().as_bytes())?;
        self.answer()
    }

    fn answer(&mut self) -> Result<Response, Fault> {
        let answer = self.answer_of_any_kind()?;
        if answer.is_positive() { Ok(answer) } else { Err(Fault::Code(code(&answer))) }
    }

    fn answer_of_any_kind(&mut self) -> Result<Response, Fault> {
        let mut text = String::new();
        loop {
            let mut line = Vec::new();
            self.line.read_until(b'\n', &mut line)?;
            let Some(line) = line.strip_suffix(b"\n") else {
                return Err(io::Error::from(ErrorKind::UnexpectedEof).into());
            };
            let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line));
            text.push_str(&line);
            // RFC 5321, 4.2.1: a bare code is an answer, too.
            let is_bare = line.len() == 3;
            text.push_str(if is_bare { " \r\n" } else { "\r\n" });
            if is_bare || line.as_bytes().get(3) != Some(&b'-') {
                break;
            }
        }
        let answer: Response = text.parse().map_err(|_| GARBLED)?;
        // The server closes the connection now, whatever was asked.
        if code(&answer) == 421 { Err(Fault::Code(421)) } else { Ok(answer) }
    }
}

const GARBLED: Fault = Fault::Other("what answers there doesn't speak SMTP");

/// What the server said of one recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) code: u16,
    /// Of the recipient, and not of the mail.
    pub(super) at_recipient: bool,
}

impl Ended {
    pub(super) const fn is_refused(self) -> bool {
        self.code >= REFUSAL
    }
}

fn code(answer: &Response) -> u16 {
    answer.code().into()
}

/// A mail as it is sent: no line of it can be taken for its end (RFC 5321, 4.5.2).
fn stuffed(mail: &[u8]) -> Vec<u8> {
    let mut sent = Vec::with_capacity(mail.len() + 64);
    for line in mail.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            sent.push(b'.');
        }
        sent.extend_from_slice(line);
    }
    if !sent.ends_with(b"\r\n") {
        sent.extend_from_slice(b"\r\n");
    }
    sent.extend_from_slice(b".\r\n");
    sent
}
