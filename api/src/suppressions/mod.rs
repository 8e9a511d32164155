//! POST and DELETE /suppressions, one at a time and many at once, POST /suppressions/check, GET /suppressions/summary: whom nobody may reach.
use crate::{
    Api,
    answer::{Data, Guarded, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    error::{ApiError, Code, Detail},
    params::is_near,
};
use axum::extract::State;
use chrono::{DateTime, Datelike, SubsecRound, Utc};
use serde::{Deserialize, Serialize};
use shared::{
    clock::Time,
    person,
    store::{
        secrets::SecretError,
        suppressions::{self, Person, Reach, Suppression},
    },
};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Characters of a reason, at most.
pub const REASON_MAX: usize = 200;

mod batch;
mod summary;

/// Everything about suppressions.
pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(add, remove))
        .routes(routes!(check))
        .routes(routes!(batch::add, batch::remove))
        .routes(routes!(summary::summary))
}

/// A person who must not be reached: by a number, or by an address.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"phone": "+14155550100", "channel": "sms", "reason": "asked by mail"}))]
pub struct NewSuppression {
    /// E.164, or a number of the United States. Either this or `email`.
    pub phone: Option<String>,
    /// An address; case does not matter.
    pub email: Option<String>,
    /// Of a number `all` (calls and texts) unless given; of an address it is `email`.
    pub channel: Option<Reach>,
    /// Why, in at most 200 characters that do not say who; `manual` unless given. A person's own START takes back what has the reason
    /// `stop` and concerns texts.
    pub reason: Option<String>,
    /// From then on the person may be reached again; never unless given. What lasts longer counts.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A person who may be reached again.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"phone": "+14155550100"}))]
pub struct Lifted {
    pub phone: Option<String>,
    pub email: Option<String>,
    /// `all`, which is what is meant unless given, takes everything back, whatever it was for.
    pub channel: Option<Reach>,
}

/// A person who may or may not be reached.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"phone": "+14155550100"}))]
pub struct Asked {
    pub phone: Option<String>,
    pub email: Option<String>,
}

/// Who is meant, as hashes are made of it.
enum Meant {
    Number(String),
    Address(String),
}

impl Meant {
    fn read(phone: Option<&str>, email: Option<&str>) -> Result<Self, Detail> {
        match (phone, email) {
            (Some(phone), None) => person::phone(phone, None)
                .map(Self::Number)
                .map_err(|why| Detail::new("phone", why)),
            (None, Some(email)) => {
                person::email(email).map(Self::Address).map_err(|why| Detail::new("email", why))
            }
            (Some(_), Some(_)) => {
                Err(Detail::new("email", "give a phone or an email; each is suppressed by itself"))
            }
            (None, None) => Err(Detail::new("phone", "is missing; give a phone or an email")),
        }
    }

    fn text(self) -> String {
        match self {
            Self::Number(text) | Self::Address(text) => text,
        }
    }

    /// What is suppressed of it.
    fn channel(&self, given: Option<Reach>) -> Result<Reach, Detail> {
        match (self, given) {
            (Self::Number(_), Some(Reach::Email)) => {
                Err(Detail::new("channel", "email is suppressed by an address, not by a number"))
            }
            (Self::Number(_), given) => Ok(given.unwrap_or_default()),
            (Self::Address(_), None | Some(Reach::All | Reach::Email)) => Ok(Reach::Email),
            (Self::Address(_), Some(Reach::Sms | Reach::Voice)) => {
                Err(Detail::new("channel", "an address is neither called nor texted; leave it out"))
            }
        }
    }
}

impl NewSuppression {
    /// Who is not to be reached, and by what; every problem at once.
    fn check(&self, by: &str, now: Time) -> Result<(String, Suppression), Vec<Detail>> {
        let mut problems = Vec::new();
        let meant = Meant::read(self.phone.as_deref(), self.email.as_deref());
        let reached = meant.and_then(|meant| Ok((meant.channel(self.channel)?, meant.text())));
        let reached = reached.map_err(|problem| problems.push(problem)).ok();
        let reason = self.reason.as_deref().unwrap_or("manual").trim();
        if reason.is_empty() || reason.chars().any(char::is_control) {
            problems.push(Detail::new("reason", "must be words without control characters"));
        } else if reason.chars().count() > REASON_MAX {
            problems.push(Detail::new("reason", format!("has more than {REASON_MAX} characters")));
        }
        if self.expires_at.is_some_and(|until| until <= now || !is_near(until.year())) {
            problems.push(Detail::new("expiresAt", "must be in the future, before the year 10000"));
        }
        match reached {
            Some((channel, known_as)) if problems.is_empty() => {
                let (reason, source) = (reason.to_owned(), by.to_owned());
                let (created_at, expires_at) = (now, self.expires_at.map(micros));
                Ok((known_as, Suppression { channel, reason, source, created_at, expires_at }))
            }
            _ => Err(problems),
        }
    }
}

impl Lifted {
    fn check(&self) -> Result<(String, Reach), Detail> {
        let meant = Meant::read(self.phone.as_deref(), self.email.as_deref())?;
        let everything = self.channel.is_none_or(|channel| channel == Reach::All);
        let channel = if everything { Reach::All } else { meant.channel(self.channel)? };
        Ok((meant.text(), channel))
    }
}

/// By what a person may not be reached.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Suppressed {
    /// Empty: by everything the person may be reached.
    pub suppressed: Vec<Reach>,
}

