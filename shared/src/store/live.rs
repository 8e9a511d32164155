//! Keeping segments right: after contacts change, the segments whose rules read a changed field are asked again, in the same transaction.
//!
//! A change and a step of a build never overlap within a workspace (see `gate.rs`), so whichever comes second sees what the first did.
use super::{Rows, StoreError, Tx, automation, dialect::Engine, webhooks};
use crate::{
    automation::{Happened, Occurrence},
    clock::Time,
    ids::{ContactId, SegmentId, WorkspaceId},
};
use std::collections::{BTreeMap, BTreeSet};

pub(super) mod answers;
mod assess;
pub mod build;
pub mod check;
pub mod definitions;
mod due;
pub mod flips;
pub(super) mod gate;
mod step;
mod touched;
mod write;

pub(super) use due::says;
pub use due::{Which, changed, make_due};
pub use touched::{Touched, What};

use assess::Ask;
pub use definitions::Definitions;

/// Contacts that are asked about together, at most: what is held in memory is bounded by it.
const TOGETHER: usize = 500;
/// How often leads that come and go by segments may change segments that ask about leads, in one transaction. What is left then is
/// brought into line by the campaigns' own pass.
const ROUNDS: usize = 4;
/// How often what reactions change may be reacted to in one transaction.
pub const LINKS_MAX: usize = 16;

/// What changed of each contact.
type Changes = BTreeMap<ContactId, What>;

/// Brings the memberships of changed contacts into line, and the leads of campaigns that segments feed; then lets campaigns react to
/// what happened, and so on with what that changes. Call it last in the transaction: it may wait for a build's step, and what it has
/// read must be what is committed.
pub async fn reassess(tx: &mut Tx, touched: &[Touched], now: Time) -> Result<(), StoreError> {
    let mut by_workspace: BTreeMap<WorkspaceId, News> = BTreeMap::new();
    for one in touched {
        by_workspace.entry(one.workspace).or_default().add(one);
    }
    if by_workspace.is_empty() {
        return Ok(());
    }
    let locked = lock_early(tx, &by_workspace).await?;
    let workspaces: Vec<WorkspaceId> = by_workspace.keys().copied().collect();
    gate::share(tx, &workspaces).await?;
    for definitions in definitions::current(tx, &workspaces).await? {
        if let Some(news) = by_workspace.remove(&definitions.workspace) {
            follow(tx, &definitions, news, (locked.clone(), now)).await?;
        }
        webhooks::tell::those_of(tx, &definitions).await?;
    }
    Ok(())
}

/// Whether campaigns of the workspace react to anything, as far as this process knows.
pub(super) fn reacts(workspace: WorkspaceId) -> bool {
    definitions::remembered(workspace).is_none_or(|known| !known.programs.is_empty())
}

/// Locks contacts in the order of their keys.
pub(super) async fn lock_contacts(
    tx: &mut Tx,
    contacts: impl Iterator<Item = (WorkspaceId, ContactId)>,
) -> Result<(), StoreError> {
    gate::lock_contacts(tx, contacts.collect::<Locked>().into_iter()).await
}

/// The contacts whose rows this transaction has locked for its answers.
type Locked = BTreeSet<(WorkspaceId, ContactId)>;

/// What is new of the contacts of a workspace.
#[derive(Debug, Default)]
struct News {
    changes: Changes,
    /// What campaigns may react to, in order.
    happened: Vec<(ContactId, Happened)>,
}

impl News {
    fn add(&mut self, one: &Touched) {
        match self.changes.get_mut(&one.contact) {
            Some(what) => what.add(&one.what),
            None => drop(self.changes.insert(one.contact, one.what.clone())),
        }
        let happened = one.happened.iter().cloned();
        self.happened.extend(happened.map(|happened| (one.contact, happened)));
        self.tell(one.contact, &one.what);
    }

    /// Tells campaigns of a change of fields.
    fn tell(&mut self, contact: ContactId, what: &What) {
        let occurrence = match what.all() {
            None => Occurrence::Everything,
            Some(fields) if fields.is_empty() => return,
            Some(fields) => {
                Occurrence::Fields { fields: fields.into_iter().map(str::to_owned).collect() }
            }
        };
        self.happened.push((contact, Happened::to_contact(occurrence)));
    }
}

