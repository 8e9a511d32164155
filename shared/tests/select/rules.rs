//! Made-up rules: every field with every operator that it takes.
use crate::people::{self, Dice, TEXTS, a_day, a_moment, a_number, properties};
use serde_json::{Value, json};
use shared::{
    contact::doc,
    rules::{About, Kind, OperatorRow, PROPERTY, Rule, Takes, operators},
};

/// The fields that rules about these contacts may read, with their kinds.
pub fn fields() -> Vec<(String, Kind)> {
    let none = properties();
    let built_in = About::Contact(&none).rows().iter();
    let mut fields: Vec<(String, Kind)> = built_in
        .filter(|row| row.kind != Kind::Events)
        .map(|row| (row.path.to_owned(), row.kind))
        .collect();
    fields.extend(none.0.iter().map(|(key, kind)| (format!("{PROPERTY}{key}"), *kind)));
    let events = people::EVENTS.iter().chain(&["never"]);
    fields.extend(events.map(|kind| (format!("event.{kind}"), Kind::Events)));
    fields
}

pub fn parse(rule: &Value) -> Option<Rule> {
    Rule::parse_about(rule, About::Contact(&properties())).ok()
}

/// The operators of a kind.
pub fn operators_of(kind: Kind) -> Vec<&'static OperatorRow> {
    operators().iter().filter(|row| row.kinds.contains(&kind)).collect()
}

/// A text that may be, or be part of, what a contact has.
fn text(dice: &mut Dice) -> String {
    let whole = *dice.pick(TEXTS);
    let chars: Vec<char> = whole.chars().collect();
    let text: String = match dice.roll(5) {
        0 => {
            let from = dice.roll(chars.len());
            chars[from..=from + dice.roll(chars.len() - from)].iter().collect()
        }
        1 => chars[..=dice.roll(chars.len())].iter().collect(),
        _ => whole.to_owned(),
    };
    match dice.roll(12) {
        0 => text.to_uppercase(),
        1 => text.to_lowercase(),
        2 => format!(" {text}\u{a0}"),
        3 if dice.chance(30) => format!("{text}\0"),
        _ => text,
    }
}

fn one(dice: &mut Dice, path: &str, kind: Kind) -> Value {
    match kind {
        Kind::Number if path == "contact.age" => {
            json!(*dice.pick(&[-1.0, 0.0, 17.0, 18.0, 18.5, 40.0, 1e9]))
        }
        Kind::Number => a_number(dice),
        Kind::Boolean => json!(dice.chance(50)),
        Kind::Date | Kind::DateTime if dice.chance(50) => json!(a_day(dice)),
        Kind::Date | Kind::DateTime if dice.chance(20) => {
            json!("2026-11-21T12:00:00.1234565+05:30")
        }
        Kind::Date | Kind::DateTime => json!(doc::moment(a_moment(dice))),
        Kind::Members => match dice.roll(8) {
            0 => json!("seg_nobody"),
            1..4 => json!(dice.pick(&people::campaigns())),
            _ => json!(dice.pick(&people::segments())),
        },
        _ if path == "contact.email" && dice.chance(50) => {
            json!(format!("{}{}@example.com", text(dice).trim(), dice.roll(9)))
        }
        _ if path == "contact.phone" => json!(format!("+1415555{:04}", dice.roll(40))),
        _ if path == "contact.status" => json!(*dice.pick(&["active", "Deleted", "spam", "act"])),
        _ => json!(text(dice)),
    }
}

fn several(dice: &mut Dice, mut make: impl FnMut(&mut Dice) -> Value) -> Value {
    match dice.chance(50) {
        true => make(dice),
        false => (0..1 + dice.roll(4)).map(|_| make(dice)).collect(),
    }
}

fn window(dice: &mut Dice) -> Value {
    let unit = *dice.pick(&["minutes", "hours", "days", "weeks", "months", "years"]);
    let amounts = [1, 1, 2, 7, 12, 18, 30, 100_000];
    json!({"amount": *dice.pick(&amounts), "unit": unit})
}

fn count(dice: &mut Dice) -> Value {
    let mut count = json!({});
    let least = dice.roll(4);
    if dice.chance(60) {
        count["atLeast"] = json!(least);
    }
    if count.get("atLeast").is_none() || dice.chance(40) {
        count["atMost"] = json!(least + dice.roll(4));
    }
    if dice.chance(40) {
        let names = ["/pricing", "/Pricing", "O'x", " /pricing ", "none", "\0"];
        count["name"] = json!(*dice.pick(&names));
    }
    if dice.chance(50) {
        let days = [1, 2, 9, 30, 400];
        count["within"] =
            json!({"amount": *dice.pick(&days), "unit": *dice.pick(&["days", "weeks"])});
    }
    count
}

fn value(dice: &mut Dice, path: &str, kind: Kind, takes: Takes) -> Value {
    match takes {
        Takes::Nothing => Value::Null,
        Takes::OneOrMore => several(dice, |dice| one(dice, path, kind)),
        Takes::Text => several(dice, |dice| one(dice, path, kind)),
        Takes::Words => several(dice, |dice| json!(text(dice))),
        Takes::Regex => json!(*dice.pick(&["a", "^A", "[0-9]+", "ß$", "(?-i)N", "."])),
        Takes::Wildcard => {
            let wild = |c: char, dice: &mut Dice| match dice.roll(6) {
                0 => '*',
                1 => '?',
                _ => c,
            };
            json!(text(dice).chars().map(|c| wild(c, dice)).collect::<String>())
        }
        Takes::Bound | Takes::Date => one(dice, path, kind),
        Takes::Range => json!([one(dice, path, kind), one(dice, path, kind)]),
        Takes::Window => window(dice),
        Takes::Period => json!({"unit": *dice.pick(&["days", "weeks", "months", "years"])}),
        Takes::DayOffset => json!(dice.roll(61) as i64 - 30),
        Takes::FieldPath => json!(dice.pick(&fields()).0),
        Takes::ValueSet => json!(*dice.pick(&["names", "unknown"])),
        Takes::Count => count(dice),
    }
}

/// A leaf on this field; none when no value that was tried is right for it.
pub fn leaf(dice: &mut Dice, path: &str, kind: Kind, row: &OperatorRow) -> Option<Value> {
    (0..20).find_map(|_| {
        let slot = if row.takes == Takes::ValueSet { "valueSet" } else { "value" };
        let value = value(dice, path, kind, row.takes);
        let leaf = json!({"field": path, "operator": row.name, slot: value, "includeEmpty": dice.chance(30),
            "caseSensitive": dice.chance(30)});
        parse(&leaf).map(|_| leaf)
    })
}

fn any_leaf(dice: &mut Dice) -> Value {
    loop {
        let fields = fields();
        let (path, kind) = dice.pick(&fields);
        let rows = operators_of(*kind);
        let row: &OperatorRow = rows[dice.roll(rows.len())];
        if let Some(leaf) = leaf(dice, path, *kind, row) {
            return leaf;
        }
    }
}

/// A tree of at most so many levels.
pub fn tree(dice: &mut Dice, levels: usize) -> Value {
    if levels == 0 || dice.chance(20) {
        return any_leaf(dice);
    }
    let rules: Vec<Value> = (0..1 + dice.roll(3)).map(|_| tree(dice, levels - 1)).collect();
    json!({"combinator": *dice.pick(&["and", "or"]), "not": dice.chance(40), "rules": rules})
}
