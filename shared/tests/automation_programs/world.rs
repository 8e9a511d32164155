//! A workspace with a campaign whose automation is saved and loaded.
use chrono::Duration;
use chrono_tz::Tz;
use serde_json::{Value, json};
use shared::{
    automation::AutomationConfig,
    clock::Time,
    contact::PropertyKind,
    ids::{CampaignId, ContactId, PropertyId, SegmentId, WorkspaceId},
    plan::Plan,
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
pub struct World {
    pub db: Db,
    pub workspace: WorkspaceId,
    pub campaign: CampaignId,
}

impl World {
    pub async fn new(store: &TestStore) -> Self {
        let workspace = store.workspace("automations").await;
        let campaign = CampaignId::new();
        let world = Self { db: store.db.clone(), workspace, campaign };
        campaigns::create(&world.db, &world.draft(&json!({}))).await.unwrap();
        world
    }

    pub fn draft(&self, config: &Value) -> Draft {
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

    pub fn key(&self) -> programs::Key {
        (self.workspace, self.campaign)
    }

    pub async fn put(&self, config: &Value, expected: Option<i64>, at: Time) -> Put {
        let config: AutomationConfig = serde_json::from_value(config.clone()).unwrap();
        programs::put(&self.db, self.key(), &config, expected, ("user_1", at)).await.unwrap()
    }

    pub async fn saved(&self, config: &Value, at: Time) -> Saved {
        match self.put(config, None, at).await {
            Put::Saved(saved) => *saved,
            other => panic!("{other:?}"),
        }
    }

    pub async fn get(&self) -> Saved {
        programs::get(&self.db, self.key()).await.unwrap().unwrap()
    }

    pub async fn definitions(&self) -> std::sync::Arc<Definitions> {
        let mut tx = self.db.begin().await.unwrap();
        definitions::of(&mut tx, self.workspace).await.unwrap()
    }

    /// Something changes of somebody, as it does all the time.
    pub async fn traffic(&self, at: Time) {
        let mut tx = self.db.begin().await.unwrap();
        let touched =
            Touched::new(self.workspace, ContactId::new(), What::fields(["contact.gender"]));
        live::reassess(&mut tx, &[touched], at).await.unwrap();
        tx.commit().await.unwrap();
    }

    pub async fn pass_is_done(&self) {
        let mut tx = self.db.begin().await.unwrap();
        tx.ex()
            .sql("UPDATE automation SET pass_due_at = NULL WHERE workspace_id = $1")
            .bind(self.workspace)
            .run()
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    pub async fn plan(&self, plan: Plan, at: Time) {
        workspaces::set_plan(&self.db, self.workspace, plan, at).await.unwrap();
    }

    /// A dynamic segment, or a static one.
    pub async fn segment(&self, name: &str, rule: Option<Value>) -> SegmentId {
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
    pub async fn since(&self, id: &str) -> Time {
        let definitions = self.definitions().await;
        let reactions = &definitions.programs[&self.campaign].reactions;
        reactions.iter().find(|one| one.id == id).unwrap().since
    }

    pub async fn zone(&self) -> Tz {
        self.definitions().await.programs[&self.campaign].zone
    }

    pub async fn property(&self, key: &str, indexed: bool) {
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

    pub async fn told(&self) -> Vec<String> {
        let filter = NoticeFilter { kind: Some(Kind::AutomationBroken), ..NoticeFilter::default() };
        let rows = notices::list(&self.db, self.workspace, filter, 10).await.unwrap();
        rows.into_iter().map(|row| format!("{} x{}", row.message, row.times)).collect()
    }
}

pub fn later(minutes: i64) -> Time {
    noon() + Duration::minutes(minutes)
}

pub fn when(field: &str, value: &str) -> Value {
    json!({"field": field, "operator": "equals", "value": value})
}

pub fn rule(id: &str, when: &Value) -> Value {
    json!({"id": id, "name": id, "when": when, "do": [{"type": "addTag", "tag": "hot"}]})
}

pub fn one(when: &Value) -> Value {
    json!({"rules": [rule("a", when)]})
}
