//! One field that a model may be asked about.
use crate::key;
use serde_json::json;

/// Accepted values of one field that a model is shown, at most; and of all fields of one request, which is what servers take.
pub const FIELD_VALUES_MAX: usize = 500;
pub const REQUEST_VALUES_MAX: usize = 1_000;
/// Characters of a lead's value that a model is shown, at most; a longer one is not asked about.
pub const GIVEN_MAX: usize = 1_000;
/// Changes with the words of the request, so that replies to other words are not taken for replies to these.
const EDITION: u8 = 1;

/// What a model must know to fit one value, and nothing else of the lead.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// The field's position among the campaign's accepted values.
    pub at: usize,
    /// What the field is called: the last step of its path.
    pub label: String,
    /// What the lead said. Untrusted.
    pub given: String,
    /// What may be chosen; when empty, the value is rewritten in a format.
    pub allowed: Vec<String>,
    /// What the value must look like, in words.
    pub format: Option<String>,
    /// The campaign's guidance.
    pub instructions: Option<String>,
}

impl Question {
    /// Under what a reply is remembered: everything that the reply depends on. Case and spaces of what was given are no matter
    /// when there is a list to choose from.
    pub fn digest(&self, base_url: &str, model: &str) -> String {
        let trimmed = self.given.trim();
        let given = if self.allowed.is_empty() {
            trimmed.to_owned()
        } else {
            trimmed.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
        };
        let parts = json!([
            EDITION,
            base_url,
            model,
            self.label,
            self.allowed,
            self.format,
            self.instructions,
            given
        ]);
        key::hash(parts.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(given: &str) -> Question {
        Question {
            at: 0,
            label: "home".into(),
            given: given.into(),
            allowed: vec!["Condo".into()],
            format: None,
            instructions: None,
        }
    }

    #[test]
    fn a_reply_is_remembered_for_the_same_question_only() {
        let digest = |question: &Question| question.digest("https://a/v1", "m");
        let first = asked("my flat");
        assert_eq!(digest(&first), digest(&asked("  MY  flat ")));
        assert_eq!(digest(&first), digest(&Question { at: 7, ..first.clone() }));
        for other in [
            asked("my house"),
            Question { allowed: vec!["House".into()], ..first.clone() },
            Question { instructions: Some("be kind".into()), ..first.clone() },
            Question { label: "roof".into(), ..first.clone() },
        ] {
            assert_ne!(digest(&first), digest(&other), "{other:?}");
        }
        assert_ne!(digest(&first), first.digest("https://a/v1", "n"));
        assert_ne!(digest(&first), first.digest("https://b/v1", "m"));
        let rewritten = |given| Question { allowed: Vec::new(), ..asked(given) };
        assert_ne!(digest(&rewritten("ab")), digest(&rewritten("AB")));
    }
}
