//! Calls by Retell.
use super::{
    MissingSecret, Secrets, other,
    reading::{
        OURS, at, broken, connected, id, json, key, link, needed, number, ours, prose, seconds,
        steer_by, text, transcript, unix_ms, word,
    },
    requests::{base, bearer, date, get, placed, post, segment, success},
    sign::{Hash, fresh, unhex},
};
use crate::{
    campaign::response::Answer,
    clock::Time,
    outreach::{
        CallOutcome, Heard, Incoming, NotGenuine, Order, Placed, Provider, ProviderConfig, Report,
        What, Wire,
        provider::{Found, Unreadable},
        report::Role,
    },
    secret::Sensitive,
};
use chrono::TimeDelta;
use serde_json::{Map, Value, json};

const API: &str = "https://api.retellai.com";
const SIGNATURE: &str = "x-retell-signature";
/// Seconds that a signed webhook may be old or ahead.
const TOLERANCE: i64 = 300;
/// How long after the end of a call an analysis may still come, when the state of the call is asked for.
const ANALYSIS_MINUTES: i64 = 5;
/// The analysis found a machine at the other end.
const IN_VOICEMAIL: &str = "/call_analysis/in_voicemail";

/// An account with its credentials.
#[derive(Debug)]
pub struct Retell {
    /// Calls the API and signs the webhooks.
    api_key: Sensitive,
    agent: String,
    from: String,
    base: String,
}

impl Retell {
    pub(super) fn open(
        config: &ProviderConfig,
        secrets: Secrets<'_>,
    ) -> Result<Self, MissingSecret> {
        let ProviderConfig::Retell { api_key, agent_id, from, base_url } = config else { other() };
        Ok(Self {
            api_key: secrets.get("apiKey", api_key)?,
            agent: agent_id.clone(),
            from: from.clone(),
            base: base(base_url.as_ref(), API),
        })
    }
}

impl Provider for Retell {
    /// Retell takes a key against repeats, good for an hour: should an order ever be sent twice, one call is made.
    fn place(&self, order: &Order<'_>) -> Wire {
        let mut variables: Map<String, Value> = order
            .variables
            .iter()
            .map(|(name, value)| (name.clone(), plain(value).into()))
            .collect();
        if !order.text.is_empty() {
            variables.insert("instructions".into(), order.text.into());
        }
        let body = json!({
            "from_number": order.from.unwrap_or(&self.from),
            "to_number": order.to,
            "override_agent_id": self.agent,
            // Whatever URL the agent itself has: this call is told of to us.
            "agent_override": {"agent": {"webhook_url": order.callback}},
            "metadata": {OURS: order.id},
            "retell_llm_dynamic_variables": variables,
            "idempotency_key": order.id,
        });
        post(format!("{}/v2/create-phone-call", self.base), bearer(&self.api_key), &body)
    }

    fn placed(&self, answer: &Answer) -> Placed {
        placed(answer, "/call_id", &["to_number", "destination number"])
    }

    fn find(&self, order: &Order<'_>) -> Option<Wire> {
        let by = json!([{"type": "string", "op": "eq", "key": OURS, "value": order.id}]);
        let body = json!({"filter_criteria": {"metadata": by}, "limit": 2});
        Some(post(format!("{}/v3/list-calls", self.base), bearer(&self.api_key), &body))
    }

    /// A call with our id; calls with other ids say that the filter was not understood.
    fn found(&self, answer: &Answer, order: &Order<'_>) -> Found {
        let body = success(answer).unwrap_or_default();
        let Some(calls) = body["items"].as_array() else { return Found::NotSure };
        match calls.iter().find(|call| own(call).as_deref() == Some(order.id)) {
            Some(call) => id(call, "/call_id").map_or(Found::NotSure, Found::As),
            None if calls.is_empty() && body["has_more"] != true => Found::No,
            None => Found::NotSure,
        }
    }

    fn ask(&self, reference: &str, _: Time) -> Option<Wire> {
        let url = format!("{}/v2/get-call/{}", self.base, segment(reference));
        Some(get(url, bearer(&self.api_key)))
    }

    /// A call that has ended is complete once it is analysed, was never connected, or has ended long ago.
    fn told(&self, answer: &Answer) -> Vec<Heard> {
        let Some(call) = success(answer) else { return Vec::new() };
        let (Some(reference), Some(status)) = (id(&call, "/call_id"), text(&call, "/call_status"))
        else {
            return Vec::new();
        };
        match status {
            "ended" | "not_connected" | "error" => {
                let analysed = at(&call, "/call_analysis").is_some();
                let mut report = report(&call);
                let late = date(answer)
                    .zip(report.ended_at)
                    .is_none_or(|(now, end)| now - end >= TimeDelta::minutes(ANALYSIS_MINUTES));
                let event = if analysed { "call_analyzed" } else { "call_ended" };
                let waited = late && !analysed && connected(report.outcome);
                report.complete = analysed || late || !connected(report.outcome);
                vec![ended(&call, reference, if waited { "polled" } else { event }, report)]
            }
            "ongoing" => vec![started(&call, reference)],
            _ => Vec::new(),
        }
    }

