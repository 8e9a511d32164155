//! Stage 4: which fields are computed or transformed?
//!
//! An expression is a MiniJinja expression (`lead.firstName | title`) or, if it holds `{{` or `{%`, a template.
//! Missing data is no error: it yields nothing, and nothing yields the key's default, or null.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::{DateTime, Offset, TimeZone, Utc};
use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, Expression, Value as Computed};
use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::computed_filters::{COMPUTED_MAX_BYTES, ENGINE, FILTERS, MOMENT, Moment};
use super::computed_lookup::{Lookups, TABLES, Tables, unknown_table};
use super::date::Date;
use super::payload::{read_boolean, read_number};
use super::problem::{Problem, refuse};

/// Most computed keys of one campaign.
pub const COMPUTED_KEYS_MAX: usize = 100;

/// Longest expression, in bytes.
pub const EXPRESSION_MAX_BYTES: usize = 2_000;

/// Longest key, in bytes.
pub const KEY_MAX_BYTES: usize = 64;

/// One computed key; later keys see it as `computed.<key>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ComputedKey {
    /// A letter or `_`, then letters, digits, `_`.
    pub key: String,
    pub expression: String,
    #[serde(rename = "type")]
    pub value_type: ComputedType,
    /// Used when the expression yields nothing; of the key's type. An error does not yield the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ComputedType {
    Text,
    Number,
    Boolean,
    /// `2026-01-31`; a moment becomes its day in the campaign's zone.
    Date,
}

/// All values by key (null where nothing came out or something went wrong), and what went wrong.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ComputedValues {
    pub values: Map<String, Value>,
    pub failures: Vec<ComputedFailure>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ComputedFailure {
    pub key: String,
    pub why: String,
}

/// Compiled once per campaign revision, evaluated in the order given.
#[derive(Debug)]
pub struct ComputedKeys {
    /// Holds the templates, by key.
    engine: Environment<'static>,
    keys: Vec<(ComputedKey, Program)>,
    tables: Computed,
}

#[derive(Debug)]
enum Program {
    Expression(Expression<'static, 'static>),
    Template,
}

impl ComputedKey {
    pub fn validate(&self, lookups: &Lookups, at: &str, problems: &mut Vec<Problem>) {
        let mut letters = self.key.chars();
        let starts = letters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        let goes_on = letters.all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !starts || !goes_on || self.key.len() > KEY_MAX_BYTES {
            let rule = format!("letters, digits and _, at most {KEY_MAX_BYTES}");
            refuse(
                problems,
                format!("{at}.key"),
                format!("\"{}\" is no key, right: {rule}", self.key),
            );
        }
        let mut engine = ENGINE.clone();
        let compiled =
            self.compile(lookups, &mut engine).and_then(|program| self.try_out(&program, &engine));
        if let Err(why) = compiled {
            refuse(problems, format!("{at}.expression"), why);
        }
        if let Some(default) = self.default.as_ref().filter(|default| !default.is_null())
            && let Err(why) = check_default(default, self.value_type)
        {
            refuse(problems, format!("{at}.default"), why);
        }
    }

    fn compile(
        &self,
        lookups: &Lookups,
        engine: &mut Environment<'static>,
    ) -> Result<Program, String> {
        let source = self.expression.trim();
        check_source(source)?;
        check_filters(source)?;
        if let Some((at, name)) = unknown_table(source, lookups) {
            return Err(format!("{}: there is no lookup table \"{name}\"", place(source, at)));
        }
        if is_template(source) {
            let added = read(|| engine.add_template_owned(self.key.clone(), source.to_owned()))?;
            return added.map(|()| Program::Template).map_err(|e| explain(&e, source));
        }
        let compiled = read(|| ENGINE.compile_expression_owned(source.to_owned()))?;
        compiled.map(Program::Expression).map_err(|e| explain(&e, source))
    }

    /// Runs once on nothing: that finds functions, methods and tests that do not exist. Other errors may be due
    /// to the nothing.
    fn try_out(&self, program: &Program, engine: &Environment<'static>) -> Result<(), String> {
        use ErrorKind::{UnknownFilter, UnknownFunction, UnknownMethod, UnknownTest};
        let unknown = [UnknownFilter, UnknownFunction, UnknownMethod, UnknownTest];
        match self.run(program, engine, &BTreeMap::new()) {
            Err(e) if unknown.contains(&e.kind()) => Err(explain(&e, self.expression.trim())),
            _ => Ok(()),
        }
    }

    fn run(
        &self,
        program: &Program,
        engine: &Environment<'static>,
        roots: &BTreeMap<String, Computed>,
    ) -> Result<Computed, Error> {
        match program {
            Program::Expression(expression) => expression.eval(roots),
            Program::Template => engine.get_template(&self.key)?.render(roots).map(Computed::from),
        }
    }
}

