//! What a plan, a zone and a property that is gone do to segments.
use crate::support::*;
use serde_json::json;
use shared::clock::Clock;
use shared::ids::SegmentId;
use shared::on_both_engines;
use shared::plan::Plan;
use shared::segment::SegmentState;
use shared::segment::change::Change;
use shared::segment::check::Draft;
use shared::segment::check::Refusal;
use shared::segment::source::Source;
use shared::store::live::build;
use shared::store::properties;
use shared::store::properties::Changes;
use shared::store::segments;
use shared::store::workspaces;
use shared::store::workspaces::Change as Settings;
use shared::testing::noon;

on_both_engines! {    async fn a_lower_plan_freezes_and_a_higher_one_thaws(store: TestStore) {
        let (db, workspace) = (&store.db, enterprise(&store).await);
        property(db, workspace, true).await;
        let tier = json!({"field": "property.tier", "operator": "equals", "value": "gold"});
        let plain = make(db, workspace, &dynamic("plain", city())).await;
        let gold = make(db, workspace, &dynamic("gold", tier.clone())).await;
        let vip = make(db, workspace, &fixed("VIP")).await;
        let states = async || {
            let all = segments::all(db.read(), workspace).await.unwrap();
            all.iter().map(|one| one.state).collect::<Vec<_>>()
        };
        use SegmentState::{Frozen, Ready, Waiting};
        let changed = workspaces::set_plan(db, workspace, Plan::Premium, noon()).await.unwrap();
        assert_eq!((states().await, changed.to_build.len()), (vec![Waiting, Frozen, Ready], 0));
        let frozen = segments::get(db.read(), workspace, gold.id).await.unwrap().unwrap();
        assert!(frozen.problem.unwrap().contains("need the plan enterprise"));
        assert_eq!((frozen.generation, frozen.build_due_at), (2, None));
        workspaces::set_plan(db, workspace, Plan::Standard, noon()).await.unwrap();
        assert_eq!(states().await, [Frozen, Frozen, Ready]);
        for draft in [dynamic("new", city()), dynamic("new", tier.clone())] {
            assert!(matches!(refusal(segments::create(db, workspace, &draft, noon()).await), Refusal::Plan(_)));
        }
        let search = segments::wanted(db, workspace, &Source::Rule(tier), (None, "")).await;
        assert!(matches!(refusal(search), Refusal::Plan(_)));
        let words = Change { name: Some("renamed".into()), ..Change::default() };
        let renamed = segments::change(db, (workspace, plain.id), &words, noon()).await.unwrap();
        assert_eq!((renamed.state, renamed.name.as_str()), (Frozen, "renamed"));
        let rebuilt = segments::rebuild(db, (workspace, plain.id), noon()).await;
        assert!(matches!(refusal(rebuilt), Refusal::Plan(_)));
        let changed = workspaces::set_plan(db, workspace, Plan::Enterprise, noon()).await.unwrap();
        let mut built: Vec<SegmentId> = changed.to_build.iter().map(|(id, _)| *id).collect();
        built.sort();
        assert_eq!(built, [plain.id, gold.id]);
        assert_eq!(states().await, [Waiting, Waiting, Ready]);
        let still = workspaces::set_plan(db, workspace, Plan::Enterprise, noon()).await.unwrap();
        assert!(still.to_build.is_empty());
        assert_eq!(segments::get(db.read(), workspace, vip.id).await.unwrap().unwrap().generation, 1);
    }

    async fn a_save_thaws_what_the_plan_allows_again(store: TestStore) {
        let (db, workspace) = (&store.db, enterprise(&store).await);
        let made = make(db, workspace, &dynamic("plain", city())).await;
        let freeze = "UPDATE segment SET state = 'frozen', problem = 'x', build_due_at = NULL WHERE workspace_id = $1";
        db.write().sql(freeze).bind(workspace).run().await.unwrap();
        let words = Change { description: Some("d".into()), ..Change::default() };
        let saved = segments::change(db, (workspace, made.id), &words, noon()).await.unwrap();
        assert_eq!((saved.state, saved.problem, saved.generation), (SegmentState::Waiting, None, 2));
        assert_eq!(saved.rule, made.rule);
    }

    async fn another_zone_builds_what_has_none_of_its_own(store: TestStore) {
        let (db, workspace) = (&store.db, enterprise(&store).await);
        let own = Draft { timezone: Some("Europe/Paris".into()), ..dynamic("own", city()) };
        make(db, workspace, &own).await;
        let plain = make(db, workspace, &dynamic("plain", city())).await;
        let zone = Settings { timezone: Some("America/Los_Angeles".into()), plan: None };
        let changed = workspaces::change(db, workspace, &zone, noon()).await.unwrap();
        assert_eq!(changed.to_build, [(plain.id, 2)]);
        assert_eq!(changed.settings.timezone, "America/Los_Angeles");
        let wanted = segments::wanted(db, workspace, &Source::Rule(city()), (None, "")).await.unwrap();
        assert_eq!(wanted.zone, chrono_tz::America::Los_Angeles);
    }

    async fn a_broken_segment_can_be_renamed_and_turned_off_but_not_built(store: TestStore) {
        let (db, workspace) = (&store.db, enterprise(&store).await);
        property(db, workspace, true).await;
        let tier = json!({"field": "property.tier", "operator": "equals", "value": "gold"});
        let made = make(db, workspace, &dynamic("gold", tier)).await;
        let hide = "UPDATE property SET indexed = FALSE WHERE workspace_id = $1";
        db.write().sql(hide).bind(workspace).run().await.unwrap();
        let break_it = "UPDATE segment SET state = 'broken', problem = 'p', build_due_at = NULL WHERE workspace_id = $1";
        db.write().sql(break_it).bind(workspace).run().await.unwrap();
        let key = (workspace, made.id);
        let words = Change { name: Some("renamed".into()), ..Change::default() };
        let renamed = segments::change(db, key, &words, noon()).await.unwrap();
        assert_eq!((renamed.state, renamed.problem.as_deref()), (SegmentState::Broken, Some("p")));
        let Refusal::Invalid(found) = refusal(segments::rebuild(db, key, noon()).await) else { panic!() };
        assert_eq!(path(&found), ["rule.field"]);
        let off = Change { is_enabled: Some(false), ..Change::default() };
        let off = segments::change(db, key, &off, noon()).await.unwrap();
        assert_eq!((off.state, off.is_enabled), (SegmentState::Broken, false));
        let mended = segments::change(db, key, &Change { is_enabled: Some(true), ..to_rule(city()) }, noon()).await;
        assert_eq!(mended.unwrap().state, SegmentState::Waiting);
    }

    async fn a_property_that_rules_may_read_again_mends_what_was_broken(store: TestStore) {
        let (db, workspace, clock) = (&store.db, enterprise(&store).await, Clock::by_hand(noon()));
        property(db, workspace, true).await;
        let tier = json!({"field": "property.tier", "operator": "equals", "value": "gold"});
        let not_gold = json!({"combinator": "and", "not": true, "rules": [tier]});
        let gold = make(db, workspace, &dynamic("not gold", not_gold)).await;
        let plain = make(db, workspace, &dynamic("plain", city())).await;
        contact(db, workspace, "active").await;
        for id in [gold.id, plain.id] {
            build::run(db, id, &clock).await.unwrap().unwrap();
        }
        let state = async || {
            let gold = segments::get(db.read(), workspace, gold.id).await.unwrap().unwrap();
            (gold.state, gold.problem, gold.member_count)
        };
        let tier = properties::list(db, workspace, None, 1).await.unwrap().remove(0);
        let change = async |changes: Changes| {
            properties::change(db, (workspace, tier.id), &changes, noon()).await.unwrap().unwrap();
        };
        change(Changes { name: Some("Rank".into()), indexed: Some(true), ..Changes::default() }).await;
        assert_eq!(state().await, (SegmentState::Ready, None, 1), "it may be read as before");
        change(Changes { indexed: Some(false), ..Changes::default() }).await;
        assert!(build::run(db, gold.id, &clock).await.unwrap().is_none());
        let (broken, problem, _) = state().await;
        assert_eq!(broken, SegmentState::Broken);
        assert!(problem.unwrap().contains("there is no indexed property `tier`"));
        change(Changes { indexed: Some(true), ..Changes::default() }).await;
        assert_eq!(build::due(db, noon(), 9).await.unwrap().len(), 1, "the other one does not read it");
        build::run(db, gold.id, &clock).await.unwrap().unwrap();
        assert_eq!(state().await, (SegmentState::Ready, None, 1));
    }
}
