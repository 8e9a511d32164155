//! GET /t/leadrail.js, GET /t/p.gif and POST /t/p: what a page of somebody's website asks for. Whoever asks learns nothing: every answer
//! is the same, whether the site, the browser or the contact is known or not.
use crate::{Api, body::Body};
use axum::{
    extract::{RawQuery, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
};
use chrono::TimeDelta;
use shared::{
    activity::{Visit, visit::is_site_key},
    clock::Time,
    ids::WorkspaceId,
    store::{StoreError, activities::sites},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use url::form_urlencoded;

/// Bytes of what a browser says about a page, at most; more is not read.
pub const VISIT_BYTES_MAX: usize = 8 * 1024;
/// Visits of a site that a process takes in within a minute; more are not kept.
pub const VISITS_PER_MINUTE_MAX: u32 = 60_000;
/// How long a process believes a site that it has looked up: a revoked one works at most this much longer.
const BELIEVED: TimeDelta = TimeDelta::seconds(5);
/// Sites a process remembers, at most.
const REMEMBERED_MAX: usize = 1_024;
/// How long browsers keep the script.
const SCRIPT_KEPT: HeaderValue = HeaderValue::from_static("public, max-age=3600");

const SCRIPT: &str = include_str!("leadrail.js");
/// One transparent dot.
const DOT: &[u8; 43] =
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\
    \x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

type Headers<const N: usize> = [(HeaderName, HeaderValue); N];

/// Pages of all websites may ask, and may show what they get.
fn for_everybody() -> Headers<2> {
    [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("cross-origin"),
        ),
    ]
}

/// What a site's owner puts into each page.
pub fn tag(public_url: &str, key: &str) -> String {
    format!(r#"<script async src="{public_url}/t/leadrail.js?site={key}"></script>"#)
}

/// The tracking script
///
/// For pages of websites; a tracking site's `tag` says how. It reports each page that is shown, unless the browser asks not to be tracked.
#[utoipa::path(
    get, path = "/t/leadrail.js", tag = "Tracking", operation_id = "getTrackingScript",
    params(("site" = Option<String>, Query, description = "The site's key; the script reads it from its own address.")),
    responses((status = 200, description = "The script.", content_type = "text/javascript", body = String)),
    security(())
)]
pub async fn script() -> (Headers<2>, Headers<2>, &'static str) {
    let kind = HeaderValue::from_static("text/javascript; charset=utf-8");
    let own = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, SCRIPT_KEPT)];
    (for_everybody(), own, SCRIPT)
}

/// Report a visit by a picture
///
/// Always answered with the same picture, so that nothing is learnt from it.
#[utoipa::path(
    get, path = "/t/p.gif", tag = "Tracking", operation_id = "reportVisitByPicture",
    params(
        ("site" = Option<String>, Query, description = "The site's key."),
        ("v" = Option<String>, Query, description = "The browser's own random name: 8 to 64 letters, digits, `-` and `_`."),
        ("u" = Option<String>, Query, description = "The page's URL. Query and fragment are not kept."),
        ("t" = Option<String>, Query, description = "The page's title; 200 characters are kept."),
        ("r" = Option<String>, Query, description = "The URL from which the page was reached. Query and fragment are not kept."),
        ("c" = Option<String>, Query, description = "The contact whose browser it is, `contact_…`.")
    ),
    responses((status = 200, description = "A transparent dot.", content_type = "image/gif", body = Vec<u8>)),
    security(())
)]
pub async fn pixel(
    State(api): State<Arc<Api>>,
    RawQuery(query): RawQuery,
) -> (Headers<2>, Headers<2>, &'static [u8]) {
    hear(&api, query.unwrap_or_default().as_bytes()).await;
    let kind = HeaderValue::from_static("image/gif");
    let never = HeaderValue::from_static("no-store");
    let own = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, never)];
    (for_everybody(), own, DOT)
}

/// Report a visit
///
/// The fields of `GET /t/p.gif` as a form, whatever the content type says. Always answered in the same way.
#[utoipa::path(
    post, path = "/t/p", tag = "Tracking", operation_id = "reportVisit",
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "`site`, `v`, `u`, `t`, `r`, `c`."),
    responses((status = 204, description = "It was read.")),
    security(())
)]
pub async fn beacon(
    State(api): State<Arc<Api>>,
    body: Body<VISIT_BYTES_MAX>,
) -> (StatusCode, Headers<2>) {
    hear(&api, &body.raw).await;
    (StatusCode::NO_CONTENT, for_everybody())
}

