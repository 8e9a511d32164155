//! Visits of browsers: activities of the contact whose browser it is; kept while nobody knows whose, and moved once it is known.
use super::people;
use crate::{
    activity::{
        New, Visit,
        visit::{self, Seen, VISITS_KEPT_MAX},
    },
    clock::Time,
    ids::{ContactId, WorkspaceId},
    store::{Db, Rows, StoreError, Tx, rows::time},
};
use serde::Serialize;
use serde_json::{Map, Value};
use sqlx::types::Json;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use uuid::Uuid;

type Browser<'a> = (WorkspaceId, &'a str);
type Owners<'a> = BTreeMap<Browser<'a>, ContactId>;

fn browser(visit: &Visit) -> Browser<'_> {
    (visit.workspace, &visit.visitor)
}

/// Takes in what browsers said; answers the activities that follow from it.
pub(super) async fn take(tx: &mut Tx, visits: &[&Visit]) -> Result<Vec<New>, StoreError> {
    let Some(now) = visits.iter().map(|visit| visit.at).max() else { return Ok(Vec::new()) };
    let mut owners = known(tx, visits.iter().map(|visit| browser(visit)).collect()).await?;
    let unsure = visits.iter().filter(|visit| is_unsure(visit, &owners));
    let unsure: BTreeSet<Browser> = unsure.map(|visit| browser(visit)).collect();
    let mut activities = Vec::new();
    if !unsure.is_empty() {
        hold(tx, &unsure, now).await?;
        // Somebody may have been faster until then.
        owners.extend(known(tx, unsure).await?);
        let new = new_owners(tx, visits, &owners).await?;
        activities = identify(tx, &new, now).await?;
        owners.extend(new);
    }
    let mut strange = Vec::new();
    for visit in visits {
        match owners.get(&browser(visit)) {
            Some(owner) => activities.extend(visit.activity(*owner)),
            None => strange.push(*visit),
        }
    }
    keep(tx, &strange).await?;
    Ok(activities)
}

/// Whether the visit is of a browser that nobody knows, or says that it is somebody else's.
fn is_unsure(visit: &Visit, owners: &Owners<'_>) -> bool {
    let owner = owners.get(&browser(visit));
    owner.is_none() || visit.contact.is_some_and(|named| Some(&named) != owner)
}

/// The contacts whose browsers they are, and those that they name.
pub(super) async fn meant(
    tx: &mut Tx,
    visits: &[&Visit],
) -> Result<BTreeSet<(WorkspaceId, ContactId)>, StoreError> {
    if visits.is_empty() {
        return Ok(BTreeSet::new());
    }
    let owners = known(tx, visits.iter().map(|visit| browser(visit)).collect()).await?;
    let named = visits.iter().filter_map(|visit| Some((visit.workspace, visit.contact?)));
    Ok(owners.into_iter().map(|((workspace, _), owner)| (workspace, owner)).chain(named).collect())
}

#[derive(Serialize)]
struct Key<'a> {
    workspace_id: Uuid,
    visitor: &'a str,
    contact_id: Option<Uuid>,
    #[serde(serialize_with = "time")]
    at: Time,
}

fn keys<'a>(
    browsers: impl IntoIterator<Item = (Browser<'a>, Option<ContactId>)>,
    at: Time,
) -> Rows {
    let key = |((workspace, visitor), contact): (Browser<'a>, Option<ContactId>)| Key {
        workspace_id: workspace.0,
        visitor,
        contact_id: contact.map(|contact| contact.0),
        at,
    };
    Rows::of(&browsers.into_iter().map(key).collect::<Vec<_>>())
}

/// Whose the browsers are, as far as that is known.
async fn known<'a>(tx: &mut Tx, browsers: BTreeSet<Browser<'a>>) -> Result<Owners<'a>, StoreError> {
    let asked = keys(browsers.iter().map(|browser| (*browser, None)), Time::UNIX_EPOCH);
    let found: Vec<(WorkspaceId, String, ContactId)> = tx
        .ex()
        .sql(
            "SELECT v.workspace_id, v.visitor, v.contact_id FROM ROWS($1: workspace_id uuid, visitor text) r
             JOIN visitor v ON v.workspace_id = r.workspace_id AND v.visitor = r.visitor",
        )
        .bind(asked)
        .all()
        .await?;
    let found: HashMap<(WorkspaceId, String), ContactId> = found
        .into_iter()
        .map(|(workspace, visitor, contact)| ((workspace, visitor), contact))
        .collect();
    let owned = browsers.into_iter().filter_map(|(workspace, visitor)| {
        let contact = found.get(&(workspace, visitor.to_owned()))?;
        Some(((workspace, visitor), *contact))
    });
    Ok(owned.collect())
}

