//! One call: made once, listened to, asked about when its provider is silent.
use super::{
    OutreachError, advance,
    gate::{self, Scope},
    line::{self, Line},
};
use crate::{context::Context, outside::http::Exchange};
use shared::{
    clock::Time,
    failpoint::failpoint,
    outreach::{
        CallOutcome, Heard, Order, What,
        agent::Channel,
        call::{self, NotMade, PLACING_PATIENCE},
        provider::Found,
    },
    store::{
        calls, inbound,
        interactions::{self, Interaction, Move, State},
        refusals::{self, Forbids},
    },
};
use uuid::Uuid;

/// What is looked at before a call is made.
const SCOPE: Scope = Scope { channel: Channel::Voice, for_wait: true, answers: false };

/// Does what there is to do for a call.
pub async fn attend(ctx: &Context, call: Interaction) -> Result<(), OutreachError> {
    let now = ctx.clock.now();
    let events = events(ctx, &call).await?;
    let under_way = call.state == State::Placing && now - call.updated_at < PLACING_PATIENCE;
    if !events.is_empty() && !under_way {
        return hear(ctx, &call, &events, now).await;
    }
    if !call::is_ripe(&call, now) {
        return Ok(());
    }
    match call.state {
        State::Planned => place(ctx, call, now).await,
        State::Placing => write(ctx, &call, call::abandoned(&call, now), now).await,
        State::InProgress => ask(ctx, &call, now).await,
        State::Unsure => find(ctx, &call, now).await,
        State::Ended | State::NotPlaced | State::Open | State::Closed => Ok(()),
    }
}

async fn events(ctx: &Context, call: &Interaction) -> Result<Vec<(Uuid, Heard)>, OutreachError> {
    let references: Vec<&str> = call.reference.as_deref().into_iter().collect();
    let unread = inbound::unread(&ctx.db, call, &references).await?;
    Ok(unread.into_iter().map(|event| (event.id, event.heard.0)).collect())
}

async fn write(
    ctx: &Context,
    call: &Interaction,
    to: Move,
    now: Time,
) -> Result<(), OutreachError> {
    advance(ctx, call, &to, now).await?;
    Ok(())
}

/// Takes in what was heard. A person who wants no more calls gets none, from the same transaction on, however late they say so.
async fn hear(
    ctx: &Context,
    call: &Interaction,
    events: &[(Uuid, Heard)],
    now: Time,
) -> Result<(), OutreachError> {
    let Some(mut to) = call::heard(call, events, now) else { return Ok(()) };
    let refuses = events.iter().any(|(_, heard)| {
        matches!(&heard.what, What::Call { report } if report.outcome == CallOutcome::Dnc)
    });
    if refuses {
        let hash = ctx.secrets.person_hash(call.workspace_id, &call.phone, now).await?;
        to.suppress = Some(hash);
    }
    failpoint("call.before_outcome", &call.phone);
    if !advance(ctx, call, &to, now).await? {
        super::ring(ctx, call.id);
    }
    Ok(())
}

/// Makes a planned call: claimed on disk, then asked for, then written down.
async fn place(ctx: &Context, call: Interaction, now: Time) -> Result<(), OutreachError> {
    let gate = match gate::look(ctx, &call, SCOPE, now).await? {
        Ok(gate) => gate,
        Err((why, sentence)) => return refuse(ctx, &call, why, &sentence, now).await,
    };
    let line = match line::open(ctx, call.agent_id).await? {
        Ok(line) if line.agent.config.0.active => line,
        Ok(_) => return refuse(ctx, &call, NotMade::Misconfigured, "the agent is off", now).await,
        Err(why) => return refuse(ctx, &call, NotMade::Misconfigured, &why, now).await,
    };
    let Some(budgeted) = gate::reserve(ctx, &gate, SCOPE, now).await? else {
        let why = "the campaign has used up its calls of the day";
        return refuse(ctx, &call, NotMade::Budget, why, now).await;
    };
    let person = ctx.secrets.person_hash(call.workspace_id, &call.phone, now).await?;
    if !calls::claim(&ctx.db, &call, &person, (now, now + PLACING_PATIENCE)).await? {
        gate::give_back(ctx, budgeted).await?;
        return unclaimed(ctx, call, &person, now).await;
    }
    let claimed = Interaction {
        state: State::Placing,
        generation: call.generation + 1,
        updated_at: now,
        ..call
    };
    failpoint("call.before_call", &claimed.phone);
    let to = match forbidden(ctx, &claimed, &person).await? {
        Some((why, sentence)) => call::not_made(&claimed, why, &sentence),
        None => speak(ctx, &claimed, &line, &gate).await,
    };
    failpoint("call.after_call", &claimed.phone);
    // First of all, what became of it: nothing else is worth losing that.
    advance(ctx, &claimed, &to, ctx.clock.now()).await?;
    if matches!(to.state, State::NotPlaced | State::Planned) {
        gate::give_back(ctx, budgeted).await?;
    }
    if to.state == State::NotPlaced {
        tell(ctx, &claimed, &to).await?;
    }
    catch_up(ctx, &claimed).await
}