/// Names every filter that does not exist, in branches that a trial would not reach as well. Texts in quotes are
/// left out of the search; a name hidden from it by an odd quote is found when the expression runs.
fn check_filters(source: &str) -> Result<(), String> {
    // All three patterns are fixed and run by every test.
    let tags = Regex::new(r"(?s)\{\{.*?\}\}|\{%.*?%\}").expect("a fixed pattern");
    let quoted = Regex::new(r#"'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*""#).expect("a fixed pattern");
    let filter = Regex::new(r"\|\s*([A-Za-z_]\w*)").expect("a fixed pattern");
    let parts: Vec<&str> = match is_template(source) {
        true => tags.find_iter(source).map(|tag| tag.as_str()).collect(),
        false => vec![source],
    };
    for part in parts {
        let bare = quoted.replace_all(part, "''");
        let unknown = filter.captures_iter(&bare).find(|found| !FILTERS.contains(&&found[1]));
        if let Some(found) = unknown {
            let known = FILTERS.join(", ");
            let at = source.find(&found[0]).map_or(String::new(), |at| place(source, at) + ": ");
            return Err(format!("{at}filter \"{}\" does not exist, there are {known}", &found[1]));
        }
    }
    Ok(())
}

fn is_template(source: &str) -> bool {
    source.contains("{{") || source.contains("{%")
}

/// Refuses what could grow without bound, since fuel counts steps and not bytes: loops, variables, macros
/// (a text doubled forty times is a terabyte), and `*`, which also repeats texts.
fn check_source(source: &str) -> Result<(), String> {
    if source.is_empty() || source.len() > EXPRESSION_MAX_BYTES {
        return Err(format!("is empty or longer than {EXPRESSION_MAX_BYTES} bytes"));
    }
    if let Some(at) = source.find('*') {
        let place = place(source, at);
        return Err(format!("{place}: \"*\" is not permitted, multiply with | times(12)"));
    }
    for (at, _) in source.match_indices("{%") {
        let tag = source[at + 2..].trim_start_matches(['-', '+']).trim_start();
        let word: String = tag.chars().take_while(char::is_ascii_alphabetic).collect();
        if !matches!(word.as_str(), "if" | "elif" | "else" | "endif") {
            let place = place(source, at);
            return Err(format!(
                "{place}: \"{{% {word}\" is not permitted, only if, elif, else, endif"
            ));
        }
    }
    Ok(())
}

/// Line and column of a byte, both from 1, the column in characters.
fn place(source: &str, at: usize) -> String {
    let before = source.get(..at).unwrap_or(source);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    format!("line {line}, column {column}")
}

/// Lets minijinja read a source. On some that are none (`}}+`) its lexer panics.
fn read<T>(reading: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(reading)).map_err(|_| "is not an expression".to_owned())
}

fn explain(error: &Error, source: &str) -> String {
    let what = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    match (error.range(), error.line()) {
        (Some(range), _) => format!("{}: {what}", place(source, range.start)),
        (None, Some(line)) => format!("line {line}: {what}"),
        (None, None) => what,
    }
}

fn check_default(default: &Value, wanted: ComputedType) -> Result<(), String> {
    let fits = match (wanted, default) {
        (ComputedType::Text, Value::String(_))
        | (ComputedType::Number, Value::Number(_))
        | (ComputedType::Boolean, Value::Bool(_)) => true,
        (ComputedType::Date, Value::String(text)) => matches!(Date::read(text), Some(Date::Day(_))),
        _ => false,
    };
    let name = match wanted {
        ComputedType::Text => "a text",
        ComputedType::Number => "a number",
        ComputedType::Boolean => "true or false",
        ComputedType::Date => "a date such as \"2026-01-31\"",
    };
    fits.then_some(()).ok_or_else(|| format!("is {default}, right would be {name}"))
}

/// Checks a campaign's whole list: each key, their number, and that none comes twice.
pub fn validate_keys(
    keys: &[ComputedKey],
    lookups: &Lookups,
    at: &str,
    problems: &mut Vec<Problem>,
) {
    if keys.len() > COMPUTED_KEYS_MAX {
        return refuse(problems, at, format!("more than {COMPUTED_KEYS_MAX} computed keys"));
    }
    for (i, key) in keys.iter().enumerate() {
        key.validate(lookups, &format!("{at}[{i}]"), problems);
        if keys[..i].iter().any(|other| other.key == key.key) {
            refuse(problems, format!("{at}[{i}].key"), format!("\"{}\" comes twice", key.key));
        }
    }
    check_order(keys, at, problems);
}

