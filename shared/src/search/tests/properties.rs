//! What holds for any text and any rule.
use super::{own, read};
use crate::{
    rules::{About, Facts, NoValueSets, Rule, operators},
    search::write,
};
use chrono_tz::America::New_York;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Pieces that meet the grammar halfway.
const PIECES: &[&str] = &[
    "AND",
    "OR",
    "NOT",
    "-",
    "--",
    "(",
    ")",
    "\"",
    "\\",
    ":",
    "=",
    ">=",
    "<",
    "!=",
    ",",
    "..",
    "*",
    "?",
    "&",
    "/",
    "ada",
    "Lovelace",
    "Smi*",
    "Sm??h",
    "\"new york\"",
    "\"one\"",
    "King-Noel",
    "İß",
    "state:CA",
    "state:",
    "age>=18",
    "age:18..65",
    "ageTo:3",
    "created:last30d",
    "created:>2w",
    "created:2026-01-01..2026-02-01",
    "state:(CA, NY)",
    "state!=(CA, \"New York\")",
    "has:email",
    "-has:tier",
    "tier:gold",
    "score:1.5",
    "event:page_visit>=3/30d",
    "event:call(\"x\")",
    "birthday:today+7",
    "segment:seg_a",
    "email:endsWith(\"@x\")",
    "state:notIn/empty/case(a, b)",
    "likes:(a)",
    "synced:thisMonth",
    "insured:true",
    "tag:vip",
    "lastName:S*",
    "lastName:a?c*",
    "email:*",
    "nothing:x",
];

fn pieces() -> impl Strategy<Value = String> {
    let piece = (prop::sample::select(PIECES), prop::sample::select(vec![" ", " ", " ", ""]));
    prop::collection::vec(piece, 0..12).prop_map(|pieces| {
        pieces.into_iter().map(|(piece, blank)| format!("{piece}{blank}")).collect()
    })
}

/// Texts that are well formed.
fn well_formed() -> impl Strategy<Value = String> {
    let piece =
        prop::sample::select(PIECES).prop_filter("well formed", |piece| read(piece).is_ok());
    piece.prop_map(str::to_owned).prop_recursive(3, 16, 4, |inner| {
        let joint = prop::sample::select(vec![" ", " AND ", " OR "]);
        (prop::collection::vec((inner, joint), 1..4), prop::sample::select(vec!["", "-", "NOT "]))
            .prop_map(|(parts, not)| {
                let mut text = String::new();
                for (index, (part, joint)) in parts.iter().enumerate() {
                    text.push_str(if index == 0 { "" } else { joint });
                    text.push_str(part);
                }
                format!("{not}({text})")
            })
    })
}

const FIELDS: &[&str] = &[
    "contact.firstName",
    "contact.lastName",
    "contact.words",
    "contact.age",
    "contact.dateOfBirth",
    "contact.tags",
    "contact.optOutEmail",
    "contact.createdAt",
    "contact.segments",
    "event.page_visit",
    "property.tier",
    "property.score",
    "property.renewal",
    "property.likes",
    "property.state",
];

/// Values that meet many operators and field types halfway.
fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        prop::sample::select(vec![
            json!(null),
            json!("CA"),
            json!("5"),
            json!(5),
            json!(-1.5),
            json!(1e21),
            json!(true),
            json!("2026-03-08"),
            json!("2026-03-08T07:30:00Z"),
            json!("today"),
            json!("contact.createdAt"),
            json!("(a|C)*"),
            json!("a*c?"),
            json!("AND"),
            json!("a..b"),
            json!("-5"),
            json!("new york"),
            json!("last30d"),
            json!(" x "),
            json!("a\"\\b"),
            json!({"amount": 3, "unit": "days"}),
            json!({"unit": "weeks"}),
            json!({"unit": "days"}),
            json!("seg_a"),
            json!({"atLeast": 2, "name": "/a"}),
            json!({"atLeast": 0, "atMost": 2, "within": {"amount": 1, "unit": "weeks"}}),
        ]),
        any::<f64>().prop_map(|number| json!(number)),
        any::<i64>().prop_map(|number| json!(number)),
        "\\PC{0,6}".prop_map(Value::from),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![3 => scalar(), 1 => prop::collection::vec(scalar(), 0..3).prop_map(Value::from)]
}

