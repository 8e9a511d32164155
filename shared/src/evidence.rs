//! What a lead's `compliance` proves: consent as it was given, and certificates of those who watched. Known members are read; whatever
//! else is sent is kept with the lead and proves nothing here.
use crate::{clock::Time, key};
use chrono::{DateTime, Datelike, SubsecRound, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use url::Url;

/// Characters of a certificate's URL or token, at most; what is longer is cut.
pub const REFERENCE_MAX: usize = 2_000;

/// Where TrustedForm keeps its certificates.
const TRUSTEDFORM_HOST: &str = "cert.trustedform.com";
/// Lengths of a certificate's id.
const TRUSTEDFORM_IDS: [usize; 2] = [40, 80];
/// How the ids of certificates begin that Facebook's forms make, and how long they are at most.
const FACEBOOK_ID: (&str, usize) = ("0.", 255);
/// Characters of a Jornaya LeadiD.
const JORNAYA_ID: usize = 36;

/// Members that name a TrustedForm certificate.
const TRUSTEDFORM: [&str; 4] =
    ["trustedFormCertUrl", "xxTrustedFormCertUrl", "trustedform_cert_url", "trusted_form_cert_url"];
/// Members that hold a Jornaya LeadiD.
const JORNAYA: [&str; 5] =
    ["jornayaLeadId", "universal_leadid", "leadid_token", "jornaya_leadid", "universalLeadId"];
/// Members that say that somebody consented; with one of them there is evidence of its own.
const CONSENT: [&str; 3] = ["tcpaConsent", "tcpaText", "consentedAt"];
/// What else belongs to it.
const WITH_CONSENT: [&str; 6] =
    ["textVersion", "sellerNames", "phoneShown", "pageUrl", "ipAddress", "userAgent"];
/// What `attribution` says in place of a member that is absent.
const INSTEAD: [(&str, &str); 3] =
    [("pageUrl", "captureUrl"), ("ipAddress", "ipAddress"), ("userAgent", "userAgent")];

/// What kind of proof it is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
#[schema(as = EvidenceKind)]
pub enum Kind {
    /// What the person agreed to, as the source tells it.
    Tcpa,
    /// A certificate of TrustedForm: its URL.
    Trustedform,
    /// A LeadiD of Jornaya.
    Jornaya,
    Other,
}

/// One thing that proves something.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    pub kind: Kind,
    pub reference: Option<String>,
    /// Why the reference or the time is not what it should be.
    pub malformed: Option<String>,
    pub detail: Map<String, Value>,
    /// When the person agreed.
    pub captured_at: Option<Time>,
    /// SHA-256 of what was said, hexadecimal: the same words prove nothing twice.
    pub digest: String,
}

impl Said {
    /// Something of this kind; its reference is looked at.
    pub fn new(
        kind: Kind,
        reference: Option<&str>,
        detail: Map<String, Value>,
        captured_at: Option<Time>,
    ) -> Self {
        let reference = reference.map(|text| cut(first(kind, text)));
        let malformed = reference.as_deref().and_then(|text| check(kind, text).err());
        let digest = digest(kind, reference.as_deref(), &detail, captured_at);
        Self { kind, reference, malformed, detail, captured_at, digest }
    }
}

/// What `compliance` proves. Page, address and browser are taken from `attribution` where it does not say them.
pub fn of(compliance: &Map<String, Value>, attribution: &Map<String, Value>) -> Vec<Said> {
    if compliance.is_empty() {
        return Vec::new();
    }
    let mut said: Vec<Said> = consent(compliance, attribution).into_iter().collect();
    let captured_at = captured(compliance).ok().flatten();
    for (kind, names) in
        [(Kind::Trustedform, TRUSTEDFORM.as_slice()), (Kind::Jornaya, JORNAYA.as_slice())]
    {
        if let Some((name, text)) = names.iter().find_map(|name| named(compliance, name)) {
            let detail = Map::from_iter([("member".to_owned(), json!(name))]);
            said.push(Said::new(kind, Some(&text), detail, captured_at));
        }
    }
    said
}

