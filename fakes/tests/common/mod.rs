//! The fakes as a program, and real clients that are run against it.
use serde_json::Value;
use shared::testing::Process;
use std::{path::Path, process::Command, time::Duration};

/// How long the fakes may take until they listen.
const START: Duration = Duration::from_secs(20);

pub struct Fakes {
    _process: Process,
    /// `http://127.0.0.1:…`
    pub address: String,
}

pub async fn start() -> Fakes {
    let mut process = Process::spawn(env!("CARGO_BIN_EXE_fakes"), &[], &[]);
    let line = process.wait_for_line("fakes listen on ", START).await;
    let address = line.trim_start_matches("fakes listen on ").trim().to_owned();
    Fakes { _process: process, address }
}

/// What a script of tests/clients prints, a line each.
#[expect(clippy::disallowed_methods, reason = "a test's own switch, not a setting of the program")]
pub fn run(script: &str, arguments: &[&str]) -> Vec<Value> {
    let python = std::env::var("LEADRAIL_TEST_PYTHON").expect(
        "LEADRAIL_TEST_PYTHON names no Python with the packages of tests/clients/requirements.txt; ./test.sh makes one and sets it",
    );
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/clients");
    let output = Command::new(&python)
        .arg(clients.join(script))
        .args(arguments)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap_or_else(|error| panic!("{python} does not run: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    let lines = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{script} failed:\n{errors}\nafter:\n{lines}");
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
