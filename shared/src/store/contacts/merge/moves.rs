//! What moves when contacts are merged: notes, activities and their sums, browsers, segments, leads.
use super::Ask;
use crate::{
    contact::merge::{self, Standing},
    ids::{ContactId, LeadId},
    lead::LeadStatus,
    store::{
        Rows, StoreError, Tx,
        contacts::{
            history::{self, ChangeKind, Line},
            keys,
            write::Why,
        },
        lead_status::{self, Change, Changed},
    },
};
use serde::Serialize;
use serde_json::{Map, Value};
use sqlx::types::Json;
use uuid::Uuid;

/// What simply gets another contact.
const PLAIN: [&str; 5] = [
    "UPDATE contact_note SET contact_id = $3 FROM ROWS($2: workspace_id uuid, id uuid) r
     WHERE contact_note.workspace_id = r.workspace_id AND contact_note.contact_id = r.id AND (r.workspace_id = $1) IS TRUE",
    "UPDATE activity SET contact_id = $3 FROM ROWS($2: id uuid) r
     WHERE activity.contact_id = r.id AND (activity.workspace_id = $1) IS TRUE",
    "UPDATE visitor SET contact_id = $3 FROM ROWS($2: id uuid) r
     WHERE visitor.contact_id = r.id AND (visitor.workspace_id = $1) IS TRUE",
    "UPDATE automation_pending SET contact_id = $3 FROM ROWS($2: id uuid) r
     WHERE automation_pending.contact_id = r.id AND (automation_pending.workspace_id = $1) IS TRUE",
    "UPDATE webhook_message SET contact_id = $3 FROM ROWS($2: id uuid) r
     WHERE webhook_message.contact_id = r.id AND (webhook_message.workspace_id = $1) IS TRUE",
];

/// Moves everything of the others to the survivor; says whether there was anything, and which leads became duplicates.
pub(super) async fn everything(tx: &mut Tx, ask: &Ask) -> Result<(bool, Vec<Changed>), StoreError> {
    let (mut moved, twins) = leads(tx, ask).await?;
    for sql in PLAIN {
        let from = keys::rows(ask.workspace, ask.from.iter().map(|id| id.0));
        let changed = tx.ex().sql(sql).bind(ask.workspace).bind(from).bind(ask.survivor).run();
        moved += changed.await?;
    }
    moved += sums(tx, ask).await?;
    moved += days(tx, ask).await?;
    moved += members(tx, ask).await?;
    Ok((moved > 0, twins))
}

/// Moves the leads, with all that hangs on them. What turns out to be the same person's second lead in a campaign is a duplicate.
async fn leads(tx: &mut Tx, ask: &Ask) -> Result<(u64, Vec<Changed>), StoreError> {
    let all = ask.from.iter().copied().chain([ask.survivor]).map(|id| id.0);
    let found: Vec<(LeadId,)> = tx
        .ex()
        .sql(
            "SELECT l.id FROM ROWS($2: id uuid) r
             JOIN lead l ON l.contact_id = r.id AND (l.workspace_id = $1) IS TRUE",
        )
        .bind(ask.workspace)
        .bind(keys::rows(ask.workspace, all))
        .all()
        .await?;
    let standing: Vec<Standing> = tx
        .ex()
        .sql(
            "SELECT l.id, l.contact_id, l.campaign_id, l.status, l.is_test, l.created_at FROM ROWS($2: workspace_id uuid, id uuid) r
             JOIN lead l ON l.workspace_id = r.workspace_id AND l.id = r.id AND (r.workspace_id = $1) IS TRUE{pg:  FOR NO KEY UPDATE OF l}",
        )
        .bind(ask.workspace)
        .bind(keys::rows(ask.workspace, found.iter().map(|(id,)| id.0)))
        .all()
        .await?;
    let moving = standing.iter().filter(|lead| lead.contact_id != ask.survivor);
    let moving = keys::rows(ask.workspace, moving.map(|lead| lead.id.0));
    let moved = tx
        .ex()
        .sql(
            "UPDATE lead SET contact_id = $3, updated_at = $4 FROM ROWS($2: workspace_id uuid, id uuid) r
             WHERE lead.workspace_id = r.workspace_id AND lead.id = r.id AND (r.workspace_id = $1) IS TRUE",
        )
        .bind(ask.workspace)
        .bind(moving)
        .bind(ask.survivor)
        .bind(ask.at)
        .run()
        .await?;
    let twins = twins(tx, ask, &merge::twins(&standing)).await?;
    Ok((moved, twins))
}

