//! A field that a workspace made up for its contacts: what it is called, and what its values look like.
use super::{PropertyKind, doc, fold};
use crate::clock::Time;
use chrono::{DateTime, Datelike, NaiveDate};
use serde_json::{Number, Value};
use std::collections::BTreeMap;

/// Properties of a workspace, at most.
pub const PROPERTIES_MAX: usize = 500;
/// Characters of a property's name, at most.
pub const PROPERTY_NAME_MAX: usize = 100;
/// Characters of a property's key, at most.
pub const PROPERTY_KEY_MAX: usize = 64;
/// Characters of a property's description, at most.
pub const PROPERTY_DESCRIPTION_MAX: usize = 1_000;
/// Characters of a text, or of a text of a list, at most.
pub const PROPERTY_TEXT_MAX: usize = 1_000;
/// Texts of a list, at most.
pub const PROPERTY_LIST_MAX: usize = 100;
/// Numbers, at most, and at least with a minus: 2^53, up to where every whole one is exact.
pub const NUMBER_MAX: i64 = 1 << 53;

/// The properties of a workspace, by key.
pub type Kinds = BTreeMap<String, PropertyKind>;

/// Whether a text can be a property's key: lower snake case, a letter first.
pub fn is_key(text: &str) -> bool {
    (1..=PROPERTY_KEY_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && text.as_bytes()[0].is_ascii_lowercase()
}

/// The key that a name gives: `Date Eligible` → `date_eligible`; none when the name has no letters or digits of ASCII, or begins with a
/// digit.
pub fn key_of(name: &str) -> Option<String> {
    let mut key = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            key.push(c);
        } else if !key.is_empty() && !key.ends_with('_') {
            key.push('_');
        }
    }
    key.truncate(PROPERTY_KEY_MAX);
    let key = key.trim_end_matches('_').to_owned();
    is_key(&key).then_some(key)
}

/// A value in the form in which it is kept; null for one that says nothing (a blank text, an empty list). The error says what would be
/// right.
pub fn value(kind: PropertyKind, given: &Value) -> Result<Value, String> {
    if given.is_null() {
        return Ok(Value::Null);
    }
    match kind {
        PropertyKind::Text => text(given, PROPERTY_TEXT_MAX),
        PropertyKind::Number => number(given),
        PropertyKind::Date => date(given),
        PropertyKind::Datetime => moment(given).map(|at| Value::String(doc::moment(at))),
        PropertyKind::Boolean if given.is_boolean() => Ok(given.clone()),
        PropertyKind::Boolean => Err("must be true or false".into()),
        PropertyKind::List => {
            let texts = texts(given, PROPERTY_LIST_MAX, PROPERTY_TEXT_MAX)?;
            Ok(if texts.is_empty() { Value::Null } else { texts.into() })
        }
    }
}

/// A text, trimmed; null when nothing is left.
pub(super) fn text(given: &Value, max: usize) -> Result<Value, String> {
    let text = given.as_str().ok_or("must be a text")?.trim();
    let length = text.chars().count();
    if length > max {
        return Err(format!("has {length} characters; at most {max} are allowed"));
    }
    Ok(if text.is_empty() { Value::Null } else { text.into() })
}

/// Texts, trimmed, each once without regard to case; blank ones are left out.
pub(super) fn texts(given: &Value, most: usize, max: usize) -> Result<Vec<String>, String> {
    let items = given.as_array().ok_or("must be a list of texts")?;
    let mut texts: BTreeMap<String, (usize, String)> = BTreeMap::new();
    for (at, item) in items.iter().enumerate() {
        if let Value::String(kept) = text(item, max).map_err(|why| format!("[{at}] {why}"))? {
            texts.entry(fold::fold(&kept)).or_insert((at, kept));
        }
    }
    if texts.len() > most {
        return Err(format!("has {} texts; at most {most} are allowed", texts.len()));
    }
    let mut texts: Vec<(usize, String)> = texts.into_values().collect();
    texts.sort_unstable();
    Ok(texts.into_iter().map(|(_, text)| text).collect())
}

/// A whole number is kept without a fraction, however it was written.
pub(super) fn number(given: &Value) -> Result<Value, String> {
    let wrong = || format!("must be a number from -{NUMBER_MAX} to {NUMBER_MAX}");
    let Value::Number(number) = given else { return Err(wrong()) };
    let float = number.as_f64().ok_or_else(wrong)?;
    if !float.is_finite() || float.abs() > NUMBER_MAX as f64 || too_long(number) {
        return Err(wrong());
    }
    if float.fract() == 0.0 { Ok((float as i64).into()) } else { Ok(given.clone()) }
}

