//! Calls and texts that people ask for, on both engines: one call at a time, one open thread, and keys that are used once.
use chrono::Duration;
use serde_json::{Value, json};
use shared::{
    ids::{CampaignId, InteractionId, LeadId, MessageId, WorkspaceId},
    lead::{Details, LeadStatus, Person},
    on_both_engines,
    store::{
        agents::{self, AgentDraft, AgentRow, Put},
        campaigns::{self, Draft},
        desk::Ask,
        intake::{Arrival, CampaignRef, Intake, RepeatKey, Who},
        interactions::{Interaction, Kind, Move, State, advance},
        messages::{self, Source},
        secrets::Secrets,
        suppressions::{self, Reach, Suppression},
        talks::{self, Done, Known, Plan, What},
    },
    testing::{TestStore, noon, ring},
};
use std::sync::Arc;

const PHONE: &str = "+14155550100";
/// How many ask at once.
const AT_ONCE: usize = 16;

/// A lead, and the agent that speaks with it.
#[derive(Clone)]
struct World {
    workspace: WorkspaceId,
    campaign: CampaignId,
    agent: Arc<AgentRow>,
    lead: LeadId,
}

async fn world(store: &TestStore) -> World {
    let (db, workspace) = (&store.db, store.workspace("own").await);
    let secrets = Secrets::new(db.clone(), ring());
    secrets.put(workspace, "a", &"value".into(), noon()).await.unwrap();
    let config = json!({"provider": {"type": "retell", "apiKey": {"secret": "a"}, "agentId": "a", "from": "+1"}});
    let config = serde_json::from_value(config).unwrap();
    let draft = AgentDraft { workspace, name: "agent", config: &config, at: noon() };
    let Put::Saved(agent) = agents::put(db, draft, None).await.unwrap() else { panic!("saved") };
    let campaign = CampaignId::new();
    let draft = Draft {
        workspace,
        id: campaign,
        code: "AAA".into(),
        name: "first".into(),
        dedup_days: None,
        config: json!({}),
        at: noon(),
    };
    campaigns::create(db, &draft).await.unwrap();
    let person = Person {
        first_name: "Ada".into(),
        last_name: "Lovelace".into(),
        email: "ada@example.com".into(),
        phone: PHONE.into(),
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
    let taken = Intake::start(db.clone()).take(arrival).await.unwrap().unwrap();
    World { workspace, campaign, agent: agent.into(), lead: taken.lead_id }
}

impl World {
    fn ask(&self, key: Option<(&str, &str)>) -> Ask {
        let repeat = key.map(|(key, body)| RepeatKey {
            route: "POST /x",
            key: key.into(),
            body_hash: body.into(),
        });
        Ask { workspace: self.workspace, lead: self.lead, campaign: None, repeat, at: noon() }
    }

    fn plan(&self, what: What) -> Plan {
        let answer = json!(format!("{what:?}"));
        Plan {
            campaign: self.campaign,
            agent: self.agent.id,
            provider: "retell",
            phone: PHONE.into(),
            is_test: false,
            what,
            answer,
        }
    }

    fn call(&self) -> Plan {
        let id = InteractionId::new();
        self.plan(What::Call { id, wait: None, number: 1, instructions: Some("Ask.".into()) })
    }

    /// A text in the open thread, or in a new one.
    fn text(&self, known: &Known) -> Plan {
        let open = known.interactions.iter().find(|one| one.state == State::Open);
        let thread = open.map_or_else(InteractionId::new, |open| open.id);
        self.text_in(thread, open.is_none())
    }

    fn text_in(&self, thread: InteractionId, is_new: bool) -> Plan {
        let (message, source) = (MessageId::new(), Source::Api);
        self.plan(What::Text { thread, is_new, message, source, body: "Hi".into() })
    }

    async fn all(&self, store: &TestStore) -> Vec<Interaction> {
        talks::list(&store.db, self.workspace, self.lead, None, 100).await.unwrap()
    }
}

fn planned(done: Done<&str>) -> (InteractionId, Value) {
    let Done::Planned { interaction, answer } = done else { panic!("{done:?}") };
    (interaction, answer)
}

on_both_engines! {
    async fn many_who_ask_for_a_call_at_once_make_one(store: TestStore) {
        let world = world(&store).await;
        let asked: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                let (db, world) = (store.db.clone(), world.clone());
                tokio::spawn(async move {
                    let decide = |known: &Known| {
                        if known.interactions.is_empty() { Ok(world.call()) } else { Err("open") }
                    };
                    talks::at(&db, &world.ask(None), "", decide).await.unwrap()
                })
            })
            .collect();
        let mut made = 0;
        for one in asked {
            match one.await.unwrap() {
                Done::Planned { .. } => made += 1,
                other => assert_eq!(other, Done::Refused("open")),
            }
        }
        let all = world.all(&store).await;
        assert_eq!((made, all.len()), (1, 1));
        let call = &all[0];
        assert_eq!((call.kind, call.state, call.due_at), (Kind::Call, State::Planned, Some(noon())));
        assert_eq!((call.phone.as_str(), call.instructions.as_deref()), (PHONE, Some("Ask.")));
    }

    async fn many_who_text_at_once_write_into_one_thread(store: TestStore) {
        let world = world(&store).await;
        let asked: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                let (db, world) = (store.db.clone(), world.clone());
                tokio::spawn(async move {
                    let decide = |known: &Known| Ok::<_, &str>(world.text(known));
                    planned(talks::at(&db, &world.ask(None), "", decide).await.unwrap()).0
                })
            })
            .collect();
        let mut threads = Vec::new();
        for one in asked {
            threads.push(one.await.unwrap());
        }
        threads.dedup();
        assert_eq!(threads.len(), 1);
        let texts = messages::of_thread(&store.db, world.workspace, threads[0]).await.unwrap();
        assert_eq!(texts.len(), AT_ONCE);
        assert!(texts.iter().all(|text| text.state == messages::State::Planned));
        let counts = talks::text_counts(&store.db, world.workspace, &threads).await.unwrap();
        assert_eq!(counts.get(&threads[0]), Some(&(AT_ONCE as i64)));
        let other = store.workspace("other").await;
        assert!(talks::text_counts(&store.db, other, &threads).await.unwrap().is_empty());
    }

    async fn what_is_there_or_closed_already_is_neither_doubled_nor_written_to(store: TestStore) {
        let world = world(&store).await;
        let db = &store.db;
        let blind = |plan: Plan| move |_: &Known| Ok::<_, &str>(plan.clone());
        planned(talks::at(db, &world.ask(None), "", blind(world.call())).await.unwrap());
        let second = talks::at(db, &world.ask(Some(("k", "b"))), "", blind(world.call())).await.unwrap();
        assert_eq!(second, Done::Busy);
        let thread = InteractionId::new();
        planned(talks::at(db, &world.ask(None), "", blind(world.text_in(thread, true))).await.unwrap());
        let doubled = blind(world.text_in(InteractionId::new(), true));
        assert_eq!(talks::at(db, &world.ask(None), "", doubled).await.unwrap(), Done::Busy);
        let row = shared::store::interactions::get(db, thread).await.unwrap().unwrap();
        let close = Move { state: State::Closed, ..Move::of(&row) };
        advance(db, &row, &close, noon()).await.unwrap();
        let late = blind(world.text_in(thread, false));
        assert_eq!(talks::at(db, &world.ask(None), "", late).await.unwrap(), Done::Busy);
        assert_eq!(world.all(&store).await.len(), 2);
        assert_eq!(messages::of_thread(db, world.workspace, thread).await.unwrap().len(), 1);
        let plan = world.text_in(InteractionId::new(), true);
        let keyed = talks::at(db, &world.ask(Some(("k", "b"))), "", blind(plan)).await.unwrap();
        assert!(matches!(keyed, Done::Planned { .. }), "who was not served may use the key again: {keyed:?}");
    }

    async fn a_key_is_used_by_what_was_done_and_not_by_what_was_refused(store: TestStore) {
        let world = world(&store).await;
        let db = &store.db;
        let (ask, other) = (world.ask(Some(("k", "body"))), world.ask(Some(("k", "another"))));
        let no = |_: &Known| Err::<Plan, _>("no");
        assert_eq!(talks::at(db, &ask, "", no).await.unwrap(), Done::Refused("no"));
        let (_, answer) = planned(talks::at(db, &ask, "", |known| Ok(world.text(known))).await.unwrap());
        assert_eq!(talks::at(db, &ask, "", no).await.unwrap(), Done::Repeated(answer));
        assert_eq!(talks::at(db, &other, "", no).await.unwrap(), Done::KeyReused);
        let thread = world.all(&store).await[0].id;
        assert_eq!(messages::of_thread(db, world.workspace, thread).await.unwrap().len(), 1);
    }

    async fn what_is_known_under_the_lock_is_the_leads_own(store: TestStore) {
        let world = world(&store).await;
        let db = &store.db;
        let hash = Secrets::new(db.clone(), ring()).person_hash(world.workspace, PHONE, noon()).await.unwrap();
        let person = suppressions::Person { workspace: world.workspace, hash: &hash };
        let stop = Suppression { channel: Reach::Sms, reason: "stop".into(), source: "x".into(), created_at: noon(), expires_at: None };
        suppressions::add(db.write(), person, &stop).await.unwrap();
        let ask = world.ask(None);
        let seen = talks::at(db, &ask, &hash, |known| {
            Err::<Plan, _>((known.status, known.phone.clone(), known.suppressed.clone(), known.wait.clone()))
        })
        .await
        .unwrap();
        assert_eq!(
            seen,
            Done::Refused((LeadStatus::Active, PHONE.to_owned(), vec![stop], None))
        );
        let other = store.workspace("other").await;
        let theirs = Ask { workspace: other, ..ask };
        assert_eq!(talks::at(db, &theirs, &hash, |_| Err::<Plan, _>("seen")).await.unwrap(), Done::NoSuchLead);
    }

    async fn a_lead_shows_its_interactions_page_by_page(store: TestStore) {
        let world = world(&store).await;
        let mut all = Vec::new();
        for nth in 0..5 {
            let ask = Ask { at: noon() + Duration::seconds(nth), ..world.ask(None) };
            let made = talks::at(&store.db, &ask, "", |_| Ok::<_, &str>(world.call())).await.unwrap();
            let id = planned(made).0;
            let row = shared::store::interactions::get(&store.db, id).await.unwrap().unwrap();
            let over = Move { state: State::NotPlaced, due_at: None, ..Move::of(&row) };
            advance(&store.db, &row, &over, noon()).await.unwrap();
            all.insert(0, id);
        }
        let page = async |before, limit| {
            let rows = talks::list(&store.db, world.workspace, world.lead, before, limit).await.unwrap();
            rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
        };
        assert_eq!(page(None, 3).await, all[..3]);
        assert_eq!(page(Some(all[2]), 3).await, all[3..]);
        let other = store.workspace("other").await;
        assert!(talks::list(&store.db, other, world.lead, None, 9).await.unwrap().is_empty());
    }
}
