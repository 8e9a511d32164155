//! A submission on its way through stages inside one worker: verdicts in, one close out.
use crate::breaker::Seen;
use chrono::Duration;
use serde_json::{Map, Value};
use shared::{
    campaign::Campaign,
    clock::Time,
    ids::{ParkId, SubmissionId},
    moves::fingerprint,
    stages::{Change, Verdict},
    store::{
        StoreError,
        close::{AttemptEnd, Event as Line, NewChild, NewPark, ParkEnd, Reach},
        load::Loaded,
    },
    submission::{Carry, End, Event, IllegalMove, Stage, State, Status, carry::Waits},
    value_set::Sets,
    view,
};
use std::{borrow::Cow, sync::Arc};

mod close;

/// Moves that one close holds, at most; a trip has far fewer.
const LINES: usize = 10;

/// A submission between load and close.
pub struct Trip {
    pub loaded: Box<Loaded>,
    pub campaign: Arc<Campaign>,
    pub state: State,
    pub generation: i64,
    pub attempt: i64,
    pub carry: Carry,
    /// It may hold places under caps.
    pub capped: bool,
    /// What the exchange showed of the endpoint; told once its outcome is on disk.
    pub seen: Option<Seen>,
    /// The open stage waits for its time without having been tried.
    waits: bool,
    /// The lead view, made when a stage first asks for it and thrown away when what it shows has changed.
    view: Option<Value>,
    /// The value sets that the campaign names, empty until a stage asks for them: the same ones for the whole trip.
    pub sets: Sets,
    /// What the next close says beside the state.
    notes: Notes,
    lines: Vec<Line>,
}

#[derive(Default)]
struct Notes {
    end: Option<End>,
    reason: Option<(Cow<'static, str>, String)>,
    due_at: Option<Time>,
    shown: Option<Status>,
    extend: Option<Time>,
    learnt: Map<String, Value>,
    park: Option<NewPark>,
    reach: Option<Reach>,
    unpark: Option<ParkEnd>,
    attempt: Option<AttemptEnd>,
    child: Option<NewChild>,
    fingerprint: Option<String>,
}

/// When things are due again if nothing happens.
#[derive(Debug, Clone, Copy)]
pub struct Delays {
    /// A job that was pushed and not heard of.
    pub redelivery: Duration,
}

impl Trip {
    pub fn new(loaded: Box<Loaded>, campaign: Arc<Campaign>) -> Result<Self, StoreError> {
        let notes = Notes {
            end: loaded.outcome,
            reason: loaded.reason_code.clone().map(Cow::Owned).zip(loaded.reason.clone()),
            ..Notes::default()
        };
        Ok(Self {
            campaign,
            state: loaded.state()?,
            generation: loaded.generation,
            attempt: loaded.attempt,
            carry: loaded.carry.0.clone(),
            capped: false,
            seen: None,
            waits: false,
            view: None,
            sets: Sets::new(),
            notes,
            lines: Vec::with_capacity(LINES),
            loaded,
        })
    }

    /// The stage that is open, or that the submission is parked at.
    pub fn stage(&self) -> Stage {
        match self.state {
            State::InStage(stage) | State::Failed(stage) => stage,
            State::Parked => Stage::FirstAction,
            State::Held | State::Queued => Stage::Delivery,
            State::Finished => self.loaded.stage,
        }
    }

    /// How the submission ends unless a fallback takes the lead.
    pub fn end(&self) -> Option<End> {
        self.notes.end
    }

    pub fn id(&self) -> SubmissionId {
        self.loaded.id
    }

    /// Makes the lead view if it is not there, and hands it out.
    pub fn look(&mut self, now: Time) -> &Value {
        self.view.get_or_insert_with(|| view::of(&self.loaded, &self.campaign, now))
    }

    /// The lead view that [`Trip::look`] made.
    pub fn view(&self) -> &Value {
        self.view.as_ref().unwrap_or(&Value::Null)
    }

    /// From here on another campaign revision applies.
    pub fn turn_to(&mut self, campaign: Arc<Campaign>) {
        self.campaign = campaign;
        self.view = None;
        self.sets.clear();
    }

    /// The moves since the last close.
    pub fn moves(&self) -> usize {
        self.lines.len()
    }

