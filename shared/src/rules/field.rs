//! The field catalogue: what a rule may read, and of which type it is.

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
            Self::Any => "any",
        }
    }

    /// Whether two fields of these types can be compared with each other.
    pub(super) fn comparable(self, other: Self) -> bool {
        let dated = |kind| matches!(kind, Self::Date | Self::DateTime);
        let single = |kind| !matches!(kind, Self::List | Self::File);
        let open = self == Self::Any || other == Self::Any;
        single(self) && single(other) && (self == other || open || (dated(self) && dated(other)))
    }
}

/// One entry of the catalogue: a field, or with `.<key>` at its end a root that is open for keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FieldRow {
    pub path: &'static str,
    pub kind: Kind,
}

const fn row(path: &'static str, kind: Kind) -> FieldRow {
    FieldRow { path, kind }
}

static CATALOGUE: &[FieldRow] = &[
    row("lead.firstName", Kind::Text),
    row("lead.lastName", Kind::Text),
    row("lead.email", Kind::Text),
    row("lead.phone", Kind::Text),
    row("lead.country", Kind::Text),
    row("lead.dateOfBirth", Kind::Date),
    row(AGE, Kind::Number),
    row("lead.timezone", Kind::Text),
    row("lead.status", Kind::Text),
    row("lead.source", Kind::Text),
    row("lead.isTest", Kind::Boolean),
    row("lead.isDuplicate", Kind::Boolean),
    row("lead.createdAt", Kind::DateTime),
    row("lead.submissionCount", Kind::Number),
    row("address.street", Kind::Text),
    row("address.unit", Kind::Text),
    row("address.city", Kind::Text),
    row("address.state", Kind::Text),
    row("address.zip", Kind::Text),
    row("address.country", Kind::Text),
    row("questionnaire.<key>", Kind::Any),
    row("custom.<key>", Kind::Any),
    row("attribution.captureUrl", Kind::Text),
    row("attribution.referrer", Kind::Text),
    row("attribution.ipAddress", Kind::Text),
    row("attribution.userAgent", Kind::Text),
    row("attribution.gclid", Kind::Text),
    row("attribution.gbraid", Kind::Text),
    row("attribution.wbraid", Kind::Text),
    row("attribution.fbclid", Kind::Text),
    row("attribution.fbc", Kind::Text),
    row("attribution.fbp", Kind::Text),
    row("attribution.ttclid", Kind::Text),
    row("attribution.ttp", Kind::Text),
    row("attribution.msclkid", Kind::Text),
    row("attribution.tblci", Kind::Text),
    row("attribution.adPlatform", Kind::Text),
    row("attribution.capturePlatform", Kind::Text),
    row("attribution.params.<key>", Kind::Any),
    row("compliance.<key>", Kind::Any),
    row("contact.firstName", Kind::Text),
    row("contact.lastName", Kind::Text),
    row("contact.email", Kind::Text),
    row("contact.phone", Kind::Text),
    row("contact.country", Kind::Text),
    row("contact.state", Kind::Text),
    row("contact.city", Kind::Text),
    row("contact.zip", Kind::Text),
    row("contact.timezone", Kind::Text),
    row("contact.status", Kind::Text),
    row("contact.points", Kind::Number),
    row("contact.tags", Kind::List),
    row("contact.createdAt", Kind::DateTime),
    row("contact.lastActivityAt", Kind::DateTime),
    row("computed.<key>", Kind::Any),
    row("campaign.id", Kind::Text),
    row("campaign.code", Kind::Text),
    row("campaign.name", Kind::Text),
    row("submission.number", Kind::Number),
    row("submission.kind", Kind::Text),
    row("submission.createdAt", Kind::DateTime),
    row("file.<key>", Kind::File),
];

/// Reckoned from the date of birth, so it grows on a birthday although nobody wrote it.
const AGE: &str = "lead.age";
/// How an open root ends in the catalogue.
const OPEN: &str = "<key>";

/// Every field that a rule may read, in the order of the lead view.
pub fn catalogue() -> &'static [FieldRow] {
    CATALOGUE
}

/// A field of the catalogue, or a key under one of its open roots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    path: String,
    kind: Kind,
    key_at: usize,
}

impl Field {
    /// Looks the path up; the error says what is wrong with it and what may have been meant.
    pub fn parse(path: &str) -> Result<Self, String> {
        let field = |kind, key_at| Self { path: path.to_owned(), kind, key_at };
        if path.ends_with(OPEN) {
            return Err(format!("`{path}` needs a key in the place of {OPEN}"));
        }
        for row in CATALOGUE {
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
        Err(unknown(path))
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
        self.path == AGE
    }
}

fn is_key(key: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    (1..=KEY_CHARS_MAX).contains(&key.len()) && key.bytes().all(allowed)
}

/// The refusal of an unknown path, with the nearest names that would do.
fn unknown(path: &str) -> String {
    if path.chars().count() > HINT_CHARS_MAX {
        let start: String = path.chars().take(HINT_CHARS_MAX).collect();
        return format!("unknown field `{start}…`");
    }
    let mut near: Vec<(usize, String)> = CATALOGUE
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
