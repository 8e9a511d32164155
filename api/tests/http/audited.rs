//! Everything that changes something by a key is in the audit log, with who, what, before and after, and no word of who a person is.
//!
//! A NEW ROUTE that changes something: put it into [`AUDITED`] and add a step to the test below that calls it, or into [`NOT_AUDITED`] with
//! the reason. A handler acts for its caller with `caller.acting(&api.db)`; the store function calls `audit::tell` in its transaction.
use crate::{
    support::{Answer, World, lead},
    talks::at_ten,
};
use serde_json::{Value, json};
use shared::{
    store::dialect::Engine,
    submission::{Stage, State},
};
use std::collections::BTreeSet;

mod steps;

/// Routes whose calls are told of. `GET` only where data leaves.
const AUDITED: &[&str] = &[
    "POST /campaigns",
    "PUT /campaigns/{campaignId}",
    "POST /campaigns/{campaignId}/activate",
    "POST /campaigns/{campaignId}/archive",
    "POST /campaigns/{campaignId}/pause",
    "PUT /campaigns/{campaignId}/automation",
    "POST /campaigns/{campaignId}/automation/jobs/retry",
    "POST /campaigns/{campaignId}/endpoints/{endpointId}/breaker/open",
    "POST /campaigns/{campaignId}/endpoints/{endpointId}/breaker/reset",
    "POST /campaigns/{campaignId}/leads/remove",
    "POST /campaigns/{campaignId}/members",
    "PUT /campaigns/{campaignId}/segments",
    "PUT /agents/{agentName}",
    "DELETE /agents/{agentName}",
    "POST /contacts/tags",
    "DELETE /contacts/{contactId}",
    "PUT /contacts/{contactId}/consent",
    "POST /contacts/{contactId}/erase",
    "GET /contacts/{contactId}/export",
    "POST /contacts/{contactId}/merge",
    "POST /contacts/{contactId}/notes",
    "POST /contacts/{contactId}/status",
    "POST /jobs/discard",
    "POST /jobs/retry",
    "POST /jobs/{submissionId}/discard",
    "POST /jobs/{submissionId}/retry",
    "POST /jobs/{submissionId}/settle",
    "DELETE /keys/{keyId}",
    "POST /lanes/{stage}/pause",
    "POST /lanes/{stage}/resume",
    "POST /leads/status",
    "PATCH /leads/{leadId}",
    "POST /leads/{leadId}/approve",
    "POST /leads/{leadId}/deliver",
    "POST /leads/{leadId}/points",
    "POST /leads/{leadId}/repost",
    "POST /leads/{leadId}/submit",
    "POST /properties",
    "PATCH /properties/{propertyId}",
    "POST /reviews/decide",
    "POST /reviews/{reviewId}/decide",
    "PUT /secrets/{secretName}",
    "DELETE /secrets/{secretName}",
    "POST /segments",
    "DELETE /segments/{segmentId}",
    "PATCH /segments/{segmentId}",
    "POST /segments/{segmentId}/copy",
    "POST /segments/{segmentId}/members",
    "POST /segments/{segmentId}/members/from-search",
    "POST /segments/{segmentId}/members/remove",
    "POST /segments/{segmentId}/rebuild",
    "POST /sms/send",
    "PATCH /submissions/{submissionId}",
    "POST /submissions/{submissionId}/resume",
    "POST /suppressions",
    "DELETE /suppressions",
    "POST /suppressions/batch",
    "DELETE /suppressions/batch",
    "POST /tracking-sites",
    "DELETE /tracking-sites/{siteId}",
    "POST /value-sets",
    "PUT /value-sets/{valueSetId}",
    "DELETE /value-sets/{valueSetId}",
    "POST /voice/calls/initiate",
    "PATCH /workspace",
];

/// Routes whose calls are told of as well; the tests of their own areas look at the lines.
const AUDITED_ELSEWHERE: &[&str] = &[
    "GET /contacts/export",
    "GET /leads/export",
    "GET /submissions/export",
    "POST /leads/process",
    "POST /leads/process/{processId}/cancel",
    "POST /webhooks",
    "PATCH /webhooks/{webhookId}",
    "DELETE /webhooks/{webhookId}",
    "POST /webhooks/{webhookId}/messages/{messageId}/replay",
    "POST /webhooks/{webhookId}/replay",
    "POST /webhooks/{webhookId}/rotate-secret",
    "PUT /workspace/retention",
    "POST /imports",
    "POST /imports/{importId}/cancel",
    "POST /imports/{importId}/start",
    "POST /imports/{importId}/undo",
];