fn about(rule: &Value) -> Option<Rule> {
    Rule::parse_about(rule, About::Contact(&own())).ok()
}

fn tree() -> impl Strategy<Value = Value> {
    let names: Vec<&str> = operators().iter().map(|row| row.name).collect();
    let leaf = (prop::sample::select(FIELDS), prop::sample::select(names), value(), 0..8_u8);
    let leaf = leaf.prop_map(|(field, name, value, flags)| {
        let slot = if name.ends_with("ValueSet") { "valueSet" } else { "value" };
        json!({"field": field, "operator": name, slot: value, "includeEmpty": flags == 1, "caseSensitive": flags == 2})
    });
    let leaf = leaf.prop_filter("a valid leaf", |leaf| about(leaf).is_some());
    leaf.prop_recursive(3, 12, 3, |inner| {
        let rules = prop::collection::vec(inner, 1..4);
        (any::<bool>(), any::<bool>(), rules).prop_map(|(and, not, rules)| {
            json!({"combinator": if and { "and" } else { "or" }, "not": not, "rules": rules})
        })
    })
}

fn doc() -> impl Strategy<Value = Value> {
    prop::collection::vec(value(), 12).prop_map(|v| {
        json!({
            "contact": {"firstName": v[0], "lastName": v[1], "words": v[2], "age": v[3], "dateOfBirth": v[4], "tags": v[5],
                "optOutEmail": v[6], "createdAt": v[7], "segments": ["seg_a"]},
            "property": {"tier": v[8], "score": v[9], "renewal": v[10], "likes": v[11]},
            "event": {"page_visit": {"count": 2, "days": [{"name": "/a", "day": "2026-03-09", "times": 2}]}},
        })
    })
}

fn check(text: &str) -> Result<(), TestCaseError> {
    match read(text) {
        Err(problems) => {
            prop_assert!(!problems.is_empty());
            let end = text.chars().count();
            prop_assert!(problems.iter().all(|one| one.position <= end && !one.message.is_empty()));
        }
        Ok(rule) => {
            let written = write(&rule).expect("a text");
            let again = read(&written);
            prop_assert_eq!(again.as_ref(), Ok(&rule), "{} > {}", text, written);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused_with_a_place(text in "\\PC{0,40}|[a-c:()\"*?<>=!. /-]{0,30}") {
        check(&text)?;
    }

    #[test]
    fn what_looks_like_a_search_is_read_and_written_the_same(text in pieces()) {
        check(&text)?;
    }

    #[test]
    fn what_is_well_formed_is_read_and_written_the_same(text in well_formed()) {
        prop_assert!(read(&text).is_ok_and(|_| true) || read(&text).unwrap_err()[0].message.contains("deep"));
        check(&text)?;
    }

    #[test]
    fn a_rule_and_its_text_mean_the_same(tree in tree(), docs in prop::collection::vec(doc(), 4)) {
        let rule = about(&tree).expect("a valid tree");
        let text = write(&rule).expect("a short rule");
        let again = read(&text);
        prop_assert!(again.is_ok(), "{} > {}: {:?}", tree, text, again);
        let again = again.expect("just seen");
        let now = "2026-03-09T06:30:00Z".parse().expect("a moment");
        for doc in &docs {
            let facts = Facts { doc, now, tz: New_York, value_sets: &NoValueSets };
            prop_assert_eq!(rule.matches(&facts), again.matches(&facts), "{} > {} on {}", tree, text, doc);
        }
        check(&text)?;
    }
}
