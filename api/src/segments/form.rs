//! What people write about a segment.
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use shared::{
    ids::{ContactId, SegmentId},
    rules::Problem,
    segment::{
        SegmentKind,
        change::Change,
        check::{self, Draft},
        source::Source,
    },
};
use utoipa::ToSchema;

/// Bytes of a body with a rule, at most.
pub const SEGMENT_BYTES_MAX: usize = 256 * 1024;

/// A segment to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"name": "Californian VIPs", "kind": "dynamic", "search": "state:CA tag:vip"}))]
pub struct NewSegment {
    /// 1 to 100 characters; no other segment of the workspace has it.
    pub name: String,
    /// At most 1,000 characters.
    #[serde(default)]
    pub description: String,
    /// `static` unless given.
    pub kind: Option<SegmentKind>,
    /// Of a dynamic one: a condition tree about contacts.
    #[schema(value_type = Option<Object>)]
    pub rule: Option<Value>,
    /// Or the same as a text of the search language.
    pub search: Option<String>,
    /// An IANA name: the zone in which days begin for its rule; the workspace's unless given.
    pub timezone: Option<String>,
    /// Off: members stay as they are. On unless given.
    pub enabled: Option<bool>,
    /// Of a static one: whom it holds at first.
    pub from: Option<Wanted>,
}

/// Contacts that are looked for: by a rule or by a search.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"search": "state:CA tag:vip"}))]
pub struct Wanted {
    /// A condition tree about contacts.
    #[schema(value_type = Option<Object>)]
    pub rule: Option<Value>,
    /// Or a text of the search language.
    pub search: Option<String>,
}

/// What of a segment is to be another. What is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"name": "VIPs", "enabled": false}))]
pub struct ChangedSegment {
    /// 1 to 100 characters; no other segment of the workspace has it.
    pub name: Option<String>,
    /// At most 1,000 characters.
    pub description: Option<String>,
    /// To dynamic: members become those who match the rule, which must be given. To static: members stay as they are, the rule goes.
    pub kind: Option<SegmentKind>,
    /// A condition tree about contacts.
    #[schema(value_type = Option<Object>)]
    pub rule: Option<Value>,
    /// Or a text of the search language.
    pub search: Option<String>,
    /// An IANA name; null: the workspace's zone.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub timezone: Option<Option<String>>,
    /// Off: members stay as they are. On: a dynamic one is built.
    pub enabled: Option<bool>,
}

/// What a copy is called.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"name": "VIPs of next year"}))]
pub struct CopyName {
    /// 1 to 100 characters; no other segment of the workspace has it.
    pub name: String,
}

/// Contacts by their ids.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Contacts {
    /// 1 to 1,000 ids.
    #[schema(min_items = 1, max_items = 1000)]
    pub contact_ids: Vec<ContactId>,
}

/// Contacts that are looked for, to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"search": "state:CA tag:vip"}))]
pub struct FromSearch {
    /// A condition tree about contacts.
    #[schema(value_type = Option<Object>)]
    pub rule: Option<Value>,
    /// Or a text of the search language.
    pub search: Option<String>,
    /// Or another segment of the workspace: its members.
    pub segment_id: Option<SegmentId>,
    /// The `nextCursor` of the answer before, to go on.
    pub cursor: Option<ContactId>,
}

/// Whom a segment would hold.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"search": "state:CA tag:vip"}))]
pub struct Previewed {
    /// A condition tree about contacts.
    #[schema(value_type = Option<Object>)]
    pub rule: Option<Value>,
    /// Or a text of the search language.
    pub search: Option<String>,
    /// An IANA name; the workspace's zone unless given.
    pub timezone: Option<String>,
}

/// Tells null from absent.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(deserializer).map(Some)
}

/// The source among a rule and a search, which must be there.
pub fn source(
    rule: Option<Value>,
    search: Option<String>,
    at: &str,
) -> Result<Source, Vec<Problem>> {
    let missing = || vec![Problem::new(format!("{at}rule"), "is missing: give a rule or a search")];
    Source::of(rule, search, at).map_err(|problem| vec![problem])?.ok_or_else(missing)
}

impl NewSegment {
    /// The draft, and whom it holds at first; every problem of the form otherwise.
    pub fn read(self) -> Result<(Draft, Option<Source>), Vec<Problem>> {
        let kind = self.kind.unwrap_or(SegmentKind::Static);
        let mut problems = Vec::new();
        let is_given = self.rule.is_some() || self.search.is_some();
        let own = Source::of(self.rule, self.search, "").unwrap_or_else(|problem| {
            problems.push(problem);
            None
        });
        let from = self.from.map(|from| source(from.rule, from.search, "from."));
        if from.is_some() && kind == SegmentKind::Dynamic {
            let message =
                "does not belong to a dynamic segment: its members are those who match its rule";
            problems.push(Problem::new("from", message));
        }
        let from = from.transpose().unwrap_or_else(|found| {
            problems.extend(found);
            None
        });
        let draft = Draft {
            name: self.name.trim().to_owned(),
            description: self.description.trim().to_owned(),
            kind,
            source: own,
            timezone: self.timezone,
            is_enabled: self.enabled.unwrap_or(true),
        };
        if problems.is_empty() {
            return Ok((draft, from));
        }
        let mut all = check::shape(&draft);
        // Nobody who gave two is told that one is missing.
        all.retain(|one| one.path != "rule" || draft.source.is_some() || !is_given);
        all.extend(problems);
        Err(all)
    }
}

impl ChangedSegment {
    pub fn read(self) -> Result<Change, Problem> {
        Ok(Change {
            name: self.name.map(|name| name.trim().to_owned()),
            description: self.description.map(|text| text.trim().to_owned()),
            kind: self.kind,
            source: Source::of(self.rule, self.search, "")?,
            timezone: self.timezone,
            is_enabled: self.enabled,
        })
    }
}