/// Routes that are not told of, and why.
const NOT_AUDITED: &[(&str, &str)] = &[
    ("POST /activities", "intake: the activity is the record"),
    ("POST /contacts", "intake: the contact's history tells of it"),
    ("POST /contacts/batch", "intake: the contacts' histories tell of it"),
    ("PATCH /contacts/{contactId}", "an upsert by id: the contact's history tells of it"),
    ("POST /leads", "intake: the lead is the record"),
    ("POST /leads/submit", "intake: the journey tells of it"),
    ("POST /hooks/{agentId}", "a provider's word: no key"),
    ("POST /resume/{token}", "the token's holder: no key; the journey tells of it"),
    ("POST /t/p", "a visitor: no key"),
    ("POST /reviews/claim-next", "a claim passes by itself; the decision is told of"),
    ("POST /reviews/{reviewId}/claim", "a claim passes by itself; the decision is told of"),
    ("POST /reviews/{reviewId}/release", "a claim passes by itself; the decision is told of"),
    ("POST /campaigns/{campaignId}/automation/dry-run", "changes nothing"),
    ("POST /campaigns/{campaignId}/endpoints/{endpointId}/test-response", "changes nothing"),
    ("POST /campaigns/{campaignId}/preview", "changes nothing"),
    ("POST /campaigns/{campaignId}/what-if", "changes nothing"),
    ("POST /contacts/search", "changes nothing"),
    ("POST /response-rules/test", "changes nothing"),
    ("POST /rules/test", "changes nothing"),
    ("POST /search/parse", "changes nothing"),
    ("POST /segments/preview", "changes nothing"),
    ("POST /segments/{segmentId}/check", "changes nothing"),
    ("POST /files", "a file by itself does nothing; the import that uses it is told of"),
    ("PUT /imports/{importId}/file", "a draft: its start is told of"),
    ("PATCH /imports/{importId}", "a draft: its start is told of"),
    ("DELETE /imports/{importId}", "a draft: its start is told of"),
    ("POST /imports/{importId}/check", "changes nothing that people have"),
    ("POST /leads/{leadId}/evidence", "intake: the evidence is the record"),
    ("POST /suppressions/check", "changes nothing"),
    ("POST /webhooks/{webhookId}/test", "sends a test message; the log of messages tells of it"),
];

