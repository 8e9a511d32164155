//! The lead view: one JSON document with everything that rules, computed keys and payloads may look at.
use crate::{
    campaign::{Campaign, date},
    clock::Time,
    store::load::Loaded,
};
use chrono::NaiveDate;
use serde_json::{Map, Value, json};

/// Builds the view of a submission's lead, as it stands at `now`.
pub fn of(loaded: &Loaded, campaign: &Campaign, now: Time) -> Value {
    let details = &loaded.details.0;
    let mut view = json!({
        "lead": lead(loaded, now, campaign.zone),
        "contact": contact(loaded),
        "campaign": {"id": campaign.id, "code": campaign.code, "name": campaign.name},
        "submission": {"id": loaded.id, "number": loaded.number, "kind": loaded.kind, "createdAt": loaded.created_at},
    });
    let root = view.as_object_mut().expect("the view is an object");
    for (name, map) in [
        ("address", &details.address),
        ("custom", &details.custom_fields),
        ("attribution", &details.attribution),
        ("compliance", &details.compliance),
        ("computed", &loaded.carry.computed),
    ] {
        root.insert(name.into(), Value::Object(map.clone()));
    }
    let answers = details.questionnaire.iter().map(|a| (a.key.clone(), a.answer.clone()));
    root.insert("questionnaire".into(), Value::Object(answers.collect()));
    root.insert("file".into(), files(&details.files));
    for (path, value) in loaded.carry.answers.iter().chain(&loaded.carry.canonical) {
        set(&mut view, path, value.clone());
    }
    view
}

fn lead(loaded: &Loaded, now: Time, zone: chrono_tz::Tz) -> Value {
    let details = &loaded.details.0;
    let born = details.date_of_birth.as_deref();
    json!({
        "id": loaded.lead_id,
        "firstName": loaded.first_name,
        "lastName": loaded.last_name,
        "email": loaded.email,
        "phone": loaded.phone,
        "country": details.country,
        "dateOfBirth": born,
        "age": born.and_then(|born| age(born, now.with_timezone(&zone).date_naive())),
        "timezone": details.timezone,
        "status": loaded.lead_status,
        "source": loaded.source,
        "isTest": loaded.is_test,
        "isDuplicate": loaded.is_duplicate,
        "createdAt": loaded.lead_created_at,
        "submissionCount": loaded.number,
    })
}

fn contact(loaded: &Loaded) -> Value {
    let address = &loaded.details.address;
    json!({
        "firstName": loaded.first_name,
        "lastName": loaded.last_name,
        "email": loaded.email,
        "phone": loaded.phone,
        "country": address.get("country").cloned().or_else(|| Some(json!(loaded.details.country))),
        "state": address.get("state"),
        "city": address.get("city"),
        "zip": address.get("zip"),
        "timezone": loaded.details.timezone,
        "status": loaded.contact_status,
        "createdAt": loaded.contact_created_at,
    })
}

/// Whole years from a birth date to `today`.
fn age(born: &str, today: NaiveDate) -> Option<i32> {
    date::age(NaiveDate::parse_from_str(born, "%Y-%m-%d").ok()?, today)
}

/// Documents by their keys.
pub fn files(files: &[Value]) -> Value {
    let by_key = files
        .iter()
        .filter_map(|file| Some((file.get("fileKey")?.as_str()?.to_owned(), file.clone())));
    Value::Object(by_key.collect())
}

/// Puts a value at a dotted path, making objects on the way.
pub fn set(view: &mut Value, path: &str, value: Value) {
    let mut at = view;
    for key in path.split('.') {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        let object = at.as_object_mut().expect("made an object above");
        at = object.entry(key).or_insert(Value::Null);
    }
    *at = value;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_counts_whole_years() {
        let today = NaiveDate::from_ymd_opt(2026, 11, 21).unwrap();
        for (born, years) in
            [("1980-11-21", Some(46)), ("1980-11-22", Some(45)), ("2027-01-01", None), ("x", None)]
        {
            assert_eq!(age(born, today), years, "{born}");
        }
    }

    #[test]
    fn a_value_can_be_put_anywhere() {
        let mut view = json!({"address": {"state": "ca"}});
        set(&mut view, "address.state", json!("CA"));
        set(&mut view, "questionnaire.roof", json!("yes"));
        assert_eq!(view, json!({"address": {"state": "CA"}, "questionnaire": {"roof": "yes"}}));
    }
}
