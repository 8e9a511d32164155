//! A phone number as a buyer wants to read it.

use phonenumber::Mode;
use phonenumber::country::Id;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Longest text that is tried as a phone number, in bytes.
pub const PHONE_MAX_BYTES: usize = 40;

/// The shapes of a phone number: `+12025550123`, `(202) 555-0123`, `2025550123`, `12025550123`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PhoneShape {
    E164,
    National,
    /// The national number's digits alone, without country code or trunk prefix.
    Digits,
    /// Country code and national number, digits alone.
    CodeDigits,
}

#[derive(Debug, Error, PartialEq, Eq)]
#[error("is not a phone number of {country} (or any with a leading +)")]
pub struct PhoneError {
    pub country: String,
}

impl PhoneShape {
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "e164" => Some(Self::E164),
            "national" => Some(Self::National),
            "digits" => Some(Self::Digits),
            "codeDigits" => Some(Self::CodeDigits),
            _ => None,
        }
    }
}

/// Writes a valid number; one without `+` is read as of `country` (ISO 3166 alpha-2, unknown means US).
pub fn write(text: &str, country: &str, shape: PhoneShape) -> Result<String, PhoneError> {
    let id = country.trim().to_uppercase().parse::<Id>().unwrap_or(Id::US);
    let refuse = || PhoneError { country: id.as_ref().to_owned() };
    let text = text.trim();
    if text.len() > PHONE_MAX_BYTES || !text.is_ascii() {
        return Err(refuse());
    }
    let number = phonenumber::parse(Some(id), text).map_err(|_| refuse())?;
    if !phonenumber::is_valid(&number) {
        return Err(refuse());
    }
    let e164 = || number.format().mode(Mode::E164).to_string();
    Ok(match shape {
        PhoneShape::E164 => e164(),
        PhoneShape::National => number.format().mode(Mode::National).to_string(),
        PhoneShape::Digits => {
            e164().trim_start_matches(&format!("+{}", number.code().value())).to_owned()
        }
        PhoneShape::CodeDigits => e164().trim_start_matches('+').to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_number_is_written_in_four_shapes() {
        for (text, country, e164, national, digits) in [
            ("(202) 555-0123", "US", "+12025550123", "(202) 555-0123", "2025550123"),
            ("+1 202 555 0123", "", "+12025550123", "(202) 555-0123", "2025550123"),
            ("020 7946 0958", "gb", "+442079460958", "020 7946 0958", "2079460958"),
        ] {
            assert_eq!(write(text, country, PhoneShape::E164).unwrap(), e164);
            assert_eq!(write(text, country, PhoneShape::National).unwrap(), national);
            assert_eq!(write(text, country, PhoneShape::Digits).unwrap(), digits);
            assert_eq!(write(text, country, PhoneShape::CodeDigits).unwrap(), e164[1..]);
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "123", "not a phone", "+999999999999999999", "202555012", "²⁰²"] {
            assert!(write(text, "US", PhoneShape::E164).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[-+0-9() x;=a-z.,]{0,45}", country in ".{0,3}") {
            let _ = write(&text, &country, PhoneShape::National);
        }
    }
}
