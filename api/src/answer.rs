//! What a caller is told when it worked, and how refusals are described in the OpenAPI document.
use crate::error::Code;
use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use utoipa::{
    IntoResponses, ToSchema,
    openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder, response},
};

/// The envelope of everything that worked.
#[derive(Debug, Serialize, ToSchema)]
pub struct Success<T> {
    /// Always true.
    #[serde(serialize_with = "always")]
    #[schema(value_type = bool, example = true)]
    success: (),
    data: T,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn always<S: Serializer>((): &(), s: S) -> Result<S::Ok, S::Error> {
    s.serialize_bool(true)
}

/// An answer that goes out in the envelope, with status 200 unless a handler says otherwise.
#[derive(Debug)]
pub struct Data<T>(pub T);

impl<T: Serialize> IntoResponse for Data<T> {
    fn into_response(self) -> Response {
        Json(Success { success: (), data: self.0 }).into_response()
    }
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Give it as `cursor` to get the next page; null on the last one.
    pub next_cursor: Option<String>,
    pub has_more: bool,
}

impl<T> Page<T> {
    /// A page of at most `limit` of the `found` (one more than that was asked for), the last one's cursor made by `cursor`.
    pub fn of<R>(mut found: Vec<R>, limit: usize, cursor: impl Fn(&R) -> String) -> Self
    where
        T: From<R>,
    {
        let has_more = found.len() > limit;
        found.truncate(limit);
        let next_cursor = found.last().filter(|_| has_more).map(cursor);
        Self { items: found.into_iter().map(T::from).collect(), next_cursor, has_more }
    }
}

/// Sets of refusals that routes have in common, for their descriptions.
macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = [$($code:ident),*];)*) => {$(
        $(#[$doc])*
        pub struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<response::Response>> {
                describe(&[$(Code::$code),*])
            }
        }
    )*};
}

refusals! {
    /// Of every route.
    Open = [Internal, Unavailable];
    /// Of every route that wants a key.
    Guarded = [Unauthorized, Forbidden, Internal, Unavailable];
    /// Of routes with an id or a token in the URL.
    Absent = [NotFound];
    /// Of routes with query parameters.
    Asked = [ValidationError];
    /// Of routes with a body.
    Sent = [MalformedJson, BodyTooLarge, UnsupportedMediaType, ValidationError];
    /// Of the routes that take leads in.
    TakingIn = [
        MalformedJson, NotFound, CampaignClosed, LeadClosed, Duplicate, BodyTooLarge, UnsupportedMediaType,
        ValidationError, IdempotencyKeyReused
    ];
    /// Of the routes that send a lead again.
    Resending = [
        MalformedJson, NotFound, Conflict, CampaignClosed, LeadClosed, BodyTooLarge, UnsupportedMediaType,
        ValidationError, IdempotencyKeyReused
    ];
    /// Of the route that submits many leads.
    Processing = [
        MalformedJson, NotFound, CampaignClosed, BodyTooLarge, UnsupportedMediaType, ValidationError, IdempotencyKeyReused
    ];
    /// Of the route that takes files.
    Receiving = [Unreadable, BodyTooLarge, UnsupportedMediaType, ValidationError, StorageFull];
    /// Of the route that gives points.
    Scored = [
        MalformedJson, NotFound, LeadClosed, BodyTooLarge, UnsupportedMediaType, ValidationError, IdempotencyKeyReused
    ];
    /// Of the routes by which a person decides about a lead.
    Deciding = [
        MalformedJson, NotFound, Conflict, LeadClosed, BodyTooLarge, UnsupportedMediaType, ValidationError
    ];
    /// Of routes that not every plan includes; stands after [`Guarded`], whose answer of the same status it takes in.
    Planned = [Forbidden, PlanRequired];
    /// Of routes that depend on how things are now.
    Conflicting = [Conflict];
    /// Of routes that need the campaign to take leads.
    Closed = [CampaignClosed];
    /// Of the route that takes webhooks in.
    Hooked = [Unreadable, Unauthorized, BodyTooLarge, Internal, Unavailable];
    /// Of routes that save over an earlier revision.
    Saving = [RevisionConflict];
}

fn describe(codes: &[Code]) -> BTreeMap<String, RefOr<response::Response>> {
    let mut by_status: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for code in codes {
        let word = serde_json::to_value(code).expect("a code is a word");
        let word = word.as_str().unwrap_or_default().to_owned();
        by_status.entry(code.status().as_str().to_owned()).or_default().push(word);
    }
    by_status
        .into_iter()
        .map(|(status, words)| {
            let content =
                ContentBuilder::new().schema(Some(Ref::from_schema_name("Failure"))).build();
            let response = ResponseBuilder::new()
                .description(format!("`{}`", words.join("` or `")))
                .content("application/json", content)
                .build();
            (status, RefOr::T(response))
        })
        .collect()
}
