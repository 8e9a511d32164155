//! Ticks on both engines: each is done once, what was missed is caught up once, what a dead scheduler left is done again, failures are kept.
use chrono::Duration;
use scheduler::{
    Scheduler, Timetable, announce,
    run::{by_hand, tick, turn},
    sweeps::{Kind, Sweep, SweepError},
};
use shared::{
    clock::{Clock, Time},
    on_both_engines,
    push::Pusher,
    queue::Queue,
    store::{
        Db, StoreError,
        ticks::{self, SweepRow, SweepState, Turn},
    },
    testing::{TestStore, noon},
};

fn scheduler(store: &TestStore, clock: &Clock) -> Scheduler {
    let queue = Queue::memory();
    let push = Pusher::start(queue.clone());
    let mut scheduler = Scheduler::new(store.db.clone(), queue, push, Duration::seconds(30));
    scheduler.clock = clock.clone();
    scheduler
}

/// Each scheduler's turn, one after the other: how many of them did something.
async fn turns(schedulers: &[Scheduler], timetable: &Timetable, name: &str) -> usize {
    let mut done = 0;
    for scheduler in schedulers {
        let found = turn(scheduler, timetable.named(name).unwrap()).await.unwrap();
        done += usize::from(found.is_some());
    }
    done
}

async fn row(db: &Db, name: &str) -> SweepRow {
    ticks::all(db).await.unwrap().into_iter().find(|row| row.name == name).unwrap()
}

fn at(hour: i64, minute: i64, second: i64) -> Time {
    noon() - Duration::hours(12 - hour) + Duration::minutes(minute) + Duration::seconds(second)
}

const fn broken(run: for<'a> fn(&'a Scheduler) -> scheduler::sweeps::Found<'a>) -> Sweep {
    Sweep {
        name: "forget_visits",
        about: "Fails.",
        cron: "0 57 * * * *",
        kind: Kind::Retention,
        run,
    }
}

static FAILS: Sweep = broken(|_| {
    Box::pin(async { Err(SweepError::Store(StoreError::Inconsistent("x".repeat(600)))) })
});
static PANICS: Sweep = broken(|_| Box::pin(async { panic!("on purpose") }));

