//! Opening the database: what every connection is told, and how many there are.
use super::{Db, Pools};
use crate::store::StoreError;
use sqlx::{
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{str::FromStr, time::Duration};

/// How long a caller waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// What every connection to PostgreSQL is told.
const POSTGRES_SETTINGS: [(&str, &str); 8] = [
    // No statement works longer than this.
    ("statement_timeout", "15000"),
    // No transaction waits for its process longer than this: one that is frozen in the middle would keep its locks, and the lead would
    // wait for it, until it wakes up. Nothing outside is asked while a transaction is open.
    ("idle_in_transaction_session_timeout", "30000"),
    // Every statement reaches its rows by key. A plan that scans, made while a table was still empty, would be kept as it grows.
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    // A page of a list is read in the order of its key and left after its last row.
    ("enable_sort", "off"),
    ("jit", "off"),
];
/// Connections that read SQLite; they cannot write.
const SQLITE_READERS: u32 = 4;
/// Page cache of the connection that writes, and of each that reads; negative means kibibytes. What is in neither is in the system's.
const WRITER_CACHE: &str = "-6000";
const READER_CACHE: &str = "-1500";

impl Db {
    pub(super) async fn open_postgres(url: &str, connections: u32) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url)?
            .application_name("leadrail")
            .options(POSTGRES_SETTINGS);
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .connect_with(options)
            .await?;
        Ok(Self { pools: Pools::Postgres(pool), actor: None })
    }

    pub(super) async fn open_sqlite(path: &str) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10))
            // What is deleted is overwritten: an erased person is not left in free pages.
            .pragma("secure_delete", "ON")
            .pragma("cache_size", WRITER_CACHE)
            .pragma("temp_store", "MEMORY");
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(Duration::from_secs(30))
            .connect_with(options.clone())
            .await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(SQLITE_READERS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options.pragma("query_only", "ON").pragma("cache_size", READER_CACHE))
            .await?;
        let db = Self { pools: Pools::Sqlite { writer, readers }, actor: None };
        let folds: bool = db.read().sql("SELECT 'A' LIKE 'a'").scalar().await?;
        if folds {
            return Err(StoreError::Inconsistent(
                "SQLite was built without the flags of .cargo/config.toml".into(),
            ));
        }
        Ok(db)
    }
}
