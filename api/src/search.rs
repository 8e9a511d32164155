//! Finding contacts: by a search text or a rule, which are two faces of one tree.
use crate::{
    Api,
    answer::{Asked, Data, Guarded, Page, Planned, Sent, Success},
    body::{Body, CAMPAIGN_BYTES_MAX},
    caller::{Caller, Scope},
    contacts::answer::Contact,
    error::{ApiError, Detail},
    params::{Limit, PAGE, PAGE_MAX, Query},
    rules::rehearsal,
};
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::{
    contact,
    ids::{ContactId, WorkspaceId},
    plan::{self, Feature, Plan},
    rules::{About, PROPERTY, Properties, Rule},
    search,
    store::{
        Db,
        contacts::search::{Among, Search, count, page},
        properties,
        workspaces::{self, Settings},
    },
};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// Matching contacts are counted up to this.
pub const COUNT_MAX: u64 = 10_000;

/// Which contacts.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ContactQuery {
    /// A search text, such as `ada state:(CA, NY) created:last30d`; everybody when absent or blank.
    pub q: Option<String>,
    /// Whether contacts of status deleted are listed, too.
    #[serde(default)]
    pub include_deleted: bool,
    /// 1 to 100; 50 unless given.
    #[serde(default)]
    #[param(value_type = Option<i64>, minimum = 1, maximum = 100)]
    pub limit: Limit,
    /// The `nextCursor` of the page before.
    pub cursor: Option<ContactId>,
}

/// Whom to look for: either a search text or a rule.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"query": "ada state:(CA, NY) created:last30d", "limit": 20, "count": true}))]
pub struct ContactSearch {
    /// A search text.
    pub query: Option<String>,
    /// Or a condition tree on `contact.…`, `property.…` and `event.…`.
    #[schema(value_type = Option<Object>)]
    pub rule: Option<Value>,
    /// Whether contacts of status deleted are found, too.
    #[serde(default)]
    pub include_deleted: bool,
    /// 1 to 100; 50 unless given.
    #[schema(minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
    /// The `nextCursor` of the page before.
    pub cursor: Option<ContactId>,
    /// Whether to count all that match.
    #[serde(default)]
    pub count: bool,
}

/// How many contacts match.
#[derive(Debug, Serialize, ToSchema)]
pub struct Total {
    /// Counting stops at 10,000.
    pub count: u64,
    /// Whether these are all. When false, there are more.
    pub exact: bool,
}

/// Contacts that match, and both faces of the question.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContactsFound {
    #[serde(flatten)]
    pub page: Page<Contact>,
    /// Null unless asked for with `count`.
    pub total: Option<Total>,
    /// The search text; null when the rule has none.
    pub query: Option<String>,
    /// The rule in its own words.
    #[schema(value_type = Object)]
    pub rule: Value,
}

/// A search text or a rule to look through.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"query": "state:CA age>=18"}))]
pub struct ToParse {
    pub query: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub rule: Option<Value>,
}

/// Both faces of a search, or what is wrong with it.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Parsed {
    /// The search text in its shortest form; null when there are problems, and when the rule has no text.
    pub query: Option<String>,
    /// Null when there are problems.
    #[schema(value_type = Option<Object>)]
    pub rule: Option<Value>,
    /// Why the rule has no text.
    pub no_query: Option<String>,
    pub problems: Vec<ParseProblem>,
}

/// What is wrong, and where.
#[derive(Debug, Serialize, ToSchema)]
pub struct ParseProblem {
    /// Of a text: characters before the place.
    pub position: Option<usize>,
    /// Of a rule: the place in it.
    #[schema(example = "rules[1].operator")]
    pub path: Option<String>,
    pub message: String,
}

/// What somebody asked for, in one of its two faces.
enum Face {
    Text(String),
    Rule(Value),
}