/// Suppress a number or an address
///
/// From now on no campaign of the workspace calls or texts it, whoever the lead is, nor is what was planned before made; a call that rings
/// already goes on. It outlives the person's data: only a hash is kept, so nobody is ever listed. Repeating it changes nothing.
#[utoipa::path(
    post, path = "/suppressions", tag = "Suppressions", operation_id = "suppress",
    request_body = NewSuppression,
    responses((status = 200, description = "Everything that is suppressed of it.", body = Success<Suppressed>), Guarded, Sent)
)]
pub async fn add(
    State(api): State<Arc<Api>>,
    caller: Caller,
    body: Body,
) -> Result<Data<Suppressed>, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let given: NewSuppression = body.read()?;
    let checked = given.check(&caller.by(), api.clock.now());
    let (known_as, suppression) = checked.map_err(ApiError::invalid)?;
    let hash = hash(&api, &caller, &known_as).await?;
    let person = Person { workspace: caller.workspace, hash: &hash };
    suppressions::suppress(&caller.acting(&api.db), person, &suppression).await?;
    known(&api, &caller, &hash).await
}

/// Lift a suppression
///
/// The number or address may be used again. What stays, say for `all` when `sms` was lifted, is in the answer. Repeating it changes nothing.
#[utoipa::path(
    delete, path = "/suppressions", tag = "Suppressions", operation_id = "liftSuppression",
    request_body = Lifted,
    responses((status = 200, description = "Everything that is still suppressed of it.", body = Success<Suppressed>), Guarded, Sent)
)]
pub async fn remove(
    State(api): State<Arc<Api>>,
    caller: Caller,
    body: Body,
) -> Result<Data<Suppressed>, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let given: Lifted = body.read()?;
    let (known_as, channel) = given.check().map_err(|no| ApiError::invalid(vec![no]))?;
    let hash = hash(&api, &caller, &known_as).await?;
    let person = Person { workspace: caller.workspace, hash: &hash };
    let db = caller.acting(&api.db);
    suppressions::unsuppress(&db, person, channel, api.clock.now()).await?;
    known(&api, &caller, &hash).await
}

/// Check a number or an address
///
/// Whether it is suppressed. Only hashes are kept, so it has to be known to be asked for.
#[utoipa::path(
    post, path = "/suppressions/check", tag = "Suppressions", operation_id = "checkSuppression",
    request_body = Asked,
    responses((status = 200, description = "Everything that is suppressed of it.", body = Success<Suppressed>), Guarded, Sent)
)]
pub async fn check(
    State(api): State<Arc<Api>>,
    caller: Caller,
    body: Body,
) -> Result<Data<Suppressed>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    let Asked { phone, email } = body.read()?;
    let meant = Meant::read(phone.as_deref(), email.as_deref());
    let meant = meant.map_err(|no| ApiError::invalid(vec![no]))?;
    let hash = hash(&api, &caller, &meant.text()).await?;
    known(&api, &caller, &hash).await
}

async fn known(api: &Api, caller: &Caller, hash: &str) -> Result<Data<Suppressed>, ApiError> {
    let person = Person { workspace: caller.workspace, hash };
    let (found, now) = (suppressions::find(&api.db, person).await?, api.clock.now());
    let standing = found.into_iter().filter(|one| one.stands(now));
    Ok(Data(Suppressed { suppressed: standing.map(|one| one.channel).collect() }))
}

/// By what a number (E.164), or an address in lower case, is known in the caller's workspace.
pub async fn hash(api: &Api, caller: &Caller, known_as: &str) -> Result<String, ApiError> {
    let hash = api.secrets.person_hash(caller.workspace, known_as, api.clock.now()).await;
    hash.map_err(unhashed)
}

/// The operator must act; the message says how, and holds no key.
fn unhashed(error: SecretError) -> ApiError {
    match error {
        SecretError::Store(error) => error.into(),
        other => {
            tracing::warn!(error = %other, "numbers and addresses could not be hashed");
            ApiError::new(Code::Conflict, other.to_string())
        }
    }
}

/// As exactly as it is kept.
fn micros(time: DateTime<Utc>) -> Time {
    time.trunc_subsecs(6)
}
