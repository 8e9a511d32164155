//! Static segments that reactions add contacts to and remove them from.
use super::{Done, wanted};
use crate::{
    automation::{Happened, Occurrence, Want},
    clock::Time,
    store::{
        StoreError, Tx,
        automation::Decided,
        live::{Definitions, Touched, What},
        segments::{self, Move},
    },
};

pub(super) async fn apply(
    tx: &mut Tx,
    definitions: &Definitions,
    decided: &[Decided],
    (done, now): (&mut Done, Time),
) -> Result<(), StoreError> {
    let wishes = wanted(decided, |want| match want {
        Want::Segment { segment, add } => Some((*segment, *add)),
        _ => None,
    });
    let moves: Vec<Move> = wishes
        .iter()
        .map(|one| Move {
            contact: one.state.contact,
            segment: one.what.0,
            add: one.what.1,
            by: one.by(),
            reason: one.reason(),
        })
        .collect();
    let left = segments::move_each(tx, definitions.workspace, &moves, now).await?;
    for ((wish, made), left) in wishes.iter().zip(moves).zip(left) {
        if let Some(why) = left {
            done.left(wish.place, why);
            continue;
        }
        let what = What::fields(["contact.segments"]);
        let mut touched = Touched::new(definitions.workspace, made.contact, what);
        if definitions.is_watched(made.segment) {
            let moved = Occurrence::Segment { segment: made.segment, entered: made.add };
            touched = touched.and(Happened::to_contact(moved));
        }
        done.touched.push(touched);
    }
    Ok(())
}
