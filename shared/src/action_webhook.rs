//! A webhook that begins a wait: what is posted, what its answer means, and when it is posted again.
use crate::{
    campaign::{Campaign, response::Answer, retry_after},
    clock::Time,
    exchange::Exchange,
    moves::Decision,
    reply::Reply,
    store::load::Loaded,
};
use serde_json::{Value, json};
use std::time::Duration;

/// What a receiver tells our posts apart by.
pub const EVENT: &str = "lead.first_submission_action";
/// The pause after the first try that failed; each further one is four times as long.
const PAUSE_FIRST: Duration = Duration::from_secs(10);
/// What it grows to at most.
const PAUSE_MAX: Duration = Duration::from_secs(30 * 60);
/// Characters of what is kept of a failure.
const WHY_MAX: usize = 300;
/// The parts of the lead view that go along with the lead's own fields.
const PARTS: [&str; 5] = ["address", "questionnaire", "custom", "attribution", "compliance"];

/// One post.
#[derive(Debug, Clone, Copy)]
pub struct Post<'a> {
    pub deadline: Time,
    /// Where the answer may be brought later. It holds a token.
    pub resume_url: &'a str,
    /// 1 for the first try.
    pub attempt: i64,
}

/// The body. Unlike what a buyer is sent it is not the campaign's choice: it is the lead with everything that its source said.
pub fn body(loaded: &Loaded, campaign: &Campaign, view: &Value, post: Post<'_>) -> Value {
    json!({
        "event": EVENT,
        "leadId": loaded.lead_id,
        "submissionId": loaded.id,
        "campaignId": campaign.id,
        "campaign": {"id": campaign.id, "name": campaign.name, "code": campaign.code},
        "lead": lead(view),
        "deadline": post.deadline,
        "resumeUrl": post.resume_url,
        "attempt": post.attempt,
    })
}

/// The lead as it is posted: its own fields, and with them everything that its source said.
pub fn lead(view: &Value) -> Value {
    let mut lead = view["lead"].clone();
    for part in PARTS {
        lead[part] = view[part].clone();
    }
    lead
}

/// How often it was posted, and how often it may be.
#[derive(Debug, Clone, Copy)]
pub struct Tries {
    /// The one that was just made included.
    pub made: i64,
    /// After the first one, at most.
    pub retries: i64,
    /// Spreads what fails at the same time.
    pub seed: u64,
}

/// What came of a post.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// It decides at once.
    Decided(Decision),
    /// The outside knows, and answers later; what was wrong with its answer, if it tried to decide.
    Later(Option<String>),
    /// It is posted again after this pause.
    Again(Duration, String),
    /// It is not posted again.
    GivenUp(String),
}

/// Reads an answer: 2xx has heard it, 408, 429, 5xx and silence may pass, and everything else will not.
pub fn read(exchange: &Exchange, tries: Tries, now: Time) -> Heard {
    match exchange {
        Exchange::Answered(answer, _) if (200..300).contains(&answer.status) => decision(answer),
        Exchange::Answered(answer, _) => {
            let why = format!("it was answered with {}", answer.status);
            if !matches!(answer.status, 408 | 429 | 500..=599) {
                return Heard::GivenUp(why);
            }
            let mut given = answer.headers.iter();
            let asked = given.find(|(name, _)| name.eq_ignore_ascii_case("retry-after"));
            failed(why, asked.and_then(|(_, text)| retry_after::read(text, now)), tries)
        }
        Exchange::NotSent { why } if why.may_pass() => failed(why.to_string(), None, tries),
        Exchange::NotSent { why } => Heard::GivenUp(why.to_string()),
        Exchange::Unknown { why } => failed(why.clone(), None, tries),
    }
}

/// A try that failed for a reason that may pass. The other side's own wish (`Retry-After`) is honoured; it was clamped when it was read.
pub fn failed(why: String, asked: Option<Duration>, tries: Tries) -> Heard {
    if tries.made > tries.retries {
        return Heard::GivenUp(why);
    }
    let exponent = u32::try_from(tries.made - 1).unwrap_or(0).min(10);
    let full = PAUSE_FIRST.saturating_mul(4_u32.pow(exponent)).min(PAUSE_MAX);
    let spread = full.as_millis() as u64 / 3;
    let own = full - Duration::from_millis((tries.seed ^ tries.made as u64) % spread);
    Heard::Again(asked.map_or(own, |asked| asked.max(own)), why)
}

/// An answer with an `outcome` decides, if it is one that the resume URL would take.
fn decision(answer: &Answer) -> Heard {
    let Ok(said) = serde_json::from_slice::<Value>(&answer.body) else {
        return Heard::Later(None);
    };
    if said.get("outcome").is_none() {
        return Heard::Later(None);
    }
    let no = |why: &str| Heard::Later(Some(short(&format!("its answer decides nothing: {why}"))));
    match serde_json::from_value::<Reply>(said).map(Reply::check) {
        Ok(Ok(decision)) => Heard::Decided(decision),
        Ok(Err(problems)) => {
            let all: Vec<String> = problems
                .iter()
                .map(|problem| format!("{} {}", problem.path, problem.message))
                .collect();
            no(&all.join("; "))
        }
        Err(error) => no(&error.to_string()),
    }
}

/// What is kept of a failure.
pub fn short(why: &str) -> String {
    why.chars().filter(|c| *c != '\0').take(WHY_MAX).collect()
}

#[cfg(test)]
#[path = "action_webhook_tests.rs"]
mod tests;
