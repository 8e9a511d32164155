//! Imports: files in parts, and what becomes of them. The row of the import is the truth; a part is read, written and counted in one
//! transaction, so that whoever dies in between has done all of a part or nothing.
use super::{Db, StoreError, Tx};
use crate::{
    clock::Time,
    ids::{ImportId, WorkspaceId},
};
use serde::{Deserialize, Serialize};

mod apply;
mod bad;
pub mod by_hand;
mod forget;
mod part;
mod read;
pub mod receive;
pub mod rehearse;
mod start;
mod undo;
mod upload;
mod work;

pub use forget::{FINISHED_DAYS, UPLOAD_HOURS, forget};
pub use read::{ErrorRow, Import, errors, get, list};
pub use start::{cancel, start, undo};
pub use upload::{
    Part, Upload, Uploaded, abandon, add_part, begin, begin_again, configure, give_up, uploaded,
};
pub use work::{ATTEMPTS_MAX, LEASE, Worked, due, work};

/// The import that is meant.
pub type Key = (WorkspaceId, ImportId);

/// Where an import stands.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[schema(as = ImportState)]
pub enum State {
    /// The file is on its way.
    Uploading,
    /// The file is here; nothing was done with it.
    Ready,
    /// A worker brings it in.
    Running,
    Done,
    /// It cannot go on; `problem` says why. Starting it again goes on with the next part.
    Failed,
    /// Somebody stopped it: what is in stays.
    Cancelled,
    /// A worker takes it back.
    Undoing,
    Undone,
}

impl State {
    /// The word in tables and answers.
    pub fn word(self) -> &'static str {
        match self {
            Self::Uploading => "uploading",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Undoing => "undoing",
            Self::Undone => "undone",
        }
    }
}

/// Why an import is not done as somebody asked. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("there is no such import")]
    Unknown,
    #[error("the import is {}: {wanted}", .state.word())]
    NotSo { state: State, wanted: &'static str },
    #[error("another upload of this import was begun after this one")]
    Replaced,
    #[error("this file is known: it is that of import {0}; to bring it in once more, set `again`")]
    SameFile(ImportId),
}

/// What a call of this folder answers.
pub type Answer<T> = Result<Result<T, Refused>, StoreError>;

/// What became of rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Counts {
    pub created: i64,
    pub updated: i64,
    pub unchanged: i64,
    pub skipped: i64,
    pub failed: i64,
}

impl Counts {
    /// Rows that were looked at.
    pub fn rows(&self) -> i64 {
        self.created + self.updated + self.unchanged + self.skipped + self.failed
    }
}
