//! Who wants to be told what: the addresses of a workspace, and which of them hear an event.
use super::Event;
use crate::ids::{CampaignId, WebhookId};
use std::collections::{BTreeSet, HashMap};

/// An address that is not off.
#[derive(Debug, Clone, PartialEq)]
pub struct Address {
    pub id: WebhookId,
    /// None: the workspace's.
    pub campaign: Option<CampaignId>,
    pub events: BTreeSet<Event>,
}

/// The addresses of a workspace that are not off.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Addresses {
    /// Of each campaign, and under none of the workspace.
    by_owner: HashMap<Option<CampaignId>, Vec<Address>>,
    /// What anybody wants.
    wanted: BTreeSet<Event>,
}

impl Addresses {
    pub fn new(all: impl IntoIterator<Item = Address>) -> Self {
        let mut made = Self::default();
        for one in all {
            made.wanted.extend(&one.events);
            made.by_owner.entry(one.campaign).or_default().push(one);
        }
        made
    }

    /// Whether anybody wants such events.
    pub fn want(&self, event: Event) -> bool {
        self.wanted.contains(&event)
    }

    /// Who hears an event of a campaign (none: of a contact): the campaign's own addresses that want it; where it has none, the
    /// workspace's.
    pub fn of(
        &self,
        event: Event,
        campaign: Option<CampaignId>,
    ) -> impl Iterator<Item = WebhookId> + '_ {
        let wanting = move |owner: Option<CampaignId>| {
            let all = self.by_owner.get(&owner).into_iter().flatten();
            all.filter(move |one| one.events.contains(&event)).map(|one| one.id)
        };
        let owner = campaign.filter(|_| wanting(campaign).next().is_some());
        wanting(owner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_campaigns_addresses_stand_before_the_workspaces_event_by_event() {
        let (own, other) = (CampaignId::new(), CampaignId::new());
        let address = |campaign, events: &[Event]| Address {
            id: WebhookId::new(),
            campaign,
            events: events.iter().copied().collect(),
        };
        let workspace =
            [address(None, &Event::ALL), address(None, &[Event::Delivered, Event::Queued])];
        let campaign =
            [address(Some(own), &[Event::Delivered]), address(Some(own), &[Event::Delivered])];
        let all = Addresses::new(workspace.iter().chain(&campaign).cloned());
        let hears = |event, campaign| all.of(event, campaign).collect::<Vec<_>>();
        let ids = |some: &[Address]| some.iter().map(|one| one.id).collect::<Vec<_>>();
        assert_eq!(hears(Event::Delivered, Some(own)), ids(&campaign));
        assert_eq!(hears(Event::Delivered, Some(other)), ids(&workspace));
        assert_eq!(
            hears(Event::Queued, Some(own)),
            ids(&workspace),
            "the campaign's do not want it"
        );
        assert_eq!(hears(Event::ContactStatusChanged, None), ids(&workspace[..1]));
        assert!(all.want(Event::Processed) && !all.want(Event::Test));
        assert!(!Addresses::default().want(Event::Delivered));
    }
}
