//! What the columns of a file mean: what their names suggest, and whether what somebody says of them makes sense.
use super::{ImportConfig, ImportKind, Mapped};
use crate::{clock::Time, contact::property::Kinds, rules};
use std::collections::BTreeSet;

/// What the names of columns suggest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Suggested {
    pub mapping: Vec<Mapped>,
    /// Columns whose names say nothing to us, in the order of the file.
    pub left_out: Vec<String>,
}

/// Guesses what each column means.
pub fn suggest(header: &[String], kind: ImportKind, properties: &Kinds) -> Suggested {
    let _ = (kind, properties);
    Suggested { left_out: header.to_vec(), ..Suggested::default() }
}

/// What is needed to make a plan.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Of the workspace.
    pub properties: &'a Kinds,
    /// When the rows are read: dates of birth lie before it.
    pub now: Time,
    /// Who is noted beside notes.
    pub by: &'a str,
}

/// How the rows of a file are read: made once, used for every part.
#[derive(Debug, Clone)]
pub struct Plan {
    pub config: ImportConfig,
    /// The fields whose values stay when they are there already.
    pub kept: BTreeSet<String>,
}

impl Plan {
    /// Checks what is to be done with a file of these columns. Problems have paths such as `mapping[3].field`. An empty mapping stands for
    /// what the columns suggest.
    pub fn new(
        config: &ImportConfig,
        header: &[String],
        known: &Known<'_>,
    ) -> Result<Self, Vec<rules::Problem>> {
        let _ = (header, known);
        Ok(Self { config: config.clone(), kept: BTreeSet::new() })
    }
}
