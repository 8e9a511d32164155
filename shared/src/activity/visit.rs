//! What a browser reports of a page, the public keys of sites, and what is made of both. Nothing here is refused aloud: who sends it is
//! not known, and what does not fit is left out.
use super::{New, OWN_KEY, PAGE_VISIT, Whose, page::Page};
use crate::{
    clock::Time,
    ids::{ContactId, WorkspaceId},
    key,
};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use uuid::Uuid;

/// How the public keys of sites begin.
pub const SITE_KEY: &str = "trk_";
/// Characters of a site's name, at most.
pub const SITE_NAME_MAX: usize = 100;
/// Sites of a workspace that are not revoked, at most.
pub const SITES_MAX: i64 = 100;
/// Characters of a browser's own name.
pub const VISITOR_CHARS: std::ops::RangeInclusive<usize> = 8..=64;
/// Characters that are kept of a page's title.
pub const TITLE_MAX: usize = 200;
/// Visits kept of a browser that nobody knows, at most; later ones are not kept.
pub const VISITS_KEPT_MAX: i64 = 100;
/// How long they are kept, in days.
pub const VISITS_KEPT_DAYS: i64 = 30;

/// A new public key of a site.
pub fn site_key() -> String {
    format!("{SITE_KEY}{}", key::token())
}

/// Whether a text has the form of a site's key. Says nothing about whether there is such a site.
pub fn is_site_key(given: &str) -> bool {
    let secret = given.strip_prefix(SITE_KEY);
    secret.is_some_and(|secret| key::is_well_formed(&format!("{}{secret}", key::PREFIX)))
}

/// What a browser said.
#[derive(Debug, Clone, PartialEq)]
pub struct Visit {
    pub workspace: WorkspaceId,
    /// The browser's own random name.
    pub visitor: String,
    /// Who it says that it belongs to.
    pub contact: Option<ContactId>,
    /// The page; none when it only says whose it is.
    pub page: Option<Seen>,
    pub at: Time,
}

/// A page that was looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The path.
    pub name: String,
    pub data: Map<String, Value>,
}

impl Visit {
    /// Reads the fields of the pixel: `v` the browser, `c` the contact, `u` the page, `t` its title, `r` where it was reached from.
    /// None when there is nothing to keep.
    pub fn read(
        workspace: WorkspaceId,
        fields: &HashMap<String, String>,
        at: Time,
    ) -> Option<Self> {
        let field = |name: &str| fields.get(name).map(String::as_str);
        let visitor = field("v").filter(|visitor| is_visitor(visitor))?.to_owned();
        let contact = field("c").and_then(|given| ContactId::parse(given).ok());
        let page = field("u").and_then(Page::read);
        let page = page.map(|page| seen(page, field("t"), field("r").and_then(Page::read)));
        if contact.is_none() && page.is_none() {
            return None;
        }
        Some(Self { workspace, visitor, contact, page, at })
    }

    /// The activity that the visit is once it is known whose.
    pub fn activity(&self, contact: ContactId) -> Option<New> {
        let page = self.page.clone()?;
        Some(of_contact((self.workspace, contact), page, (None, self.at), self.at))
    }
}

/// The activity that a visit becomes which was kept under `id` and is moved now.
pub fn kept(whose: (WorkspaceId, ContactId), page: Seen, (id, at): (Uuid, Time), now: Time) -> New {
    of_contact(whose, page, (Some(format!("{OWN_KEY}{id}")), at), now)
}

fn of_contact(
    (workspace, contact): (WorkspaceId, ContactId),
    page: Seen,
    (key, at): (Option<String>, Time),
    received_at: Time,
) -> New {
    New {
        workspace,
        whose: Whose::Contact(contact),
        lead: None,
        kind: PAGE_VISIT.into(),
        name: page.name,
        data: page.data,
        key,
        at,
        received_at,
    }
}

fn is_visitor(given: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    VISITOR_CHARS.contains(&given.len()) && given.bytes().all(plain)
}

fn seen(page: Page, title: Option<&str>, referrer: Option<Page>) -> Seen {
    let mut data = Map::from_iter([("host".to_owned(), json!(page.host))]);
    let title: String = title.unwrap_or_default().chars().filter(|c| !c.is_control()).collect();
    let title: String = title.trim().chars().take(TITLE_MAX).collect();
    if !title.is_empty() {
        data.insert("title".into(), json!(title));
    }
    if let Some(from) = referrer {
        data.insert("referrer".into(), json!(format!("{}{}", from.host, from.path)));
    }
    Seen { name: page.path, data }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &[(&str, &str)]) -> Option<Visit> {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let at = "2026-11-21T12:00:00Z".parse().unwrap();
        Visit::read(WorkspaceId::new(), &fields.collect(), at)
    }

    #[test]
    fn a_visit_keeps_path_host_title_and_referrer() {
        let url = "https://Example.com/Pricing?email=a@b.co";
        let title = format!(" A\u{0}B\n{} ", "x".repeat(300));
        let visit = read(&[
            ("v", "browser-1"),
            ("u", url),
            ("t", &title),
            ("r", "https://a.example.com/b?q=secret"),
        ]);
        let page = visit.unwrap().page.unwrap();
        assert_eq!(page.name, "/Pricing");
        assert_eq!(page.data["host"], "example.com");
        assert_eq!(page.data["referrer"], "a.example.com/b");
        assert_eq!(page.data["title"], format!("AB{}", "x".repeat(198)));
    }

    #[test]
    fn without_a_browser_or_anything_to_say_there_is_no_visit() {
        let (url, contact) = (("u", "https://example.com/"), ContactId::new().to_string());
        for bad in ["", "short", "with a blank", &"x".repeat(65), "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}"]
        {
            assert_eq!(read(&[("v", bad), url]), None, "{bad}");
        }
        assert_eq!(read(&[url]), None);
        assert_eq!(read(&[("v", "browser-1"), ("u", "nowhere"), ("c", "lead_1")]), None);
        let only = read(&[("v", "browser-1"), ("c", &contact)]).unwrap();
        assert_eq!((only.page, only.contact.map(|id| id.to_string())), (None, Some(contact)));
    }

    #[test]
    fn a_sites_key_is_recognised() {
        let key = site_key();
        assert!(is_site_key(&key), "{key}");
        for bad in ["", SITE_KEY, &key[1..], &format!("{key}0"), "trk_\u{e9}"] {
            assert!(!is_site_key(bad), "{bad}");
        }
    }
}
