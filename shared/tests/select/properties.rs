//! Random trees: memory, PostgreSQL and SQLite find the same people.
use crate::{
    people::{self, Dice, ZONES},
    rules::{parse, tree},
    world::World,
};
use shared::on_both_engines;

/// Trees that are asked.
const TREES: usize = 250;

on_both_engines! {
    async fn random_rules_find_the_same_people_in_sql_and_in_memory(store: TestStore) {
        let world = World::of(store, people::people(3, 60)).await;
        let mut tx = world.store.db.begin_wide_read().await.unwrap();
        let mut dice = Dice(4);
        let mut exact = 0;
        for _ in 0..TREES {
            let rule = tree(&mut dice, 3);
            let rule = parse(&rule).unwrap_or_else(|| panic!("not a rule: {rule}"));
            let (now, zone) = (people::a_now(&mut dice), *dice.pick(ZONES));
            exact += usize::from(world.check(&mut tx, &rule, now, zone).await);
        }
        assert!((TREES / 10..TREES).contains(&exact), "{exact} of {TREES} were exact");
    }
}
