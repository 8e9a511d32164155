//! Calls, texts and what providers tell of them, on both engines: of many who want the same, one has it.
use serde_json::{Value, json};
use shared::{
    clock::Clock,
    ids::{CampaignId, InteractionId, LeadId, MessageId, WorkspaceId},
    lead::{Details, Person},
    on_both_engines,
    outreach::{
        AgentConfig, CallOutcome, Heard, Report, What,
        agent::Channel,
        provider::{InboundText, OPTED_OUT, TextStatus},
    },
    plan::Plan,
    segment::{SegmentKind, check::Draft as SegmentDraft, source::Source},
    store::{
        agents::{self, AgentDraft, AgentRow, Put},
        calls,
        campaigns::{self, Draft},
        inbound,
        intake::{Arrival, CampaignRef, Intake, Who},
        interactions::{self, Interaction, Move, Moved, State},
        live::build,
        messages,
        secrets::Secrets,
        segments,
        suppressions::{self, CONSENT, Person as Suppressed, Reach, Suppression},
        workspaces,
    },
    testing::{TestStore, noon, ring},
};
use sqlx::types::Json;
use std::sync::Arc;

const PHONE: &str = "+14155550100";

struct Scene {
    store: TestStore,
    secrets: Arc<Secrets>,
    agent: AgentRow,
    workspace: WorkspaceId,
    campaign: CampaignId,
    lead: LeadId,
}

async fn scene(store: TestStore) -> Scene {
    let workspace = store.workspace("own").await;
    let secrets = Arc::new(Secrets::new(store.db.clone(), ring()));
    secrets.put(workspace, "a", &"value".into(), noon()).await.unwrap();
    let config = json!({"provider": {"type": "vonage", "apiKey": "k", "apiSecret": {"secret": "a"},
        "signatureSecret": {"secret": "a"}, "from": "+14155559999"}});
    let config: AgentConfig = serde_json::from_value(config).unwrap();
    let draft = AgentDraft { workspace, name: "agent", config: &config, at: noon() };
    let Put::Saved(agent) = agents::put(&store.db, draft, None).await.unwrap() else {
        panic!("not saved")
    };
    let draft = Draft {
        workspace,
        id: CampaignId::new(),
        code: "AAA".into(),
        name: "A".into(),
        dedup_days: None,
        config: json!({}),
        at: noon(),
    };
    campaigns::create(&store.db, &draft).await.unwrap();
    let person = Person {
        first_name: "Ada".into(),
        last_name: "Lovelace".into(),
        email: "ada@example.com".into(),
        phone: PHONE.into(),
    };
    let arrival = Arrival {
        workspace,
        campaign: CampaignRef::Id(draft.id),
        who: Who::New { person, details: Details::default() },
        is_test: false,
        submit: false,
        source: "api",
        repeat: None,
        at: noon(),
        redeliver_at: noon(),
    };
    let lead = Intake::start(store.db.clone()).take(arrival).await.unwrap().unwrap().lead_id;
    Scene { store, secrets, agent: *agent, workspace, campaign: draft.id, lead }
}

impl Scene {
    /// A call or a thread of the lead, in the given state; the error of the database when it may not be.
    async fn open(
        &self,
        kind: &str,
        state: &str,
    ) -> Result<Interaction, shared::store::StoreError> {
        let id = InteractionId::new();
        self.store
            .db
            .write()
            .sql(
                "INSERT INTO interaction (workspace_id, id, type, direction, lead_id, campaign_id, agent_id, provider, number,
                    phone, is_test, state, generation, tries, due_at, opened_at, updated_at)
                 VALUES ($1, $2, $3, 'outbound', $4, $5, $6, 'vonage', 1, $7, FALSE, $8, 1, 0, $9, $9, $9)",
            )
            .bind(self.workspace)
            .bind(id)
            .bind(kind)
            .bind(self.lead)
            .bind(self.campaign)
            .bind(self.agent.id)
            .bind(PHONE)
            .bind(state)
            .bind(noon())
            .run()
            .await?;
        Ok(self.now(id).await)
    }

    async fn now(&self, id: InteractionId) -> Interaction {
        interactions::get(&self.store.db, id).await.unwrap().unwrap()
    }

    async fn text(&self, thread: InteractionId) -> MessageId {
        let id = MessageId::new();
        self.store
            .db
            .write()
            .sql(
                "INSERT INTO message (workspace_id, id, interaction_id, role, source, body, state, at, updated_at)
                 VALUES ($1, $2, $3, 'agent', 'system', 'Hello', 'planned', $4, $4)",
            )
            .bind(self.workspace)
            .bind(id)
            .bind(thread)
            .bind(noon())
            .run()
            .await
            .unwrap();
        id
    }

    async fn hash(&self) -> String {
        self.secrets.person_hash(self.workspace, PHONE, noon()).await.unwrap()
    }

    async fn is_suppressed(&self, channel: Channel) -> bool {
        let hash = self.hash().await;
        let person = Suppressed { workspace: self.workspace, hash: &hash };
        suppressions::is_suppressed(self.store.db.read(), person, channel, noon()).await.unwrap()
    }

    async fn suppress(&self) {
        let hash = self.hash().await;
        let person = Suppressed { workspace: self.workspace, hash: &hash };
        let (channel, reason) = (Reach::All, "manual".to_owned());
        let suppression = Suppression {
            channel,
            reason,
            source: "desk".into(),
            created_at: noon(),
            expires_at: None,
        };
        suppressions::add(self.store.db.write(), person, &suppression).await.unwrap();
    }

    async fn take_in(&self, heard: &[Heard]) -> Vec<inbound::Bell> {
        inbound::take_in(&self.store.db, &self.secrets, &self.agent, heard, noon()).await.unwrap()
    }
}

