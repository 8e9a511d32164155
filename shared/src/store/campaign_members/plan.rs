//! Who becomes a lead, who comes back and who leaves: decided from what was looked at.
use super::{
    BY_SEGMENT, Campaign,
    look::{Lead, Person},
};
use crate::{
    clock::Time,
    contact::ContactStatus,
    ids::{CampaignId, ContactId, LeadId},
    lead::LeadStatus,
};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Why somebody may not become a lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bar {
    Status(ContactStatus),
    /// They do not want to be reached by anything.
    OptedOut,
    /// Nobody may reach them until then.
    Until(Time),
}

impl Bar {
    /// As a sentence about the contact.
    pub(super) fn why(self) -> String {
        match self {
            Self::Status(status) => format!("the contact is {}", status.word()),
            Self::OptedOut => "the contact has opted out of every channel".to_owned(),
            Self::Until(until) => format!("the contact is not to be contacted until {until}"),
        }
    }
}

/// What keeps the contact from becoming a lead, if anything.
pub(super) fn bar(person: &Person, now: Time) -> Option<Bar> {
    if person.status != ContactStatus::Active {
        return Some(Bar::Status(person.status));
    }
    let open =
        [person.opt_out_email, person.opt_out_sms, person.opt_out_phone, person.opt_out_push];
    if open.iter().all(|out| *out) {
        return Some(Bar::OptedOut);
    }
    person.do_not_contact_until.filter(|until| *until > now).map(Bar::Until)
}

/// What is to be done.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Plan {
    pub make: Vec<(CampaignId, ContactId)>,
    pub revive: Vec<LeadId>,
    pub leave: Vec<LeadId>,
    /// When a campaign is to look again, because somebody may be contacted by then.
    pub held: BTreeMap<CampaignId, Time>,
}

/// By contact, their leads in one campaign.
type Has<'a> = HashMap<(CampaignId, ContactId), Vec<&'a Lead>>;

/// Members get a lead unless they have one, or had one that somebody took from them; those who are in no segment any more lose what
/// a segment gave them, as long as nothing came of it. A bar keeps people out; it does not take away what they have.
pub(super) fn by_segments(
    campaigns: &[Campaign],
    people: &[Person],
    members: &HashSet<(CampaignId, ContactId)>,
    leads: &[Lead],
    now: Time,
) -> Plan {
    let mut has = Has::new();
    for lead in leads {
        has.entry((lead.campaign_id, lead.contact_id)).or_default().push(lead);
    }
    let mut plan = Plan::default();
    for campaign in campaigns {
        for person in people {
            let key = (campaign.id, person.id);
            let mine = has.get(&key).map_or(&[][..], Vec::as_slice);
            if members.contains(&key) {
                enter(&mut plan, key, mine, bar(person, now));
            } else {
                let by_segment = |lead: &&&Lead| lead.source == BY_SEGMENT;
                let idle = mine.iter().filter(by_segment);
                let idle = idle.filter(|lead| lead.status == LeadStatus::Active);
                plan.leave.extend(idle.map(|lead| lead.id));
            }
        }
    }
    plan
}

fn enter(plan: &mut Plan, key: (CampaignId, ContactId), mine: &[&Lead], bar: Option<Bar>) {
    if mine.iter().any(|lead| !lead.has_left) {
        return;
    }
    match bar {
        Some(Bar::Until(until)) => {
            let held = plan.held.entry(key.0).or_insert(until);
            *held = until.min(*held);
        }
        Some(_) => {}
        None => match mine.iter().map(|lead| lead.id).max() {
            Some(newest) => plan.revive.push(newest),
            None => plan.make.push(key),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noon;
    use chrono::Duration;
    use std::slice::from_ref;

    fn person() -> Person {
        Person {
            id: ContactId::new(),
            status: ContactStatus::Active,
            opt_out_email: false,
            opt_out_sms: false,
            opt_out_phone: false,
            opt_out_push: false,
            do_not_contact_until: None,
        }
    }

    #[test]
    fn only_those_who_may_be_reached_by_something_are_taken() {
        let now = noon();
        let at = |hours| Some(now + Duration::hours(hours));
        assert_eq!(bar(&person(), now), None);
        let some = Person { opt_out_email: true, opt_out_sms: true, ..person() };
        assert_eq!(bar(&some, now), None, "by phone they may");
        let all = Person { opt_out_phone: true, opt_out_push: true, ..some };
        assert_eq!(bar(&all, now), Some(Bar::OptedOut));
        let bounced = Person { status: ContactStatus::Bounced, ..person() };
        assert_eq!(bar(&bounced, now), Some(Bar::Status(ContactStatus::Bounced)));
        let held = Person { do_not_contact_until: at(1), ..person() };
        assert_eq!(bar(&held, now), Some(Bar::Until(at(1).unwrap())));
        assert_eq!(bar(&held, at(1).unwrap()), None, "it is over then");
    }

    #[test]
    fn what_came_of_a_lead_decides_whether_a_segment_touches_it() {
        let campaign = Campaign { id: CampaignId::new(), auto_qualify: false, dedup_days: None };
        let person = person();
        let lead = |status, source: &str, has_left| Lead {
            id: LeadId::new(),
            contact_id: person.id,
            campaign_id: campaign.id,
            status,
            source: source.into(),
            has_left,
        };
        let decide = |is_member: bool, lead: &Lead| {
            let members =
                if is_member { HashSet::from([(campaign.id, person.id)]) } else { HashSet::new() };
            let plan =
                by_segments(&[campaign], from_ref(&person), &members, from_ref(lead), noon());
            (plan.make.len(), plan.revive.len(), plan.leave.len())
        };
        for status in
            [LeadStatus::Active, LeadStatus::Duplicate, LeadStatus::Qualified, LeadStatus::Rejected]
        {
            for source in ["segment", "manual", "api", "create"] {
                assert_eq!(
                    decide(true, &lead(status, source, false)),
                    (0, 0, 0),
                    "it is there already"
                );
                let leaves = usize::from(status == LeadStatus::Active && source == "segment");
                assert_eq!(
                    decide(false, &lead(status, source, false)),
                    (0, 0, leaves),
                    "{status:?} {source}"
                );
            }
        }
        assert_eq!(
            decide(true, &lead(LeadStatus::Deleted, "segment", true)),
            (0, 1, 0),
            "it comes back"
        );
        assert_eq!(
            decide(true, &lead(LeadStatus::Deleted, "segment", false)),
            (0, 0, 0),
            "somebody removed it"
        );
        assert_eq!(decide(false, &lead(LeadStatus::Deleted, "segment", true)), (0, 0, 0));
    }
}
