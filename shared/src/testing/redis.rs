//! A Redis server of one's own, for tests that empty, freeze or kill it.

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::engines::redis_program;
use super::folder::Folder;
use super::port::free_port;
use super::process::Process;
use super::wait;

const START_LIMIT: Duration = Duration::from_secs(10);
const STOP_LIMIT: Duration = Duration::from_secs(10);
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// How often a new server takes another port because someone was faster.
const PORT_TRIES: usize = 5;

/// A private Redis server without persistence: stopped and started again, it is empty.
pub struct RedisServer {
    process: Option<Process>,
    folder: Folder,
    port: u16,
}

impl RedisServer {
    /// Starts a server.
    ///
    /// # Panics
    /// When the binary is missing or the server does not start.
    pub async fn new() -> Self {
        let mut server = Self { process: None, folder: Folder::new(), port: 0 };
        for _ in 0..PORT_TRIES {
            server.port = free_port();
            if server.try_start().await.is_ok() {
                return server;
            }
        }
        panic!("Redis did not start on any of {PORT_TRIES} ports")
    }

    /// Its URL; the same over every restart.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Starts it again, empty, on its port. Does nothing when it runs.
    ///
    /// # Panics
    /// With the server's log, when it does not start.
    pub async fn start(&mut self) {
        if self.process.is_none()
            && let Err(log) = self.try_start().await
        {
            panic!("Redis did not start\n{log}");
        }
    }

    /// Stops it (SIGTERM) and returns when it is gone. Does nothing when it is stopped.
    ///
    /// # Panics
    /// When it does not end within 10 s.
    pub async fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.sigcont();
            process.sigterm();
            process.wait_exit(STOP_LIMIT).await;
        }
    }

    /// Stops and starts it; it is empty then.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.start().await;
    }

    /// Kills it (SIGKILL).
    pub fn kill9(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill9();
        }
    }

    /// Freezes it: connections stay open and nobody answers.
    pub fn freeze(&mut self) {
        if let Some(process) = &mut self.process {
            process.sigstop();
        }
    }

    /// Lets a frozen server go on.
    pub fn thaw(&mut self) {
        if let Some(process) = &mut self.process {
            process.sigcont();
        }
    }

    /// Removes everything in it.
    ///
    /// # Panics
    /// When it does not answer within 5 s.
    pub fn flushall(&self) {
        let answer = self.ask("FLUSHALL").expect("Redis answers");
        assert_eq!(answer, "+OK", "Redis refused to be emptied");
    }

    /// Sends one command without arguments and returns the first line of the answer.
    fn ask(&self, command: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        write!(stream, "{command}\r\n")?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    /// The error is the server's log.
    async fn try_start(&mut self) -> Result<(), String> {
        let mut command = Command::new(redis_program());
        command
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .arg("--dir")
            .arg(self.folder.path());
        let mut process = Process::start(command, self.folder.path(), Signal::SIGKILL);
        let end = wait::until(START_LIMIT, async || {
            // The answer must be our server's: it says its own process number.
            match process.exit_status() {
                Some(_) => Some(false),
                None => self.answers_as(process.id()).then_some(true),
            }
        });
        if end.await == Some(true) {
            self.process = Some(process);
            return Ok(());
        }
        Err(process.tail())
    }

    fn answers_as(&self, process: u32) -> bool {
        let info = || -> io::Result<bool> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_read_timeout(Some(ANSWER_LIMIT))?;
            stream.write_all(b"INFO server\r\nQUIT\r\n")?;
            let own = format!("process_id:{process}");
            Ok(BufReader::new(stream).lines().map_while(Result::ok).any(|line| line == own))
        };
        info().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_is_emptied_by_flushing_stopping_and_killing() {
        let mut server = RedisServer::new().await;
        let url = server.url();
        for empty in ["flush", "restart", "kill"] {
            assert_eq!(server.ask("SET lead 1").unwrap(), "+OK");
            assert_eq!(server.ask("DBSIZE").unwrap(), ":1");
            match empty {
                "flush" => server.flushall(),
                "restart" => server.restart().await,
                _ => {
                    server.kill9();
                    assert!(server.ask("PING").is_err());
                    server.start().await;
                }
            }
            assert_eq!(server.ask("DBSIZE").unwrap(), ":0", "after {empty}");
        }
        assert_eq!(server.url(), url);
        server.stop().await;
        server.stop().await;
        assert!(server.ask("PING").is_err());
    }

    #[tokio::test]
    async fn a_frozen_server_takes_connections_but_answers_only_when_thawed() {
        let mut server = RedisServer::new().await;
        server.freeze();
        let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        stream.write_all(b"PING\r\n").unwrap();
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        assert!(reader.read_line(&mut line).is_err(), "frozen, but said {line}");
        server.thaw();
        reader.get_ref().set_read_timeout(Some(ANSWER_LIMIT)).unwrap();
        reader.read_line(&mut line).unwrap();
        assert_eq!(line, "+PONG\r\n");
        server.freeze();
        server.stop().await;
    }
}