impl Face {
    fn of(query: Option<String>, rule: Option<Value>) -> Result<Self, ApiError> {
        match (query, rule) {
            (Some(text), None) => Ok(Self::Text(text)),
            (None, Some(rule)) => Ok(Self::Rule(rule)),
            _ => {
                let message = "give either query, a search text, or rule, a condition tree";
                Err(ApiError::invalid_at("query", message))
            }
        }
    }

    fn read(&self, properties: &Properties) -> Result<Rule, Vec<ParseProblem>> {
        match self {
            Self::Text(text) => search::parse(text, properties).map_err(|problems| {
                let placed = |one: search::Problem| ParseProblem {
                    position: Some(one.position),
                    path: None,
                    message: one.message,
                };
                problems.into_iter().map(placed).collect()
            }),
            Self::Rule(rule) => {
                Rule::parse_about(rule, About::Contact(properties)).map_err(|problems| {
                    let placed = |one: shared::rules::Problem| ParseProblem {
                        position: None,
                        path: Some(one.path),
                        message: one.message,
                    };
                    problems.into_iter().map(placed).collect()
                })
            }
        }
    }
}

impl ParseProblem {
    /// As a refusal's detail; `field` has the text, `rule` the rule.
    fn detail(self, field: &str) -> Detail {
        match (self.position, self.path) {
            (Some(position), _) => {
                Detail::new(field, format!("at character {position}: {}", self.message))
            }
            (None, path) => {
                let path = path.unwrap_or_default();
                let dot = if path.is_empty() { "" } else { "." };
                Detail::new(format!("rule{dot}{path}"), self.message)
            }
        }
    }
}

/// A search that may be made.
pub(crate) struct Ready {
    pub rule: Option<Rule>,
    pub settings: Settings,
}

/// Reads the search text `q`; everybody when it is absent or blank.
pub(crate) async fn ready_text(
    db: &Db,
    workspace: WorkspaceId,
    q: Option<String>,
) -> Result<Ready, ApiError> {
    let face = q.filter(|text| !text.trim().is_empty()).map(Face::Text);
    ready(db, workspace, face, "q").await
}

/// Reads what is asked for, and whether the workspace may ask it. `field` is what the request calls the text.
async fn ready(
    db: &Db,
    workspace: WorkspaceId,
    face: Option<Face>,
    field: &str,
) -> Result<Ready, ApiError> {
    let settings = workspaces::settings(db.read(), workspace).await?;
    let Some(face) = face else { return Ok(Ready { rule: None, settings }) };
    let properties = properties::readable(db.read(), workspace).await?;
    let rule = face.read(&properties).map_err(|problems| {
        ApiError::invalid(problems.into_iter().map(|one| one.detail(field)).collect())
    })?;
    gate(settings.plan, &rule)?;
    let at = |path: String| match face {
        Face::Text(_) => field.to_owned(),
        Face::Rule(_) => format!("rule{path}"),
    };
    let named = rule.sets().into_iter().map(|(path, set)| (at(path), set.to_owned()));
    let named: Vec<(String, String)> = named.collect();
    let unknown = rehearsal::unknown_sets(db, workspace, &named).await?;
    if unknown.is_empty() {
        Ok(Ready { rule: Some(rule), settings })
    } else {
        Err(ApiError::invalid(unknown))
    }
}

/// Whether the plan includes what the rule reads.
fn gate(plan: Plan, rule: &Rule) -> Result<(), ApiError> {
    let reads_properties = rule.reads().iter().any(|path| path.starts_with(PROPERTY));
    let name = "searches that read custom properties";
    match plan::refusal_of(plan, Feature::PropertyFilters, name) {
        Some(why) if reads_properties => Err(ApiError::plan(why)),
        _ => Ok(()),
    }
}

pub(crate) fn among(include_deleted: bool) -> Among {
    if include_deleted { Among::All } else { Among::Kept }
}

fn on_a_page(found: Vec<contact::Contact>, limit: i64) -> Page<Contact> {
    Page::of(found, limit as usize, |contact| contact.id.to_string())
}

