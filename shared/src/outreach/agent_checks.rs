//! What must hold of an agent before it is saved.
use super::{
    AgentConfig, ProviderConfig,
    agent::{
        BATCH_WINDOW_MS, BATCH_WINDOW_MS_DEFAULT, Channel, INBOUND_CAMPAIGNS_MAX, VapiAuth,
        VapiHmac,
    },
};
use crate::{
    campaign::{
        config::{is_header_name, is_secret_name},
        guard::{GuardPolicy, check_url},
        problem::{Problem, refuse},
    },
    person,
};

/// Characters of an id that a provider gave, at most.
const ID_MAX: usize = 100;
/// Characters of a voice agent's task, at most.
const TASK_MAX: usize = 20_000;
/// Characters of a sender's name, as networks have it, at most.
const SENDER_MAX: usize = 11;
/// Characters before a token or a signature in a header, at most.
const PREFIX_MAX: usize = 100;
/// Characters of the form of a signed payload, at most.
const FORM_MAX: usize = 200;
/// What stands for the provider's own id in `statusUrl`.
const REFERENCE: &str = "{reference}";

type Problems = Vec<Problem>;

impl AgentConfig {
    /// Everything that is wrong, each with its path such as `provider.from`; empty: it may be saved.
    pub fn problems(&self, policy: &GuardPolicy) -> Vec<Problem> {
        let mut problems = Vec::new();
        self.inbound(&mut problems);
        self.answering(policy, &mut problems);
        for (path, named) in self.provider.secret_refs() {
            secret(&named.secret, &format!("provider.{path}"), &mut problems);
        }
        self.provider.check(policy, &mut problems);
        problems
    }

    fn inbound(&self, problems: &mut Problems) {
        let list = &self.inbound_campaigns;
        if list.len() > INBOUND_CAMPAIGNS_MAX {
            let why =
                format!("has {} entries; at most {INBOUND_CAMPAIGNS_MAX} are allowed", list.len());
            refuse(problems, "inboundCampaigns", why);
        }
        for (at, id) in list.iter().enumerate() {
            if list[..at].contains(id) {
                refuse(problems, format!("inboundCampaigns[{at}]"), "is in the list already");
            }
        }
    }

    /// What only text agents have: somebody who answers, and a pause before that.
    fn answering(&self, policy: &GuardPolicy, problems: &mut Problems) {
        let text = self.provider.channel() == Channel::Sms;
        if !text && self.webhook.is_some() {
            refuse(problems, "webhook", "only an agent that texts has one");
        }
        if !text && self.batch_window_ms != BATCH_WINDOW_MS_DEFAULT {
            refuse(problems, "batchWindowMs", "only an agent that texts has one; leave it out");
        }
        if text && !BATCH_WINDOW_MS.contains(&self.batch_window_ms) {
            let (from, to) = (BATCH_WINDOW_MS.start(), BATCH_WINDOW_MS.end());
            refuse(problems, "batchWindowMs", format!("must be {from} to {to} milliseconds"));
        }
        if let Some(webhook) = &self.webhook {
            url(&webhook.url, "webhook.url", policy, problems);
            if let Some(named) = &webhook.secret {
                secret(&named.secret, "webhook.secret", problems);
            }
        }
    }
}

impl ProviderConfig {
    fn check(&self, policy: &GuardPolicy, problems: &mut Problems) {
        match self {
            Self::Twilio {
                account_sid,
                signing_key,
                from,
                messaging_service_sid,
                base_url,
                ..
            } => {
                id(account_sid, "accountSid", problems);
                if let Some(signing) = signing_key {
                    id(&signing.id, "signingKey.id", problems);
                }
                one_of(from, messaging_service_sid, "from", "messagingServiceSid", problems);
                phone(from.as_deref(), problems);
                maybe_id(messaging_service_sid.as_deref(), "messagingServiceSid", problems);
                base(base_url.as_deref(), policy, problems);
            }
            Self::Vonage { api_key, from, base_url, .. } => {
                id(api_key, "apiKey", problems);
                sender(from, problems);
                base(base_url.as_deref(), policy, problems);
            }
            Self::Vapi {
                assistant_id,
                phone_number_id,
                credential_id,
                webhook_auth,
                base_url,
                ..
            } => {
                id(assistant_id, "assistantId", problems);
                id(phone_number_id, "phoneNumberId", problems);
                maybe_id(credential_id.as_deref(), "credentialId", problems);
                vapi(webhook_auth, problems);
                base(base_url.as_deref(), policy, problems);
            }
            Self::Retell { agent_id, from, base_url, .. } => {
                id(agent_id, "agentId", problems);
                phone(Some(from), problems);
                base(base_url.as_deref(), policy, problems);
            }
            Self::Bland { pathway_id, task, from, base_url, .. } => {
                one_of(pathway_id, task, "pathwayId", "task", problems);
                maybe_id(pathway_id.as_deref(), "pathwayId", problems);
                task_text(task.as_deref(), problems);
                phone(from.as_deref(), problems);
                base(base_url.as_deref(), policy, problems);
            }
            Self::ElevenLabs { agent_id, agent_phone_number_id, base_url, .. } => {
                id(agent_id, "agentId", problems);
                id(agent_phone_number_id, "agentPhoneNumberId", problems);
                base(base_url.as_deref(), policy, problems);
            }
            Self::Generic { url: orders, status_url, .. } => {
                url(orders, "provider.url", policy, problems);
                status(status_url.as_deref(), policy, problems);
            }
        }
    }
}

