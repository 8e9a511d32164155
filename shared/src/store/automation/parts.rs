//! Many at once in one transaction, and each by itself when something is wrong with one: what is shared by the clock's sweeps.
use crate::{ids::WorkspaceId, store::StoreError};
use std::collections::HashMap;

/// How often the engine may ask to run a transaction again before the rest is left to the next tick.
const CONFLICTS_MAX: usize = 5;

/// What is still to be done, in parts.
#[derive(Debug)]
pub struct Parts<T> {
    /// The next one last.
    open: Vec<Vec<T>>,
    conflicts: usize,
}

impl<T> Parts<T> {
    /// Parts of so many at most, in order.
    pub fn new(items: Vec<T>, size: usize) -> Self {
        let mut open = Vec::new();
        let mut rest = items;
        while rest.len() > size {
            let more = rest.split_off(size);
            open.push(std::mem::replace(&mut rest, more));
        }
        open.push(rest);
        open.retain(|part| !part.is_empty());
        open.reverse();
        Self { open, conflicts: 0 }
    }

    pub fn next(&mut self) -> Option<Vec<T>> {
        self.open.pop()
    }

    /// A part failed, and nothing of it was written: its halves are tried next. One that fails by itself is given back with what was
    /// wrong. It is an error when it is nobody's fault: the database is away, or too much goes on in it.
    pub fn failed(
        &mut self,
        mut part: Vec<T>,
        error: StoreError,
    ) -> Result<Option<(T, StoreError)>, StoreError> {
        if error.is_outage() {
            return Err(error);
        }
        if error.is_conflict() {
            self.conflicts += 1;
            if self.conflicts > CONFLICTS_MAX {
                return Err(error);
            }
            self.open.push(part);
            return Ok(None);
        }
        if part.len() <= 1 {
            return Ok(part.pop().map(|one| (one, error)));
        }
        let second = part.split_off(part.len() / 2);
        self.open.push(second);
        self.open.push(part);
        Ok(None)
    }
}

/// Rows by workspace: the workspace of the first row first, and within each the rows in order.
pub fn by_workspace<T>(rows: Vec<(WorkspaceId, T)>) -> Vec<(WorkspaceId, Vec<T>)> {
    let mut places = HashMap::new();
    let mut found: Vec<(WorkspaceId, Vec<T>)> = Vec::new();
    for (workspace, row) in rows {
        let place = *places.entry(workspace).or_insert_with(|| {
            found.push((workspace, Vec::new()));
            found.len() - 1
        });
        found[place].1.push(row);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong() -> StoreError {
        StoreError::Inconsistent("wrong".into())
    }

    #[test]
    fn parts_come_in_order_and_are_no_larger_than_wanted() {
        let mut parts = Parts::new((0..7).collect(), 3);
        let mut seen = Vec::new();
        while let Some(part) = parts.next() {
            seen.push(part);
        }
        assert_eq!(seen, [vec![0, 1, 2], vec![3, 4, 5], vec![6]]);
        assert_eq!(Parts::<i32>::new(Vec::new(), 3).next(), None);
    }

    #[test]
    fn the_bad_one_is_found_and_all_others_are_done() {
        let mut parts = Parts::new((0..1_000).collect(), 500);
        let (mut done, mut bad, mut tries) = (Vec::new(), Vec::new(), 0);
        while let Some(part) = parts.next() {
            tries += 1;
            if part.contains(&700) {
                bad.extend(parts.failed(part, wrong()).unwrap().map(|(one, _)| one));
            } else {
                done.extend(part);
            }
        }
        assert_eq!((done.len(), bad), (999, vec![700]));
        assert!(done.is_sorted(), "the order is kept");
        assert!(tries < 25, "{tries} tries");
    }

    #[test]
    fn an_outage_is_not_the_fault_of_any() {
        let mut parts = Parts::new(vec![1, 2], 2);
        let part = parts.next().unwrap();
        assert!(parts.failed(part, StoreError::Closed).is_err());
    }
}
