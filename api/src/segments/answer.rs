//! What people are shown of segments and their members.
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use shared::{
    contact::{Contact, ContactStatus},
    ids::{CampaignId, ContactId, SegmentId, WorkspaceId},
    rules::{About, Properties, Rule},
    search,
    segment::{SegmentKind, SegmentState},
    store::{
        Db, StoreError, properties,
        segments::{self, Count, Filled, Member, Segment as Row, Users},
    },
};
use utoipa::ToSchema;

/// A segment without its definition.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SegmentSummary {
    pub segment_id: SegmentId,
    pub name: String,
    pub description: String,
    pub kind: SegmentKind,
    pub state: SegmentState,
    /// Why it is broken or frozen.
    pub problem: Option<String>,
    /// Off: members stay as they are.
    pub enabled: bool,
    /// The zone in which days begin for its rule; null: the workspace's.
    pub timezone: Option<String>,
    /// How many contacts are in it.
    pub member_count: i64,
    /// When its members were last made anew from its rule.
    pub built_at: Option<DateTime<Utc>>,
    /// How long that took, in milliseconds.
    pub build_ms: Option<i64>,
    /// When the clock alone may next change its members.
    pub flips_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A segment.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Segment {
    #[serde(flatten)]
    pub summary: SegmentSummary,
    /// Of a dynamic one: the condition tree, with the operators' own names.
    #[schema(value_type = Option<Object>)]
    pub rule: Option<Value>,
    /// The same as a text: as it was typed, or as the rule reads; null when that would be too long.
    pub search: Option<String>,
    pub used_by: UsedBy,
}

/// Who names a segment. While somebody does it cannot be deleted.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsedBy {
    /// Segments whose rules ask for its members.
    pub segments: Vec<UsingSegment>,
    /// Campaigns whose leads its members become, and those whose automation names it.
    pub campaigns: Vec<UsingCampaign>,
}

/// A segment that names another.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsingSegment {
    pub segment_id: SegmentId,
    pub name: String,
}

/// A campaign that names a segment.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsingCampaign {
    pub campaign_id: CampaignId,
    pub code: String,
    pub name: String,
}

/// A segment that was made, and how far it was filled.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MadeSegment {
    #[serde(flatten)]
    pub segment: Segment,
    /// What filling it did; null when there was nothing to fill it from.
    pub filled: Option<FilledSegment>,
}

/// How far a static segment was filled.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FilledSegment {
    /// Contacts that were found.
    pub found: u64,
    /// Of those, the ones that were no members before.
    pub added: u64,
    /// Give it as `cursor` to `POST /segments/{segmentId}/members/from-search`, with the same search, to go on; null: that was all.
    pub next_cursor: Option<ContactId>,
}

/// A member of a segment.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SegmentMember {
    #[serde(flatten)]
    pub contact: ContactBrief,
    pub added_at: DateTime<Utc>,
}

/// A contact in a few words.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContactBrief {
    pub contact_id: ContactId,
    pub status: ContactStatus,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
}

/// How many members a segment had after a build or a fill.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SegmentCount {
    pub at: DateTime<Utc>,
    pub members: i64,
    pub added: i64,
    pub removed: i64,
    /// How long it took, in milliseconds.
    pub build_ms: i64,
}

impl From<Row> for SegmentSummary {
    fn from(row: Row) -> Self {
        Self {
            segment_id: row.id,
            name: row.name,
            description: row.description,
            kind: row.kind,
            state: row.state,
            problem: row.problem,
            enabled: row.is_enabled,
            timezone: row.timezone,
            member_count: row.member_count,
            built_at: row.built_at,
            build_ms: row.build_ms,
            flips_at: row.flips_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

impl From<Users> for UsedBy {
    fn from(users: Users) -> Self {
        let segments = users.segments.into_iter();
        let campaigns = users.campaigns.into_iter();
        Self {
            segments: segments
                .map(|(segment_id, name)| UsingSegment { segment_id, name })
                .collect(),
            campaigns: campaigns
                .map(|(campaign_id, code, name)| UsingCampaign { campaign_id, code, name })
                .collect(),
        }
    }
}

impl From<Filled> for FilledSegment {
    fn from(filled: Filled) -> Self {
        Self { found: filled.found, added: filled.added, next_cursor: filled.next }
    }
}

impl From<Member> for SegmentMember {
    fn from(member: Member) -> Self {
        Self {
            contact: ContactBrief {
                contact_id: member.contact_id,
                status: member.status,
                first_name: member.first_name,
                last_name: member.last_name,
                email: member.email,
                phone: member.phone,
            },
            added_at: member.added_at,
        }
    }
}

impl From<Contact> for ContactBrief {
    fn from(contact: Contact) -> Self {
        Self {
            contact_id: contact.id,
            status: contact.status,
            first_name: contact.profile.first_name,
            last_name: contact.profile.last_name,
            email: contact.profile.email,
            phone: contact.profile.phone,
        }
    }
}

impl From<Count> for SegmentCount {
    fn from(count: Count) -> Self {
        let Count { at, members, added, removed, build_ms } = count;
        Self { at, members, added, removed, build_ms }
    }
}

/// A segment with its definition, its members counted, and who names it.
pub async fn whole(db: &Db, workspace: WorkspaceId, mut row: Row) -> Result<Segment, StoreError> {
    let key = (workspace, row.id);
    let counts = segments::counts(db.read(), workspace, &[row.id]).await?;
    row.member_count = counts.get(&row.id).copied().unwrap_or_default();
    let asking = segments::asking(db.read(), workspace).await?;
    let used_by = segments::users(db.read(), key, &asking).await?.into();
    let rule = row.rule.take().map(|rule| rule.0);
    let search = match (row.search.take(), &rule) {
        (None, Some(rule)) => as_text(rule, &properties::readable(db.read(), workspace).await?),
        (search, _) => search,
    };
    Ok(Segment { summary: row.into(), rule, search, used_by })
}

/// The rule as a search; none when it cannot be evaluated any more, or its text would be too long.
fn as_text(rule: &Value, properties: &Properties) -> Option<String> {
    let rule = Rule::parse_about(rule, About::Contact(properties)).ok()?;
    search::write(&rule).ok()
}
