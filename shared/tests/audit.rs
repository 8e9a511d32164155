//! The audit log on both engines: found by its indexes, written with the change or not at all, never changed.
use serde_json::json;
use shared::{
    audit::{Actor, Entry},
    ids::KeyId,
    on_both_engines,
    store::{
        audit::{self, Filter},
        keys,
    },
    testing::noon,
};
use std::path::Path;

fn actor() -> Actor {
    Actor { name: "key crm".into(), key: Some(KeyId::new()), request: Some("r-1".into()) }
}

/// Each filter that may be given alone, and the index that it is found by.
fn filters() -> [(Filter, &'static str); 6] {
    let text = |text: &str| Some(text.to_owned());
    [
        (Filter::default(), "audit_event_by_time"),
        (Filter { object: text("cmp_1"), ..Filter::default() }, "audit_event_by_object"),
        (Filter { key: Some(KeyId::new()), ..Filter::default() }, "audit_event_by_key"),
        (Filter { action: text("campaign.saved"), ..Filter::default() }, "audit_event_by_action"),
        (Filter { action: text("campaign."), ..Filter::default() }, "audit_event_by_area"),
        (Filter { actor: text("key crm"), ..Filter::default() }, "audit_event_by_actor"),
    ]
}

on_both_engines! {
    async fn each_filter_is_found_by_its_index_in_the_order_of_the_page(store: TestStore) {
        let workspace = store.workspace("own").await;
        for (filter, index) in filters() {
            let way = audit::explained(&store.db, workspace, &filter).await.unwrap().join("\n");
            assert!(way.contains(index), "{filter:?}: {way}");
            for word in ["Sort", "Seq Scan", "TEMP B-TREE", "SCAN "] {
                assert!(!way.contains(word), "{filter:?}: {way}");
            }
        }
    }

    async fn a_line_is_there_with_the_change_and_stands(store: TestStore) {
        let workspace = store.workspace("own").await;
        let told = [Entry::new("campaign.saved", "campaign", "cmp_1").to(json!({"revision": 2}))];
        let lines = async || audit::list(&store.db, workspace, &Filter::default(), None, 10).await.unwrap();

        let mut tx = store.db.acting(actor()).begin().await.unwrap();
        audit::tell(&mut tx, workspace, &told, noon()).await.unwrap();
        tx.rollback().await.unwrap();
        assert!(lines().await.is_empty(), "what was not done is not told");

        let mut tx = store.db.begin().await.unwrap();
        audit::tell(&mut tx, workspace, &told, noon()).await.unwrap();
        tx.commit().await.unwrap();
        assert!(lines().await.is_empty(), "what the program does is told elsewhere");

        let mut tx = store.db.acting(actor()).begin().await.unwrap();
        audit::tell(&mut tx, workspace, &told, noon()).await.unwrap();
        tx.commit().await.unwrap();
        let found = lines().await;
        assert_eq!((found.len(), found[0].actor.as_str()), (1, "key crm"));
        assert_eq!(found[0].after.as_ref().unwrap().0, json!({"revision": 2}));

        let changed = store.db.write().sql("UPDATE audit_event SET actor = 'nobody'").run().await;
        let refused = changed.unwrap_err().to_string();
        assert!(refused.contains("a line of the audit log never changes"), "{refused}");
    }

    async fn a_command_names_itself(store: TestStore) {
        let db = store.db.acting(Actor::command("keys create"));
        let made = keys::workspace(&db, "new one", noon()).await.unwrap();
        keys::workspace(&db, "new one", noon()).await.unwrap();
        let found = audit::list(&store.db, made.id, &Filter::default(), None, 10).await.unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].actor.as_str(), found[0].action.as_str()), ("command keys create", "workspace.created"));
        assert_eq!((found[0].key_id, found[0].request_id.as_deref()), (None, None));
    }
}

/// Every `.rs` file below a folder that touches the log in another way than adding to it.
fn touching(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            touching(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            if ["UPDATE audit_event", "DELETE FROM audit_event"]
                .iter()
                .any(|sql| words.contains(sql))
            {
                found.push(path.display().to_string().replace('\\', "/"));
            }
        }
    }
}

#[test]
fn only_retention_takes_lines_out_of_the_log() {
    let mut found = Vec::new();
    touching(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.iter().all(|path| path.contains("/store/retention/")), "{found:?}");
    assert!(!found.is_empty(), "the lint sees what it looks for");
}
