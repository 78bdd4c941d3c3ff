//! Doors: the protocols by which mail servers ask Postern, and the listener for people and programs.
//!
//! `connections` has what every listener shares, `conversation` what every protocol of requests and answers shares; a
//! protocol's own file only translates between its bytes and the gate's question and verdict.

pub mod connections;
pub mod conversation;
pub mod http;
#[cfg(test)]
mod json_lines;
pub mod listen;
pub mod policy;
pub mod workers;
