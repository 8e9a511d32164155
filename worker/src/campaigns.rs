//! Campaign revisions, compiled and kept: a revision never changes.
use shared::{
    campaign::{
        Campaign,
        compiled::{Name, Unusable},
    },
    ids::{CampaignId, WorkspaceId},
    store::{Db, StoreError, campaigns},
};
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

/// Revisions kept, at most; when it is full, all are let go.
const KEPT: usize = 2_000;

type Key = (WorkspaceId, CampaignId, i64);

/// The campaign revisions that this process has used.
#[derive(Debug)]
pub struct Campaigns {
    db: Db,
    kept: RwLock<HashMap<Key, Arc<Campaign>>>,
    /// The newest revision of each campaign that this process has heard of.
    newest: RwLock<HashMap<(WorkspaceId, CampaignId), i64>>,
}

/// Why a revision cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum CampaignError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Unusable(#[from] Unusable),
}

impl Campaigns {
    pub fn new(db: Db) -> Self {
        Self { db, kept: RwLock::default(), newest: RwLock::default() }
    }

    pub async fn get(
        &self,
        workspace: WorkspaceId,
        id: CampaignId,
        revision: i64,
    ) -> Result<Arc<Campaign>, CampaignError> {
        let key = (workspace, id, revision);
        if let Some(kept) = self.kept.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(kept.clone());
        }
        let (code, name, config) =
            campaigns::revision(&self.db, workspace, id, revision).await?.ok_or_else(|| {
                StoreError::Inconsistent(format!("campaign {id} has no revision {revision}"))
            })?;
        let campaign = Arc::new(Campaign::compile(Name { id, code, name, revision }, config.0)?);
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(key, campaign.clone());
        Ok(campaign)
    }
    /// The newest revision that this process has heard of: what counts for caps and schedule. It may be older than the newest there is.
    pub async fn newest(
        &self,
        workspace: WorkspaceId,
        own: &Arc<Campaign>,
    ) -> Result<Arc<Campaign>, CampaignError> {
        let heard = self.hear(workspace, own.id, own.revision);
        if heard == own.revision {
            Ok(own.clone())
        } else {
            self.get(workspace, own.id, heard).await
        }
    }

    /// Notes that a revision exists; answers with the newest one known.
    pub fn hear(&self, workspace: WorkspaceId, id: CampaignId, revision: i64) -> i64 {
        let known = self.newest.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(&(workspace, id)).filter(|known| **known >= revision) {
            return *known;
        }
        drop(known);
        let mut newest = self.newest.write().unwrap_or_else(PoisonError::into_inner);
        let heard = newest.entry((workspace, id)).or_insert(revision);
        *heard = revision.max(*heard);
        *heard
    }
}
