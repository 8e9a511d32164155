//! One text of ours: sent once, and when nobody knows whether it was, found out and never sent again.
use super::{
    OutreachError,
    gate::{self, Scope},
    line,
    thread::line_of,
};
use crate::{context::Context, outside::http::Exchange};
use chrono::Duration;
use shared::{
    clock::Time,
    failpoint::failpoint,
    outreach::{
        Order, Placed, What,
        agent::Channel,
        call::NotMade,
        provider::{Found, Refusal, RefusalKind},
    },
    store::{
        interactions::Interaction,
        messages::{self, Message, Sent, Source, State},
        refusals::{self, Forbids},
        suppressions::{self, Person, Reach, Suppression},
    },
};

/// How long the provider may take to take a text before our process is taken for dead.
const SENDING_PATIENCE: Duration = Duration::seconds(120);
/// How long it is tried to find out whether a text was sent.
const UNSURE_MAX: Duration = Duration::minutes(15);
/// How long a provider's list may lag behind what it was ordered: before that, its word that there is no such text is not believed.
const LIST_LAG: Duration = Duration::seconds(60);
/// How soon a provider that is too busy is asked again, unless it says so itself.
const BUSY_PAUSE: Duration = Duration::seconds(30);
/// A provider that was too busy for this long is given up.
const BUSY_MAX: Duration = Duration::hours(1);
/// Pauses between questions about a text that is on its way; after the last one nobody asks any more.
const ASK_AFTER: [Duration; 3] =
    [Duration::minutes(2), Duration::minutes(10), Duration::minutes(60)];

/// What is to be done about the thread for this text.
#[derive(Default)]
pub struct Came {
    /// Something has been learnt that its wait decides on.
    pub wakes: bool,
    pub due_at: Option<Time>,
}

impl Came {
    fn later(at: Time) -> Self {
        Self { wakes: false, due_at: Some(at) }
    }

    fn woken() -> Self {
        Self { wakes: true, due_at: None }
    }
}

/// Does what there is to do for a text of ours.
pub async fn attend(
    ctx: &Context,
    thread: &Interaction,
    message: &Message,
    now: Time,
) -> Result<Came, OutreachError> {
    match message.state {
        State::Planned if is_put_off(message, now) => {
            Ok(Came::later(message.updated_at + BUSY_PAUSE))
        }
        State::Planned => send(ctx, thread, message, now).await,
        State::Sending if now - message.updated_at < SENDING_PATIENCE => {
            Ok(Came::later(message.updated_at + SENDING_PATIENCE))
        }
        // What was lost a moment ago may not be in the provider's list yet.
        State::Unsure if now - message.updated_at < BUSY_PAUSE => {
            Ok(Came::later(message.updated_at + BUSY_PAUSE))
        }
        State::Sending | State::Unsure => find(ctx, thread, message, now).await,
        State::Accepted | State::Sent => ask(ctx, thread, message, now).await,
        State::Failed => Ok(Came { wakes: message.updated_at >= thread.updated_at, due_at: None }),
        State::Delivered | State::Received | State::HandedOn => Ok(Came::default()),
    }
}

/// The provider was too busy a moment ago, whoever rings now.
fn is_put_off(message: &Message, now: Time) -> bool {
    message.error.is_some() && now - message.updated_at < BUSY_PAUSE
}

async fn send(
    ctx: &Context,
    thread: &Interaction,
    message: &Message,
    now: Time,
) -> Result<Came, OutreachError> {
    let scope = Scope {
        channel: Channel::Sms,
        for_wait: message.source == Source::System,
        answers: message.source == Source::SmsAgent,
    };
    let gate = match gate::look(ctx, thread, scope, now).await? {
        Ok(gate) => gate,
        Err((why, sentence)) => return fail(ctx, thread, message, (why, &sentence), now).await,
    };
    let line = match line_of(ctx, thread).await? {
        Ok(line) => line,
        Err(why) => return fail(ctx, thread, message, (NotMade::Misconfigured, &why), now).await,
    };
    let Some(budgeted) = gate::reserve(ctx, &gate, scope, now).await? else {
        let why = "the campaign has used up its texts of the day";
        return fail(ctx, thread, message, (NotMade::Budget, why), now).await;
    };
    let person = ctx.secrets.person_hash(thread.workspace_id, &thread.phone, now).await?;
    if !messages::claim(&ctx.db, thread, message.id, &person, now).await? {
        gate::give_back(ctx, budgeted).await?;
        return unclaimed(ctx, thread, message, &person, now).await;
    }
    failpoint("text.before_call", &thread.phone);
    if let Some((why, sentence)) = forbidden(ctx, thread, &person).await? {
        gate::give_back(ctx, budgeted).await?;
        return fail(ctx, thread, message, (why, &sentence), ctx.clock.now()).await;
    }
    let said = speak(ctx, thread, message, &line).await;
    failpoint("text.after_call", &thread.phone);
    if matches!(said, Placed::Refused(_)) {
        gate::give_back(ctx, budgeted).await?;
    }
    settle(ctx, thread, message, said).await
}

