//! The members of a segment from end to end, as contacts.
use crate::{
    contact::Contact,
    ids::{ContactId, SegmentId, WorkspaceId},
    store::{Db, StoreError, contacts, segments},
};

/// The next members, in the order of their ids, after `after` and up to `last`: at most `limit`. Says where to go on, if there may be more.
pub async fn next(
    db: &Db,
    (workspace, segment): (WorkspaceId, SegmentId),
    (after, last): (ContactId, ContactId),
    limit: usize,
) -> Result<(Vec<Contact>, Option<ContactId>), StoreError> {
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut ids = segments::member_ids(db.read(), (workspace, segment), Some(after), most).await?;
    let may_go_on = ids.len() == limit;
    ids.retain(|id| *id <= last);
    let next = ids.last().copied().filter(|id| may_go_on && *id < last);
    let mut found = contacts::read::get_many(db.read(), workspace, &ids).await?;
    found.sort_unstable_by_key(|contact| contact.id);
    Ok((found, next))
}
