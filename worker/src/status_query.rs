//! Asking a buyer whether it has a lead: what may settle a held delivery before a person has to.
use crate::{
    campaigns::CampaignError,
    context::Context,
    outside::{
        auth::{self, Credentials, NoCredentials},
        http,
    },
};
use chrono::Duration;
use shared::{
    campaign::{
        Campaign,
        compiled::Endpoint,
        config::status_query::{QueryMethod, StatusQuery},
    },
    clock::Time,
    failpoint::failpoint,
    ids::SubmissionId,
    moves,
    queue::{Delivered, Settle},
    status_query::{Told, read},
    store::{
        StoreError,
        leads::{self, AttemptRow},
        load::Loaded,
        notices::{Kind, Notice},
        status_queries::{self, Asked, QueryRow},
    },
    submission::State,
};

/// How soon a question comes again when the database is away.
const DATABASE_AWAY: std::time::Duration = std::time::Duration::from_secs(1);

/// Asks about the held delivery that the queue delivered.
pub async fn ask(ctx: &Context, delivered: Delivered) -> Settle {
    let submission = SubmissionId(delivered.job.id);
    match run(ctx, submission, delivered.job.generation).await {
        Ok(()) => Settle::Done,
        Err(error) => {
            tracing::warn!(%submission, %error, "a status query comes again");
            Settle::Later(DATABASE_AWAY)
        }
    }
}

async fn run(ctx: &Context, submission: SubmissionId, generation: i64) -> Result<(), StoreError> {
    let Some(loaded) = ctx.loader.load(submission).await? else { return Ok(()) };
    if loaded.run != "held" || loaded.generation != generation {
        let workspace = loaded.workspace_id;
        return status_queries::forget(&ctx.db, submission, workspace, generation).await;
    }
    let row = status_queries::get(&ctx.db, loaded.workspace_id, submission).await?;
    let Some(row) = row.filter(|row| row.generation == generation && row.due_at.is_some()) else {
        return Ok(());
    };
    let campaign =
        ctx.campaigns.get(loaded.workspace_id, loaded.campaign_id, loaded.revision).await;
    let campaign = match campaign {
        Ok(campaign) => campaign,
        Err(CampaignError::Store(error)) => return Err(error),
        Err(CampaignError::Unusable(error)) => {
            return give_up(ctx, &row, &loaded, &error.to_string()).await;
        }
    };
    let asked = campaign.endpoint(&row.endpoint).and_then(|endpoint| {
        Some((endpoint, endpoint.config.status_query.as_ref()?, endpoint.status.as_ref()?))
    });
    let Some((endpoint, query, classifier)) = asked else {
        return give_up(ctx, &row, &loaded, "the endpoint has no status query").await;
    };
    let attempts = leads::attempts(&ctx.db, loaded.workspace_id, submission).await?;
    let Some(attempt) = attempts.last() else {
        return give_up(ctx, &row, &loaded, "nothing was ever sent").await;
    };
    let request = match request(endpoint, query, &loaded, attempt) {
        Ok(request) => request,
        Err(place) => {
            let why = format!("nothing is known to put in {{{place}}}");
            return give_up(ctx, &row, &loaded, &why).await;
        }
    };
    let known = match credentials(ctx, &loaded, endpoint, query).await {
        Ok(known) => known,
        Err(NoCredentials::Store(error)) => return Err(error),
        Err(NoCredentials::Trouble(why)) => {
            return not_yet(ctx, &row, &campaign, endpoint, &why.to_string()).await;
        }
    };
    failpoint("status_query.before_call", &loaded.email);
    let mut exchange = ctx.http.send(with(request, &known)).await;
    known.hide(&mut exchange);
    failpoint("status_query.after_call", &loaded.email);
    let now = ctx.clock.now();
    match read(&exchange, classifier, attempt.number, now) {
        Told::Known(end, how) => settle(ctx, &loaded, (end, how), now).await,
        Told::NotYet(why) => not_yet(ctx, &row, &campaign, endpoint, &why).await,
    }
}

/// Nothing is known still: it is asked again, or people are told.
async fn not_yet(
    ctx: &Context,
    row: &QueryRow,
    campaign: &Campaign,
    endpoint: &Endpoint,
    why: &str,
) -> Result<(), StoreError> {
    let now = ctx.clock.now();
    let Some(query) = &endpoint.config.status_query else { return Ok(()) };
    if row.asked + 1 >= query.tries {
        return tell(ctx, row, why, Some((campaign, endpoint, query.tries)), now).await;
    }
    let next = now + Duration::seconds(query.every_seconds);
    let asked = Asked { said: why, next: Some(next), notice: None };
    status_queries::note(&ctx.db, row, &asked).await.map(drop)
}

