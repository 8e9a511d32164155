//! Leads that were only stored and are submitted many at once, on both engines: each once, whoever does the steps and how often.
use chrono::Duration;
use serde::Serialize;
use serde_json::json;
use shared::{
    audit::Actor,
    ids::{CampaignId, ImportId, LeadId, LeadProcessId, WorkspaceId},
    lead::{Details, Person},
    on_both_engines,
    store::{
        Rows,
        campaigns::{self, Draft},
        intake::{Arrival, CampaignRef, Intake, RepeatKey, Who},
        lead_process::{self, Begun, LeadProcess, Request, Which, step},
    },
    testing::{TestStore, noon},
};
use uuid::Uuid;

async fn campaign(store: &TestStore, workspace: WorkspaceId, code: &str) -> CampaignId {
    let draft = Draft {
        workspace,
        id: CampaignId::new(),
        code: code.into(),
        name: code.into(),
        dedup_days: None,
        config: json!({}),
        at: noon(),
    };
    campaigns::create(&store.db, &draft).await.unwrap();
    draft.id
}

async fn take(
    store: &TestStore,
    workspace: WorkspaceId,
    who: Who,
    campaign: CampaignId,
    submit: bool,
) -> LeadId {
    let arrival = Arrival {
        workspace,
        campaign: CampaignRef::Id(campaign),
        who,
        is_test: false,
        submit,
        source: "api",
        repeat: None,
        at: noon(),
        redeliver_at: noon() + Duration::seconds(30),
    };
    Intake::start(store.db.clone()).take(arrival).await.unwrap().unwrap().lead_id
}

/// A lead that is stored only.
async fn stored(store: &TestStore, workspace: WorkspaceId, campaign: CampaignId) -> LeadId {
    let person = Person {
        first_name: "Ada".into(),
        last_name: "L".into(),
        email: "ada@example.com".into(),
        phone: String::new(),
    };
    take(store, workspace, Who::New { person, details: Details::default() }, campaign, false).await
}

/// Submits a lead by itself, as others do meanwhile.
async fn submit(store: &TestStore, workspace: WorkspaceId, campaign: CampaignId, lead: LeadId) {
    let who = Who::Known { lead, details: Details::default() };
    take(store, workspace, who, campaign, true).await;
}

#[derive(Serialize)]
struct Id {
    id: Uuid,
}

/// As many leads more like that one, of an import; in the order of their ids.
async fn more(
    store: &TestStore,
    like: LeadId,
    count: usize,
    import: Option<ImportId>,
) -> Vec<LeadId> {
    let ids: Vec<LeadId> = (0..count).map(|_| LeadId::new()).collect();
    for some in ids.chunks(2_000) {
        let rows: Vec<Id> = some.iter().map(|id| Id { id: id.0 }).collect();
        let copy = "INSERT INTO lead (workspace_id, id, contact_id, campaign_id, status, first_name, last_name, email, phone,
                details, is_test, is_duplicate, duplicate_of, source, created_at, updated_at, import_id)
             SELECT l.workspace_id, r.id, l.contact_id, l.campaign_id, l.status, l.first_name, l.last_name, l.email, l.phone,
                l.details, l.is_test, l.is_duplicate, l.duplicate_of, l.source, l.created_at, l.updated_at, $3
             FROM ROWS($1: id uuid) r, lead l WHERE l.id = $2";
        let copied = store.db.write().sql(copy).bind(Rows::of(&rows)).bind(like).bind(import);
        copied.run().await.unwrap();
    }
    ids
}

fn request(workspace: WorkspaceId, which: Which) -> Request {
    Request {
        workspace,
        which,
        actor: Actor::command("test"),
        repeat: None,
        at: noon(),
        redeliver_at: noon() + Duration::seconds(30),
    }
}

async fn begin(store: &TestStore, request: &Request) -> LeadProcessId {
    match lead_process::begin(&store.db, request).await.unwrap() {
        Begun::New(id) => id,
        other => panic!("{other:?}"),
    }
}

async fn once(
    store: &TestStore,
    id: LeadProcessId,
    generation: i64,
) -> Option<(usize, Option<i64>)> {
    let done = step(&store.db, (id, generation), noon(), noon() + Duration::seconds(30));
    done.await.unwrap().map(|step| (step.submitted.len(), step.next))
}

async fn show(store: &TestStore, workspace: WorkspaceId, id: LeadProcessId) -> LeadProcess {
    lead_process::get(&store.db, workspace, id).await.unwrap().unwrap()
}

