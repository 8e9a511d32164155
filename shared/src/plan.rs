//! Plans: what a workspace may use, as a table.
use serde::{Deserialize, Serialize};

/// What a workspace pays for. Later ones include more.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    sqlx::Type,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Plan {
    Standard,
    Premium,
    Enterprise,
}

/// What not every plan includes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// Segments with a rule.
    DynamicSegments,
    /// Segments and filters of segments that read `property.<key>`.
    PropertyFilters,
}

/// One line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanRow {
    pub feature: Feature,
    /// What messages call it.
    pub name: &'static str,
    pub plans: &'static [Plan],
}

/// Which plans include what. It is here and nowhere else: who wants other plans changes these lines.
pub const TABLE: &[PlanRow] = &[
    PlanRow {
        feature: Feature::DynamicSegments,
        name: "dynamic segments",
        plans: &[Plan::Premium, Plan::Enterprise],
    },
    PlanRow {
        feature: Feature::PropertyFilters,
        name: "segments that filter on custom properties",
        plans: &[Plan::Enterprise],
    },
];

impl Plan {
    /// The word in tables and answers.
    pub fn word(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Premium => "premium",
            Self::Enterprise => "enterprise",
        }
    }
}

impl Feature {
    fn row(self) -> Option<&'static PlanRow> {
        TABLE.iter().find(|row| row.feature == self)
    }

    /// What messages call it.
    pub fn name(self) -> &'static str {
        self.row().map_or("this", |row| row.name)
    }
}

/// Whether the plan includes the feature. What is not in the table is in every plan.
pub fn allowed(plan: Plan, feature: Feature) -> bool {
    feature.row().is_none_or(|row| row.plans.contains(&plan))
}

/// Why the plan does not include the feature, for people: names the plans that do. None when it does.
pub fn refusal(plan: Plan, feature: Feature) -> Option<String> {
    if allowed(plan, feature) {
        return None;
    }
    let plans: Vec<&str> = feature.row()?.plans.iter().map(|plan| plan.word()).collect();
    let (name, needed) = (feature.name(), plans.join(" or "));
    Some(format!("{name} need the plan {needed}; this workspace has the plan {}", plan.word()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_include_what_the_table_says() {
        use Feature::{DynamicSegments, PropertyFilters};
        use Plan::{Enterprise, Premium, Standard};
        for (plan, dynamic, filters) in
            [(Standard, false, false), (Premium, true, false), (Enterprise, true, true)]
        {
            assert_eq!(allowed(plan, DynamicSegments), dynamic, "{plan:?}");
            assert_eq!(allowed(plan, PropertyFilters), filters, "{plan:?}");
        }
    }

    #[test]
    fn every_feature_has_one_line() {
        for feature in [Feature::DynamicSegments, Feature::PropertyFilters] {
            assert_eq!(TABLE.iter().filter(|row| row.feature == feature).count(), 1);
        }
    }

    #[test]
    fn a_refusal_names_the_plans_that_would_do() {
        assert_eq!(
            refusal(Plan::Standard, Feature::DynamicSegments).unwrap(),
            "dynamic segments need the plan premium or enterprise; this workspace has the plan standard"
        );
        assert_eq!(
            refusal(Plan::Premium, Feature::PropertyFilters).unwrap(),
            "segments that filter on custom properties need the plan enterprise; this workspace has the plan premium"
        );
        assert_eq!(refusal(Plan::Enterprise, Feature::PropertyFilters), None);
    }
}
