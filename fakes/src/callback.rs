//! Sends webhooks: where they go, how they are signed, how often they are tried.
use crate::{
    account::{Account, Provider, VapiAuth, VapiHmac},
    bland, elevenlabs, generic,
    item::Item,
    phone::Fake,
    retell,
    script::Post,
    sign,
    time::{Time, wait},
    twilio, vapi, vonage,
};
use serde::Serialize;
use serde_json::{Value, json};
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};
use url::form_urlencoded;
use uuid::Uuid;

/// How long a receiver may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two tries of one webhook; the real providers wait longer.
const PAUSE: Duration = Duration::from_millis(20);

/// The client that webhooks are sent with, made when it is first needed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Client(Arc<OnceLock<reqwest::Client>>);

/// What a provider tells.
#[derive(Debug, Clone)]
pub(crate) enum Told {
    Form(Vec<(String, String)>),
    Json(Value),
}

/// A webhook to send.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub provider: Provider,
    pub reference: String,
    pub event: String,
    pub url: String,
    pub told: Told,
    pub headers: Vec<(String, String)>,
    /// The same in every try.
    pub id: String,
    pub secret: Option<String>,
    pub forged: bool,
}

/// One try at a webhook.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sent {
    pub provider: Provider,
    /// The provider's id of the call or text.
    pub reference: String,
    /// `delivered`, `call_ended`, …
    pub event: String,
    pub url: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// From 1.
    pub attempt: u32,
    pub at: Time,
    /// The answer's status; none when there was no answer.
    pub status: Option<u16>,
    pub answer: String,
}

/// An event of a call or text, in the provider's own words.
pub(crate) struct Event {
    pub name: String,
    pub told: Told,
}

impl Event {
    pub fn json(name: impl Into<String>, told: Value) -> Self {
        Self { name: name.into(), told: Told::Json(told) }
    }
}

/// The webhooks for the stage that the item has just reached.
pub(crate) fn drafts(fake: &Fake, item: &Item) -> Vec<Draft> {
    let account = fake.account_of(item.provider);
    let now = fake.now();
    let (url, events) = match item.provider {
        Provider::Twilio => (twilio::place_of(item, &account), twilio::events(item, &account)),
        Provider::Vonage => (vonage::place_of(item, &account), vonage::events(item, now)),
        Provider::Vapi => (vapi::place_of(item, &account), vapi::events(item, now)),
        Provider::Retell => (retell::place_of(item, &account), retell::events(item)),
        Provider::Bland => (item.order.callback.clone(), bland::events(item)),
        Provider::ElevenLabs => (account.webhook_url.clone(), elevenlabs::events(item, now)),
        Provider::Generic => (item.order.callback.clone(), generic::events(item, now)),
    };
    let Some(url) = url else { return Vec::new() };
    let own_key = matches!(item.provider, Provider::Twilio | Provider::Retell)
        .then(|| account.key.clone().or_else(|| item.order.key.clone()))
        .flatten();
    let secret = account.secret.clone().or(own_key);
    let headers = if item.provider == Provider::Vapi { vapi::headers(item) } else { Vec::new() };
    let draft = |event: Event| Draft {
        provider: item.provider,
        reference: item.id.clone(),
        event: event.name,
        url: url.clone(),
        told: event.told,
        headers: headers.clone(),
        id: format!("msg_{}", Uuid::now_v7().simple()),
        secret: secret.clone(),
        forged: item.script.post == Post::Forged && !item.inbound,
    };
    events.into_iter().map(draft).collect()
}

/// How often the provider tries again: after no answer at all, and after a bad one.
fn again(provider: Provider, answered: bool) -> u32 {
    match provider {
        Provider::Twilio => u32::from(!answered),
        Provider::Retell | Provider::Vonage | Provider::Generic => 3,
        Provider::Vapi | Provider::Bland | Provider::ElevenLabs => 0,
    }
}

/// Sends a webhook, and again where the provider does.
pub(crate) async fn post(fake: &Fake, draft: &Draft) {
    for attempt in 1.. {
        let status = attempt_at(fake, draft, attempt).await;
        let taken = status.is_some_and(|status| (200..300).contains(&status));
        if taken || attempt > again(draft.provider, status.is_some()) {
            return;
        }
        wait(PAUSE).await;
    }
}

async fn attempt_at(fake: &Fake, draft: &Draft, attempt: u32) -> Option<u16> {
    let now = fake.now();
    let (content_type, body) = match &draft.told {
        Told::Form(fields) => {
            let body =
                form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
            ("application/x-www-form-urlencoded; charset=UTF-8", body)
        }
        Told::Json(value) => ("application/json", value.to_string()),
    };
    let mut headers = draft.headers.clone();
    headers.push(("content-type".into(), content_type.into()));
    headers.extend(signature(&fake.account_of(draft.provider), draft, body.as_bytes(), now));
    let mut request = fake.client.get().post(&draft.url).body(body.clone());
    for (name, value) in &headers {
        request = request.header(name, value);
    }
    let (status, answer) = match request.send().await {
        Ok(answer) => (Some(answer.status().as_u16()), answer.text().await.unwrap_or_default()),
        Err(error) => (None, error.to_string()),
    };
    fake.sent(Sent {
        provider: draft.provider,
        reference: draft.reference.clone(),
        event: draft.event.clone(),
        url: draft.url.clone(),
        headers,
        body,
        attempt,
        at: now,
        status,
        answer,
    });
    status
}

