//! A text with fields of the lead in it: `Hi {{lead.firstName}}`.
use crate::rules::Field;
use serde_json::Value;

/// Characters of a text, as written and as sent, at most.
pub const TEXT_CHARS_MAX: usize = 1_600;

/// One piece of a template.
enum Piece<'a> {
    Plain(&'a str),
    /// What stands between the braces, trimmed.
    Place(&'a str),
    /// Braces that nobody closes.
    Open(&'a str),
}

fn pieces(template: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once("{{") {
        found.push(Piece::Plain(before));
        let Some((place, after)) = behind.split_once("}}") else {
            found.push(Piece::Open(&rest[before.len()..]));
            return found;
        };
        found.push(Piece::Place(place.trim()));
        rest = after;
    }
    found.push(Piece::Plain(rest));
    found
}

/// Whether it can be saved: 1 to 1,600 characters, every placeholder closed and a field that rules know. The error says what is wrong.
pub fn check(template: &str) -> Result<(), String> {
    if template.trim().is_empty() || template.chars().count() > TEXT_CHARS_MAX {
        return Err(format!("1 to {TEXT_CHARS_MAX} characters, not only blanks"));
    }
    for piece in pieces(template) {
        match piece {
            Piece::Plain(_) => {}
            Piece::Place(path) => {
                Field::parse(path)?;
            }
            Piece::Open(_) => return Err("has `{{` without `}}`".into()),
        }
    }
    Ok(())
}

/// The text with the lead's values put in, once: braces in a value are text. What is not there is left empty. No control characters but line
/// breaks; cut after 1,600 characters; blanks at both ends are taken away.
pub fn render(template: &str, view: &Value) -> String {
    let mut text = String::with_capacity(template.len());
    for piece in pieces(template) {
        match piece {
            Piece::Plain(plain) | Piece::Open(plain) => text.push_str(plain),
            Piece::Place(path) => {
                let field = Field::parse(path).ok();
                let value = field.as_ref().and_then(|field| field.find(view));
                text.push_str(&value.map(written).unwrap_or_default());
            }
        }
    }
    let kept = text.trim().chars().filter(|c| !c.is_control() || *c == '\n');
    kept.take(TEXT_CHARS_MAX).collect()
}

fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.into(),
        Value::Array(items) => {
            let items: Vec<String> =
                items.iter().map(written).filter(|item| !item.is_empty()).collect();
            items.join(", ")
        }
        Value::Null | Value::Object(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn fields_are_put_in_and_what_is_missing_is_empty() {
        let view = json!({
            "lead": {"firstName": "Ana\u{7}", "age": 46, "isTest": false},
            "questionnaire": {"roof": ["tile", null, "flat"], "bill": "{{lead.firstName}}"},
        });
        for (template, text) in [
            ("Hi {{lead.firstName}}, {{ lead.age }}!", "Hi Ana, 46!"),
            ("Hi {{lead.lastName}}!", "Hi !"),
            ("{{questionnaire.roof}} {{lead.isTest}}", "tile, flat no"),
            ("{{questionnaire.bill}}", "{{lead.firstName}}"),
            (" a\nb\t{{nothing}} {{open", "a\nb {{open"),
            ("{{lead}}{{address.state}}", ""),
        ] {
            assert_eq!(render(template, &view), text, "{template}");
        }
        let long = json!({"lead": {"firstName": "é".repeat(2_000)}});
        assert_eq!(render("{{lead.firstName}}", &long).chars().count(), TEXT_CHARS_MAX);
    }

    #[test]
    fn a_template_is_checked() {
        assert_eq!(check("Hi {{lead.firstName}} {{questionnaire.roof}} }} {"), Ok(()));
        for (bad, why) in [
            ("", "1 to 1600"),
            (" \n ", "1 to 1600"),
            (&"x".repeat(1_601), "1 to 1600"),
            ("{{lead.fristName}}", "did you mean"),
            ("{{}}", "unknown field"),
            ("{{lead.firstName", "without"),
        ] {
            assert!(check(bad).unwrap_err().contains(why), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_template_and_no_value_break_it(template in "(\\PC|\\{\\{|\\}\\}|lead.firstName|\u{0}){0,40}", name in ".{0,40}") {
            let text = render(&template, &json!({"lead": {"firstName": name}}));
            prop_assert!(text.chars().count() <= TEXT_CHARS_MAX);
            prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
        }
    }
}
