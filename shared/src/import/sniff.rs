//! What a file has between its cells, by its first line.

/// What may be between cells; the first is meant when the first line has none of them.
const DELIMITERS: [u8; 4] = *b",;\t|";

/// Looks at the first line that is not blank, as far as it is there.
#[derive(Debug, Default)]
pub(super) struct Sniffer {
    looked: usize,
    is_quoted: bool,
    last: Option<u8>,
    counts: [usize; DELIMITERS.len()],
}

impl Sniffer {
    /// The delimiter that the line has most of; none while its end is not there. `text` begins as it did last time.
    pub(super) fn look(&mut self, text: &[u8], at_end: bool) -> Option<u8> {
        while let Some(byte) = text.get(self.looked).copied() {
            self.looked += 1;
            if matches!(byte, b'\r' | b'\n') && !self.is_quoted {
                if self.last.is_some() {
                    return Some(self.most());
                }
                continue;
            }
            self.see(byte);
            self.last = Some(byte);
        }
        at_end.then(|| self.most())
    }

    fn see(&mut self, byte: u8) {
        let delimiter = DELIMITERS.iter().position(|one| *one == byte);
        match delimiter {
            Some(at) if !self.is_quoted => self.counts[at] += 1,
            _ if byte != b'"' => {}
            _ if self.is_quoted => self.is_quoted = false,
            // A quote opens where a cell begins; one behind a quote is a quote within quotes.
            _ => {
                self.is_quoted =
                    self.last.is_none_or(|last| last == b'"' || DELIMITERS.contains(&last));
            }
        }
    }

    fn most(&self) -> u8 {
        let most = self.counts.iter().copied().max().unwrap_or_default();
        let at = self.counts.iter().position(|count| *count == most);
        DELIMITERS[at.unwrap_or_default()]
    }
}
