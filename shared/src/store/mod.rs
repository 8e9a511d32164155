//! The database: one truth, two engines. Only this folder contains SQL.

pub mod activities;
mod again;
pub mod agents;
pub mod audit;
pub mod automation;
pub mod batch;
pub mod breakers;
pub mod calls;
pub mod campaign_members;
pub mod campaign_window;
pub mod campaigns;
pub mod caps;
pub mod close;
pub mod contact_fold;
pub mod contacts;
pub mod db;
pub mod desk;
pub mod dialect;
pub mod evidence;
pub mod export;
pub mod files;
pub mod imagine;
pub mod imports;
pub mod inbound;
pub mod intake;
pub mod interactions;
pub mod jobs;
pub mod key_rotation;
pub mod keys;
pub mod lead_bulk;
pub mod lead_process;
pub mod lead_status;
pub mod leads;
pub mod live;
pub mod load;
pub mod messages;
pub mod migrate;
pub mod models;
pub mod notices;
pub mod oauth;
pub mod outreach_budget;
pub mod parking;
pub mod properties;
pub mod recent;
pub mod refusals;
pub mod retention;
pub mod reviews;
pub mod rows;
pub mod secrets;
pub mod segments;
pub mod select;
pub mod status_queries;
pub mod suppressions;
pub mod sweeps;
pub mod talks;
pub mod ticks;
pub mod value_sets;
pub mod webhooks;
pub mod workspaces;

pub use db::{Db, Ex, Tx};
pub use rows::Rows;

/// Why the database did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error("the migrations do not run")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// Stored data that the program cannot have written.
    #[error("inconsistent data: {0}")]
    Inconsistent(String),
    /// Somebody else made the same in between: looked at again, it is known.
    #[error("somebody else was faster")]
    Raced,
    /// Another call of the same batch had this error.
    #[error("{0}")]
    Shared(String),
    /// The process is stopping.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// The engine asks to run the transaction again (deadlock, serialisation failure, busy).
    pub fn is_conflict(&self) -> bool {
        let Self::Database(sqlx::Error::Database(error)) = self else {
            return matches!(self, Self::Raced);
        };
        matches!(error.code().as_deref(), Some("40P01" | "40001" | "5" | "517"))
    }

    /// The database cannot be reached now; trying each call by itself would not help.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(error)) => {
                // Class 57: shutting down, starting up, cancelled; 53: out of space, memory or connections; 13: SQLite's disk is full.
                error.code().is_some_and(|code| {
                    code.starts_with("57") || code.starts_with("53") || code == "13"
                })
            }
            Self::Database(
                sqlx::Error::Io(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
                | sqlx::Error::Protocol(_)
                | sqlx::Error::Tls(_),
            )
            | Self::Closed => true,
            _ => false,
        }
    }

    /// The database has no room left: for PostgreSQL its disk, for SQLite the disk or the size that the file may have.
    pub fn is_full(&self) -> bool {
        let Self::Database(sqlx::Error::Database(error)) = self else { return false };
        matches!(error.code().as_deref(), Some("53100" | "13"))
    }

    /// A row with that key is there already.
    pub fn is_taken(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(error)) if error.is_unique_violation())
    }

    /// A row that it refers to is not there, or one that goes is referred to.
    pub fn is_dangling(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(error)) if error.is_foreign_key_violation())
    }

    /// The same error for another caller of the batch.
    fn repeated(&self) -> Self {
        match self {
            Self::Database(sqlx::Error::PoolTimedOut) => Self::Database(sqlx::Error::PoolTimedOut),
            Self::Closed => Self::Closed,
            Self::Database(error) if self.is_outage() => {
                Self::Database(sqlx::Error::Io(std::io::Error::other(error.to_string())))
            }
            other => Self::Shared(other.to_string()),
        }
    }
}