/// List contacts
///
/// Newest first: all of them, or those that a search text finds. The cursor is the last contact's id, so pages stay stable while contacts
/// come in.
#[utoipa::path(
    get, path = "/contacts", tag = "Contacts", operation_id = "listContacts",
    params(ContactQuery),
    responses((status = 200, description = "A page of contacts.", body = Success<Page<Contact>>), Guarded, Planned, Asked)
)]
pub async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Query(query): Query<ContactQuery>,
) -> Result<Data<Page<Contact>>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    let (workspace, limit) = (caller.workspace, query.limit.0);
    let Ready { rule, settings } = ready_text(&api.db, workspace, query.q).await?;
    let (now, among) = (api.clock.now(), among(query.include_deleted));
    let wanted = Search { workspace, rule: rule.as_ref(), now, zone: settings.zone(), among };
    let found = page(&api.db, &wanted, query.cursor, limit as usize + 1).await?;
    Ok(Data(on_a_page(found, limit)))
}

/// Search contacts
///
/// Newest first. The answer has both faces of the question: the search text and the rule. Changes nothing.
#[utoipa::path(
    post, path = "/contacts/search", tag = "Contacts", operation_id = "searchContacts",
    request_body = ContactSearch,
    responses((status = 200, description = "A page of contacts that match.", body = Success<ContactsFound>), Guarded, Planned, Sent)
)]
pub async fn find(
    State(api): State<Arc<Api>>,
    caller: Caller,
    body: Body<CAMPAIGN_BYTES_MAX>,
) -> Result<Data<ContactsFound>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    let form: ContactSearch = body.read()?;
    let limit = form.limit.unwrap_or(PAGE);
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(ApiError::invalid_at(
            "limit",
            format!("must be a number from 1 to {PAGE_MAX}"),
        ));
    }
    let workspace = caller.workspace;
    let face = Face::of(form.query, form.rule)?;
    let Ready { rule, settings } = ready(&api.db, workspace, Some(face), "query").await?;
    let (now, among) = (api.clock.now(), among(form.include_deleted));
    let wanted = Search { workspace, rule: rule.as_ref(), now, zone: settings.zone(), among };
    let found = page(&api.db, &wanted, form.cursor, limit as usize + 1).await?;
    let total = match form.count {
        true => {
            let (count, exact) = count(&api.db, &wanted, COUNT_MAX).await?;
            Some(Total { count, exact })
        }
        false => None,
    };
    Ok(Data(ContactsFound {
        page: on_a_page(found, limit),
        total,
        query: rule.as_ref().and_then(|rule| search::write(rule).ok()),
        rule: rule.as_ref().map(Rule::to_value).unwrap_or_default(),
    }))
}

/// Look a search through
///
/// Turns a search text into the rule that it stands for, or a rule into text. Problems come with their places, in an answer of status 200:
/// it is what was asked for. Neither looks at contacts nor changes anything.
#[utoipa::path(
    post, path = "/search/parse", tag = "Contacts", operation_id = "parseSearch",
    request_body = ToParse,
    responses((status = 200, description = "Both faces, or the problems.", body = Success<Parsed>), Guarded, Sent)
)]
pub async fn parse(
    State(api): State<Arc<Api>>,
    caller: Caller,
    body: Body<CAMPAIGN_BYTES_MAX>,
) -> Result<Data<Parsed>, ApiError> {
    caller.require(Scope::LeadsRead)?;
    let ToParse { query, rule } = body.read()?;
    let face = Face::of(query, rule)?;
    let properties = properties::readable(api.db.read(), caller.workspace).await?;
    Ok(Data(match face.read(&properties) {
        Err(problems) => Parsed { problems, ..Parsed::default() },
        Ok(rule) => {
            let text = search::write(&rule);
            Parsed {
                no_query: text.as_ref().err().map(ToString::to_string),
                query: text.ok(),
                rule: Some(rule.to_value()),
                problems: Vec::new(),
            }
        }
    }))
}
