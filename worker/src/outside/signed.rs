//! Posts that whoever gets them can tell apart and check: Standard Webhooks.
use super::{
    auth::{self, NoCredentials},
    http::RESERVED_HEADERS,
};
use crate::context::Context;
use shared::{
    clock::Time, ids::WorkspaceId, outreach::providers::sign, stages::credentials::Trouble,
};

const ID: &str = "webhook-id";
const TIMESTAMP: &str = "webhook-timestamp";
pub const SIGNATURE: &str = "webhook-signature";

/// One post.
#[derive(Debug, Clone, Copy)]
pub struct Post<'a> {
    /// The same for every try of what is posted.
    pub id: &'a str,
    pub at: Time,
    pub body: &'a str,
}

/// The key that a secret of the workspace holds.
pub async fn key(
    ctx: &Context,
    workspace: WorkspaceId,
    secret: &str,
) -> Result<sign::Key, NoCredentials> {
    let opened = auth::open(ctx, workspace, secret).await?;
    sign::decode_secret(opened.value.expose()).map_err(|why| {
        let why = format!("the secret {secret} {why}");
        NoCredentials::Trouble(Trouble::stuck("secret_unusable", why))
    })
}

/// The headers of a post: those that were given, without what the client or this writes itself, and what it is recognised by. It is
/// signed if there is a key.
pub fn headers(
    given: impl Iterator<Item = (String, String)>,
    key: Option<&sign::Key>,
    post: Post<'_>,
) -> Vec<(String, String)> {
    let is_ours = |name: &str| {
        let name = name.to_ascii_lowercase();
        let name = name.as_str();
        RESERVED_HEADERS.contains(&name) || [ID, TIMESTAMP, SIGNATURE].contains(&name)
    };
    let mut headers: Vec<(String, String)> = given.filter(|(name, _)| !is_ours(name)).collect();
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        headers.push(("content-type".into(), "application/json".into()));
    }
    let timestamp = post.at.timestamp();
    if let Some(key) = key {
        let signature = sign::sign(key.bytes(), post.id, timestamp, post.body.as_bytes());
        headers.push((SIGNATURE.into(), signature));
    }
    headers.push((ID.into(), post.id.to_owned()));
    headers.push((TIMESTAMP.into(), timestamp.to_string()));
    headers
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::testing::noon;

    #[test]
    fn nobody_else_says_what_a_post_is_recognised_by() {
        let given =
            [("Webhook-Id", "x"), ("Host", "y"), ("X-Own", "z"), ("Content-Type", "text/json")];
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let post = Post { id: "job_1", at: noon(), body: "{}" };
        let headers = headers(given.into_iter(), None, post);
        let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["X-Own", "Content-Type", "webhook-id", "webhook-timestamp"]);
        assert_eq!(headers[2].1, "job_1");
    }
}
