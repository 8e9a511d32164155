//! The contacts of a part come into the static segment that the import names.
use super::{Applied, Stop, Tx, Work};
use crate::{
    automation::{Happened, Occurrence},
    store::{
        live::{Touched, What},
        segments::{Move, move_each, standing},
    },
};

pub(super) async fn add(tx: &mut Tx, work: &Work<'_>, applied: &mut Applied) -> Result<(), Stop> {
    let Some(segment) = work.plan.config.segment_id else { return Ok(()) };
    if let Err(why) = standing(tx, work.workspace, segment).await? {
        return Err(Stop::Hopeless(format!("nobody can be added to the segment {segment}: {why}")));
    }
    let (by, reason) = (work.by(), work.reason());
    let moves: Vec<Move> = applied
        .contacts
        .iter()
        .map(|contact| Move {
            contact: *contact,
            segment,
            add: true,
            by: by.clone(),
            reason: reason.clone(),
        })
        .collect();
    let left = move_each(tx, work.workspace, &moves, work.now).await?;
    let happened = Happened::to_contact(Occurrence::Segment { segment, entered: true });
    for (one, left) in moves.iter().zip(left) {
        if left.is_none() {
            let what = What::fields(["contact.segments"]);
            let touched = Touched::new(work.workspace, one.contact, what);
            applied.touched.push(touched.and(happened.clone()));
        }
    }
    Ok(())
}
