//! What stage 6 may know from a model. Without any, it decides by the lists and formats alone.
use serde::Serialize;
use std::collections::BTreeMap;

/// A model's answers for one submission.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LlmFacts {
    /// By the field's position among the campaign's accepted values.
    pub choices: BTreeMap<usize, Choice>,
    /// Why a field that could have been asked has no answer.
    pub trouble: Option<String>,
    /// What asking cost this time; none when nothing was asked.
    pub usage: Option<Usage>,
}

/// What a model says that one value means.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// As the reply spells it; none: the model sees none of the accepted values in it.
    pub value: Option<String>,
    /// From 0 to 1.
    pub confidence: f64,
    /// Answered from an earlier lead's reply.
    pub cached: bool,
}

/// What asking cost.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    pub model: String,
    pub calls: u32,
    pub tokens: i64,
    pub duration_ms: u64,
}
