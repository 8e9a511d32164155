//! Endpoints that want to know who we are: fixed credentials, and tokens that are fetched. What leaves is compared with what the buyer and the
//! token server see.
use crate::{
    campaign::plain,
    world::{Run, World, yes},
};
use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::StatusCode, http::Uri};
use chrono::Duration;
use serde_json::{Value, json};
use shared::{
    campaign::config::auth::Auth,
    ids::{CampaignId, LeadId},
    key, on_both_engines,
    store::{
        campaigns,
        leads::{self, SubmissionRow},
        oauth::TokenKey,
        secrets::Deleted,
    },
    submission::Status,
    testing::TestStore,
};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// A request as a server saw it.
#[derive(Debug, Clone)]
pub struct Seen {
    pub path: String,
    pub headers: HeaderMap,
    pub body: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

type Answers = Arc<dyn Fn(&Seen, usize) -> (u16, Value) + Send + Sync>;

/// A buyer and a token server: `/token` is the token server's.
#[derive(Clone)]
pub struct Fake {
    pub url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    answers: Answers,
}

impl Fake {
    /// Answers by request and by how many of the path came before.
    pub async fn new(
        answers: impl Fn(&Seen, usize) -> (u16, Value) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let fake = Self { url, seen: Arc::default(), answers: Arc::new(answers) };
        let routes = Router::new().fallback(receive).with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        fake
    }

    pub fn seen(&self, path: &str) -> Vec<Seen> {
        self.seen.lock().unwrap().iter().filter(|seen| seen.path == path).cloned().collect()
    }
}

async fn receive(
    State(fake): State<Fake>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    let body = String::from_utf8(body.to_vec()).unwrap();
    let seen = Seen { path: uri.path().to_owned(), headers, body };
    let nth = fake.seen(&seen.path).len();
    let (status, answer) = (fake.answers)(&seen, nth);
    fake.seen.lock().unwrap().push(seen);
    if answer == "hang" {
        std::future::pending::<()>().await;
    }
    (StatusCode::from_u16(status).unwrap(), answer.to_string())
}

pub async fn world(store: TestStore) -> World {
    World::new(store, Run::Plain, |_, _| yes()).await
}

pub async fn keep(world: &World, name: &str, value: &str) {
    let at = world.clock.now();
    world.ctx.secrets.put(world.workspace, name, &value.into(), at).await.unwrap();
}

/// A campaign whose endpoint at the fake's `/buy` has `more`.
pub async fn campaign(world: &World, fake: &Fake, more: Value) -> CampaignId {
    let mut config = plain(&fake.url, "/buy");
    let endpoint = config["endpoints"][0].as_object_mut().unwrap();
    endpoint.extend(more.as_object().unwrap().clone());
    world.campaign("AAA", config).await
}

pub async fn delivered(world: &World, campaign: CampaignId) -> LeadId {
    let lead = world.submit(campaign, json!({})).await.lead_id;
    world.settle().await;
    lead
}

pub async fn submission(world: &World, lead: LeadId) -> SubmissionRow {
    world.submissions(lead).await.remove(0)
}

async fn sold(world: &World, campaign: CampaignId) {
    let lead = delivered(world, campaign).await;
    let row = submission(world, lead).await;
    assert_eq!(row.status, Status::Accepted, "{:?} {:?}", row.reason_code, row.reason);
}

/// The attempts as lines: outcome and status.
pub async fn attempts(world: &World, row: &SubmissionRow) -> Vec<String> {
    let attempts = leads::attempts(&world.store.db, world.workspace, row.id).await.unwrap();
    attempts.iter().map(|one| format!("{:?} {:?}", one.outcome.unwrap(), one.status_code)).collect()
}

pub fn oauth(fake: &Fake, more: Value) -> Value {
    let mut auth = json!({
        "type": "oauth2", "grant": "client_credentials", "tokenUrl": format!("{}/token", fake.url),
        "clientId": "us", "clientSecret": {"secret": "client"},
    });
    auth.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"auth": auth})
}

/// A token server that numbers its tokens; the buyer takes everything.
fn numbered(life: Value) -> impl Fn(&Seen, usize) -> (u16, Value) {
    move |seen, nth| match seen.path.as_str() {
        "/token" => (
            200,
            json!({"access_token": format!("t{}", nth + 1), "token_type": "Bearer", "expires_in": life}),
        ),
        _ => yes(),
    }
}

