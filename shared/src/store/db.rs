//! The engine layer: one SQL text, one bind chain, PostgreSQL or SQLite. The only place where a statement is sent.
use super::{
    StoreError,
    dialect::{self, Engine},
    webhooks,
};
use crate::{audit::Actor, webhook::Told};
use sqlx::{
    AssertSqlSafe, Encode, FromRow, PgConnection, PgPool, Postgres, Sqlite, SqliteConnection,
    SqlitePool, Transaction, Type,
    error::BoxDynError,
    postgres::{PgArguments, PgRow},
    sqlite::{SqliteArguments, SqliteRow},
};
use std::{borrow::Cow, sync::Arc, time::Duration};

mod open;

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

/// The database, and who works with it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Db {
    pub(super) pools: Pools,
    /// Whose changes the audit log tells of; none: the program's own, which it does not tell of.
    actor: Option<Arc<Actor>>,
}

#[derive(Clone, Debug)]
pub(super) enum Pools {
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
pub struct Tx {
    open: Open,
    actor: Option<Arc<Actor>>,
    /// What happened in it that others may want to be told of; written before it commits.
    pub(super) told: Vec<Told>,
}

enum Open {
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

    /// The same database in somebody's hands: what is changed through it is theirs, and the audit log tells of it.
    pub fn acting(&self, actor: Actor) -> Self {
        Self { pools: self.pools.clone(), actor: Some(Arc::new(actor)) }
    }

    pub fn engine(&self) -> Engine {
        match &self.pools {
            Pools::Postgres(_) => Engine::Postgres,
            Pools::Sqlite { .. } => Engine::Sqlite,
        }
    }

    /// For statements that only read.
    pub fn read(&self) -> Ex<'_> {
        match &self.pools {
            Pools::Postgres(pool) => Ex::PgPool(pool),
            Pools::Sqlite { readers, .. } => Ex::LitePool(readers),
        }
    }

    /// For one statement that writes, as its own transaction.
    pub fn write(&self) -> Ex<'_> {
        match &self.pools {
            Pools::Postgres(pool) => Ex::PgPool(pool),
            Pools::Sqlite { writer, .. } => Ex::LitePool(writer),
        }
    }

    /// For several statements that become true together. Nothing outside the database may be awaited inside.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        let open = match &self.pools {
            Pools::Postgres(pool) => Open::Pg(pool.begin().await?),
            Pools::Sqlite { writer, .. } => Open::Lite(begin_to_write(writer).await?),
        };
        Ok(Tx { actor: self.actor.clone(), ..Tx::of(open) })
    }

    /// For several statements that only read, see the same moment, and may read large parts of tables: searches, counts, exports.
    pub async fn begin_wide_read(&self) -> Result<Tx, StoreError> {
        let open = match &self.pools {
            Pools::Postgres(pool) => Open::Pg(pool.begin().await?),
            Pools::Sqlite { readers, .. } => Open::Lite(readers.begin().await?),
        };
        let mut tx = Tx::of(open);
        tx.widen(WIDE_READ_TIMEOUT).await?;
        Ok(tx)
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.read().sql("SELECT 1").run().await.map(drop)
    }

    pub async fn close(&self) {
        match &self.pools {
            Pools::Postgres(pool) => pool.close().await,
            Pools::Sqlite { writer, readers } => {
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
    fn of(open: Open) -> Self {
        Self { open, actor: None, told: Vec::new() }
    }

    pub fn ex(&mut self) -> Ex<'_> {
        match &mut self.open {
            Open::Pg(tx) => Ex::Pg(tx),
            Open::Lite(tx) => Ex::Lite(tx),
        }
    }

    /// In whose hands it is.
    pub(super) fn actor(&self) -> Option<Arc<Actor>> {
        self.actor.clone()
    }

    /// Notes that something happened. Whoever wants to know is told if the transaction commits, and not otherwise.
    pub(super) fn tell(&mut self, told: impl IntoIterator<Item = Told>) {
        self.told.extend(told);
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
        match self.open {
            Open::Pg(tx) => tx.rollback().await?,
            Open::Lite(tx) => tx.rollback().await?,
        }
        Ok(())
    }

    pub async fn commit(mut self) -> Result<(), StoreError> {
        webhooks::tell::rest(&mut self).await?;
        match self.open {
            Open::Pg(tx) => tx.commit().await?,
            Open::Lite(tx) => tx.commit().await?,
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