/// Takes the browsers' rows, in the order of their keys: who holds one knows whose the browser is until the transaction ends.
async fn hold(tx: &mut Tx, browsers: &BTreeSet<Browser<'_>>, now: Time) -> Result<(), StoreError> {
    tx.ex()
        .sql(
            "INSERT INTO anonymous_visitor (workspace_id, visitor, at)
             SELECT r.workspace_id, r.visitor, r.at FROM ROWS($1: workspace_id uuid, visitor text, at timestamptz) r
             WHERE true
             ON CONFLICT (workspace_id, visitor) DO UPDATE SET at = excluded.at",
        )
        .bind(keys(browsers.iter().map(|browser| (*browser, None)), now))
        .run()
        .await
        .map(drop)
}

/// The browsers that become somebody's: the last who is named, if there is such a contact.
async fn new_owners<'a>(
    tx: &mut Tx,
    visits: &[&'a Visit],
    owners: &Owners<'a>,
) -> Result<Owners<'a>, StoreError> {
    let named = visits.iter().filter_map(|visit| Some((visit.workspace, visit.contact?)));
    let there = people::there(tx, named.collect()).await?;
    let named = visits.iter().filter_map(|visit| Some((browser(visit), visit.contact?)));
    let mut new: Owners =
        named.filter(|((workspace, _), named)| there.contains(&(*workspace, *named))).collect();
    new.retain(|browser, named| owners.get(browser) != Some(named));
    Ok(new)
}

#[derive(sqlx::FromRow)]
struct Kept {
    workspace_id: WorkspaceId,
    id: Uuid,
    visitor: String,
    name: String,
    data: Json<Map<String, Value>>,
    at: Time,
}

/// Remembers whose the browsers are, and turns what was kept of them into activities.
async fn identify(tx: &mut Tx, new: &Owners<'_>, now: Time) -> Result<Vec<New>, StoreError> {
    if new.is_empty() {
        return Ok(Vec::new());
    }
    tx.ex()
        .sql(
            "INSERT INTO visitor (workspace_id, visitor, contact_id, at)
             SELECT r.workspace_id, r.visitor, r.contact_id, r.at
             FROM ROWS($1: workspace_id uuid, visitor text, contact_id uuid, at timestamptz) r
             WHERE true
             ON CONFLICT (workspace_id, visitor) DO UPDATE SET contact_id = excluded.contact_id, at = excluded.at",
        )
        .bind(keys(new.iter().map(|(browser, contact)| (*browser, Some(*contact))), now))
        .run()
        .await?;
    let mut found: Vec<Kept> = tx
        .ex()
        .sql(
            "SELECT v.workspace_id, v.id, v.visitor, v.name, v.data, v.at FROM ROWS($1: workspace_id uuid, visitor text) r
             JOIN anonymous_visit v ON v.visitor = r.visitor AND (v.workspace_id = r.workspace_id) IS TRUE",
        )
        .bind(keys(new.keys().map(|browser| (*browser, None)), now))
        .all()
        .await?;
    found.sort_by_key(|kept| (kept.at, kept.id));
    forget_kept(tx, &found, new).await?;
    let moved = found.into_iter().filter_map(|kept| {
        let owner = new.get(&(kept.workspace_id, kept.visitor.as_str()))?;
        let page = Seen { name: kept.name, data: kept.data.0 };
        Some(visit::kept((kept.workspace_id, *owner), page, (kept.id, kept.at), now))
    });
    Ok(moved.collect())
}

#[derive(Serialize)]
struct Id {
    workspace_id: Uuid,
    id: Uuid,
}

