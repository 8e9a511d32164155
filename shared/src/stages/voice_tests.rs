//! Rows and histories.
