//! The search text: what people type into a search box, and the rule on contacts that it stands for.
//!
//! Text and JSON are two faces of one tree: [`parse`] makes a [`Rule`] of a text, [`write()`] a text of a rule, and reading what was
//! written gives the same rule again. `docs/search.md` describes the language.
//!
//! ```
//! # use shared::{rules::Properties, search};
//! let rule = search::parse("ada -state:(CA, NY) age>=18", &Properties::default()).expect("it is well formed");
//! assert_eq!(search::write(&rule).expect("it is short"), "ada -state:(CA, NY) age>=18");
//! let problems = search::parse("ada OR", &Properties::default()).expect_err("something is missing");
//! assert_eq!(problems[0].position, 6);
//! ```
mod condition;
mod event;
mod fields;
mod read;
mod scan;
mod tree;
mod value;
mod write;

#[cfg(test)]
mod tests;

use crate::rules::{About, PROBLEMS_MAX, Properties, Rule};
use read::Reader;
use serde::{Deserialize, Serialize};

pub use write::write;

/// Characters of a search text, at most.
pub const SEARCH_CHARS_MAX: usize = 16_000;
/// Brackets stand in one another at most this deep.
pub const NESTING_MAX: usize = 16;
/// Words of a phrase, at most.
pub const PHRASE_WORDS_MAX: usize = 8;
/// Words, phrases, conditions and groups of a search text, at most. How many conditions the rule may have is the rule's own limit.
pub const TERMS_MAX: usize = 10_000;

/// What is wrong with a search text, and where.
#[derive(
    Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error, utoipa::ToSchema,
)]
#[error("at character {position}: {message}")]
pub struct Problem {
    /// Characters before the place; 0 is the beginning.
    #[schema(example = 6)]
    pub position: usize,
    /// What is wrong there, and what would be right.
    pub message: String,
}

impl Problem {
    fn new(position: usize, message: impl Into<String>) -> Self {
        Self { position, message: message.into() }
    }
}

/// Why a rule has no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoText {
    #[error("its text would have more than {SEARCH_CHARS_MAX} characters")]
    TooLong,
    #[error("it is about leads")]
    AboutLeads,
}

/// Reads a search text. All problems with conditions are listed, in the order of the text; of a text that cannot be taken apart, the
/// first place where it goes wrong.
pub fn parse(text: &str, properties: &Properties) -> Result<Rule, Vec<Problem>> {
    if text.chars().count() > SEARCH_CHARS_MAX {
        let message = format!("a search has at most {SEARCH_CHARS_MAX} characters");
        return Err(vec![Problem::new(SEARCH_CHARS_MAX, message)]);
    }
    let tree = Reader::new(text, properties).whole().map_err(|problem| vec![problem])?;
    Rule::parse_about(&tree.to_value(), About::Contact(properties)).map_err(|found| {
        let mut problems: Vec<Problem> = found.iter().map(|problem| tree.place(problem)).collect();
        problems.sort_by(|a, b| (a.position, &a.message).cmp(&(b.position, &b.message)));
        problems.dedup();
        problems.truncate(PROBLEMS_MAX);
        problems
    })
}
