//! What follows when a delivery is held: people are told, once for an endpoint and an hour.
use crate::{
    campaign::Campaign,
    clock::Time,
    ids::{SubmissionId, WorkspaceId},
    store::{
        close::Query,
        notices::{Kind, Notice},
    },
};
use chrono::Duration;
use serde_json::json;

/// The reason code of a hold whose delivery got no answer that settles it: the buyer can be asked.
pub const UNKNOWN: &str = "outcome_unknown";
/// The reason code of a hold after an answer that no response rule knows.
pub const UNCLASSIFIED: &str = "unclassified";

/// Which submission is held at which endpoint.
#[derive(Debug, Clone, Copy)]
pub struct Held<'a> {
    pub workspace: WorkspaceId,
    pub submission: SubmissionId,
    pub campaign: &'a Campaign,
    pub endpoint: &'a str,
    /// The reason code of the hold, and the reason.
    pub code: &'a str,
    pub reason: &'a str,
}

/// The notice of a hold.
pub fn notice(held: Held<'_>, now: Time) -> Notice {
    let unclassified = held.code == UNCLASSIFIED;
    let kind = if unclassified { Kind::AnswerUnclassified } else { Kind::DeliveryUnknown };
    let word = if unclassified { "answer_unclassified" } else { "delivery_unknown" };
    let (campaign, endpoint) = (held.campaign.id, held.endpoint);
    let hour = now.format("%Y-%m-%dT%H");
    Notice {
        workspace: held.workspace,
        campaign: Some(campaign),
        kind,
        subject: format!("{word}:{campaign}:{endpoint}:{hour}"),
        message: format!("a delivery of {} is held: {}", held.campaign.name, held.reason),
        details: Some(json!({ "endpointId": endpoint, "firstSubmissionId": held.submission })),
        at: now,
    }
}

/// The question that the endpoint can be asked about it, if it can.
pub fn query(held: Held<'_>, now: Time) -> Query {
    let endpoint = held.campaign.endpoint(held.endpoint).filter(|_| held.code == UNKNOWN);
    match endpoint.and_then(|endpoint| endpoint.config.status_query.as_ref()) {
        None => Query::None,
        Some(asked) => Query::Begin {
            endpoint: held.endpoint.to_owned(),
            due_at: now + Duration::seconds(asked.after_seconds),
        },
    }
}
