//! A PostgreSQL cluster of one's own, for tests that stop, restart or kill the database.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use sqlx::{Connection, PgConnection};

use super::engines::postgres_program;
use super::folder::{Folder, ServiceUser};
use super::port::free_port;
use super::process::Process;
use super::wait;

/// How long a start may take, recovery after a kill included.
const START_LIMIT: Duration = Duration::from_secs(60);
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// How often a new cluster takes another port because someone was faster.
const PORT_TRIES: usize = 5;

/// How PostgreSQL ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopMode {
    /// Open transactions are rolled back and their connections closed; the data is checkpointed.
    Fast,
    /// Connections are cut and nothing is written: the next start recovers from the log.
    Immediate,
}

/// A private PostgreSQL server, gone with its data when dropped.
///
/// It runs without fsync: killing it is survived (the kernel has the data), a power cut is not.
pub struct Cluster {
    process: Option<Process>,
    folder: Folder,
    user: Option<ServiceUser>,
    port: u16,
}

/// Why a server did not come up.
enum StartFailure {
    PortTaken,
    /// Processes of a killed predecessor are still ending.
    PredecessorAlive,
    Other(String),
}

impl Cluster {
    /// Makes a cluster and starts it; takes one or two seconds.
    ///
    /// # Panics
    /// When the binaries are missing or the server does not start.
    pub async fn new() -> Self {
        let folder = Folder::new();
        let user = ServiceUser::when_root();
        if let Some(user) = user {
            folder.give_to(user);
        }
        let mut cluster = Self { process: None, folder, user, port: 0 };
        cluster.initialise();
        for _ in 0..PORT_TRIES {
            cluster.port = free_port();
            match cluster.try_start().await {
                Ok(()) => return cluster,
                Err(StartFailure::PortTaken) => {}
                Err(failure) => panic!("{}", failure.sentence()),
            }
        }
        panic!("PostgreSQL found {PORT_TRIES} ports taken")
    }

    /// The URL of its database `postgres`; the same over every restart.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Starts it again on its port and returns when it answers. Does nothing when it runs.
    ///
    /// # Panics
    /// With the end of the server's log, when it does not start.
    pub async fn start(&mut self) {
        if self.process.is_some() {
            return;
        }
        let started = wait::until(START_LIMIT, async || match self.try_start().await {
            Err(StartFailure::PredecessorAlive) => None,
            result => Some(result),
        });
        match started.await {
            Some(Ok(())) => {}
            Some(Err(failure)) => panic!("{}", failure.sentence()),
            None => panic!("processes of the killed PostgreSQL do not end"),
        }
    }

    /// Stops it and returns when it is gone. Does nothing when it is stopped.
    ///
    /// # Panics
    /// When it does not end within 30 s.
    pub async fn stop(&mut self, mode: StopMode) {
        if let Some(mut process) = self.process.take() {
            process.signal(match mode {
                StopMode::Fast => Signal::SIGINT,
                StopMode::Immediate => Signal::SIGQUIT,
            });
            process.wait_exit(STOP_LIMIT).await;
        }
    }

    /// Stops and starts it.
    pub async fn restart(&mut self, mode: StopMode) {
        self.stop(mode).await;
        self.start().await;
    }

    /// Kills the server process (SIGKILL), as the kernel does when memory runs out. The backends
    /// notice and end by themselves; `start` waits for that.
    pub fn kill9(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill9();
        }
    }

    /// The end of the server's log.
    pub fn log_tail(&self) -> String {
        let log = fs::read(self.folder.path().join("process.log")).unwrap_or_default();
        let text = String::from_utf8_lossy(&log);
        let mut lines: Vec<&str> = text.lines().rev().take(30).collect();
        lines.reverse();
        lines.join("\n")
    }

    fn initialise(&self) {
        let output = self
            .command("initdb")
            .args(["-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync"])
            .stdin(Stdio::null())
            .output()
            .expect("initdb can be started: LEADRAIL_TEST_PGBIN holds it");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "initdb failed: {errors}");
    }

    /// A server program that works on our data, as the service user.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(postgres_program(program));
        command.arg("-D").arg(self.data()).current_dir(self.folder.path()).env("LC_ALL", "C");
        if let Some(user) = self.user {
            command.uid(user.uid).gid(user.gid);
        }
        command
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    async fn try_start(&mut self) -> Result<(), StartFailure> {
        let sockets = format!("unix_socket_directories={}", self.folder.path().display());
        let port = format!("port={}", self.port);
        let mut command = self.command("postgres");
        for setting in [
            port.as_str(),
            sockets.as_str(),
            "listen_addresses=127.0.0.1",
            "max_connections=100",
            "shared_buffers=32MB",
            "fsync=off",
            "full_page_writes=off",
        ] {
            command.args(["-c", setting]);
        }
        // SIGQUIT ends it at once and, unlike SIGKILL, leaves no shared memory behind.
        let mut process = Process::start(command, self.folder.path(), Signal::SIGQUIT);
        let url = self.url();
        let end = wait::until(START_LIMIT, async || match process.exit_status() {
            Some(_) => Some(false),
            None => answers(&url).await.then_some(true),
        });
        // Another server may hold the port and answer; ours has ended then, or is about to.
        if end.await == Some(true) && self.is_ours() && process.exit_status().is_none() {
            self.process = Some(process);
            return Ok(());
        }
        drop(process);
        Err(StartFailure::read(self.log_tail()))
    }

    /// The lock file names the port as soon as the server listens on it.
    fn is_ours(&self) -> bool {
        let lock = fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        lock.lines().nth(3) == Some(self.port.to_string().as_str())
    }
}

