//! When a response rule holds: status, header, text, JSON and XML conditions, all that are given.

use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json_path::JsonPath;

use super::extract::{check_header_name, compile_condition_regex, compile_json_path};
use super::problem::{Problem, refuse};
use super::response::Reading;
use super::view::scalar_text;
use super::xml_path::XmlPath;

/// Most entries in one list of a condition.
pub const MATCH_LIST_MAX: usize = 100;

/// Conditions on an answer; all that are given must hold, and at least one must be given.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct When {
    /// `200`, `"2xx"` or `"400-404"`; any one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Vec<StatusPattern>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<HeaderMatch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<TextMatch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json_path: Option<JsonPathMatch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub xml_path: Option<XmlPathMatch>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum StatusPattern {
    Code(u16),
    Text(String),
}

/// Exactly one of the three; the name without regard to case, any value of a repeated header.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HeaderMatch {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matches: Option<String>,
}

/// Exactly one of the three, on the whole body as text. Case counts; a regular expression may say `(?i)`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TextMatch {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equals: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matches: Option<String>,
}

/// Exactly one of the four; true if any value that the path finds fits. `equals` keeps types apart:
/// `"true"` is not `true` (but 1 is 1.0).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JsonPathMatch {
    pub path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<Value>,
    #[serde(default, rename = "in", skip_serializing_if = "Option::is_none")]
    pub one_of: Option<Vec<Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exists: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matches: Option<String>,
}

/// Exactly one of the four; true if any text that the path finds fits.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct XmlPathMatch {
    pub path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<String>,
    #[serde(default, rename = "in", skip_serializing_if = "Option::is_none")]
    pub one_of: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exists: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matches: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct CompiledWhen {
    status: Option<Vec<(u16, u16)>>,
    header: Option<(String, TextTest)>,
    text: Option<TextTest>,
    json: Option<(JsonPath, ValueTest<Value>)>,
    xml: Option<(XmlPath, ValueTest<String>)>,
}

#[derive(Debug, Clone)]
enum TextTest {
    Equals(String),
    Contains(String),
    Matches(Regex),
}

/// What is asked of the values that a path finds.
#[derive(Debug, Clone)]
enum ValueTest<V> {
    OneOf(Vec<V>),
    Exists(bool),
    Matches(Regex),
}

impl When {
    /// Compiles what it can and notes all that is wrong; what was wrong is absent from the result.
    pub(super) fn compile(&self, at: &str, problems: &mut Vec<Problem>) -> CompiledWhen {
        if *self == Self::default() {
            refuse(problems, at, "is empty and would match every answer, give a condition");
        }
        let status = self.status.as_ref().map(|list| compile_status(list, at, problems));
        let header = self.header.as_ref().and_then(|header| {
            check_header_name(&header.name, format!("{at}.header.name"), problems);
            let HeaderMatch { equals, contains, matches, .. } = header;
            let test = text_test([equals, contains, matches], &format!("{at}.header"), problems);
            Some((header.name.trim().to_lowercase(), test?))
        });
        let text = self.text.as_ref().and_then(|text| {
            let TextMatch { equals, contains, matches } = text;
            text_test([equals, contains, matches], &format!("{at}.text"), problems)
        });
        let json = self.json_path.as_ref();
        let json = json.and_then(|json| compile_json(json, &format!("{at}.jsonPath"), problems));
        let xml = self.xml_path.as_ref();
        let xml = xml.and_then(|xml| compile_xml(xml, &format!("{at}.xmlPath"), problems));
        CompiledWhen { status, header, text, json, xml }
    }
}

fn compile_status(
    list: &[StatusPattern],
    at: &str,
    problems: &mut Vec<Problem>,
) -> Vec<(u16, u16)> {
    if list.is_empty() || list.len() > MATCH_LIST_MAX {
        refuse(problems, format!("{at}.status"), format!("needs 1 to {MATCH_LIST_MAX} entries"));
    }
    let mut ranges = Vec::new();
    for (i, pattern) in list.iter().take(MATCH_LIST_MAX).enumerate() {
        match pattern.range() {
            Some(range) => ranges.push(range),
            None => refuse(
                problems,
                format!("{at}.status[{i}]"),
                "is no status, right would be 200, \"2xx\" or \"400-404\"",
            ),
        }
    }
    ranges
}

impl StatusPattern {
    fn range(&self) -> Option<(u16, u16)> {
        let code = |text: &str| text.trim().parse::<u16>().ok();
        let (low, high) = match self {
            Self::Code(code) => (*code, *code),
            Self::Text(text) => match text.trim().to_lowercase().strip_suffix("xx") {
                Some(class) if class.len() == 1 => {
                    let class = code(class)?;
                    (class * 100, class * 100 + 99)
                }
                Some(_) => return None,
                None => match text.split_once('-') {
                    Some((low, high)) => (code(low)?, code(high)?),
                    None => (code(text)?, code(text)?),
                },
            },
        };
        (low >= 100 && high <= 599 && low <= high).then_some((low, high))
    }
}

