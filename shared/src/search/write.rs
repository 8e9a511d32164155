//! From a rule to the search text that stands for it.
use super::{
    NoText, SEARCH_CHARS_MAX, event, fields,
    read::Reader,
    scan::words,
    tree::WORDS,
    value::{self, is_plain, quoted},
};
use crate::rules::{Operator, Properties, Rule, TEXT_CHARS_MAX, Takes};
use serde_json::Value;

/// A written part of a rule.
enum Piece {
    /// Bare words side by side.
    Words(String),
    /// One condition.
    Term(String),
    /// One that begins with a minus.
    Negated(String),
    /// Several conditions, which need brackets inside another group.
    List(String),
}

/// Writes a rule on contacts as search text. A rule that came from a text is read back equal; of another, groups of a single condition
/// and the way in which values were written may differ, and the meaning stays.
pub fn write(rule: &Rule) -> Result<String, NoText> {
    let text = node(&rule.to_value())?.bare();
    match text.chars().count() > SEARCH_CHARS_MAX {
        true => Err(NoText::TooLong),
        false => Ok(text),
    }
}

impl Piece {
    fn bare(self) -> String {
        match self {
            Self::Words(text) | Self::Term(text) | Self::Negated(text) | Self::List(text) => text,
        }
    }

    /// As it stands in a group.
    fn inside(self) -> String {
        match self {
            Self::List(text) => format!("({text})"),
            other => other.bare(),
        }
    }

    fn negated(self) -> Self {
        Self::Negated(match self {
            Self::Words(text) if text.contains(' ') => format!("-({text})"),
            Self::Words(text) | Self::Term(text) => format!("-{text}"),
            Self::Negated(text) | Self::List(text) => format!("-({text})"),
        })
    }
}

fn node(node: &Value) -> Result<Piece, NoText> {
    let Some(rules) = node.get("rules").and_then(Value::as_array) else { return leaf(node) };
    let piece = match (short(node, rules), rules.as_slice()) {
        (Some(term), _) => Piece::Term(term),
        (None, [only]) => self::node(only)?,
        (None, several) => list(node, several)?,
    };
    Ok(if node.get("not") == Some(&Value::Bool(true)) { piece.negated() } else { piece })
}

fn list(group: &Value, rules: &[Value]) -> Result<Piece, NoText> {
    let any = group.get("combinator").is_some_and(|combinator| combinator == "or");
    let mut text = String::new();
    let mut after_words = false;
    for (index, rule) in rules.iter().enumerate() {
        let piece = node(rule)?;
        let is_words = matches!(piece, Piece::Words(_));
        let piece = piece.inside();
        let signs = piece.starts_with(['<', '>', '=', '!']);
        text.push_str(match (index, any, after_words && (is_words || signs)) {
            (0, _, _) => "",
            (_, true, _) => " OR ",
            // Without it they would become one condition.
            (_, false, true) => " AND ",
            (_, false, false) => " ",
        });
        text.push_str(&piece);
        after_words = is_words;
    }
    Ok(Piece::List(text))
}

/// The phrase or the word with wildcards that stands for a group, if one does; `not` aside.
fn short(group: &Value, rules: &[Value]) -> Option<String> {
    let first = rules.first()?;
    let value = first.get("value")?.as_str()?;
    let candidate = match first.get("operator")?.as_str()? {
        "containsAllWords" => quoted(value),
        "wildcard" => value.to_owned(),
        _ => return None,
    };
    let mut plain = group.clone();
    plain["not"] = false.into();
    let tree = Reader::new(&candidate, &Properties::default()).whole().ok()?;
    (tree.to_value() == plain).then_some(candidate)
}

fn leaf(leaf: &Value) -> Result<Piece, NoText> {
    let text = |key: &str| leaf.get(key).and_then(Value::as_str).unwrap_or_default();
    let (path, name) = (text("field"), text("operator"));
    let value = leaf.get("value").or_else(|| leaf.get("valueSet")).unwrap_or(&Value::Null);
    let field = fields::name(path).ok_or(NoText::AboutLeads)?;
    let flag = |key: &str| leaf.get(key) == Some(&Value::Bool(true));
    let flags = [("includeEmpty", "/empty"), ("caseSensitive", "/case")];
    let flags: String = flags.iter().filter(|(key, _)| flag(key)).map(|(_, text)| *text).collect();
    if let Some(key) = path.strip_prefix("event.")
        && let Some(count) = event::text(key, value)
    {
        return Ok(Piece::Term(format!("event:{count}")));
    }
    // These are never empty, and ids have no capitals.
    let unmoved = ["memberOf", "notMemberOf"].contains(&name);
    if flags.is_empty() || unmoved {
        let known = match path {
            WORDS => own_words(name, value),
            _ => None,
        };
        if let Some(piece) = known.or_else(|| sugar(path, field, name, value)) {
            return Ok(piece);
        }
    }
    let arguments = arguments(name, value)?;
    Ok(Piece::Term(format!("{field}:{name}{flags}({arguments})")))
}

