//! The nearest of a list to what a lead wrote, when a slip of the pen may be forgiven.

/// Slips that may be forgiven, at most.
pub const EDITS_MAX: usize = 3;

/// One slip is forgiven for this many letters: `Codno` may be `Condo`, but `Cat` is not `Car`.
const LETTERS_A_SLIP: usize = 4;

/// The value of the one entry that is nearest to `given`, within `most` slips: a letter too many, too few, another, or two swapped.
/// Entries are `(folded text, value)`. None when two values are equally near, for then nobody knows which was meant.
///
/// Figures and signs must be the same, for `10-15` is no slip for `10-16`; and so must the first letter, for `uninsured` is none for
/// `insured`.
pub fn nearest<'a, T: PartialEq>(
    given: &str,
    known: impl Iterator<Item = (&'a str, &'a T)>,
    most: usize,
) -> Option<&'a T> {
    let length = given.chars().count();
    let most = most.min(length / LETTERS_A_SLIP);
    let mut best: Option<(usize, &T)> = None;
    let mut tied = false;
    for (text, value) in known {
        let far = text.chars().count().abs_diff(length) > most;
        if most == 0
            || far
            || given.chars().next() != text.chars().next()
            || marks(given) != marks(text)
        {
            continue;
        }
        let slips = strsim::osa_distance(given, text);
        match best {
            _ if slips > most => {}
            Some((least, _)) if slips > least => {}
            Some((least, other)) if slips == least => tied |= other != value,
            _ => (best, tied) = (Some((slips, value)), false),
        }
    }
    best.filter(|_| !tied).map(|(_, value)| value)
}

/// What must not differ: everything that is no letter.
fn marks(text: &str) -> String {
    text.chars().filter(|sign| !sign.is_alphabetic()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOMES: [(&str, &u8); 5] =
        [("condo", &1), ("condominium", &1), ("singlefamily", &2), ("10-15", &3), ("insured", &4)];

    #[test]
    fn a_slip_is_forgiven_and_another_meaning_is_not() {
        for (given, most, wanted) in [
            ("codno", 1, Some(&1)),
            ("kondo", 1, None),
            ("conda", 0, None),
            ("siglefamliy", 2, Some(&2)),
            ("siglefamliy", 1, None),
            ("10-16", 3, None),
            ("uninsured", 3, None),
            ("insure", 3, Some(&4)),
            ("con", 3, None),
            ("", 3, None),
        ] {
            assert_eq!(nearest(given, HOMES.into_iter(), most), wanted, "{given} {most}");
        }
    }

    #[test]
    fn two_that_are_equally_near_are_none() {
        let twins = [("north", &1), ("nortn", &2)];
        assert_eq!(nearest("nortx", twins.into_iter(), 3), None);
        let same = [("north", &1), ("nortn", &1)];
        assert_eq!(nearest("nortx", same.into_iter(), 3), Some(&1));
    }

    proptest! {
        #[test]
        fn nothing_but_a_listed_value_is_ever_found(given in ".{0,20}", most in 0_usize..=3) {
            if let Some(found) = nearest(&given, HOMES.into_iter(), most) {
                prop_assert!(HOMES.iter().any(|(_, value)| *value == found));
            }
        }
    }
}
