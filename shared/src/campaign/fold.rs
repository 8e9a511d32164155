//! Folding: what two answers have in common when case, accents and punctuation are no matter.

/// Folds a text for comparison. Marks that carry meaning stay: `<500` is not `>500`, `10-15` not `1015`,
/// `-5` not `5`, `1.5` not `15`. Everything else that is neither letter nor digit goes, spaces included.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut gap = String::new();
    for sign in text.chars() {
        if sign.is_alphanumeric() {
            close_gap(&mut folded, &gap, sign);
            gap.clear();
            unaccent(sign, &mut folded);
        } else if !is_accent(sign) {
            gap.push(plain_mark(sign));
        }
    }
    close_gap(&mut folded, &gap, ' ');
    folded
}

/// The fold under which a text is looked up; what folds to nothing (`---`) is compared as it is.
pub fn fold_key(text: &str) -> String {
    let folded = fold(text);
    if folded.is_empty() { text.trim().to_owned() } else { folded }
}

/// Writes what a run of marks means between what came before and `next`.
fn close_gap(folded: &mut String, gap: &str, next: char) {
    let after_digit = folded.chars().last().is_some_and(|last| last.is_ascii_digit());
    let marks = gap.chars().filter(|mark| !mark.is_whitespace());
    if after_digit && next.is_ascii_digit() {
        match gap.chars().any(|mark| !mark.is_whitespace()) {
            true => folded.extend(marks),
            false if gap.is_empty() => {}
            false => folded.push(' '),
        }
        return;
    }
    let sign_of_number = next.is_ascii_digit()
        && gap.ends_with('-')
        && (folded.is_empty() || gap.chars().any(char::is_whitespace));
    folded.extend(marks.filter(|mark| "<>=+%≤≥".contains(*mark)));
    if sign_of_number {
        // After something, the blank keeps it a sign: `less than -5` is not `apartment-5`.
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.push('-');
    }
}

fn plain_mark(mark: char) -> char {
    match mark {
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        other => other,
    }
}

/// A combining accent, as a decomposed letter carries it.
fn is_accent(sign: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&sign)
}

fn unaccent(sign: char, folded: &mut String) {
    for lower in sign.to_lowercase().filter(|lower| !is_accent(*lower)) {
        match lower {
            'à'..='å' | 'ā' | 'ă' | 'ą' => folded.push('a'),
            'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => folded.push('c'),
            'ď' | 'đ' | 'ð' => folded.push('d'),
            'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => folded.push('e'),
            'ĝ' | 'ğ' | 'ġ' | 'ģ' => folded.push('g'),
            'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' => folded.push('i'),
            'ĺ' | 'ļ' | 'ľ' | 'ł' => folded.push('l'),
            'ñ' | 'ń' | 'ņ' | 'ň' => folded.push('n'),
            'ò'..='ö' | 'ø' | 'ō' | 'ŏ' | 'ő' => folded.push('o'),
            'ŕ' | 'ř' => folded.push('r'),
            'ś' | 'ş' | 'š' | 'ș' => folded.push('s'),
            'ţ' | 'ť' | 'ț' => folded.push('t'),
            'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => folded.push('u'),
            'ý' | 'ÿ' => folded.push('y'),
            'ź' | 'ż' | 'ž' => folded.push('z'),
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            other => folded.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spelling_is_no_difference() {
        for (a, b) in [
            ("Single-Family Home", "single family home"),
            ("U.S.", "us"),
            ("Québec", "QUEBEC"),
            ("Que\u{301}bec", "quebec"),
            ("10 – 15", "10-15"),
            ("$500", "500"),
            ("  yes! ", "Yes"),
            ("Straße", "strasse"),
        ] {
            assert_eq!(fold(a), fold(b), "{a} | {b}");
        }
    }

    #[test]
    fn meaning_is_a_difference() {
        for (a, b) in [
            ("<500", ">500"),
            ("500+", "500"),
            ("10-15", "1015"),
            ("-5", "5"),
            ("less than -5", "less than 5"),
            ("less than -5", "less than-5"),
            ("1.5", "15"),
            ("1 5", "15"),
            ("C++", "C"),
            ("no", "not"),
        ] {
            assert_ne!(fold(a), fold(b), "{a} | {b}");
        }
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in ".{0,40}") {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }
    }
}
