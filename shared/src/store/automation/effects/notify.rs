//! Notices that reactions raise, each once a firing.
use super::wanted;
use crate::{
    automation::Want,
    clock::Time,
    store::{
        StoreError, Tx,
        automation::Decided,
        notices::{self, Kind, Notice},
    },
};
use serde_json::json;

pub(super) async fn apply(tx: &mut Tx, decided: &[Decided], now: Time) -> Result<(), StoreError> {
    let wanted = wanted(decided, |want| match want {
        Want::Notify { message } => Some(message),
        _ => None,
    });
    let notices: Vec<Notice> = wanted
        .iter()
        .map(|one| {
            let (state, effect) = (one.state, one.effect);
            Notice {
                workspace: state.workspace,
                campaign: Some(state.campaign),
                kind: Kind::Automation,
                subject: format!(
                    "automation:{}:{}:{}:{}:{}",
                    state.campaign, effect.rule_id, state.lead, effect.firing, effect.action
                ),
                message: one.what.clone(),
                details: Some(json!({
                    "leadId": state.lead,
                    "contactId": state.contact,
                    "ruleId": effect.rule_id,
                    "ruleName": effect.rule_name,
                    "firing": effect.firing,
                })),
                at: now,
            }
        })
        .collect();
    notices::raise(tx, &notices).await
}