fn ended(call: InteractionId, key: &str) -> Heard {
    let report = Box::new(Report::of(CallOutcome::Qualified));
    let (ours, reference) = (Some(call.to_string()), Some("c1".to_owned()));
    Heard { ours, reference, key: key.into(), what: What::Call { report } }
}

fn said(body: &str, key: &str) -> Heard {
    let text = InboundText {
        from: PHONE.into(),
        to: "+14155559999".into(),
        body: body.into(),
        media: 0,
        keyword: None,
    };
    Heard { ours: None, reference: Some(key.into()), key: key.into(), what: What::Text(text) }
}

on_both_engines! {
    async fn of_twenty_workers_who_claim_a_call_one_has_it(store: TestStore) {
        let scene = Arc::new(scene(store).await);
        let call = scene.open("call", "planned").await.unwrap();
        let tries: Vec<_> = (0..20).map(|_| {
            let (scene, call) = (scene.clone(), call.clone());
            tokio::spawn(async move { calls::claim(&scene.store.db, &call, "nobody", (noon(), noon())).await.unwrap() })
        }).collect();
        let mut won = 0;
        for one in tries {
            won += usize::from(one.await.unwrap());
        }
        assert_eq!((won, scene.now(call.id).await.state), (1, State::Placing));
    }

    async fn a_lead_is_called_once_at_a_time(store: TestStore) {
        let scene = scene(store).await;
        assert!(!calls::is_called(&scene.store.db, scene.workspace, scene.lead).await.unwrap());
        for state in ["planned", "placing", "in_progress", "unsure"] {
            let call = scene.open("call", state).await.unwrap();
            assert!(calls::is_called(&scene.store.db, scene.workspace, scene.lead).await.unwrap(), "{state}");
            assert!(scene.open("call", "planned").await.is_err(), "{state}");
            let over = Move { state: State::NotPlaced, ..Move::of(&call) };
            assert_eq!(interactions::advance(&scene.store.db, &call, &over, noon()).await.unwrap(), Moved::Yes(None));
        }
        assert!(scene.open("sms", "open").await.is_ok());
        assert!(scene.open("sms", "open").await.is_err(), "one open thread with an agent");
    }

    async fn a_refusal_that_is_there_before_the_claim_stands(store: TestStore) {
        let scene = scene(store).await;
        let (db, hash) = (scene.store.db.clone(), scene.hash().await);
        let call = scene.open("call", "planned").await.unwrap();
        let thread = scene.open("sms", "open").await.unwrap();
        let text = scene.text(thread.id).await;
        scene.suppress().await;
        assert!(!calls::claim(&db, &call, &hash, (noon(), noon())).await.unwrap());
        assert!(!messages::claim(&db, &thread, text, &hash, noon()).await.unwrap());
        assert_eq!(scene.now(call.id).await.state, State::Planned);
        assert!(calls::claim(&db, &call, "somebody else", (noon(), noon())).await.unwrap());
        assert!(messages::claim(&db, &thread, text, "somebody else", noon()).await.unwrap());
        assert!(!messages::claim(&db, &thread, text, "somebody else", noon()).await.unwrap(), "once");
    }

    async fn a_hundred_copies_at_once_are_one_event(store: TestStore) {
        let scene = Arc::new(scene(store).await);
        let call = scene.open("call", "in_progress").await.unwrap();
        let thread = scene.open("sms", "open").await.unwrap();
        let copies: Vec<_> = (0..100).map(|nth| {
            let scene = scene.clone();
            let heard = if nth % 2 == 0 { ended(call.id, "e1") } else { said("yes", "t1") };
            tokio::spawn(async move { scene.take_in(&[heard]).await.len() })
        }).collect();
        let mut bells = 0;
        for copy in copies {
            bells += copy.await.unwrap();
        }
        assert_eq!(bells, 2, "each rang once");
        let db = &scene.store.db;
        assert_eq!(inbound::unread(db, &scene.now(call.id).await, &[]).await.unwrap().len(), 1);
        assert_eq!(messages::of_thread(db, scene.workspace, thread.id).await.unwrap().len(), 1);
    }

    async fn what_comes_while_a_move_is_decided_is_not_left_lying(store: TestStore) {
        let scene = scene(store).await;
        let db = &scene.store.db;
        let call = scene.open("call", "in_progress").await.unwrap();
        scene.take_in(&[ended(call.id, "e1")]).await;
        let read: Vec<_> = inbound::unread(db, &call, &[]).await.unwrap().iter().map(|event| event.id).collect();
        scene.take_in(&[ended(call.id, "e2")]).await;
        let report = Some(Report::of(CallOutcome::Qualified));
        let over = Move { state: State::Ended, due_at: None, report, read, ..Move::of(&call) };
        interactions::advance(db, &call, &over, noon()).await.unwrap();
        let call = scene.now(call.id).await;
        assert_eq!((call.state, call.due_at), (State::Ended, Some(noon())), "the second one waits still");
        let read = inbound::unread(db, &call, &[]).await.unwrap().iter().map(|event| event.id).collect();
        interactions::advance(db, &call, &Move { due_at: None, read, ..Move::of(&call) }, noon()).await.unwrap();
        assert_eq!(scene.now(call.id).await.due_at, None);
    }

    async fn a_thread_that_got_a_text_meanwhile_is_read_again_first(store: TestStore) {
        let scene = scene(store).await;
        let db = &scene.store.db;
        let thread = scene.open("sms", "open").await.unwrap();
        let later = noon() + chrono::Duration::seconds(1);
        inbound::take_in(db, &scene.secrets, &scene.agent, &[said("yes", "t1")], later).await.unwrap();
        let rest = Move { due_at: None, ..Move::of(&thread) };
        assert_eq!(interactions::advance(db, &thread, &rest, later).await.unwrap(), Moved::No);
        let thread = scene.now(thread.id).await;
        assert!(thread.due_at.is_some());
        assert_eq!(interactions::advance(db, &thread, &rest, later).await.unwrap(), Moved::Yes(None));
    }

    async fn a_providers_word_of_an_opt_out_holds_like_the_persons_own(store: TestStore) {
        let scene = scene(store).await;
        let thread = scene.open("sms", "open").await.unwrap();
        let text = scene.text(thread.id).await;
        let failed = |error: &str, key: &str| Heard {
            ours: Some(text.to_string()), reference: Some("m1".into()), key: key.into(),
            what: What::Status { status: TextStatus::Failed, error: Some(error.into()) },
        };
        scene.take_in(&[failed("30003", "s1")]).await;
        assert!(!scene.is_suppressed(Channel::Sms).await);
        scene.take_in(&[failed(&format!("{OPTED_OUT}: 21610"), "s2")]).await;
        assert!(scene.is_suppressed(Channel::Sms).await && !scene.is_suppressed(Channel::Voice).await);
        scene.take_in(&[said("Start", "t1")]).await;
        assert!(!scene.is_suppressed(Channel::Sms).await);
    }

    async fn stop_and_start_are_kept_with_the_contact_and_segments_follow(store: TestStore) {
        let scene = scene(store).await;
        let (db, workspace) = (&scene.store.db, scene.workspace);
        workspaces::set_plan(db, workspace, Plan::Enterprise, noon()).await.unwrap();
        let rule = json!({"field": "contact.optOutSms", "operator": "equals", "value": true});
        let draft = SegmentDraft {
            name: "out".into(),
            description: String::new(),
            kind: SegmentKind::Dynamic,
            source: Some(Source::Rule(rule)),
            timezone: None,
            is_enabled: true,
        };
        let segment = segments::create(db, workspace, &draft, noon()).await.unwrap().id;
        build::run(db, segment, &Clock::by_hand(noon())).await.unwrap().unwrap();
        let members = async || -> i64 {
            let count = db.read().sql("SELECT COUNT(*) FROM segment_member WHERE workspace_id = $1 AND segment_id = $2");
            count.bind(workspace).bind(segment).scalar().await.unwrap()
        };
        for (body, key, out) in [("Hello", "t1", 0), ("STOP", "t2", 1), ("stop", "t3", 1), ("Start", "t4", 0)] {
            scene.take_in(&[said(body, key)]).await;
            assert_eq!(members().await, out, "{body}");
        }
        let lines: Vec<(String, String, Json<Value>)> = db.read()
            .sql("SELECT kind, changed_by, detail FROM contact_change WHERE workspace_id = $1 AND kind = 'consent' ORDER BY id")
            .bind(workspace).all().await.unwrap();
        let line = |from: bool| {
            let detail = json!({"source": "text to +14155559999", "saidAt": "2026-11-21T12:00:00Z", "optOutSms": {"from": from, "to": !from}});
            ("consent".to_owned(), "the person".to_owned(), Json(detail))
        };
        assert_eq!(lines, [line(false), line(true)], "what is said again changes nothing");
        // What was said in another way is taken back in the same.
        scene.take_in(&[said("Stop", "t5")]).await;
        let hash = scene.hash().await;
        let consent = Suppression { channel: Reach::Sms, reason: CONSENT.into(), source: "desk".into(), created_at: noon(), expires_at: None };
        suppressions::add(db.write(), Suppressed { workspace, hash: &hash }, &consent).await.unwrap();
        scene.take_in(&[said("Start", "t6")]).await;
        assert!(scene.is_suppressed(Channel::Sms).await);
        assert_eq!(members().await, 1);
    }
}
