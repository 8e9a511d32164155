//! Agents on both engines: kept, replaced, found by webhooks, and kept from going while somebody counts on them.
use serde_json::{Value, json};
use shared::{
    ids::{AgentId, CampaignId, InteractionId, LeadId, WorkspaceId},
    lead::{Details, Person},
    on_both_engines,
    outreach::AgentConfig,
    store::{
        agents::{self, AGENTS_MAX, AgentDraft, AgentRow, Deleted, Put},
        campaigns::{self, Draft},
        intake::{Arrival, CampaignRef, Intake, Who},
        secrets::{self, Secrets},
    },
    testing::{TestStore, noon, ring},
};

fn voice(secret: &str) -> AgentConfig {
    let provider =
        json!({"type": "retell", "apiKey": {"secret": secret}, "agentId": "a", "from": "+1"});
    serde_json::from_value(json!({"provider": provider})).unwrap()
}

fn texts(token: &str, webhook: &str) -> AgentConfig {
    let config = json!({
        "provider": {"type": "vonage", "apiKey": "k", "apiSecret": {"secret": token},
            "signatureSecret": {"secret": token}, "from": "+1"},
        "webhook": {"url": "https://answers.example/texts", "secret": {"secret": webhook}},
    });
    serde_json::from_value(config).unwrap()
}

/// A workspace with the secrets `a` and `b`.
async fn workspace(store: &TestStore, name: &str) -> WorkspaceId {
    let workspace = store.workspace(name).await;
    let secrets = Secrets::new(store.db.clone(), ring());
    for secret in ["a", "b"] {
        secrets.put(workspace, secret, &"value".into(), noon()).await.unwrap();
    }
    workspace
}

async fn put(
    store: &TestStore,
    workspace: WorkspaceId,
    name: &str,
    config: &AgentConfig,
    expected: Option<i64>,
) -> Put {
    let draft = AgentDraft { workspace, name, config, at: noon() };
    agents::put(&store.db, draft, expected).await.unwrap()
}

async fn kept(
    store: &TestStore,
    workspace: WorkspaceId,
    name: &str,
    config: &AgentConfig,
) -> AgentRow {
    let Put::Saved(row) = put(store, workspace, name, config, None).await else {
        panic!("{name} is not saved")
    };
    *row
}

async fn campaign(store: &TestStore, workspace: WorkspaceId, config: Value) -> Draft {
    let draft = Draft {
        workspace,
        id: CampaignId::new(),
        code: "AAA".into(),
        name: "first".into(),
        dedup_days: None,
        config,
        at: noon(),
    };
    campaigns::create(&store.db, &draft).await.unwrap();
    draft
}

async fn lead(store: &TestStore, workspace: WorkspaceId, campaign: CampaignId) -> LeadId {
    let person = Person {
        first_name: "Ada".into(),
        last_name: "Lovelace".into(),
        email: "ada@example.com".into(),
        phone: "+14155550100".into(),
    };
    let arrival = Arrival {
        workspace,
        campaign: CampaignRef::Id(campaign),
        who: Who::New { person, details: Details::default() },
        is_test: false,
        submit: false,
        source: "api",
        repeat: None,
        at: noon(),
        redeliver_at: noon(),
    };
    Intake::start(store.db.clone()).take(arrival).await.unwrap().unwrap().lead_id
}

fn names(voice: &str, sms: &str) -> Value {
    json!({"firstAction": {"voice": {"agent": voice, "testAgent": voice}, "sms": {"agent": sms}}})
}

