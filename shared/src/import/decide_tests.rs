//! What becomes of rows, and that undoing takes back what an import did and nothing else.
use super::*;
use crate::{
    ids::CampaignId,
    import::{
        Identifier, ImportConfig, ImportKind, Mapped, Reach,
        row::tests::{kinds, plan},
    },
};
use proptest::prelude::*;
use serde_json::json;

fn config(purpose: Purpose, kind: ImportKind) -> ImportConfig {
    let fallback_campaign_id = (kind == ImportKind::Leads).then(CampaignId::new);
    ImportConfig { purpose, kind, fallback_campaign_id, ..ImportConfig::default() }
}

/// What a file of one row says; columns are called like their fields.
fn draft(plan: &Plan, row: &str) -> Draft {
    plan.read(row, 1).pop().unwrap().draft.unwrap()
}

fn maria() -> LeadBody {
    let details = json!({
        "address": {"state": "CA"},
        "questionnaire": [{"key": "roof", "question": "Do you own your roof?", "answer": "no"}],
        "notes": [{"text": "first", "createdAt": "2026-01-01T00:00:00Z", "createdBy": "key_1"}],
    });
    LeadBody {
        person: Person {
            first_name: "Maria".into(),
            last_name: "Diaz".into(),
            email: "maria@example.com".into(),
            phone: String::new(),
        },
        details: serde_json::from_value(details).unwrap(),
    }
}

#[test]
fn the_purpose_says_what_becomes_of_known_and_of_new_ones() {
    use Purpose::{AddAll, AddAndUpdate, AddNew, UpdateExisting};
    for (purpose, known, new) in [
        (AddAndUpdate, "update", "create"),
        (AddNew, "known", "create"),
        (UpdateExisting, "update", "new"),
        (AddAll, "create", "create"),
    ] {
        let plan = plan(config(purpose, ImportKind::Leads), &["email", "firstName"]);
        let draft = draft(&plan, "maria@example.com,Mary\n");
        let word = |act: Act<LeadBody>| match act {
            Act::Create(body) => {
                assert_eq!(
                    (body.person.first_name.as_str(), body.person.phone.as_str()),
                    ("Mary", "")
                );
                "create"
            }
            Act::Update { .. } => "update",
            Act::Skip(Skip::Known) => "known",
            Act::Skip(Skip::New) => "new",
            Act::Unchanged | Act::Refuse(_) => "other",
        };
        assert_eq!(word(lead(&plan, &draft, Some(&maria()))), known, "{purpose:?}");
        assert_eq!(word(lead(&plan, &draft, None)), new, "{purpose:?}");
    }
}

#[test]
fn a_new_one_needs_a_campaign_and_an_email_or_a_phone() {
    let by_id = ImportConfig {
        identifier: Identifier::LeadId,
        reach: Reach::Workspace,
        ..ImportConfig::default()
    };
    let leads = plan(by_id, &["leadId", "email", "campaignId", "firstName"]);
    let nobody = draft(&leads, ",,,Ann\n");
    let Act::Refuse(problems) = lead(&leads, &nobody, None) else { panic!() };
    let messages: Vec<&str> = problems.iter().map(|one| one.message.as_str()).collect();
    assert!(
        messages[0].contains("neither an email nor a phone")
            && messages[1].contains("names no campaign")
    );
    // Whoever is known has them.
    assert!(matches!(lead(&leads, &nobody, Some(&maria())), Act::Update { .. }));
    assert!(matches!(lead(&leads, &draft(&leads, ",a@b.co,SOL,\n"), None), Act::Create(_)));
    let contacts = plan(config(Purpose::AddAndUpdate, ImportKind::Contacts), &["email", "city"]);
    assert!(matches!(contact(&contacts, &draft(&contacts, ",Rome\n"), None), Act::Refuse(_)));
}

