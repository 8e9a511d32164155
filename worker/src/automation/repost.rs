//! Sending a lead through its campaign's pipeline (again) because a rule of the campaign says so.
use super::Came;
use crate::context::Context;
use shared::{
    failpoint::failpoint,
    key,
    moves::{
        Refused,
        resend::{self, Sender},
    },
    store::{
        StoreError,
        automation::jobs::Job,
        desk::{self, Ask, Desk, Done, Plan},
        intake::{CampaignRef, RepeatKey},
    },
};

/// Under which the answers of these are kept.
const ROUTE: &str = "automation repost";

/// Does what a person would do, under the job's id: doing it again does nothing.
pub(super) async fn repost(ctx: &Context, job: &Job) -> Result<Came, StoreError> {
    let repeat = RepeatKey {
        route: ROUTE,
        key: job.id.to_string(),
        body_hash: key::hash(job.lead_id.to_string()),
    };
    let ask = Ask {
        workspace: job.workspace_id,
        lead: job.lead_id,
        campaign: Some(CampaignRef::Id(job.campaign_id)),
        repeat: Some(repeat),
        at: ctx.clock.now(),
    };
    let by = format!("automation:{}", job.payload.rule_id);
    let sender = Sender { by: &by, now: ask.at, redeliver_at: ask.at + ctx.settings.redelivery };
    let done = desk::at(&ctx.db, &ask, |desk| plan(desk, sender)).await?;
    failpoint("automation.reposted", &job.lead_id.to_string());
    Ok(match done {
        Done::Did { jobs, .. } => {
            for (stage, submission, generation) in jobs {
                ctx.push.push(stage, submission, generation);
            }
            Came::Done
        }
        Done::Repeated(_) => Came::Done,
        Done::KeyReused => Came::Failed("it was reposted before, as another lead".to_owned()),
        Done::NoSuchLead => Came::Pointless("the lead is not there".to_owned()),
        Done::NoSuchCampaign => Came::Pointless("the campaign is not there".to_owned()),
        Done::Refused(refused) => Came::Failed(refused.to_string()),
    })
}

/// A lead that was only stored is submitted.
fn plan(desk: &Desk, sender: Sender<'_>) -> Result<Plan, Refused> {
    if desk.submissions.is_empty() {
        return resend::submit(desk, sender);
    }
    resend::repost(desk, None, sender)
}