/// A member that says something, as text.
fn named<'a>(compliance: &Map<String, Value>, name: &'a str) -> Option<(&'a str, String)> {
    let text = match compliance.get(name)? {
        Value::Null => return None,
        Value::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    };
    (!text.is_empty()).then_some((name, text))
}

fn consent(compliance: &Map<String, Value>, attribution: &Map<String, Value>) -> Option<Said> {
    let is_said = |name: &&&str| compliance.get(**name).is_some_and(|value| !value.is_null());
    CONSENT.iter().find(is_said)?;
    let members = CONSENT.iter().chain(&WITH_CONSENT).filter(is_said);
    let own: Map<String, Value> =
        members.map(|name| ((*name).to_owned(), compliance[*name].clone())).collect();
    let captured = captured(compliance);
    let mut said = Said::new(Kind::Tcpa, None, own, captured.clone().ok().flatten());
    said.malformed = captured.err();
    // Not part of the digest: a later request says it of another visit, or not at all.
    for (name, instead) in INSTEAD {
        if let (false, Some(value)) = (said.detail.contains_key(name), attribution.get(instead)) {
            said.detail.insert(name.to_owned(), value.clone());
        }
    }
    Some(said)
}

/// When the person agreed, as `consentedAt` says.
fn captured(compliance: &Map<String, Value>) -> Result<Option<Time>, String> {
    let rule = || "consentedAt is no time such as 2026-11-24T12:00:00Z".to_owned();
    match compliance.get("consentedAt") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => {
            let time = DateTime::parse_from_rfc3339(text.trim()).map_err(|_| rule())?.to_utc();
            let is_near = (1970..10_000).contains(&time.year());
            is_near.then(|| Some(exactly(time))).ok_or_else(rule)
        }
        Some(_) => Err(rule()),
    }
}

/// As exactly as times are kept.
pub fn exactly(time: DateTime<Utc>) -> Time {
    time.trunc_subsecs(6)
}

/// Sources sometimes send several certificates; the first is the lead's.
fn first(kind: Kind, text: &str) -> &str {
    match kind {
        Kind::Trustedform => text.split(',').next().unwrap_or_default().trim(),
        Kind::Tcpa | Kind::Jornaya | Kind::Other => text.trim(),
    }
}

fn cut(text: &str) -> String {
    text.chars().take(REFERENCE_MAX).collect()
}

/// Says what is wrong with a reference of this kind. What is asked about a certificate is asked at its URL, with a key: it must be theirs.
pub fn check(kind: Kind, reference: &str) -> Result<(), String> {
    match kind {
        Kind::Trustedform => trustedform(reference),
        Kind::Jornaya => jornaya(reference),
        Kind::Tcpa | Kind::Other => Ok(()),
    }
}

fn trustedform(reference: &str) -> Result<(), String> {
    let not_theirs = || format!("is not a URL of https://{TRUSTEDFORM_HOST}/");
    let url = Url::parse(reference).map_err(|_| not_theirs())?;
    let is_bare = url.port().is_none() && url.username().is_empty() && url.password().is_none();
    if url.scheme() != "https" || url.host_str() != Some(TRUSTEDFORM_HOST) || !is_bare {
        return Err(not_theirs());
    }
    let id = url.path().trim_start_matches('/');
    let plain = |id: &str| id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    let (prefix, longest) = FACEBOOK_ID;
    let of_facebook = id.strip_prefix(prefix).is_some_and(|rest| {
        !rest.is_empty() && id.len() <= longest && plain(&rest.replace('.', ""))
    });
    if of_facebook || (TRUSTEDFORM_IDS.contains(&id.len()) && plain(id)) {
        return Ok(());
    }
    Err("names no certificate: its id has 40 or 80 letters, digits, `-` or `_`".into())
}

fn jornaya(reference: &str) -> Result<(), String> {
    let fits = reference.len() == JORNAYA_ID
        && reference.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if fits { Ok(()) } else { Err(format!("is no LeadiD of {JORNAYA_ID} letters, digits and `-`")) }
}

