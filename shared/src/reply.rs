//! What the one who was waited for says, as it comes from the outside: by the resume URL, by a person, or in a webhook's answer.
use crate::{
    campaign::Problem,
    lead::{KEY_MAX, TEXT_MAX, is_key},
    moves::{Decision, ResumeOutcome},
};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Characters of a reason, at most.
pub const REASON_MAX: usize = 500;
/// Answers that may be brought back, at most.
pub const ANSWERS_MAX: usize = 200;
/// Where answers may be put: what the source said of the person and the campaign's own decisions are not overwritten.
const ANSWER_ROOTS: [&str; 2] = ["questionnaire.", "custom."];

/// What the one who was waited for says.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schema(example = json!({"outcome": "continue", "answers": {"questionnaire.roof": "yes"}}))]
pub struct Reply {
    /// `continue` unless given.
    pub outcome: ResumeOutcome,
    /// At most 500 characters.
    pub reason: Option<String>,
    /// Answers by field path, below `questionnaire.` or `custom.`
    #[schema(value_type = Object)]
    pub answers: Map<String, Value>,
}

impl Reply {
    /// The decision that it is, or everything that is wrong with it.
    pub fn check(self) -> Result<Decision, Vec<Problem>> {
        let mut problems = Vec::new();
        if let Some(reason) = &self.reason {
            text("reason", reason, REASON_MAX, &mut problems);
        }
        answers(&self.answers, &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Decision { outcome: self.outcome, reason: self.reason, answers: self.answers })
    }
}

/// What is wrong with answers that are brought back.
pub fn answers(answers: &Map<String, Value>, problems: &mut Vec<Problem>) {
    if answers.len() > ANSWERS_MAX {
        let message = format!("has {} members; at most {ANSWERS_MAX} are allowed", answers.len());
        problems.push(Problem { path: "answers".into(), message });
    }
    for (path, answer) in answers {
        let at = format!("answers.{path}");
        let key = ANSWER_ROOTS.iter().find_map(|root| path.strip_prefix(root));
        if !key.is_some_and(|key| is_key(key) && !key.contains('.')) {
            let message = format!(
                "must be `questionnaire.` or `custom.` and a key of 1 to {KEY_MAX} letters, digits, `_` or `-`"
            );
            problems.push(Problem { path: at.clone(), message });
        }
        texts(&at, answer, problems);
    }
}

/// Every text within the value is one that both engines keep, and not too long.
fn texts(path: &str, value: &Value, problems: &mut Vec<Problem>) {
    match value {
        Value::String(given) => text(path, given, TEXT_MAX, problems),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                texts(&format!("{path}[{at}]"), item, problems);
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                let at = format!("{path}.{key}");
                text(&at, key, TEXT_MAX, problems);
                texts(&at, item, problems);
            }
        }
        _ => {}
    }
}

fn text(path: &str, given: &str, most: usize, problems: &mut Vec<Problem>) {
    let length = given.chars().count();
    if length > most {
        let message = format!("has {length} characters; at most {most} are allowed");
        problems.push(Problem { path: path.to_owned(), message });
    }
    if given.contains('\0') {
        let message = "contains a NUL character, which no text may".to_owned();
        problems.push(Problem { path: path.to_owned(), message });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(reply: Value) -> Result<Decision, Vec<String>> {
        let reply: Reply = serde_json::from_value(reply).map_err(|e| vec![e.to_string()])?;
        reply.check().map_err(|found| found.into_iter().map(|problem| problem.path).collect())
    }

    #[test]
    fn answers_go_where_a_source_would_have_put_them_and_nowhere_else() {
        let good = json!({"answers": {"questionnaire.roof": "tile", "custom.score": [1, "two"]}});
        assert_eq!(read(good).unwrap().outcome, ResumeOutcome::Continue);
        for path in ["lead.email", "questionnaire.", "questionnaire.a.b", "questionnaire", ""] {
            let found = read(json!({"answers": {path: 1}})).unwrap_err();
            assert_eq!(found, [format!("answers.{path}")]);
        }
    }

    #[test]
    fn texts_are_bounded_and_hold_no_nul() {
        let deep = json!({"answers": {"custom.a": {"b": ["x".repeat(TEXT_MAX + 1), "\0"]}}});
        assert_eq!(read(deep).unwrap_err(), ["answers.custom.a.b[0]", "answers.custom.a.b[1]"]);
        assert_eq!(read(json!({"reason": "x".repeat(REASON_MAX + 1)})).unwrap_err(), ["reason"]);
        assert!(read(json!({"reason": "x".repeat(REASON_MAX)})).is_ok());
        assert!(read(json!({"verdict": "yes"})).is_err(), "an unknown member is no reply");
    }
}
