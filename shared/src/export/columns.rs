//! The columns of each list: what they are called, which is what an import calls them, and where they are in a row.
use crate::cells;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// What is handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    Leads,
    Contacts,
    Submissions,
}

/// Columns that tell of a lead or a contact what nobody brings in from outside: an import leaves them out unless it is told otherwise.
pub const READ_ONLY: [&str; 14] = [
    "leadStatus",
    "status",
    "isDuplicate",
    "duplicateOf",
    "latestSubmissionId",
    "submissionCount",
    "points",
    "stars",
    "revision",
    "mergedInto",
    "leadSource",
    "createdAt",
    "updatedAt",
    "addedAt",
];

/// Where a column is in a row, and how it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    place: Place,
    form: Form,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// Members in one another.
    Member(Vec<String>),
    /// The answer to the question of this key.
    Answer(String),
    /// The file of this key.
    File(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Texts as they are, lists of texts with `|` between them, everything else as JSON.
    Plain,
    /// The same for texts that may have blanks around them.
    Text,
    /// So that every value can be told from every other.
    Exact,
}

/// Columns that every row has, before those that depend on the rows.
const LEAD_HEAD: [&str; 16] = [
    "leadId",
    "contactId",
    "campaignId",
    "firstName",
    "lastName",
    "email",
    "phone",
    "address.street",
    "address.unit",
    "address.city",
    "address.state",
    "address.zip",
    "address.country",
    "dateOfBirth",
    "country",
    "timezone",
];
/// And after them.
const LEAD_TAIL: [&str; 13] = [
    "notes",
    "isTest",
    "leadStatus",
    "status",
    "isDuplicate",
    "duplicateOf",
    "leadSource",
    "latestSubmissionId",
    "submissionCount",
    "points",
    "stars",
    "createdAt",
    "updatedAt",
];
const CONTACT_HEAD: [&str; 21] = [
    "contactId",
    "firstName",
    "lastName",
    "email",
    "phone",
    "salutation",
    "title",
    "company",
    "website",
    "industry",
    "numberOfEmployees",
    "annualRevenue",
    "gender",
    "dateOfBirth",
    "street",
    "city",
    "state",
    "zip",
    "country",
    "timezone",
    "source",
];
const CONTACT_TAIL: [&str; 11] = [
    "tags",
    "consent.email",
    "consent.sms",
    "consent.phone",
    "consent.push",
    "doNotContactUntil",
    "status",
    "revision",
    "mergedInto",
    "createdAt",
    "updatedAt",
];
const SUBMISSION_HEAD: [&str; 29] = [
    "submissionId",
    "leadId",
    "number",
    "kind",
    "campaignId",
    "campaignCode",
    "campaignName",
    "revision",
    "parentId",
    "run",
    "stage",
    "generation",
    "attempt",
    "dueAt",
    "status",
    "outcome",
    "reasonCode",
    "reason",
    "routing.wasRouted",
    "routing.originalCampaignId",
    "routing.routedToCampaignId",
    "routing.routingMethod",
    "routing.routingRuleName",
    "routing.routingReason",
    "errorFingerprint",
    "buyerLeadId",
    "createdAt",
    "updatedAt",
    "finishedAt",
];

/// Members of an object that each are a column of their own.
struct Group {
    prefix: &'static str,
    at: At,
    form: Form,
}

enum At {
    Map(&'static [&'static str]),
    Answers,
    Files,
}

const fn group(prefix: &'static str, at: At, form: Form) -> Group {
    Group { prefix, at, form }
}

/// The parameters of an attribution come before its named values, whose prefix theirs begins with.
const LEAD_GROUPS: [Group; 6] = [
    group("questionnaire.", At::Answers, Form::Exact),
    group("custom.", At::Map(&["customFields"]), Form::Exact),
    group("attribution.params.", At::Map(&["attribution", "params"]), Form::Exact),
    group("attribution.", At::Map(&["attribution"]), Form::Text),
    group("compliance.", At::Map(&["compliance"]), Form::Exact),
    group("file.", At::Files, Form::Exact),
];
const CONTACT_GROUPS: [Group; 1] = [group("property.", At::Map(&["properties"]), Form::Plain)];

/// The member of an attribution that is no value but a group.
const PARAMS: &str = "params";

impl What {
    /// The word in names of files and in the audit log.
    pub fn word(self) -> &'static str {
        match self {
            Self::Leads => "leads",
            Self::Contacts => "contacts",
            Self::Submissions => "submissions",
        }
    }

    pub(super) fn head(self) -> &'static [&'static str] {
        match self {
            Self::Leads => &LEAD_HEAD,
            Self::Contacts => &CONTACT_HEAD,
            Self::Submissions => &SUBMISSION_HEAD,
        }
    }

    pub(super) fn tail(self) -> &'static [&'static str] {
        match self {
            Self::Leads => &LEAD_TAIL,
            Self::Contacts => &CONTACT_TAIL,
            Self::Submissions => &[],
        }
    }

    fn groups(self) -> &'static [Group] {
        match self {
            Self::Leads => &LEAD_GROUPS,
            Self::Contacts => &CONTACT_GROUPS,
            Self::Submissions => &[],
        }
    }

    /// The groups' prefixes, as an error names them.
    pub(super) fn prefixes(self) -> impl Iterator<Item = &'static str> {
        self.groups().iter().map(|group| group.prefix)
    }

    /// In which order a column of a group stands: by group, then by key.
    pub(super) fn rank(self, name: &str) -> usize {
        let of = |group: &Group| name.starts_with(group.prefix);
        self.groups().iter().position(of).unwrap_or(usize::MAX)
    }

    /// The names of the columns that this row needs beyond those that every row has.
    pub(super) fn wide(self, row: &Value) -> Vec<String> {
        self.groups().iter().flat_map(|group| group.names(row)).collect()
    }
}

