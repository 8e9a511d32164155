//! A contact's story: one list from many tables, newest first, page by page.
use crate::support::{World, later};
use shared::{
    ids::ContactId,
    on_both_engines,
    store::contacts::timeline::{self, Entry, Filter, Kind, Place},
    testing::noon,
};
use std::collections::BTreeSet;

async fn page(world: &World, contact: ContactId, filter: Filter, limit: i64) -> Vec<Entry> {
    timeline::page(&world.db, world.workspace, contact, filter, limit).await.unwrap()
}

fn words(entries: &[Entry]) -> Vec<(Kind, &str)> {
    entries.iter().map(|entry| (entry.kind, entry.word.as_str())).collect()
}

on_both_engines! {
    async fn a_story_is_told_newest_first_from_all_tables(store: TestStore) {
        let world = World::new(&store).await;
        let campaign = world.campaign("AAA").await;
        let ada = world.lead(campaign, "ada@example.com", "+14155550100", noon()).await;
        world.activity(ada.contact, "/price", later(10)).await;
        world.note(ada.contact, "Called.", later(20)).await;
        world.run("UPDATE submission SET run = 'finished', status = 'accepted', outcome = 'accepted', due_at = NULL,
            finished_at = updated_at, reason = 'sold' WHERE workspace_id = $1 AND id = $2", ada.submission.0).await;
        let all = page(&world, ada.contact, Filter::default(), 50).await;
        assert_eq!(words(&all), [
            (Kind::Note, "note"),
            (Kind::Activity, "page_visit"),
            (Kind::Submission, "accepted"),
            (Kind::Lead, "active"),
            (Kind::Contact, "created"),
        ]);
        assert_eq!((all[0].text.as_deref(), all[0].by_whom.as_deref()), (Some("Called."), Some("key a")));
        assert_eq!((all[1].name.as_str(), all[1].at), ("/price", later(10)));
        assert_eq!((all[2].lead_id, all[2].submission_id), (Some(ada.lead), Some(ada.submission)));
        assert_eq!(all[3].campaign_id, Some(campaign));
        let notes = Filter { kind: Some(Kind::Note), after: None };
        assert_eq!(words(&page(&world, ada.contact, notes, 50).await), [(Kind::Note, "note")]);
        let other = World::named(&store, "other").await;
        assert!(page(&other, ada.contact, Filter::default(), 50).await.is_empty());
    }

    async fn pages_neither_repeat_nor_skip_while_rows_come_in(store: TestStore) {
        let world = World::new(&store).await;
        let campaign = world.campaign("AAA").await;
        let ada = world.lead(campaign, "ada@example.com", "+14155550100", noon()).await;
        // Many at the same moment: the place within it counts.
        for n in 0..9 {
            world.activity(ada.contact, &format!("/{n}"), later(n / 3)).await;
            world.note(ada.contact, &n.to_string(), later(n / 3)).await;
        }
        let whole = page(&world, ada.contact, Filter::default(), 100).await;
        assert_eq!(whole.len(), 20);
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let part = page(&world, ada.contact, Filter { kind: None, after }, 3).await;
            let Some(last) = part.last() else { break };
            after = Place::parse(&last.place().word());
            seen.extend(part);
            // What is newer than all that was read is not seen again.
            world.note(ada.contact, "new", later(100)).await;
        }
        assert_eq!(seen, whole);
        let ids: BTreeSet<_> = seen.iter().map(|entry| (entry.part, entry.id)).collect();
        assert_eq!(ids.len(), 20);
    }

    async fn a_page_does_not_read_the_whole_story(store: TestStore) {
        let world = World::new(&store).await;
        let campaign = world.campaign("AAA").await;
        let ada = world.lead(campaign, "ada@example.com", "+14155550100", noon()).await;
        for n in 0..60 {
            world.activity(ada.contact, "/x", later(n)).await;
            world.note(ada.contact, "x", later(n)).await;
        }
        let plan = timeline::explained(&world.db, world.workspace, ada.contact, 5).await.unwrap();
        let about = |index: &str| {
            plan.iter().find(|line| line.contains(index)).unwrap_or_else(|| panic!("{index}: {plan:#?}"))
        };
        for index in ["activity_by_contact", "contact_note_by_time", "contact_change_by_time"] {
            let line = about(index);
            // SQLite has no counts; it says that it walks the index to a bound, and only ties are sorted.
            if let Some((_, rows)) = line.split_once("rows=") {
                let rows: f64 = rows.split(' ').next().unwrap().parse().unwrap();
                assert!(rows <= 7.0, "{index} gave {rows} rows: {plan:#?}");
            } else {
                assert!(line.contains("SEARCH") && line.contains("AND at<?"), "{line}");
            }
        }
    }
}
