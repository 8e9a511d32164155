//! Leaves on texts and on words.
use super::{Bound, Side, Writer, leaf::texts};
use crate::{
    rules::{self, Leaf, Operand, Operator},
    store::dialect::Engine,
};
use serde_json::Value;

/// The words of a contact as PostgreSQL's index of them has them.
const INDEXED: &str = "array_to_tsvector(string_to_array(btrim(c.words), ' '))";
/// More words are not asked through the index.
const INDEX_WORDS_MAX: usize = 50;
/// Longer words are not asked through the index.
const INDEX_WORD_BYTES_MAX: usize = 400;

impl Writer<'_> {
    pub fn on_text(&mut self, operator: Operator, leaf: &Leaf, own: &str, side: Side) -> String {
        match (operator, &leaf.operand) {
            (Operator::Wildcard, _) => self.like(leaf, own),
            (_, Operand::Literals(wanted)) => self.on_texts(operator, own, &texts(wanted)),
            (_, Operand::Words(wanted)) => self.about_words(operator, own, wanted, side),
            _ => self.rough(side, "TRUE"),
        }
    }

    /// Whether the text is one of these, or has one of them in it, at its start or at its end.
    fn on_texts(&mut self, operator: Operator, own: &str, wanted: &[&str]) -> String {
        let part = |writer: &Self, value: &str| match operator {
            Operator::Contains => writer.has(own, value),
            Operator::StartsWith => {
                let lite = format!("substr({own}, 1, length({value})) = {value}");
                let pg = format!("starts_with({own}, {value})");
                writer.pick(&pg, &lite).to_owned()
            }
            _ => {
                let lite = format!("substr({own}, -length({value})) = {value}");
                let pg = format!("right({own}, length({value})) = {value}");
                writer.pick(&pg, &lite).to_owned()
            }
        };
        match (operator, wanted) {
            (_, []) => "FALSE".into(),
            (Operator::Equals | Operator::In, _) => self.text_in(own, wanted),
            (_, [text]) => {
                let value = self.text(text);
                part(self, &value)
            }
            _ => {
                let list = self.many(wanted);
                format!("EXISTS (SELECT 1 FROM {list} v WHERE {})", part(self, "v.value"))
            }
        }
    }

    fn has(&self, own: &str, part: &str) -> String {
        let function = self.pick("strpos", "instr");
        format!("{function}({own}, {part}) > 0")
    }

    /// Whether the text is one of these.
    pub fn text_in(&mut self, own: &str, wanted: &[&str]) -> String {
        if let [text] = wanted {
            return format!("{own} = {}", self.text(text));
        }
        let list = self.many(wanted);
        let pg = format!("{own} = ANY (ARRAY(SELECT v.value FROM {list} v))");
        let lite = format!("{own} IN (SELECT v.value FROM {list} v)");
        self.pick(&pg, &lite).to_owned()
    }

    /// A table `v` with these texts as its `value`.
    pub fn many(&mut self, texts: &[&str]) -> String {
        let all = self.put(Bound::Many(texts.iter().map(|text| Value::from(*text)).collect()));
        let (pg, lite) = (format!("jsonb_array_elements_text({all})"), format!("json_each({all})"));
        self.pick(&pg, &lite).to_owned()
    }

    fn like(&mut self, leaf: &Leaf, own: &str) -> String {
        let glob = rules::folded(leaf.value.as_str().unwrap_or_default(), leaf.case_sensitive);
        if glob.contains('\0') {
            return "FALSE".into();
        }
        let mut pattern = String::with_capacity(glob.len() + 8);
        for c in glob.chars() {
            match c {
                '*' => pattern.push('%'),
                '?' => pattern.push('_'),
                '%' | '_' | '\\' => pattern.extend(['\\', c]),
                c => pattern.push(c),
            }
        }
        format!("{own} LIKE {} ESCAPE '\\'", self.text(&pattern))
    }

    /// Words of a text: it has them in it at least, where SQL cannot tell what a letter is.
    fn about_words(
        &mut self,
        operator: Operator,
        own: &str,
        wanted: &[String],
        side: Side,
    ) -> String {
        self.is_exact = false;
        let holds: Vec<String> = wanted
            .iter()
            .map(|word| {
                let word = self.text(word);
                self.has(own, &word)
            })
            .collect();
        match (operator, side) {
            (Operator::ContainsNoWords, Side::Over) => "TRUE".into(),
            (Operator::ContainsNoWords, Side::Under) => format!("NOT ({})", either(&holds)),
            (_, Side::Under) => "FALSE".into(),
            (Operator::ContainsAnyWord, _) => either(&holds),
            _ => holds.join(" AND "),
        }
    }

    /// The words of a contact. They are kept with blanks between them, so whole words can be found.
    pub fn on_words(&mut self, operator: Operator, leaf: &Leaf, side: Side) -> String {
        let Operand::Words(wanted) = &leaf.operand else {
            return self.on_text(operator, leaf, "trim(c.words)", side);
        };
        let phrase = [wanted.join(" ")];
        let (parts, end): (&[String], &str) = match operator {
            Operator::ContainsPhrase => (&phrase, " "),
            Operator::ContainsWordPrefix => (wanted, ""),
            _ => (wanted, " "),
        };
        let holds: Vec<String> = parts
            .iter()
            .map(|part| {
                let part = self.text(&format!(" {part}{end}"));
                self.has("c.words", &part)
            })
            .collect();
        match operator {
            Operator::ContainsNoWords => format!("NOT ({})", either(&holds)),
            Operator::ContainsAnyWord => {
                format!("({}){}", either(&holds), self.indexed(operator, wanted, side))
            }
            _ => format!("{}{}", holds.join(" AND "), self.indexed(operator, wanted, side)),
        }
    }

    /// The same once more, as PostgreSQL's index of words serves it.
    fn indexed(&mut self, operator: Operator, wanted: &[String], side: Side) -> String {
        let is_apt = wanted.len() <= INDEX_WORDS_MAX
            && wanted.iter().all(|word| word.len() <= INDEX_WORD_BYTES_MAX);
        if self.engine == Engine::Sqlite || side == Side::Under || !is_apt {
            return String::new();
        }
        let end = if operator == Operator::ContainsWordPrefix { ":*" } else { "" };
        let words: Vec<String> = wanted.iter().map(|word| format!("'{word}'{end}")).collect();
        let operator = if operator == Operator::ContainsAnyWord { " | " } else { " & " };
        let query = self.text(&words.join(operator));
        format!(" AND c.words <> '' AND {INDEXED} @@ {query}::tsquery")
    }
}

fn either(parts: &[String]) -> String {
    parts.join(" OR ")
}
