//! Value sets, on both engines: stored, listed, saved over, deleted and made anew; and how the shelf follows them.
use chrono::Duration;
use serde_json::{Value, json};
use shared::{
    ids::{ValueSetId, WorkspaceId},
    on_both_engines,
    shelf::Shelf,
    store::value_sets::{self, SetDraft},
    testing::noon,
    value_set::{self, Member},
};

fn members(values: &Value) -> Vec<Member> {
    value_set::read(values.as_array().unwrap(), "values").unwrap()
}

fn draft(workspace: WorkspaceId, name: &str, values: &Value) -> SetDraft {
    SetDraft {
        workspace,
        id: ValueSetId::new(),
        name: name.into(),
        description: String::new(),
        members: members(values),
        at: noon(),
    }
}

on_both_engines! {
    async fn a_set_is_kept_as_it_was_given_and_its_name_is_its_own(store: TestStore) {
        let db = &store.db;
        let (one, two) = (store.workspace("one").await, store.workspace("two").await);
        let values = json!(["CA", {"value": 7, "label": "seven", "synonyms": ["VII"]}, true]);
        let first = draft(one, "states", &values);
        assert_eq!(value_sets::create(db, &first).await.unwrap(), Some(first.id));
        assert_eq!(value_sets::create(db, &draft(one, "states", &json!(["x"]))).await.unwrap(), None);
        assert!(value_sets::create(db, &draft(two, "states", &json!(["x"]))).await.unwrap().is_some());
        let (row, kept) = value_sets::get(db, one, first.id).await.unwrap().unwrap();
        assert_eq!((row.name.as_str(), row.revision, row.size, kept), ("states", 1, 3, members(&values)));
        assert!(value_sets::get(db, two, first.id).await.unwrap().is_none(), "another workspace's");
        for name in ["b", "a", "c"] {
            value_sets::create(db, &draft(one, name, &json!(["x"]))).await.unwrap().unwrap();
        }
        let page = value_sets::list(db, one, None, 2).await.unwrap();
        let rest = value_sets::list(db, one, Some(page[1].id), 10).await.unwrap();
        let names: Vec<&str> = page.iter().chain(&rest).map(|row| row.name.as_str()).collect();
        assert_eq!(names, ["states", "b", "a", "c"]);
    }

    async fn of_two_who_save_over_one_revision_one_is_told(store: TestStore) {
        let workspace = store.workspace("one").await;
        let mut set = draft(workspace, "zips", &json!(["1"]));
        value_sets::create(&store.db, &set).await.unwrap().unwrap();
        set.members = members(&json!(["1", "2"]));
        assert!(value_sets::save(&store.db, &set, Some(1)).await.unwrap());
        assert!(!value_sets::save(&store.db, &set, Some(1)).await.unwrap());
        assert!(value_sets::save(&store.db, &set, None).await.unwrap());
        let (row, _) = value_sets::get(&store.db, workspace, set.id).await.unwrap().unwrap();
        assert_eq!((row.revision, row.size), (3, 2));
        let elsewhere = SetDraft { workspace: store.workspace("two").await, ..set };
        assert!(!value_sets::save(&store.db, &elsewhere, None).await.unwrap());
    }

    async fn a_deleted_set_cannot_be_named_but_its_values_stay_until_it_is_made_anew(store: TestStore) {
        let (db, workspace) = (&store.db, store.workspace("one").await);
        let set = draft(workspace, "zips", &json!(["1"]));
        value_sets::create(db, &set).await.unwrap().unwrap();
        assert!(value_sets::delete(db, workspace, set.id, noon()).await.unwrap());
        assert!(!value_sets::delete(db, workspace, set.id, noon()).await.unwrap());
        assert!(value_sets::get(db, workspace, set.id).await.unwrap().is_none());
        assert!(value_sets::list(db, workspace, None, 9).await.unwrap().is_empty());
        assert!(!value_sets::save(db, &set, None).await.unwrap());
        let names = ["zips".to_owned(), "nobody".to_owned()];
        let standing = value_sets::standings(db, workspace, &names).await.unwrap();
        assert_eq!((standing.len(), standing[0].is_deleted), (1, true));
        assert!(value_sets::sets(db, workspace, &names).await.unwrap()["zips"].contains("1", true));
        let anew = value_sets::create(db, &draft(workspace, "zips", &json!(["2"]))).await.unwrap();
        let (row, _) = value_sets::get(db, workspace, anew.unwrap()).await.unwrap().unwrap();
        assert_eq!(row.revision, 2, "what is kept in memory sees that it is another");
    }

    async fn the_shelf_sees_a_change_within_a_second_and_asks_no_more_often(store: TestStore) {
        let (workspace, names) = (store.workspace("one").await, ["zips".to_owned(), "nobody".to_owned()]);
        let mut set = draft(workspace, "zips", &json!(["1"]));
        value_sets::create(&store.db, &set).await.unwrap().unwrap();
        let shelf = Shelf::new(store.db.clone());
        let has = async |value: &str, now| {
            let sets = shelf.get(workspace, &names, now).await.unwrap();
            assert!(!sets.contains_key("nobody"));
            sets["zips"].contains(value, true)
        };
        assert!(has("1", noon()).await);
        set.members = members(&json!(["2"]));
        assert!(value_sets::save(&store.db, &set, None).await.unwrap());
        assert!(has("1", noon() + Duration::milliseconds(999)).await, "believed for a second");
        assert!(has("2", noon() + Duration::seconds(1)).await);
        assert!(has("2", noon() - Duration::hours(1)).await, "a clock that was put back asks again");
        let other = store.workspace("two").await;
        assert!(shelf.get(other, &names, noon()).await.unwrap().is_empty(), "another workspace's");
    }

    async fn a_set_of_the_largest_size_is_stored_and_found_in(store: TestStore) {
        let workspace = store.workspace("one").await;
        let values: Vec<Value> = (0..value_set::SET_VALUES_MAX).map(|n| json!(format!("{n:05}"))).collect();
        let set = draft(workspace, "zips", &Value::Array(values));
        value_sets::create(&store.db, &set).await.unwrap().unwrap();
        let sets = value_sets::sets(&store.db, workspace, &["zips".to_owned()]).await.unwrap();
        assert_eq!(sets["zips"].len(), value_set::SET_VALUES_MAX);
        assert!(sets["zips"].contains("99999", false) && !sets["zips"].contains("100000", false));
    }
}
