//! One Socket.IO client over one WebSocket, owned by one task.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, bail};
use memchr::memmem;
use tokio::io::Interest;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::wire::{Frame, Packet, is_ok, next_frame, put_frame};

const TEXT: u8 = 1;
const PONG: u8 = 10;
/// How much one read takes at the most.
const READ: usize = 256 * 1024;
/// How long a step of connecting may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The acknowledgement of what is asked and waited for; messages count from 1.
const ASK_ACK: u64 = 0;

thread_local! {
    /// Shared by all sockets: what is left of a read is kept by the socket itself, and that is seldom anything.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; READ]);
}

/// What is to be written.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    bytes: Vec<u8>,
    payload: Vec<u8>,
}

impl Outbox {
    /// Appends one text frame, as `write` writes it.
    pub(crate) fn text(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.payload.clear();
        write(&mut self.payload);
        put_frame(&mut self.bytes, TEXT, &self.payload);
    }

    fn pong(&mut self, payload: &[u8]) {
        put_frame(&mut self.bytes, PONG, payload);
    }
}

/// A connected client.
pub(crate) struct Client {
    stream: TcpStream,
    pub(crate) outbox: Outbox,
    /// The head of a frame whose rest has not come yet.
    rest: Vec<u8>,
}

/// One of many source addresses: one address has only about 28,000 ports.
fn source(number: usize) -> SocketAddr {
    let last = if cfg!(target_os = "linux") { 2 + (number % 16) as u8 } else { 1 };
    SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0))
}

