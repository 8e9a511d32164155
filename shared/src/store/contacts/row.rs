//! A contact as one row of a statement: every column that is written.
use crate::{
    clock::Time,
    contact::{Contact, ContactStatus, fold},
    store::rows::{time, time_or_null},
};
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

/// The columns of a [`ContactRow`], as `ROWS` reads them.
macro_rules! written_columns {
    () => {
        "workspace_id uuid, id uuid, status text, first_name text, last_name text, email text, phone text, salutation text, \
         title text, company text, website text, industry text, number_of_employees bigint, annual_revenue bigint, gender text, \
         date_of_birth text, street text, city text, state text, zip text, country text, timezone text, source text, \
         properties jsonb, tags jsonb, opt_out_email boolean, opt_out_sms boolean, opt_out_phone boolean, opt_out_push boolean, \
         do_not_contact_until timestamptz, folded jsonb, words text, merged_into uuid, erased_at timestamptz, \
         import_id uuid, at timestamptz"
    };
}
pub(super) use written_columns;

#[derive(Serialize)]
pub(super) struct ContactRow<'a> {
    pub workspace_id: Uuid,
    pub id: Uuid,
    status: ContactStatus,
    first_name: &'a Option<String>,
    last_name: &'a Option<String>,
    email: &'a Option<String>,
    phone: &'a Option<String>,
    salutation: &'a Option<String>,
    title: &'a Option<String>,
    company: &'a Option<String>,
    website: &'a Option<String>,
    industry: &'a Option<String>,
    number_of_employees: Option<i64>,
    annual_revenue: Option<i64>,
    gender: &'a Option<String>,
    date_of_birth: &'a Option<String>,
    street: &'a Option<String>,
    city: &'a Option<String>,
    state: &'a Option<String>,
    zip: &'a Option<String>,
    country: &'a Option<String>,
    timezone: &'a Option<String>,
    source: &'a Option<String>,
    properties: &'a Map<String, Value>,
    tags: &'a [String],
    opt_out_email: bool,
    opt_out_sms: bool,
    opt_out_phone: bool,
    opt_out_push: bool,
    #[serde(serialize_with = "time_or_null")]
    do_not_contact_until: Option<Time>,
    folded: Map<String, Value>,
    words: String,
    merged_into: Option<Uuid>,
    #[serde(serialize_with = "time_or_null")]
    erased_at: Option<Time>,
    /// Of a new one.
    pub import_id: Option<Uuid>,
    #[serde(serialize_with = "time")]
    at: Time,
}

impl<'a> ContactRow<'a> {
    pub fn of(contact: &'a Contact, words: String, at: Time) -> Self {
        let profile = &contact.profile;
        Self {
            workspace_id: contact.workspace_id.0,
            id: contact.id.0,
            status: contact.status,
            first_name: &profile.first_name,
            last_name: &profile.last_name,
            email: &profile.email,
            phone: &profile.phone,
            salutation: &profile.salutation,
            title: &profile.title,
            company: &profile.company,
            website: &profile.website,
            industry: &profile.industry,
            number_of_employees: profile.number_of_employees,
            annual_revenue: profile.annual_revenue,
            gender: &profile.gender,
            date_of_birth: &profile.date_of_birth,
            street: &profile.street,
            city: &profile.city,
            state: &profile.state,
            zip: &profile.zip,
            country: &profile.country,
            timezone: &profile.timezone,
            source: &profile.source,
            properties: &profile.properties.0,
            tags: &profile.tags.0,
            opt_out_email: profile.opt_out_email,
            opt_out_sms: profile.opt_out_sms,
            opt_out_phone: profile.opt_out_phone,
            opt_out_push: profile.opt_out_push,
            do_not_contact_until: profile.do_not_contact_until,
            folded: fold::folded(profile),
            words,
            merged_into: contact.merged_into.map(|id| id.0),
            erased_at: contact.erased_at,
            import_id: None,
            at,
        }
    }
}
