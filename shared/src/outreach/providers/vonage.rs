//! Texts by the Vonage Messages API. It offers no way to ask for the state of a text.
use super::{
    MissingSecret, Secrets, other,
    reading::{cut, e164, id, json, key, needed, ours, text, word},
    requests::{base, basic, not_placed, placed, post, whole, why},
    sign::{Hash, TOLERANCE_SECONDS, fresh, same, sha256, unbase64_url, unhex},
};
use crate::{
    campaign::response::Answer,
    clock::Time,
    outreach::{
        Heard, Incoming, NotGenuine, Order, Placed, Provider, ProviderConfig, What, Wire,
        provider::{InboundText, Refusal, RefusalKind, TextStatus, Unreadable},
    },
    secret::Sensitive,
};
use serde_json::{Value, json};

const API: &str = "https://api.nexmo.com";
const AUTHORIZATION: &str = "authorization";
/// Codes at the end of an error's `type`: the number is missing or wrong, gone for good, illegal, or not reachable.
const CODES_BAD_NUMBER: [&str; 5] = ["1170", "1190", "1240", "1250", "1260"];
/// The account sends faster than it may.
const CODE_THROTTLED: &str = "1000";

/// An account with its credentials.
#[derive(Debug)]
pub struct Vonage {
    api_key: String,
    api_secret: Sensitive,
    signature_secret: Sensitive,
    from: String,
    base: String,
}

impl Vonage {
    pub(super) fn open(
        config: &ProviderConfig,
        secrets: Secrets<'_>,
    ) -> Result<Self, MissingSecret> {
        let ProviderConfig::Vonage { api_key, api_secret, signature_secret, from, base_url } =
            config
        else {
            other()
        };
        Ok(Self {
            api_key: api_key.clone(),
            api_secret: secrets.get("apiSecret", api_secret)?,
            signature_secret: secrets.get("signatureSecret", signature_secret)?,
            from: from.clone(),
            base: base(base_url.as_ref(), API),
        })
    }
}

impl Provider for Vonage {
    /// Numbers go without `+`.
    fn place(&self, order: &Order<'_>) -> Wire {
        let from = order.from.unwrap_or(&self.from);
        let body = json!({
            "message_type": "text",
            "channel": "sms",
            "to": order.to.trim_start_matches('+'),
            "from": from.trim_start_matches('+'),
            "text": order.text,
            "client_ref": order.id,
            "webhook_url": order.callback,
            "webhook_version": "v1",
        });
        post(format!("{}/v1/messages", self.base), basic(&self.api_key, &self.api_secret), &body)
    }

