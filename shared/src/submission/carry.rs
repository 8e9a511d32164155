//! What earlier stages hand to later ones; stored with the submission.
use crate::{clock::Time, ids::CampaignId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The results of the stages that have run, empty at first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Carry {
    /// Campaigns this submission was routed away from, oldest first (the loop guard).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routed_from: Vec<CampaignId>,
    /// Campaigns whose submissions of this lead led here by fallback, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fallen_from: Vec<CampaignId>,
    /// Answers brought back by the first action, by field path.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub answers: Map<String, Value>,
    /// The computed keys (stage 4).
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub computed: Map<String, Value>,
    /// Values in the endpoint's own words, by field path (stage 6).
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub canonical: Map<String, Value>,
    /// What is sent, and under which key (stage 7).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<Planned>,
    /// Where the lead may go because its campaign had no room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overflow: Option<Overflow>,
    /// What the campaign's later endpoints are sent if the earlier ones do not take the lead.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub later: Vec<Planned>,
    /// The endpoint for which another access token was fetched because it refused one: that is done once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renewed: Option<String>,
}

impl Carry {
    /// Makes the next endpoint's payload the one that is delivered; false when there is none.
    pub fn turn_to_next_endpoint(&mut self) -> bool {
        if self.later.is_empty() {
            return false;
        }
        self.payload = Some(self.later.remove(0));
        true
    }
}

/// What a lead that found no room may do instead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Overflow {
    /// The one campaign that is tried; the fallback list when absent.
    pub to: Option<CampaignId>,
    /// If nobody takes it, it waits for its own campaign and is looked at then.
    pub wait_until: Option<Time>,
}

/// A delivery that stage 7 has prepared and stage 8 performs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Planned {
    /// Which endpoint of the campaign revision.
    pub endpoint: String,
    /// Sent with every attempt, so that a repeated post is recognisably the same post.
    pub idempotency_key: String,
    /// The body as it is sent, byte for byte.
    pub body: String,
}
