//! Calls by anybody who speaks our own protocol, signed as Standard Webhooks are, with one secret both ways.
//!
//! - An order is a POST to `url`: `{"orderId", "to", "from"?, "instructions", "variables": {}, "callbackUrl"}`. `webhook-id` is the order's
//!   id: whoever gets it twice should call once. Taken: any 2xx with `{"reference": "…"}`, the caller's own id of the call (200 characters
//!   at most, letters, digits and `-_.:~=@`).
//! - Refused: any 4xx, best with `{"refusal": "bad_number" | "opted_out" | "busy" | "misconfigured", "message"}`; `retry-after` says how
//!   long to wait. Without `refusal`, 422 is `bad_number`, 429 `busy`, any other `misconfigured`. After any other answer, 408 and 409
//!   among them, it is open whether there will be a call; the order is not sent again by itself.
//! - Events are POSTed to `callbackUrl`: `{"type", "data": {…}}`, each under its own `webhook-id`, the same for repeats. `data` holds
//!   `reference`, `orderId` or both. `call.progress` has a `status`, any word. `call.ended` says `"more": true` when a `call.analysed` will
//!   follow. Other types are ignored.
//! - `data` of a call that has ended: `outcome` (`completed`, `incomplete`, `voicemail`, `no_answer`, `busy`, `no_contact`, `failed`,
//!   `scheduled_callback`, `follow_up`, `qualified`, `disqualified`, `dnc`; `completed` when missing), `endedReason`, `startedAt`,
//!   `endedAt`, `durationSeconds`, `summary`, `recordingUrl`, `transcript: [{"role": "agent" | "user", "text", "second"?}]`,
//!   `answers: {}`, `callbackAt` (RFC 3339). All may be missing.
//! - The state is asked for with a GET of `statusUrl`, with `{reference}` replaced, signed with the reference as `webhook-id` over an empty
//!   body. The answer is `{"data": {…}}` as in an event, with `state`: `ended` and `analysed` as the events, else any word for progress.
use super::{
    MissingSecret, Secrets, other,
    reading::{
        WORD_CHARS_MAX, at, cut, id, json, key, link, number, ours, prose, seconds, steer_by, text,
        time, transcript, word,
    },
    requests::{Headers, get, not_placed, pause, placed, post, segment, success, whole, why},
    sign::{Key, decode_secret, sign, verify},
};
use crate::{
    campaign::response::Answer,
    clock::Time,
    outreach::{
        CallOutcome, Heard, Incoming, NotGenuine, Order, Placed, Provider, ProviderConfig, Report,
        What, Wire,
        provider::{Refusal, RefusalKind, Unreadable},
        report::Role,
    },
};
use serde_json::{Value, json};

/// What stands for the reference in `statusUrl`.
pub const REFERENCE: &str = "{reference}";

/// A caller with the secret that both sign with.
#[derive(Debug)]
pub struct Generic {
    url: String,
    status_url: Option<String>,
    secret: Key,
}

impl Generic {
    pub(super) fn open(
        config: &ProviderConfig,
        secrets: Secrets<'_>,
    ) -> Result<Self, MissingSecret> {
        let ProviderConfig::Generic { url, status_url, secret } = config else { other() };
        let secret = secrets.decoded("secret", secret, decode_secret)?;
        Ok(Self { url: url.clone(), status_url: status_url.clone(), secret })
    }

    fn signed(&self, id: &str, now: Time, body: &[u8]) -> Headers {
        let at = now.timestamp();
        let signature = sign(self.secret.bytes(), id, at, body);
        [
            ("webhook-id", id.to_owned()),
            ("webhook-timestamp", at.to_string()),
            ("webhook-signature", signature),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }
}

impl Provider for Generic {
    fn place(&self, order: &Order<'_>) -> Wire {
        let mut body = json!({
            "orderId": order.id,
            "to": order.to,
            "instructions": order.text,
            "variables": order.variables,
            "callbackUrl": order.callback,
        });
        if let Some(from) = order.from {
            body["from"] = json!(from);
        }
        let headers = self.signed(order.id, order.now, body.to_string().as_bytes());
        post(self.url.clone(), headers, &body)
    }

