//! A contact as callers see it.
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::{
    contact::{self, ContactStatus},
    ids::ContactId,
};
use utoipa::ToSchema;

/// Whether a person wants to be reached by a channel: `in`, or `out` once they have said no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    In,
    Out,
}

impl Choice {
    pub fn of(is_out: bool) -> Self {
        if is_out { Self::Out } else { Self::In }
    }
}

/// By which channels a person wants to be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Consent {
    pub email: Choice,
    pub sms: Choice,
    /// Calls.
    pub phone: Choice,
    pub push: Choice,
}

/// A person. What is not known is null.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Contact {
    pub contact_id: ContactId,
    pub status: ContactStatus,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    /// Lower case.
    pub email: Option<String>,
    /// E.164.
    pub phone: Option<String>,
    pub salutation: Option<String>,
    pub title: Option<String>,
    pub company: Option<String>,
    pub website: Option<String>,
    pub industry: Option<String>,
    pub number_of_employees: Option<i64>,
    /// In the currency that the workspace reckons in.
    pub annual_revenue: Option<i64>,
    pub gender: Option<String>,
    /// `YYYY-MM-DD`.
    pub date_of_birth: Option<String>,
    pub street: Option<String>,
    pub city: Option<String>,
    pub state: Option<String>,
    pub zip: Option<String>,
    /// Two capital letters.
    pub country: Option<String>,
    /// An IANA name.
    pub timezone: Option<String>,
    /// How they came.
    pub source: Option<String>,
    /// Values of the workspace's own properties, by key.
    #[schema(value_type = Object)]
    pub properties: Map<String, Value>,
    /// Sorted, each once.
    pub tags: Vec<String>,
    pub consent: Consent,
    /// Nobody reaches them before this moment.
    pub do_not_contact_until: Option<DateTime<Utc>>,
    /// Grows by one with every change.
    pub revision: i64,
    /// The contact that this one was merged into.
    pub merged_into: Option<ContactId>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl From<contact::Contact> for Contact {
    fn from(contact: contact::Contact) -> Self {
        let profile = contact.profile;
        Self {
            contact_id: contact.id,
            status: contact.status,
            first_name: profile.first_name,
            last_name: profile.last_name,
            email: profile.email,
            phone: profile.phone,
            salutation: profile.salutation,
            title: profile.title,
            company: profile.company,
            website: profile.website,
            industry: profile.industry,
            number_of_employees: profile.number_of_employees,
            annual_revenue: profile.annual_revenue,
            gender: profile.gender,
            date_of_birth: profile.date_of_birth,
            street: profile.street,
            city: profile.city,
            state: profile.state,
            zip: profile.zip,
            country: profile.country,
            timezone: profile.timezone,
            source: profile.source,
            properties: profile.properties.0,
            tags: profile.tags.0,
            consent: Consent {
                email: Choice::of(profile.opt_out_email),
                sms: Choice::of(profile.opt_out_sms),
                phone: Choice::of(profile.opt_out_phone),
                push: Choice::of(profile.opt_out_push),
            },
            do_not_contact_until: profile.do_not_contact_until,
            revision: contact.revision,
            merged_into: contact.merged_into,
            created_at: contact.created_at,
            updated_at: contact.updated_at,
        }
    }
}
