//! Asking a language model what a lead's answer means: the question, the request, the reading of the reply. Nothing is sent from here.
//!
//! A model may only choose. What it chooses is looked up on the campaign's own list (or judged by its own format) by stage 6, whatever
//! the model, its server or the text of the lead say.
pub mod facts;
pub mod question;
pub mod reply;
pub mod request;

pub use facts::{Choice, LlmFacts, Usage};
pub use question::Question;