#[test]
fn a_known_lead_learns_what_the_row_says_and_keeps_the_rest() {
    let fields = [
        "email",
        "phone",
        "firstName",
        "lastName",
        "address.state",
        "address.city",
        "questionnaire.roof",
        "notes",
    ];
    let mapping = fields.map(|field| Mapped {
        column: field.into(),
        field: field.into(),
        do_not_overwrite: ["firstName", "phone"].contains(&field),
    });
    let config = ImportConfig {
        mapping: mapping.into(),
        ..config(Purpose::AddAndUpdate, ImportKind::Leads)
    };
    let plan = plan(config, &fields);
    let row = "maria@example.com,(415) 555-0100,Mary,,NV,Reno,yes,first\n";
    let Act::Update { to, fields } = lead(&plan, &draft(&plan, row), Some(&maria())) else {
        panic!()
    };
    // The first name stays, the phone was not there; an empty cell erases nothing; the note is known.
    assert_eq!(
        serde_json::to_value(&fields).unwrap(),
        json!({
            "phone": {"to": "+14155550100"}, "address.state": {"from": "CA", "to": "NV"}, "address.city": {"to": "Reno"},
            "questionnaire.roof": {"from": "no", "to": "yes"},
        })
    );
    assert_eq!((to.person.first_name.as_str(), to.person.last_name.as_str()), ("Maria", "Diaz"));
    assert_eq!(to.details.questionnaire[0].question, "Do you own your roof?");
    assert_eq!(to.details.notes, maria().details.notes);
    assert_eq!(lead(&plan, &draft(&plan, row), Some(&to)), Act::Unchanged);
    assert_eq!(undo(&to, &fields), Undone { to: Some(maria()), left: Vec::new() });
}

#[test]
fn tags_and_notes_only_grow() {
    let contacts = plan(
        config(Purpose::AddAndUpdate, ImportKind::Contacts),
        &["email", "tags", "property.likes"],
    );
    let now =
        Profile { tags: vec!["VIP".to_owned(), "old".to_owned()].into(), ..Profile::default() };
    let row = draft(&contacts, "a@b.co,vip|new,x|y\n");
    let Act::Update { to, fields } = contact(&contacts, &row, Some(&now)) else { panic!() };
    assert_eq!(to.tags.0, ["VIP", "new", "old"]);
    assert_eq!(to.properties["likes"], json!(["x", "y"]));
    assert_eq!(fields.0["tags"], Change { from: None, to: json!(["new"]) });
    // Somebody gives another tag: it stays, only the import's goes.
    let mut later = to;
    later.tags.0.push("later".into());
    let undone = undo(&later, &fields);
    assert_eq!(undone.to.unwrap().tags.0, ["VIP", "later", "old"]);

    let leads = plan(config(Purpose::AddAndUpdate, ImportKind::Leads), &["email", "notes"]);
    let update = |now: &LeadBody, text: &str| {
        let row = draft(&leads, &format!(",{text}\n"));
        let Act::Update { to, fields } = lead(&leads, &row, Some(now)) else { panic!() };
        (to, fields)
    };
    let (once, mut fields) = update(&maria(), "second");
    let (twice, more) = update(&once, "third");
    fields.absorb(more);
    assert_eq!(twice.details.notes.len(), 3);
    assert_eq!(undo(&twice, &fields).to, Some(maria()));
}

#[test]
fn what_others_have_changed_since_stays() {
    let leads =
        plan(config(Purpose::AddAndUpdate, ImportKind::Leads), &["email", "firstName", "custom.a"]);
    let row = draft(&leads, ",Mary,1\n");
    let Act::Update { mut to, fields } = lead(&leads, &row, Some(&maria())) else { panic!() };
    to.person.first_name = "Marie".into();
    let undone = undo(&to, &fields);
    assert_eq!(undone.left, ["firstName"]);
    let restored = undone.to.unwrap();
    assert_eq!(restored.person.first_name, "Marie");
    assert!(restored.details.custom_fields.is_empty());
    to.details.custom_fields.insert("a".into(), json!(2));
    let nothing = undo(&to, &fields);
    assert_eq!((nothing.to, nothing.left.len()), (None, 2));
}

