//! Calls by ElevenLabs, over the account's own Twilio number. Where webhooks go is set for the whole workspace there, not by the call.
use super::{
    MissingSecret, Secrets, other,
    reading::{
        at, cut, id, json, key, needed, number, ours, prose, seconds, steer, text, transcript, word,
    },
    requests::{Headers, base, get, get_with, names, placed, post, segment, success, whole, why},
    sign::{Hash, fresh, unhex},
};
use crate::{
    campaign::response::Answer,
    clock::Time,
    outreach::{
        CallOutcome, Heard, Incoming, NotGenuine, Order, Placed, Provider, ProviderConfig, Report,
        What, Wire,
        provider::{Found, Refusal, RefusalKind, Unreadable},
        report::Role,
    },
    secret::Sensitive,
};
use chrono::{DateTime, TimeDelta};
use serde_json::{Map, Value, json};

const API: &str = "https://api.elevenlabs.io";
const SIGNATURE: &str = "elevenlabs-signature";
/// Seconds that a signed webhook may be old (as the real client has it) or ahead.
const TOLERANCE: i64 = 1_800;
/// Parts of a signature that are looked at, at most.
const PARTS_MAX: usize = 20;
/// The dynamic variable that holds our own id.
const OURS: &str = "order_id";
/// Names that the provider keeps for itself.
const RESERVED: &str = "system__";
/// By what the number that is called is named in refusals, by ElevenLabs and by Twilio behind it.
const NUMBER: [&str; 6] =
    ["to_number", "'to' phone number", "'to' number", "21211", "21214", "21217"];
/// How long before its order a call may have begun to be the one that is looked for: clocks differ.
const FIND_BEFORE: TimeDelta = TimeDelta::hours(1);

/// An account with its credentials.
#[derive(Debug)]
pub struct ElevenLabs {
    api_key: Sensitive,
    webhook_secret: Sensitive,
    agent: String,
    phone_number: String,
    base: String,
}

impl ElevenLabs {
    pub(super) fn open(
        config: &ProviderConfig,
        secrets: Secrets<'_>,
    ) -> Result<Self, MissingSecret> {
        let ProviderConfig::ElevenLabs {
            api_key,
            webhook_secret,
            agent_id,
            agent_phone_number_id,
            base_url,
        } = config
        else {
            other()
        };
        Ok(Self {
            api_key: secrets.get("apiKey", api_key)?,
            webhook_secret: secrets.get("webhookSecret", webhook_secret)?,
            agent: agent_id.clone(),
            phone_number: agent_phone_number_id.clone(),
            base: base(base_url.as_ref(), API),
        })
    }

    fn key(&self) -> Headers {
        vec![("xi-api-key".into(), self.api_key.expose().to_owned())]
    }
}

impl Provider for ElevenLabs {
    fn place(&self, order: &Order<'_>) -> Wire {
        let mut variables = Map::from_iter([(OURS.to_owned(), order.id.into())]);
        let free =
            order.variables.iter().filter(|(name, _)| *name != OURS && !name.starts_with(RESERVED));
        variables.extend(free.map(|(name, value)| (name.clone(), scalar(value))));
        if !order.text.is_empty() {
            variables.insert("instructions".into(), order.text.into());
        }
        let body = json!({
            "agent_id": self.agent,
            "agent_phone_number_id": self.phone_number,
            "to_number": order.to,
            "conversation_initiation_client_data": {"dynamic_variables": variables},
        });
        post(format!("{}/v1/convai/twilio/outbound-call", self.base), self.key(), &body)
    }

    /// A failure is told under a status of 200 as well.
    fn placed(&self, answer: &Answer) -> Placed {
        let body = whole(answer).unwrap_or_default();
        if (200..300).contains(&answer.status) && at(&body, "/success") == Some(&Value::Bool(false))
        {
            let bad = names(&answer.body, &NUMBER);
            let kind = if bad { RefusalKind::BadNumber } else { RefusalKind::Misconfigured };
            return Placed::Refused(Refusal { why: why(answer), kind });
        }
        placed(answer, "/conversation_id", &NUMBER)
    }

    fn find(&self, order: &Order<'_>) -> Option<Wire> {
        let since = (order.now - FIND_BEFORE).timestamp().to_string();
        let ours = format!("{OURS}:eq:{}", order.id);
        let query = [
            ("agent_id", self.agent.as_str()),
            ("dynamic_variable_params", &ours),
            ("call_start_after_unix", &since),
            ("page_size", "2"),
        ];
        Some(get_with(&format!("{}/v1/convai/conversations", self.base), &query, self.key()))
    }

    /// The one conversation with our id. That there is none says nothing: a call that nobody took is no conversation.
    fn found(&self, answer: &Answer, _: &Order<'_>) -> Found {
        let body = success(answer).unwrap_or_default();
        match body["conversations"].as_array().map(Vec::as_slice) {
            Some([one]) if body["has_more"] != true => {
                id(one, "/conversation_id").map_or(Found::NotSure, Found::As)
            }
            _ => Found::NotSure,
        }
    }

    fn ask(&self, reference: &str, _: Time) -> Option<Wire> {
        let url = format!("{}/v1/convai/conversations/{}", self.base, segment(reference));
        Some(get(url, self.key()))
    }

