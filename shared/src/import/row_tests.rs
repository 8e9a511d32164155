//! What rows say, and every problem of a row that is wrong.
use super::*;
use crate::{
    contact::{PropertyKind, property::Kinds},
    ids::{CampaignId, LeadId},
    import::{Identifier, ImportConfig, Known, Mapped},
    store::intake::CampaignRef,
};
use proptest::prelude::*;
use serde_json::{Value, json};

pub(in crate::import) fn kinds() -> Kinds {
    use PropertyKind::{Boolean, Date, Datetime, List, Number, Text};
    [
        ("tier", Text),
        ("size", Number),
        ("since", Date),
        ("seen", Datetime),
        ("vip", Boolean),
        ("likes", List),
    ]
    .map(|(key, kind)| (key.to_owned(), kind))
    .into()
}

/// A plan in which every column is called like its field.
pub(in crate::import) fn plan(config: ImportConfig, fields: &[&str]) -> Plan {
    let header: Vec<String> = fields.iter().map(ToString::to_string).collect();
    let properties = kinds();
    let now = "2026-11-21T12:00:00Z".parse().unwrap();
    let known = Known { properties: &properties, now, by: "import" };
    Plan::new(&config, &header, &known).unwrap_or_else(|why| panic!("{why:?}"))
}

fn leads() -> ImportConfig {
    ImportConfig { fallback_campaign_id: Some(CampaignId::new()), ..ImportConfig::default() }
}

fn contacts() -> ImportConfig {
    ImportConfig { kind: ImportKind::Contacts, ..ImportConfig::default() }
}

/// Reads cells as one row.
fn one(plan: &Plan, cells: &[&str]) -> Result<Draft, Vec<Problem>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(cells).unwrap();
    let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
    plan.read(&text, 1).pop().unwrap().draft
}

#[test]
fn a_row_of_a_lead_says_everything_that_the_api_takes() {
    let campaign = CampaignId::new();
    let fields = [
        ("campaignId", campaign.to_string()),
        ("firstName", " maria ".into()),
        ("lastName", "DIAZ".into()),
        ("email", "Maria@Example.com".into()),
        ("phone", "'+44 20 7946 0958".into()),
        ("address.street", "1 Main St".into()),
        ("address.zip", "01234".into()),
        ("dateOfBirth", "1980-02-29".into()),
        ("country", "gb".into()),
        ("timezone", "Europe/London".into()),
        ("questionnaire.roof", "yes".into()),
        ("questionnaire.bill", "180.5".into()),
        ("questionnaire.heat", "gas|oil".into()),
        ("custom.code", "007".into()),
        ("custom.deep", "{\"a\":[1,null]}".into()),
        ("custom.text", "\"42\"".into()),
        ("attribution.gclid", "123".into()),
        ("attribution.params.utm_id", "7".into()),
        ("compliance.tcpaConsent", "Yes".into()),
        ("compliance.trustedFormCertUrl", "https://cert.example.com/x".into()),
        ("file.id_card", "https://files.example.com/a/Card%201.pdf?x=1".into()),
        ("notes", "Call after 5".into()),
        ("isTest", "1".into()),
        ("custom.empty", "  ".into()),
    ];
    let plan = plan(leads(), &fields.clone().map(|(field, _)| field));
    let cells = fields.clone().map(|(_, cell)| cell);
    let draft = one(&plan, &cells.each_ref().map(String::as_str)).unwrap();
    assert_eq!(draft.campaign, Some(CampaignRef::Id(campaign)));
    let texts = [&draft.first_name, &draft.last_name, &draft.email, &draft.phone];
    let texts = texts.map(|text| text.as_deref().unwrap());
    assert_eq!(texts, ["Maria", "Diaz", "maria@example.com", "+442079460958"]);
    assert!(draft.is_test);
    assert_eq!(
        serde_json::to_value(&draft.details).unwrap(),
        json!({
            "address": {"street": "1 Main St", "zip": "01234"}, "dateOfBirth": "1980-02-29", "country": "GB",
            "timezone": "Europe/London",
            "questionnaire": [
                {"key": "roof", "question": "roof", "answer": "yes"}, {"key": "bill", "question": "bill", "answer": 180.5},
                {"key": "heat", "question": "heat", "answer": ["gas", "oil"]},
            ],
            "customFields": {"code": "007", "deep": {"a": [1, null]}, "text": "42"},
            "attribution": {"gclid": "123", "params": {"utm_id": 7}},
            "compliance": {"tcpaConsent": true, "trustedFormCertUrl": "https://cert.example.com/x"},
            "files": [{"fileKey": "id_card", "fileName": "Card%201.pdf", "fileType": "pdf",
                "documentUrl": "https://files.example.com/a/Card%201.pdf?x=1", "status": "pending"}],
            "notes": [{"text": "Call after 5", "createdAt": "2026-11-21T12:00:00Z", "createdBy": "import"}],
        })
    );
    let says: Vec<&str> = draft.says.iter().map(String::as_str).collect();
    let mut wanted = fields.map(|(field, _)| field)[..fields_said(&cells)].to_vec();
    wanted.sort_unstable();
    assert_eq!(says, wanted);
}

