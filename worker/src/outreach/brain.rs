//! Whoever answers a person's texts: the machine behind the agent, told everything it needs, or people, who read the thread.
use super::{OutreachError, advance, gate, line::Line, thread::line_of};
use crate::{
    context::Context,
    outside::http::{Exchange, Method, OutboundRequest},
};
use chrono::Duration;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use shared::{
    campaign::response::Answer,
    clock::Time,
    key,
    moves::{self, ResumeOutcome},
    outreach::{agent::AgentWebhook, providers::sign, template::TEXT_CHARS_MAX},
    reply::Reply,
    store::{
        interactions::{Interaction, Move},
        messages::{self, Message, Source, State},
        parking,
    },
    submission,
};

/// How long the machine may take to answer.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(30);
/// When a machine that did not answer is told again: its worker may have died as well.
const AGAIN_AFTER: Duration = Duration::seconds(60);
/// How often it is told, at most.
const TRIES_MAX: i64 = 5;
/// Lines of the thread that it is shown, at most: the last ones.
const SHOWN_MAX: usize = 100;

/// Hands the person's texts on, together. They are marked only once whoever answers has them, so a machine may hear of a text twice; the ids
/// of the texts tell it.
pub(super) async fn hand_on(
    ctx: &Context,
    thread: &Interaction,
    (texts, last): (&[Message], &Message),
    now: Time,
) -> Result<(), OutreachError> {
    if thread.tries > 0 && now - thread.updated_at < AGAIN_AFTER {
        // The machine is being told, or has been told in vain a moment ago.
        return Ok(());
    }
    let webhook = match line_of(ctx, thread).await? {
        Ok(line) => line.agent.config.0.webhook.clone().map(|webhook| (line, webhook)),
        Err(_) => None,
    };
    let Some((line, webhook)) = webhook.filter(|_| thread.tries < TRIES_MAX) else {
        // People read the thread; so they do when the machine is not to be had.
        return heard(ctx, thread, last, Said::default()).await;
    };
    // Claimed: of two workers one tells the machine.
    let claim =
        Move { tries: thread.tries + 1, due_at: Some(now + AGAIN_AFTER), ..Move::of(thread) };
    if !advance(ctx, thread, &claim, now).await? {
        return Ok(());
    }
    let claimed = Interaction {
        generation: thread.generation + 1,
        tries: claim.tries,
        due_at: claim.due_at,
        updated_at: now,
        ..thread.clone()
    };
    match tell(ctx, &claimed, (&line, &webhook), texts).await? {
        Some(said) => heard(ctx, &claimed, last, said).await,
        None => Ok(()),
    }
}

/// What the machine answered. Anything else in its answer is of no interest.
#[derive(Debug, Default)]
struct Said {
    /// A text to the person.
    reply: Option<String>,
    /// How the wait of the lead ends; it goes on when absent.
    outcome: Option<ResumeOutcome>,
    reason: Option<String>,
    answers: Map<String, Value>,
}

async fn tell(
    ctx: &Context,
    thread: &Interaction,
    (line, webhook): (&Line, &AgentWebhook),
    texts: &[Message],
) -> Result<Option<Said>, OutreachError> {
    let now = ctx.clock.now();
    let Ok(gate) = gate::context(ctx, thread, now).await? else { return Ok(Some(Said::default())) };
    let resume_url = resume_url(ctx, thread).await?;
    let body = body(thread, line, (&gate, texts), resume_url.as_deref(), now).to_string();
    let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    if let Some(secret) = &webhook.secret {
        let opened = ctx.secrets.open(thread.workspace_id, &secret.secret, now).await?;
        let key = opened.as_ref().and_then(|found| sign::decode_secret(found.value.expose()).ok());
        let Some(key) = key else {
            super::line::tell_broken(
                ctx,
                thread,
                "the secret of the agent's webhook is not usable",
            )
            .await?;
            return Ok(None);
        };
        let (id, seconds) = (format!("{}-{}", thread.id, thread.generation), now.timestamp());
        let signature = sign::sign(key.bytes(), &id, seconds, body.as_bytes());
        headers.push(("webhook-id".into(), id));
        headers.push(("webhook-timestamp".into(), seconds.to_string()));
        headers.push(("webhook-signature".into(), signature));
    }
    let request = OutboundRequest {
        method: Method::Post,
        url: webhook.url.clone(),
        headers,
        body: body.into(),
        timeout: TIMEOUT,
    };
    match ctx.http.send(request).await {
        Exchange::Answered(answer, _) if (200..300).contains(&answer.status) => {
            Ok(Some(read(&answer)))
        }
        other => {
            tracing::warn!(interaction = %thread.id, ?other, "an agent's webhook did not take the texts; they come again");
            Ok(None)
        }
    }
}

/// Each member for itself: one that cannot be read takes nothing away from the others.
fn read(answer: &Answer) -> Said {
    let whole: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    Said {
        reply: member(&whole, "reply"),
        outcome: member(&whole, "outcome"),
        reason: member(&whole, "reason"),
        answers: member(&whole, "answers").unwrap_or_default(),
    }
}

fn member<T: DeserializeOwned>(whole: &Value, name: &str) -> Option<T> {
    let found = whole.get(name).filter(|found| !found.is_null())?;
    let read = T::deserialize(found);
    read.inspect_err(|error| tracing::warn!(name, %error, "a machine's answer cannot be read")).ok()
}

