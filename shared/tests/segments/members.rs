//! Who is in a segment: by hand, from a search, until it is deleted.
use crate::support::*;
use chrono::Duration;
use serde_json::json;
use shared::ids::ContactId;
use shared::on_both_engines;
use shared::segment::SegmentKind;
use shared::segment::SegmentState;
use shared::segment::change::Change;
use shared::segment::check::Refusal;
use shared::segment::source::Source;
use shared::store::segments;
use shared::store::segments::FILL_AT_ONCE;
use shared::store::segments::FillFrom;
use shared::testing::noon;

on_both_engines! {    async fn a_kind_may_change_and_members_stay(store: TestStore) {
        let (db, workspace) = (&store.db, enterprise(&store).await);
        let made = make(db, workspace, &fixed("VIP")).await;
        let (key, ada) = ((workspace, made.id), contact(db, workspace, "active").await);
        segments::add(db, key, &[ada], BY).await.unwrap();
        let to = |kind, source| Change { kind: Some(kind), source, ..Change::default() };
        let bare = segments::change(db, key, &to(SegmentKind::Dynamic, None), noon()).await;
        let Refusal::Invalid(found) = refusal(bare) else { panic!() };
        assert_eq!(path(&found), ["rule"]);
        let ruled = segments::change(db, key, &to_rule(city()), noon()).await;
        let Refusal::Invalid(found) = refusal(ruled) else { panic!() };
        assert!(found[0].message.contains("a static segment has no rule"));
        let live = to(SegmentKind::Dynamic, Some(Source::Rule(city())));
        let live = segments::change(db, key, &live, noon()).await.unwrap();
        assert_eq!((live.kind, live.state), (SegmentKind::Dynamic, SegmentState::Waiting));
        assert!(matches!(refusal(segments::add(db, key, &[ada], BY).await), Refusal::NotSo(_)));
        let still = segments::change(db, key, &to(SegmentKind::Static, None), noon()).await.unwrap();
        assert_eq!((still.kind, still.state, still.rule, still.build_due_at), (SegmentKind::Static, SegmentState::Ready, None, None));
        assert_eq!(segments::member_ids(db.read(), key, None, 9).await.unwrap(), [ada]);
    }

    async fn members_come_and_go_once_with_a_line_of_history(store: TestStore) {
        let (db, workspace) = (&store.db, enterprise(&store).await);
        let made = make(db, workspace, &fixed("VIP")).await;
        let key = (workspace, made.id);
        let (ada, bob) = (contact(db, workspace, "active").await, contact(db, workspace, "inactive").await);
        let gone = contact(db, workspace, "deleted").await;
        let (unknown, theirs) = (ContactId::new(), contact(db, store.workspace("two").await, "active").await);
        let moved = segments::add(db, key, &[bob, ada, bob, gone, unknown, theirs], BY).await.unwrap();
        assert_eq!((moved.moved, moved.deleted), (vec![ada, bob], vec![gone]));
        let mut strangers = [unknown, theirs];
        strangers.sort();
        assert_eq!(moved.unknown, strangers);
        assert!(segments::add(db, key, &[ada], BY).await.unwrap().moved.is_empty());
        assert_eq!(changes(db, workspace, ada).await, ["segment_added"]);
        let page = segments::members(db.read(), key, None, 1).await.unwrap();
        assert_eq!(page[0].contact_id, ada);
        let rest = segments::members(db.read(), key, Some(ada), 9).await.unwrap();
        assert_eq!((rest.len(), rest[0].contact_id, rest[0].added_at), (1, bob, NOON));
        assert_eq!(segments::counts(db.read(), workspace, &[made.id]).await.unwrap()[&made.id], 2);
        let of = segments::of_contact(db.read(), workspace, ada).await.unwrap();
        assert_eq!(of.iter().map(|one| one.id).collect::<Vec<_>>(), [made.id]);
        let left = segments::remove(db, key, &[ada, gone, unknown], BY).await.unwrap();
        assert_eq!((left.moved, left.unknown), (vec![ada], vec![unknown]));
        assert!(segments::remove(db, key, &[ada], BY).await.unwrap().moved.is_empty());
        assert_eq!(changes(db, workspace, ada).await, ["segment_added", "segment_removed"]);
        let other = store.workspace("two").await;
        assert_eq!(refusal(segments::add(db, (other, made.id), &[theirs], BY).await), Refusal::Absent);
    }

    async fn a_segment_is_filled_from_a_search_and_from_another(store: TestStore) {
        let (db, workspace) = (&store.db, enterprise(&store).await);
        let mut everybody = Vec::new();
        for _ in 0..3 {
            everybody.push(contact(db, workspace, "active").await);
        }
        contact(db, workspace, "deleted").await;
        let made = make(db, workspace, &fixed("Reno")).await;
        let key = (workspace, made.id);
        let wanted = segments::wanted(db, workspace, &Source::Rule(city()), (None, "")).await.unwrap();
        let from = FillFrom::Matching(&wanted);
        let filled = segments::fill(db, key, from, None, BY).await.unwrap();
        assert_eq!((filled.found, filled.added, filled.next), (3, 3, None));
        let again = segments::fill(db, key, from, Some(everybody[0]), BY).await.unwrap();
        assert_eq!((again.found, again.added, again.next), (2, 0, None));
        assert_eq!(segments::member_ids(db.read(), key, None, 9).await.unwrap(), everybody);
        let history = segments::history(db.read(), key, noon() + Duration::days(1), 9).await.unwrap();
        assert_eq!((history.len(), history[0].members, history[0].added), (1, 3, 3));
        let copy = make(db, workspace, &segments::copied(&made, "copy")).await;
        let filled = segments::fill(db, (workspace, copy.id), FillFrom::Members(key), None, BY).await.unwrap();
        assert_eq!((filled.found, filled.added), (3, 3));
        assert_eq!(segments::member_ids(db.read(), (workspace, copy.id), None, 9).await.unwrap(), everybody);
        let bad = segments::wanted(db, workspace, &Source::Rule(json!({})), (None, "from.")).await;
        let Refusal::Invalid(found) = refusal(bad) else { panic!() };
        assert!(found.iter().all(|problem| problem.path.starts_with("from.rule")), "{found:?}");
    }

    async fn a_segment_that_is_named_cannot_be_deleted(store: TestStore) {
        let (db, workspace) = (&store.db, enterprise(&store).await);
        let a = make(db, workspace, &fixed("A")).await;
        let b = make(db, workspace, &dynamic("B", within(&[a.id]))).await;
        let ada = contact(db, workspace, "active").await;
        segments::add(db, (workspace, a.id), &[ada], BY).await.unwrap();
        feed(db, workspace, a.id).await;
        let used = refusal(segments::delete(db, (workspace, a.id), noon()).await);
        assert_eq!(used, Refusal::Used(vec!["segment \"B\"".into(), "campaign SOL".into()]));
        let starve = "DELETE FROM campaign_segment WHERE workspace_id = $1";
        db.write().sql(starve).bind(workspace).run().await.unwrap();
        segments::delete(db, (workspace, b.id), noon()).await.unwrap();
        segments::delete(db, (workspace, a.id), noon()).await.unwrap();
        assert_eq!(refusal(segments::delete(db, (workspace, a.id), noon()).await), Refusal::Absent);
        assert!(segments::member_ids(db.read(), (workspace, a.id), None, 9).await.unwrap().is_empty());
        assert!(segments::of_contact(db.read(), workspace, ada).await.unwrap().is_empty());
        make(db, workspace, &fixed("A")).await;
        let named = segments::create(db, workspace, &dynamic("C", within(&[a.id])), noon()).await;
        assert!(matches!(refusal(named), Refusal::Invalid(_)), "a deleted one cannot be named");
    }
}

#[test]
fn a_fill_is_made_of_whole_steps() {
    assert_eq!(FILL_AT_ONCE % segments::MEMBERS_AT_ONCE, 0);
    assert_eq!(NOON, noon());
}
