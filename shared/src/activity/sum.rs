//! Sums of what a contact did, so that rules need not read it: by type, and by day.
use crate::{clock::Time, contact::doc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How often something of a type happened, and when last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Times {
    pub count: i64,
    /// As rules read moments.
    pub last_at: String,
}

/// All that a contact did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    pub first_seen_at: Time,
    pub last_activity_at: Time,
    pub events: BTreeMap<String, Times>,
}

impl Sum {
    /// The sum of one activity.
    pub fn of(kind: &str, at: Time) -> Self {
        let times = Times { count: 1, last_at: doc::moment(at) };
        Self {
            first_seen_at: at,
            last_activity_at: at,
            events: BTreeMap::from([(kind.to_owned(), times)]),
        }
    }

    /// Both together; their order does not matter.
    pub fn and(mut self, other: &Self) -> Self {
        self.first_seen_at = self.first_seen_at.min(other.first_seen_at);
        self.last_activity_at = self.last_activity_at.max(other.last_activity_at);
        for (kind, more) in &other.events {
            match self.events.get_mut(kind) {
                Some(times) => {
                    times.count += more.count;
                    if more.last_at > times.last_at {
                        times.last_at.clone_from(&more.last_at);
                    }
                }
                None => {
                    self.events.insert(kind.clone(), more.clone());
                }
            }
        }
        self
    }

    /// The paths of rules that may answer otherwise now than with `before`, when `added` came.
    pub fn fields_changed(&self, before: Option<&Self>, added: &Self) -> BTreeSet<String> {
        let mut fields: BTreeSet<String> =
            added.events.keys().map(|kind| format!("event.{kind}")).collect();
        if before.map(|before| before.first_seen_at) != Some(self.first_seen_at) {
            fields.insert("contact.firstSeenAt".into());
        }
        if before.map(|before| before.last_activity_at) != Some(self.last_activity_at) {
            fields.insert("contact.lastActivityAt".into());
        }
        fields
    }
}

/// The day (UTC) to which a moment is counted.
pub fn day(at: Time) -> String {
    at.format("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Time {
        text.parse().unwrap()
    }

    #[test]
    fn sums_do_not_depend_on_the_order() {
        let three = [
            Sum::of("call", at("2026-11-21T12:00:00Z")),
            Sum::of("page_visit", at("2026-11-20T12:00:00Z")),
            Sum::of("call", at("2026-11-19T12:00:00.5Z")),
        ];
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]] {
            let [first, second, third] = order.map(|at| three[at].clone());
            let sum = first.and(&second).and(&third);
            assert_eq!(sum.first_seen_at, at("2026-11-19T12:00:00.5Z"));
            assert_eq!(sum.last_activity_at, at("2026-11-21T12:00:00Z"));
            let calls = Times { count: 2, last_at: "2026-11-21T12:00:00.000000Z".into() };
            assert_eq!(sum.events["call"], calls);
            assert_eq!(sum.events["page_visit"].count, 1);
        }
    }

    #[test]
    fn only_what_changed_is_named() {
        let before = Sum::of("call", at("2026-11-20T12:00:00Z"));
        let named = |added: Sum, before: Option<&Sum>| {
            let sum = before.map_or_else(|| added.clone(), |before| before.clone().and(&added));
            sum.fields_changed(before, &added).into_iter().collect::<Vec<_>>()
        };
        let same = Sum::of("form", at("2026-11-20T12:00:00Z"));
        assert_eq!(named(same.clone(), Some(&before)), ["event.form"]);
        assert_eq!(
            named(same, None),
            ["contact.firstSeenAt", "contact.lastActivityAt", "event.form"]
        );
        let later = Sum::of("call", at("2026-11-21T12:00:00Z"));
        assert_eq!(named(later, Some(&before)), ["contact.lastActivityAt", "event.call"]);
        let earlier = Sum::of("call", at("2026-11-19T12:00:00Z"));
        assert_eq!(named(earlier, Some(&before)), ["contact.firstSeenAt", "event.call"]);
    }
}
