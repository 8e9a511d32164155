//! Searches: pages, counts, ids, in steps where SQL is not enough; and what is read beside contacts.
use crate::{
    people::{self, Dice, ZONES},
    rules::{parse, tree},
    world::World,
};
use chrono_tz::Tz;
use serde_json::{Value, json};
use shared::{
    contact::ContactStatus,
    ids::{ContactId, ValueSetId},
    on_both_engines,
    rules::Rule,
    store::{
        contacts::{
            read,
            related::{self, Needs},
            search::{self, Among, Search},
        },
        value_sets::{self, SetDraft},
    },
    testing::noon,
    value_set::Member,
};

/// More than one step of a search in memory.
const MANY: usize = 650;

fn of<'a>(world: &World, rule: Option<&'a Rule>) -> Search<'a> {
    Search { workspace: world.workspace, rule, now: noon(), zone: Tz::UTC, among: Among::All }
}

fn leaf(field: &str, operator: &str, value: &Value) -> Rule {
    parse(&json!({"field": field, "operator": operator, "value": value})).unwrap()
}

/// All pages of so many, one after the other.
async fn pages(world: &World, search: &Search<'_>, limit: usize) -> Vec<ContactId> {
    let mut found: Vec<ContactId> = Vec::new();
    loop {
        let page =
            search::page(&world.store.db, search, found.last().copied(), limit).await.unwrap();
        found.extend(page.iter().map(|contact| contact.id));
        if page.len() < limit {
            return found;
        }
    }
}

on_both_engines! {
    async fn pages_counts_and_ids_agree_with_memory(store: TestStore) {
        let world = World::of(store, people::people(5, MANY)).await;
        let db = &world.store.db;
        let rules = [
            leaf("contact.firstName", "isNotEmpty", &Value::Null),
            // In memory; the second is rare.
            leaf("contact.firstName", "matches", &json!("a")),
            leaf("contact.email", "matches", &json!("(1|599|640)@")),
            leaf("event.page_visit", "eventCount", &json!({"atLeast": 2})),
            leaf("contact.firstName", "equals", &json!("nobody")),
        ];
        for rule in &rules {
            let search = of(&world, Some(rule));
            let wanted: Vec<ContactId> = world.matching(rule, noon(), Tz::UTC).into_iter().collect();
            let newest_first: Vec<ContactId> = wanted.iter().rev().copied().collect();
            assert_eq!(pages(&world, &search, 90).await, newest_first);
            let first = search::ids(db, &search, None, 7).await.unwrap();
            assert_eq!(first, wanted[..wanted.len().min(7)]);
            let rest = search::ids(db, &search, first.last().copied(), MANY).await.unwrap();
            assert_eq!([first, rest].concat(), wanted);
            let many = wanted.len() as u64;
            assert_eq!(search::count(db, &search, many).await.unwrap(), (many, true));
            if many > 0 {
                assert_eq!(search::count(db, &search, many - 1).await.unwrap(), (many - 1, false));
            }
        }
        assert_eq!(search::count(db, &of(&world, None), 10_000).await.unwrap(), (MANY as u64, true));
        assert_eq!(search::page(db, &of(&world, None), None, 0).await.unwrap(), []);
    }

    async fn deleted_contacts_and_other_workspaces_stay_hidden(store: TestStore) {
        let world = World::of(store, people::people(6, 40)).await;
        let db = &world.store.db;
        let is_deleted = |id: &ContactId| {
            world.people.iter().any(|one| one.contact.id == *id && one.contact.status == ContactStatus::Deleted)
        };
        for rule in [None, Some(leaf("contact.status", "matches", &json!(".")))] {
            let mut search = of(&world, rule.as_ref());
            let all = search::ids(db, &search, None, 100).await.unwrap();
            search.among = Among::Kept;
            let shown = search::ids(db, &search, None, 100).await.unwrap();
            assert_eq!(all.len(), 40);
            assert!(shown.len() < all.len());
            assert_eq!(shown, all.into_iter().filter(|id| !is_deleted(id)).collect::<Vec<_>>());
            search.workspace = world.store.workspace("other").await;
            assert_eq!(search::count(db, &search, 10).await.unwrap(), (0, true));
        }
    }

    async fn value_sets_are_found_by_name(store: TestStore) {
        let world = World::of(store, people::people(7, 60)).await;
        let members = ["Ada", "New York", "50%", "İstanbul"];
        let member = |text: &str| Member { value: text.into(), label: None, synonyms: Vec::new() };
        let draft = SetDraft {
            workspace: world.workspace,
            id: ValueSetId::new(),
            name: "names".into(),
            description: String::new(),
            members: members.into_iter().map(member).collect(),
            at: noon(),
        };
        value_sets::create(&world.store.db, &draft).await.unwrap();
        let rule = json!({"field": "contact.city", "operator": "inValueSet", "valueSet": "names"});
        let rule = parse(&rule).unwrap();
        let wanted: Vec<ContactId> = world.matching(&rule, noon(), Tz::UTC).into_iter().collect();
        assert!(!wanted.is_empty());
        assert_eq!(search::ids(&world.store.db, &of(&world, Some(&rule)), None, 100).await.unwrap(), wanted);
    }

    async fn what_is_read_beside_contacts_is_enough_for_the_rule(store: TestStore) {
        let world = World::of(store, people::people(people::seed(8), 40)).await;
        let ids: Vec<ContactId> = world.people.iter().map(|one| one.contact.id).collect();
        let mut tx = world.store.db.begin().await.unwrap();
        let mut dice = Dice(people::seed(9));
        for _ in 0..people::cases(60) {
            let rule = parse(&tree(&mut dice, 2)).unwrap();
            let zone = *dice.pick(ZONES);
            let found = related::load(&mut tx, world.workspace, &ids, &Needs::of([&rule])).await.unwrap();
            assert_eq!(found.len(), ids.len());
            let contacts = read::get_many(tx.ex(), world.workspace, &ids).await.unwrap();
            assert_eq!(contacts.len(), ids.len());
            let holding = contacts.iter().filter(|contact| {
                world.holds(&rule, contact, &found[&contact.id], (noon(), zone))
            });
            let holding = holding.map(|contact| contact.id).collect();
            assert_eq!(world.matching(&rule, noon(), zone), holding, "{rule:?}");
        }
    }

    async fn only_what_rules_read_is_asked_for(store: TestStore) {
        let world = World::of(store, people::people(10, 30)).await;
        let ids: Vec<ContactId> = world.people.iter().map(|one| one.contact.id).collect();
        let mut tx = world.store.db.begin().await.unwrap();
        let plain = leaf("contact.city", "isEmpty", &Value::Null);
        assert_eq!(Needs::of([&plain]), Needs::default());
        let none = related::load(&mut tx, world.workspace, &ids, &Needs::default()).await.unwrap();
        assert!(none.values().all(|one| one.segments.is_empty() && one.leads.is_empty() && one.events.is_empty()));
        let visited = leaf("event.page_visit", "eventCount", &json!({"atLeast": 1, "name": "/pricing"}));
        let active = leaf("contact.activeIn", "isNotEmpty", &Value::Null);
        let some = related::load(&mut tx, world.workspace, &ids, &Needs::of([&visited, &active])).await.unwrap();
        for person in &world.people {
            let (found, own) = (&some[&person.contact.id], &person.related);
            assert!(found.segments.is_empty() && found.days.iter().all(|day| day.kind == "page_visit"));
            assert_eq!(found.leads.len(), own.leads.len());
            assert_eq!((found.first_seen_at, &found.events), (own.first_seen_at, &own.events));
        }
    }
}