#[derive(Serialize)]
struct Twin {
    workspace_id: Uuid,
    id: Uuid,
    original: Uuid,
}

async fn twins(
    tx: &mut Tx,
    ask: &Ask,
    twins: &[(LeadId, LeadId)],
) -> Result<Vec<Changed>, StoreError> {
    let changes: Vec<Change> = twins
        .iter()
        .map(|(lead, original)| Change {
            workspace: ask.workspace,
            lead: *lead,
            from: &[LeadStatus::Active],
            to: LeadStatus::Duplicate,
            code: "merged".into(),
            reason: format!(
                "its contact was merged with that of {original}, an older lead of the campaign"
            ),
            by: ask.by.clone(),
            submission: None,
            at: ask.at,
        })
        .collect();
    let changed = lead_status::change(tx, &changes).await?;
    let twin = |(lead, original): &(LeadId, LeadId)| Twin {
        workspace_id: ask.workspace.0,
        id: lead.0,
        original: original.0,
    };
    let rows: Vec<Twin> = twins.iter().map(twin).collect();
    tx.ex()
        .sql(
            "UPDATE lead SET is_duplicate = TRUE, duplicate_of = r.original FROM ROWS($2: workspace_id uuid, id uuid, original uuid) r
             WHERE lead.workspace_id = r.workspace_id AND lead.id = r.id AND (r.workspace_id = $1) IS TRUE AND lead.duplicate_of IS NULL",
        )
        .bind(ask.workspace)
        .bind(Rows::of(&rows))
        .run()
        .await?;
    Ok(changed)
}

/// Adds the sums of the others to the survivor's.
async fn sums(tx: &mut Tx, ask: &Ask) -> Result<u64, StoreError> {
    let found: Vec<(ContactId, Json<Map<String, Value>>)> = tx
        .ex()
        .sql(
            "SELECT s.contact_id, s.events FROM ROWS($2: workspace_id uuid, id uuid) r
             JOIN activity_sum s ON s.workspace_id = r.workspace_id AND s.contact_id = r.id AND (r.workspace_id = $1) IS TRUE{pg:  FOR UPDATE OF s}",
        )
        .bind(ask.workspace)
        .bind(keys::rows(ask.workspace, ask.from.iter().copied().chain([ask.survivor]).map(|id| id.0)))
        .all()
        .await?;
    if found.iter().all(|(contact, _)| *contact == ask.survivor) {
        return Ok(0);
    }
    let events: Vec<Map<String, Value>> = found.into_iter().map(|(_, events)| events.0).collect();
    tx.ex()
        .sql(
            "INSERT INTO activity_sum (workspace_id, contact_id, first_seen_at, last_activity_at, events)
             SELECT $1, $3, MIN(s.first_seen_at), MAX(s.last_activity_at), $4 FROM ROWS($2: workspace_id uuid, id uuid) r
             JOIN activity_sum s ON s.workspace_id = r.workspace_id AND s.contact_id = r.id AND (r.workspace_id = $1) IS TRUE
             WHERE true
             ON CONFLICT (workspace_id, contact_id) DO UPDATE SET
                first_seen_at = CASE WHEN excluded.first_seen_at < activity_sum.first_seen_at
                    THEN excluded.first_seen_at ELSE activity_sum.first_seen_at END,
                last_activity_at = CASE WHEN excluded.last_activity_at > activity_sum.last_activity_at
                    THEN excluded.last_activity_at ELSE activity_sum.last_activity_at END,
                events = excluded.events",
        )
        .bind(ask.workspace)
        .bind(keys::rows(ask.workspace, ask.from.iter().map(|id| id.0)))
        .bind(ask.survivor)
        .bind(Json(merge::events(&events)))
        .run()
        .await?;
    gone(
        tx,
        ask,
        "DELETE FROM activity_sum WHERE workspace_id = $1 AND contact_id IN (SELECT r.id FROM ROWS($2: id uuid) r)",
    )
    .await
}

