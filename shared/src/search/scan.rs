//! A cursor over the characters of a search text.

/// The text, and how far it is read.
pub struct Scan {
    chars: Vec<char>,
    at: usize,
}

impl Scan {
    pub fn new(text: &str) -> Self {
        Self { chars: text.chars().collect(), at: 0 }
    }

    /// Characters read.
    pub fn at(&self) -> usize {
        self.at
    }

    pub fn peek(&self) -> Option<char> {
        self.peek_at(0)
    }

    /// The character that many further on.
    pub fn peek_at(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    pub fn advance(&mut self, characters: usize) {
        self.at = (self.at + characters).min(self.chars.len());
    }

    /// Reads the character if it is next.
    pub fn take(&mut self, wanted: char) -> bool {
        let is_next = self.peek() == Some(wanted);
        self.advance(usize::from(is_next));
        is_next
    }

    pub fn skip_blanks(&mut self) {
        let blanks = self.blanks();
        self.advance(blanks);
    }

    /// How many blanks come next.
    pub fn blanks(&self) -> usize {
        self.chars[self.at..].iter().take_while(|c| c.is_whitespace()).count()
    }

    /// The characters that come next while they fit.
    pub fn ahead(&self, fits: impl Fn(char) -> bool) -> String {
        self.chars[self.at..].iter().copied().take_while(|c| fits(*c)).collect()
    }

    /// Reads characters while they fit.
    pub fn run(&mut self, fits: impl Fn(char) -> bool) -> String {
        let run = self.ahead(fits);
        self.at += run.chars().count();
        run
    }

    /// Whether exactly this word comes next.
    pub fn is_word(&self, word: &str) -> bool {
        let length = word.chars().count();
        word.chars().enumerate().all(|(ahead, c)| self.peek_at(ahead) == Some(c))
            && self.peek_at(length).is_none_or(ends_word)
    }

    /// Whether exactly this text comes next; if so, it is read.
    pub fn take_text(&mut self, text: &str) -> bool {
        let is_next = text.chars().enumerate().all(|(ahead, c)| self.peek_at(ahead) == Some(c));
        if is_next {
            self.advance(text.chars().count());
        }
        is_next
    }
}

/// Whether a bare word ends before this character.
pub fn ends_word(c: char) -> bool {
    c.is_whitespace() || matches!(c, '(' | ')' | '"')
}

/// The runs of letters and digits in a text, as they are written.
pub fn words(text: &str) -> Vec<&str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect()
}
