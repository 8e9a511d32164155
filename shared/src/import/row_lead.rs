//! What a row says of a lead. The checks are those of the API.
use super::{
    Draft, Identifier, Plan, Problem,
    fields::Target,
    row::{NOT_BOOLEAN, Said, boolean},
};
use crate::{
    cells,
    ids::LeadId,
    lead::{
        Answer, TEXT_MAX,
        answers::{self, QUESTION_MAX},
        parts::{self, ADDRESS_LINE_MAX, ATTRIBUTION_TEXT_MAX, Attachment, NOTES_MAX, note},
    },
    person,
    store::intake::CampaignRef,
};
use serde_json::{Map, Value};
use std::mem;

/// Reads the cells that say something.
pub(super) fn read(plan: &Plan, number: i64, said: &[Said<'_>]) -> Result<Draft, Vec<Problem>> {
    let country = country(plan, said);
    let draft = Draft { row: number, ..Draft::default() };
    let mut reader = Reader { plan, country: &country, draft, problems: Vec::new() };
    for one in said {
        match reader.take(one) {
            Ok(true) => drop(reader.draft.says.insert(one.column.field.clone())),
            Ok(false) => {}
            Err(why) => reader.problems.push(one.problem(why)),
        }
    }
    if reader.problems.is_empty() { Ok(reader.draft) } else { Err(reader.problems) }
}

/// Whose phone numbers are written without `+`: the row's country, or that of its address, or the plan's.
fn country(plan: &Plan, said: &[Said<'_>]) -> Option<String> {
    let of = |wanted: &dyn Fn(&Target) -> bool| {
        let said = said.iter().find(|one| wanted(&one.column.target))?;
        person::country_code(&said.text.to_ascii_uppercase()).ok()
    };
    of(&|target| *target == Target::Country)
        .or_else(|| of(&|target| matches!(target, Target::Address(line) if line == "country")))
        .or_else(|| plan.config.country.clone())
}

struct Reader<'a> {
    plan: &'a Plan,
    country: &'a Option<String>,
    draft: Draft,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    /// Takes over what a cell says; false: it is not asked.
    fn take(&mut self, said: &Said<'_>) -> Result<bool, String> {
        let (text, draft) = (said.text, &mut self.draft);
        match &said.column.target {
            Target::CampaignId => return self.campaign(text),
            // Who is recognised by something else may have an id of another system there.
            Target::LeadId if self.plan.config.identifier != Identifier::LeadId => {
                return Ok(false);
            }
            Target::LeadId => {
                draft.lead_id = Some(LeadId::parse(text).map_err(|why| why.to_string())?);
            }
            Target::FirstName => draft.first_name = Some(person::name(text)?),
            Target::LastName => draft.last_name = Some(person::name(text)?),
            Target::Email => draft.email = Some(person::email(text)?),
            Target::Phone => draft.phone = Some(person::phone(text, self.country.as_deref())?),
            Target::IsTest => draft.is_test = boolean(text).ok_or(NOT_BOOLEAN)?,
            _ => return self.detail(said).map(|()| true),
        }
        Ok(true)
    }

    /// A campaign that cannot be one is like none when another takes its leads.
    fn campaign(&mut self, text: &str) -> Result<bool, String> {
        match CampaignRef::read(text) {
            Ok(campaign) => self.draft.campaign = Some(campaign),
            Err(_) if self.plan.config.fallback_campaign_id.is_some() => return Ok(false),
            Err(why) => return Err(why),
        }
        Ok(true)
    }

    fn detail(&mut self, said: &Said<'_>) -> Result<(), String> {
        let (text, details) = (said.text, &mut self.draft.details);
        match &said.column.target {
            Target::DateOfBirth => {
                let today = self.plan.now.date_naive();
                details.date_of_birth = Some(person::date_of_birth(text, today)?);
            }
            Target::Country => {
                details.country = Some(person::country_code(&text.to_ascii_uppercase())?);
            }
            Target::Timezone => details.timezone = Some(person::timezone(text)?),
            Target::Address(line) => {
                details
                    .address
                    .insert(line.clone(), short(cells::read_text(text).into(), ADDRESS_LINE_MAX)?);
            }
            Target::Attribution(name) => {
                let value = short(cells::read_text(text).into(), ATTRIBUTION_TEXT_MAX)?;
                details.attribution.insert(name.clone(), value);
            }
            Target::Param(key) => {
                let value = short(param(text), ATTRIBUTION_TEXT_MAX)?;
                let params = details.attribution.entry("params");
                let params = params.or_insert_with(|| Value::Object(Map::new()));
                params.as_object_mut().map(|params| params.insert(key.clone(), value));
            }
            Target::Custom(key) => {
                details.custom_fields.insert(key.clone(), short(cells::read(text), TEXT_MAX)?);
            }
            Target::Compliance(key) => {
                let value = compliance(key, text)?;
                details.compliance.insert(key.clone(), value);
            }
            Target::Answer(key) => details.questionnaire.push(answer(key, said)?),
            Target::File(key) => details.files.push(file(key, text)?),
            Target::Notes => details.notes = notes(self.plan, text)?,
            _ => {}
        }
        Ok(())
    }
}

/// Notes as our own export has them, or a new one.
fn notes(plan: &Plan, text: &str) -> Result<Vec<Value>, String> {
    let notes = match cells::read(text) {
        Value::Array(notes) if notes.iter().all(is_note) => notes,
        Value::String(text) => vec![note(&text, &plan.by, plan.now)],
        _ => vec![note(text, &plan.by, plan.now)],
    };
    for note in &notes {
        short(note["text"].clone(), NOTES_MAX)?;
    }
    Ok(notes)
}

fn is_note(value: &Value) -> bool {
    let known = ["text", "createdAt", "createdBy"];
    value["text"].is_string()
        && value.as_object().is_some_and(|note| {
            note.iter().all(|(name, value)| known.contains(&name.as_str()) && value.is_string())
        })
}

/// The value, if none of its texts is longer than `most`.
fn short(value: Value, most: usize) -> Result<Value, String> {
    checked(|problems| problems.texts("", &value, most))?;
    Ok(value)
}

/// What a check of the API says.
fn checked(check: impl FnOnce(&mut parts::Problems)) -> Result<(), String> {
    let mut problems = parts::Problems::default();
    check(&mut problems);
    match mem::take(&mut problems.0).into_iter().next() {
        None => Ok(()),
        Some(one) if one.path.is_empty() => Err(one.message),
        Some(one) => Err(format!("{} {}", one.path.trim_start_matches('.'), one.message)),
    }
}

/// Text, a number or a boolean.
fn param(text: &str) -> Value {
    match cells::read(text) {
        Value::Array(_) | Value::Object(_) => text.into(),
        value => value,
    }
}

fn compliance(key: &str, text: &str) -> Result<Value, String> {
    if key == "tcpaConsent" {
        return Ok(boolean(text).ok_or(NOT_BOOLEAN)?.into());
    }
    short(cells::read(text), TEXT_MAX)
}

/// The question is the column's name, unless that only repeats the field.
fn answer(key: &str, said: &Said<'_>) -> Result<Answer, String> {
    let answer = cells::read_answer(said.text);
    checked(|problems| answers::check("", &answer, problems))?;
    let column = &said.column.name;
    let is_question = *column != said.column.field && column.chars().count() <= QUESTION_MAX;
    let question = if is_question { column.as_str() } else { key };
    Ok(Answer { key: key.to_owned(), question: question.to_owned(), answer })
}

/// A file as our own export has it, or where a document is.
fn file(key: &str, text: &str) -> Result<Value, String> {
    let form = match cells::read(text) {
        Value::Object(form) => form,
        _ => linked(text),
    };
    let mut form = form;
    form.insert("fileKey".into(), key.into());
    let file: Attachment = serde_json::from_value(Value::Object(form))
        .map_err(|why| format!("is neither an http or https URL nor a file as exported: {why}"))?;
    let mut files = Vec::new();
    checked(|problems| files = parts::files(&[&file], problems))?;
    files.pop().ok_or_else(|| "is no file".into())
}

/// A document by its URL: the last part of the path is its name.
fn linked(url: &str) -> Map<String, Value> {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    let kind = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let members = [("fileName", name), ("fileType", kind), ("documentUrl", url)];
    members.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
}
