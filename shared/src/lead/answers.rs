//! A lead's questionnaire: an object of answers by key, or a list with the questions as the person saw them.
use super::{
    Answer, KEY_MAX, TEXT_MAX, is_key,
    parts::{Problems, key_rule},
};
use serde_json::{Map, Value};

/// Answers of a questionnaire, at most.
pub const ANSWERS_MAX: usize = 200;
/// Characters of a question, at most.
pub const QUESTION_MAX: usize = 1_000;

const MEMBERS: [&str; 3] = ["key", "question", "answer"];

/// Reads either form. What is wrong is noted with paths beginning `questionnaire`.
pub fn read(given: &Value, problems: &mut Problems) -> Vec<Answer> {
    let answers = match given {
        Value::Null => return Vec::new(),
        Value::Object(map) => by_key(map, problems),
        Value::Array(list) => {
            let answers = list.iter().enumerate();
            answers.filter_map(|(at, entry)| one(at, entry, problems)).collect()
        }
        _ => {
            let rule = "must be an object of answers by key, or a list of {key, question, answer}";
            problems.say("questionnaire", rule);
            return Vec::new();
        }
    };
    problems.at_most("questionnaire", answers.len(), ANSWERS_MAX, "answers");
    answers
}

fn by_key(map: &Map<String, Value>, problems: &mut Problems) -> Vec<Answer> {
    map.iter()
        .map(|(key, answer)| {
            let path = format!("questionnaire.{key}");
            if !is_key(key) {
                problems.say(&path, key_rule());
            }
            check(&path, answer, problems);
            Answer { key: key.clone(), question: key.clone(), answer: answer.clone() }
        })
        .collect()
}

fn one(at: usize, entry: &Value, problems: &mut Problems) -> Option<Answer> {
    let path = format!("questionnaire[{at}]");
    let Some(map) = entry.as_object() else {
        problems.say(&path, "must be an object {key, question, answer}");
        return None;
    };
    for name in map.keys().filter(|name| !MEMBERS.contains(&name.as_str())) {
        let rule = "is not a known field; known here: `key`, `question`, `answer`";
        problems.say(format!("{path}.{name}"), rule);
    }
    let key = text(map, "key", &path, problems);
    let question = text(map, "question", &path, problems);
    if let Some(question) = &question {
        let length = question.chars().count();
        problems.at_most(&format!("{path}.question"), length, QUESTION_MAX, "characters");
    }
    let made = key.is_none();
    let key = key.or_else(|| question.as_deref().map(slug));
    let Some(answer) = map.get("answer") else {
        problems.say(format!("{path}.answer"), "is missing");
        return None;
    };
    check(&format!("{path}.answer"), answer, problems);
    match key {
        Some(key) if is_key(&key) => {
            let question = question.unwrap_or_else(|| key.clone());
            Some(Answer { key, question, answer: answer.clone() })
        }
        Some(_) if made => {
            let rule = "is missing, and the question has no letters to make one of";
            problems.say(format!("{path}.key"), rule);
            None
        }
        Some(_) => {
            problems.say(format!("{path}.key"), key_rule());
            None
        }
        None => {
            problems.say(&path, "needs a key or a question");
            None
        }
    }
}

/// A member that is text, if it is there.
fn text(
    map: &Map<String, Value>,
    name: &str,
    path: &str,
    problems: &mut Problems,
) -> Option<String> {
    match map.get(name) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(_) => {
            problems.say(format!("{path}.{name}"), "must be text");
            None
        }
    }
}

/// An answer is text, a number, a boolean, a list of these, or null when the question was not answered.
pub fn check(path: &str, answer: &Value, problems: &mut Problems) {
    let fits = match answer {
        Value::Object(_) => false,
        Value::Array(items) => !items.iter().any(|item| item.is_object() || item.is_array()),
        _ => true,
    };
    if fits {
        problems.texts(path, answer, TEXT_MAX);
    } else {
        problems.say(path, "must be text, a number, a boolean or a list of these");
    }
}

/// A key made of a question: its letters and digits in lower case, joined by `_`.
pub fn slug(question: &str) -> String {
    let lower = question.to_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut key = words.collect::<Vec<_>>().join("_");
    key.truncate(KEY_MAX); // ASCII only, so every place is a boundary
    key.trim_end_matches('_').to_owned()
}

/// Notes keys that appear twice; in an object they cannot.
pub fn repeated(answers: &[Answer], problems: &mut Problems) {
    for (at, answer) in answers.iter().enumerate() {
        if let Some(first) = answers[..at].iter().position(|other| other.key == answer.key) {
            let rule = format!("`{}` is the key of questionnaire[{first}] already", answer.key);
            problems.say(format!("questionnaire[{at}].key"), rule);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn keys(given: &Value) -> Result<Vec<String>, Vec<String>> {
        let mut problems = Problems::default();
        let answers = read(given, &mut problems);
        repeated(&answers, &mut problems);
        if problems.0.is_empty() {
            return Ok(answers.into_iter().map(|answer| answer.key).collect());
        }
        Err(problems.0.into_iter().map(|d| format!("{}: {}", d.path, d.message)).collect())
    }

    #[test]
    fn both_forms_are_read_and_a_missing_key_is_made_of_the_question() {
        assert_eq!(keys(&json!({"roof": "yes", "age": 40})).unwrap(), ["roof", "age"]);
        assert_eq!(
            keys(&json!([
                {"key": "roof", "question": "Do you own the roof?", "answer": "yes"},
                {"question": "What is your *monthly* bill?", "answer": [1, "two", true]},
                {"key": "empty", "answer": null}
            ]))
            .unwrap(),
            ["roof", "what_is_your_monthly_bill", "empty"]
        );
    }

    #[test]
    fn every_problem_has_its_path() {
        for (given, problem) in [
            (json!("yes"), "questionnaire: must be an object"),
            (json!({"a b": 1}), "questionnaire.a b: is no key"),
            (json!({"a": {"b": 1}}), "questionnaire.a: must be text"),
            (json!({"a": "x".repeat(5_001)}), "questionnaire.a: has 5001 characters"),
            (json!([1]), "questionnaire[0]: must be an object"),
            (json!([{"answer": 1}]), "questionnaire[0]: needs a key or a question"),
            (json!([{"key": "a"}]), "questionnaire[0].answer: is missing"),
            (
                json!([{"key": 1, "question": "x", "answer": 1}]),
                "questionnaire[0].key: must be text",
            ),
            (json!([{"key": "a", "anwser": 1, "answer": 1}]), "questionnaire[0].anwser: is not"),
            (json!([{"question": "¿?", "answer": 1}]), "questionnaire[0].key: is missing"),
            (
                json!([{"key": "a", "answer": 1}, {"key": "a", "answer": 2}]),
                "questionnaire[1].key: `a` is the key of questionnaire[0] already",
            ),
        ] {
            let problems = keys(&given).unwrap_err();
            assert!(problems[0].starts_with(problem), "{given}: {problems:?}");
        }
        let many: Map<String, Value> = (0..201).map(|n| (format!("q{n}"), json!(n))).collect();
        assert_eq!(
            keys(&Value::Object(many)).unwrap_err(),
            ["questionnaire: has 201 answers; at most 200 are allowed"]
        );
    }
}