/// All but the last, which is blank.
fn fields_said(cells: &[String]) -> usize {
    cells.iter().filter(|cell| !cell.trim().is_empty()).count()
}

#[test]
fn a_question_is_what_the_column_is_called() {
    let mapping = [("E", "email"), ("Do you own your roof?", "questionnaire.roof")];
    let mapping = mapping.map(|(column, field)| Mapped {
        column: column.into(),
        field: field.into(),
        do_not_overwrite: false,
    });
    let config = ImportConfig { mapping: mapping.into(), ..leads() };
    let plan = plan(config, &["E", "Do you own your roof?"]);
    let draft = one(&plan, &["a@b.co", "yes"]).unwrap();
    assert_eq!(draft.details.questionnaire[0].question, "Do you own your roof?");
}

#[test]
fn a_row_of_a_contact_is_read_by_the_kinds_of_its_properties() {
    let fields = [
        ("email", "a@b.co"),
        ("phone", "020 7946 0958"),
        ("country", "GB"),
        ("numberOfEmployees", "12"),
        ("tags", "b|A|a|"),
        ("doNotContactUntil", "2020-01-01T00:00:00Z"),
        ("property.tier", "40"),
        ("property.size", "2.50"),
        ("property.since", "2026-01-01"),
        ("property.seen", "2026-01-01T02:00:00+02:00"),
        ("property.vip", "no"),
        ("property.likes", "[\"x|y\"]"),
    ];
    let plan = plan(contacts(), &fields.map(|(field, _)| field));
    let draft = one(&plan, &fields.map(|(_, cell)| cell)).unwrap();
    let profile = serde_json::to_value(&draft.profile).unwrap();
    assert_eq!(
        profile["properties"],
        json!({"tier": "40", "size": 2.5, "since": "2026-01-01", "seen": "2026-01-01T00:00:00.000000Z", "vip": false, "likes": ["x|y"]})
    );
    assert_eq!((&profile["tags"], &profile["numberOfEmployees"]), (&json!(["A", "b"]), &json!(12)));
    assert_eq!(draft.phone.as_deref(), Some("+442079460958"));
    // A day that is over says nothing.
    assert_eq!(draft.says.len(), fields.len() - 1);
    assert!(!draft.says.contains("doNotContactUntil"));
}

#[test]
fn every_problem_names_column_and_field() {
    let id = Identifier::LeadId;
    let by_id = ImportConfig { identifier: id, ..leads() };
    let no_fallback = ImportConfig::default();
    let long = "x".repeat(5_001);
    for (config, field, cell, why) in [
        (leads(), "email", "nobody", "is not an email address"),
        (leads(), "phone", "4.15556E+09", "contains `E`"),
        (leads(), "firstName", "\u{7}", "control"),
        (by_id, "leadId", "00Q5f", "is not a lead id"),
        (no_fallback, "campaignId", "Solar leads", "neither a campaign id"),
        (leads(), "address.street", &long[..201], "has 201 characters; at most 200"),
        (leads(), "attribution.gclid", &long[..2_001], "at most 2000"),
        (leads(), "custom.a", &long, "at most 5000"),
        (leads(), "custom.a", &format!("{{\"b\":[\"{long}\"]}}"), "b[0] has 5001"),
        (leads(), "questionnaire.a", "{\"b\":1}", "must be text, a number"),
        (leads(), "compliance.tcpaConsent", "maybe", "must be true or false"),
        (leads(), "isTest", "maybe", "must be true or false"),
        (leads(), "dateOfBirth", "02/29/1980", "YYYY-MM-DD"),
        (leads(), "dateOfBirth", "2027-01-01", "in the future"),
        (leads(), "country", "Spain", "two-letter code"),
        (leads(), "timezone", "EST5", "IANA"),
        (leads(), "file.a", "ftp://x", "not an http or https URL"),
        (leads(), "file.a", "{\"fileName\":\"a\"}", "missing field"),
        (leads(), "notes", &long.repeat(2), "at most 10000"),
        (contacts(), "property.size", "many", "must be a number"),
        (contacts(), "property.vip", "maybe", "must be true or false"),
        (contacts(), "property.likes", "[1]", "[0] must be a text"),
        (contacts(), "annualRevenue", "-5", "must be a whole number"),
        (contacts(), "tags", &long[..65], "at most 64"),
        (contacts(), "doNotContactUntil", "soon", "must be a time"),
    ] {
        let mut fields = vec!["email", "campaignId", field];
        if config.kind == ImportKind::Contacts {
            fields[1] = "phone";
        }
        let at = fields.iter().position(|name| *name == field).unwrap();
        fields.truncate(if at < 2 { 2 } else { 3 });
        if config.identifier == Identifier::LeadId {
            fields.push("lastName");
        }
        let mut cells = vec![""; fields.len()];
        if at > 0 {
            cells[0] = "a@b.co";
        }
        cells[at] = cell;
        let problems = one(&plan(config, &fields), &cells).unwrap_err();
        assert_eq!(problems.len(), 1, "{field}: {problems:?}");
        assert_eq!(problems[0].column.as_deref(), Some(field));
        assert_eq!(problems[0].field.as_deref(), Some(field));
        assert!(problems[0].message.contains(why), "{field}: {problems:?}");
    }
}

