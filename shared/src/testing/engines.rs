//! Where the engines are: the addresses and binaries that `./test.sh` exports.

use std::path::PathBuf;

/// The URL of the PostgreSQL server that all tests share.
///
/// # Panics
/// When `DATABASE_URL` is not set: without an engine a test fails, it is never skipped.
pub fn postgres_url() -> String {
    setting("DATABASE_URL")
}

/// The URL of the Redis server that all tests share; keep to keys with a prefix of your own.
///
/// # Panics
/// When `REDIS_URL` is not set.
pub fn redis_url() -> String {
    setting("REDIS_URL")
}

/// A program from the folder of PostgreSQL's server binaries, for example `initdb`.
pub(crate) fn postgres_program(name: &str) -> PathBuf {
    PathBuf::from(setting("LEADRAIL_TEST_PGBIN")).join(name)
}

/// The server binary that speaks Redis.
pub(crate) fn redis_program() -> PathBuf {
    PathBuf::from(setting("LEADRAIL_TEST_REDIS_BIN"))
}

#[expect(clippy::disallowed_methods, reason = "the home of the variables that test.sh exports")]
fn setting(name: &str) -> String {
    match std::env::var(name) {
        Ok(value) if !value.is_empty() => value,
        _ => panic!(
            "{name} is not set: run the tests with ./test.sh, or one command with \
             ./test.sh --engines-only COMMAND"
        ),
    }
}
