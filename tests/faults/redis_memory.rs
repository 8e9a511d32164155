//! F7, F9: Redis wakes up with what it knew some seconds ago, or has no memory left and refuses to write.
use crate::{
    oracle::{self, Submission},
    queue_away::world_of_its_own,
    sink::Mode,
    wait::{pause, wait_for},
    world::World,
};
use chrono::{DateTime, Utc};
use shared::{
    ids::SubmissionId,
    testing::{Process, RedisServer},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    time::Duration,
};

const SOON: Duration = Duration::from_secs(30);
/// Jobs that Redis must know when its state is saved, so that many come back from the dead.
const SAVED: u64 = 100;

/// What a push that Redis refused leaves in the log.
const LOST_PUSH: &str = "pushes are lost";
const JOBS: &str = "local jobs = 0 \
    for _, key in ipairs(redis.call('KEYS', '*')) do \
      local kind = redis.call('TYPE', key).ok \
      if kind == 'list' then jobs = jobs + redis.call('LLEN', key) end \
      if kind == 'zset' then jobs = jobs + redis.call('ZCARD', key) end \
    end return jobs";

/// Says one command in one line, and returns the first line of the answer.
fn say(redis: &RedisServer, command: &str) -> String {
    let url = redis.url();
    let address = url.trim_start_matches("redis://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address).expect("Redis listens");
    stream.set_read_timeout(Some(SOON)).unwrap();
    write!(stream, "{command}\r\n").unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).expect("Redis answers");
    line.trim_end().to_owned()
}

fn set(redis: &RedisServer, name: &str, value: &str) {
    assert_eq!(say(redis, &format!("CONFIG SET {name} {value}")), "+OK", "{name} {value}");
}

/// Jobs in all lanes: ready, due later, leased.
fn jobs(redis: &RedisServer) -> u64 {
    let answer = say(redis, &format!("EVAL \"{JOBS}\" 0"));
    answer.strip_prefix(':').and_then(|count| count.parse().ok()).expect(&answer)
}

/// All that a finished submission's further move would change.
type Footprint = (i64, DateTime<Utc>, Option<String>, i64, i64);

/// Every finished submission with its generation, its last change, its end, and how many events and attempts it has.
async fn finished(world: &World) -> BTreeMap<SubmissionId, Footprint> {
    type Row = (SubmissionId, i64, DateTime<Utc>, Option<String>, i64, i64);
    let rows = world
        .ask(async |db| {
            db.read()
                .sql(
                    "SELECT s.id, s.generation, s.updated_at, s.outcome,
                            (SELECT count(*) FROM journey_event j WHERE j.submission_id = s.id),
                            (SELECT count(*) FROM delivery_attempt a WHERE a.submission_id = s.id)
                     FROM submission s WHERE s.run = 'finished'",
                )
                .all::<Row>()
                .await
        })
        .await;
    let footprint = |(id, generation, at, outcome, events, attempts): Row| {
        (id, (generation, at, outcome, events, attempts))
    };
    rows.into_iter().map(footprint).collect()
}

/// Waits until everything that the database knows now is sold.
async fn all_known_are_sold(world: &World) {
    let known = ids(&world.ask(oracle::submissions).await, |_| true);
    wait_for("the sale of all that Redis has saved", SOON, async || {
        let sold = ids(&world.ask(oracle::submissions).await, Submission::is_accepted);
        known.is_subset(&sold).then_some(())
    })
    .await;
}

