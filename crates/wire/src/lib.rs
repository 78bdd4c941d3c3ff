//! Codecs that convert bytes to types and back. Nothing here does IO; everything that parses bytes from
//! outside is fuzzed (`fuzz/`).

pub mod dsn;
pub mod maillog;
pub mod policy;
