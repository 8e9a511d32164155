//! Automations as they are saved and loaded, on both engines.
use chrono_tz::Tz;
use serde_json::{Value, json};
use shared::{
    automation::{AutomationConfig, Occurrence},
    ids::{CampaignId, SegmentId, ValueSetId, WorkspaceId},
    on_both_engines,
    plan::{Feature, Plan},
    secret::Sensitive,
    segment::check::Refusal,
    store::{
        automation::programs::{self, Put},
        campaigns::{self, Draft},
        secrets::{Deleted, Secrets},
        segments::{self, SaveError},
        value_sets::{self, SetDraft},
        workspaces,
    },
    testing::{noon, ring},
    value_set,
};

#[path = "automation_programs/world.rs"]
mod world;
use world::{World, later, one, when};

on_both_engines! {
    async fn what_is_saved_is_shown_and_runs_everywhere_at_once(store: TestStore) {
        let world = World::new(&store).await;
        assert_eq!(programs::get(&world.db, world.key()).await.unwrap(), None);
        assert!(world.definitions().await.programs.is_empty());
        let saved = world.saved(&one(&when("contact.city", "Rome")), noon()).await;
        assert_eq!((saved.revision, saved.pass_due_at), (1, Some(noon())));
        assert_eq!(world.get().await, saved);
        let definitions = world.definitions().await;
        let program = &definitions.programs[&world.campaign];
        assert_eq!((program.revision, program.reactions.len()), (1, 1));
        assert_eq!(program.reactions[0].since, noon());
        let city = Occurrence::Fields { fields: ["contact.city".to_owned()].into() };
        assert!(program.hears(&city));
    }

    async fn a_save_needs_the_revision_that_is_there_and_the_same_again_is_none(store: TestStore) {
        let world = World::new(&store).await;
        let (rome, oslo) = (one(&when("contact.city", "Rome")), one(&when("contact.city", "Oslo")));
        assert_eq!(world.put(&rome, Some(1), noon()).await, Put::Changed(0));
        assert!(matches!(world.put(&rome, Some(0), noon()).await, Put::Saved(_)));
        assert_eq!(world.put(&oslo, Some(0), noon()).await, Put::Changed(1));
        world.pass_is_done().await;
        let again = world.saved(&rome, later(1)).await;
        assert_eq!((again.revision, again.updated_at, again.pass_due_at), (1, noon(), None));
        let other = world.saved(&oslo, later(2)).await;
        assert_eq!((other.revision, other.pass_due_at), (2, Some(later(2))));
        assert_eq!(world.since("a").await, noon(), "its condition is another, what it listens to is not");
        let rows = programs::revisions(&world.db, world.key(), None, 10).await.unwrap();
        let told: Vec<_> = rows.iter().map(|row| (row.revision, row.saved_by.as_str(), row.saved_at)).collect();
        assert_eq!(told, [(2, "user_1", later(2)), (1, "user_1", noon())]);
        assert_eq!(programs::revisions(&world.db, world.key(), Some(2), 10).await.unwrap(), rows[1..]);
        let first = programs::revision(&world.db, world.key(), 1).await.unwrap().unwrap();
        let first: AutomationConfig = serde_json::from_value(first.config.0).unwrap();
        assert_eq!(first, serde_json::from_value(rome).unwrap());
        assert_eq!(programs::revision(&world.db, world.key(), 3).await.unwrap(), None);
    }

    async fn of_two_who_save_at_once_one_is_told(store: TestStore) {
        let world = World::new(&store).await;
        let (rome, oslo) = (one(&when("contact.city", "Rome")), one(&when("contact.city", "Oslo")));
        for revision in [0, 1] {
            let (a, b) = tokio::join!(
                world.put(&rome, Some(revision), later(revision)),
                world.put(&oslo, Some(revision), later(revision))
            );
            let refused = [&a, &b].into_iter().filter(|put| **put == Put::Changed(revision + 1)).count();
            let saved = [&a, &b].into_iter().filter(|put| matches!(put, Put::Saved(_))).count();
            // The same as was there is no change, so the other may come after it.
            assert!(saved == 1 && refused == 1 || revision == 1 && saved == 2, "{a:?} {b:?}");
        }
        let rows = programs::revisions(&world.db, world.key(), None, 10).await.unwrap();
        assert_eq!(rows.len(), 2);
    }

    async fn what_is_wrong_is_refused_and_nothing_is_stored(store: TestStore) {
        let world = World::new(&store).await;
        let missing = (WorkspaceId::new(), world.campaign);
        let config = AutomationConfig::default();
        let nowhere = (world.workspace, CampaignId::new());
        let put = programs::put(&world.db, nowhere, &config, None, ("u", noon())).await.unwrap();
        assert_eq!(put, Put::NoSuchCampaign);
        assert_eq!(programs::get(&world.db, missing).await.unwrap(), None);
        let Put::Refused(problems) = world.put(&one(&when("contact.cities", "Rome")), None, noon()).await else {
            panic!("there is no such field")
        };
        assert_eq!(problems[0].path, "rules[0].when.field");
        assert_eq!(programs::get(&world.db, world.key()).await.unwrap(), None);
        assert!(programs::revisions(&world.db, world.key(), None, 1).await.unwrap().is_empty());
    }

    async fn what_a_document_names_must_be_there(store: TestStore) {
        let world = World::new(&store).await;
        world.plan(Plan::Premium, noon()).await;
        let dynamic = world.segment("dynamic", Some(when("contact.city", "Rome"))).await;
        let fixed = world.segment("fixed", None).await;
        let other = CampaignId::new();
        let document = |segment: SegmentId, kept: SegmentId, campaign: CampaignId| json!({"rules": [{
            "id": "a", "name": "A", "on": [{"type": "segmentEntered", "segment": segment}],
            "when": {"field": "contact.segments", "operator": "notMemberOf", "value": [kept]},
            "do": [{"type": "addToSegment", "segment": kept}, {"type": "addToCampaign", "campaign": campaign}]}]});
        let mut bad = document(SegmentId::new(), dynamic, other);
        let webhook = json!({"type": "webhook", "url": "https://a.example.com", "signingSecret": "crm"});
        bad["rules"][0]["do"].as_array_mut().unwrap().push(webhook);
        bad["rules"][0]["when"] = json!({"combinator": "and", "rules": [
            {"field": "contact.email", "operator": "inValueSet", "valueSet": "rivals"}]});
        let Put::Refused(problems) = world.put(&bad, None, noon()).await else { panic!("none of it is there") };
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(said, [
            "rules[0].on[0].segment: there is no such segment in this workspace",
            "rules[0].do[1].campaign: there is no such campaign in this workspace",
            "rules[0].when.rules[0].valueSet: there is no such value set in this workspace",
            "rules[0].do[2].signingSecret: there is no such secret in this workspace",
            "rules[0].do[0].segment: is dynamic: its rule alone says who is in it; name a static segment",
        ]);
        let draft = Draft { id: other, code: "other".into(), ..world.draft(&json!({})) };
        campaigns::create(&world.db, &draft).await.unwrap();
        let saved = world.saved(&document(dynamic, fixed, other), noon()).await;
        assert_eq!(saved.revision, 1);
        let definitions = world.definitions().await;
        assert!(definitions.is_watched(dynamic), "it reacts to who comes in");
        let refused = segments::delete(&world.db, (world.workspace, fixed), noon()).await.unwrap_err();
        let SaveError::Refused(Refusal::Used(names)) = refused else { panic!("it is named") };
        assert_eq!(names, ["campaign solar"]);
        world.saved(&json!({}), later(1)).await;
        segments::delete(&world.db, (world.workspace, fixed), noon()).await.unwrap();
    }

    async fn conditions_on_properties_need_the_plan(store: TestStore) {
        let world = World::new(&store).await;
        world.property("tier", true).await;
        let gold = one(&when("property.tier", "gold"));
        world.plan(Plan::Premium, noon()).await;
        assert_eq!(world.put(&gold, None, noon()).await, Put::NotInPlan(Feature::PropertyFilters));
        world.plan(Plan::Enterprise, noon()).await;
        world.saved(&gold, noon()).await;
        assert_eq!(world.definitions().await.programs.len(), 1);
        // With a lower plan it stands still, with a higher one it goes on.
        world.plan(Plan::Standard, noon()).await;
        assert!(world.definitions().await.programs.is_empty());
        world.traffic(later(1)).await;
        let why = "conditions on custom properties need the plan enterprise; this workspace has the plan standard";
        assert_eq!(world.get().await.problem.as_deref(), Some(why));
        world.plan(Plan::Enterprise, noon()).await;
        world.traffic(later(2)).await;
        assert_eq!(world.get().await.problem, None);
    }

    async fn one_that_is_broken_stands_still_is_told_once_and_goes_on_when_it_can(store: TestStore) {
        let world = World::new(&store).await;
        world.plan(Plan::Enterprise, noon()).await;
        world.property("tier", true).await;
        let other = World { campaign: CampaignId::new(), ..world.clone() };
        let draft = Draft { code: "other".into(), ..other.draft(&json!({})) };
        campaigns::create(&world.db, &draft).await.unwrap();
        world.saved(&one(&when("property.tier", "gold")), noon()).await;
        other.saved(&one(&when("contact.city", "Rome")), noon()).await;
        world.pass_is_done().await;
        world.property("tier", false).await;
        let definitions = world.definitions().await;
        assert_eq!(definitions.programs.keys().collect::<Vec<_>>(), [&other.campaign], "nobody else is harmed");
        world.traffic(later(1)).await;
        world.traffic(later(2)).await;
        let why = "rules[0].when.field: there is no indexed property `tier`";
        let broken = world.get().await;
        assert_eq!((broken.problem.as_deref(), broken.pass_due_at), (Some(why), None));
        let notice = format!("The automation of the campaign solar cannot be evaluated: {why}. It stands still. x1");
        assert_eq!(world.told().await, [notice.as_str()]);
        assert_eq!(other.get().await.problem, None);
        world.property("tier", true).await;
        assert_eq!(world.definitions().await.programs.len(), 2, "it runs at once");
        world.traffic(later(3)).await;
        let mended = world.get().await;
        assert_eq!((mended.problem, mended.pass_due_at, mended.revision), (None, Some(later(3)), 1));
        world.property("tier", false).await;
        world.traffic(later(4)).await;
        assert_eq!(world.told().await.len(), 2, "another time is another notice");
    }

    async fn a_broken_one_that_is_saved_again_runs(store: TestStore) {
        let world = World::new(&store).await;
        world.plan(Plan::Enterprise, noon()).await;
        world.property("tier", true).await;
        let gold = one(&when("property.tier", "gold"));
        world.saved(&gold, noon()).await;
        world.property("tier", false).await;
        world.traffic(later(1)).await;
        assert!(matches!(world.put(&gold, None, later(2)).await, Put::Refused(_)));
        assert!(world.get().await.problem.is_some());
        let saved = world.saved(&one(&when("contact.city", "Rome")), later(3)).await;
        assert_eq!((saved.problem, saved.revision, saved.pass_due_at), (None, 2, Some(later(3))));
        assert_eq!(world.definitions().await.programs.len(), 1);
    }

    async fn one_that_is_off_is_kept_and_does_not_run(store: TestStore) {
        let world = World::new(&store).await;
        let mut document = one(&when("contact.city", "Rome"));
        world.saved(&document, noon()).await;
        document["enabled"] = json!(false);
        let off = world.saved(&document, later(1)).await;
        assert!(!off.config.enabled && off.since.is_empty());
        assert!(world.definitions().await.programs.is_empty());
        document["enabled"] = json!(true);
        world.saved(&document, later(2)).await;
        assert_eq!(world.since("a").await, later(2), "it begins anew");
    }

    async fn the_zone_is_the_campaigns_else_the_workspaces(store: TestStore) {
        let world = World::new(&store).await;
        world.saved(&one(&when("contact.city", "Rome")), noon()).await;
        assert_eq!(world.zone().await, Tz::UTC);
        let change = workspaces::Change { timezone: Some("Europe/Rome".into()), plan: None };
        workspaces::change(&world.db, world.workspace, &change, noon()).await.unwrap();
        assert_eq!(world.zone().await, Tz::Europe__Rome);
        let own = world.draft(&json!({"timezone": "America/Denver"}));
        world.pass_is_done().await;
        campaigns::save(&world.db, &own, 1).await.unwrap();
        assert_eq!(world.zone().await, Tz::America__Denver, "the change is seen at once");
        assert_eq!(world.get().await.pass_due_at, Some(noon()), "days begin at another time");
        world.pass_is_done().await;
        campaigns::save(&world.db, &own, 2).await.unwrap();
        assert_eq!(world.get().await.pass_due_at, None, "the zone is the same");
        campaigns::save(&world.db, &world.draft(&json!({})), 3).await.unwrap();
        assert_eq!(world.zone().await, Tz::Europe__Rome);
    }

    async fn who_asks_for_a_value_set_asks_again_when_it_changes(store: TestStore) {
        let world = World::new(&store).await;
        let set = |values: Value| SetDraft {
            workspace: world.workspace,
            id: ValueSetId::new(),
            name: "rivals".into(),
            description: String::new(),
            members: value_set::read(values.as_array().unwrap(), "values").unwrap(),
            at: later(1),
        };
        let draft = set(json!(["sunrival"]));
        value_sets::create(&world.db, &draft).await.unwrap();
        let asks = json!({"field": "contact.company", "operator": "inValueSet", "valueSet": "rivals"});
        world.saved(&one(&asks), noon()).await;
        let other = World { campaign: CampaignId::new(), ..world.clone() };
        let second = Draft { code: "other".into(), ..other.draft(&json!({})) };
        campaigns::create(&world.db, &second).await.unwrap();
        other.saved(&one(&when("contact.city", "Rome")), noon()).await;
        world.pass_is_done().await;
        let before = world.definitions().await.sets["rivals"].len();
        let more = SetDraft { id: draft.id, ..set(json!(["sunrival", "moonrival"])) };
        assert!(value_sets::save(&world.db, &more, None).await.unwrap());
        assert_eq!(world.definitions().await.sets["rivals"].len(), before + 1);
        assert_eq!(world.get().await.pass_due_at, Some(later(1)));
        assert_eq!(other.get().await.pass_due_at, None);
    }

    async fn a_secret_that_a_webhook_is_signed_with_cannot_go(store: TestStore) {
        let world = World::new(&store).await;
        let secrets = Secrets::new(world.db.clone(), ring());
        secrets.put(world.workspace, "crm", &Sensitive::from("hunter2"), noon()).await.unwrap();
        let hook = json!({"type": "webhook", "url": "https://a.example.com", "signingSecret": "crm"});
        let document = json!({"rules": [{"id": "a", "name": "A", "on": [{"type": "created"}], "do": [hook]}]});
        world.saved(&document, noon()).await;
        // Saving the campaign does not forget it.
        campaigns::save(&world.db, &world.draft(&json!({})), 1).await.unwrap();
        let kept = secrets.delete(world.workspace, "crm", noon()).await.unwrap();
        assert!(matches!(kept, Deleted::Used(_)), "{kept:?}");
        world.saved(&json!({}), later(1)).await;
        assert_eq!(secrets.delete(world.workspace, "crm", noon()).await.unwrap(), Deleted::Gone);
    }
}
