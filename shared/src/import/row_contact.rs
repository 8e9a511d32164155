//! What a row says of a contact. The checks are those of the form that the API reads.
use super::{
    Draft, Identifier, Plan, Problem,
    fields::Target,
    row::{Said, boolean, whole},
};
use crate::{
    cells,
    contact::{
        Profile, PropertyKind,
        form::{self, Patch},
    },
    ids::ContactId,
};
use chrono::DateTime;
use serde_json::{Map, Number, Value};

/// Reads the cells that say something.
pub(super) fn read(plan: &Plan, number: i64, said: &[Said<'_>]) -> Result<Draft, Vec<Problem>> {
    let mut draft = Draft { row: number, ..Draft::default() };
    let mut problems = Vec::new();
    let (mut given, mut properties) = (Map::new(), Map::new());
    for one in said {
        match &one.column.target {
            // Who is recognised by something else may have an id of another system there.
            Target::ContactId if plan.config.identifier == Identifier::ContactId => {
                match ContactId::parse(one.text) {
                    Ok(id) => draft.contact_id = Some(id),
                    Err(why) => problems.push(one.problem(why.to_string())),
                }
            }
            Target::Profile(name) if is_over(plan, name, one.text) => {}
            Target::Profile(name) => drop(given.insert(name.clone(), profile(name, one.text))),
            Target::Property(key, kind) => {
                drop(properties.insert(key.clone(), property(*kind, one.text)));
            }
            _ => {}
        }
    }
    given.insert("properties".into(), Value::Object(properties));
    let country = plan.config.country.as_deref();
    let known = form::Known { properties: &plan.properties, country, now: plan.now };
    match form::read(&given, known) {
        Ok(form) => take(&mut draft, &form.patch),
        Err(wrong) => problems.extend(wrong.into_iter().map(|one| placed(plan, one))),
    }
    if draft.contact_id.is_some() {
        draft.says.insert("contactId".into());
    }
    if problems.is_empty() { Ok(draft) } else { Err(problems) }
}

/// A day before which nobody may reach somebody, and that is over, says nothing.
fn is_over(plan: &Plan, name: &str, text: &str) -> bool {
    name == "doNotContactUntil"
        && DateTime::parse_from_rfc3339(text).is_ok_and(|until| until <= plan.now)
}

fn profile(name: &str, text: &str) -> Value {
    match name {
        "numberOfEmployees" | "annualRevenue" => number(text),
        "tags" => cells::read_texts(text),
        _ => text.into(),
    }
}

/// The value by its kind. What does not look like one stays text, which the check refuses.
fn property(kind: PropertyKind, text: &str) -> Value {
    match kind {
        PropertyKind::Number => number(text),
        PropertyKind::Boolean => boolean(text).map_or_else(|| text.into(), Value::from),
        PropertyKind::List => cells::read_texts(text),
        PropertyKind::Text | PropertyKind::Date | PropertyKind::Datetime => text.into(),
    }
}

fn number(text: &str) -> Value {
    let whole = text.parse::<i64>().map(Number::from).ok();
    let number = whole.or_else(|| Number::from_f64(text.parse().ok()?));
    number.map_or_else(|| text.into(), Value::Number)
}

fn take(draft: &mut Draft, patch: &Patch) {
    let fields = patch.fields.iter().filter(|(_, value)| !is_nothing(value));
    draft.says.extend(fields.map(|(name, _)| name.clone()));
    let properties = patch.properties.iter().filter(|(_, value)| !is_nothing(value));
    draft.says.extend(properties.map(|(key, _)| format!("property.{key}")));
    draft.profile = patch.apply(&Profile::default());
    let profile = &draft.profile;
    draft.first_name.clone_from(&profile.first_name);
    draft.last_name.clone_from(&profile.last_name);
    draft.email.clone_from(&profile.email);
    draft.phone.clone_from(&profile.phone);
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

/// A problem of the form with the column that it is about.
fn placed(plan: &Plan, wrong: crate::rules::Problem) -> Problem {
    let field = match wrong.path.strip_prefix("properties.") {
        Some(key) => format!("property.{key}"),
        None => wrong.path,
    };
    let column = plan.columns.iter().flatten().find(|column| column.field == field);
    match column {
        Some(column) => column.problem(wrong.message),
        None => whole(format!("{field} {}", wrong.message)),
    }
}
