//! How long a workspace keeps what.