#[test]
fn null_is_not_the_same_as_nothing() {
    let fields =
        Fields([("custom.a".to_owned(), Change { from: Some(Value::Null), to: json!(1) })].into());
    let kept = serde_json::to_string(&fields).unwrap();
    assert_eq!(serde_json::from_str::<Fields>(&kept).unwrap(), fields);
    let mut now = maria();
    now.put("custom.a", Some(json!(1)));
    let restored = undo(&now, &fields).to.unwrap();
    assert_eq!(restored.get("custom.a"), Some(Value::Null));
}

const LEAD: [&str; 14] = [
    "firstName",
    "lastName",
    "email",
    "phone",
    "dateOfBirth",
    "country",
    "address.city",
    "questionnaire.a",
    "questionnaire.b",
    "custom.a",
    "attribution.gclid",
    "attribution.params.utm_source",
    "compliance.a",
    "file.a",
];
const CONTACT: [&str; 10] = [
    "firstName",
    "email",
    "company",
    "numberOfEmployees",
    "annualRevenue",
    "tags",
    "timezone",
    "property.tier",
    "property.size",
    "doNotContactUntil",
];

/// A cell of a column, some of them empty.
fn cell(field: &'static str) -> BoxedStrategy<String> {
    let texts: &[&str] = match field {
        "email" => &["a@b.co", "c@d.co"],
        "phone" => &["+14155550100", "+14155550101"],
        "dateOfBirth" => &["1980-01-01", "1990-01-01"],
        "country" => &["US", "GB"],
        "timezone" => &["UTC", "Europe/London"],
        "numberOfEmployees" | "annualRevenue" | "property.size" => &["1", "2"],
        "doNotContactUntil" => &["2030-01-01T00:00:00Z", "2031-01-01T00:00:00Z"],
        "tags" => &["a", "b", "a|c"],
        "file.a" => &["https://a.example.com/x.pdf", "https://a.example.com/y.pdf"],
        "custom.a" | "compliance.a" => &["one", "2", "true"],
        _ => &["One", "Two"],
    };
    let texts: Vec<String> = texts.iter().map(ToString::to_string).collect();
    prop_oneof![1 => Just(String::new()), 3 => prop::sample::select(texts)].boxed()
}

fn row(fields: &'static [&'static str]) -> impl Strategy<Value = String> {
    let cells: Vec<_> = fields.iter().map(|field| cell(field)).collect();
    cells
        .prop_map(|cells| cells.join(",") + "\n")
        .prop_filter("says something", |row| row.chars().any(char::is_alphanumeric))
}

/// What an import makes of somebody, row after row; and the changes of all rows.
fn run<T: Body>(
    start: T,
    rows: &[String],
    plan: &Plan,
    act: impl Fn(&Draft, &T) -> Act<T>,
) -> (T, Fields) {
    let (mut now, mut all) = (start, Fields::default());
    for row in rows {
        if let Act::Update { to, fields } = act(&draft(plan, row), &now) {
            now = to;
            all.absorb(fields);
        }
    }
    (now, all)
}

/// Undoing gives back what was there; what somebody changes meanwhile stays, and only that.
fn check<T: Body + std::fmt::Debug>(
    start: &T,
    end: &T,
    all: &Fields,
    strange: Option<(&str, Value)>,
) {
    let undone = undo(end, all);
    assert!(undone.left.is_empty());
    assert_eq!(undone.to.as_ref().unwrap_or(start), start);
    let Some((field, value)) = strange else { return };
    let mut changed = end.clone();
    changed.put(field, Some(value.clone()));
    let undone = undo(&changed, all);
    let back = undone.to.as_ref().unwrap_or(&changed);
    assert_eq!(back.get(field), Some(value));
    for other in all.0.keys().filter(|other| *other != field) {
        assert_eq!(back.get(other), start.get(other), "{other}");
    }
}

