//! One small interface to every provider of calls and texts.
use super::report::Report;
use crate::{campaign::response::Answer, clock::Time};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{fmt, time::Duration};

/// A provider account of a workspace, its credentials opened. Builds requests and reads what comes back; sends nothing itself.
pub trait Provider: Send + Sync + fmt::Debug {
    /// The request that makes the call or sends the text. Never repeated by itself: hardly any provider recognises a repeat.
    fn place(&self, order: &Order<'_>) -> Wire;

    /// What the answer to [`Provider::place`] says.
    fn placed(&self, answer: &Answer) -> Placed;

    /// The request that finds out whether an order whose answer was lost was placed; none when the provider offers no such thing.
    fn find(&self, order: &Order<'_>) -> Option<Wire> {
        let _ = order;
        None
    }

    /// What the answer to [`Provider::find`] says.
    fn found(&self, answer: &Answer, order: &Order<'_>) -> Found {
        let _ = (answer, order);
        Found::NotSure
    }

    /// The request that asks for the state of what was placed; none when the provider offers no such thing. `now` goes into signatures.
    fn ask(&self, reference: &str, now: Time) -> Option<Wire>;

    /// What the answer to [`Provider::ask`] says, in the words of a webhook; empty: nothing new.
    fn told(&self, answer: &Answer) -> Vec<Heard>;

    /// Whether a webhook is the provider's own, by the raw bytes that came in.
    fn verify(&self, incoming: &Incoming<'_>, now: Time) -> Result<(), NotGenuine>;

    /// What a genuine webhook says; empty: something that we have no use for.
    fn read(&self, incoming: &Incoming<'_>) -> Result<Vec<Heard>, Unreadable>;

    /// What the provider wants to read when its webhook was taken in: content type and body.
    fn thanks(&self) -> (&'static str, &'static str) {
        ("application/json", "{}")
    }
}

/// A call to make or a text to send.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// Our own id of the call (`int_…`) or the text (`msg_…`). Goes along, so that webhooks can bring it back.
    pub id: &'a str,
    /// E.164.
    pub to: &'a str,
    /// E.164, a short code or a sender's name; the agent's own number when absent.
    pub from: Option<&'a str>,
    /// The text to send, or what the voice agent is told besides its own prompt (may be empty).
    pub text: &'a str,
    /// What the voice agent's prompt may name.
    pub variables: &'a Map<String, Value>,
    /// Where webhooks go: `https://leads.example.com/api/v1/hooks/agent_…`
    pub callback: &'a str,
    /// When the order is placed; when it is looked for, when it was placed.
    pub now: Time,
}

/// A request to a provider.
#[derive(Clone, PartialEq, Eq)]
pub struct Wire {
    /// `GET` or `POST`.
    pub method: &'static str,
    pub url: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Without the headers' values and the body: they hold credentials and people.
impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (url, _) = self.url.split_once('?').unwrap_or((&self.url, ""));
        write!(f, "Wire({} {url}, {} bytes)", self.method, self.body.len())
    }
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placed {
    /// Under the provider's own id.
    As(String),
    /// Surely not placed.
    Refused(Refusal),
    /// It may have been placed (a server error, an answer that cannot be read).
    Unsure(String),
}

/// Why an order was surely not placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub why: String,
    pub kind: RefusalKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// This number cannot be reached, now or later.
    BadNumber,
    /// The person has opted out with the provider.
    OptedOut,
    /// Too much at once: try again after the pause, if the provider named one.
    Busy(Option<Duration>),
    /// Credentials or settings are wrong: a person must look.
    Misconfigured,
}

/// Whether an order whose answer was lost was placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    As(String),
    /// The provider surely has no such order.
    No,
    NotSure,
}

/// A webhook as it came in.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'a> {
    /// The URL that the provider called: our public base, the path, and the raw query if there is one.
    pub url: &'a str,
    /// The raw query without `?`, empty when there is none.
    pub query: &'a str,
    /// Names in lower case, in the order received.
    pub headers: &'a [(String, String)],
    pub body: &'a [u8],
}

impl<'a> Incoming<'a> {
    /// The first header of that name (lower case).
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Why a webhook is not taken for the provider's own. Texts hold nothing of what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotGenuine {
    #[error("the request is not signed: {0} is missing")]
    Unsigned(&'static str),
    #[error("the signature does not fit")]
    Forged,
    #[error("the signature is too old or from the future; at most {0} s are allowed")]
    Stale(i64),
    #[error("the signature's form is not known: {0}")]
    Malformed(&'static str),
}

/// Why a genuine webhook could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the webhook cannot be read: {0}")]
pub struct Unreadable(pub String);

/// One thing that a provider told us.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Heard {
    /// Our own id, if it came back: `int_…` or `msg_…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ours: Option<String>,
    /// The provider's id of the call or the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The same for every repeat of this one thing, another for any other thing of the account. At most 200 characters.
    pub key: String,
    pub what: What,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum What {
    /// The call is on its way: it rings, it was picked up.
    Progress { status: String },
    /// The call has ended, or more of an ended call is known.
    Call { report: Box<Report> },
    /// How far a text of ours has come.
    Status { status: TextStatus, error: Option<String> },
    /// A text from a person.
    Text(InboundText),
}

/// How the error of a status begins when the person has opted out with the provider.
pub const OPTED_OUT: &str = "opted out";

impl What {
    /// Whether a text of ours came to nothing because the person has opted out with the provider.
    pub fn is_opt_out(&self) -> bool {
        matches!(self, Self::Status { error: Some(error), .. } if error.starts_with(OPTED_OUT))
    }
}

/// How far a text has come; a later one is never followed by an earlier one.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum TextStatus {
    /// Accepted or queued by the provider.
    Accepted,
    Sending,
    Sent,
    Delivered,
    /// Not delivered, for good.
    Failed,
}

impl TextStatus {
    /// Where it stands on the way; the two ends stand alike, so that the first of them stays.
    pub fn rank(self) -> u8 {
        match self {
            Self::Accepted => 0,
            Self::Sending => 1,
            Self::Sent => 2,
            Self::Delivered | Self::Failed => 3,
        }
    }
}

/// A text from a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InboundText {
    /// E.164.
    pub from: String,
    /// Our own number.
    pub to: String,
    pub body: String,
    /// Pictures and the like that came along and are not kept.
    pub media: usize,
    /// What the provider's own opt-out service understood, if it has one.
    pub keyword: Option<Keyword>,
}

/// A word that every subscriber may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keyword {
    Stop,
    Start,
    Help,
}

impl Keyword {
    /// The keyword that a text is, if it is nothing else (case, blanks and a full stop aside).
    pub fn of(text: &str) -> Option<Self> {
        let word: String = text.trim().trim_end_matches(['.', '!']).to_uppercase();
        Some(match word.split_whitespace().collect::<Vec<_>>().join(" ").as_str() {
            "STOP" | "STOPALL" | "STOP ALL" | "UNSUBSCRIBE" | "END" | "QUIT" | "CANCEL"
            | "REVOKE" | "OPTOUT" | "OPT OUT" | "OPT-OUT" => Self::Stop,
            "START" | "UNSTOP" => Self::Start,
            "HELP" | "INFO" => Self::Help,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_whole_texts() {
        for (text, wanted) in [
            (" stop. ", Some(Keyword::Stop)),
            ("Opt  out", Some(Keyword::Stop)),
            ("START", Some(Keyword::Start)),
            ("help!", Some(Keyword::Help)),
            ("please stop calling at noon", None),
            ("yes", None),
            ("", None),
        ] {
            assert_eq!(Keyword::of(text), wanted, "{text}");
        }
    }
}
