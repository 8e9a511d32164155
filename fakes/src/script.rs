//! What happens to a call or a text, by the last four digits of the number.
//!
//! | digits | a call | a text |
//! | --- | --- | --- |
//! | 0100 | talked, qualified, with answers | delivered |
//! | 0101 | voicemail | delivered |
//! | 0102 | nobody answers | delivered |
//! | 0103 | busy | delivered |
//! | 0104 | wants to be called back in 30 minutes | delivered |
//! | 0105 | wants never to be called again | delivered |
//! | 0106 | talked, disqualified | delivered |
//! | 0107 | hangs up early | delivered |
//! | 0108 | qualified, and no webhook ever tells: only asking does | delivered, likewise |
//! | 0109 | the order is answered with 500 and not placed | likewise |
//! | 0110 | the order is answered with 500 and placed all the same | likewise |
//! | 0111 | the order is placed and never answered | likewise |
//! | 0112 | all webhooks come before the order is answered | likewise |
//! | 0113 | every webhook is sent ten times at once | likewise |
//! | 0114 | webhooks come in the wrong order, the last one first | likewise |
//! | 0115 | webhooks carry a wrong signature | likewise |
//! | 0116 | never ends | stays at sent |
//! | 0117 | the first order is answered with 429 and `Retry-After`, the next one works | likewise |
//! | 0118 | the number is refused as invalid | likewise |
//! | 0119 | cannot be dialled: the call fails | the person has opted out |
//! | 0120 | talked, without a verdict | undelivered |
//! | 0121 | talked, without a verdict | delivered, then the person answers YES |
//! | 0122 | talked, without a verdict | delivered, then the person answers STOP |
//! | 0123 | talked, without a verdict | delivered, then the person sends two texts, one right after the other |
//! | any other | talked, without a verdict | delivered |
//!
//! Oddities of the order and the webhooks (0108 to 0117) go with a
//! qualified call and a delivered text.
use crate::time::Time;
use chrono::{SecondsFormat, TimeDelta};
use serde_json::{Map, Value, json};

/// When the person of 0104 wants to be called.
pub const CALLBACK_MINUTES: i64 = 30;
/// How often 0113 sends every webhook.
pub const COPIES: usize = 10;
/// What 0117 asks for, in seconds.
pub const RETRY_AFTER: u64 = 1;
/// How long a talk lasts by the provider's own account, in seconds; the program itself takes much less.
pub const TALK_SECONDS: i64 = 42;
/// How long the person of 0107 stays.
pub const SHORT_SECONDS: i64 = 4;

/// How the order is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Door {
    #[default]
    Open,
    /// 500, nothing placed.
    Broken,
    /// 500, placed.
    BrokenAfter,
    /// Placed, never answered.
    Hangs,
    /// Answered when all webhooks were sent.
    Late,
    /// 429 the first time.
    BusyOnce,
    Invalid,
    OptedOut,
}

/// How webhooks are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Post {
    #[default]
    InOrder,
    Never,
    /// Ten times at once.
    Copied,
    /// The last one first.
    Backwards,
    /// With a wrong signature.
    Forged,
}

/// How a call ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ending {
    /// Talked, without a verdict.
    #[default]
    Talked,
    Qualified,
    Disqualified,
    Voicemail,
    NoAnswer,
    Busy,
    Callback,
    DoNotCall,
    HungUp,
    Failed,
    Never,
}

/// What becomes of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fate {
    #[default]
    Delivered,
    Undelivered,
    /// Stays at sent.
    Sent,
    /// Delivered; then the person texts.
    Answered(&'static [&'static str]),
}

/// All of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Script {
    pub door: Door,
    pub post: Post,
    pub ending: Ending,
    pub fate: Fate,
}

impl Script {
    /// What the number asks for.
    pub fn of(number: &str) -> Self {
        let ending = |ending| Self { ending, ..Self::default() };
        let door = |door| Self { door, ..ending(Ending::Qualified) };
        let post = |post| Self { post, ..ending(Ending::Qualified) };
        let fate = |fate| Self { fate, ..Self::default() };
        match number.get(number.len().saturating_sub(4)..).unwrap_or_default() {
            "0100" => ending(Ending::Qualified),
            "0101" => ending(Ending::Voicemail),
            "0102" => ending(Ending::NoAnswer),
            "0103" => ending(Ending::Busy),
            "0104" => ending(Ending::Callback),
            "0105" => ending(Ending::DoNotCall),
            "0106" => ending(Ending::Disqualified),
            "0107" => ending(Ending::HungUp),
            "0108" => post(Post::Never),
            "0109" => door(Door::Broken),
            "0110" => door(Door::BrokenAfter),
            "0111" => door(Door::Hangs),
            "0112" => door(Door::Late),
            "0113" => post(Post::Copied),
            "0114" => post(Post::Backwards),
            "0115" => post(Post::Forged),
            "0116" => Self { ending: Ending::Never, fate: Fate::Sent, ..Self::default() },
            "0117" => door(Door::BusyOnce),
            "0118" => door(Door::Invalid),
            "0119" => Self { door: Door::OptedOut, ending: Ending::Failed, ..Self::default() },
            "0120" => fate(Fate::Undelivered),
            "0121" => fate(Fate::Answered(&["YES"])),
            "0122" => fate(Fate::Answered(&["STOP"])),
            "0123" => fate(Fate::Answered(&["Yes please", "Tomorrow after 5 is fine"])),
            _ => Self::default(),
        }
    }
}

