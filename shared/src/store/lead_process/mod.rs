//! Leads that were stored only and are to be submitted, many at once.
