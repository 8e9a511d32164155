//! Calls by Bland.
use super::{
    MissingSecret, Secrets, other,
    reading::{
        OURS, at, cut, id, json, key, link, needed, number, ours, prose, seconds, steer, steer_by,
        text, time, transcript, word,
    },
    requests::{
        base, bearer, get, get_with, names, not_placed, placed, post, segment, success, whole, why,
    },
    sign::{Hash, unhex},
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
use chrono::TimeDelta;
use serde_json::{Map, Value, json};

const API: &str = "https://api.bland.ai";
const SIGNATURE: &str = "x-webhook-signature";
/// By what Bland names the number that is called, in its refusals.
const NUMBER: [&str; 2] = ["phone_number", "phone number"];
/// Calls to one number that are looked at to find one, at most.
const FIND_MAX: &str = "100";
/// How long before and after its order a call may have been created to be the one that is looked for.
const FIND_BEFORE: TimeDelta = TimeDelta::hours(1);
const FIND_AFTER: TimeDelta = TimeDelta::minutes(10);
/// Variables of every call that nobody said.
const SYSTEM: [&str; 18] = [
    "now",
    "now_utc",
    "now_utc_iso",
    "short_from",
    "short_to",
    "from",
    "to",
    "call_id",
    "phone_number",
    "city",
    "country",
    "state",
    "zip",
    "input",
    "metadata",
    "timestamp",
    "timezone",
    "language",
];

/// What the voice agent is told to do.
#[derive(Debug)]
enum Script {
    Pathway(String),
    Task(String),
}

/// An account with its credentials.
#[derive(Debug)]
pub struct Bland {
    api_key: Sensitive,
    webhook_secret: Sensitive,
    script: Script,
    from: Option<String>,
    base: String,
}

impl Bland {
    pub(super) fn open(
        config: &ProviderConfig,
        secrets: Secrets<'_>,
    ) -> Result<Self, MissingSecret> {
        let ProviderConfig::Bland { api_key, webhook_secret, pathway_id, task, from, base_url } =
            config
        else {
            other()
        };
        let script = match pathway_id {
            Some(pathway) => Script::Pathway(pathway.clone()),
            None => Script::Task(task.clone().unwrap_or_default()),
        };
        Ok(Self {
            api_key: secrets.get("apiKey", api_key)?,
            webhook_secret: secrets.get("webhookSecret", webhook_secret)?,
            script,
            from: from.clone(),
            base: base(base_url.as_ref(), API),
        })
    }
}

impl Provider for Bland {
    fn place(&self, order: &Order<'_>) -> Wire {
        let mut body = json!({
            "phone_number": order.to,
            "webhook": order.callback,
            "metadata": {OURS: order.id},
            "request_data": order.variables,
            "answered_by_enabled": true,
        });
        match &self.script {
            Script::Pathway(pathway) => {
                body["pathway_id"] = json!(pathway);
                body["request_data"]["instructions"] = json!(order.text);
            }
            Script::Task(task) => {
                body["task"] = json!(format!("{task}\n\n{}", order.text).trim_end());
            }
        }
        if let Some(from) = order.from.or(self.from.as_deref()) {
            body["from"] = json!(from);
        }
        post(format!("{}/v1/calls", self.base), bearer(&self.api_key), &body)
    }

    /// Bland says `error` in the body, under whatever status.
    fn placed(&self, answer: &Answer) -> Placed {
        let body = whole(answer).unwrap_or_default();
        match (answer.status, text(&body, "/status")) {
            (200..=299, Some("error")) => {
                let kind = match bad_number(answer) {
                    true => RefusalKind::BadNumber,
                    false if names(&answer.body, &["rate limit"]) => RefusalKind::Busy(None),
                    false => RefusalKind::Misconfigured,
                };
                Placed::Refused(Refusal { why: why(answer), kind })
            }
            (200..=299, _) => placed(answer, "/call_id", &[]),
            _ if bad_number(answer) => not_placed(answer, &NUMBER),
            _ => not_placed(answer, &[]),
        }
    }

    fn find(&self, order: &Order<'_>) -> Option<Wire> {
        let query = [("to_number", order.to), ("limit", FIND_MAX)];
        Some(get_with(&format!("{}/v1/calls", self.base), &query, bearer(&self.api_key)))
    }

    /// The one call to the number of about that time: the list holds no id of ours, so that the caller must see whether it knows the call
    /// already. That there is none is never sure: numbers are listed in several forms.
    fn found(&self, answer: &Answer, order: &Order<'_>) -> Found {
        let body = success(answer).unwrap_or_default();
        let calls = body["calls"].as_array().map(Vec::as_slice).unwrap_or_default();
        let fits = |call: &&Value| {
            let after = time(call, "/created_at").map(|created| created - order.now);
            let number =
                text(call, "/to").is_some_and(|to| order.to.ends_with(to.trim_start_matches('+')));
            number
                && at(call, "/inbound") != Some(&Value::Bool(true))
                && after.is_some_and(|after| (-FIND_BEFORE..=FIND_AFTER).contains(&after))
        };
        let mut fitting = calls.iter().filter(fits);
        match (fitting.next(), fitting.next()) {
            (Some(one), None) => id(one, "/call_id").map_or(Found::NotSure, Found::As),
            _ => Found::NotSure,
        }
    }

    fn ask(&self, reference: &str, _: Time) -> Option<Wire> {
        let url = format!("{}/v1/calls/{}", self.base, segment(reference));
        Some(get(url, bearer(&self.api_key)))
    }

    fn told(&self, answer: &Answer) -> Vec<Heard> {
        let Some(call) = success(answer) else { return Vec::new() };
        let Some(reference) = id(&call, "/call_id") else { return Vec::new() };
        vec![heard(&call, reference)]
    }

    /// The signature has no time in it: a repeat is known by its key only.
    fn verify(&self, incoming: &Incoming<'_>, _: Time) -> Result<(), NotGenuine> {
        let given = incoming.header(SIGNATURE).ok_or(NotGenuine::Unsigned(SIGNATURE))?;
        let tag = unhex(given.trim()).ok_or(NotGenuine::Malformed(SIGNATURE))?;
        let fits = Hash::Sha256.fits(self.webhook_secret.expose().as_bytes(), incoming.body, &tag);
        if fits { Ok(()) } else { Err(NotGenuine::Forged) }
    }

    fn read(&self, incoming: &Incoming<'_>) -> Result<Vec<Heard>, Unreadable> {
        let call = json(incoming.body)?;
        let reference = needed(&call, "/call_id").or_else(|_| needed(&call, "/c_id"))?;
        Ok(vec![heard(&call, reference)])
    }
}

/// Whether the number that is called is refused, and not the one that calls.
fn bad_number(answer: &Answer) -> bool {
    names(&answer.body, &NUMBER) && !names(&answer.body, &["from"])
}

/// The call's own state before the one of its queue.
fn state(call: &Value) -> &str {
    text(call, "/status").or_else(|| text(call, "/queue_status")).unwrap_or_default()
}

fn heard(call: &Value, reference: String) -> Heard {
    let state = state(call);
    let over = [
        "complete",
        "completed",
        "failed",
        "busy",
        "no-answer",
        "no_answer",
        "canceled",
        "cancelled",
    ];
    let ended = at(call, "/completed") == Some(&Value::Bool(true))
        || over.contains(&state)
        || state.ends_with("_error");
    let ours = ours(text(call, "/metadata/orderId"));
    let (key, what) = if ended {
        (key(&[&reference, "completed"]), What::Call { report: Box::new(report(call)) })
    } else {
        let status = cut(state, super::reading::WORD_CHARS_MAX);
        (key(&[&reference, state]), What::Progress { status })
    };
    Heard { ours, reference: Some(reference), key, what }
}

fn report(call: &Value) -> Report {
    let length = number(call, "/corrected_duration")
        .or_else(|| number(call, "/call_length").map(|minutes| minutes * 60.0));
    let reason = word(call, "/error_message").or_else(|| word(call, "/answered_by"));
    let lines = at(call, "/transcripts").or_else(|| at(call, "/transcript"));
    let started_at = time(call, "/started_at");
    let mut report = Report {
        ended_reason: reason
            .or_else(|| Some(state(call).to_owned()).filter(|state| !state.is_empty())),
        started_at,
        // `end_at` is when the call would have been ended at the latest, while it lasts.
        ended_at: time(call, "/end_at").filter(|end| started_at.is_none_or(|start| *end >= start)),
        duration_seconds: seconds(length),
        summary: prose(call, "/summary"),
        recording_url: link(call, "/recording_url"),
        transcript: transcript(lines, |line| {
            let role = match text(line, "/user")? {
                "user" => Role::User,
                "assistant" | "robot" => Role::Agent,
                _ => return None,
            };
            Some((role, text(line, "/text")?, None))
        }),
        ..Report::of(outcome(call))
    };
    if let Some(variables) = at(call, "/variables").and_then(Value::as_object) {
        let sent = at(call, "/request_data").and_then(Value::as_object);
        let said = |(name, value): &(&String, &Value)| {
            let system = SYSTEM.contains(&name.as_str());
            !system && sent.and_then(|sent| sent.get(*name)) != Some(*value)
        };
        let said = variables.iter().filter(said).map(|(name, value)| (name.clone(), value.clone()));
        steer(&mut report, &said.collect::<Map<_, _>>());
    }
    steer_by(&mut report, at(call, "/analysis"));
    report
}

/// Who or what answered comes before how the line ended: a voicemail is a completed call for Bland.
fn outcome(call: &Value) -> CallOutcome {
    match (text(call, "/answered_by").unwrap_or_default(), state(call)) {
        ("voicemail" | "machine", _) => CallOutcome::Voicemail,
        ("no-answer" | "no_answer", _) | (_, "no-answer" | "no_answer") => CallOutcome::NoAnswer,
        (_, "busy") => CallOutcome::Busy,
        (_, "failed" | "canceled" | "cancelled" | "pre_queue_error" | "queue_error") => {
            CallOutcome::Failed
        }
        (_, "call_error") => CallOutcome::Incomplete,
        ("human" | "unknown", _) | (_, "complete_error") => CallOutcome::Completed,
        _ if text(call, "/error_message").is_some() => CallOutcome::Failed,
        _ => CallOutcome::Completed,
    }
}

#[cfg(test)]
#[path = "bland_tests.rs"]
mod tests;
