//! What follows when a delivery is held: people are told, once for an endpoint and an hour.
use crate::{
    campaign::Campaign,
    clock::Time,
    ids::{SubmissionId, WorkspaceId},
    store::notices::{Kind, Notice},
};
use serde_json::json;

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
