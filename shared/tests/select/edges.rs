//! The edges of each family of operators, said one by one.
use crate::{
    people::{self, Person, time},
    rules::parse,
    world::World,
};
use chrono_tz::Tz;
use serde_json::{Value, json};
use shared::{
    contact::{Profile, fold},
    on_both_engines,
    rules::Rule,
    store::{
        Tx,
        dialect::Engine,
        select::{self, Bound},
    },
    testing::noon,
};
use sqlx::types::Json;

/// A person of whom nothing but this is known.
fn known(profile: Profile) -> Person {
    let mut person = people::people(1, 1).remove(0);
    person.contact.words = fold::words(&profile, []);
    person.contact.profile = profile;
    person.contact.created_at = noon();
    person.related = shared::contact::doc::Related::default();
    person
}

fn rule(field: &str, operator: &str, value: &Value) -> Rule {
    let leaf = json!({"field": field, "operator": operator, "value": value});
    parse(&leaf).unwrap_or_else(|| panic!("not a rule: {leaf}"))
}

/// Asks about the only person; SQL alone must be enough.
async fn holds(world: &World, tx: &mut Tx, rule: &Rule, now: &str, zone: Tz) -> bool {
    assert!(world.check(tx, rule, time(now), zone).await, "not exact: {rule:?}");
    !world.matching(rule, time(now), zone).is_empty()
}

on_both_engines! {
    async fn texts_are_compared_folded_and_words_whole(store: TestStore) {
        let person = known(Profile {
            first_name: Some("İpek".into()),
            company: Some("50%_off\\ ΣΊΣΥΦΟΣ".into()),
            email: Some("ada.smith@example.com".into()),
            tags: Json(vec!["Straße".into(), "VIP".into()]),
            ..Profile::default()
        });
        let world = World::of(store, vec![person]).await;
        let mut tx = world.store.db.begin_wide_read().await.unwrap();
        for (field, operator, value, wanted) in [
            ("contact.firstName", "equals", json!(" İPEK "), true),
            ("contact.firstName", "equals", json!("ipek"), false),
            ("contact.firstName", "wildcard", json!("İ*"), true),
            ("contact.firstName", "wildcard", json!("?pek"), false),
            ("contact.firstName", "wildcard", json!("??pek"), true),
            ("contact.company", "contains", json!("0%_OFF\\"), true),
            ("contact.company", "wildcard", json!("50%?off\\*"), true),
            ("contact.company", "wildcard", json!("50*_*of?\\ *"), true),
            ("contact.company", "wildcard", json!("5__*"), false),
            ("contact.company", "endsWith", json!("σίσυφοσ"), true),
            ("contact.company", "endsWith", json!("longer than it is: 50%_off\\ ΣΊΣΥΦΟΣ"), false),
            ("contact.company", "startsWith", json!(["x", "50%"]), true),
            ("contact.email", "in", json!(["x@example.com", "ADA.SMITH@example.com"]), true),
            ("contact.tags", "contains", json!("STRASSE"), false),
            ("contact.tags", "contains", json!("STRAẞE"), true),
            ("contact.tags", "containsAll", json!(["vip", "straße"]), true),
            ("contact.tags", "containsAll", json!(["vip", "none"]), false),
            ("contact.tags", "notContainsAll", json!(["vip", "none"]), true),
            ("contact.words", "containsAllWords", json!("smith ada"), true),
            ("contact.words", "containsAllWords", json!("smi"), false),
            ("contact.words", "containsWordPrefix", json!("SMI exa"), true),
            ("contact.words", "containsWordPrefix", json!("mith"), false),
            ("contact.words", "containsAnyWord", json!("nobody com"), true),
            ("contact.words", "containsNoWords", json!("smi"), true),
            ("contact.words", "containsPhrase", json!("ada smith example"), true),
            ("contact.words", "containsPhrase", json!("smith ada"), false),
            ("contact.lastName", "notEquals", json!("x"), false),
            ("contact.lastName", "isEmpty", Value::Null, true),
        ] {
            let rule = rule(field, operator, &value);
            let got = holds(&world, &mut tx, &rule, "2026-11-21T12:00:00Z", Tz::UTC).await;
            assert_eq!(got, wanted, "{field} {operator} {value}");
        }
    }

    async fn days_begin_in_the_zone(store: TestStore) {
        let person = known(Profile {
            date_of_birth: Some("2008-02-29".into()),
            // Half past eleven on the evening of 7 March in New York.
            do_not_contact_until: Some(time("2026-03-08T04:30:00Z")),
            ..Profile::default()
        });
        let world = World::of(store, vec![person]).await;
        let mut tx = world.store.db.begin_wide_read().await.unwrap();
        let (utc, york) = (Tz::UTC, Tz::America__New_York);
        for (field, operator, value, now, zone, wanted) in [
            ("contact.age", "greaterOrEqual", json!(18), "2026-02-28T23:00:00Z", utc, false),
            ("contact.age", "greaterOrEqual", json!(18), "2026-03-01T00:00:00Z", utc, true),
            ("contact.age", "greaterOrEqual", json!(18), "2026-03-01T04:59:00Z", york, false),
            ("contact.age", "equals", json!([17, 99]), "2026-03-01T04:59:00Z", york, true),
            ("contact.age", "isEmpty", Value::Null, "2008-02-28T12:00:00Z", utc, true),
            ("contact.age", "lessThan", json!(1), "2008-02-28T12:00:00Z", utc, false),
            ("contact.age", "lessThan", json!(1), "2008-02-29T12:00:00Z", utc, true),
            ("contact.dateOfBirth", "anniversary", json!("today"), "2026-02-28T12:00:00Z", utc, true),
            ("contact.dateOfBirth", "anniversary", json!("today"), "2028-02-28T12:00:00Z", utc, false),
            ("contact.dateOfBirth", "anniversary", json!(1), "2028-02-28T12:00:00Z", utc, true),
            ("contact.dateOfBirth", "olderThan", json!({"amount": 18, "unit": "years"}), "2026-03-01T12:00:00Z", utc, true),
            ("contact.dateOfBirth", "before", json!("9999-12-31"), "2026-03-01T12:00:00Z", utc, true),
            ("contact.dateOfBirth", "lessOrEqual", json!("9999-12-31"), "2026-03-01T12:00:00Z", utc, true),
            ("contact.dateOfBirth", "greaterThan", json!("9999-12-31"), "2026-03-01T12:00:00Z", utc, false),
            ("contact.doNotContactUntil", "on", json!("2026-03-07"), "2026-03-08T12:00:00Z", york, true),
            ("contact.doNotContactUntil", "on", json!("2026-03-07"), "2026-03-08T12:00:00Z", utc, false),
            ("contact.doNotContactUntil", "inPrevious", json!({"unit": "days"}), "2026-03-08T12:00:00Z", york, true),
            ("contact.doNotContactUntil", "inCurrent", json!({"unit": "weeks"}), "2026-03-08T12:00:00Z", york, true),
            ("contact.doNotContactUntil", "inCurrent", json!({"unit": "weeks"}), "2026-03-09T04:00:00Z", york, false),
            ("contact.doNotContactUntil", "equals", json!("2026-03-08T04:30:00.0000005Z"), "2026-03-08T12:00:00Z", utc, false),
            ("contact.doNotContactUntil", "lessThan", json!("2026-03-08T04:30:00.0000005Z"), "2026-03-08T12:00:00Z", utc, true),
            ("contact.doNotContactUntil", "between", json!(["2026-03-07", "2026-03-08T04:30:00Z"]), "2026-03-08T12:00:00Z", york, true),
            ("contact.doNotContactUntil", "in", json!(["2026-03-07", "2026-03-08T04:30:00Z"]), "2026-03-08T12:00:00Z", utc, true),
            ("contact.createdAt", "inLast", json!({"amount": 100_000, "unit": "years"}), "2026-11-21T12:00:00Z", utc, true),
            ("contact.createdAt", "olderThan", json!({"amount": 100_000, "unit": "years"}), "2026-11-21T12:00:00Z", utc, false),
            ("contact.createdAt", "laterThan", json!({"amount": 100_000, "unit": "years"}), "2026-11-21T12:00:00Z", utc, false),
            ("contact.createdAt", "isToday", Value::Null, "2026-11-22T00:00:00Z", utc, false),
        ] {
            let rule = rule(field, operator, &value);
            let got = holds(&world, &mut tx, &rule, now, zone).await;
            assert_eq!(got, wanted, "{field} {operator} {value} at {now} in {zone}");
        }
    }
}

