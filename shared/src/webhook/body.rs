//! What is posted: what happened as it was kept, and who it happened to as they are now.
use super::Event;
use crate::{
    clock::Time,
    ids::{CampaignId, ContactId, LeadId, SubmissionId, WebhookId, WebhookMessageId},
};
use serde_json::{Map, Value, json};

/// A message that is about to be posted.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct About {
    pub id: WebhookMessageId,
    pub webhook_id: WebhookId,
    pub event: Event,
    pub campaign_id: Option<CampaignId>,
    pub contact_id: Option<ContactId>,
    pub lead_id: Option<LeadId>,
    pub submission_id: Option<SubmissionId>,
    pub at: Time,
}

/// Who it is about, as far as others are told.
#[derive(Debug, Clone, Default, PartialEq, sqlx::FromRow)]
pub struct Person {
    pub first_name: String,
    pub last_name: String,
    pub email: String,
    pub phone: String,
    /// Of a lead.
    pub source: Option<String>,
    pub is_test: Option<bool>,
}

/// Bytes of a text of the person that go along, at most: with it a body stays far below the 20 kB that Standard Webhooks allows.
const TEXT_MAX: usize = 1_000;

/// The body. `person`: none where nobody may be told who it is.
pub fn body(about: &About, facts: &Value, person: Option<&Person>) -> Value {
    let mut data = Map::new();
    if let Some(person) = person {
        let texts = [
            ("firstName", &person.first_name),
            ("lastName", &person.last_name),
            ("email", &person.email),
            ("phone", &person.phone),
        ];
        data.extend(texts.map(|(name, text)| (name.to_owned(), short(text).into())));
        if let Some(source) = &person.source {
            data.insert("source".into(), short(source).into());
        }
        if let Some(is_test) = person.is_test {
            data.insert("isTest".into(), is_test.into());
        }
    }
    let mut facts = facts.as_object().cloned().unwrap_or_default();
    let status = facts.remove("status").unwrap_or_default();
    data.extend(facts);
    let event = about.event.word();
    json!({
        "type": event,
        "event": event,
        "timestamp": about.at,
        "webhookId": about.webhook_id,
        "leadId": about.lead_id,
        "submissionId": about.submission_id,
        "campaignId": about.campaign_id,
        "contactId": about.contact_id,
        "status": status,
        "data": data,
    })
}

fn short(text: &str) -> &str {
    let mut end = text.len().min(TEXT_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noon;

    #[test]
    fn a_body_says_what_happened_to_whom_and_stays_small() {
        let about = About {
            id: WebhookMessageId::new(),
            webhook_id: WebhookId::new(),
            event: Event::Delivered,
            campaign_id: Some(CampaignId::new()),
            contact_id: Some(ContactId::new()),
            lead_id: Some(LeadId::new()),
            submission_id: Some(SubmissionId::new()),
            at: noon(),
        };
        let facts = json!({"status": "accepted", "outcome": "accepted", "priceMinor": 4200});
        let huge = "\u{1F600}".repeat(5_000);
        let person = Person {
            first_name: huge.clone(),
            last_name: huge.clone(),
            email: huge.clone(),
            phone: huge.clone(),
            source: Some(huge),
            is_test: Some(false),
        };
        let made = body(&about, &facts, Some(&person));
        assert!(made.to_string().len() < 20_000);
        assert_eq!((&made["type"], &made["event"]), (&json!("lead.delivered"), &made["type"]));
        assert_eq!((&made["status"], &made["data"]["status"]), (&json!("accepted"), &Value::Null));
        assert_eq!(made["data"]["priceMinor"], 4200);
        let hidden = body(&about, &facts, None);
        assert_eq!(hidden["data"], json!({"outcome": "accepted", "priceMinor": 4200}));
    }
}