proptest! {
    #[test]
    fn undoing_an_import_of_leads_is_as_if_it_had_not_been(
        before in prop::option::of(row(&LEAD)), rows in prop::collection::vec(row(&LEAD), 1..4), touched in 0..LEAD.len(),
    ) {
        let plan = plan(config(Purpose::AddAndUpdate, ImportKind::Leads), &LEAD);
        let apply = |draft: &Draft, now: &LeadBody| lead(&plan, draft, Some(now));
        let (start, _) = run(maria(), before.as_slice(), &plan, apply);
        let (end, all) = run(start.clone(), &rows, &plan, apply);
        let other = match LEAD[touched] {
            "file.a" => json!({"fileKey": "a", "fileName": "somebody else"}),
            _ => json!("somebody else"),
        };
        check(&start, &end, &all, Some((LEAD[touched], other)));
        // The same rows again say nothing new.
        let last = draft(&plan, rows.last().unwrap());
        prop_assert_eq!(lead(&plan, &last, Some(&end)), Act::Unchanged);
    }

    #[test]
    fn undoing_an_import_of_contacts_is_as_if_it_had_not_been(
        before in prop::option::of(row(&CONTACT)), rows in prop::collection::vec(row(&CONTACT), 1..4), touches in any::<bool>(),
    ) {
        let plan = plan(config(Purpose::AddAndUpdate, ImportKind::Contacts), &CONTACT);
        let apply = |draft: &Draft, now: &Profile| contact(&plan, draft, Some(now));
        let (start, _) = run(Profile::default(), before.as_slice(), &plan, apply);
        let (end, all) = run(start.clone(), &rows, &plan, apply);
        check(&start, &end, &all, touches.then(|| ("company", json!("somebody else"))));
    }

    /// What an update makes of somebody is what the row says, and otherwise what was there.
    #[test]
    fn an_update_changes_what_the_row_says_and_nothing_else(
        before in row(&LEAD), row in row(&LEAD), kept in prop::sample::subsequence(LEAD.to_vec(), 0..5),
    ) {
        let mut plan = plan(config(Purpose::AddAndUpdate, ImportKind::Leads), &LEAD);
        let (start, _) = run(maria(), &[before], &plan, |draft, now| lead(&plan, draft, Some(now)));
        plan.kept = kept.iter().map(ToString::to_string).collect();
        let said = draft(&plan, &row);
        let end = match lead(&plan, &said, Some(&start)) {
            Act::Update { to, .. } => to,
            Act::Unchanged => start.clone(),
            other => panic!("{other:?}"),
        };
        let Act::Create(new) = lead(&Plan { config: config(Purpose::AddAll, ImportKind::Leads), ..plan.clone() },
            &Draft { email: Some("x@y.co".into()), ..said.clone() }, None) else { panic!() };
        for field in LEAD {
            let stays = !said.says.contains(field) || (plan.kept.contains(field) && start.get(field).is_some());
            if stays {
                prop_assert_eq!(end.get(field), start.get(field), "{}", field);
            } else if field != "email" {
                prop_assert_eq!(end.get(field), new.get(field), "{}", field);
            }
        }
    }
}

#[test]
fn every_field_can_be_read_and_set() {
    let mut lead = maria();
    for field in LEAD {
        let value = if field == "file.a" { json!({"fileKey": "a"}) } else { json!("x") };
        lead.put(field, Some(value.clone()));
        assert_eq!(lead.get(field), Some(value), "{field}");
        lead.put(field, None);
        assert_eq!(lead.get(field), None, "{field}");
    }
    // Every field of contacts that a column can mean is one of a profile.
    let mut profile = Profile::default();
    let fields = crate::contact::form::fields().map(str::to_owned);
    for field in fields.chain(kinds().keys().map(|key| format!("property.{key}"))) {
        let value = match field.as_str() {
            "numberOfEmployees" | "annualRevenue" => json!(3),
            "tags" => json!(["x"]),
            "doNotContactUntil" => json!("2030-01-01T00:00:00Z"),
            _ => json!("x"),
        };
        profile.put(&field, Some(value.clone()));
        assert_eq!(profile.get(&field), Some(value), "{field}");
    }
    let back: Profile = serde_json::from_value(serde_json::to_value(&profile).unwrap()).unwrap();
    assert_eq!(back, profile);
}
