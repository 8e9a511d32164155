//! Merging contacts: what the one that stays keeps, what it takes over, and which of their leads are the same one twice.
use super::{Contact, Profile};
use crate::{
    clock::Time,
    ids::{CampaignId, ContactId, LeadId},
    lead::LeadStatus,
};
use serde_json::{Map, Value, json};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

/// Contacts that are merged into one at once, at most.
pub const MERGE_MAX: usize = 10;

/// The survivor as it is to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    pub profile: Profile,
    /// Where it got what it did not know itself, by field: `company`, `property.tier`.
    pub taken: BTreeMap<String, ContactId>,
}

/// The survivor with what the others know. Its own values stay. What it does not know comes from the other that was changed last and knows
/// it; properties likewise, key by key. Tags are united. Who opted out of a channel anywhere is out, and the later day before which
/// nobody may reach them counts.
pub fn merged(survivor: &Contact, others: &[Contact]) -> Merged {
    let mut newest_first: Vec<&Contact> = others.iter().collect();
    newest_first.sort_by_key(|contact| (Reverse(contact.updated_at), contact.id));
    let mut merged = Merged { profile: survivor.profile.clone(), taken: BTreeMap::new() };
    fill(&mut merged, &newest_first);
    properties(&mut merged, &newest_first);
    let profile = &mut merged.profile;
    let all = newest_first.iter().flat_map(|contact| contact.profile.tags.iter());
    let tags: BTreeSet<&String> = survivor.profile.tags.iter().chain(all).collect();
    profile.tags.0 = tags.into_iter().cloned().collect();
    for other in newest_first.iter().map(|contact| &contact.profile) {
        profile.opt_out_email |= other.opt_out_email;
        profile.opt_out_sms |= other.opt_out_sms;
        profile.opt_out_phone |= other.opt_out_phone;
        profile.opt_out_push |= other.opt_out_push;
        // None is earlier than every day.
        profile.do_not_contact_until = profile.do_not_contact_until.max(other.do_not_contact_until);
    }
    merged
}

fn fill(merged: &mut Merged, newest_first: &[&Contact]) {
    macro_rules! fill {
        ($($field:ident $name:literal),* $(,)?) => {$(
            if merged.profile.$field.is_none()
                && let Some(other) = newest_first.iter().find(|one| one.profile.$field.is_some())
            {
                merged.profile.$field = other.profile.$field.clone();
                merged.taken.insert($name.into(), other.id);
            }
        )*};
    }
    fill!(
        first_name "firstName", last_name "lastName", email "email", phone "phone", salutation "salutation",
        title "title", company "company", website "website", industry "industry",
        number_of_employees "numberOfEmployees", annual_revenue "annualRevenue", gender "gender",
        date_of_birth "dateOfBirth", street "street", city "city", state "state", zip "zip", country "country",
        timezone "timezone", source "source",
    );
}

fn properties(merged: &mut Merged, newest_first: &[&Contact]) {
    for other in newest_first {
        for (key, value) in &other.profile.properties.0 {
            let is_known = merged.profile.properties.get(key).is_some_and(|own| !own.is_null());
            if !is_known && !value.is_null() {
                merged.profile.properties.insert(key.clone(), value.clone());
                merged.taken.insert(format!("property.{key}"), other.id);
            }
        }
    }
}

/// A lead of one of the contacts, before it moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Standing {
    pub id: LeadId,
    pub contact_id: ContactId,
    pub campaign_id: CampaignId,
    pub status: LeadStatus,
    pub is_test: bool,
    pub created_at: Time,
}

/// Which leads turn out to be the same person's second one in a campaign, each with the older one: in a campaign in which several of the
/// contacts have a lead, the oldest stays, and active ones of the other contacts are its duplicates. Deleted leads and test leads are
/// left out.
pub fn twins(leads: &[Standing]) -> Vec<(LeadId, LeadId)> {
    let counts = |lead: &&Standing| !lead.is_test && lead.status != LeadStatus::Deleted;
    let mut oldest: BTreeMap<CampaignId, &Standing> = BTreeMap::new();
    for lead in leads.iter().filter(counts) {
        let known = oldest.entry(lead.campaign_id).or_insert(lead);
        if (lead.created_at, lead.id) < (known.created_at, known.id) {
            *known = lead;
        }
    }
    let mut twins: Vec<(LeadId, LeadId)> = leads
        .iter()
        .filter(counts)
        .filter(|lead| lead.status == LeadStatus::Active)
        .filter_map(|lead| {
            let first = oldest.get(&lead.campaign_id)?;
            (first.contact_id != lead.contact_id).then_some((lead.id, first.id))
        })
        .collect();
    twins.sort();
    twins
}

