//! What earlier stages hand to later ones; stored with the submission.
use super::Status;
use crate::{campaign::payload_body::JSON_TYPE, clock::Time, ids::CampaignId};
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
    /// How often the first action was started over.
    #[serde(skip_serializing_if = "is_zero")]
    pub rounds: i64,
    /// What the first action waits for now, so that the same wait is not written down twice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits: Option<Waits>,
    /// A fallback is sought whatever the campaign says of such an end.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub seeks_fallback: bool,
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

fn is_zero(n: &i64) -> bool {
    *n == 0
}

/// A wait of the first action: until when, and what is shown meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Waits {
    pub until: Time,
    pub shown: Status,
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
    /// What the body is; none when there is no body. Absent in what earlier releases stored: they sent JSON.
    #[serde(default = "json", skip_serializing_if = "is_json")]
    pub content_type: Option<String>,
    /// What a GET adds to the endpoint's URL; none for other methods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
}

impl Planned {
    /// The URL that is called. A query that the endpoint's URL has stays in front.
    pub fn url(&self, endpoint: &str) -> String {
        let Some(query) = self.query.as_deref().filter(|query| !query.is_empty()) else {
            return endpoint.to_owned();
        };
        let bare = endpoint.split('#').next().unwrap_or(endpoint);
        let sign = match bare.split_once('?') {
            None => "?",
            Some((_, "")) => "",
            Some((_, had)) if had.ends_with('&') => "",
            Some(_) => "&",
        };
        format!("{bare}{sign}{query}")
    }
}

fn json() -> Option<String> {
    Some(JSON_TYPE.to_owned())
}

#[expect(clippy::ref_option, reason = "serde asks for it")]
fn is_json(content_type: &Option<String>) -> bool {
    content_type.as_deref() == Some(JSON_TYPE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn planned(query: Option<&str>) -> Planned {
        Planned {
            endpoint: "a".into(),
            idempotency_key: "k".into(),
            body: String::new(),
            content_type: None,
            query: query.map(str::to_owned),
        }
    }

    #[test]
    fn a_delivery_that_an_earlier_release_planned_is_one_of_json() {
        let old = json!({"endpoint": "a", "idempotencyKey": "k", "body": "{}"});
        let read: Planned = serde_json::from_value(old.clone()).unwrap();
        assert_eq!(read.content_type.as_deref(), Some("application/json"));
        assert_eq!(read.query, None);
        assert_eq!(serde_json::to_value(&read).unwrap(), old, "and is stored as before");
        let get = planned(Some("a=1"));
        let stored = serde_json::to_value(&get).unwrap();
        assert_eq!(serde_json::from_value::<Planned>(stored).unwrap(), get);
    }

    #[test]
    fn a_query_is_added_to_the_one_that_is_there() {
        for (url, whole) in [
            ("https://b.example/x", "https://b.example/x?a=1"),
            ("https://b.example/x?", "https://b.example/x?a=1"),
            ("https://b.example/x?key=v", "https://b.example/x?key=v&a=1"),
            ("https://b.example/x?key=v&", "https://b.example/x?key=v&a=1"),
            ("https://b.example/x#top", "https://b.example/x?a=1"),
        ] {
            assert_eq!(planned(Some("a=1")).url(url), whole);
            assert_eq!(planned(Some("")).url(url), url);
            assert_eq!(planned(None).url(url), url);
        }
    }
}