/// Leads that have a submission, and submissions, and first lines of journeys.
async fn submissions(store: &TestStore) -> (i64, i64, i64) {
    let all = "SELECT COUNT(DISTINCT s.lead_id), COUNT(*), (SELECT COUNT(*) FROM journey_event) FROM submission s";
    let mut tx = store.db.begin_wide_read().await.unwrap();
    tx.ex().sql(all).one().await.unwrap()
}

fn of_campaign(campaign: CampaignId) -> Which {
    Which { campaign_id: Some(campaign), ..Which::default() }
}

on_both_engines! {
    async fn each_lead_is_submitted_once_whoever_does_the_steps(store: TestStore) {
        let workspace = store.workspace("a").await;
        let sol = campaign(&store, workspace, "SOL").await;
        let first = stored(&store, workspace, sol).await;
        let all = more(&store, first, 1_200, None).await;
        submit(&store, workspace, sol, all[7]).await;
        assert_eq!(lead_process::count(&store.db, workspace, &of_campaign(sol)).await.unwrap(), 1_200);
        let id = begin(&store, &request(workspace, of_campaign(sol))).await;
        assert_eq!(once(&store, id, 1).await, Some((500, Some(2))));
        // The worker died before it rang the bell: the same step comes again, and by the sweep the next one.
        assert_eq!(once(&store, id, 1).await, None);
        assert_eq!(lead_process::due(&store.db, noon(), 9).await.unwrap(), []);
        let later = noon() + Duration::seconds(30);
        assert_eq!(lead_process::due(&store.db, later, 9).await.unwrap(), [(id, 2)]);
        // Somebody submits one of the next ones meanwhile; two workers have the step at once.
        submit(&store, workspace, sol, all[900]).await;
        let both = tokio::join!(once(&store, id, 2), once(&store, id, 2));
        assert!(matches!(both, (Some((500, Some(3))), None) | (None, Some((500, Some(3))))), "{both:?}");
        assert_eq!(once(&store, id, 3).await, Some((199, None)));
        assert_eq!(once(&store, id, 4).await, None);
        assert_eq!(submissions(&store).await, (1_201, 1_201, 1_201));
        let done = show(&store, workspace, id).await;
        assert_eq!((done.state.as_str(), done.submitted, done.skipped), ("done", 1_199, 0));
        // A second one finds nothing.
        let again = begin(&store, &request(workspace, of_campaign(sol))).await;
        assert_eq!(once(&store, again, 1).await, Some((0, None)));
        assert_eq!(submissions(&store).await.1, 1_201);
    }

    async fn what_was_submitted_before_is_passed_over_some_at_a_time(store: TestStore) {
        let workspace = store.workspace("a").await;
        let sol = campaign(&store, workspace, "SOL").await;
        let first = stored(&store, workspace, sol).await;
        let import = ImportId::new();
        let all = more(&store, first, 5_010, Some(import)).await;
        let open = begin(&store, &request(workspace, Which { lead_ids: Some(all[..1_000].iter().copied().collect()), ..Which::default() })).await;
        assert_eq!(once(&store, open, 1).await, Some((500, Some(2))));
        assert_eq!(once(&store, open, 2).await, Some((500, None)));
        let reject = "UPDATE lead SET status = 'rejected' WHERE id > $1 AND id < $2";
        let few = store.db.write().sql(reject).bind(all[999]).bind(all[5_005]);
        few.run().await.unwrap();
        let sql = "INSERT INTO import (workspace_id, id, file_name, state, config, header, delimiter, bytes, row_count, created, updated,
                unchanged, skipped, failed, undone, kept, generation, attempt, created_by, created_at, updated_at)
             VALUES ($1, $2, 'a.csv', 'done', '{}', '[]', ',', 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 'x', $3, $3)";
        store.db.write().sql(sql).bind(workspace).bind(import).bind(noon()).run().await.unwrap();
        let which = Which { import_id: Some(import), ..Which::default() };
        assert_eq!(lead_process::count(&store.db, workspace, &which).await.unwrap(), 5);
        let id = begin(&store, &request(workspace, which.clone())).await;
        assert_eq!(once(&store, id, 1).await, Some((0, Some(2))), "a step looks at 5,000 leads");
        assert_eq!(once(&store, id, 2).await, Some((5, None)));
        // The time is looked at too.
        let late = Which { created_from: Some(noon() + Duration::seconds(1)), ..which };
        assert_eq!(lead_process::count(&store.db, workspace, &late).await.unwrap(), 0);
    }

    async fn leads_that_cannot_be_submitted_are_counted_and_stay_as_they_are(store: TestStore) {
        let (workspace, other) = (store.workspace("a").await, store.workspace("b").await);
        let (sol, theirs) = (campaign(&store, workspace, "SOL").await, campaign(&store, other, "SOL").await);
        let first = stored(&store, workspace, sol).await;
        let foreign = stored(&store, other, theirs).await;
        let all = more(&store, first, 3, None).await;
        submit(&store, workspace, sol, all[0]).await;
        let reject = "UPDATE lead SET status = 'rejected' WHERE id = $1";
        store.db.write().sql(reject).bind(all[1]).run().await.unwrap();
        let named = [first, foreign, all[0], all[1], LeadId::new()];
        let which = Which { lead_ids: Some(named.into()), ..Which::default() };
        assert_eq!(lead_process::count(&store.db, workspace, &which).await.unwrap(), 1);
        let id = begin(&store, &request(workspace, which)).await;
        assert_eq!(once(&store, id, 1).await, Some((1, None)));
        let done = show(&store, workspace, id).await;
        assert_eq!((done.submitted, done.skipped, done.problem), (1, 4, None));
        // A campaign that takes no leads: refused when it is asked for, passed over when it closes meanwhile.
        let id = begin(&store, &request(workspace, of_campaign(sol))).await;
        let pause = "UPDATE campaign SET state = 'paused' WHERE id = $1";
        store.db.write().sql(pause).bind(sol).run().await.unwrap();
        assert_eq!(once(&store, id, 1).await, Some((0, None)));
        let done = show(&store, workspace, id).await;
        assert_eq!((done.submitted, done.skipped, done.problem.as_deref()), (0, 1, Some("the campaign SOL is paused")));
        assert_eq!(submissions(&store).await.1, 2);
        let refused = lead_process::begin(&store.db, &request(workspace, of_campaign(sol))).await.unwrap();
        assert_eq!(refused, Begun::ClosedCampaign("paused".into()));
        let refused = lead_process::begin(&store.db, &request(workspace, of_campaign(theirs))).await.unwrap();
        assert_eq!(refused, Begun::NoSuchCampaign);
        let import = Which { import_id: Some(ImportId::new()), ..Which::default() };
        let refused = lead_process::begin(&store.db, &request(workspace, import)).await.unwrap();
        assert_eq!(refused, Begun::NoSuchImport);
    }

    async fn a_request_is_taken_once_and_can_be_stopped(store: TestStore) {
        let (workspace, other) = (store.workspace("a").await, store.workspace("b").await);
        let sol = campaign(&store, workspace, "SOL").await;
        let first = stored(&store, workspace, sol).await;
        more(&store, first, 600, None).await;
        let key = |hash: &str| Some(RepeatKey { route: "POST /x", key: "k".into(), body_hash: hash.into() });
        let keyed = |hash| Request { repeat: key(hash), ..request(workspace, of_campaign(sol)) };
        let id = begin(&store, &keyed("1")).await;
        let again = lead_process::begin(&store.db, &keyed("1")).await.unwrap();
        assert_eq!(again, Begun::Repeated(id));
        assert_eq!(lead_process::begin(&store.db, &keyed("2")).await.unwrap(), Begun::KeyReused);
        assert_eq!(once(&store, id, 1).await, Some((500, Some(2))));
        let by = Actor::command("test");
        let cancel = async |of| lead_process::cancel(&store.db, of, id, &by, noon()).await.unwrap();
        assert_eq!(cancel(other).await, None);
        assert_eq!(cancel(workspace).await, Some(true));
        assert_eq!(cancel(workspace).await, Some(false), "it is over");
        assert_eq!(once(&store, id, 2).await, None);
        assert_eq!(once(&store, id, 3).await, None);
        assert_eq!(submissions(&store).await.1, 500);
        let listed = lead_process::list(&store.db, workspace, None, 9).await.unwrap();
        assert_eq!(listed, [show(&store, workspace, id).await]);
        assert_eq!(lead_process::list(&store.db, other, None, 9).await.unwrap(), []);
        let told = "SELECT action FROM audit_event WHERE object_id = $1 ORDER BY id";
        let told: Vec<(String,)> = store.db.read().sql(told).bind(id.to_string()).all().await.unwrap();
        let told: Vec<&str> = told.iter().map(|(action,)| action.as_str()).collect();
        assert_eq!(told, ["leads.process_started", "leads.process_cancelled"]);
    }
}
