//! Who is connected to the process: clients, which have a connection for each request, and outside services, which all answer at one
//! socket and are told apart by the URL that is called.

use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use reveille_model::history::Blob;

use super::What;
use crate::http;
use crate::plan::Ask;

/// The header by which a request is known to the wrapper. It is there with the wrapper and without it.
const REQUEST: &str = "x-reveille-request";

/// The header by which a call is known to the driver: the wrapper adds it, and no service is told.
const CALL: &str = "x-reveille-call";

/// A client that waits for its answer.
pub(super) struct Client {
    request: u64,
    connection: Connection,
}

impl Client {
    /// Sends a request.
    pub(super) fn ask(socket: &Path, request: u64, ask: &Ask) -> io::Result<Self> {
        let mut stream = UnixStream::connect(socket)?;
        let (method, path, body) = (&ask.method, &ask.path, &ask.body);
        let length =
            if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: reveille.test\r\n{REQUEST}: {request}\r\n{length}\r\n"
        );
        stream.write_all(format!("{head}{body}").as_bytes())?;
        Ok(Self { request, connection: Connection::new(stream)? })
    }

    /// What has become of the request, if it is known.
    pub(super) fn answer(&mut self) -> Option<What> {
        self.connection.read();
        let request = self.request;
        match http::take(&mut self.connection.buffer) {
            Some(message) => {
                Some(What::Answered { request, status: message.status(), body: Blob(message.body.into()) })
            }
            None => self.connection.is_closed.then_some(What::Unanswered { request }),
        }
    }
}

/// A call that has arrived at a service.
pub(super) struct Service {
    pub(super) connection: u64,
    pub(super) known_as: Option<String>,
    pub(super) service: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) body: Blob,
}

/// The outside services.
pub(super) struct Services {
    listener: UnixListener,
    accepted: u64,
    connections: Vec<(u64, Connection)>,
}

impl Services {
    pub(super) fn new(listener: UnixListener) -> Self {
        Self { listener, accepted: 0, connections: Vec::new() }
    }

    /// The calls that have arrived since the last time.
    pub(super) fn calls(&mut self) -> Vec<Service> {
        while let Some(connection) =
            self.listener.accept().ok().and_then(|(stream, _)| Connection::new(stream).ok())
        {
            self.accepted += 1;
            self.connections.push((self.accepted, connection));
        }
        let mut calls = Vec::new();
        self.connections.retain_mut(|(number, connection)| {
            connection.read();
            while let Some(message) = http::take(&mut connection.buffer) {
                calls.push(call(*number, message));
            }
            !connection.is_closed
        });
        calls
    }

    /// Answers the call on a connection; whether that is still there.
    pub(super) fn answer(&mut self, number: u64, status: u16) -> bool {
        let Some((_, connection)) = self.connections.iter_mut().find(|(own, _)| *own == number) else {
            return false;
        };
        let body = if status == 204 || status == 304 { "" } else { "ok" };
        let text = format!("HTTP/1.1 {status} Status\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        connection.stream.write_all(text.as_bytes()).is_ok()
    }

    /// Closes a connection; whether it was still there.
    pub(super) fn close(&mut self, number: u64) -> bool {
        let before = self.connections.len();
        self.connections.retain(|(own, _)| *own != number);
        self.connections.len() < before
    }
}

/// A call as it arrived. The runtime names the whole URL, as it does to a proxy.
fn call(connection: u64, message: http::Message) -> Service {
    let url = message.word(1);
    let path = url.find("://").and_then(|at| url[at + 3..].find('/').map(|slash| at + 3 + slash));
    let path = path.map_or("/", |at| &url[at..]).to_owned();
    let service = url.split(['?', '#']).next().unwrap_or_default().to_owned();
    Service {
        connection,
        known_as: message.header(CALL).map(str::to_owned),
        service,
        method: message.word(0).to_owned(),
        path,
        body: Blob(message.body.into()),
    }
}

/// One end of a connection, read without waiting: whatever the process has sent before it stood still is there.
struct Connection {
    stream: UnixStream,
    buffer: Vec<u8>,
    is_closed: bool,
}

impl Connection {
    fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self { stream, buffer: Vec::new(), is_closed: false })
    }

    fn read(&mut self) {
        let mut bytes = [0; 65_536];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(0) => self.is_closed = true,
                Ok(length) => {
                    self.buffer.extend_from_slice(&bytes[..length]);
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => self.is_closed = true,
            }
            return;
        }
    }
}
