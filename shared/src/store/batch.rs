//! Group commit: calls that arrive while a transaction is under way share the next one.
use super::StoreError;
use std::{future::Future, sync::Arc};
use tokio::sync::{Semaphore, mpsc, oneshot};

/// Calls that may wait before a caller has to wait for a place in the queue.
const WAITING: usize = 4_096;
/// How often a whole batch is tried again when the engine says "try again" (deadlock, serialisation).
const TRIES: usize = 4;

type Reply<O> = oneshot::Sender<Result<O, StoreError>>;

/// Collects calls and does them together. Cheap to clone; the work ends when the last clone is dropped.
#[derive(Debug)]
pub struct Batcher<I, O> {
    calls: mpsc::Sender<(I, Reply<O>)>,
}

impl<I, O> Clone for Batcher<I, O> {
    fn clone(&self) -> Self {
        Self { calls: self.calls.clone() }
    }
}

/// How a batcher works.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// For logs.
    pub name: &'static str,
    /// Calls that share a transaction, at most.
    pub most: usize,
    /// Transactions under way at once, at most.
    pub at_once: usize,
}

impl<I, O> Batcher<I, O>
where
    I: Clone + Send + Sync + 'static,
    O: Send + 'static,
{
    /// `work` does a batch as one transaction and answers each call, in order. When it fails as a whole, each call is done by
    /// itself, so that one bad row never fails its neighbours.
    pub fn start<F, W>(shape: Shape, work: W) -> Self
    where
        W: Fn(Arc<[I]>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<Vec<O>, StoreError>> + Send + 'static,
    {
        let (calls, mut waiting) = mpsc::channel::<(I, Reply<O>)>(WAITING);
        let free = Arc::new(Semaphore::new(shape.at_once));
        tokio::spawn(async move {
            loop {
                // The place first, then the calls: what arrives while no place is free goes into the next batch.
                let Ok(place) = free.clone().acquire_owned().await else { return };
                let mut batch = Vec::new();
                if waiting.recv_many(&mut batch, shape.most).await == 0 {
                    return;
                }
                let work = work.clone();
                tokio::spawn(async move {
                    answer(shape.name, batch, work).await;
                    drop(place);
                });
            }
        });
        Self { calls }
    }

    /// Does one call with others; answers after the transaction is committed.
    pub async fn call(&self, input: I) -> Result<O, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.calls.send((input, reply)).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Does several calls with others, each with its own answer, in their order; not all need be in one transaction.
    pub async fn call_each(
        &self,
        inputs: Vec<I>,
    ) -> Result<Vec<Result<O, StoreError>>, StoreError> {
        let mut answers = Vec::with_capacity(inputs.len());
        for input in inputs {
            let (reply, answer) = oneshot::channel();
            self.calls.send((input, reply)).await.map_err(|_| StoreError::Closed)?;
            answers.push(answer);
        }
        let mut outputs = Vec::with_capacity(answers.len());
        for answer in answers {
            outputs.push(answer.await.unwrap_or(Err(StoreError::Closed)));
        }
        Ok(outputs)
    }
}

async fn answer<I, O, F, W>(name: &'static str, batch: Vec<(I, Reply<O>)>, work: W)
where
    I: Clone + Send + Sync + 'static,
    W: Fn(Arc<[I]>) -> F,
    F: Future<Output = Result<Vec<O>, StoreError>>,
{
    let (inputs, replies): (Vec<I>, Vec<Reply<O>>) = batch.into_iter().unzip();
    let inputs: Arc<[I]> = inputs.into();
    let whole = persist(inputs.clone(), &work).await;
    match whole {
        Ok(outputs) => {
            assert_eq!(outputs.len(), replies.len(), "{name} answers every call");
            for (reply, output) in replies.into_iter().zip(outputs) {
                let _ = reply.send(Ok(output)); // the caller may have gone
            }
        }
        Err(error) if replies.len() == 1 || error.is_outage() => {
            tracing::warn!(batch = name, calls = replies.len(), %error, "a batch failed");
            for reply in replies {
                let _ = reply.send(Err(error.repeated()));
            }
        }
        Err(error) => {
            tracing::warn!(batch = name, %error, "a batch failed; doing its calls one by one");
            for (input, reply) in inputs.iter().zip(replies) {
                let alone: Arc<[I]> = vec![input.clone()].into();
                let output = persist(alone, &work).await.map(|mut outputs| outputs.remove(0));
                let _ = reply.send(output);
            }
        }
    }
}

/// Tries again at once while the engine asks for it.
async fn persist<I, O, F, W>(inputs: Arc<[I]>, work: &W) -> Result<Vec<O>, StoreError>
where
    W: Fn(Arc<[I]>) -> F,
    F: Future<Output = Result<Vec<O>, StoreError>>,
{
    let mut tries = 1;
    loop {
        match work(inputs.clone()).await {
            Err(error) if error.is_conflict() && tries < TRIES => tries += 1,
            done => return done,
        }
    }
}