fn text_test(
    [equals, contains, matches]: [&Option<String>; 3],
    at: &str,
    problems: &mut Vec<Problem>,
) -> Option<TextTest> {
    match (equals, contains, matches) {
        (Some(text), None, None) => Some(TextTest::Equals(text.trim().to_owned())),
        (None, Some(text), None) if text.is_empty() => {
            refuse(problems, format!("{at}.contains"), "is empty, which every text contains");
            None
        }
        (None, Some(text), None) => Some(TextTest::Contains(text.clone())),
        (None, None, Some(pattern)) => compile_condition_regex(pattern)
            .map(TextTest::Matches)
            .map_err(|why| refuse(problems, format!("{at}.matches"), why))
            .ok(),
        _ => {
            refuse(problems, at, "needs exactly one of equals, contains, matches");
            None
        }
    }
}

fn compile_json(
    json: &JsonPathMatch,
    at: &str,
    problems: &mut Vec<Problem>,
) -> Option<(JsonPath, ValueTest<Value>)> {
    let path = compile_json_path(&json.path)
        .map_err(|why| refuse(problems, format!("{at}.path"), why))
        .ok();
    let JsonPathMatch { equals, one_of, exists, matches, .. } = json;
    let test = value_test((equals, one_of, *exists, matches), at, problems);
    Some((path?, test?))
}

fn compile_xml(
    xml: &XmlPathMatch,
    at: &str,
    problems: &mut Vec<Problem>,
) -> Option<(XmlPath, ValueTest<String>)> {
    let path =
        XmlPath::parse(&xml.path).map_err(|why| refuse(problems, format!("{at}.path"), why)).ok();
    let XmlPathMatch { equals, one_of, exists, matches, .. } = xml;
    let test = value_test((equals, one_of, *exists, matches), at, problems);
    Some((path?, test?))
}

type Tests<'a, V> = (&'a Option<V>, &'a Option<Vec<V>>, Option<bool>, &'a Option<String>);

fn value_test<V: Clone>(
    tests: Tests<'_, V>,
    at: &str,
    problems: &mut Vec<Problem>,
) -> Option<ValueTest<V>> {
    match tests {
        (Some(value), None, None, None) => Some(ValueTest::OneOf(vec![value.clone()])),
        (None, Some(list), None, None) if (1..=MATCH_LIST_MAX).contains(&list.len()) => {
            Some(ValueTest::OneOf(list.clone()))
        }
        (None, Some(_), None, None) => {
            refuse(problems, format!("{at}.in"), format!("needs 1 to {MATCH_LIST_MAX} values"));
            None
        }
        (None, None, Some(exists), None) => Some(ValueTest::Exists(exists)),
        (None, None, None, Some(pattern)) => compile_condition_regex(pattern)
            .map(ValueTest::Matches)
            .map_err(|why| refuse(problems, format!("{at}.matches"), why))
            .ok(),
        _ => {
            refuse(problems, at, "needs exactly one of equals, in, exists, matches");
            None
        }
    }
}

impl CompiledWhen {
    pub(super) fn holds(&self, reading: &Reading<'_>) -> bool {
        let status = reading.answer.status;
        let in_range = |&(low, high): &(u16, u16)| (low..=high).contains(&status);
        self.status.as_ref().is_none_or(|ranges| ranges.iter().any(in_range))
            && self.header.as_ref().is_none_or(|(name, test)| {
                reading.headers(name).any(|value| test.holds(value, false))
            })
            && self.text.as_ref().is_none_or(|test| test.holds(reading.text(), reading.answer.cut))
            && self.json.as_ref().is_none_or(|(path, test)| {
                // An answer that is no JSON has no value, not even a missing one.
                reading.json().is_some_and(|json| test.holds(&path.query(json).all()))
            })
            && self.xml.as_ref().is_none_or(|(path, test)| {
                reading.xml().is_some_and(|xml| test.holds(&path.find(xml)))
            })
    }
}

impl TextTest {
    fn holds(&self, text: &str, cut: bool) -> bool {
        match self {
            Self::Equals(wanted) => !cut && text.trim() == wanted,
            Self::Contains(wanted) => text.contains(wanted),
            Self::Matches(regex) => regex.is_match(text),
        }
    }
}

impl ValueTest<Value> {
    fn holds(&self, found: &[&Value]) -> bool {
        match self {
            Self::Exists(wanted) => found.is_empty() != *wanted,
            Self::OneOf(list) => found.iter().any(|got| list.iter().any(|want| same(got, want))),
            Self::Matches(regex) => {
                found.iter().any(|got| scalar_text(got).is_some_and(|text| regex.is_match(&text)))
            }
        }
    }
}

impl ValueTest<String> {
    fn holds(&self, found: &[&str]) -> bool {
        match self {
            Self::Exists(wanted) => found.is_empty() != *wanted,
            Self::OneOf(list) => {
                found.iter().any(|got| list.iter().any(|want| want.trim() == *got))
            }
            Self::Matches(regex) => found.iter().any(|got| regex.is_match(got)),
        }
    }
}

fn same(got: &Value, wanted: &Value) -> bool {
    match (got, wanted) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => got == wanted,
    }
}