/// What the endpoint's own host is shown; nobody else is shown anything.
async fn credentials(
    ctx: &Context,
    loaded: &Loaded,
    endpoint: &Endpoint,
    query: &StatusQuery,
) -> Result<Credentials, NoCredentials> {
    if !query.is_at_home(&endpoint.config.url) {
        return Ok(Credentials::default());
    }
    auth::credentials(ctx, loaded.workspace_id, endpoint).await
}

/// The request with the endpoint's headers, but for those that the question has itself.
fn with(mut request: http::OutboundRequest, known: &Credentials) -> http::OutboundRequest {
    for (name, value) in known.headers() {
        if !request.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(&name)) {
            request.headers.push((name, value));
        }
    }
    request
}

/// The move that the buyer's word makes, if nobody was faster.
async fn settle(
    ctx: &Context,
    loaded: &Loaded,
    told: (shared::store::close::AttemptEnd, shared::submission::End),
    now: Time,
) -> Result<(), StoreError> {
    let close = match moves::told_by_status(loaded, told.0, told.1, now) {
        Ok(close) => close,
        // It is no longer held: the next look forgets the question.
        Err(_) => return Ok(()),
    };
    let (state, generation) = (close.place.state, close.place.generation);
    if ctx.closer.close(close).await?
        && let State::InStage(stage) = state
    {
        ctx.push.push(stage, loaded.id, generation);
    }
    Ok(())
}

/// Asking cannot help: a person must find out.
async fn give_up(
    ctx: &Context,
    row: &QueryRow,
    loaded: &Loaded,
    why: &str,
) -> Result<(), StoreError> {
    tracing::info!(submission = %loaded.id, why, "a status query is given up");
    tell(ctx, row, why, None, ctx.clock.now()).await
}

/// Ends the questions and tells people, once for an endpoint and an hour.
async fn tell(
    ctx: &Context,
    row: &QueryRow,
    why: &str,
    asked: Option<(&Campaign, &Endpoint, i64)>,
    now: Time,
) -> Result<(), StoreError> {
    let (campaign, hour) = (row.campaign_id, now.format("%Y-%m-%dT%H"));
    let message = match asked {
        Some((campaign, endpoint, tries)) => format!(
            "{} of {} was asked {tries} times about a held delivery: {why}",
            endpoint.config.name, campaign.name
        ),
        None => format!("nobody can be asked about a held delivery: {why}"),
    };
    let notice = Notice {
        workspace: row.workspace_id,
        campaign: Some(campaign),
        kind: Kind::StatusQueryEnded,
        subject: format!("status_query_ended:{campaign}:{}:{hour}", row.endpoint),
        message,
        details: Some(serde_json::json!({
            "endpointId": row.endpoint,
            "firstSubmissionId": row.submission_id,
        })),
        at: now,
    };
    let asked = Asked { said: why, next: None, notice: Some(notice) };
    status_queries::note(&ctx.db, row, &asked).await.map(drop)
}

/// What is sent, or the placeholder that nothing is known for.
fn request(
    endpoint: &Endpoint,
    query: &StatusQuery,
    loaded: &Loaded,
    attempt: &AttemptRow,
) -> Result<http::OutboundRequest, String> {
    let (lead, submission) = (loaded.lead_id.to_string(), loaded.id.to_string());
    let url = query.url_for(|place| match place {
        "idempotencyKey" => Some(attempt.idempotency_key.as_str()),
        "buyerLeadId" => attempt.buyer_lead_id.as_deref(),
        "leadId" => Some(lead.as_str()),
        "submissionId" => Some(submission.as_str()),
        _ => None,
    })?;
    let headers = query.headers.iter().map(|(name, value)| (name.clone(), value.clone()));
    Ok(http::OutboundRequest {
        method: match query.method {
            QueryMethod::Get => http::Method::Get,
            QueryMethod::Post => http::Method::Post,
        },
        url,
        headers: headers.collect(),
        body: Vec::new().into(),
        timeout: std::time::Duration::from_secs(endpoint.config.timeout_seconds),
    })
}