async fn forget_kept(tx: &mut Tx, kept: &[Kept], new: &Owners<'_>) -> Result<(), StoreError> {
    let ids = kept.iter().map(|kept| Id { workspace_id: kept.workspace_id.0, id: kept.id });
    tx.ex()
        .sql(
            "DELETE FROM anonymous_visit WHERE (workspace_id, id) IN (
                SELECT r.workspace_id, r.id FROM ROWS($1: workspace_id uuid, id uuid) r)",
        )
        .bind(Rows::of(&ids.collect::<Vec<_>>()))
        .run()
        .await?;
    tx.ex()
        .sql(
            "DELETE FROM anonymous_visitor WHERE (workspace_id, visitor) IN (
                SELECT r.workspace_id, r.visitor FROM ROWS($1: workspace_id uuid, visitor text) r)",
        )
        .bind(keys(new.keys().map(|browser| (*browser, None)), Time::UNIX_EPOCH))
        .run()
        .await
        .map(drop)
}

#[derive(Serialize)]
struct Row<'a> {
    workspace_id: Uuid,
    id: Uuid,
    visitor: &'a str,
    name: &'a str,
    data: &'a Map<String, Value>,
    #[serde(serialize_with = "time")]
    at: Time,
}

/// Keeps visits of browsers that nobody knows, as many of each as may be kept.
async fn keep(tx: &mut Tx, strange: &[&Visit]) -> Result<(), StoreError> {
    let pages: Vec<_> = strange
        .iter()
        .filter_map(|visit| Some((browser(visit), visit.page.as_ref()?, visit.at)))
        .collect();
    if pages.is_empty() {
        return Ok(());
    }
    let mut counts = counts(tx, pages.iter().map(|(browser, _, _)| *browser).collect()).await?;
    let mut rows = Vec::with_capacity(pages.len());
    for ((workspace, visitor), page, at) in pages {
        let count = counts.entry((workspace, visitor.to_owned())).or_default();
        if *count >= VISITS_KEPT_MAX {
            continue;
        }
        *count += 1;
        let (id, Seen { name, data }) = (Uuid::now_v7(), page);
        rows.push(Row { workspace_id: workspace.0, id, visitor, name, data, at });
    }
    tx.ex()
        .sql(
            "INSERT INTO anonymous_visit (workspace_id, id, visitor, name, data, at)
             SELECT r.workspace_id, r.id, r.visitor, r.name, r.data, r.at
             FROM ROWS($1: workspace_id uuid, id uuid, visitor text, name text, data jsonb, at timestamptz) r",
        )
        .bind(Rows::of(&rows))
        .run()
        .await
        .map(drop)
}

async fn counts(
    tx: &mut Tx,
    browsers: BTreeSet<Browser<'_>>,
) -> Result<HashMap<(WorkspaceId, String), i64>, StoreError> {
    let found: Vec<(WorkspaceId, String, i64)> = tx
        .ex()
        .sql(
            "SELECT r.workspace_id, r.visitor, (SELECT COUNT(*) FROM anonymous_visit v
                WHERE v.visitor = r.visitor AND (v.workspace_id = r.workspace_id) IS TRUE)
             FROM ROWS($1: workspace_id uuid, visitor text) r",
        )
        .bind(keys(browsers.into_iter().map(|browser| (browser, None)), Time::UNIX_EPOCH))
        .all()
        .await?;
    Ok(found.into_iter().map(|(workspace, visitor, count)| ((workspace, visitor), count)).collect())
}

/// Forgets visits that were kept for too long, and browsers that were not heard of since; at most so many of each.
pub async fn forget(db: &Db, before: Time, limit: i64) -> Result<u64, StoreError> {
    let visits = db
        .write()
        .sql(
            "DELETE FROM anonymous_visit WHERE (workspace_id, id) IN (
                SELECT workspace_id, id FROM anonymous_visit WHERE at < $1 ORDER BY at LIMIT $2)",
        )
        .bind(before)
        .bind(limit)
        .run()
        .await?;
    let visitors = db
        .write()
        .sql(
            "DELETE FROM anonymous_visitor WHERE at < $1 AND (workspace_id, visitor) IN (
                SELECT workspace_id, visitor FROM anonymous_visitor WHERE at < $1 ORDER BY at LIMIT $2)",
        )
        .bind(before)
        .bind(limit)
        .run()
        .await?;
    Ok(visits.max(visitors))
}
