//! What is saved and what is refused.
use crate::support::*;
use chrono::Duration;
use serde_json::json;
use shared::ids::CampaignId;
use shared::ids::SegmentId;
use shared::on_both_engines;
use shared::segment::SegmentState;
use shared::segment::change::Change;
use shared::segment::check::Draft;
use shared::segment::check::Refusal;
use shared::segment::source::Source;
use shared::store::segments;
use shared::testing::noon;

on_both_engines! {    async fn a_new_segment_is_ready_when_static_and_waits_when_dynamic(store: TestStore) {
        let (db, workspace) = (&store.db, enterprise(&store).await);
        let before = epoch(db, workspace).await;
        let plain = make(db, workspace, &fixed("VIP")).await;
        assert_eq!((plain.state, plain.build_due_at, plain.generation), (SegmentState::Ready, None, 1));
        let ruled = make(db, workspace, &dynamic("Reno", city())).await;
        assert_eq!((ruled.state, ruled.build_due_at), (SegmentState::Waiting, Some(noon())));
        assert!(epoch(db, workspace).await > before);
        let taken = segments::create(db, workspace, &fixed("VIP"), noon()).await;
        assert_eq!(refusal(taken), Refusal::NameTaken("VIP".into()));
        let other = store.workspace("two").await;
        make(db, other, &fixed("VIP")).await;
        assert!(segments::get(db.read(), other, plain.id).await.unwrap().is_none());
        let off = Draft { is_enabled: false, ..dynamic("off", city()) };
        let off = make(db, workspace, &off).await;
        assert_eq!((off.state, off.build_due_at), (SegmentState::Ready, None));
        let typed = Draft { source: Some(Source::Search("city:Reno".into())), ..dynamic("typed", city()) };
        let typed = make(db, workspace, &typed).await;
        assert_eq!(typed.search.as_deref(), Some("city:Reno"));
        assert_eq!(typed.rule.unwrap().0["field"], "contact.city");
    }

    async fn everything_wrong_is_listed_and_nothing_is_stored(store: TestStore) {
        let (db, workspace) = (&store.db, enterprise(&store).await);
        let elsewhere = make(db, store.workspace("two").await, &fixed("theirs")).await;
        let rule = json!({"combinator": "and", "rules": [
            city(), within(&[elsewhere.id]),
            {"field": "contact.campaigns", "operator": "memberOf", "value": [CampaignId::new(), "cmp_x"]},
            {"field": "contact.zip", "operator": "inValueSet", "valueSet": "nowhere"},
        ]});
        let draft = Draft { timezone: Some("Nowhere".into()), ..dynamic("", rule) };
        let Refusal::Invalid(found) = refusal(segments::create(db, workspace, &draft, noon()).await) else { panic!() };
        assert_eq!(path(&found), [
            "name", "timezone", "rule.rules[2].value[1]", "rule.rules[1].value[0]", "rule.rules[2].value[0]",
            "rule.rules[3].valueSet",
        ]);
        let typed = Draft { source: Some(Source::Search("city:(".into())), ..dynamic("typed", city()) };
        let Refusal::Invalid(found) = refusal(segments::create(db, workspace, &typed, noon()).await) else { panic!() };
        assert_eq!(path(&found), ["search"]);
        assert!(found[0].message.starts_with("at character "), "{found:?}");
        assert!(segments::all(db.read(), workspace).await.unwrap().is_empty());
    }

    async fn another_rule_stops_the_build_and_words_do_not(store: TestStore) {
        let (db, workspace) = (&store.db, enterprise(&store).await);
        let made = make(db, workspace, &dynamic("Reno", city())).await;
        let (key, later) = ((workspace, made.id), noon() + Duration::seconds(5));
        built(db, &made).await;
        let words = Change { name: Some("Reno, NV".into()), ..Change::default() };
        let named = segments::change(db, key, &words, later).await.unwrap();
        assert_eq!((named.state, named.generation, named.name.as_str()), (SegmentState::Ready, 1, "Reno, NV"));
        let ruled = segments::change(db, key, &to_rule(within(&[])), later).await;
        assert!(matches!(refusal(ruled), Refusal::Invalid(_)));
        let sparks = json!({"field": "contact.city", "operator": "equals", "value": "Sparks"});
        let ruled = segments::change(db, key, &to_rule(sparks), later).await.unwrap();
        assert_eq!((ruled.state, ruled.generation, ruled.build_due_at), (SegmentState::Waiting, 2, Some(later)));
        let off = Change { is_enabled: Some(false), ..Change::default() };
        let off = segments::change(db, key, &off, later).await.unwrap();
        assert_eq!((off.state, off.generation, off.build_due_at), (SegmentState::Ready, 3, None));
        let refused = segments::rebuild(db, key, later).await;
        assert!(matches!(refusal(refused), Refusal::NotSo(_)));
        let on = Change { is_enabled: Some(true), ..Change::default() };
        let on = segments::change(db, key, &on, later).await.unwrap();
        assert_eq!((on.state, on.generation), (SegmentState::Waiting, 4));
        assert_eq!(segments::rebuild(db, key, later).await.unwrap().generation, 4, "it waits already");
        built(db, &on).await;
        let again = segments::rebuild(db, key, later).await.unwrap();
        assert_eq!((again.state, again.generation), (SegmentState::Waiting, 5));
        assert_eq!(refusal(segments::change(db, (workspace, SegmentId::new()), &words, later).await), Refusal::Absent);
    }

    async fn a_circle_is_refused_by_names(store: TestStore) {
        let (db, workspace) = (&store.db, enterprise(&store).await);
        let a = make(db, workspace, &dynamic("A", city())).await;
        let b = make(db, workspace, &dynamic("B", within(&[a.id]))).await;
        let c = make(db, workspace, &dynamic("C", within(&[b.id]))).await;
        let circle = segments::change(db, (workspace, a.id), &to_rule(within(&[c.id])), noon()).await;
        assert_eq!(refusal(circle), Refusal::Circle(["A", "C", "B", "A"].map(String::from).to_vec()));
        let own = segments::change(db, (workspace, b.id), &to_rule(within(&[b.id])), noon()).await;
        assert_eq!(refusal(own), Refusal::Circle(["B", "B"].map(String::from).to_vec()));
        segments::change(db, (workspace, c.id), &to_rule(city()), noon()).await.unwrap();
        segments::change(db, (workspace, a.id), &to_rule(within(&[c.id])), noon()).await.unwrap();
    }

    async fn two_saves_at_once_do_not_make_a_circle(store: TestStore) {
        let (db, workspace) = (&store.db, enterprise(&store).await);
        for round in 0..5 {
            let a = make(db, workspace, &dynamic(&format!("A{round}"), city())).await;
            let b = make(db, workspace, &dynamic(&format!("B{round}"), city())).await;
            let (to_a, to_b) = (to_rule(within(&[a.id])), to_rule(within(&[b.id])));
            let (one, two) = tokio::join!(
                segments::change(db, (workspace, a.id), &to_b, noon()),
                segments::change(db, (workspace, b.id), &to_a, noon()),
            );
            assert_eq!([one.is_ok(), two.is_ok()].iter().filter(|ok| **ok).count(), 1, "{one:?} {two:?}");
        }
    }

    async fn of_two_names_at_once_one_is_taken(store: TestStore) {
        let (db, workspace) = (&store.db, enterprise(&store).await);
        let draft = fixed("VIP");
        let (one, two) = tokio::join!(
            segments::create(db, workspace, &draft, noon()),
            segments::create(db, workspace, &draft, noon()),
        );
        let (made, not) = if one.is_ok() { (one, two) } else { (two, one) };
        assert!(made.is_ok());
        assert_eq!(refusal(not), Refusal::NameTaken("VIP".into()));
    }
}
