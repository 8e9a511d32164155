//! Credentials at rest: a ring of keys wraps each workspace's data key, and the data key seals what is stored.
//!
//! What is sealed carries who may open it (`version:key id:nonce and ciphertext`) and is bound to its place (table, column, row and
//! workspace): a text that was moved to another row or workspace does not open there.
mod cipher;
mod ring;
mod ring_file;
mod sensitive;

pub use cipher::{DataKey, Place, SealError};
pub use ring::{KeyRing, RingError};
pub use ring_file::RingSource;
pub use sensitive::Sensitive;