impl StartFailure {
    /// Only the last lines count: the log also tells of earlier starts.
    fn read(tail: String) -> Self {
        let recent: Vec<&str> = tail.lines().rev().take(6).collect();
        let says = |words: &str| recent.iter().any(|line| line.contains(words));
        if says("Address already in use") {
            Self::PortTaken
        } else if says("still in use") || says("lock file \"postmaster.pid\" already exists") {
            Self::PredecessorAlive
        } else {
            Self::Other(tail)
        }
    }

    fn sentence(self) -> String {
        match self {
            Self::PortTaken => "PostgreSQL did not start: its port was taken".into(),
            Self::PredecessorAlive => "PostgreSQL did not start: a predecessor still runs".into(),
            Self::Other(log) => format!("PostgreSQL did not start\n{log}"),
        }
    }
}

async fn answers(url: &str) -> bool {
    let Ok(connection) = PgConnection::connect(url).await else { return false };
    connection.close().await.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::Executor;

    async fn count(url: &str) -> i64 {
        let mut connection = PgConnection::connect(url).await.unwrap();
        sqlx::query_scalar("select count(*) from kept").fetch_one(&mut connection).await.unwrap()
    }

    #[tokio::test]
    async fn what_was_committed_survives_every_way_to_stop() {
        let mut cluster = Cluster::new().await;
        let url = cluster.url();
        let mut connection = PgConnection::connect(&url).await.unwrap();
        connection
            .execute("create table kept (id int); insert into kept values (1)")
            .await
            .unwrap();

        cluster.restart(StopMode::Fast).await;
        assert_eq!(count(&url).await, 1);
        assert!(connection.execute("select 1").await.is_err(), "the old connection is cut");

        cluster.restart(StopMode::Immediate).await;
        assert_eq!(count(&url).await, 1);

        // A backend that is busy while its postmaster dies makes the next start wait.
        let mut busy = PgConnection::connect(&url).await.unwrap();
        busy.execute("insert into kept values (2)").await.unwrap();
        cluster.kill9();
        assert!(PgConnection::connect(&url).await.is_err());
        cluster.start().await;
        assert_eq!(count(&url).await, 2);

        cluster.stop(StopMode::Fast).await;
        cluster.stop(StopMode::Fast).await;
        assert!(PgConnection::connect(&url).await.is_err());
    }

    #[tokio::test]
    async fn two_clusters_live_side_by_side_and_leave_nothing_behind() {
        let (one, other) = (Cluster::new().await, Cluster::new().await);
        assert_ne!(one.url(), other.url());
        let (url, folder) = (one.url(), one.folder.path().to_owned());
        drop(one);
        assert!(PgConnection::connect(&url).await.is_err());
        assert!(!folder.exists());
        assert!(PgConnection::connect(&other.url()).await.is_ok());
    }

    #[test]
    fn a_failed_start_says_why() {
        use StartFailure::{Other, PortTaken, PredecessorAlive};
        let read = |text: &str| StartFailure::read(text.into());
        assert!(matches!(read("LOG: could not bind: Address already in use\nLOG: x"), PortTaken));
        assert!(matches!(
            read("FATAL: pre-existing shared memory block (key 1, ID 2) is still in use"),
            PredecessorAlive
        ));
        assert!(matches!(read("FATAL: out of memory"), Other(log) if log.contains("memory")));
    }
}
