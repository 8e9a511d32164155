//! How many leads a campaign takes, and when: caps, the weekly schedule, and what becomes of a lead that finds no room.
use crate::ids::CampaignId;
use chrono::{NaiveDate, NaiveTime, Timelike, Weekday};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// Caps of a campaign, at most.
pub const CAPS_MAX: usize = 20;
/// Windows of a schedule, at most.
pub const WINDOWS_MAX: usize = 100;
/// Dates on which a schedule stays closed, at most.
pub const CLOSED_DATES_MAX: usize = 366;

/// A limit on how much a campaign delivers in a time. A place is taken before a lead is sent and given back when the buyer surely has not
/// got it, so leads that race never overshoot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cap {
    pub period: Period,
    /// Leads that may be delivered in a period. Either this or `money`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leads: Option<i64>,
    /// What may be earned in a period. Either this or `leads`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub money: Option<Money>,
    /// First day of a lifetime cap; before it the cap does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<NaiveDate>,
    /// Last day of a lifetime cap; after it the cap does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<NaiveDate>,
    #[serde(default)]
    pub when_full: Overflow,
}

/// How often a cap starts anew, in the campaign's zone.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// Never, or on its first day.
    Lifetime,
    /// On the first of the month.
    Monthly,
    /// On Monday.
    Weekly,
    /// At midnight.
    Daily,
    /// On the hour.
    Hourly,
}

impl Period {
    /// The word in tables and reasons.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lifetime => "lifetime",
            Self::Monthly => "monthly",
            Self::Weekly => "weekly",
            Self::Daily => "daily",
            Self::Hourly => "hourly",
        }
    }
}

/// An amount that a cap counts to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Money {
    /// In minor units: 10000 are 100 dollars.
    pub amount_minor: i64,
    /// ISO 4217.
    pub currency: String,
    /// What a lead that is under way counts for until its buyer has named the price, in minor units.
    pub reserve_minor: i64,
}

/// The days and hours at which leads are delivered. What lies in no window is closed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Schedule {
    /// IANA zone of the hours; the campaign's when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    pub windows: Vec<Window>,
    /// Days on which it is closed whatever the windows say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub closed_dates: Vec<NaiveDate>,
    pub when_closed: Overflow,
}

/// Open from one time of day to another, on some days of the week.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Window {
    /// `mon` to `sun`.
    #[schema(value_type = Vec<String>)]
    pub days: Vec<Day>,
    /// `09:00`.
    #[schema(value_type = String)]
    pub from: Minute,
    /// `17:30`; `24:00` is the end of the day. Not included.
    #[schema(value_type = String)]
    pub until: Minute,
}

/// A day of the week, written `mon`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Day {
    pub fn is(self, weekday: Weekday) -> bool {
        weekday.num_days_from_monday() == self as u32
    }
}

/// A minute of the day, 0 to 1,440, written `HH:MM`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Minute(pub u32);

impl Minute {
    pub const END_OF_DAY: Self = Self(24 * 60);

    /// The minute that a time of day lies in.
    pub fn of(time: NaiveTime) -> Self {
        Self(time.hour() * 60 + time.minute())
    }

    fn read(text: &str) -> Option<Self> {
        let (hours, minutes) = text.split_once(':')?;
        let digits = |part: &str| {
            let two = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
            part.parse::<u32>().ok().filter(|n| two && *n < 60)
        };
        let minute = Self(digits(hours)? * 60 + digits(minutes)?);
        (minute <= Self::END_OF_DAY).then_some(minute)
    }
}

impl std::fmt::Display for Minute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl Serialize for Minute {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Minute {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let why = format!("`{text}` is no time of day; write HH:MM, 00:00 to 24:00");
        Self::read(&text).ok_or_else(|| D::Error::custom(why))
    }
}

/// What becomes of a lead that finds its campaign full or closed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Overflow {
    #[serde(default)]
    pub action: OverflowAction,
    /// With `campaign`: which one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<CampaignId>,
    /// With `next_priority` and `campaign`: what if nobody takes it.
    #[serde(default)]
    pub if_nobody: IfNobody,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OverflowAction {
    /// It waits until there is room, and leads go in the order in which they came.
    #[default]
    Queue,
    /// The campaign's fallback list is tried.
    NextPriority,
    /// One campaign is tried.
    Campaign,
    /// It is delivered all the same. For schedules only.
    None,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IfNobody {
    /// It waits for its own campaign.
    #[default]
    Queue,
    /// It is disqualified.
    Disqualify,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_read_strictly_and_written_back() {
        for (text, minute) in
            [("00:00", Some(0)), ("09:30", Some(570)), ("23:59", Some(1439)), ("24:00", Some(1440))]
        {
            let read: Option<Minute> = serde_json::from_value(text.into()).ok();
            assert_eq!(read, minute.map(Minute), "{text}");
            assert_eq!(read.unwrap().to_string(), text);
        }
        for text in ["24:01", "9:30", "09:60", "0930", "", "-1:00", "+9:00", "09:3a"] {
            assert_eq!(Minute::read(text), None, "{text}");
        }
    }
}
