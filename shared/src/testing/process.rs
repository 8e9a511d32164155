//! A child process that a test can watch, freeze and kill.

use std::fs::{self, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::folder::Folder;
use super::leash::Leash;
use super::wait;

/// How many bytes at the end of a log are shown when a test fails.
const TAIL_BYTES: usize = 8_000;
/// How long a process may take to end itself in `Drop` before it is killed.
const PARTING_LIMIT: Duration = Duration::from_secs(5);

/// A running program; its standard output and error go to one file.
///
/// Dropping it ends the program, and prints the end of its log when the test has failed. It is
/// killed as well when the test process itself is killed.
pub struct Process {
    name: String,
    child: Child,
    exited: Option<ExitStatus>,
    parting: Signal,
    log: PathBuf,
    leash: Option<Leash>,
    _folder: Option<Folder>,
}

impl Process {
    /// Starts a program with our own environment plus the given one.
    ///
    /// # Panics
    /// When the program cannot be started.
    pub fn spawn(
        program: impl AsRef<Path>,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let folder = Folder::new();
        let mut command = Command::new(program.as_ref());
        command.args(arguments).envs(environment.iter().copied());
        let mut process = Self::start(command, folder.path(), Signal::SIGKILL);
        process._folder = Some(folder);
        process
    }

    /// Starts a server in a folder that outlives it. `parting` is what `Drop` sends first.
    pub(crate) fn start(mut command: Command, folder: &Path, parting: Signal) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let log = folder.join("process.log");
        let output = OpenOptions::new().create(true).append(true).open(&log);
        let output = output.expect("the folder can be written");
        let copy = output.try_clone().expect("a file handle can be copied");
        // A group of its own, so that nothing but us and the leash decides when it dies.
        command.stdin(Stdio::null()).stdout(copy).stderr(output).process_group(0);
        let child = command.spawn().unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let signal = parting.as_str().trim_start_matches("SIG");
        let leash = Some(Leash::new(child.id(), signal, Some(folder)));
        Self { name, child, exited: None, parting, log, leash, _folder: None }
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything it has written so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Waits for a whole line that contains `pattern`, and returns the first one.
    ///
    /// # Panics
    /// With the end of the log, when the limit is over or the process ends without such a line.
    pub async fn wait_for_line(&mut self, pattern: &str, limit: Duration) -> String {
        let found = wait::until(limit, async || {
            // Asked before the log is read: what it wrote last is then in what we read.
            let ended = self.exit_status().is_some();
            let log = self.log();
            let whole = log.rfind('\n').map_or("", |end| &log[..end]);
            let line = whole.lines().find(|line| line.contains(pattern)).map(str::to_owned);
            if line.is_none() && ended { Some(None) } else { line.map(Some) }
        });
        match found.await {
            Some(Some(line)) => line,
            Some(None) => panic!("{} ended without `{pattern}`\n{}", self.name, self.tail()),
            None => panic!("{}: no `{pattern}` in {limit:?}\n{}", self.name, self.tail()),
        }
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// With the end of the log, when it still runs after the limit.
    pub async fn wait_exit(&mut self, limit: Duration) -> ExitStatus {
        match wait::until(limit, async || self.exit_status()).await {
            Some(status) => status,
            None => panic!("{} still runs after {limit:?}\n{}", self.name, self.tail()),
        }
    }

    /// How it ended, or `None` while it runs.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        if self.exited.is_none() {
            self.exited = self.child.try_wait().expect("a child can be asked");
            if self.exited.is_some() {
                self.leash = None;
            }
        }
        self.exited
    }

    /// Kills it (SIGKILL) and returns when it is gone. Does nothing when it has ended.
    pub fn kill9(&mut self) {
        self.signal(Signal::SIGKILL);
        self.exited = Some(self.child.wait().expect("a child can be waited for"));
        self.leash = None;
    }

    /// Asks it to end (SIGTERM).
    pub fn sigterm(&mut self) {
        self.signal(Signal::SIGTERM);
    }

    /// Freezes it (SIGSTOP): it keeps its connections and does nothing. Answers when all its threads stand still: on a busy machine that
    /// takes a moment, in which it may do what the test says it does not.
    pub fn sigstop(&mut self) {
        self.signal(Signal::SIGSTOP);
        let id = i32::try_from(self.child.id()).expect("process numbers fit into an i32");
        let state = waitpid(Pid::from_raw(id), Some(WaitPidFlag::WUNTRACED));
        assert!(matches!(state, Ok(WaitStatus::Stopped(..))), "it was to stop: {state:?}");
    }

    /// Lets it go on (SIGCONT).
    pub fn sigcont(&mut self) {
        self.signal(Signal::SIGCONT);
    }

    /// Sends a signal unless it has ended: the number of an ended process may be someone else's.
    pub(crate) fn signal(&mut self, signal: Signal) {
        if self.exit_status().is_none() {
            let id = i32::try_from(self.child.id()).expect("process numbers fit into an i32");
            kill(Pid::from_raw(id), signal).expect("a child may be signalled");
        }
    }

    /// The end of its log.
    pub(crate) fn tail(&self) -> String {
        let log = self.log();
        let mut start = log.len().saturating_sub(TAIL_BYTES);
        while !log.is_char_boundary(start) {
            start += 1;
        }
        format!("--- the end of the log of {}\n{}", self.name, &log[start..])
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A frozen process takes no signal but SIGKILL, so it is thawed first.
        self.signal(Signal::SIGCONT);
        self.signal(self.parting);
        if wait::until_blocking(PARTING_LIMIT, || self.exit_status()).is_none() {
            self.kill9();
        }
        if std::thread::panicking() {
            eprintln!("{}", self.tail());
        }
    }
}

#[cfg(test)]
#[path = "process_tests.rs"]
mod tests;
