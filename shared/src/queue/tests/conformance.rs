//! What every lane does, on Redis and in memory alike.

use std::collections::HashMap;
use std::time::Instant;

use tokio::sync::watch;

use super::*;

/// Each body becomes a test on Redis and one in memory.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let (queue, _server) = super::redis_queue();
                super::$name(queue).await;
            })*
        }
        mod memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(super::Queue::memory()).await;
            })*
        }
    };
}

on_both!(
    pushing_what_lives_is_a_no_op,
    an_empty_push_tells_the_depth,
    lanes_do_not_mix,
    a_delayed_job_comes_at_its_time,
    jobs_come_in_order,
    twenty_thousand_jobs_run_once_each,
    two_workers_share_a_lane,
    a_panic_costs_one_delivery,
    a_handler_over_its_time_costs_one_delivery,
    a_job_comes_again_or_back_as_its_handler_says,
    a_stop_lets_running_handlers_finish,
    a_stop_hands_back_what_outlives_the_grace,
    a_paused_lane_starts_nothing,
    a_stopped_worker_takes_nothing,
);

async fn pushing_what_lives_is_a_no_op(queue: Queue) {
    let both = [(job(1), NOW), (job(2), millis(60_000))];
    assert_eq!(queue.push(LANE, &both).await.unwrap(), Pushed { fresh: 2, depth: 1 });
    assert_eq!(queue.push(LANE, &both).await.unwrap(), Pushed { fresh: 0, depth: 1 });
    assert_eq!(counts(&queue).await, (1, 1, 0));

    let seen = Seen::default();
    let running = start_noting(&queue, concurrency(1), &seen);
    until(async || counts(&queue).await == (0, 1, 0)).await;
    running.stop().await;
    assert_eq!(
        queue.push(LANE, &both).await.unwrap(),
        Pushed { fresh: 1, depth: 1 },
        "done is gone"
    );
    assert_eq!(seen.all(), [(1, 1)]);
}

async fn an_empty_push_tells_the_depth(queue: Queue) {
    queue.push(LANE, &jobs(1_203)).await.unwrap();
    assert_eq!(queue.push(LANE, &[]).await.unwrap(), Pushed { fresh: 0, depth: 1_203 });
}

async fn lanes_do_not_mix(queue: Queue) {
    const OTHER: Lane = Lane::new("other-lane_2");
    queue.push(LANE, &jobs(2)).await.unwrap();
    queue.push(OTHER, &jobs(3)).await.unwrap();
    let seen = Seen::default();
    let running = start_noting(&queue, concurrency(4), &seen);
    until(async || counts(&queue).await == (0, 0, 0)).await;
    running.stop().await;
    let depths = queue.depths(&[OTHER, LANE]).await.unwrap();
    assert_eq!(depths[0], Depth { lane: OTHER, ready: 3, later: 0, leased: 0 });
    assert_eq!(depths[1], Depth { lane: LANE, ready: 0, later: 0, leased: 0 });
    assert_eq!(queue.depths(&[]).await.unwrap(), []);
}

async fn a_delayed_job_comes_at_its_time(queue: Queue) {
    let seen = Seen::default();
    let running = start_noting(&queue, concurrency(1), &seen);
    until(async || queue.depths(&[LANE]).await.is_ok()).await;
    let started = Instant::now();
    let delayed = [(job(2), millis(300)), (job(1), millis(150))];
    queue.push(LANE, &delayed).await.unwrap();
    seen.wait_for(1).await;
    let first = started.elapsed();
    seen.wait_for(2).await;
    let second = started.elapsed();
    assert!(first >= millis(149) && second >= millis(299), "too early: {first:?}, {second:?}");
    assert!(second < millis(900), "it waited for the safety poll: {second:?}");
    assert_eq!(seen.all(), [(1, 1), (2, 1)]);
    running.stop().await;
}

async fn jobs_come_in_order(queue: Queue) {
    queue.push(LANE, &jobs(1_000)).await.unwrap();
    let seen = Seen::default();
    let running = start_noting(&queue, concurrency(1), &seen);
    let order: Vec<i64> = seen.wait_for(1_000).await.iter().map(|(job, _)| *job).collect();
    running.stop().await;
    assert_eq!(order, (0..1_000).collect::<Vec<_>>());
}

