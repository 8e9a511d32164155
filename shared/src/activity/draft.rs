//! An activity as a sender tells it, and everything that may be wrong with it.
use super::{
    AGE_DAYS_MAX, AHEAD_SECONDS_MAX, DATA_BYTES_MAX, KEY_MAX, NAME_MAX, New, OWN_KEY, PAGE_VISIT,
    TYPE_MAX, Whose,
    page::{Page, URL_MAX},
};
use crate::{
    campaign::Problem,
    clock::Time,
    ids::{ContactId, LeadId, WorkspaceId},
    person,
};
use chrono::{DateTime, SubsecRound, TimeDelta};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Something that a contact did.
#[derive(Debug, Clone, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewActivity, example = json!({
    "email": "maria@example.com", "type": "page_visit", "url": "https://example.com/pricing", "key": "log-2026-11-21-77"
}))]
pub struct Draft {
    /// Whose it is: exactly one of `contactId`, `email` and `phone`.
    pub contact_id: Option<ContactId>,
    /// Case does not matter.
    pub email: Option<String>,
    /// E.164, or a number of the United States.
    pub phone: Option<String>,
    /// The lead that it concerns; it must be the contact's.
    pub lead_id: Option<LeadId>,
    /// `page_visit`, `email_opened`, `email_clicked`, `form_submitted`, `call`, `sms_reply`, or a word of your own: 1 to 64 lower-case
    /// letters, digits and `_`, the first a letter.
    #[serde(rename = "type")]
    pub kind: String,
    /// What exactly, in at most 200 characters: the page's path, the form's or link's name. Rules count by it.
    pub name: Option<String>,
    /// The page of a `page_visit`: its path is the `name` unless one is given, its host is kept in `data.host`. Query and fragment are
    /// not kept.
    pub url: Option<String>,
    /// Anything else, at most 4,096 bytes of JSON.
    #[schema(value_type = Option<Object>)]
    pub data: Option<Map<String, Value>>,
    /// When it happened (RFC 3339); now unless given. At most a minute ahead and 3,660 days ago.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<String>,
    /// Your own id of it, 1 to 200 visible ASCII characters: sent again, it is not counted again.
    pub key: Option<String>,
}

impl Draft {
    /// The activity, or everything that is wrong with it.
    pub fn check(self, workspace: WorkspaceId, now: Time) -> Result<New, Vec<Problem>> {
        let mut problems = Vec::new();
        let whose = self.whose(&mut problems);
        let page = self.page(&mut problems);
        let name = name(self.name.as_deref(), page.as_ref(), &mut problems);
        let mut data = self.data.unwrap_or_default();
        if let Some(page) = page {
            data.insert("host".into(), json!(page.host));
        }
        let bytes = serde_json::to_string(&data).map_or(0, |text| text.len());
        if bytes > DATA_BYTES_MAX {
            let why = format!("has {bytes} bytes; at most {DATA_BYTES_MAX} are allowed");
            problems.push(Problem::new("data", why));
        }
        if let Err(why) = kind(&self.kind) {
            problems.push(Problem::new("type", why));
        }
        let at = moment(self.at.as_deref(), now).unwrap_or_else(|why| {
            problems.push(Problem::new("at", why));
            now
        });
        if let Some(Err(why)) = self.key.as_deref().map(key) {
            problems.push(Problem::new("key", why));
        }
        match whose {
            Some(whose) if problems.is_empty() => Ok(New {
                workspace,
                whose,
                lead: self.lead_id,
                kind: self.kind,
                name,
                data,
                key: self.key,
                at,
                received_at: now,
            }),
            _ => Err(problems),
        }
    }

    fn whose(&self, problems: &mut Vec<Problem>) -> Option<Whose> {
        let given = [self.contact_id.is_some(), self.email.is_some(), self.phone.is_some()];
        if given.into_iter().filter(|given| *given).count() != 1 {
            let why = "must name the contact by exactly one of contactId, email and phone";
            problems.push(Problem::new("", why));
            return None;
        }
        let email = self.email.as_deref().map(|given| ("email", person::email(given)));
        let phone = self.phone.as_deref().map(|given| ("phone", person::phone(given, None)));
        match email.or(phone) {
            None => self.contact_id.map(Whose::Contact),
            Some(("email", Ok(email))) => Some(Whose::Email(email)),
            Some((_, Ok(phone))) => Some(Whose::Phone(phone)),
            Some((path, Err(why))) => {
                problems.push(Problem::new(path, why));
                None
            }
        }
    }

    fn page(&self, problems: &mut Vec<Problem>) -> Option<Page> {
        let url = self.url.as_deref()?;
        let why = if self.kind != PAGE_VISIT {
            format!("is for the type {PAGE_VISIT} only")
        } else {
            match Page::read(url) {
                Some(page) => return Some(page),
                None => format!("must be an http or https URL of at most {URL_MAX} bytes"),
            }
        };
        problems.push(Problem::new("url", why));
        None
    }
}

fn name(given: Option<&str>, page: Option<&Page>, problems: &mut Vec<Problem>) -> String {
    let Some(given) = given.map(str::trim) else {
        return page.map(|page| page.path.clone()).unwrap_or_default();
    };
    let long = given.chars().count();
    if long > NAME_MAX {
        let why = format!("has {long} characters; at most {NAME_MAX} are allowed");
        problems.push(Problem::new("name", why));
    } else if given.chars().any(char::is_control) {
        problems.push(Problem::new("name", "must not contain control characters"));
    }
    given.to_owned()
}