/// One line of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub agent: bool,
    pub text: &'static str,
    /// After the call began.
    pub second: i64,
}

const fn line(agent: bool, text: &'static str, second: i64) -> Line {
    Line { agent, text, second }
}

const HELLO: Line = line(true, "Hello, you asked about an offer. Do you have a minute?", 1);

impl Ending {
    /// Somebody, or a machine, picked up.
    pub fn connected(self) -> bool {
        !matches!(self, Self::NoAnswer | Self::Busy | Self::Failed)
    }

    /// As the provider counts, in seconds.
    pub fn seconds(self) -> i64 {
        match self {
            Self::NoAnswer | Self::Busy | Self::Failed | Self::Never => 0,
            Self::HungUp => SHORT_SECONDS,
            _ => TALK_SECONDS,
        }
    }

    pub fn transcript(self) -> Vec<Line> {
        let rest: &[Line] = match self {
            Self::NoAnswer | Self::Busy | Self::Failed | Self::Never => return Vec::new(),
            Self::Voicemail => &[line(false, "Please leave a message after the tone.", 3)],
            Self::HungUp => &[line(false, "Not now.", 3)],
            Self::Callback => &[
                line(false, "I am in a meeting. Call me in half an hour.", 4),
                line(true, "I will. Until then.", 9),
            ],
            Self::DoNotCall => &[
                line(false, "Take me off your list and never call again.", 4),
                line(true, "I have noted that. Goodbye.", 10),
            ],
            Self::Disqualified => &[
                line(false, "I rent, the house is not mine.", 5),
                line(true, "Thank you for telling me. Goodbye.", 12),
            ],
            Self::Talked | Self::Qualified => &[
                line(false, "Yes, I do. I own the house.", 5),
                line(true, "Good. Somebody will be in touch.", 30),
            ],
        };
        std::iter::once(HELLO).chain(rest.iter().cloned()).collect()
    }

    pub fn summary(self) -> Option<&'static str> {
        Some(match self {
            Self::NoAnswer | Self::Busy | Self::Failed | Self::Never => return None,
            Self::Voicemail => "A machine answered.",
            Self::HungUp => "The person hung up after a few seconds.",
            Self::Callback => "The person is busy and wants to be called later.",
            Self::DoNotCall => "The person wants no more calls.",
            Self::Disqualified => "The person rents and is no candidate.",
            Self::Talked => "The person was reached and listened.",
            Self::Qualified => "The person owns the house and wants an offer.",
        })
    }

    /// What the agent's analysis brings to light: `answers` when the person was willing, and the keys that steer.
    pub fn extracted(self, answers: &Map<String, Value>, ended: Time) -> Map<String, Value> {
        let mut found = Map::new();
        let mut say = |key: &str, value: Value| found.insert(key.to_owned(), value);
        match self {
            Self::Qualified => {
                say("outcome", json!("qualified"));
                found.extend(answers.clone());
            }
            Self::Disqualified => {
                say("outcome", json!("disqualified"));
            }
            Self::Callback => {
                say("callbackAt", json!(callback_at(ended)));
            }
            Self::DoNotCall => {
                say("dnc", json!(true));
            }
            _ => {}
        }
        found
    }
}

/// What an opt-out service understands by a text that is nothing but one of its words.
pub fn keyword(text: &str) -> Option<&'static str> {
    Some(match text.trim().to_uppercase().as_str() {
        "STOP" | "STOPALL" | "UNSUBSCRIBE" | "END" | "QUIT" | "CANCEL" | "REVOKE" | "OPTOUT" => {
            "STOP"
        }
        "START" | "UNSTOP" => "START",
        "HELP" | "INFO" => "HELP",
        _ => return None,
    })
}

/// When the person of 0104 wants to be called.
pub fn callback_at(ended: Time) -> String {
    iso(ended + TimeDelta::minutes(CALLBACK_MINUTES))
}

/// `2026-11-24T08:00:00.000Z`
pub fn iso(at: Time) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_table_here_is_the_one_in_the_docs() {
        let here: Vec<&str> = include_str!("script.rs")
            .lines()
            .filter_map(|line| line.strip_prefix("//! "))
            .filter(|line| line.starts_with('|'))
            .collect();
        assert!(here.len() > 20, "{here:?}");
        let docs: Vec<&str> = include_str!("../../docs/fakes.md").lines().collect();
        let start = docs.iter().position(|line| *line == here[0]).expect("the docs have the table");
        assert_eq!(docs[start..start + here.len()], here);
    }
}
