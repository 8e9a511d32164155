//! What did the buyer say? An answer is classified by the campaign's rules, and by no default success.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::extract::{CompiledExtract, Extract};
use super::price::{Price, PriceRule};
use super::problem::{Problem, refuse};
use super::response_match::{CompiledWhen, When};
use super::retry_after;
use super::xml_path::Document;

/// Most rules of one endpoint.
pub const RESPONSE_RULES_MAX: usize = 50;

/// A reason is shown to people; longer ones are cut, in characters.
pub const REASON_MAX_CHARS: usize = 300;

/// Longest lead id of a buyer, in characters; a longer one is not taken (half an id is none).
pub const BUYER_LEAD_ID_MAX_CHARS: usize = 200;

/// Rules in order, the first that holds decides.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ResponseRules {
    pub rules: Vec<ResponseRule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buyer_lead_id: Option<Extract>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<PriceRule>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResponseRule {
    pub outcome: RuleOutcome,
    pub when: When,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Extract>,
}

/// What a rule may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RuleOutcome {
    Accepted,
    /// The buyer has the lead and says later whether it takes it.
    Delivered,
    Rejected,
    Duplicate,
    /// Not now; the same delivery again later.
    Retry,
    /// Will never work as it is (wrong key, wrong format): an operator's matter.
    Failed,
}

/// What an answer comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    Accepted,
    Delivered,
    Rejected,
    Duplicate,
    Retry,
    Failed,
    /// No rule holds. Neither sold nor free to be sold elsewhere: a person must look.
    Unclassified,
}

impl Outcome {
    /// The buyer has the lead.
    pub fn is_sold(self) -> bool {
        matches!(self, Self::Accepted | Self::Delivered)
    }
}

/// A buyer's answer as it came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    pub status: u16,
    /// In the order received; names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    /// The body was longer than we read.
    pub cut: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classified {
    pub outcome: Outcome,
    pub reason: Option<String>,
    pub buyer_lead_id: Option<String>,
    /// Only with an answer that takes the lead.
    pub price: Option<Price>,
    /// Position of the rule that decided; none if none did.
    pub rule_index: Option<usize>,
    /// Only with `Retry`, if the buyer named a time; clamped.
    pub retry_after: Option<Duration>,
    /// What an operator should know, such as a price that cannot be read.
    pub notes: Vec<String>,
}

/// Compiled once per campaign revision.
#[derive(Debug, Clone)]
pub struct ResponseClassifier {
    rules: Vec<CompiledRule>,
    buyer_lead_id: Option<CompiledExtract>,
    price: Option<(CompiledExtract, PriceRule)>,
}

#[derive(Debug, Clone)]
struct CompiledRule {
    outcome: RuleOutcome,
    when: CompiledWhen,
    reason: Option<CompiledExtract>,
}

impl ResponseRules {
    pub fn validate(&self, at: &str, problems: &mut Vec<Problem>) {
        let _ = self.compile_into(at, problems);
    }

    pub fn compile(&self) -> Result<ResponseClassifier, Vec<Problem>> {
        let mut problems = Vec::new();
        let compiled = self.compile_into("responseRules", &mut problems);
        if problems.is_empty() { Ok(compiled) } else { Err(problems) }
    }

    fn compile_into(&self, at: &str, problems: &mut Vec<Problem>) -> ResponseClassifier {
        if self.rules.len() > RESPONSE_RULES_MAX {
            refuse(
                problems,
                format!("{at}.rules"),
                format!("more than {RESPONSE_RULES_MAX} rules"),
            );
        }
        let rules = self.rules.iter().take(RESPONSE_RULES_MAX).enumerate().map(|(i, rule)| {
            let here = format!("{at}.rules[{i}]");
            let reason = rule.reason.as_ref();
            CompiledRule {
                outcome: rule.outcome,
                when: rule.when.compile(&format!("{here}.when"), problems),
                reason: reason.and_then(|r| note(r.compile(&format!("{here}.reason")), problems)),
            }
        });
        let rules = rules.collect();
        let id = self.buyer_lead_id.as_ref();
        let buyer_lead_id =
            id.and_then(|id| note(id.compile(&format!("{at}.buyerLeadId")), problems));
        let price = self.price.as_ref().and_then(|price| {
            price.validate(&format!("{at}.price"), problems);
            Some((price.from.compile("").ok()?, price.clone()))
        });
        ResponseClassifier { rules, buyer_lead_id, price }
    }
}

fn note<T>(compiled: Result<T, Problem>, problems: &mut Vec<Problem>) -> Option<T> {
    compiled.map_err(|problem| problems.push(problem)).ok()
}