    fn told(&self, answer: &Answer) -> Vec<Heard> {
        let Some(call) = success(answer) else { return Vec::new() };
        let (Some(reference), Some(status)) =
            (id(&call, "/conversation_id"), text(&call, "/status"))
        else {
            return Vec::new();
        };
        vec![match status {
            "done" | "failed" => ended(&call, reference, "post_call_transcription", report(&call)),
            "processing" => {
                ended(&call, reference, status, Report { complete: false, ..report(&call) })
            }
            _ => Heard {
                ours: own(&call),
                key: key(&[&reference, status]),
                reference: Some(reference),
                what: What::Progress { status: cut(status, super::reading::WORD_CHARS_MAX) },
            },
        }]
    }

    /// `t=<seconds>,v0=<hex>` over the time, a dot and the body.
    fn verify(&self, incoming: &Incoming<'_>, now: Time) -> Result<(), NotGenuine> {
        let given = incoming.header(SIGNATURE).ok_or(NotGenuine::Unsigned(SIGNATURE))?;
        let parts = || given.split(',').take(PARTS_MAX).map(str::trim);
        let at = parts().find_map(|part| part.strip_prefix("t="));
        let at = at.filter(|at| !at.is_empty() && at.bytes().all(|b| b.is_ascii_digit()));
        let at = at.ok_or(NotGenuine::Malformed(SIGNATURE))?;
        let seconds: i64 = at.parse().map_err(|_| NotGenuine::Malformed(SIGNATURE))?;
        fresh(seconds.saturating_mul(1_000), now, TOLERANCE)?;
        let message = [at.as_bytes(), b".", incoming.body].concat();
        let key = self.webhook_secret.expose().as_bytes();
        let mut tags = parts().filter_map(|part| unhex(part.strip_prefix("v0=")?));
        if tags.any(|tag| Hash::Sha256.fits(key, &message, &tag)) {
            Ok(())
        } else {
            Err(NotGenuine::Forged)
        }
    }

    fn read(&self, incoming: &Incoming<'_>) -> Result<Vec<Heard>, Unreadable> {
        let body = json(incoming.body)?;
        let kind = text(&body, "/type").unwrap_or_default();
        let read: fn(&Value) -> Report = match kind {
            "post_call_transcription" => report,
            "call_initiation_failure" => failure,
            _ => return Ok(Vec::new()),
        };
        let reference = needed(&body, "/data/conversation_id")?;
        let data = &body["data"];
        Ok(vec![ended(data, reference, kind, read(data))])
    }
}

/// Dynamic variables are texts, numbers and truths.
fn scalar(value: &Value) -> Value {
    match value {
        Value::Array(_) | Value::Object(_) => value.to_string().into(),
        Value::Null => "".into(),
        _ => value.clone(),
    }
}

fn own(call: &Value) -> Option<String> {
    ours(text(call, "/conversation_initiation_client_data/dynamic_variables/order_id"))
}

fn ended(call: &Value, reference: String, kind: &str, report: Report) -> Heard {
    let key = key(&[&reference, kind]);
    let what = What::Call { report: Box::new(report) };
    Heard { ours: own(call), reference: Some(reference), key, what }
}

fn report(call: &Value) -> Report {
    let started_at = number(call, "/metadata/start_time_unix_secs")
        .and_then(|seconds| DateTime::from_timestamp(seconds as i64, 0));
    let duration_seconds = seconds(number(call, "/metadata/call_duration_secs"));
    let ended_at = started_at
        .zip(duration_seconds)
        .and_then(|(start, long)| start.checked_add_signed(TimeDelta::seconds(long)));
    let reason = ["/metadata/termination_reason", "/metadata/error/reason"];
    let mut report = Report {
        ended_reason: reason.iter().find_map(|path| word(call, path)),
        started_at,
        ended_at,
        duration_seconds,
        summary: prose(call, "/analysis/transcript_summary"),
        transcript: transcript(at(call, "/transcript"), |line| {
            let role = if text(line, "/role")? == "user" { Role::User } else { Role::Agent };
            Some((role, text(line, "/message")?, number(line, "/time_in_call_secs")))
        }),
        ..Report::of(outcome(call))
    };
    let results = at(call, "/analysis/data_collection_results").and_then(Value::as_object);
    let values =
        results.into_iter().flatten().map(|(name, found)| (name.clone(), found["value"].clone()));
    steer(&mut report, &values.collect::<Map<_, _>>());
    report
}

/// What the line says comes before what the conversation says of itself.
fn outcome(call: &Value) -> CallOutcome {
    let reason = text(call, "/metadata/termination_reason").unwrap_or_default().to_lowercase();
    match text(call, "/metadata/phone_call/call_result").unwrap_or_default() {
        "voicemail" => CallOutcome::Voicemail,
        "busy" => CallOutcome::Busy,
        "no_answer" => CallOutcome::NoAnswer,
        "failed" => CallOutcome::Failed,
        _ if reason.contains("voicemail") => CallOutcome::Voicemail,
        "answered" if text(call, "/status") == Some("failed") => CallOutcome::Incomplete,
        _ if text(call, "/status") == Some("failed") => CallOutcome::Failed,
        _ => CallOutcome::Completed,
    }
}

/// A call that did not begin.
fn failure(call: &Value) -> Report {
    let line = text(call, "/metadata/body/CallStatus").unwrap_or_default();
    let outcome = match (text(call, "/failure_reason").unwrap_or_default(), line) {
        ("busy", _) | (_, "busy") => CallOutcome::Busy,
        ("no-answer" | "no_answer", _) | (_, "no-answer") => CallOutcome::NoAnswer,
        _ => CallOutcome::Failed,
    };
    Report { ended_reason: word(call, "/failure_reason"), ..Report::of(outcome) }
}

#[cfg(test)]
#[path = "elevenlabs_tests.rs"]
mod tests;
