//! The bytes of a file as text: UTF-8 with or without a byte order mark, or UTF-16 with one.
use super::split::SplitError;
use encoding_rs::{DecoderResult, UTF_8};

/// Turns bytes into text, slice by slice; a character may lie across two of them.
pub(super) struct Decoder {
    // Looks for a byte order mark by itself.
    inner: encoding_rs::Decoder,
    /// Lines that are complete.
    lines: u64,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { inner: UTF_8.new_decoder(), lines: 0 }
    }
}

impl Decoder {
    /// Appends the text of the next bytes to `out`.
    pub(super) fn decode(
        &mut self,
        mut bytes: &[u8],
        at_end: bool,
        out: &mut String,
    ) -> Result<(), SplitError> {
        let begin = out.len();
        loop {
            let room = self.inner.max_utf8_buffer_length_without_replacement(bytes.len());
            out.reserve(room.unwrap_or(bytes.len()).max(16));
            let (result, read) =
                self.inner.decode_to_string_without_replacement(bytes, out, at_end);
            bytes = &bytes[read..];
            match result {
                DecoderResult::InputEmpty => break,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => {
                    return Err(SplitError::NotText { line: self.line(&out[begin..]) });
                }
            }
        }
        let fresh = &out[begin..];
        if let Some(at) = fresh.find('\0') {
            return Err(SplitError::Nul { line: self.line(&fresh[..at]) });
        }
        self.lines += newlines(fresh);
        Ok(())
    }

    /// The line in which something is that follows `fresh`; counted from 1.
    fn line(&self, fresh: &str) -> u64 {
        self.lines + newlines(fresh) + 1
    }
}

pub(super) fn newlines(text: &str) -> u64 {
    text.bytes().filter(|byte| *byte == b'\n').count() as u64
}
