//! The document that rules about a contact read: `contact.*`, `property.*`, `event.*`.
use super::Contact;
use crate::{
    campaign::date,
    clock::Time,
    ids::{CampaignId, SegmentId},
    lead::LeadStatus,
};
use chrono::{NaiveDate, SecondsFormat};
use chrono_tz::Tz;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// What is known of a contact in other tables. What no rule reads may be left out.
#[derive(Debug, Clone, Default)]
pub struct Related {
    pub segments: Vec<SegmentId>,
    /// The contact's leads that are not deleted.
    pub leads: Vec<(CampaignId, LeadStatus)>,
    pub first_seen_at: Option<Time>,
    pub last_activity_at: Option<Time>,
    /// By type: `{"count": 3, "lastAt": …}`, as in `activity_sum`.
    pub events: Map<String, Value>,
    pub days: Vec<Day>,
}

/// How often something happened on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Day {
    #[serde(skip)]
    #[sqlx(rename = "type")]
    pub kind: String,
    pub name: String,
    /// `YYYY-MM-DD`, UTC.
    pub day: String,
    pub times: i64,
}

/// The document as of `now`; ages are reckoned in `zone`.
pub fn of(contact: &Contact, related: &Related, now: Time, zone: Tz) -> Value {
    let mut root = json!({
        "property": contact.profile.properties.0,
        "event": events(related),
    });
    root["contact"] = Value::Object(person(contact, related, now, zone));
    root
}

fn person(contact: &Contact, related: &Related, now: Time, zone: Tz) -> Map<String, Value> {
    let mut person = match serde_json::to_value(&contact.profile) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    };
    person.remove("properties");
    let born = contact.profile.date_of_birth.as_deref();
    let born = born.and_then(|born| NaiveDate::parse_from_str(born, "%Y-%m-%d").ok());
    let today = now.with_timezone(&zone).date_naive();
    let age = born.and_then(|born| date::age(born, today));
    let of_status = |status: LeadStatus| -> Vec<String> {
        let leads = related.leads.iter().filter(|(_, is)| *is == status);
        leads.map(|(campaign, _)| campaign.to_string()).collect()
    };
    let campaigns: Vec<String> =
        related.leads.iter().map(|(campaign, _)| campaign.to_string()).collect();
    let segments: Vec<String> = related.segments.iter().map(SegmentId::to_string).collect();
    for (key, value) in [
        ("id", json!(contact.id)),
        ("status", json!(contact.status)),
        ("age", json!(age)),
        ("words", json!(contact.words)),
        ("createdAt", json!(moment(contact.created_at))),
        ("updatedAt", json!(moment(contact.updated_at))),
        ("doNotContactUntil", json!(contact.profile.do_not_contact_until.map(moment))),
        ("firstSeenAt", json!(related.first_seen_at.map(moment))),
        ("lastActivityAt", json!(related.last_activity_at.map(moment))),
        ("segments", json!(segments)),
        ("campaigns", json!(campaigns)),
        ("activeIn", json!(of_status(LeadStatus::Active))),
        ("qualifiedIn", json!(of_status(LeadStatus::Qualified))),
        ("rejectedIn", json!(of_status(LeadStatus::Rejected))),
    ] {
        person.insert(key.into(), value);
    }
    person
}

/// A moment as properties keep it, and as rules read it.
pub fn moment(at: Time) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

fn events(related: &Related) -> Map<String, Value> {
    let mut events = related.events.clone();
    for day in &related.days {
        let event = events.entry(day.kind.clone()).or_insert_with(|| json!({}));
        if let Some(event) = event.as_object_mut() {
            let days = event.entry("days").or_insert_with(|| json!([]));
            if let Some(days) = days.as_array_mut() {
                days.push(json!(day));
            }
        }
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        contact::{ContactStatus, Profile},
        ids::{ContactId, WorkspaceId},
    };

    #[test]
    fn a_document_has_what_rules_read() {
        let at: Time = "2026-11-21T12:00:00Z".parse().unwrap();
        let contact = Contact {
            workspace_id: WorkspaceId::new(),
            id: ContactId::new(),
            status: ContactStatus::Active,
            profile: Profile {
                first_name: Some("Ada".into()),
                date_of_birth: Some("1980-11-22".into()),
                ..Profile::default()
            },
            words: " ada ".into(),
            revision: 1,
            merged_into: None,
            erased_at: None,
            created_at: at,
            updated_at: at,
        };
        let campaign = CampaignId::new();
        let day = |name: &str| Day {
            kind: "page_visit".into(),
            name: name.into(),
            day: "2026-11-20".into(),
            times: 2,
        };
        let related = Related {
            leads: vec![(campaign, LeadStatus::Qualified)],
            days: vec![day("/a"), day("/b")],
            ..Related::default()
        };
        let doc = of(&contact, &related, at, Tz::UTC);
        assert_eq!(doc["contact"]["firstName"], "Ada");
        assert_eq!(doc["contact"]["age"], 45);
        assert_eq!(doc["contact"]["createdAt"], "2026-11-21T12:00:00.000000Z");
        assert_eq!(doc["contact"]["qualifiedIn"], json!([campaign]));
        assert_eq!(doc["contact"]["activeIn"], json!([]));
        assert_eq!(doc["event"]["page_visit"]["days"][1]["name"], "/b");
    }
}
