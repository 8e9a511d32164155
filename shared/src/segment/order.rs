//! The order in which segments are built: those that a rule asks for come before the one that asks. A circle has none.
use crate::{
    ids::SegmentId,
    rules::{Operand, Rule},
};
use std::collections::{BTreeMap, BTreeSet};

/// The field by which a rule asks for members of segments.
pub const SEGMENTS_FIELD: &str = "contact.segments";

/// For each segment, those that its rule asks for. Ones that are asked for and are no key themselves ask for nothing.
pub type References = BTreeMap<SegmentId, BTreeSet<SegmentId>>;

/// A circle of segments, each asking for the next and the last for the first; it begins with the smallest id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("segments ask for each other in a circle")]
pub struct Circle(pub Vec<SegmentId>);

/// The segments that a rule asks for.
pub fn references(rule: &Rule) -> BTreeSet<SegmentId> {
    let leaves = rule.leaves();
    let asking = leaves.into_iter().filter(|leaf| leaf.field.path() == SEGMENTS_FIELD);
    let named = asking.filter_map(|leaf| match &leaf.operand {
        Operand::Literals(items) => Some(items),
        _ => None,
    });
    named.flatten().filter_map(|item| SegmentId::parse(item.text.trim()).ok()).collect()
}

/// All keys, each after those that it asks for; of several orders the one that takes smaller ids first.
pub fn order(references: &References) -> Result<Vec<SegmentId>, Circle> {
    let mut waiting: BTreeMap<SegmentId, usize> = BTreeMap::new();
    let mut askers: BTreeMap<SegmentId, Vec<SegmentId>> = BTreeMap::new();
    for (&segment, asked) in references {
        let known = asked.iter().filter(|one| references.contains_key(one));
        waiting.insert(segment, known.clone().count());
        for &one in known {
            askers.entry(one).or_default().push(segment);
        }
    }
    let is_free = |(&segment, &count): (&SegmentId, &usize)| (count == 0).then_some(segment);
    let mut free: BTreeSet<SegmentId> = waiting.iter().filter_map(is_free).collect();
    let mut ordered = Vec::with_capacity(references.len());
    while let Some(segment) = free.pop_first() {
        waiting.remove(&segment);
        ordered.push(segment);
        for asker in askers.get(&segment).into_iter().flatten() {
            let Some(count) = waiting.get_mut(asker) else { continue };
            *count -= 1;
            if *count == 0 {
                free.insert(*asker);
            }
        }
    }
    match waiting.keys().next() {
        None => Ok(ordered),
        Some(&stuck) => Err(walk(references, &waiting, stuck)),
    }
}

/// Follows what waits for what until somebody comes again: each that is left waits for another that is left.
fn walk(references: &References, left: &BTreeMap<SegmentId, usize>, from: SegmentId) -> Circle {
    let mut path = vec![from];
    let mut at = from;
    loop {
        let next = references.get(&at).into_iter().flatten().find(|one| left.contains_key(one));
        let Some(&next) = next else { return Circle(path) };
        if let Some(begin) = path.iter().position(|one| *one == next) {
            path.drain(..begin);
            let least = path.iter().enumerate().min_by_key(|(_, id)| **id).map_or(0, |(at, _)| at);
            path.rotate_left(least);
            return Circle(path);
        }
        path.push(next);
        at = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{About, Properties};
    use proptest::prelude::*;
    use serde_json::json;
    use uuid::Uuid;

    fn id(number: u128) -> SegmentId {
        SegmentId(Uuid::from_u128(number))
    }

    fn graph(edges: &[(u128, u128)]) -> References {
        let mut graph = References::new();
        for &(from, to) in edges {
            graph.entry(id(from)).or_default().insert(id(to));
            graph.entry(id(to)).or_default();
        }
        graph
    }

    #[test]
    fn who_is_asked_for_comes_first() {
        let ordered = order(&graph(&[(1, 3), (2, 1), (3, 4)])).unwrap();
        assert_eq!(ordered, [id(4), id(3), id(1), id(2)]);
        let deleted = References::from([(id(1), BTreeSet::from([id(9)]))]);
        assert_eq!(order(&deleted).unwrap(), [id(1)], "what is not there is waited for by nobody");
    }

    #[test]
    fn a_circle_is_shown_without_those_that_only_lead_to_it() {
        assert_eq!(order(&graph(&[(1, 3), (3, 5), (5, 3)])), Err(Circle(vec![id(3), id(5)])));
        assert_eq!(order(&graph(&[(7, 7)])), Err(Circle(vec![id(7)])));
        assert_eq!(
            order(&graph(&[(3, 2), (2, 1), (1, 3)])),
            Err(Circle(vec![id(1), id(3), id(2)]))
        );
    }

    #[test]
    fn a_rule_asks_for_the_segments_that_it_names() {
        let (a, b, cmp) = (id(1), id(2), crate::ids::CampaignId(Uuid::from_u128(3)));
        let rule = json!({"combinator": "or", "rules": [
            {"field": "contact.segments", "operator": "memberOf", "value": [a, b]},
            {"combinator": "and", "rules": [
                {"field": "contact.segments", "operator": "notMemberOf", "value": [a]},
                {"field": "contact.campaigns", "operator": "memberOf", "value": [cmp]},
            ]},
        ]});
        let rule = Rule::parse_about(&rule, About::Contact(&Properties::default())).unwrap();
        assert_eq!(references(&rule), BTreeSet::from([a, b]));
    }

    proptest! {
        #[test]
        fn an_order_keeps_every_reference_and_a_circle_is_one(edges in prop::collection::vec((0..12u128, 0..12u128), 0..30)) {
            let graph = graph(&edges);
            match order(&graph) {
                Ok(ordered) => {
                    prop_assert_eq!(ordered.len(), graph.len());
                    let place = |id: &SegmentId| ordered.iter().position(|one| one == id);
                    for (from, asked) in &graph {
                        prop_assert!(place(from).is_some());
                        for one in asked {
                            prop_assert!(place(one) < place(from));
                        }
                    }
                }
                Err(Circle(path)) => {
                    prop_assert!(!path.is_empty());
                    prop_assert_eq!(path.iter().collect::<BTreeSet<_>>().len(), path.len());
                    for (at, from) in path.iter().enumerate() {
                        prop_assert!(graph[from].contains(&path[(at + 1) % path.len()]));
                    }
                }
            }
        }

        #[test]
        fn what_only_asks_for_smaller_ones_has_an_order(edges in prop::collection::vec((0..40u128, 0..40u128), 0..80)) {
            let down: Vec<_> = edges.into_iter().filter(|(from, to)| from > to).collect();
            prop_assert!(order(&graph(&down)).is_ok());
        }
    }
}