/// Checks a type.
pub fn kind(given: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let fits = given.starts_with(|c: char| c.is_ascii_lowercase())
        && given.len() <= TYPE_MAX
        && given.chars().all(plain);
    if fits {
        return Ok(());
    }
    Err(format!(
        "must be 1 to {TYPE_MAX} lower-case letters, digits and _, the first a letter, such as {PAGE_VISIT}"
    ))
}

fn key(given: &str) -> Result<(), String> {
    if !(1..=KEY_MAX).contains(&given.len()) || !given.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(format!("must be 1 to {KEY_MAX} visible ASCII characters"));
    }
    if given.starts_with(OWN_KEY) {
        return Err(format!("must not begin with {OWN_KEY}, as the keys of tracked visits do"));
    }
    Ok(())
}

fn moment(given: Option<&str>, now: Time) -> Result<Time, String> {
    let Some(given) = given else { return Ok(now) };
    let at = DateTime::parse_from_rfc3339(given);
    let at = at.map_err(|_| "must be a time such as 2026-11-21T12:00:00Z".to_owned())?;
    let at = at.to_utc().trunc_subsecs(6);
    if at > now + TimeDelta::seconds(AHEAD_SECONDS_MAX) {
        return Err(format!("is more than {AHEAD_SECONDS_MAX} seconds in the future"));
    }
    if at < now - TimeDelta::days(AGE_DAYS_MAX) {
        return Err(format!("is more than {AGE_DAYS_MAX} days ago"));
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Time {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }

    fn check(draft: Value) -> Result<New, Vec<String>> {
        let draft: Draft = serde_json::from_value(draft).unwrap();
        let checked = draft.check(WorkspaceId::new(), now());
        checked.map_err(|all| {
            all.into_iter().map(|one| format!("{}: {}", one.path, one.message)).collect()
        })
    }

    #[test]
    fn a_page_visit_is_named_by_its_path_and_keeps_its_host() {
        let visit = json!({"email": "A@Example.com", "type": "page_visit", "url": "https://Shop.example.com/a/B?x=1", "data": {"host": "x", "n": 1}});
        let visit = check(visit).unwrap();
        assert_eq!(visit.whose, Whose::Email("a@example.com".into()));
        assert_eq!((visit.name.as_str(), visit.at), ("/a/B", now()));
        assert_eq!(Value::Object(visit.data), json!({"host": "shop.example.com", "n": 1}));
        let named = json!({"phone": "(415) 555-0100", "type": "page_visit", "url": "https://a.example.com/b", "name": " Pricing "});
        let named = check(named).unwrap();
        assert_eq!(
            (named.name.as_str(), named.whose),
            ("Pricing", Whose::Phone("+14155550100".into()))
        );
    }

    #[test]
    fn times_are_cut_to_microseconds_and_neither_old_nor_ahead() {
        let at = |at: &str| check(json!({"email": "a@b.co", "type": "call", "at": at}));
        assert_eq!(at("2026-11-21T13:01:00+01:00").unwrap().at, now() + TimeDelta::minutes(1));
        assert_eq!(
            at("2026-11-21T11:00:00.1234567Z").unwrap().at.timestamp_subsec_nanos(),
            123_456_000
        );
        assert!(at("2016-11-14T12:00:00Z").is_ok());
        for (bad, why) in [
            ("2026-11-21T12:01:00.1Z", "at: is more than 60 seconds in the future"),
            ("2016-11-12T12:00:00Z", "at: is more than 3660 days ago"),
            ("yesterday", "at: must be a time such as 2026-11-21T12:00:00Z"),
        ] {
            assert_eq!(at(bad).unwrap_err(), [why]);
        }
    }

    #[test]
    fn every_problem_is_listed_at_once() {
        let bad = json!({"email": "nobody", "type": "Page Visit", "name": "a\nb", "url": "x", "key": "visit:1", "at": "x",
            "data": {"x": "y".repeat(DATA_BYTES_MAX)}});
        assert_eq!(
            check(bad).unwrap_err(),
            [
                "email: is not an email address; it looks like name@example.com",
                "url: is for the type page_visit only",
                "name: must not contain control characters",
                "data: has 4104 bytes; at most 4096 are allowed",
                "type: must be 1 to 64 lower-case letters, digits and _, the first a letter, such as page_visit",
                "at: must be a time such as 2026-11-21T12:00:00Z",
                "key: must not begin with visit:, as the keys of tracked visits do",
            ]
        );
        let nobody = json!({"type": "call", "name": "x".repeat(NAME_MAX + 1), "key": "a b"});
        assert_eq!(
            check(nobody).unwrap_err(),
            [
                ": must name the contact by exactly one of contactId, email and phone",
                "name: has 201 characters; at most 200 are allowed",
                "key: must be 1 to 200 visible ASCII characters",
            ]
        );
        let two = json!({"type": "call", "email": "a@b.co", "phone": "4155550100"});
        assert!(check(two).unwrap_err()[0].contains("exactly one"));
    }

    #[test]
    fn types_are_lower_snake_case() {
        for good in
            super::super::KNOWN_TYPES.into_iter().chain(["a", "order_2_placed", &"x".repeat(64)])
        {
            assert_eq!(kind(good), Ok(()), "{good}");
        }
        for bad in ["", "A", "_a", "1a", "a-b", "a b", "\u{e9}", &"x".repeat(65)] {
            assert!(kind(bad).is_err(), "{bad}");
        }
    }
}
