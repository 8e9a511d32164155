//! What the decisions about calls and texts must know, asked from the database.
use crate::{context::Context, step::StepError, trip::Trip};
use chrono::{Duration, NaiveTime, TimeZone};
use chrono_tz::Tz;
use serde_json::{Map, Value, json};
use shared::{
    clock::Time,
    lead,
    outreach::{
        agent::Channel,
        call::NotMade,
        callable::{NotCallable, callable},
        hours::CallingHours,
        provider::RefusalKind,
        zones::{self, Whereabouts},
    },
    reply,
    stages::{Change, Verdict},
    store::{
        StoreError,
        agents::{self, AgentRow},
        close::Reach,
        parking::{self, Park},
        refusals::{self, Forbids},
        secrets::SecretError,
    },
    submission::{Event, Status, carry::Waits},
};

/// When a wait whose agent cannot be used looks again.
const AGENT_AWAY: Duration = Duration::minutes(10);

/// Who is to be reached, and what forbids it.
pub struct Who {
    pub now: Time,
    pub callable: Result<(), NotCallable>,
    pub forbids: Option<Forbids>,
    pub zones: Vec<Tz>,
    pub campaign_zone: Tz,
    pub is_test: bool,
}

impl Who {
    /// The hours that count: for a test lead, who is somebody of the house, every hour does.
    pub fn hours(&self, planned: &CallingHours) -> CallingHours {
        if self.is_test { CallingHours::always() } else { planned.clone() }
    }

    pub fn is_suppressed(&self) -> bool {
        self.forbids == Some(Forbids::Suppressed)
    }

    /// Until when the contact is to be left alone.
    pub fn not_before(&self) -> Option<Time> {
        match self.forbids {
            Some(Forbids::Until(until)) => Some(until),
            Some(Forbids::Suppressed) | None => None,
        }
    }
}

pub async fn who(ctx: &Context, trip: &mut Trip, channel: Channel) -> Result<Who, StepError> {
    let now = ctx.clock.now();
    let zone = trip.campaign.zone;
    let known = zones::candidates(Whereabouts::of_view(trip.look(now)));
    let (workspace, phone) = (trip.loaded.workspace_id, trip.loaded.phone.as_str());
    let hash = ctx.secrets.person_hash(workspace, phone, now).await.map_err(sealed)?;
    let who = (workspace, trip.loaded.lead_id, hash.as_str());
    let forbids = refusals::standing(ctx.db.read(), who, channel, now).await?;
    let zones = zones::or_campaign(known, zone);
    let (callable, is_test) = (callable(phone), trip.loaded.is_test);
    Ok(Who { now, callable, forbids, zones, campaign_zone: zone, is_test })
}

fn sealed(error: SecretError) -> StepError {
    match error {
        SecretError::Store(error) => StepError::Store(error),
        other => StepError::Stuck(other.to_string()),
    }
}

/// The agent that the campaign names, test leads' own one if there is one; none while it is away or off.
pub async fn agent(
    ctx: &Context,
    trip: &Trip,
    (name, test): (&str, Option<&str>),
) -> Result<Option<AgentRow>, StoreError> {
    let name = test.filter(|_| trip.loaded.is_test).unwrap_or(name);
    let found = agents::get(&ctx.db, trip.loaded.workspace_id, name).await?;
    Ok(found.filter(|agent| agent.config.0.active))
}

/// The wait goes on until its agent can be used again.
pub async fn without_agent(
    ctx: &Context,
    trip: &Trip,
    park: &Park,
    name: &str,
) -> Result<Option<Verdict>, StepError> {
    let now = ctx.clock.now();
    let until = (now + AGENT_AWAY).min(park.deadline);
    if waits_already(trip) {
        rest(ctx, trip, until).await?;
        return Ok(None);
    }
    let reason = format!("the agent {name} is off or gone; looked for again");
    Ok(Some(wait("agent_off", reason, (until, Status::PendingAction))))
}

fn waits_already(trip: &Trip) -> bool {
    trip.loaded.reason_code.as_deref() == Some("agent_off") && trip.carry.waits.is_some()
}

/// When a planned call or text is looked after, should its own job be lost.
const LOOK_AGAIN: Duration = Duration::seconds(60);

/// What the submission has shown since its last call or text.
fn shown(trip: &Trip) -> Status {
    trip.carry.waits.map_or(Status::PendingAction, |waits| waits.shown)
}

/// When what is under way is looked at again.
pub fn look_again(ctx: &Context, park: &Park) -> Time {
    (ctx.clock.now() + LOOK_AGAIN).min(park.deadline)
}

