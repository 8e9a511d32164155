//! What the names of columns suggest that they mean.
use super::{ImportKind, Mapped, fields::Target};
use crate::{
    contact::property::{Kinds, key_of},
    lead::{is_key, parts::ATTRIBUTION_FIELDS},
};
use std::collections::BTreeSet;

/// What the names of columns suggest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Suggested {
    /// In the order of the file.
    pub mapping: Vec<Mapped>,
    /// Columns whose names say nothing to us, in the order of the file.
    pub left_out: Vec<String>,
}

/// What columns are called, by letters and digits in lower case: the field of leads, the field of contacts (empty: they have none), names.
const SYNONYMS: [(&str, &str, &[&str]); 29] = [
    ("firstName", "firstName", &["firstname", "fname", "first", "givenname", "forename"]),
    ("lastName", "lastName", &["lastname", "lname", "last", "surname", "familyname"]),
    ("email", "email", &["email", "emailaddress", "mail", "primaryemail"]),
    (
        "phone",
        "phone",
        &[
            "phone",
            "phonenumber",
            "mobile",
            "mobilephone",
            "mobilenumber",
            "cell",
            "cellphone",
            "telephone",
            "tel",
            "primaryphone",
        ],
    ),
    (
        "address.street",
        "street",
        &[
            "street",
            "streetaddress",
            "address",
            "address1",
            "addressline1",
            "addressstreet",
            "mailingaddress",
        ],
    ),
    ("address.unit", "", &["unit", "apt", "apartment", "suite", "address2", "addressline2"]),
    ("address.city", "city", &["city", "town", "addresscity"]),
    ("address.state", "state", &["state", "province", "region", "addressstate", "statecode"]),
    (
        "address.zip",
        "zip",
        &["zip", "zipcode", "postal", "postalcode", "postcode", "addresszip", "zippostalcode"],
    ),
    ("country", "country", &["country", "countrycode"]),
    ("timezone", "timezone", &["timezone", "tz"]),
    ("dateOfBirth", "dateOfBirth", &["dateofbirth", "dob", "birthdate", "birthday"]),
    ("campaignId", "", &["campaignid", "campaign", "campaigncode"]),
    ("isTest", "", &["istest", "test", "testlead"]),
    ("notes", "", &["notes", "note", "comment", "comments"]),
    ("attribution.ipAddress", "", &["ip", "ipaddr"]),
    ("attribution.referrer", "", &["referer", "referrerurl", "refererurl"]),
    (
        "attribution.captureUrl",
        "",
        &["landingpage", "landingpageurl", "landingurl", "pageurl", "sourceurl"],
    ),
    ("compliance.tcpaConsent", "", &["tcpaconsent", "tcpa", "tcpaoptin"]),
    (
        "compliance.trustedFormCertUrl",
        "",
        &[
            "trustedformcerturl",
            "xxtrustedformcerturl",
            "trustedform",
            "trustedformcert",
            "trustedformurl",
        ],
    ),
    (
        "compliance.jornayaLeadId",
        "",
        &["universalleadid", "leadidtoken", "jornayaleadid", "jornaya", "jornayaid"],
    ),
    ("", "salutation", &["salutation", "prefix"]),
    ("", "title", &["title", "jobtitle", "position"]),
    ("", "company", &["company", "companyname", "organization", "organisation", "employer"]),
    ("", "website", &["website", "web", "homepage", "companywebsite"]),
    ("", "numberOfEmployees", &["numberofemployees", "employees", "companysize"]),
    ("", "annualRevenue", &["annualrevenue", "revenue"]),
    ("", "tags", &["tags", "labels"]),
    ("", "source", &["source", "leadsource"]),
];

/// The field that a column's name suggests.
type Guess<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Guesses what each column means. Names that are fields come first, then what columns are commonly called; a field is taken once.
pub fn suggest(header: &[String], kind: ImportKind, properties: &Kinds) -> Suggested {
    let mut fields: Vec<Option<String>> = vec![None; header.len()];
    let mut taken = BTreeSet::new();
    let exact =
        |column: &str| Target::read(column, kind, properties).is_ok().then(|| column.to_owned());
    let alike = |column: &str| known_as(column, kind, properties);
    let passes: [Guess<'_>; 2] = [&exact, &alike];
    for guess in passes {
        for (column, field) in header.iter().zip(&mut fields) {
            if field.is_none() {
                *field = guess(column).filter(|field| taken.insert(field.clone()));
            }
        }
    }
    let mut suggested = Suggested::default();
    for (column, field) in header.iter().cloned().zip(fields) {
        match field {
            Some(field) => {
                suggested.mapping.push(Mapped { column, field, do_not_overwrite: false });
            }
            None => suggested.left_out.push(column),
        }
    }
    suggested
}

fn known_as(column: &str, kind: ImportKind, properties: &Kinds) -> Option<String> {
    let name: String = column.chars().filter(|c| c.is_alphanumeric()).collect();
    let name = name.to_lowercase();
    let is_lead = kind == ImportKind::Leads;
    for (lead, contact, names) in SYNONYMS {
        let field = if is_lead { lead } else { contact };
        if !field.is_empty() && names.contains(&name.as_str()) {
            return Some(field.to_owned());
        }
    }
    if is_lead {
        return attribution(column, &name);
    }
    let profile = crate::contact::form::fields().find(|field| field.to_lowercase() == name);
    let property = || key_of(column).filter(|key| properties.contains_key(key));
    profile.map(str::to_owned).or_else(|| Some(format!("property.{}", property()?)))
}

/// `utm_…` and the named values of an attribution.
fn attribution(column: &str, name: &str) -> Option<String> {
    if let Some(field) = ATTRIBUTION_FIELDS.iter().find(|field| field.to_lowercase() == name) {
        return Some(format!("attribution.{field}"));
    }
    let key = column.trim().to_lowercase().replace([' ', '-'], "_");
    let key = key.strip_prefix("attribution.").unwrap_or(&key);
    (key.starts_with("utm_") && is_key(key)).then(|| format!("attribution.params.{key}"))
}

#[cfg(test)]
#[path = "mapping_tests.rs"]
mod tests;
