//! What columns suggest, and what is refused of a plan.
use super::*;
use crate::{
    contact::PropertyKind,
    import::{Identifier, ImportConfig, Known, Plan, Purpose, Reach},
};

fn header(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn kinds() -> Kinds {
    [("tier", PropertyKind::Text), ("date_eligible", PropertyKind::Date)]
        .map(|(key, kind)| (key.to_owned(), kind))
        .into()
}

fn pairs(suggested: &Suggested) -> Vec<(&str, &str)> {
    let mapping = suggested.mapping.iter();
    mapping.map(|mapped| (mapped.column.as_str(), mapped.field.as_str())).collect()
}

#[test]
fn columns_of_leads_are_recognised() {
    let wanted = [
        ("First Name", "firstName"),
        ("LNAME", "lastName"),
        ("Email Address", "email"),
        ("Mobile", "phone"),
        ("Street Address", "address.street"),
        ("Town", "address.city"),
        ("State", "address.state"),
        ("Zip Code", "address.zip"),
        ("DOB", "dateOfBirth"),
        ("Campaign", "campaignId"),
        ("utm_source", "attribution.params.utm_source"),
        ("UTM Campaign", "attribution.params.utm_campaign"),
        ("GCLID", "attribution.gclid"),
        ("IP Address", "attribution.ipAddress"),
        ("Landing Page", "attribution.captureUrl"),
        ("xxTrustedFormCertUrl", "compliance.trustedFormCertUrl"),
        ("leadid_token", "compliance.jornayaLeadId"),
        ("TCPA Consent", "compliance.tcpaConsent"),
        ("Comments", "notes"),
    ];
    let mut names = header(&wanted.map(|(column, _)| column));
    // What says nothing to us, an id of another system, and a field that another column has already.
    names.extend(header(&["Roof age", "Lead ID", "Cell Phone", "createdAt", "contactId"]));
    let suggested = suggest(&names, ImportKind::Leads, &kinds());
    assert_eq!(pairs(&suggested), wanted);
    assert_eq!(suggested.left_out, names[wanted.len()..]);
    for (column, field) in [
        ("trustedform_cert_url", "compliance.trustedFormCertUrl"),
        ("universal_leadid", "compliance.jornayaLeadId"),
        ("jornaya_leadid", "compliance.jornayaLeadId"),
        ("first_name", "firstName"),
        ("E-Mail", "email"),
    ] {
        assert_eq!(
            pairs(&suggest(&header(&[column]), ImportKind::Leads, &kinds())),
            [(column, field)]
        );
    }
}

#[test]
fn columns_of_our_own_export_are_themselves() {
    let leads = header(&[
        "leadId",
        "campaignId",
        "firstName",
        "lastName",
        "email",
        "phone",
        "address.street",
        "address.unit",
        "address.country",
        "dateOfBirth",
        "country",
        "timezone",
        "questionnaire.roof",
        "custom.x",
        "attribution.params.utm_source",
        "attribution.gclid",
        "compliance.tcpaConsent",
        "file.id_card",
        "notes",
        "isTest",
    ]);
    let contacts = header(&[
        "contactId",
        "firstName",
        "email",
        "numberOfEmployees",
        "street",
        "tags",
        "doNotContactUntil",
        "source",
        "property.tier",
    ]);
    for (names, kind) in [(leads, ImportKind::Leads), (contacts, ImportKind::Contacts)] {
        let suggested = suggest(&names, kind, &kinds());
        assert_eq!(suggested.left_out, Vec::<String>::new());
        assert!(suggested.mapping.iter().all(|mapped| mapped.column == mapped.field));
    }
    // A name that is a field comes before one that only sounds like it.
    let two = suggest(&header(&["Mail", "email"]), ImportKind::Leads, &kinds());
    assert_eq!(pairs(&two), [("email", "email")]);
}

#[test]
fn columns_of_contacts_are_recognised() {
    let wanted = [
        ("given name", "firstName"),
        ("Employer", "company"),
        ("Job Title", "title"),
        ("Zip", "zip"),
        ("address.city", "city"),
        ("Lead Source", "source"),
        ("do not contact until", "doNotContactUntil"),
        ("Date Eligible", "property.date_eligible"),
        ("TIER", "property.tier"),
    ];
    let mut names = header(&wanted.map(|(column, _)| column));
    names.extend(header(&["utm_source", "status", "consent.email", "property.other"]));
    let suggested = suggest(&names, ImportKind::Contacts, &kinds());
    assert_eq!(pairs(&suggested), wanted);
    assert_eq!(suggested.left_out, names[wanted.len()..]);
}

fn mapped(column: &str, field: &str) -> Mapped {
    Mapped { column: column.into(), field: field.into(), do_not_overwrite: false }
}

fn wrong(config: &ImportConfig, names: &[&str]) -> Vec<String> {
    let properties = kinds();
    let now = "2026-11-21T12:00:00Z".parse().unwrap();
    let known = Known { properties: &properties, now, by: "test" };
    let plan = Plan::new(config, &header(names), &known);
    plan.map_or_else(|problems| problems.iter().map(ToString::to_string).collect(), |_| Vec::new())
}

#[test]
fn every_problem_of_a_plan_is_listed_with_its_place() {
    let config = ImportConfig {
        country: Some("usa".into()),
        mapping: vec![
            mapped("a", "firstName"),
            mapped("z", "lastName"),
            mapped("a", "firstname"),
            mapped("b", "firstName"),
            mapped("c", "address.planet"),
            mapped("d", "custom.a b"),
            mapped("e", "property.tier"),
        ],
        ..ImportConfig::default()
    };
    let found = wrong(&config, &["a", "b", "c", "d", "e"]);
    let wanted = [
        "mapping[1].column: `z` is no column",
        "mapping[2].field: `firstname`: is no field of a lead; known here: `campaignId`",
        "mapping[2].column: `a` is in mapping[0] already",
        "mapping[3].field: `firstName` is in mapping[0] already",
        "mapping[4].field: `address.planet`: there is no `planet` in it; known here: `street`",
        "mapping[5].field: `custom.a b`: is no key",
        "mapping[6].field: `property.tier`: is no field of a lead",
        "country: is not a two-letter code",
        "identifier: no column means `email`",
        "mapping: no column means `email` or `phone`",
        "fallbackCampaignId: is needed",
    ];
    assert_eq!(found.len(), wanted.len(), "{found:#?}");
    for (found, wanted) in found.iter().zip(wanted) {
        assert!(found.starts_with(wanted), "{found}\n{wanted}");
    }
    let many: Vec<String> = (0..201).map(|n| format!("custom.x{n}")).collect();
    let many: Vec<&str> =
        ["email", "campaignId"].into_iter().chain(many.iter().map(String::as_str)).collect();
    assert_eq!(
        wrong(&ImportConfig::default(), &many),
        ["mapping: names 201 fields `custom.…`; at most 200 are allowed"]
    );
}

#[test]
fn kind_purpose_identifier_and_reach_go_together() {
    use {Identifier as I, ImportKind::Contacts, ImportKind::Leads, Purpose as P};
    let names = ["email", "phone", "leadId", "contactId"];
    let campaign = crate::ids::CampaignId::new();
    for (kind, purpose, identifier, reach, fallback, problem) in [
        (Leads, P::AddAndUpdate, I::Email, Reach::Campaign, true, ""),
        (
            Leads,
            P::AddAndUpdate,
            I::Email,
            Reach::Workspace,
            false,
            "fallbackCampaignId: is needed",
        ),
        (Leads, P::AddAll, I::Phone, Reach::Campaign, true, ""),
        (Leads, P::AddAll, I::LeadId, Reach::Campaign, true, "identifier: lead_id"),
        (Leads, P::AddNew, I::LeadId, Reach::Campaign, true, ""),
        (Leads, P::UpdateExisting, I::LeadId, Reach::Campaign, false, ""),
        (
            Leads,
            P::UpdateExisting,
            I::Email,
            Reach::Campaign,
            false,
            "fallbackCampaignId: is needed",
        ),
        (Leads, P::UpdateExisting, I::Email, Reach::Workspace, false, ""),
        (Leads, P::AddAndUpdate, I::ContactId, Reach::Campaign, true, "identifier: contact_id is"),
        (Contacts, P::AddAndUpdate, I::ContactId, Reach::Campaign, false, ""),
        (Contacts, P::AddAndUpdate, I::LeadId, Reach::Campaign, false, "identifier: lead_id is"),
        (Contacts, P::AddAll, I::Email, Reach::Campaign, false, "purpose: add_all is for leads"),
        (Contacts, P::AddNew, I::Email, Reach::Campaign, true, "fallbackCampaignId: is for leads"),
    ] {
        let fallback_campaign_id = fallback.then_some(campaign);
        let config = ImportConfig {
            kind,
            purpose,
            identifier,
            reach,
            fallback_campaign_id,
            ..ImportConfig::default()
        };
        let found = wrong(&config, &names);
        let fits = if problem.is_empty() {
            found.is_empty()
        } else {
            found.first().is_some_and(|one| one.starts_with(problem))
        };
        assert!(fits, "{config:?}: {found:?}");
    }
    let by_id = ImportConfig {
        purpose: P::UpdateExisting,
        identifier: I::LeadId,
        ..ImportConfig::default()
    };
    assert_eq!(wrong(&by_id, &["leadId", "firstName"]), Vec::<String>::new());
    assert_eq!(
        wrong(&by_id, &["email"]),
        ["identifier: no column means `leadId`, by which rows are recognised"]
    );
}
