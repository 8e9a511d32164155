//! What reactions want of the outside: rows that a worker takes once this transaction is on disk.
use super::{Done, Note, Wanted, wanted};
use crate::{
    automation::{Want, config::WebhookConfig, doc::stars, program::Program},
    clock::Time,
    ids::AutomationJobId,
    store::{
        StoreError, Tx,
        automation::{
            Decided,
            jobs::{self, JobKind, New, Payload},
        },
        live::Definitions,
    },
};
use serde_json::Value;
use std::collections::HashMap;

/// The kind of a job, and what it needs of its action.
type What<'a> = (JobKind, Option<&'a WebhookConfig>);

pub(super) async fn apply(
    tx: &mut Tx,
    definitions: &Definitions,
    decided: &[Decided],
    (done, now): (&mut Done, Time),
) -> Result<(), StoreError> {
    let wanted = wanted(decided, |want| match want {
        Want::Webhook(webhook) => Some((JobKind::Webhook, Some(webhook))),
        Want::Repost => Some((JobKind::Repost, None)),
        Want::CrmPush => Some((JobKind::CrmPush, None)),
        _ => None,
    });
    let new: Vec<New> = wanted
        .iter()
        .map(|one| {
            let program = definitions.programs.get(&one.state.campaign);
            new(&decided[one.place.lead], one, program.map(AsRef::as_ref))
        })
        .collect();
    let opened: HashMap<_, AutomationJobId> = jobs::open(tx, &new, now).await?;
    for one in &wanted {
        let key = (one.state.lead, one.effect.firing, one.effect.action);
        match opened.get(&key) {
            Some(job) => done.notes.push((one.place, Note::Job(*job))),
            None => done.left(one.place, "it is on its way already"),
        }
    }
    Ok(())
}

fn new(decided: &Decided, one: &Wanted<'_, What<'_>>, program: Option<&Program>) -> New {
    let (kind, webhook) = one.what;
    let firing = decided.outcome.firings.iter().find(|firing| firing.number == one.effect.firing);
    let points = firing.map_or(decided.state.points, |firing| firing.points_after);
    let per_star = program.map_or(1, |program| program.points_per_star);
    New {
        workspace: one.state.workspace,
        campaign: one.state.campaign,
        lead: one.state.lead,
        firing: one.effect.firing,
        action: one.effect.action,
        kind,
        payload: Payload {
            rule_id: one.effect.rule_id.clone(),
            rule_name: one.effect.rule_name.clone(),
            cause: firing.map_or(Value::Null, |firing| firing.cause.clone()),
            points,
            stars: stars(points, per_star),
            status: firing.map_or(decided.state.status, |firing| firing.status_after),
            webhook: webhook.cloned(),
        },
    }
}
