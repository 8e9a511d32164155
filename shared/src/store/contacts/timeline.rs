//! A contact's story: what happened to the person and what they did, from many tables, newest first, page by page.
use crate::{
    clock::Time,
    ids::{CampaignId, ContactId, InteractionId, LeadId, SubmissionId, WorkspaceId},
    store::{Db, StoreError},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

/// What sort of thing happened.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[schema(as = TimelineType)]
pub enum Kind {
    /// The contact itself: created, changed, merged, in or out of a segment.
    Contact,
    Note,
    /// What the person did.
    Activity,
    /// They became a lead of a campaign.
    Lead,
    /// A lead's status changed.
    LeadStatus,
    /// A call, or a thread of texts.
    Interaction,
    /// A submission of a lead came to its end.
    Submission,
}

/// One entry, as the tables have it.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Entry {
    pub at: Time,
    /// Of entries with the same time, the higher part comes first, then the higher id and number.
    pub part: i64,
    pub id: Uuid,
    pub number: i64,
    pub kind: Kind,
    /// What happened: the kind of a change, an activity's type, a lead's or submission's status, `call` or `sms`.
    pub word: String,
    /// An activity's name, a lead's source, the status before, the direction of a call, the kind of a submission.
    pub name: String,
    /// What changed, or what came with an activity.
    pub detail: Option<Json<Value>>,
    /// A note's text, a reason, what came of a call.
    pub text: Option<String>,
    /// Who wrote or changed it.
    pub by_whom: Option<String>,
    pub lead_id: Option<LeadId>,
    pub campaign_id: Option<CampaignId>,
    pub interaction_id: Option<InteractionId>,
    pub submission_id: Option<SubmissionId>,
}

/// The place of an entry: what is older comes after it, whatever is added meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub at: Time,
    pub part: i64,
    pub id: Uuid,
    pub number: i64,
}

impl Entry {
    pub fn place(&self) -> Place {
        Place { at: self.at, part: self.part, id: self.id, number: self.number }
    }
}

impl Place {
    /// Before everything.
    fn start() -> Self {
        // Both engines can compare it.
        let at = Time::from_timestamp(253_370_764_800, 0).unwrap_or(Time::MAX_UTC);
        Self { at, part: i64::MAX, id: Uuid::max(), number: i64::MAX }
    }

    /// As callers are given it.
    pub fn word(&self) -> String {
        format!("{}_{}_{}_{}", self.at.timestamp_micros(), self.part, self.id.simple(), self.number)
    }

    /// Reads [`Place::word`] back; none of another text.
    pub fn parse(word: &str) -> Option<Self> {
        let mut parts = word.split('_');
        let at = Time::from_timestamp_micros(parts.next()?.parse().ok()?)?;
        let part = parts.next()?.parse().ok()?;
        let id = Uuid::try_parse(parts.next()?).ok()?;
        let number = parts.next()?.parse().ok()?;
        (parts.next().is_none() && at <= Self::start().at).then_some(Self { at, part, id, number })
    }
}

/// Which entries.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    pub kind: Option<Kind>,
    /// Those older than this one.
    pub after: Option<Place>,
}

