//! Taking imports back: what they made goes, what they changed is as before, what others have touched stays.
use crate::world::{World, came, contacts, file, leads, row, with};
use chrono::TimeDelta;
use shared::{
    ids::SubmissionId,
    import::{Identifier, Purpose, Reach},
    lead::LeadStatus,
    on_both_engines,
    store::{
        imports::{self, State},
        lead_bulk::{self, Wish},
    },
};
use std::collections::BTreeSet;

fn moved(n: usize) -> String {
    row(n).replace("Turin", "Rome").replace("First", "Other")
}

on_both_engines! {
    async fn an_import_that_nobody_touched_leaves_no_trace(store: TestStore) {
        let world = World::new(store).await;
        let home = world.open("HOME").await;
        world.take(home, 1).await;
        let before = world.leads().await;
        world.clock.forward(TimeDelta::days(1));
        let mut rows: Vec<String> = (1..=1_200).map(moved).collect();
        rows.extend([row(2), moved(7), row(7)]); // who is new and comes again, differently
        let import = world.import(&leads(home), &file(rows)).await;
        assert_eq!(came(&import), (State::Done, [1_199, 3, 1, 0, 0]));
        world.clock.forward(TimeDelta::days(1));
        let undone = world.undo(import.id).await;
        assert_eq!((undone.state, undone.undone, undone.kept), (State::Undone, 2 * 1_199 + 1, 0));
        let after = world.leads().await;
        assert_eq!(after.len(), 1);
        assert_eq!((&after[0].first_name, &after[0].details), (&before[0].first_name, &before[0].details));
        for (nothing, left) in [
            ("SELECT count(*) FROM contact", 1), ("SELECT count(*) FROM dedup_key", 2),
            ("SELECT count(*) FROM import_before", 0), ("SELECT count(*) FROM contact_change", 0),
        ] {
            assert_eq!(world.count(nothing).await, left, "{nothing}");
        }
        // Whoever comes now is nobody's duplicate, but for the one who was there.
        assert!(!world.take(home, 2).await.is_duplicate);
        let again = world.take(home, 1).await;
        assert!(again.is_duplicate);
    }

    async fn what_others_have_touched_since_stays(store: TestStore) {
        let world = World::new(store).await;
        let home = world.open("HOME").await;
        for n in 11..=13 {
            world.take(home, n).await;
        }
        world.clock.forward(TimeDelta::hours(1));
        let import = world.import(&leads(home), &file((1..=13).map(moved))).await;
        assert_eq!(came(&import), (State::Done, [10, 3, 0, 0, 0]));
        world.clock.forward(TimeDelta::hours(1));
        let (db, now) = (&world.store.db, world.clock.now());
        let all = world.leads().await;
        let of = |n: usize| all.iter().find(|lead| lead.email == format!("p{n}@example.com")).unwrap();
        // 1 gets another status, 2 is submitted, 3 comes again elsewhere, somebody writes a note about 4's contact.
        let wish = Wish { to: LeadStatus::Qualified, campaign: None, reason: "bought", by: "key ops", at: now };
        lead_bulk::set(db, world.workspace, &BTreeSet::from([of(1).id]), wish).await.unwrap();
        db.write()
            .sql(
                "INSERT INTO submission (workspace_id, id, lead_id, number, kind, campaign_id, revision, run, stage, generation,
                    attempt, due_at, status, carry, created_at, updated_at)
                 VALUES ($1, $2, $3, 1, 'standard', $4, 1, 'ready', 'routing', 1, 0, $5, 'pending', '{}', $5, $5)",
            )
            .bind(world.workspace).bind(SubmissionId::new()).bind(of(2).id).bind(home).bind(now)
            .run().await.unwrap();
        let other = world.open("OTHER").await;
        world.take(other, 3).await;
        db.write()
            .sql("INSERT INTO contact_note (workspace_id, contact_id, id, text, written_by, at) VALUES ($1, $2, $3, 'x', 'me', $4)")
            .bind(world.workspace).bind(of(4).contact_id).bind(SubmissionId::new()).bind(now)
            .run().await.unwrap();
        // 11 is changed again by hand: that stays; the rest of it is taken back. 12 was deleted.
        db.write().sql("UPDATE lead SET first_name = 'Mine' WHERE id = $1").bind(of(11).id).run().await.unwrap();
        db.write().sql("UPDATE lead SET status = 'deleted' WHERE id = $1").bind(of(12).id).run().await.unwrap();
        let undone = world.undo(import.id).await;
        // Kept: leads 1 and 2 with their contacts, the contacts of 3 and 4, one field of 11, 12.
        assert_eq!((undone.state, undone.undone, undone.kept), (State::Undone, 8 + 6 + 1, 2 + 4 + 2));
        let left = world.leads().await;
        let names = |n: usize| {
            let lead = left.iter().find(|lead| lead.email == format!("p{n}@example.com")).unwrap();
            (lead.first_name.clone(), lead.details.address.get("city").cloned())
        };
        assert_eq!(left.len(), 6, "1, 2, the other one of 3, 11, 12 and 13");
        assert_eq!(names(11), ("Mine".into(), None));
        assert_eq!(names(13), ("First13".into(), None));
        assert_eq!(names(12).0, "Other12");
        assert_eq!(names(3).0, "First3");
        assert_eq!(world.count("SELECT count(*) FROM contact WHERE import_id IS NOT NULL").await, 4);
        // Once more there is nothing to undo.
        assert!(imports::undo(db, world.key(import.id), now).await.unwrap().is_err());
    }

    async fn contacts_get_their_fields_back(store: TestStore) {
        let world = World::new(store).await;
        world.import(&contacts(), "first,email,phone,company\nAda,ada@x.org,+14155550001,Old\nBob,bob@x.org,,\n").await;
        world.clock.forward(TimeDelta::hours(1));
        let text = "first,email,phone,company\nAnn,ada@x.org,+14155550009,New\nRob,bob@x.org,+14155550002,\nCleo,cleo@x.org,,\n";
        let import = world.import(&contacts(), text).await;
        assert_eq!(came(&import), (State::Done, [1, 2, 0, 0, 0]));
        // Somebody gets the number that Ada had.
        world.import(&contacts(), "first,email,phone,company\nDora,dora@x.org,+14155550001,\n").await;
        world.run("UPDATE contact SET first_name = 'Robert' WHERE email = 'bob@x.org'").await;
        let undone = world.undo(import.id).await;
        assert_eq!((undone.state, undone.undone, undone.kept), (State::Undone, 1, 2));
        type Row = (Option<String>, Option<String>, Option<String>);
        let rows: Vec<Row> = world.store.db.read()
            .sql("SELECT first_name, phone, company FROM contact WHERE workspace_id = $1 ORDER BY email")
            .bind(world.workspace).all().await.unwrap();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(rows, [
            (some("Ada"), some("+14155550009"), some("Old")),
            (some("Robert"), None, None),
            (some("Dora"), some("+14155550001"), None),
        ]);
    }

    async fn a_step_of_undoing_that_is_repeated_counts_nothing_twice(store: TestStore) {
        let world = World::new(store).await;
        let home = world.open("HOME").await;
        let all = with(&leads(home), Purpose::AddAll, Identifier::Email, Reach::Campaign);
        let import = world.import(&all, &file((1..=700).map(row))).await.id;
        let begun = imports::undo(&world.store.db, world.key(import), world.clock.now()).await.unwrap().unwrap();
        let (db, clock) = (&world.store.db, &world.clock);
        let rival = async || imports::work(db, import, begun.generation, clock).await.unwrap();
        tokio::join!(rival(), rival(), rival());
        let undone = world.get(import).await;
        assert_eq!((undone.state, undone.undone, undone.kept), (State::Undone, 1_400, 0));
        assert_eq!(world.leads().await, []);
    }
}
