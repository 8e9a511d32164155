//! POST and DELETE /suppressions/batch: lists of those whom nobody may reach, brought in and taken back.
use super::{Lifted, NewSuppression, unhashed};
use crate::{
    Api,
    answer::{Data, Guarded, Sent, Success},
    body::Body,
    caller::{Caller, Scope},
    error::{ApiError, Detail},
};
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::{
    audit::Entry,
    store::{audit, suppressions},
};
use std::{collections::HashSet, sync::Arc};
use utoipa::ToSchema;

/// Entries of a list, at most.
pub const ENTRIES_MAX: usize = 10_000;
/// Bytes of a list, at most.
pub const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// People who must not be reached.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"entries": [{"phone": "+14155550100"}, {"email": "ada@example.com", "reason": "complaint"}]}))]
pub struct NewSuppressions {
    /// 1 to 10,000.
    pub entries: Vec<NewSuppression>,
}

/// People who may be reached again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"entries": [{"phone": "+14155550100"}]}))]
pub struct ManyLifted {
    /// 1 to 10,000.
    pub entries: Vec<Lifted>,
}

/// What came of a list. What is invalid is left out; the rest is done.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// Entries that were sent.
    pub received: usize,
    /// People and channels of whom something new is known, or who may be reached again.
    pub changed: u64,
    /// Entries that changed nothing: known before, or said twice in the list.
    pub unchanged: u64,
    pub invalid: Vec<Invalid>,
}

/// An entry that cannot be read.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Invalid {
    /// Its place in the list, from 0.
    pub index: usize,
    /// Which of its members.
    pub path: String,
    pub message: String,
}

fn sized(entries: usize) -> Result<(), ApiError> {
    if (1..=ENTRIES_MAX).contains(&entries) {
        return Ok(());
    }
    let rule = format!("has {entries} entries; 1 to {ENTRIES_MAX} are allowed");
    Err(ApiError::invalid_at("entries", rule))
}

/// The entries that can be read, and the others.
fn sorted<T, O>(
    entries: &[T],
    read: impl Fn(&T) -> Result<O, Vec<Detail>>,
) -> (Vec<O>, Vec<Invalid>) {
    let (mut good, mut invalid) = (Vec::with_capacity(entries.len()), Vec::new());
    for (index, entry) in entries.iter().enumerate() {
        match read(entry) {
            Ok(one) => good.push(one),
            Err(problems) => invalid.extend(problems.into_iter().map(|problem| Invalid {
                index,
                path: problem.path,
                message: problem.message,
            })),
        }
    }
    (good, invalid)
}

/// Each text with its hash in its place.
async fn hashed<T>(
    api: &Api,
    caller: &Caller,
    entries: Vec<(String, T)>,
) -> Result<Vec<(String, T)>, ApiError> {
    let (known_as, rest): (Vec<String>, Vec<T>) = entries.into_iter().unzip();
    let now = api.clock.now();
    let hashes = api.secrets.person_hashes(caller.workspace, &known_as, now).await;
    Ok(hashes.map_err(unhashed)?.into_iter().zip(rest).collect())
}

/// Suppress many
///
/// A list of up to 10,000 numbers and addresses, each like the body of `POST /suppressions`. Entries that cannot be read are told with their
/// places and left out; all others count from the answer on. Sending the list again changes nothing.
#[utoipa::path(
    post, path = "/suppressions/batch", tag = "Suppressions", operation_id = "suppressMany",
    request_body = NewSuppressions,
    responses((status = 200, description = "What came of the entries.", body = Success<Listed>), Guarded, Sent)
)]
pub async fn add(
    State(api): State<Arc<Api>>,
    caller: Caller,
    body: Body<BATCH_BYTES_MAX>,
) -> Result<Data<Listed>, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let given: NewSuppressions = body.read()?;
    sized(given.entries.len())?;
    let (by, now) = (caller.by(), api.clock.now());
    let (good, invalid) = sorted(&given.entries, |entry| entry.check(&by, now));
    let read = good.len();
    let said = hashed(&api, &caller, good).await?;
    let mut tx = api.db.begin().await?;
    let changed = suppressions::add_many(tx.ex(), caller.workspace, &said).await?;
    if changed > 0 {
        let entry = Entry::new("suppressions.added", "workspace", caller.workspace);
        let entry = entry.to(json!({ "changed": changed }));
        audit::add(&mut tx, caller.workspace, &caller.actor(), &[entry], now).await?;
    }
    tx.commit().await?;
    let (received, unchanged) = (given.entries.len(), read as u64 - changed);
    Ok(Data(Listed { received, changed, unchanged, invalid }))
}

/// Lift many suppressions
///
/// A list of up to 10,000 numbers and addresses that may be reached again, each like the body of `DELETE /suppressions`. `changed` counts
/// what was taken back, by person and channel.
#[utoipa::path(
    delete, path = "/suppressions/batch", tag = "Suppressions", operation_id = "liftSuppressions",
    request_body = ManyLifted,
    responses((status = 200, description = "What came of the entries.", body = Success<Listed>), Guarded, Sent)
)]
pub async fn remove(
    State(api): State<Arc<Api>>,
    caller: Caller,
    body: Body<BATCH_BYTES_MAX>,
) -> Result<Data<Listed>, ApiError> {
    caller.require(Scope::LeadsWrite)?;
    let given: ManyLifted = body.read()?;
    sized(given.entries.len())?;
    let (good, invalid) = sorted(&given.entries, |entry| entry.check().map_err(|no| vec![no]));
    let read = good.len() as u64;
    let lifted = hashed(&api, &caller, good).await?;
    let mut tx = api.db.begin().await?;
    let gone = suppressions::remove_many(tx.ex(), caller.workspace, &lifted).await?;
    let people: HashSet<&str> = gone.iter().map(String::as_str).collect();
    let changed = gone.len() as u64;
    if changed > 0 {
        let entry = Entry::new("suppressions.lifted", "workspace", caller.workspace);
        let entry = entry.to(json!({ "changed": changed }));
        audit::add(&mut tx, caller.workspace, &caller.actor(), &[entry], api.clock.now()).await?;
    }
    tx.commit().await?;
    let unchanged = read.saturating_sub(people.len() as u64);
    Ok(Data(Listed { received: given.entries.len(), changed, unchanged, invalid }))
}
