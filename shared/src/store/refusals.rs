//! What forbids that a lead's person is called or texted: what is said of the number, and the contact's own word. It is asked where the
//! call or text is planned, with the claim, and once more before the provider is.
use super::{
    Db, Ex, StoreError,
    contacts::consent,
    interactions::Interaction,
    secrets::{SecretError, Secrets},
    suppressions::{self, Person, Reach},
};
use crate::{
    clock::Time,
    ids::{ContactId, LeadId, WorkspaceId},
    outreach::{agent::Channel, call::NotMade},
};

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forbids {
    Suppressed,
    /// The contact is to be left alone until then.
    Until(Time),
}

impl Forbids {
    /// How it is kept with a call or a text that is not made for it.
    pub fn not_made(self, channel: Channel) -> (NotMade, String) {
        let done = if channel == Channel::Voice { "called" } else { "texted" };
        match self {
            Self::Suppressed => (NotMade::Suppressed, format!("the person must not be {done}")),
            Self::Until(until) => {
                let until = until.to_rfc3339();
                (NotMade::Hours, format!("the contact is to be left alone until {until}"))
            }
        }
    }
}

/// The part of a claim that fails when something forbids it: `$1` is the workspace; the channel's word, the contact's column and the
/// parameters of the number's hash, of now and of the lead are given.
macro_rules! unless_forbidden {
    ($channel:literal, $out:literal, $hash:literal, $now:literal, $lead:literal) => {
        concat!(
            " AND NOT EXISTS (SELECT 1 FROM suppression x WHERE x.workspace_id = $1 AND x.person_hash = ", $hash,
            " AND x.channel IN ('", $channel, "', 'all') AND (x.expires_at IS NULL OR x.expires_at > ", $now, "))",
            " AND NOT EXISTS (SELECT 1 FROM lead l JOIN contact c ON c.workspace_id = $1 AND c.id = l.contact_id",
            " WHERE l.workspace_id = $1 AND l.id = ", $lead, " AND (c.", $out, " OR c.do_not_contact_until > ", $now, "))"
        )
    };
}
pub(super) use unless_forbidden;

#[derive(sqlx::FromRow)]
struct Row {
    said: i64,
    #[sqlx(flatten)]
    word: consent::Word,
}

/// What forbids it now, to a number that is known by this hash. The contact may have another number than its lead.
pub async fn standing(
    ex: Ex<'_>,
    (workspace, lead, person_hash): (WorkspaceId, LeadId, &str),
    channel: Channel,
    now: Time,
) -> Result<Option<Forbids>, StoreError> {
    let found: Option<Row> = ex
        .sql(
            "SELECT c.opt_out_email, c.opt_out_sms, c.opt_out_phone, c.do_not_contact_until,
                (SELECT COUNT(*) FROM suppression x WHERE x.workspace_id = $1 AND x.person_hash = $3
                    AND x.channel IN ($4, 'all') AND (x.expires_at IS NULL OR x.expires_at > $5)) AS said
             FROM lead l JOIN contact c ON c.workspace_id = $1 AND c.id = l.contact_id
             WHERE l.workspace_id = $1 AND l.id = $2",
        )
        .bind(workspace)
        .bind(lead)
        .bind(person_hash)
        .bind(Reach::from(channel))
        .bind(now)
        .optional()
        .await?;
    // A lead that is gone is nobody's to call.
    let Some(found) = found else { return Ok(Some(Forbids::Suppressed)) };
    if found.said > 0 || found.word.is_out(channel) {
        return Ok(Some(Forbids::Suppressed));
    }
    Ok(found.word.not_before(now).map(Forbids::Until))
}

/// [`standing`], of a call or a thread.
pub async fn of(
    ex: Ex<'_>,
    interaction: &Interaction,
    person_hash: &str,
    channel: Channel,
    now: Time,
) -> Result<Option<Forbids>, StoreError> {
    let who = (interaction.workspace_id, interaction.lead_id, person_hash);
    standing(ex, who, channel, now).await
}

/// What forbids that somebody is reached, as it is shown: the contact's word, and every channel that is suppressed, by that word or by what
/// is said of the number and the address. None of the latter when hashes cannot be made: the keys are missing.
pub async fn said_of(
    db: &Db,
    secrets: &Secrets,
    (workspace, contact): (WorkspaceId, ContactId),
    known_as: &[String],
    now: Time,
) -> Result<(consent::Word, Option<Vec<Reach>>), StoreError> {
    let word = consent::word(db.read(), (workspace, contact)).await?;
    let hashes = match secrets.known_hashes(workspace, known_as).await {
        Ok(hashes) => hashes,
        Err(SecretError::Store(error)) => return Err(error),
        Err(_) => return Ok((word, None)),
    };
    let mut said = word.suppressions(now);
    for hash in &hashes {
        said.extend(suppressions::find(db, Person { workspace, hash }).await?);
    }
    said.retain(|one| one.stands(now));
    Ok((word, Some(said.into_iter().map(|one| one.channel).collect())))
}
