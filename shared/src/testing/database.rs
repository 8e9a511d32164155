//! A fresh PostgreSQL database for one test, copied from a template that is prepared once.
//!
//! Copying is cheap (about 20 ms in memory), preparing (all migrations) is not. Many test processes
//! may want the same template at the same moment: an advisory lock lets one of them make it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

use super::engines::postgres_url;
use super::wait;

const TEST_PREFIX: &str = "leadrail_test_";
const TEMPLATE_PREFIX: &str = "leadrail_template_";
/// PostgreSQL cuts names at 63 bytes; this is what the template prefix and `_new` leave.
const TEMPLATE_NAME_BYTES_MAX: usize = 40;
/// A test database this old belongs to a run that was killed.
const STALE_SECONDS: i64 = 3_600;
/// How long we wait for a database that someone is still connected to.
const IN_USE_LIMIT: Duration = Duration::from_secs(30);
/// Advisory locks share one space of numbers with everyone on the server.
const SWEEP_LOCK: i64 = 0x6c65_6164_0000_0001;
/// SQLSTATE `object_in_use`.
const OBJECT_IN_USE: &str = "55006";

/// Once per test process is often enough.
static SWEPT: AtomicBool = AtomicBool::new(false);

/// A database that is dropped with this value, open connections or not.
pub struct TestDatabase {
    /// Where to connect.
    pub url: String,
    name: String,
}

/// Copies the template, which `prepare` fills when this server has none of that name yet.
///
/// Put a fingerprint of the migrations into `template_name` (`[a-z0-9_]`, at most 40 bytes), so
/// that changed migrations make a new template. `prepare` gets the URL of an empty database and
/// must have closed its connections when it returns.
///
/// # Panics
/// When the server cannot be reached or refuses, with its words.
pub async fn fresh_database(
    template_name: &str,
    prepare: impl AsyncFnOnce(String),
) -> TestDatabase {
    let server_url = postgres_url();
    let template = template_database(template_name);
    let mut admin = PgConnection::connect(&server_url)
        .await
        .unwrap_or_else(|error| panic!("cannot reach PostgreSQL at DATABASE_URL: {error}"));
    if !exists(&mut admin, &template).await {
        make_template(&mut admin, &server_url, &template, prepare).await;
    }
    if !SWEPT.swap(true, Ordering::Relaxed) {
        sweep(&mut admin).await;
    }
    let name = format!("{TEST_PREFIX}{}", Uuid::now_v7().simple());
    execute_patiently(&mut admin, &format!("create database {name} template {template}")).await;
    let _ = admin.close().await;
    TestDatabase { url: with_database(&server_url, &name), name }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (server_url, name) = (postgres_url(), self.name.clone());
        // A thread of its own: a runtime cannot be entered from inside another one.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map(|runtime| runtime.block_on(drop_database(&server_url, &name)))
        });
        // What could not be dropped now (the server is gone) is swept by a later run.
        let _ = dropped.join();
    }
}

async fn drop_database(server_url: &str, name: &str) -> Result<(), sqlx::Error> {
    let mut admin = PgConnection::connect(server_url).await?;
    let statement = format!("drop database if exists {name} with (force)");
    sqlx::query(AssertSqlSafe(statement)).execute(&mut admin).await?;
    admin.close().await
}

/// Checks the caller's name: it goes into statements that take no parameters.
fn template_database(name: &str) -> String {
    let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    assert!(
        plain && !name.is_empty() && name.len() <= TEMPLATE_NAME_BYTES_MAX,
        "template name `{name}`: expected 1 to {TEMPLATE_NAME_BYTES_MAX} of a-z, 0-9 and _"
    );
    format!("{TEMPLATE_PREFIX}{name}")
}

async fn exists(admin: &mut PgConnection, database: &str) -> bool {
    sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(database)
        .fetch_one(admin)
        .await
        .expect("the list of databases can be read")
}

/// Fills a database under another name and renames it when it is whole, so that a template that
/// exists is always complete, whoever died while making it.
async fn make_template(
    admin: &mut PgConnection,
    server_url: &str,
    template: &str,
    prepare: impl AsyncFnOnce(String),
) {
    // The lock ends with the connection, so also when `prepare` panics.
    execute(admin, &format!("select pg_advisory_lock(hashtextextended('{template}', 0))")).await;
    if !exists(admin, template).await {
        let unfinished = format!("{template}_new");
        execute(admin, &format!("drop database if exists {unfinished} with (force)")).await;
        execute_patiently(admin, &format!("create database {unfinished}")).await;
        prepare(with_database(server_url, &unfinished)).await;
        let rename = format!("alter database {unfinished} rename to {template}");
        execute_patiently(admin, &rename).await;
    }
    execute(admin, &format!("select pg_advisory_unlock(hashtextextended('{template}', 0))")).await;
}

/// Drops the test databases of runs that were killed. Whoever finds another sweep at work leaves.
async fn sweep(admin: &mut PgConnection) {
    let ours: bool = sqlx::query_scalar("select pg_try_advisory_lock($1)")
        .bind(SWEEP_LOCK)
        .fetch_one(&mut *admin)
        .await
        .expect("an advisory lock can be asked for");
    if !ours {
        return;
    }
    let now_seconds: i64 = sqlx::query_scalar("select extract(epoch from now())::bigint")
        .fetch_one(&mut *admin)
        .await
        .expect("the server knows the time");
    let names: Vec<String> = sqlx::query_scalar("select datname::text from pg_database")
        .fetch_all(&mut *admin)
        .await
        .expect("the list of databases can be read");
    for name in names.iter().filter(|name| is_stale(name, now_seconds)) {
        execute(admin, &format!("drop database if exists {name} with (force)")).await;
    }
    execute(admin, &format!("select pg_advisory_unlock({SWEEP_LOCK})")).await;
}

/// A test database's name carries its birth: ids of version 7 begin with it.
fn is_stale(database: &str, now_seconds: i64) -> bool {
    database
        .strip_prefix(TEST_PREFIX)
        .and_then(|id| Uuid::try_parse(id).ok())
        .and_then(|id| id.get_timestamp())
        .and_then(|born| i64::try_from(born.to_unix().0).ok())
        .is_some_and(|born_seconds| now_seconds - born_seconds > STALE_SECONDS)
}

async fn execute(admin: &mut PgConnection, statement: &str) {
    let result = sqlx::query(AssertSqlSafe(statement.to_owned())).execute(admin).await;
    result.unwrap_or_else(|error| panic!("{statement}: {error}"));
}

/// Executes and, as long as someone is connected to the database in question, tries again.
async fn execute_patiently(admin: &mut PgConnection, statement: &str) {
    let done = wait::until(IN_USE_LIMIT, async || {
        match sqlx::query(AssertSqlSafe(statement.to_owned())).execute(&mut *admin).await {
            Err(error) if is_in_use(&error) => None,
            result => Some(result),
        }
    });
    match done.await {
        Some(Ok(_)) => {}
        Some(Err(error)) => panic!("{statement}: {error}"),
        None => panic!("{statement}: someone stays connected to the database"),
    }
}

fn is_in_use(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|code| code == OBJECT_IN_USE)
}

/// The same server, user and options, another database.
fn with_database(url: &str, name: &str) -> String {
    let (address, options) = match url.find('?') {
        Some(at) => url.split_at(at),
        None => (url, ""),
    };
    let host_at = address.find("://").map_or(0, |at| at + 3);
    let host_end = address[host_at..].find('/').map_or(address.len(), |at| host_at + at);
    format!("{}/{name}{options}", &address[..host_end])
}

#[cfg(test)]
#[path = "database_tests.rs"]
mod tests;
