//! Stage 6: does each value fit what the endpoint accepts?

use std::collections::{BTreeMap, HashMap};

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::accepted_kind::AcceptedType;
use super::fold::fold;
use super::problem::{Problem, refuse};
use super::view::{check_path, is_blank, lookup, scalar_text};

/// Most accepted values of one field, and most synonyms.
pub const VALUES_MAX: usize = 5_000;

/// Longest accepted value or synonym, in bytes.
pub const VALUE_MAX_BYTES: usize = 500;

/// Longest pattern, in bytes, and the most memory that it may take compiled.
pub const PATTERN_MAX_BYTES: usize = 500;
pub const PATTERN_MAX_COMPILED_BYTES: usize = 256 * 1024;

/// What an endpoint accepts for one field of the lead view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AcceptedValues {
    pub field: String,
    /// Canonical values: texts, numbers or booleans. None given means: only the format counts.
    #[serde(default)]
    pub values: Vec<Value>,
    /// What a lead may say → the accepted value's text.
    #[serde(default)]
    pub synonyms: BTreeMap<String, String>,
    #[serde(default, rename = "type")]
    pub value_type: Option<AcceptedType>,
    /// A regular expression that the whole value must match.
    #[serde(default)]
    pub pattern: Option<String>,
    /// In characters.
    #[serde(default)]
    pub min_length: Option<usize>,
    #[serde(default)]
    pub max_length: Option<usize>,
    #[serde(default)]
    pub min: Option<f64>,
    #[serde(default)]
    pub max: Option<f64>,
    #[serde(default)]
    pub when_missing: WhenMissing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WhenMissing {
    /// Whether it must be there is the required stage's question.
    #[default]
    Skip,
    Fail,
}