/// Each part is bounded by itself, newest first; the page is the newest of them all.
macro_rules! page_sql {
    () => {
        "SELECT * FROM (
            SELECT c.created_at AS at, CAST(1 AS BIGINT) AS part, c.id, CAST(0 AS BIGINT) AS number, 'contact' AS kind, 'created' AS word,
                COALESCE(c.source, '') AS name, CAST(NULL AS JSONB) AS detail, CAST(NULL AS TEXT) AS text,
                CAST(NULL AS TEXT) AS by_whom, CAST(NULL AS UUID) AS lead_id, CAST(NULL AS UUID) AS campaign_id,
                CAST(NULL AS UUID) AS interaction_id, CAST(NULL AS UUID) AS submission_id
            FROM contact c
            WHERE c.workspace_id = $1 AND c.id = $2 AND ($7 IS NULL OR $7 = 'contact')
              AND (c.created_at, 1, c.id, 0) < ($3, $4, $5, $6)) p1
         UNION ALL SELECT * FROM (
            SELECT x.at, 2, x.id, 0, 'contact', x.kind, '', x.detail, x.reason, x.changed_by, CAST(NULL AS UUID),
                CAST(NULL AS UUID), CAST(NULL AS UUID), CAST(NULL AS UUID)
            FROM contact_change x
            WHERE x.contact_id = $2 AND x.at <= $3 AND (x.workspace_id = $1) IS TRUE AND x.kind <> 'created'
              AND ($7 IS NULL OR $7 = 'contact') AND (x.at, 2, x.id, 0) < ($3, $4, $5, $6)
            ORDER BY x.at DESC, x.id DESC LIMIT $8) p2
         UNION ALL SELECT * FROM (
            SELECT n.at, 3, n.id, 0, 'note', 'note', '', CAST(NULL AS JSONB), n.text, n.written_by, CAST(NULL AS UUID),
                CAST(NULL AS UUID), CAST(NULL AS UUID), CAST(NULL AS UUID)
            FROM contact_note n
            WHERE n.contact_id = $2 AND n.at <= $3 AND (n.workspace_id = $1) IS TRUE
              AND ($7 IS NULL OR $7 = 'note') AND (n.at, 3, n.id, 0) < ($3, $4, $5, $6)
            ORDER BY n.at DESC, n.id DESC LIMIT $8) p3
         UNION ALL SELECT * FROM (
            SELECT a.at, 4, a.id, 0, 'activity', a.type, a.name, a.data, CAST(NULL AS TEXT), CAST(NULL AS TEXT), a.lead_id,
                CAST(NULL AS UUID), CAST(NULL AS UUID), CAST(NULL AS UUID)
            FROM activity a
            WHERE a.contact_id = $2 AND a.at <= $3 AND (a.workspace_id = $1) IS TRUE
              AND ($7 IS NULL OR $7 = 'activity') AND (a.at, 4, a.id, 0) < ($3, $4, $5, $6)
            ORDER BY a.at DESC, a.id DESC LIMIT $8) p4
         UNION ALL SELECT * FROM (
            SELECT l.created_at, 5, l.id, 0, 'lead', l.status, l.source, CAST(NULL AS JSONB), CAST(NULL AS TEXT),
                CAST(NULL AS TEXT), l.id, l.campaign_id, CAST(NULL AS UUID), CAST(NULL AS UUID)
            FROM lead l
            WHERE l.contact_id = $2 AND (l.workspace_id = $1) IS TRUE
              AND ($7 IS NULL OR $7 = 'lead') AND (l.created_at, 5, l.id, 0) < ($3, $4, $5, $6)
            ORDER BY l.created_at DESC, l.id DESC LIMIT $8) p5
         UNION ALL SELECT * FROM (
            SELECT h.at, 6, h.lead_id, h.number, 'lead_status', h.to_status, h.from_status, CAST(NULL AS JSONB), h.reason,
                h.changed_by, h.lead_id, l.campaign_id, CAST(NULL AS UUID), h.submission_id
            FROM lead l JOIN lead_status_change h ON h.workspace_id = $1 AND h.lead_id = l.id
            WHERE l.contact_id = $2 AND (l.workspace_id = $1) IS TRUE
              AND ($7 IS NULL OR $7 = 'lead_status') AND (h.at, 6, h.lead_id, h.number) < ($3, $4, $5, $6)
            ORDER BY h.at DESC, h.lead_id DESC, h.number DESC LIMIT $8) p6
         UNION ALL SELECT * FROM (
            SELECT i.opened_at, 7, i.id, 0, 'interaction', i.type, i.direction, CAST(NULL AS JSONB),
                COALESCE(i.outcome, i.state), CAST(NULL AS TEXT), i.lead_id, i.campaign_id, i.id, i.submission_id
            FROM lead l JOIN interaction i ON i.lead_id = l.id AND (i.workspace_id = $1) IS TRUE
            WHERE l.contact_id = $2 AND (l.workspace_id = $1) IS TRUE
              AND ($7 IS NULL OR $7 = 'interaction') AND (i.opened_at, 7, i.id, 0) < ($3, $4, $5, $6)
            ORDER BY i.opened_at DESC, i.id DESC LIMIT $8) p7
         UNION ALL SELECT * FROM (
            SELECT s.finished_at, 8, s.id, 0, 'submission', s.status, s.kind, CAST(NULL AS JSONB), s.reason,
                CAST(NULL AS TEXT), s.lead_id, s.campaign_id, CAST(NULL AS UUID), s.id
            FROM lead l JOIN submission s ON s.lead_id = l.id AND (s.workspace_id = $1) IS TRUE
            WHERE l.contact_id = $2 AND (l.workspace_id = $1) IS TRUE AND s.finished_at IS NOT NULL
              AND ($7 IS NULL OR $7 = 'submission') AND (s.finished_at, 8, s.id, 0) < ($3, $4, $5, $6)
            ORDER BY s.finished_at DESC, s.id DESC LIMIT $8) p8
         ORDER BY at DESC, part DESC, id DESC, number DESC LIMIT $8"
    };
}

