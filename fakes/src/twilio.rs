//! Twilio Programmable Messaging: `/twilio/2010-04-01/Accounts/{sid}/Messages…`. Stricter than the real one in this: parameters that it does
//! not know are refused instead of passed over.
use crate::{
    account::{Account, Provider},
    callback::{Event, Told},
    desk::{self, Pairs, Refused},
    item::{Item, Order, Refusal, Stage},
    phone::Fake,
    script::{Fate, keyword},
    time::Time,
};
use axum::{
    Router,
    body::Bytes,
    extract::{Path, Query, State},
    http::HeaderMap,
    response::Response,
    routing::get,
};
use serde_json::{Map, Value, json};

const API: &str = "2010-04-01";
/// Characters of a text, at most.
const BODY_MAX: usize = 1600;
const SEGMENT: usize = 160;
/// Messages on a page: unless asked, and at most.
const PAGE: usize = 50;
const PAGE_MAX: usize = 1000;
/// The number that a messaging service sends from.
pub(crate) const POOL: &str = "+15550006789";
/// Unreachable handset.
const UNDELIVERED: u32 = 30003;
const PARAMETERS: &[&str] = &[
    "To",
    "From",
    "MessagingServiceSid",
    "Body",
    "MediaUrl",
    "ContentSid",
    "ContentVariables",
    "StatusCallback",
    "ApplicationSid",
    "MaxPrice",
    "ProvideFeedback",
    "Attempt",
    "ValidityPeriod",
    "ForceDelivery",
    "ContentRetention",
    "AddressRetention",
    "SmartEncoded",
    "PersistentAction",
    "TrafficType",
    "ShortenUrls",
    "ScheduleType",
    "SendAt",
    "SendAsMms",
    "RiskCheck",
];

pub(crate) fn router() -> Router<Fake> {
    Router::new()
        .route("/twilio/2010-04-01/Accounts/{sid}/Messages.json", get(list).post(create))
        .route("/twilio/2010-04-01/Accounts/{sid}/Messages/{message}", get(one))
}

fn error(status: u16, code: u32, message: &str) -> Response {
    let info = format!("https://www.twilio.com/docs/errors/{code}");
    desk::answer(
        status,
        json!({"code": code, "message": message, "more_info": info, "status": status}),
    )
}

fn missing(what: &str) -> Response {
    error(404, 20404, &format!("The requested resource {what} was not found"))
}

/// The auth token, if the credentials are those of the account in the path.
fn key(fake: &Fake, sid: &str, headers: &HeaderMap) -> Result<String, Refused> {
    let account = fake.account_of(Provider::Twilio);
    let refused = || Box::new(error(401, 20003, "Authenticate"));
    let (user, token) = desk::basic(headers).ok_or_else(refused)?;
    let known = account.user.as_deref().is_none_or(|known| known == sid);
    let own = user == sid || user.starts_with("SK");
    let may = desk::may(&account, Some(&token));
    if known && own && may { Ok(token) } else { Err(refused()) }
}

async fn create(
    State(fake): State<Fake>,
    Path(sid): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let token = match key(&fake, &sid, &headers) {
        Ok(token) => token,
        Err(refused) => return *refused,
    };
    let form = desk::form(&body);
    if let Err((code, why)) = check(&form) {
        return error(400, code, &why);
    }
    let value = |name: &str| form.iter().find(|(known, _)| known == name).map(|(_, v)| v.clone());
    let mut whole: Map<String, Value> = form.iter().map(|(n, v)| (n.clone(), json!(v))).collect();
    whole.insert("AccountSid".into(), json!(sid));
    let callback = value("StatusCallback");
    let query = callback.as_deref().and_then(|url| url.split_once('?')).map(|(_, query)| query);
    let ours = query.and_then(|query| desk::form(query.as_bytes()).into_iter().next());
    let order = Order {
        ours: ours.map(|(_, value)| value),
        to: value("To").unwrap_or_default(),
        from: value("From"),
        text: value("Body").unwrap_or_default(),
        variables: Value::Null,
        callback,
        credentials: desk::authorization(&headers),
        key: Some(token),
        idempotency: None,
        body: Value::Object(whole),
    };
    let to = order.to.clone();
    match fake.place(Provider::Twilio, order).await {
        Ok(item) => desk::answer(201, message(&item)),
        Err(Refusal::Broken) => error(500, 20500, "An internal server error has occurred"),
        Err(Refusal::Busy) => desk::later(error(429, 20429, "Too Many Requests")),
        Err(Refusal::OptedOut) => error(400, 21610, "Attempt to send to unsubscribed recipient"),
        Err(Refusal::Invalid) => error(400, 21211, &format!("Invalid 'To' Phone Number: {to}")),
    }
}

