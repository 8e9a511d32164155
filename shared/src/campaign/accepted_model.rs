//! Where a list leaves off and a language model may be asked: what it is told, and what of its choice may be taken.
use serde_json::Value;

use super::accepted::{AcceptedMatcher, cut};
use super::accepted_kind::AcceptedType;
use super::view::{lookup, scalar_text};
use crate::llm::question::{FIELD_VALUES_MAX, GIVEN_MAX, Question};
use crate::value_set::Sets;

/// Digits at the end of a number that a model may not change: the rest is a country's or an area's code.
const DIGITS_KEPT: usize = 7;

impl AcceptedMatcher {
    /// What a model may be asked about the field's value; none when it may not be asked. `at` is the field's position.
    ///
    /// It may be asked to choose from a list. It may be asked to write a value in a format only where the campaign says how.
    pub fn question(&self, at: usize, view: &Value) -> Option<Question> {
        let rule = &self.rule;
        let given = scalar_text(lookup(view, &rule.field)?)?;
        let listed = !rule.values.is_empty() && rule.values.len() <= FIELD_VALUES_MAX;
        let written = rule.values.is_empty() && rule.value_set.is_none();
        let written = written && rule.instructions.is_some() && self.is_checkable();
        if rule.ai == Some(false) || given.chars().count() > GIVEN_MAX || !(listed || written) {
            return None;
        }
        Some(Question {
            at,
            label: rule.field.rsplit('.').next().unwrap_or(&rule.field).to_owned(),
            given,
            allowed: rule.values.iter().filter_map(scalar_text).collect(),
            format: written.then(|| self.format()),
            instructions: rule.instructions.clone(),
        })
    }

    /// A model's choice as it is sent, or why it is not taken. Whatever the model says, the value is one of the list, or keeps the format.
    pub fn admit(&self, chosen: &str, view: &Value) -> Result<Value, String> {
        if !self.rule.values.is_empty() {
            let listed = self.exact.get(chosen);
            let value = listed.ok_or("the model chose what is not on the list")?;
            return self.check_format(value).map(|()| value.clone());
        }
        if self.rule.value_set.is_some() {
            return Err("a model is not asked about value sets".to_owned());
        }
        let given = lookup(view, &self.rule.field).and_then(scalar_text).unwrap_or_default();
        if !self.is_checkable() || self.makes_up_a_number(&given, chosen) {
            return Err(format!("the model wrote \"{}\", which was not given", cut(chosen)));
        }
        let country = lookup(view, "lead.country").and_then(Value::as_str).unwrap_or("US");
        self.find(&Value::from(chosen), country, &Sets::new()).map(|(value, _)| value)
    }

    /// Whether there is anything to hold a rewritten value against.
    fn is_checkable(&self) -> bool {
        self.rule.pattern.is_some()
            || self.rule.value_type.is_some_and(|kind| kind != AcceptedType::Text)
    }

    /// A phone number that nobody gave would be someone else's.
    fn makes_up_a_number(&self, given: &str, chosen: &str) -> bool {
        let (given, chosen) = (digits(given), digits(chosen));
        let long = chosen.len() >= DIGITS_KEPT;
        let phone = self.rule.value_type == Some(AcceptedType::Phone);
        let date = self.rule.value_type == Some(AcceptedType::Date);
        let end = |digits: &[char]| digits[digits.len().saturating_sub(DIGITS_KEPT)..].to_vec();
        (phone || (long && !date)) && end(&given) != end(&chosen)
    }

    fn format(&self) -> String {
        let rule = &self.rule;
        let kind = rule.value_type.map(|kind| format!("type {}", kind.name()));
        let pattern = rule.pattern.as_ref().map(|p| format!("matches the regular expression {p}"));
        kind.into_iter().chain(pattern).collect::<Vec<_>>().join(", ")
    }
}

fn digits(text: &str) -> Vec<char> {
    text.chars().filter(char::is_ascii_digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn matcher(rule: Value) -> AcceptedMatcher {
        let mut whole = json!({"field": "questionnaire.q"});
        whole.as_object_mut().unwrap().extend(rule.as_object().unwrap().clone());
        AcceptedMatcher::compile(&serde_json::from_value(whole).unwrap()).unwrap()
    }

    fn view(given: &str) -> Value {
        json!({"lead": {"country": "US", "email": "ada@example.com"}, "questionnaire": {"q": given}})
    }

    #[test]
    fn a_model_may_be_asked_about_lists_and_about_formats_with_instructions() {
        let help = "with a leading 1";
        for (rule, asked) in [
            (json!({"values": ["a"]}), true),
            (json!({"values": ["a"], "ai": false}), false),
            (json!({"type": "phone"}), false),
            (json!({"type": "phone", "instructions": help}), true),
            (json!({"pattern": "1[0-9]{10}", "instructions": help}), true),
            (json!({"valueSet": "x", "type": "phone", "instructions": help}), false),
            (json!({"maxLength": 9, "instructions": help}), false),
            (json!({"type": "text", "instructions": help}), false),
        ] {
            assert_eq!(matcher(rule.clone()).question(0, &view("x")).is_some(), asked, "{rule}");
        }
        let many: Vec<usize> = (0..=FIELD_VALUES_MAX).collect();
        assert_eq!(matcher(json!({"values": many})).question(0, &view("x")), None);
        let long = "x".repeat(GIVEN_MAX + 1);
        assert_eq!(matcher(json!({"values": ["a"]})).question(0, &view(&long)), None);
    }

    #[test]
    fn a_choice_is_taken_only_if_it_is_one() {
        let numbers = json!({"values": [1, 2], "max": 1});
        let phone = json!({"type": "phone", "phoneFormat": "codeDigits", "instructions": "x"});
        let code = json!({"pattern": "1[0-9]{10}", "instructions": "leading 1"});
        let date = json!({"type": "date", "instructions": "ISO"});
        for (rule, given, chosen, wanted) in [
            (numbers.clone(), "one", "1", Some(json!(1))),
            (numbers.clone(), "two", "2", None),
            (numbers, "one", "one", None),
            (phone.clone(), "tel 202-555-0123", "+12025550123", Some(json!("12025550123"))),
            (phone.clone(), "tel 202-555-0123", "+12025550124", None),
            (phone, "call me", "+12025550123", None),
            (code.clone(), "2025550123", "12025550123", Some(json!("12025550123"))),
            (code.clone(), "2025550123", "12025550124", None),
            (code, "2025550123", "2025550123", None),
            (date, "3 March 2026", "2026-03-03", Some(json!("2026-03-03"))),
        ] {
            let got = matcher(rule.clone()).admit(chosen, &view(given));
            assert_eq!(got.clone().ok(), wanted, "{rule} {given} {chosen}: {got:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_model_chooses_the_value_is_on_the_list(
            values in prop::collection::btree_set("[a-z]{1,6}", 1..6),
            chosen in prop_oneof!["[a-z]{1,6}", ".{0,9}"],
            given in ".{0,9}",
        ) {
            let values: Vec<Value> = values.into_iter().map(Value::from).collect();
            if let Ok(value) = matcher(json!({"values": values})).admit(&chosen, &view(&given)) {
                prop_assert!(values.contains(&value));
            }
        }
    }
}
