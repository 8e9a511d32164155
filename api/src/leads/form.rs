//! The body of a new lead: its fields as sources send them, checked and normalised all at once.
use crate::{
    error::{ApiError, Detail},
    scan::Object,
};
use serde::Deserialize;
use serde_json::{Map, Value};
use shared::{
    clock::Time,
    ids::LeadId,
    lead::{
        Details, Person, answers,
        parts::{
            Address, Attachment, Attribution, COMPLIANCE_MAX, CUSTOM_FIELDS_MAX, NOTES_MAX,
            Problems, files, note,
        },
    },
    person,
    store::intake::{CampaignRef, Who},
};
use utoipa::ToSchema;

/// A lead as a source sends it.
#[derive(Debug, Default, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({
    "campaignId": "SOL", "firstName": "Maria", "lastName": "Diaz", "email": "maria@example.com",
    "phone": "(415) 555-0100", "address": {"state": "CA", "zip": "94107"}, "questionnaire": {"roof": "yes"}
}))]
pub struct LeadForm {
    /// The campaign's id (`cmp_…`) or its code of two to five capital letters or digits.
    #[schema(example = "SOL")]
    pub campaign_id: String,
    /// Trimmed; capitalised when it comes all in lower or all in upper case. Required unless `leadId` is given.
    pub first_name: Option<String>,
    /// Like `firstName`.
    pub last_name: Option<String>,
    /// Kept in lower case. Required unless `leadId` is given.
    pub email: Option<String>,
    /// At least ten digits; kept in E.164. Without `+` it is read as a number of `country`, or of the United States.
    /// Required unless `leadId` is given.
    pub phone: Option<String>,
    /// Submits a known lead again: its stored data is used, and what is given here besides is merged into it first.
    /// Not for `POST /leads`.
    pub lead_id: Option<LeadId>,
    #[schema(value_type = Option<Address>)]
    pub address: Option<Object<Address>>,
    #[schema(example = "1980-02-29")]
    pub date_of_birth: Option<String>,
    /// Two capital letters.
    #[schema(example = "US")]
    pub country: Option<String>,
    /// An object of answers by key, or a list of `{key?, question?, answer}`; a missing key is made of the question.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub questionnaire: Value,
    #[schema(value_type = Option<Object>)]
    pub custom_fields: Option<Map<String, Value>>,
    #[schema(value_type = Option<Attribution>)]
    pub attribution: Option<Object<Attribution>>,
    /// Consent and its proofs; `tcpaConsent` is a boolean, the rest is free.
    #[schema(value_type = Option<Object>)]
    pub compliance: Option<Map<String, Value>>,
    #[schema(value_type = Option<Vec<Attachment>>)]
    pub files: Option<Vec<Object<Attachment>>>,
    /// Test leads skip duplicate detection.
    pub is_test: Option<bool>,
    /// An IANA time zone.
    #[schema(example = "America/Los_Angeles")]
    pub timezone: Option<String>,
    pub notes: Option<String>,
}

/// A form without problems.
#[derive(Debug)]
pub struct Checked {
    pub campaign: CampaignRef,
    pub who: Who,
    pub is_test: bool,
}

/// What changes of a known lead; what is none stays as it is.
#[derive(Debug)]
pub struct Changes {
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub details: Details,
}

impl LeadForm {
    /// Checks a form that changes a known lead.
    pub fn changes(self, by: &str, now: Time) -> Result<Changes, Vec<Detail>> {
        let mut problems = Problems::default();
        let details = self.details(&mut problems, by, now);
        let country = self.country.clone();
        let phone = |given: &str| person::phone(given, country.as_deref());
        let changes = Changes {
            first_name: optional(
                "firstName",
                self.first_name.as_deref(),
                person::name,
                &mut problems,
            ),
            last_name: optional("lastName", self.last_name.as_deref(), person::name, &mut problems),
            email: optional("email", self.email.as_deref(), person::email, &mut problems),
            phone: optional("phone", self.phone.as_deref(), phone, &mut problems),
            details,
        };
        for (name, given) in
            [("leadId", self.lead_id.is_some()), ("isTest", self.is_test.is_some())]
        {
            if given {
                problems.say(name, "is the stored lead's; leave it out");
            }
        }
        if problems.0.is_empty() { Ok(changes) } else { Err(listed(problems)) }
    }