/// What forbids the call by now: asked once more after the claim, as the last thing before the provider is.
async fn forbidden(
    ctx: &Context,
    call: &Interaction,
    person: &str,
) -> Result<Option<gate::Shut>, OutreachError> {
    let now = ctx.clock.now();
    let forbids = refusals::of(ctx.db.write(), call, person, Channel::Voice, now).await?;
    Ok(forbids.map(|forbids| forbids.not_made(Channel::Voice)))
}

/// Asks the provider for the call, once.
async fn speak(ctx: &Context, call: &Interaction, line: &Line, gate: &gate::Gate) -> Move {
    let id = call.id.to_string();
    let variables = super::line::variables(gate);
    let order = Order {
        id: &id,
        to: &call.phone,
        from: call.own_phone.as_deref(),
        text: call.instructions.as_deref().unwrap_or_default(),
        variables: &variables,
        callback: &line.callback,
        now: ctx.clock.now(),
    };
    let exchange = line::send(ctx, line.provider.place(&order)).await;
    let said = match &exchange {
        Exchange::Answered(answer, _) => Some(line.provider.placed(answer)),
        Exchange::NotSent { .. } | Exchange::Unknown { .. } => None,
    };
    call::placed(call, &exchange, said, ctx.clock.now())
}

/// What the provider told before its own answer was on disk.
async fn catch_up(ctx: &Context, claimed: &Interaction) -> Result<(), OutreachError> {
    let Some(call) = interactions::get(&ctx.db, claimed.id).await? else { return Ok(()) };
    let events = events(ctx, &call).await?;
    if events.is_empty() || call.state == State::Placing {
        return Ok(());
    }
    hear(ctx, &call, &events, ctx.clock.now()).await
}

/// Somebody else has the call, or nobody may call the person.
async fn unclaimed(
    ctx: &Context,
    call: Interaction,
    person: &str,
    now: Time,
) -> Result<(), OutreachError> {
    let is = interactions::get(&ctx.db, call.id).await?;
    let untouched =
        is.is_some_and(|is| is.state == State::Planned && is.generation == call.generation);
    if !untouched {
        return Ok(());
    }
    let shut = forbidden(ctx, &call, person).await?;
    let (why, sentence) = shut.unwrap_or_else(|| Forbids::Suppressed.not_made(Channel::Voice));
    refuse(ctx, &call, why, &sentence, now).await
}

async fn refuse(
    ctx: &Context,
    call: &Interaction,
    why: NotMade,
    sentence: &str,
    now: Time,
) -> Result<(), OutreachError> {
    let to = call::not_made(call, why, sentence);
    tell(ctx, call, &to).await?;
    write(ctx, call, to, now).await
}

/// People are told of what only they can mend, once an agent and hour.
async fn tell(ctx: &Context, call: &Interaction, to: &Move) -> Result<(), OutreachError> {
    let error = to.error.as_deref().unwrap_or_default();
    if NotMade::of(error) != Some(NotMade::Misconfigured) {
        return Ok(());
    }
    line::tell_broken(ctx, call, error).await?;
    Ok(())
}

/// Asks a provider that has been silent.
async fn ask(ctx: &Context, call: &Interaction, now: Time) -> Result<(), OutreachError> {
    let heard = match (line::open(ctx, call.agent_id).await?, &call.reference) {
        (Ok(line), Some(reference)) => match line.provider.ask(reference, now) {
            Some(wire) => match line::send(ctx, wire).await {
                Exchange::Answered(answer, _) => line.provider.told(&answer),
                Exchange::NotSent { .. } | Exchange::Unknown { .. } => Vec::new(),
            },
            None => Vec::new(),
        },
        _ => Vec::new(),
    };
    // What was told when we asked is no webhook: there is no event to note as read.
    let mut told: Vec<(Uuid, Heard)> =
        heard.into_iter().map(|heard| (Uuid::nil(), heard)).collect();
    told.retain(|(_, heard)| matches!(heard.what, What::Call { .. }));
    let whole = told
        .iter()
        .any(|(_, heard)| matches!(&heard.what, What::Call { report } if report.complete));
    // An end without its analysis is news once; when it is all that is there after the wait for the analysis, there will be none.
    if told.is_empty() || (call.report.is_some() && !whole) {
        return write(ctx, call, call::nothing_new(call, now), now).await;
    }
    hear(ctx, call, &told, now).await
}

/// Finds out whether a call was made whose answer was lost. It is never made again before that is known.
async fn find(ctx: &Context, call: &Interaction, now: Time) -> Result<(), OutreachError> {
    let found = match line::open(ctx, call.agent_id).await? {
        Ok(line) => search(ctx, call, &line).await,
        Err(_) => Found::NotSure,
    };
    let found = super::not_anothers(ctx, call, found).await?;
    write(ctx, call, call::found(call, found, now), now).await
}

async fn search(ctx: &Context, call: &Interaction, line: &Line) -> Found {
    let id = call.id.to_string();
    let order = Order {
        id: &id,
        to: &call.phone,
        from: call.own_phone.as_deref(),
        text: "",
        variables: &serde_json::Map::new(),
        callback: &line.callback,
        now: call.opened_at,
    };
    let Some(wire) = line.provider.find(&order) else { return Found::NotSure };
    match line::send(ctx, wire).await {
        Exchange::Answered(answer, _) => line.provider.found(&answer, &order),
        Exchange::NotSent { .. } | Exchange::Unknown { .. } => Found::NotSure,
    }
}
