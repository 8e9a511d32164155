//! The outside of a run, in a process of its own: a buyer who takes every lead at once, a receiver of the webhooks that begin a wait, and a
//! provider who takes every order of a call. It remembers what came, when, and under which key.
use crate::{
    leads,
    moment::now_us,
    wire::{Message, Wire},
};
use serde_json::json;
use std::{
    collections::HashMap,
    io::{self, Read, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

/// What has arrived.
#[derive(Debug, Default)]
struct Book {
    /// Lead number and time in microseconds, in the order of arrival.
    arrivals: Vec<(u64, i64)>,
    /// How often each idempotency key came.
    keys: HashMap<String, u64>,
    /// Lead number, and what ends its wait: the resume URL, or the id of the order of a call.
    waits: Vec<(u64, String)>,
    /// Requests without a lead's number or without a key.
    unreadable: u64,
}

impl Book {
    /// Takes a delivery; returns the lead's number.
    fn take(&mut self, number: Option<u64>, key: Option<&str>, at: i64) -> Option<u64> {
        let (Some(number), Some(key)) = (number, key) else {
            self.unreadable += 1;
            return None;
        };
        self.arrivals.push((number, at));
        *self.keys.entry(key.to_owned()).or_default() += 1;
        Some(number)
    }

    /// Takes a webhook or an order that begins a wait; returns the lead's number.
    fn hold(&mut self, body: &[u8], ended_by: &str) -> Option<u64> {
        let (Some(number), Some(by)) = (leads::number_in(body), leads::text_in(body, ended_by))
        else {
            self.unreadable += 1;
            return None;
        };
        self.waits.push((number, by.to_owned()));
        Some(number)
    }

    fn report(&self) -> String {
        let repeated = self.keys.values().filter(|times| **times > 1).count();
        json!({
            "arrivals": self.arrivals,
            "keys": self.keys.len(),
            "repeatedKeys": repeated,
            "unreadable": self.unreadable,
        })
        .to_string()
    }
}

type Shared = Arc<Mutex<Book>>;

/// Serves until standard input closes: the sink ends with the process that started it. Prints its address first.
pub async fn run() -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("{}", listener.local_addr()?);
    io::stdout().flush()?;
    let book = Shared::default();
    let mut parent = parent_ends();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                tokio::spawn(serve(stream, book.clone()));
            }
            _ = &mut parent => return Ok(()),
        }
    }
}

/// Is told when standard input closes: the process that started this one holds its other end.
fn parent_ends() -> oneshot::Receiver<()> {
    let (tell, told) = oneshot::channel();
    thread::spawn(move || {
        let _ = io::stdin().read(&mut [0]); // an end or an error, both mean the same
        let _ = tell.send(());
    });
    told
}

/// A broken connection is the caller's business: what it did not send did not arrive.
async fn serve(stream: TcpStream, book: Shared) {
    let mut wire = Wire::new(stream);
    while let Ok(Some(request)) = wire.read().await {
        let (status, body) = match answer(&request, &book) {
            Some(body) => ("200 OK", body),
            None => ("400 Bad Request", r#"{"result":"unreadable"}"#.to_owned()),
        };
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        if wire.write(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The body of a good answer; none when the request could not be read.
fn answer(request: &Message<'_>, book: &Shared) -> Option<String> {
    let (at, mut book) = (now_us(), open(book));
    let line = request.head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    Some(match line {
        b"GET /report HTTP/1.1" => book.report(),
        b"GET /count HTTP/1.1" => {
            json!({"arrived": book.arrivals.len(), "waits": book.waits.len()}).to_string()
        }
        b"GET /waits HTTP/1.1" => json!(book.waits).to_string(),
        b"POST /actions HTTP/1.1" => {
            book.hold(request.body, "resumeUrl")?;
            "{}".to_owned()
        }
        b"POST /orders HTTP/1.1" => {
            let number = book.hold(request.body, "orderId")?;
            json!({"reference": reference(number)}).to_string()
        }
        _ => {
            let number = leads::number_in(request.body);
            let number = book.take(number, request.header("idempotency-key"), at)?;
            format!(r#"{{"result":"accepted","id":"B{number}"}}"#)
        }
    })
}

/// The provider's own id of a lead's call.
pub fn reference(number: u64) -> String {
    format!("call-{number}")
}

/// The book is whole after every statement, so a panic elsewhere is no reason to stop.
fn open(book: &Shared) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_key_and_an_unreadable_lead_are_reported() {
        let mut book = Book::default();
        assert_eq!(book.take(Some(4), Some("a"), 10), Some(4));
        assert_eq!(book.take(Some(4), Some("a"), 11), Some(4));
        assert_eq!(book.take(Some(5), Some("b"), 12), Some(5));
        assert_eq!(book.take(None, Some("c"), 13), None);
        assert_eq!(book.take(Some(6), None, 13), None);
        let report: serde_json::Value = serde_json::from_str(&book.report()).unwrap();
        let wanted = json!({"arrivals": [[4, 10], [4, 11], [5, 12]], "keys": 2, "repeatedKeys": 1, "unreadable": 2});
        assert_eq!(report, wanted);
    }

    #[test]
    fn a_wait_is_kept_with_what_ends_it() {
        let mut book = Book::default();
        let order = json!({"orderId": "int_1", "variables": {"ref": "7"}}).to_string();
        assert_eq!(book.hold(order.as_bytes(), "orderId"), Some(7));
        assert_eq!(book.hold(order.as_bytes(), "resumeUrl"), None, "it has none");
        assert_eq!(book.hold(br#"{"orderId":"int_2"}"#, "orderId"), None, "whose?");
        assert_eq!((book.waits, book.unreadable), (vec![(7, "int_1".to_owned())], 2));
    }
}
