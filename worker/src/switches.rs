//! Which lanes are paused, and when a worker may hand the next stage to itself.
use shared::{
    store::{Db, StoreError, sweeps},
    submission::Stage,
};
use std::collections::HashSet;
use tokio::sync::watch;

/// The nine lanes' switches.
#[derive(Debug)]
pub struct Switches(Vec<(Stage, watch::Sender<bool>)>);

impl Default for Switches {
    fn default() -> Self {
        Self(Stage::ALL.into_iter().map(|stage| (stage, watch::channel(false).0)).collect())
    }
}

impl Switches {
    /// Whether a worker that has just closed `from` may go on with `to` itself. Delivery is always a hop: a slow buyer must not hold up
    /// the stages before it.
    pub fn may_hand_on(&self, from: Stage, to: Stage) -> bool {
        from != to && to != Stage::Delivery && !self.is_paused(to)
    }

    fn is_paused(&self, stage: Stage) -> bool {
        *self.0[stage as usize].1.borrow()
    }

    /// Follows one lane's switch.
    pub fn paused(&self, stage: Stage) -> watch::Receiver<bool> {
        self.0[stage as usize].1.subscribe()
    }

    /// Reads from the database which lanes are paused.
    pub async fn refresh(&self, db: &Db) -> Result<(), StoreError> {
        let paused: HashSet<String> =
            sweeps::paused_lanes(db).await?.into_iter().map(|paused| paused.lane).collect();
        for (stage, switch) in &self.0 {
            switch.send_if_modified(|now| {
                let wanted = paused.contains(stage.name());
                std::mem::replace(now, wanted) != wanted
            });
        }
        Ok(())
    }
}
