//! Calls by Vapi.
use super::{
    MissingSecret, Secrets, other,
    reading::{
        OURS, at, broken, connected, id, json, key, link, needed, number, ours, prose, seconds,
        steer, steer_by, text, time, transcript, word,
    },
    requests::{base, bearer, date, get, get_with, placed, post, segment, success},
    vapi_auth::Opened,
};
use crate::{
    campaign::response::Answer,
    clock::Time,
    outreach::{
        CallOutcome, Heard, Incoming, NotGenuine, Order, Placed, Provider, ProviderConfig, Report,
        What, Wire,
        provider::{Found, Unreadable},
        report::{Role, Said},
    },
    secret::Sensitive,
};
use chrono::{SecondsFormat, TimeDelta};
use serde_json::{Map, Value, json};

const API: &str = "https://api.vapi.ai";
/// Calls that are looked at to find one, at most.
const FIND_MAX: usize = 1_000;
/// How long before its order a call may have been created to be the one that is looked for: clocks differ.
const FIND_BEFORE: TimeDelta = TimeDelta::hours(1);
/// How long after the end of a call an analysis may still come, when the state of the call is asked for.
const ANALYSIS_MINUTES: i64 = 5;
/// How often Vapi repeats a webhook that was not taken, and the first pause in seconds. By itself it repeats none.
const REPEATS: u8 = 6;
const REPEAT_SECONDS: u8 = 2;

/// An account with its credentials.
#[derive(Debug)]
pub struct Vapi {
    api_key: Sensitive,
    assistant: String,
    phone_number: String,
    credential: Option<String>,
    auth: Opened,
    base: String,
}

impl Vapi {
    pub(super) fn open(
        config: &ProviderConfig,
        secrets: Secrets<'_>,
    ) -> Result<Self, MissingSecret> {
        let ProviderConfig::Vapi {
            api_key,
            assistant_id,
            phone_number_id,
            credential_id,
            webhook_auth,
            base_url,
        } = config
        else {
            other()
        };
        Ok(Self {
            api_key: secrets.get("apiKey", api_key)?,
            assistant: assistant_id.clone(),
            phone_number: phone_number_id.clone(),
            credential: credential_id.clone(),
            auth: Opened::open(webhook_auth, secrets)?,
            base: base(base_url.as_ref(), API),
        })
    }
}

impl Provider for Vapi {
    /// Our own id goes along in the assistant's metadata, which comes back with each webhook. A server of the call's own replaces the
    /// assistant's together with its credential, so that one is named only when its credential is known.
    fn place(&self, order: &Order<'_>) -> Wire {
        let mut variables = order.variables.clone();
        if !order.text.is_empty() {
            variables.insert("instructions".into(), order.text.into());
        }
        let mut overrides = json!({"variableValues": variables, "metadata": {OURS: order.id}});
        if let Some(credential) = &self.credential {
            let again = json!({"type": "exponential", "maxRetries": REPEATS, "baseDelaySeconds": REPEAT_SECONDS});
            overrides["server"] =
                json!({"url": order.callback, "credentialId": credential, "backoffPlan": again});
        }
        let body = json!({
            "assistantId": self.assistant,
            "phoneNumberId": self.phone_number,
            "customer": {"number": order.to},
            "assistantOverrides": overrides,
        });
        post(format!("{}/call", self.base), bearer(&self.api_key), &body)
    }

    fn placed(&self, answer: &Answer) -> Placed {
        placed(answer, "/id", &["customer.number", "e.164"])
    }

    fn find(&self, order: &Order<'_>) -> Option<Wire> {
        let since = (order.now - FIND_BEFORE).to_rfc3339_opts(SecondsFormat::Millis, true);
        let limit = FIND_MAX.to_string();
        let query =
            [("assistantId", self.assistant.as_str()), ("createdAtGe", &since), ("limit", &limit)];
        Some(get_with(&format!("{}/call", self.base), &query, bearer(&self.api_key)))
    }

    fn found(&self, answer: &Answer, order: &Order<'_>) -> Found {
        let body = success(answer).unwrap_or_default();
        let Some(calls) = body.as_array() else { return Found::NotSure };
        match calls.iter().find(|call| own(call).as_deref() == Some(order.id)) {
            Some(call) => id(call, "/id").map_or(Found::NotSure, Found::As),
            None if calls.len() < FIND_MAX => Found::No,
            None => Found::NotSure,
        }
    }

    fn ask(&self, reference: &str, _: Time) -> Option<Wire> {
        Some(get(format!("{}/call/{}", self.base, segment(reference)), bearer(&self.api_key)))
    }

    /// A call that has ended is complete once it is analysed, was never connected, or has ended long ago.
    fn told(&self, answer: &Answer) -> Vec<Heard> {
        let Some(call) = success(answer) else { return Vec::new() };
        let (Some(reference), Some(status)) = (id(&call, "/id"), text(&call, "/status")) else {
            return Vec::new();
        };
        if status != "ended" {
            return vec![progress(&call, reference, status)];
        }
        let mut report = report(&call);
        let late = date(answer)
            .zip(report.ended_at)
            .is_none_or(|(now, end)| now - end >= TimeDelta::minutes(ANALYSIS_MINUTES));
        let analysed = at(&call, "/analysis")
            .and_then(Value::as_object)
            .is_some_and(|found| !found.is_empty());
        report.complete = analysed || late || !connected(report.outcome);
        let kind = match report.complete {
            true if analysed => "end-of-call-report",
            true => "polled",
            false => "status-update",
        };
        vec![ended(&call, reference, kind, report)]
    }

