//! Automations as they are saved and loaded, on both engines.
use chrono::Duration;
use chrono_tz::Tz;
use serde_json::{Value, json};
use shared::{
    automation::{AutomationConfig, Occurrence},
    clock::Time,
    contact::PropertyKind,
    ids::{CampaignId, ContactId, PropertyId, SegmentId, WorkspaceId},
    on_both_engines,
    plan::{Feature, Plan},
    segment::{SegmentKind, check, source::Source},
    store::{
        Db,
        automation::programs::{self, Put, Saved},
        campaigns::{self, Draft},
        live::{self, Definitions, Touched, What, definitions},
        notices::{self, Kind, NoticeFilter},
        properties::{self, Property},
        segments, workspaces,
    },
    testing::{TestStore, noon},
};

#[derive(Clone)]
struct World {
    db: Db,
    workspace: WorkspaceId,
    campaign: CampaignId,
}

impl World {
    async fn new(store: &TestStore) -> Self {
        let workspace = store.workspace("automations").await;
        let campaign = CampaignId::new();
        let world = Self { db: store.db.clone(), workspace, campaign };
        campaigns::create(&world.db, &world.draft(&json!({}))).await.unwrap();
        world
    }

    fn draft(&self, config: &Value) -> Draft {
        Draft {
            workspace: self.workspace,
            id: self.campaign,
            code: "solar".into(),
            name: "Solar".into(),
            dedup_days: None,
            config: config.clone(),
            at: noon(),
        }
    }

    fn key(&self) -> programs::Key {
        (self.workspace, self.campaign)
    }

    async fn put(&self, config: &Value, expected: Option<i64>, at: Time) -> Put {
        let config: AutomationConfig = serde_json::from_value(config.clone()).unwrap();
        programs::put(&self.db, self.key(), &config, expected, ("user_1", at)).await.unwrap()
    }

    async fn saved(&self, config: &Value, at: Time) -> Saved {
        match self.put(config, None, at).await {
            Put::Saved(saved) => *saved,
            other => panic!("{other:?}"),
        }
    }

    async fn get(&self) -> Saved {
        programs::get(&self.db, self.key()).await.unwrap().unwrap()
    }

    async fn definitions(&self) -> std::sync::Arc<Definitions> {
        let mut tx = self.db.begin().await.unwrap();
        definitions::of(&mut tx, self.workspace).await.unwrap()
    }

    /// Something changes of somebody, as it does all the time.
    async fn traffic(&self, at: Time) {
        let mut tx = self.db.begin().await.unwrap();
        let touched =
            Touched::new(self.workspace, ContactId::new(), What::fields(["contact.gender"]));
        live::reassess(&mut tx, &[touched], at).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn pass_is_done(&self) {
        let mut tx = self.db.begin().await.unwrap();
        tx.ex()
            .sql("UPDATE automation SET pass_due_at = NULL WHERE workspace_id = $1")
            .bind(self.workspace)
            .run()
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    async fn plan(&self, plan: Plan, at: Time) {
        workspaces::set_plan(&self.db, self.workspace, plan, at).await.unwrap();
    }

    /// A dynamic segment, or a static one.
    async fn segment(&self, name: &str, rule: Option<Value>) -> SegmentId {
        let draft = check::Draft {
            name: name.into(),
            description: String::new(),
            kind: if rule.is_some() { SegmentKind::Dynamic } else { SegmentKind::Static },
            source: rule.map(Source::Rule),
            timezone: None,
            is_enabled: true,
        };
        segments::create(&self.db, self.workspace, &draft, noon()).await.unwrap().id
    }

    /// Since when a reaction of the program that runs has been there.
    async fn since(&self, id: &str) -> Time {
        let definitions = self.definitions().await;
        let reactions = &definitions.programs[&self.campaign].reactions;
        reactions.iter().find(|one| one.id == id).unwrap().since
    }

    async fn zone(&self) -> Tz {
        self.definitions().await.programs[&self.campaign].zone
    }

    async fn property(&self, key: &str, indexed: bool) {
        let change = properties::Changes { indexed: Some(indexed), ..Default::default() };
        let known = properties::list(&self.db, self.workspace, None, 10).await.unwrap();
        if let Some(property) = known.iter().find(|property| property.key == key) {
            let key = (self.workspace, property.id);
            properties::change(&self.db, key, &change, noon()).await.unwrap();
            return;
        }
        let property = Property {
            id: PropertyId::new(),
            key: key.into(),
            name: key.into(),
            description: String::new(),
            kind: PropertyKind::Text,
            indexed,
            created_at: noon(),
            updated_at: noon(),
        };
        properties::create(&self.db, self.workspace, &property).await.unwrap();
    }

    async fn told(&self) -> Vec<String> {
        let filter = NoticeFilter { kind: Some(Kind::AutomationBroken), ..NoticeFilter::default() };
        let rows = notices::list(&self.db, self.workspace, filter, 10).await.unwrap();
        rows.into_iter().map(|row| format!("{} x{}", row.message, row.times)).collect()
    }
}

fn later(minutes: i64) -> Time {
    noon() + Duration::minutes(minutes)
}

fn when(field: &str, value: &str) -> Value {
    json!({"field": field, "operator": "equals", "value": value})
}

fn rule(id: &str, when: &Value) -> Value {
    json!({"id": id, "name": id, "when": when, "do": [{"type": "addTag", "tag": "hot"}]})
}

fn one(when: &Value) -> Value {
    json!({"rules": [rule("a", when)]})
}

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
        campaigns::save(&world.db, &own, 1).await.unwrap();
        assert_eq!(world.zone().await, Tz::America__Denver, "the change is seen at once");
        campaigns::save(&world.db, &world.draft(&json!({})), 2).await.unwrap();
        assert_eq!(world.zone().await, Tz::Europe__Rome);
    }
}