fn secret(name: &str, path: &str, problems: &mut Problems) {
    if !is_secret_name(name) {
        let why = "is no secret's name: 1 to 64 letters, digits, `.`, `_` or `-`";
        refuse(problems, format!("{path}.secret"), why);
    }
}

/// An id goes into URLs and credentials as it is.
fn id(given: &str, name: &str, problems: &mut Problems) {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
    if !(1..=ID_MAX).contains(&given.len()) || !given.bytes().all(plain) {
        let why = format!("1 to {ID_MAX} letters, digits, `_` or `-`");
        refuse(problems, format!("provider.{name}"), why);
    }
}

fn maybe_id(given: Option<&str>, name: &str, problems: &mut Problems) {
    if let Some(given) = given {
        id(given, name, problems);
    }
}

fn one_of(
    one: &Option<String>,
    other: &Option<String>,
    names: &str,
    of: &str,
    problems: &mut Problems,
) {
    if one.is_some() == other.is_some() {
        refuse(
            problems,
            format!("provider.{names}"),
            format!("exactly one of `{names}` and `{of}`"),
        );
    }
}

fn is_phone(given: &str) -> bool {
    person::phone(given, None).as_deref() == Ok(given)
}

fn phone(given: Option<&str>, problems: &mut Problems) {
    if given.is_some_and(|given| !is_phone(given)) {
        refuse(problems, "provider.from", "is no number in E.164, such as +14155550100");
    }
}

/// A number, a short code or a name that is shown instead of one.
fn sender(given: &str, problems: &mut Problems) {
    let plain = given.bytes().all(|b| b.is_ascii_alphanumeric() || b == b' ');
    let named = plain && given.trim() == given && (3..=SENDER_MAX).contains(&given.len());
    let number = given.bytes().all(|b| b.is_ascii_digit()) && given.len() > 8;
    if !is_phone(given) && (!named || number) {
        let why = format!(
            "is neither a number in E.164 nor a sender's name of 3 to {SENDER_MAX} letters and digits"
        );
        refuse(problems, "provider.from", why);
    }
}

fn task_text(given: Option<&str>, problems: &mut Problems) {
    let fits = |given: &str| (1..=TASK_MAX).contains(&given.trim().chars().count());
    if given.is_some_and(|given| !fits(given)) {
        refuse(problems, "provider.task", format!("has 1 to {TASK_MAX} characters"));
    }
}

fn url(given: &str, path: &str, policy: &GuardPolicy, problems: &mut Problems) {
    match check_url(given, policy) {
        Err(why) => refuse(problems, path, why.to_string()),
        Ok(url) if url.fragment().is_some() => refuse(problems, path, "must not have a #"),
        Ok(_) => {}
    }
}

fn base(given: Option<&str>, policy: &GuardPolicy, problems: &mut Problems) {
    match given {
        Some(given) if given.contains(['?', '#']) => {
            refuse(problems, "provider.baseUrl", "must have neither ? nor #");
        }
        Some(given) => url(given, "provider.baseUrl", policy, problems),
        None => {}
    }
}

fn status(given: Option<&str>, policy: &GuardPolicy, problems: &mut Problems) {
    const PATH: &str = "provider.statusUrl";
    let Some(given) = given else { return };
    let behind = given.split_once("://").and_then(|(_, rest)| rest.split_once(['/', '?']));
    if behind.is_some_and(|(host, path)| path.contains(REFERENCE) && !host.contains(REFERENCE)) {
        url(given, PATH, policy, problems);
    } else {
        refuse(problems, PATH, "must contain {reference} behind its host");
    }
}

fn header(given: &str, name: &str, problems: &mut Problems) {
    if !is_header_name(given) || given.len() > ID_MAX {
        refuse(problems, format!("provider.webhookAuth.{name}"), "is not a header name");
    }
}

fn prefix(given: &str, name: &str, problems: &mut Problems) {
    if given.chars().count() > PREFIX_MAX || given.chars().any(char::is_control) {
        let why = format!("at most {PREFIX_MAX} characters, no control characters");
        refuse(problems, format!("provider.webhookAuth.{name}"), why);
    }
}

fn vapi(auth: &VapiAuth, problems: &mut Problems) {
    match auth {
        VapiAuth::Secret { .. } => {}
        VapiAuth::Bearer { header: name, prefix: before, .. } => {
            if let Some(name) = name {
                header(name, "header", problems);
            }
            if let Some(before) = before {
                prefix(before, "prefix", problems);
            }
        }
        VapiAuth::Hmac(settings) => hmac(settings, problems),
    }
}

fn hmac(settings: &VapiHmac, problems: &mut Problems) {
    const FORM: &str = "provider.webhookAuth.payloadFormat";
    header(&settings.signature_header, "signatureHeader", problems);
    header(&settings.timestamp_header, "timestampHeader", problems);
    if let Some(name) = &settings.message_id_header {
        header(name, "messageIdHeader", problems);
    }
    prefix(&settings.signature_prefix, "signaturePrefix", problems);
    let form = &settings.payload_format;
    if form.chars().count() > FORM_MAX {
        refuse(problems, FORM, format!("has at most {FORM_MAX} characters"));
    } else if !form.contains("{body}") {
        refuse(problems, FORM, "must contain {body}: what is not signed may be changed");
    } else if settings.include_timestamp && !form.contains("{timestamp}") {
        refuse(problems, FORM, "must contain {timestamp}, or `includeTimestamp` be false");
    }
}

#[cfg(test)]
#[path = "agent_checks_tests.rs"]
mod tests;
