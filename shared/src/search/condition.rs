//! Conditions on fields: `state:CA`, `age>=18`, `state:(CA, NY)`, `created:last30d`, `company:contains(acme)`.
use super::{
    Problem,
    fields::{self, Edge},
    read::Reader,
    scan::ends_word,
    tree::{Flags, Leaf, Tree},
    value::{self, DISTANCE_WANTED, OFFSET_WANTED, PERIOD_WANTED},
};
use crate::rules::{Kind, Operator, Takes};
use serde_json::Value;

/// What stands between a field and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    Is,
    IsNot,
    Above,
    AtLeast,
    Below,
    AtMost,
}

/// Longer signs stand before those that they begin with.
const SIGNS: [(&str, Sign); 7] = [
    (">=", Sign::AtLeast),
    ("<=", Sign::AtMost),
    ("!=", Sign::IsNot),
    ("==", Sign::Is),
    (">", Sign::Above),
    ("<", Sign::Below),
    ("=", Sign::Is),
];

/// A condition up to its value.
pub struct Head {
    path: String,
    kind: Kind,
    at: usize,
    sign_at: usize,
    sign: Sign,
}

/// A value, and where it stands.
pub struct Given {
    pub text: String,
    pub at: usize,
}

impl Head {
    fn leaf(&self, operator: &'static str, value: impl Into<Value>, value_at: usize) -> Leaf {
        Leaf {
            field: self.path.clone(),
            operator,
            value: value.into(),
            flags: Flags::default(),
            field_at: self.at,
            operator_at: self.sign_at,
            value_at,
        }
    }

    fn is_dated(&self) -> bool {
        matches!(self.kind, Kind::Date | Kind::DateTime)
    }

    /// The condition with one literal value.
    fn plain(&self, given: &Given) -> Leaf {
        let literal = value::literal(&given.text, self.kind);
        let members = self.kind == Kind::Members;
        let operator = match self.sign {
            Sign::Is if members => "memberOf",
            Sign::Is => "equals",
            Sign::IsNot if members => "notMemberOf",
            Sign::IsNot => "notEquals",
            Sign::Above => "greaterThan",
            Sign::AtLeast => "greaterOrEqual",
            Sign::Below => "lessThan",
            Sign::AtMost => "lessOrEqual",
        };
        self.leaf(operator, literal, given.at)
    }

    /// The condition with a value that has a meaning beyond itself, if it has one.
    fn special(&self, given: &Given) -> Result<Option<Leaf>, Problem> {
        let Given { text, at } = given;
        let leaf = |operator, value| Ok(Some(self.leaf(operator, value, *at)));
        if self.is_dated() && matches!(self.sign, Sign::Above | Sign::Below) {
            let Some(away) = value::distance(text) else { return Ok(None) };
            return leaf(if self.sign == Sign::Above { "olderThan" } else { "inLast" }, away);
        }
        if self.sign != Sign::Is {
            return Ok(None);
        }
        if text == "*" {
            return leaf("isNotEmpty", Value::Null);
        }
        if self.is_dated()
            && let Some((operator, value)) = value::date_word(text)
        {
            return leaf(operator, value);
        }
        match text.split_once("..") {
            Some((low, high)) if self.is_dated() || self.kind == Kind::Number => {
                self.range(low, high, *at).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn range(&self, low: &str, high: &str, at: usize) -> Result<Leaf, Problem> {
        let bound = |text: &str| value::literal(text, self.kind);
        Ok(match (low, high) {
            ("", "") => return Err(Problem::new(at, "a range needs a bound, as in 18..65")),
            (low, "") => self.leaf("greaterOrEqual", bound(low), at),
            ("", high) => self.leaf("lessOrEqual", bound(high), at),
            (low, high) => self.leaf("between", vec![bound(low), bound(high)], at),
        })
    }
}

/// Characters of the names of fields and events.
pub fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')
}

impl Reader<'_> {
    /// A condition on a field, if a field's name and a sign come next.
    pub(super) fn condition(&mut self) -> Result<Option<Tree>, Problem> {
        let (at, name) = (self.scan.at(), self.scan.ahead(is_name));
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Ok(None);
        }
        let has_colon = self.scan.peek_at(name.len()) == Some(':');
        let Some(ahead) =
            self.sign_ahead(name.len()).filter(|_| !has_colon).or(has_colon.then_some(name.len()))
        else {
            return Ok(None);
        };
        self.scan.advance(ahead);
        let sign_at = self.scan.at();
        match name.to_ascii_lowercase().as_str() {
            fields::HAS => return self.has().map(Some),
            fields::EVENT => return self.event(at).map(Some),
            fields::BIRTHDAY => return self.birthday(at).map(Some),
            _ => {}
        }
        if self.scan.take(':') {
            self.scan.skip_blanks();
        }
        let sign = self.sign().unwrap_or(Sign::Is);
        let (path, edge) = fields::path(&name, self.properties);
        let sign = match (edge, sign) {
            (None, sign) => sign,
            (Some(Edge::From), Sign::Is) => Sign::AtLeast,
            (Some(Edge::To), Sign::Is) => Sign::AtMost,
            _ => return Err(Problem::new(sign_at, format!("`{name}` goes with `:` or `=`"))),
        };
        let kind = fields::kind(&path, self.properties);
        self.valued(&Head { path, kind, at, sign_at, sign }).map(|leaf| Some(Tree::leaf(leaf)))
    }