    fn placed(&self, answer: &Answer) -> Placed {
        let body = whole(answer).unwrap_or_default();
        let code = text(&body, "/type")
            .and_then(|kind| kind.rsplit_once('#'))
            .map_or("", |(_, code)| code);
        let invalid = body["invalid_parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
        let number = invalid.iter().any(|parameter| parameter["name"] == "to");
        let kind = match answer.status {
            400 | 422 if number || CODES_BAD_NUMBER.contains(&code) => RefusalKind::BadNumber,
            400..=499 if code == CODE_THROTTLED => {
                RefusalKind::Busy(super::requests::pause(answer))
            }
            400..=499 => return not_placed(answer, &[]),
            _ => return placed(answer, "/message_uuid", &[]),
        };
        Placed::Refused(Refusal { why: why(answer), kind })
    }

    fn ask(&self, _: &str, _: Time) -> Option<Wire> {
        None
    }

    fn told(&self, _: &Answer) -> Vec<Heard> {
        Vec::new()
    }

    /// A JWT signed with HS256, whose claims hold the account, the time and the hash of the body.
    fn verify(&self, incoming: &Incoming<'_>, now: Time) -> Result<(), NotGenuine> {
        let header = incoming.header(AUTHORIZATION).ok_or(NotGenuine::Unsigned(AUTHORIZATION))?;
        let token = header.strip_prefix("Bearer ").or_else(|| header.strip_prefix("bearer "));
        let token = token.ok_or(NotGenuine::Malformed("it is no bearer token"))?.trim();
        let claims = claims(token, self.signature_secret.expose().as_bytes())?;
        let seconds = |name: &str| claims[name].as_f64().map(|seconds| seconds as i64);
        let issued = seconds("iat").ok_or(NotGenuine::Malformed("it has no time"))?;
        fresh(issued.saturating_mul(1_000), now, TOLERANCE_SECONDS)?;
        if seconds("exp").is_some_and(|end| end < now.timestamp()) {
            return Err(NotGenuine::Stale(TOLERANCE_SECONDS));
        }
        let hash = claims["payload_hash"].as_str().ok_or(NotGenuine::Unsigned("payload_hash"))?;
        let account = claims["api_key"].as_str().is_some_and(|given| same(&self.api_key, given));
        if account && unhex(hash) == Some(sha256(incoming.body)) {
            Ok(())
        } else {
            Err(NotGenuine::Forged)
        }
    }

    fn read(&self, incoming: &Incoming<'_>) -> Result<Vec<Heard>, Unreadable> {
        let body = json(incoming.body)?;
        let reference = needed(&body, "/message_uuid")?;
        match text(&body, "/status") {
            Some(status) => Ok(told(reference, status, &body)),
            None => Ok(inbound(reference, &body).into_iter().collect()),
        }
    }
}

/// The claims of a token that is signed with the key.
fn claims(token: &str, key: &[u8]) -> Result<Value, NotGenuine> {
    const NO_TOKEN: NotGenuine = NotGenuine::Malformed("it is no JWT");
    let (signed, tag) = token.rsplit_once('.').ok_or(NO_TOKEN)?;
    let (head, claims) = signed.split_once('.').ok_or(NO_TOKEN)?;
    let part = |text: &str| -> Option<Value> { serde_json::from_slice(&unbase64_url(text)?).ok() };
    if part(head).ok_or(NO_TOKEN)?["alg"] != "HS256" {
        return Err(NotGenuine::Malformed("its algorithm is not HS256"));
    }
    let tag = unbase64_url(tag).ok_or(NO_TOKEN)?;
    if !Hash::Sha256.fits(key, signed.as_bytes(), &tag) {
        return Err(NotGenuine::Forged);
    }
    part(claims).ok_or(NO_TOKEN)
}

fn told(reference: String, state: &str, body: &Value) -> Vec<Heard> {
    let status = match state {
        "accepted" => TextStatus::Accepted,
        "submitted" => TextStatus::Sent,
        "delivered" | "read" => TextStatus::Delivered,
        "rejected" | "undeliverable" => TextStatus::Failed,
        _ => return Vec::new(),
    };
    let code = text(body, "/error/title").or_else(|| text(body, "/error/type"));
    let error = [word(body, "/error/title"), word(body, "/error/detail")];
    let error = error.into_iter().flatten().collect::<Vec<_>>().join(": ");
    let error = Some(cut(&error, super::reading::WORD_CHARS_MAX)).filter(|error| !error.is_empty());
    let key = key(&[&reference, state, code.unwrap_or_default()]);
    let ours = ours(text(body, "/client_ref"));
    vec![Heard { ours, reference: Some(reference), key, what: What::Status { status, error } }]
}

/// A text of a person; what comes from no number (another channel, a short code) is none.
fn inbound(reference: String, body: &Value) -> Option<Heard> {
    let from = e164(text(body, "/from")?)?;
    let to = text(body, "/to")?;
    let plain = text(body, "/message_type").is_none_or(|kind| kind == "text");
    let inbound = InboundText {
        from,
        to: e164(to).unwrap_or_else(|| to.to_owned()),
        body: body["text"].as_str().unwrap_or_default().to_owned(),
        media: usize::from(!plain),
        keyword: None,
    };
    let key = key(&["in", &reference]);
    Some(Heard { ours: None, reference: id(body, "/message_uuid"), key, what: What::Text(inbound) })
}

#[cfg(test)]
#[path = "vonage_tests.rs"]
mod tests;
