//! Normalising what sources send about a person: names, email, phone, date of birth.
use chrono::NaiveDate;
use phonenumber::country;
use std::str::FromStr;

/// Characters of a first or last name, at most.
pub const NAME_MAX: usize = 100;
/// Characters of an email address, at most (RFC 5321).
pub const EMAIL_MAX: usize = 254;
/// Characters of a phone number as sent, at most.
pub const PHONE_MAX: usize = 40;
/// Digits of a phone number as sent, at least.
pub const PHONE_DIGITS_MIN: usize = 10;
/// Digits of an E.164 number, at most.
const E164_DIGITS_MAX: usize = 15;

/// Why a value was refused: a sentence that says what would be right.
pub type Why = String;

/// A name, trimmed; capitalised when it came all in lower or all in upper case, otherwise as typed.
pub fn name(given: &str) -> Result<String, Why> {
    let words: Vec<&str> = given.split_whitespace().collect();
    let joined = words.join(" ");
    match joined.chars().count() {
        0 => return Err("must not be empty".into()),
        n if n > NAME_MAX => {
            return Err(format!("has {n} characters; at most {NAME_MAX} are allowed"));
        }
        _ if joined.chars().any(char::is_control) => {
            return Err("must not contain control characters".into());
        }
        _ => {}
    }
    let mixed = joined.chars().any(char::is_lowercase) && joined.chars().any(char::is_uppercase);
    Ok(if mixed { joined } else { title(&joined) })
}

/// The first letter of each word, and each letter after `-`, `'` or `’`, in upper case; the others in lower case.
fn title(text: &str) -> String {
    let mut start = true;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if start {
            out.extend(c.to_uppercase());
        } else {
            out.extend(c.to_lowercase());
        }
        start = matches!(c, ' ' | '-' | '\'' | '’');
    }
    out
}

/// An email address, trimmed and in lower case.
pub fn email(given: &str) -> Result<String, Why> {
    let text = given.trim().to_lowercase();
    let wrong = "is not an email address; it looks like name@example.com";
    let (local, domain) = text.rsplit_once('@').ok_or(wrong)?;
    if text.len() > EMAIL_MAX {
        return Err(format!("has {} characters; at most {EMAIL_MAX} are allowed", text.len()));
    }
    let local_fits = (1..=64).contains(&local.len())
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && local.chars().all(|c| c.is_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c));
    let labels: Vec<&str> = domain.split('.').collect();
    let domain_fits = labels.len() >= 2
        && labels.iter().all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        });
    if local_fits && domain_fits { Ok(text) } else { Err(wrong.into()) }
}

/// A phone number in E.164; a number without `+` is read as one of `country` (two letters), or of the United States.
///
/// The number must be dialable in form, not listed as assigned: a lead is not lost to an outdated number plan.
pub fn phone(given: &str, country: Option<&str>) -> Result<String, Why> {
    let digits = given.chars().filter(char::is_ascii_digit).count();
    if given.chars().count() > PHONE_MAX {
        return Err(format!("is longer than {PHONE_MAX} characters"));
    }
    if let Some(c) = given.chars().find(|c| !c.is_ascii_digit() && !" +-().".contains(*c)) {
        return Err(format!("contains `{c}`; digits, spaces and + - ( ) . are allowed"));
    }
    if digits < PHONE_DIGITS_MIN {
        return Err(format!("has {digits} digits; at least {PHONE_DIGITS_MIN} are needed"));
    }
    let region =
        country.and_then(|code| country::Id::from_str(code).ok()).unwrap_or(country::Id::US);
    let wrong = "is not a phone number; +14155550100 or (415) 555-0100 would be right";
    let number = phonenumber::parse(Some(region), given).map_err(|_| wrong.to_owned())?;
    let text = number.format().mode(phonenumber::Mode::E164).to_string();
    if (8..=E164_DIGITS_MAX).contains(&(text.len() - 1)) { Ok(text) } else { Err(wrong.into()) }
}

/// A date of birth, `YYYY-MM-DD`.
pub fn date_of_birth(given: &str, today: NaiveDate) -> Result<String, Why> {
    let wrong = "is not a date of the form YYYY-MM-DD";
    let date = NaiveDate::parse_from_str(given, "%Y-%m-%d").map_err(|_| wrong.to_owned())?;
    if given.len() != 10 {
        return Err(wrong.into());
    }
    if date > today {
        return Err("is in the future".into());
    }
    Ok(given.to_owned())
}

/// A country, two capital letters.
pub fn country_code(given: &str) -> Result<String, Why> {
    let fits = given.len() == 2 && given.bytes().all(|b| b.is_ascii_uppercase());
    if fits { Ok(given.to_owned()) } else { Err("is not a two-letter code such as US".into()) }
}

/// An IANA time zone.
pub fn timezone(given: &str) -> Result<String, Why> {
    match given.parse::<chrono_tz::Tz>() {
        Ok(zone) => Ok(zone.name().to_owned()),
        Err(_) => Err("is not an IANA time zone such as America/New_York".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_capitalised_unless_typed_with_care() {
        for (given, wanted) in [
            ("  maria ", "Maria"),
            ("MARY-ANN", "Mary-Ann"),
            ("o'neil", "O'Neil"),
            ("McDonald", "McDonald"),
            ("van  der berg", "Van Der Berg"),
            ("émile", "Émile"),
        ] {
            assert_eq!(name(given).as_deref(), Ok(wanted));
        }
        assert!(name("  ").unwrap_err().contains("empty"));
        assert!(name(&"x".repeat(101)).unwrap_err().contains("at most 100"));
        assert!(name("a\u{0}b").unwrap_err().contains("control"));
    }

    #[test]
    fn emails_are_lower_case_and_shaped_like_emails() {
        assert_eq!(email(" Ana.Diaz+x@Example.COM ").as_deref(), Ok("ana.diaz+x@example.com"));
        for bad in ["", "a", "a@b", "@b.co", "a@.co", "a b@c.de", "a@b..co", ".a@b.co", "a@-b.co"] {
            assert!(email(bad).is_err(), "{bad}");
        }
        assert!(email(&format!("{}@example.com", "a".repeat(64))).is_ok());
        assert!(email(&format!("{}@example.com", "a".repeat(65))).is_err());
    }

    #[test]
    fn phones_become_e164() {
        for (given, country, wanted) in [
            ("(415) 555-0100", None, "+14155550100"),
            ("1 415 555 0100", None, "+14155550100"),
            ("+44 20 7946 0958", None, "+442079460958"),
            ("020 7946 0958", Some("GB"), "+442079460958"),
            ("0171 2345678", Some("DE"), "+491712345678"),
        ] {
            assert_eq!(phone(given, country).as_deref(), Ok(wanted), "{given}");
        }
        for (bad, why) in [("555-0100", "at least 10"), ("415 555 010x", "`x`"), ("", "0 digits")] {
            assert!(phone(bad, None).unwrap_err().contains(why), "{bad}");
        }
        assert!(phone("12345678901234567890", None).is_err());
    }

    #[test]
    fn dates_countries_and_zones_are_checked() {
        let today = NaiveDate::from_ymd_opt(2026, 11, 21).unwrap();
        assert_eq!(date_of_birth("1980-02-29", today).as_deref(), Ok("1980-02-29"));
        for bad in ["1981-02-29", "80-01-01", "2026-11-22", "1980-1-1"] {
            assert!(date_of_birth(bad, today).is_err(), "{bad}");
        }
        assert!(country_code("us").is_err());
        assert_eq!(timezone("America/New_York").as_deref(), Ok("America/New_York"));
        assert!(timezone("EST5").is_err());
    }
}
