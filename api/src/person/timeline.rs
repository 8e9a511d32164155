//! GET /contacts/{id}/timeline: what happened to a person and what they did, newest first.
use crate::{
    Api,
    answer::{Absent, Asked, Data, Guarded, Page, Success},
    caller::{Caller, Scope},
    error::ApiError,
    params::{Id, Limit, Query},
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Map, Value, json};
use shared::{
    ids::{CampaignId, ContactId, InteractionId, LeadId, SubmissionId},
    store::contacts::{
        read,
        timeline::{self, Entry, Filter, Kind, Place},
    },
};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TimelineQuery {
    /// 1 to 100; 50 unless given.
    #[serde(default)]
    #[param(value_type = Option<i64>, minimum = 1, maximum = 100)]
    pub limit: Limit,
    /// The `nextCursor` of the page before.
    #[param(value_type = Option<String>)]
    pub cursor: Option<Cursor>,
    /// Only this sort of entries.
    #[serde(rename = "type")]
    pub kind: Option<Kind>,
}

/// The place after which a page begins.
#[derive(Debug)]
pub struct Cursor(Place);

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let place = Place::parse(&text);
        place.map(Self).ok_or_else(|| de::Error::custom("must be the nextCursor of a page"))
    }
}

/// Something that happened. `leadId`, `campaignId`, `interactionId` and `submissionId` say where to read more.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimelineEntry {
    #[serde(rename = "type")]
    pub kind: Kind,
    pub at: DateTime<Utc>,
    /// What it was, in words.
    pub title: String,
    /// What else is known of it, by the sort of entry: `change`, `fields`, `reason`, `by`, `text`, `activityType`, `name`, `data`, `status`, …
    #[schema(value_type = Object)]
    pub detail: Map<String, Value>,
    pub lead_id: Option<LeadId>,
    pub campaign_id: Option<CampaignId>,
    pub interaction_id: Option<InteractionId>,
    pub submission_id: Option<SubmissionId>,
}

impl From<Entry> for TimelineEntry {
    fn from(entry: Entry) -> Self {
        Self {
            kind: entry.kind,
            at: entry.at,
            title: title(&entry),
            detail: detail(&entry),
            lead_id: entry.lead_id,
            campaign_id: entry.campaign_id,
            interaction_id: entry.interaction_id,
            submission_id: entry.submission_id,
        }
    }
}

fn title(entry: &Entry) -> String {
    let word = entry.word.replace('_', " ");
    match entry.kind {
        Kind::Contact => match entry.word.as_str() {
            "created" => "Became a contact".into(),
            "fields" => "Changed".into(),
            "status" => "Status changed".into(),
            "consent" => "Consent changed".into(),
            "tags" => "Tags changed".into(),
            "merged" => "Merged".into(),
            "erased" => "Erased".into(),
            "exported" => "Data handed out".into(),
            "segment_added" => "Entered a segment".into(),
            "segment_removed" => "Left a segment".into(),
            _ => word,
        },
        Kind::Note => "Note".into(),
        Kind::Activity if entry.name.is_empty() => format!("Activity: {word}"),
        Kind::Activity => format!("Activity: {word}, {}", entry.name),
        Kind::Lead => "Became a lead".into(),
        Kind::LeadStatus => format!("Lead {word}, was {}", entry.name),
        Kind::Interaction if entry.word == "call" => format!("Call, {}", entry.name),
        Kind::Interaction => format!("Texts, {}", entry.name),
        Kind::Submission => format!("Submission ended: {word}"),
    }
}

fn detail(entry: &Entry) -> Map<String, Value> {
    let fields = entry.detail.as_ref().map(|detail| &detail.0);
    let (word, name) = (json!(entry.word), json!(entry.name));
    let (text, by) = (json!(entry.text), json!(entry.by_whom));
    let detail = match entry.kind {
        Kind::Contact if entry.word == "created" => json!({ "change": word, "source": name }),
        Kind::Contact => json!({ "change": word, "fields": fields, "reason": text, "by": by }),
        Kind::Note => json!({ "text": text, "by": by }),
        Kind::Activity => json!({ "activityType": word, "name": name, "data": fields }),
        Kind::Lead => json!({ "status": word, "source": name }),
        Kind::LeadStatus => json!({ "from": name, "to": word, "reason": text, "by": by }),
        Kind::Interaction => json!({ "interactionType": word, "direction": name, "outcome": text }),
        Kind::Submission => json!({ "status": word, "kind": name, "reason": text }),
    };
    match detail {
        Value::Object(detail) => detail,
        _ => Map::new(),
    }
}

/// Show a contact's timeline
///
/// Everything that happened to the person and that they did, newest first: changes, notes, activities, leads, calls and texts, ends of
/// submissions. A page neither repeats nor skips an entry while others come in.
#[utoipa::path(
    get, path = "/contacts/{contactId}/timeline", tag = "Contacts", operation_id = "showTimeline",
    params(("contactId" = ContactId, Path), TimelineQuery),
    responses((status = 200, description = "A page of the story.", body = Success<Page<TimelineEntry>>), Guarded, Absent, Asked)
)]
pub async fn show(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<ContactId>,
    Query(query): Query<TimelineQuery>,
) -> Result<Data<Page<TimelineEntry>>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    if read::get_many(api.db.read(), caller.workspace, &[id]).await?.is_empty() {
        return Err(ApiError::not_found("contact"));
    }
    let filter = Filter { kind: query.kind, after: query.cursor.map(|cursor| cursor.0) };
    let limit = query.limit.0;
    let found = timeline::page(&api.db, caller.workspace, id, filter, limit + 1).await?;
    Ok(Data(Page::of(found, limit as usize, |entry: &Entry| entry.place().word())))
}