/// 2^53 + 1 is 2^53 as a float.
fn too_long(number: &Number) -> bool {
    number.as_i64().is_some_and(|whole| whole.abs() > NUMBER_MAX)
}

fn date(given: &Value) -> Result<Value, String> {
    let wrong = "must be a date of the form YYYY-MM-DD, from 1900 to 9998";
    let text = given.as_str().ok_or(wrong)?.trim();
    if text.is_empty() {
        return Ok(Value::Null);
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| wrong)?;
    if text.len() == 10 && is_near(date.year()) { Ok(text.into()) } else { Err(wrong.into()) }
}

/// A moment that both engines can compare.
pub(super) fn moment(given: &Value) -> Result<Time, String> {
    let wrong = "must be a time such as 2026-11-21T12:00:00Z, from 1900 to 9998";
    let text = given.as_str().ok_or(wrong)?;
    let at = DateTime::parse_from_rfc3339(text.trim()).map_err(|_| wrong)?.to_utc();
    if !is_near(at.year()) {
        return Err(wrong.into());
    }
    // Six digits of a second are kept, on either engine.
    DateTime::from_timestamp_micros(at.timestamp_micros()).ok_or_else(|| wrong.into())
}

fn is_near(year: i32) -> bool {
    (1900..=9998).contains(&year)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_key_is_made_from_the_name() {
        for (name, key) in [
            ("Date Eligible", Some("date_eligible")),
            ("  Tier (2026) ", Some("tier_2026")),
            ("Grüße an", Some("gr_e_an")),
            ("2nd tier", None),
            ("名前", None),
        ] {
            assert_eq!(key_of(name).as_deref(), key, "{name}");
        }
        assert_eq!(key_of(&"ab".repeat(60)).unwrap().len(), PROPERTY_KEY_MAX);
        assert!(!is_key("Tier") && !is_key("") && !is_key("_a") && is_key("a1_b"));
    }

    #[test]
    fn values_are_kept_in_one_form_by_kind() {
        use PropertyKind::{Boolean, Date, Datetime, List, Number, Text};
        for (kind, given, kept) in [
            (Text, json!("  Gold "), json!("Gold")),
            (Text, json!("  "), json!(null)),
            (Number, json!(5.0), json!(5)),
            (Number, json!(-0.5), json!(-0.5)),
            (Number, json!(9_007_199_254_740_992_i64), json!(9_007_199_254_740_992_i64)),
            (Date, json!("2026-02-28"), json!("2026-02-28")),
            (
                Datetime,
                json!("2026-11-21T14:00:00.1234567+02:00"),
                json!("2026-11-21T12:00:00.123456Z"),
            ),
            (Boolean, json!(false), json!(false)),
            (List, json!(["b", " a ", "B", ""]), json!(["b", "a"])),
            (List, json!([]), json!(null)),
            (List, json!(null), json!(null)),
        ] {
            assert_eq!(value(kind, &given), Ok(kept), "{given}");
        }
    }

    #[test]
    fn values_that_do_not_fit_are_refused_with_what_would() {
        use PropertyKind::{Boolean, Date, Datetime, List, Number, Text};
        for (kind, given, why) in [
            (Text, json!(5), "must be a text"),
            (Text, json!("x".repeat(1_001)), "at most 1000"),
            (Number, json!("5"), "must be a number"),
            (Number, json!(9_007_199_254_740_993_i64), "must be a number"),
            (Number, json!(1e300), "must be a number"),
            (Date, json!("2026-2-28"), "YYYY-MM-DD"),
            (Date, json!("2026-02-30"), "YYYY-MM-DD"),
            (Date, json!("1899-12-31"), "from 1900"),
            (Datetime, json!("2026-11-21"), "must be a time"),
            (Boolean, json!("true"), "true or false"),
            (List, json!("a"), "list of texts"),
            (List, json!(["a", 1]), "[1] must be a text"),
            (List, json!((0..101).map(|n| n.to_string()).collect::<Vec<_>>()), "at most 100"),
        ] {
            assert!(value(kind, &given).unwrap_err().contains(why), "{given}");
        }
    }
}
