//! The operator table: every operator's name, aliases, field types, value shape and meaning.
//!
//! To add one: a row here, and an arm in `evaluate.rs` unless it negates an operator that is there.
//! Not there, because nothing that is kept could answer them: `hasEverBeen`, `withinRadius`.

use serde::{Deserialize, Serialize};

use super::field::Kind::{
    self, Any, Boolean, Date, DateTime, Events, File, List, Members, Number, Text,
};

/// The shape of `value` that an operator wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Takes {
    /// No value; null, "" and [] are accepted, because query-builder UIs send them.
    Nothing,
    /// One value of the field's type, or an array of them that means any of these.
    OneOrMore,
    /// One text, or an array of texts that means any of these.
    Text,
    /// One regular expression, found anywhere in the text unless it is anchored.
    Regex,
    /// One text where `?` stands for one character and `*` for any number, matching the whole.
    Wildcard,
    /// One number or date.
    Bound,
    /// An array of two numbers or two dates, both included, the lower first.
    Range,
    /// One date.
    Date,
    /// `{"amount": 1..=100000, "unit": "minutes|hours|days|weeks|months|years"}`.
    Window,
    /// `{"unit": "days|weeks|months|years"}`; a week begins on Monday.
    Period,
    /// `"today"` or a number of days from today, -366 to 366.
    DayOffset,
    /// The path of another field.
    FieldPath,
    /// No `value`; the set's name stands in `valueSet`.
    ValueSet,
    /// A text or an array of texts, taken apart into words (runs of letters and digits).
    Words,
    /// `{"atLeast": n, "atMost": n, "name": "/pricing", "within": {"amount": 30, "unit": "days|weeks"}}`; one of the first two at least.
    Count,
}

/// One row of the operator table.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperatorRow {
    pub operator: Operator,
    /// The name on the wire; what `Rule::to_value` writes.
    pub name: &'static str,
    /// Other names the parser accepts.
    pub aliases: &'static [&'static str],
    /// The field types it applies to.
    pub kinds: &'static [Kind],
    pub takes: Takes,
    /// The operator this one is the opposite of, on a field that is not empty.
    pub negates: Option<Operator>,
    /// How an explanation says that it holds.
    pub says: &'static str,
    /// How an explanation says that it does not hold.
    pub denies: &'static str,
    /// One sentence for people who write rules.
    pub doc: &'static str,
}

const ALL: &[Kind] = &[Text, Number, Boolean, Date, DateTime, List, File, Members, Events, Any];
const VALUES: &[Kind] = &[Text, Number, Boolean, Date, DateTime, List, Any];
const CHOICES: &[Kind] = &[Text, Number, Date, DateTime, List, Any];
const ORDERED: &[Kind] = &[Number, Date, DateTime, Any];
const DATES: &[Kind] = &[Date, DateTime, Any];
const TEXTS: &[Kind] = &[Text, Any];
const TEXT_LISTS: &[Kind] = &[Text, List, Any];
const LISTS: &[Kind] = &[List, Any];
const FILES: &[Kind] = &[File];
const MEMBERS: &[Kind] = &[Members];
const EVENTS: &[Kind] = &[Events];

/// Writes the enum and its table from the same rows, so that neither can miss an operator.
macro_rules! operators {
    (@opt) => { None };
    (@opt $base:ident) => { Some(Operator::$base) };
    ($($variant:ident $name:literal $aliases:tt $(not $base:ident)? on $kinds:ident
       takes $takes:ident, $says:literal / $denies:literal, $doc:literal;)*) => {
        /// What a leaf asks of its field. The wire name is the variant in camelCase.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub enum Operator { $(#[doc = $doc] $variant,)* }

        static TABLE: &[OperatorRow] = &[$(OperatorRow {
            operator: Operator::$variant,
            name: $name,
            aliases: &$aliases,
            kinds: $kinds,
            takes: Takes::$takes,
            negates: operators!(@opt $($base)?),
            says: $says,
            denies: $denies,
            doc: $doc,
        },)*];
    };
}

