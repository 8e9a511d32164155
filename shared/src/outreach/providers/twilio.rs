//! Texts by Twilio Programmable Messaging.
use super::{
    MissingSecret, Secrets, other,
    reading::{e164, id, is_id, key, number, ours, text},
    requests::{
        base, basic, form, get, get_with, not_placed, placed, segment, success, whole, why,
    },
    twilio_signature::Keys,
};
use crate::{
    campaign::response::Answer,
    clock::Time,
    outreach::{
        Heard, Incoming, NotGenuine, Order, Placed, Provider, ProviderConfig, What, Wire,
        provider::{
            Found, InboundText, Keyword, OPTED_OUT, Refusal, RefusalKind, TextStatus, Unreadable,
        },
    },
    secret::Sensitive,
};
use chrono::{DateTime, TimeDelta};
use serde_json::Value;
use std::collections::HashMap;
use url::form_urlencoded;

const API: &str = "https://api.twilio.com";
/// The query's name for our own id in status callbacks.
const OURS: &str = "message";
/// Texts to one number that are looked at to find one, at most.
const FIND_MAX: &str = "100";
/// How long before its order a text may have been created to be the one that is looked for: clocks differ. After it, any time: an order may have
/// waited for a worker or a busy provider.
const FIND_BEFORE: TimeDelta = TimeDelta::hours(1);
/// The person has opted out with Twilio.
const CODE_OPTED_OUT: i64 = 21_610;
/// No number, one that is not reachable by text, or in a region that is closed to the account.
const CODES_BAD_NUMBER: [i64; 8] = [21_211, 21_214, 21_217, 21_265, 21_408, 21_612, 21_614, 21_635];
/// Too many requests, or too many texts queued for the sender.
const CODES_BUSY: [i64; 3] = [14_107, 20_429, 21_611];

/// An account with its credentials.
#[derive(Debug)]
pub struct Twilio {
    account: String,
    token: Sensitive,
    keys: Keys,
    /// `From` or `MessagingServiceSid`, and its value.
    sender: (&'static str, String),
    base: String,
}

impl Twilio {
    pub(super) fn open(
        config: &ProviderConfig,
        secrets: Secrets<'_>,
    ) -> Result<Self, MissingSecret> {
        let ProviderConfig::Twilio {
            account_sid,
            auth_token,
            previous_auth_token,
            signing_key,
            from,
            messaging_service_sid,
            base_url,
        } = config
        else {
            other()
        };
        let token = secrets.get("authToken", auth_token)?;
        let mut tokens = vec![token.clone()];
        if let Some(previous) = previous_auth_token {
            tokens.push(secrets.get("previousAuthToken", previous)?);
        }
        let shared = match signing_key {
            Some(signing) => {
                Some((signing.id.clone(), secrets.get("signingKey.key", &signing.key)?))
            }
            None => None,
        };
        let sender = match messaging_service_sid {
            Some(service) => ("MessagingServiceSid", service.clone()),
            None => ("From", from.clone().unwrap_or_default()),
        };
        Ok(Self {
            account: account_sid.clone(),
            token,
            keys: Keys { tokens, shared },
            sender,
            base: base(base_url.as_ref(), API),
        })
    }

    fn messages(&self, rest: &str) -> String {
        format!("{}/2010-04-01/Accounts/{}/Messages{rest}.json", self.base, segment(&self.account))
    }
}

impl Provider for Twilio {
    fn place(&self, order: &Order<'_>) -> Wire {
        let (sender, own) = (self.sender.0, self.sender.1.as_str());
        let from = order.from.map_or((sender, own), |from| ("From", from));
        let mark = if order.callback.contains('?') { '&' } else { '?' };
        let callback = format!("{}{mark}{}", order.callback, form(&[(OURS, order.id)]));
        let body =
            form(&[("To", order.to), from, ("Body", order.text), ("StatusCallback", &callback)]);
        let mut headers = basic(&self.account, &self.token);
        headers.push(("content-type".into(), "application/x-www-form-urlencoded".into()));
        Wire { method: "POST", url: self.messages(""), headers, body: body.into_bytes() }
    }

    fn placed(&self, answer: &Answer) -> Placed {
        let code =
            whole(answer).and_then(|body| number(&body, "/code")).map_or(0, |code| code as i64);
        let refused = |kind| Placed::Refused(Refusal { why: why(answer), kind });
        match code {
            _ if !(400..500).contains(&answer.status) => placed(answer, "/sid", &[]),
            CODE_OPTED_OUT => refused(RefusalKind::OptedOut),
            code if CODES_BAD_NUMBER.contains(&code) => refused(RefusalKind::BadNumber),
            code if CODES_BUSY.contains(&code) => {
                refused(RefusalKind::Busy(super::requests::pause(answer)))
            }
            _ => not_placed(answer, &[]),
        }
    }

