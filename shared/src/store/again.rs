//! Transactions that the engine asks to be done again: deadlocks, serialisation.
use super::StoreError;

/// How often one is tried.
const TRIES: usize = 4;

/// Counts a transaction that failed; says whether it is worth another try.
pub(super) fn again(error: &StoreError, tries: &mut usize) -> bool {
    *tries += 1;
    error.is_conflict() && *tries < TRIES
}
