//! What leads say of consent is kept as evidence, in the transaction that takes them in.
use super::{Entry, StoreError, Tx, Who};
use crate::{
    evidence,
    store::evidence::{New, add},
};

pub(super) async fn keep(tx: &mut Tx, entries: &[(usize, Entry<'_>)]) -> Result<(), StoreError> {
    let said: Vec<New> = entries.iter().flat_map(|(_, entry)| said(entry)).collect();
    add(tx, &said).await
}

fn said<'a>(entry: &Entry<'a>) -> Vec<New<'a>> {
    let arrival = entry.arrival;
    let (Who::New { details, .. } | Who::Known { details, .. }) = &arrival.who;
    let new = |said| New {
        workspace: arrival.workspace,
        lead: entry.lead,
        said,
        at: arrival.at,
        by: arrival.source,
    };
    evidence::of(&details.compliance, &details.attribution).into_iter().map(new).collect()
}