#[test]
fn every_route_that_changes_something_is_audited_or_says_why_not() {
    let document = serde_json::to_value(api::openapi()).unwrap();
    let mut routes = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let path = path.strip_prefix("/api/v1").unwrap_or(path);
        for method in methods.as_object().unwrap().keys() {
            routes.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let audited = AUDITED.iter().chain(AUDITED_ELSEWHERE).copied();
    let listed: Vec<&str> = audited.chain(NOT_AUDITED.iter().map(|(route, _)| *route)).collect();
    let once: BTreeSet<String> = listed.iter().map(|route| (*route).to_owned()).collect();
    assert_eq!(once.len(), listed.len(), "a route is listed twice");
    let gone: Vec<&String> = once.difference(&routes).collect();
    assert!(gone.is_empty(), "these are no routes any more: {gone:?}");
    let missing: Vec<&String> =
        routes.difference(&once).filter(|route| !route.starts_with("GET ")).collect();
    assert!(
        missing.is_empty(),
        "{missing:?} may change something. Does it? Then act with `caller.acting(&api.db)`, call `audit::tell` in the store \
         function's transaction, put the route into AUDITED of api/tests/http/audited.rs and add a step to its test, and a row to \
         docs/audit.md. If not, put it into NOT_AUDITED with the reason."
    );
}

/// Found nowhere in the log: what the requests below say of people, and the credentials.
const CANARY: &str = "zzcanary";
const PHONE: &str = "5550142";

struct Steps {
    world: World,
    key_id: String,
    called: BTreeSet<&'static str>,
    told: Vec<String>,
}

impl Steps {
    /// Calls a route of [`AUDITED`], and reads what the log tells of this very request.
    async fn step(&mut self, route: &'static str, url: &str, body: Value) -> Answer {
        let answer = self.quiet(route, url, body).await;
        let lines = self.lines(&answer).await;
        assert!(!lines.is_empty(), "{route} is not in the audit log");
        self.called.insert(route);
        self.told.push(format!("{route}\n  {}", lines.join("\n  ")));
        answer
    }

    /// A repeat of what was done already.
    async fn again(&mut self, route: &'static str, url: &str, body: Value) {
        let answer = self.quiet(route, url, body).await;
        assert_eq!(self.lines(&answer).await, Vec::<String>::new(), "{route} changed nothing");
    }

    async fn quiet(&self, route: &str, url: &str, body: Value) -> Answer {
        let (method, _) = route.split_once(' ').unwrap();
        let ask = self.world.ask(method, &format!("/api/v1{url}"));
        let ask = if method == "GET" { ask } else { ask.json(body) };
        let answer = ask.send().await;
        assert!((200..300).contains(&answer.status), "{route}: {answer:?}");
        answer
    }

    async fn lines(&self, answer: &Answer) -> Vec<String> {
        let request = answer.header("x-request-id").unwrap();
        let listed = self.world.get("/api/v1/audit?limit=100").await;
        let items = listed.json["data"]["items"].as_array().unwrap().clone();
        let mine = items.iter().filter(|item| item["requestId"] == request);
        let mut lines: Vec<String> = mine
            .inspect(|item| assert_eq!(item["actor"], "key test admin installation"))
            .inspect(|item| assert_eq!(item["keyId"], json!(self.key_id)))
            .map(shown)
            .collect();
        lines.reverse();
        lines
    }

    async fn made(&self, path: &str, body: Value, id: &str) -> String {
        self.world.post(&format!("/api/v1{path}"), body).await.data(id)
    }

    async fn contact(&self, nth: u32) -> String {
        let contact = json!({"email": format!("{CANARY}{nth}@example.com"), "firstName": CANARY});
        self.made("/contacts", contact, "contactId").await
    }

    async fn submitted(&self, nth: u32) -> String {
        self.world
            .submitted("SOL", &format!("{CANARY}{nth}@x.com"), &format!("41555502{nth}"))
            .await
    }

    async fn failed(&self, nth: u32) -> String {
        let id = self.submitted(nth).await;
        self.world.put(&id, State::Failed(Stage::Delivery), Stage::Delivery).await;
        id
    }

    async fn lead_of(&self, submission: &str) -> String {
        let story = self.world.get(&format!("/api/v1/submissions/{submission}")).await;
        story.json["data"]["submission"]["leadId"].as_str().unwrap().to_owned()
    }

    /// A lead of this person that was only stored.
    async fn stored(&self, nth: u32) -> String {
        let mut body = lead("SOL");
        body["email"] = json!(format!("{CANARY}{nth}@y.com"));
        body["phone"] = json!(format!("41555503{nth}"));
        self.made("/leads", body, "leadId").await
    }

    async fn review(&self, nth: u32) -> (String, String) {
        let id = self.submitted(nth).await;
        self.world.park_for(&id, "human_review").await;
        let listed = self.world.get("/api/v1/reviews?limit=100").await;
        let items = listed.json["data"]["items"].as_array().unwrap().clone();
        let mine = items.iter().find(|item| item["submissionId"] == json!(id)).unwrap();
        (mine["reviewId"].as_str().unwrap().to_owned(), id)
    }
}

/// A line in one, ids as words.
fn shown(item: &Value) -> String {
    let text = |name: &str| item[name].as_str().unwrap();
    let side = |name: &str| match &item[name] {
        Value::Null => "-".to_owned(),
        value => value.to_string(),
    };
    let line = format!(
        "{} {} {}: {} to {}",
        text("action"),
        text("objectKind"),
        text("objectId"),
        side("before"),
        side("after")
    );
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let word = |word: &str| match word.split_once('_') {
        Some((prefix, rest)) if rest.len() == 26 => format!("{prefix}_…"),
        None if word.len() == 16 && word.chars().all(|c| c.is_ascii_hexdigit()) => "…".to_owned(),
        _ => word.to_owned(),
    };
    let parts = line.split_inclusive(|c| !is_word(c)).map(|part| {
        let end = part.trim_end_matches(|c| !is_word(c)).len();
        format!("{}{}", word(&part[..end]), &part[end..])
    });
    parts.collect()
}

#[tokio::test]
async fn what_a_key_does_is_told_with_who_what_before_and_after() {
    let world = at_ten().await;
    let keys = world.get("/api/v1/keys").await;
    let own = keys.json["data"]["items"][0]["keyId"].as_str().unwrap().to_owned();
    let mut steps = Steps { world, key_id: own, called: BTreeSet::new(), told: Vec::new() };
    steps::configuration(&mut steps).await;
    steps::people(&mut steps).await;
    steps::leads(&mut steps).await;
    steps::operations(&mut steps).await;
    let called: Vec<&str> = steps.called.iter().copied().collect();
    let mut all = AUDITED.to_vec();
    all.sort_unstable();
    assert_eq!(called, all, "every audited route has a step");
    nobody_is_named(&steps.world).await;
    insta::assert_snapshot!(steps.told.join("\n"));
}

/// The log is read as the database has it, whole.
async fn nobody_is_named(world: &World) {
    let whole = match world.db.engine() {
        Engine::Postgres => "SELECT CAST(e.* AS TEXT) FROM audit_event e WHERE e.workspace_id = $1",
        Engine::Sqlite => {
            "SELECT actor || action || area || object_kind || object_id || COALESCE(before, '') || COALESCE(after, '')
             FROM audit_event WHERE workspace_id = $1"
        }
    };
    let lines: Vec<(String,)> =
        world.db.read().sql(whole).bind(world.workspace).all().await.unwrap();
    assert!(lines.len() > AUDITED.len(), "{} lines", lines.len());
    for (line,) in lines {
        let folded = line.to_lowercase();
        assert!(!folded.contains(CANARY) && !folded.contains("maria"), "{line}");
        assert!(!line.contains(PHONE) && !line.contains("415555"), "{line}");
    }
}