/// The headers that show that the webhook is the provider's own.
fn signature(account: &Account, draft: &Draft, body: &[u8], now: Time) -> Vec<(String, String)> {
    let Some(mut secret) = draft.secret.clone() else { return Vec::new() };
    if draft.forged {
        secret = forge(&secret);
    }
    let one = |name: &str, value: String| vec![(name.to_owned(), value)];
    let seconds = now.timestamp();
    match draft.provider {
        Provider::Twilio => twilio_signature(account, draft, &secret),
        Provider::Vonage => {
            let claims = json!({
                "iat": seconds, "jti": draft.id, "iss": "Vonage", "api_key": account.user,
                "payload_hash": sign::sha256_hex(body),
            });
            one("authorization", format!("Bearer {}", sign::jwt(&secret, &claims)))
        }
        Provider::Vapi => vapi_signature(&account.auth, draft, &secret, (body, now)),
        Provider::Retell => {
            one("x-retell-signature", sign::retell(&secret, now.timestamp_millis(), body))
        }
        Provider::Bland => one("x-webhook-signature", sign::bland(&secret, body)),
        Provider::ElevenLabs => {
            one("elevenlabs-signature", sign::elevenlabs(&secret, seconds, body))
        }
        Provider::Generic => {
            let key = sign::standard_key(&secret).unwrap_or_default();
            vec![
                ("webhook-id".into(), draft.id.clone()),
                ("webhook-timestamp".into(), seconds.to_string()),
                ("webhook-signature".into(), sign::standard(&key, &draft.id, seconds, body)),
            ]
        }
    }
}

/// Another secret of the same form.
fn forge(secret: &str) -> String {
    match secret.strip_prefix("whsec_").and_then(sign::from_base64) {
        Some(key) => format!("whsec_{}", sign::base64(&[&key[..], b"forged"].concat())),
        None => format!("{secret}forged"),
    }
}

fn twilio_signature(account: &Account, draft: &Draft, secret: &str) -> Vec<(String, String)> {
    let Told::Form(form) = &draft.told else { return Vec::new() };
    let mut headers = vec![("i-twilio-idempotency-token".to_owned(), draft.id.clone())];
    let algorithm = match &account.signing_key_id {
        Some(id) => {
            let settings = format!("key={id},algorithm=HMAC_SHA256");
            headers.push(("x-twilio-webhooks-signature-settings".into(), settings));
            sign::SHA256
        }
        None => sign::SHA1,
    };
    let signature = sign::twilio(algorithm, secret, &draft.url, form);
    headers.push(("x-twilio-signature".into(), signature));
    headers
}

fn vapi_signature(
    auth: &VapiAuth,
    draft: &Draft,
    secret: &str,
    (body, now): (&[u8], Time),
) -> Vec<(String, String)> {
    match auth {
        VapiAuth::Secret => vec![("x-vapi-secret".into(), secret.into())],
        VapiAuth::Bearer { header, prefix } => vec![(header.clone(), format!("{prefix}{secret}"))],
        VapiAuth::Hmac(hmac) => vapi_hmac(hmac, draft, secret, (body, now)),
    }
}

fn vapi_hmac(
    hmac: &VapiHmac,
    draft: &Draft,
    secret: &str,
    (body, now): (&[u8], Time),
) -> Vec<(String, String)> {
    let key = if hmac.secret_is_base64 {
        sign::standard_key(secret).unwrap_or_default()
    } else {
        secret.as_bytes().to_vec()
    };
    let at = if hmac.milliseconds { now.timestamp_millis() } else { now.timestamp() }.to_string();
    let payload = hmac
        .payload_format
        .replace("{timestamp}", &at)
        .replace("{method}", "POST")
        .replace("{url}", &draft.url)
        .replace("{svix-id}", &draft.id)
        .replace("{body}", &String::from_utf8_lossy(body));
    let algorithm = match hmac.algorithm.as_str() {
        "sha512" => sign::SHA512,
        "sha1" => sign::SHA1,
        _ => sign::SHA256,
    };
    let code = sign::mac(algorithm, &key, &[payload.as_bytes()]);
    let code =
        if hmac.signature_encoding == "base64" { sign::base64(&code) } else { sign::hex(&code) };
    let signature = format!("{}{code}", hmac.signature_prefix);
    let mut headers = vec![(hmac.signature_header.clone(), signature)];
    if hmac.include_timestamp {
        headers.push((hmac.timestamp_header.clone(), at));
    }
    if let Some(name) = &hmac.message_id_header {
        headers.push((name.clone(), draft.id.clone()));
    }
    headers
}

impl Client {
    pub(crate) fn get(&self) -> &reqwest::Client {
        self.0.get_or_init(|| {
            // Whoever was first has chosen the same.
            let _ = rustls::crypto::ring::default_provider().install_default();
            reqwest::Client::builder()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .timeout(PATIENCE)
                .build()
                .expect("a client without TLS settings of its own can be made")
        })
    }
}