/// A call or a text that is planned with this move.
pub fn planned(
    ctx: &Context,
    trip: &Trip,
    (park, agent): (&Park, &AgentRow),
    (code, reason): (&'static str, String),
    reach: Reach,
) -> Verdict {
    let details = json!({ "interactionId": reach.interaction, "agent": agent.name });
    let change = Change::Wait {
        until: look_again(ctx, park),
        shown: shown(trip),
        deadline: None,
        reach: Some(Box::new(reach)),
    };
    Verdict::of(Event::Waits, code, reason).with(details).changing(change)
}

/// The campaign's day is used up: the wait goes on with the next one.
pub async fn used_up(
    ctx: &Context,
    trip: &Trip,
    (park, again): (&Park, Time),
    what: &str,
) -> Result<Option<Verdict>, StepError> {
    let next = (again.min(park.deadline), shown(trip));
    let reason = format!("the campaign has used up its {what} of the day");
    unless_said(ctx, trip, next, wait("budget_used_up", reason, next)).await
}

/// A wait that has come a step further.
pub fn wait(code: &'static str, reason: String, (until, shown): (Time, Status)) -> Verdict {
    let change = Change::Wait { until, shown, deadline: None, reach: None };
    Verdict::of(Event::Waits, code, reason).changing(change)
}

/// Rests until then, unless that is written down already: what has been said is not said twice.
pub async fn unless_said(
    ctx: &Context,
    trip: &Trip,
    (until, shown): (Time, Status),
    verdict: Verdict,
) -> Result<Option<Verdict>, StepError> {
    if trip.carry.waits == Some(Waits { until, shown }) {
        rest(ctx, trip, until).await?;
        return Ok(None);
    }
    Ok(Some(verdict))
}

/// Looks at the submission again then, unless its bell has been rung since it was loaded.
pub async fn rest(ctx: &Context, trip: &Trip, until: Time) -> Result<(), StoreError> {
    parking::rest(&ctx.db, &trip.loaded, until).await
}

/// Why nothing was sent, as the decisions know it; none when it says nothing about the person or the provider.
pub fn refusal(error: Option<&str>) -> Option<RefusalKind> {
    match NotMade::of(error?)? {
        NotMade::BadNumber => Some(RefusalKind::BadNumber),
        NotMade::OptedOut => Some(RefusalKind::OptedOut),
        NotMade::Misconfigured => Some(RefusalKind::Misconfigured),
        NotMade::Busy | NotMade::Lost => Some(RefusalKind::Busy(None)),
        // The hours, the person's word and the campaign's day are looked at anew each time.
        NotMade::Suppressed | NotMade::Hours | NotMade::Budget | NotMade::Withdrawn => None,
    }
}

/// The first moment of the campaign's next day, when something used up the budget of the day that it is now.
pub fn budget_again_at(error: Option<&str>, at: Time, who: &Who) -> Option<Time> {
    if NotMade::of(error?) != Some(NotMade::Budget) {
        return None;
    }
    let day = |time: Time| time.with_timezone(&who.campaign_zone).date_naive();
    let today = day(who.now);
    if day(at) != today {
        return None;
    }
    let midnight = today.succ_opt()?.and_time(NaiveTime::MIN);
    // Where the clock skips midnight, the day begins an hour later.
    let zone = who.campaign_zone;
    let begins = zone.from_local_datetime(&midnight).earliest();
    let begins =
        begins.or_else(|| zone.from_local_datetime(&(midnight + Duration::hours(1))).earliest())?;
    Some(begins.to_utc())
}

/// What was learnt from the person, by questionnaire key, as answers of the submission. What does not fit there is left out.
pub fn answers(learnt: &Map<String, Value>) -> Map<String, Value> {
    let mut fits = Map::new();
    for (key, value) in learnt.iter().filter(|(key, _)| lead::is_key(key) && !key.contains('.')) {
        let one = Map::from_iter([(format!("questionnaire.{key}"), value.clone())]);
        let mut problems = Vec::new();
        reply::answers(&one, &mut problems);
        if problems.is_empty() && fits.len() < reply::ANSWERS_MAX {
            fits.extend(one);
        }
    }
    fits
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn who(now: &str) -> Who {
        Who {
            now: now.parse().unwrap(),
            callable: Ok(()),
            forbids: None,
            zones: Vec::new(),
            campaign_zone: chrono_tz::America::New_York,
            is_test: false,
        }
    }

    #[test]
    fn a_used_up_day_ends_at_the_campaigns_own_midnight() {
        let at: Time = "2026-11-24T20:00:00Z".parse().unwrap();
        let again = |now| budget_again_at(Some("budget: none left"), at, &who(now));
        let midnight: Time = "2026-11-25T05:00:00Z".parse().unwrap();
        assert_eq!(again("2026-11-24T20:00:00Z"), Some(midnight));
        assert_eq!(again("2026-11-25T04:59:59Z"), Some(midnight));
        assert_eq!(again("2026-11-25T05:00:00Z"), None, "another day has begun");
        assert_eq!(budget_again_at(Some("busy: 429"), at, &who("2026-11-24T20:00:00Z")), None);
    }

    #[test]
    fn what_does_not_fit_a_questionnaire_is_left_out() {
        let learnt = json!({"roof": "tile", "a b": 1, "x.y": 2, "nul": "\0", "n": 5});
        let kept = answers(learnt.as_object().unwrap());
        assert_eq!(
            Value::Object(kept),
            json!({"questionnaire.roof": "tile", "questionnaire.n": 5})
        );
    }
}
