//! Jobs for the outside: taken by one worker at a time, settled by whoever has them, listed and tried again.
use crate::world::World;
use chrono::Duration;
use shared::{
    automation::Want,
    ids::{AutomationJobId, CampaignId},
    on_both_engines,
    store::automation::jobs::{self, End, JobFilter, JobKind, JobState},
    testing::noon,
};

async fn one(world: &World) -> AutomationJobId {
    let (ada, lead) = world.lead(world.campaign, 1).await;
    world.apply(&mut [world.decided(lead, ada, vec![Want::Repost])]).await;
    world.jobs(JobFilter::default()).await[0].id
}

on_both_engines! {
    async fn a_job_is_taken_by_one_and_lost_when_nobody_settles_it(store: TestStore) {
        let world = World::new(store).await;
        let (db, id) = (&world.store.db, one(&world).await);
        let (lost_at, later) = (noon() + Duration::seconds(60), noon() + Duration::seconds(59));
        assert!(jobs::take(db, (id, 0), (noon() - Duration::seconds(1), lost_at)).await.unwrap().is_none(), "not due");
        let (a, b) = tokio::join!(jobs::take(db, (id, 0), (noon(), lost_at)), jobs::take(db, (id, 0), (noon(), lost_at)));
        let mut taken: Vec<_> = [a.unwrap(), b.unwrap()].into_iter().flatten().collect();
        assert_eq!(taken.len(), 1);
        let first = taken.remove(0);
        assert_eq!((first.id, first.attempt, first.kind, first.firing), (id, 1, JobKind::Repost, 1));
        assert_eq!(jobs::due(db, later, 9).await.unwrap(), []);
        assert_eq!(jobs::due(db, lost_at, 9).await.unwrap(), [(id, 1)]);
        let second = jobs::take(db, (id, 1), (lost_at, lost_at + Duration::seconds(60))).await.unwrap().unwrap();
        let failed = End::Failed("too late".into(), None);
        assert!(!jobs::settle(db, &first, &failed, lost_at).await.unwrap(), "it is another's by now");
        assert_eq!(world.jobs(JobFilter::default()).await[0].state, JobState::Waiting);
        assert!(jobs::settle(db, &second, &End::Done, lost_at).await.unwrap());
        assert!(!jobs::settle(db, &second, &failed, lost_at).await.unwrap(), "it is settled");
        let row = &world.jobs(JobFilter::default()).await[0];
        assert_eq!((row.state, row.finished_at, row.due_at), (JobState::Done, Some(lost_at), None));
        assert_eq!(jobs::forget(db, lost_at, 9).await.unwrap(), 0, "young");
        assert_eq!(jobs::forget(db, lost_at + Duration::seconds(1), 9).await.unwrap(), 1);
        assert!(world.jobs(JobFilter::default()).await.is_empty());
    }

    async fn failed_jobs_are_tried_once_more_and_no_others(store: TestStore) {
        let world = World::new(store).await;
        let (db, id) = (&world.store.db, one(&world).await);
        let retry = async || jobs::retry(db, world.workspace, &[id, id, AutomationJobId::new()], noon()).await.unwrap();
        assert_eq!(retry().await, [], "it waits");
        let taken = jobs::take(db, (id, 0), (noon(), noon())).await.unwrap().unwrap();
        let again = End::Again(noon() + Duration::seconds(9), "busy".into());
        assert!(jobs::settle(db, &taken, &again, noon()).await.unwrap());
        let row = &world.jobs(JobFilter::default()).await[0];
        assert_eq!((row.problem.as_deref(), row.due_at), (Some("busy"), Some(noon() + Duration::seconds(9))));
        assert!(jobs::take(db, (id, 1), (noon(), noon())).await.unwrap().is_none());
        let due = noon() + Duration::seconds(9);
        let taken = jobs::take(db, (id, 1), (due, due)).await.unwrap().unwrap();
        assert!(jobs::settle(db, &taken, &End::Failed("no".into(), None), due).await.unwrap());
        let failed = JobFilter { state: Some(JobState::Failed), campaign: Some(world.campaign), ..JobFilter::default() };
        assert_eq!(world.jobs(failed).await.len(), 1);
        let stranger = world.store.workspace("two").await;
        assert_eq!(jobs::retry(db, stranger, &[id], due).await.unwrap(), [], "another workspace's");
        assert_eq!(retry().await, [(id, 2)]);
        assert!(world.jobs(failed).await.is_empty());
        let elsewhere = JobFilter { campaign: Some(CampaignId::new()), ..JobFilter::default() };
        assert!(world.jobs(elsewhere).await.is_empty());
        assert!(world.jobs(JobFilter { before: Some(id), ..JobFilter::default() }).await.is_empty());
    }
}
