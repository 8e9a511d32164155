//! What proves that a person agreed.