#[test]
fn all_problems_of_a_row_are_listed_and_its_neighbours_are_read() {
    let plan = plan(leads(), &["email", "phone", "firstName"]);
    let text = "a@b.co,,Ann\n\"no\nmail\",12,Bo\n,,\nc@d.co,x\nd@e.co,,\"Di\"\n";
    let rows = plan.read(text, 41);
    let numbers: Vec<i64> = rows.iter().map(|row| row.number).collect();
    assert_eq!(numbers, [41, 42, 43, 44, 45]);
    let records: Vec<&str> = rows.iter().map(|row| row.record).collect();
    assert_eq!(records, ["a@b.co,,Ann", "\"no\nmail\",12,Bo", ",,", "c@d.co,x", "d@e.co,,\"Di\""]);
    let problems = |at: usize| rows[at].draft.clone().unwrap_err();
    assert_eq!(problems(1).len(), 2);
    assert_eq!(problems(1)[1].column.as_deref(), Some("phone"));
    assert!(problems(2)[0].message.contains("every cell that is read is empty"));
    assert_eq!(problems(3)[0].message, "has 2 cells; the header has 3 columns");
    assert_eq!(rows[4].draft.as_ref().unwrap().first_name.as_deref(), Some("Di"));
    assert_eq!(rows[0].draft.as_ref().unwrap().row, 41);
}

#[test]
fn an_id_counts_only_where_rows_are_recognised_by_it() {
    let id = LeadId::new().to_string();
    let by_email = plan(leads(), &["email", "leadId"]);
    assert_eq!(one(&by_email, &["a@b.co", "00Q5f"]).unwrap().lead_id, None);
    let by_id =
        plan(ImportConfig { identifier: Identifier::LeadId, ..leads() }, &["email", "leadId"]);
    assert_eq!(one(&by_id, &["a@b.co", &id]).unwrap().lead_id.unwrap().to_string(), id);
    // A campaign that cannot be one is none when another takes its leads.
    let by_email = plan(leads(), &["email", "campaignId"]);
    let draft = one(&by_email, &["a@b.co", "Solar leads"]).unwrap();
    assert_eq!((draft.campaign, draft.says.contains("campaignId")), (None, false));
}

proptest! {
    /// What the exporter writes of a lead is what a row says.
    #[test]
    fn cells_of_an_export_say_what_was_exported(
        text in "[ '=+@|\\[\\]{}\"a1.,-]{1,8}", number in any::<i64>(), truth in any::<bool>(),
        list in prop::collection::vec("[a|\"1]{1,3}", 0..3),
    ) {
        let plan = plan(leads(), &["email", "custom.v", "questionnaire.v", "compliance.v", "attribution.params.v"]);
        for value in [json!(text), json!(number), json!(truth), json!(list)] {
            let cell = cells::write(&value);
            let cell = cells::neutralise(&cell);
            let draft = one(&plan, &["a@b.co", &cell, &cell, &cell, &cell]).unwrap();
            let details = &draft.details;
            prop_assert_eq!(&details.custom_fields["v"], &value);
            prop_assert_eq!(&details.questionnaire[0].answer, &value);
            prop_assert_eq!(&details.compliance["v"], &value);
            if !value.is_array() {
                prop_assert_eq!(&details.attribution["params"]["v"], &value);
            }
        }
        let note = json!([{"text": text, "createdAt": "2026-01-01T00:00:00Z", "createdBy": "key_1"}]);
        let file = json!({"fileName": text, "fileType": "pdf", "documentUrl": "https://a.example.com/x", "status": "signed"});
        let plan = self::plan(leads(), &["email", "notes", "file.v"]);
        let draft = one(&plan, &["a@b.co", &cells::write(&note), &cells::write(&file)]).unwrap();
        prop_assert_eq!(Value::from(draft.details.notes), note);
        let mut kept = draft.details.files[0].as_object().unwrap().clone();
        kept.remove("fileKey");
        prop_assert_eq!(Value::Object(kept), file);
    }
}
