//! The memory that all fake providers share: what was ordered, what became of it, which webhooks were sent.
use crate::{
    account::{Account, Provider},
    brain::Action,
    callback::Sent,
    item::{Item, Order, Refusal, Stage, id_of},
    script::{Door, Script},
    time::{Clock, Time},
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How long calls last and texts travel, unless set otherwise.
pub const LASTS: Duration = Duration::from_millis(6);

/// All fake providers' memory. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Fake {
    memory: Arc<Mutex<Memory>>,
    pub(crate) client: crate::callback::Client,
}

#[derive(Debug)]
struct Memory {
    settings: Settings,
    accounts: HashMap<Provider, Account>,
    items: Vec<Item>,
    /// Where in `items` an id is.
    places: HashMap<String, usize>,
    placed: Vec<Placed>,
    webhooks: Vec<Sent>,
    actions: Vec<Action>,
    /// Whom 0117 has put off once.
    put_off: HashSet<(Provider, String)>,
    /// Who has opted out with the provider.
    opted_out: HashSet<(Provider, String)>,
}

/// How the fakes go about it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long a call lasts, from the order to its analysis; how long a text travels.
    pub lasts: Duration,
    /// Nothing happens by itself: a test drives by [`Fake::send_webhooks_of`] and [`Fake::end`].
    pub hold: bool,
    /// What qualified people answer.
    pub answers: Map<String, Value>,
    pub clock: Clock,
}

impl Default for Memory {
    fn default() -> Self {
        let answers = Map::from_iter([("homeowner".to_owned(), json!("yes"))]);
        Self {
            settings: Settings { lasts: LASTS, hold: false, answers, clock: Clock::default() },
            accounts: HashMap::new(),
            items: Vec::new(),
            places: HashMap::new(),
            placed: Vec::new(),
            webhooks: Vec::new(),
            actions: Vec::new(),
            put_off: HashSet::new(),
            opted_out: HashSet::new(),
        }
    }
}

/// A create request that was in order, as it was received.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Placed {
    pub provider: Provider,
    /// Our own id, where the request carried one.
    pub ours: Option<String>,
    /// E.164.
    pub to: String,
    pub from: Option<String>,
    /// The text, or what the agent is told.
    pub text: String,
    pub variables: Value,
    /// The header that says who orders.
    pub credentials: Option<String>,
    pub at: Time,
    /// The whole body; a form as an object.
    pub body: Value,
    /// What came of it: the id under which it was placed.
    pub reference: Option<String>,
}

impl Fake {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says how a provider's account is set. Replaces what was said before.
    pub fn account(&self, provider: Provider, account: Account) {
        self.memory().accounts.insert(provider, account);
    }

    pub fn account_of(&self, provider: Provider) -> Account {
        self.memory().accounts.get(&provider).cloned().unwrap_or_default()
    }

    pub fn settings(&self) -> Settings {
        self.memory().settings.clone()
    }

    /// How long calls last and texts travel.
    pub fn lasts(&self, lasts: Duration) {
        self.memory().settings.lasts = lasts;
    }

    /// From now on nothing happens by itself.
    pub fn hold(&self) {
        self.memory().settings.hold = true;
    }

    /// From now on everything happens by itself again; what was ordered meanwhile stays.
    pub fn release(&self) {
        self.memory().settings.hold = false;
    }

    /// What qualified people answer from now on.
    pub fn answers(&self, answers: Map<String, Value>) {
        self.memory().settings.answers = answers;
    }

    pub fn clock(&self, clock: Clock) {
        self.memory().settings.clock = clock;
    }

    /// Every create request that was in order, as received, in order.
    pub fn placed(&self) -> Vec<Placed> {
        self.memory().placed.clone()
    }

    /// Every attempt at a webhook, in the order in which the answers came.
    pub fn webhooks(&self) -> Vec<Sent> {
        self.memory().webhooks.clone()
    }

    /// Every request to a webhook action or an SMS brain, in order.
    pub fn actions(&self) -> Vec<Action> {
        self.memory().actions.clone()
    }

    /// All calls and texts, in order.
    pub fn items(&self) -> Vec<Item> {
        self.memory().items.clone()
    }

    /// A call or text by the provider's id.
    pub fn item(&self, id: &str) -> Option<Item> {
        let memory = self.memory();
        memory.places.get(id).map(|at| memory.items[*at].clone())
    }

