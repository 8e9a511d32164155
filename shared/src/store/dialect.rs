//! One SQL text for two engines: what a text may contain beyond what both engines understand, and how it is written out.
//!
//! - `ROWS($1: id uuid, name text, at timestamptz) r` is a table made of one JSON parameter ([`super::Rows`]), a column for each
//!   name. Column types: `uuid text bigint boolean jsonb timestamptz`.
//! - `{pg: FOR UPDATE SKIP LOCKED}` and `{lite: …}` are there on that engine only.
use std::{
    collections::HashMap,
    sync::{LazyLock, RwLock},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Engine {
    Postgres,
    Sqlite,
}

/// Texts are written out once for each place in the program that holds one, so what is leaked here is bounded by the program's size.
static MEMO: LazyLock<RwLock<Written>> = LazyLock::new(RwLock::default);

/// By where a text is in the program, how long it is, and for which engine.
type Written = HashMap<(usize, usize, Engine), &'static str>;

/// The text as the engine understands it.
pub fn for_engine(text: &'static str, engine: Engine) -> &'static str {
    if !text.contains("ROWS(") && !text.contains('{') {
        return text;
    }
    let key = (text.as_ptr() as usize, text.len(), engine);
    if let Some(written) = MEMO.read().expect("no panic holds it").get(&key) {
        return written;
    }
    let written = write_out(text, engine).leak();
    MEMO.write().expect("no panic holds it").insert(key, written);
    written
}

fn write_out(text: &str, engine: Engine) -> String {
    rows(&fragments(text, engine), engine)
}

/// Keeps `{pg: …}` or `{lite: …}`.
pub(super) fn fragments(text: &str, engine: Engine) -> String {
    let (mine, other) = match engine {
        Engine::Postgres => ("{pg: ", "{lite: "),
        Engine::Sqlite => ("{lite: ", "{pg: "),
    };
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('{') {
        let end = start + rest[start..].find('}').expect("a fragment ends with }");
        out.push_str(&rest[..start]);
        if let Some(kept) = rest[start..end].strip_prefix(mine) {
            out.push_str(kept);
        } else if end == start + 1 {
            out.push_str("{}"); // an empty JSON object
        } else {
            assert!(rest[start..end].starts_with(other), "unknown fragment in {text}");
        }
        rest = &rest[end + 1..];
    }
    out + rest
}

/// Writes `ROWS($1: …) r` as the engine's own table of a JSON parameter.
fn rows(text: &str, engine: Engine) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("ROWS(") {
        let end = start + rest[start..].find(')').expect("ROWS ends with )");
        let (parameter, columns) = rest[start + 5..end].split_once(':').expect("ROWS($1: columns)");
        let after = rest[end + 1..].trim_start();
        let alias = after.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        assert!(!alias.is_empty(), "ROWS(…) needs an alias in {text}");
        out.push_str(&rest[..start]);
        out.push_str(&match engine {
            Engine::Postgres => {
                format!("json_to_recordset({parameter}) AS {alias}({})", columns.trim())
            }
            Engine::Sqlite => format!(
                "(SELECT {} FROM json_each({parameter})) AS {alias}",
                columns.split(',').map(lite_column).collect::<Vec<_>>().join(", ")
            ),
        });
        rest = &after[alias.len()..];
    }
    out + rest
}

fn lite_column(column: &str) -> String {
    let (name, kind) = column.trim().split_once(' ').expect("a column has a name and a type");
    match kind.trim() {
        "uuid" => format!("unhex(value->>'{name}', '-') AS {name}"),
        "jsonb" => format!("nullif(value->'{name}', 'null') AS {name}"),
        "text" | "bigint" | "boolean" | "timestamptz" => format!("value->>'{name}' AS {name}"),
        other => panic!("ROWS knows no type {other}"),
    }
}

/// The highest parameter number in a text.
pub fn parameters(text: &str) -> usize {
    text.split('$')
        .skip(1)
        .filter_map(|part| {
            let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            part[..digits].parse().ok()
        })
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fragment_is_there_on_its_engine_only() {
        let text = "SELECT 1 LIMIT $1{pg:  FOR UPDATE SKIP LOCKED}{lite: /* alone */}";
        assert_eq!(for_engine(text, Engine::Postgres), "SELECT 1 LIMIT $1 FOR UPDATE SKIP LOCKED");
        assert_eq!(for_engine(text, Engine::Sqlite), "SELECT 1 LIMIT $1/* alone */");
    }

    #[test]
    fn rows_become_the_engines_own_table() {
        let text = "SELECT r.id FROM ROWS($1: id uuid, n bigint) r WHERE r.n > $2";
        assert_eq!(
            for_engine(text, Engine::Postgres),
            "SELECT r.id FROM json_to_recordset($1) AS r(id uuid, n bigint) WHERE r.n > $2"
        );
        assert_eq!(
            for_engine(text, Engine::Sqlite),
            "SELECT r.id FROM (SELECT unhex(value->>'id', '-') AS id, value->>'n' AS n \
             FROM json_each($1)) AS r WHERE r.n > $2"
        );
    }

    #[test]
    fn parameters_are_counted_by_their_highest_number() {
        assert_eq!(parameters("a = $1 AND b = $12 OR c = $2"), 12);
        assert_eq!(parameters("SELECT 1"), 0);
    }
}
