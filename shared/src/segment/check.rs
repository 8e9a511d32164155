//! Whether a segment may be as somebody wants it: everything that is wrong with it, at once.
use super::{
    SegmentKind, gate,
    named::{Named, Names},
    order::{self, Circle, References},
    source::{Source, below},
};
use crate::{
    ids::{CampaignId, SegmentId},
    plan::Plan,
    rules::{Problem, Properties, Rule},
};
use chrono_tz::Tz;
use std::collections::{BTreeMap, BTreeSet};

/// Characters of a name, at most.
pub const NAME_MAX: usize = 100;
/// Characters of a description, at most.
pub const DESCRIPTION_MAX: usize = 1_000;

/// What a segment is to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Trimmed.
    pub name: String,
    pub description: String,
    pub kind: SegmentKind,
    /// Of a dynamic one.
    pub source: Option<Source>,
    /// An IANA name; none: the workspace's zone.
    pub timezone: Option<String>,
    pub is_enabled: bool,
}

/// Why a segment cannot be so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Every problem with its place.
    Invalid(Vec<Problem>),
    /// The plan does not include it; names the plan that does.
    Plan(String),
    /// The workspace has as many as it may have.
    Full,
    /// Another segment has the name.
    NameTaken(String),
    /// It would ask for itself, by way of others; their names.
    Circle(Vec<String>),
    /// Something else names it; their names.
    Used(Vec<String>),
    /// Not possible for a segment like this.
    NotSo(&'static str),
    /// There is no such segment.
    Absent,
}

/// A rule that can be evaluated, and the search that it was typed as.
#[derive(Debug, Clone, PartialEq)]
pub struct Meant {
    pub rule: Rule,
    pub search: Option<String>,
}

/// What there is that a rule may name.
#[derive(Debug, Clone, Default)]
pub struct Around {
    pub segments: BTreeSet<SegmentId>,
    pub campaigns: BTreeSet<CampaignId>,
    pub sets: BTreeSet<String>,
}

/// What needs neither the plan nor other rows: texts and zone, and whether kind and rule go together.
pub fn shape(draft: &Draft) -> Vec<Problem> {
    let mut problems = Vec::new();
    let name = draft.name.chars();
    if draft.name.trim().is_empty() || name.clone().count() > NAME_MAX {
        problems.push(Problem::new("name", format!("must be 1 to {NAME_MAX} characters")));
    } else if name.clone().any(char::is_control) {
        problems.push(Problem::new("name", "must not contain control characters"));
    }
    if draft.description.chars().count() > DESCRIPTION_MAX {
        let message = format!("has more than {DESCRIPTION_MAX} characters");
        problems.push(Problem::new("description", message));
    }
    problems.extend(draft.timezone.as_deref().and_then(zone));
    match (draft.kind, &draft.source) {
        (SegmentKind::Dynamic, None) => {
            problems
                .push(Problem::new("rule", "is missing: a dynamic segment has a rule or a search"));
        }
        (SegmentKind::Static, Some(source)) => problems.push(Problem::new(
            source.field(),
            "a static segment has no rule; create it from a search with `from`",
        )),
        _ => {}
    }
    problems
}

/// What is wrong with a zone, if anything.
pub fn zone(name: &str) -> Option<Problem> {
    let message = "must be a time zone by its IANA name, such as America/Los_Angeles";
    name.parse::<Tz>().is_err().then(|| Problem::new("timezone", message))
}

/// Reads whom is wanted; problems are named below `at` (empty, or `from.`).
pub fn read(source: &Source, properties: &Properties, at: &str) -> Result<Meant, Vec<Problem>> {
    let rule = source.read(properties, at)?;
    Ok(Meant { rule, search: source.search().map(str::to_owned) })
}

/// What the plan says to a segment of this kind with this rule.
pub fn plan(plan: Plan, kind: SegmentKind, rule: Option<&Rule>) -> Result<(), Refusal> {
    gate::barred(plan, kind, rule).map_or(Ok(()), |why| Err(Refusal::Plan(why)))
}

/// The names that are unknown, with their places below `at` (`rule`, `from.rule`).
pub fn known(names: &Names, around: &Around, at: &str) -> Vec<Problem> {
    let mut problems: Vec<Problem> = names.problems.clone();
    problems.extend(unknown(&names.segments, &around.segments, "segment"));
    problems.extend(unknown(&names.campaigns, &around.campaigns, "campaign"));
    problems.extend(unknown(&names.sets, &around.sets, "value set"));
    for problem in &mut problems {
        problem.path = below(at, &problem.path);
    }
    problems
}