#[test]
fn a_day_that_begins_twice_is_asked_in_memory() {
    let sets = shared::value_set::Sets::new();
    let on = |day: &str| {
        let zone = Tz::America__St_Johns;
        let moment = select::Moment { now: noon(), zone, sets: &sets };
        let rule = rule("contact.createdAt", "on", &json!(day));
        select::compile(&rule, Engine::Postgres, &moment, 1)
    };
    // At one minute past midnight clocks went back an hour: for a minute it had been the 29th.
    let twice = on("2006-10-29");
    assert!(!twice.is_exact);
    assert!(twice.binds.contains(&Bound::At(time("2006-10-29T02:30:00Z"))), "{twice:?}");
    assert!(on("2006-10-27").is_exact);
}

#[test]
fn an_address_that_must_be_equal_is_asked_as_its_index_has_it() {
    let sets = shared::value_set::Sets::new();
    let moment = select::Moment { now: noon(), zone: Tz::UTC, sets: &sets };
    let sql =
        |rule: Value| select::compile(&parse(&rule).unwrap(), Engine::Postgres, &moment, 7).sql;
    let leaf = json!({"field": "contact.email", "operator": "equals", "value": "Ada@Example.com"});
    assert!(sql(leaf.clone()).starts_with("(c.email = $7 AND "));
    let both = json!({"combinator": "and", "rules": [{"field": "contact.city", "operator": "isEmpty"}, leaf]});
    assert!(sql(both.clone()).starts_with("(c.email = $7 AND "));
    let mut not = both.clone();
    not["not"] = json!(true);
    assert!(!sql(not).contains("(c.email = $"));
    let mut either = both;
    either["combinator"] = json!("or");
    assert!(!sql(either).contains("(c.email = $"));
}
