//! What reactions do outside the lead's own row, on both engines: each effect, what is left and why, and that again is nothing.
mod outside;
mod world;

use LeadStatus::{Active, Duplicate, Qualified, Rejected};
use serde_json::{Value, json};
use shared::{
    automation::{Happened, Occurrence, Want, config::WebhookConfig},
    ids::{CampaignId, SegmentId},
    lead::LeadStatus,
    on_both_engines,
    store::{
        automation::jobs::{self, JobFilter, JobKind, JobState},
        contacts,
        live::What,
        notices::{self, Kind},
    },
    testing::noon,
};
use world::{Spread, World};

fn tag(tag: &str, add: bool) -> Want {
    Want::Tag { tag: tag.to_owned(), add }
}

fn webhook() -> Want {
    Want::Webhook(WebhookConfig {
        url: "https://crm.test/in".to_owned(),
        headers: [("x-from".to_owned(), "leadrail".to_owned())].into(),
        signing_secret: Some("hooks".to_owned()),
    })
}

on_both_engines! {
    async fn a_status_is_changed_with_a_line_of_history_and_only_from_one_that_is_processed(store: TestStore) {
        let world = World::new(store).await;
        let (ada, lead) = world.lead(world.campaign, 1).await;
        let qualify = || vec![Want::Status { to: Qualified }];
        let mut decided = [world.decided(lead, ada, qualify())];
        let touched = world.apply(&mut decided).await;
        assert_eq!(world.status(lead).await, Qualified);
        assert_eq!(world.history(lead).await, ["qualified automation rule \"Hot\" by automation:hot"]);
        assert_eq!(decided[0].outcome.firings[0].actions[0].get("left"), None);
        assert_eq!((touched.len(), &touched[0].what, touched[0].contact), (1, &What::leads(), ada));
        let told = Occurrence::Status { from: Active, to: Qualified };
        assert_eq!(touched[0].happened, [Happened::to_lead(lead, told)]);
        // The lead is qualified by now, whatever was believed of it.
        let wants = vec![Want::Status { to: Rejected }, tag("late", true)];
        let mut decided = [world.decided(lead, ada, wants)];
        world.apply(&mut decided).await;
        let firing = &decided[0].outcome.firings[0];
        assert_eq!(firing.actions[0]["left"], "the lead is qualified");
        assert_eq!(firing.actions[1].get("left"), None, "the rest is done");
        assert_eq!((firing.status_after, decided[0].state.status), (Qualified, Qualified));
        let mut decided = [world.decided(lead, ada, qualify())];
        assert_eq!(world.apply(&mut decided).await, []);
        assert_eq!(decided[0].outcome.firings[0].actions[0]["left"], "the lead is qualified already");
        assert_eq!(world.history(lead).await.len(), 1);
        assert_eq!(world.tags(ada).await, ["late"]);
    }

    async fn several_changes_of_one_lead_are_made_in_their_order(store: TestStore) {
        let world = World::new(store).await;
        let (ada, lead) = world.lead(world.campaign, 1).await;
        let wants = [Duplicate, Rejected, Active];
        let mut decided = [world.decided(lead, ada, wants.map(|to| Want::Status { to }).to_vec())];
        world.apply(&mut decided).await;
        let lines = world.history(lead).await;
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].starts_with("duplicate") && lines[1].starts_with("rejected"));
        assert_eq!(decided[0].outcome.firings[0].actions[2]["left"], "the lead is rejected");
    }

    async fn firings_say_which_status_the_lead_really_had(store: TestStore) {
        let world = World::new(store).await;
        let (ada, lead) = world.lead(world.campaign, 1).await;
        world.apply(&mut [world.decided(lead, ada, vec![Want::Status { to: Duplicate }])]).await;
        // Believed to be active: the first change is none, the second is one.
        let wants = vec![Want::Status { to: Duplicate }, tag("x", true), Want::Status { to: Rejected }];
        let mut decided = world.decided(lead, ada, wants);
        let statuses = [(Active, Duplicate), (Duplicate, Duplicate), (Duplicate, Rejected), (Rejected, Rejected)];
        decided.spread(&statuses);
        let mut decided = [decided];
        world.apply(&mut decided).await;
        let said: Vec<_> = decided[0].outcome.firings.iter().map(|one| (one.status_before, one.status_after)).collect();
        assert_eq!(said, statuses);
        assert_eq!(decided[0].outcome.firings[0].actions[0]["left"], "the lead is duplicate already");
        // Rejected by now: nothing of it is done, and nobody says so.
        let mut decided = world.decided(lead, ada, vec![Want::Status { to: Duplicate }, Want::Status { to: Qualified }]);
        decided.spread(&[(Active, Duplicate), (Duplicate, Qualified), (Qualified, Qualified)]);
        let mut decided = [decided];
        world.apply(&mut decided).await;
        let said: Vec<_> = decided[0].outcome.firings.iter().map(|one| (one.status_before, one.status_after)).collect();
        assert_eq!(said, [(Active, Rejected), (Rejected, Rejected), (Rejected, Rejected)]);
        assert_eq!(decided[0].state.status, Rejected);
    }

    async fn tags_are_put_on_and_taken_off_once_a_contact(store: TestStore) {
        let world = World::new(store).await;
        let (ada, lead) = world.lead(world.campaign, 1).await;
        let other = world.campaign("BBB").await;
        let second = world.another_lead(other, ada).await;
        let wants = vec![tag("hot", true), tag("Hot", true), tag("cold", false)];
        let mut decided = [world.decided(lead, ada, wants), world.decided(second, ada, vec![tag("solar", true)])];
        let touched = world.apply(&mut decided).await;
        assert_eq!(world.tags(ada).await, ["hot", "solar"]);
        let actions = &decided[0].outcome.firings[0].actions;
        assert_eq!(actions[0].get("left"), None);
        assert_eq!(actions[1]["left"], "the contact has the tag already");
        assert_eq!(actions[2]["left"], "the contact does not have the tag");
        assert_eq!((touched.len(), touched[0].contact), (1, ada), "one write");
        let lines = world.contact_lines(ada).await;
        assert_eq!(lines.last().unwrap(), "tags by automation:hot: rule \"Hot\"");
        let mut decided = [world.decided(lead, ada, vec![tag("hot", true), tag("HOT", false), tag("hot", true)])];
        assert_eq!(world.apply(&mut decided).await, [], "it is as it was");
        assert_eq!(world.tags(ada).await, ["hot", "solar"]);
    }

    async fn a_contact_that_is_full_or_deleted_is_left(store: TestStore) {
        let world = World::new(store).await;
        let (ada, lead) = world.lead(world.campaign, 1).await;
        let (bob, gone) = world.lead(world.campaign, 2).await;
        let many: Vec<Want> = (0..100).map(|n| tag(&format!("t{n}"), true)).collect();
        world.apply(&mut [world.decided(lead, ada, many)]).await;
        world.delete_contact(bob).await;
        let mut decided = [world.decided(lead, ada, vec![tag("one more", true)]), world.decided(gone, bob, vec![tag("x", true)])];
        assert_eq!(world.apply(&mut decided).await, []);
        assert_eq!(decided[0].outcome.firings[0].actions[0]["left"], "the contact has 100 tags, which is the most");
        assert_eq!(decided[1].outcome.firings[0].actions[0]["left"], "the contact is deleted");
        assert_eq!(world.tags(ada).await.len(), 100);
    }

    async fn members_of_static_segments_come_and_go(store: TestStore) {
        let world = World::new(store).await;
        let (ada, lead) = world.lead(world.campaign, 1).await;
        let (hot, dynamic) = (world.segment("hot", false).await, world.segment("all", true).await);
        let unknown = SegmentId::new();
        let put = |segment, add| Want::Segment { segment, add };
        let wants = vec![put(hot, true), put(hot, true), put(dynamic, true), put(unknown, true), put(hot, false), put(hot, true)];
        let mut decided = [world.decided(lead, ada, wants)];
        let touched = world.apply(&mut decided).await;
        assert_eq!(world.members(hot).await, [ada]);
        let left: Vec<Value> = decided[0].outcome.firings[0].actions.iter().map(|one| one["left"].clone()).collect();
        assert_eq!(left, [
            Value::Null, json!("the contact is in the segment already"),
            json!("the segment is dynamic: its rule says who is in it"), json!("there is no such segment"),
            Value::Null, Value::Null,
        ]);
        assert!(touched.iter().all(|one| one.what == What::fields(["contact.segments"]) && one.contact == ada));
        assert_eq!(touched.len(), 3, "each that was made, and no other");
        let lines = world.contact_lines(ada).await;
        let made: Vec<&str> = lines.iter().rev().take(3).rev().map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!(made, ["segment_added", "segment_removed", "segment_added"]);
        assert!(lines.last().unwrap().ends_with("by automation:hot: rule \"Hot\""));
        world.apply(&mut [world.decided(lead, ada, vec![put(hot, false)])]).await;
        assert!(world.members(hot).await.is_empty());
        let mut decided = [world.decided(lead, ada, vec![put(hot, false)])];
        assert_eq!(world.apply(&mut decided).await, []);
        assert_eq!(decided[0].outcome.firings[0].actions[0]["left"], "the contact is not in the segment");
        world.delete_segment(hot).await;
        let mut decided = [world.decided(lead, ada, vec![put(hot, true)])];
        world.apply(&mut decided).await;
        assert_eq!(decided[0].outcome.firings[0].actions[0]["left"], "there is no such segment");
    }

    async fn a_contact_becomes_a_lead_of_another_campaign_once(store: TestStore) {
        let world = World::new(store).await;
        let (ada, lead) = world.lead(world.campaign, 1).await;
        let (bob, second) = world.lead(world.campaign, 2).await;
        let (other, paused) = (world.campaign("BBB").await, world.campaign("CCC").await);
        world.pause(paused).await;
        world.opt_out(bob).await;
        let wants = vec![Want::Campaign(other), Want::Campaign(other), Want::Campaign(paused), Want::Campaign(CampaignId::new())];
        let mut decided = [world.decided(lead, ada, wants), world.decided(second, bob, vec![Want::Campaign(other)])];
        let touched = world.apply(&mut decided).await;
        let leads = world.leads(other).await;
        assert_eq!((leads.len(), leads[0].contact_id, leads[0].source.as_str()), (1, ada, "automation"));
        let actions = &decided[0].outcome.firings[0].actions;
        assert_eq!(actions[0]["leadId"], json!(leads[0].id));
        assert_eq!(actions[1]["left"], "is a lead there already");
        assert_eq!(actions[2]["left"], "the campaign is paused");
        assert_eq!(actions[3]["left"], "there is no such campaign");
        assert_eq!(decided[1].outcome.firings[0].actions[0]["left"], "the contact has opted out of every channel");
        assert_eq!((touched.len(), &touched[0].what), (1, &What::leads()));
        assert_eq!(touched[0].happened, [Happened::to_lead(leads[0].id, Occurrence::Created)]);
        // Taken out of it, the lead is the same one when it comes back.
        let out = vec![Want::Status { to: LeadStatus::Deleted }];
        world.apply(&mut [world.decided(leads[0].id, ada, out)]).await;
        let mut decided = [world.decided(lead, ada, vec![Want::Campaign(other)])];
        let touched = world.apply(&mut decided).await;
        let back = Occurrence::Status { from: LeadStatus::Deleted, to: Active };
        assert_eq!(touched[0].happened, [Happened::to_lead(leads[0].id, back)]);
        assert_eq!(world.leads(other).await.len(), 1);
        assert_eq!(world.history(leads[0].id).await.len(), 2);
    }

    async fn a_notice_is_raised_once_a_firing(store: TestStore) {
        let world = World::new(store).await;
        let (ada, lead) = world.lead(world.campaign, 1).await;
        let tell = |message: &str| Want::Notify { message: message.to_owned() };
        let decided = || [world.decided(lead, ada, vec![tell("call them"), tell("soon")])];
        assert_eq!(world.apply(&mut decided()).await, []);
        world.apply(&mut decided()).await;
        let told = notices::list(&world.store.db, world.workspace, Default::default(), 9).await.unwrap();
        let said: Vec<(&str, i64)> = told.iter().rev().map(|one| (one.message.as_str(), one.times)).collect();
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said.contains(&("call them", 2)) && said.contains(&("soon", 2)));
        assert_eq!((told[0].kind, told[0].campaign_id), (Kind::Automation, Some(world.campaign)));
        let details = &told[0].details.as_ref().unwrap().0;
        assert_eq!((&details["leadId"], &details["contactId"], &details["ruleId"]), (&json!(lead), &json!(ada), &json!("hot")));
    }

    async fn what_is_for_the_outside_is_there_once_and_names_no_secret(store: TestStore) {
        let world = World::new(store).await;
        let (ada, lead) = world.lead(world.campaign, 1).await;
        let decided = || [world.decided(lead, ada, vec![webhook(), Want::Repost, Want::CrmPush])];
        let mut first = decided();
        assert_eq!(world.apply(&mut first).await, []);
        let mut again = decided();
        world.apply(&mut again).await;
        assert_eq!(again[0].outcome.firings[0].actions[0]["left"], "it is on its way already");
        let all = world.jobs(JobFilter::default()).await;
        let mut stand: Vec<_> = all.iter().map(|job| (job.kind, job.state, job.due_at, job.problem.as_deref())).collect();
        stand.sort_by_key(|(kind, ..)| *kind as u8);
        assert_eq!(stand, [
            (JobKind::Webhook, JobState::Waiting, Some(noon()), None),
            (JobKind::Repost, JobState::Waiting, Some(noon()), None),
            (JobKind::CrmPush, JobState::Held, None, Some(jobs::NO_CRM)),
        ]);
        let webhook = all.iter().find(|job| job.kind == JobKind::Webhook).unwrap();
        assert_eq!(first[0].outcome.firings[0].actions[0]["jobId"], json!(webhook.id));
        assert_eq!(jobs::due(&world.store.db, noon(), 9).await.unwrap().len(), 2);
        let taken = jobs::take(&world.store.db, (webhook.id, 0), (noon(), noon())).await.unwrap().unwrap();
        assert_eq!(serde_json::to_value(&taken.payload.0).unwrap(), json!({
            "ruleId": "hot", "ruleName": "Hot", "cause": {"type": "created"}, "points": 35, "stars": 5.0, "status": "active",
            "webhook": {"url": "https://crm.test/in", "headers": {"x-from": "leadrail"}, "signingSecret": "hooks"},
        }));
        assert!(world.jobs(JobFilter { kind: Some(JobKind::Repost), lead: Some(lead), ..JobFilter::default() }).await.len() == 1);
    }

    async fn nothing_to_do_changes_nothing(store: TestStore) {
        let world = World::new(store).await;
        let (ada, lead) = world.lead(world.campaign, 1).await;
        let before = world.contact_lines(ada).await;
        let mut decided = [world.decided(lead, ada, Vec::new())];
        assert_eq!(world.apply(&mut decided).await, []);
        assert_eq!(world.apply(&mut []).await, []);
        assert_eq!(world.contact_lines(ada).await, before);
    }

    async fn a_thousand_leads_are_done_together(store: TestStore) {
        let world = World::new(store).await;
        let (segment, other) = (world.segment("hot", false).await, world.campaign("BBB").await);
        let contacts = world.contacts(1_000).await;
        let leads = world.add(world.campaign, &contacts).await;
        let wants = || vec![
            tag("hot", true), Want::Segment { segment, add: true }, Want::Campaign(other),
            Want::Notify { message: "look".to_owned() }, webhook(), Want::Status { to: Qualified },
        ];
        let mut decided: Vec<_> =
            contacts.iter().zip(&leads).map(|(contact, lead)| world.decided(*lead, *contact, wants())).collect();
        world.apply(&mut decided).await;
        assert!(decided.iter().all(|one| one.outcome.firings[0].actions.iter().all(|action| action.get("left").is_none())));
        assert_eq!(world.members(segment).await.len(), 1_000);
        assert_eq!(world.leads(other).await.len(), 1_000);
        assert_eq!(world.jobs(JobFilter::default()).await.len(), 1_000);
        assert!(world.leads(world.campaign).await.iter().all(|lead| lead.lead_status == Qualified));
        for contact in [contacts[0], contacts[999]] {
            let found = contacts::read::get_many(world.store.db.read(), world.workspace, &[contact]).await.unwrap();
            assert_eq!(found[0].profile.tags.0, ["hot"]);
        }
    }
}
