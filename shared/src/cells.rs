//! Cells of CSV files: texts that no spreadsheet takes for a formula, values that are more than text, and both back.
use serde_json::{Number, Value};
use std::borrow::Cow;

/// Between the texts of a list.
const BETWEEN: char = '|';

/// A spreadsheet runs what begins with one of these; the wide forms are what some turn into the plain ones.
const DANGEROUS: [char; 11] =
    ['=', '+', '-', '@', '\t', '\r', '\0', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

/// Whether a text would be run, or would be taken for one that was made harmless.
fn is_dangerous(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(DANGEROUS)
}

/// Puts a `'` before a text that a spreadsheet would run. [`restore`] takes it away again, whatever the text was.
pub fn neutralise(text: &str) -> Cow<'_, str> {
    if is_dangerous(text) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// The text that [`neutralise`] was given.
pub fn restore(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if is_dangerous(rest) => rest,
        _ => text,
    }
}

/// A value as a cell: nothing for null, a text as it is, everything else as JSON. A text that would be read as something else is written
/// as JSON too, in quotes. What comes out still has to be [`neutralise`]d.
pub fn write(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if read(text) == *value && !text.contains(BETWEEN) => text.clone(),
        other => other.to_string(),
    }
}

/// The value that [`write()`] was given. In files of others: a number in its shortest form, `true`, `false`, and JSON lists, objects and
/// texts in quotes are what they look like; everything else is text, trimmed.
pub fn read(cell: &str) -> Value {
    let text = cell.trim();
    let value = match text.as_bytes().first() {
        None => Some(Value::Null),
        Some(b'[' | b'{' | b'"') => serde_json::from_str(text).ok(),
        Some(b'-' | b'0'..=b'9') => number(text).map(Value::Number),
        Some(b't' | b'f') => text.parse().ok().map(Value::Bool),
        Some(_) => None,
    };
    value.unwrap_or_else(|| Value::String(text.to_owned()))
}

/// A text as a cell: as it is, or as JSON in quotes when blanks around it or a quote at its beginning would be lost.
pub fn write_text(text: &str) -> Cow<'_, str> {
    if text.trim() == text && !text.starts_with('"') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(Value::from(text).to_string())
}

/// The text that [`write_text`] was given.
pub fn read_text(cell: &str) -> String {
    let text = cell.trim();
    let quoted = text.starts_with('"').then(|| serde_json::from_str(text).ok()).flatten();
    quoted.unwrap_or_else(|| text.to_owned())
}

/// Like [`read`], but `a|b` is a list of two texts: for answers to questions with several choices.
pub fn read_answer(cell: &str) -> Value {
    match read(cell) {
        Value::String(text) if text.contains(BETWEEN) && cell.trim() == text => list(&text).into(),
        value => value,
    }
}

/// A list of texts: JSON, or texts with `|` between them. Blank ones are left out.
pub fn read_texts(cell: &str) -> Value {
    match read(cell) {
        Value::Null => Value::Array(Vec::new()),
        list @ Value::Array(_) => list,
        Value::String(text) if cell.trim() != text => vec![text].into(),
        _ => list(cell).into(),
    }
}

fn list(text: &str) -> Vec<&str> {
    text.split(BETWEEN).map(str::trim).filter(|part| !part.is_empty()).collect()
}

/// A number, if writing it gives the same text again: `0123`, `1.50` and what has too many digits are texts.
fn number(text: &str) -> Option<Number> {
    let whole =
        text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from));
    let number = whole.ok().or_else(|| Number::from_f64(text.parse().ok()?))?;
    (number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn values_are_read_as_what_they_look_like() {
        for (cell, value) in [
            ("", json!(null)),
            ("  ", json!(null)),
            (" yes ", json!("yes")),
            ("null", json!("null")),
            ("true", json!(true)),
            ("TRUE", json!("TRUE")),
            ("40", json!(40)),
            ("-0.5", json!(-0.5)),
            ("040", json!("040")),
            ("1.50", json!("1.50")),
            ("1e3", json!("1e3")),
            ("-", json!("-")),
            ("12345678901234567890123", json!("12345678901234567890123")),
            ("[1, \"a\"]", json!([1, "a"])),
            ("[draft] a", json!("[draft] a")),
            ("{\"a\":null}", json!({"a": null})),
            ("\"40\"", json!("40")),
            ("a|b", json!("a|b")),
        ] {
            assert_eq!(read(cell), value, "{cell}");
        }
        assert_eq!(read_answer("a | b"), json!(["a", "b"]));
        assert_eq!(read_answer(&write(&json!("a|b"))), json!("a|b"));
        assert_eq!(read_answer("7"), json!(7));
        assert_eq!(read_texts(" a||b c "), json!(["a", "b c"]));
        assert_eq!(read_texts("40"), json!(["40"]));
        assert_eq!(read_texts("[\"x|y\"]"), json!(["x|y"]));
        assert_eq!(read_texts(" "), json!([]));
    }

    #[test]
    fn formulas_are_harmless_and_other_texts_are_left() {
        for formula in
            ["=1+1", "+14155550100", "-1", "@SUM(A1)", "\t=1", "\r=1", "\0", "\u{ff1d}1", "'=1"]
        {
            assert_eq!(neutralise(formula), format!("'{formula}"));
        }
        for plain in ["", "Maria", "O'Brien", "'s-Hertogenbosch", "1-2", "a=b"] {
            assert_eq!(neutralise(plain), plain);
            assert_eq!(restore(plain), plain);
        }
    }

    proptest! {
        #[test]
        fn every_text_comes_back(text in "['=+@a\\t-]{0,6}") {
            let harmless = neutralise(&text);
            prop_assert!(!harmless.starts_with(DANGEROUS));
            prop_assert_eq!(restore(&harmless), text.as_str());
        }
    }

    fn text() -> impl Strategy<Value = String> {
        prop_oneof!["[ 0-9.eE+-]{0,5}", "(true|false|null|\"x\"|\\[1\\]|a\\|b|'=)", "\\PC{0,6}"]
    }

    fn value() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<i32>().prop_map(|n| Value::from(f64::from(n) / 64.0)),
            text().prop_map(Value::from),
        ];
        scalar.prop_recursive(2, 8, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z]{1,3}", inner, 0..3)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_value_comes_back(value in prop_oneof![value(), any::<f64>().prop_map(Value::from)]) {
            let cell = write(&value);
            let harmless = neutralise(&cell);
            prop_assert_eq!(restore(&harmless), cell.as_str());
            prop_assert_eq!(&read(&cell), &value);
            prop_assert_eq!(read_answer(&cell), value);
        }

        #[test]
        fn every_text_comes_back_from_a_cell(text in "[\" '=+a\\\\]{0,6}") {
            let cell = write_text(&text);
            let harmless = neutralise(&cell);
            prop_assert_eq!(read_text(restore(&harmless)), text.as_str());
        }
    }
}
