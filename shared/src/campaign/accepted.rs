//! Stage 6: does each value fit what the endpoint accepts?

use std::collections::{BTreeMap, HashMap};

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::accepted_kind::AcceptedType;
use super::fold::fold_key;
use super::near;
use super::phone::{self, PhoneShape};
use super::problem::{Problem, refuse};
use super::view::{check_path, is_blank, lookup, scalar_text};
use crate::value_set::Sets;

/// Most accepted values of one field, and most synonyms.
pub const VALUES_MAX: usize = 5_000;

/// Longest accepted value or synonym, in bytes.
pub const VALUE_MAX_BYTES: usize = 500;

/// Longest pattern, in bytes, and the most memory that it may take compiled.
pub const PATTERN_MAX_BYTES: usize = 500;
pub const PATTERN_MAX_COMPILED_BYTES: usize = 256 * 1024;

/// Longest instructions for a language model, in characters.
pub const INSTRUCTIONS_MAX: usize = 1_000;

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
    /// The name of a value set whose values are accepted, instead of `values` and `synonyms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_set: Option<String>,
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
    /// Slips of the pen that are forgiven when a value is looked for on the list: 0 (none) to 3.
    #[serde(default, skip_serializing_if = "none_at_all")]
    pub max_edits: usize,
    /// How a phone number is written; `e164` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_format: Option<PhoneShape>,
    /// For a language model: how to read or write values of this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// Whether a language model may be asked when nothing fits; it may where the campaign has turned `ai` on, unless this says no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ai: Option<bool>,
}

fn none_at_all(edits: &usize) -> bool {
    *edits == 0
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
    /// All but a slip of the pen.
    Near,
    /// A language model chose it.
    Model,
    /// There is no list; the format fits.
    Format,
}

/// Compiled once per campaign revision.
#[derive(Debug, Clone)]
pub struct AcceptedMatcher {
    pub(super) rule: AcceptedValues,
    pub(super) exact: HashMap<String, Value>,
    folded: HashMap<String, Value>,
    synonyms: HashMap<String, Value>,
    pattern: Option<Regex>,
}

impl AcceptedValues {
    pub fn validate(&self, at: &str, problems: &mut Vec<Problem>) {
        check_path(&self.field, &format!("{at}.field"), problems);
        self.check_values(at, problems);
        self.check_synonyms(at, problems);
        if self.value_set.is_some() && !(self.values.is_empty() && self.synonyms.is_empty()) {
            refuse(
                problems,
                format!("{at}.valueSet"),
                "stands instead of values and synonyms, not beside them",
            );
        }
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
        self.check_help(at, problems);
    }

    fn check_help(&self, at: &str, problems: &mut Vec<Problem>) {
        if self.max_edits > near::EDITS_MAX {
            refuse(problems, format!("{at}.maxEdits"), format!("is 0 to {}", near::EDITS_MAX));
        }
        if self.phone_format.is_some() && self.value_type != Some(AcceptedType::Phone) {
            refuse(problems, format!("{at}.phoneFormat"), "is for the type phone alone");
        }
        let length = self.instructions.as_ref().map_or(1, |text| text.trim().chars().count());
        if !(1..=INSTRUCTIONS_MAX).contains(&length) {
            let why = format!("has {length} characters; 1 to {INSTRUCTIONS_MAX} are allowed");
            refuse(problems, format!("{at}.instructions"), why);
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

    /// Judges the field's value in the view: exact, then folded, then synonyms, then slips of the pen; format rules hold for all.
    pub fn judge(&self, view: &Value, sets: &Sets) -> Fit {
        let given = match lookup(view, &self.rule.field) {
            Some(value) if !is_blank(Some(value)) => value,
            _ if self.rule.when_missing == WhenMissing::Skip => return Fit::Skipped,
            _ => return Fit::Refused { why: format!("{} is missing", self.rule.field) },
        };
        let country = lookup(view, "lead.country").and_then(Value::as_str).unwrap_or("US");
        match self.find(given, country, sets) {
            Ok((value, how)) => Fit::Accepted { value, how },
            Err(why) => Fit::Refused { why: format!("{} {why}", self.rule.field) },
        }
    }

    pub(super) fn find(
        &self,
        given: &Value,
        country: &str,
        sets: &Sets,
    ) -> Result<(Value, How), String> {
        let typed = self.typed(given, country);
        let set = match &self.rule.value_set {
            Some(name) => Some(sets.get(name).ok_or(format!("has no value set {name} to be in"))?),
            None if self.rule.values.is_empty() => {
                let value = typed?;
                return self.check_format(&value).map(|()| (value, How::Format));
            }
            None => None,
        };
        let on_list = |given: &Value| match set {
            Some(set) => set.find(&scalar_text(given)?).map(|(value, how)| (value.clone(), how)),
            None => self.on_list(given),
        };
        // "2" may be written on the list as 2, and "yes" as true: the typed form is tried second.
        let found = on_list(given).or_else(|| on_list(&typed.ok()?));
        let found = found.or_else(|| if set.is_none() { self.near(given) } else { None });
        let (value, how) = found.ok_or_else(|| {
            let text = scalar_text(given).unwrap_or_else(|| "a list or an object".to_owned());
            let many = set.map_or(self.rule.values.len(), |set| set.len());
            format!("\"{}\" is none of the {many} accepted values", cut(&text))
        })?;
        self.check_format(&value).map(|()| (value, how))
    }

    fn typed(&self, given: &Value, country: &str) -> Result<Value, String> {
        let Some(kind) = self.rule.value_type else { return Ok(given.clone()) };
        let value = kind.canonical(given, country)?;
        match (self.rule.phone_format, value.as_str()) {
            (Some(shape), Some(text)) => {
                phone::write(text, country, shape).map(Value::from).map_err(|e| e.to_string())
            }
            _ => Ok(value),
        }
    }

    /// The one value of the list that is a slip of the pen away.
    fn near(&self, given: &Value) -> Option<(Value, How)> {
        let key = fold_key(&scalar_text(given)?);
        let known = self.folded.iter().chain(&self.synonyms);
        let known = known.map(|(known, value)| (known.as_str(), value));
        near::nearest(&key, known, self.rule.max_edits).map(|value| (value.clone(), How::Near))
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

    pub(super) fn check_format(&self, value: &Value) -> Result<(), String> {
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
pub(super) fn cut(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
#[path = "accepted_tests.rs"]
mod tests;
