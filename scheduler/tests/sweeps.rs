//! Sweeps on both engines: what is due is pushed, what is not is left, twice is once, several schedulers do each tick once.
use chrono::Duration;
use scheduler::{
    Scheduler,
    run::tick,
    sweeps::{self, Sweep, due},
};
use serde_json::json;
use shared::{
    clock::Clock,
    ids::{CampaignId, WorkspaceId},
    lead::{Details, Person},
    llm::Choice,
    on_both_engines,
    outreach::agent::Channel,
    push::{Pusher, lane},
    queue::Queue,
    store::{
        campaigns::{self, Draft},
        intake::{Arrival, CampaignRef, Intake, RepeatKey, Who},
        models::{self, Allowance, Budget},
        outreach_budget,
        sweeps::{paused_lanes, recall},
    },
    submission::Stage,
    testing::{TestStore, noon},
};

fn scheduler(store: &TestStore, clock: &Clock) -> Scheduler {
    let queue = Queue::memory();
    let push = Pusher::start(queue.clone());
    let mut scheduler = Scheduler::new(store.db.clone(), queue, push, Duration::seconds(30));
    scheduler.clock = clock.clone();
    scheduler
}

/// That many leads, taken in at noon and due 30 seconds later.
async fn leads(store: &TestStore, count: usize) -> WorkspaceId {
    let workspace = store.workspace("a").await;
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
    let intake = Intake::start(store.db.clone());
    for n in 0..count {
        let person = Person {
            first_name: "Ada".into(),
            last_name: "L".into(),
            email: format!("a{n}@example.com"),
            phone: format!("+1415555{n:04}"),
        };
        let arrival = Arrival {
            workspace,
            campaign: CampaignRef::Id(draft.id),
            who: Who::New { person, details: Details::default() },
            is_test: false,
            submit: true,
            source: "api",
            repeat: Some(RepeatKey { route: "r", key: n.to_string(), body_hash: String::new() }),
            at: noon(),
            redeliver_at: noon() + Duration::seconds(30),
        };
        intake.take(arrival).await.unwrap().unwrap();
    }
    workspace
}

async fn depth(scheduler: &Scheduler) -> u64 {
    scheduler.queue.depths(&[lane(Stage::Routing)]).await.unwrap()[0].ready
}

fn named(name: &str) -> &'static Sweep {
    sweeps::ALL.iter().find(|sweep| sweep.name == name).unwrap()
}

on_both_engines! {
    async fn what_is_due_is_pushed_and_what_is_not_is_left(store: TestStore) {
        leads(&store, 5).await;
        let clock = Clock::by_hand(noon());
        let scheduler = scheduler(&store, &clock);
        clock.forward(Duration::seconds(29));
        assert_eq!(due::sweep(&scheduler).await.unwrap(), 0);
        clock.forward(Duration::seconds(1));
        assert_eq!(due::sweep(&scheduler).await.unwrap(), 5);
        assert_eq!(depth(&scheduler).await, 5);
        assert_eq!(due::sweep(&scheduler).await.unwrap(), 0, "they are due again only later");
        clock.forward(Duration::seconds(30));
        assert_eq!(due::sweep(&scheduler).await.unwrap(), 5);
        assert_eq!(depth(&scheduler).await, 5, "a job that is in the queue is not there twice");
    }

    async fn an_emptied_queue_is_filled_again(store: TestStore) {
        leads(&store, 5).await;
        let clock = Clock::by_hand(noon());
        assert_eq!(recall(&store.db, clock.now()).await.unwrap(), 5);
        let scheduler = scheduler(&store, &clock);
        assert_eq!(due::sweep(&scheduler).await.unwrap(), 5);
        assert_eq!(depth(&scheduler).await, 5);
    }

    async fn of_several_schedulers_one_does_each_tick(store: TestStore) {
        leads(&store, 3).await;
        let clock = Clock::by_hand(noon() + Duration::minutes(1));
        let many: Vec<Scheduler> = (0..4).map(|_| scheduler(&store, &clock)).collect();
        for second in 0..3 {
            let at = clock.now() + Duration::seconds(second);
            let mut done = 0;
            for scheduler in &many {
                done += usize::from(tick(scheduler, named("due"), at).await.unwrap().is_some());
            }
            assert_eq!(done, 1, "tick {second}");
        }
        let late = tick(&many[0], named("due"), clock.now()).await.unwrap();
        assert_eq!(late, None, "a tick that is over is not done again");
    }

    async fn answers_are_forgotten_when_nobody_asks_any_more(store: TestStore) {
        leads(&store, 3).await;
        let clock = Clock::by_hand(noon() + Duration::hours(71));
        let scheduler = scheduler(&store, &clock);
        let forget = named("forget_answers");
        assert_eq!(tick(&scheduler, forget, clock.now()).await.unwrap(), Some(0));
        clock.forward(Duration::hours(2));
        assert_eq!(tick(&scheduler, forget, clock.now()).await.unwrap(), Some(3));
        assert!(paused_lanes(&store.db).await.unwrap().is_empty());
    }

    async fn what_models_said_is_forgotten_after_a_month_and_what_they_cost_later(store: TestStore) {
        let workspace = store.workspace("a").await;
        let clock = Clock::by_hand(noon());
        let budget = Budget { workspace, campaign: CampaignId::new(), day: noon().date_naive() };
        let some = Allowance { calls: 1, tokens: 100 };
        assert!(models::reserve(&store.db, budget, some).await.unwrap());
        assert!(outreach_budget::reserve(store.db.write(), budget, Channel::Voice, 1).await.unwrap());
        let said = |value: Option<&str>| Choice { value: value.map(str::to_owned), confidence: 0.57, cached: true };
        let answers = [("a".to_owned(), said(Some("Condo"))), ("b".to_owned(), said(None))];
        models::remember(&store.db, workspace, &answers, noon()).await.unwrap();
        let digests = ["a".to_owned(), "b".to_owned(), "c".to_owned()];
        let mut known = models::recall(&store.db, workspace, &digests).await.unwrap();
        known.sort_by(|one, other| one.0.cmp(&other.0));
        assert_eq!(known, answers);
        let scheduler = scheduler(&store, &clock);
        let forget = named("forget_model_answers");
        for (days, forgotten) in [(30, 0), (1, 2), (369, 0), (1, 2)] {
            clock.forward(Duration::days(days));
            assert_eq!(tick(&scheduler, forget, clock.now()).await.unwrap(), Some(forgotten), "{days}");
        }
        assert_eq!(models::used(&store.db, budget).await.unwrap(), (0, 0));
        assert_eq!(outreach_budget::used(&store.db, budget).await.unwrap(), (0, 0));
    }
}