async fn days(tx: &mut Tx, ask: &Ask) -> Result<u64, StoreError> {
    tx.ex()
        .sql(
            "INSERT INTO activity_day (workspace_id, contact_id, type, name, day, times)
             SELECT $1, $3, d.type, d.name, d.day, CAST(SUM(d.times) AS BIGINT) FROM ROWS($2: workspace_id uuid, id uuid) r
             JOIN activity_day d ON d.workspace_id = r.workspace_id AND d.contact_id = r.id AND (r.workspace_id = $1) IS TRUE
             GROUP BY d.type, d.name, d.day
             ON CONFLICT (workspace_id, contact_id, type, name, day) DO UPDATE SET times = activity_day.times + excluded.times",
        )
        .bind(ask.workspace)
        .bind(keys::rows(ask.workspace, ask.from.iter().map(|id| id.0)))
        .bind(ask.survivor)
        .run()
        .await?;
    gone(
        tx,
        ask,
        "DELETE FROM activity_day WHERE workspace_id = $1 AND contact_id IN (SELECT r.id FROM ROWS($2: id uuid) r)",
    )
    .await
}

/// Places in static segments are united; dynamic segments are asked again at the end.
async fn members(tx: &mut Tx, ask: &Ask) -> Result<u64, StoreError> {
    tx.ex()
        .sql(
            "WITH pairs AS MATERIALIZED (
                SELECT s.workspace_id, s.id AS segment_id, r.id FROM segment s JOIN ROWS($2: id uuid) r ON true
                WHERE s.workspace_id = $1 AND s.kind = 'static')
             INSERT INTO segment_member (workspace_id, segment_id, contact_id, added_at)
             SELECT p.workspace_id, p.segment_id, $3, MIN(m.added_at) FROM pairs p
             JOIN segment_member m ON m.workspace_id = p.workspace_id AND m.segment_id = p.segment_id AND m.contact_id = p.id
             GROUP BY p.workspace_id, p.segment_id
             ON CONFLICT (workspace_id, segment_id, contact_id) DO NOTHING",
        )
        .bind(ask.workspace)
        .bind(keys::rows(ask.workspace, ask.from.iter().map(|id| id.0)))
        .bind(ask.survivor)
        .run()
        .await?;
    gone(tx, ask, LEAVE).await
}

/// Takes contacts out of all segments. They are found by the segments: of these there are few, and no index leads from a contact to its places.
pub(in crate::store) const LEAVE: &str =
    "WITH pairs AS MATERIALIZED (
        SELECT s.workspace_id, s.id AS segment_id, r.id FROM segment s JOIN ROWS($2: id uuid) r ON true
        WHERE s.workspace_id = $1)
     DELETE FROM segment_member WHERE (workspace_id, segment_id, contact_id) IN
        (SELECT p.workspace_id, p.segment_id, p.id FROM pairs p)";

async fn gone(tx: &mut Tx, ask: &Ask, sql: &'static str) -> Result<u64, StoreError> {
    let from = keys::rows(ask.workspace, ask.from.iter().map(|id| id.0));
    tx.ex().sql(sql).bind(ask.workspace).bind(from).run().await
}

/// Contacts that were merged into the others lead to the survivor now, in one step.
pub(super) async fn earlier_merges(tx: &mut Tx, ask: &Ask) -> Result<(), StoreError> {
    tx.ex()
        .sql(
            "UPDATE contact SET merged_into = $3 FROM ROWS($2: id uuid) r
             WHERE contact.merged_into = r.id AND (contact.workspace_id = $1) IS TRUE",
        )
        .bind(ask.workspace)
        .bind(keys::rows(ask.workspace, ask.from.iter().map(|id| id.0)))
        .bind(ask.survivor)
        .run()
        .await
        .map(drop)
}

/// The survivor learnt nothing from the others, and yet it was merged: a line says so.
pub(super) async fn bump(tx: &mut Tx, ask: &Ask, why: &Why) -> Result<(), StoreError> {
    let line = Line {
        workspace: ask.workspace,
        contact: ask.survivor,
        kind: ChangeKind::Merged,
        detail: why.more.clone(),
        reason: &why.reason,
        by: &why.by,
        at: ask.at,
    };
    history::add(tx, &[line]).await?;
    tx.ex()
        .sql(
            "UPDATE contact SET revision = revision + 1, updated_at = $3 WHERE workspace_id = $1 AND id = $2",
        )
        .bind(ask.workspace)
        .bind(ask.survivor)
        .bind(ask.at)
        .run()
        .await
        .map(drop)
}
