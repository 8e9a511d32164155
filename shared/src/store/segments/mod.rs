//! Segments as people define them: their rows, their members and what refers to them.
use crate::{
    clock::Time,
    ids::{SegmentId, WorkspaceId},
    segment::{SegmentKind, SegmentState},
};
use serde_json::Value;
use sqlx::types::Json;

mod around;
mod by_automation;
mod fill;
mod list;
mod members;
mod read;
mod remove;
mod replan;
mod save;
mod told;

pub use around::{Asking, asking};
pub use fill::{FILL_AT_ONCE, Filled, From as FillFrom, Wanted, fill, wanted};
pub use list::{Count, Member, counts, has_contact, history, member_ids, members, of_contact};
pub use members::{By, MEMBERS_AT_ONCE, Moved, add, remove};
pub use read::{Filter, all, get, list};
pub use remove::{Users, delete, naming_set, users};
pub use replan::Replan;
pub use save::{Key, SaveError, change, copied, create, rebuild};

pub(super) use around::lock as lock_workspace;
pub(super) use by_automation::{Move, move_each, standing};
pub(super) use replan::{lock as lock_dynamic, replan};

/// Segments of a workspace that are not deleted, at most.
pub const SEGMENTS_MAX: usize = 1_000;

/// A segment as it is in the database.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Segment {
    pub workspace_id: WorkspaceId,
    pub id: SegmentId,
    pub name: String,
    pub description: String,
    pub kind: SegmentKind,
    /// A dynamic one has a rule, as it was written.
    pub rule: Option<Json<Value>>,
    /// The search that the rule was typed as, if it was.
    pub search: Option<String>,
    /// An IANA name; none: the workspace's zone.
    pub timezone: Option<String>,
    pub state: SegmentState,
    pub problem: Option<String>,
    /// Off: members stay as they are.
    pub is_enabled: bool,
    pub generation: i64,
    pub build_due_at: Option<Time>,
    pub claimed_until: Option<Time>,
    pub swept_at: Option<Time>,
    pub flips_at: Option<Time>,
    pub built_at: Option<Time>,
    pub build_ms: Option<i64>,
    /// After the last build; members are counted where it matters.
    pub member_count: i64,
    pub created_at: Time,
    pub updated_at: Time,
    pub deleted_at: Option<Time>,
}

/// The columns of a segment `s`, as [`Segment`] reads them.
macro_rules! segment_columns {
    () => {
        "s.workspace_id, s.id, s.name, s.description, s.kind, s.rule, s.search, s.timezone, s.state, s.problem, s.is_enabled, \
         s.generation, s.build_due_at, s.claimed_until, s.swept_at, s.flips_at, s.built_at, s.build_ms, s.member_count, \
         s.created_at, s.updated_at, s.deleted_at"
    };
}
pub(crate) use segment_columns;