    fn verify(&self, incoming: &Incoming<'_>, now: Time) -> Result<(), NotGenuine> {
        self.auth.verify(incoming, now)
    }

    fn read(&self, incoming: &Incoming<'_>) -> Result<Vec<Heard>, Unreadable> {
        let body = json(incoming.body)?;
        let message = &body["message"];
        let kind = text(message, "/type").unwrap_or_default();
        let status = text(message, "/status").unwrap_or_default();
        if !matches!(kind, "status-update" | "end-of-call-report") {
            return Ok(Vec::new());
        }
        let reference = needed(message, "/call/id")?;
        Ok(vec![match (kind, status) {
            ("end-of-call-report", _) => ended(message, reference, kind, report(message)),
            (_, "ended") => {
                let mut report = report(message);
                report.complete = !connected(report.outcome);
                ended(message, reference, kind, report)
            }
            _ => progress(message, reference, status),
        }])
    }
}

fn progress(of: &Value, reference: String, status: &str) -> Heard {
    let key = key(&[&reference, "status-update", status]);
    let status = super::reading::cut(status, super::reading::WORD_CHARS_MAX);
    Heard { ours: own(of), reference: Some(reference), key, what: What::Progress { status } }
}

fn ended(of: &Value, reference: String, kind: &str, report: Report) -> Heard {
    let key = key(&[&reference, kind, "ended"]);
    let what = What::Call { report: Box::new(report) };
    Heard { ours: own(of), reference: Some(reference), key, what }
}

/// Our own id, in a message or in a call.
fn own(of: &Value) -> Option<String> {
    const PLACES: [&str; 4] = [
        "/call/assistantOverrides/metadata/orderId",
        "/assistantOverrides/metadata/orderId",
        "/assistant/metadata/orderId",
        "/call/metadata/orderId",
    ];
    PLACES.iter().find_map(|path| ours(text(of, path)))
}

/// What a message or a call says of a call that has ended; both have the same members, a message some of them under `call` only.
fn report(of: &Value) -> Report {
    let reason = word(of, "/endedReason").or_else(|| word(of, "/call/endedReason"));
    let when =
        |name: &str| time(of, &format!("/{name}")).or_else(|| time(of, &format!("/call/{name}")));
    let (started_at, ended_at) = (when("startedAt"), when("endedAt"));
    let between =
        started_at.zip(ended_at).map(|(start, end)| (end - start).num_milliseconds() as f64 / 1e3);
    let recording =
        ["/artifact/recordingUrl", "/artifact/recording/mono/combinedUrl", "/recordingUrl"];
    let mut report = broken(Report {
        ended_reason: reason.clone(),
        started_at,
        ended_at,
        duration_seconds: seconds(number(of, "/durationSeconds").or(between)),
        summary: prose(of, "/analysis/summary").or_else(|| prose(of, "/summary")),
        recording_url: recording.iter().find_map(|path| link(of, path)),
        transcript: lines(of),
        ..Report::of(reason.as_deref().map_or(CallOutcome::Completed, outcome))
    });
    steer_by(&mut report, at(of, "/analysis/structuredData"));
    if let Some(outputs) = at(of, "/artifact/structuredOutputs").and_then(Value::as_object) {
        let named = |output: &Value| Some((word(output, "/name")?, output["result"].clone()));
        let outputs: Map<String, Value> = outputs.values().filter_map(named).collect();
        steer(&mut report, &outputs);
    }
    report
}

fn lines(of: &Value) -> Vec<Said> {
    transcript(at(of, "/artifact/messages").or_else(|| at(of, "/messages")), |line| {
        let role = match text(line, "/role")? {
            "user" => Role::User,
            "bot" | "assistant" => Role::Agent,
            _ => return None,
        };
        Some((role, text(line, "/message")?, number(line, "/secondsFromStart")))
    })
}

/// What one of the several hundred reasons for the end comes to.
fn outcome(reason: &str) -> CallOutcome {
    match reason {
        "voicemail" => CallOutcome::Voicemail,
        "customer-did-not-answer" | "vonage-rejected" => CallOutcome::NoAnswer,
        "customer-busy" => CallOutcome::Busy,
        "twilio-reported-customer-misdialed" | "sip-outbound-unallocated-number" => {
            CallOutcome::NoContact
        }
        "silence-timed-out"
        | "exceeded-max-duration"
        | "vonage-disconnected"
        | "worker-shutdown"
        | "phone-call-provider-closed-websocket"
        | "sip-outbound-carrier-released-call" => CallOutcome::Incomplete,
        "manually-canceled"
        | "call-deleted"
        | "scheduled-call-deleted"
        | "assistant-not-valid"
        | "assistant-not-found"
        | "assistant-join-timed-out"
        | "customer-did-not-give-microphone-permission" => CallOutcome::Failed,
        _ if [
            "error",
            "fault",
            "failed",
            "pipeline-",
            "assistant-request-",
            "no-call-received",
        ]
        .iter()
        .any(|sign| reason.contains(sign)) =>
        {
            CallOutcome::Failed
        }
        _ if ["customer-ended-call", "assistant-", "vonage-completed"]
            .iter()
            .any(|start| reason.starts_with(start)) =>
        {
            CallOutcome::Completed
        }
        _ if reason.ends_with("completed-call") || reason.starts_with("call.ending.hook") => {
            CallOutcome::Completed
        }
        _ => CallOutcome::Incomplete,
    }
}

#[cfg(test)]
#[path = "vapi_tests.rs"]
mod tests;
