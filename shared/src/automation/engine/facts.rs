//! What the log says of a firing: why it came, and what its condition read.
use super::{
    super::{Occurrence, config::Trigger},
    event::{Event, Met},
};
use crate::{
    contact::doc::moment,
    rules::{Operand, Rule},
};
use serde_json::{Map, Value, json};

/// Characters of a text that a firing keeps, at most.
const TEXT_MAX: usize = 200;
/// Fields that a firing keeps, at most.
const FIELDS_MAX: usize = 50;
/// Members of a list or an object that a firing keeps, at most.
const MEMBERS_MAX: usize = 20;

/// The fields that a condition reads, and their values; none for no condition.
pub(super) fn of(rule: Option<&Rule>, doc: &Value) -> Map<String, Value> {
    let mut facts = Map::new();
    for leaf in rule.map(Rule::leaves).unwrap_or_default() {
        let other = match &leaf.operand {
            Operand::Field(other) => Some(other),
            _ => None,
        };
        for field in std::iter::once(&leaf.field).chain(other) {
            if facts.len() < FIELDS_MAX && !facts.contains_key(field.path()) {
                let value = field.find(doc).map_or(Value::Null, cut);
                facts.insert(field.path().to_owned(), value);
            }
        }
    }
    facts
}

/// A value without what is too much of it.
fn cut(value: &Value) -> Value {
    match value {
        Value::String(text) => match text.char_indices().nth(TEXT_MAX) {
            Some((end, _)) => Value::String(format!("{}…", &text[..end])),
            None => value.clone(),
        },
        Value::Array(items) => items.iter().take(MEMBERS_MAX).map(cut).collect(),
        Value::Object(map) => {
            let members = map.iter().take(MEMBERS_MAX);
            members.map(|(key, value)| (key.clone(), cut(value))).collect()
        }
        one => one.clone(),
    }
}

/// What a firing says of its cause: the trigger that it met, and for conditions what let them be asked.
pub(super) fn cause(trigger: &Trigger, event: Event<'_>, met: &Met) -> Value {
    match (trigger, event, met) {
        (Trigger::Matches, ..) => json!({"type": "matches", "because": told(event)}),
        (Trigger::Date { field, days, .. }, _, Met::Date(day)) => {
            json!({"type": "date", "field": field, "days": days, "date": day})
        }
        (Trigger::Inactivity { r#for }, _, Met::Silence(since)) => {
            json!({"type": "inactivity", "since": moment(*since), "for": r#for})
        }
        (Trigger::Points { reach, fall_below }, Event::Points { before, after }, _) => {
            let mut cause = json!({"type": "points", "before": before, "after": after});
            let is_reached = reach.filter(|mark| before < *mark && *mark <= after);
            match (is_reached, fall_below) {
                (Some(mark), _) => cause["reach"] = json!(mark),
                (None, Some(mark)) => cause["fallBelow"] = json!(mark),
                (None, None) => {}
            }
            cause
        }
        _ => told(event),
    }
}

fn told(event: Event<'_>) -> Value {
    let what = match event {
        Event::Points { before, after } => {
            return json!({"type": "points", "before": before, "after": after});
        }
        Event::Due { .. } => return json!({"type": "clock"}),
        Event::Told(what) => what,
    };
    match what {
        Occurrence::Created => json!({"type": "created"}),
        Occurrence::Fields { fields } => {
            let fields: Vec<&String> = fields.iter().take(FIELDS_MAX).collect();
            json!({"type": "changed", "fields": fields})
        }
        Occurrence::Everything => json!({"type": "everything"}),
        Occurrence::Activity { id, kind, name, .. } => {
            let name = cut(&json!(name));
            json!({"type": "activity", "activityId": id, "activity": kind, "name": name})
        }
        Occurrence::Status { from, to } => json!({"type": "status", "before": from, "after": to}),
        Occurrence::Outcome { submission, outcome } => {
            json!({"type": "outcome", "submissionId": submission, "outcome": outcome})
        }
        Occurrence::Segment { segment, entered } => {
            let kind = if *entered { "segmentEntered" } else { "segmentLeft" };
            json!({"type": kind, "segment": segment})
        }
        Occurrence::Points { points, reason, by } => {
            json!({"type": "byHand", "points": points, "reason": reason, "by": by})
        }
        Occurrence::Clock => json!({"type": "clock"}),
        Occurrence::Saved => json!({"type": "saved"}),
    }
}
