//! Keeping segments right: after contacts change, the segments whose rules read a changed field are asked again, in the same transaction.
//!
//! A change and a step of a build never overlap within a workspace (see `gate.rs`), so whichever comes second sees what the first did.
use super::{Rows, StoreError, Tx, dialect::Engine};
use crate::{
    clock::Time,
    ids::{ContactId, WorkspaceId},
};
use std::collections::{BTreeMap, BTreeSet};

mod answers;
mod assess;
pub mod build;
pub mod check;
mod definitions;
mod due;
pub mod flips;
mod gate;
mod step;
mod touched;
mod write;

pub use due::{Which, changed, make_due};
pub use touched::{Touched, What};

use assess::Ask;
use definitions::Definitions;

/// Contacts that are asked about together, at most: what is held in memory is bounded by it.
const TOGETHER: usize = 500;
/// How often leads that come and go by segments may change segments that ask about leads, in one transaction. What is left then is
/// brought into line by the campaigns' own pass.
const ROUNDS: usize = 4;

/// What changed of each contact.
type Changes = BTreeMap<ContactId, What>;

/// Brings the memberships of changed contacts into line, and the leads of campaigns that segments feed. Call it last in the
/// transaction: it may wait for a build's step, and what it has read must be what is committed.
pub async fn reassess(tx: &mut Tx, touched: &[Touched], now: Time) -> Result<(), StoreError> {
    let mut by_workspace: BTreeMap<WorkspaceId, Changes> = BTreeMap::new();
    for one in touched {
        let changes = by_workspace.entry(one.workspace).or_default();
        match changes.get_mut(&one.contact) {
            Some(what) => what.add(&one.what),
            None => drop(changes.insert(one.contact, one.what.clone())),
        }
    }
    if by_workspace.is_empty() {
        return Ok(());
    }
    let locked = lock_early(tx, &by_workspace).await?;
    let workspaces: Vec<WorkspaceId> = by_workspace.keys().copied().collect();
    gate::share(tx, &workspaces).await?;
    for definitions in definitions::current(tx, &workspaces).await? {
        if let Some(changes) = by_workspace.remove(&definitions.workspace) {
            bring_into_line(tx, &definitions, changes, (&locked, now)).await?;
        }
    }
    Ok(())
}

/// The contacts whose rows this transaction has locked for its answers.
type Locked = BTreeSet<(WorkspaceId, ContactId)>;

/// Locks the contacts that segments will be asked about, as far as this process knows the segments. Two transactions that change different
/// things of one contact must not both answer from what was before; and a lock is not waited for within the gate, where others would
/// wait as well.
async fn lock_early(
    tx: &mut Tx,
    by_workspace: &BTreeMap<WorkspaceId, Changes>,
) -> Result<Locked, StoreError> {
    let mut locked = Locked::new();
    for (workspace, changes) in by_workspace {
        let Some(known) = definitions::remembered(*workspace) else { continue };
        let asked = changes.iter().filter(|(_, what)| known.is_asked(what));
        locked.extend(asked.map(|(contact, _)| (*workspace, *contact)));
    }
    gate::lock_contacts(tx, locked.iter().copied()).await?;
    Ok(locked)
}

async fn bring_into_line(
    tx: &mut Tx,
    definitions: &Definitions,
    mut changes: Changes,
    (locked, now): (&Locked, Time),
) -> Result<(), StoreError> {
    let mut flips = BTreeMap::new();
    for _ in 0..ROUNDS {
        let asks: Vec<Ask> = definitions.asks(&changes);
        let more = asks.iter().map(|ask| (definitions.workspace, ask.contact));
        gate::lock_contacts(tx, more.filter(|key| !locked.contains(key))).await?;
        let mut settle = definitions.fed_by_hand(&changes);
        for asks in asks.chunks(TOGETHER) {
            let moved = assess::assess(tx, definitions, asks, now).await?;
            settle.extend(moved.contacts_in(&definitions.fed));
            flips.extend(moved.flips);
        }
        let leads = settle_all(tx, definitions.workspace, settle, now).await?;
        if leads.is_empty() {
            break;
        }
        changes = leads.into_iter().map(|contact| (contact, What::leads())).collect();
    }
    // Rows of segments come last: nobody who waits for one of them holds a lead or a contact.
    write::flips(tx, definitions.workspace, &flips).await?;
    definitions::report_broken(tx, definitions, now).await
}

/// Brings the leads of fed campaigns into line; says whose leads changed.
async fn settle_all(
    tx: &mut Tx,
    workspace: WorkspaceId,
    contacts: BTreeSet<ContactId>,
    now: Time,
) -> Result<BTreeSet<ContactId>, StoreError> {
    let contacts: Vec<ContactId> = contacts.into_iter().collect();
    let mut changed = BTreeSet::new();
    for contacts in contacts.chunks(TOGETHER) {
        let settled = super::campaign_members::settle(tx, workspace, contacts, now).await?;
        changed.extend(settled.contacts);
    }
    Ok(changed)
}