/// What forbids the text by now: asked once more after the claim, as the last thing before the provider is.
async fn forbidden(
    ctx: &Context,
    thread: &Interaction,
    person: &str,
) -> Result<Option<gate::Shut>, OutreachError> {
    let now = ctx.clock.now();
    let forbids = refusals::of(ctx.db.write(), thread, person, Channel::Sms, now).await?;
    Ok(forbids.map(|forbids| forbids.not_made(Channel::Sms)))
}

/// Asks the provider to send the text, once.
async fn speak(
    ctx: &Context,
    thread: &Interaction,
    message: &Message,
    line: &line::Line,
) -> Placed {
    let (id, none) = (message.id.to_string(), serde_json::Map::new());
    let order = order(thread, message, (&id, &none), line);
    match line::send(ctx, line.provider.place(&order)).await {
        Exchange::Answered(answer, _) => line.provider.placed(&answer),
        Exchange::NotSent { why } if why.may_pass() => {
            Placed::Refused(Refusal { why: why.to_string(), kind: RefusalKind::Busy(None) })
        }
        Exchange::NotSent { why } => {
            Placed::Refused(Refusal { why: why.to_string(), kind: RefusalKind::Misconfigured })
        }
        Exchange::Unknown { why } => Placed::Unsure(why),
    }
}

fn order<'a>(
    thread: &'a Interaction,
    message: &'a Message,
    (id, variables): (&'a str, &'a serde_json::Map<String, serde_json::Value>),
    line: &'a line::Line,
) -> Order<'a> {
    Order {
        id,
        to: &thread.phone,
        from: thread.own_phone.as_deref(),
        text: &message.body,
        variables,
        callback: &line.callback,
        now: message.at,
    }
}

async fn settle(
    ctx: &Context,
    thread: &Interaction,
    message: &Message,
    said: Placed,
) -> Result<Came, OutreachError> {
    let now = ctx.clock.now();
    match said {
        Placed::As(reference) => {
            let sent = Sent { state: State::Accepted, reference: Some(&reference), error: None };
            if !messages::settle(&ctx.db, thread, message.id, (OPEN, sent), now).await? {
                messages::note_reference(&ctx.db, thread, message.id, &reference).await?;
            }
            Ok(Came { wakes: true, due_at: Some(now + ASK_AFTER[0]) })
        }
        Placed::Unsure(why) => {
            let sent = Sent { state: State::Unsure, reference: None, error: Some(&why) };
            messages::settle(&ctx.db, thread, message.id, (&[State::Sending], sent), now).await?;
            // For its wait it counts as sent.
            Ok(Came { wakes: true, due_at: Some(now + BUSY_PAUSE) })
        }
        Placed::Refused(refusal) => refused(ctx, thread, message, refusal, now).await,
    }
}

/// Where a text stands of which the provider has not been heard.
const OPEN: &[State] = &[State::Sending, State::Unsure];

async fn refused(
    ctx: &Context,
    thread: &Interaction,
    message: &Message,
    refusal: Refusal,
    now: Time,
) -> Result<Came, OutreachError> {
    if let RefusalKind::Busy(pause) = refusal.kind
        && now - message.at < BUSY_MAX
    {
        let error = format!("{}: {}", NotMade::Busy.word(), refusal.why);
        let sent = Sent { state: State::Planned, reference: None, error: Some(&error) };
        messages::settle(&ctx.db, thread, message.id, (OPEN, sent), now).await?;
        let pause = pause.and_then(|pause| Duration::from_std(pause).ok()).unwrap_or(BUSY_PAUSE);
        return Ok(Came::later(now + pause.clamp(BUSY_PAUSE, BUSY_MAX)));
    }
    if refusal.kind == RefusalKind::OptedOut {
        opted_out(ctx, thread, now).await?;
    }
    fail(ctx, thread, message, (refusal.kind.into(), &refusal.why), now).await
}

/// The provider knows of an opt-out that we had not heard of.
pub(super) async fn opted_out(
    ctx: &Context,
    thread: &Interaction,
    now: Time,
) -> Result<(), OutreachError> {
    let hash = ctx.secrets.person_hash(thread.workspace_id, &thread.phone, now).await?;
    let person = Person { workspace: thread.workspace_id, hash: &hash };
    let suppression = Suppression {
        channel: Reach::Sms,
        reason: suppressions::PROVIDER.into(),
        source: thread.provider.clone(),
        created_at: now,
        expires_at: None,
    };
    suppressions::add(ctx.db.write(), person, &suppression).await?;
    Ok(())
}

