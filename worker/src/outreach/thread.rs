//! One thread of texts: ours are sent, the person's are handed on together, and what became of ours is found out.
use super::{OutreachError, advance, brain, line, text};
use crate::context::Context;
use chrono::Duration;
use shared::{
    clock::Time,
    outreach::{What, report::Role},
    store::{
        inbound,
        interactions::{Interaction, Move},
        messages::{self, Message, Sent, State},
    },
};
use uuid::Uuid;

/// Does what there is to do for a thread.
pub async fn attend(ctx: &Context, thread: Interaction) -> Result<(), OutreachError> {
    let now = ctx.clock.now();
    let texts = messages::of_thread(&ctx.db, thread.workspace_id, thread.id).await?;
    let read = statuses(ctx, &thread, &texts, now).await?;
    let mut wakes = false;
    let mut due = Due::default();
    for message in texts.iter().filter(|message| message.role == Role::Agent) {
        let came = text::attend(ctx, &thread, message, now).await?;
        wakes |= came.wakes;
        due.at(came.due_at);
    }
    let received: Vec<&Message> =
        texts.iter().filter(|message| message.state == State::Received).collect();
    // What a person wrote last may be a word that ends the wait.
    wakes |= texts.last().is_some_and(|last| last.role == Role::User);
    if let Some(last) = received.last() {
        let ripe = last.at + window(ctx, &thread).await?;
        if ripe <= now {
            brain::hand_on(ctx, &thread, (&texts, last), now).await?;
            return Ok(());
        }
        due.at(Some(ripe));
    }
    let to = Move { due_at: due.0, wakes, read, ..Move::of(&thread) };
    if !advance(ctx, &thread, &to, now).await? {
        super::ring(ctx, thread.id);
    }
    Ok(())
}

/// The earliest of several times.
#[derive(Default)]
struct Due(Option<Time>);

impl Due {
    fn at(&mut self, time: Option<Time>) {
        self.0 = match (self.0, time) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
}

/// How long the agent waits for more texts before it answers.
async fn window(ctx: &Context, thread: &Interaction) -> Result<Duration, OutreachError> {
    let agent = shared::store::agents::by_id(&ctx.db, thread.agent_id).await?;
    Ok(Duration::milliseconds(agent.map_or(0, |agent| agent.config.0.batch_window_ms)))
}

/// What providers told of our texts before we knew them by their ids.
async fn statuses(
    ctx: &Context,
    thread: &Interaction,
    texts: &[Message],
    now: Time,
) -> Result<Vec<Uuid>, OutreachError> {
    let known = |message: &&Message| !matches!(message.state, State::Delivered | State::Failed);
    let open: Vec<&Message> = texts.iter().filter(known).collect();
    let references: Vec<&str> =
        open.iter().filter_map(|message| message.reference.as_deref()).collect();
    if references.is_empty() {
        return Ok(Vec::new());
    }
    let mut read = Vec::new();
    for event in inbound::unread(&ctx.db, thread, &references).await? {
        let heard = event.heard.0;
        read.push(event.id);
        if heard.what.is_opt_out() {
            text::opted_out(ctx, thread, now).await?;
        }
        let What::Status { status, error } = heard.what else { continue };
        let about = open.iter().find(|message| message.reference == heard.reference);
        let Some(message) = about else { continue };
        if let Some(state) = message.state.after(status) {
            let sent = Sent { state, reference: None, error: error.as_deref() };
            messages::settle(&ctx.db, thread, message.id, (&[message.state], sent), now).await?;
        }
    }
    Ok(read)
}

/// Opens the thread's line; people are told when there is none.
pub(super) async fn line_of(
    ctx: &Context,
    thread: &Interaction,
) -> Result<Result<line::Line, String>, OutreachError> {
    Ok(match line::open(ctx, thread.agent_id).await? {
        Ok(line) if !line.agent.config.0.active => Err("the agent is off".into()),
        opened => opened,
    })
}