/// A key that reads a later one would always find nothing.
fn check_order(keys: &[ComputedKey], at: &str, problems: &mut Vec<Problem>) {
    // The pattern is fixed and covered by a test.
    let reads = Regex::new(r"\bcomputed\.([A-Za-z_][A-Za-z0-9_]*)").expect("a fixed pattern");
    for (i, key) in keys.iter().enumerate() {
        for read in reads.captures_iter(&key.expression) {
            let later = keys[i..].iter().any(|other| other.key == read[1]);
            if later && !keys[..i].iter().any(|other| other.key == read[1]) {
                let why =
                    format!("reads computed.{}, which is computed later or is itself", &read[1]);
                refuse(problems, format!("{at}[{i}].expression"), why);
            }
        }
    }
}

impl ComputedKeys {
    pub fn compile(keys: &[ComputedKey], lookups: &Lookups) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        validate_keys(keys, lookups, "computedKeys", &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut engine = ENGINE.clone();
        let mut compiled = Vec::with_capacity(keys.len());
        for (i, key) in keys.iter().enumerate() {
            let at = format!("computedKeys[{i}].expression");
            let program =
                key.compile(lookups, &mut engine).map_err(|why| vec![Problem::new(at, why)])?;
            compiled.push((key.clone(), program));
        }
        Ok(Self { engine, keys: compiled, tables: Computed::from_object(Tables::of(lookups)) })
    }

    /// Computes all keys, in order. A key that fails is null for those after it.
    pub fn evaluate<Z>(&self, view: &Value, now: DateTime<Utc>, zone: Z) -> ComputedValues
    where
        Z: TimeZone + Send + Sync + 'static,
        Z::Offset: Send + Sync,
    {
        let locate = move |at: DateTime<Utc>| {
            let local = at.with_timezone(&zone);
            local.with_timezone(&local.offset().fix())
        };
        let moment = Computed::from_object(Moment { now, locate: Box::new(locate) });
        let hidden =
            [(MOMENT.to_owned(), moment.clone()), (TABLES.to_owned(), self.tables.clone())];
        let mut roots = BTreeMap::from(hidden);
        for (root, part) in view.as_object().into_iter().flatten() {
            roots.insert(root.clone(), visible(part));
        }
        let known = view.get("computed").and_then(Value::as_object).cloned();
        let mut done = ComputedValues { values: known.unwrap_or_default(), ..Default::default() };
        let moment = moment.downcast_object_ref::<Moment>();
        for (key, program) in &self.keys {
            roots.insert("computed".to_owned(), map_of(&done.values));
            let value = key
                .run(program, &self.engine, &roots)
                .map_err(|e| explain(&e, key.expression.trim()))
                .and_then(|v| typed(&v, key, moment));
            let value = value.unwrap_or_else(|why| {
                done.failures.push(ComputedFailure { key: key.key.clone(), why });
                Value::Null
            });
            done.values.insert(key.key.clone(), value);
        }
        done
    }
}

/// The view as expressions see it: null is missing, and a text longer than the limit is not shown.
fn visible(value: &Value) -> Computed {
    match value {
        Value::Null => Computed::UNDEFINED,
        Value::String(text) if text.len() > COMPUTED_MAX_BYTES => Computed::UNDEFINED,
        Value::Array(items) => items.iter().map(visible).collect(),
        Value::Object(map) => map_of(map),
        scalar => Computed::from_serialize(scalar),
    }
}

fn map_of(map: &Map<String, Value>) -> Computed {
    let shown = map.iter().filter(|(_, value)| !value.is_null());
    shown.map(|(key, value)| (key.clone(), visible(value))).collect()
}

/// A result in the key's type; nothing or blank is the default, or null.
fn typed(value: &Computed, key: &ComputedKey, moment: Option<&Moment>) -> Result<Value, String> {
    let text = match value.kind() {
        ValueKind::Undefined | ValueKind::None => String::new(),
        ValueKind::String | ValueKind::Number | ValueKind::Bool => value.to_string(),
        other => return Err(format!("yields a {other}, not a single value; a list can be joined")),
    };
    if text.trim().is_empty() {
        return Ok(key.default.clone().unwrap_or(Value::Null));
    }
    if text.len() > COMPUTED_MAX_BYTES {
        return Err(format!("yields a text longer than {COMPUTED_MAX_BYTES} bytes"));
    }
    let short: String = text.chars().take(60).collect();
    let not = |what: &str| format!("yields \"{short}\", which is not {what}");
    match key.value_type {
        ComputedType::Text => Ok(Value::String(text)),
        ComputedType::Number => {
            read_number(&text).map(Value::Number).ok_or_else(|| not("a number"))
        }
        ComputedType::Boolean => {
            read_boolean(&text).map(Value::Bool).ok_or_else(|| not("true or false"))
        }
        ComputedType::Date => {
            let date = Date::read(&text).ok_or_else(|| not("an ISO date"))?;
            Ok(Value::String(moment.map_or(date.day(), |moment| moment.day(date)).to_string()))
        }
    }
}

#[cfg(test)]
#[path = "computed_tests.rs"]
mod tests;
