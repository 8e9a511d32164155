//! By which channels a person wants to be reached: kept with the contact, in its history, and where calls and texts are checked.
use super::{
    status::{self, Set, StatusChange},
    write::{self, Why, Written},
};
use crate::{
    clock::Time,
    contact::{Contact, ContactStatus, Profile},
    ids::{ContactId, WorkspaceId},
    outreach::agent::Channel,
    store::{
        Db, Ex, StoreError, Tx,
        live::{self, Touched},
        suppressions::{self, CONSENT, Person, Reach, Suppression},
    },
};
use serde_json::{Map, Value, json};

/// How often the transaction is tried when the engine says "try again".
const TRIES: usize = 4;
/// Who changes a contact when the person texts STOP or START.
const BY_TEXT: &str = "the person";

/// What a person said; none: nothing of that channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outs {
    /// Whether they want no mail.
    pub email: Option<bool>,
    pub sms: Option<bool>,
    pub phone: Option<bool>,
    pub push: Option<bool>,
}

impl Outs {
    /// Every channel at once.
    pub fn all(out: bool) -> Self {
        Self { email: Some(out), sms: Some(out), phone: Some(out), push: Some(out) }
    }

    fn apply(self, profile: &mut Profile) {
        for (said, kept) in [
            (self.email, &mut profile.opt_out_email),
            (self.sms, &mut profile.opt_out_sms),
            (self.phone, &mut profile.opt_out_phone),
            (self.push, &mut profile.opt_out_push),
        ] {
            *kept = said.unwrap_or(*kept);
        }
    }
}

/// What a person said of being reached, where and when.
#[derive(Debug, Clone)]
pub struct Consent {
    pub workspace: WorkspaceId,
    pub contact: ContactId,
    pub outs: Outs,
    /// Every channel again, and the contact is active again.
    pub reset: bool,
    /// Where they said so.
    pub source: String,
    /// When they said so.
    pub said_at: Time,
    pub by: String,
}

/// The contact's number as it was read before, and by what it is known to suppressions.
#[derive(Debug, Clone, Copy)]
pub struct Number<'a> {
    pub phone: &'a str,
    pub hash: &'a str,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Kept {
    Yes(Box<Contact>),
    Unknown,
    Merged(ContactId),
    Erased,
    /// The contact has another number than was read before: read it again.
    OtherNumber,
}

/// Keeps what a person said. One who wants no channel at all becomes inactive.
pub async fn keep(
    db: &Db,
    consent: &Consent,
    number: Option<Number<'_>>,
    now: Time,
) -> Result<Kept, StoreError> {
    let mut tries = 1;
    loop {
        match once(db, consent, number, now).await {
            Err(error) if error.is_conflict() && tries < TRIES => tries += 1,
            done => return done,
        }
    }
}

async fn once(
    db: &Db,
    consent: &Consent,
    number: Option<Number<'_>>,
    now: Time,
) -> Result<Kept, StoreError> {
    let mut tx = db.begin().await?;
    let mut touched = Vec::new();
    let kept = within(&mut tx, (consent, number), &mut touched, now).await?;
    if !matches!(kept, Kept::Yes(_)) {
        tx.rollback().await?;
        return Ok(kept);
    }
    live::reassess(&mut tx, &touched, now).await?;
    tx.commit().await?;
    Ok(kept)
}