    /// Spreads what submissions do at the same time; the same for one submission every time.
    pub fn seed(&self) -> u64 {
        self.loaded.id.0.as_u128() as u64
    }

    /// Whether the open stage waits for its time without having been tried.
    pub fn waits(&self) -> bool {
        self.waits
    }

    /// How long the open stage waits before it is tried again.
    pub fn pause(&self, now: Time) -> std::time::Duration {
        self.notes.due_at.map(|due| (due - now).to_std().unwrap_or_default()).unwrap_or_default()
    }

    /// Notes how an attempt ended; it is written with the next close.
    pub fn attempted(&mut self, end: AttemptEnd) {
        self.notes.attempt = Some(end);
    }

    /// Takes a stage's verdict: a move, a line of the journey, and what it changes.
    pub fn take(
        &mut self,
        verdict: Verdict,
        took: std::time::Duration,
        now: Time,
    ) -> Result<(), IllegalMove> {
        let stage = self.stage();
        let (from, ended) = (self.state, self.notes.end);
        self.state = from.on(verdict.event)?;
        self.generation += 1;
        self.lines.push(Line {
            generation: self.generation,
            stage: stage.name(),
            verdict: word(verdict.event),
            reason_code: verdict.code.clone(),
            reason: verdict.reason.clone(),
            attempt: self.attempt,
            details: verdict.details,
            duration_us: i64::try_from(took.as_micros()).unwrap_or(i64::MAX),
            at: now,
        });
        self.waits = matches!(verdict.change, Change::NotBefore(_));
        self.attempt = match verdict.event {
            Event::Again if self.waits => self.attempt,
            Event::Again if from != State::Parked => self.attempt + 1,
            _ => 0,
        };
        self.notes.due_at = None;
        if from == State::Parked && self.state != State::Parked {
            let resolution = resolution(verdict.event, &verdict.change);
            let by = decider(&verdict.code);
            self.notes.unpark = Some(ParkEnd { resolution, by, decider: None, reason: None });
        }
        let event = verdict.event;
        match event {
            Event::Passed | Event::HandedOn | Event::NobodyLeft => {}
            Event::Stuck => {
                self.notes.fingerprint = Some(fingerprint(stage, &verdict.code, &verdict.reason));
                self.notes.reason = Some((verdict.code, verdict.reason));
            }
            _ => self.notes.reason = Some((verdict.code, verdict.reason)),
        }
        self.change(verdict.change, now);
        let (was, is) = (Status::of(from, ended), Status::of(self.state, self.notes.end));
        if was.may_become(is) { Ok(()) } else { Err(IllegalMove { from, event }) }
    }

    /// What the action brought to light counts from now on.
    fn learn(&mut self, answers: Map<String, Value>) {
        self.loaded.carry.0.answers.extend(answers.clone());
        self.carry.answers.extend(answers.clone());
        self.notes.learnt.extend(answers);
        self.view = None;
    }

    /// It waits on; what is said of the wait is kept, so that it is not said twice.
    fn wait(
        &mut self,
        (until, shown): (Time, Status),
        deadline: Option<Time>,
        reach: Option<Box<Reach>>,
        now: Time,
    ) {
        self.notes.extend = deadline;
        // It is looked at once more: what was learnt while this was decided has rung a bell that nobody heard.
        self.notes.due_at = Some(if reach.is_none() { now } else { until });
        self.notes.shown = Some(shown);
        self.notes.reach = reach.map(|reach| *reach);
        self.carry.waits = Some(Waits { until, shown });
    }

