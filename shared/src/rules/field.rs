//! A field: what a rule reads, of which type it is, and where its value is.

use super::catalogue::{AGES, About, OPEN, PROPERTY};
use serde::Serialize;
use serde_json::Value;

/// The longest key under an open root, in characters.
pub const KEY_CHARS_MAX: usize = 64;
/// Names that are at most this many edits away are offered as a hint.
const HINT_EDITS_MAX: usize = 3;
/// A hint names at most this many fields.
const HINTS_MAX: usize = 3;
/// A longer unknown name gets no hint, and is cut in the message.
const HINT_CHARS_MAX: usize = 120;

/// The type of a field. It decides which operators apply and how values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Text,
    Number,
    Boolean,
    /// A calendar day.
    Date,
    /// A moment.
    DateTime,
    /// A list of texts or numbers.
    List,
    /// An object with a `status`.
    File,
    /// Ids of what a contact is in: segments, campaigns.
    Members,
    /// How often a contact did something, and when.
    Events,
    /// Known only when the value is seen, such as a questionnaire answer.
    Any,
}

impl Kind {
    /// The lower-case name, as documentation and problems say it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::DateTime => "datetime",
            Self::List => "list",
            Self::File => "file",
            Self::Members => "members",
            Self::Events => "events",
            Self::Any => "any",
        }
    }

    /// Whether two fields of these types can be compared with each other.
    pub(super) fn comparable(self, other: Self) -> bool {
        let dated = |kind| matches!(kind, Self::Date | Self::DateTime);
        let single = |kind| !matches!(kind, Self::List | Self::File | Self::Members | Self::Events);
        let open = self == Self::Any || other == Self::Any;
        single(self) && single(other) && (self == other || open || (dated(self) && dated(other)))
    }
}

/// A field of the catalogue, or a key under one of its open roots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    path: String,
    kind: Kind,
    key_at: usize,
}

impl Field {
    /// Looks the path up among the fields of leads; the error says what is wrong with it and what may have been meant.
    pub fn parse(path: &str) -> Result<Self, String> {
        Self::parse_about(path, About::Lead)
    }

    /// The same, among the fields of what the rule is about.
    pub fn parse_about(path: &str, about: About<'_>) -> Result<Self, String> {
        let field = |kind, key_at| Self { path: path.to_owned(), kind, key_at };
        if path.ends_with(OPEN) {
            return Err(format!("`{path}` needs a key in the place of {OPEN}"));
        }
        if let Some(kind) = about.property(path) {
            return Ok(field(kind, PROPERTY.len()));
        }
        for row in about.rows() {
            if row.path == path {
                // Every catalogue path has a dot before its last part.
                return Ok(field(row.kind, path.rfind('.').map_or(0, |dot| dot + 1)));
            }
            let Some(root) = row.path.strip_suffix(OPEN) else { continue };
            let Some(key) = path.strip_prefix(root) else { continue };
            if is_key(key) {
                return Ok(field(row.kind, root.len()));
            }
            return Err(format!(
                "the key after `{root}` must be 1 to {KEY_CHARS_MAX} of the characters A-Z a-z 0-9 _ . -"
            ));
        }
        Err(unknown(path, about))
    }

    pub fn path(&self) -> &str {
        &self.path
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Finds the value in a lead view. A key is taken as it stands, dots included.
    pub fn find<'a>(&self, doc: &'a Value) -> Option<&'a Value> {
        let (root, key) = self.path.split_at(self.key_at);
        let parts = root.split('.').filter(|part| !part.is_empty());
        parts.into_iter().try_fold(doc, |value, part| value.get(part))?.get(key)
    }

    /// Whether its value can change while nothing but the clock moves.
    pub fn is_time_relative(&self) -> bool {
        AGES.contains(&self.path.as_str())
    }
}

fn is_key(key: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    (1..=KEY_CHARS_MAX).contains(&key.len()) && key.bytes().all(allowed)
}

/// The refusal of an unknown path, with the nearest names that would do.
fn unknown(path: &str, about: About<'_>) -> String {
    if let (Some(_), Some(key)) = (about.properties(), path.strip_prefix(PROPERTY)) {
        return format!("there is no indexed property `{key}`");
    }
    if path.chars().count() > HINT_CHARS_MAX {
        let start: String = path.chars().take(HINT_CHARS_MAX).collect();
        return format!("unknown field `{start}…`");
    }
    let mut near: Vec<(usize, String)> = about
        .rows()
        .iter()
        .filter_map(|row| {
            let name = candidate(row.path, path)?;
            // The same last part under another root is as good a guess as a slip of the pen.
            let same_name = name.rsplit('.').next() == path.rsplit('.').next();
            let far = if same_name { 1 } else { edits(&name.to_lowercase(), &path.to_lowercase()) };
            (far <= HINT_EDITS_MAX).then_some((far, name))
        })
        .collect();
    near.sort_by_key(|(far, _)| *far);
    let names: Vec<String> =
        near.into_iter().take(HINTS_MAX).map(|(_, name)| format!("`{name}`")).collect();
    match names.as_slice() {
        [] => format!("unknown field `{path}`"),
        names => format!("unknown field `{path}`, did you mean {}", names.join(" or ")),
    }
}

/// What the row would be called with the key of the unknown path; none if there is no key.
fn candidate(known: &str, path: &str) -> Option<String> {
    let Some(root) = known.strip_suffix(OPEN) else { return Some(known.to_owned()) };
    let parts = path.splitn(root.matches('.').count() + 1, '.');
    let key = parts.last().filter(|key| is_key(key))?;
    // Without this, every unknown `x.key` would be as near as its last part.
    let written = path.strip_suffix(key)?;
    (edits(&root.to_lowercase(), &written.to_lowercase()) <= HINT_EDITS_MAX)
        .then(|| format!("{root}{key}"))
}

/// Levenshtein's distance in characters.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let swap = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = swap.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}
