//! Every field with every operator it takes, on both engines, alone and turned round.
use crate::{
    people::{self, Dice, ZONES},
    rules::{fields, leaf, operators_of, parse},
    world::World,
};
use serde_json::json;
use shared::{on_both_engines, rules::Takes};
use std::collections::BTreeSet;

/// Leaves of each field and operator.
const EACH: usize = 3;

on_both_engines! {
    async fn every_leaf_is_the_same_in_sql_and_in_memory(store: TestStore) {
        let world = World::of(store, people::people(1, 60)).await;
        let mut tx = world.store.db.begin_wide_read().await.unwrap();
        let mut dice = Dice(2);
        let (mut asked, mut pairs, mut exact) = (0, BTreeSet::new(), BTreeSet::new());
        for (path, kind) in fields() {
            for row in operators_of(kind) {
                let mut made = 0;
                for _ in 0..EACH {
                    let Some(leaf) = leaf(&mut dice, &path, kind, row) else { continue };
                    pairs.insert((kind.name(), row.name));
                    let turned = json!({"combinator": "and", "not": true, "rules": [leaf.clone()]});
                    let (now, zone) = (people::a_now(&mut dice), *dice.pick(ZONES));
                    for rule in [leaf, turned] {
                        let rule = parse(&rule).unwrap();
                        if world.check(&mut tx, &rule, now, zone).await {
                            exact.insert((kind.name(), row.name));
                        }
                    }
                    made += 1;
                }
                // Not every field has another one of its kind.
                assert!(made > 0 || row.takes == Takes::FieldPath, "no leaf of {path} {}", row.name);
                asked += made;
            }
        }
        assert!(asked > 1_000, "only {asked} leaves were asked");
        // What is left to memory is told in docs/rules.md.
        let told = [("text", "inValueSet"), ("text", "notInValueSet"), ("text", "matches"), ("text", "notMatches"),
            ("list", "inValueSet"), ("list", "notInValueSet"), ("datetime", "anniversary")];
        let rough: Vec<_> = pairs.difference(&exact).copied().collect();
        let untold: Vec<_> = rough.iter().filter(|pair| !told.contains(pair)).collect();
        assert!(untold.is_empty(), "never exact: {untold:?}");
    }
}