    /// `v=<milliseconds>,d=<hex>` over the body and then the time.
    fn verify(&self, incoming: &Incoming<'_>, now: Time) -> Result<(), NotGenuine> {
        let given = incoming.header(SIGNATURE).ok_or(NotGenuine::Unsigned(SIGNATURE))?;
        let (at, tag) = parts(given).ok_or(NotGenuine::Malformed(SIGNATURE))?;
        fresh(at, now, TOLERANCE)?;
        let message = [incoming.body, at.to_string().as_bytes()].concat();
        let fits = Hash::Sha256.fits(self.api_key.expose().as_bytes(), &message, &tag);
        if fits { Ok(()) } else { Err(NotGenuine::Forged) }
    }

    fn read(&self, incoming: &Incoming<'_>) -> Result<Vec<Heard>, Unreadable> {
        let body = json(incoming.body)?;
        let event = text(&body, "/event").unwrap_or_default();
        if !matches!(event, "call_started" | "call_ended" | "call_analyzed") {
            return Ok(Vec::new());
        }
        let reference = needed(&body, "/call/call_id")?;
        let call = &body["call"];
        if event == "call_started" {
            return Ok(vec![started(call, reference)]);
        }
        let mut report = report(call);
        report.complete = event == "call_analyzed" || !connected(report.outcome);
        Ok(vec![ended(call, reference, event, report)])
    }
}

/// The time and the code of a signature in exactly Retell's form.
fn parts(given: &str) -> Option<(i64, Vec<u8>)> {
    let (at, tag) = given.strip_prefix("v=")?.split_once(",d=")?;
    let digits = !at.is_empty() && at.bytes().all(|b| b.is_ascii_digit());
    let lower = tag.len() == 64 && !tag.bytes().any(|b| b.is_ascii_uppercase());
    let at = at.parse().ok().filter(|_| digits && lower)?;
    Some((at, unhex(tag)?))
}

/// Retell's variables are texts.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn own(call: &Value) -> Option<String> {
    ours(text(call, "/metadata/orderId"))
}

fn started(call: &Value, reference: String) -> Heard {
    let key = key(&[&reference, "call_started"]);
    let what = What::Progress { status: "ongoing".into() };
    Heard { ours: own(call), reference: Some(reference), key, what }
}

fn ended(call: &Value, reference: String, event: &str, report: Report) -> Heard {
    let key = key(&[&reference, event]);
    let what = What::Call { report: Box::new(report) };
    Heard { ours: own(call), reference: Some(reference), key, what }
}

fn report(call: &Value) -> Report {
    let reason = word(call, "/disconnection_reason");
    let mut report = broken(Report {
        ended_reason: reason.clone(),
        started_at: unix_ms(call, "/start_timestamp"),
        ended_at: unix_ms(call, "/end_timestamp"),
        duration_seconds: seconds(number(call, "/duration_ms").map(|ms| ms / 1e3)),
        summary: prose(call, "/call_analysis/call_summary"),
        recording_url: link(call, "/recording_url"),
        transcript: transcript(at(call, "/transcript_object"), |line| {
            let role = match text(line, "/role")? {
                "user" => Role::User,
                "agent" => Role::Agent,
                _ => return None,
            };
            Some((role, text(line, "/content")?, number(line, "/words/0/start")))
        }),
        ..Report::of(outcome(reason.as_deref().unwrap_or_default(), text(call, "/call_status")))
    });
    if connected(report.outcome) && at(call, IN_VOICEMAIL) == Some(&Value::Bool(true)) {
        report.outcome = CallOutcome::Voicemail;
    }
    steer_by(&mut report, at(call, "/call_analysis/custom_analysis_data"));
    report
}

/// What the reason for the end comes to; without one, what the status says.
fn outcome(reason: &str, status: Option<&str>) -> CallOutcome {
    match reason {
        "user_hangup" | "agent_hangup" | "call_transfer" | "transfer_bridged"
        | "call_take_over" => CallOutcome::Completed,
        "user_requested_dnc" => CallOutcome::Dnc,
        "user_requested_callback" => CallOutcome::ScheduledCallback,
        "voicemail_reached" => CallOutcome::Voicemail,
        "ivr_reached" | "invalid_destination" => CallOutcome::NoContact,
        "inactivity" | "max_duration_reached" | "transfer_cancelled" | "manual_stopped" => {
            CallOutcome::Incomplete
        }
        "dial_busy" => CallOutcome::Busy,
        "dial_no_answer" | "user_declined" => CallOutcome::NoAnswer,
        "dial_failed"
        | "concurrency_limit_reached"
        | "no_concurrency_fallback"
        | "no_valid_payment"
        | "credit_exhausted"
        | "budget_reached"
        | "scam_detected"
        | "telephony_provider_permission_denied"
        | "telephony_provider_unavailable"
        | "sip_routing_error"
        | "marked_as_spam"
        | "network_blocked"
        | "registered_call_timeout" => CallOutcome::Failed,
        error if error.starts_with("error_") => CallOutcome::Failed,
        _ => match status {
            Some("not_connected") => CallOutcome::NoAnswer,
            Some("error") => CallOutcome::Failed,
            _ => CallOutcome::Completed,
        },
    }
}

#[cfg(test)]
#[path = "retell_tests.rs"]
mod tests;
