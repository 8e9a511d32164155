//! What a source and an operator say to the API over HTTP.
use crate::sink::Sink;
use serde_json::{Value, json};
use shared::ids::{LeadId, SubmissionId};
use std::{
    sync::{Arc, RwLock},
    time::Duration,
};

/// A caller that waits longer than this is not answered.
const PATIENCE: Duration = Duration::from_secs(60);

/// An API client. Clones follow when the API comes back at another address.
#[derive(Clone)]
pub struct Desk {
    http: reqwest::Client,
    base: Arc<RwLock<String>>,
    key: Arc<str>,
}

/// What a 202 says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    pub lead: LeadId,
    pub submission: SubmissionId,
}

/// Why a request has no 202.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unanswered {
    /// The connection was refused or broke.
    Broken(String),
    Status(u16, String),
}

/// A campaign that leads can be sent to.
#[derive(Debug, Clone)]
pub struct Campaign {
    pub id: Value,
    pub code: String,
}

impl Campaign {
    /// No campaign yet.
    pub fn none() -> Self {
        Self { id: Value::Null, code: String::new() }
    }
}

impl Desk {
    pub fn new(key: &str) -> Self {
        worker::outside::http::install_tls();
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        Self { http, base: Arc::default(), key: key.into() }
    }

    /// The API is at this address from now on.
    pub fn follow(&self, address: &str) {
        *self.base.write().unwrap() = format!("http://{address}/api/v1");
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base.read().unwrap())
    }

    /// Makes a campaign.
    ///
    /// # Panics
    /// When the API refuses it.
    pub async fn campaign(&self, name: &str, config: Value) -> Campaign {
        let request = self.http.post(self.url("/campaigns")).header("X-API-Key", &*self.key);
        let answer = request.json(&json!({"name": name, "config": config})).send().await.unwrap();
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        assert!(status.is_success(), "the campaign was refused: {status} {body}");
        let data = &body["data"];
        Campaign { id: data["campaignId"].clone(), code: data["code"].as_str().unwrap().to_owned() }
    }

    /// Saves something under its name, or reads something when there is no body; answers its `data`.
    ///
    /// # Panics
    /// When the API refuses it.
    pub async fn ask(&self, path: &str, body: Option<Value>) -> Value {
        let (http, url) = (&self.http, self.url(path));
        let request = match &body {
            Some(body) => http.put(url).json(body),
            None => http.get(url),
        };
        let answer = request.header("X-API-Key", &*self.key).send().await.unwrap();
        let status = answer.status();
        let mut told: Value = answer.json().await.unwrap();
        assert!(status.is_success(), "{path} was refused: {status} {told}");
        told["data"].take()
    }

    /// Posts something; answers its `data` when it was taken.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, Unanswered> {
        let request = self.http.post(self.url(path)).header("X-API-Key", &*self.key);
        let broken = |error: reqwest::Error| Unanswered::Broken(format!("{error:?}"));
        let answer = request.json(body).send().await.map_err(broken)?;
        let status = answer.status();
        let text = answer.text().await.map_err(broken)?;
        if !status.is_success() {
            return Err(Unanswered::Status(status.as_u16(), text));
        }
        let mut told: Value = serde_json::from_str(&text).expect("an answer is JSON");
        Ok(told["data"].take())
    }

    /// Posts a webhook as it is; answers the status.
    ///
    /// # Panics
    /// When the API cannot be reached.
    pub async fn hook(&self, url: &str, headers: &[(String, String)], body: &str) -> u16 {
        let mut request = self.http.post(url).body(body.to_owned());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.send().await.unwrap().status().as_u16()
    }

    /// The same API, for another workspace's key.
    pub fn with_key(&self, key: &str) -> Self {
        Self { key: key.into(), ..self.clone() }
    }

    /// The API where it is now: this one stays there when a later one is followed.
    pub fn staying(&self) -> Self {
        let base = self.base.read().unwrap().clone();
        Self { base: Arc::new(RwLock::new(base)), ..self.clone() }
    }

    /// Resumes by token; answers the body.
    ///
    /// # Panics
    /// When the API cannot be reached.
    pub async fn resume(&self, token: &str) -> Value {
        let request = self.http.post(self.url(&format!("/resume/{token}")));
        request.send().await.unwrap().json().await.unwrap()
    }

    /// Submits a lead under an idempotency key.
    pub async fn submit(&self, key: &str, lead: &Value) -> Result<Receipt, Unanswered> {
        let request = self.http.post(self.url("/leads/submit")).header("X-API-Key", &*self.key);
        let sent = request.header("Idempotency-Key", key).json(lead).send().await;
        let broken = |error: reqwest::Error| Unanswered::Broken(format!("{error:?}"));
        let answer = sent.map_err(broken)?;
        let status = answer.status().as_u16();
        let text = answer.text().await.map_err(broken)?;
        if status != 202 {
            return Err(Unanswered::Status(status, text));
        }
        let body: Value = serde_json::from_str(&text).expect("a 202 is JSON");
        let id = |name: &str| body["data"][name].as_str().expect("a 202 names its ids");
        Ok(Receipt {
            lead: LeadId::parse(id("leadId")).unwrap(),
            submission: SubmissionId::parse(id("submissionId")).unwrap(),
        })
    }
}

/// A campaign's configuration: a rule, a computed key, and one endpoint at the sink.
pub fn config(sink: &Sink, endpoint: &str, idempotent: bool, fallback: &[Value]) -> Value {
    let leaf = json!({"field": "questionnaire.homeowner", "operator": "in", "value": ["no"]});
    json!({
        "disqualification": [{"name": "no renters", "rule": leaf}],
        "computedKeys": [{
            "key": "full_name", "type": "text",
            "expression": "lead.firstName ~ ' ' ~ lead.lastName",
        }],
        "requiredFields": ["address.zip"],
        "endpoints": [{
            "id": endpoint,
            "name": format!("buyer {endpoint}"),
            "url": format!("http://{}/{endpoint}", sink.address),
            "timeoutSeconds": 20,
            "idempotent": idempotent,
            // Here the engine is tried, not its patience with a buyer.
            "breaker": {"enabled": false},
            "payload": {"nodes": [
                {"kind": "field", "key": "name", "source": "computed.full_name"},
                {"kind": "field", "key": "email", "source": "lead.email"},
                {"kind": "field", "key": "phone", "source": "lead.phone"},
            ]},
            "response": {
                "rules": [
                    {"outcome": "accepted",
                     "when": {"status": ["2xx"], "jsonPath": {"path": "$.result", "equals": "accepted"}}},
                    {"outcome": "rejected",
                     "when": {"jsonPath": {"path": "$.result", "equals": "rejected"}},
                     "reason": {"jsonPath": "$.reason"}},
                ],
                "buyerLeadId": {"jsonPath": "$.id"},
            },
        }],
        "fallback": {"campaigns": fallback},
    })
}