fn check(form: &[(String, String)]) -> Result<(), (u32, String)> {
    let value = |name: &str| {
        let found = form.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    };
    if let Some((name, _)) = form.iter().find(|(name, _)| !PARAMETERS.contains(&name.as_str())) {
        return Err((20001, format!("Parameter '{name}' is not known")));
    }
    let Some(to) = value("To") else {
        return Err((21604, "A 'To' phone number is required.".into()));
    };
    if !desk::e164(to) {
        return Err((21211, format!("Invalid 'To' Phone Number: {to}")));
    }
    if value("From").is_none() && value("MessagingServiceSid").is_none() {
        return Err((21603, "A 'From' phone number is required.".into()));
    }
    let service =
        value("MessagingServiceSid").is_none_or(|sid| sid.starts_with("MG") && sid.len() == 34);
    if !service {
        return Err((21701, "The Messaging Service does not exist".into()));
    }
    let text = value("Body");
    if text.is_none() && value("MediaUrl").is_none() && value("ContentSid").is_none() {
        return Err((21602, "Message body is required.".into()));
    }
    if text.is_some_and(|text| text.chars().count() > BODY_MAX) {
        return Err((
            21617,
            "The concatenated message body exceeds the 1600 character limit".into(),
        ));
    }
    let hosted = |address: &str| {
        let host = url::Url::parse(address).ok().and_then(|url| url.host_str().map(str::to_owned));
        desk::web(address) && host.is_some_and(|host| !host.contains('_'))
    };
    if !value("StatusCallback").is_none_or(hosted) {
        return Err((21609, "The 'StatusCallback' URL is not a valid URL.".into()));
    }
    let validity = value("ValidityPeriod").is_none_or(|seconds| {
        seconds.parse::<u32>().is_ok_and(|seconds| (1..=36_000).contains(&seconds))
    });
    if validity { Ok(()) } else { Err((20001, "ValidityPeriod is out of range".into())) }
}

