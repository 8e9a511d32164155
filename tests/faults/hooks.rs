//! F21 and F23: what a provider tells comes a hundred times at once, is replayed, tampered with, or sent to somebody else's agent.
use crate::{
    phones::{HOOK_SECRET, Phones},
    sender::Sent,
    stages::{SOON, leave},
    wait::wait_for,
};
use fakes::{Provider, sign};
use shared::clock::Clock;
use tokio::task::JoinSet;

/// How often one webhook comes at once.
const COPIES: usize = 100;

/// A call that has ended, and the webhook that tells of it: the API was away, and has not heard it.
async fn unheard(phones: &mut Phones) -> (Sent, fakes::Sent) {
    phones.fake.hold();
    let sent = phones.sender.send_to("0100").await;
    let call = phones.placed(&sent).await;
    wait_for("the call", SOON, async || {
        let state = "SELECT state FROM interaction WHERE reference = $1";
        let (is,) = phones
            .world
            .ask(async |db| db.read().sql(state).bind(call.as_str()).optional::<(String,)>().await)
            .await?;
        (is == "in_progress").then_some(())
    })
    .await;
    phones.api.kill9();
    phones.fake.send_webhooks_of(&call).await;
    let told = phones.fake.webhooks().pop().expect("it was tried");
    assert_eq!(told.status, None, "nobody has heard it");
    phones.restart_api(&[]).await;
    (sent, told)
}

/// Webhooks that the agents have taken in.
async fn kept(phones: &Phones) -> i64 {
    phones
        .world
        .ask(async |db| db.read().sql("SELECT count(*) FROM inbound_event").scalar().await)
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f21_a_hundred_copies_of_a_webhook_at_once_are_all_thanked_for_and_have_one_effect() {
    let mut phones = Phones::open(Provider::Vapi).await;
    let workers = [phones.world.worker().await, phones.world.worker().await];
    let (sent, told) = unheard(&mut phones).await;
    let mut posts = JoinSet::new();
    for _ in 0..COPIES {
        let (desk, told) = (phones.world.desk.clone(), told.clone());
        posts.spawn(async move { desk.hook(&told.url, &told.headers, &told.body).await });
    }
    let answers = posts.join_all().await;
    assert_eq!(answers, [200; COPIES]);
    phones.sold_soon(&sent).await;
    assert_eq!(kept(&phones).await, 1);
    // A straggler changes nothing any more.
    let path = format!("/submissions/{}", sent.receipt().submission);
    let generation = async || {
        let story = phones.world.desk.ask(&path, None).await;
        story["submission"]["generation"].as_i64().expect("it has one")
    };
    let before = generation().await;
    assert_eq!(phones.world.desk.hook(&told.url, &told.headers, &told.body).await, 200);
    for worker in workers {
        leave(worker).await;
    }
    assert_eq!(generation().await, before);
    phones.judge().await.all_sold(1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f23_a_webhook_that_is_old_or_tampered_with_is_refused_and_one_for_another_workspace_moves_nothing()
 {
    let mut phones = Phones::open(Provider::Generic).await;
    let worker = phones.world.worker().await;
    let (sent, told) = unheard(&mut phones).await;
    let desk = phones.world.desk.clone();
    let key = sign::standard_key(HOOK_SECRET).unwrap();
    let signed = |seconds: i64, body: &str| {
        let signature = sign::standard(&key, "msg_1", seconds, body.as_bytes());
        [
            ("webhook-id", "msg_1".to_owned()),
            ("webhook-timestamp", seconds.to_string()),
            ("webhook-signature", signature),
        ]
        .map(|(name, value)| (name.to_owned(), value))
    };
    let now = Clock::system().now().timestamp();
    let tampered = told.body.replace("\"yes\"", "\"no\"");
    assert_ne!(tampered, told.body);
    for (why, headers, body) in [
        ("replayed", signed(now - 3_600, &told.body), &told.body),
        ("from the future", signed(now + 3_600, &told.body), &told.body),
        ("tampered with", signed(now, &told.body), &tampered),
    ] {
        assert_eq!(desk.hook(&phones.hook, &headers, body).await, 401, "{why}");
    }
    assert_eq!(desk.hook(&phones.hook, &[], &told.body).await, 401, "unsigned");
    assert_eq!(kept(&phones).await, 0);

    // Another workspace has an agent with the same secret: to that one it is genuine, and about nobody.
    let (fine, said) =
        phones.world.command(&["keys", "create", "--name", "other", "--workspace", "other"]).await;
    assert!(fine, "{said}");
    let other = said.lines().find(|line| shared::key::is_well_formed(line.trim())).expect(&said);
    let elsewhere = phones.agent(&desk.with_key(other.trim())).await;
    assert_ne!(elsewhere, phones.hook);
    assert_eq!(desk.hook(&elsewhere, &signed(now, &told.body), &told.body).await, 200);
    assert_eq!(kept(&phones).await, 1);
    phones.time_passes(20).await;
    assert_eq!(phones.of(&sent).await.run, "parked");

    assert_eq!(desk.hook(&phones.hook, &signed(now, &told.body), &told.body).await, 200);
    phones.sold_soon(&sent).await;
    leave(worker).await;
    phones.judge().await.all_sold(1);
}
