//! Cells of CSV files that no spreadsheet takes for a formula, and back.
use std::borrow::Cow;

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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
}