    pub(crate) fn items_of(&self, provider: Provider) -> Vec<Item> {
        self.items().into_iter().filter(|item| item.provider == provider).collect()
    }

    pub(crate) fn item_of(&self, provider: Provider, id: &str) -> Option<Item> {
        self.item(id).filter(|item| item.provider == provider)
    }

    pub(crate) fn now(&self) -> Time {
        self.memory().settings.clock.now()
    }

    pub(crate) fn sent(&self, sent: Sent) {
        self.memory().webhooks.push(sent);
    }

    /// Keeps the action; says how many of its path came before.
    pub(crate) fn acted(&self, action: Action) -> usize {
        let mut memory = self.memory();
        let before = memory.actions.iter().filter(|known| known.path == action.path).count();
        memory.actions.push(action);
        before
    }

    /// The person takes the opt-out back, or opts out.
    pub(crate) fn opt(&self, provider: Provider, person: &str, out: bool) {
        let person = (provider, person.to_owned());
        let opted_out = &mut self.memory().opted_out;
        if out {
            opted_out.insert(person)
        } else {
            opted_out.remove(&person)
        };
    }

    /// The next stage of a call or text, if there is one.
    pub(crate) fn advance(&self, id: &str) -> Option<Item> {
        let mut memory = self.memory();
        let now = memory.settings.clock.now();
        let at = *memory.places.get(id)?;
        let item = &mut memory.items[at];
        let next = item.next()?;
        item.enter(next, now);
        Some(item.clone())
    }

    /// Takes an order in, as the number's script wants it. False with it: it was ordered before, under the same idempotency key.
    pub(crate) fn take(&self, provider: Provider, order: Order) -> Result<(Item, bool), Refusal> {
        let mut memory = self.memory();
        let now = memory.settings.clock.now();
        let script = Script::of(&order.to);
        let same = order.idempotency.as_ref().and_then(|key| {
            let same = |item: &&Item| {
                item.provider == provider && item.order.idempotency.as_ref() == Some(key)
            };
            memory.items.iter().find(same).cloned()
        });
        if let Some(same) = same {
            memory.placed.push(placed(provider, &order, now, Some(same.id.clone())));
            return Ok((same, false));
        }
        let person = (provider, order.to.clone());
        let out = provider == Provider::Twilio
            && (script.door == Door::OptedOut || memory.opted_out.contains(&person));
        let refusal = match script.door {
            _ if out => Some(Refusal::OptedOut),
            Door::Broken => Some(Refusal::Broken),
            Door::Invalid => Some(Refusal::Invalid),
            Door::BusyOnce if memory.put_off.insert(person) => Some(Refusal::Busy),
            _ => None,
        };
        if let Some(refusal) = refusal {
            memory.placed.push(placed(provider, &order, now, None));
            return Err(refusal);
        }
        let item = memory.item(provider, order, now);
        memory.placed.push(placed(provider, &item.order, now, Some(item.id.clone())));
        memory.keep(item.clone());
        Ok((item, true))
    }

    /// A person's text: kept, not yet told.
    pub(crate) fn receive(&self, provider: Provider, order: Order) -> Item {
        let mut memory = self.memory();
        let now = memory.settings.clock.now();
        let mut item = memory.item(provider, order, now);
        item.inbound = true;
        item.enter(Stage::Underway, now);
        item.enter(Stage::Ended, now);
        memory.keep(item.clone());
        item
    }
}

impl Memory {
    fn keep(&mut self, item: Item) {
        self.places.insert(item.id.clone(), self.items.len());
        self.items.push(item);
    }

    fn item(&self, provider: Provider, order: Order, now: Time) -> Item {
        Item {
            id: id_of(provider),
            provider,
            inbound: false,
            script: Script::of(&order.to),
            order,
            stage: Stage::Queued,
            created: now,
            changed: now,
            started: None,
            ended: None,
            answers: self.settings.answers.clone(),
        }
    }
}

fn placed(provider: Provider, order: &Order, at: Time, reference: Option<String>) -> Placed {
    Placed {
        provider,
        ours: order.ours.clone(),
        to: order.to.clone(),
        from: order.from.clone(),
        text: order.text.clone(),
        variables: order.variables.clone(),
        credentials: order.credentials.clone(),
        at,
        body: order.body.clone(),
        reference,
    }
}
