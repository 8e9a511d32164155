//! A call or a text: how it was ordered and how far it has come.
use crate::{
    account::Provider,
    script::{Ending, Fate, Script},
    time::Time,
};
use chrono::TimeDelta;
use serde_json::{Map, Value};
use uuid::Uuid;

/// A create request that was read and found in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Order {
    pub ours: Option<String>,
    /// E.164.
    pub to: String,
    pub from: Option<String>,
    pub text: String,
    pub variables: Value,
    pub callback: Option<String>,
    pub credentials: Option<String>,
    /// The key alone, where it also signs webhooks.
    pub key: Option<String>,
    /// The same again is the same call.
    pub idempotency: Option<String>,
    pub body: Value,
}

/// A call or a text.
#[derive(Debug, Clone)]
pub struct Item {
    /// The provider's id.
    pub id: String,
    pub provider: Provider,
    /// A text from a person.
    pub inbound: bool,
    pub(crate) order: Order,
    pub script: Script,
    pub stage: Stage,
    pub created: Time,
    pub changed: Time,
    /// When somebody picked up; when the text was sent.
    pub started: Option<Time>,
    pub ended: Option<Time>,
    pub(crate) answers: Map<String, Value>,
}

/// How far a call or a text has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    Queued,
    /// It rings or somebody speaks; the text was sent.
    Underway,
    /// Hung up; the text was delivered or not.
    Ended,
    /// The conversation was analysed. Calls only.
    Analysed,
}

/// Why nothing was placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Broken,
    Busy,
    Invalid,
    OptedOut,
}

impl Item {
    /// What was sent, or what the agent was told.
    pub fn text(&self) -> &str {
        &self.order.text
    }

    pub(crate) fn ending(&self) -> Ending {
        self.script.ending
    }

    /// What the analysis brought to light; empty before.
    pub(crate) fn extracted(&self) -> Map<String, Value> {
        match self.ended {
            Some(ended) if self.stage == Stage::Analysed => {
                self.ending().extracted(&self.answers, ended)
            }
            _ => Map::new(),
        }
    }

    /// The next stage, unless this was the last one.
    pub(crate) fn next(&self) -> Option<Stage> {
        let stays = match self.provider.texts() {
            true => self.script.fate == Fate::Sent,
            false => self.ending() == Ending::Never,
        };
        match self.stage {
            Stage::Queued => Some(Stage::Underway),
            Stage::Underway if !stays => Some(Stage::Ended),
            Stage::Ended if !self.provider.texts() => Some(Stage::Analysed),
            _ => None,
        }
    }

    pub(crate) fn enter(&mut self, stage: Stage, now: Time) {
        self.stage = stage;
        self.changed = now;
        match stage {
            Stage::Underway => self.started = Some(now),
            Stage::Ended => {
                self.ended = Some(now);
                if !self.provider.texts() {
                    self.started = Some(now - TimeDelta::seconds(self.ending().seconds()));
                }
            }
            Stage::Queued | Stage::Analysed => {}
        }
    }
}

/// An id of the form that the provider gives.
pub(crate) fn id_of(provider: Provider) -> String {
    let id = Uuid::now_v7();
    let plain = id.simple();
    match provider {
        Provider::Twilio => format!("SM{plain}"),
        Provider::Vonage | Provider::Vapi | Provider::Bland => id.to_string(),
        Provider::Retell => format!("call_{plain}"),
        Provider::ElevenLabs => format!("conv_{plain}"),
        Provider::Generic => format!("order_{plain}"),
    }
}
