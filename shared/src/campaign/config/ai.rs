//! Whether and how a campaign asks a language model what a lead's answer means.
use super::{
    SecretRef,
    checks::{Problems, say},
    is_secret_name,
};
use crate::campaign::guard::{GuardPolicy, check_url};
use serde::{Deserialize, Serialize};

/// Seconds that a model may take to answer, at most.
pub const AI_TIMEOUT_MAX: u64 = 60;
/// Calls that a campaign may make a day, at most.
pub const DAILY_CALLS_MAX: i64 = 1_000_000;
/// Tokens that a campaign may use a day, at most.
pub const DAILY_TOKENS_MAX: i64 = 1_000_000_000;
/// Characters of a model's name, at most.
pub const MODEL_NAME_MAX: usize = 100;

/// A language model that is asked when the accepted values do not fit by themselves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ai {
    pub enabled: bool,
    /// Where its OpenAI-compatible API begins, such as `https://api.openai.com/v1`; the installation's own server when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// The model's name; the installation's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The campaign's own key for that server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<SecretRef>,
    /// How long one call may take: 1 to 60.
    #[serde(default = "default_timeout")]
    pub timeout_seconds: u64,
    /// Calls a day of the campaign, at most; a repair is a call as well. From then on nothing is asked until the next day.
    #[serde(default = "default_calls")]
    pub daily_calls: i64,
    /// Tokens a day of the campaign; the call that reaches it is the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily_tokens: Option<i64>,
    /// How sure the model must be, from 0 to 1.
    #[serde(default = "default_confidence")]
    pub min_confidence: f64,
}

fn default_timeout() -> u64 {
    15
}

fn default_calls() -> i64 {
    1_000
}

fn default_confidence() -> f64 {
    0.8
}

pub(super) fn check(ai: &Ai, policy: &GuardPolicy, problems: &mut Problems) {
    if let Some(url) = &ai.base_url {
        match check_url(url, policy) {
            Err(why) => say(problems, "ai.baseUrl", why.to_string()),
            Ok(url) if url.query().is_some() || url.fragment().is_some() => {
                say(problems, "ai.baseUrl", "must have neither ? nor #");
            }
            Ok(_) if ai.model.is_none() => {
                say(problems, "ai.model", "a server of the campaign's own needs the model's name");
            }
            Ok(_) => {}
        }
    }
    if let Some(model) = &ai.model
        && !(1..=MODEL_NAME_MAX).contains(&model.trim().chars().count())
    {
        say(problems, "ai.model", format!("has 1 to {MODEL_NAME_MAX} characters"));
    }
    if let Some(key) = &ai.api_key
        && !is_secret_name(&key.secret)
    {
        say(problems, "ai.apiKey.secret", "is no name of a secret");
    }
    let within = |path: &str, given: i64, most: i64, problems: &mut Problems| {
        if !(1..=most).contains(&given) {
            say(problems, path, format!("must be 1 to {most}"));
        }
    };
    let seconds = i64::try_from(ai.timeout_seconds).unwrap_or(i64::MAX);
    within("ai.timeoutSeconds", seconds, AI_TIMEOUT_MAX as i64, problems);
    within("ai.dailyCalls", ai.daily_calls, DAILY_CALLS_MAX, problems);
    within("ai.dailyTokens", ai.daily_tokens.unwrap_or(1), DAILY_TOKENS_MAX, problems);
    if !(0.0..=1.0).contains(&ai.min_confidence) {
        say(problems, "ai.minConfidence", "must be 0 to 1");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_could_not_work_is_refused_with_its_place() {
        for (given, path) in [
            (json!({}), None),
            (json!({"baseUrl": "https://llm.example.com/v1", "model": "small"}), None),
            (json!({"baseUrl": "https://llm.example.com/v1"}), Some("ai.model")),
            (json!({"baseUrl": "http://llm.example.com/v1", "model": "m"}), Some("ai.baseUrl")),
            (json!({"baseUrl": "https://10.0.0.1/v1", "model": "m"}), Some("ai.baseUrl")),
            (json!({"baseUrl": "https://a.example/v1?k=1", "model": "m"}), Some("ai.baseUrl")),
            (json!({"model": " "}), Some("ai.model")),
            (json!({"apiKey": {"secret": "llm"}}), None),
            (json!({"apiKey": {"secret": "no name"}}), Some("ai.apiKey.secret")),
            (json!({"timeoutSeconds": 0}), Some("ai.timeoutSeconds")),
            (json!({"timeoutSeconds": 61}), Some("ai.timeoutSeconds")),
            (json!({"dailyCalls": 0}), Some("ai.dailyCalls")),
            (json!({"dailyTokens": 0}), Some("ai.dailyTokens")),
            (json!({"minConfidence": 1.1}), Some("ai.minConfidence")),
        ] {
            let mut whole = json!({"enabled": true});
            whole.as_object_mut().unwrap().extend(given.as_object().unwrap().clone());
            let ai: Ai = serde_json::from_value(whole).unwrap();
            let mut problems = Vec::new();
            check(&ai, &GuardPolicy::default(), &mut problems);
            let paths: Vec<&str> = problems.iter().map(|problem| problem.path.as_str()).collect();
            assert_eq!(paths, path.into_iter().collect::<Vec<_>>(), "{given}");
        }
    }
}