async fn twenty_thousand_jobs_run_once_each(queue: Queue) {
    const COUNT: usize = 20_000;
    let seen = Seen::default();
    let running = start_noting(&queue, concurrency(16), &seen);
    let all = jobs(COUNT as i64);
    for some in all.chunks(1_500) {
        queue.push(LANE, some).await.unwrap();
    }
    seen.wait_for(COUNT).await;
    until(async || counts(&queue).await == (0, 0, 0)).await;
    running.stop().await;
    let mut times = HashMap::new();
    for (job, delivery) in seen.all() {
        assert_eq!(delivery, 1, "{job}");
        *times.entry(job).or_insert(0) += 1;
    }
    assert_eq!(times.len(), COUNT);
    assert!(times.values().all(|times| *times == 1));
}

async fn two_workers_share_a_lane(queue: Queue) {
    let (seen, shares) = (Seen::default(), [Seen::default(), Seen::default()]);
    let workers = shares.clone().map(|share| {
        let seen = seen.clone();
        start(&queue, concurrency(4), move |delivered| {
            seen.note(&delivered);
            share.note(&delivered);
            async {
                tokio::time::sleep(millis(2)).await;
                Settle::Done
            }
        })
    });
    // Both have looked in vain and wait to be woken.
    tokio::time::sleep(millis(100)).await;
    queue.push(LANE, &jobs(400)).await.unwrap();
    seen.wait_for(400).await;
    for worker in workers {
        worker.stop().await;
    }
    assert_eq!(counts(&queue).await, (0, 0, 0));
    assert_eq!(seen.all().len(), 400);
    let least = shares.iter().map(|share| share.all().len()).min().unwrap();
    assert!(least > 50, "one push wakes both: the idler one did {least}");
}

async fn a_panic_costs_one_delivery(queue: Queue) {
    queue.push(LANE, &jobs(50)).await.unwrap();
    let (seen, noted, started) = (Seen::default(), Seen::default(), Instant::now());
    let (handler_seen, handler_noted) = (seen.clone(), noted.clone());
    let running = start(&queue, concurrency(4), move |delivered| {
        handler_seen.note(&delivered);
        assert!(delivered.job.generation != 3 || delivered.delivery > 1, "before the future");
        let noted = handler_noted.clone();
        async move {
            tokio::task::yield_now().await;
            assert!(delivered.job.generation != 4 || delivered.delivery > 1, "inside the future");
            noted.note(&delivered);
            Settle::Done
        }
    });
    noted.wait_for(50).await;
    assert!(started.elapsed() >= millis(990), "a job that panicked rests for a second");
    until(async || counts(&queue).await == (0, 0, 0)).await;
    running.stop().await;
    assert_eq!(seen.all().len(), 52);
    assert!(noted.all().contains(&(3, 2)) && noted.all().contains(&(4, 2)));
}

async fn a_handler_over_its_time_costs_one_delivery(queue: Queue) {
    queue.push(LANE, &jobs(2)).await.unwrap();
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let seen = Seen::default();
    let noted = seen.clone();
    let options = RunOptions { job_timeout: millis(50), ..concurrency(1) };
    let running = start(&queue, options, move |delivered| {
        noted.note(&delivered);
        let told = told.clone();
        async move {
            if delivered.job.generation == 0 && delivered.delivery == 1 {
                let elsewhere = delivered.cancelled;
                tokio::spawn(async move {
                    elsewhere.cancelled().await;
                    told.send(()).unwrap();
                });
                std::future::pending::<()>().await;
            }
            Settle::Done
        }
    });
    tokio::time::timeout(PATIENCE, heard.recv()).await.expect("what it started elsewhere is told");
    assert_eq!(seen.wait_for(3).await, [(0, 1), (1, 1), (0, 2)]);
    until(async || counts(&queue).await == (0, 0, 0)).await;
    running.stop().await;
}