fn ids(all: &[Submission], which: impl Fn(&Submission) -> bool) -> BTreeSet<SubmissionId> {
    all.iter().filter(|one| which(one)).map(|one| one.id).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f7_jobs_that_a_power_cut_brings_back_move_no_finished_lead_and_lost_jobs_are_made_up() {
    let (mut redis, world, mut processes, sender) = world_of_its_own().await;
    world.sink.turn(Mode::Hold);
    let load = tokio::spawn(sender.clone().load(200, 500));
    let saved =
        wait_for("a backlog", SOON, async || Some(jobs(&redis)).filter(|jobs| *jobs >= 2 * SAVED))
            .await;
    // The buyer holds every answer: none of these jobs can end before they are saved.
    assert_eq!(say(&redis, "SET older 1"), "+OK");
    assert_eq!(say(&redis, "SAVE"), "+OK");
    world.sink.turn(Mode::Accept);
    world.sink.release();
    load.await.unwrap();
    all_known_are_sold(&world).await;

    // Frozen workers leave what comes now to Redis, and look at nothing before its old state is counted.
    processes[1..3].iter_mut().for_each(Process::sigstop);
    sender.clone().load(200, 200).await;
    wait_for("jobs that will be lost", SOON, async || (jobs(&redis) >= SAVED).then_some(())).await;
    assert_eq!(say(&redis, "SET newer 1"), "+OK");
    let before = finished(&world).await;
    let load = tokio::spawn(sender.clone().load(200, 500));
    redis.kill9();
    redis.start().await;
    let (older, newer) = (say(&redis, "EXISTS older"), say(&redis, "EXISTS newer"));
    let revived = jobs(&redis);
    processes[1..3].iter_mut().for_each(Process::sigcont);
    assert_eq!((&*older, &*newer), (":1", ":0"), "what was saved is back, what came later is lost");
    assert!(revived >= SAVED, "only {revived} of {saved} jobs came back from the dead");

    load.await.unwrap();
    // What was under way when Redis forgot it may have been held until its answer came.
    oracle::sold(&world, 1_200, SOON).await;
    wait_for("no job left", SOON, async || (jobs(&redis) == 0).then_some(())).await;
    let tally = oracle::judge(&world, &sender, SOON).await;
    tally.all_sold(1_200);
    assert_eq!(tally.repeats, 0, "no lead was posted twice");
    let after = finished(&world).await;
    for (id, footprint) in &before {
        assert_eq!(after.get(id), Some(footprint), "the finished submission {id} moved again");
    }
    assert!(before.len() as u64 >= SAVED, "{} were finished before the cut", before.len());
    assert!(processes.iter_mut().all(|one| one.exit_status().is_none()), "all processes live on");
    println!("{revived} jobs came back, {} submissions were finished before", before.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f9_leads_that_come_while_redis_has_no_memory_are_taken_and_delivered_when_it_has_some() {
    let (redis, world, mut processes, sender) = world_of_its_own().await;
    let load = tokio::spawn(sender.clone().load(200, 1_000));
    wait_for("the first sales", SOON, async || (world.sink.seen().len() >= 50).then_some(())).await;
    set(&redis, "maxmemory-policy", "noeviction");
    // One byte: there is no server so small that it would still write.
    set(&redis, "maxmemory", "1");
    assert!(say(&redis, "SET probe 1").starts_with("-OOM"), "Redis still writes");
    let refused_before = processes[0].log().matches(LOST_PUSH).count();
    load.await.unwrap();
    pause(Duration::from_secs(1)).await;
    assert_eq!(sender.unanswered(), [], "intake does not need Redis");
    let refused = processes[0].log().matches(LOST_PUSH).count() - refused_before;
    assert!(refused >= 5, "the API was refused {refused} pushes only");
    assert!(say(&redis, "SET probe 1").starts_with("-OOM"), "Redis writes again");
    let delivered = world.sink.seen().len();
    assert!(delivered < 1_000, "every lead was delivered without a queue");

    set(&redis, "maxmemory", "0");
    // What was under way when its lease could not be prolonged may have been held until its answer came.
    oracle::sold(&world, 1_000, SOON).await;
    let tally = oracle::judge(&world, &sender, SOON).await;
    tally.all_sold(1_000);
    assert_eq!(tally.repeats, 0, "no lead was posted twice");
    assert!(processes.iter_mut().all(|one| one.exit_status().is_none()), "all processes live on");
    println!("{refused} pushes were refused, {delivered} leads were delivered meanwhile");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f9_a_delivery_whose_lease_cannot_be_prolonged_is_settled_by_its_own_answer() {
    let (redis, world, mut processes, sender) = world_of_its_own().await;
    world.sink.turn(Mode::Hold);
    let leads = 20;
    sender.clone().load(50, leads).await;
    wait_for("all posts", SOON, async || (world.sink.seen().len() == leads).then_some(())).await;
    set(&redis, "maxmemory-policy", "noeviction");
    set(&redis, "maxmemory", "1");
    assert!(say(&redis, "SET probe 1").starts_with("-OOM"), "Redis still writes");
    // A lease that is prolonged is never taken over: another hand finds an attempt that nobody seems to work on.
    wait_for("a lead that is held", SOON, async || {
        let all = world.ask(oracle::submissions).await;
        all.iter().any(|one| one.run == "held").then_some(())
    })
    .await;
    world.sink.release();
    pause(Duration::from_secs(1)).await;
    assert!(say(&redis, "SET probe 1").starts_with("-OOM"), "Redis writes again");
    set(&redis, "maxmemory", "0");
    oracle::sold(&world, leads, SOON).await;
    let tally = oracle::judge(&world, &sender, SOON).await;
    tally.all_sold(leads);
    assert_eq!(tally.repeats, 0, "no lead was posted twice");
    assert!(processes.iter_mut().all(|one| one.exit_status().is_none()), "all processes live on");
}