async fn within(
    tx: &mut Tx,
    (consent, number): (&Consent, Option<Number<'_>>),
    touched: &mut Vec<Touched>,
    now: Time,
) -> Result<Kept, StoreError> {
    let locked = write::lock(tx, consent.workspace, &[consent.contact]).await?;
    let Some(before) = locked.into_iter().next() else { return Ok(Kept::Unknown) };
    if before.profile.phone.as_deref() != number.map(|number| number.phone) {
        return Ok(Kept::OtherNumber);
    }
    match (before.merged_into, before.erased_at) {
        (Some(into), _) => return Ok(Kept::Merged(into)),
        (None, Some(_)) => return Ok(Kept::Erased),
        (None, None) => {}
    }
    let outs = if consent.reset { Outs::all(false) } else { consent.outs };
    let mut after = before.clone();
    outs.apply(&mut after.profile);
    let to = status_after(consent, &after);
    let written = Written { before, after: after.clone(), why: why(consent) };
    touched.extend(write::write(tx, &[written], now).await?);
    if let Some(number) = number {
        suppress(tx, consent, (outs, number), now).await?;
    }
    let Some(change) = to else { return Ok(Kept::Yes(Box::new(reread(tx, &after).await?))) };
    match status::set_status(tx, &change, touched, now).await? {
        Set::Yes { contact, .. } => Ok(Kept::Yes(contact)),
        _ => Ok(Kept::Unknown),
    }
}

/// The contact as it was written a moment ago.
async fn reread(tx: &mut Tx, contact: &Contact) -> Result<Contact, StoreError> {
    let found = super::read::get_many(tx.ex(), contact.workspace_id, &[contact.id]).await?;
    found
        .into_iter()
        .next()
        .ok_or_else(|| StoreError::Inconsistent(format!("{} went while it was locked", contact.id)))
}

/// The status that follows from what was said, if another one does.
fn status_after(consent: &Consent, after: &Contact) -> Option<StatusChange> {
    let profile = &after.profile;
    let nothing = profile.opt_out_email
        && profile.opt_out_sms
        && profile.opt_out_phone
        && profile.opt_out_push;
    let (to, reason) = match after.status {
        ContactStatus::Active if nothing => {
            (ContactStatus::Inactive, "the person wants to be reached by no channel")
        }
        status if consent.reset && status != ContactStatus::Active => {
            (ContactStatus::Active, "the person wants to be reached again")
        }
        _ => return None,
    };
    Some(StatusChange {
        workspace: consent.workspace,
        contact: consent.contact,
        to,
        reason: reason.into(),
        by: consent.by.clone(),
    })
}

fn why(consent: &Consent) -> Why {
    let more: Map<String, Value> = Map::from_iter([
        ("source".to_owned(), json!(consent.source)),
        ("saidAt".to_owned(), json!(consent.said_at)),
    ]);
    Why { kind: None, reason: String::new(), by: consent.by.clone(), more, import: None }
}

/// Calls and texts ask the suppressions of the number, whoever's lead it is. What others have said of it (its own STOP, a provider, a
/// person) is not ours to take back.
async fn suppress(
    tx: &mut Tx,
    consent: &Consent,
    (outs, number): (Outs, Number<'_>),
    now: Time,
) -> Result<(), StoreError> {
    let person = Person { workspace: consent.workspace, hash: number.hash };
    for (channel, out) in [(Reach::Sms, outs.sms), (Reach::Voice, outs.phone)] {
        match out {
            None => {}
            Some(true) => {
                let suppression = Suppression {
                    channel,
                    reason: CONSENT.into(),
                    source: consent.by.clone(),
                    created_at: now,
                    expires_at: None,
                };
                suppressions::add(tx.ex(), person, &suppression).await?;
            }
            Some(false) => {
                suppressions::lift(tx.ex(), person, channel, CONSENT).await?;
            }
        }
    }
    Ok(())
}

/// A text by which a person said that they want no texts (STOP), or texts again (START).
#[derive(Debug, Clone, Copy)]
pub struct Texted<'a> {
    pub workspace: WorkspaceId,
    /// The number that it came from.
    pub from: Number<'a>,
    /// The number that it was sent to.
    pub to: &'a str,
    /// Whether it was STOP.
    pub out: bool,
}

/// Keeps it with the contacts that have the number. START leaves those out whose number is suppressed by `consent`: that was said in
/// another way and is taken back in the same. Call it before suppressions are changed, as [`keep`] locks the contact first; answers what
/// to tell [`live::reassess`].
pub(in crate::store) async fn texted(
    tx: &mut Tx,
    said: &Texted<'_>,
    now: Time,
) -> Result<Vec<Touched>, StoreError> {
    let mut touched = Vec::new();
    let person = Person { workspace: said.workspace, hash: said.from.hash };
    let ids = with_number(tx, said).await?;
    let locked = write::lock(tx, said.workspace, &ids).await?;
    if locked.is_empty() || !said.out && suppressions::is_said(tx.ex(), person, CONSENT).await? {
        return Ok(touched);
    }
    for before in locked {
        if before.profile.phone.as_deref() != Some(said.from.phone) || before.merged_into.is_some()
        {
            continue;
        }
        let consent = by_text(said, before.id, now);
        let mut after = before.clone();
        consent.outs.apply(&mut after.profile);
        let to = status_after(&consent, &after);
        let written = Written { before, after, why: why(&consent) };
        touched.extend(write::write(tx, &[written], now).await?);
        if let Some(change) = to {
            status::set_status(tx, &change, &mut touched, now).await?;
        }
    }
    Ok(touched)
}

fn by_text(said: &Texted<'_>, contact: ContactId, now: Time) -> Consent {
    Consent {
        workspace: said.workspace,
        contact,
        outs: Outs { sms: Some(said.out), ..Outs::default() },
        reset: false,
        source: format!("text to {}", said.to),
        said_at: now,
        by: BY_TEXT.into(),
    }
}

async fn with_number(tx: &mut Tx, said: &Texted<'_>) -> Result<Vec<ContactId>, StoreError> {
    let found: Vec<(ContactId,)> = tx
        .ex()
        .sql("SELECT c.id FROM contact c WHERE c.workspace_id = $1 AND c.phone = $2 AND c.erased_at IS NULL")
        .bind(said.workspace)
        .bind(said.from.phone)
        .all()
        .await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// What a contact's own word says against calls and texts, whatever number its lead has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Word {
    opt_out_email: bool,
    opt_out_sms: bool,
    opt_out_phone: bool,
    do_not_contact_until: Option<Time>,
}

impl Word {
    /// Whether the contact wants no calls, or no texts.
    pub fn is_out(&self, channel: Channel) -> bool {
        match channel {
            Channel::Voice => self.opt_out_phone,
            Channel::Sms => self.opt_out_sms,
        }
    }

    /// Before when nobody may call or text, if that is still to come.
    pub fn not_before(&self, now: Time) -> Option<Time> {
        self.do_not_contact_until.filter(|until| now < *until)
    }

    /// The same as suppressions.
    pub fn suppressions(&self, now: Time) -> Vec<Suppression> {
        let outs = [
            (Reach::Sms, self.opt_out_sms),
            (Reach::Voice, self.opt_out_phone),
            (Reach::Email, self.opt_out_email),
        ];
        let suppression = |(channel, _)| Suppression {
            channel,
            reason: CONSENT.into(),
            source: "the contact".into(),
            created_at: now,
            expires_at: None,
        };
        outs.into_iter().filter(|(_, out)| *out).map(suppression).collect()
    }
}

/// What a contact's own word is.
pub async fn word(
    ex: Ex<'_>,
    (workspace, contact): (WorkspaceId, ContactId),
) -> Result<Word, StoreError> {
    let word = ex
        .sql(
            "SELECT opt_out_email, opt_out_sms, opt_out_phone, do_not_contact_until
             FROM contact WHERE workspace_id = $1 AND id = $2",
        )
        .bind(workspace)
        .bind(contact)
        .optional()
        .await?;
    Ok(word.unwrap_or_default())
}