/// The text is surely not sent, and will not be.
async fn fail(
    ctx: &Context,
    thread: &Interaction,
    message: &Message,
    (why, sentence): (NotMade, &str),
    now: Time,
) -> Result<Came, OutreachError> {
    let error = format!("{}: {sentence}", why.word());
    let sent = Sent { state: State::Failed, reference: None, error: Some(&error) };
    let from = [State::Planned, State::Sending, State::Unsure];
    messages::settle(&ctx.db, thread, message.id, (&from, sent), now).await?;
    if why == NotMade::Misconfigured {
        line::tell_broken(ctx, thread, &error).await?;
    }
    Ok(Came::woken())
}

/// Somebody else has the text, or nobody may text the person.
async fn unclaimed(
    ctx: &Context,
    thread: &Interaction,
    message: &Message,
    person: &str,
    now: Time,
) -> Result<Came, OutreachError> {
    let texts = messages::of_thread(&ctx.db, thread.workspace_id, thread.id).await?;
    let is = texts.iter().find(|text| text.id == message.id);
    if is.is_none_or(|is| is.state != State::Planned) {
        return Ok(Came::default());
    }
    let shut = forbidden(ctx, thread, person).await?;
    let (why, sentence) = shut.unwrap_or_else(|| Forbids::Suppressed.not_made(Channel::Sms));
    fail(ctx, thread, message, (why, &sentence), now).await
}

/// A text that may have been sent is looked for. It is never sent again: twice is worse than not at all.
async fn find(
    ctx: &Context,
    thread: &Interaction,
    message: &Message,
    now: Time,
) -> Result<Came, OutreachError> {
    let found = match line_of(ctx, thread).await? {
        Ok(line) => search(ctx, thread, message, &line).await,
        Err(_) => Found::NotSure,
    };
    let found = super::not_anothers(ctx, thread, found).await?;
    match found {
        Found::As(reference) => settle(ctx, thread, message, Placed::As(reference)).await,
        Found::No if now - message.updated_at < LIST_LAG => Ok(Came::later(now + BUSY_PAUSE)),
        Found::No => {
            fail(ctx, thread, message, (NotMade::Lost, "the provider has no such text"), now).await
        }
        Found::NotSure => {
            let why = "nobody knows whether it was sent";
            let sent = Sent { state: State::Unsure, reference: None, error: Some(why) };
            let wakes =
                messages::settle(&ctx.db, thread, message.id, (&[State::Sending], sent), now)
                    .await?;
            let given_up = now - message.at >= UNSURE_MAX;
            Ok(Came { wakes, due_at: (!given_up).then_some(now + BUSY_PAUSE) })
        }
    }
}

async fn search(
    ctx: &Context,
    thread: &Interaction,
    message: &Message,
    line: &line::Line,
) -> Found {
    let (id, none) = (message.id.to_string(), serde_json::Map::new());
    let order = order(thread, message, (&id, &none), line);
    let Some(wire) = line.provider.find(&order) else { return Found::NotSure };
    match line::send(ctx, wire).await {
        Exchange::Answered(answer, _) => line.provider.found(&answer, &order),
        Exchange::NotSent { .. } | Exchange::Unknown { .. } => Found::NotSure,
    }
}

/// Asks what became of a text whose provider has been silent.
async fn ask(
    ctx: &Context,
    thread: &Interaction,
    message: &Message,
    now: Time,
) -> Result<Came, OutreachError> {
    let age = now - message.at;
    let Some(next) = ASK_AFTER.into_iter().find(|after| age < *after) else {
        return Ok(Came::default());
    };
    if next == ASK_AFTER[0] {
        return Ok(Came::later(message.at + next));
    }
    let told = match (line_of(ctx, thread).await?, &message.reference) {
        (Ok(line), Some(reference)) => told(ctx, &line, reference).await,
        _ => Vec::new(),
    };
    for heard in told {
        let What::Status { status, error } = heard else { continue };
        let Some(state) = message.state.after(status) else { continue };
        let sent = Sent { state, reference: None, error: error.as_deref() };
        messages::settle(&ctx.db, thread, message.id, (&[message.state], sent), now).await?;
        return Ok(Came { wakes: state == State::Failed, due_at: Some(message.at + next) });
    }
    Ok(Came::later(message.at + next))
}

async fn told(ctx: &Context, line: &line::Line, reference: &str) -> Vec<What> {
    let Some(wire) = line.provider.ask(reference, ctx.clock.now()) else { return Vec::new() };
    match line::send(ctx, wire).await {
        Exchange::Answered(answer, _) => {
            line.provider.told(&answer).into_iter().map(|heard| heard.what).collect()
        }
        Exchange::NotSent { .. } | Exchange::Unknown { .. } => Vec::new(),
    }
}
