//! The grammar: alternatives, conditions side by side, negation, brackets, words and phrases.
use super::{
    NESTING_MAX, PHRASE_WORDS_MAX, Problem, TERMS_MAX,
    scan::{Scan, ends_word, words},
    tree::{Leaf, Tree, WORDS},
};
use crate::rules::{Combinator, Properties};

/// What a bare word with a wildcard, and a phrase, are looked for in.
pub const NAMES: [&str; 4] =
    ["contact.firstName", "contact.lastName", "contact.email", "contact.company"];

const WANTED: &str =
    "a word, a \"phrase\", a condition such as state:CA, or a group in brackets is wanted here";

/// Reads one text.
pub struct Reader<'a> {
    pub(super) scan: Scan,
    pub(super) properties: &'a Properties,
    /// Brackets that are open.
    open: usize,
    terms: usize,
}

impl<'a> Reader<'a> {
    pub fn new(text: &str, properties: &'a Properties) -> Self {
        Self { scan: Scan::new(text), properties, open: 0, terms: 0 }
    }

    /// The whole text.
    pub fn whole(mut self) -> Result<Tree, Problem> {
        let tree = self.any()?;
        match self.scan.peek() {
            None => Ok(tree),
            Some(_) => Err(self.here("`)` closes a bracket that was not opened")),
        }
    }

    pub(super) fn here(&self, message: impl Into<String>) -> Problem {
        Problem::new(self.scan.at(), message)
    }

    /// Conditions of which any must hold.
    fn any(&mut self) -> Result<Tree, Problem> {
        let at = self.scan.at();
        let mut rules = vec![self.all("")?];
        while self.reserved("OR") {
            rules.push(self.all("OR")?);
        }
        Ok(Tree::group(at, Combinator::Or, rules))
    }

    /// Conditions all of which must hold, up to `OR`, `)` or the end.
    fn all(&mut self, after: &'static str) -> Result<Tree, Problem> {
        let (at, mut after, mut rules) = (self.scan.at(), after, Vec::new());
        loop {
            self.skip_noise()?;
            if self.scan.peek().is_none_or(|c| c == ')') || self.scan.is_word("OR") {
                break;
            }
            if self.scan.is_word("AND") && !rules.is_empty() && after.is_empty() {
                self.reserved("AND");
                after = "AND";
                continue;
            }
            let tree = self.one()?;
            join(&mut rules, tree, !after.is_empty());
            after = "";
        }
        if rules.is_empty() || !after.is_empty() {
            return Err(self.wanted());
        }
        Ok(Tree::group(at, Combinator::And, rules))
    }

    /// Reads the reserved word if it is next.
    fn reserved(&mut self, word: &str) -> bool {
        let is_next = self.scan.is_word(word);
        if is_next {
            self.scan.advance(word.len());
        }
        is_next
    }

    /// Passes over blanks, and over what is neither word nor sign, such as the `&` of `Smith & Sons`.
    fn skip_noise(&mut self) -> Result<(), Problem> {
        loop {
            self.scan.skip_blanks();
            let token = self.scan.ahead(|c| !ends_word(c));
            let length = token.chars().count();
            let meant = token.contains(|c: char| c.is_alphanumeric() || matches!(c, '*' | '?'));
            let negates = token.ends_with('-')
                && self.scan.peek_at(length).is_some_and(|c| matches!(c, '(' | '"'));
            if token.is_empty() || meant || negates {
                return Ok(());
            }
            if token.contains(['<', '>', '=', ':']) {
                return Err(self.here("the name of a field is wanted before this sign"));
            }
            self.scan.advance(length);
        }
    }

    /// One condition, negated or not.
    fn one(&mut self) -> Result<Tree, Problem> {
        self.terms += 1;
        if self.terms > TERMS_MAX {
            return Err(self.here(format!("a search has at most {TERMS_MAX} terms")));
        }
        let mut not = false;
        loop {
            let next = self.scan.peek_at(1);
            if self.scan.peek() == Some('-') && next.is_some_and(|c| !c.is_whitespace()) {
                self.scan.advance(1);
            } else if self.reserved("NOT") {
                self.scan.skip_blanks();
            } else {
                break;
            }
            not = !not;
        }
        let tree = self.primary()?;
        Ok(if not { tree.negated() } else { tree })
    }

    fn primary(&mut self) -> Result<Tree, Problem> {
        match self.scan.peek() {
            None | Some(')') => Err(self.wanted()),
            Some('(') => self.brackets(),
            Some('"') => self.phrase(),
            Some(c @ ('*' | '?')) => Err(self.leading(c)),
            Some(_) if self.scan.is_word("AND") || self.scan.is_word("OR") => Err(self.wanted()),
            Some(_) => match self.condition()? {
                Some(tree) => Ok(tree),
                None => self.word(),
            },
        }
    }