impl Group {
    fn names(&self, row: &Value) -> Vec<String> {
        let name = |key: &str| format!("{}{key}", self.prefix);
        match &self.at {
            At::Map(path) => {
                let is_group = |key: &str| path.last() == Some(&"attribution") && key == PARAMS;
                let keys = map(row, path).into_iter().flat_map(Map::keys);
                keys.filter(|key| !is_group(key)).map(|key| name(key)).collect()
            }
            At::Answers => keys(row, "questionnaire", "key").map(name).collect(),
            At::Files => keys(row, "files", "fileKey").map(name).collect(),
        }
    }
}

fn map<'a>(row: &'a Value, path: &[&str]) -> Option<&'a Map<String, Value>> {
    path.iter().try_fold(row, |value, name| value.get(name))?.as_object()
}

fn items<'a>(row: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    row.get(list).and_then(Value::as_array).into_iter().flatten()
}

fn keys<'a>(row: &'a Value, list: &str, member: &'a str) -> impl Iterator<Item = &'a str> {
    items(row, list).filter_map(move |item| item.get(member)?.as_str())
}

impl Column {
    /// The column of that name; none when the list has no such column.
    pub(super) fn named(what: What, name: &str) -> Option<Self> {
        let column = |place: Place, form: Form| Some(Self { name: name.to_owned(), place, form });
        if what.head().contains(&name) || what.tail().contains(&name) {
            let form = match name {
                "notes" => Form::Exact,
                _ if name.starts_with("address.") => Form::Text,
                _ => Form::Plain,
            };
            // What a contact calls its source can be brought in; how a lead came in cannot.
            let path = if name == "leadSource" { "source" } else { name };
            let members = path.split('.').map(str::to_owned).collect();
            return column(Place::Member(members), form);
        }
        let group = what.groups().iter().find(|group| name.starts_with(group.prefix))?;
        let key = &name[group.prefix.len()..];
        match &group.at {
            _ if key.is_empty() => None,
            At::Map(path) if path.last() == Some(&"attribution") && key == PARAMS => None,
            At::Map(path) => {
                let members = path.iter().copied().chain([key]).map(str::to_owned).collect();
                column(Place::Member(members), group.form)
            }
            At::Answers => column(Place::Answer(key.to_owned()), group.form),
            At::Files => column(Place::File(key.to_owned()), group.form),
        }
    }

    /// The value of a row, which is a list's JSON object; none when the row has none.
    pub(super) fn value<'a>(&self, row: &'a Value) -> Option<Cow<'a, Value>> {
        match &self.place {
            Place::Member(path) => {
                let value = path.iter().try_fold(row, |value, name| value.get(name));
                value.map(Cow::Borrowed)
            }
            Place::Answer(key) => {
                let mut answers = items(row, "questionnaire");
                let answer = answers.find(|answer| answer["key"] == key.as_str())?;
                answer.get("answer").map(Cow::Borrowed)
            }
            Place::File(key) => {
                let file = items(row, "files").find(|file| file["fileKey"] == key.as_str())?;
                let mut file = file.as_object()?.clone();
                file.shift_remove("fileKey");
                Some(Cow::Owned(Value::Object(file)))
            }
        }
    }

    /// The cell of a row, not yet neutralised. Empty when the row has no such value.
    pub(super) fn cell<'a>(&self, row: &'a Value) -> Cow<'a, str> {
        let Some(value) = self.value(row) else { return Cow::Borrowed("") };
        match (self.form, value) {
            (Form::Plain, Cow::Borrowed(Value::String(text))) => Cow::Borrowed(text),
            (Form::Text, Cow::Borrowed(Value::String(text))) => cells::write_text(text),
            (Form::Plain | Form::Text, value) => Cow::Owned(list(&value)),
            (Form::Exact, value) => Cow::Owned(cells::write(&value)),
        }
    }
}

/// Texts with `|` between them, if they can be read again from that; everything else as [`cells::write`] has it.
fn list(value: &Value) -> String {
    let texts = value.as_array().into_iter().flatten();
    let Some(texts) = texts.map(Value::as_str).collect::<Option<Vec<&str>>>() else {
        return cells::write(value);
    };
    let joined = texts.join("|");
    if cells::read_texts(&joined) == *value { joined } else { cells::write(value) }
}
