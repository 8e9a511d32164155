//! Who calls: the API key, its workspace and its scopes.
use crate::{
    Api,
    error::{ApiError, Code},
    request::RequestId,
};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use chrono::TimeDelta;
use shared::{
    audit::Actor,
    clock::Time,
    ids::{KeyId, WorkspaceId},
    key,
    store::{Db, StoreError, keys},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How long a process believes a key that it has looked up: a revoked key works at most this much longer.
const BELIEVED: TimeDelta = TimeDelta::seconds(5);
/// Keys a process remembers, at most.
const REMEMBERED_MAX: usize = 1_024;

/// What a route may want of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Admin,
    LeadsRead,
    LeadsWrite,
    CampaignsRead,
    CampaignsWrite,
    Ops,
    SecretsWrite,
    Installation,
}

impl Scope {
    /// The word in a key's list; one of [`key::SCOPES`].
    pub fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::LeadsRead => "leads:read",
            Self::LeadsWrite => "leads:write",
            Self::CampaignsRead => "campaigns:read",
            Self::CampaignsWrite => "campaigns:write",
            Self::Ops => "ops",
            Self::SecretsWrite => "secrets:write",
            Self::Installation => "installation",
        }
    }
}

/// The owner of a valid key. A handler that takes one cannot be reached without.
#[derive(Debug, Clone)]
pub struct Caller {
    pub workspace: WorkspaceId,
    pub key_id: KeyId,
    pub key_name: String,
    scopes: Vec<String>,
    expires_at: Option<Time>,
    /// The request that it makes.
    request: Option<String>,
}

impl Caller {
    /// Refuses a key that lacks the scope; `admin` has all that concern its workspace.
    pub fn require(&self, scope: Scope) -> Result<(), ApiError> {
        let has = |wanted: Scope| self.scopes.iter().any(|scope| scope == wanted.name());
        if has(scope) || (has(Scope::Admin) && scope != Scope::Installation) {
            return Ok(());
        }
        let message = format!("this key lacks the scope {}", scope.name());
        Err(ApiError::new(Code::Forbidden, message))
    }

    /// Who did it, for journeys.
    pub fn by(&self) -> String {
        format!("key {}", self.key_name)
    }

    /// Who did it, for the audit log.
    pub fn actor(&self) -> Actor {
        Actor { name: self.by(), key: Some(self.key_id), request: self.request.clone() }
    }

    /// The database in the caller's hands: what is changed through it is theirs, and the audit log tells of it.
    pub fn acting(&self, db: &Db) -> Db {
        db.acting(self.actor())
    }
}

impl FromRequestParts<Arc<Api>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, ApiError> {
        let given = presented(&parts.headers)
            .ok_or_else(|| refused("send an API key as X-API-Key or as Authorization: Bearer"))?;
        if !key::is_well_formed(given) {
            return Err(refused("the API key is damaged: its checksum does not fit"));
        }
        let caller = api.callers.find(&api.db, given, api.clock.now()).await?;
        let caller = caller.ok_or_else(|| refused("the API key is unknown, expired or revoked"))?;
        let request = parts.extensions.get::<RequestId>().map(|id| id.0.clone());
        Ok(Self { request, ..caller })
    }
}

fn refused(message: &str) -> ApiError {
    ApiError::new(Code::Unauthorized, message)
}

fn presented(headers: &HeaderMap) -> Option<&str> {
    if let Some(key) = headers.get("x-api-key") {
        return key.to_str().ok();
    }
    let (scheme, key) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

/// Callers that were looked up a moment ago, by their secret's hash.
#[derive(Debug, Default)]
pub struct Callers(Mutex<HashMap<String, (Caller, Time)>>);

impl Callers {
    async fn find(&self, db: &Db, given: &str, now: Time) -> Result<Option<Caller>, StoreError> {
        let hash = key::hash(given);
        let known = self.known().get(&hash).cloned();
        let caller = match known {
            Some((caller, at)) if now - at < BELIEVED => Some(caller),
            _ => self.look_up(db, hash, now).await?,
        };
        Ok(caller.filter(|caller| caller.expires_at.is_none_or(|end| now < end)))
    }

    async fn look_up(
        &self,
        db: &Db,
        hash: String,
        now: Time,
    ) -> Result<Option<Caller>, StoreError> {
        let Some(row) = keys::by_secret(db, &hash).await? else { return Ok(None) };
        if row.revoked_at.is_some() {
            self.known().remove(&hash);
            return Ok(None);
        }
        let caller = Caller {
            workspace: row.workspace_id,
            key_id: row.id,
            key_name: row.name,
            scopes: row.scopes.0,
            expires_at: row.expires_at,
            request: None,
        };
        let mut known = self.known();
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        known.insert(hash, (caller.clone(), now));
        Ok(Some(caller))
    }

    /// Forgets a key that was revoked.
    pub fn forget(&self, key: KeyId) {
        self.known().retain(|_, (caller, _)| caller.key_id != key);
    }

    /// The map is whole after every statement, so a panic elsewhere is no reason to stop.
    fn known(&self) -> MutexGuard<'_, HashMap<String, (Caller, Time)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_is_one_that_keys_can_have() {
        use Scope::{
            Admin, CampaignsRead, CampaignsWrite, Installation, LeadsRead, LeadsWrite, Ops,
            SecretsWrite,
        };
        let all = [
            Admin,
            LeadsRead,
            LeadsWrite,
            CampaignsRead,
            CampaignsWrite,
            Ops,
            SecretsWrite,
            Installation,
        ];
        for scope in all {
            assert!(key::SCOPES.contains(&scope.name()), "{scope:?}");
        }
    }

    #[test]
    fn a_key_is_taken_from_either_header() {
        let mut headers = HeaderMap::new();
        assert_eq!(presented(&headers), None);
        headers.insert("authorization", "bearer one".parse().unwrap());
        assert_eq!(presented(&headers), Some("one"));
        headers.insert("authorization", "Basic b25l".parse().unwrap());
        assert_eq!(presented(&headers), None);
        headers.insert("x-api-key", "two".parse().unwrap());
        assert_eq!(presented(&headers), Some("two"));
    }
}