    fn brackets(&mut self) -> Result<Tree, Problem> {
        let at = self.scan.at();
        self.open += 1;
        if self.open > NESTING_MAX {
            return Err(self.here(format!("brackets are nested at most {NESTING_MAX} deep")));
        }
        self.scan.advance(1);
        let tree = self.any()?;
        if !self.scan.take(')') {
            return Err(Problem::new(at, "this bracket is not closed"));
        }
        self.open -= 1;
        Ok(tree)
    }

    /// The refusal of a wildcard at the beginning of a word.
    pub(super) fn leading(&self, wildcard: char) -> Problem {
        self.here(format!(
            "`{wildcard}` may not be the first character; letters go before it, as in Smi*"
        ))
    }

    /// Nothing that can stand here is here.
    fn wanted(&self) -> Problem {
        let found = match self.scan.peek() {
            None if self.scan.at() == 0 => return self.here("the search is empty"),
            None => "the search ends",
            Some(')') => "a bracket closes",
            Some(_) if self.scan.is_word("AND") => "AND stands",
            Some(_) if self.scan.is_word("OR") => "OR stands",
            Some(_) => "something else stands",
        };
        self.here(format!("{found} where it cannot: {WANTED}"))
    }

    /// A bare word, with or without wildcards.
    fn word(&mut self) -> Result<Tree, Problem> {
        let at = self.scan.at();
        let token = self.scan.run(|c| !ends_word(c));
        let stem = token.strip_suffix('*').unwrap_or(&token);
        let own = words(stem);
        if own.is_empty() {
            return Err(Problem::new(at, WANTED));
        }
        if stem.contains(['*', '?']) {
            return Ok(wildcard(at, &token));
        }
        let text = own.join(" ");
        Ok(match stem.len() == token.len() {
            true => Tree::Words { at, text },
            false => Tree::leaf(Leaf::new(at, WORDS, "containsWordPrefix", text)),
        })
    }

    /// A phrase; one of a single word is that word.
    fn phrase(&mut self) -> Result<Tree, Problem> {
        let at = self.scan.at();
        let text = self.quoted()?;
        let own = words(&text);
        match own.as_slice() {
            [] => Err(Problem::new(at, "a phrase needs a letter or a digit")),
            [word] => Ok(Tree::Words { at, text: (*word).to_owned() }),
            several if several.len() > PHRASE_WORDS_MAX => {
                let message = format!("a phrase has at most {PHRASE_WORDS_MAX} words");
                Err(Problem::new(at, message))
            }
            several => Ok(phrase(at, several)),
        }
    }

    /// A text in quotation marks; `\"` stands for one, `\\` for a backslash.
    pub(super) fn quoted(&mut self) -> Result<String, Problem> {
        let (at, mut text) = (self.scan.at(), String::new());
        self.scan.advance(1);
        loop {
            let Some(mut c) = self.scan.peek() else {
                return Err(Problem::new(at, "this quotation mark is not closed"));
            };
            self.scan.advance(1);
            if c == '"' {
                return Ok(text);
            }
            if let ('\\', Some(escaped @ ('\\' | '"'))) = (c, self.scan.peek()) {
                self.scan.advance(1);
                c = escaped;
            }
            text.push(c);
        }
    }
}

/// Adds a condition. Words side by side, with no AND between them, are one.
fn join(rules: &mut Vec<Tree>, tree: Tree, apart: bool) {
    if let (Some(Tree::Words { text, .. }), Tree::Words { text: more, .. }, false) =
        (rules.last_mut(), &tree, apart)
    {
        text.push(' ');
        text.push_str(more);
        return;
    }
    rules.push(tree);
}

/// A pattern that a name, the email or the company must fit as a whole.
fn wildcard(at: usize, pattern: &str) -> Tree {
    let leaf = |field: &&str| Tree::leaf(Leaf::new(at, field, "wildcard", pattern));
    Tree::group(at, Combinator::Or, NAMES.iter().map(leaf).collect())
}

/// Words in a row in one of the names, the email or the company, or the first of them in the first name and the rest in the last name.
///
/// That all are words of the contact follows from it. It is asked first, because an index answers it.
fn phrase(at: usize, own: &[&str]) -> Tree {
    let part = |field: &str, words: &[&str]| {
        Tree::leaf(Leaf::new(at, field, "containsPhrase", words.join(" ")))
    };
    let whole = NAMES.iter().map(|field| part(field, own));
    let halves = (1..own.len()).map(|cut| {
        let (first, last) = own.split_at(cut);
        let both = vec![part(NAMES[0], first), part(NAMES[1], last)];
        Tree::group(at, Combinator::And, both)
    });
    let somewhere = Tree::group(at, Combinator::Or, whole.chain(halves).collect());
    let words = Tree::Words { at, text: own.join(" ") };
    Tree::group(at, Combinator::And, vec![words, somewhere])
}