    fn placed(&self, answer: &Answer) -> Placed {
        let body = whole(answer).unwrap_or_default();
        let kind = match text(&body, "/refusal").filter(|_| (400..500).contains(&answer.status)) {
            Some("bad_number") => RefusalKind::BadNumber,
            Some("opted_out") => RefusalKind::OptedOut,
            Some("busy") => RefusalKind::Busy(pause(answer)),
            Some("misconfigured") => RefusalKind::Misconfigured,
            _ if answer.status == 422 => RefusalKind::BadNumber,
            _ if answer.status < 300 => return placed(answer, "/reference", &[]),
            _ => return not_placed(answer, &[]),
        };
        Placed::Refused(Refusal { why: why(answer), kind })
    }

    fn ask(&self, reference: &str, now: Time) -> Option<Wire> {
        let url = self.status_url.as_ref()?.replace(REFERENCE, &segment(reference));
        Some(get(url, self.signed(reference, now, b"")))
    }

    /// The keys are made of what is told, for a repeated question has no id of its own.
    fn told(&self, answer: &Answer) -> Vec<Heard> {
        let Some(body) = success(answer) else { return Vec::new() };
        let data = &body["data"];
        let Some(state) = text(data, "/state") else { return Vec::new() };
        let what = match state {
            "ended" | "analysed" => ended(data, state == "analysed"),
            state => What::Progress { status: cut(state, WORD_CHARS_MAX) },
        };
        let outcome = match &what {
            What::Call { report } if report.complete => report.outcome.word(),
            _ => "",
        };
        let key = |id: &str| key(&["polled", id, state, outcome]);
        heard(data, key, what).into_iter().collect()
    }

    fn verify(&self, incoming: &Incoming<'_>, now: Time) -> Result<(), NotGenuine> {
        verify(&[self.secret.bytes()], incoming, now)
    }

    fn read(&self, incoming: &Incoming<'_>) -> Result<Vec<Heard>, Unreadable> {
        let body = json(incoming.body)?;
        let data = &body["data"];
        let what = match text(&body, "/type").unwrap_or_default() {
            "call.progress" => What::Progress { status: word(data, "/status").unwrap_or_default() },
            "call.ended" => ended(data, false),
            "call.analysed" => ended(data, true),
            _ => return Ok(Vec::new()),
        };
        let event = incoming.header("webhook-id").unwrap_or_default();
        let heard = heard(data, |_| key(&["event", event]), what);
        Ok(vec![
            heard.ok_or_else(|| {
                Unreadable("`data` holds neither `reference` nor `orderId`".into())
            })?,
        ])
    }
}

/// What is told of an order that is named by either id; `key` is made of it.
fn heard(data: &Value, key: impl Fn(&str) -> String, what: What) -> Option<Heard> {
    let (ours, reference) = (ours(text(data, "/orderId")), id(data, "/reference"));
    let key = key(reference.as_deref().or(ours.as_deref())?);
    Some(Heard { ours, reference, key, what })
}

fn ended(data: &Value, analysed: bool) -> What {
    let complete = analysed || at(data, "/more") != Some(&Value::Bool(true));
    What::Call { report: Box::new(Report { complete, ..report(data) }) }
}

fn report(data: &Value) -> Report {
    let given = at(data, "/outcome").cloned();
    let outcome = given.and_then(|word| serde_json::from_value(word).ok());
    let mut report = Report {
        ended_reason: word(data, "/endedReason"),
        started_at: time(data, "/startedAt"),
        ended_at: time(data, "/endedAt"),
        duration_seconds: seconds(number(data, "/durationSeconds")),
        summary: prose(data, "/summary"),
        recording_url: link(data, "/recordingUrl"),
        transcript: transcript(at(data, "/transcript"), |line| {
            let role = match text(line, "/role")? {
                "user" => Role::User,
                "agent" => Role::Agent,
                _ => return None,
            };
            Some((role, text(line, "/text")?, number(line, "/second")))
        }),
        ..Report::of(outcome.unwrap_or(CallOutcome::Completed))
    };
    steer_by(&mut report, at(data, "/answers"));
    if let Some(at) = time(data, "/callbackAt") {
        report.callback_at = Some(at);
        if outcome.is_none() {
            report.outcome = CallOutcome::ScheduledCallback;
        }
    }
    report
}

#[cfg(test)]
#[path = "generic_tests.rs"]
mod tests;
