//! Activities and visits, taken in many at once: contacts found, rows added, sums kept, segments asked again, in one transaction.
use super::{
    Db, StoreError,
    batch::{Batcher, Shape},
    live,
};
use crate::{
    activity::{New, Visit},
    campaign::Problem,
    clock::Time,
    ids::{ActivityId, ContactId},
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

/// Why an activity was refused: the field that names what is not there. Nothing of it was written.
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

async fn take_in(db: Db, calls: Arc<[Call]>) -> Result<Vec<Option<Answer>>, StoreError> {
    let mut tx = db.begin().await?;
    let said = calls.iter().filter_map(|call| match call {
        Call::Visit(visit) => Some(visit),
        Call::Activity(_) => None,
    });
    let visited = visits::take(&mut tx, &said.collect::<Vec<_>>()).await?;
    let told = calls.iter().filter_map(|call| match call {
        Call::Activity(new) => Some(&**new),
        Call::Visit(_) => None,
    });
    let all: Vec<&New> = told.chain(&visited).collect();
    let (answers, touched) = write::record(&mut tx, &all).await?;
    let now = calls.iter().map(Call::heard_at).max().expect("a batch is not empty");
    live::reassess(&mut tx, &touched, now).await?;
    tx.commit().await?;
    let mut answers = answers.into_iter();
    let answer = |call: &Call| match call {
        Call::Activity(_) => answers.next(),
        Call::Visit(_) => None,
    };
    Ok(calls.iter().map(answer).collect())
}