/// Takes in what a browser said, if there is such a site and it makes sense. What goes wrong here is for our log only.
async fn hear(api: &Api, said: &[u8]) {
    if said.len() > VISIT_BYTES_MAX {
        return;
    }
    let fields: HashMap<String, String> = form_urlencoded::parse(said).into_owned().collect();
    let Some(key) = fields.get("site").filter(|key| is_site_key(key)) else { return };
    let now = api.clock.now();
    let taken = async {
        let Some(workspace) = api.tracking.admit(api, key, now).await? else { return Ok(()) };
        match Visit::read(workspace, &fields, now) {
            Some(visit) => api.activities.visit(visit).await,
            None => Ok(()),
        }
    };
    if let Err::<(), StoreError>(error) = taken.await {
        tracing::warn!(%error, "a visit was not kept");
    }
}

/// Sites that were looked up a moment ago, and how many visits of each were taken in within this minute.
#[derive(Debug, Default)]
pub struct Tracking(Mutex<HashMap<String, Known>>);

#[derive(Debug, Clone, Copy)]
struct Known {
    workspace: Option<WorkspaceId>,
    asked_at: Time,
    minute: i64,
    taken: u32,
}

impl Tracking {
    /// The map is whole after every statement, so a panic elsewhere is no reason to stop.
    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A key that was revoked is looked up again.
    pub fn forget(&self, key: &str) {
        self.known().remove(key);
    }

    /// Whose site it is, when one more of its visits may be taken in.
    async fn admit(
        &self,
        api: &Api,
        key: &str,
        now: Time,
    ) -> Result<Option<WorkspaceId>, StoreError> {
        let fresh = |known: &Known| now - known.asked_at < BELIEVED;
        let before = self.known().get(key).copied();
        if !before.as_ref().is_some_and(fresh) {
            let workspace = sites::by_key(&api.db, key).await?;
            let mut known = self.known();
            if known.len() >= REMEMBERED_MAX && !known.contains_key(key) {
                known.clear();
            }
            let (minute, taken) = before.map_or((0, 0), |before| (before.minute, before.taken));
            let site = Known { workspace, asked_at: now, minute, taken };
            known
                .entry(key.to_owned())
                .and_modify(|known| {
                    (known.workspace, known.asked_at) = (workspace, now);
                })
                .or_insert(site);
        }
        let mut known = self.known();
        let Some(site) = known.get_mut(key) else { return Ok(None) };
        let room = site.count(now);
        Ok(site.workspace.filter(|_| room))
    }
}

impl Known {
    /// Counts one more visit, if there is room for it.
    fn count(&mut self, now: Time) -> bool {
        let minute = now.timestamp().div_euclid(60);
        if minute != self.minute {
            (self.minute, self.taken) = (minute, 0);
        }
        let room = self.taken < VISITS_PER_MINUTE_MAX;
        self.taken += u32::from(room);
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_has_so_many_visits_a_minute() {
        let noon: Time = "2026-11-21T12:00:00Z".parse().unwrap();
        let mut site = Known { workspace: None, asked_at: noon, minute: 0, taken: 0 };
        let taken = (0..=VISITS_PER_MINUTE_MAX).filter(|_| site.count(noon)).count();
        assert_eq!(taken, VISITS_PER_MINUTE_MAX as usize);
        assert!(!site.count(noon + TimeDelta::seconds(59)));
        assert!(site.count(noon + TimeDelta::seconds(60)));
    }

    #[test]
    fn the_script_is_small_and_stands_alone() {
        assert!(SCRIPT.len() < 2_048, "{} bytes", SCRIPT.len());
        for word in
            ["doNotTrack", "globalPrivacyControl", "sendBeacon", "localStorage", "lr_c", "identify"]
        {
            assert!(SCRIPT.contains(word), "the script does not know {word}");
        }
        assert_eq!(SCRIPT.matches("http").count(), 0, "it speaks with where it came from only");
    }
}
