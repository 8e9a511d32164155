//! Other campaigns that reactions make their contacts leads of.
use super::{Done, Note, wanted};
use crate::{
    automation::Want,
    clock::Time,
    ids::WorkspaceId,
    store::{
        StoreError, Tx,
        automation::Decided,
        campaign_members::{self, Wish},
    },
};

pub(super) async fn apply(
    tx: &mut Tx,
    workspace: WorkspaceId,
    decided: &[Decided],
    (done, now): (&mut Done, Time),
) -> Result<(), StoreError> {
    let wanted = wanted(decided, |want| match want {
        Want::Campaign(campaign) => Some(*campaign),
        _ => None,
    });
    let wishes: Vec<Wish> = wanted
        .iter()
        .map(|one| Wish {
            contact: one.state.contact,
            campaign: one.what,
            by: one.by(),
            reason: one.reason(),
        })
        .collect();
    let (came, touched) = campaign_members::add_each(tx, workspace, &wishes, now).await?;
    for (one, came) in wanted.iter().zip(came) {
        match came {
            Ok(lead) => done.notes.push((one.place, Note::Lead(lead))),
            Err(why) => done.left(one.place, why),
        }
    }
    done.touched.extend(touched);
    Ok(())
}
