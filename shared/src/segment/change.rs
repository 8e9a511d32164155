//! What a save does to a segment: which draft it means, whether its rule is asked again, and in which state it comes out.
use super::{
    SegmentKind, SegmentState,
    check::{Draft, Meant},
    source::Source,
};
use crate::{clock::Time, plan::Plan, segment::gate};

/// What of a segment is to be another; none: stays as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Change {
    pub name: Option<String>,
    pub description: Option<String>,
    pub kind: Option<SegmentKind>,
    pub source: Option<Source>,
    /// None inside: the workspace's zone.
    pub timezone: Option<Option<String>>,
    pub is_enabled: Option<bool>,
}

/// A segment as far as a save looks at it.
#[derive(Debug, Clone, PartialEq)]
pub struct Before {
    /// With [`Source::Stored`] when it is dynamic.
    pub draft: Draft,
    pub state: SegmentState,
    pub problem: Option<String>,
}

impl Change {
    /// The segment as it is to be. A static one that was dynamic has no rule any more.
    pub fn onto(&self, before: &Before) -> Draft {
        let old = &before.draft;
        let kind = self.kind.unwrap_or(old.kind);
        let kept = || old.source.clone().filter(|_| kind == SegmentKind::Dynamic);
        Draft {
            name: self.name.clone().unwrap_or_else(|| old.name.clone()),
            description: self.description.clone().unwrap_or_else(|| old.description.clone()),
            kind,
            source: self.source.clone().or_else(kept),
            timezone: self.timezone.clone().unwrap_or_else(|| old.timezone.clone()),
            is_enabled: self.is_enabled.unwrap_or(old.is_enabled),
        }
    }

    /// Whether more changes than the words that people read. Only then its rule is asked whether it may be: a name can be mended
    /// while the rule is broken.
    pub fn is_more_than_words(&self, before: &Before) -> bool {
        let after = self.onto(before);
        self.source.is_some()
            || after.kind != before.draft.kind
            || after.timezone != before.draft.timezone
            || after.is_enabled != before.draft.is_enabled
    }

    /// Whether the rule is asked whether it may be. Turning a segment off, or making it static, needs nobody's leave.
    pub fn asks_the_rule(&self, before: &Before) -> bool {
        let after = self.onto(before);
        let turns_off = before.draft.is_enabled && !after.is_enabled && self.source.is_none();
        after.kind == SegmentKind::Dynamic && self.is_more_than_words(before) && !turns_off
    }
}

/// How a segment stands after a save, a change of the plan or of the zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub state: SegmentState,
    pub problem: Option<String>,
    pub build_due_at: Option<Time>,
}

impl Standing {
    fn still(state: SegmentState, problem: Option<String>) -> Self {
        Self { state, problem, build_due_at: None }
    }

    /// After it was turned off: what is wrong with it stays wrong.
    pub fn off(before: &Before) -> Self {
        match before.state {
            SegmentState::Broken | SegmentState::Frozen => {
                Self::still(before.state, before.problem.clone())
            }
            _ => Self::still(SegmentState::Ready, None),
        }
    }

    /// After a save that changed more than words, and after a change of zone: a dynamic one is built, unless it is off or the plan bars
    /// it.
    pub fn after(draft: &Draft, meant: Option<&Meant>, plan: Plan, now: Time) -> Self {
        if draft.kind == SegmentKind::Static {
            return Self::still(SegmentState::Ready, None);
        }
        if let Some(why) = gate::barred(plan, draft.kind, meant.map(|meant| &meant.rule)) {
            return Self::still(SegmentState::Frozen, Some(why));
        }
        if !draft.is_enabled {
            return Self::still(SegmentState::Ready, None);
        }
        Self { state: SegmentState::Waiting, problem: None, build_due_at: Some(now) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use serde_json::json;

    fn before(kind: SegmentKind) -> Before {
        let rule = json!({"field": "contact.city", "operator": "equals", "value": "x"});
        let source = (kind == SegmentKind::Dynamic).then(|| Source::Stored(rule, Some("x".into())));
        Before {
            draft: Draft {
                name: "VIP".into(),
                description: "d".into(),
                kind,
                source,
                timezone: Some("UTC".into()),
                is_enabled: true,
            },
            state: SegmentState::Ready,
            problem: None,
        }
    }

    #[test]
    fn a_change_says_only_what_is_another() {
        let before = before(SegmentKind::Dynamic);
        assert_eq!(Change::default().onto(&before), before.draft);
        let words = Change {
            name: Some("new".into()),
            kind: Some(SegmentKind::Dynamic),
            timezone: Some(Some("UTC".into())),
            ..Change::default()
        };
        assert!(!words.is_more_than_words(&before) && !words.asks_the_rule(&before));
        let zone = Change { timezone: Some(None), ..Change::default() };
        assert_eq!(zone.onto(&before).timezone, None);
        assert!(zone.asks_the_rule(&before));
        let off = Change { is_enabled: Some(false), ..Change::default() };
        assert!(off.is_more_than_words(&before) && !off.asks_the_rule(&before));
        let fixed = Change { kind: Some(SegmentKind::Static), ..Change::default() };
        assert_eq!(fixed.onto(&before).source, None, "its rule is gone");
        assert!(!fixed.asks_the_rule(&before));
    }

    #[test]
    fn a_save_leaves_a_dynamic_segment_to_be_built_unless_it_is_off_or_barred() {
        let now: Time = DateTime::UNIX_EPOCH;
        let stand = |draft: &Draft, plan| Standing::after(draft, None, plan, now);
        let dynamic = before(SegmentKind::Dynamic).draft;
        let waiting = stand(&dynamic, Plan::Premium);
        assert_eq!((waiting.state, waiting.build_due_at), (SegmentState::Waiting, Some(now)));
        let barred = stand(&dynamic, Plan::Standard);
        assert_eq!((barred.state, barred.build_due_at), (SegmentState::Frozen, None));
        assert!(barred.problem.unwrap().contains("premium or enterprise"));
        let off = Draft { is_enabled: false, ..dynamic };
        assert_eq!(stand(&off, Plan::Premium), Standing::still(SegmentState::Ready, None));
        let broken = Before {
            state: SegmentState::Broken,
            problem: Some("p".into()),
            ..before(SegmentKind::Dynamic)
        };
        assert_eq!(Standing::off(&broken).problem.as_deref(), Some("p"));
        let fixed = before(SegmentKind::Static).draft;
        assert_eq!(stand(&fixed, Plan::Standard), Standing::still(SegmentState::Ready, None));
    }
}