/// Locks the contacts that segments and campaigns will be asked about, as far as this process knows them. Two transactions that change
/// different things of one contact must not both answer from what was before; and a lock is not waited for within the gate, where others
/// would wait as well.
async fn lock_early(
    tx: &mut Tx,
    by_workspace: &BTreeMap<WorkspaceId, News>,
) -> Result<Locked, StoreError> {
    let mut locked = Locked::new();
    for (workspace, news) in by_workspace {
        let Some(known) = definitions::remembered(*workspace) else { continue };
        let asked = news.changes.iter().filter(|(_, what)| known.is_asked(what));
        let heard = news.happened.iter().filter(|(_, happened)| known.is_heard(happened));
        let contacts = asked.map(|(contact, _)| contact).chain(heard.map(|(contact, _)| contact));
        locked.extend(contacts.map(|contact| (*workspace, *contact)));
    }
    gate::lock_contacts(tx, locked.iter().copied()).await?;
    Ok(locked)
}

/// Segments, then campaigns, until nothing changes any more. A reaction fires once a lead in all of this, so it ends; what is beyond
/// [`LINKS_MAX`] is said in a notice.
async fn follow(
    tx: &mut Tx,
    definitions: &Definitions,
    news: News,
    (mut locked, now): (Locked, Time),
) -> Result<(), StoreError> {
    let mut flips = BTreeMap::new();
    let mut chain = automation::Chain::default();
    let mut news = Some(news);
    for link in 0.. {
        let Some(mut new) = news.take() else { break };
        let changes = std::mem::take(&mut new.changes);
        bring_into_line(tx, definitions, (changes, &mut new), (&mut locked, &mut flips, now))
            .await?;
        new.happened.retain(|(_, happened)| definitions.is_heard(happened));
        if new.happened.is_empty() {
            break;
        }
        if link == LINKS_MAX {
            automation::too_long(tx, definitions, new.happened, now).await?;
            break;
        }
        lock(tx, definitions, new.happened.iter().map(|(contact, _)| *contact), &mut locked)
            .await?;
        let touched = automation::react(tx, definitions, new.happened, (&mut chain, now)).await?;
        if !touched.is_empty() {
            let mut next = News::default();
            touched.iter().for_each(|one| next.add(one));
            news = Some(next);
        }
    }
    // Rows of segments come last: nobody who waits for one of them holds a lead or a contact.
    write::flips(tx, definitions.workspace, &flips).await?;
    definitions::report_broken(tx, definitions, now).await
}

async fn lock(
    tx: &mut Tx,
    definitions: &Definitions,
    contacts: impl Iterator<Item = ContactId>,
    locked: &mut Locked,
) -> Result<(), StoreError> {
    let keys = contacts.map(|contact| (definitions.workspace, contact));
    let more: Locked = keys.filter(|key| !locked.contains(key)).collect();
    gate::lock_contacts(tx, more.iter().copied()).await?;
    locked.extend(more);
    Ok(())
}

/// Asks segments, brings leads of fed campaigns into line; tells campaigns what came of it.
async fn bring_into_line(
    tx: &mut Tx,
    definitions: &Definitions,
    (mut changes, news): (Changes, &mut News),
    (locked, flips, now): (&mut Locked, &mut BTreeMap<SegmentId, Time>, Time),
) -> Result<(), StoreError> {
    for _ in 0..ROUNDS {
        let asks: Vec<Ask> = definitions.asks(&changes);
        lock(tx, definitions, asks.iter().map(|ask| ask.contact), locked).await?;
        let mut settle = definitions.fed_by_hand(&changes);
        for asks in asks.chunks(TOGETHER) {
            let moved = assess::assess(tx, definitions, asks, now).await?;
            settle.extend(moved.contacts_in(&definitions.fed));
            news.happened.extend(moved.happened(definitions));
            flips.extend(moved.flips);
        }
        let touched = settle_all(tx, definitions.workspace, settle, now).await?;
        if touched.is_empty() {
            break;
        }
        let mut more = News::default();
        touched.iter().for_each(|one| more.add(one));
        news.happened.extend(more.happened);
        changes = more.changes;
    }
    Ok(())
}

/// Brings the leads of fed campaigns into line; says whose leads changed.
async fn settle_all(
    tx: &mut Tx,
    workspace: WorkspaceId,
    contacts: BTreeSet<ContactId>,
    now: Time,
) -> Result<Vec<Touched>, StoreError> {
    let contacts: Vec<ContactId> = contacts.into_iter().collect();
    let mut touched = Vec::new();
    for contacts in contacts.chunks(TOGETHER) {
        let settled = super::campaign_members::settle(tx, workspace, contacts, now).await?;
        touched.extend(settled.touched(workspace));
    }
    Ok(touched)
}
