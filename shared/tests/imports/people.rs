//! Rows of contacts: found by email, phone or id; changed with a line of their history; never given what is somebody else's.
use crate::world::{World, came, contacts, file, leads, mapping, row};
use shared::{
    ids::{ContactId, SegmentId},
    import::{Identifier, ImportConfig, Purpose},
    on_both_engines,
    store::{
        contacts::read,
        imports::{self, State},
    },
    testing::noon,
};

const DONE: State = State::Done;

async fn segment(world: &World, name: &str) -> SegmentId {
    let id = SegmentId::new();
    world.store.db.write()
        .sql(
            "INSERT INTO segment (workspace_id, id, name, description, kind, state, is_enabled, generation, member_count,
                created_at, updated_at)
             VALUES ($1, $2, $3, '', 'static', 'ready', true, 1, 0, $4, $4)",
        )
        .bind(world.workspace).bind(id).bind(name).bind(noon())
        .run().await.unwrap();
    id
}

async fn ids(world: &World) -> Vec<ContactId> {
    let ids: Vec<(ContactId,)> = world
        .store
        .db
        .read()
        .sql("SELECT id FROM contact WHERE workspace_id = $1 ORDER BY id")
        .bind(world.workspace)
        .all()
        .await
        .unwrap();
    ids.into_iter().map(|(id,)| id).collect()
}

on_both_engines! {
    async fn contacts_are_made_found_and_changed_with_a_line_that_names_the_file(store: TestStore) {
        let world = World::new(store).await;
        let first = "first,email,phone,company\nAda,ada@example.com,+14155550001,Analytical\nBob,,+14155550002,\n";
        let import = world.import(&contacts(), first).await;
        let by_phone = ImportConfig { identifier: Identifier::Phone, ..contacts() };
        assert_eq!(came(&import), (DONE, [2, 0, 0, 0, 0]));
        let import = world.import(&ImportConfig { again: true, ..by_phone }, first).await;
        assert_eq!(came(&import), (DONE, [0, 0, 2, 0, 0]));
        let second = "first,email,phone,company\nAda,ada@example.com,,Engines\nCleo,cleo@example.com,+14155550002,\n\
            Bo,bo@example.com,,\nBo,bo@example.com,+14155550004,\n";
        let import = world.import(&contacts(), second).await;
        assert_eq!(came(&import), (DONE, [1, 2, 0, 0, 1]));
        let errors = imports::errors(&world.store.db, world.key(import.id), 0, 10).await.unwrap();
        let all = ids(&world).await;
        let taken = format!("the phone belongs to {}", all[1]);
        assert_eq!((errors[0].row_number, errors[0].problems[0].message.as_str()), (2, taken.as_str()));
        let ada = read::get_many(world.store.db.read(), world.workspace, &all[..1]).await.unwrap().remove(0);
        assert_eq!((ada.profile.company.as_deref(), ada.revision), (Some("Engines"), 2));
        assert_eq!(ada.profile.source.as_deref(), Some("import"));
        assert_eq!(world.leads().await, []);
        let lines: Vec<(String, String, String)> = world.store.db.read()
            .sql("SELECT kind, reason, changed_by FROM contact_change WHERE workspace_id = $1 AND contact_id = $2 ORDER BY id")
            .bind(world.workspace).bind(all[0]).all().await.unwrap();
        let kinds: Vec<&str> = lines.iter().map(|(kind, ..)| kind.as_str()).collect();
        assert_eq!(kinds, ["created", "fields"]);
        assert_eq!(lines[1].1, "the file people.csv");
        assert_eq!(lines[1].2, format!("import {}", import.id));
    }

    async fn only_known_or_only_new_contacts_are_written_if_that_is_wanted(store: TestStore) {
        let world = World::new(store).await;
        let text = "first,email,phone,company\nAda,ada@example.com,,X\nBob,bob@example.com,,Y\n";
        world.import(&contacts(), "first,email,phone,company\nAda,ada@example.com,,\n").await;
        let update = ImportConfig { purpose: Purpose::UpdateExisting, ..contacts() };
        assert_eq!(came(&world.import(&update, text).await), (DONE, [0, 1, 0, 1, 0]));
        let add = ImportConfig { purpose: Purpose::AddNew, again: true, ..contacts() };
        assert_eq!(came(&world.import(&add, text).await), (DONE, [1, 0, 0, 1, 0]));
        let known = ids(&world).await[0];
        let by_id = ImportConfig {
            identifier: Identifier::ContactId,
            purpose: Purpose::UpdateExisting,
            mapping: mapping(&[("id", "contactId"), ("company", "company")]),
            ..contacts()
        };
        let text = format!("id,company\n{known},Z\n{},Z\n", ContactId::new());
        assert_eq!(came(&world.import(&by_id, &text).await), (DONE, [0, 1, 0, 1, 0]));
    }

    async fn the_people_of_a_file_come_into_the_segment_that_it_names(store: TestStore) {
        let world = World::new(store).await;
        let home = world.open("HOME").await;
        let segment = segment(&world, "of the file").await;
        world.take(home, 1).await;
        let config = ImportConfig { segment_id: Some(segment), ..leads(home) };
        let import = world.import(&config, &file([row(1), row(2), "X,Y,nothing,,".into()])).await;
        assert_eq!(came(&import), (DONE, [1, 1, 0, 0, 1]));
        assert_eq!(world.count("SELECT count(*) FROM segment_member").await, 2);
        assert_eq!(world.count("SELECT count(*) FROM contact_change WHERE kind = 'segment_added'").await, 2);
        world.run("UPDATE segment SET deleted_at = created_at").await;
        let import = world.import(&config, &file([row(3)])).await;
        assert_eq!(came(&import), (State::Failed, [0; 5]));
        assert!(import.problem.unwrap().contains("there is no such segment"));
    }
}
