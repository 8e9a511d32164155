//! From JSON to the tree, with a path for every problem, and back.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value, json};

use super::catalogue::About;
use super::field::Field;
use super::literal::{self, Context};
use super::operator::{Operator, Takes};
use super::{Combinator, Group, Leaf, Node, Problem, Rule, leadsail};

/// Groups may stand in one another this deep; the outermost counts as 1.
pub const DEPTH_MAX: usize = 8;
/// A rule has at most this many leaves.
pub const LEAVES_MAX: usize = 200;
/// Parsing stops after this many problems: nobody reads more, and a hostile rule has millions.
pub const PROBLEMS_MAX: usize = 50;

const GROUP_KEYS: &[&str] = &["combinator", "not", "rules"];
const LEAF_KEYS: &[&str] =
    &["field", "operator", "value", "includeEmpty", "caseSensitive", "valueSet"];

impl Rule {
    /// Reads a group, a single leaf, or the shape of `leadsail.rs`. Every problem found is returned, in the order of the JSON,
    /// up to [`PROBLEMS_MAX`].
    pub fn parse(value: &Value) -> Result<Self, Vec<Problem>> {
        Self::parse_about(value, About::Lead)
    }

    /// The same for a rule about something else than a lead.
    pub fn parse_about(value: &Value, about: About<'_>) -> Result<Self, Vec<Problem>> {
        let mut parser = Parser { problems: Vec::new(), leaves: 0, about };
        match parser.node(value, "", 1) {
            Some(root) if parser.problems.is_empty() => Ok(Self { root }),
            _ => Err(parser.problems),
        }
    }

    /// Writes the rule with canonical operator names; `parse` reads it back as an equal rule.
    pub fn to_value(&self) -> Value {
        self.root.to_value()
    }
}

impl Node {
    fn to_value(&self) -> Value {
        match self {
            Self::Group(group) => {
                let combinator = match group.combinator {
                    Combinator::And => "and",
                    Combinator::Or => "or",
                };
                let rules: Vec<Value> = group.rules.iter().map(Self::to_value).collect();
                json!({"combinator": combinator, "not": group.not, "rules": rules})
            }
            Self::Leaf(leaf) => leaf.to_value(),
        }
    }
}

impl Leaf {
    fn to_value(&self) -> Value {
        let mut out = json!({"field": self.field.path(), "operator": self.operator});
        if self.operator.row().takes == Takes::ValueSet {
            out["valueSet"] = self.value.clone();
        } else if !self.value.is_null() {
            out["value"] = self.value.clone();
        }
        for (key, on) in
            [("includeEmpty", self.include_empty), ("caseSensitive", self.case_sensitive)]
        {
            if on {
                out[key] = json!(true);
            }
        }
        out
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::parse(&value).map_err(|problems| match problems.first() {
            Some(problem) => de::Error::custom(problem),
            None => de::Error::custom("the rule cannot be read"),
        })
    }
}

pub(super) struct Parser<'a> {
    about: About<'a>,
    pub(super) problems: Vec<Problem>,
    leaves: usize,
}