operators! {
    Equals "equals" ["=", "==", "is"] on VALUES takes OneOrMore, "equals" / "does not equal",
        "The value is this one, or one of these; on a list, an element is. Empty does not match.";
    NotEquals "notEquals" ["!=", "<>", "isNot"] not Equals on VALUES takes OneOrMore, "does not equal" / "equals",
        "The value is none of these. EMPTY DOES NOT MATCH unless includeEmpty is true.";
    GreaterThan "greaterThan" [">", "gt"] on ORDERED takes Bound, "is greater than" / "is not greater than",
        "The number is greater, or the date later. Empty does not match.";
    GreaterOrEqual "greaterOrEqual" [">=", "gte", "greaterThanOrEqual"] on ORDERED takes Bound, "is at least" / "is less than",
        "The number is greater or equal, or the date not earlier. Empty does not match.";
    LessThan "lessThan" ["<", "lt"] on ORDERED takes Bound, "is less than" / "is not less than",
        "The number is less, or the date earlier. Empty does not match.";
    LessOrEqual "lessOrEqual" ["<=", "lte", "lessThanOrEqual"] on ORDERED takes Bound, "is at most" / "is greater than",
        "The number is less or equal, or the date not later. Empty does not match.";
    Between "between" [] on ORDERED takes Range, "is between" / "is not between",
        "The number or date lies between the two, both included. Empty does not match.";
    NotBetween "notBetween" [] not Between on ORDERED takes Range, "is not between" / "is between",
        "The number or date lies outside the two. EMPTY DOES NOT MATCH unless includeEmpty is true.";
    Contains "contains" [] on TEXT_LISTS takes Text, "contains" / "does not contain",
        "The text has this in it, or one of these; a list has it as a whole element. Empty does not match.";
    NotContains "notContains" ["doesNotContain"] not Contains on TEXT_LISTS takes Text, "does not contain" / "contains",
        "The text or list has none of these in it. EMPTY DOES NOT MATCH unless includeEmpty is true.";
    StartsWith "startsWith" ["beginsWith"] on TEXTS takes Text, "starts with" / "does not start with",
        "The text starts with this, or one of these. Empty does not match.";
    NotStartsWith "notStartsWith" ["doesNotBeginWith"] not StartsWith on TEXTS takes Text, "does not start with" / "starts with",
        "The text starts with none of these. EMPTY DOES NOT MATCH unless includeEmpty is true.";
    EndsWith "endsWith" [] on TEXTS takes Text, "ends with" / "does not end with",
        "The text ends with this, or one of these. Empty does not match.";
    NotEndsWith "notEndsWith" ["doesNotEndWith"] not EndsWith on TEXTS takes Text, "does not end with" / "ends with",
        "The text ends with none of these. EMPTY DOES NOT MATCH unless includeEmpty is true.";
    Matches "matches" ["regex"] on TEXTS takes Regex, "matches" / "does not match",
        "The regular expression is found in the text. Empty does not match.";
    NotMatches "notMatches" ["notRegex"] not Matches on TEXTS takes Regex, "does not match" / "matches",
        "The regular expression is not found in the text. EMPTY DOES NOT MATCH unless includeEmpty is true.";
    Wildcard "wildcard" ["like"] on TEXTS takes Wildcard, "matches" / "does not match",
        "The whole text fits the pattern of ? (one character) and * (any number). Empty does not match.";
    NotWildcard "notWildcard" ["notLike"] not Wildcard on TEXTS takes Wildcard, "does not match" / "matches",
        "The whole text does not fit the pattern of ? and *. EMPTY DOES NOT MATCH unless includeEmpty is true.";
    In "in" ["isAnyOf"] on CHOICES takes OneOrMore, "is in" / "is not in",
        "The value is one of these; on a list, any element is. Empty does not match.";
    NotIn "notIn" ["isNoneOf"] not In on CHOICES takes OneOrMore, "is not in" / "is in",
        "The value is none of these. EMPTY DOES NOT MATCH unless includeEmpty is true.";
    ContainsAll "containsAll" [] on LISTS takes OneOrMore, "contains all of" / "does not contain all of",
        "The list has every one of these as an element. Empty does not match.";
    NotContainsAll "notContainsAll" [] not ContainsAll on LISTS takes OneOrMore, "does not contain all of" / "contains all of",
        "The list misses at least one of these. EMPTY DOES NOT MATCH unless includeEmpty is true.";
    ContainsAny "containsAny" [] on LISTS takes OneOrMore, "contains any of" / "contains none of",
        "The list has at least one of these as an element. Empty does not match.";
    IsEmpty "isEmpty" ["notExists", "null", "isNull"] on ALL takes Nothing, "is empty" / "is not empty",
        "The field is missing, null, blank text or an empty list. Empty matches.";
    IsNotEmpty "isNotEmpty" ["exists", "notNull", "isNotNull"] on ALL takes Nothing, "is not empty" / "is empty",
        "The field has a value. Empty does not match.";
    InValueSet "inValueSet" [] on TEXT_LISTS takes ValueSet, "is in value set" / "is not in value set",
        "The value, or any element of a list, is a member of the value set. Empty, or an unknown set, does not match.";
    NotInValueSet "notInValueSet" [] not InValueSet on TEXT_LISTS takes ValueSet, "is not in value set" / "is in value set",
        "The value is no member of the value set. An unknown set does not match; EMPTY DOES NOT MATCH unless includeEmpty is true.";
    InLast "inLast" [] on DATES takes Window, "is in the last" / "is not in the last",
        "The date lies between this long ago and now. Empty does not match.";
    NotInLast "notInLast" [] not InLast on DATES takes Window, "is not in the last" / "is in the last",
        "The date is longer ago, or in the future. EMPTY DOES NOT MATCH unless includeEmpty is true.";
    InNext "inNext" [] on DATES takes Window, "is in the next" / "is not in the next",
        "The date lies between now and this far ahead. Empty does not match.";
    OlderThan "olderThan" [] on DATES takes Window, "is longer ago than" / "is not longer ago than",
        "The date lies further back than this long ago: `18 years` on a date of birth means of age. Empty does not match.";
    LaterThan "laterThan" [] on DATES takes Window, "is further ahead than" / "is not further ahead than",
        "The date lies further ahead than this. Empty does not match.";
    Before "before" [] on DATES takes Date, "is before" / "is not before",
        "The date is earlier than this one. Empty does not match.";
    After "after" [] on DATES takes Date, "is after" / "is not after",
        "The date is later than this one. Empty does not match.";
    On "on" [] on DATES takes Date, "is on the day of" / "is not on the day of",
        "The date falls on this calendar day in the zone. Empty does not match.";
    IsToday "isToday" [] on DATES takes Nothing, "is today" / "is not today",
        "The date falls on today's calendar day in the zone. Empty does not match.";
    InCurrent "inCurrent" [] on DATES takes Period, "is in the current" / "is not in the current",
        "The date falls in the current day, week (from Monday), month or year in the zone. Empty does not match.";
    InPrevious "inPrevious" ["inPrior"] on DATES takes Period, "is in the previous" / "is not in the previous",
        "The date falls in yesterday, last week (from Monday), last month or last year in the zone. Empty does not match.";
    InFollowing "inFollowing" [] on DATES takes Period, "is in the following" / "is not in the following",
        "The date falls in tomorrow, next week (from Monday), next month or next year in the zone. Empty does not match.";
    Anniversary "anniversary" ["birthday"] on DATES takes DayOffset, "has its anniversary on" / "does not have its anniversary on",
        "Month and day are those of today plus the offset; 29 February counts as 28 February in common years. Empty does not match.";
    BeforeField "beforeField" [] on DATES takes FieldPath, "is before field" / "is not before field",
        "The date is earlier than the other field's. Empty on either side does not match.";
    AfterField "afterField" [] on DATES takes FieldPath, "is after field" / "is not after field",
        "The date is later than the other field's. Empty on either side does not match.";
    EqualsField "equalsField" [] on VALUES takes FieldPath, "equals field" / "does not equal field",
        "The value is the other field's. Empty on either side does not match.";
    ContainsAllWords "containsAllWords" [] on TEXTS takes Words, "contains all the words" / "does not contain all the words",
        "Every one of the words occurs as a whole word, in any order. Empty does not match.";
    ContainsAnyWord "containsAnyWord" ["containsWord"] on TEXTS takes Words, "contains one of the words" / "contains none of the words",
        "At least one of the words occurs as a whole word. Empty does not match.";
    ContainsWordPrefix "containsWordPrefix" [] on TEXTS takes Words, "contains words that start with" / "does not contain words that start with",
        "Every one of these is how some word of the text starts, in any order. Empty does not match.";
    ContainsPhrase "containsPhrase" [] on TEXTS takes Words, "contains the phrase" / "does not contain the phrase",
        "The words occur as whole words, one directly after the other, in this order. Empty does not match.";
    NotContainsPhrase "notContainsPhrase" [] not ContainsPhrase on TEXTS takes Words, "does not contain the phrase" / "contains the phrase",
        "The words do not occur one after the other. EMPTY DOES NOT MATCH unless includeEmpty is true.";
    ContainsNoWords "containsNoWords" [] on TEXTS takes Words, "contains none of the words" / "contains one of the words",
        "None of the words occurs as a whole word. EMPTY DOES NOT MATCH unless includeEmpty is true.";
    FileReady "fileReady" [] on FILES takes Nothing, "is ready" / "is not ready",
        "The file's status is uploaded, signed or verified. Empty (no file) does not match.";
    FileStatusEquals "fileStatusEquals" [] on FILES takes OneOrMore, "has the status" / "does not have the status",
        "The file's status is this one, or one of these. Empty (no file) does not match.";
    MemberOf "memberOf" ["inSegment", "inCampaign"] on MEMBERS takes OneOrMore, "is a member of" / "is not a member of",
        "The contact is in this one, or in one of these. A contact in none is in none of these.";
    NotMemberOf "notMemberOf" ["notInSegment", "notInCampaign"] not MemberOf on MEMBERS takes OneOrMore, "is not a member of" / "is a member of",
        "The contact is in none of these. A contact in none at all MATCHES.";
    EventCount "eventCount" [] on EVENTS takes Count, "happened" / "did not happen",
        "It happened at least and at most so often, under this name if one is given, within the last days if a window is given (whole days, UTC, today included). What never happened happened 0 times.";
}

/// The operator table, in the order of the documentation.
pub fn operators() -> &'static [OperatorRow] {
    TABLE
}

impl Operator {
    /// Reads a wire name or an alias.
    pub fn named(name: &str) -> Option<Self> {
        let row = TABLE.iter().find(|row| row.name == name || row.aliases.contains(&name))?;
        Some(row.operator)
    }

    /// This operator's row of the table. Rows stand in the order of the variants.
    pub fn row(self) -> &'static OperatorRow {
        &TABLE[self as usize]
    }

    /// Whether its answer can change while nothing but the clock moves.
    pub fn is_time_relative(self) -> bool {
        matches!(self.row().takes, Takes::Window | Takes::Period | Takes::DayOffset)
            || self == Self::IsToday
    }
}
