//! The source: sends leads, each a person of its own, and remembers what it was told about each.
use crate::{
    desk::{Campaign, Desk, Receipt, Unanswered},
    wait::wait_for,
};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinSet;
use uuid::Uuid;

/// A lead that was sent, once or more often under its key.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Its place in the sender's book.
    at: usize,
    pub email: String,
    pub key: String,
    lead: Value,
    pub answer: Result<Receipt, Unanswered>,
}

impl Sent {
    /// The person's number.
    pub fn phone(&self) -> &str {
        self.lead["phone"].as_str().expect("every lead has one")
    }

    /// The receipt of a lead that was surely taken.
    ///
    /// # Panics
    /// When it was not answered with 202.
    pub fn receipt(&self) -> Receipt {
        match &self.answer {
            Ok(receipt) => *receipt,
            Err(why) => panic!("{} was not taken: {why:?}", self.email),
        }
    }
}

/// Sends leads to one campaign. Clones share the book.
#[derive(Clone)]
pub struct Sender {
    desk: Desk,
    campaign: Arc<str>,
    /// Whether the campaign's endpoints recognise repeats.
    pub idempotent: bool,
    next: Arc<AtomicUsize>,
    book: Arc<Mutex<Vec<Sent>>>,
}

impl Sender {
    pub fn new(desk: &Desk, campaign: &Campaign, idempotent: bool) -> Self {
        Self {
            desk: desk.clone(),
            campaign: campaign.code.as_str().into(),
            idempotent,
            next: Arc::default(),
            book: Arc::default(),
        }
    }

    /// Sends one new lead.
    pub async fn send(&self) -> Sent {
        self.send_called("lead").await
    }

    /// Sends one new lead whose email begins with `name`.
    pub async fn send_called(&self, name: &str) -> Sent {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.send_numbered(name, number, format!("+1415{}", 2_000_000 + number)).await
    }

    /// Sends one new lead whose number ends with `digits`, by which fake providers know what is to happen.
    pub async fn send_to(&self, digits: &str) -> Sent {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let name = format!("to-{digits}");
        self.send_numbered(&name, number, format!("+1415{}{digits}", 520 + number)).await
    }

    async fn send_numbered(&self, name: &str, number: usize, phone: String) -> Sent {
        let email = format!("{name}.{number}@example.com");
        let lead = json!({
            "campaignId": &*self.campaign,
            "firstName": "Maria",
            "lastName": format!("Number {number}"),
            "email": email,
            "phone": phone,
            "address": {"state": "CA", "zip": "94110"},
            "questionnaire": {"homeowner": "yes"},
        });
        let key = Uuid::now_v7().to_string();
        let answer = self.desk.submit(&key, &lead).await;
        let mut book = self.book.lock().unwrap();
        let sent = Sent { at: book.len(), email, key, lead, answer };
        book.push(sent.clone());
        sent
    }

    /// Sends `count` leads, `rate` a second, without waiting for answers in between. Returns when all are answered or given up.
    pub async fn load(self, rate: u32, count: usize) {
        let mut beat = tokio::time::interval(Duration::from_secs(1) / rate);
        let mut under_way = JoinSet::new();
        for _ in 0..count {
            beat.tick().await;
            let sender = self.clone();
            under_way.spawn(async move { sender.send().await });
        }
        while under_way.join_next().await.is_some() {}
    }

    /// Sends everything that has no 202 again, under its key, until it has one.
    ///
    /// # Panics
    /// When some have none within the limit.
    pub async fn insist(&self, limit: Duration) {
        wait_for("a 202 for every lead", limit, async || {
            let left: Vec<Sent> =
                self.sent().into_iter().filter(|sent| sent.answer.is_err()).collect();
            for sent in &left {
                let answer = self.desk.submit(&sent.key, &sent.lead).await;
                self.book.lock().unwrap()[sent.at].answer = answer;
            }
            left.is_empty().then_some(())
        })
        .await;
    }

    /// Everything sent so far.
    pub fn sent(&self) -> Vec<Sent> {
        self.book.lock().unwrap().clone()
    }

    /// What was not answered with 202 so far.
    pub fn unanswered(&self) -> Vec<Unanswered> {
        self.sent().into_iter().filter_map(|sent| sent.answer.err()).collect()
    }
}