    /// Characters up to a sign that comes after so many, blanks between them allowed.
    pub(super) fn sign_ahead(&self, after: usize) -> Option<usize> {
        let mut ahead = after;
        while self.scan.peek_at(ahead).is_some_and(char::is_whitespace) {
            ahead += 1;
        }
        let comes = (self.scan.peek_at(ahead), self.scan.peek_at(ahead + 1));
        matches!(comes, (Some('<' | '>' | '='), _) | (Some('!'), Some('='))).then_some(ahead)
    }

    /// Reads a sign if one is next.
    pub(super) fn sign(&mut self) -> Option<Sign> {
        SIGNS.iter().find(|(text, _)| self.scan.take_text(text)).map(|(_, sign)| *sign)
    }

    fn valued(&mut self, head: &Head) -> Result<Leaf, Problem> {
        self.scan.skip_blanks();
        let at = self.scan.at();
        match self.scan.peek() {
            None | Some(')') => Err(self.here("a value is wanted here, or * for any")),
            Some('(') => self.list(head),
            Some('"') => Ok(head.plain(&Given { text: self.quoted()?, at })),
            Some(_) => self.bare(head),
        }
    }

    /// A value without quotation marks, or an operator by its name.
    fn bare(&mut self, head: &Head) -> Result<Leaf, Problem> {
        let at = self.scan.at();
        let patterned = head.kind == Kind::Text && head.sign == Sign::Is;
        if let Some(c @ ('*' | '?')) = self.scan.peek()
            && patterned
            && !self.scan.is_word("*")
        {
            return Err(self.leading(c));
        }
        let given = Given { text: self.scan.run(|c| !ends_word(c)), at };
        if head.sign == Sign::Is && self.scan.peek() == Some('(') {
            return self.call(head, &given);
        }
        if let Some(leaf) = head.special(&given)? {
            return Ok(leaf);
        }
        let stem = given.text.strip_suffix('*').unwrap_or(&given.text);
        Ok(if patterned && stem.contains(['*', '?']) {
            head.leaf("wildcard", given.text.as_str(), at)
        } else if patterned && stem.len() < given.text.len() {
            head.leaf("startsWith", stem, at)
        } else {
            head.plain(&given)
        })
    }

    fn list(&mut self, head: &Head) -> Result<Leaf, Problem> {
        let at = self.scan.at();
        let operator = match (head.sign, head.kind) {
            (Sign::Is, Kind::Members) => "memberOf",
            (Sign::IsNot, Kind::Members) => "notMemberOf",
            (Sign::Is, Kind::Boolean) => "equals",
            (Sign::IsNot, Kind::Boolean) => "notEquals",
            (Sign::Is, _) => "in",
            (Sign::IsNot, _) => "notIn",
            _ => return Err(Problem::new(head.sign_at, "a list goes with `:`, `=` or `!=`")),
        };
        let items = self.items()?;
        let items = items.iter().map(|item| value::literal(&item.text, head.kind));
        Ok(head.leaf(operator, items.collect::<Vec<_>>(), at))
    }