/// The matcher's answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Fit {
    /// The canonical value; put it in the place of the given one with `view::replace`.
    Accepted {
        value: Value,
        how: How,
    },
    /// Nothing given, and that is no fault here.
    Skipped,
    Refused {
        why: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum How {
    Exact,
    /// Equal but for case, accents, punctuation.
    Folded,
    Synonym,
    /// There is no list; the format fits.
    Format,
}

/// Compiled once per campaign revision.
#[derive(Debug, Clone)]
pub struct AcceptedMatcher {
    rule: AcceptedValues,
    exact: HashMap<String, Value>,
    folded: HashMap<String, Value>,
    synonyms: HashMap<String, Value>,
    pattern: Option<Regex>,
}

impl AcceptedValues {
    pub fn validate(&self, at: &str, problems: &mut Vec<Problem>) {
        check_path(&self.field, &format!("{at}.field"), problems);
        self.check_values(at, problems);
        self.check_synonyms(at, problems);
        if let Some(pattern) = &self.pattern
            && let Err(why) = compile_pattern(pattern)
        {
            refuse(problems, format!("{at}.pattern"), why);
        }
        if self.min_length > self.max_length && self.max_length.is_some() {
            refuse(problems, format!("{at}.minLength"), "is greater than maxLength");
        }
        if matches!((self.min, self.max), (Some(min), Some(max)) if min > max) {
            refuse(problems, format!("{at}.min"), "is greater than max");
        }
    }

    fn check_values(&self, at: &str, problems: &mut Vec<Problem>) {
        if self.values.len() > VALUES_MAX {
            return refuse(
                problems,
                format!("{at}.values"),
                format!("more than {VALUES_MAX} values"),
            );
        }
        let mut seen: HashMap<String, String> = HashMap::new();
        for (i, value) in self.values.iter().enumerate() {
            let here = format!("{at}.values[{i}]");
            match scalar_text(value) {
                Some(text) if text.trim().is_empty() => refuse(problems, here, "is empty"),
                Some(text) if text.len() > VALUE_MAX_BYTES => {
                    refuse(problems, here, format!("is longer than {VALUE_MAX_BYTES} bytes"));
                }
                Some(text) => {
                    if let Some(first) = seen.insert(fold_key(&text), text.clone()) {
                        let why = format!("\"{text}\" cannot be told from \"{first}\"");
                        refuse(problems, here, why);
                    }
                }
                None => refuse(problems, here, "is neither text, number nor boolean"),
            }
        }
    }

    fn check_synonyms(&self, at: &str, problems: &mut Vec<Problem>) {
        if self.synonyms.len() > VALUES_MAX {
            let why = format!("more than {VALUES_MAX} synonyms");
            return refuse(problems, format!("{at}.synonyms"), why);
        }
        let values: Vec<_> = self.values.iter().filter_map(scalar_text).collect();
        let mut seen: HashMap<String, &str> = HashMap::new();
        for (given, accepted) in &self.synonyms {
            let here = format!("{at}.synonyms.{given}");
            if given.trim().is_empty() || given.len() > VALUE_MAX_BYTES {
                refuse(
                    problems,
                    &*here,
                    format!("is empty or longer than {VALUE_MAX_BYTES} bytes"),
                );
            }
            if !values.contains(accepted) {
                refuse(problems, &*here, format!("\"{accepted}\" is not among the values"));
            }
            let other = seen.insert(fold_key(given), accepted);
            if other.is_some_and(|other| other != accepted) {
                refuse(problems, here, "another spelling of it stands for another value");
            }
        }
    }
}

/// What folds to nothing (`---`) is compared as it is.
fn fold_key(text: &str) -> String {
    let folded = fold(text);
    if folded.is_empty() { text.trim().to_owned() } else { folded }
}

fn compile_pattern(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > PATTERN_MAX_BYTES {
        return Err(format!("is longer than {PATTERN_MAX_BYTES} bytes"));
    }
    RegexBuilder::new(&format!("^(?:{pattern})$"))
        .size_limit(PATTERN_MAX_COMPILED_BYTES)
        .dfa_size_limit(PATTERN_MAX_COMPILED_BYTES)
        .build()
        .map_err(|e| format!("is no regular expression: {e}"))
}

impl AcceptedMatcher {
    pub fn compile(rule: &AcceptedValues) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        rule.validate("acceptedValues", &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        let named = || rule.values.iter().filter_map(|v| Some((scalar_text(v)?, v.clone())));
        let exact: HashMap<String, Value> = named().collect();
        let synonym = |(given, accepted): (&String, &String)| {
            Some((fold_key(given), exact.get(accepted)?.clone()))
        };
        Ok(Self {
            folded: named().map(|(text, value)| (fold_key(&text), value)).collect(),
            synonyms: rule.synonyms.iter().filter_map(synonym).collect(),
            // Validated just above, so a pattern that is given compiles.
            pattern: rule.pattern.as_deref().and_then(|pattern| compile_pattern(pattern).ok()),
            exact,
            rule: rule.clone(),
        })
    }

    /// The field that this matcher is about.
    pub fn field(&self) -> &str {
        &self.rule.field
    }

    /// Judges the field's value in the view: exact, then folded, then synonyms; format rules hold for all.
    pub fn judge(&self, view: &Value) -> Fit {
        let given = match lookup(view, &self.rule.field) {
            Some(value) if !is_blank(Some(value)) => value,
            _ if self.rule.when_missing == WhenMissing::Skip => return Fit::Skipped,
            _ => return Fit::Refused { why: format!("{} is missing", self.rule.field) },
        };
        let country = lookup(view, "lead.country").and_then(Value::as_str).unwrap_or("US");
        match self.find(given, country) {
            Ok((value, how)) => Fit::Accepted { value, how },
            Err(why) => Fit::Refused { why: format!("{} {why}", self.rule.field) },
        }
    }

    fn find(&self, given: &Value, country: &str) -> Result<(Value, How), String> {
        let typed = match self.rule.value_type {
            Some(kind) => kind.canonical(given, country),
            None => Ok(given.clone()),
        };
        if self.rule.values.is_empty() {
            let value = typed?;
            return self.check_format(&value).map(|()| (value, How::Format));
        }
        // "2" may be written on the list as 2, and "yes" as true: the typed form is tried second.
        let found = self.on_list(given).or_else(|| self.on_list(&typed.ok()?));
        let (value, how) = found.ok_or_else(|| {
            let text = scalar_text(given).unwrap_or_else(|| "a list or an object".to_owned());
            format!("\"{}\" is none of the {} accepted values", cut(&text), self.rule.values.len())
        })?;
        self.check_format(&value).map(|()| (value, how))
    }

    fn on_list(&self, given: &Value) -> Option<(Value, How)> {
        let text = scalar_text(given)?;
        let key = fold_key(&text);
        let exact = self.exact.get(text.trim()).map(|value| (value, How::Exact));
        let folded = || self.folded.get(&key).map(|value| (value, How::Folded));
        let synonym = || self.synonyms.get(&key).map(|value| (value, How::Synonym));
        let (value, how) = exact.or_else(folded).or_else(synonym)?;
        Some((value.clone(), how))
    }

    fn check_format(&self, value: &Value) -> Result<(), String> {
        let text = scalar_text(value).ok_or("is a list or an object, not a single value")?;
        let (rule, length) = (&self.rule, text.chars().count());
        if self.pattern.as_ref().is_some_and(|pattern| !pattern.is_match(&text)) {
            return Err(format!("\"{}\" does not match the pattern", cut(&text)));
        }
        if rule.min_length.is_some_and(|min| length < min) {
            return Err(format!(
                "has {length} characters, fewer than {:?}",
                rule.min_length.unwrap_or(0)
            ));
        }
        if rule.max_length.is_some_and(|max| length > max) {
            return Err(format!(
                "has {length} characters, more than {:?}",
                rule.max_length.unwrap_or(0)
            ));
        }
        if rule.min.is_none() && rule.max.is_none() {
            return Ok(());
        }
        let number = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        let number = number.ok_or_else(|| format!("\"{}\" is not a number", cut(&text)))?;
        match (rule.min, rule.max) {
            (Some(min), _) if number < min => Err(format!("{number} is less than {min}")),
            (_, Some(max)) if number > max => Err(format!("{number} is more than {max}")),
            _ => Ok(()),
        }
    }
}

/// A refusal is shown to people: the first 60 characters of a value are enough.
fn cut(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fit(rule: Value, given: Value) -> Fit {
        let mut whole = json!({"field": "questionnaire.q"});
        whole.as_object_mut().unwrap().extend(rule.as_object().unwrap().clone());
        let rule: AcceptedValues = serde_json::from_value(whole).unwrap();
        let matcher = AcceptedMatcher::compile(&rule).unwrap();
        matcher.judge(&json!({"lead": {"country": "US"}, "questionnaire": {"q": given}}))
    }

    #[test]
    fn a_value_becomes_the_one_that_the_buyer_knows() {
        let homes = json!({"values": ["Single Family", "Condo", "<500"],
            "synonyms": {"house": "Single Family", "Apartment": "Condo"}});
        for (rule, given, value, how) in [
            (homes.clone(), json!("Condo"), json!("Condo"), How::Exact),
            (homes.clone(), json!(" condo. "), json!("Condo"), How::Folded),
            (homes.clone(), json!("SINGLE-FAMILY"), json!("Single Family"), How::Folded),
            (homes.clone(), json!("a-part-ment"), json!("Condo"), How::Synonym),
            (json!({"values": [1, 2]}), json!("2"), json!(2), How::Exact),
            (json!({"values": [true], "type": "boolean"}), json!("yes"), json!(true), How::Exact),
            (json!({"values": [10], "type": "number"}), json!("10.0"), json!(10), How::Exact),
            (json!({"type": "phone"}), json!("(202) 555-0123"), json!("+12025550123"), How::Format),
            (json!({"pattern": "[A-Z]{2}"}), json!("NY"), json!("NY"), How::Format),
            (json!({"min": 1, "max": 9}), json!("9"), json!("9"), How::Format),
            (json!({"maxLength": 2}), json!("éé"), json!("éé"), How::Format),
        ] {
            let got = fit(rule.clone(), given.clone());
            assert_eq!(got, Fit::Accepted { value, how }, "{rule} {given}");
        }
    }

    #[test]
    fn a_value_that_does_not_fit_is_refused_with_the_rule() {
        for (rule, given, says) in [
            (json!({"values": ["<500"]}), json!(">500"), "none of the 1 accepted"),
            (json!({"values": ["a"]}), json!(["a"]), "none of the 1 accepted"),
            (json!({"type": "number"}), json!("many"), "\"many\" is not a number"),
            (json!({"pattern": "[A-Z]{2}"}), json!("NYC"), "does not match"),
            (json!({"minLength": 2}), json!("é"), "fewer than 2"),
            (json!({"max": 9}), json!("9.01"), "more than 9"),
            (json!({"min": 1}), json!("inf"), "not a number"),
            (json!({"whenMissing": "fail"}), json!("  "), "is missing"),
        ] {
            match fit(rule.clone(), given.clone()) {
                Fit::Refused { why } => assert!(why.contains(says), "{rule} {given}: {why}"),
                other => panic!("{rule} {given}: {other:?}"),
            }
        }
        assert_eq!(fit(json!({"values": ["a"]}), json!(null)), Fit::Skipped);
    }

    #[test]
    fn a_list_that_would_be_ambiguous_is_refused() {
        for (rule, path) in [
            (json!({"field": "lead.a", "values": ["US", "u.s."]}), "x.values[1]"),
            (json!({"field": "lead.a", "values": [{}]}), "x.values[0]"),
            (json!({"field": "lead.a", "values": ["a"], "synonyms": {"b": "c"}}), "x.synonyms.b"),
            (json!({"field": "lead.a", "pattern": "("}), "x.pattern"),
            (json!({"field": "lead.a", "pattern": "(a{900}){900}"}), "x.pattern"),
            (json!({"field": "lead.a", "minLength": 3, "maxLength": 2}), "x.minLength"),
            (json!({"field": "lead.a", "min": 3, "max": 2}), "x.min"),
            (json!({"field": "zip"}), "x.field"),
        ] {
            let rule: AcceptedValues = serde_json::from_value(rule).unwrap();
            let mut problems = Vec::new();
            rule.validate("x", &mut problems);
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert_eq!(problems[0].path, path);
        }
    }
}
