//! Calls by anybody who speaks our own protocol, signed as Standard Webhooks are, with one secret both ways.
//!
//! - An order is a POST to `url`: `{"orderId", "to", "from"?, "instructions", "variables": {}, "callbackUrl"}`. `webhook-id` is the
//!   order's id: whoever gets it twice should call once. Taken: any 2xx with `{"reference": "…"}`, the caller's own id of the call (200
//!   characters at most, letters, digits and `-_.:~=@`).
//! - Refused: any 4xx, better with `{"refusal": "bad_number" | "opted_out" | "busy" | "misconfigured", "message": "…"}`; `retry-after`
//!   says how long to wait. 429 is `busy`, everything else without a `refusal` is `misconfigured`. Any other answer, 408 and 409 among
//!   them, leaves it open whether there will be a call; the order is not sent again by itself.
//! - Events are POSTed to `callbackUrl`: `{"type", "timestamp"?, "data": {…}}`, each with its own `webhook-id`, kept for repeats. `data`
//!   holds `reference` or `orderId` or both. Types: `call.progress` (`status`: any word), `call.ended`, and `call.analysed` if more
//!   became known later; `call.ended` says `"more": true` when that is still to come. Other types are answered with 2xx and ignored.
//! - An ended or analysed call: `outcome` (`completed`, `incomplete`, `voicemail`, `no_answer`, `busy`, `no_contact`,
//!   `scheduled_callback`, `follow_up`, `qualified`, `disqualified`, `dnc`, `failed`), `endedReason`, `startedAt`, `endedAt`,
//!   `durationSeconds`, `summary`, `recordingUrl`, `transcript: [{"role": "agent" | "user", "text", "second"?}]`, `answers: {}`,
//!   `callbackAt` (RFC 3339). All but `outcome` may be missing; without `outcome` the call counts as completed.
//! - The state is asked for with a signed GET of `statusUrl`, if there is one, with `{reference}` replaced; `webhook-id` is the reference
//!   and the body empty. The answer is an event as above, in 2xx; anything else says nothing.
use super::{
    MissingSecret, Secrets, other,
    reading::{
        at, id, json, key, link, number, ours, prose, seconds, steer_by, text, time, transcript,
        word,
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
        let Ok(heard) = heard(&body, String::new()) else { return Vec::new() };
        let heard = heard.map(|mut heard| {
            let (kind, state) = match &heard.what {
                What::Progress { status } => ("progress", status.as_str()),
                What::Call { report } if report.complete => ("complete", report.outcome.word()),
                What::Call { report } => ("ended", report.outcome.word()),
                What::Status { .. } | What::Text(_) => ("", ""),
            };
            let id = heard.reference.as_ref().or(heard.ours.as_ref()).map_or("", String::as_str);
            heard.key = key(&["polled", id, kind, state]);
            heard
        });
        heard.into_iter().collect()
    }

    fn verify(&self, incoming: &Incoming<'_>, now: Time) -> Result<(), NotGenuine> {
        verify(&[self.secret.bytes()], incoming, now)
    }

    fn read(&self, incoming: &Incoming<'_>) -> Result<Vec<Heard>, Unreadable> {
        let event = incoming.header("webhook-id").unwrap_or_default();
        Ok(heard(&json(incoming.body)?, key(&["event", event]))?.into_iter().collect())
    }
}

fn heard(body: &Value, key: String) -> Result<Option<Heard>, Unreadable> {
    let data = &body["data"];
    let kind = text(body, "/type").unwrap_or_default();
    let what = match kind {
        "call.progress" => What::Progress { status: word(data, "/status").unwrap_or_default() },
        "call.ended" | "call.analysed" => {
            let complete = kind == "call.analysed" || at(data, "/more") != Some(&Value::Bool(true));
            What::Call { report: Box::new(Report { complete, ..report(data) }) }
        }
        _ => return Ok(None),
    };
    let (ours, reference) = (ours(text(data, "/orderId")), id(data, "/reference"));
    if ours.is_none() && reference.is_none() {
        return Err(Unreadable("`data` holds neither `reference` nor `orderId`".into()));
    }
    Ok(Some(Heard { ours, reference, key, what }))
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