    /// Twilio keeps no id of ours: texts to the number are listed, those not yet sent as well, and compared.
    fn find(&self, order: &Order<'_>) -> Option<Wire> {
        let query = [("To", order.to), ("PageSize", FIND_MAX)];
        Some(get_with(&self.messages(""), &query, basic(&self.account, &self.token)))
    }

    /// The one text with the same words since then; another order with the same words to the same person may be meant, so that
    /// the caller must see whether it knows the id already.
    fn found(&self, answer: &Answer, order: &Order<'_>) -> Found {
        let Some(body) = success(answer) else { return Found::NotSure };
        let Some(list) = body["messages"].as_array() else { return Found::NotSure };
        let about =
            |created: DateTime<chrono::FixedOffset>| created.to_utc() >= order.now - FIND_BEFORE;
        let fits = |message: &&Value| {
            let created = text(message, "/date_created").map(DateTime::parse_from_rfc2822);
            message["body"] == order.text
                && message["to"] == order.to
                && !text(message, "/direction").is_some_and(|way| way.starts_with("inbound"))
                && created.is_none_or(|created| created.is_ok_and(about))
        };
        let mut fitting = list.iter().filter(fits);
        match (fitting.next(), fitting.next()) {
            (Some(one), None) => id(one, "/sid").map_or(Found::NotSure, Found::As),
            (None, _) if text(&body, "/next_page_uri").is_none() => Found::No,
            _ => Found::NotSure,
        }
    }

    fn ask(&self, reference: &str, _: Time) -> Option<Wire> {
        let url = self.messages(&format!("/{}", segment(reference)));
        Some(get(url, basic(&self.account, &self.token)))
    }

    fn told(&self, answer: &Answer) -> Vec<Heard> {
        let Some(body) = success(answer) else { return Vec::new() };
        let (Some(sid), Some(word)) = (id(&body, "/sid"), text(&body, "/status")) else {
            return Vec::new();
        };
        let error = number(&body, "/error_code").map(|code| (code as i64).to_string());
        status(&sid, word, error.as_deref().unwrap_or_default(), None)
    }

    /// The signature has no time in it: a repeat is known by its key only.
    fn verify(&self, incoming: &Incoming<'_>, _: Time) -> Result<(), NotGenuine> {
        self.keys.verify(incoming)
    }

    fn read(&self, incoming: &Incoming<'_>) -> Result<Vec<Heard>, Unreadable> {
        let form: HashMap<_, _> = form_urlencoded::parse(incoming.body).collect();
        let field = |name: &str| form.get(name).map_or("", AsRef::as_ref);
        let sid = field("MessageSid");
        if !is_id(sid) {
            return Err(Unreadable("`MessageSid` is missing or no id".into()));
        }
        if !field("MessageStatus").is_empty() {
            let query = form_urlencoded::parse(incoming.query.as_bytes());
            let id = query.filter(|(name, _)| name == OURS).map(|(_, id)| id).next();
            let ours = ours(id.as_deref());
            return Ok(status(sid, field("MessageStatus"), field("ErrorCode"), ours));
        }
        let (Some(from), Some(to)) = (e164(field("From")), form.get("To")) else {
            return Ok(Vec::new());
        };
        let inbound = InboundText {
            from,
            to: e164(to).unwrap_or_else(|| to.to_string()),
            body: field("Body").to_owned(),
            media: field("NumMedia").parse().unwrap_or(0),
            keyword: keyword(field("OptOutType")),
        };
        let (reference, key) = (Some(sid.to_owned()), key(&["in", sid]));
        Ok(vec![Heard { ours: None, reference, key, what: What::Text(inbound) }])
    }

    fn thanks(&self) -> (&'static str, &'static str) {
        ("text/xml", "<Response/>")
    }
}

fn status(sid: &str, word: &str, error: &str, ours: Option<String>) -> Vec<Heard> {
    let status = match word {
        "accepted" | "scheduled" | "queued" => TextStatus::Accepted,
        "sending" => TextStatus::Sending,
        "sent" => TextStatus::Sent,
        "delivered" | "read" | "partially_delivered" => TextStatus::Delivered,
        "failed" | "undelivered" | "canceled" => TextStatus::Failed,
        _ => return Vec::new(),
    };
    let said = match error {
        "" => None,
        code if code == CODE_OPTED_OUT.to_string() => Some(format!("{OPTED_OUT}: {code}")),
        code => Some(super::reading::cut(code, super::reading::WORD_CHARS_MAX)),
    };
    let key = key(&[sid, word, error]);
    let what = What::Status { status, error: said };
    vec![Heard { ours, reference: Some(sid.to_owned()), key, what }]
}

fn keyword(word: &str) -> Option<Keyword> {
    match word {
        "STOP" => Some(Keyword::Stop),
        "START" => Some(Keyword::Start),
        "HELP" => Some(Keyword::Help),
        _ => None,
    }
}

#[cfg(test)]
#[path = "twilio_tests.rs"]
mod tests;