    /// Checks and normalises; lists every problem at once. `by` is noted beside notes.
    pub fn check(self, by: &str, now: Time) -> Result<Checked, ApiError> {
        let mut problems = Problems::default();
        let campaign = problems.take("campaignId", CampaignRef::read(&self.campaign_id));
        let details = self.details(&mut problems, by, now);
        let who = match self.lead_id {
            Some(lead) => {
                self.refuse_person(&mut problems);
                Some(Who::Known { lead, details })
            }
            None => self.person(&mut problems).map(|person| Who::New { person, details }),
        };
        let is_test = self.is_test.unwrap_or(false);
        match (campaign, who) {
            (Some(campaign), Some(who)) if problems.0.is_empty() => {
                Ok(Checked { campaign, who, is_test })
            }
            _ => Err(ApiError::invalid(listed(problems))),
        }
    }

    /// A lead that is only stored is a new one.
    pub fn must_be_new(&self) -> Result<(), ApiError> {
        match self.lead_id {
            None => Ok(()),
            Some(_) => Err(ApiError::invalid(vec![Detail::new(
                "leadId",
                "is for POST /api/v1/leads/submit, which submits a known lead again",
            )])),
        }
    }

    fn person(&self, problems: &mut Problems) -> Option<Person> {
        let country = self.country.as_deref();
        let country =
            country.or_else(|| self.address.as_ref().and_then(|a| a.0.country.as_deref()));
        let first_name = required("firstName", self.first_name.as_deref(), person::name, problems);
        let last_name = required("lastName", self.last_name.as_deref(), person::name, problems);
        let email = required("email", self.email.as_deref(), person::email, problems);
        let phone = |given: &str| person::phone(given, country);
        let phone = required("phone", self.phone.as_deref(), phone, problems);
        Some(Person {
            first_name: first_name?,
            last_name: last_name?,
            email: email?,
            phone: phone?,
        })
    }

    fn refuse_person(&self, problems: &mut Problems) {
        let given = [
            ("firstName", self.first_name.is_some()),
            ("lastName", self.last_name.is_some()),
            ("email", self.email.is_some()),
            ("phone", self.phone.is_some()),
            ("isTest", self.is_test.is_some()),
        ];
        for (name, _) in given.into_iter().filter(|(_, is_given)| *is_given) {
            problems.say(name, "is the stored lead's; leave it out when leadId is given");
        }
    }

    fn details(&self, problems: &mut Problems, by: &str, now: Time) -> Details {
        let questionnaire = answers::read(&self.questionnaire, problems);
        answers::repeated(&questionnaire, problems);
        let custom_fields = self.custom_fields.clone().unwrap_or_default();
        problems.map("customFields", &custom_fields, CUSTOM_FIELDS_MAX);
        let compliance = self.compliance.clone().unwrap_or_default();
        problems.map("compliance", &compliance, COMPLIANCE_MAX);
        if compliance.get("tcpaConsent").is_some_and(|consent| !consent.is_boolean()) {
            problems.say("compliance.tcpaConsent", "must be true or false");
        }
        if let Some(notes) = &self.notes {
            problems.at_most("notes", notes.chars().count(), NOTES_MAX, "characters");
        }
        let attached: Vec<_> = self.files.iter().flatten().map(|file| &file.0).collect();
        let today = now.date_naive();
        let born = |given: &str| person::date_of_birth(given, today);
        Details {
            address: self.address.as_ref().map(|a| a.0.check(problems)).unwrap_or_default(),
            date_of_birth: optional("dateOfBirth", self.date_of_birth.as_deref(), born, problems),
            country: optional("country", self.country.as_deref(), person::country_code, problems),
            timezone: optional("timezone", self.timezone.as_deref(), person::timezone, problems),
            questionnaire,
            custom_fields,
            attribution: self.attribution.as_ref().map(|a| a.0.check(problems)).unwrap_or_default(),
            compliance,
            files: files(&attached, problems),
            notes: self.notes.iter().map(|text| note(text, by, now)).collect(),
        }
    }
}

fn optional(
    path: &str,
    given: Option<&str>,
    check: impl Fn(&str) -> Result<String, String>,
    problems: &mut Problems,
) -> Option<String> {
    given.and_then(|given| problems.take(path, check(given)))
}

fn required(
    path: &str,
    given: Option<&str>,
    check: impl Fn(&str) -> Result<String, String>,
    problems: &mut Problems,
) -> Option<String> {
    if given.is_none() {
        problems.say(path, "is missing; it is required unless leadId is given");
    }
    optional(path, given, check, problems)
}

fn listed(problems: Problems) -> Vec<Detail> {
    problems.0.into_iter().map(|one| Detail::new(one.path, one.message)).collect()
}
