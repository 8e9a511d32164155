//! Ends a child process, and removes its folder, when this process dies without cleaning up.
//!
//! A small shell waits at the end of a pipe that only we hold open. However we die, the pipe closes
//! and the shell acts. It has a process group of its own, so that a test runner that kills our
//! whole group does not take it along.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// $1 the first signal, $2 the process, $3 the folder or nothing. A server gets five seconds.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
read -r _
kill -s "$1" "$2" 2>/dev/null
tries=0
while kill -0 "$2" 2>/dev/null && [ "$tries" -lt 50 ]; do sleep 0.1; tries=$((tries + 1)); done
kill -s KILL "$2" 2>/dev/null
[ -z "$3" ] || rm -rf "$3"
"#;

pub(crate) struct Leash(Child);

impl Leash {
    /// `signal` is a name as `kill -s` knows it.
    pub fn new(process: u32, signal: &str, folder: Option<&Path>) -> Self {
        let shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "leash", signal, &process.to_string()])
            .arg(folder.unwrap_or(Path::new("")))
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("/bin/sh exists");
        Self(shell)
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        // Before its pipe closes: the process it would signal is gone, its number may be reused.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
