//! A campaign that moves its leads by itself, what its people do meanwhile, and what must hold of its log in the end.
use crate::{
    desk::{Campaign, Desk, Unanswered, config},
    wait::pause,
    world::World,
};
use axum::{Router, extract::State, http::HeaderMap, routing::post};
use serde_json::{Value, json};
use shared::ids::LeadId;
use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::{net::TcpListener, task::JoinSet};
use uuid::Uuid;

/// How long anything may take on a busy machine.
pub const LONG: Duration = Duration::from_secs(60);
/// Before a request that was in vain is repeated.
const AGAIN: Duration = Duration::from_millis(20);
/// Leads that are stored at once.
const AT_ONCE: usize = 20;

/// A lead of a person of its own.
#[derive(Debug, Clone)]
pub struct Lead {
    pub id: LeadId,
    pub email: String,
}

/// A new campaign with this automation.
pub async fn campaign(world: &World, automation: Value) -> Campaign {
    let given = config(&world.sink, "first", true, &[]);
    let campaign = world.desk.campaign("moving", given).await;
    let id = campaign.id.as_str().expect("it has one");
    let path = format!("/campaigns/{id}/automation");
    world.desk.ask(&path, Some(json!({"automation": automation}))).await;
    campaign
}

/// So many new leads, stored and not sent through the pipeline.
pub async fn leads(world: &World, campaign: &Campaign, count: usize) -> Vec<Lead> {
    let mut leads = Vec::new();
    let numbers: Vec<usize> = (0..count).collect();
    for some in numbers.chunks(AT_ONCE) {
        let mut under_way = JoinSet::new();
        for number in some.iter().copied() {
            let (desk, campaign) = (world.desk.clone(), campaign.code.clone());
            under_way.spawn(async move { store(&desk, &campaign, number).await });
        }
        leads.extend(under_way.join_all().await);
    }
    leads
}

async fn store(desk: &Desk, campaign: &str, number: usize) -> Lead {
    let email = format!("person.{number}@example.com");
    let lead = json!({
        "campaignId": campaign, "firstName": "Maria", "lastName": format!("Number {number}"),
        "email": email, "phone": format!("+1415{}", 3_000_000 + number),
        "address": {"state": "CA", "zip": "94110"}, "questionnaire": {"homeowner": "yes"},
    });
    let stored = desk.post("/leads", &lead).await.expect("the API is there");
    let id = LeadId::parse(stored["leadId"].as_str().expect("it has an id")).unwrap();
    Lead { id, email }
}

/// A page that somebody looks at.
#[derive(Debug, Clone)]
pub struct Visit {
    pub lead: Lead,
    pub page: &'static str,
    pub key: String,
}

impl Visit {
    pub fn new(lead: &Lead, page: &'static str) -> Self {
        Self { lead: lead.clone(), page, key: Uuid::now_v7().to_string() }
    }
}

/// Sends the visits, in one request, again and again until each is kept; answers how many requests were in vain.
///
/// # Panics
/// When one is refused, or not kept in time.
pub async fn insist(desk: &Desk, visits: &[Visit]) -> usize {
    let one = |visit: &Visit| json!({"email": visit.lead.email, "type": "page_visit", "name": visit.page, "key": visit.key});
    let body = json!({"activities": visits.iter().map(one).collect::<Vec<_>>()});
    let end = Instant::now() + LONG;
    let mut in_vain = 0;
    loop {
        match desk.post("/activities", &body).await {
            Ok(told) => {
                assert_eq!(told["refused"], 0, "{told}");
                if told["unknown"] == 0 {
                    return in_vain;
                }
            }
            Err(Unanswered::Broken(_) | Unanswered::Status(503, _)) => {}
            Err(other) => panic!("{other:?}"),
        }
        in_vain += 1;
        assert!(Instant::now() < end, "waited {LONG:?} in vain for an answer to each visit");
        pause(AGAIN).await;
    }
}

/// A line of a lead's log.
#[derive(Debug, Clone)]
pub struct Fired {
    pub lead_id: LeadId,
    pub number: i64,
    pub rule_id: String,
    pub points: i64,
    pub points_after: i64,
}

/// The log of all leads, of which this holds: it is numbered without gaps, its points add up, line by line, and are the lead's, in the
/// table and for who asks the API.
pub async fn lawful_log(world: &World, leads: &[Lead]) -> HashMap<LeadId, Vec<Fired>> {
    let text = "SELECT lead_id, number, rule_id, points, points_after FROM firing ORDER BY lead_id, number";
    let all: Vec<(LeadId, i64, String, i64, i64)> =
        world.ask(async |db| db.read().sql(text).all().await).await;
    let mut log: HashMap<LeadId, Vec<Fired>> = HashMap::new();
    for (lead_id, number, rule_id, points, points_after) in all {
        let fired = Fired { lead_id, number, rule_id, points, points_after };
        log.entry(lead_id).or_default().push(fired);
    }
    let text = "SELECT lead_id, points, number FROM lead_automation";
    let rows: Vec<(LeadId, i64, i64)> = world.ask(async |db| db.read().sql(text).all().await).await;
    let rows: HashMap<LeadId, (i64, i64)> =
        rows.into_iter().map(|(lead, points, number)| (lead, (points, number))).collect();
    for lead in leads {
        let lines = log.entry(lead.id).or_default();
        let mut sum = 0;
        for (at, fired) in lines.iter().enumerate() {
            assert_eq!(fired.number, at as i64 + 1, "{fired:?}");
            sum += fired.points;
            assert_eq!(fired.points_after, sum, "{fired:?}");
        }
        let row = rows.get(&lead.id).copied().unwrap_or_default();
        assert_eq!(row, (sum, lines.len() as i64), "{lead:?}");
        let shown = world.desk.ask(&format!("/leads/{}", lead.id), None).await;
        assert_eq!(shown["points"], sum, "{lead:?}");
    }
    log
}

/// How often each lead's reaction of this id fired.
pub fn times(log: &HashMap<LeadId, Vec<Fired>>, lead: &Lead, rule: &str) -> usize {
    log[&lead.id].iter().filter(|fired| fired.rule_id == rule).count()
}

/// Posts in the order in which they came: id and body.
type Heard = Arc<Mutex<Vec<(String, String)>>>;

/// Who is told by webhooks: hears everything, and keeps each post's id and body.
#[derive(Clone)]
pub struct Listener {
    pub address: SocketAddr,
    heard: Heard,
}

impl Listener {
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let heard = Heard::default();
        let routes = Router::new().route("/", post(hear)).with_state(heard.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { address, heard }
    }

    /// The bodies that were posted under each id, and how many posts there were.
    pub fn heard(&self) -> (HashMap<String, HashSet<String>>, usize) {
        let heard = self.heard.lock().unwrap().clone();
        let posts = heard.len();
        let mut by_id: HashMap<String, HashSet<String>> = HashMap::new();
        for (id, body) in heard {
            by_id.entry(id).or_default().insert(body);
        }
        (by_id, posts)
    }
}

async fn hear(State(heard): State<Heard>, headers: HeaderMap, body: String) {
    let id = headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or("none");
    heard.lock().unwrap().push((id.to_owned(), body));
}