fn digest(
    kind: Kind,
    reference: Option<&str>,
    detail: &Map<String, Value>,
    captured_at: Option<Time>,
) -> String {
    // The name under which a certificate came makes it no other one.
    let mut members: Vec<(&String, &Value)> =
        detail.iter().filter(|(name, _)| kind == Kind::Other || *name != "member").collect();
    members.sort_by_key(|(name, _)| *name);
    key::hash(json!([kind, reference, members, captured_at]).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CERT: &str = "https://cert.trustedform.com/0123456789abcdef0123456789abcdef01234567";

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_certificate_is_theirs_or_it_is_none() {
        let id = |length: usize| format!("https://cert.trustedform.com/{}", "a".repeat(length));
        for good in [CERT, &id(40), &id(80), "https://cert.trustedform.com/0.abc-1_2"] {
            assert_eq!(check(Kind::Trustedform, good), Ok(()), "{good}");
        }
        for bad in [
            "http://cert.trustedform.com/0123456789abcdef0123456789abcdef01234567",
            "https://cert.trustedform.com.evil.test/0123456789abcdef0123456789abcdef01234567",
            "https://evil.test/0123456789abcdef0123456789abcdef01234567",
            "https://cert.trustedform.com@evil.test/0123456789abcdef0123456789abcdef01234567",
            "https://x@cert.trustedform.com/0123456789abcdef0123456789abcdef01234567",
            "https://cert.trustedform.com:8443/0123456789abcdef0123456789abcdef01234567",
            &id(41),
            "https://cert.trustedform.com/",
            "https://cert.trustedform.com/0.",
            "no url",
        ] {
            assert!(check(Kind::Trustedform, bad).is_err(), "{bad}");
        }
        assert_eq!(check(Kind::Jornaya, "0FE1A2B3-C4D5-E6F7-0809-0A0B0C0D0E0F"), Ok(()));
        assert!(check(Kind::Jornaya, "0FE1A2B3").is_err());
    }

    #[test]
    fn every_proof_of_a_lead_is_found_and_a_bad_one_is_kept_as_it_was_said() {
        let compliance = object(json!({
            "tcpaConsent": true, "tcpaText": "Call me.", "consentedAt": "2026-11-24T13:00:00+01:00",
            "trustedFormCertUrl": format!("{CERT}, https://evil.test/x"), "leadid_token": "short", "own": 1,
        }));
        let attribution = object(json!({"captureUrl": "https://a.example/form", "userAgent": "B"}));
        let said = of(&compliance, &attribution);
        let kinds: Vec<Kind> = said.iter().map(|one| one.kind).collect();
        assert_eq!(kinds, [Kind::Tcpa, Kind::Trustedform, Kind::Jornaya]);
        assert_eq!(said[0].detail["pageUrl"], "https://a.example/form");
        assert_eq!(said[0].detail.get("own"), None);
        assert_eq!(said[0].captured_at, Some("2026-11-24T12:00:00Z".parse().unwrap()));
        assert_eq!((said[1].reference.as_deref(), &said[1].malformed), (Some(CERT), &None));
        assert_eq!(said[2].reference.as_deref(), Some("short"));
        assert!(said[2].malformed.as_deref().unwrap().contains("36"));
        let again = of(&compliance, &Map::new());
        let digests = |said: &[Said]| said.iter().map(|one| one.digest.clone()).collect::<Vec<_>>();
        assert_eq!(digests(&again), digests(&said), "where it was said from changes no word");
    }

    #[test]
    fn who_says_nothing_of_consent_proves_nothing() {
        for silent in [json!({}), json!({"own": 1, "pageUrl": "x"}), json!({"tcpaConsent": null})] {
            assert_eq!(of(&object(silent), &Map::new()), []);
        }
        let late = of(&object(json!({"consentedAt": "yesterday"})), &Map::new());
        assert!(late[0].malformed.is_some() && late[0].captured_at.is_none());
        let no = of(&object(json!({"tcpaConsent": false})), &Map::new());
        assert_eq!(no[0].detail["tcpaConsent"], false, "a no is kept as well");
    }
}
