//! Webhooks: who is told, the messages, and what came of them.