    fn change(&mut self, change: Change, now: Time) {
        match change {
            Change::Nothing => {}
            Change::Campaign { id, revision } => {
                self.carry.routed_from.push(self.loaded.campaign_id);
                self.loaded.campaign_id = id;
                self.loaded.revision = revision;
            }
            Change::Computed(computed) => {
                if let Some(view) = &mut self.view {
                    view::set(view, "computed", Value::Object(computed.clone()));
                }
                self.loaded.carry.0.computed = computed.clone();
                self.carry.computed = computed;
            }
            Change::Canonical(canonical) => {
                if let Some(view) = &mut self.view {
                    for (path, value) in &canonical {
                        view::set(view, path, value.clone());
                    }
                }
                self.loaded.carry.0.canonical = canonical.clone();
                self.carry.canonical = canonical;
            }
            Change::Payload { first, later } => {
                self.carry.payload = Some(*first);
                self.carry.later = later;
            }
            Change::NextEndpoint => {
                self.carry.turn_to_next_endpoint();
            }
            Change::End(end) => self.notes.end = Some(end),
            Change::Overflow(overflow) => {
                self.notes.end = Some(End::NoRoom);
                self.carry.overflow = Some(overflow);
            }
            Change::Queue { until } => self.queue(until),
            Change::Later(pause) => self.notes.due_at = after(now, pause),
            Change::NotBefore(due) => self.notes.due_at = Some(due),
            Change::Park { kind, deadline, on_deadline, review } => {
                let id = ParkId::new();
                self.notes.park = Some(NewPark { id, kind, deadline, on_deadline, review });
                self.carry.waits = None;
            }
            Change::StartOver => self.carry.rounds += 1,
            Change::Answers(answers) => self.learn(answers),
            Change::Wait { until, shown, deadline, reach } => {
                self.wait((until, shown), deadline, reach, now);
            }
            Change::SeekFallback(end) => {
                self.notes.end = Some(end);
                self.carry.seeks_fallback = true;
            }
            Change::Child { id, revision } => self.child(id, revision, now),
        }
    }

    /// It waits for room; how it would have ended is of no account any more.
    fn queue(&mut self, until: Time) {
        self.notes.end = None;
        self.notes.due_at = Some(until);
        self.carry.overflow = None;
    }

    fn child(&mut self, campaign: shared::ids::CampaignId, revision: i64, now: Time) {
        let mut carry = Carry { fallen_from: self.carry.fallen_from.clone(), ..Carry::default() };
        carry.fallen_from.push(self.loaded.campaign_id);
        self.notes.child = Some(NewChild {
            id: SubmissionId::new(),
            lead: self.loaded.lead_id,
            root: self.loaded.parent_id.unwrap_or(self.loaded.id),
            campaign,
            revision,
            carry,
            reason: format!("fallback of {}", self.loaded.id),
            due_at: now,
        });
    }

    /// The submission that a fallback verdict opened.
    pub fn opened(&self) -> Option<SubmissionId> {
        self.notes.child.as_ref().map(|child| child.id)
    }
}

/// The time after a pause; none when it is beyond all times.
fn after(now: Time, pause: std::time::Duration) -> Option<Time> {
    now.checked_add_signed(Duration::from_std(pause).ok()?)
}

/// The journey's word for a move.
pub fn word(event: Event) -> &'static str {
    match event {
        Event::Passed => "passed",
        Event::Again => "again",
        Event::Parked => "parked",
        Event::Waits => "waits",
        Event::Resumed => "resumed",
        Event::Refused => "refused",
        Event::Sold => "sold",
        Event::Unknown => "held",
        Event::NextEndpoint => "next_endpoint",
        Event::Queued => "queued",
        Event::Released => "released",
        Event::HandedOn => "handed_on",
        Event::NobodyLeft => "nobody_left",
        Event::Stuck => "stuck",
        Event::Retried => "retried",
        Event::Discarded => "discarded",
        Event::Withdrawn => "withdrawn",
        Event::Closed => "closed",
    }
}

/// What kind of decider ended a wait: the person who was called or texted, or the deadline.
fn decider(code: &str) -> &'static str {
    match code {
        "call_answered" => "call",
        "text_answered" => "text",
        "deadline" => "deadline",
        // Nobody is reached, or nobody may be: the action itself has come to its end.
        "no_contact" | "dnc" => "action",
        _ => "worker",
    }
}

/// How a wait ended: as its deadline says, or because the lead was withdrawn.
fn resolution(event: Event, change: &Change) -> &'static str {
    match (event, change) {
        (Event::Resumed, _) => "continue",
        (Event::Again, _) => "retry",
        (Event::Refused, Change::SeekFallback(_)) => "fallback",
        (Event::Refused, Change::End(End::Rejected)) => "reject",
        (Event::Refused, _) => "disqualify",
        _ => "withdrawn",
    }
}
