//! One stage of one submission: gather, decide. Recording is the drive's.
use crate::{action, campaigns::CampaignError, context::Context, gather, qualify, trip::Trip};
use shared::{
    campaign::config::OnDeadline,
    stages::{
        Change, Scene, Verdict, s1_routing, s2_first_action, s3_disqualification, s4_dynamic_keys,
        s5_required_fields, s7_payload, s9_fallback,
    },
    store::{StoreError, parking},
    submission::{End, Event, IllegalMove, Kind, Stage, State},
};

/// Why a step did not finish. The variant says what becomes of the submission.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The database is away: touch nothing, the job comes again.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The endpoint has enough to do: touch nothing, the job comes again then.
    #[error("the endpoint has no place for it yet")]
    NoPlace(std::time::Duration),
    /// Our own bug, or a revision this program cannot use: an operator must look.
    #[error("{0}")]
    Stuck(String),
}

impl From<IllegalMove> for StepError {
    fn from(bug: IllegalMove) -> Self {
        Self::Stuck(bug.to_string())
    }
}

impl From<CampaignError> for StepError {
    fn from(error: CampaignError) -> Self {
        match error {
            CampaignError::Store(error) => Self::Store(error),
            CampaignError::Unusable(error) => Self::Stuck(error.to_string()),
        }
    }
}

/// Asks the open stage's question; none when there is nothing to do yet, or when the trip so far must be on disk first. Delivery is not here: it speaks with the outside.
pub async fn step(ctx: &Context, trip: &mut Trip) -> Result<Option<Verdict>, StepError> {
    if !trip.loaded.lead_status.is_processed() && trip.state != State::InStage(Stage::Fallback) {
        let reason = "the lead is no longer active";
        return Ok(Some(
            Verdict::of(Event::Withdrawn, "withdrawn", reason)
                .changing(Change::End(End::Withdrawn)),
        ));
    }
    if trip.state == State::Parked {
        return waited(ctx, trip).await;
    }
    let now = ctx.clock.now();
    trip.look(now);
    if trip.sets.len() < trip.campaign.sets.len() {
        trip.sets = gather::sets(ctx, trip).await?;
    }
    if trip.state == State::InStage(Stage::FieldQualification) {
        return qualify::qualify(ctx, trip, now).await;
    }
    let trip = &*trip;
    let scene = Scene { campaign: &trip.campaign, view: trip.view(), sets: &trip.sets, now };
    Ok(Some(match trip.state {
        State::InStage(Stage::Routing) if trip.loaded.kind == Kind::Fallback => {
            Verdict::pass("fallback", "stays: a fallback is not routed again")
        }
        State::InStage(Stage::Routing)
            if matches!(trip.loaded.kind, Kind::Repost | Kind::ManualDelivery) =>
        {
            Verdict::pass("by_hand", "stays: a person chose this campaign")
        }
        State::InStage(Stage::Routing) => {
            s1_routing::decide(scene, &gather::routing(ctx, trip).await?)
        }
        State::InStage(Stage::FirstAction) if trip.loaded.kind == Kind::ManualDelivery => {
            s2_first_action::decided_by_hand(scene)
        }
        State::InStage(Stage::FirstAction) => s2_first_action::decide(scene),
        State::InStage(Stage::Disqualification) => s3_disqualification::decide(scene),
        State::InStage(Stage::DynamicKeys) => s4_dynamic_keys::decide(scene),
        State::InStage(Stage::RequiredFields) => s5_required_fields::decide(scene),
        State::InStage(Stage::Payload) => s7_payload::decide(scene, trip.id()),
        State::InStage(Stage::Fallback) => {
            let facts = gather::fallback(ctx, trip).await?;
            let end = trip.end().unwrap_or(End::Failed);
            // What seeks a fallback whatever its end is treated as the end after which there always is one.
            let end = if trip.carry.seeks_fallback { End::Disqualified } else { end };
            let wait_until = trip.carry.overflow.as_ref().and_then(|overflow| overflow.wait_until);
            s9_fallback::decide(end, &facts.list, &facts.tried, &facts.standings, wait_until)
        }
        State::InStage(Stage::FieldQualification | Stage::Delivery)
        | State::Parked
        | State::Queued
        | State::Held
        | State::Failed(_)
        | State::Finished => return Ok(None),
    }))
}

/// A parked submission is looked at when its deadline may have come, or when something was learnt of its calls and texts.
async fn waited(ctx: &Context, trip: &mut Trip) -> Result<Option<Verdict>, StepError> {
    let park = parking::open(&ctx.db, trip.loaded.workspace_id, trip.id()).await?;
    let Some(park) = park else { return Ok(None) };
    let on_deadline = OnDeadline::parse(&park.on_deadline)
        .ok_or_else(|| StoreError::Inconsistent(format!("{} ends nowhere", park.id)))?;
    let (kind, deadline, rounds) = (park.kind.as_str(), park.deadline, trip.carry.rounds);
    let wait = s2_first_action::Wait { kind, deadline, on_deadline, rounds };
    let campaign = trip.campaign.clone();
    let action = campaign.config.first_action.as_ref();
    match s2_first_action::at_deadline(wait, action, ctx.clock.now()) {
        None => action::next(ctx, trip, &park).await,
        verdict => Ok(verdict),
    }
}
