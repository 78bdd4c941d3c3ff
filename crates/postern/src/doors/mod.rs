//! Doors: protocols through which a mail server asks. A door parses, asks the gate, and writes
//! the answer; it decides nothing.

pub mod listen;
pub mod policy;
pub mod workers;