on_both_engines! {
    async fn fixed_credentials_are_sent_as_the_buyer_expects_them(store: TestStore) {
        let world = world(store).await;
        let fake = Fake::new(|_, _| yes()).await;
        keep(&world, "sesame", "open sesame").await;
        let secret = json!({"secret": "sesame"});
        for (more, header, wanted) in [
            // The example of RFC 7617.
            (json!({"auth": {"type": "basic", "username": "Aladdin", "password": secret}}), "authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
            (json!({"auth": {"type": "bearer", "token": secret}}), "authorization", "Bearer open sesame"),
            (json!({"auth": {"type": "header", "name": "X-Api-Key", "value": secret}}), "x-api-key", "open sesame"),
            (json!({"headers": {"X-Key": {"secret": "sesame", "prefix": "Token "}, "X-Source": "us"}}), "x-key", "Token open sesame"),
        ] {
            let mut config = plain(&fake.url, "/buy");
            config["endpoints"][0].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let code = format!("A{}", fake.seen("/buy").len());
            let campaign = world.campaign(&code, config).await;
            sold(&world, campaign).await;
            assert_eq!(fake.seen("/buy").last().unwrap().header(header), wanted);
        }
        assert_eq!(fake.seen("/buy").last().unwrap().header("x-source"), "us");
    }

    async fn a_secret_that_is_changed_is_used_and_one_that_is_gone_is_for_a_person(store: TestStore) {
        let world = world(store).await;
        let fake = Fake::new(|_, _| yes()).await;
        keep(&world, "token", "first").await;
        let with = campaign(&world, &fake, json!({"auth": {"type": "bearer", "token": {"secret": "token"}}})).await;
        sold(&world, with).await;
        keep(&world, "token", "second").await;
        sold(&world, with).await;
        assert_eq!(fake.seen("/buy")[1].header("authorization"), "Bearer second");
        let lead = world.submit(with, json!({})).await.lead_id;
        let now = world.clock.now();
        campaigns::set_state(&world.store.db, world.workspace, with, "archived", now).await.unwrap();
        assert_eq!(world.ctx.secrets.delete(world.workspace, "token", now).await.unwrap(), Deleted::Gone);
        world.settle().await;
        let row = submission(&world, lead).await;
        assert_eq!((row.run.as_str(), row.reason_code.as_deref()), ("failed", Some("no_secret")));
        assert_eq!(fake.seen("/buy").len(), 2, "nothing was sent without it");
    }

    async fn a_token_is_fetched_once_used_until_it_ends_and_fetched_again(store: TestStore) {
        let mut world = world(store).await;
        let fake = Fake::new(numbered(json!(3600))).await;
        keep(&world, "client", "p:w+d").await;
        let with = campaign(&world, &fake, oauth(&fake, json!({"scope": "leads"}))).await;
        sold(&world, with).await;
        sold(&world, with).await;
        world.another_worker();
        sold(&world, with).await;
        assert_eq!(fake.seen("/token").len(), 1, "workers share it");
        let asked = &fake.seen("/token")[0];
        assert_eq!(asked.body, "grant_type=client_credentials&scope=leads");
        assert_eq!(asked.header("content-type"), "application/x-www-form-urlencoded");
        // us:p%3Aw%2Bd, as RFC 6749 section 2.3.1 wants it.
        assert_eq!(asked.header("authorization"), "Basic dXM6cCUzQXclMkJk");
        world.clock.forward(Duration::minutes(59));
        sold(&world, with).await;
        let used: Vec<String> = fake.seen("/buy").iter().map(|seen| seen.header("authorization").to_owned()).collect();
        assert_eq!(used, ["Bearer t1", "Bearer t1", "Bearer t1", "Bearer t2"]);
        keep(&world, "client", "another").await;
        sold(&world, with).await;
        assert_eq!(fake.seen("/token").len(), 3, "a token of another secret is not used");
    }

    async fn a_refresh_token_that_the_server_replaces_is_never_used_twice(store: TestStore) {
        let mut world = world(store).await;
        let fake = Fake::new(|seen, nth| match seen.path.as_str() {
            "/token" if !seen.body.contains(&format!("refresh_token=r{nth}&")) && !seen.body.ends_with(&format!("refresh_token=r{nth}")) =>
                (400, json!({"error": "invalid_grant"})),
            "/token" => (200, json!({"access_token": format!("t{nth}"), "refresh_token": format!("r{}", nth + 1), "expires_in": 100})),
            _ => yes(),
        }).await;
        keep(&world, "client", "pw").await;
        keep(&world, "first", "r0").await;
        let auth = oauth(&fake, json!({"grant": "refresh_token", "refreshToken": {"secret": "first"}}));
        let with = campaign(&world, &fake, auth).await;
        for _ in 0..3 {
            sold(&world, with).await;
            world.clock.forward(Duration::minutes(2));
            world.another_worker();
        }
        assert_eq!(fake.seen("/token").len(), 3);
        assert_eq!(fake.seen("/buy")[2].header("authorization"), "Bearer t2");
    }

    async fn fifty_deliveries_at_once_make_one_call_to_the_token_server(store: TestStore) {
        let world = world(store).await;
        let fake = Fake::new(numbered(Value::Null)).await;
        keep(&world, "client", "pw").await;
        let with = campaign(&world, &fake, oauth(&fake, json!({}))).await;
        let config = world.ctx.campaigns.get(world.workspace, with, 1).await.unwrap();
        let endpoint = &config.endpoints[0];
        let asked = (0..50).map(|_| worker::outside::auth::credentials(&world.ctx, world.workspace, endpoint));
        for made in futures_util::future::join_all(asked).await {
            let headers: Vec<_> = made.unwrap().headers().collect();
            assert_eq!(headers, [("authorization".to_owned(), "Bearer t1".to_owned())]);
        }
        assert_eq!(fake.seen("/token").len(), 1);
    }

    async fn fifty_deliveries_at_once_hear_of_one_failure(store: TestStore) {
        let world = world(store).await;
        let fake = Fake::new(|_, _| (500, json!({}))).await;
        keep(&world, "client", "pw").await;
        let with = campaign(&world, &fake, oauth(&fake, json!({}))).await;
        let config = world.ctx.campaigns.get(world.workspace, with, 1).await.unwrap();
        let endpoint = &config.endpoints[0];
        let asked = (0..50).map(|_| worker::outside::auth::credentials(&world.ctx, world.workspace, endpoint));
        let all = futures_util::future::join_all(asked).await;
        assert!(all.iter().all(Result::is_err));
        assert_eq!(fake.seen("/token").len(), 1);
    }

    async fn a_token_that_the_buyer_refuses_is_replaced_once(store: TestStore) {
        let world = world(store).await;
        let fake = Fake::new(|seen, nth| match (seen.path.as_str(), seen.header("authorization")) {
            ("/token", _) => (200, json!({"access_token": format!("t{}", nth + 1)})),
            (_, "Bearer t1") => (401, json!({"error": "expired"})),
            _ => yes(),
        }).await;
        keep(&world, "client", "pw").await;
        let with = campaign(&world, &fake, oauth(&fake, json!({}))).await;
        let lead = delivered(&world, with).await;
        world.settle().await;
        let row = submission(&world, lead).await;
        assert_eq!(row.status, Status::Accepted);
        assert_eq!(attempts(&world, &row).await, ["Failed Some(401)", "Accepted Some(200)"]);
        let posts = fake.seen("/buy");
        assert_eq!(posts[0].header("idempotency-key"), posts[1].header("idempotency-key"));
        let journey = world.journey(row.id).await;
        assert_eq!(journey[journey.len() - 2..], ["delivery again token_expired", "delivery sold accepted"]);
        assert_eq!(fake.seen("/token").len(), 2);
    }

    async fn a_buyer_that_refuses_every_token_is_asked_twice(store: TestStore) {
        let world = world(store).await;
        let fake = Fake::new(|seen, nth| match seen.path.as_str() {
            "/token" => (200, json!({"access_token": format!("t{}", nth + 1)})),
            _ => (401, json!({})),
        }).await;
        keep(&world, "client", "pw").await;
        let with = campaign(&world, &fake, oauth(&fake, json!({}))).await;
        let lead = delivered(&world, with).await;
        world.settle().await;
        let row = submission(&world, lead).await;
        assert_eq!(row.run, "held", "no response rule knows the second 401");
        assert_eq!(attempts(&world, &row).await, ["Failed Some(401)", "Unclassified Some(401)"]);
    }

    async fn a_refused_grant_is_for_a_person_and_nothing_is_sent(store: TestStore) {
        let world = world(store).await;
        let fake = Fake::new(|_, _| (400, json!({"error": "invalid_grant", "error_description": "zz-canary"}))).await;
        keep(&world, "client", "pw").await;
        let with = campaign(&world, &fake, oauth(&fake, json!({}))).await;
        let lead = delivered(&world, with).await;
        let row = submission(&world, lead).await;
        assert_eq!((row.run.as_str(), row.reason_code.as_deref()), ("failed", Some("token_refused")));
        assert_eq!(row.reason.as_deref(), Some("the token server answered 400: invalid_grant"));
        assert!(attempts(&world, &row).await.is_empty() && fake.seen("/buy").is_empty());
    }

    async fn a_token_server_that_is_down_or_slow_costs_time_and_no_attempt(store: TestStore) {
        let world = world(store).await;
        let fake = Fake::new(|seen, nth| match (seen.path.as_str(), nth) {
            ("/token", 0) => (503, json!({})),
            ("/token", 1) => (200, json!("hang")),
            ("/token", _) => (200, json!({"access_token": "t1"})),
            _ => yes(),
        }).await;
        keep(&world, "client", "pw").await;
        let mut more = oauth(&fake, json!({}));
        more["timeoutSeconds"] = json!(1);
        let with = campaign(&world, &fake, more).await;
        let lead = delivered(&world, with).await;
        for wanted in [1, 2] {
            let row = submission(&world, lead).await;
            assert_eq!((row.run.as_str(), row.attempt, row.reason_code.as_deref()), ("ready", wanted, Some("token_server_away")));
            assert!(row.due_at.unwrap() > world.clock.now());
            assert!(attempts(&world, &row).await.is_empty() && fake.seen("/buy").is_empty());
            world.clock.forward(Duration::minutes(1));
            world.settle().await;
        }
        assert_eq!(submission(&world, lead).await.status, Status::Accepted);
    }

    async fn a_token_server_that_stays_away_is_a_buyer_that_cannot_be_reached(store: TestStore) {
        let world = world(store).await;
        let fake = Fake::new(|seen, _| if seen.path == "/token" { (503, json!({})) } else { yes() }).await;
        keep(&world, "client", "pw").await;
        let with = campaign(&world, &fake, oauth(&fake, json!({}))).await;
        let lead = delivered(&world, with).await;
        for _ in 0..20 {
            world.clock.forward(Duration::hours(1));
            world.settle().await;
        }
        let row = submission(&world, lead).await;
        assert_eq!((row.run.as_str(), row.status), ("finished", Status::Failed));
        assert_eq!(fake.seen("/token").len(), 12);
        assert!(fake.seen("/buy").is_empty());
    }

    async fn while_another_worker_fetches_nobody_else_does_and_a_dead_one_is_not_waited_for_long(store: TestStore) {
        let world = world(store).await;
        let fake = Fake::new(numbered(Value::Null)).await;
        keep(&world, "client", "pw").await;
        let with = campaign(&world, &fake, oauth(&fake, json!({}))).await;
        // What a worker leaves that died while it fetched.
        let config = world.ctx.campaigns.get(world.workspace, with, 1).await.unwrap();
        let Auth::OAuth2(asked) = &config.endpoints[0].config.auth else { panic!("it is OAuth") };
        let grant_hash = key::hash(serde_json::to_string(asked).unwrap());
        let key = TokenKey { workspace: world.workspace, grant_hash };
        let (now, dead) = (world.clock.now(), uuid::Uuid::now_v7());
        let until = now + Duration::seconds(40);
        assert!(shared::store::oauth::claim(&world.store.db, &key, dead, now, until).await.unwrap());
        let lead = delivered(&world, with).await;
        let row = submission(&world, lead).await;
        assert_eq!((row.run.as_str(), row.reason_code.as_deref()), ("ready", Some("token_awaited")));
        assert!(fake.seen("/token").is_empty());
        world.clock.forward(Duration::minutes(1));
        world.settle().await;
        assert_eq!(submission(&world, lead).await.status, Status::Accepted);
    }

    async fn a_lead_that_the_buyer_may_have_is_held_when_no_token_comes_any_more(store: TestStore) {
        let world = world(store).await;
        let fake = Fake::new(|seen, nth| match (seen.path.as_str(), nth) {
            ("/token", 0) => (200, json!({"access_token": "t1", "expires_in": 1})),
            ("/token", _) => (503, json!({})),
            _ => (500, json!({})),
        }).await;
        keep(&world, "client", "pw").await;
        let mut more = oauth(&fake, json!({}));
        more["idempotent"] = json!(true);
        let with = campaign(&world, &fake, more).await;
        let lead = delivered(&world, with).await;
        for _ in 0..20 {
            world.clock.forward(Duration::hours(1));
            world.settle().await;
        }
        let row = submission(&world, lead).await;
        assert_eq!((row.run.as_str(), row.reason_code.as_deref()), ("held", Some("outcome_unknown")));
        assert_eq!(attempts(&world, &row).await, ["Unknown Some(500)"]);
    }
}