/// Bare words, and the beginning of one.
fn own_words(operator: &str, value: &Value) -> Option<Piece> {
    let texts: Vec<&str> = match value {
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    let own: Vec<&str> = texts.into_iter().flat_map(words).collect();
    match (operator, own.as_slice()) {
        ("containsWordPrefix", [word]) => Some(Piece::Term(format!("{word}*"))),
        ("containsAllWords", own) => {
            let reserved = |word: &str| ["AND", "OR", "NOT"].contains(&word);
            let shown = own.iter().map(|word| match reserved(word) {
                true => quoted(word),
                false => (*word).to_owned(),
            });
            let fits = own.join(" ").chars().count() <= TEXT_CHARS_MAX;
            fits.then(|| Piece::Words(shown.collect::<Vec<_>>().join(" ")))
        }
        _ => None,
    }
}

/// The short form of a condition without flags, if there is one.
fn sugar(path: &str, field: &str, operator: &str, value: &Value) -> Option<Piece> {
    let one = (!value.is_array() && !value.is_null()).then(|| value::text(value));
    let pair = |sign: &str| Some(Piece::Term(format!("{field}{sign}{}", one.clone()?)));
    let many = || value.as_array().map_or_else(|| value::text(value), |items| joined(items));
    match operator {
        "equals" => pair(":"),
        "notEquals" => pair("!="),
        "greaterThan" => pair(">"),
        "greaterOrEqual" => pair(">="),
        "lessThan" => pair("<"),
        "lessOrEqual" => pair("<="),
        "in" => Some(Piece::Term(format!("{field}:({})", many()))),
        "notIn" => Some(Piece::Term(format!("{field}!=({})", many()))),
        "memberOf" | "notMemberOf" => {
            let text = pair(":").map_or_else(|| format!("{field}:({})", many()), Piece::bare);
            let piece = Piece::Term(text);
            Some(if operator == "memberOf" { piece } else { piece.negated() })
        }
        "isNotEmpty" => Some(Piece::Term(format!("has:{field}"))),
        "isEmpty" => Some(Piece::Term(format!("has:{field}")).negated()),
        "anniversary" if path == fields::DATE_OF_BIRTH => {
            value::offset_text(value).map(|days| Piece::Term(format!("birthday:{days}")))
        }
        _ => patterned(field, operator, value).map(Piece::Term),
    }
}

/// Ranges, patterns and words for dates.
fn patterned(field: &str, operator: &str, value: &Value) -> Option<String> {
    let plain = |value: &Value| value.is_number() || value.as_str().is_some_and(is_plain);
    let written = match (operator, value) {
        ("between", Value::Array(bounds)) => match bounds.as_slice() {
            [low, high] if plain(low) && plain(high) => {
                format!("{}..{}", value::text(low), value::text(high))
            }
            _ => return None,
        },
        ("startsWith", Value::String(stem)) if is_plain(stem) => format!("{stem}*"),
        ("wildcard", Value::String(pattern)) => {
            let stem = pattern.strip_suffix('*').unwrap_or(pattern);
            let other = stem.replace(['*', '?'], "a");
            let fits = other != stem && !stem.starts_with(['*', '?']) && is_plain(&other);
            return fits.then(|| format!("{field}:{pattern}"));
        }
        ("olderThan", away) => format!(">{}", value::distance_text(away)?),
        _ => value::date_word_text(operator, value)?,
    };
    Some(format!("{field}:{written}"))
}

/// What stands in the brackets after an operator's name.
fn arguments(operator: &str, value: &Value) -> Result<String, NoText> {
    let takes = Operator::named(operator).map(|operator| operator.row().takes);
    let read = match takes {
        Some(Takes::Nothing) => Some(String::new()),
        Some(Takes::Window) => value::distance_text(value),
        Some(Takes::Period) => value::period_text(value).map(str::to_owned),
        Some(Takes::DayOffset) => value::offset_text(value),
        Some(Takes::FieldPath) => {
            let path = value.as_str().unwrap_or_default();
            return fields::name(path).map(str::to_owned).ok_or(NoText::AboutLeads);
        }
        _ => None,
    };
    Ok(read.unwrap_or_else(|| match value {
        Value::Array(items) => joined(items),
        one => value::text(one),
    }))
}

fn joined(items: &[Value]) -> String {
    items.iter().map(value::text).collect::<Vec<_>>().join(", ")
}