/// A page of the story. What hangs on the contact (changes, notes, activities) is read no further than the page goes; what hangs on
/// its leads is found by the leads, all of them.
pub async fn page(
    db: &Db,
    workspace: WorkspaceId,
    contact: ContactId,
    filter: Filter,
    limit: i64,
) -> Result<Vec<Entry>, StoreError> {
    let place = filter.after.unwrap_or_else(Place::start);
    db.read()
        .sql(page_sql!())
        .bind(workspace)
        .bind(contact)
        .bind(place.at)
        .bind(place.part)
        .bind(place.id)
        .bind(place.number)
        .bind(filter.kind)
        .bind(limit)
        .all()
        .await
}

/// How the engine reads a page, line by line, for tests.
#[cfg(feature = "testing")]
pub async fn explained(
    db: &Db,
    workspace: WorkspaceId,
    contact: ContactId,
    limit: i64,
) -> Result<Vec<String>, StoreError> {
    let place = Place::start();
    let bound = |text| {
        db.read()
            .sql(text)
            .bind(workspace)
            .bind(contact)
            .bind(place.at)
            .bind(place.part)
            .bind(place.id)
            .bind(place.number)
            .bind(None::<Kind>)
            .bind(limit)
    };
    if db.engine() == crate::store::dialect::Engine::Postgres {
        let ask = bound(concat!("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) ", page_sql!()));
        let lines: Vec<(String,)> = ask.all().await?;
        return Ok(lines.into_iter().map(|(line,)| line).collect());
    }
    let lines: Vec<Explained> = bound(concat!("EXPLAIN QUERY PLAN ", page_sql!())).all().await?;
    Ok(lines.into_iter().map(|line| line.detail).collect())
}

/// A line of SQLite's plan.
#[cfg(feature = "testing")]
#[derive(sqlx::FromRow)]
struct Explained {
    detail: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_back_and_nothing_else_is() {
        let at = "2026-11-21T12:00:00.123456Z".parse().unwrap();
        let place = Place { at, part: 4, id: Uuid::now_v7(), number: 2 };
        assert_eq!(Place::parse(&place.word()), Some(place));
        assert_eq!(Place::parse(&Place::start().word()), Some(Place::start()));
        for bad in [
            "",
            "1",
            "1_2_3_4",
            "x_1_00000000000000000000000000000000_1",
            "9223372036854775807_1_00000000000000000000000000000000_1",
        ] {
            assert_eq!(Place::parse(bad), None, "{bad}");
        }
    }
}
