//! Imports: files in parts, and what becomes of them.
