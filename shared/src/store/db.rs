//! The engine layer: one SQL text, one bind chain, PostgreSQL or SQLite. The only place where a statement is sent.
use super::{
    StoreError,
    dialect::{self, Engine},
};
use sqlx::{
    AssertSqlSafe, Encode, FromRow, PgConnection, PgPool, Postgres, Sqlite, SqliteConnection,
    SqlitePool, Transaction, Type,
    error::BoxDynError,
    postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow},
    sqlite::{
        SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow,
        SqliteSynchronous,
    },
};
use std::{borrow::Cow, str::FromStr, time::Duration};

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

/// How long a statement of [`Db::begin_wide_read`] may take.
const WIDE_READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Anything that can be bound on both engines.
pub trait Bind<'q>:
    Encode<'q, Postgres> + Type<Postgres> + Encode<'q, Sqlite> + Type<Sqlite>
{
}
impl<'q, T> Bind<'q> for T where
    T: Encode<'q, Postgres> + Type<Postgres> + Encode<'q, Sqlite> + Type<Sqlite>
{
}

/// Anything that can be read from a row of both engines.
pub trait Row: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> {}
impl<T> Row for T where T: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> {}

/// The database. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Db {
    Postgres(PgPool),
    /// One connection that writes, some that only read. Writers wait for each other, which is what group commit lives on.
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
    },
}

/// Where a statement runs.
pub enum Ex<'c> {
    PgPool(&'c PgPool),
    Pg(&'c mut PgConnection),
    LitePool(&'c SqlitePool),
    Lite(&'c mut SqliteConnection),
}

/// An open transaction; rolls back when dropped without `commit`.
pub enum Tx {
    Pg(Transaction<'static, Postgres>),
    Lite(Transaction<'static, Sqlite>),
}

impl Db {
    /// Opens `postgres://…` or `sqlite:PATH`, with at most `connections` to PostgreSQL.
    pub async fn open(url: &str, connections: u32) -> Result<Self, StoreError> {
        match url.strip_prefix("sqlite:") {
            Some(path) => Self::open_sqlite(path).await,
            None => Self::open_postgres(url, connections).await,
        }
    }

    async fn open_postgres(url: &str, connections: u32) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url)?
            .application_name("leadrail")
            .options(POSTGRES_SETTINGS);
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .connect_with(options)
            .await?;
        Ok(Self::Postgres(pool))
    }

    async fn open_sqlite(path: &str) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10))
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
        let db = Self::Sqlite { writer, readers };
        let folds: bool = db.read().sql("SELECT 'A' LIKE 'a'").scalar().await?;
        if folds {
            return Err(StoreError::Inconsistent(
                "SQLite was built without the flags of .cargo/config.toml".into(),
            ));
        }
        Ok(db)
    }

    /// For statements that only read.
    pub fn read(&self) -> Ex<'_> {
        match self {
            Self::Postgres(pool) => Ex::PgPool(pool),
            Self::Sqlite { readers, .. } => Ex::LitePool(readers),
        }
    }

    /// For one statement that writes, as its own transaction.
    pub fn write(&self) -> Ex<'_> {
        match self {
            Self::Postgres(pool) => Ex::PgPool(pool),
            Self::Sqlite { writer, .. } => Ex::LitePool(writer),
        }
    }

    /// For several statements that become true together. Nothing outside the database may be awaited inside.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            Self::Postgres(pool) => Tx::Pg(pool.begin().await?),
            Self::Sqlite { writer, .. } => Tx::Lite(begin_to_write(writer).await?),
        })
    }

    /// For several statements that only read, see the same moment, and may read large parts of tables: searches, counts, exports.
    pub async fn begin_wide_read(&self) -> Result<Tx, StoreError> {
        let mut tx = match self {
            Self::Postgres(pool) => Tx::Pg(pool.begin().await?),
            Self::Sqlite { readers, .. } => Tx::Lite(readers.begin().await?),
        };
        tx.widen(WIDE_READ_TIMEOUT).await?;
        Ok(tx)
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.read().sql("SELECT 1").run().await.map(drop)
    }

    pub async fn close(&self) {
        match self {
            Self::Postgres(pool) => pool.close().await,
            Self::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
        }
    }
}

/// SQLite ends a transaction by itself when its disk is full. The connection does not hear of that, takes itself for one within a
/// transaction ever after, and begins no other: it is put away for a new one.
async fn begin_to_write(writer: &SqlitePool) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
    const BEGIN: &str = "BEGIN IMMEDIATE";
    match writer.begin_with(BEGIN).await {
        Err(sqlx::Error::InvalidSavePointStatement) => {
            writer.acquire().await?.close().await?;
            writer.begin_with(BEGIN).await
        }
        begun => begun,
    }
}

impl Tx {
    pub fn ex(&mut self) -> Ex<'_> {
        match self {
            Self::Pg(tx) => Ex::Pg(tx),
            Self::Lite(tx) => Ex::Lite(tx),
        }
    }

    /// Lets the planner choose as it likes until the end of this transaction, and statements take so long: for those that reach many
    /// rows. On SQLite nothing has to change.
    pub async fn widen(&mut self, timeout: Duration) -> Result<(), StoreError> {
        if self.ex().engine() == Engine::Sqlite {
            return Ok(());
        }
        self.ex()
            .sql(
                "SELECT set_config('enable_seqscan', 'on', true), set_config('enable_hashjoin', 'on', true),
                    set_config('enable_mergejoin', 'on', true), set_config('enable_sort', 'on', true),
                    set_config('plan_cache_mode', 'force_custom_plan', true), set_config('statement_timeout', $1, true)",
            )
            .bind(timeout.as_millis().to_string())
            .run()
            .await
            .map(drop)
    }

    /// Gives it up now. One that is dropped gives its locks back a moment later.
    pub async fn rollback(self) -> Result<(), StoreError> {
        match self {
            Self::Pg(tx) => tx.rollback().await?,
            Self::Lite(tx) => tx.rollback().await?,
        }
        Ok(())
    }

    pub async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Pg(tx) => tx.commit().await?,
            Self::Lite(tx) => tx.commit().await?,
        }
        Ok(())
    }
}