/// The sums of activities of several contacts, as `activity_sum.events` keeps them: counts are added up, the last time counts.
pub fn events(sums: &[Map<String, Value>]) -> Map<String, Value> {
    let mut all: BTreeMap<&str, (i64, &str)> = BTreeMap::new();
    for (kind, sum) in sums.iter().flatten() {
        let count = sum["count"].as_i64().unwrap_or_default();
        // Moments are written so that they sort as text.
        let last = sum["lastAt"].as_str().unwrap_or_default();
        let known = all.entry(kind).or_default();
        *known = (known.0 + count, known.1.max(last));
    }
    let sum = |(kind, (count, last)): (&str, (i64, &str))| {
        (kind.to_owned(), json!({ "count": count, "lastAt": last }))
    };
    all.into_iter().map(sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{contact::ContactStatus, ids::WorkspaceId};
    use chrono::Duration;
    use serde_json::json;
    use sqlx::types::Json;

    fn noon() -> Time {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }

    fn contact(hours: i64, profile: Profile) -> Contact {
        let at = noon() + Duration::hours(hours);
        Contact {
            workspace_id: WorkspaceId::new(),
            id: ContactId::new(),
            status: ContactStatus::Active,
            profile,
            words: String::new(),
            revision: 1,
            merged_into: None,
            erased_at: None,
            created_at: noon(),
            updated_at: at,
        }
    }

    fn own(properties: Value, tags: &[&str]) -> Profile {
        Profile {
            properties: Json(properties.as_object().unwrap().clone()),
            tags: Json(tags.iter().map(ToString::to_string).collect()),
            ..Profile::default()
        }
    }

    #[test]
    fn own_values_stay_and_blanks_are_filled_by_the_newest_who_knows() {
        let survivor = contact(
            0,
            Profile {
                first_name: Some("Ada".into()),
                ..own(json!({"tier": "gold", "none": null}), &["vip"])
            },
        );
        let older = contact(
            1,
            Profile {
                first_name: Some("Augusta".into()),
                company: Some("Old".into()),
                phone: Some("+14155550100".into()),
                number_of_employees: Some(3),
                ..own(json!({"tier": "tin", "size": 1, "none": 7}), &["a", "vip"])
            },
        );
        let newer = contact(
            2,
            Profile {
                company: Some("New".into()),
                email: Some("n@example.com".into()),
                ..own(json!({"size": 2}), &["z"])
            },
        );
        let merged = merged(&survivor, &[older.clone(), newer.clone()]);
        let profile = &merged.profile;
        assert_eq!(profile.first_name.as_deref(), Some("Ada"));
        assert_eq!(profile.company.as_deref(), Some("New"));
        assert_eq!(profile.email.as_deref(), Some("n@example.com"));
        assert_eq!(profile.phone.as_deref(), Some("+14155550100"));
        assert_eq!(profile.number_of_employees, Some(3));
        assert_eq!(
            Value::Object(profile.properties.0.clone()),
            json!({"tier": "gold", "size": 2, "none": 7})
        );
        assert_eq!(profile.tags.0, ["a", "vip", "z"]);
        let taken: Vec<_> = merged.taken.iter().map(|(name, id)| (name.as_str(), *id)).collect();
        assert_eq!(
            taken,
            [
                ("company", newer.id),
                ("email", newer.id),
                ("numberOfEmployees", older.id),
                ("phone", older.id),
                ("property.none", older.id),
                ("property.size", newer.id),
            ]
        );
    }

    #[test]
    fn a_no_on_either_side_is_a_no_and_the_later_day_counts() {
        let day = |days| Some(noon() + Duration::days(days));
        let survivor = contact(
            0,
            Profile { opt_out_sms: true, do_not_contact_until: day(1), ..Profile::default() },
        );
        let other = contact(
            0,
            Profile { opt_out_email: true, do_not_contact_until: day(3), ..Profile::default() },
        );
        let third = contact(0, Profile { opt_out_push: true, ..Profile::default() });
        let profile = merged(&survivor, &[other, third]).profile;
        let out = [
            profile.opt_out_email,
            profile.opt_out_sms,
            profile.opt_out_phone,
            profile.opt_out_push,
        ];
        assert_eq!(out, [true, true, false, true]);
        assert_eq!(profile.do_not_contact_until, day(3));
    }

    #[test]
    fn merging_with_nobody_changes_nothing() {
        let survivor = contact(0, own(json!({"a": 1}), &["x"]));
        let same = merged(&survivor, &[]);
        assert_eq!((same.profile, same.taken.len()), (survivor.profile, 0));
    }

    #[test]
    fn the_oldest_lead_of_a_campaign_stays_and_the_others_active_ones_are_its_duplicates() {
        let (ours, theirs) = (ContactId::new(), ContactId::new());
        let (sol, roof) = (CampaignId::new(), CampaignId::new());
        let lead = |contact_id, campaign_id, status, hours| Standing {
            id: LeadId::new(),
            contact_id,
            campaign_id,
            status,
            is_test: false,
            created_at: noon() + Duration::hours(hours),
        };
        let deleted = lead(theirs, sol, LeadStatus::Deleted, 0);
        let test = Standing { is_test: true, ..lead(theirs, sol, LeadStatus::Active, 1) };
        let first = lead(ours, sol, LeadStatus::Qualified, 2);
        let own_second = lead(ours, sol, LeadStatus::Active, 3);
        let twin = lead(theirs, sol, LeadStatus::Active, 4);
        let over = lead(theirs, sol, LeadStatus::Rejected, 5);
        let elsewhere = lead(theirs, roof, LeadStatus::Active, 6);
        let all = [elsewhere, over, twin, own_second, first, test, deleted];
        assert_eq!(twins(&all), [(twin.id, first.id)]);
        assert_eq!(twins(&[]), []);
    }

    #[test]
    fn sums_are_added_up_by_type() {
        let sum = |value: Value| value.as_object().unwrap().clone();
        let one = sum(json!({"call": {"count": 2, "lastAt": "2026-11-21T12:00:00.000000Z"}}));
        let two = sum(json!({
            "call": {"count": 3, "lastAt": "2026-11-20T12:00:00.000000Z"},
            "form": {"count": 1, "lastAt": "2026-11-19T12:00:00.000000Z"},
        }));
        let wanted = json!({
            "call": {"count": 5, "lastAt": "2026-11-21T12:00:00.000000Z"},
            "form": {"count": 1, "lastAt": "2026-11-19T12:00:00.000000Z"},
        });
        assert_eq!(Value::Object(events(&[one, two])), wanted);
    }
}
