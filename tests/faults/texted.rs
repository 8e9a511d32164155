//! F4 for texts: a worker dies around the order of a text, or the provider breaks. Nobody is texted twice, and nobody waits for ever.
use crate::{phones::Phones, stages::leave, wait::pause};
use fakes::Provider;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fa_a_text_whose_worker_died_around_the_order_is_never_sent_twice() {
    let phones = Phones::open(Provider::Twilio).await;
    for (point, had) in [("text.before_call", 0), ("text.after_call", 1)] {
        let sent = phones.dies(point, "0121").await;
        assert_eq!(phones.ordered(&sent), had, "{point}");
        let healthy = phones.world.worker().await;
        phones.sold_in_time(&sent).await;
        leave(healthy).await;
        assert_eq!(phones.ordered(&sent), 1, "{point}");
    }
    phones.judge().await.all_sold(2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f22_providers_of_texts_that_break_repeat_or_confuse_their_webhooks_text_each_person_once()
{
    let phones = Phones::open(Provider::Twilio).await;
    let worker = phones.world.worker().await;
    let mut all = Vec::new();
    for digits in ["0108", "0110", "0112", "0113", "0114", "0115", "0117", "0116"] {
        all.push((digits, phones.sender.send_to(digits).await));
    }
    // Until nobody doubts any more whether a text was sent. Then more time passes than anything is tried for again.
    phones.in_time("every text to be accounted for", async || accounted(&phones).await).await;
    phones.time_passes(600).await;
    pause(Duration::from_secs(2)).await;
    for (digits, sent) in &all {
        let orders = if *digits == "0117" { 2 } else { 1 };
        assert_eq!((phones.ordered(sent), phones.reached(sent)), (orders, 1), "{digits}");
        phones.fake.text_in(Provider::Twilio, sent.phone(), "+14155550199", "YES").await;
    }
    for (_, sent) in &all {
        phones.sold_soon(sent).await;
    }
    leave(worker).await;
    phones.judge().await.all_sold(all.len());
}

/// Whether every text of ours is known to have been sent.
async fn accounted(phones: &Phones) -> Option<()> {
    let doubted = "SELECT count(*) FROM message WHERE state IN ('planned', 'sending', 'unsure')";
    let texts = "SELECT count(*) FROM message";
    let db = &phones.world.db;
    let all: i64 = db.read().sql(texts).scalar().await.ok()?;
    let open: i64 = db.read().sql(doubted).scalar().await.ok()?;
    (all as usize >= phones.sender.sent().len() && open == 0).then_some(())
}
