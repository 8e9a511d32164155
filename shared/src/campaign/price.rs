//! The price that a buyer's answer names, in minor units.

use serde::{Deserialize, Serialize};

use super::extract::Extract;
use super::problem::{Problem, refuse};

/// Most digits before the point: more is no price of a lead.
pub const PRICE_DIGITS_MAX: usize = 12;

/// Where the price is, and what its number means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PriceRule {
    pub from: Extract,
    /// ISO 4217, such as `USD`.
    pub currency: String,
    #[serde(default)]
    pub unit: PriceUnit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PriceUnit {
    /// `12.50` means twelve and a half.
    #[default]
    Major,
    /// `1250` means twelve and a half.
    Minor,
}

/// Money: `minor_units` of an ISO 4217 currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Price {
    pub minor_units: i64,
    pub currency: String,
}

impl PriceRule {
    pub fn validate(&self, at: &str, problems: &mut Vec<Problem>) {
        self.from.validate(&format!("{at}.from"), problems);
        let letters = self.currency.bytes().all(|b| b.is_ascii_uppercase());
        if self.currency.len() != 3 || !letters {
            let why = format!("\"{}\" is no ISO currency, right would be \"USD\"", self.currency);
            refuse(problems, format!("{at}.currency"), why);
        }
    }

    /// Reads `12.5`, `$1,250.00`, `USD 12`; none if it could be read in two ways (`1.250,00`) or is negative.
    /// Parts of a minor unit are rounded, half up.
    pub(super) fn read(&self, text: &str) -> Option<Price> {
        let (whole, part) = split(text, &self.currency)?;
        let decimals = match self.unit {
            PriceUnit::Minor => 0,
            PriceUnit::Major => minor_digits(&self.currency),
        };
        let mut minor: i64 = whole.parse().ok()?;
        let digits = part.bytes().map(|b| i64::from(b - b'0'));
        for digit in digits.clone().chain(std::iter::repeat(0)).take(decimals) {
            minor = minor.checked_mul(10)?.checked_add(digit)?;
        }
        let up = digits.clone().nth(decimals).is_some_and(|digit| digit >= 5);
        let minor_units = minor.checked_add(i64::from(up))?;
        Some(Price { minor_units, currency: self.currency.clone() })
    }
}

/// Digits before and after the point, without the marks of money and thousands.
fn split(text: &str, currency: &str) -> Option<(String, String)> {
    let text = text.trim();
    let text = text.strip_prefix(currency).or(text.strip_suffix(currency)).unwrap_or(text).trim();
    let text = text.trim_start_matches(['$', '€', '£', '¥']).trim();
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let groups: Vec<&str> = whole.split(',').collect();
    let grouped = groups.len() == 1
        || (matches!(groups[0].len(), 1..=3) && groups[1..].iter().all(|group| group.len() == 3));
    let whole = groups.concat();
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let sized = !whole.is_empty() && whole.len() <= PRICE_DIGITS_MAX;
    (grouped && sized && digits(&whole) && digits(part)).then(|| (whole, part.to_owned()))
}

/// ISO 4217 exponents that are not two.
fn minor_digits(currency: &str) -> usize {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX"
        | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn minor(text: &str, currency: &str, unit: PriceUnit) -> Option<i64> {
        let rule = PriceRule { from: Extract::default(), currency: currency.into(), unit };
        rule.read(text).map(|price| price.minor_units)
    }

    #[test]
    fn a_price_is_read_to_the_cent_or_not_at_all() {
        use PriceUnit::{Major, Minor};
        for (text, currency, unit, cents) in [
            ("12.5", "USD", Major, Some(1250)),
            ("12", "USD", Major, Some(1200)),
            ("$1,250.00", "USD", Major, Some(125_000)),
            ("USD 7.10", "USD", Major, Some(710)),
            ("7.10 EUR", "EUR", Major, Some(710)),
            ("0.005", "USD", Major, Some(1)),
            ("0.0049", "USD", Major, Some(0)),
            ("1250", "USD", Minor, Some(1250)),
            ("1250", "JPY", Major, Some(1250)),
            ("1.234", "BHD", Major, Some(1234)),
            ("1.250,00", "EUR", Major, None),
            ("12,50", "EUR", Major, None),
            ("-5", "USD", Major, None),
            ("1e3", "USD", Major, None),
            ("", "USD", Major, None),
            (".5", "USD", Major, None),
            ("1234567890123", "USD", Major, None),
            ("free", "USD", Major, None),
        ] {
            assert_eq!(minor(text, currency, unit), cents, "{text} {currency}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[$€USD0-9., -]{0,24}") {
            let _ = minor(&text, "USD", PriceUnit::Major);
        }
    }
}
