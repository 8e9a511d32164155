//! What a person says of being texted: STOP and START hold from the transaction that takes the text in, for every campaign of the
//! workspace; and segments and searches see them in the contact.
use super::AgentRow;
use crate::{
    clock::Time,
    outreach::provider::{InboundText, Keyword},
    store::{
        StoreError, Tx,
        contacts::consent::{self, Number, Texted},
        live::Touched,
        suppressions::{self, Person, Reach, STOP, Suppression},
    },
};

/// The provider's word for it goes before what the text says.
pub(super) fn keyword(text: &InboundText) -> Option<Keyword> {
    text.keyword.or_else(|| Keyword::of(&text.body))
}

/// Keeps what a text says of being texted; `hash` is the person's. Answers what to tell [`crate::store::live::reassess`].
pub(super) async fn keep(
    tx: &mut Tx,
    agent: &AgentRow,
    text: &InboundText,
    hash: &str,
    now: Time,
) -> Result<Vec<Touched>, StoreError> {
    let out = match keyword(text) {
        Some(Keyword::Stop) => true,
        Some(Keyword::Start) => false,
        Some(Keyword::Help) | None => return Ok(Vec::new()),
    };
    let workspace = agent.workspace_id;
    let from = Number { phone: &text.from, hash };
    let touched = consent::texted(tx, &Texted { workspace, from, to: &text.to, out }, now).await?;
    let person = Person { workspace, hash };
    if out {
        let suppression = Suppression {
            channel: Reach::Sms,
            reason: STOP.into(),
            source: format!("text to {}", text.to),
            created_at: now,
            expires_at: None,
        };
        suppressions::add(tx.ex(), person, &suppression).await?;
    } else {
        suppressions::lift_stop(tx.ex(), person).await?;
    }
    Ok(touched)
}
