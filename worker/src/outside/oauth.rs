//! OAuth 2.0: an access token is fetched once, shared by all workers, and fetched again when it ends or is refused.
//!
//! A token is on disk before it is used. Some servers take a refresh token once and give another: one that was lost cannot be had again.
use super::{
    auth::{NoCredentials, open},
    token_server::{Given, Wanted, ask},
};
use crate::context::Context;
use chrono::TimeDelta;
use shared::{
    campaign::config::auth::{Grant, OAuth2},
    clock::Time,
    ids::WorkspaceId,
    key,
    secret::Sensitive,
    stages::credentials::Trouble,
    store::oauth::{self, KeptToken, TokenKey, Tokens},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use uuid::Uuid;

/// How long before its end a token is no longer used, at most; of a short-lived one, half its life.
const MARGIN: TimeDelta = TimeDelta::seconds(60);
/// A token's life as it is believed, at most.
const LIFE_MAX: i64 = 365 * 24 * 3600;
/// How much longer than a token server may take others leave the fetching to the one who began it.
const FETCH_SLACK: Duration = Duration::from_secs(30);
/// How long a failure is everybody's answer: those who waited for the token do not ask the server one after the other.
const FAILURE_SHARED: TimeDelta = TimeDelta::seconds(1);
/// Tokens a process remembers, at most.
const REMEMBERED_MAX: usize = 2_000;

/// The tokens that this process has used.
#[derive(Debug, Default)]
pub struct TokenKeeper(Mutex<HashMap<TokenKey, Shared>>);

type Shared = Arc<tokio::sync::Mutex<Cell>>;

/// One token; whoever holds the lock may fetch it.
#[derive(Debug, Default)]
struct Cell {
    kept: Option<KeptToken>,
    /// Fetched, but the database went away before it was kept. Nobody has used it.
    unkept: Option<KeptToken>,
    failed: Option<(Time, Trouble)>,
    /// The serial that a buyer refused last.
    refused: i64,
}

/// A token for one request.
#[derive(Debug, Clone)]
pub struct Lent {
    pub access: Sensitive,
    key: TokenKey,
    serial: i64,
}

impl TokenKeeper {
    fn cell(&self, key: &TokenKey) -> Shared {
        let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if cells.len() >= REMEMBERED_MAX {
            // Those in use, or not on disk yet, stay.
            cells.retain(|_, cell| {
                Arc::strong_count(cell) > 1
                    || cell.try_lock().is_ok_and(|cell| cell.unkept.is_some())
            });
        }
        cells.entry(key.clone()).or_default().clone()
    }
}

/// A token that can be used now, fetched if there is none.
pub async fn lend(
    ctx: &Context,
    workspace: WorkspaceId,
    oauth: &OAuth2,
    timeout: Duration,
) -> Result<Lent, NoCredentials> {
    let (key, made_of, wanted) = wanted(ctx, workspace, oauth, timeout).await?;
    let cell = ctx.tokens.cell(&key);
    let mut cell = cell.lock().await;
    let now = ctx.clock.now();
    if let Some(token) = cell.unkept.clone() {
        keep(ctx, &key, &mut cell, token).await?;
    }
    let refused = cell.refused;
    let usable = |token: &&KeptToken| {
        token.made_of == made_of
            && token.serial > refused
            && token.usable_until.is_none_or(|end| now < end)
    };
    if let Some(token) = cell.kept.as_ref().filter(usable) {
        return Ok(lent(&key, token));
    }
    if let Some((until, trouble)) = &cell.failed
        && now < *until
    {
        return Err(NoCredentials::Trouble(trouble.clone()));
    }
    // Another process may have fetched one.
    let (stored, _) = oauth::load(&ctx.secrets, &key).await?;
    if let Some(token) = stored.as_ref().filter(usable) {
        cell.kept = stored.clone();
        return Ok(lent(&key, token));
    }
    let fetcher = Uuid::now_v7();
    if !oauth::claim(&ctx.db, &key, fetcher, now, now + timeout + FETCH_SLACK).await? {
        let why = "another worker is fetching a token";
        return Err(NoCredentials::Trouble(Trouble::passing("token_awaited", why, None)));
    }
    // Since the look before the claim one may have come.
    let (stored, serial) = oauth::load(&ctx.secrets, &key).await?;
    if let Some(token) = stored.as_ref().filter(usable) {
        oauth::release(&ctx.db, &key, fetcher).await?;
        cell.kept = stored.clone();
        return Ok(lent(&key, token));
    }
    let newest = stored.filter(|token| token.made_of == made_of);
    let refresh = newest.and_then(|token| token.tokens.refresh).or(wanted.refresh.clone());
    match ask(&ctx.http, &Wanted { refresh: refresh.clone(), ..wanted }).await {
        Ok(given) => {
            let token = new_token(given, refresh, made_of, (serial + 1, now));
            cell.unkept = Some(token.clone());
            keep(ctx, &key, &mut cell, token.clone()).await?;
            Ok(lent(&key, &token))
        }
        Err(trouble) => {
            cell.failed = Some((ctx.clock.now() + FAILURE_SHARED, trouble.clone()));
            oauth::release(&ctx.db, &key, fetcher).await?;
            Err(NoCredentials::Trouble(trouble))
        }
    }
}

/// Puts a token on disk. Until that is done nobody uses it, and it is tried again with the next lead.
async fn keep(
    ctx: &Context,
    key: &TokenKey,
    cell: &mut Cell,
    token: KeptToken,
) -> Result<(), NoCredentials> {
    let kept = oauth::keep(&ctx.secrets, key, &token, ctx.clock.now()).await?;
    cell.unkept = None;
    // Otherwise another worker kept one after ours was fetched: theirs is the newest.
    cell.kept = kept.then_some(token);
    Ok(())
}

/// A buyer answered 401 to this token: it is not used again.
pub async fn refused(ctx: &Context, lent: &Lent) {
    let cell = ctx.tokens.cell(&lent.key);
    let mut cell = cell.lock().await;
    cell.refused = cell.refused.max(lent.serial);
    if let Err(error) = oauth::spent(&ctx.db, &lent.key, lent.serial, ctx.clock.now()).await {
        tracing::warn!(%error, "other workers were not told that a token was refused");
    }
}

fn lent(key: &TokenKey, token: &KeptToken) -> Lent {
    Lent { access: token.tokens.access.clone(), key: key.clone(), serial: token.serial }
}

fn new_token(
    given: Given,
    asked_with: Option<Sensitive>,
    made_of: String,
    (serial, asked_at): (i64, Time),
) -> KeptToken {
    let usable_until = given.expires_in.map(|seconds| {
        let life = TimeDelta::seconds(seconds.clamp(0, LIFE_MAX));
        asked_at + life - MARGIN.min(life / 2)
    });
    // A server that gives no other refresh token means the one that was sent.
    let tokens = Tokens { access: given.access, refresh: given.refresh.or(asked_with) };
    KeptToken { tokens, made_of, serial, usable_until }
}

/// Opens the secrets; names the token by what it is asked with, and what it is made of by their values.
async fn wanted(
    ctx: &Context,
    workspace: WorkspaceId,
    oauth: &OAuth2,
    timeout: Duration,
) -> Result<(TokenKey, String, Wanted), NoCredentials> {
    let client = open(ctx, workspace, &oauth.client_secret.secret).await?;
    let refresh = match (oauth.grant, &oauth.refresh_token) {
        (Grant::RefreshToken, Some(named)) => Some(open(ctx, workspace, &named.secret).await?),
        _ => None,
    };
    let named = serde_json::to_string(oauth).expect("a configuration is plain data");
    let made_of = format!("{}|{:?}", client.value_id, refresh.as_ref().map(|one| one.value_id));
    let wanted = Wanted {
        oauth: oauth.clone(),
        client_secret: client.value,
        refresh: refresh.map(|one| one.value),
        timeout,
    };
    Ok((TokenKey { workspace, grant_hash: key::hash(named) }, key::hash(made_of), wanted))
}
