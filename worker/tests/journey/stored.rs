//! Leads that were only stored, many at once: each goes through the pipeline and reaches its buyer once, whatever comes twice.
use crate::{
    campaign::plain,
    world::{Run, World, yes},
};
use chrono::Duration;
use shared::{
    audit::Actor,
    on_both_engines,
    push::{LEAD_PROCESSES, lane},
    queue::{Delivered, Job, Queue, Settle},
    store::lead_process::{self, Begun, Request, Which},
    submission::Stage,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

async fn step(world: &World, queue: &Queue, job: Job) -> Settle {
    let (lane, cancelled) = (LEAD_PROCESSES, CancellationToken::new());
    let delivered = Delivered { lane, job, delivery: 1, cancelled };
    worker::lead_process::step(&world.ctx, queue, delivered).await
}

on_both_engines! {
    async fn stored_leads_reach_their_buyer_once(store: TestStore) {
        let world = World::new(store, Run::Twice, |_, _| yes()).await;
        let campaign = world.campaign("SOL", plain(&world.sink, "/buy")).await;
        let mut leads = Vec::new();
        for n in 0..3 {
            leads.push(world.stored(campaign, &format!("+1415555010{n}")).await);
        }
        world.settle().await;
        assert!(world.calls().is_empty(), "nobody has asked for them");
        let at = world.clock.now();
        let request = Request {
            workspace: world.workspace,
            which: Which { campaign_id: Some(campaign), ..Which::default() },
            actor: Actor::command("test"),
            repeat: None,
            at,
            redeliver_at: at + Duration::seconds(30),
        };
        for _ in 0..2 {
            let begun = lead_process::begin(&world.store.db, &request).await.unwrap();
            let Begun::New(id) = begun else { panic!("{begun:?}") };
            let job = Job { id: id.0, generation: 1 };
            assert_eq!(step(&world, &Queue::memory(), job).await, Settle::Done);
            assert_eq!(step(&world, &Queue::memory(), job).await, Settle::Done);
            world.settle().await;
        }
        assert_eq!(world.calls().len(), 3, "{:?}", world.calls());
        for lead in leads {
            let [only] = &world.submissions(lead).await[..] else { panic!("one submission") };
            assert_eq!(only.status.word(), "accepted");
            let journey = world.journey(only.id).await;
            assert_eq!(journey[0], "accepted accepted accepted");
        }
    }

    async fn no_step_is_done_while_the_pipeline_has_enough_to_do(store: TestStore) {
        let world = World::new(store, Run::Plain, |_, _| yes()).await;
        let campaign = world.campaign("SOL", plain(&world.sink, "/buy")).await;
        let lead = world.stored(campaign, "+14155550100").await;
        let at = world.clock.now();
        let request = Request {
            workspace: world.workspace,
            which: Which { lead_ids: Some([lead].into()), ..Which::default() },
            actor: Actor::command("test"),
            repeat: None,
            at,
            redeliver_at: at,
        };
        let begun = lead_process::begin(&world.store.db, &request).await.unwrap();
        let Begun::New(id) = begun else { panic!("{begun:?}") };
        let queue = Queue::memory();
        let some = |_| (Job { id: Uuid::now_v7(), generation: 1 }, std::time::Duration::ZERO);
        let waiting: Vec<_> = (0..2_001).map(some).collect();
        queue.push(lane(Stage::Delivery), &waiting).await.unwrap();
        let job = Job { id: id.0, generation: 1 };
        assert!(matches!(step(&world, &queue, job).await, Settle::Later(_)));
        assert!(world.submissions(lead).await.is_empty());
        assert_eq!(step(&world, &Queue::memory(), job).await, Settle::Done);
        assert_eq!(world.submissions(lead).await.len(), 1);
    }
}