fn unknown<T: Ord>(
    named: &[Named<T>],
    known: &BTreeSet<T>,
    what: &str,
) -> impl Iterator<Item = Problem> {
    let missing = named.iter().filter(|one| !known.contains(&one.what));
    missing.map(move |one| {
        Problem::new(one.path.as_str(), format!("there is no such {what} in this workspace"))
    })
}

/// Whether `segment` may ask for `asked`, given what the others ask for: never for itself, by whatever way.
pub fn no_circle(
    segment: (SegmentId, &str),
    asked: BTreeSet<SegmentId>,
    others: &BTreeMap<SegmentId, (String, BTreeSet<SegmentId>)>,
) -> Result<(), Refusal> {
    let (id, own) = segment;
    let mut graph: References =
        others.iter().map(|(id, (_, asked))| (*id, asked.clone())).collect();
    graph.insert(id, asked);
    let Err(Circle(mut path)) = order::order(&graph) else { return Ok(()) };
    if let Some(at) = path.iter().position(|one| *one == id) {
        path.rotate_left(at);
    }
    let first = path.first().copied();
    let name = |one: SegmentId| match others.get(&one) {
        Some((name, _)) if one != id => name.clone(),
        _ => own.to_owned(),
    };
    Err(Refusal::Circle(path.into_iter().chain(first).map(name).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use uuid::Uuid;

    fn draft(kind: SegmentKind, source: Option<Source>) -> Draft {
        Draft {
            name: "VIP".into(),
            description: String::new(),
            kind,
            source,
            timezone: None,
            is_enabled: true,
        }
    }

    #[test]
    fn all_problems_of_the_shape_are_listed() {
        let bad = Draft {
            name: "x".repeat(101),
            description: "y".repeat(1_001),
            timezone: Some("Mars/Base".into()),
            ..draft(SegmentKind::Static, Some(Source::Search("a".into())))
        };
        let places: Vec<String> = shape(&bad).into_iter().map(|problem| problem.path).collect();
        assert_eq!(places, ["name", "description", "timezone", "search"]);
        assert_eq!(shape(&draft(SegmentKind::Dynamic, None))[0].path, "rule");
        assert!(shape(&draft(SegmentKind::Static, None)).is_empty());
        let named = |name: &str| Draft { name: name.into(), ..draft(SegmentKind::Static, None) };
        assert_eq!(shape(&named(" ")).len(), 1);
        assert_eq!(shape(&named("a\u{7}")).len(), 1);
        assert!(shape(&named(&"é".repeat(100))).is_empty());
    }

    #[test]
    fn problems_of_a_rule_have_their_places_in_the_body() {
        let rule = json!({"combinator": "and", "rules": [
            {"field": "contact.city", "operator": "equals", "value": "x"},
            {"field": "contact.city", "operator": "nearly", "value": "x"},
        ]});
        let none = Properties::default();
        let problems = read(&Source::Rule(rule), &none, "").unwrap_err();
        assert_eq!(problems[0].path, "rule.rules[1].operator");
        let problems = read(&Source::Rule(json!([])), &none, "from.").unwrap_err();
        assert_eq!(problems[0].path, "from.rule");
    }

    #[test]
    fn a_circle_is_told_by_names_and_begins_with_the_one_that_is_saved() {
        let id = |number: u128| SegmentId(Uuid::from_u128(number));
        let asks = |name: &str, of: &[u128]| {
            (name.to_owned(), of.iter().map(|number| id(*number)).collect())
        };
        let others = BTreeMap::from([
            (id(1), asks("A", &[])),
            (id(2), asks("B", &[3])),
            (id(3), asks("C", &[1])),
        ]);
        let save = |asked: &[u128]| {
            no_circle((id(1), "new A"), asked.iter().map(|number| id(*number)).collect(), &others)
        };
        let circle = |names: &[&str]| {
            Err(Refusal::Circle(names.iter().map(|name| (*name).to_owned()).collect()))
        };
        assert_eq!(save(&[2]), circle(&["new A", "B", "C", "new A"]));
        assert_eq!(save(&[1]), circle(&["new A", "new A"]));
        assert_eq!(save(&[]), Ok(()));
        assert_eq!(no_circle((id(9), "D"), BTreeSet::from([id(2)]), &others), Ok(()));
    }
}
