//! Rows of leads: each purpose, identifier and reach; the same person twice; campaigns that take no leads.
use crate::world::{World, came, file, leads, mapping, row, with};
use serde_json::json;
use shared::{
    import::{Identifier, Purpose, Reach},
    on_both_engines,
    store::{
        campaigns,
        imports::{self, State},
    },
};

const DONE: State = State::Done;

/// A row of the `n`th person who moved.
fn moved(n: usize) -> String {
    row(n).replace("Turin", "Rome")
}

on_both_engines! {
    async fn known_ones_are_updated_skipped_or_added_again_as_the_purpose_says(store: TestStore) {
        let world = World::new(store).await;
        let (home, other) = (world.open("HOME").await, world.open("OTHER").await);
        world.take(home, 1).await;
        world.take(other, 2).await;
        let text = file([moved(1), moved(2), moved(3)]);
        // In which campaign who is known: 1 at home, 2 elsewhere, 3 nowhere.
        let (campaign, workspace) = (Reach::Campaign, Reach::Workspace);
        for by in [Identifier::Email, Identifier::Phone] {
            for (purpose, reach, counts) in [
                (Purpose::UpdateExisting, campaign, [0, 1, 0, 2, 0]),
                (Purpose::UpdateExisting, workspace, [0, 1, 1, 1, 0]),
                (Purpose::AddNew, workspace, [1, 0, 0, 2, 0]),
                (Purpose::AddNew, campaign, [1, 0, 0, 2, 0]),
                (Purpose::AddAndUpdate, campaign, [0, 0, 3, 0, 0]),
                (Purpose::AddAll, campaign, [3, 0, 0, 0, 0]),
            ] {
                let config = with(&leads(home), purpose, by, reach);
                let import = world.import(&config, &text).await;
                assert_eq!(came(&import), (DONE, counts), "{purpose:?} {by:?} {reach:?}");
            }
            let all = world.leads().await;
            assert_eq!(all.len(), 7, "2 were there, 2 were added, 3 more");
            assert_eq!(all.iter().filter(|lead| lead.contact_id == all[0].contact_id).count(), 2);
            assert!(all.iter().all(|lead| lead.details.address["city"] == "Rome"));
            let added: Vec<_> = all.iter().filter(|lead| lead.import_id.is_some()).collect();
            assert_eq!(added.len(), 5);
            assert!(added.iter().all(|lead| lead.campaign_id == home && lead.source == "import"));
            // The other identifier finds the same.
            world.run("DELETE FROM dedup_key").await;
            world.run("DELETE FROM lead WHERE import_id IS NOT NULL").await;
            world.run("UPDATE lead SET details = '{}'").await;
            world.run("DELETE FROM contact WHERE import_id IS NOT NULL").await;
        }
        assert_eq!(world.count("SELECT count(*) FROM submission").await, 0);
    }

    async fn a_lead_is_known_by_its_id_and_a_row_that_is_blank_says_nothing(store: TestStore) {
        let world = World::new(store).await;
        let home = world.open("HOME").await;
        let lead = world.take(home, 1).await.lead_id;
        let mut config = with(&leads(home), Purpose::UpdateExisting, Identifier::LeadId, Reach::Campaign);
        config.mapping = mapping(&[("id", "leadId"), ("first", "firstName"), ("email", "email")]);
        let text = format!("id,first,email\n{lead},Ada,\n{},Bob,\n", shared::ids::LeadId::new());
        assert_eq!(came(&world.import(&config, &text).await), (DONE, [0, 1, 0, 1, 0]));
        let lead = &world.leads().await[0];
        assert_eq!((lead.first_name.as_str(), lead.email.as_str()), ("Ada", "p1@example.com"));
    }

    async fn what_is_not_to_be_overwritten_stays_and_what_is_empty_is_filled(store: TestStore) {
        let world = World::new(store).await;
        let home = world.open("HOME").await;
        world.take(home, 1).await;
        let mut config = leads(home);
        config.mapping[0].do_not_overwrite = true;
        config.mapping[4].do_not_overwrite = true;
        let changed = row(1).replace("First1", "Ada").replace("Last1", "King");
        assert_eq!(came(&world.import(&config, &file([changed])).await), (DONE, [0, 1, 0, 0, 0]));
        let lead = &world.leads().await[0];
        assert_eq!(lead.first_name, "First1");
        assert_eq!(lead.details.address["city"], "Turin");
    }

    async fn the_same_person_twice_in_a_file_is_added_once_and_then_updated(store: TestStore) {
        let world = World::new(store).await;
        let home = world.open("HOME").await;
        let upper = row(1).replace("p1@", "P1@").replace("Turin", "Rome");
        let text = file([row(1), row(2), upper, row(1), row(1)]);
        let import = world.import(&leads(home), &text).await;
        assert_eq!(came(&import), (DONE, [2, 2, 1, 0, 0]));
        let all = world.leads().await;
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].details.address["city"], "Turin");
        assert!(all.iter().all(|lead| lead.status == "active"), "nobody is a duplicate of himself");
    }

    async fn rows_of_campaigns_that_take_no_leads_go_to_the_fallback_or_are_refused(store: TestStore) {
        let world = World::new(store).await;
        let (home, closed) = (world.open("HOME").await, world.open("CLO").await);
        let open = world.open("OPN").await;
        let known = world.take(closed, 5).await;
        campaigns::set_state(&world.store.db, world.workspace, closed, "paused", world.clock.now()).await.unwrap();
        let mut config = leads(home);
        config.mapping.extend(mapping(&[("campaign", "campaignId")]));
        let line = |n: usize, campaign: &str| format!("{},{campaign}", row(n));
        let text = |n: usize| {
            let lines = [line(n, ""), line(n + 1, &closed.to_string()), line(n + 2, "XYZ"), line(n + 3, "OPN"), line(5, "CLO")];
            format!("first,last,email,phone,city,campaign\n{}\n", lines.join("\n"))
        };
        let import = world.import(&config, &text(10)).await;
        assert_eq!(came(&import), (DONE, [4, 1, 0, 0, 0]));
        let all = world.leads().await;
        let of = |campaign| all.iter().filter(|lead| lead.campaign_id == campaign).count();
        assert_eq!((of(home), of(closed), of(open)), (3, 1, 1));
        assert_eq!(all[0].id, known.lead_id);
        assert_eq!(all[0].details.address["city"], "Turin", "who is known is updated where they are");
        config.fallback_campaign_id = None;
        let import = world.import(&config, &text(20)).await;
        assert_eq!(came(&import), (DONE, [1, 0, 1, 0, 3]));
        let errors = imports::errors(&world.store.db, world.key(import.id), 0, 10).await.unwrap();
        let said: Vec<_> = errors.iter().map(|one| (one.row_number, one.problems[0].message.as_str())).collect();
        let paused = format!("the campaign {closed} is paused and takes no leads");
        assert_eq!(said, [
            (1, "names no campaign, and no fallback campaign is given"),
            (2, paused.as_str()),
            (3, "there is no such campaign"),
        ]);
        assert_eq!(errors[1].record, line(21, &closed.to_string()));
        let rest = imports::errors(&world.store.db, world.key(import.id), 2, 10).await.unwrap();
        assert_eq!(rest, errors[2..]);
    }

    async fn the_rules_of_intake_hold_for_files_too(store: TestStore) {
        let world = World::new(store).await;
        let home = world.open("HOME").await;
        let strict = world.campaign("STRICT", json!({"duplicates": {"windowDays": 30, "action": "refuse"}})).await;
        let eager = world.campaign("EAGER", json!({"autoQualify": true})).await;
        world.take(home, 1).await;
        world.take(home, 2).await;
        world.run("UPDATE contact SET status = 'spam' WHERE email = 'p2@example.com'").await;
        let all = with(&leads(home), Purpose::AddAll, Identifier::Email, Reach::Campaign);
        assert_eq!(came(&world.import(&all, &file([row(1), row(2), row(3), row(3)])).await), (DONE, [4, 0, 0, 0, 0]));
        let statuses: Vec<String> = world.leads().await[2..].iter().map(|lead| lead.status.clone()).collect();
        assert_eq!(statuses, ["duplicate", "rejected", "active", "duplicate"]);
        let all = with(&leads(strict), Purpose::AddAll, Identifier::Email, Reach::Campaign);
        assert_eq!(came(&world.import(&all, &file([row(3), row(4), row(4)])).await), (DONE, [2, 0, 0, 0, 1]));
        let all = with(&leads(eager), Purpose::AddAll, Identifier::Email, Reach::Campaign);
        assert_eq!(came(&world.import(&all, &file([row(6)])).await), (DONE, [1, 0, 0, 0, 0]));
        assert_eq!(world.leads().await.last().unwrap().status, "qualified");
        assert_eq!(world.count("SELECT count(*) FROM contact").await, 5);
    }
}
