//! Value sets kept in memory, so that no lead waits for them: what is older than a second is compared with the database by revision.
use crate::{
    clock::Time,
    ids::WorkspaceId,
    store::{Db, StoreError, value_sets},
    value_set::{Sets, ValueSet},
};
use chrono::TimeDelta;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::Mutex as Turn;

/// How long a set is believed to be as it was: a change is seen by every process this much later at most.
pub const BELIEVED: TimeDelta = TimeDelta::seconds(1);
/// Values kept of a workspace, and of all others together; when there are more, those that are not asked for now are let go.
const VALUES_KEPT: usize = 1_000_000;

/// The value sets that a process has used.
#[derive(Debug)]
pub struct Shelf {
    db: Db,
    /// One turn a workspace: who finds a set old asks for it, the others wait for that.
    kept: Mutex<HashMap<WorkspaceId, Arc<Turn<Kept>>>>,
}

type Kept = HashMap<String, Entry>;

#[derive(Debug, Clone)]
struct Entry {
    set: Arc<ValueSet>,
    revision: i64,
    checked_at: Time,
}

impl Shelf {
    pub fn new(db: Db) -> Self {
        Self { db, kept: Mutex::default() }
    }

    /// The sets of these names, at most [`BELIEVED`] old; those that the workspace does not have are left out.
    pub async fn get(
        &self,
        workspace: WorkspaceId,
        names: &[String],
        now: Time,
    ) -> Result<Sets, StoreError> {
        if names.is_empty() {
            return Ok(Sets::new());
        }
        let turn = self.of(workspace);
        let mut kept = turn.lock().await;
        let old: Vec<&String> = names.iter().filter(|name| !is_fresh(&kept, name, now)).collect();
        if !old.is_empty() {
            self.renew(workspace, &old, &mut kept, now).await?;
            if size(&kept) > VALUES_KEPT {
                kept.retain(|name, _| names.contains(name));
            }
            self.make_room(workspace);
        }
        let ready = |name: &String| Some((name.clone(), kept.get(name)?.set.clone()));
        Ok(names.iter().filter_map(ready).collect())
    }

    fn of(&self, workspace: WorkspaceId) -> Arc<Turn<Kept>> {
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(workspace).or_default().clone()
    }

    /// Asks for the revisions, and reads only what has moved.
    async fn renew(
        &self,
        workspace: WorkspaceId,
        old: &[&String],
        kept: &mut Kept,
        now: Time,
    ) -> Result<(), StoreError> {
        let standings = value_sets::standings(&self.db, workspace, old.iter().copied()).await?;
        let mut moved = Vec::new();
        for standing in &standings {
            match kept.get_mut(&standing.name) {
                Some(entry) if entry.revision == standing.revision => entry.checked_at = now,
                _ => moved.push(&standing.name),
            }
        }
        if moved.is_empty() {
            return Ok(());
        }
        for (name, revision, set) in value_sets::load(&self.db, workspace, moved).await? {
            kept.insert(name, Entry { set, revision, checked_at: now });
        }
        Ok(())
    }

    /// Lets the other workspaces' sets go when too many values are kept. One that is busy is not counted; it is counted the next time.
    fn make_room(&self, but: WorkspaceId) {
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let sizes = all.values().filter_map(|turn| turn.try_lock().ok()).map(|kept| size(&kept));
        if sizes.sum::<usize>() > VALUES_KEPT {
            all.retain(|workspace, _| *workspace == but);
        }
    }
}

fn size(kept: &Kept) -> usize {
    kept.values().map(|entry| entry.set.len()).sum()
}

/// A clock that was put back makes a set old.
fn is_fresh(kept: &Kept, name: &str, now: Time) -> bool {
    kept.get(name).is_some_and(|entry| {
        let age = now - entry.checked_at;
        age >= TimeDelta::zero() && age < BELIEVED
    })
}