impl Parser<'_> {
    /// Notes a problem at `path.key`.
    pub(super) fn refuse(&mut self, path: &str, key: &str, message: impl Into<String>) {
        if self.problems.len() < PROBLEMS_MAX {
            let dot = if path.is_empty() || key.is_empty() { "" } else { "." };
            let path = format!("{path}{dot}{key}");
            self.problems.push(Problem { path, message: message.into() });
        }
    }

    fn node(&mut self, value: &Value, path: &str, depth: usize) -> Option<Node> {
        let Some(map) = value.as_object() else {
            self.refuse(path, "", "must be an object: a group with `rules` or a leaf with `field`");
            return None;
        };
        if leadsail::is_so_written(map) {
            return self.leadsail(map, path, depth).map(Node::Group);
        }
        if map.contains_key("rules") || map.contains_key("combinator") {
            return self.group(map, path, depth).map(Node::Group);
        }
        self.counted_leaf(map, path)
    }

    /// A leaf, if there are not too many already.
    pub(super) fn counted_leaf(&mut self, map: &Map<String, Value>, path: &str) -> Option<Node> {
        self.leaves += 1;
        if self.leaves > LEAVES_MAX {
            if self.leaves == LEAVES_MAX + 1 {
                self.refuse(path, "", format!("a rule has at most {LEAVES_MAX} leaves"));
            }
            return None;
        }
        self.leaf(map, path).map(|leaf| Node::Leaf(Box::new(leaf)))
    }

    /// Whether a group stands too deep, which is noted.
    pub(super) fn is_too_deep(&mut self, path: &str, depth: usize) -> bool {
        if depth > DEPTH_MAX {
            self.refuse(path, "", format!("groups are nested at most {DEPTH_MAX} deep"));
        }
        depth > DEPTH_MAX
    }

    fn group(&mut self, map: &Map<String, Value>, path: &str, depth: usize) -> Option<Group> {
        if self.is_too_deep(path, depth) {
            return None;
        }
        self.known_keys(map, path, GROUP_KEYS, "a group");
        let combinator = self.combinator(map, path);
        let not = self.flag(map, path, "not");
        let Some(items) = map.get("rules").and_then(Value::as_array) else {
            self.refuse(path, "rules", "must be an array of groups and leaves");
            return None;
        };
        if items.is_empty() {
            self.refuse(path, "rules", "must not be empty: a group needs at least one condition");
        }
        let mut rules = Vec::new();
        for (index, item) in items.iter().enumerate() {
            if self.problems.len() >= PROBLEMS_MAX || self.leaves > LEAVES_MAX {
                break;
            }
            let dot = if path.is_empty() { "" } else { "." };
            rules.extend(self.node(item, &format!("{path}{dot}rules[{index}]"), depth + 1));
        }
        Some(Group { combinator: combinator?, not, rules })
    }

    fn combinator(&mut self, map: &Map<String, Value>, path: &str) -> Option<Combinator> {
        match map.get("combinator").and_then(Value::as_str) {
            Some(word) if word.eq_ignore_ascii_case("and") => Some(Combinator::And),
            Some(word) if word.eq_ignore_ascii_case("or") => Some(Combinator::Or),
            _ => {
                self.refuse(path, "combinator", "must be \"and\" or \"or\"");
                None
            }
        }
    }

    fn leaf(&mut self, map: &Map<String, Value>, path: &str) -> Option<Leaf> {
        self.known_keys(map, path, LEAF_KEYS, "a leaf");
        let field = self.field(map, path);
        let operator = self.operator(map, path);
        let include_empty = self.flag(map, path, "includeEmpty");
        let case_sensitive = self.flag(map, path, "caseSensitive");
        let (field, operator) = (field?, operator?);
        let row = operator.row();
        if !row.kinds.contains(&field.kind()) {
            let kinds: Vec<&str> = row.kinds.iter().map(|kind| kind.name()).collect();
            let (name, path_read) = (row.name, field.path());
            let message = format!(
                "`{name}` does not apply to `{path_read}`, which is of type {}; it applies to {}",
                field.kind().name(),
                kinds.join(", ")
            );
            self.refuse(path, "operator", message);
            return None;
        }
        let (key, other) = match row.takes {
            Takes::ValueSet => ("valueSet", "value"),
            _ => ("value", "valueSet"),
        };
        if !literal::is_nothing(map.get(other).unwrap_or(&Value::Null)) {
            self.refuse(path, other, format!("does not belong to `{}`", row.name));
        }
        let written = map.get(key).unwrap_or(&Value::Null);
        match literal::operand(
            written,
            Context { field: &field, operator, case_sensitive, about: self.about },
        ) {
            Ok(operand) => {
                let value = literal::kept(written, row.takes).clone();
                Some(Leaf { field, operator, value, operand, include_empty, case_sensitive })
            }
            Err(message) => {
                self.refuse(path, key, message);
                None
            }
        }
    }

    fn field(&mut self, map: &Map<String, Value>, path: &str) -> Option<Field> {
        let Some(name) = map.get("field").and_then(Value::as_str) else {
            self.refuse(path, "field", "must be the path of a field, such as `address.state`");
            return None;
        };
        Field::parse_about(name, self.about)
            .map_err(|message| self.refuse(path, "field", message))
            .ok()
    }

    fn operator(&mut self, map: &Map<String, Value>, path: &str) -> Option<Operator> {
        let Some(name) = map.get("operator").and_then(Value::as_str) else {
            self.refuse(path, "operator", "must be the name of an operator, such as `equals`");
            return None;
        };
        let operator = Operator::named(name);
        if operator.is_none() {
            self.refuse(path, "operator", format!("unknown operator `{}`", literal::cut(name)));
        }
        operator
    }

    /// A boolean that is false when missing.
    fn flag(&mut self, map: &Map<String, Value>, path: &str, key: &str) -> bool {
        match map.get(key) {
            None | Some(Value::Bool(false)) => false,
            Some(Value::Bool(true)) => true,
            Some(_) => {
                self.refuse(path, key, "must be true or false");
                false
            }
        }
    }

    pub(super) fn known_keys(
        &mut self,
        map: &Map<String, Value>,
        path: &str,
        known: &[&str],
        what: &str,
    ) {
        for key in map.keys().filter(|key| !known.contains(&key.as_str())) {
            let key = literal::cut(key);
            let message = format!("unknown key, {what} has {}", known.join(", "));
            self.refuse(path, &key, message);
        }
    }
}
