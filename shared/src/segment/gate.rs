//! What a segment needs of the plan: asked when it is saved and when it is evaluated.
use super::SegmentKind;
use crate::{
    plan::{self, Feature, Plan},
    rules::{PROPERTY, Rule},
};

/// The features that a segment of this kind with this rule needs.
pub fn needs(kind: SegmentKind, rule: Option<&Rule>) -> Vec<Feature> {
    let mut needs = Vec::new();
    if kind == SegmentKind::Dynamic {
        needs.push(Feature::DynamicSegments);
    }
    if rule.is_some_and(filters_on_properties) {
        needs.push(Feature::PropertyFilters);
    }
    needs
}

/// Why the plan does not allow such a segment; none when it does. It is what a frozen segment gives as its problem.
pub fn barred(plan: Plan, kind: SegmentKind, rule: Option<&Rule>) -> Option<String> {
    needs(kind, rule).into_iter().find_map(|feature| plan::refusal(plan, feature))
}

fn filters_on_properties(rule: &Rule) -> bool {
    rule.reads().iter().any(|field| field.starts_with(PROPERTY))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{About, Kind, Properties};
    use Plan::{Enterprise, Premium, Standard};
    use serde_json::json;

    #[test]
    fn a_plan_bars_dynamic_segments_and_filters_on_properties() {
        let properties = Properties([("tier".to_owned(), Kind::Text)].into());
        let rule = |field: &str| {
            let rule = json!({"field": field, "operator": "equals", "value": "x"});
            Rule::parse_about(&rule, About::Contact(&properties)).unwrap()
        };
        let (plain, property) = (rule("contact.city"), rule("property.tier"));
        let is_barred = |plan, kind, rule| barred(plan, kind, rule).is_some();
        for (plan, dynamic, filter) in
            [(Standard, true, true), (Premium, false, true), (Enterprise, false, false)]
        {
            assert_eq!(is_barred(plan, SegmentKind::Dynamic, Some(&plain)), dynamic);
            assert_eq!(is_barred(plan, SegmentKind::Dynamic, Some(&property)), filter);
            assert_eq!(is_barred(plan, SegmentKind::Static, Some(&property)), filter);
            assert!(!is_barred(plan, SegmentKind::Static, Some(&plain)));
            assert!(!is_barred(plan, SegmentKind::Static, None));
        }
    }
}
