//! Members of campaigns on both engines: by segments, each once; by hand; by submit; never two by two at once.
mod world;

use chrono::Duration;
use serde_json::json;
use shared::{
    ids::ContactId,
    lead::LeadStatus,
    on_both_engines,
    store::{
        campaign_members::{self as members, Added, Assigned, NotAdded, NotAssigned, Settled},
        campaigns::{self, Draft},
        leads::{self},
    },
    testing::noon,
};
use std::collections::BTreeSet;
use world::{World, by};

use LeadStatus::{Active, Deleted, Duplicate, Qualified, Rejected};

on_both_engines! {
    async fn a_contact_of_several_segments_is_one_lead_and_stays_until_it_has_left_the_last(store: TestStore) {
        let world = World::new(store).await;
        let campaign = world.campaign("AAA", json!({})).await;
        let other = world.campaign("BBB", json!({})).await;
        let (one, two) = (world.segment("one").await, world.segment("two").await);
        let contact = world.contact(1).await;
        let stranger = world.contact(2).await;
        let fed = world.feed(campaign, &[one, two]).await;
        assert_eq!((fed.added.len(), fed.removed.len()), (2, 0));
        assert_eq!(world.feed(campaign, &[two, one]).await, Assigned::default(), "nothing new");
        world.place(one, contact, true).await;
        world.place(two, contact, true).await;
        let settled = world.settle(&[contact, stranger, contact], noon()).await;
        assert_eq!((settled.made, settled.contacts, settled.happened.len()), (1, vec![contact], 1));
        assert_eq!(world.settle(&[contact, stranger], noon()).await, Settled::default(), "again is nothing");
        let lead = world.leads(campaign).await.remove(0);
        assert_eq!((lead.contact_id, lead.source.as_str(), lead.submissions), (contact, "segment", 0));
        assert_eq!((lead.first_name.as_str(), lead.phone.as_str()), ("Ada", ""), "what is not known is blank");
        assert_eq!(lead.details.0.address["city"], "Turin");
        assert!(world.leads(other).await.is_empty());
        world.place(one, contact, false).await;
        assert_eq!(world.settle(&[contact], noon()).await, Settled::default(), "another segment holds it");
        world.place(two, contact, false).await;
        let left = world.settle(&[contact], noon()).await;
        assert_eq!((left.left, left.contacts, left.happened.len()), (1, vec![contact], 1));
        world.place(one, contact, true).await;
        assert_eq!(world.settle(&[contact], noon()).await.revived, 1);
        assert_eq!(world.statuses(campaign).await, [Active], "the same lead");
        assert_eq!(
            world.history(lead.id).await,
            ["deleted segment_left by the campaign's segments", "active segment_joined by the campaign's segments"]
        );
    }

    async fn what_people_or_outcomes_made_of_a_lead_is_left_to_them(store: TestStore) {
        let world = World::new(store).await;
        let campaign = world.campaign("AAA", json!({})).await;
        let segment = world.segment("one").await;
        world.feed(campaign, &[segment]).await;
        let mut contacts = Vec::new();
        for n in 0..4 {
            contacts.push(world.contact(n).await);
            world.place(segment, contacts[n], true).await;
        }
        world.settle(&contacts, noon()).await;
        for (contact, to) in contacts.iter().zip([Qualified, Rejected, Duplicate, Deleted]) {
            let leads = world.leads(campaign).await;
            let lead = leads.iter().find(|lead| lead.contact_id == *contact).unwrap();
            world.make(lead.id, to).await;
        }
        let stand = async || {
            let mut leads = world.leads(campaign).await;
            leads.sort_by_key(|lead| lead.contact_id);
            leads.into_iter().map(|lead| lead.lead_status).collect::<Vec<_>>()
        };
        let before = stand().await;
        assert_eq!(before, [Qualified, Rejected, Duplicate, Deleted]);
        assert_eq!(world.settle(&contacts, noon()).await, Settled::default(), "nobody comes back");
        for contact in &contacts {
            world.place(segment, *contact, false).await;
        }
        assert_eq!(world.settle(&contacts, noon()).await, Settled::default(), "nobody leaves");
        assert_eq!(stand().await, before);
        // Whoever came otherwise stays when the segment lets them go.
        let manual = world.contact(9).await;
        world.add(campaign, &[manual]).await;
        world.place(segment, manual, true).await;
        world.settle(&[manual], noon()).await;
        world.place(segment, manual, false).await;
        assert_eq!(world.settle(&[manual], noon()).await, Settled::default());
    }

    async fn who_may_not_be_contacted_is_not_taken_until_they_may(store: TestStore) {
        let world = World::new(store).await;
        let campaign = world.campaign("AAA", json!({})).await;
        let segment = world.segment("one").await;
        world.feed(campaign, &[segment]).await;
        let mut contacts = Vec::new();
        for n in 0..4 {
            contacts.push(world.contact(n).await);
            world.place(segment, contacts[n], true).await;
        }
        world.set(contacts[0], "UPDATE contact SET status = 'inactive' WHERE id = $1").await;
        world.set(contacts[1], "UPDATE contact SET opt_out_email = true, opt_out_sms = true, opt_out_phone = true,
            opt_out_push = true WHERE id = $1").await;
        let until = noon() + Duration::minutes(90);
        world.store.db.write()
            .sql("UPDATE contact SET do_not_contact_until = $2 WHERE id = $1").bind(contacts[2]).bind(until)
            .run().await.unwrap();
        assert_eq!(world.catch_up(noon()).await, 1, "the segment is new to the campaign");
        let taken = world.leads(campaign).await;
        assert_eq!((taken.len(), taken[0].contact_id), (1, contacts[3]));
        // The campaign is looked at again when the hold is over, to the hour.
        assert_eq!(world.catch_up(until).await, 0);
        assert_eq!(world.catch_up(noon() + Duration::hours(2)).await, 1);
        let taken: Vec<ContactId> = world.leads(campaign).await.iter().map(|lead| lead.contact_id).collect();
        assert_eq!(taken, [contacts[2], contacts[3]]);
        assert_eq!(world.catch_up(noon() + Duration::days(1)).await, 0, "nothing is left to look for");
        // Who is in already stays: what becomes of their lead is said by their status, not by a bar.
        world.set(contacts[3], "UPDATE contact SET opt_out_email = true, opt_out_sms = true, opt_out_phone = true,
            opt_out_push = true WHERE id = $1").await;
        assert_eq!(world.settle(&contacts, noon()).await, Settled::default());
        let refused = world.add(campaign, &contacts[..3]).await;
        assert_eq!(refused[0], Added::Refused("the contact is inactive".into()));
        assert_eq!(refused[1], Added::Refused("the contact has opted out of every channel".into()));
        assert!(matches!(&refused[2], Added::There(_)));
    }

    async fn a_closed_campaign_takes_nobody_and_loses_nobody_and_catches_up(store: TestStore) {
        let world = World::new(store).await;
        let campaign = world.campaign("AAA", json!({})).await;
        let segment = world.segment("one").await;
        let (stays, comes) = (world.contact(1).await, world.contact(2).await);
        world.feed(campaign, &[segment]).await;
        world.place(segment, stays, true).await;
        world.settle(&[stays], noon()).await;
        assert_eq!(world.catch_up(noon()).await, 1);
        for state in ["paused", "archived"] {
            world.state(campaign, state, noon()).await;
            world.place(segment, stays, false).await;
            world.place(segment, comes, true).await;
            assert_eq!(world.settle(&[stays, comes], noon()).await, Settled::default());
            assert_eq!(world.catch_up(noon()).await, 0, "nothing runs while it is {state}");
            let refused = members::add(&world.store.db, (world.workspace, campaign), &[comes], by()).await.unwrap();
            assert_eq!(refused, Err(NotAdded::Closed(state.into())));
            world.place(segment, stays, true).await;
            world.place(segment, comes, false).await;
        }
        world.place(segment, stays, false).await;
        world.place(segment, comes, true).await;
        world.state(campaign, "active", noon()).await;
        assert_eq!(world.catch_up(noon()).await, 1);
        let leads = world.leads(campaign).await;
        let stand: Vec<_> = leads.iter().map(|lead| (lead.contact_id, lead.lead_status)).collect();
        assert_eq!(stand, [(comes, Active), (stays, Deleted)]);
    }

    async fn a_segment_that_no_longer_feeds_takes_its_leads_with_it_in_steps(store: TestStore) {
        let world = World::new(store).await;
        let campaign = world.campaign("AAA", json!({})).await;
        let (one, two) = (world.segment("one").await, world.segment("two").await);
        let both = world.contact(0).await;
        world.place(two, both, true).await;
        world.place(one, both, true).await;
        // More than a step of them.
        let many = members::STEP as usize + 7;
        for n in 1..=many {
            let contact = world.contact(n).await;
            world.place(one, contact, true).await;
        }
        world.feed(campaign, &[one, two]).await;
        let place = (world.workspace, campaign);
        let first = members::step(&world.store.db, place, noon()).await.unwrap();
        assert_eq!((first.settled.made, first.is_last), (members::STEP as usize, false));
        // Whoever goes on, now or after a crash, goes on there.
        assert_eq!(world.catch_up(noon()).await, 1);
        assert_eq!(world.leads(campaign).await.len(), many + 1);
        assert_eq!(world.catch_up(noon()).await, 0);
        let changed = world.feed(campaign, &[two]).await;
        assert_eq!((changed.added.len(), changed.removed), (0, vec![one]));
        assert_eq!(world.catch_up(noon()).await, 1);
        let left = world.statuses(campaign).await;
        assert_eq!(left.iter().filter(|status| **status == Deleted).count(), many, "one stays: the other segment holds it");
        assert_eq!(members::settle_all(&world.store.db, place, noon()).await.unwrap(), Settled::default());
        let mut tx = world.store.db.begin().await.unwrap();
        members::forget_segment(&mut tx, world.workspace, two, noon()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(world.catch_up(noon()).await, 1);
        assert!(world.statuses(campaign).await.iter().all(|status| *status == Deleted));
    }

    async fn only_segments_that_are_there_are_assigned_and_all_or_none(store: TestStore) {
        let world = World::new(store).await;
        let campaign = world.campaign("AAA", json!({})).await;
        let (one, gone) = (world.segment("one").await, world.segment("gone").await);
        world.store.db.write().sql("UPDATE segment SET deleted_at = $2 WHERE id = $1").bind(gone).bind(noon())
            .run().await.unwrap();
        let wanted = BTreeSet::from([one, gone]);
        let db = &world.store.db;
        let refused = members::assign(db, (world.workspace, campaign), &wanted, noon()).await.unwrap();
        assert_eq!(refused, Err(NotAssigned::NoSuchSegments(vec![gone])));
        let other = world.store.workspace("b").await;
        let refused = members::assign(db, (other, campaign), &wanted, noon()).await.unwrap();
        assert_eq!(refused, Err(NotAssigned::NoSuchCampaign));
        assert!(members::segments(db, world.workspace, campaign).await.unwrap().is_empty());
        world.feed(campaign, &[one]).await;
        assert_eq!(members::segments(db, world.workspace, campaign).await.unwrap()[0].name, "one");
    }

    async fn of_twenty_who_settle_and_add_at_once_one_makes_the_lead(store: TestStore) {
        let world = World::new(store).await;
        let campaign = world.campaign("AAA", json!({})).await;
        let segment = world.segment("one").await;
        world.feed(campaign, &[segment]).await;
        let mut contacts = Vec::new();
        for n in 0..5 {
            contacts.push(world.contact(n).await);
            world.place(segment, contacts[n], true).await;
        }
        let mut race = tokio::task::JoinSet::new();
        for n in 0..20 {
            let (db, workspace, mut contacts) = (world.store.db.clone(), world.workspace, contacts.clone());
            contacts.rotate_left(n % 5);
            race.spawn(async move {
                if n % 2 == 0 {
                    let mut tx = db.begin().await.unwrap();
                    members::settle(&mut tx, workspace, &contacts, noon()).await.unwrap();
                    tx.commit().await.unwrap();
                } else {
                    members::add(&db, (workspace, campaign), &contacts, by()).await.unwrap().unwrap();
                }
            });
        }
        while let Some(done) = race.join_next().await {
            done.unwrap();
        }
        let leads = world.leads(campaign).await;
        let whose: BTreeSet<ContactId> = leads.iter().map(|lead| lead.contact_id).collect();
        assert_eq!((leads.len(), whose.len()), (5, 5));
    }

    async fn by_hand_the_lead_that_is_there_is_named_and_a_deleted_one_comes_back(store: TestStore) {
        let world = World::new(store).await;
        let campaign = world.campaign("AAA", json!({"duplicates": {"windowDays": 30}})).await;
        let submitted = world.submit(campaign, 1, true).await;
        let row = world.leads(campaign).await.remove(0);
        let other = world.contact(2).await;
        let unknown = ContactId::new();
        let added = world.add(campaign, &[row.contact_id, other, unknown, other]).await;
        let Added::Made(made) = added[1] else { panic!("{added:?}") };
        assert_eq!(added, [Added::There(submitted.lead_id), Added::Made(made), Added::Unknown]);
        assert_eq!(world.add(campaign, &[other]).await, [Added::There(made)], "again adds nobody");
        let lead = leads::get(&world.store.db, world.workspace, made).await.unwrap().unwrap();
        assert_eq!((lead.source.as_str(), lead.lead_status, lead.submissions), ("manual", Active, 0));
        world.make(made, Deleted).await;
        assert_eq!(world.add(campaign, &[other]).await, [Added::Revived(made)]);
        world.make(made, Qualified).await;
        assert_eq!(world.add(campaign, &[other]).await, [Added::There(made)], "it is there, and stays qualified");
        assert_eq!(
            world.history(made).await,
            ["deleted operator by key ops", "active operator by key ops", "qualified operator by key ops"]
        );
        // Who submits themselves after that is a duplicate: the window saw them.
        let again = world.submit(campaign, 2, true).await;
        assert!(again.is_duplicate && again.lead_id != made);
        let lead = leads::get(&world.store.db, world.workspace, again.lead_id).await.unwrap().unwrap();
        assert_eq!((lead.duplicate_of, lead.lead_status), (Some(made), Duplicate));
    }

    async fn a_campaign_that_qualifies_at_once_does_so_whatever_way_a_lead_comes(store: TestStore) {
        let world = World::new(store).await;
        let config = json!({"autoQualify": true, "duplicates": {"windowDays": 30}});
        let campaign = world.campaign("AAA", config).await;
        let segment = world.segment("one").await;
        world.feed(campaign, &[segment]).await;
        let submitted = world.submit(campaign, 1, true).await;
        assert_eq!(submitted.submission_id, None, "there is nothing for the pipeline to do");
        world.submit(campaign, 2, false).await;
        let (fed, manual) = (world.contact(3).await, world.contact(4).await);
        world.place(segment, fed, true).await;
        world.settle(&[fed], noon()).await;
        world.add(campaign, &[manual]).await;
        let leads = world.leads(campaign).await;
        let sources: Vec<_> = leads.iter().map(|lead| (lead.source.as_str(), lead.lead_status)).collect();
        assert_eq!(sources, [("manual", Qualified), ("segment", Qualified), ("create", Qualified), ("api", Qualified)]);
        for lead in &leads {
            assert_eq!(world.history(lead.id).await, ["qualified auto_qualify by the campaign"]);
            assert_eq!(lead.submissions, 0);
        }
        // One who comes a second time is a duplicate of the qualified lead and is not qualified as well.
        let again = world.submit(campaign, 1, true).await;
        assert_eq!((again.is_duplicate, again.submission_id), (true, None));
        let lead = leads::get(&world.store.db, world.workspace, again.lead_id).await.unwrap().unwrap();
        assert_eq!(lead.lead_status, Duplicate);
        // It is the saved configuration that says so.
        let row = campaigns::get(&world.store.db, world.workspace, campaign).await.unwrap().unwrap();
        let draft = Draft {
            workspace: world.workspace, id: campaign, code: row.code, name: row.name, dedup_days: None,
            config: json!({}), at: noon(),
        };
        campaigns::save(&world.store.db, &draft, row.revision).await.unwrap().unwrap();
        assert!(world.submit(campaign, 7, true).await.submission_id.is_some());
    }

    async fn one_contact_in_a_renewal_a_newsletter_and_a_white_paper_campaign_is_three_leads(store: TestStore) {
        let world = World::new(store).await;
        let renewal = world.campaign("REN", json!({})).await;
        let newsletter = world.campaign("NEWS", json!({})).await;
        let paper = world.campaign("PAPER", json!({})).await;
        world.submit(paper, 1, true).await;
        let contact = world.leads(paper).await.remove(0).contact_id;
        let customers = world.segment("customers").await;
        world.place(customers, contact, true).await;
        world.feed(renewal, &[customers]).await;
        world.settle(&[contact], noon()).await;
        world.add(newsletter, &[contact]).await;
        let contacts: i64 = world.store.db.read().sql("SELECT COUNT(*) FROM contact").scalar().await.unwrap();
        assert_eq!(contacts, 1);
        for (campaign, source) in [(renewal, "segment"), (newsletter, "manual"), (paper, "api")] {
            let leads = world.leads(campaign).await;
            assert_eq!(leads.len(), 1);
            assert_eq!((leads[0].contact_id, leads[0].source.as_str(), leads[0].lead_status), (contact, source, Active));
        }
    }
}