/// A URL that ends the wait of this thread, if there is a wait.
async fn resume_url(ctx: &Context, thread: &Interaction) -> Result<Option<String>, OutreachError> {
    let Some(submission) = thread.submission_id else { return Ok(None) };
    let open = parking::open(&ctx.db, thread.workspace_id, submission).await?;
    let Some(park) = open.filter(|park| Some(park.id) == thread.park_id) else { return Ok(None) };
    let token = key::token();
    parking::add_token(&ctx.db, &park, &key::hash(&token)).await?;
    Ok(Some(format!("{}/api/v1/resume/{token}", ctx.settings.public_url)))
}

fn body(
    thread: &Interaction,
    line: &Line,
    (gate, texts): (&gate::Gate, &[Message]),
    resume_url: Option<&str>,
    now: Time,
) -> Value {
    let waiting: Vec<&Message> =
        texts.iter().filter(|text| text.state == State::Received).collect();
    let combined: Vec<&str> = waiting.iter().map(|text| text.body.as_str()).collect();
    let transcript = texts.iter().rev().take(SHOWN_MAX).rev().map(|text| {
        json!({ "messageId": text.id, "role": text.role, "message": text.body, "source": text.source, "timestamp": text.at })
    });
    let loaded = &gate.loaded;
    let known = gate.view["questionnaire"].as_object().cloned().unwrap_or_default();
    let wanted = gate.campaign.config.required_fields.iter();
    let wanted = wanted.filter_map(|path| path.strip_prefix("questionnaire."));
    let to_collect: Vec<&str> = wanted.filter(|key| !known.contains_key(*key)).collect();
    json!({
        "message": {
            "combinedText": combined.join("\n"),
            "messageCount": waiting.len(),
            "messageIds": waiting.iter().map(|text| text.id).collect::<Vec<_>>(),
            "senderPhone": thread.phone,
            "inboundPhone": thread.own_phone,
        },
        "lead": {
            "leadId": loaded.lead_id,
            "firstName": loaded.first_name,
            "lastName": loaded.last_name,
            "email": loaded.email,
            "phone": loaded.phone,
            "status": loaded.lead_status,
        },
        "campaign": {"campaignId": gate.campaign.id, "name": gate.campaign.name},
        "interaction": {
            "interactionId": thread.id,
            "status": thread.state,
            "transcript": transcript.collect::<Vec<_>>(),
        },
        "questionnaire": {
            "knownInformation": known.iter().map(|(key, answer)| json!({"key": key, "answer": answer})).collect::<Vec<_>>(),
            "informationToCollect": to_collect,
        },
        "resumeUrl": resume_url,
        "agentId": line.agent.id,
        "timestamp": now,
    })
}

async fn heard(
    ctx: &Context,
    thread: &Interaction,
    last: &Message,
    said: Said,
) -> Result<(), OutreachError> {
    let now = ctx.clock.now();
    let reply = said.reply.as_deref().map(str::trim).filter(|reply| !reply.is_empty());
    let reply: Option<String> = reply.map(|reply| reply.chars().take(TEXT_CHARS_MAX).collect());
    // The decision first: a worker that dies in between tells the machine once more, and the second decision finds no wait.
    if let Some(outcome) = said.outcome {
        decide(ctx, thread, Reply { outcome, reason: said.reason, answers: said.answers }).await?;
    }
    messages::answer(&ctx.db, thread, last, (reply.as_deref(), Source::SmsAgent), now).await?;
    super::ring(ctx, thread.id);
    Ok(())
}

/// The machine ends the wait of the lead.
async fn decide(ctx: &Context, thread: &Interaction, reply: Reply) -> Result<(), OutreachError> {
    let Some(submission) = thread.submission_id else { return Ok(()) };
    let decision = match reply.check() {
        Ok(decision) => decision,
        Err(problems) => {
            tracing::warn!(interaction = %thread.id, ?problems, "an agent's decision cannot be read");
            return Ok(());
        }
    };
    let Some(loaded) = ctx.loader.load(submission).await? else { return Ok(()) };
    let open = parking::open(&ctx.db, thread.workspace_id, submission).await?;
    let Some(park) = open.filter(|park| Some(park.id) == thread.park_id) else { return Ok(()) };
    let now = ctx.clock.now();
    let Ok(close) = moves::resume(&loaded, &park, &decision, moves::SMS_AGENT, now) else {
        return Ok(());
    };
    let (state, generation) = (close.place.state, close.place.generation);
    if ctx.closer.close(close).await?
        && let submission::State::InStage(stage) = state
    {
        ctx.push.push(stage, submission, generation);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_no_json_says_nothing() {
        let answer = |body: &'static str| Answer {
            status: 200,
            headers: Vec::new(),
            body: body.into(),
            cut: false,
        };
        assert!(read(&answer("OK")).reply.is_none());
        let said = read(&answer(r#"{"reply": "hello", "outcome": "continue", "more": 1}"#));
        assert_eq!(
            (said.reply.as_deref(), said.outcome),
            (Some("hello"), Some(ResumeOutcome::Continue))
        );
        let said = read(&answer(r#"{"reply": "hello", "outcome": "qualified", "answers": 1}"#));
        assert_eq!((said.reply.as_deref(), said.outcome), (Some("hello"), None));
    }
}