on_both_engines! {
    async fn an_agent_is_kept_as_it_was_given_and_found_by_its_id(store: TestStore) {
        let (own, other) = (workspace(&store, "own").await, workspace(&store, "other").await);
        let first = kept(&store, own, "caller", &voice("a")).await;
        assert_eq!((first.revision, first.name.as_str(), &first.config.0), (1, "caller", &voice("a")));
        let namesake = kept(&store, other, "caller", &texts("a", "b")).await;
        let db = &store.db;
        assert_eq!(agents::get(db, own, "caller").await.unwrap(), Some(first.clone()));
        assert_eq!(agents::by_id(db, first.id).await.unwrap(), Some(first.clone()));
        assert_eq!(agents::by_id(db, AgentId::new()).await.unwrap(), None);
        let found = agents::by_ids(db, &[namesake.id, first.id, AgentId::new()]).await.unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(agents::list(db, other).await.unwrap(), [namesake]);
        let second = kept(&store, own, "caller", &voice("b")).await;
        assert_eq!((second.id, second.revision, &second.config.0), (first.id, 2, &voice("b")));
    }

    async fn of_two_who_save_over_one_revision_one_is_told(store: TestStore) {
        let own = workspace(&store, "own").await;
        assert_eq!(put(&store, own, "caller", &voice("a"), Some(1)).await, Put::Moved(None));
        kept(&store, own, "caller", &voice("a")).await;
        assert!(matches!(put(&store, own, "caller", &voice("b"), Some(1)).await, Put::Saved(_)));
        assert_eq!(put(&store, own, "caller", &voice("a"), Some(1)).await, Put::Moved(Some(2)));
        let row = agents::get(&store.db, own, "caller").await.unwrap().unwrap();
        assert_eq!((row.revision, row.config.0), (2, voice("b")));
    }

    async fn a_secret_that_an_agent_uses_stays_and_one_that_is_not_there_cannot_be_used(store: TestStore) {
        let own = workspace(&store, "own").await;
        let secrets = Secrets::new(store.db.clone(), ring());
        kept(&store, own, "texter", &texts("a", "b")).await;
        for name in ["a", "b"] {
            let secrets::Deleted::Used(by) = secrets.delete(own, name, noon()).await.unwrap() else { panic!("{name} is used") };
            assert_eq!((by.campaigns.len(), by.agents), (0, vec!["texter".to_owned()]));
        }
        let config = voice("nobody");
        let draft = AgentDraft { workspace: own, name: "texter", config: &config, at: noon() };
        assert!(agents::put(&store.db, draft, None).await.unwrap_err().is_dangling());
        let row = agents::get(&store.db, own, "texter").await.unwrap().unwrap();
        assert_eq!((row.revision, row.config.0), (1, texts("a", "b")), "nothing was saved");
        kept(&store, own, "texter", &texts("a", "a")).await;
        assert_eq!(secrets.delete(own, "b", noon()).await.unwrap(), secrets::Deleted::Gone, "it is no longer used");
        assert_eq!(agents::delete(&store.db, own, "texter", noon()).await.unwrap(), Deleted::Gone);
        assert_eq!(secrets.delete(own, "a", noon()).await.unwrap(), secrets::Deleted::Gone);
    }

    async fn an_agent_that_a_campaign_names_stays_and_one_that_is_not_there_cannot_be_named(store: TestStore) {
        let own = workspace(&store, "own").await;
        kept(&store, own, "caller", &voice("a")).await;
        kept(&store, own, "texter", &texts("a", "b")).await;
        let draft = campaign(&store, own, names("caller", "texter")).await;
        for name in ["caller", "texter"] {
            let Deleted::Used { campaigns, open } = agents::delete(&store.db, own, name, noon()).await.unwrap() else {
                panic!("{name} is used")
            };
            assert_eq!((campaigns.len(), campaigns[0].code.as_str(), open.len()), (1, "AAA", 0));
        }
        let Put::Used(by) = put(&store, own, "caller", &texts("a", "b"), None).await else {
            panic!("a voice agent that is counted on cannot become one that texts")
        };
        assert_eq!(by[0].campaign_id, draft.id);
        let dangling = Draft { config: names("caller", "nobody"), ..draft.clone() };
        assert!(campaigns::save(&store.db, &dangling, 1).await.unwrap_err().is_dangling());
        campaigns::set_state(&store.db, own, draft.id, "archived", noon()).await.unwrap();
        assert_eq!(agents::delete(&store.db, own, "caller", noon()).await.unwrap(), Deleted::Gone, "archived ones do not count");
        let back = campaigns::set_state(&store.db, own, draft.id, "active", noon()).await;
        assert!(back.unwrap_err().is_dangling(), "it needs its agents back");
        let without = Draft { config: json!({}), ..draft };
        assert_eq!(campaigns::save(&store.db, &without, 1).await.unwrap(), Some(2));
        assert_eq!(agents::delete(&store.db, own, "texter", noon()).await.unwrap(), Deleted::Gone, "only the newest revision counts");
        assert_eq!(agents::delete(&store.db, own, "texter", noon()).await.unwrap(), Deleted::Absent);
    }

    async fn an_agent_that_speaks_with_somebody_stays(store: TestStore) {
        let own = workspace(&store, "own").await;
        let agent = kept(&store, own, "caller", &voice("a")).await;
        let campaign = campaign(&store, own, json!({})).await;
        for (kind, open, over) in [("call", "unsure", "not_placed"), ("sms", "open", "closed")] {
            let (lead, id) = (lead(&store, own, campaign.id).await, InteractionId::new());
            store.db.write()
                .sql(
                    "INSERT INTO interaction (workspace_id, id, type, direction, lead_id, campaign_id, agent_id, provider, number,
                        phone, is_test, state, generation, tries, opened_at, updated_at)
                     VALUES ($1, $2, $3, 'outbound', $4, $5, $6, 'retell', 1, '+14155550100', $7, $8, 0, 0, $9, $9)",
                )
                .bind(own).bind(id).bind(kind).bind(lead).bind(campaign.id).bind(agent.id).bind(false).bind(open).bind(noon())
                .run().await.unwrap();
            let refused = agents::delete(&store.db, own, "caller", noon()).await.unwrap();
            assert_eq!(refused, Deleted::Used { campaigns: Vec::new(), open: vec![id] });
            store.db.write()
                .sql("UPDATE interaction SET state = $3 WHERE workspace_id = $1 AND id = $2")
                .bind(own).bind(id).bind(over).run().await.unwrap();
        }
        assert_eq!(agents::delete(&store.db, own, "caller", noon()).await.unwrap(), Deleted::Gone);
    }

    async fn there_is_a_most_of_agents_and_replacing_one_is_always_possible(store: TestStore) {
        let own = workspace(&store, "own").await;
        for n in 0..AGENTS_MAX {
            kept(&store, own, &format!("a{n}"), &voice("a")).await;
        }
        assert_eq!(put(&store, own, "more", &voice("a"), None).await, Put::TooMany);
        assert_eq!(kept(&store, own, "a0", &voice("b")).await.revision, 2);
    }
}