async fn one(
    State(fake): State<Fake>,
    Path((sid, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    if let Err(refused) = key(&fake, &sid, &headers) {
        return *refused;
    }
    let id = file.strip_suffix(".json").unwrap_or(&file);
    let found = fake.item_of(Provider::Twilio, id).filter(|item| sid_of(item, &fake) == sid);
    match found {
        Some(item) => desk::answer(200, message(&item)),
        None => missing(&format!("/{API}/Accounts/{sid}/Messages/{file}")),
    }
}

async fn list(
    State(fake): State<Fake>,
    Path(sid): Path<String>,
    Query(query): Query<Pairs>,
    headers: HeaderMap,
) -> Response {
    if let Err(refused) = key(&fake, &sid, &headers) {
        return *refused;
    }
    let mut items = fake.items_of(Provider::Twilio);
    items.retain(|item| sid_of(item, &fake) == sid && matches(item, &query));
    items.reverse();
    let number = |name: &str, or: usize| query.get(name).and_then(|n| n.parse().ok()).unwrap_or(or);
    let (page, size) = (number("Page", 0), number("PageSize", PAGE).clamp(1, PAGE_MAX));
    let start = page * size;
    let shown: Vec<Value> = items.iter().skip(start).take(size).map(message).collect();
    let uri =
        |page: usize| format!("/{API}/Accounts/{sid}/Messages.json?PageSize={size}&Page={page}");
    let more = items.len() > start + size;
    desk::answer(
        200,
        json!({
            "first_page_uri": uri(0), "uri": uri(page), "page": page, "page_size": size,
            "start": start, "end": (start + shown.len()).saturating_sub(1),
            "next_page_uri": more.then(|| uri(page + 1)),
            "previous_page_uri": (page > 0).then(|| uri(page - 1)),
            "messages": shown,
        }),
    )
}

/// The filters; a text that has not been sent yet goes by the time it was ordered.
fn matches(item: &Item, query: &Pairs) -> bool {
    let is = |name: &str, value: Option<&str>| {
        query.get(name).is_none_or(|wanted| Some(wanted.as_str()) == value)
    };
    let sent = item.started.unwrap_or(item.created);
    let day = sent.format("%Y-%m-%d").to_string();
    let at = |name: &str, holds: &dyn Fn(Time, Time) -> bool| {
        query.get(name).is_none_or(|text| moment(text).is_some_and(|wanted| holds(sent, wanted)))
    };
    is("To", Some(&item.order.to))
        && is("From", item.order.from.as_deref())
        && query.get("DateSent").is_none_or(|text| text.get(..10) == Some(day.as_str()))
        && at("DateSent>", &|sent, from| sent >= from)
        && at("DateSent<", &|sent, to| sent <= to)
}

/// A day, or a moment of ISO 8601.
fn moment(text: &str) -> Option<Time> {
    let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    whole.parse().ok()
}

/// The account that the message belongs to; a person's text belongs to the one that is set.
fn sid_of(item: &Item, fake: &Fake) -> String {
    match item.order.body["AccountSid"].as_str() {
        Some(sid) => sid.to_owned(),
        None => fake.account_of(Provider::Twilio).user.unwrap_or_default(),
    }
}

fn status(item: &Item) -> &'static str {
    match (item.stage, item.script.fate) {
        _ if item.inbound => "received",
        (Stage::Queued, _) if service(item).is_some() => "accepted",
        (Stage::Queued, _) => "queued",
        (Stage::Underway, _) => "sent",
        (_, Fate::Undelivered) => "undelivered",
        _ => "delivered",
    }
}

fn service(item: &Item) -> Option<&str> {
    item.order.body["MessagingServiceSid"].as_str()
}

fn failed(item: &Item) -> bool {
    status(item) == "undelivered"
}

fn segments(text: &str) -> usize {
    text.chars().count().div_ceil(SEGMENT).max(1)
}

fn message(item: &Item) -> Value {
    let account = item.order.body["AccountSid"].as_str().unwrap_or_default();
    let uri = format!("/{API}/Accounts/{account}/Messages/{}", item.id);
    let pending = item.stage == Stage::Queued && service(item).is_some();
    let segments = if pending { 0 } else { segments(&item.order.text) };
    let pool = (!pending).then_some(POOL);
    let rfc2822 = |at: Time| at.to_rfc2822();
    json!({
        "sid": item.id, "account_sid": account, "api_version": API, "body": item.order.text,
        "direction": if item.inbound { "inbound" } else { "outbound-api" },
        "from": item.order.from.as_deref().or(pool), "to": item.order.to, "messaging_service_sid": service(item),
        "status": status(item), "num_segments": segments.to_string(), "num_media": "0",
        "price": null, "price_unit": "USD",
        "error_code": failed(item).then_some(UNDELIVERED),
        "error_message": failed(item).then_some("Unreachable destination handset"),
        "date_created": rfc2822(item.created), "date_updated": rfc2822(item.changed),
        "date_sent": item.started.map(rfc2822),
        "uri": format!("{uri}.json"), "subresource_uris": {"media": format!("{uri}/Media.json")},
    })
}

pub(crate) fn place_of(item: &Item, account: &Account) -> Option<String> {
    if item.inbound { account.webhook_url.clone() } else { item.order.callback.clone() }
}

pub(crate) fn events(item: &Item, account: &Account) -> Vec<Event> {
    let own = account.user.clone().unwrap_or_default();
    let sid = item.order.body["AccountSid"].as_str().map_or(own, str::to_owned);
    let mut form: Vec<(String, String)> = Vec::new();
    let mut say = |name: &str, value: &str| form.push((name.to_owned(), value.to_owned()));
    say("MessageSid", &item.id);
    say("SmsSid", &item.id);
    say("AccountSid", &sid);
    say("From", item.order.from.as_deref().unwrap_or(POOL));
    say("To", &item.order.to);
    say("ApiVersion", API);
    say("SmsStatus", status(item));
    if item.inbound {
        inbound(item, &mut say);
    } else {
        say("MessageStatus", status(item));
        if let Some(service) = service(item) {
            say("MessagingServiceSid", service);
        }
        if failed(item) {
            say("ErrorCode", &UNDELIVERED.to_string());
        }
        if item.stage == Stage::Ended {
            say("RawDlrDoneDate", &item.changed.format("%y%m%d%H%M").to_string());
        }
    }
    vec![Event { name: status(item).to_owned(), told: Told::Form(form) }]
}

fn inbound(item: &Item, say: &mut dyn FnMut(&str, &str)) {
    say("SmsMessageSid", &item.id);
    say("Body", &item.order.text);
    say("NumMedia", "0");
    say("NumSegments", &segments(&item.order.text).to_string());
    for name in ["FromCity", "FromState", "FromZip", "ToCity", "ToState", "ToZip"] {
        say(name, "");
    }
    say("FromCountry", "US");
    say("ToCountry", "US");
    if let Some(keyword) = keyword(&item.order.text) {
        say("OptOutType", keyword);
    }
}
