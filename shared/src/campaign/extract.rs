//! Where in a buyer's answer something is found: by JSONPath, by XML path, by regular expression, in a header, or a fixed text.

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use serde_json_path::JsonPath;

use super::problem::{Problem, refuse};
use super::response::Reading;
use super::view::scalar_text;
use super::xml_path::XmlPath;

/// Longest regular expression, in bytes, and the most memory that it may take compiled.
pub const REGEX_MAX_BYTES: usize = 500;
pub const REGEX_MAX_COMPILED_BYTES: usize = 256 * 1024;

/// Longest JSONPath, in bytes.
pub const JSON_PATH_MAX_BYTES: usize = 200;

/// Exactly one of the five.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Extract {
    /// The first text, number or boolean that the path finds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json_path: Option<String>,
    /// The first text that the path finds and that is not empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub xml_path: Option<String>,
    /// The first group, or the whole match if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regex: Option<String>,
    /// A header's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// A fixed text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) enum CompiledExtract {
    JsonPath(JsonPath),
    XmlPath(XmlPath),
    Regex(Regex),
    Header(String),
    Text(String),
}

impl Extract {
    pub fn validate(&self, at: &str, problems: &mut Vec<Problem>) {
        if let Err(problem) = self.compile(at) {
            problems.push(problem);
        }
    }

    pub(super) fn compile(&self, at: &str) -> Result<CompiledExtract, Problem> {
        let Self { json_path, xml_path, regex, header, text } = self;
        match (json_path, xml_path, regex, header, text) {
            (Some(path), None, None, None, None) => compile_json_path(path)
                .map(CompiledExtract::JsonPath)
                .map_err(|why| Problem::new(format!("{at}.jsonPath"), why)),
            (None, Some(path), None, None, None) => XmlPath::parse(path)
                .map(CompiledExtract::XmlPath)
                .map_err(|why| Problem::new(format!("{at}.xmlPath"), why)),
            (None, None, Some(regex), None, None) => compile_regex(regex)
                .map(CompiledExtract::Regex)
                .map_err(|why| Problem::new(format!("{at}.regex"), why)),
            (None, None, None, Some(name), None) => {
                Ok(CompiledExtract::Header(name.trim().to_lowercase()))
            }
            (None, None, None, None, Some(text)) => Ok(CompiledExtract::Text(text.clone())),
            _ => {
                let why = "needs exactly one of jsonPath, xmlPath, regex, header, text";
                Err(Problem::new(at, why))
            }
        }
    }
}

impl CompiledExtract {
    /// What is found, trimmed; none if nothing or only spaces.
    pub(super) fn find(&self, reading: &Reading<'_>) -> Option<String> {
        let found = match self {
            Self::JsonPath(path) => {
                path.query(reading.json()?).all().into_iter().find_map(scalar_text)?
            }
            Self::XmlPath(path) => {
                let found = path.find(reading.xml()?);
                (*found.iter().find(|text| !text.is_empty())?).to_owned()
            }
            Self::Regex(regex) => {
                let groups = regex.captures(reading.text())?;
                groups.get(1).or_else(|| groups.get(0))?.as_str().to_owned()
            }
            Self::Header(name) => reading.headers(name).next()?.to_owned(),
            Self::Text(text) => text.clone(),
        };
        Some(found.trim().to_owned()).filter(|found| !found.is_empty())
    }
}

pub(super) fn compile_regex(pattern: &str) -> Result<Regex, String> {
    if pattern.is_empty() || pattern.len() > REGEX_MAX_BYTES {
        return Err(format!("is empty or longer than {REGEX_MAX_BYTES} bytes"));
    }
    RegexBuilder::new(pattern)
        .size_limit(REGEX_MAX_COMPILED_BYTES)
        .dfa_size_limit(REGEX_MAX_COMPILED_BYTES)
        .build()
        .map_err(|e| format!("is no regular expression: {e}"))
}

/// A condition that an empty answer meets is a default in disguise.
pub(super) fn compile_condition_regex(pattern: &str) -> Result<Regex, String> {
    let regex = compile_regex(pattern)?;
    match regex.is_match("") {
        true => Err("matches even an empty text, so it would decide nothing".to_owned()),
        false => Ok(regex),
    }
}

pub(super) fn compile_json_path(path: &str) -> Result<JsonPath, String> {
    if path.len() > JSON_PATH_MAX_BYTES {
        return Err(format!("is longer than {JSON_PATH_MAX_BYTES} bytes"));
    }
    check_cost(path)?;
    JsonPath::parse(path).map_err(|e| format!("is no JSONPath: {e}"))
}

/// JSONPath can ask for work that grows with a power of the document: every one of these constructs
/// nested in another multiplies. One of them at a time keeps a path linear in the body.
fn check_cost(path: &str) -> Result<(), String> {
    let mut bare = String::with_capacity(path.len());
    let mut quote = None;
    let mut escaped = false;
    for sign in path.chars() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if sign == '\\' => escaped = true,
            Some(open) if sign == open => quote = None,
            Some(_) => {}
            None if matches!(sign, '\'' | '"') => quote = Some(sign),
            None => bare.push(sign),
        }
    }
    let count = |what: &str| bare.matches(what).count();
    let heavy = count("..") + count("?");
    if heavy > 1 || count(",") > 0 || count("$") > 1 {
        let rule = "may hold one \"..\" or one filter, no lists of selectors and no second \"$\"";
        return Err(format!("would be too costly: it {rule}"));
    }
    Ok(())
}

/// Refuses a header name that no answer can have.
pub(super) fn check_header_name(name: &str, at: String, problems: &mut Vec<Problem>) {
    let fits = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.trim().is_empty() || !name.trim().chars().all(fits) {
        refuse(problems, at, format!("\"{name}\" is no header name"));
    }
}
