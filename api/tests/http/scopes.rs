//! Which scopes open which route.
use crate::support::{add_key, world};
use serde_json::json;

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "the cases and what is said of each are one table")]
async fn each_route_opens_to_its_scope_only() {
    let world = world().await;
    let document = serde_json::to_value(api::openapi()).unwrap();
    let mut keys = Vec::new();
    for scope in shared::key::SCOPES {
        keys.push((scope, add_key(&world.db, world.workspace, &[scope], None).await));
    }
    let mut lines = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let id = "01hzzzzzzzzzzzzzzzzzzzzzzz";
            let named = [
                "lead",
                "campaign",
                "submission",
                "key",
                "review",
                "valueSet",
                "agent",
                "interaction",
                "contact",
                "site",
                "property",
                "segment",
                "import",
                "process",
                "webhook",
                "message",
            ];
            let url = named.iter().fold(path.clone(), |url, what| {
                let prefix = match *what {
                    "campaign" => "cmp",
                    "submission" => "sub",
                    "review" => "park",
                    "valueSet" => "vset",
                    "interaction" => "int",
                    "property" => "prop",
                    "segment" => "seg",
                    "import" => "imp",
                    "process" => "proc",
                    "webhook" => "hook",
                    "message" => "whm",
                    other => other,
                };
                url.replace(&format!("{{{what}Id}}"), &format!("{prefix}_{id}"))
            });
            let url = url
                .replace("{stage}", "payload")
                .replace("{token}", "none")
                .replace("{agentName}", "none")
                .replace("{secretName}", "none");
            let mut open = Vec::new();
            for (scope, key) in &keys {
                let ask = world.ask_as(key, &method.to_uppercase(), &url).json(json!([]));
                if ask.send().await.status != 403 {
                    open.push(*scope);
                }
            }
            lines.push(format!("{} {path}: {}", method.to_uppercase(), open.join(" ")));
        }
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    POST /api/v1/activities: admin leads:write
    GET /api/v1/activities/types: admin leads:read
    GET /api/v1/agents: admin campaigns:read
    GET /api/v1/agents/{agentName}: admin campaigns:read
    PUT /api/v1/agents/{agentName}: admin campaigns:write
    DELETE /api/v1/agents/{agentName}: admin campaigns:write
    GET /api/v1/audit: admin
    GET /api/v1/campaigns: admin campaigns:read
    POST /api/v1/campaigns: admin campaigns:write
    GET /api/v1/campaigns/{campaignId}: admin campaigns:read
    PUT /api/v1/campaigns/{campaignId}: admin campaigns:write
    POST /api/v1/campaigns/{campaignId}/activate: admin campaigns:write
    POST /api/v1/campaigns/{campaignId}/archive: admin campaigns:write
    GET /api/v1/campaigns/{campaignId}/automation: admin campaigns:read
    PUT /api/v1/campaigns/{campaignId}/automation: admin campaigns:write
    POST /api/v1/campaigns/{campaignId}/automation/dry-run: admin
    GET /api/v1/campaigns/{campaignId}/automation/jobs: admin ops
    POST /api/v1/campaigns/{campaignId}/automation/jobs/retry: admin ops
    GET /api/v1/campaigns/{campaignId}/automation/positions: admin campaigns:read
    GET /api/v1/campaigns/{campaignId}/automation/revisions: admin campaigns:read
    GET /api/v1/campaigns/{campaignId}/endpoints: admin ops
    POST /api/v1/campaigns/{campaignId}/endpoints/{endpointId}/breaker/open: admin ops
    POST /api/v1/campaigns/{campaignId}/endpoints/{endpointId}/breaker/reset: admin ops
    POST /api/v1/campaigns/{campaignId}/endpoints/{endpointId}/test-response: admin campaigns:read
    POST /api/v1/campaigns/{campaignId}/leads/remove: admin leads:write
    POST /api/v1/campaigns/{campaignId}/members: admin leads:write
    POST /api/v1/campaigns/{campaignId}/pause: admin campaigns:write
    POST /api/v1/campaigns/{campaignId}/preview: admin
    GET /api/v1/campaigns/{campaignId}/room: admin campaigns:read
    GET /api/v1/campaigns/{campaignId}/segments: admin campaigns:read
    PUT /api/v1/campaigns/{campaignId}/segments: admin campaigns:write
    POST /api/v1/campaigns/{campaignId}/what-if: admin
    GET /api/v1/contacts: admin leads:read
    POST /api/v1/contacts: admin leads:write
    POST /api/v1/contacts/batch: admin leads:write
    GET /api/v1/contacts/export: admin leads:read
    POST /api/v1/contacts/search: admin leads:read
    POST /api/v1/contacts/tags: admin leads:write
    GET /api/v1/contacts/{contactId}: admin leads:read
    DELETE /api/v1/contacts/{contactId}: admin leads:write
    PATCH /api/v1/contacts/{contactId}: admin leads:write
    GET /api/v1/contacts/{contactId}/activities: admin leads:read
    PUT /api/v1/contacts/{contactId}/consent: admin leads:write
    POST /api/v1/contacts/{contactId}/erase: admin
    GET /api/v1/contacts/{contactId}/evidence: admin leads:read
    GET /api/v1/contacts/{contactId}/export: admin leads:read
    GET /api/v1/contacts/{contactId}/leads: admin leads:read
    POST /api/v1/contacts/{contactId}/merge: admin leads:write
    GET /api/v1/contacts/{contactId}/notes: admin leads:read
    POST /api/v1/contacts/{contactId}/notes: admin leads:write
    GET /api/v1/contacts/{contactId}/segments: admin leads:read
    POST /api/v1/contacts/{contactId}/status: admin leads:write
    GET /api/v1/contacts/{contactId}/timeline: admin leads:read
    POST /api/v1/files: admin leads:write
    GET /api/v1/files/{leadId}: admin leads:read
    GET /api/v1/files/{leadId}/{fileKey}: admin leads:read
    POST /api/v1/hooks/{agentId}: admin leads:read leads:write campaigns:read campaigns:write ops secrets:write installation
    GET /api/v1/imports: admin leads:read
    POST /api/v1/imports: admin leads:write
    GET /api/v1/imports/{importId}: admin leads:read
    DELETE /api/v1/imports/{importId}: admin leads:write
    PATCH /api/v1/imports/{importId}: admin leads:write
    POST /api/v1/imports/{importId}/cancel: admin leads:write
    POST /api/v1/imports/{importId}/check: admin leads:write
    GET /api/v1/imports/{importId}/errors: admin leads:read
    PUT /api/v1/imports/{importId}/file: admin leads:write
    POST /api/v1/imports/{importId}/start: admin leads:write
    POST /api/v1/imports/{importId}/undo: admin leads:write
    GET /api/v1/interactions/{interactionId}: admin leads:read
    GET /api/v1/jobs: admin ops
    POST /api/v1/jobs/discard: admin ops
    GET /api/v1/jobs/groups: admin ops
    POST /api/v1/jobs/retry: admin ops
    GET /api/v1/jobs/{submissionId}: admin ops
    POST /api/v1/jobs/{submissionId}/discard: admin ops
    POST /api/v1/jobs/{submissionId}/retry: admin ops
    POST /api/v1/jobs/{submissionId}/settle: admin ops
    GET /api/v1/keys: admin
    DELETE /api/v1/keys/{keyId}: admin
    GET /api/v1/lanes: admin ops
    POST /api/v1/lanes/{stage}/pause: installation
    POST /api/v1/lanes/{stage}/resume: installation
    GET /api/v1/leads: admin leads:read
    POST /api/v1/leads: admin leads:write
    GET /api/v1/leads/export: admin leads:read
    GET /api/v1/leads/process: admin leads:read
    POST /api/v1/leads/process: admin leads:write
    GET /api/v1/leads/process/{processId}: admin leads:read
    POST /api/v1/leads/process/{processId}/cancel: admin leads:write
    POST /api/v1/leads/status: admin leads:write
    POST /api/v1/leads/submit: admin leads:write
    GET /api/v1/leads/{leadId}: admin leads:read
    PATCH /api/v1/leads/{leadId}: admin leads:write
    POST /api/v1/leads/{leadId}/approve: admin leads:write
    POST /api/v1/leads/{leadId}/deliver: admin leads:write
    GET /api/v1/leads/{leadId}/evidence: admin leads:read
    POST /api/v1/leads/{leadId}/evidence: admin leads:write
    GET /api/v1/leads/{leadId}/explain: admin leads:read
    GET /api/v1/leads/{leadId}/firings: admin leads:read
    GET /api/v1/leads/{leadId}/history: admin leads:read
    GET /api/v1/leads/{leadId}/interactions: admin leads:read
    POST /api/v1/leads/{leadId}/points: admin leads:write
    POST /api/v1/leads/{leadId}/repost: admin leads:write
    GET /api/v1/leads/{leadId}/submissions: admin leads:read
    POST /api/v1/leads/{leadId}/submit: admin leads:write
    GET /api/v1/notices: admin ops
    GET /api/v1/properties: admin leads:read
    POST /api/v1/properties: admin campaigns:write
    GET /api/v1/properties/{propertyId}: admin leads:read
    PATCH /api/v1/properties/{propertyId}: admin campaigns:write
    POST /api/v1/response-rules/test: admin campaigns:read
    POST /api/v1/resume/{token}: admin leads:read leads:write campaigns:read campaigns:write ops secrets:write installation
    GET /api/v1/reviews: admin leads:read
    POST /api/v1/reviews/claim-next: admin leads:write
    POST /api/v1/reviews/decide: admin leads:write
    GET /api/v1/reviews/{reviewId}: admin leads:read
    POST /api/v1/reviews/{reviewId}/claim: admin leads:write
    POST /api/v1/reviews/{reviewId}/decide: admin leads:write
    POST /api/v1/reviews/{reviewId}/release: admin leads:write
    POST /api/v1/rules/test: admin campaigns:read
    POST /api/v1/search/parse: admin leads:read
    GET /api/v1/secrets: admin secrets:write
    PUT /api/v1/secrets/{secretName}: admin secrets:write
    DELETE /api/v1/secrets/{secretName}: admin secrets:write
    GET /api/v1/segments: admin leads:read
    POST /api/v1/segments: admin campaigns:write
    POST /api/v1/segments/preview: admin leads:read
    GET /api/v1/segments/{segmentId}: admin leads:read
    DELETE /api/v1/segments/{segmentId}: admin campaigns:write
    PATCH /api/v1/segments/{segmentId}: admin campaigns:write
    POST /api/v1/segments/{segmentId}/check: admin leads:read
    POST /api/v1/segments/{segmentId}/copy: admin campaigns:write
    GET /api/v1/segments/{segmentId}/export: admin leads:read
    GET /api/v1/segments/{segmentId}/history: admin leads:read
    GET /api/v1/segments/{segmentId}/members: admin leads:read
    POST /api/v1/segments/{segmentId}/members: admin leads:write
    POST /api/v1/segments/{segmentId}/members/from-search: admin leads:write
    POST /api/v1/segments/{segmentId}/members/remove: admin leads:write
    POST /api/v1/segments/{segmentId}/rebuild: admin campaigns:write
    POST /api/v1/sms/send: admin leads:write
    GET /api/v1/submissions/export: admin leads:read
    GET /api/v1/submissions/{submissionId}: admin leads:read
    PATCH /api/v1/submissions/{submissionId}: admin leads:write
    POST /api/v1/submissions/{submissionId}/resume: admin leads:write
    POST /api/v1/suppressions: admin leads:write
    DELETE /api/v1/suppressions: admin leads:write
    POST /api/v1/suppressions/batch: admin leads:write
    DELETE /api/v1/suppressions/batch: admin leads:write
    POST /api/v1/suppressions/check: admin leads:read
    GET /api/v1/suppressions/summary: admin leads:read
    GET /api/v1/sweeps: admin ops
    GET /api/v1/tracking-sites: admin campaigns:read
    POST /api/v1/tracking-sites: admin campaigns:write
    DELETE /api/v1/tracking-sites/{siteId}: admin campaigns:write
    GET /api/v1/value-sets: admin campaigns:read
    POST /api/v1/value-sets: admin campaigns:write
    GET /api/v1/value-sets/{valueSetId}: admin campaigns:read
    PUT /api/v1/value-sets/{valueSetId}: admin campaigns:write
    DELETE /api/v1/value-sets/{valueSetId}: admin campaigns:write
    POST /api/v1/voice/calls/initiate: admin leads:write
    GET /api/v1/webhooks: admin campaigns:read
    POST /api/v1/webhooks: admin campaigns:write
    GET /api/v1/webhooks/{webhookId}: admin campaigns:read
    DELETE /api/v1/webhooks/{webhookId}: admin campaigns:write
    PATCH /api/v1/webhooks/{webhookId}: admin campaigns:write
    GET /api/v1/webhooks/{webhookId}/messages: admin campaigns:read
    GET /api/v1/webhooks/{webhookId}/messages/{messageId}: admin campaigns:read
    POST /api/v1/webhooks/{webhookId}/messages/{messageId}/replay: admin campaigns:write
    POST /api/v1/webhooks/{webhookId}/replay: admin campaigns:write
    POST /api/v1/webhooks/{webhookId}/rotate-secret: admin campaigns:write
    POST /api/v1/webhooks/{webhookId}/test: admin campaigns:write
    GET /api/v1/workspace: admin campaigns:read
    PATCH /api/v1/workspace: admin
    GET /api/v1/workspace/retention: admin
    PUT /api/v1/workspace/retention: admin
    GET /health/live: admin leads:read leads:write campaigns:read campaigns:write ops secrets:write installation
    GET /health/ready: admin leads:read leads:write campaigns:read campaigns:write ops secrets:write installation
    GET /t/leadrail.js: admin leads:read leads:write campaigns:read campaigns:write ops secrets:write installation
    POST /t/p: admin leads:read leads:write campaigns:read campaigns:write ops secrets:write installation
    GET /t/p.gif: admin leads:read leads:write campaigns:read campaigns:write ops secrets:write installation
    "#);
}