async fn a_job_comes_again_or_back_as_its_handler_says(queue: Queue) {
    let seen = Seen::default();
    let noted = seen.clone();
    let running = start(&queue, concurrency(1), move |delivered| {
        noted.note(&delivered);
        std::future::ready(match noted.all().len() {
            1 => Settle::Again(millis(100)),
            2 => Settle::Back,
            3 => Settle::Later(millis(100)),
            _ => Settle::Done,
        })
    });
    let started = Instant::now();
    queue.push(LANE, &jobs(1)).await.unwrap();
    let deliveries = [(0, 1), (0, 2), (0, 2), (0, 2)];
    assert_eq!(seen.wait_for(4).await, deliveries, "back and later do not count");
    assert!(started.elapsed() >= millis(198) && started.elapsed() < millis(1_800));
    until(async || counts(&queue).await == (0, 0, 0)).await;
    running.stop().await;
}

async fn a_stop_lets_running_handlers_finish(queue: Queue) {
    queue.push(LANE, &jobs(10)).await.unwrap();
    let (seen, done) = (Seen::default(), Seen::default());
    let (handler_seen, handler_done) = (seen.clone(), done.clone());
    let running = start(&queue, concurrency(3), move |delivered| {
        handler_seen.note(&delivered);
        let done = handler_done.clone();
        async move {
            tokio::time::sleep(millis(200)).await;
            done.note(&delivered);
            Settle::Done
        }
    });
    seen.wait_for(3).await;
    running.stop().await;
    assert_eq!((seen.all().len(), done.all().len()), (3, 3));
    assert_eq!(counts(&queue).await, (7, 0, 0));
}

async fn a_stop_hands_back_what_outlives_the_grace(queue: Queue) {
    queue.push(LANE, &jobs(50)).await.unwrap();
    let seen = Seen::default();
    let noted = seen.clone();
    let options = RunOptions { grace: millis(100), ..concurrency(8) };
    let running = start(&queue, options, move |delivered| {
        noted.note(&delivered);
        std::future::pending()
    });
    seen.wait_for(8).await;
    let started = Instant::now();
    running.stop().await;
    assert!(started.elapsed() >= millis(99) && started.elapsed() < millis(1_500));
    assert_eq!(counts(&queue).await, (50, 0, 0));

    let again = Seen::default();
    let running = start_noting(&queue, concurrency(1), &again);
    let order = again.wait_for(50).await;
    running.stop().await;
    let expected: Vec<_> = (0..50).map(|generation| (generation, 1)).collect();
    assert_eq!(order, expected, "in their old order, as if never delivered");
}

async fn a_paused_lane_starts_nothing(queue: Queue) {
    let (pause, paused) = watch::channel(true);
    let seen = Seen::default();
    let running = start_noting(&queue, RunOptions { paused, ..concurrency(4) }, &seen);
    queue.push(LANE, &jobs(5)).await.unwrap();
    tokio::time::sleep(millis(150)).await;
    assert_eq!((seen.all().len(), counts(&queue).await), (0, (5, 0, 0)));

    let started = Instant::now();
    pause.send(false).unwrap();
    seen.wait_for(5).await;
    assert!(started.elapsed() < millis(500), "an end of the pause is felt at once");

    pause.send(true).unwrap();
    let more: Vec<_> = (5..9).map(|generation| (job(generation), NOW)).collect();
    queue.push(LANE, &more).await.unwrap();
    tokio::time::sleep(millis(150)).await;
    assert_eq!((seen.all().len(), counts(&queue).await), (5, (4, 0, 0)));
    drop(pause);
    running.stop().await;
    assert_eq!((seen.all().len(), counts(&queue).await), (5, (4, 0, 0)));
}

async fn a_stopped_worker_takes_nothing(queue: Queue) {
    queue.push(LANE, &jobs(5)).await.unwrap();
    let (seen, stop) = (Seen::default(), CancellationToken::new());
    stop.cancel();
    let noted = seen.clone();
    let handler = move |delivered: Delivered| {
        noted.note(&delivered);
        std::future::ready(Settle::Done)
    };
    let run = queue.run(LANE, concurrency(2), stop, handler);
    tokio::time::timeout(PATIENCE, run).await.expect("it returns at once");
    assert_eq!((seen.all().len(), counts(&queue).await), (0, (5, 0, 0)));
}
