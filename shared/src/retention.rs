//! How long a workspace keeps what: the kinds of data that can go, each with its period and the limits of it.
use serde::{Deserialize, Serialize};

/// The longest period, in days.
pub const DAYS_MAX: i64 = 3_650;
/// A campaign looks this many days back for duplicates, at most.
pub const DUPLICATES_DAYS: i64 = 365;

/// A kind of data that goes after a while.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[schema(as = RetentionKind)]
pub enum Kind {
    Payloads,
    Journeys,
    Activities,
    Attempts,
    Conversations,
    Firings,
    Webhooks,
    Imports,
    Audit,
    Duplicates,
}

/// What holds of a kind.
#[derive(Debug)]
pub struct Rule {
    pub kind: Kind,
    /// Its word in tables and requests.
    pub name: &'static str,
    /// The days where a workspace says nothing; none: for ever.
    pub default_days: Option<i64>,
    pub days_min: i64,
    /// Whether a sweep of its own forgets it after the default: a workspace can only have it go sooner.
    pub is_swept_apart: bool,
    /// What goes and what stays, in a sentence or two.
    pub about: &'static str,
}

/// Every kind, in the order in which they are shown.
pub const ALL: [Rule; 10] = [
    Rule {
        kind: Kind::Payloads,
        name: "payloads",
        default_days: None,
        days_min: 1,
        is_swept_apart: false,
        about: "What stages handed on, what was asked outside and what buyers answered, of submissions that have ended: emptied. \
            Statuses, codes, prices, ids and times stay.",
    },
    Rule {
        kind: Kind::Journeys,
        name: "journeys",
        default_days: None,
        days_min: 1,
        is_swept_apart: false,
        about: "The lines of the journeys of submissions that have ended: deleted. How they ended stays with the submission.",
    },
    Rule {
        kind: Kind::Activities,
        name: "activities",
        default_days: None,
        days_min: 1,
        is_swept_apart: false,
        about: "What contacts did, and the counts by day: deleted. The sums, and when it was last, stay.",
    },
    Rule {
        kind: Kind::Attempts,
        name: "attempts",
        default_days: None,
        days_min: 1,
        is_swept_apart: false,
        about: "Attempts to deliver of submissions that have ended: deleted where the buyer surely did not take the lead and no money \
            is named; of the others the reason and the answer are emptied.",
    },
    Rule {
        kind: Kind::Conversations,
        name: "conversations",
        default_days: None,
        days_min: 1,
        is_swept_apart: false,
        about: "The words of texts, and of calls the report, the instructions and the error: emptied. Who, when and how it ended stays.",
    },
    Rule {
        kind: Kind::Firings,
        name: "firings",
        default_days: None,
        days_min: 1,
        is_swept_apart: false,
        about: "Lines of the logs of what automations did: folded into one sum a lead. Points and memories stay.",
    },
    Rule {
        kind: Kind::Webhooks,
        name: "webhooks",
        default_days: Some(30),
        days_min: 1,
        is_swept_apart: true,
        about: "Messages to webhooks that were delivered or given up, with their attempts: deleted.",
    },
    Rule {
        kind: Kind::Imports,
        name: "imports",
        default_days: Some(30),
        days_min: 1,
        is_swept_apart: true,
        about: "Of imports that have ended the rows that were not taken and what rows were before: deleted. Changes can no longer be \
            undone then; what was created still can.",
    },
    Rule {
        kind: Kind::Audit,
        name: "audit",
        default_days: None,
        days_min: 365,
        is_swept_apart: false,
        about: "Lines of the audit log: deleted.",
    },
    Rule {
        kind: Kind::Duplicates,
        name: "duplicates",
        default_days: Some(DUPLICATES_DAYS),
        days_min: DUPLICATES_DAYS,
        is_swept_apart: false,
        about: "When campaigns last saw an email or phone: deleted. No campaign looks further back for duplicates.",
    },
];

impl Kind {
    /// What holds of it.
    pub fn rule(self) -> &'static Rule {
        ALL.iter().find(|rule| rule.kind == self).expect("every kind has a rule; a test says so")
    }
}

impl Rule {
    /// What is wrong with a period of so many days.
    pub fn problem(&self, days: i64) -> Option<String> {
        let is_fine = (self.days_min..=self.days_max()).contains(&days);
        (!is_fine)
            .then(|| format!("must be {} to {} days, or null", self.days_min, self.days_max()))
    }

    pub fn days_max(&self) -> i64 {
        self.default_days.filter(|_| self.is_swept_apart).unwrap_or(DAYS_MAX)
    }

    /// The days after which the retention sweep takes it where a workspace says nothing.
    pub fn default_of_sweep(&self) -> Option<i64> {
        self.default_days.filter(|_| !self.is_swept_apart)
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|rule| rule.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_rule_that_it_keeps_itself() {
        for rule in &ALL {
            assert_eq!(serde_json::to_value(rule.kind).unwrap(), rule.name);
            assert_eq!(rule.kind.rule().name, rule.name);
            assert!(
                rule.default_days.is_none_or(|days| rule.problem(days).is_none()),
                "{}",
                rule.name
            );
            assert!(
                rule.problem(rule.days_min - 1).is_some() && rule.problem(DAYS_MAX + 1).is_some()
            );
        }
    }
}
