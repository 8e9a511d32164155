//! Activities and visits, taken in many at once: contacts found, rows added, sums kept, segments asked again, in one transaction.
use super::{
    Db, StoreError,
    automation::catch_up,
    batch::{Batcher, Shape},
    live,
};
use crate::{
    activity::{New, Visit},
    campaign::Problem,
    clock::Time,
    ids::{ActivityId, ContactId, WorkspaceId},
};
use std::sync::Arc;

mod people;
pub mod read;
pub mod sites;
mod sums;
mod types;
mod visits;
mod write;

/// Activities and visits that share a transaction, at most.
const MOST: usize = 1_000;

/// Something to take in.
#[derive(Debug, Clone)]
enum Call {
    Activity(Box<New>),
    Visit(Visit),
}

impl Call {
    fn workspace(&self) -> WorkspaceId {
        match self {
            Self::Activity(new) => new.workspace,
            Self::Visit(visit) => visit.workspace,
        }
    }

    fn heard_at(&self) -> Time {
        match self {
            Self::Activity(new) => new.received_at,
            Self::Visit(visit) => visit.at,
        }
    }
}

/// What became of an activity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    pub id: ActivityId,
    pub contact: ContactId,
    /// It was there before, under the same key.
    pub repeated: bool,
}

/// An activity that is kept, or the field that names what is not there; nothing of it was written then.
pub type Answer = Result<Recorded, Problem>;

/// Takes activities and visits in.
#[derive(Debug, Clone)]
pub struct Activities(Batcher<Call, Option<Answer>>);

impl Activities {
    pub fn start(db: Db) -> Self {
        // One at a time: what arrives meanwhile makes the next batch larger, and a row in a large batch costs a fraction.
        let shape = Shape { name: "activities", most: MOST, at_once: 1 };
        Self(Batcher::start(shape, move |calls: Arc<[Call]>| take_in(db.clone(), calls)))
    }

    /// Answers each activity, in order, after it is committed.
    pub async fn record(
        &self,
        news: Vec<New>,
    ) -> Result<Vec<Result<Answer, StoreError>>, StoreError> {
        let calls = news.into_iter().map(|new| Call::Activity(Box::new(new))).collect();
        let answers = self.0.call_each(calls).await?;
        let told = |answer: Result<Option<Answer>, StoreError>| {
            answer?.ok_or_else(|| StoreError::Inconsistent("an activity was not answered".into()))
        };
        Ok(answers.into_iter().map(told).collect())
    }

    /// Takes in what a browser said. What became of it is told to nobody.
    pub async fn visit(&self, visit: Visit) -> Result<(), StoreError> {
        self.0.call(Call::Visit(visit)).await.map(drop)
    }
}

fn told(calls: &[Call]) -> impl Iterator<Item = &New> {
    calls.iter().filter_map(|call| match call {
        Call::Activity(new) => Some(&**new),
        Call::Visit(_) => None,
    })
}

fn said(calls: &[Call]) -> Vec<&Visit> {
    let visits = calls.iter().filter_map(|call| match call {
        Call::Visit(visit) => Some(visit),
        Call::Activity(_) => None,
    });
    visits.collect()
}

async fn take_in(db: Db, calls: Arc<[Call]>) -> Result<Vec<Option<Answer>>, StoreError> {
    let now = calls.iter().map(Call::heard_at).max().expect("a batch is not empty");
    catch_up(&db, &calls, now).await?;
    let mut tx = db.begin().await?;
    let visited = visits::take(&mut tx, &said(&calls)).await?;
    let all: Vec<&New> = told(&calls).chain(&visited).collect();
    let (answers, touched) = write::record(&mut tx, &all).await?;
    live::reassess(&mut tx, &touched, now).await?;
    tx.commit().await?;
    let mut answers = answers.into_iter();
    let answer = |call: &Call| match call {
        Call::Activity(_) => answers.next(),
        Call::Visit(_) => None,
    };
    Ok(calls.iter().map(answer).collect())
}

/// What fell due of the contacts' leads before these calls came is decided first.
async fn catch_up(db: &Db, calls: &[Call], now: Time) -> Result<(), StoreError> {
    if !catch_up::may_be_due(db, calls.iter().map(Call::workspace), now).await? {
        return Ok(());
    }
    let mut tx = db.begin().await?;
    let mut contacts = people::meant(&mut tx, &told(calls).collect::<Vec<_>>()).await?;
    contacts.extend(visits::meant(&mut tx, &said(calls)).await?);
    catch_up::contacts(&mut tx, contacts, now).await?;
    tx.commit().await
}