    /// Values in brackets, with commas between them. One without quotation marks may have blanks in it.
    pub(super) fn items(&mut self) -> Result<Vec<Given>, Problem> {
        let (open_at, mut items) = (self.scan.at(), Vec::new());
        let open = || Problem::new(open_at, "this bracket is not closed");
        self.scan.advance(1);
        self.scan.skip_blanks();
        if self.scan.take(')') {
            return Ok(items);
        }
        loop {
            self.scan.skip_blanks();
            let at = self.scan.at();
            let text = match self.scan.peek() {
                Some('"') => self.quoted()?,
                _ => self.scan.run(|c| !matches!(c, ',' | '(' | ')' | '"')).trim_end().to_owned(),
            };
            let is_quoted = self.scan.at() > at;
            if !is_quoted && text.is_empty() {
                let wanted = self.scan.peek().map(|_| self.here("a value is wanted here"));
                return Err(wanted.unwrap_or_else(open));
            }
            items.push(Given { text, at });
            self.scan.skip_blanks();
            match self.scan.peek() {
                Some(',') => self.scan.advance(1),
                Some(')') => {
                    self.scan.advance(1);
                    return Ok(items);
                }
                Some(_) => return Err(self.here("a comma or `)` is wanted here")),
                None => return Err(open()),
            }
        }
    }

    /// An operator by its name, as in `state:notIn/empty(CA, NY)`.
    fn call(&mut self, head: &Head, name: &Given) -> Result<Leaf, Problem> {
        let mut parts = name.text.split('/');
        let operator = parts.next().and_then(Operator::named).ok_or_else(|| {
            let message = "there is no operator of this name; a text with brackets in it needs quotation marks";
            Problem::new(name.at, message)
        })?;
        let mut flags = Flags::default();
        for part in parts {
            match part {
                "empty" => flags.include_empty = true,
                "case" => flags.case_sensitive = true,
                _ => {
                    let message = "only /empty and /case may follow the name of an operator";
                    return Err(Problem::new(name.at, message));
                }
            }
        }
        let value_at = self.scan.at();
        let items = self.items()?;
        let value = self.argument(operator.row().takes, head.kind, &items, value_at)?;
        let leaf = head.leaf(operator.row().name, value, value_at);
        Ok(Leaf { flags, operator_at: name.at, ..leaf })
    }

    /// What stands in the brackets, in the form that the operator takes. What does not fit is left to the rule parser to refuse.
    fn argument(
        &self,
        takes: Takes,
        kind: Kind,
        items: &[Given],
        at: usize,
    ) -> Result<Value, Problem> {
        let first = items.first().map_or("", |item| item.text.as_str());
        let read = |read: Option<Value>, wanted: &str| {
            let read = read.filter(|_| items.len() == 1);
            read.ok_or_else(|| Problem::new(items.first().map_or(at, |item| item.at), wanted))
        };
        let kind = match takes {
            Takes::OneOrMore | Takes::Bound | Takes::Range => kind,
            _ => Kind::Text,
        };
        match takes {
            Takes::Window => read(value::distance(first), DISTANCE_WANTED),
            Takes::Period => read(value::period(first), PERIOD_WANTED),
            Takes::DayOffset => read(value::offset(first), OFFSET_WANTED),
            Takes::FieldPath if items.len() == 1 => {
                Ok(fields::path(first, self.properties).0.into())
            }
            Takes::Nothing if items.is_empty() => Ok(Value::Null),
            Takes::Count => Err(Problem::new(
                at,
                "counts are written as in event:page_visit(\"/pricing\")>=3/30d",
            )),
            _ => {
                let all = items.iter().map(|item| value::literal(&item.text, kind));
                let mut all: Vec<Value> = all.collect();
                Ok(if all.len() == 1 { all.remove(0) } else { Value::Array(all) })
            }
        }
    }
}
