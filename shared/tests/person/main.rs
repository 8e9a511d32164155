//! A person's story, merged, exported and erased, on both engines.
mod canary;
mod erasing;
mod exporting;
mod merging;
mod support;
mod timeline;
