//! The API as a caller sees it: connections that post leads, and JSON requests for everything else.
use crate::{
    trouble::{Doing, Trouble},
    wire::{Message, Wire},
};
use serde_json::Value;
use std::net::SocketAddr;
use tokio::net::TcpStream;

/// Where the API listens, and the key that is sent along; none when it is empty.
#[derive(Debug, Clone)]
pub struct Door {
    pub address: SocketAddr,
    pub key: String,
}

/// A kept-alive connection.
pub struct Line {
    wire: Wire,
    /// The header lines of every request.
    headers: String,
    request: Vec<u8>,
}

impl Door {
    /// The same door for somebody from outside.
    pub fn without_key(&self) -> Self {
        Self { address: self.address, key: String::new() }
    }

    pub async fn connect(&self) -> Result<Line, Trouble> {
        let stream = TcpStream::connect(self.address).await.doing("connecting to the API")?;
        let key = match self.key.as_str() {
            "" => String::new(),
            key => format!("X-API-Key: {key}\r\n"),
        };
        let headers = format!("Host: {}\r\n{key}Content-Type: application/json\r\n", self.address);
        Ok(Line { wire: Wire::new(stream), headers, request: Vec::new() })
    }

    /// The `data` of an answer with a status of 2xx.
    pub async fn ask(&self, method: &str, path: &str, body: &str) -> Result<Value, Trouble> {
        let mut line = self.connect().await?;
        let answer = line.send(method, path, body).await?;
        let status = answer.status();
        if !(200..300).contains(&status) {
            let why = format!("{status}: {}", String::from_utf8_lossy(answer.body));
            return Err(Trouble::Failed { doing: format!("{method} {path}"), why });
        }
        let mut whole: Value = serde_json::from_slice(answer.body)?;
        Ok(whole["data"].take())
    }
}

impl Line {
    /// Sends a request and waits for the whole answer.
    pub async fn send(
        &mut self,
        method: &str,
        path: &str,
        body: &str,
    ) -> Result<Message<'_>, Trouble> {
        self.send_with("", method, path, body).await
    }

    /// The same with header lines of its own, each with its line end.
    pub async fn send_with(
        &mut self,
        headers: &str,
        method: &str,
        path: &str,
        body: &str,
    ) -> Result<Message<'_>, Trouble> {
        self.request.clear();
        let length = body.len().to_string();
        for part in [method, " ", path, " HTTP/1.1\r\n", &self.headers, headers] {
            self.request.extend_from_slice(part.as_bytes());
        }
        for part in ["Content-Length: ", &length, "\r\n\r\n", body] {
            self.request.extend_from_slice(part.as_bytes());
        }
        self.wire.write(&self.request).await.doing("sending to the API")?;
        let answer = self.wire.read().await.doing("reading the API's answer")?;
        answer.ok_or("the connection was closed").doing("reading the API's answer")
    }
}