impl Client {
    /// Connects and shows its token; the server has accepted it when this comes back.
    pub(crate) async fn connect(server: SocketAddr, number: usize, token: &str) -> anyhow::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(source(number)).context("no port left")?;
        let stream = timeout(PATIENCE, socket.connect(server)).await.context("no connection in time")??;
        stream.set_nodelay(true)?;
        let mut client = Self { stream, outbox: Outbox::default(), rest: Vec::new() };
        client.upgrade(server).await.context("the upgrade to WebSocket failed")?;
        client.expect(|packet| matches!(packet, Packet::Open).then_some(())).await.context("no open packet")?;
        client.outbox.text(|out| {
            out.extend_from_slice(b"40{\"token\":\"");
            out.extend_from_slice(token.as_bytes());
            out.extend_from_slice(b"\"}");
        });
        let answer = client
            .expect(|packet| match packet {
                Packet::Connected => Some(Ok(())),
                Packet::Refused(why) => Some(Err(String::from_utf8_lossy(why).into_owned())),
                _ => None,
            })
            .await
            .context("no answer to the handshake")?;
        answer.map(|()| client).map_err(|why| anyhow::anyhow!("refused: {why}"))
    }

    async fn upgrade(&mut self, server: SocketAddr) -> anyhow::Result<()> {
        let request = format!(
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {server}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c2luYWVzdGEtYmVuY2gtMQ==\r\n\r\n"
        );
        self.outbox.bytes.extend_from_slice(request.as_bytes());
        let head = async {
            loop {
                self.ready().await?;
                self.flush()?;
                SCRATCH.with_borrow_mut(|scratch| match self.stream.try_read(scratch) {
                    Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
                    Ok(read) => {
                        self.rest.extend_from_slice(scratch.get(..read).unwrap_or_default());
                        Ok(())
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
                    Err(error) => Err(error),
                })?;
                if let Some(end) = memmem::find(&self.rest, b"\r\n\r\n") {
                    return io::Result::Ok(end + 4);
                }
            }
        };
        let end = timeout(PATIENCE, head).await.context("no answer in time")??;
        let head: Vec<u8> = self.rest.drain(..end).collect();
        if !head.starts_with(b"HTTP/1.1 101") {
            bail!("{}", String::from_utf8_lossy(&head).lines().next().unwrap_or_default());
        }
        Ok(())
    }

    /// Enters a room; what follows is for whoever reads next.
    pub(crate) async fn join(&mut self, room: &str) -> anyhow::Result<()> {
        self.ask("join-room", &format!(r#"{{"roomId":"{room}"}}"#)).await.map(drop)
    }

    /// Sends an event and waits for its acknowledgement, which must say that it is done.
    pub(crate) async fn ask(&mut self, event: &str, payload: &str) -> anyhow::Result<String> {
        self.outbox.text(|out| out.extend_from_slice(format!(r#"42{ASK_ACK}["{event}",{payload}]"#).as_bytes()));
        let ack = |packet: &Packet<'_>| match packet {
            Packet::Ack(ASK_ACK, body) => {
                let text = String::from_utf8_lossy(body).into_owned();
                Some(if is_ok(body) { Ok(text) } else { Err(text) })
            }
            _ => None,
        };
        let answer = self.expect(ack).await.with_context(|| format!("no answer to {event} {payload}"))?;
        answer.map_err(|why| anyhow::anyhow!("{event} {payload} was refused: {why}"))
    }

    /// Reads until an event comes that begins with `head` and has `text` in it.
    pub(crate) async fn hear(&mut self, head: &str, text: &str) -> anyhow::Result<()> {
        let text = memmem::Finder::new(text.as_bytes());
        let is_it = |packet: &Packet<'_>| match packet {
            Packet::Event(event) => (event.starts_with(head.as_bytes()) && text.find(event).is_some()).then_some(()),
            _ => None,
        };
        self.expect(is_it).await
    }

    /// Reads until `pick` finds what it looks for.
    async fn expect<T>(&mut self, mut pick: impl FnMut(&Packet<'_>) -> Option<T>) -> anyhow::Result<T> {
        let search = async {
            let mut found = None;
            // What came together with the last answer may be it.
            self.take(0, &mut |packet, _| found = found.take().or_else(|| pick(&packet)))?;
            self.flush()?;
            loop {
                if let Some(found) = found.take() {
                    return anyhow::Ok(found);
                }
                self.ready().await?;
                self.pump(|packet, _| found = found.take().or_else(|| pick(&packet)))?;
            }
        };
        timeout(PATIENCE, search).await.context("no answer in time")?
    }

    /// Waits until there is something to read, or to write of what is left in the outbox.
    pub(crate) async fn ready(&self) -> io::Result<()> {
        let writable = if self.outbox.bytes.is_empty() { Interest::READABLE } else { Interest::WRITABLE };
        self.stream.ready(Interest::READABLE | writable).await.map(drop)
    }

    /// Reads what is there, hands over each packet, and writes what they led to. Pings are answered here.
    pub(crate) fn pump(&mut self, mut on_packet: impl FnMut(Packet<'_>, &mut Outbox)) -> anyhow::Result<()> {
        self.take(READ, &mut on_packet)?;
        self.flush()?;
        Ok(())
    }

    fn take(&mut self, most: usize, on_packet: &mut impl FnMut(Packet<'_>, &mut Outbox)) -> anyhow::Result<()> {
        let Self { stream, outbox, rest, .. } = self;
        SCRATCH.with_borrow_mut(|scratch| {
            let kept = rest.len();
            if scratch.len() < kept + READ {
                scratch.resize(kept + READ, 0);
            }
            let (head, tail) = scratch.split_at_mut(kept);
            head.copy_from_slice(rest);
            let read = match tail.get_mut(..most) {
                None | Some([]) => 0,
                Some(tail) => match stream.try_read(tail) {
                    Ok(0) => bail!("the server closed the connection"),
                    Ok(read) => read,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                    Err(error) => return Err(error.into()),
                },
            };
            let mut bytes = scratch.get(..kept + read).unwrap_or_default();
            while let Some((frame, after)) = next_frame(bytes)? {
                bytes = after;
                match frame {
                    Frame::Text(text) => match Packet::read(text) {
                        Packet::Ping => outbox.text(|out| out.push(b'3')),
                        packet => on_packet(packet, outbox),
                    },
                    Frame::Ping(payload) => outbox.pong(payload),
                    Frame::Pong => {}
                    Frame::Closed => bail!("the server closed the connection in good order"),
                }
            }
            rest.clear();
            rest.extend_from_slice(bytes);
            Ok(())
        })
    }

    /// Writes as much as the connection takes; [`Client::ready`] tells when it takes more.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        while !self.outbox.bytes.is_empty() {
            match self.stream.try_write(&self.outbox.bytes) {
                Ok(written) => drop(self.outbox.bytes.drain(..written)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
