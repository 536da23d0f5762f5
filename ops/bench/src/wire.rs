//! WebSocket frames and Socket.IO packets, no more of either than a load generator needs.
//!
//! A general WebSocket library allocates and checks every message. The generator shares its machine with what it
//! measures, so here a frame is looked at where it lies in the receive buffer.

use std::sync::LazyLock;

use anyhow::bail;
use memchr::memmem::Finder;

/// Stands in a message right before its send time.
const MARK: &str = "~";

static SEQ: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"seq\":"));
static BODY: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"message\":\"~"));

/// What a server's frame carries.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame<'b> {
    Text(&'b [u8]),
    Ping(&'b [u8]),
    Pong,
    Closed,
}

/// The frame at the head of `bytes` and the bytes after it; `None` when it is not whole yet.
pub(crate) fn next_frame(bytes: &[u8]) -> anyhow::Result<Option<(Frame<'_>, &[u8])>> {
    let [first, second, rest @ ..] = bytes else { return Ok(None) };
    let (length, rest) = match second {
        126 => match rest.split_first_chunk() {
            Some((length, rest)) => (usize::from(u16::from_be_bytes(*length)), rest),
            None => return Ok(None),
        },
        127 => match rest.split_first_chunk() {
            Some((length, rest)) => (usize::try_from(u64::from_be_bytes(*length))?, rest),
            None => return Ok(None),
        },
        0..126 => (usize::from(*second), rest),
        _ => bail!("the server masked a frame"),
    };
    let Some((payload, rest)) = rest.split_at_checked(length) else { return Ok(None) };
    let frame = match first {
        0x81 => Frame::Text(payload),
        0x88 => Frame::Closed,
        0x89 => Frame::Ping(payload),
        0x8a => Frame::Pong,
        other => bail!("a frame of a kind that is not expected: {other:#04x}"),
    };
    Ok(Some((frame, rest)))
}

/// Appends a client's frame. The mask that clients must set is zero, which leaves the payload as it is.
pub(crate) fn put_frame(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    const MASKED: u8 = 0x80;
    out.push(0x80 | opcode);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ 0..126), _) => out.push(MASKED | length),
        (_, Ok(length)) => {
            out.push(MASKED | 126);
            out.extend_from_slice(&length.to_be_bytes());
        }
        _ => {
            out.push(MASKED | 127);
            out.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload);
}

/// What a text frame says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Packet<'b> {
    /// The transport is open.
    Open,
    Ping,
    Connected,
    /// `connect_error`, as JSON.
    Refused(&'b [u8]),
    Disconnected,
    /// The JSON array of an event.
    Event(&'b [u8]),
    /// The JSON array of an acknowledgement.
    Ack(u64, &'b [u8]),
    Other,
}

impl<'b> Packet<'b> {
    pub(crate) fn read(text: &'b [u8]) -> Self {
        match text {
            [b'0', ..] => Self::Open,
            [b'2', ..] => Self::Ping,
            [b'4', b'0', ..] => Self::Connected,
            [b'4', b'1', ..] => Self::Disconnected,
            [b'4', b'2', rest @ ..] => Self::Event(rest),
            [b'4', b'3', rest @ ..] => {
                let (id, rest) = number(rest);
                Self::Ack(id, rest)
            }
            [b'4', b'4', rest @ ..] => Self::Refused(rest),
            _ => Self::Other,
        }
    }
}

/// Whether an acknowledgement says that it is done.
pub(crate) fn is_ok(ack: &[u8]) -> bool {
    ack.starts_with(br#"[{"ok":true"#)
}

/// What the generator wrote into a message, and the server's number for it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) sent_ns: u64,
    pub(crate) index: usize,
    /// `None` where the server numbers nothing.
    pub(crate) seq: Option<u64>,
}

impl Stamp {
    /// How a message begins: `~<send time>,<index>~`.
    pub(crate) fn text(sent_ns: u64, index: usize) -> String {
        format!("{MARK}{sent_ns},{index}{MARK}")
    }

    /// Found by a search for bytes: reading all of the JSON would cost more than the server spends on a delivery.
    pub(crate) fn find(event: &[u8]) -> Option<Self> {
        if !event.starts_with(br#"["receive-message","#) {
            return None;
        }
        let after = |finder: &Finder<'_>| event.get(finder.find(event)? + finder.needle().len()..);
        let (sent_ns, rest) = number(after(&BODY)?);
        let (index, _) = number(rest.strip_prefix(b",")?);
        let seq = after(&SEQ).map(|digits| number(digits).0);
        Some(Self { sent_ns, index: usize::try_from(index).ok()?, seq })
    }
}

fn number(mut bytes: &[u8]) -> (u64, &[u8]) {
    let mut value: u64 = 0;
    while let [digit @ b'0'..=b'9', rest @ ..] = bytes {
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        bytes = rest;
    }
    (value, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_taken_only_when_it_is_whole() {
        for length in [0, 1, 125, 126, 70_000] {
            let mut bytes = vec![0x81];
            match length {
                0..126 => bytes.push(length as u8),
                126..65_536 => {
                    bytes.push(126);
                    bytes.extend((length as u16).to_be_bytes());
                }
                _ => {
                    bytes.push(127);
                    bytes.extend((length as u64).to_be_bytes());
                }
            }
            let payload = vec![b'x'; length];
            bytes.extend(&payload);
            for cut in 0..bytes.len().min(20) {
                assert_eq!(next_frame(&bytes[..cut]).unwrap(), None);
            }
            assert_eq!(next_frame(&bytes[..bytes.len() - 1]).unwrap(), None);
            bytes.extend(b"next");
            assert_eq!(next_frame(&bytes).unwrap(), Some((Frame::Text(&payload), &b"next"[..])));
        }
    }

    #[test]
    fn a_frame_of_ours_has_the_length_it_says() {
        for (length, head) in [(3, 2 + 4), (125, 2 + 4), (126, 4 + 4), (65_535, 4 + 4), (65_536, 10 + 4)] {
            let mut out = Vec::new();
            put_frame(&mut out, 1, &vec![b'x'; length]);
            assert_eq!(out.len(), head + length);
        }
    }

    #[test]
    fn a_stamp_is_found_in_a_delivery_and_nowhere_else() {
        let body = Stamp::text(123_456, 7);
        let event = format!(r#"["receive-message",{{"id":"x","seq":42,"sender_name":"b","message":"{body} text"}}]"#);
        assert_eq!(Stamp::find(event.as_bytes()), Some(Stamp { sent_ns: 123_456, index: 7, seq: Some(42) }));
        let bare = format!(r#"["receive-message",{{"message":"{body}"}}]"#);
        assert_eq!(Stamp::find(bare.as_bytes()), Some(Stamp { sent_ns: 123_456, index: 7, seq: None }));
        assert_eq!(Stamp::find(br#"["room-joined",{"messages":[{"seq":1,"message":"~1,1~"}]}]"#), None);
    }

    #[test]
    fn packets_are_told_apart() {
        assert_eq!(Packet::read(b"2"), Packet::Ping);
        assert_eq!(Packet::read(br#"4317[{"ok":true}]"#), Packet::Ack(17, br#"[{"ok":true}]"#));
        assert_eq!(Packet::read(br#"44{"message":"no"}"#), Packet::Refused(br#"{"message":"no"}"#));
    }
}
