//! Conditions with a form of their own: `has:email`, `birthday:today+7`, `event:page_visit("/pricing")>=3/30d`.
use super::{
    Problem,
    condition::{Sign, is_name},
    fields,
    read::Reader,
    scan::ends_word,
    tree::{Leaf, Tree},
    value::{self, OFFSET_WANTED},
};
use serde_json::{Map, Value};

const WINDOW_WANTED: &str = "days or weeks are wanted here, such as 30d or 4w";

/// How often something happened, as far as it is read.
#[derive(Default)]
struct Times {
    at_least: Option<i64>,
    at_most: Option<i64>,
}

impl Reader<'_> {
    /// `has:field`: the field is not empty.
    pub(super) fn has(&mut self) -> Result<Tree, Problem> {
        self.colon("has:email")?;
        let at = self.scan.at();
        let name = self.scan.run(is_name);
        if name.is_empty() {
            return Err(self.here("the name of a field is wanted here, as in has:email"));
        }
        let (path, _) = fields::path(&name, self.properties);
        Ok(Tree::leaf(Leaf::new(at, &path, "isNotEmpty", Value::Null)))
    }

    /// `birthday:today+7`: month and day of birth are those of that day.
    pub(super) fn birthday(&mut self, at: usize) -> Result<Tree, Problem> {
        self.colon("birthday:today")?;
        let value_at = self.scan.at();
        let text = self.scan.run(|c| !ends_word(c));
        let days = value::offset(&text).ok_or_else(|| Problem::new(value_at, OFFSET_WANTED))?;
        let leaf = Leaf::new(at, fields::DATE_OF_BIRTH, "anniversary", days);
        Ok(Tree::leaf(Leaf { value_at, ..leaf }))
    }

    /// `event:type("name")>=3/30d`: it happened so often, within the last days. Once at least if nothing else is said.
    pub(super) fn event(&mut self, at: usize) -> Result<Tree, Problem> {
        self.colon("event:page_visit>=3")?;
        let key_at = self.scan.at();
        let key = self.scan.run(is_name);
        if key.is_empty() {
            return Err(self.here("the type of an event is wanted here, as in event:page_visit"));
        }
        let mut count = Map::new();
        if self.scan.peek() == Some('(') {
            let name_at = self.scan.at();
            let [name] = <[_; 1]>::try_from(self.items()?).map_err(|_| {
                Problem::new(
                    name_at,
                    "one name is wanted here, as in event:page_visit(\"/pricing\")",
                )
            })?;
            count.insert("name".into(), name.text.into());
        }
        let value_at = self.scan.at();
        let times = self.times()?;
        for (key, bound) in [("atLeast", times.at_least), ("atMost", times.at_most)] {
            if let Some(bound) = bound {
                count.insert(key.into(), bound.into());
            }
        }
        if self.scan.take('/') {
            let away_at = self.scan.at();
            let text = self.scan.run(|c| c.is_ascii_alphanumeric());
            let away = value::distance(&text);
            let away = away.filter(|away| away["unit"] == "days" || away["unit"] == "weeks");
            let away = away.ok_or_else(|| Problem::new(away_at, WINDOW_WANTED))?;
            count.insert("within".into(), away);
        }
        if self.scan.peek().is_some_and(|c| !c.is_whitespace() && c != ')') {
            return Err(self.here("a count ends here, as in event:page_visit(\"/pricing\")>=3/30d"));
        }
        let leaf = Leaf::new(at, &format!("event.{key}"), "eventCount", Value::Object(count));
        Ok(Tree::leaf(Leaf { field_at: key_at, value_at, ..leaf }))
    }

    /// The colon that must follow such a word.
    fn colon(&mut self, example: &str) -> Result<(), Problem> {
        if !self.scan.take(':') {
            return Err(self.here(format!("`:` is wanted here, as in {example}")));
        }
        self.scan.skip_blanks();
        Ok(())
    }

    /// `>=3`, `=0`, `:2..5` or nothing.
    fn times(&mut self) -> Result<Times, Problem> {
        let at = self.scan.at();
        if let Some(ahead) = self.sign_ahead(0) {
            self.scan.advance(ahead);
        } else if !self.scan.take(':') {
            return Ok(Times { at_least: Some(1), at_most: None });
        }
        let sign = self.sign().unwrap_or(Sign::Is);
        self.scan.skip_blanks();
        let times = self.whole_number()?;
        if sign == Sign::Is && self.scan.take_text("..") {
            let at_most = self.whole_number()?;
            return Ok(Times { at_least: Some(times), at_most: Some(at_most) });
        }
        let (at_least, at_most) = match sign {
            Sign::Is => (Some(times), Some(times)),
            Sign::AtLeast => (Some(times), None),
            Sign::Above => (Some(times.saturating_add(1)), None),
            Sign::AtMost => (None, Some(times)),
            Sign::Below => (None, Some(times.saturating_sub(1))),
            Sign::IsNot => {
                return Err(Problem::new(at, "a count is asked with >=, >, <=, <, = or a range"));
            }
        };
        Ok(Times { at_least, at_most })
    }

    fn whole_number(&mut self) -> Result<i64, Problem> {
        let at = self.scan.at();
        let digits = self.scan.run(|c| c.is_ascii_digit());
        digits.parse().map_err(|_| Problem::new(at, "a whole number is wanted here"))
    }
}

/// A count as it stands in a search text, after `event:`; none if the text could not say the same.
pub fn text(key: &str, count: &Value) -> Option<String> {
    let times = |key: &str| count.get(key).and_then(Value::as_i64);
    let name = count.get("name").and_then(Value::as_str);
    let name = name.map(|name| format!("({})", value::quoted(name))).unwrap_or_default();
    let times = match (times("atLeast"), times("atMost")) {
        (Some(1), None) => String::new(),
        (Some(least), None) => format!(">={least}"),
        (None, Some(most)) => format!("<={most}"),
        (Some(least), Some(most)) if least == most => format!("={least}"),
        (Some(least), Some(most)) => format!(":{least}..{most}"),
        (None, None) => return None,
    };
    let within = count.get("within").filter(|within| !within.is_null());
    let within = match within {
        Some(within) => format!("/{}", value::distance_text(within)?),
        None => String::new(),
    };
    Some(format!("{key}{name}{times}{within}"))
}