enum Args {
    Pg(PgArguments),
    Lite(SqliteArguments),
}

/// A statement with its parameters so far.
pub struct Query<'c> {
    ex: Ex<'c>,
    sql: Cow<'static, str>,
    args: Args,
    bad: Option<BoxDynError>,
    /// Whether the connection keeps the plan.
    is_kept: bool,
}

impl<'c> Ex<'c> {
    /// A statement that was put together at run time, in this engine's own words; its plan is not kept. Values are bound, never
    /// written into it.
    pub fn made(self, text: String) -> Query<'c> {
        let args = match self.engine() {
            Engine::Postgres => Args::Pg(PgArguments::default()),
            Engine::Sqlite => Args::Lite(SqliteArguments::default()),
        };
        Query { sql: text.into(), ex: self, args, bad: None, is_kept: false }
    }

    pub fn engine(&self) -> Engine {
        match self {
            Ex::PgPool(_) | Ex::Pg(_) => Engine::Postgres,
            Ex::LitePool(_) | Ex::Lite(_) => Engine::Sqlite,
        }
    }

    /// A statement in the shared dialect (see [`dialect`]).
    pub fn sql(self, text: &'static str) -> Query<'c> {
        let engine = self.engine();
        let args = match engine {
            Engine::Postgres => Args::Pg(PgArguments::default()),
            Engine::Sqlite => Args::Lite(SqliteArguments::default()),
        };
        let sql = Cow::Borrowed(dialect::for_engine(text, engine));
        Query { sql, ex: self, args, bad: None, is_kept: true }
    }
}

macro_rules! fetch {
    ($query:expr, $args:expr, $executor:expr) => {
        sqlx::query_with(AssertSqlSafe($query.sql), $args)
            .persistent($query.is_kept)
            .fetch_all($executor)
            .await?
            .iter()
            .map(T::from_row)
            .collect::<Result<Vec<T>, _>>()?
    };
}

macro_rules! execute {
    ($query:expr, $args:expr, $executor:expr) => {
        sqlx::query_with(AssertSqlSafe($query.sql), $args)
            .persistent($query.is_kept)
            .execute($executor)
            .await?
            .rows_affected()
    };
}

impl Query<'_> {
    pub fn bind<'q, V: Bind<'q>>(mut self, value: V) -> Self {
        use sqlx::Arguments;
        let added = match &mut self.args {
            Args::Pg(args) => args.add(value),
            Args::Lite(args) => Arguments::add(args, value),
        };
        if let Err(error) = added {
            self.bad.get_or_insert(error);
        }
        self
    }

    fn checked(&mut self) -> Result<(), StoreError> {
        use sqlx::Arguments;
        if let Some(error) = self.bad.take() {
            return Err(sqlx::Error::Encode(error).into());
        }
        if cfg!(debug_assertions) {
            let bound = match &self.args {
                Args::Pg(args) => args.len(),
                Args::Lite(args) => args.len(),
            };
            // SQLite takes a missing parameter for NULL and ignores one too many.
            assert_eq!(bound, dialect::parameters(&self.sql), "parameters of {}", self.sql);
        }
        Ok(())
    }

    /// Runs it and says how many rows changed.
    pub async fn run(mut self) -> Result<u64, StoreError> {
        self.checked()?;
        let Query { ex, args, .. } = self;
        Ok(match (ex, args) {
            (Ex::PgPool(pool), Args::Pg(args)) => execute!(self, args, pool),
            (Ex::Pg(conn), Args::Pg(args)) => execute!(self, args, conn),
            (Ex::LitePool(pool), Args::Lite(args)) => execute!(self, args, pool),
            (Ex::Lite(conn), Args::Lite(args)) => execute!(self, args, conn),
            _ => unreachable!("arguments are made for the engine of the executor"),
        })
    }

    /// All rows.
    pub async fn all<T: Row>(mut self) -> Result<Vec<T>, StoreError> {
        self.checked()?;
        let Query { ex, args, .. } = self;
        Ok(match (ex, args) {
            (Ex::PgPool(pool), Args::Pg(args)) => fetch!(self, args, pool),
            (Ex::Pg(conn), Args::Pg(args)) => fetch!(self, args, conn),
            (Ex::LitePool(pool), Args::Lite(args)) => fetch!(self, args, pool),
            (Ex::Lite(conn), Args::Lite(args)) => fetch!(self, args, conn),
            _ => unreachable!("arguments are made for the engine of the executor"),
        })
    }

    /// The first row, if any.
    pub async fn optional<T: Row>(self) -> Result<Option<T>, StoreError> {
        Ok(self.all().await?.into_iter().next())
    }

    /// The first row; none is an error.
    pub async fn one<T: Row>(self) -> Result<T, StoreError> {
        self.optional().await?.ok_or(StoreError::Database(sqlx::Error::RowNotFound))
    }

    /// The first column of the first row.
    pub async fn scalar<T>(self) -> Result<T, StoreError>
    where
        (T,): Row,
    {
        Ok(self.one::<(T,)>().await?.0)
    }
}
