//! The last look before a person is called or texted: does anybody still wait for it, is it the hour for it, is there money for it?
use super::OutreachError;
use crate::context::Context;
use shared::{
    campaign::{Campaign, config::FirstAction},
    clock::Time,
    outreach::{
        agent::Channel,
        call::NotMade,
        hours::{CallingHours, Reach, may_reach},
        zones::{self, Whereabouts},
    },
    store::{
        StoreError, campaigns,
        interactions::Interaction,
        load::Loaded,
        models::Budget,
        notices::{self, Kind, Notice},
        outreach_budget, parking, recent,
    },
    submission::State,
    view,
};
use std::sync::Arc;

/// Who is reached, and under which rules.
pub struct Gate {
    pub loaded: Box<Loaded>,
    pub campaign: Arc<Campaign>,
    pub view: serde_json::Value,
}

/// Why not.
pub type Shut = (NotMade, String);

/// What is looked at for a call or a text.
#[derive(Debug, Clone, Copy)]
pub struct Scope {
    pub channel: Channel,
    /// A wait has asked for it: it is done while that waits only.
    pub for_wait: bool,
    /// It answers what the person has just written: then it is the hour for it, and it costs the campaign's day nothing.
    pub answers: bool,
}

/// Looks whether the person may be reached now; takes nothing. What a wait has asked for is done while it waits only.
pub async fn look(
    ctx: &Context,
    interaction: &Interaction,
    scope: Scope,
    now: Time,
) -> Result<Result<Gate, Shut>, OutreachError> {
    let gate = match context(ctx, interaction, now).await? {
        Ok(gate) => gate,
        shut => return Ok(shut),
    };
    let withdrawn = |why: &str| Ok(Err((NotMade::Withdrawn, why.to_owned())));
    if !gate.loaded.lead_status.is_processed() {
        return withdrawn("the lead is no longer active");
    }
    if scope.for_wait && !still_waits(ctx, interaction, &gate.loaded).await? {
        return withdrawn("nobody waits for it any more");
    }
    let hours = hours(gate.campaign.config.first_action.as_ref(), scope.channel);
    let known = Whereabouts::of_view(&gate.view);
    let zones = zones::or_campaign(zones::candidates(known), gate.campaign.zone);
    // A test lead is somebody of the house.
    let free = interaction.is_test || scope.answers;
    if !free && may_reach(&hours, &zones, now) != Reach::Now {
        let zones: Vec<&str> = zones.iter().map(|zone| zone.name()).collect();
        return Ok(Err((NotMade::Hours, format!("not the hour for it in {}", zones.join(", ")))));
    }
    Ok(Ok(gate))
}

/// Who the person is and what the campaign says, whether or not they may be reached.
pub async fn context(
    ctx: &Context,
    interaction: &Interaction,
    now: Time,
) -> Result<Result<Gate, Shut>, OutreachError> {
    let Some(loaded) = lead_of(ctx, interaction).await? else {
        return Ok(Err((NotMade::Withdrawn, "the lead is gone".into())));
    };
    let campaign =
        ctx.campaigns.get(loaded.workspace_id, loaded.campaign_id, loaded.revision).await?;
    let view = view::of(&loaded, &campaign, now);
    Ok(Ok(Gate { loaded, campaign, view }))
}

fn hours(action: Option<&FirstAction>, channel: Channel) -> CallingHours {
    let voice = action.and_then(|action| action.voice.as_ref()).map(|voice| &voice.hours);
    let sms = action.and_then(|action| action.sms.as_ref()).map(|sms| &sms.hours);
    let chosen = if channel == Channel::Voice { voice } else { sms };
    chosen.cloned().unwrap_or_default()
}

/// The submission that waits; for what people start by hand, the lead's latest one.
async fn lead_of(
    ctx: &Context,
    interaction: &Interaction,
) -> Result<Option<Box<Loaded>>, StoreError> {
    if let Some(submission) = interaction.submission_id {
        return ctx.loader.load(submission).await;
    }
    let workspace = interaction.workspace_id;
    let found = recent::lead(&ctx.db, workspace, interaction.lead_id).await?;
    let Some(mut loaded) = found.map(Box::new) else { return Ok(None) };
    let ids = [loaded.campaign_id];
    let standings = campaigns::standings(&ctx.db, workspace, &ids).await?;
    let Some(standing) = standings.first() else { return Ok(None) };
    loaded.revision = standing.revision;
    Ok(Some(loaded))
}

/// What belongs to a wait is done for that wait only.
async fn still_waits(
    ctx: &Context,
    interaction: &Interaction,
    loaded: &Loaded,
) -> Result<bool, StoreError> {
    let Some(park) = interaction.park_id else { return Ok(true) };
    if loaded.state()? != State::Parked {
        return Ok(false);
    }
    let open = parking::open(&ctx.db, loaded.workspace_id, loaded.id).await?;
    Ok(open.is_some_and(|open| open.id == park))
}

/// A call or a text out of the campaign's day.
pub struct Budgeted {
    budget: Option<(Budget, Channel)>,
}

/// Takes one call or text out of the campaign's day; none when there is none left.
pub async fn reserve(
    ctx: &Context,
    gate: &Gate,
    scope: Scope,
    now: Time,
) -> Result<Option<Budgeted>, StoreError> {
    let action = gate.campaign.config.first_action.as_ref();
    let channel = scope.channel;
    let most = match channel {
        Channel::Voice => action.and_then(|action| action.voice.as_ref()?.daily_calls),
        Channel::Sms => action.and_then(|action| action.sms.as_ref()?.daily_texts),
    };
    let Some(most) = most.filter(|_| !scope.answers) else {
        return Ok(Some(Budgeted { budget: None }));
    };
    let budget = Budget {
        workspace: gate.loaded.workspace_id,
        campaign: gate.campaign.id,
        day: now.with_timezone(&gate.campaign.zone).date_naive(),
    };
    let taken = outreach_budget::reserve(ctx.db.write(), budget, channel, most).await?;
    if !taken {
        tell_used_up(ctx, gate, channel, (most, budget.day), now).await?;
    }
    Ok(taken.then_some(Budgeted { budget: Some((budget, channel)) }))
}

/// Gives back what was surely not used.
pub async fn give_back(ctx: &Context, taken: Budgeted) -> Result<(), StoreError> {
    match taken.budget {
        Some((budget, channel)) => {
            outreach_budget::give_back(ctx.db.write(), budget, channel).await
        }
        None => Ok(()),
    }
}

/// People are told once a campaign and day.
async fn tell_used_up(
    ctx: &Context,
    gate: &Gate,
    channel: Channel,
    (most, day): (i64, chrono::NaiveDate),
    now: Time,
) -> Result<(), StoreError> {
    let what = if channel == Channel::Voice { "calls" } else { "texts" };
    let notice = Notice {
        workspace: gate.loaded.workspace_id,
        campaign: Some(gate.campaign.id),
        kind: Kind::BudgetUsedUp,
        subject: format!("budget_used_up:{}:{what}:{day}", gate.campaign.id),
        message: format!("{} has used up its {most} {what} of {day}", gate.campaign.name),
        details: None,
        at: now,
    };
    let mut tx = ctx.db.begin().await?;
    notices::raise(&mut tx, std::slice::from_ref(&notice)).await?;
    tx.commit().await
}