on_both_engines! {
    async fn missed_ticks_are_caught_up_once_by_one_scheduler(store: TestStore) {
        let clock = Clock::by_hand(at(12, 17, 0));
        let timetable = Timetable::read("", noon()).unwrap();
        let two = [scheduler(&store, &clock), scheduler(&store, &clock)];
        announce(&two[0], &timetable).await.unwrap();
        for name in ["due", "forget_answers"] {
            assert_eq!(turns(&two, &timetable, name).await, 1, "{name}: the tick of now");
            assert_eq!(turns(&two, &timetable, name).await, 0, "{name}: it is done");
        }
        clock.forward(Duration::minutes(59));
        assert_eq!(turns(&two, &timetable, "forget_answers").await, 0, "the next is at 13:17");
        assert!(row(&store.db, "due").await.is_late(clock.now()));
        // Nobody ran from 13:16 on until 17:30: four ticks of the one, thousands of the other.
        clock.forward(Duration::minutes(254));
        assert!(row(&store.db, "forget_answers").await.is_late(clock.now()));
        let started = [scheduler(&store, &clock), scheduler(&store, &clock)];
        for name in ["due", "forget_answers"] {
            assert_eq!(turns(&started, &timetable, name).await, 1, "{name}: at once");
            assert_eq!(turns(&started, &timetable, name).await, 0, "{name}: and only once");
        }
        let last = row(&store.db, "forget_answers").await;
        assert_eq!((last.tick, last.finished_at), (Some(at(17, 17, 0)), Some(at(17, 30, 0))));
        assert_eq!((last.runs, last.failures, last.counted_since), (2, 0, Some(at(12, 17, 0))));
        assert_eq!(last.next_tick(clock.now()), Some(at(18, 17, 0)));
        assert!(!last.is_late(clock.now()));
        clock.forward(Duration::minutes(47));
        assert_eq!(turns(&started, &timetable, "forget_answers").await, 1, "18:17 is a tick like any");
        let last = row(&store.db, "forget_answers").await;
        assert_eq!((last.tick, last.state(clock.now())), (Some(at(18, 17, 0)), SweepState::Done));
    }

    async fn a_tick_that_a_dead_scheduler_left_is_done_again(store: TestStore) {
        let clock = Clock::by_hand(at(12, 17, 0));
        let timetable = Timetable::read("", noon()).unwrap();
        let (dead, heir) = (scheduler(&store, &clock), [scheduler(&store, &clock)]);
        announce(&dead, &timetable).await.unwrap();
        for name in ["due", "forget_answers"] {
            let taken = Turn { name, tick: at(12, 17, 0), holder: dead.holder, now: clock.now() };
            assert!(ticks::take(&store.db, &taken).await.unwrap());
            assert_eq!(turns(&heir, &timetable, name).await, 0, "{name}: it is being done");
        }
        clock.forward(Duration::seconds(1));
        assert_eq!(turns(&heir, &timetable, "due").await, 1, "the next tick makes it up");
        clock.forward(Duration::seconds(29));
        // It was not dead yet.
        ticks::still_alive(&store.db, "forget_answers", dead.holder, clock.now()).await.unwrap();
        ticks::still_alive(&store.db, "due", dead.holder, at(23, 0, 0)).await.unwrap();
        assert_ne!(row(&store.db, "due").await.alive_at, Some(at(23, 0, 0)), "it has it no more");
        clock.forward(ticks::ABANDONED);
        let last = row(&store.db, "forget_answers").await;
        assert_eq!(last.state(clock.now()), SweepState::Running);
        assert_eq!(turns(&heir, &timetable, "forget_answers").await, 0, "not silent for long enough");
        clock.forward(Duration::seconds(1));
        let last = row(&store.db, "forget_answers").await;
        assert_eq!(last.state(clock.now()), SweepState::CutOff);
        assert_eq!(turns(&heir, &timetable, "forget_answers").await, 1);
        assert_eq!(turns(&heir, &timetable, "forget_answers").await, 0);
        // The one that was believed dead ends after all: it counts, and the heir's tick stays the last.
        let ended = ticks::Ended {
            began_at: at(12, 17, 0), ended_at: at(23, 0, 0), duration_us: 9_000_000_000, outcome: Ok(7),
        };
        ticks::end(&store.db, "forget_answers", dead.holder, &ended).await.unwrap();
        let last = row(&store.db, "forget_answers").await;
        assert_eq!((last.found, last.finished_at), (Some(0), Some(clock.now())));
        assert_eq!((last.runs, last.longest_us), (2, Some(9_000_000_000)));
    }

    async fn why_a_sweep_failed_is_kept(store: TestStore) {
        let clock = Clock::by_hand(at(12, 57, 0));
        let timetable = Timetable::read("", noon()).unwrap();
        let one = scheduler(&store, &clock);
        announce(&one, &timetable).await.unwrap();
        tick(&one, &FAILS, at(12, 57, 0)).await.unwrap_err();
        let kept = row(&store.db, "forget_visits").await;
        assert_eq!(kept.state(clock.now()), SweepState::Failed);
        assert_eq!((kept.found, kept.finished_at, kept.last_error_at), (None, Some(clock.now()), Some(clock.now())));
        let error = kept.last_error.unwrap();
        assert!(error.starts_with("inconsistent data: xx") && error.len() == ticks::ERROR_CHARS_MAX, "{error}");
        assert_eq!(turns(std::slice::from_ref(&one), &timetable, "forget_visits").await, 0, "the next tick makes it up");
        clock.forward(Duration::hours(1));
        tick(&one, &PANICS, at(13, 57, 0)).await.unwrap_err();
        assert_eq!(row(&store.db, "forget_visits").await.last_error.unwrap(), "it panicked: on purpose");
        clock.forward(Duration::hours(1));
        assert_eq!(turns(std::slice::from_ref(&one), &timetable, "forget_visits").await, 1);
        let kept = row(&store.db, "forget_visits").await;
        assert_eq!((kept.state(clock.now()), kept.runs, kept.failures), (SweepState::Done, 3, 2));
        assert_eq!(kept.last_error_at, Some(at(13, 57, 0)), "the error is still to be seen");
    }

    async fn by_hand_a_sweep_runs_whatever_its_schedule(store: TestStore) {
        let clock = Clock::by_hand(at(12, 30, 0));
        let timetable = Timetable::read("", noon()).unwrap();
        let (other, one) = (scheduler(&store, &clock), scheduler(&store, &clock));
        announce(&one, &timetable).await.unwrap();
        let sweep = timetable.named("forget_answers").unwrap().sweep;
        assert_eq!(by_hand(&one, sweep).await.unwrap(), 0, "it never ran before");
        // Another is at a tick that is ahead of this machine's clock.
        let ahead = Turn { name: sweep.name, tick: at(12, 30, 2), holder: other.holder, now: clock.now() };
        assert!(ticks::take(&store.db, &ahead).await.unwrap());
        assert_eq!(by_hand(&one, sweep).await.unwrap(), 0);
        let last = row(&store.db, sweep.name).await;
        assert_eq!((last.tick, last.runs, last.state(clock.now())), (Some(at(12, 30, 2)), 2, SweepState::Done));
        clock.forward(Duration::minutes(47));
        assert_eq!(turns(&[other], &timetable, sweep.name).await, 1, "the schedule goes on as before");
    }

    async fn what_is_off_does_not_run_and_what_schedulers_go_by_is_written_down(store: TestStore) {
        let clock = Clock::by_hand(at(12, 30, 0));
        let one = scheduler(&store, &clock);
        assert_eq!(ticks::all(&store.db).await.unwrap(), []);
        announce(&one, &Timetable::read("", noon()).unwrap()).await.unwrap();
        let before = row(&store.db, "forget_visits").await;
        assert_eq!((before.state(noon()), before.runs, before.cron.as_deref()), (SweepState::Never, 0, Some("0 57 * * * *")));
        let set = Timetable::read("forget_visits=off;due=*/5 * * * * *", noon()).unwrap();
        announce(&one, &set).await.unwrap();
        announce(&one, &set).await.unwrap();
        let names: Vec<String> = ticks::all(&store.db).await.unwrap().into_iter().map(|row| row.name).collect();
        let known: Vec<&str> = scheduler::sweeps::ALL.iter().map(|sweep| sweep.name).collect();
        assert_eq!(names, known);
        let one = [one];
        assert_eq!(turns(&one, &set, "forget_visits").await, 0);
        let off = row(&store.db, "forget_visits").await;
        assert_eq!((off.cron.as_deref(), off.is_default, off.next_tick(noon()), off.is_late(noon())), (None, false, None, false));
        clock.forward(Duration::seconds(7));
        assert_eq!(turns(&one, &set, "due").await, 1);
        assert_eq!(row(&store.db, "due").await.tick, Some(at(12, 30, 5)));
        clock.forward(Duration::seconds(2));
        assert_eq!(turns(&one, &set, "due").await, 0, "its next tick is at 12:30:10");
    }
}
