//! Circuit breakers in a worker: who may deliver now, and what an exchange says of its endpoint.
//!
//! The database holds them for the whole installation. Each process reads once a second which are not at rest, so a delivery to an
//! endpoint that is well costs no statement. A change is stored over the version that it was made from, so exactly one worker
//! becomes the probe, and nobody opens or closes what has changed meanwhile.
use chrono::Duration;
use shared::{
    breaker::{Admission, Breaker, Cause, Phase, Policy, Sign},
    clock::Time,
    store::{
        Db, StoreError,
        breakers::{self, Change, Place},
        close::Outcome,
        notices::{Kind, Notice},
    },
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How old what is known of other workers' changes may be.
const FRESH: Duration = Duration::seconds(1);
/// What a probe has beyond its endpoint's own time before another one may be made: its worker died.
const PROBE_GRACE: Duration = Duration::seconds(60);
/// How often a change is made again over what somebody else stored meanwhile.
const TRIES: usize = 4;

/// What this process knows of all breakers.
#[derive(Debug, Clone)]
pub struct Breakers {
    db: Db,
    known: Arc<Mutex<Known>>,
    /// One change at a time, so that deliveries that fail together do not make each other's changes void.
    changing: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct Known {
    /// When it was read last, or is being read.
    read_at: Option<Time>,
    /// It was read at least once: before that nothing is known of any endpoint.
    is_read: bool,
    /// Breakers that are not at rest; any other is well.
    troubled: HashMap<Place, Breaker>,
    /// Refusals in a row that this process has seen.
    rejects: HashMap<Place, i64>,
    /// Probes that were taken here and sent nothing: the next delivery is the probe.
    spare: HashMap<Place, i64>,
}

/// The right to deliver.
#[derive(Debug)]
pub struct Pass {
    breakers: Breakers,
    place: Place,
    /// The version that this probe made, if it is one.
    probe: Option<i64>,
}

/// A probe that sends nothing is handed to the next delivery.
impl Drop for Pass {
    fn drop(&mut self) {
        if let Some(version) = self.probe.take() {
            self.breakers.known().spare.insert(self.place.clone(), version);
        }
    }
}

/// Whether a delivery may go out now.
#[derive(Debug)]
pub enum Answer {
    Go(Pass),
    /// Another delivery probes, until then at most.
    Probed(Time),
    Wait(Time),
}

/// What an exchange showed, to be told once it is on disk.
#[derive(Debug)]
pub struct Seen {
    pub pass: Pass,
    pub policy: Policy,
    pub sign: Sign,
    /// What went wrong, if something did.
    pub why: Option<String>,
    /// The endpoint and its campaign, for people.
    pub names: (String, String),
    pub at: Time,
}

/// What an attempt's outcome says of its endpoint.
pub fn sign(outcome: Outcome) -> Sign {
    match outcome {
        Outcome::Accepted => Sign::Taken,
        Outcome::Duplicate => Sign::Answered,
        Outcome::Rejected | Outcome::Unclassified => Sign::Refused,
        Outcome::Failed | Outcome::Unknown => Sign::Broken,
    }
}

impl Breakers {
    pub fn new(db: Db) -> Self {
        Self { db, known: Arc::default(), changing: Arc::default() }
    }

    /// What is known of an endpoint without asking; the second half of [`Breakers::admit`] may still say otherwise.
    pub async fn look(&self, place: &Place, now: Time) -> Admission {
        self.refresh(now).await;
        let known = self.known();
        let breaker = known.of(place);
        match breaker.admit(now) {
            Admission::Probed(_) if known.spare.get(place) == Some(&breaker.version) => {
                Admission::Probe
            }
            admission => admission,
        }
    }

    /// Whether a delivery that takes `time` at most may go out now. Makes it the probe when there must be one.
    pub async fn admit(
        &self,
        place: Place,
        time: Duration,
        now: Time,
    ) -> Result<Answer, StoreError> {
        for _ in 0..TRIES {
            let breaker = self.known().of(&place);
            if self.known().take_spare(&place, breaker.version) {
                return Ok(self.pass(place, Some(breaker.version)));
            }
            match breaker.admit(now) {
                Admission::Go => return Ok(self.pass(place, None)),
                Admission::Wait(until) => return Ok(Answer::Wait(until)),
                Admission::Probed(until) => return Ok(Answer::Probed(until)),
                Admission::Probe => {}
            }
            let to = breaker.probing(now + time + PROBE_GRACE);
            let place_of = &place;
            let change =
                Change { place: place_of, from: breaker, to, error: None, notice: None, at: now };
            let _turn = self.changing.lock().await;
            if breakers::change(&self.db, &change).await? {
                self.known().note(&place, to);
                return Ok(self.pass(place, Some(to.version)));
            }
            self.read_again(&place).await?;
        }
        // It changes all the time: somebody probes.
        Ok(Answer::Probed(now + PROBE_GRACE))
    }

    fn pass(&self, place: Place, probe: Option<i64>) -> Answer {
        Answer::Go(Pass { breakers: self.clone(), place, probe })
    }

    /// Notes what an exchange showed. A breaker protects, it decides on no lead: when the database is away, it goes without.
    pub async fn observe(&self, mut seen: Seen) {
        let probe = seen.pass.probe.take();
        if let Err(error) = self.noted(&seen, probe).await {
            tracing::warn!(endpoint = seen.pass.place.endpoint, %error, "a breaker could not be changed");
        }
    }

    async fn noted(&self, seen: &Seen, probe: Option<i64>) -> Result<(), StoreError> {
        if self.counted(seen, probe) {
            return Ok(());
        }
        let place = &seen.pass.place;
        let _turn = self.changing.lock().await;
        for _ in 0..TRIES {
            let from = self.known().of(place);
            let to = from.observe(seen.policy, seen.sign, probe, seen.at);
            if to.version == from.version {
                self.known().count(place, to.rejects);
                return Ok(());
            }
            let bad = matches!(seen.sign, Sign::Broken | Sign::Refused);
            let error = seen.why.as_deref().filter(|_| bad);
            let notice = told(seen, from, to);
            let change = Change { place, from, to, error, notice, at: seen.at };
            if breakers::change(&self.db, &change).await? {
                self.known().note(place, to);
                return Ok(());
            }
            self.read_again(place).await?;
        }
        Ok(())
    }

    /// The usual case: nothing has to be stored.
    fn counted(&self, seen: &Seen, probe: Option<i64>) -> bool {
        let mut known = self.known();
        let from = known.of(&seen.pass.place);
        let to = from.observe(seen.policy, seen.sign, probe, seen.at);
        if to.version == from.version && to.rejects != from.rejects {
            known.count(&seen.pass.place, to.rejects);
        }
        to.version == from.version
    }

    /// Reads what the others have changed, unless that was done within a second. Only the caller that reads waits for it, but for
    /// the first time, when everybody does.
    async fn refresh(&self, now: Time) {
        let is_first = {
            let mut known = self.known();
            let fresh = known.read_at.is_some_and(|at| at <= now && now < at + FRESH);
            if fresh && known.is_read {
                return;
            }
            known.read_at = Some(now);
            !known.is_read
        };
        let _turn = self.changing.lock().await;
        if is_first && self.known().is_read {
            return; // somebody else has just done it
        }
        match breakers::troubled(&self.db).await {
            Ok(rows) => {
                let mut known = self.known();
                known.is_read = true;
                known.troubled =
                    rows.into_iter().map(|row| (place_of(&row), row.breaker())).collect();
            }
            Err(error) => {
                tracing::warn!(%error, "which endpoints are left alone is not known anew");
            }
        }
    }

    async fn read_again(&self, place: &Place) -> Result<(), StoreError> {
        let row = breakers::get(&self.db, place).await?;
        let breaker = row.map_or(Breaker::WELL, |row| row.breaker());
        self.known().troubled.insert(place.clone(), breaker);
        Ok(())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn of(&self, place: &Place) -> Breaker {
        let stored = self.troubled.get(place).copied().unwrap_or(Breaker::WELL);
        let rejects =
            if stored.phase == Phase::Closed { self.rejects.get(place).copied() } else { None };
        Breaker { rejects: rejects.unwrap_or(0), ..stored }
    }

    fn note(&mut self, place: &Place, breaker: Breaker) {
        self.count(place, breaker.rejects);
        // One that is well again is kept until the next reading: its version is what the next change is made from.
        self.troubled.insert(place.clone(), breaker);
    }

    fn count(&mut self, place: &Place, rejects: i64) {
        if rejects == 0 {
            self.rejects.remove(place);
        } else {
            self.rejects.insert(place.clone(), rejects);
        }
    }

    fn take_spare(&mut self, place: &Place, version: i64) -> bool {
        match self.spare.remove(place) {
            Some(spare) if spare == version => true,
            // Its time is over, and another probe was made.
            _ => false,
        }
    }
}

fn place_of(row: &breakers::BreakerRow) -> Place {
    Place { workspace: row.workspace_id, campaign: row.campaign_id, endpoint: row.endpoint.clone() }
}

/// What people are told of a change: that it opened, opened again, or closed.
fn told(seen: &Seen, from: Breaker, to: Breaker) -> Option<Notice> {
    let place = &seen.pass.place;
    let (endpoint, campaign) = &seen.names;
    let (kind, word, message) = match (from.phase, to.phase) {
        (_, Phase::Open) => {
            let until = to.retry_at.map(|at| (at - seen.at).num_seconds()).unwrap_or_default();
            let what = match to.cause {
                Some(Cause::Rejects) => format!("refused {} leads in a row", seen.policy.rejects),
                _ if from.phase == Phase::Closed => {
                    format!("failed {} times in a row", seen.policy.failures)
                }
                _ => "failed the probe".to_owned(),
            };
            let message =
                format!("{endpoint} of {campaign} {what}: it is left alone for {until} s");
            (Kind::BreakerOpened, "breaker_opened", message)
        }
        (Phase::Open | Phase::HalfOpen, Phase::Closed) => {
            let message = format!("{endpoint} of {campaign} takes leads again");
            (Kind::BreakerClosed, "breaker_closed", message)
        }
        _ => return None,
    };
    Some(Notice {
        workspace: place.workspace,
        campaign: Some(place.campaign),
        kind,
        subject: format!("{word}:{}:{}:{}", place.campaign, place.endpoint, to.version),
        message,
        details: Some(serde_json::json!({
            "endpointId": place.endpoint,
            "cause": to.cause.or(from.cause),
            "openings": to.openings,
            "until": to.retry_at,
            "lastError": seen.why,
        })),
        at: seen.at,
    })
}
