//! Doors: the protocols by which mail servers call Postern. A door parses a request, passes it to the gate, and
//! writes the answer; it decides nothing.

pub mod listen;
pub mod policy;
pub mod workers;
