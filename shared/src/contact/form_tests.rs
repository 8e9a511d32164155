//! Forms of contacts: normalised, cleared, refused.
use super::*;
use crate::contact::PropertyKind;
use serde_json::json;

fn now() -> Time {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn kinds() -> Kinds {
    [("tier".to_owned(), PropertyKind::Text), ("visits".to_owned(), PropertyKind::Number)].into()
}

fn read_as(given: &Value, country: Option<&str>) -> Result<Form, Vec<Problem>> {
    let kinds = kinds();
    read(given.as_object().unwrap(), Known { properties: &kinds, country, now: now() })
}

#[test]
fn what_is_given_is_kept_in_one_form() {
    let given = json!({
        "firstName": " ada ", "email": "Ada@Example.COM", "phone": "020 7946 0958", "country": "gb",
        "timezone": "Europe/London", "dateOfBirth": "1980-02-29", "company": "  Engines Ltd ", "city": "",
        "numberOfEmployees": 12.0, "tags": ["vip", " A ", "VIP"], "properties": {"tier": "Gold", "visits": null},
        "doNotContactUntil": "2026-12-01T00:00:00+01:00",
    });
    let form = read_as(&given, None).unwrap();
    let profile = form.patch.apply(&Profile { city: Some("Bath".into()), ..Profile::default() });
    let wanted = json!({
        "firstName": "Ada", "email": "ada@example.com", "phone": "+442079460958", "country": "GB",
        "timezone": "Europe/London", "dateOfBirth": "1980-02-29", "company": "Engines Ltd", "city": null,
        "numberOfEmployees": 12, "tags": ["A", "vip"], "properties": {"tier": "Gold"},
        "doNotContactUntil": "2026-11-30T23:00:00Z",
    });
    let kept = serde_json::to_value(&profile).unwrap();
    for (field, value) in wanted.as_object().unwrap() {
        assert_eq!(&kept[field], value, "{field}");
    }
    assert_eq!(form.patch.apply(&profile), profile, "saying it again changes nothing");
}

#[test]
fn a_number_without_a_plus_is_one_of_the_contacts_country() {
    let given = json!({"phone": "0171 2345678"});
    let phone = |country| read_as(&given, country).unwrap().patch.text("phone").map(str::to_owned);
    assert_eq!(phone(Some("DE")).as_deref(), Some("+491712345678"));
    let given = json!({"phone": "020 7946 0958", "country": "GB"});
    let own = read_as(&given, Some("DE")).unwrap();
    assert_eq!(own.patch.text("phone"), Some("+442079460958"), "the form's own country counts");
}

#[test]
fn null_clears_and_absent_stays() {
    let profile = Profile {
        first_name: Some("Ada".into()),
        last_name: Some("Lovelace".into()),
        properties: sqlx::types::Json(
            json!({"tier": "Gold", "old": 1}).as_object().unwrap().clone(),
        ),
        ..Profile::default()
    };
    let form =
        read_as(&json!({"firstName": null, "tags": null, "properties": {"tier": null}}), None);
    let changed = form.unwrap().patch.apply(&profile);
    assert_eq!((changed.first_name, changed.last_name.as_deref()), (None, Some("Lovelace")));
    // A value of a property that is no longer defined stays.
    assert_eq!(Value::Object(changed.properties.0), json!({"old": 1}));
}

#[test]
fn every_problem_is_listed_with_its_place() {
    let given = json!({
        "contactId": "lead_1", "revision": "x", "firstName": 5, "email": "nobody", "phone": "12", "country": "Germany",
        "timezone": "EST5", "dateOfBirth": "2030-01-01", "company": "x".repeat(201), "annualRevenue": -1, "status": "active",
        "tags": ["ok", 5], "properties": {"tier": 5, "nope": 1}, "doNotContactUntil": "2026-11-21T12:00:00Z", "nickname": "A",
    });
    let problems = read_as(&given, None).unwrap_err();
    let mut lines: Vec<String> =
        problems.iter().map(|one| format!("{} {}", one.path, one.message)).collect();
    lines.sort();
    let wanted = [
        "annualRevenue must be a whole number from 0 to 9007199254740992",
        "company has 201 characters; at most 200 are allowed",
        "contactId `lead_1` is not a contact id",
        "country is not a two-letter code such as US",
        "dateOfBirth is in the future",
        "doNotContactUntil must be in the future",
        "email is not an email address",
        "firstName must be a text",
        "nickname is not a known field; known here: `annualRevenue`, `city`,",
        "phone has 2 digits",
        "properties.nope there is no such property in this workspace",
        "properties.tier must be a text",
        "revision must be a whole number",
        "status is not a known field; POST /contacts/{contactId}/status sets it",
        "tags [1] must be a text",
        "timezone is not an IANA time zone",
    ];
    assert_eq!(lines.len(), wanted.len(), "{lines:#?}");
    for (line, wanted) in lines.iter().zip(wanted) {
        assert!(line.starts_with(wanted), "{line}");
    }
}
