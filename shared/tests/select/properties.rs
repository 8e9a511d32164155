//! Random trees: memory, PostgreSQL and SQLite find the same people.
use crate::{
    people::{self, Dice, ZONES},
    rules::{parse, tree},
    world::World,
};
use shared::on_both_engines;

/// Trees that are asked, unless `PROPTEST_CASES` says otherwise.
const TREES: usize = 250;

on_both_engines! {
    async fn random_rules_find_the_same_people_in_sql_and_in_memory(store: TestStore) {
        let world = World::of(store, people::people(people::seed(3), 60)).await;
        let mut tx = world.store.db.begin_wide_read().await.unwrap();
        let mut dice = Dice(people::seed(4));
        let (trees, mut exact) = (people::cases(TREES), 0);
        for _ in 0..trees {
            let rule = tree(&mut dice, 3);
            let rule = parse(&rule).unwrap_or_else(|| panic!("not a rule: {rule}"));
            let (now, zone) = (people::a_now(&mut dice), *dice.pick(ZONES));
            exact += usize::from(world.check(&mut tx, &rule, now, zone).await);
        }
        assert!((trees / 10..trees).contains(&exact), "{exact} of {trees} were exact");
    }
}