impl ResponseClassifier {
    /// The first rule that holds decides. If none does: 429 and every 5xx mean `Retry` (the buyer says that it could
    /// not serve us), anything else, 200 included, is `Unclassified`. A 5xx does not prove that nothing was taken:
    /// the retry must carry the same idempotency key, and an endpoint that is not marked idempotent should hold it.
    pub fn classify(&self, answer: &Answer, now: DateTime<Utc>) -> Classified {
        let reading = Reading::of(answer);
        let hit = self.rules.iter().enumerate().find(|(_, rule)| rule.when.holds(&reading));
        let outcome = match hit {
            Some((_, rule)) => rule.outcome.into(),
            None if answer.status == 429 || (500..=599).contains(&answer.status) => Outcome::Retry,
            None => Outcome::Unclassified,
        };
        let reason = hit.and_then(|(_, rule)| rule.reason.as_ref()?.find(&reading));
        let id = self.buyer_lead_id.as_ref().and_then(|id| id.find(&reading));
        let mut notes = Vec::new();
        Classified {
            outcome,
            reason: reason.map(|reason| reason.chars().take(REASON_MAX_CHARS).collect()),
            buyer_lead_id: id.and_then(|id| short_id(id, &mut notes)),
            price: self.price(outcome, &reading, &mut notes),
            rule_index: hit.map(|(i, _)| i),
            retry_after: (outcome == Outcome::Retry)
                .then(|| reading.headers("retry-after").find_map(|h| retry_after::read(h, now)))
                .flatten(),
            notes,
        }
    }

    /// Whether each rule holds, in their order; the first that does decides.
    pub fn held(&self, answer: &Answer) -> Vec<bool> {
        let reading = Reading::of(answer);
        self.rules.iter().map(|rule| rule.when.holds(&reading)).collect()
    }

    fn price(
        &self,
        outcome: Outcome,
        reading: &Reading<'_>,
        notes: &mut Vec<String>,
    ) -> Option<Price> {
        let (from, rule) = self.price.as_ref().filter(|_| outcome.is_sold())?;
        let found = from.find(reading);
        let price = found.as_deref().and_then(|text| rule.read(text));
        match (&found, &price) {
            (None, _) => notes.push("the answer names no price".to_owned()),
            (Some(text), None) => {
                let text: String = text.chars().take(40).collect();
                notes.push(format!("price \"{text}\" cannot be read"));
            }
            _ => {}
        }
        price
    }
}

fn short_id(id: String, notes: &mut Vec<String>) -> Option<String> {
    if id.chars().count() <= BUYER_LEAD_ID_MAX_CHARS {
        return Some(id);
    }
    notes.push(format!("buyer's lead id is longer than {BUYER_LEAD_ID_MAX_CHARS} characters"));
    None
}

impl From<RuleOutcome> for Outcome {
    fn from(outcome: RuleOutcome) -> Self {
        match outcome {
            RuleOutcome::Accepted => Self::Accepted,
            RuleOutcome::Delivered => Self::Delivered,
            RuleOutcome::Rejected => Self::Rejected,
            RuleOutcome::Duplicate => Self::Duplicate,
            RuleOutcome::Retry => Self::Retry,
            RuleOutcome::Failed => Self::Failed,
        }
    }
}

/// An answer while it is judged; its body is decoded and parsed once, and only if asked for.
pub(super) struct Reading<'a> {
    pub(super) answer: &'a Answer,
    text: OnceCell<Cow<'a, str>>,
    json: OnceCell<Option<Value>>,
    xml: OnceCell<Option<Document>>,
}

impl<'a> Reading<'a> {
    pub(super) fn of(answer: &'a Answer) -> Self {
        Self { answer, text: OnceCell::new(), json: OnceCell::new(), xml: OnceCell::new() }
    }

    pub(super) fn text(&self) -> &str {
        let whole = self.text.get_or_init(|| String::from_utf8_lossy(&self.answer.body));
        whole.trim_start_matches('\u{feff}')
    }

    /// None if the body is cut or is no JSON.
    pub(super) fn json(&self) -> Option<&Value> {
        let parse = || serde_json::from_str(self.text()).ok().filter(|_| !self.answer.cut);
        self.json.get_or_init(parse).as_ref()
    }

    /// None if the body is cut or is no XML.
    pub(super) fn xml(&self) -> Option<&Document> {
        let parse = || Document::parse(self.text()).filter(|_| !self.answer.cut);
        self.xml.get_or_init(parse).as_ref()
    }

    /// All values of a header; `name` in lower case.
    pub(super) fn headers<'b>(&'b self, name: &'b str) -> impl Iterator<Item = &'b str> {
        let named = move |(key, _): &&(String, String)| key.eq_ignore_ascii_case(name);
        self.answer.headers.iter().filter(named).map(|(_, value)| value.trim())
    }
}

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;
