//! What is wrong with a configuration, and where.
pub use crate::rules::Problem;

/// Notes a problem: `refuse(problems, "endpoint.url", "is empty")`.
pub fn refuse(problems: &mut Vec<Problem>, at: impl Into<String>, message: impl Into<String>) {
    problems.push(Problem::new(at, message));
}
