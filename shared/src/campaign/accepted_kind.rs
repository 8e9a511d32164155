//! What a value must look like when it is a number, a date, an email, …; and its one canonical form.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::date::Date;
use super::payload::{read_boolean, read_number};
use super::phone::{self, PhoneShape};
use super::view::scalar_text;

/// Longest email address, in bytes (RFC 5321).
pub const EMAIL_MAX_BYTES: usize = 254;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AcceptedType {
    Text,
    /// A JSON number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// `2026-01-31`.
    Date,
    /// Trimmed, domain in lower case.
    Email,
    /// E.164; without `+` it is read as of the lead's country.
    Phone,
    /// US ZIP: `10001` or `10001-1234`.
    Zip,
    /// An absolute http or https URL.
    Url,
}

impl AcceptedType {
    /// The word in configurations.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Zip => "zip",
            Self::Url => "url",
        }
    }

    /// The canonical form of a value, or why it is none of this type. `country` is ISO alpha-2.
    pub fn canonical(self, given: &Value, country: &str) -> Result<Value, String> {
        let text = scalar_text(given).ok_or("is a list or an object, not a single value")?;
        let text = text.trim();
        match self {
            Self::Text => Ok(text.into()),
            Self::Number => {
                read_number(text).map(Value::Number).ok_or_else(|| not(text, "a number"))
            }
            Self::Boolean => {
                read_boolean(text).map(Value::Bool).ok_or_else(|| not(text, "yes or no"))
            }
            Self::Date => {
                let date = Date::read(text).ok_or_else(|| not(text, "an ISO date"))?;
                Ok(date.day().to_string().into())
            }
            Self::Email => {
                email(text).ok_or_else(|| not(text, "an email address")).map(Value::from)
            }
            Self::Phone => phone::write(text, country, PhoneShape::E164)
                .map(Value::from)
                .map_err(|e| format!("\"{text}\" {e}")),
            Self::Zip => zip(text).ok_or_else(|| not(text, "a US ZIP code")).map(Value::from),
            Self::Url => match Url::parse(text) {
                Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(text.into()),
                _ => Err(not(text, "an http or https address")),
            },
        }
    }
}

fn not(text: &str, what: &str) -> String {
    format!("\"{text}\" is not {what}")
}

fn email(text: &str) -> Option<String> {
    let (local, domain) = text.rsplit_once('@')?;
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '@' | '<' | '>' | ',');
    let local_fits = !local.is_empty() && local.len() <= 64 && !local.contains(odd);
    let dots_fit = !local.starts_with('.') && !local.ends_with('.') && !local.contains("..");
    let labels = domain.split('.').all(|label| {
        let letters = label.chars().all(|c| c.is_alphanumeric() || c == '-');
        !label.is_empty() && letters && !label.starts_with('-') && !label.ends_with('-')
    });
    let fits =
        local_fits && dots_fit && labels && domain.contains('.') && text.len() <= EMAIL_MAX_BYTES;
    fits.then(|| format!("{local}@{}", domain.to_lowercase()))
}

/// Nine digits without a dash get one; a ZIP that lost its leading zero to a spreadsheet is not guessed at.
fn zip(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    let all_digits = digits.bytes().all(|b| b.is_ascii_digit());
    let dash_fits = matches!(text.find('-'), None | Some(5)) && text.len() - digits.len() <= 1;
    match digits.len() {
        5 if all_digits && text.len() == 5 => Some(digits),
        9 if all_digits && dash_fits => Some(format!("{}-{}", &digits[..5], &digits[5..])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use AcceptedType::{Boolean, Date, Email, Number, Phone, Text, Url, Zip};
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn each_type_has_one_canonical_form_or_refuses() {
        for (kind, given, canonical) in [
            (Text, json!(" a "), Some(json!("a"))),
            (Number, json!("12"), Some(json!(12))),
            (Number, json!("-1.50"), Some(json!(-1.5))),
            (Number, json!("1,000"), None),
            (Number, json!("NaN"), None),
            (Number, json!("1e3"), None),
            (Boolean, json!("YES"), Some(json!(true))),
            (Boolean, json!(0), Some(json!(false))),
            (Boolean, json!("maybe"), None),
            (Date, json!("2026-01-31T10:00:00Z"), Some(json!("2026-01-31"))),
            (Date, json!("31/01/2026"), None),
            (Email, json!(" Ann@Example.COM "), Some(json!("Ann@example.com"))),
            (Email, json!("ann@example"), None),
            (Email, json!("a@b@example.com"), None),
            (Email, json!("a b@example.com"), None),
            (Email, json!("ann..b@example.com"), None),
            (Email, json!("@example.com"), None),
            (Phone, json!("202-555-0123"), Some(json!("+12025550123"))),
            (Phone, json!("123"), None),
            (Zip, json!("10001"), Some(json!("10001"))),
            (Zip, json!("100011234"), Some(json!("10001-1234"))),
            (Zip, json!("10001-1234"), Some(json!("10001-1234"))),
            (Zip, json!("1000-11234"), None),
            (Zip, json!(1234), None),
            (Zip, json!("1000-"), None),
            (Zip, json!("１２３４５"), None),
            (Url, json!("https://a.b/c"), Some(json!("https://a.b/c"))),
            (Url, json!("javascript:alert(1)"), None),
            (Text, json!(["a"]), None),
        ] {
            assert_eq!(kind.canonical(&given, "US").ok(), canonical, "{kind:?} {given}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,20}") {
            for kind in [Text, Number, Boolean, Date, Email, Phone, Zip, Url] {
                let _ = kind.canonical(&json!(text), "US");
            }
        }
    }
}
