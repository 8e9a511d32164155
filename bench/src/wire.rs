//! HTTP/1.1 messages on a kept-alive connection, both ways. It knows just what the API and the sink speak: lengths, no chunks.
//!
//! A load generator shares the machine with what it measures, so the cheapest one is the fairest.
use std::io::{Error, ErrorKind, Result};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Bytes of a message, at most.
const MESSAGE_MAX: usize = 64 * 1024 * 1024;
const CHUNK: usize = 16 * 1024;
const HEAD_END: &[u8] = b"\r\n\r\n";

/// A connection with what was read of the next message.
pub struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Bytes of the buffer that belong to the message given out last.
    taken: usize,
}

/// A request or an answer.
#[derive(Debug)]
pub struct Message<'a> {
    pub head: &'a [u8],
    pub body: &'a [u8],
}

impl Wire {
    pub fn new(stream: TcpStream) -> Self {
        let _ = stream.set_nodelay(true); // without it nothing is lost but time
        Self { stream, buffer: Vec::with_capacity(CHUNK), taken: 0 }
    }

    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.write_all(bytes).await
    }

    /// The next message; none when the other side has closed between two messages.
    pub async fn read(&mut self) -> Result<Option<Message<'_>>> {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        let head = loop {
            if let Some(at) = self.buffer.windows(HEAD_END.len()).position(|w| w == HEAD_END) {
                break at;
            }
            if self.more().await? == 0 {
                let whole = self.buffer.is_empty();
                return if whole { Ok(None) } else { Err(ErrorKind::UnexpectedEof.into()) };
            }
        };
        let body = head + HEAD_END.len();
        let end = body + length(&self.buffer[..head])?;
        while self.buffer.len() < end {
            if self.more().await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        self.taken = end;
        Ok(Some(Message { head: &self.buffer[..head], body: &self.buffer[body..end] }))
    }

    async fn more(&mut self) -> Result<usize> {
        if self.buffer.len() > MESSAGE_MAX {
            return Err(Error::other(format!("a message of more than {MESSAGE_MAX} bytes")));
        }
        self.buffer.reserve(CHUNK);
        self.stream.read_buf(&mut self.buffer).await
    }
}

impl Message<'_> {
    /// The status of an answer; 0 when it is none.
    pub fn status(&self) -> u16 {
        let code = self.head.get(9..12).and_then(|code| std::str::from_utf8(code).ok());
        code.and_then(|code| code.parse().ok()).unwrap_or(0)
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(self.head, name)
    }
}

fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    let lines = head.split(|byte| *byte == b'\n').skip(1);
    let mut fields = lines.filter_map(|line| std::str::from_utf8(line).ok()?.split_once(':'));
    fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

fn length(head: &[u8]) -> Result<usize> {
    let wrong = |what: &str| Error::new(ErrorKind::InvalidData, what.to_owned());
    if header(head, "transfer-encoding").is_some() {
        return Err(wrong("a message in chunks, which this program does not read"));
    }
    let length = header(head, "content-length").unwrap_or("0");
    length.parse().map_err(|_| wrong("a content-length that is no number"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    async fn pair() -> (Wire, Wire) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (far, _) = listener.accept().await.unwrap();
        (Wire::new(near), Wire::new(far))
    }

    #[tokio::test]
    async fn two_messages_in_one_packet_are_two_messages() {
        let (mut near, mut far) = pair().await;
        near.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 404 No\r\n\r\n")
            .await
            .unwrap();
        let first = far.read().await.unwrap().unwrap();
        assert_eq!((first.status(), first.body), (202, &b"ok"[..]));
        let second = far.read().await.unwrap().unwrap();
        assert_eq!((second.status(), second.body), (404, &b""[..]));
        drop(near);
        assert!(far.read().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn half_a_message_is_an_error() {
        let (mut near, mut far) = pair().await;
        near.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await.unwrap();
        drop(near);
        assert_eq!(far.read().await.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }

    #[test]
    fn headers_are_found_whatever_their_case() {
        let head = b"POST / HTTP/1.1\r\nIdempotency-Key: a:b\r\nContent-Length: 12";
        assert_eq!(header(head, "idempotency-key"), Some("a:b"));
        assert_eq!(header(head, "post"), None);
        assert_eq!(length(head).unwrap(), 12);
        assert!(length(b"x\r\ntransfer-encoding: chunked").is_err());
    }
}
