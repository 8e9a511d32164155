//! Plays the scripts: orders become calls and texts, calls and texts come forward, webhooks are sent on the way.
use crate::{
    account::Provider,
    callback::{self, Draft},
    item::{Item, Order, Refusal},
    phone::Fake,
    script::{COPIES, Door, Fate, Post, keyword},
    time::wait,
    twilio::POOL,
};
use std::time::Duration;
use tokio::task::JoinSet;

/// Steps of a call, which share the time that it lasts.
const STEPS: u32 = 3;

impl Fake {
    /// Takes an order in and lets it run. Never returns for 0111.
    pub(crate) async fn place(&self, provider: Provider, order: Order) -> Result<Item, Refusal> {
        let (item, new) = self.take(provider, order)?;
        if !new {
            return Ok(item);
        }
        let settings = self.settings();
        if item.script.door == Door::Late {
            self.play(&item.id, Duration::ZERO).await;
            return Ok(item);
        }
        if !settings.hold {
            let (fake, id) = (self.clone(), item.id.clone());
            tokio::spawn(async move { fake.play(&id, settings.lasts).await });
        }
        match item.script.door {
            Door::BrokenAfter => Err(Refusal::Broken),
            Door::Hangs => std::future::pending().await,
            _ => Ok(item),
        }
    }

    /// Plays a held call or text to its end and sends all its webhooks; returns when they were answered.
    pub async fn send_webhooks_of(&self, id: &str) {
        self.play(id, Duration::ZERO).await;
    }

    /// Brings a held call or text one stage forward and sends the webhooks of that stage, in order; false when it was at its end.
    pub async fn step(&self, id: &str) -> bool {
        let Some(item) = self.advance(id) else { return false };
        for draft in &callback::drafts(self, &item) {
            callback::post(self, draft).await;
        }
        true
    }

    /// Brings a held call or text to its end without a word: whoever asks is told.
    pub fn end(&self, id: &str) {
        while self.advance(id).is_some() {}
    }

    /// A person texts: returns the provider's id of the text when the webhook was answered.
    pub async fn text_in(&self, provider: Provider, from: &str, to: &str, body: &str) -> String {
        let order = Order {
            to: to.to_owned(),
            from: Some(from.to_owned()),
            text: body.to_owned(),
            ..Order::default()
        };
        let item = self.receive(provider, order);
        match keyword(body) {
            Some("STOP") => self.opt(provider, from, true),
            Some("START") => self.opt(provider, from, false),
            _ => {}
        }
        for draft in &callback::drafts(self, &item) {
            callback::post(self, draft).await;
        }
        item.id
    }

    async fn play(&self, id: &str, lasts: Duration) {
        let mut kept: Vec<Draft> = Vec::new();
        let mut last = None;
        loop {
            wait(lasts / STEPS).await;
            let Some(item) = self.advance(id) else { break };
            let drafts = callback::drafts(self, &item);
            match item.script.post {
                Post::Never => {}
                Post::Backwards => kept.extend(drafts),
                Post::Copied => self.copies(drafts).await,
                Post::InOrder | Post::Forged => {
                    for draft in &drafts {
                        callback::post(self, draft).await;
                    }
                }
            }
            last = Some(item);
        }
        for draft in kept.iter().rev() {
            callback::post(self, draft).await;
        }
        if let Some(item) = last {
            self.reply(&item, lasts).await;
        }
    }

    /// Every webhook many times at once, one webhook after the other.
    async fn copies(&self, drafts: Vec<Draft>) {
        for draft in drafts {
            let mut posts = JoinSet::new();
            for _ in 0..COPIES {
                let (fake, draft) = (self.clone(), draft.clone());
                posts.spawn(async move { callback::post(&fake, &draft).await });
            }
            posts.join_all().await;
        }
    }

    /// What the person answers to a text.
    async fn reply(&self, item: &Item, lasts: Duration) {
        let (true, Fate::Answered(texts)) = (item.provider.texts(), item.script.fate) else {
            return;
        };
        wait(lasts).await;
        let us = item.order.from.clone().unwrap_or_else(|| POOL.to_owned());
        for text in texts {
            Box::pin(self.text_in(item.provider, &item.order.to, &us, text)).await;
        }
    }
}
