//! Codecs: bytes to types and back. Nothing here does IO; everything that reads bytes from
//! others is fuzzed (`fuzz/`).

pub mod dsn;
pub mod maillog;
pub mod policy;
