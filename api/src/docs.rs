//! The OpenAPI document's own words; paths and schemas come from the handlers.
use crate::error::Failure;
use shared::export::Format;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        self,
        security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme},
    },
};

/// Everything of the document that is not a route.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Leadrail",
        description = "Takes in leads, decides what each is worth and where it may go, hands it to the buyer's endpoint, and never loses one.\n\n\
            Every answer is an envelope: `{\"success\": true, \"data\": …}` or `{\"success\": false, \"error\": {code, message, details}}`. \
            Unknown fields and parameters are refused by name. Every answer has an `X-Request-Id`; one that the caller sends is kept.\n\n\
            `Idempotency-Key` is taken by `POST /leads/submit`, `POST /leads`, `POST /leads/{leadId}/submit`, `/repost`, `/deliver` and `/points`, `POST /leads/process`, `POST /sms/send` and \
            `POST /voice/calls/initiate`, and refused by the other POST routes, which either change nothing when repeated or answer 409 (activities carry a `key` each); webhooks of providers may carry one.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(Failure, Format)),
    modifiers(&Keys),
    security(("apiKey" = []), ("bearer" = [])),
    tags(
        (name = "Leads", description = "Take in, store, list and show leads and their submissions."),
        (name = "Exports", description = "Leads, contacts, submissions and segments as files, streamed."),
        (name = "Imports", description = "Files of leads or contacts: uploaded, tried out, brought in, undone."),
        (name = "Campaigns", description = "What leads are collected for. Each save makes a revision."),
        (name = "Contacts", description = "The people behind the leads: what is known of them, whether they are worked with, and how they may be reached."),
        (name = "Properties", description = "Fields that a workspace made up for its contacts."),
        (name = "Segments", description = "Groups of contacts, fixed or by a rule."),
        (name = "Automation", description = "What campaigns do with their leads by themselves: scoring, rules, workflows; and why a lead is as it is."),
        (name = "Rules", description = "Trying rules and configurations out before leads meet them."),
        (name = "Value sets", description = "Lists that rules and accepted values of several campaigns share."),
        (name = "Waiting", description = "Waking submissions that wait for an outside action."),
        (name = "Agents", description = "With whom people are called and texted, and where the providers' webhooks go."),
        (name = "Interactions", description = "Calls and texts: asking for one, and what was said."),
        (name = "Activities", description = "What contacts did: page visits, emails, forms, calls, anything of your own."),
        (name = "Tracking", description = "Websites that report page visits. What pages ask for, under `/t`, wants no key."),
        (name = "Suppressions", description = "Whom nobody may call or text. Numbers are kept hashed and never listed."),
        (name = "Webhooks", description = "Addresses that are told what happens, what they were told, and what came of it."),
        (name = "Operations", description = "Jobs and lanes, for those who keep the machine running. Scope: ops."),
        (name = "Workspace", description = "The plan, and the zone in which days begin."),
        (name = "Keys", description = "API keys. Scope: admin."),
        (name = "Secrets", description = "Credentials that campaigns and agents use. Write-only. Scope: secrets:write."),
        (name = "Health", description = "For load balancers.")
    )
)]
pub struct Words;

struct Keys;

impl Modify for Keys {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let header = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-Key")));
        components.add_security_scheme("apiKey", header);
        let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        components.add_security_scheme("bearer", bearer);
    }
}
